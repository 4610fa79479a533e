/// The base units of a plan as a graph: who lies beside whom, and along how much border.
///
/// Units are numbered from 0 in the order in which they were given. Units that meet in points only are not beside each other, as nobody
/// walks from one to the other through a point.
#[derive(Clone, Debug, Default)]
pub struct BaseGraph {
    units: Vec<BaseUnit>,
    /// `starts[u]..starts[u + 1]` are the places in `beside` of what lies beside unit `u`.
    starts: Vec<u32>,
    beside: Vec<Beside>,
}

/// What a plan needs to know of a base unit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BaseUnit {
    /// The centre of its ground on a local plane, metres to the east and to the north.
    pub x_m: f64,
    pub y_m: f64,
    pub area_m2: f64,
    /// The length of its border with no other unit: the outer rim and the rims of gaps.
    pub rim_m: f64,
}

/// A unit that shares a border of some length with another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beside {
    pub unit: u32,
    pub border_m: f64,
    /// How dear a metre of the border is to a balance, 1 usually. No measure looks at it.
    pub weight: f64,
}

impl BaseGraph {
    /// Makes a graph of units and the borders between two of them, each pair given once.
    ///
    /// # Panics
    /// A border names a unit that is not there.
    pub fn new(units: Vec<BaseUnit>, borders: &[(u32, u32, f64)]) -> Self {
        let mut starts = vec![0u32; units.len() + 1];
        for (a, b, _) in borders {
            starts[*a as usize + 1] += 1;
            starts[*b as usize + 1] += 1;
        }
        for at in 0..units.len() {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut beside = vec![Beside { unit: 0, border_m: 0.0, weight: 1.0 }; 2 * borders.len()];
        for (a, b, border_m) in borders {
            for (from, to) in [(*a, *b), (*b, *a)] {
                let place = &mut next[from as usize];
                beside[*place as usize] = Beside { unit: to, border_m: *border_m, weight: 1.0 };
                *place += 1;
            }
        }
        for at in 0..units.len() {
            beside[starts[at] as usize..starts[at + 1] as usize].sort_unstable_by_key(|beside| beside.unit);
        }
        Self { units, starts, beside }
    }

    /// Leaves units out; those that stay keep their order. Borders with what is left out are outer ones then.
    #[must_use]
    pub fn keep(&self, keeps: &[bool]) -> Self {
        let mut place = vec![None; self.len()];
        let mut units = Vec::new();
        for (at, unit) in self.units.iter().enumerate().filter(|(at, _)| keeps[*at]) {
            place[at] = Some(u32::try_from(units.len()).expect("units are counted in 32 bits"));
            units.push(*unit);
        }
        let mut borders = Vec::new();
        for (a, b, border_m) in self.borders() {
            match (place[a as usize], place[b as usize]) {
                (Some(a), Some(b)) => borders.push((a, b, border_m)),
                (Some(kept), None) | (None, Some(kept)) => units[kept as usize].rim_m += border_m,
                (None, None) => {}
            }
        }
        let mut kept = Self::new(units, &borders);
        let weight_of = |unit: u32, other: u32| self.beside(unit).iter().find(|beside| beside.unit == other).map(|beside| beside.weight);
        let old: Vec<u32> = (0u32..).zip(keeps).filter(|(_, keeps)| **keeps).map(|(unit, _)| unit).collect();
        kept.weigh_borders(|a, b| weight_of(old[a as usize], old[b as usize]).unwrap_or(1.0));
        kept
    }

    /// Says how dear a metre of each border is to a balance; `weight_of` gets both units, in either order.
    pub fn weigh_borders(&mut self, weight_of: impl Fn(u32, u32) -> f64) {
        for unit in 0..self.units.len() {
            let places = self.starts[unit] as usize..self.starts[unit + 1] as usize;
            for beside in &mut self.beside[places] {
                beside.weight = weight_of(unit as u32, beside.unit);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.units.len()
    }

    pub fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    pub fn unit(&self, unit: u32) -> &BaseUnit {
        &self.units[unit as usize]
    }

    pub fn units(&self) -> &[BaseUnit] {
        &self.units
    }

    /// Returns what lies beside a unit, in the order of numbers.
    pub fn beside(&self, unit: u32) -> &[Beside] {
        &self.beside[self.starts[unit as usize] as usize..self.starts[unit as usize + 1] as usize]
    }

    /// Returns each pair of units beside each other once, the lower number first.
    pub fn borders(&self) -> impl Iterator<Item = (u32, u32, f64)> + '_ {
        (0u32..).zip(&self.units).flat_map(move |(unit, _)| {
            self.beside(unit).iter().filter(move |beside| beside.unit > unit).map(move |beside| (unit, beside.unit, beside.border_m))
        })
    }

    /// Returns the number of connected pieces that units make, each piece numbered by its first unit, for units alike by `same`.
    pub fn pieces(&self, same: impl Fn(u32, u32) -> bool) -> (Vec<u32>, usize) {
        const NONE: u32 = u32::MAX;
        let mut piece_of = vec![NONE; self.len()];
        let (mut count, mut queue) = (0u32, Vec::new());
        for start in 0..u32::try_from(self.len()).expect("units are counted in 32 bits") {
            if piece_of[start as usize] != NONE {
                continue;
            }
            piece_of[start as usize] = count;
            queue.push(start);
            while let Some(unit) = queue.pop() {
                for beside in self.beside(unit) {
                    if piece_of[beside.unit as usize] == NONE && same(unit, beside.unit) {
                        piece_of[beside.unit as usize] = count;
                        queue.push(beside.unit);
                    }
                }
            }
            count += 1;
        }
        (piece_of, count as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(unit: u32, border_m: f64) -> Beside {
        Beside { unit, border_m, weight: 1.0 }
    }

    #[test]
    fn a_border_is_seen_from_both_sides() {
        let graph = BaseGraph::new(vec![BaseUnit::default(); 3], &[(2, 0, 5.0), (0, 1, 3.0)]);
        assert_eq!(graph.beside(0), [beside(1, 3.0), beside(2, 5.0)]);
        assert_eq!(graph.beside(2), [beside(0, 5.0)]);
        assert_eq!(graph.borders().collect::<Vec<_>>(), [(0, 1, 3.0), (0, 2, 5.0)]);
    }

    #[test]
    fn weights_stay_with_their_borders_when_units_are_left_out() {
        let mut graph = BaseGraph::new(vec![BaseUnit::default(); 3], &[(0, 1, 1.0), (1, 2, 2.0)]);
        graph.weigh_borders(|a, b| f64::from(a + b));
        assert_eq!(graph.beside(2)[0].weight, 3.0);
        let kept = graph.keep(&[false, true, true]);
        assert_eq!((kept.beside(0)[0].weight, kept.beside(1)[0].weight), (3.0, 3.0));
    }

    #[test]
    fn pieces_are_what_hangs_together() {
        let graph = BaseGraph::new(vec![BaseUnit::default(); 4], &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0)]);
        let side = [0, 0, 1, 0];
        let (piece_of, count) = graph.pieces(|a, b| side[a as usize] == side[b as usize]);
        assert_eq!((piece_of, count), (vec![0, 0, 1, 2], 3));
    }
}
