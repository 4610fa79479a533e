use std::borrow::Cow;
use std::cmp::Ordering;

use geo_types::Geometry;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::temporal::Interval;

/// What a part of a filter is for one feature.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Nothing is known.
    Null,
    Boolean(bool),
    Integer(i64),
    Number(f64),
    Text(Cow<'a, str>),
    Date(Date),
    Instant(Timestamp),
    Interval(Interval),
    /// A geometry, and where the filter itself has it, its place among the filter's.
    Geometry(&'a Geometry<f64>, Option<usize>),
    Array(Vec<Value<'a>>),
}

impl<'a> Value<'a> {
    /// Reads a value of JSON; objects are nothing that can be compared.
    pub fn of_json(value: &'a serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null | serde_json::Value::Object(_) => Self::Null,
            serde_json::Value::Bool(value) => Self::Boolean(*value),
            serde_json::Value::Number(number) => {
                number.as_i64().map(Self::Integer).or_else(|| number.as_f64().map(Self::Number)).unwrap_or(Self::Null)
            }
            serde_json::Value::String(text) => Self::Text(Cow::Borrowed(text)),
            serde_json::Value::Array(values) => Self::Array(values.iter().map(Self::of_json).collect()),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// Compares two values; none where one is unknown or they are not of one kind.
///
/// Texts by their code points; a day and a moment by days, those of UTC.
pub(super) fn compare(left: &Value<'_>, right: &Value<'_>) -> Option<Ordering> {
    match (left, right) {
        (Value::Boolean(a), Value::Boolean(b)) => Some(a.cmp(b)),
        (Value::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
        (Value::Integer(a), Value::Number(b)) => compare_mixed(*a, *b),
        (Value::Number(a), Value::Integer(b)) => compare_mixed(*b, *a).map(Ordering::reverse),
        (Value::Number(a), Value::Number(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::Instant(a), Value::Instant(b)) => Some(a.cmp(b)),
        (Value::Date(a), Value::Instant(b)) => Some(a.cmp(&day_of(*b))),
        (Value::Instant(a), Value::Date(b)) => Some(day_of(*a).cmp(b)),
        _ => None,
    }
}

/// Orders two values, also of different kinds, so that any can be sorted.
pub fn order_values(left: &Value<'_>, right: &Value<'_>) -> Ordering {
    let rank = |value: &Value<'_>| match value {
        Value::Boolean(_) => 0,
        Value::Integer(_) | Value::Number(_) => 1,
        Value::Date(_) | Value::Instant(_) => 2,
        Value::Text(_) => 3,
        Value::Interval(_) | Value::Geometry(..) | Value::Array(_) => 4,
        Value::Null => 5,
    };
    compare(left, right).unwrap_or_else(|| rank(left).cmp(&rank(right)))
}

/// Compares a whole number with any number, also where the whole one has more digits than a float holds.
fn compare_mixed(whole: i64, number: f64) -> Option<Ordering> {
    /// 2^63, the first number above all whole ones.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if number.is_nan() {
        return None;
    }
    if number >= END {
        return Some(Ordering::Less);
    }
    if number < -END {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is looked at next, and the range was")]
    let floor = number.floor() as i64;
    Some(whole.cmp(&floor).then(if number > number.floor() { Ordering::Less } else { Ordering::Equal }))
}

fn day_of(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_compared_to_their_last_digit() {
        let large = 9_007_199_254_740_993; // 2^53 + 1, which no float is
        assert_eq!(compare(&Value::Integer(large), &Value::Number(9_007_199_254_740_992.0)), Some(Ordering::Greater));
        assert_eq!(compare(&Value::Number(1.5), &Value::Integer(1)), Some(Ordering::Greater));
        assert_eq!(compare(&Value::Integer(-2), &Value::Number(-1.5)), Some(Ordering::Less));
        assert_eq!(compare(&Value::Integer(i64::MAX), &Value::Number(1e300)), Some(Ordering::Less));
        assert_eq!(compare(&Value::Integer(0), &Value::Number(f64::NAN)), None);
    }
}
