//! Brings polygons that others have drawn to the borders that are there.
//!
//! A program that has read a unit, changed a corner and sends it back gives the other corners rounded, or in another reference system
//! and back. What comes nearer to a border than the tolerance is that border, else slivers of no width would change hands.

use geo_types::Coord;
use rstar::AABB;

use super::board::Board;
use super::nearby::{Scale, Spot, envelope};
use super::nodes::key_of;
use super::refusal::Refused;

/// How near to a border a corner is taken for a corner of it, metres: as much as an import repairs.
pub const SNAP_WITHIN_M_DEFAULT: f64 = 0.1;

/// Farther away corners are meant to be elsewhere, metres.
pub const SNAP_WITHIN_M_MAX: f64 = 10.0;

/// What a corner is taken for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Corner {
    Vertex(Coord<f64>),
    OnEdge(Spot, Coord<f64>),
    Free(Coord<f64>),
}

impl Board {
    /// Brings a closed ring to the borders near it: its corners to their vertices, or onto their edges, which get vertices there, and
    /// its edges over the vertices that lie beside them.
    pub fn snap_ring(&mut self, ring: &[Coord<f64>], within_m: f64) -> Refused<Vec<Coord<f64>>> {
        let mut corners = Vec::with_capacity(ring.len());
        for c in ring {
            corners.push(match self.corner_at(*c, within_m) {
                Corner::Vertex(vertex) => vertex,
                Corner::OnEdge(spot, on) => self.insert(spot, on)?,
                Corner::Free(c) => c,
            });
        }
        Ok(self.with_vertices_beside(&corners, within_m))
    }

    /// Returns the same without touching the borders; none where they would get vertices.
    pub fn snapped_ring(&self, ring: &[Coord<f64>], within_m: f64) -> Option<Vec<Coord<f64>>> {
        let vertex = |c: &Coord<f64>| match self.corner_at(*c, within_m) {
            Corner::Vertex(vertex) => Some(vertex),
            Corner::OnEdge(..) | Corner::Free(_) => None,
        };
        let corners: Vec<Coord<f64>> = ring.iter().map(vertex).collect::<Option<_>>()?;
        Some(self.with_vertices_beside(&corners, within_m))
    }

    fn corner_at(&self, c: Coord<f64>, within_m: f64) -> Corner {
        if let Ok(vertex) = self.find_vertex(c, within_m) {
            return Corner::Vertex(vertex);
        }
        self.find_edge(c, within_m).map_or(Corner::Free(c), |(spot, on)| Corner::OnEdge(spot, on))
    }

    /// Puts the vertices of borders that lie beside an edge into it, in their order along it.
    fn with_vertices_beside(&self, ring: &[Coord<f64>], within_m: f64) -> Vec<Coord<f64>> {
        let mut all: Vec<Coord<f64>> = Vec::with_capacity(ring.len());
        let mut push = |c: Coord<f64>| {
            if all.last() != Some(&c) {
                all.push(c);
            }
        };
        for edge in ring.windows(2) {
            push(edge[0]);
            self.vertices_beside([edge[0], edge[1]], within_m).into_iter().for_each(&mut push);
        }
        ring.last().copied().into_iter().for_each(&mut push);
        all
    }

    fn vertices_beside(&self, [a, b]: [Coord<f64>; 2], within_m: f64) -> Vec<Coord<f64>> {
        let scale = Scale::at(a);
        let (low, high) = (scale.window(a, within_m), scale.window(b, within_m));
        let window = envelope(&[low.lower().into(), low.upper().into(), high.lower().into(), high.upper().into()]);
        let mut found: Vec<(f64, Coord<f64>)> = Vec::new();
        for arc in self.arcs_in(window) {
            for c in self.arc(arc).coords().iter().filter(|c| holds(&window, **c) && **c != a && **c != b) {
                let along = scale.along(*c, a, b);
                let on = Coord { x: a.x + along * (b.x - a.x), y: a.y + along * (b.y - a.y) };
                if along > 0.0 && along < 1.0 && scale.distance_m(*c, on) <= within_m {
                    found.push((along, *c));
                }
            }
        }
        found.sort_by(|one, two| one.0.total_cmp(&two.0).then(key_of(one.1).cmp(&key_of(two.1))));
        found.dedup_by_key(|(_, c)| key_of(*c));
        found.into_iter().map(|(_, c)| c).collect()
    }
}

fn holds(window: &AABB<[f64; 2]>, c: Coord<f64>) -> bool {
    let (low, high) = (window.lower(), window.upper());
    c.x >= low[0] && c.x <= high[0] && c.y >= low[1] && c.y <= high[1]
}
