//! JSON as it is read wherever somebody hands it over: lines of tables and bodies alike.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};

/// Why JSON is not taken.
#[derive(Debug, thiserror::Error)]
pub enum StrictJsonError {
    /// Nobody could say which of two members of one name counts.
    #[error("has the member {name:?} twice; leave one out")]
    Twice { name: String },
    #[error(transparent)]
    Syntax(serde_json::Error),
}

/// Reads JSON in which no object has two members of one name, however deep it stands.
///
/// # Errors
/// Names the first member that stands twice, or says where what is no JSON breaks off.
pub fn read_strict_json(bytes: &[u8]) -> Result<Value, StrictJsonError> {
    let read = serde_json::from_slice::<Strict>(bytes);
    read.map(|Strict(value)| value).map_err(|error| match find_name(&error) {
        Some(name) => StrictJsonError::Twice { name },
        None => StrictJsonError::Syntax(error),
    })
}

/// What is well formed and refused all the same has a member twice, whose name as JSON is all that the reading says; where it stands is
/// added behind it.
fn find_name(error: &serde_json::Error) -> Option<String> {
    let told = error.is_data().then(|| error.to_string())?;
    serde_json::Deserializer::from_str(&told).into_iter().next()?.ok()
}

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
                Entry::Occupied(twice) => return Err(A::Error::custom(Value::from(twice.key().as_str()))),
                Entry::Vacant(free) => {
                    let Strict(value) = members.next_value()?;
                    free.insert(value);
                }
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_twice_is_named_wherever_it_stands() {
        for (bad, name) in [
            (r#"{"b":1,"b":1}"#, "b"),
            (r#"{"a":[{"b":1,"c":2,"b":{}}]}"#, "b"),
            (r#"{"b":1,"\u0062":2}"#, "b"),
            (r#"{"类别 \"at line 1\"":1,"类别 \"at line 1\"":2}"#, "类别 \"at line 1\""),
        ] {
            let told = read_strict_json(bad.as_bytes()).unwrap_err();
            assert!(matches!(&told, StrictJsonError::Twice { name: found } if found == name), "{bad}: {told}");
        }
    }

    #[test]
    fn all_else_is_read_as_it_is_read_elsewhere() {
        for whole in [r#"{"b":[1,-2,3.5,1e300,null,true,"x",{"b":{}}],"a":18446744073709551615}"#, "7", "null", r#""x""#] {
            assert_eq!(read_strict_json(whole.as_bytes()).unwrap(), serde_json::from_str::<Value>(whole).unwrap());
        }
        let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
        for (bad, says) in [(&b"{"[..], "EOF"), (b"{} x", "trailing"), (&deep, "recursion")] {
            assert!(read_strict_json(bad).unwrap_err().to_string().contains(says), "{says}");
        }
    }
}
