use serde_json::Value;

use crate::boundary::{Properties, UnitShape};

/// The usual names of a field that says how many people live in a unit; the first that has a number is taken, whatever its case.
pub const RESIDENTS_NAMES: &[&str] = &["residents", "population", "常住人口", "人口", "户籍人口", "人口数"];

/// Finds the field of residents among the units' properties: the one that is named, else a usual one that has a number somewhere.
pub fn find_residents_field<'a>(shapes: &'a [UnitShape], named: Option<&str>) -> Option<&'a str> {
    let wanted = named.map_or_else(|| RESIDENTS_NAMES.to_vec(), |named| vec![named]);
    wanted.iter().find_map(|name| {
        let fields = shapes.iter().flat_map(|shape| shape.unit.properties.iter());
        let mut numbers = fields.filter(|(field, value)| field.eq_ignore_ascii_case(name) && to_number(value).is_some());
        numbers.next().map(|(field, _)| field.as_str())
    })
}

/// Reads the residents of a unit; none where the field is missing or is no number.
pub(super) fn read_residents(properties: &Properties, field: &str) -> Option<f64> {
    to_number(properties.get(field)?)
}

/// Shapefiles and tables write numbers as texts as well. Nobody lives in a unit by a negative number.
fn to_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number.is_finite() && number >= 0.0).then_some(number)
}
