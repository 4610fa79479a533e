//! The definition in the terms of OpenAPI 3.0, for clients and validators that know no other.

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

/// Turns a definition of OpenAPI 3.1 into one of 3.0.3, whose schemas are an older dialect of JSON Schema.
///
/// What the older one cannot say is said more widely: a value of several types is one of several schemas, a constant an enumeration
/// of one, a tuple an array.
pub fn to_openapi30(definition: &Value) -> Value {
    let mut value = definition.clone();
    value["openapi"] = "3.0.3".into();
    if let Some(root) = value.as_object_mut() {
        root.remove("jsonSchemaDialect");
        root.remove("webhooks");
    }
    if let Some(info) = value["info"].as_object_mut() {
        info.remove("summary");
        if let Some(license) = info.get_mut("license").and_then(Value::as_object_mut) {
            license.remove("identifier");
            license.entry("url").or_insert_with(|| LICENSES.into());
        }
    }
    walk(&mut value);
    let types = types_of(&value["components"]["schemas"]);
    name_types(&mut value, &types);
    value
}

/// Where licences stand by their identifiers, which 3.0 does not know.
const LICENSES: &str = "https://spdx.org/licenses/";

const SCHEMAS: &str = "#/components/schemas/";

/// Returns the types of named schemas, by what refers to them.
fn types_of(schemas: &Value) -> FxHashMap<String, Value> {
    // What is put together of parts is an object, as the parts are.
    let kind = |schema: &Value| schema.get("type").cloned().or_else(|| schema.get("allOf").map(|_| "object".into()));
    let typed = schemas.as_object().into_iter().flatten().filter_map(|(name, schema)| Some((name, kind(schema)?)));
    typed.map(|(name, kind)| (format!("{SCHEMAS}{name}"), kind)).collect()
}

/// Gives a schema that may be null the type of the one that it refers to: in 3.0 null is allowed beside a type only.
fn name_types(value: &mut Value, types: &FxHashMap<String, Value>) {
    if let Some(members) = value.as_object_mut()
        && members.contains_key("nullable")
        && !members.contains_key("type")
        && let Some(kind) = members.get("allOf").and_then(|all| types.get(all[0]["$ref"].as_str()?)).cloned()
    {
        members.insert("type".into(), kind);
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(|member| name_types(member, types)),
        Value::Array(items) => items.iter_mut().for_each(|item| name_types(item, types)),
        _ => {}
    }
}

fn walk(value: &mut Value) {
    match value {
        Value::Object(members) => {
            lower(members);
            // Examples are data, not schemas.
            members
                .iter_mut()
                .filter(|(name, _)| !matches!(name.as_str(), "example" | "examples" | "default" | "enum"))
                .for_each(|(_, member)| walk(member));
        }
        Value::Array(items) => items.iter_mut().for_each(walk),
        _ => {}
    }
}

fn lower(members: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = members.get("type").cloned() {
        let mut types: Vec<Value> = types;
        let count = types.len();
        types.retain(|name| name != "null");
        if types.len() < count {
            members.insert("nullable".into(), true.into());
        }
        match types.as_slice() {
            [one] => drop(members.insert("type".into(), one.clone())),
            _ => {
                members.remove("type");
                members.insert("anyOf".into(), types.iter().map(|name| json!({ "type": name })).collect());
            }
        }
    }
    for choice in ["oneOf", "anyOf"] {
        let Some(Value::Array(schemas)) = members.get_mut(choice) else { continue };
        let count = schemas.len();
        schemas.retain(|schema| schema["type"] != "null");
        let (has_null, is_single) = (schemas.len() < count, schemas.len() == 1);
        if is_single && let Some(Value::Array(only)) = members.remove(choice) {
            members.insert("allOf".into(), only.into());
        }
        if has_null {
            members.insert("nullable".into(), true.into());
        }
    }
    // A reference stands alone in 3.0; what stands beside it would be passed over.
    if members.len() > 1 && members.get("$ref").is_some_and(Value::is_string) {
        let reference = members.remove("$ref");
        members.insert("allOf".into(), json!([{ "$ref": reference }]));
    }
    if let Some(Value::Array(all)) = members.get_mut("allOf")
        && let [Value::Object(only)] = all.as_mut_slice()
        && only.contains_key("$ref")
        && let Some(description) = only.remove("description")
    {
        members.insert("description".into(), description);
    }
    if let Some(constant) = members.remove("const") {
        members.insert("enum".into(), json!([constant]));
    }
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(bound) = members.get(exclusive).filter(|bound| bound.is_number()).cloned() {
            members.insert(inclusive.into(), bound);
            members.insert(exclusive.into(), true.into());
        }
    }
    if members.remove("prefixItems").is_some() && !members.get("items").is_some_and(Value::is_object) {
        members.insert("items".into(), json!({}));
    }
    if members.get("type").is_some_and(|name| name == "array") && !members.contains_key("items") {
        members.insert("items".into(), json!({}));
    }
    members.remove("propertyNames");
    // A list of examples beside a type is one of a schema; a map of them belongs to a medium and stays.
    if members.get("examples").is_some_and(Value::is_array)
        && let Some(Value::Array(examples)) = members.remove("examples")
        && let Some(first) = examples.into_iter().next()
    {
        members.insert("example".into(), first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_older_dialect_lacks_is_said_otherwise() {
        let mut schema = json!({
            "a": { "type": ["string", "null"] },
            "b": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/X" }] },
            "c": { "const": 1, "exclusiveMinimum": 0, "type": "integer" },
            "d": { "type": "array", "prefixItems": [{ "type": "string" }], "items": false },
            "e": { "type": ["string", "number"], "examples": ["x"] },
            "f": { "$ref": "#/components/schemas/X", "description": "an x" },
            "g": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/X", "description": "an x" }] },
        });
        walk(&mut schema);
        assert_eq!(schema["a"], json!({ "type": "string", "nullable": true }));
        assert_eq!(schema["b"], json!({ "allOf": [{ "$ref": "#/components/schemas/X" }], "nullable": true }));
        let referring = json!([{ "$ref": "#/components/schemas/X" }]);
        assert_eq!(schema["f"], json!({ "allOf": referring, "description": "an x" }));
        assert_eq!(schema["g"], json!({ "allOf": referring, "description": "an x", "nullable": true }));
        name_types(&mut schema["g"], &types_of(&json!({ "X": { "type": "object" } })));
        assert_eq!(schema["g"]["type"], "object");
        assert_eq!(schema["c"], json!({ "enum": [1], "minimum": 0, "exclusiveMinimum": true, "type": "integer" }));
        assert_eq!(schema["d"], json!({ "type": "array", "items": {} }));
        assert_eq!(schema["e"], json!({ "anyOf": [{ "type": "string" }, { "type": "number" }], "example": "x" }));
    }
}
