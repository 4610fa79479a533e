use rustc_hash::FxHashMap;

use super::arcs::UnitIndex;
use super::coverage::ValidCoverage;

/// The neighbours of every unit of a level.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    of: Vec<Vec<Neighbour>>,
}

/// A unit beside another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    pub unit: UnitIndex,
    /// The length of the shared border; 0 where the two meet in points only.
    pub border_m: f64,
}

impl Neighbour {
    /// Whether the two meet in points only, as the black squares of a chess board.
    pub fn only_touches(&self) -> bool {
        self.border_m == 0.0
    }
}

impl Neighbours {
    /// Returns the neighbours of a unit in the order of codes, those that only touch it included.
    pub fn of(&self, unit: UnitIndex) -> &[Neighbour] {
        self.of.get(unit.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Returns the neighbours that share a border of some length with a unit.
    pub fn along_border(&self, unit: UnitIndex) -> impl Iterator<Item = &Neighbour> {
        self.of(unit).iter().filter(|neighbour| !neighbour.only_touches())
    }
}

impl ValidCoverage {
    /// Finds the neighbours of every unit of a level.
    ///
    /// Units are neighbours where they share an arc, or the end of one. Units that overlap by an accepted
    /// fault without a shared vertex are none.
    pub fn neighbours(&self, depth: usize) -> Neighbours {
        let mut pairs: FxHashMap<(UnitIndex, UnitIndex), f64> = FxHashMap::default();
        for (a, b) in self.touching_pairs(depth) {
            pairs.insert((a, b), 0.0);
        }
        for border in self.borders(depth) {
            if let Some(other) = border.other {
                pairs.insert((border.unit, other), border.length_m);
            }
        }
        let mut of: Vec<Vec<Neighbour>> = vec![Vec::new(); self.levels[depth].units.len()];
        for ((a, b), border_m) in pairs {
            of[a.0 as usize].push(Neighbour { unit: b, border_m });
            of[b.0 as usize].push(Neighbour { unit: a, border_m });
        }
        of.iter_mut().for_each(|list| list.sort_by_key(|neighbour| neighbour.unit));
        Neighbours { of }
    }

    /// Returns the pairs of units, the lower first, that meet in the end of an arc.
    ///
    /// Inside an arc nothing meets but its two sides, so the ends are all that need looking at.
    fn touching_pairs(&self, depth: usize) -> Vec<(UnitIndex, UnitIndex)> {
        let mut at_end: Vec<((u64, u64), UnitIndex)> = Vec::new();
        for arc in self.arcs.ids() {
            let (sides, coords) = (self.arcs.sides(arc, depth), self.arcs.coords(arc));
            for end in [coords[0], coords[coords.len() - 1]] {
                let key = (end.x.to_bits(), end.y.to_bits());
                at_end.extend([sides.left, sides.right].into_iter().flatten().map(|unit| (key, unit)));
            }
        }
        at_end.sort_unstable();
        at_end.dedup();
        let mut pairs: Vec<(UnitIndex, UnitIndex)> = Vec::new();
        for group in at_end.chunk_by(|a, b| a.0 == b.0) {
            for (at, (_, a)) in group.iter().enumerate() {
                pairs.extend(group[at + 1..].iter().map(|(_, b)| (*a, *b)));
            }
        }
        pairs
    }
}
