//! The definition in the terms of OpenAPI 3.0, for clients and validators that know no other.

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
        }
    }
    walk(&mut value);
    value
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
            // A reference stands alone in 3.0; what stands beside it would be passed over.
            members.insert("allOf".into(), only.into());
        }
        if has_null {
            members.insert("nullable".into(), true.into());
        }
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
        });
        walk(&mut schema);
        assert_eq!(schema["a"], json!({ "type": "string", "nullable": true }));
        assert_eq!(schema["b"], json!({ "allOf": [{ "$ref": "#/components/schemas/X" }], "nullable": true }));
        assert_eq!(schema["c"], json!({ "enum": [1], "minimum": 0, "exclusiveMinimum": true, "type": "integer" }));
        assert_eq!(schema["d"], json!({ "type": "array", "items": {} }));
        assert_eq!(schema["e"], json!({ "anyOf": [{ "type": "string" }, { "type": "number" }], "example": "x" }));
    }
}
