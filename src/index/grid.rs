use std::sync::Arc;

use super::layer::{LayerIndex, Search};
use super::located::MaybeUnit;
use crate::boundary::{Level, Position, UnitCode};
use crate::topology::{UnitIndex, ValidCoverage};

/// Answers, for programs that embed it, which unit of one level a position lies in.
///
/// It is the index that the service answers from, without generations, rosters or a store: a copy costs nothing, all threads may ask at
/// once, and nothing that it is asked fails. More than a unit's code is told by [`LayerIndex`], which it hands out.
///
/// # Examples
/// ```
/// use std::path::Path;
///
/// use gridkeeper::import::{ReadOptions, read_coverage};
/// use gridkeeper::index::GridIndex;
///
/// let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/shapes/lingling/grids.shp"));
/// let index = GridIndex::new(read_coverage(file, &ReadOptions::default())?);
///
/// assert_eq!(index.locate(111.6184, 26.2225).map(|code| code.as_str()), Some("431102004001003"));
/// assert_eq!(index.locate(0.0, 0.0), None);
/// # Ok::<(), gridkeeper::import::CoverageError>(())
/// ```
#[derive(Clone, Debug)]
pub struct GridIndex {
    index: Arc<LayerIndex>,
    /// The level that is asked; none where the coverage has no unit at all.
    depth: Option<usize>,
}

impl GridIndex {
    /// Builds the index of a coverage's finest level. Takes seconds for a million units.
    pub fn new(coverage: impl Into<Arc<ValidCoverage>>) -> Self {
        let coverage = coverage.into();
        let depth = coverage.finest_depth();
        Self { index: Arc::new(LayerIndex::build(coverage, Search::default())), depth }
    }

    /// Returns the index of another level of the same coverage; none where there is no such level.
    pub fn at_level(&self, level: &Level) -> Option<Self> {
        let depth = self.index.coverage().layer().depth_of(level)?;
        Some(Self { index: Arc::clone(&self.index), depth: Some(depth) })
    }

    /// Returns the code of the unit that owns a position, by the rule that [`LayerIndex::owner`] states.
    ///
    /// None where no unit does, also where the two numbers are no position at all.
    ///
    /// # Units
    /// Degrees, WGS 84 (EPSG:4326).
    pub fn locate(&self, lon: f64, lat: f64) -> Option<&UnitCode> {
        let unit = self.index.owner(Position::new(lon, lat).ok()?, self.depth?).unit?;
        Some(self.code(unit))
    }

    /// Writes the unit that owns each position. Looking many up at once is several times as fast as one by one.
    ///
    /// # Panics
    /// There are not as many places to write to as positions.
    pub fn owners(&self, positions: &[Position], owners: &mut [MaybeUnit]) {
        match self.depth {
            Some(depth) => self.index.owners(positions, depth, owners),
            None => owners.fill(MaybeUnit::NONE),
        }
    }

    /// Returns the code of a unit that [`Self::owners`] has written.
    ///
    /// # Panics
    /// The unit is of another index or level.
    pub fn code(&self, unit: UnitIndex) -> &UnitCode {
        let depth = self.depth.expect("a coverage that has a unit has a level with units");
        &self.index.coverage().levels()[depth].unit(unit).code
    }

    /// Whether both answer from one and the same index.
    pub fn is_same(&self, other: &Self) -> bool {
        self.depth == other.depth && Arc::ptr_eq(&self.index, &other.index)
    }

    /// Returns the index behind, which also tells distances, neighbours and the path of units.
    pub fn layer(&self) -> &Arc<LayerIndex> {
        &self.index
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GAPS, index, square};
    use super::*;

    fn town() -> GridIndex {
        let streets = [("w", None, square(0.0, 0.0, 2.0)), ("z", None, square(2.0, 0.0, 2.0))];
        let grids = [("a", Some("w"), square(0.0, 0.0, 1.0)), ("b", Some("w"), square(1.0, 0.0, 1.0))];
        GridIndex::new(Arc::clone(index(&[&streets, &grids], GAPS).coverage()))
    }

    fn code_of(index: &GridIndex, lon: f64, lat: f64) -> Option<&str> {
        index.locate(lon, lat).map(UnitCode::as_str)
    }

    #[test]
    fn a_position_has_the_code_of_its_unit_of_the_finest_level_or_of_the_one_asked_for() {
        let grids = town();
        assert_eq!(code_of(&grids, 0.5, 0.5), Some("a"));
        assert_eq!(code_of(&grids, 1.0, 0.5), Some("b"));
        assert_eq!(code_of(&grids, 3.0, 0.5), None);
        let streets = grids.at_level(&Level::parse("street").unwrap()).unwrap();
        assert_eq!(code_of(&streets, 1.0, 0.5), Some("w"));
        assert_eq!(code_of(&streets, 3.0, 0.5), Some("z"));
        assert!(grids.at_level(&Level::parse("beat").unwrap()).is_none());
    }

    #[test]
    fn numbers_that_are_no_position_have_no_unit() {
        for (lon, lat) in [(f64::NAN, 0.5), (0.5, f64::INFINITY), (0.5, 90.5), (-180.5, 0.5)] {
            assert_eq!(town().locate(lon, lat), None, "{lon} {lat}");
        }
    }

    #[test]
    fn many_at_once_have_the_owners_that_each_has_alone() {
        let grids = town();
        let positions: Vec<Position> = (0..60).map(|at| Position { lon: f64::from(at) / 16.0 - 0.5, lat: 0.5 }).collect();
        let mut owners = vec![MaybeUnit::NONE; positions.len()];
        grids.owners(&positions, &mut owners);
        for (position, owner) in positions.iter().zip(owners) {
            assert_eq!(owner.get().map(|unit| grids.code(unit)), grids.locate(position.lon, position.lat), "{position:?}");
        }
    }

    #[test]
    fn a_coverage_without_units_has_no_answer() {
        let empty = GridIndex::new(Arc::clone(index(&[&[]], GAPS).coverage()));
        let mut owners = [MaybeUnit::NONE];
        empty.owners(&[Position { lon: 0.0, lat: 0.0 }], &mut owners);
        assert_eq!((empty.locate(0.0, 0.0), owners), (None, [MaybeUnit::NONE]));
    }
}
