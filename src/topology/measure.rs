use rayon::prelude::*;

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
        let lengths_m: Vec<f64> = ids.par_iter().map(|arc| self.arc_length_m(*arc)).collect();
        let mut parts: Vec<(UnitIndex, Option<UnitIndex>, f64)> = Vec::with_capacity(ids.len());
        for (arc, length_m) in ids.into_iter().zip(lengths_m) {
            let sides = self.arcs.sides(arc, depth);
            parts.push(match (sides.left, sides.right) {
                (Some(a), Some(b)) if a == b => continue,
                (Some(a), Some(b)) => (a.min(b), Some(a.max(b)), length_m),
                (Some(a), None) | (None, Some(a)) => (a, None, length_m),
                (None, None) => continue,
            });
        }
        // Added up from the shortest, so that the numbers of arcs do not show in the last bits.
        parts.sort_unstable_by(|a, b| (a.0, a.1.is_none(), a.1).cmp(&(b.0, b.1.is_none(), b.1)).then(a.2.total_cmp(&b.2)));
        let sum = |part: &[(UnitIndex, Option<UnitIndex>, f64)]| Border {
            unit: part[0].0,
            other: part[0].1,
            length_m: part.iter().map(|(_, _, length_m)| length_m).sum(),
        };
        parts.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).map(sum).collect()
    }
}
