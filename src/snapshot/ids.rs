use std::sync::OnceLock;

use crate::boundary::UnitId;
use crate::topology::{CoverageLevel, UnitIndex};

/// The units of each level in the order of their ids, by which they are found. Units stand by their codes everywhere else.
///
/// Sorted when somebody first asks by an id: lookups and tiles never do.
#[derive(Debug)]
pub struct UnitIds {
    levels: Box<[OnceLock<Box<[UnitIndex]>>]>,
}

impl UnitIds {
    pub fn new(levels: usize) -> Self {
        Self { levels: (0..levels).map(|_| OnceLock::new()).collect() }
    }

    /// Finds a unit of a level, the one of this depth.
    pub fn find(&self, level: &CoverageLevel, depth: usize, id: UnitId) -> Option<UnitIndex> {
        let sorted = self.levels[depth].get_or_init(|| {
            let mut units: Box<[UnitIndex]> = level.indices().collect();
            units.sort_unstable_by_key(|unit| level.unit(*unit).id);
            units
        });
        sorted.binary_search_by_key(&id, |unit| level.unit(*unit).id).ok().map(|at| sorted[at])
    }

    /// Returns the memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        let sorted = self.levels.iter().filter_map(OnceLock::get);
        size_of_val(&*self.levels) + sorted.map(|units| size_of_val(&**units)).sum::<usize>()
    }
}
