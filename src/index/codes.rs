use crate::topology::{CoverageLevel, UnitIndex};

/// The codes of a level's units, one behind another.
///
/// A unit's own code is three visits to memory away, which is most of what telling it costs where very many positions are asked for; the
/// codes alone stay in the cache.
#[derive(Debug)]
pub(super) struct Codes {
    /// One more than there are units; the code of unit `u` is `text[starts[u]..starts[u + 1]]`.
    starts: Vec<usize>,
    text: String,
}

impl Codes {
    pub(super) fn of(level: &CoverageLevel) -> Self {
        let text: String = level.units().iter().map(|unit| unit.code.as_str()).collect();
        let ends = level.units().iter().scan(0, |end, unit| {
            *end += unit.code.as_str().len();
            Some(*end)
        });
        let starts = std::iter::once(0).chain(ends).collect();
        Self { starts, text }
    }

    pub(super) fn code(&self, unit: UnitIndex) -> &str {
        let at = unit.0 as usize;
        &self.text[self.starts[at]..self.starts[at + 1]]
    }

    pub(super) fn bytes(&self) -> usize {
        self.starts.capacity() * size_of::<usize>() + self.text.capacity()
    }
}
