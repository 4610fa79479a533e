//! Moves, inserts and deletes vertices. Borders are shared, so the neighbours follow.
//!
//! A vertex moves along a straight line, and its edges sweep triangles. Where no other vertex lies in them and the edges end up
//! meeting no other, nothing was passed over on the way: a border that cuts a triangle would have to leave it across an edge that is
//! there or will be, or begin in its third corner and cross the way itself, which is looked at as well. So the faces are the same as
//! before, and only their shapes have changed. All of this is decided exactly.

use geo_types::Coord;

use super::board::Board;
use super::line::Line;
use super::nearby::{Spot, envelope};
use super::operation::Reach;
use super::refusal::{Reason, Refusal, Refused};
use crate::topology::{meet, orientation};

impl Board {
    pub fn move_vertex(&mut self, at: Coord<f64>, to: Coord<f64>, reach: Reach) -> Refused<()> {
        let from = self.find_vertex(at, reach.within_m)?;
        self.shift(from, to, reach.with_parents)
    }

    pub fn move_edge(&mut self, edge: [Coord<f64>; 2], by: Coord<f64>, reach: Reach) -> Refused<()> {
        let ends = [self.find_vertex(edge[0], reach.within_m)?, self.find_vertex(edge[1], reach.within_m)?];
        let is_edge = self.spots(ends[0]).into_iter().any(|spot| self.beside_spot(spot).any(|beside| beside == ends[1]));
        if !is_edge {
            let detail = "no border runs straight from the one vertex to the other";
            return Err(Refusal::new(Reason::NoBorder, detail).along(&ends));
        }
        // One end goes first; which one may, depends on where the edge goes.
        let to = |end: Coord<f64>| Coord { x: end.x + by.x, y: end.y + by.y };
        if self.shift(ends[0], to(ends[0]), reach.with_parents).is_ok() {
            return self.shift(ends[1], to(ends[1]), reach.with_parents);
        }
        self.shift(ends[1], to(ends[1]), reach.with_parents)?;
        self.shift(ends[0], to(ends[0]), reach.with_parents)
    }

    pub fn insert_vertex(&mut self, at: Coord<f64>, to: Option<Coord<f64>>, reach: Reach) -> Refused<()> {
        let (spot, on) = self.find_edge(at, reach.within_m)?;
        let vertex = self.insert(spot, on)?;
        match to {
            Some(to) if to != vertex => self.shift(vertex, to, reach.with_parents),
            _ => Ok(()),
        }
    }

    pub fn delete_vertex(&mut self, at: Coord<f64>, reach: Reach) -> Refused<()> {
        let vertex = self.find_vertex(at, reach.within_m)?;
        let spots = self.spots(vertex);
        let beside: Vec<Coord<f64>> = spots.iter().flat_map(|spot| self.beside_spot(*spot)).collect();
        let &[a, b] = &beside[..] else {
            return Err(Refusal::new(Reason::Junction, format!("{} borders meet here", beside.len())).at(vertex));
        };
        self.guard_ground(&spots, reach.with_parents, vertex)?;
        self.check_sweep(vertex, [a, vertex, b], &[a, vertex, b])?;
        self.check_edge(a, b, &[[a, vertex], [vertex, b]])?;
        match spots[..] {
            [spot] => self.edit(spot.arc, |coords| {
                coords.remove(spot.at);
            }),
            [one, two] if one.arc == two.arc => self.edit(one.arc, |coords| {
                // It closes on itself, from now on at the next vertex.
                coords.remove(0);
                let last = coords.len() - 1;
                coords[last] = coords[0];
            }),
            [one, two] => self.join(one, two),
            _ => (),
        }
        Ok(())
    }

    /// Moves a vertex to where none is.
    fn shift(&mut self, from: Coord<f64>, to: Coord<f64>, with_parents: bool) -> Refused<()> {
        if from == to {
            return Ok(());
        }
        check_range(to)?;
        let spots = self.spots(from);
        self.guard_ground(&spots, with_parents, from)?;
        let beside: Vec<Coord<f64>> = spots.iter().flat_map(|spot| self.beside_spot(*spot)).collect();
        let old: Vec<[Coord<f64>; 2]> = beside.iter().map(|end| [*end, from]).collect();
        self.check_edge(from, to, &old)?;
        for end in &beside {
            self.check_sweep(to, [*end, from, to], &[*end, from])?;
            self.check_edge(*end, to, &old)?;
        }
        let mut arcs: Vec<u32> = spots.iter().map(|spot| spot.arc).collect();
        arcs.dedup();
        for arc in arcs {
            self.edit(arc, |coords| coords.iter_mut().filter(|c| **c == from).for_each(|c| *c = to));
        }
        Ok(())
    }

    /// Puts a vertex on an edge and returns it; one that is there already is taken.
    pub fn insert(&mut self, spot: Spot, on: Coord<f64>) -> Refused<Coord<f64>> {
        let coords = self.arc(spot.arc).coords();
        let (a, b) = (coords[spot.at], coords[spot.at + 1]);
        if let Some(end) = [a, b].into_iter().find(|end| *end == on) {
            return Ok(end);
        }
        check_range(on)?;
        self.check_sweep(on, [a, on, b], &[a, b])?;
        self.check_edge(a, on, &[[a, b]])?;
        self.check_edge(on, b, &[[a, b]])?;
        self.edit(spot.arc, |coords| coords.insert(spot.at + 1, on));
        Ok(on)
    }

    /// Makes an end of arcs of a vertex inside one.
    pub fn make_node(&mut self, vertex: Coord<f64>) {
        if self.nodes.is_node(vertex) {
            return;
        }
        for spot in self.spots(vertex) {
            let line = self.arc(spot.arc).to_line(self.units.len());
            let (head, tail) = (line.coords[..=spot.at].to_vec(), line.coords[spot.at..].to_vec());
            self.put_arc(spot.arc, Some(Line { coords: head, sides: line.sides.clone() }));
            self.add_arc(Line { coords: tail, sides: line.sides });
        }
    }

    fn edit(&mut self, arc: u32, change: impl FnOnce(&mut Vec<Coord<f64>>)) {
        let mut line = self.arc(arc).to_line(self.units.len());
        change(&mut line.coords);
        self.put_arc(arc, Some(line));
    }

    /// Makes one arc of two that end at the same vertex, without it.
    fn join(&mut self, one: Spot, two: Spot) {
        let (mut head, mut tail) = (self.arc(one.arc).to_line(self.units.len()), self.arc(two.arc).to_line(self.units.len()));
        if one.at == 0 {
            head.coords.reverse();
            head.sides.iter_mut().for_each(|sides| *sides = sides.reversed());
        }
        if two.at != 0 {
            tail.coords.reverse();
        }
        head.coords.pop();
        head.coords.extend_from_slice(&tail.coords[1..]);
        self.put_arc(two.arc, None);
        self.put_arc(one.arc, Some(head));
    }

    /// Turns away what would change the ground of a locked unit, or unasked that of a coarser one.
    fn guard_ground(&self, spots: &[Spot], with_parents: bool, place: Coord<f64>) -> Refused<()> {
        for spot in spots {
            let view = self.arc(spot.arc);
            for depth in (0..self.units.len()).rev() {
                let sides = view.sides(depth);
                if sides.left == sides.right {
                    continue;
                }
                let units: Vec<u32> = [sides.left, sides.right].into_iter().flatten().map(|unit| unit.0).collect();
                for unit in &units {
                    self.guard(depth, *unit).map_err(|refusal| refusal.at(place))?;
                }
                if depth < self.finest && !with_parents {
                    let level = self.base.levels()[depth].level();
                    let codes: Vec<_> = units.iter().map(|unit| self.code(depth, *unit)).collect();
                    let names = codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                    let detail = format!("the border of {level} {names} would move");
                    return Err(Refusal::new(Reason::CrossesParent, detail).of(codes).at(place));
                }
            }
        }
        Ok(())
    }

    /// Looks for vertices other than `own` in a triangle, its rim included.
    fn check_sweep(&self, place: Coord<f64>, triangle: [Coord<f64>; 3], own: &[Coord<f64>]) -> Refused<()> {
        for arc in self.arcs_in(envelope(&triangle)) {
            for c in self.arc(arc).coords() {
                if !own.contains(c) && is_in_triangle(*c, triangle) {
                    let detail = format!("the vertex {}, {} would be passed over", c.x, c.y);
                    return Err(Refusal::new(Reason::Swallows, detail).along(&[place, *c]));
                }
            }
        }
        Ok(())
    }

    /// Looks for edges other than `own` that an edge would meet elsewhere than in a common end.
    pub fn check_edge(&self, a: Coord<f64>, b: Coord<f64>, own: &[[Coord<f64>; 2]]) -> Refused<()> {
        if a == b {
            return Err(Refusal::new(Reason::BadShape, "two vertices would be in one place").at(a));
        }
        let window = envelope(&[a, b]);
        for arc in self.arcs_in(window) {
            for edge in self.arc(arc).coords().windows(2) {
                let [c, d] = [edge[0], edge[1]];
                let is_own = own.iter().any(|own| *own == [c, d] || *own == [d, c]);
                if is_own || !overlaps(&window, c, d) {
                    continue;
                }
                if let Some(place) = conflict([a, b], [c, d]) {
                    return Err(Refusal::new(Reason::CrossesBorder, "another border would be crossed or touched").at(place));
                }
            }
        }
        Ok(())
    }
}

/// Returns a place where two edges meet elsewhere than in a common end, or run along one another.
pub(super) fn conflict(one: [Coord<f64>; 2], two: [Coord<f64>; 2]) -> Option<Coord<f64>> {
    if one == two || one == [two[1], two[0]] {
        return Some(one[0]);
    }
    let mut found = None;
    meet(one, two, |place| found = found.or(Some(place)));
    found
}

fn overlaps(window: &rstar::AABB<[f64; 2]>, c: Coord<f64>, d: Coord<f64>) -> bool {
    let (low, high) = (window.lower(), window.upper());
    c.x.min(d.x) <= high[0] && c.x.max(d.x) >= low[0] && c.y.min(d.y) <= high[1] && c.y.max(d.y) >= low[1]
}

/// Whether a place lies in a triangle or on its rim, which may be a line.
fn is_in_triangle(place: Coord<f64>, [a, b, c]: [Coord<f64>; 3]) -> bool {
    let (low, high) = ([a.x.min(b.x).min(c.x), a.y.min(b.y).min(c.y)], [a.x.max(b.x).max(c.x), a.y.max(b.y).max(c.y)]);
    if place.x < low[0] || place.x > high[0] || place.y < low[1] || place.y > high[1] {
        return false;
    }
    let sides = [orientation(a, b, place), orientation(b, c, place), orientation(c, a, place)];
    !(sides.iter().any(|side| *side > 0.0) && sides.iter().any(|side| *side < 0.0))
}

pub(super) fn check_range(c: Coord<f64>) -> Refused<()> {
    if (-180.0..=180.0).contains(&c.x) && (-90.0..=90.0).contains(&c.y) {
        return Ok(());
    }
    let detail = format!("{}, {} is no longitude from -180 to 180 and latitude from -90 to 90", c.x, c.y);
    Err(Refusal::new(Reason::BadShape, detail))
}
