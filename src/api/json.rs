//! Bodies of JSON, as all that write read them.

use std::fmt;

use memchr::memmem;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

use super::problem::{Problem, ProblemKind};

/// Reads a body whose texts can be stored: U+0000 is no character of a text in a database.
///
/// # Errors
/// 400 for what is no JSON, for an object with two members of one name, of which nobody could say which counts, and for a text with
/// U+0000.
pub fn read_json(bytes: &[u8]) -> Result<Value, Problem> {
    let refused = |detail: String| Problem::new(ProblemKind::InvalidBody, detail);
    let Strict(value) = serde_json::from_slice(bytes).map_err(|error| {
        // What is well formed and refused all the same says itself what is wrong.
        refused(if error.is_data() { format!("the body {error}") } else { format!("the body is no JSON: {error}") })
    })?;
    // Most bodies have none, and need not be walked through.
    if memmem::find(bytes, br"\u0000").is_some()
        && let Some(text) = find_nul(&value)
    {
        return Err(refused(format!("the text {text:?} has the character U+0000, which cannot be stored; leave it out")));
    }
    Ok(value)
}

/// JSON in which no object has two members of one name.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading).map(Self)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            match map.entry(name) {
                Entry::Occupied(twice) => return Err(A::Error::custom(format_args!("has the member {:?} twice", twice.key()))),
                Entry::Vacant(free) => {
                    let Strict(value) = members.next_value()?;
                    free.insert(value);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

/// Finds a text or a name with U+0000. JSON that was read is nested less deep than a stack is.
fn find_nul(value: &Value) -> Option<&str> {
    let is_bad = |text: &&str| text.contains('\0');
    match value {
        Value::String(text) => Some(text.as_str()).filter(is_bad),
        Value::Array(items) => items.iter().find_map(find_nul),
        Value::Object(members) => members.iter().find_map(|(name, value)| Some(name.as_str()).filter(is_bad).or_else(|| find_nul(value))),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_nul_is_refused_wherever_it_stands() {
        for bad in [r#""\u0000""#, r#"{"a":[{"b":"x\u0000y"}]}"#, r#"{"\u0000":1}"#] {
            assert!(read_json(bad.as_bytes()).unwrap_err().detail.contains("U+0000"), "{bad}");
        }
        for good in [r#"{"a":"\\u0000"}"#, r#"{"a":"\u0001"}"#] {
            read_json(good.as_bytes()).unwrap();
        }
    }

    #[test]
    fn a_member_that_stands_twice_is_refused_by_its_name_wherever_it_stands() {
        for bad in [r#"{"b":1,"b":1}"#, r#"{"a":[{"b":1,"c":2,"b":{}}]}"#, r#"{"b":1,"\u0062":2}"#] {
            let told = read_json(bad.as_bytes()).unwrap_err().detail;
            assert!(told.starts_with("the body has the member \"b\" twice"), "{bad}: {told}");
        }
        let whole = r#"{"b":[1,-2,3.5,1e300,null,true,"x",{"b":{}}],"a":18446744073709551615}"#;
        assert_eq!(read_json(whole.as_bytes()).unwrap(), serde_json::from_str::<Value>(whole).unwrap());
        assert!(read_json(b"{").unwrap_err().detail.starts_with("the body is no JSON"));
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        assert!(read_json(&deep).unwrap_err().detail.contains("recursion"));
    }
}
