//! What an export of ours adds to a unit is told from what the unit's source said, so that a file that comes back brings nothing new.
//!
//! The form decides, and not one name: a file is one of ours where a feature has our id beside a code, a name, a parent and the time from
//! which it holds, and says its level or keeps its properties apart. Then the columns that are ours are taken out of every feature where
//! they hold nothing or what is of our form; anything else in them stays.

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::fields::FieldChoice;
use super::raw::{RawFeature, RawFile};
use crate::boundary::{Level, OWN_PROPERTIES, Properties};

const ID: &str = "id";
const PROPERTIES: &str = "properties";
const CODE: &str = OWN_PROPERTIES[0];
const NAME: &str = OWN_PROPERTIES[1];
const LEVEL: &str = OWN_PROPERTIES[2];
const PARENT: &str = OWN_PROPERTIES[3];
const VALID_FROM: &str = OWN_PROPERTIES[4];
const VALID_TO: &str = OWN_PROPERTIES[5];

/// Takes out of `raw` what is ours where it is a file of ours. Of any other file ids become properties, as they may be codes.
///
/// What a person chose as a field stays one.
pub(super) fn take_out_own(raw: &mut RawFile, choice: &FieldChoice) {
    let is_ours = raw.features.iter().any(is_ours);
    // A source's own texts of that name are only ours where the level, which a table has in its name, is no column.
    let is_table = is_ours && !raw.fields.iter().any(|field| field == LEVEL);
    let is_chosen = |name: &str| [&choice.code, &choice.name, &choice.parent].into_iter().flatten().any(|chosen| chosen == name);
    for feature in &mut raw.features {
        if is_ours {
            strip(feature, is_table, &is_chosen);
        } else {
            feature.source.clear();
        }
        // An id is what some files have in place of a code; a property of that name is not overwritten.
        if let Some(id) = feature.id.take() {
            let has_none = !feature.properties.contains_key(ID);
            feature.properties.entry(ID).or_insert(id);
            if has_none && !raw.fields.iter().any(|field| field == ID) {
                raw.fields.push(ID.into());
            }
        }
    }
    if is_ours {
        raw.fields.retain(|field| raw.features.iter().any(|feature| feature.properties.contains_key(field)));
    }
}

/// Puts what an export kept apart back among the other properties, each in its place; what was edited there holds.
pub(super) fn join(mut shown: Properties, apart: Properties) -> Properties {
    if apart.is_empty() {
        return shown;
    }
    let mut joined: Properties =
        apart.into_iter().map(|(name, value)| (name.clone(), shown.shift_remove(&name).unwrap_or(value))).collect();
    joined.extend(shown);
    joined
}

fn is_ours(feature: &RawFeature) -> bool {
    let get = |name| feature.properties.get(name);
    let is_text = |name| get(name).is_some_and(Value::is_string);
    feature.id.as_ref().or_else(|| get(ID)).is_some_and(is_id)
        && is_text(CODE)
        && is_text(NAME)
        && get(PARENT).is_some_and(|parent| parent.is_string() || parent.is_null())
        && get(VALID_FROM).is_some_and(is_time)
        && get(VALID_TO).is_none_or(|to| to.is_null() || is_time(to))
        && get(LEVEL).map_or_else(|| get(PROPERTIES).and_then(to_object).is_some(), is_level)
}

fn strip(feature: &mut RawFeature, is_table: bool, is_chosen: &impl Fn(&str) -> bool) {
    let id = feature.id.take_if(|id| is_id(id));
    let is_own_id = |value: &Value| id.as_ref().map_or_else(|| is_id(value), |id| id == value);
    let is_own = |name: &str, value: &Value| match name {
        _ if value.is_null() => true,
        ID => is_own_id(value),
        LEVEL => is_level(value),
        _ => is_time(value),
    };
    for name in [ID, LEVEL, VALID_FROM, VALID_TO] {
        if !is_chosen(name) && feature.properties.get(name).is_some_and(|value| is_own(name, value)) {
            feature.properties.shift_remove(name);
        }
    }
    if is_table && let Some(properties) = feature.properties.get(PROPERTIES).and_then(to_object) {
        feature.source = properties;
        feature.properties.shift_remove(PROPERTIES);
    }
}

/// The store gives every unit an id of version 7, which no other program is likely to put beside all the rest.
fn is_id(value: &Value) -> bool {
    const VERSION: usize = 7;
    value.as_str().and_then(|text| Uuid::try_parse(text).ok()).is_some_and(|id| id.get_version_num() == VERSION)
}

fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok())
}

fn is_level(value: &Value) -> bool {
    value.as_str().is_some_and(|text| Level::parse(text).is_ok())
}

fn to_object(value: &Value) -> Option<Properties> {
    match value {
        Value::Object(members) => Some(members.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::import::raw::{RawGeometry, StatedCrs};

    const OURS: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    /// What is left of features with these ids and properties, as properties with what stood apart.
    fn left(features: &[(Value, Value)]) -> Vec<Value> {
        let feature = |(number, (id, properties)): (usize, &(Value, Value))| RawFeature {
            id: Some(id.clone()).filter(|id| !id.is_null()),
            ..RawFeature::new(number, properties.as_object().unwrap().clone(), RawGeometry::Empty)
        };
        let features: Vec<RawFeature> = (1..).zip(features).map(feature).collect();
        let fields = features.iter().flat_map(|feature| feature.properties.keys().cloned()).collect();
        let mut raw = RawFile { format: "", fields, features, crs: StatedCrs::Missing, encoding: None, notes: Vec::new() };
        take_out_own(&mut raw, &FieldChoice::default());
        raw.features.into_iter().map(|feature| Value::Object(join(feature.properties, feature.source))).collect()
    }

    fn unit(more: &Value) -> Value {
        let mut unit = json!({"code": "1", "name": "", "level": "grid", "parent": null, "valid_from": "2026-01-01T00:00:00Z",
            "valid_to": null, "load": 1});
        more.as_object().unwrap().iter().for_each(|(name, value)| unit[name] = value.clone());
        unit
    }

    fn rest(more: &Value) -> Value {
        let mut rest = json!({"code": "1", "name": "", "parent": null, "load": 1});
        more.as_object().unwrap().iter().for_each(|(name, value)| rest[name] = value.clone());
        rest
    }

    #[test]
    fn what_an_export_adds_is_taken_out_and_the_rest_stays() {
        assert_eq!(left(&[(json!(OURS), unit(&json!({})))]), [rest(&json!({}))]);
        // Another program brings the id among the columns, or in both places.
        assert_eq!(left(&[(Value::Null, unit(&json!({ "id": OURS })))]), [rest(&json!({}))]);
        assert_eq!(left(&[(json!(OURS), unit(&json!({ "id": OURS })))]), [rest(&json!({}))]);
        // An id of the source's own stands beside ours.
        assert_eq!(left(&[(json!(OURS), unit(&json!({ "id": "A-7" })))]), [rest(&json!({ "id": "A-7" }))]);
    }

    #[test]
    fn a_unit_that_was_drawn_into_an_export_brings_no_empty_columns() {
        let drawn = json!({"code": "2", "name": null, "level": null, "parent": null, "valid_from": null, "valid_to": null});
        let features = [(json!(OURS), unit(&json!({}))), (Value::Null, drawn)];
        assert_eq!(left(&features)[1], json!({"code": "2", "name": null, "parent": null}));
    }

    #[test]
    fn a_foreign_file_keeps_its_columns_whatever_they_are_called() {
        for more in [json!({ "level": 3 }), json!({ "level": "No. 3" }), json!({ "valid_from": "spring" }), json!({ "valid_to": 1 })] {
            let mut with_id = unit(&more);
            with_id["id"] = OURS.into();
            assert_eq!(left(&[(json!(OURS), unit(&more))]), [with_id], "{more}");
        }
        let random = "7d444840-9dc0-41d1-b245-5ffdce74fad2";
        assert_eq!(left(&[(json!(random), json!({"code": "1", "level": "grid"}))]), [json!({"code": "1", "level": "grid", "id": random})]);
        assert_eq!(left(&[(json!(7), json!({}))]), [json!({ "id": 7 })]);
        let table = json!({"id": "x", "code": "1", "properties": "{\"a\":1}"});
        assert_eq!(left(&[(Value::Null, table.clone())]), [table]);
    }

    #[test]
    fn a_table_of_ours_keeps_properties_apart_whatever_their_names() {
        let table = json!({"id": OURS, "code": "1", "name": "", "parent": null, "valid_from": "2026-01-01T00:00:00.000Z",
            "properties": "{\"level\":3,\"id\":\"A-7\",\"b\":1}", "b": 2, "c": 3});
        assert_eq!(
            left(&[(Value::Null, table)])[0].to_string(),
            r#"{"level":3,"id":"A-7","b":2,"code":"1","name":"","parent":null,"c":3}"#
        );
    }
}
