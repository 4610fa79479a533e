use crate::index::located::Neighbour;
use crate::topology::{Sides, UnitIndex};

/// Most alternatives in one answer. Who asks with an accuracy of kilometres needs the nearest, not a district's whole list.
const ALTERNATIVES_MAX: usize = 32;

/// The units near a position, without the one that owns it.
pub(in crate::index) struct Alternatives {
    owner: UnitIndex,
    bound_m: f64,
    found: Vec<Neighbour>,
}

impl Alternatives {
    /// Begins with the units that cover the position too.
    pub(in crate::index) fn new(owner: UnitIndex, bound_m: f64, covering: &[UnitIndex]) -> Self {
        let found = covering.iter().filter(|unit| **unit != owner).map(|&unit| Neighbour { unit, distance_m: 0.0 }).collect();
        Self { owner, bound_m, found }
    }

    /// Returns how near a border must be to matter; less and less where very many are near.
    pub(in crate::index) fn bound_m(&self) -> f64 {
        self.bound_m
    }

    pub(in crate::index) fn add(&mut self, distance_m: f64, sides: Sides) {
        if distance_m > self.bound_m {
            return;
        }
        for unit in [sides.left, sides.right].into_iter().flatten().filter(|unit| *unit != self.owner) {
            match self.found.iter_mut().find(|neighbour| neighbour.unit == unit) {
                Some(known) => known.distance_m = known.distance_m.min(distance_m),
                None => self.found.push(Neighbour { unit, distance_m }),
            }
        }
        if self.found.len() >= 2 * ALTERNATIVES_MAX {
            self.trim();
            self.bound_m = self.found[ALTERNATIVES_MAX - 1].distance_m;
        }
    }

    /// Returns the units found, the nearest first, of several at the same distance that of smallest code first.
    pub(in crate::index) fn into_sorted(mut self) -> Vec<Neighbour> {
        self.trim();
        self.found
    }

    fn trim(&mut self) {
        self.found.sort_by(|a, b| a.distance_m.total_cmp(&b.distance_m).then(a.unit.cmp(&b.unit)));
        self.found.truncate(ALTERNATIVES_MAX);
    }
}
