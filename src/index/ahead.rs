//! Asks memory for the borders of units before they are measured.

use super::located::MaybeUnit;
use super::raster::fetch;
use crate::topology::{ArcId, CoverageLevel, UnitIndex, ValidCoverage};

/// Of each unit so many arcs and of each arc so many coordinates are asked for: more than most have, and no more than the cache keeps
/// until they are read.
const ARCS_MAX: usize = 24;
const COORDS_MAX: usize = 64;

/// Coordinates in a line of the cache.
const COORDS_PER_LINE: usize = 4;

/// Asks for the rings of some units of a level, step by step: each step reads what the one before has asked for, for all units.
pub(super) fn fetch_rings(coverage: &ValidCoverage, depth: usize, units: &[MaybeUnit]) {
    let (level, store) = (&coverage.levels()[depth], coverage.arcs());
    let units = || units.iter().filter_map(|unit| unit.get());
    units().flat_map(|unit| level.rings(unit)).for_each(|ring| fetch(ring, 0));
    for arc in units().flat_map(|unit| arcs(level, unit)) {
        let (bounds, sides) = store.places(arc, depth);
        fetch(bounds, 0);
        fetch(sides, 0);
    }
    for coords in units().flat_map(|unit| arcs(level, unit)).map(|arc| store.coords(arc)) {
        (0..coords.len().min(COORDS_MAX)).step_by(COORDS_PER_LINE).for_each(|at| fetch(coords, at));
        fetch(coords, coords.len() - 1);
    }
}

fn arcs(level: &CoverageLevel, unit: UnitIndex) -> impl Iterator<Item = ArcId> {
    level.rings(unit).flatten().map(|arc| arc.arc()).take(ARCS_MAX)
}
