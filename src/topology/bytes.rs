//! What a coverage weighs in memory.

use serde_json::Value;

use super::arcs::{ArcRef, ArcStore, Sides, UnitIndex};
use super::coverage::{CoverageLevel, ValidCoverage};
use crate::boundary::{Unit, UnitCode};

/// What an `Arc<str>` keeps beside its text: two counts.
const SHARED_TEXT_BYTES: usize = 16;

impl ValidCoverage {
    /// Returns the memory that is held, in bytes: all arrays, and the texts and properties of units. What the allocator adds is not
    /// counted.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.arcs.bytes() + self.levels.iter().map(CoverageLevel::bytes).sum::<usize>()
    }
}

impl ArcStore {
    fn bytes(&self) -> usize {
        array_bytes(&self.coords) + array_bytes(&self.starts) + self.sides.capacity() * size_of::<Sides>()
    }
}

impl CoverageLevel {
    fn bytes(&self) -> usize {
        let numbers = [&self.polygons_of, &self.rings_of, &self.arcs_of].map(array_bytes);
        // A hash table keeps one byte of control for each place, filled or not.
        let by_code = self.index_by_code.capacity() * (size_of::<(UnitCode, UnitIndex)>() + 1);
        array_bytes(&self.units)
            + self.units.iter().map(|unit| text_bytes(unit)).sum::<usize>()
            + array_bytes(&self.parents)
            + by_code
            + numbers.iter().sum::<usize>()
            + self.arc_refs.capacity() * size_of::<ArcRef>()
    }
}

fn array_bytes<T>(array: &Vec<T>) -> usize {
    array.capacity() * size_of::<T>()
}

/// What a unit holds outside its own place in the array.
fn text_bytes(unit: &Unit) -> usize {
    let code = |code: &UnitCode| code.as_str().len() + SHARED_TEXT_BYTES;
    let properties = unit.properties.iter().map(|(name, value)| member_bytes(name, value)).sum::<usize>();
    code(&unit.code) + unit.parent.as_ref().map_or(0, code) + unit.name.capacity() + properties
}

/// An ordered map keeps name, value and hash in one array, and a table of places beside it.
fn member_bytes(name: &str, value: &Value) -> usize {
    size_of::<(u64, String, Value)>() + size_of::<usize>() + 1 + name.len() + value_bytes(value)
}

fn value_bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.capacity(),
        Value::Array(values) => values.iter().map(|value| size_of::<Value>() + value_bytes(value)).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| member_bytes(name, value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}
