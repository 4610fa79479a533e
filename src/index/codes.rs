use super::raster::fetch;
use crate::topology::{CoverageLevel, UnitIndex};

/// The codes of a level's units, one behind another.
///
/// A unit's own code is three visits to memory away, which is most of what telling it costs where very many positions are asked for; the
/// codes alone stay in the cache.
#[derive(Debug)]
pub(super) struct Codes {
    /// Each code takes as many bytes as the longest, which is little more than its own where codes follow a scheme: so that a code is
    /// in one place, which its number alone tells.
    text: String,
    bytes_each: usize,
    /// How many of them are the code's.
    lengths: Vec<u8>,
}

impl Codes {
    pub(super) fn of(level: &CoverageLevel) -> Self {
        let codes = || level.units().iter().map(|unit| unit.code.as_str());
        let bytes_each = codes().map(str::len).max().unwrap_or(0);
        let mut text = String::with_capacity(bytes_each * level.units().len());
        for code in codes() {
            text.push_str(code);
            text.extend(std::iter::repeat_n(' ', bytes_each - code.len()));
        }
        let lengths = codes().map(|code| u8::try_from(code.len()).expect("a code has CODE_BYTES_MAX bytes at most")).collect();
        Self { text, bytes_each, lengths }
    }

    pub(super) fn code(&self, unit: UnitIndex) -> &str {
        let (unit, start) = (unit.0 as usize, unit.0 as usize * self.bytes_each);
        &self.text[start..start + usize::from(self.lengths[unit])]
    }

    /// Asks memory for a code that is soon to be read.
    pub(super) fn fetch(&self, unit: UnitIndex) {
        let (unit, start) = (unit.0 as usize, unit.0 as usize * self.bytes_each);
        fetch(self.text.as_bytes(), start);
        fetch(&self.lengths, unit);
    }

    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.lengths.capacity()
    }
}
