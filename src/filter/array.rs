use std::cmp::Ordering;

use super::value::{Value, compare};

/// How two arrays, taken as sets, lie to each other. OGC 21-065r2, section 7.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ArrayRelation {
    Equals,
    Contains,
    ContainedBy,
    Overlaps,
}

impl ArrayRelation {
    /// Finds the relation of a function's name in small letters.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "a_equals" => Self::Equals,
            "a_contains" => Self::Contains,
            "a_containedby" => Self::ContainedBy,
            "a_overlaps" => Self::Overlaps,
            _ => return None,
        })
    }

    /// Whether it holds; nobody knows where one is no array.
    pub fn holds(self, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
        let (Value::Array(left), Value::Array(right)) = (left, right) else { return None };
        Some(match self {
            Self::Equals => contains_all(left, right) && contains_all(right, left),
            Self::Contains => contains_all(left, right),
            Self::ContainedBy => contains_all(right, left),
            Self::Overlaps => left.iter().any(|value| contains(right, value)),
        })
    }
}

fn contains_all(left: &[Value<'_>], right: &[Value<'_>]) -> bool {
    right.iter().all(|value| contains(left, value))
}

fn contains(list: &[Value<'_>], value: &Value<'_>) -> bool {
    list.iter().any(|other| is_same(other, value))
}

fn is_same(left: &Value<'_>, right: &Value<'_>) -> bool {
    match (left, right) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        _ => compare(left, right) == Some(Ordering::Equal),
    }
}
