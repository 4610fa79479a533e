//! Puts rings of units together from their borders.

use std::cmp::Ordering;

use geo_types::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use rustc_hash::FxHashMap;

use super::board::Board;
use super::nodes::{Key, key_of};
use super::refusal::{Reason, Refusal, Refused};
use crate::topology::{Plane, UnitIndex, orientation};

/// An arc in the direction in which the unit lies on its left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Half {
    pub arc: u32,
    pub reversed: bool,
}

/// A part of a unit: its outer ring first, then its holes.
pub(super) type Part = Vec<Vec<Half>>;

impl Board {
    pub fn is_as_in_base(&self, depth: usize, unit: u32) -> bool {
        let is_known = (unit as usize) < self.base.levels()[depth].units().len();
        // What was changed and changed back is as it was.
        let is_same = |arcs: &Vec<u32>| arcs.iter().all(|arc| !self.slots.contains_key(arc)) && *arcs == self.base_borders(depth, unit);
        is_known && self.borders.get(&(depth, unit)).is_none_or(is_same)
    }

    /// Puts a unit's geometry together: exteriors counter-clockwise, holes clockwise, rings closed.
    pub fn geometry(&self, depth: usize, unit: u32) -> MultiPolygon<f64> {
        if self.is_as_in_base(depth, unit) {
            return self.base.to_geometry(depth, UnitIndex(unit));
        }
        // Borders bound their unit at all times, see `parts`.
        let parts = self.parts(depth, unit).unwrap_or_default();
        MultiPolygon(parts.iter().map(|part| self.polygon(part)).collect())
    }

    pub fn polygon(&self, part: &Part) -> Polygon<f64> {
        let mut lines = part.iter().map(|ring| LineString(self.ring(ring)));
        let exterior = lines.next().unwrap_or_else(|| LineString(Vec::new()));
        Polygon::new(exterior, lines.collect())
    }

    pub fn place_of(&self, depth: usize, unit: u32) -> Option<Geometry<f64>> {
        let mut geometry = self.geometry(depth, unit);
        Some(if geometry.0.len() == 1 { Geometry::Polygon(geometry.0.remove(0)) } else { Geometry::MultiPolygon(geometry) })
    }

    /// Returns the coordinates of a closed ring.
    pub fn ring(&self, ring: &[Half]) -> Vec<Coord<f64>> {
        let mut coords = Vec::new();
        for (at, half) in ring.iter().enumerate() {
            self.for_each_coord(*half, usize::from(at > 0), |c| coords.push(c));
        }
        coords
    }

    pub fn for_each_coord(&self, half: Half, skip: usize, visit: impl FnMut(Coord<f64>)) {
        let coords = self.arc(half.arc).coords();
        if half.reversed {
            coords.iter().rev().skip(skip).copied().for_each(visit);
        } else {
            coords.iter().skip(skip).copied().for_each(visit);
        }
    }

    /// Returns the parts of a unit.
    ///
    /// # Errors
    /// The borders do not close, which is how a cut that went wrong is noticed before it is kept.
    pub fn parts(&self, depth: usize, unit: u32) -> Refused<Vec<Part>> {
        self.parts_with(depth, unit, &[])
    }

    /// Returns the parts into which lines that run through a unit cut it.
    pub fn parts_with(&self, depth: usize, unit: u32, cuts: &[u32]) -> Refused<Vec<Part>> {
        let mut halves: Vec<Half> = Vec::new();
        for arc in self.borders_of(depth, unit) {
            let sides = self.arc(arc).sides(depth);
            halves.push(Half { arc, reversed: sides.left != Some(UnitIndex(unit)) });
        }
        halves.extend(cuts.iter().flat_map(|arc| [false, true].map(|reversed| Half { arc: *arc, reversed })));
        let rings = self
            .trace(&halves)
            .ok_or_else(|| Refusal::new(Reason::BadShape, "the borders would not close").of(self.code_of(depth, unit)))?;
        self.nest(rings)
    }

    fn code_of(&self, depth: usize, unit: u32) -> Option<crate::boundary::UnitCode> {
        self.units[depth][unit as usize].unit.as_ref().map(|unit| unit.code.clone())
    }

    /// Walks along halves, at each node taking the first to the right, which keeps to the same face. What comes back to a node is a
    /// ring of its own, so that rings meet themselves nowhere.
    fn trace(&self, halves: &[Half]) -> Option<Vec<Vec<Half>>> {
        let mut stars: FxHashMap<Key, Vec<usize>> = FxHashMap::default();
        for (at, half) in halves.iter().enumerate() {
            stars.entry(key_of(self.ends(*half).0)).or_default().push(at);
        }
        let next: Vec<usize> =
            halves.iter().map(|half| self.turn(halves, *half, stars.get(&key_of(self.ends(*half).1))?)).collect::<Option<_>>()?;
        let mut is_used = vec![false; halves.len()];
        let mut rings = Vec::new();
        for start in 0..halves.len() {
            if is_used[start] {
                continue;
            }
            let mut cycle = Vec::new();
            let mut at = start;
            loop {
                if std::mem::replace(&mut is_used[at], true) {
                    return None;
                }
                cycle.push(halves[at]);
                at = next[at];
                if at == start {
                    break;
                }
            }
            self.part_cycle(cycle, &mut rings);
        }
        Some(rings)
    }

    /// Takes a cycle that may come to a node several times apart into rings that do not.
    fn part_cycle(&self, cycle: Vec<Half>, rings: &mut Vec<Vec<Half>>) {
        let (mut walk, mut seen): (Vec<Half>, FxHashMap<Key, usize>) = (Vec::new(), FxHashMap::default());
        for half in cycle {
            let (first, last, ..) = self.ends(half);
            seen.insert(key_of(first), walk.len());
            walk.push(half);
            if let Some(from) = seen.get(&key_of(last)).copied() {
                let ring: Vec<Half> = walk.drain(from..).collect();
                ring.iter().for_each(|half| {
                    seen.remove(&key_of(self.ends(*half).0));
                });
                rings.push(ring);
            }
        }
    }

    /// Returns which of the halves that leave the end of one is the first clockwise from where it came.
    fn turn(&self, halves: &[Half], came: Half, star: &[usize]) -> Option<usize> {
        if let [only] = star {
            return Some(*only);
        }
        let (node, back) = (self.ends(came).1, self.ends(came).3);
        star.iter().copied().min_by(|a, b| {
            let (a, b) = (self.ends(halves[*a]).2, self.ends(halves[*b]).2);
            clockwise(node, back, a, b)
        })
    }

    /// Returns of a half its first and last vertex, and the ones next to them.
    pub fn ends(&self, half: Half) -> (Coord<f64>, Coord<f64>, Coord<f64>, Coord<f64>) {
        let coords = self.arc(half.arc).coords();
        let last = coords.len() - 1;
        match half.reversed {
            false => (coords[0], coords[last], coords[1], coords[last - 1]),
            true => (coords[last], coords[0], coords[last - 1], coords[1]),
        }
    }

    /// Gives each hole to the part that it lies in.
    fn nest(&self, rings: Vec<Vec<Half>>) -> Refused<Vec<Part>> {
        let (mut parts, mut holes) = (Vec::new(), Vec::new());
        for ring in rings {
            let coords = self.ring(&ring);
            let area = (Plane::Projected { unit_m: 1.0 }).ring_area_m2(&LineString(coords.clone()));
            if area > 0.0 {
                parts.push((vec![ring], coords, area));
            } else {
                holes.push((ring, coords));
            }
        }
        for (ring, coords) in holes {
            let is_around = |outer: &Vec<Coord<f64>>| coords.iter().find_map(|c| is_inside(*c, outer)).unwrap_or(false);
            // Of parts inside parts, which a ring drawn around another makes, the hole is of the innermost.
            let around = || parts.iter().enumerate().filter(|(_, (_, outer, _))| is_around(outer));
            let innermost = || around().min_by(|(_, a), (_, b)| a.2.total_cmp(&b.2)).map(|(at, _)| at);
            let at = if parts.len() == 1 { Some(0) } else { innermost() };
            let Some(at) = at else { return Err(Refusal::new(Reason::BadShape, "a hole would lie in no part of its unit").along(&coords)) };
            parts[at].0.push(ring);
        }
        Ok(parts.into_iter().map(|(part, ..)| part).collect())
    }

    /// Returns which arc with its direction a line that leaves a node towards a place has on its right, so that the line lies in the
    /// face to the left of that arc.
    pub fn face_towards(&self, node: Coord<f64>, towards: Coord<f64>) -> Option<Half> {
        let mut leaving: Vec<Half> = Vec::new();
        for spot in self.spots(node) {
            leaving.push(Half { arc: spot.arc, reversed: spot.at != 0 });
        }
        leaving.into_iter().min_by(|a, b| clockwise(node, towards, self.ends(*a).2, self.ends(*b).2))
    }

    pub fn left_of(&self, half: Half, depth: usize) -> Option<UnitIndex> {
        let sides = self.arc(half.arc).sides(depth);
        if half.reversed { sides.right } else { sides.left }
    }
}

/// Compares by how far one turns clockwise from `from` to get to `a` and to `b`, seen from `node`. Straight back is the farthest.
fn clockwise(node: Coord<f64>, from: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> Ordering {
    // Which quarter of the way round it is, clockwise: just behind `from` to its right, opposite, to its left, `from` itself.
    let sector = |c: Coord<f64>| {
        let side = orientation(node, from, c);
        let along = (c.x - node.x) * (from.x - node.x) + (c.y - node.y) * (from.y - node.y);
        match side {
            side if side < 0.0 => 0,
            side if side > 0.0 => 2,
            _ if along < 0.0 => 1,
            _ => 3,
        }
    };
    sector(a).cmp(&sector(b)).then_with(|| {
        // Of two on the same side, the one that has the other on its right comes later.
        let side = orientation(node, a, b);
        if side < 0.0 {
            Ordering::Less
        } else if side > 0.0 {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    })
}

/// Whether a place lies in a closed ring; none where it lies on it. Decided exactly.
pub(super) fn is_inside(place: Coord<f64>, ring: &[Coord<f64>]) -> Option<bool> {
    let mut is_inside = false;
    for edge in ring.windows(2) {
        let [a, b] = [edge[0], edge[1]];
        let side = orientation(a, b, place);
        let is_beside = place.x >= a.x.min(b.x) && place.x <= a.x.max(b.x) && place.y >= a.y.min(b.y) && place.y <= a.y.max(b.y);
        if side == 0.0 && is_beside {
            return None;
        }
        if (a.y > place.y) != (b.y > place.y) && (side > 0.0) == (b.y > a.y) {
            is_inside = !is_inside;
        }
    }
    Some(is_inside)
}
