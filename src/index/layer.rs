use std::sync::Arc;

use geo_types::{Coord, Rect};
use rayon::prelude::*;

use super::border::BorderTree;
use super::distance::Alternatives;
use super::earth::Observer;
use super::holes::Holes;
use super::located::{Located, Neighbour, Owner, Status};
use super::rtree::{OwnerTest, UnitTree};
use super::step::Step;
use crate::boundary::Position;
use crate::topology::{Changes, Sides, UnitIndex, ValidCoverage};

/// Answers, for one generation of a layer, which unit of each level a position lies in.
#[derive(Debug)]
pub struct LayerIndex {
    coverage: Arc<ValidCoverage>,
    /// One for each level of the layer, coarse to fine.
    levels: Vec<LevelIndex>,
}

/// The parts that answer for one level. Those that a change leaves as they are, are shared with the index before it.
#[derive(Debug)]
struct LevelIndex {
    units: Arc<UnitTree>,
    borders: Arc<BorderTree>,
    holes: Arc<Holes>,
}

impl LayerIndex {
    pub fn build(coverage: Arc<ValidCoverage>) -> Self {
        let level = |depth| LevelIndex {
            units: Arc::new(UnitTree::build(&coverage, depth)),
            borders: Arc::new(BorderTree::build(&coverage, depth)),
            holes: Arc::new(Holes::find(&coverage, depth)),
        };
        let levels = (0..coverage.levels().len()).into_par_iter().map(level).collect();
        Self { coverage, levels }
    }

    /// Makes the index of a coverage that was made from this one's, given what differs between the two. It answers as one built anew
    /// does; each part decides whether it is shared, corrected or built.
    pub fn patched(&self, next: Arc<ValidCoverage>, changes: &Changes) -> Self {
        let step = Step { base: &self.coverage, next: &next, changes };
        let level = |(depth, level): (usize, &LevelIndex)| LevelIndex {
            units: level.units.patched(&step).map_or_else(|| Arc::clone(&level.units), Arc::new),
            borders: level.borders.patched(&step).map_or_else(|| Arc::clone(&level.borders), Arc::new),
            holes: Holes::patched(&step, depth).map_or_else(|| Arc::clone(&level.holes), Arc::new),
        };
        let levels = self.levels.par_iter().enumerate().map(level).collect();
        Self { coverage: next, levels }
    }

    pub fn coverage(&self) -> &Arc<ValidCoverage> {
        &self.coverage
    }

    /// Returns the memory that is held beside the coverage, in bytes.
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.units.bytes() + level.borders.bytes() + level.holes.bytes()).sum()
    }

    /// Returns who owns `position` at a depth of the layer, 0 being the coarsest level, by the owner rule:
    ///
    /// * the position is taken as `p + (ε, ε²)`: on a border the unit to the east has it, on a level border the unit to the north;
    /// * where the shifted position lies in no unit but the position itself is on a border, the touching unit of smallest code has it;
    /// * where accepted overlaps give several units, the smallest code has it, status overlap;
    /// * else the status is gap where the level surrounds the position or a coarser unit has it, and outside everywhere else.
    pub fn owner(&self, position: Position, depth: usize) -> Owner {
        let (first, count) = self.shifted_owner(position, depth);
        match (first, count) {
            (Some(unit), 1) => return Owner { status: Status::Inside, unit: Some(unit) },
            (Some(unit), _) => return Owner { status: Status::Overlap, unit: Some(unit) },
            (None, _) => {}
        }
        if let Some(unit) = self.levels[depth].units.find_touching(&self.coverage, position.into()) {
            return Owner { status: Status::Inside, unit: Some(unit) };
        }
        let is_gap = self.levels[depth].holes.surround(position.into()) || self.find_coarser(position, depth).is_some();
        Owner { status: if is_gap { Status::Gap } else { Status::Outside }, unit: None }
    }

    /// Returns all that boundaries say about `position` at `depth`, with the other units that lie within `doubt_m` metres, at
    /// most `ALTERNATIVES_MAX` of them.
    pub fn locate(&self, position: Position, depth: usize, doubt_m: f64) -> Located {
        let Owner { status, unit } = self.owner(position, depth);
        let mut located = Located {
            status,
            unit,
            // Outside of all units there is no coarser one either.
            path: if status == Status::Outside { Vec::new() } else { self.path(position, depth, unit) },
            distance_to_border_m: None,
            alternatives: Vec::new(),
            nearest: None,
        };
        match unit {
            Some(unit) => {
                let covering = if status == Status::Overlap { self.covering(position, depth) } else { Vec::new() };
                let mut alternatives = Alternatives::new(unit, doubt_m, &covering);
                located.distance_to_border_m = self.measure(position, depth, unit, &mut alternatives);
                located.alternatives = alternatives.into_sorted();
            }
            None => located.nearest = self.nearest(position, depth),
        }
        located
    }

    /// Returns the unit whose border is nearest to a position in no unit, and of several at the same distance that of smallest code.
    pub fn nearest(&self, position: Position, depth: usize) -> Option<Neighbour> {
        if !is_finite(position) {
            return None;
        }
        let mut best: Option<Neighbour> = None;
        let observer = Observer::new(position.into());
        if let Some(nearest) = self.levels[depth].borders.nearest_on_rim(&self.coverage, &observer) {
            return Some(nearest);
        }
        self.levels[depth].borders.for_each_near(
            &self.coverage,
            &observer,
            f64::INFINITY,
            |_| true,
            |distance_m, sides| {
                for unit in [sides.left, sides.right].into_iter().flatten() {
                    if best.is_none_or(|b| (distance_m, unit) < (b.distance_m, b.unit)) {
                        best = Some(Neighbour { unit, distance_m });
                    }
                }
                best.map_or(f64::INFINITY, |b| b.distance_m)
            },
        );
        best
    }

    /// Returns the units of a level that have a point in common with a closed box in degrees, in the order of their codes.
    pub fn units_intersecting(&self, depth: usize, window: Rect<f64>) -> Vec<UnitIndex> {
        self.levels[depth].units.units_intersecting(&self.coverage, window)
    }

    /// The unit of smallest code that holds the shifted position, and how many do.
    fn shifted_owner(&self, position: Position, depth: usize) -> (Option<UnitIndex>, usize) {
        let (mut first, mut count) = (None, 0);
        self.levels[depth].units.for_each_owner(&self.coverage, position.into(), &mut |unit| {
            first = Some(first.map_or(unit, |f: UnitIndex| f.min(unit)));
            count += 1;
        });
        (first, count)
    }

    fn covering(&self, position: Position, depth: usize) -> Vec<UnitIndex> {
        let mut units = Vec::new();
        self.levels[depth].units.for_each_owner(&self.coverage, position.into(), &mut |unit| units.push(unit));
        units
    }

    /// The unit that owns the position at the next coarser level that has one there.
    fn find_coarser(&self, position: Position, depth: usize) -> Option<(usize, UnitIndex)> {
        (0..depth).rev().find_map(|above| {
            let found = self.shifted_owner(position, above).0;
            Some((above, found.or_else(|| self.levels[above].units.find_touching(&self.coverage, position.into()))?))
        })
    }

    /// Returns the units that hold a position, coarse to fine, given the owner at `depth`: upwards by the parents' table, so that
    /// the path never contradicts it, and by position where the table has nothing.
    pub fn path(&self, position: Position, depth: usize, unit: Option<UnitIndex>) -> Vec<(usize, UnitIndex)> {
        let mut path = Vec::new();
        let mut next = unit.map(|unit| (depth, unit)).or_else(|| self.find_coarser(position, depth));
        while let Some((depth, unit)) = next {
            path.push((depth, unit));
            let parent = self.coverage.levels()[depth].parent(unit).map(|parent| (depth - 1, parent));
            next = parent.or_else(|| self.find_coarser(position, depth));
        }
        path.reverse();
        path
    }

    /// Measures the way to the border of `unit`, and collects the units around within the distance of doubt.
    fn measure(&self, position: Position, depth: usize, unit: UnitIndex, alternatives: &mut Alternatives) -> Option<f64> {
        let observer = Observer::new(position.into());
        if let Some(border_m) = self.levels[depth].borders.measure_from_within(&self.coverage, &observer, unit, alternatives) {
            return Some(border_m);
        }
        let mut border_m = f64::INFINITY;
        let is_own = |sides: Sides| sides.left == Some(unit) || sides.right == Some(unit);
        self.levels[depth].borders.for_each_near(
            &self.coverage,
            &observer,
            f64::INFINITY,
            |_| true,
            |distance_m, sides| {
                if is_own(sides) {
                    border_m = border_m.min(distance_m);
                }
                alternatives.add(distance_m, sides);
                border_m.max(alternatives.bound_m())
            },
        );
        border_m.is_finite().then_some(border_m)
    }
}

fn is_finite(position: Position) -> bool {
    let at = Coord::from(position);
    at.x.is_finite() && at.y.is_finite()
}
