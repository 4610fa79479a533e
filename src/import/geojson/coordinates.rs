use std::fmt;

use geo_types::Coord;
use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use super::super::raw::{RawGeometry, RawPolygon};

/// Reads the coordinates of a polygon, or of several.
pub(super) fn read_polygons(text: &str, is_multi: bool) -> RawGeometry {
    let polygons = if is_multi {
        serde_json::from_str::<Vec<Vec<Vec<Point>>>>(text)
    } else {
        serde_json::from_str::<Vec<Vec<Point>>>(text).map(|polygon| vec![polygon])
    };
    let Ok(polygons) = polygons else { return RawGeometry::Unreadable(explain(text, is_multi)) };
    let to_ring = |ring: Vec<Point>| ring.into_iter().map(|point| point.0).collect();
    let polygons: Vec<RawPolygon> =
        polygons.into_iter().map(|rings| rings.into_iter().map(to_ring).collect()).filter(|rings: &RawPolygon| !rings.is_empty()).collect();
    if polygons.iter().flatten().all(Vec::is_empty) { RawGeometry::Empty } else { RawGeometry::Polygons(polygons) }
}

/// Two numbers, and whatever numbers follow.
struct Point(Coord<f64>);

impl<'de> Deserialize<'de> for Point {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PointVisitor;
        impl<'de> Visitor<'de> for PointVisitor {
            type Value = Point;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of two or three numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Point, A::Error> {
                let missing = || serde::de::Error::invalid_length(0, &self);
                let x = seq.next_element()?.ok_or_else(missing)?;
                let y = seq.next_element()?.ok_or_else(missing)?;
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Point(Coord { x, y }))
            }
        }
        deserializer.deserialize_seq(PointVisitor)
    }
}

/// Finds the first place that does not fit. Only called where something does not.
fn explain(text: &str, is_multi: bool) -> String {
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return "its coordinates are nested too deep or are no JSON".into();
    };
    let found = if is_multi { explain_list(&value, &["polygon", "ring", "point"]) } else { explain_list(&value, &["ring", "point"]) };
    found.unwrap_or_else(|| "its coordinates do not fit its type".into())
}

fn explain_list(value: &Value, names: &[&str]) -> Option<String> {
    let Some((name, deeper)) = names.split_first() else { return explain_point(value) };
    let Value::Array(items) = value else { return Some(format!("{} where a list should be", describe(value))) };
    let (at, why) = items.iter().enumerate().find_map(|(at, item)| Some((at, explain_list(item, deeper)?)))?;
    let joint = if deeper.is_empty() || !why.starts_with(deeper[0]) { ": " } else { ", " };
    Some(format!("{name} {}{joint}{why}", at + 1))
}

fn explain_point(value: &Value) -> Option<String> {
    let Value::Array(numbers) = value else { return Some(format!("{} where a list of two numbers should be", describe(value))) };
    if let Some(wrong) = numbers.iter().take(2).find(|number| !number.is_number()) {
        return Some(format!("{} where a number should be", describe(wrong)));
    }
    (numbers.len() < 2).then(|| format!("{} numbers where two should be", numbers.len()))
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => format!("the text {:?}", text.chars().take(20).collect::<String>()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "an object".into(),
    }
}
