//! Draws a line through the coverage: where it meets borders both get a vertex in common, and between them new arcs run through
//! units, which are then cut along them.
//!
//! Where a line crosses an edge is rounded, which bends both by less than a nanometre. Whether anything is crossed by that is decided
//! exactly, as for every other vertex, and the cut is refused where it is.

use std::ops::ControlFlow;

use geo_types::Coord;
use rustc_hash::FxHashSet;

use super::board::Board;
use super::line::Line;
use super::nearby::{Scale, envelope};
use super::nodes::{Key, key_of};
use super::refusal::{Reason, Refusal, Refused};
use super::vertex::conflict;
use crate::topology::{Sides, meet};

/// A line that comes this near to a vertex of a border goes through it, metres: closer ones nobody can survey.
const SNAP_M: f64 = 1e-3;

/// A stretch of a line between borders.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub coords: Vec<Coord<f64>>,
    pub begins_at_border: bool,
    pub ends_at_border: bool,
}

/// A line cut into stretches that meet borders in their ends only.
#[derive(Debug, Default)]
pub(super) struct Chain {
    pub pieces: Vec<Piece>,
    /// The edges of the line that run along a border, in the direction of the line.
    pub along: Vec<[Coord<f64>; 2]>,
}

impl Board {
    /// Gives a line and the arcs that `meets` tells vertices in common, and cuts the line there.
    pub fn node_line(&mut self, line: &[Coord<f64>], meets: impl Fn(&Self, u32) -> bool) -> Refused<Chain> {
        check_simple(line)?;
        let mut noded: Vec<Coord<f64>> = Vec::new();
        let mut nodes: FxHashSet<Key> = FxHashSet::default();
        for edge in line.windows(2) {
            let mut hits = self.hits([edge[0], edge[1]], &meets);
            hits.sort_by(|a, b| a.0.total_cmp(&b.0).then(key_of(a.1).cmp(&key_of(b.1))));
            push(&mut noded, edge[0]);
            for (_, place) in hits {
                let vertex = self.vertex_at(place, &meets)?;
                nodes.insert(key_of(vertex));
                push(&mut noded, vertex);
            }
            push(&mut noded, edge[1]);
        }
        noded.iter().filter(|c| nodes.contains(&key_of(**c))).for_each(|c| self.make_node(*c));
        Ok(self.take_apart(&noded, &nodes))
    }

    /// Adds a piece as an arc inside the units that hold it.
    pub fn lay(&mut self, piece: &Piece, ground: &[Option<u32>]) -> Refused<u32> {
        for edge in piece.coords.windows(2) {
            self.check_edge(edge[0], edge[1], &[])?;
        }
        let side = |unit: &Option<u32>| unit.map(crate::topology::UnitIndex);
        let sides = ground.iter().map(|unit| Sides { left: side(unit), right: side(unit) }).collect();
        Ok(self.add_arc(Line { coords: piece.coords.clone(), sides }))
    }

    /// Returns for each depth the unit through which a piece runs.
    pub fn ground(&self, piece: &Piece) -> Option<Vec<Option<u32>>> {
        let count = piece.coords.len();
        let (node, towards) = match (piece.begins_at_border, piece.ends_at_border) {
            (true, _) => (piece.coords[0], piece.coords[1]),
            (false, true) => (piece.coords[count - 1], piece.coords[count - 2]),
            (false, false) => return None,
        };
        let half = self.face_towards(node, towards)?;
        Some((0..self.units.len()).map(|depth| self.left_of(half, depth).map(|unit| unit.0)).collect())
    }

    /// Returns the unit of a depth that holds a place which is on no border: the one beside the border that is next to the west.
    pub fn owner_at(&self, place: Coord<f64>, depth: usize) -> Option<u32> {
        let mut best: Option<(f64, u32, bool)> = None;
        let west = self.tree.iter().next().map(|_| envelope(&[Coord { x: -180.0, y: place.y }, place]))?;
        for arc in self.arcs_in(west) {
            let sides = self.arc(arc).sides(depth);
            if sides.left == sides.right {
                continue;
            }
            for edge in self.arc(arc).coords().windows(2) {
                let [a, b] = [edge[0], edge[1]];
                if (a.y > place.y) == (b.y > place.y) {
                    continue;
                }
                let x = a.x + (place.y - a.y) / (b.y - a.y) * (b.x - a.x);
                if x <= place.x && best.is_none_or(|best| x > best.0) {
                    best = Some((x, arc, b.y > a.y));
                }
            }
        }
        let (_, arc, runs_north) = best?;
        let sides = self.arc(arc).sides(depth);
        (if runs_north { sides.right } else { sides.left }).map(|unit| unit.0)
    }

    /// Returns where an edge meets arcs, and how far along it.
    fn hits(&self, edge: [Coord<f64>; 2], meets: &impl Fn(&Self, u32) -> bool) -> Vec<(f64, Coord<f64>)> {
        let (dx, dy) = (edge[1].x - edge[0].x, edge[1].y - edge[0].y);
        let along = |c: Coord<f64>| (c.x - edge[0].x) * dx + (c.y - edge[0].y) * dy;
        let mut hits = Vec::new();
        for arc in self.arcs_in(envelope(&edge)) {
            if !meets(self, arc) {
                continue;
            }
            for other in self.arc(arc).coords().windows(2) {
                let other = [other[0], other[1]];
                let ends = edge.iter().filter(|end| other.contains(end));
                hits.extend(ends.map(|end| (along(*end), *end)));
                meet(edge, other, |place| hits.push((along(place), place)));
            }
        }
        hits
    }

    /// Returns the vertex of a border at a place where there is to be one.
    fn vertex_at(&mut self, place: Coord<f64>, meets: &impl Fn(&Self, u32) -> bool) -> Refused<Coord<f64>> {
        let scale = Scale::at(place);
        let near = self.arcs_in(scale.window(place, SNAP_M));
        let found = near.iter().filter(|arc| meets(self, **arc)).flat_map(|arc| self.arc(*arc).coords()).copied();
        let found = found.map(|c| (scale.distance_m(place, c), key_of(c), c)).filter(|found| found.0 <= SNAP_M);
        if let Some((_, _, vertex)) = found.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))) {
            return Ok(vertex);
        }
        let (spot, _) = self.find_edge(place, SNAP_M)?;
        self.insert(spot, place)
    }

    fn take_apart(&self, noded: &[Coord<f64>], nodes: &FxHashSet<Key>) -> Chain {
        let is_node = |c: &Coord<f64>| nodes.contains(&key_of(*c));
        let mut chain = Chain::default();
        let mut from = 0;
        for at in 1..noded.len() {
            if !is_node(&noded[at]) && at + 1 < noded.len() {
                continue;
            }
            let coords = noded[from..=at].to_vec();
            from = at;
            let edge = [coords[0], coords[1]];
            if coords.len() == 2 && is_node(&edge[0]) && is_node(&edge[1]) && self.has_edge(edge) {
                chain.along.push(edge);
            } else {
                let (begins_at_border, ends_at_border) = (is_node(&coords[0]), is_node(&coords[coords.len() - 1]));
                chain.pieces.push(Piece { coords, begins_at_border, ends_at_border });
            }
        }
        chain
    }

    fn has_edge(&self, edge: [Coord<f64>; 2]) -> bool {
        self.spots(edge[0]).into_iter().any(|spot| self.beside_spot(spot).any(|beside| beside == edge[1]))
    }
}

fn push(line: &mut Vec<Coord<f64>>, c: Coord<f64>) {
    if line.last() != Some(&c) {
        line.push(c);
    }
}

/// Sees that a line, or a closed ring, meets itself nowhere but in its ends.
pub(super) fn check_simple(line: &[Coord<f64>]) -> Refused<()> {
    let edges: Vec<[Coord<f64>; 2]> = line.windows(2).map(|edge| [edge[0], edge[1]]).collect();
    // Edges are looked at from west to east, and only with those that reach as far.
    let mut order: Vec<usize> = (0..edges.len()).collect();
    let west = |at: usize| edges[at][0].x.min(edges[at][1].x);
    order.sort_by(|a, b| west(*a).total_cmp(&west(*b)));
    let found = order.iter().enumerate().try_for_each(|(place, &one)| {
        let east = edges[one][0].x.max(edges[one][1].x);
        for &two in order[place + 1..].iter().take_while(|two| west(**two) <= east) {
            let is_next = one.abs_diff(two) == 1 || one.abs_diff(two) + 1 == edges.len() && line.first() == line.last();
            let shares_end = edges[one].iter().any(|end| edges[two].contains(end));
            if let Some(at) = conflict(edges[one], edges[two]).or_else(|| (shares_end && !is_next).then_some(edges[two][0])) {
                return ControlFlow::Break(at);
            }
        }
        ControlFlow::Continue(())
    });
    match found {
        ControlFlow::Break(at) => Err(Refusal::new(Reason::LineCrossesItself, "the line meets itself").at(at)),
        ControlFlow::Continue(()) => Ok(()),
    }
}
