use std::ops::Range;

use super::layers::TileField;
use super::to_u32;
use super::wire::{put_text_value, put_value, put_varint, take_varint};
use crate::boundary::{Unit, UnitCode};
use crate::topology::CoverageLevel;

/// What the features of one level say, written once as it stands in tiles.
#[derive(Debug)]
pub(super) struct Words {
    /// For each unit and each field the length of its value, and the value.
    bytes: Vec<u8>,
    starts: Vec<u32>,
}

impl Words {
    pub fn new() -> Self {
        Self { bytes: Vec::new(), starts: vec![0] }
    }

    pub fn build(level: &CoverageLevel, fields: &[(TileField, u8)]) -> Self {
        let mut words = Self::new();
        level.units().iter().for_each(|unit| words.push(unit, fields));
        words.bytes.shrink_to_fit();
        words
    }

    pub fn push(&mut self, unit: &Unit, fields: &[(TileField, u8)]) {
        let mut value = Vec::new();
        for (field, _) in fields {
            value.clear();
            match field {
                TileField::Code => put_text_value(unit.code.as_str(), &mut value),
                TileField::Name if !unit.name.is_empty() => put_text_value(&unit.name, &mut value),
                TileField::Parent => {
                    if let Some(parent) = unit.parent.as_ref().map(UnitCode::as_str) {
                        put_text_value(parent, &mut value);
                    }
                }
                TileField::Property { property, .. } => {
                    if let Some(found) = unit.properties.get(property).filter(|value| !value.is_null()) {
                        put_value(found, &mut value);
                    }
                }
                TileField::Name | TileField::Level | TileField::Depth | TileField::Left | TileField::Right => {}
            }
            put_varint(&mut self.bytes, value.len() as u64);
            self.bytes.extend_from_slice(&value);
        }
        self.starts.push(to_u32(self.bytes.len()));
    }

    /// Appends units of another level with the same fields.
    pub fn copy(&mut self, other: &Self, units: Range<usize>) {
        let (from, to) = (other.starts[units.start], other.starts[units.end]);
        let at = to_u32(self.bytes.len());
        self.starts.extend(other.starts[units.start + 1..=units.end].iter().map(|start| start - from + at));
        self.bytes.extend_from_slice(&other.bytes[from as usize..to as usize]);
    }

    /// Returns the values of a unit, one for each field, empty where it has none.
    pub fn of(&self, unit: usize) -> impl Iterator<Item = &[u8]> {
        let mut rest = &self.bytes[self.starts[unit] as usize..self.starts[unit + 1] as usize];
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let len = usize::try_from(take_varint(&mut rest)).expect("a value is in memory");
            let (value, behind) = rest.split_at(len);
            rest = behind;
            Some(value)
        })
    }

    pub fn is_same(&self, unit: usize, other: &Self, other_unit: usize) -> bool {
        let of = |words: &Self, unit: usize| words.starts[unit] as usize..words.starts[unit + 1] as usize;
        self.bytes[of(self, unit)] == other.bytes[of(other, other_unit)]
    }

    pub fn bytes(&self) -> usize {
        self.bytes.capacity() + self.starts.capacity() * size_of::<u32>()
    }
}
