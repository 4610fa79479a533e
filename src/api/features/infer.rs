use serde_json::Value as Json;

use crate::filter::{Kind, Property, Value, parse_date, parse_instant};

/// Learns of what kind the properties are that features say of themselves, from all that they say.
#[derive(Debug, Default)]
pub struct Inference {
    found: Vec<(String, Option<Kind>)>,
}

impl Inference {
    /// Takes note of a property of one feature.
    pub fn look_at(&mut self, name: &str, value: &Json) {
        let at = self.found.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.found.push((name.to_owned(), None));
            self.found.len() - 1
        });
        let known = &mut self.found[at].1;
        *known = match (*known, kind_of(value, *known)) {
            (known, None) => known,
            (None, found) => found,
            (Some(a), Some(b)) if a == b => Some(a),
            (Some(Kind::Integer | Kind::Number), Some(Kind::Integer | Kind::Number)) => Some(Kind::Number),
            (Some(Kind::Text | Kind::Date | Kind::Instant), Some(Kind::Text | Kind::Date | Kind::Instant)) => Some(Kind::Text),
            _ => Some(Kind::Any),
        };
    }

    /// Returns the properties in the order of their first appearance. One that is nowhere set is taken for text.
    pub fn finish(self) -> Vec<Property> {
        self.found.into_iter().map(|(name, kind)| Property { name, kind: kind.unwrap_or(Kind::Text) }).collect()
    }
}

fn kind_of(value: &Json, known: Option<Kind>) -> Option<Kind> {
    Some(match value {
        Json::Null => return None,
        Json::Bool(_) => Kind::Boolean,
        Json::Number(number) if number.is_i64() => Kind::Integer,
        Json::Number(_) => Kind::Number,
        // What is text already stays text, whatever this one looks like.
        Json::String(_) if known == Some(Kind::Text) => Kind::Text,
        Json::String(text) if parse_date(text).is_some() => Kind::Date,
        Json::String(text) if parse_instant(text).is_some() => Kind::Instant,
        Json::String(_) => Kind::Text,
        Json::Array(_) => Kind::Array,
        Json::Object(_) => Kind::Any,
    })
}

/// Reads a property of one feature as what it is in all.
pub fn to_value(value: Option<&Json>, kind: Kind) -> Value<'_> {
    match (value, kind) {
        (None, _) => Value::Null,
        (Some(Json::String(text)), Kind::Date) => parse_date(text).map_or(Value::Null, Value::Date),
        (Some(Json::String(text)), Kind::Instant) => parse_instant(text).map_or(Value::Null, Value::Instant),
        (Some(value), _) => Value::of_json(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_property_is_of_the_kind_that_all_its_values_are() {
        for (values, expected) in [
            (json!(["2026-01-01", null, "2026-02-01"]), Kind::Date),
            (json!(["2026-01-01T00:00:00Z", "2026-01-01T00:00:00"]), Kind::Instant),
            (json!(["2026-01-01", "soon"]), Kind::Text),
            (json!(["soon", "2026-01-01"]), Kind::Text),
            (json!([1, 2]), Kind::Integer),
            (json!([1, 2.5]), Kind::Number),
            (json!([true, false]), Kind::Boolean),
            (json!([1, "1"]), Kind::Any),
            (json!([[1], []]), Kind::Array),
            (json!([null]), Kind::Text),
        ] {
            let mut inference = Inference::default();
            values.as_array().unwrap().iter().for_each(|value| inference.look_at("x", value));
            assert_eq!(inference.finish()[0].kind, expected, "{values}");
        }
    }
}
