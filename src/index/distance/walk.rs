use super::alternatives::Alternatives;
use super::rim::Rim;
use super::rings::{Wanted, measure_rings};
use crate::index::earth::Observer;
use crate::topology::{Sides, UnitIndex, ValidCoverage};

/// As many units meet at a corner in the worst of towns, and more. Beyond, the tree of all borders serves.
const UNITS_MAX: usize = 16;

/// Measures around a position from unit to unit, without a search, in a level without overlaps.
///
/// From a unit the walk goes on across each border within the radius, and from the rim of the level to every place of the rim within it.
/// It misses no unit: the way to a unit's nearest border point stays within the radius, and each unit along it is entered
/// across such a border; at a corner, where many meet, across one of the borders that end there.
pub(in crate::index) struct Walk<'a> {
    pub(in crate::index) coverage: &'a ValidCoverage,
    pub(in crate::index) depth: usize,
    pub(in crate::index) rim: &'a Rim,
    pub(in crate::index) observer: &'a Observer,
}

/// The units met, in the order in which they are visited.
struct Met {
    units: [UnitIndex; UNITS_MAX],
    count: usize,
    is_full: bool,
    is_at_rim: bool,
}

impl Met {
    fn new(first: UnitIndex) -> Self {
        Self { units: [first; UNITS_MAX], count: 1, is_full: false, is_at_rim: false }
    }

    fn meet(&mut self, sides: Sides) {
        for side in [sides.left, sides.right] {
            match side {
                None => self.is_at_rim = true,
                Some(unit) if self.units[..self.count].contains(&unit) => {}
                Some(_) if self.count == UNITS_MAX => self.is_full = true,
                Some(unit) => {
                    self.units[self.count] = unit;
                    self.count += 1;
                }
            }
        }
    }
}

impl Walk<'_> {
    /// Returns the distance to the border of `unit`, which holds the observer, and adds the units around to `alternatives`.
    /// None where another way has to be found; what was added until then is true.
    pub(in crate::index) fn measure(&self, unit: UnitIndex, alternatives: &mut Alternatives) -> Option<f64> {
        let (radius_m, mut border_m, mut met) = (alternatives.bound_m(), f64::INFINITY, Met::new(unit));
        let mut add = |distance_m: f64, arc, met: &mut Met| {
            if distance_m <= radius_m {
                let sides = self.coverage.arcs().sides(arc, self.depth);
                alternatives.add(distance_m, sides);
                met.meet(sides);
            }
        };
        measure_rings(self.coverage, self.depth, unit, self.observer, Wanted::WithinAndNearest(radius_m), |arc, distance_m| {
            border_m = border_m.min(distance_m);
            add(distance_m, arc, &mut met);
        })?;
        let (mut visited, mut has_seen_rim) = (1, false);
        while !met.is_full && (visited < met.count || met.is_at_rim != has_seen_rim) {
            if met.is_at_rim && !has_seen_rim {
                has_seen_rim = true;
                self.rim.for_each_within(self.coverage, self.observer, radius_m, |arc, distance_m| add(distance_m, arc, &mut met))?;
            } else {
                let next = met.units[visited];
                visited += 1;
                measure_rings(self.coverage, self.depth, next, self.observer, Wanted::Within(radius_m), |arc, distance_m| {
                    add(distance_m, arc, &mut met);
                })?;
            }
        }
        (!met.is_full && border_m.is_finite()).then_some(border_m)
    }
}
