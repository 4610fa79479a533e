use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::arcs::{ArcId, UnitIndex};
use super::coverage::ValidCoverage;
use super::plane::Plane;

/// The border that two units of a level share, or a unit with the outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Border {
    pub unit: UnitIndex,
    /// None is the outside, a gap included. Otherwise the larger index of the two.
    pub other: Option<UnitIndex>,
    /// Along geodesics from vertex to vertex (Karney 2013).
    pub length_m: f64,
}

impl ValidCoverage {
    /// Measures a unit's area in m² on the ellipsoid, its holes taken out.
    pub fn area_m2(&self, depth: usize, unit: UnitIndex) -> f64 {
        let level = &self.levels[depth];
        // Exteriors run counter-clockwise and holes clockwise, so the signed areas add up.
        level.rings(unit).map(|ring| Plane::Degrees.ring_area_m2(&self.to_ring(ring).into())).sum()
    }

    /// Measures an arc along geodesics from vertex to vertex, in metres.
    pub fn arc_length_m(&self, arc: ArcId) -> f64 {
        Plane::Degrees.length_m(self.arcs.coords(arc))
    }

    /// Measures the border of each pair of neighbours at a level, and of each unit with the outside,
    /// ordered by unit, the outside last.
    pub fn borders(&self, depth: usize) -> Vec<Border> {
        let ids: Vec<ArcId> = self.arcs.ids().filter(|arc| self.arcs.sides(*arc, depth).is_border()).collect();
        // Measured in parallel, added up in the order of arcs, so that every run gives the same bits.
        let lengths_m: Vec<f64> = ids.par_iter().map(|arc| self.arc_length_m(*arc)).collect();
        let mut by_pair: FxHashMap<(UnitIndex, Option<UnitIndex>), f64> = FxHashMap::default();
        for (arc, length_m) in ids.into_iter().zip(lengths_m) {
            let sides = self.arcs.sides(arc, depth);
            let pair = match (sides.left, sides.right) {
                (Some(a), Some(b)) if a == b => continue,
                (Some(a), Some(b)) => (a.min(b), Some(a.max(b))),
                (Some(a), None) | (None, Some(a)) => (a, None),
                (None, None) => continue,
            };
            *by_pair.entry(pair).or_default() += length_m;
        }
        let mut borders: Vec<Border> = by_pair.into_iter().map(|((unit, other), length_m)| Border { unit, other, length_m }).collect();
        borders.sort_by_key(|border| (border.unit, border.other.is_none(), border.other));
        borders
    }
}
