//! What lies near a place: vertices, edges, arcs.

use geo_types::Coord;
use rstar::AABB;
use rstar::primitives::{GeomWithData, Rectangle};

use super::board::Board;
use super::nodes::key_of;
use super::refusal::{Reason, Refusal, Refused};
use crate::topology::Plane;

/// The box of an arc and its number.
pub(super) type Boxed = GeomWithData<Rectangle<[f64; 2]>, u32>;

pub(super) fn boxed(arc: u32, coords: &[Coord<f64>]) -> Boxed {
    GeomWithData::new(Rectangle::from_aabb(envelope(coords)), arc)
}

pub(super) fn envelope(coords: &[Coord<f64>]) -> AABB<[f64; 2]> {
    let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    for c in coords {
        (low, high) = ([low[0].min(c.x), low[1].min(c.y)], [high[0].max(c.x), high[1].max(c.y)]);
    }
    AABB::from_corners(low, high)
}

/// The place of a vertex in an arc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub arc: u32,
    pub at: usize,
}

impl Board {
    /// Returns the arcs whose box meets an envelope, ordered.
    pub fn arcs_in(&self, window: AABB<[f64; 2]>) -> Vec<u32> {
        let mut arcs: Vec<u32> = self.tree.locate_in_envelope_intersecting(window).map(|item| item.data).collect();
        arcs.sort_unstable();
        arcs
    }

    /// Returns the vertex nearest to a place, by the exact bits.
    pub fn find_vertex(&self, place: Coord<f64>, within_m: f64) -> Refused<Coord<f64>> {
        let mut best: Option<(f64, (u64, u64), Coord<f64>)> = None;
        let scale = Scale::at(place);
        let window = scale.window(place, within_m);
        for arc in self.arcs_in(window) {
            for c in self.arc(arc).coords() {
                let found = (scale.distance_m(place, *c), key_of(*c), *c);
                if found.0 <= within_m && best.is_none_or(|best| (found.0, found.1) < (best.0, best.1)) {
                    best = Some(found);
                }
            }
        }
        let detail = || format!("no vertex lies within {within_m} m of {}, {}", place.x, place.y);
        best.map(|(_, _, c)| c).ok_or_else(|| Refusal::new(Reason::NoVertex, detail()).at(place))
    }

    /// Returns the edge nearest to a place by its first vertex, and the place on it.
    pub fn find_edge(&self, place: Coord<f64>, within_m: f64) -> Refused<(Spot, Coord<f64>)> {
        let scale = Scale::at(place);
        let mut best: Option<(f64, Spot, Coord<f64>)> = None;
        for arc in self.arcs_in(scale.window(place, within_m)) {
            for (at, edge) in self.arc(arc).coords().windows(2).enumerate() {
                let on = scale.project(place, edge[0], edge[1]);
                let (distance_m, spot) = (scale.distance_m(place, on), Spot { arc, at });
                if distance_m <= within_m && best.is_none_or(|best| (distance_m, spot) < (best.0, best.1)) {
                    best = Some((distance_m, spot, on));
                }
            }
        }
        let detail = || format!("no border lies within {within_m} m of {}, {}", place.x, place.y);
        best.map(|(_, spot, on)| (spot, on)).ok_or_else(|| Refusal::new(Reason::NoBorder, detail()).at(place))
    }

    /// Returns where a vertex stands in arcs: at the ends of several, or inside one.
    pub fn spots(&self, vertex: Coord<f64>) -> Vec<Spot> {
        let ends = self.nodes.at(vertex);
        if ends.is_empty() {
            let window = AABB::from_point([vertex.x, vertex.y]);
            let inside = |arc: u32| self.arc(arc).coords().iter().position(|c| *c == vertex).map(|at| Spot { arc, at });
            return self.arcs_in(window).into_iter().filter_map(inside).collect();
        }
        let mut spots: Vec<Spot> = Vec::new();
        for arc in ends {
            let last = self.arc(arc).coords().len() - 1;
            let is_first = self.arc(arc).coords()[0] == vertex && spots.last() != Some(&Spot { arc, at: 0 });
            spots.push(Spot { arc, at: if is_first { 0 } else { last } });
        }
        spots
    }

    /// Returns the vertices on both sides of a spot; one where an arc ends there.
    pub fn beside_spot(&self, spot: Spot) -> impl Iterator<Item = Coord<f64>> + '_ {
        let coords = self.arc(spot.arc).coords();
        let before = spot.at.checked_sub(1).map(|at| coords[at]);
        before.into_iter().chain(coords.get(spot.at + 1).copied())
    }
}

/// Metres to a degree near a place, for distances short enough that the earth is flat.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    x_m: f64,
    y_m: f64,
}

impl Scale {
    pub fn at(place: Coord<f64>) -> Self {
        const STEP: f64 = 1e-4;
        let to = |x: f64, y: f64| Plane::Degrees.distance_m(place, Coord { x: place.x + x, y: place.y + y }) / STEP;
        Self { x_m: to(STEP, 0.0), y_m: to(0.0, STEP) }
    }

    pub fn distance_m(self, a: Coord<f64>, b: Coord<f64>) -> f64 {
        ((a.x - b.x) * self.x_m).hypot((a.y - b.y) * self.y_m)
    }

    pub fn window(self, place: Coord<f64>, within_m: f64) -> AABB<[f64; 2]> {
        let (x, y) = (within_m / self.x_m.max(1.0), within_m / self.y_m.max(1.0));
        AABB::from_corners([place.x - x, place.y - y], [place.x + x, place.y + y])
    }

    /// Returns how far along an edge the foot of a place lies: 0 at its first end, 1 at its last.
    pub fn along(self, place: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
        let (dx, dy) = ((b.x - a.x) * self.x_m, (b.y - a.y) * self.y_m);
        ((place.x - a.x) * self.x_m * dx + (place.y - a.y) * self.y_m * dy) / (dx * dx + dy * dy)
    }

    /// Returns the place on an edge that is nearest, one of the ends where that is.
    fn project(self, place: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> Coord<f64> {
        match self.along(place, a, b) {
            along if along <= 0.0 => a,
            along if along >= 1.0 => b,
            along => Coord { x: a.x + along * (b.x - a.x), y: a.y + along * (b.y - a.y) },
        }
    }
}
