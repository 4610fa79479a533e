//! Bodies of JSON, as all that write read them.

use memchr::memmem;
use serde_json::Value;

use super::problem::{Problem, ProblemKind};
use crate::import::{StrictJsonError, read_strict_json};

/// Reads a body whose texts can be stored: U+0000 is no character of a text in a database.
///
/// # Errors
/// 400 for what is no JSON, for an object with two members of one name, of which nobody could say which counts, and for a text with
/// U+0000.
pub fn read_json(bytes: &[u8]) -> Result<Value, Problem> {
    let refused = |detail: String| Problem::new(ProblemKind::InvalidBody, detail);
    let value = read_strict_json(bytes).map_err(|error| match error {
        StrictJsonError::Twice { .. } => refused(format!("the body {error}")),
        StrictJsonError::Syntax(error) => refused(format!("the body is no JSON: {error}")),
    })?;
    // Most bodies have none, and need not be walked through.
    if memmem::find(bytes, br"\u0000").is_some()
        && let Some(text) = find_nul(&value)
    {
        return Err(refused(format!("the text {text:?} has the character U+0000, which cannot be stored; leave it out")));
    }
    Ok(value)
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
    fn a_member_that_stands_twice_is_refused_by_its_name() {
        let told = |body: &[u8]| read_json(body).unwrap_err().detail;
        assert_eq!(told(br#"{"a":[{"b":1,"c":2,"b":{}}]}"#), "the body has the member \"b\" twice; leave one out");
        assert!(told(b"{").starts_with("the body is no JSON: "));
    }
}
