//! The shapes of all levels as rings over shared vertices, and their edges matched two by two.

use geo::Winding;
use geo::winding_order::WindingOrder;
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use rayon::prelude::*;

use super::vertices::{Vertices, to_u32};

/// All levels over one set of vertices.
#[derive(Clone, Debug, Default)]
pub(super) struct Mesh {
    pub vertices: Vertices,
    pub levels: Vec<MeshLevel>,
}

/// The units of a level in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub(super) struct MeshLevel {
    pub units: Vec<MeshUnit>,
}

/// The rings of a unit, each polygon's exterior before its holes. None where the shape is too broken to take part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct MeshUnit {
    pub rings: Vec<MeshRing>,
}

/// A ring with the unit on its left, not closed, no vertex twice in a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MeshRing {
    pub ids: Vec<u32>,
    pub is_hole: bool,
}

/// An edge as one ring runs along it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Half {
    pub from: u32,
    pub to: u32,
    pub unit: u32,
}

/// The edges of a level, matched where exactly two units lie on both sides of one.
#[derive(Debug, Default)]
pub(super) struct Matching {
    pub halves: Vec<Half>,
    /// For each half the one that runs along the same edge the other way, or [`LOOSE`].
    pub mates: Vec<u32>,
}

pub(super) const LOOSE: u32 = u32::MAX;

impl MeshUnit {
    /// Takes a shape's rings with the interior on their left.
    pub fn new(geometry: &MultiPolygon<f64>, vertices: &mut Vertices) -> Self {
        let mut rings = Vec::new();
        for polygon in geometry {
            rings.push(mesh_ring(polygon.exterior(), false, vertices));
            rings.extend(polygon.interiors().iter().map(|hole| mesh_ring(hole, true, vertices)));
        }
        Self { rings }
    }

    pub fn halves(&self, unit: u32) -> impl Iterator<Item = Half> {
        self.rings.iter().flat_map(move |ring| ring.edges().map(move |(from, to)| Half { from, to, unit }))
    }

    /// Puts the geometry together again.
    pub fn to_geometry(&self, vertices: &Vertices) -> MultiPolygon<f64> {
        let mut polygons: Vec<Polygon<f64>> = Vec::new();
        for ring in &self.rings {
            let mut coords: Vec<Coord<f64>> = ring.ids.iter().map(|id| vertices.coord(*id)).collect();
            coords.push(coords[0]);
            match polygons.last_mut() {
                Some(polygon) if ring.is_hole => polygon.interiors_push(coords),
                _ => polygons.push(Polygon::new(LineString(coords), Vec::new())),
            }
        }
        MultiPolygon(polygons)
    }
}

fn mesh_ring(line: &LineString<f64>, is_hole: bool, vertices: &mut Vertices) -> MeshRing {
    let mut ids = vertices.ids_of(&line.0);
    let is_clockwise = line.winding_order() == Some(WindingOrder::Clockwise);
    if is_clockwise != is_hole {
        ids.reverse();
    }
    MeshRing { ids, is_hole }
}

impl MeshRing {
    pub fn edges(&self) -> impl Iterator<Item = (u32, u32)> {
        (0..self.ids.len()).map(|at| (self.ids[at], self.ids[(at + 1) % self.ids.len()]))
    }
}

impl Matching {
    pub fn new(level: &MeshLevel) -> Self {
        let halves: Vec<Half> = level.units.iter().enumerate().flat_map(|(at, unit)| unit.halves(to_u32(at))).collect();
        let mut mates = vec![LOOSE; halves.len()];
        for group in by_edge(&halves).chunk_by(|a, b| a.0 == b.0) {
            if let &[(_, a), (_, b)] = group {
                let (one, two) = (halves[a as usize], halves[b as usize]);
                if one.from == two.to && one.unit != two.unit {
                    mates[a as usize] = b;
                    mates[b as usize] = a;
                }
            }
        }
        Self { halves, mates }
    }

    pub fn loose(&self) -> impl Iterator<Item = u32> {
        (0..to_u32(self.mates.len())).filter(|half| self.mates[*half as usize] == LOOSE)
    }
}

/// Returns the halves sorted by the edge they run along, each with its number.
pub(super) fn by_edge(halves: &[Half]) -> Vec<(u64, u32)> {
    let mut keyed: Vec<(u64, u32)> = halves.par_iter().enumerate().map(|(at, half)| (edge_key(half.from, half.to), to_u32(at))).collect();
    keyed.par_sort_unstable();
    keyed
}

/// One number for an edge, whichever way it is run along.
pub(super) fn edge_key(a: u32, b: u32) -> u64 {
    u64::from(a.min(b)) << 32 | u64::from(a.max(b))
}
