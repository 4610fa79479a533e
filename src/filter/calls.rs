//! What text and JSON have in common in reading what looks like a function.

use super::error::{FilterError, Place};
use super::literal::{parse_date, parse_instant};
use super::syntax::{Node, NodeKind};

/// Whether brackets in the arguments of a function are arrays.
pub(super) fn takes_arrays(name: &str) -> bool {
    matches!(name, "a_equals" | "a_contains" | "a_containedby" | "a_overlaps")
}

pub(super) fn wrong_count(place: &Place, name: &str, found: usize, expected: usize) -> FilterError {
    FilterError::new(place, format!("{name} has {found} arguments"), format!("give it {expected}"))
}

/// Reads an end of an interval that is given as a text: a day, a moment, or `..`.
pub(super) fn interval_end(text: &str, place: &Place) -> Result<Node, FilterError> {
    let kind = match text {
        ".." => Some(NodeKind::Open),
        text => parse_date(text).map(NodeKind::Date).or_else(|| parse_instant(text).map(NodeKind::Instant)),
    };
    let wrong = || {
        let remedy = "write a day '2026-01-31', a time '2026-01-31T08:00:00Z', or '..' for an open end";
        FilterError::new(place, format!("'{text}' is no end of an interval"), remedy)
    };
    Ok(Node::new(place.clone(), kind.ok_or_else(wrong)?))
}

/// Makes a box of four numbers, or of six with heights, which are passed over.
pub(super) fn bbox(numbers: &[f64], place: &Place) -> Result<NodeKind, FilterError> {
    let ([west, south, east, north] | [west, south, _, east, north, _]) = numbers[..] else {
        let detail = format!("the box has {} numbers", numbers.len());
        return Err(FilterError::new(place, detail, "give west, south, east, north"));
    };
    if south > north {
        let detail = format!("the south {south} of the box lies above its north {north}");
        return Err(FilterError::new(place, detail, "give west, south, east, north"));
    }
    Ok(NodeKind::Bbox([west, south, east, north]))
}
