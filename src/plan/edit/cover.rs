//! Lays polygons over units and cuts those along their rings, so that each part of a unit lies inside or outside.

use std::collections::BTreeMap;

use geo_types::{Coord, LineString};
use rustc_hash::FxHashSet;

use super::board::Board;
use super::divide::clean;
use super::nearby::envelope;
use super::nodes::{Key, key_of};
use super::operation::Rings;
use super::refusal::{Reason, Refusal, Refused};
use super::rings::{Part, is_inside};
use super::vertex::conflict;
use crate::topology::Plane;

/// Polygons that have been laid over the units of a depth.
#[derive(Debug)]
pub(super) struct Cover {
    depth: usize,
    /// With exteriors counter-clockwise, holes clockwise, rings closed.
    pub polygons: Vec<Rings>,
    /// For each unit the arcs that run through it.
    cuts: BTreeMap<u32, Vec<u32>>,
    /// The edges of all rings, with the inside on their left.
    inner: FxHashSet<(Key, Key)>,
}

impl Board {
    /// Cuts units along the rings of polygons. Corners within `within_m` of borders are brought to these; with 0 they stay where they
    /// are.
    pub fn cover(&mut self, depth: usize, polygons: &[Rings], within_m: f64) -> Refused<Cover> {
        let mut polygons: Vec<Rings> = polygons.iter().map(|rings| oriented(rings)).collect::<Refused<_>>()?;
        if within_m > 0.0 {
            for ring in polygons.iter_mut().flatten() {
                *ring = self.snap_ring(ring, within_m)?;
            }
            // What was a narrow spike may have no width any more.
            polygons = polygons.iter().map(|rings| oriented(rings)).collect::<Refused<_>>()?;
        }
        check_apart(&polygons)?;
        let mut cover = Cover { depth, polygons, cuts: BTreeMap::new(), inner: FxHashSet::default() };
        for ring in cover.polygons.clone().iter().flatten() {
            self.lay_ring(ring, &mut cover)?;
        }
        Ok(cover)
    }

    fn lay_ring(&mut self, ring: &[Coord<f64>], cover: &mut Cover) -> Refused<()> {
        let depth = cover.depth;
        let chain = self.node_line(ring, |_, _| true)?;
        cover.inner.extend(chain.along.iter().map(|[from, to]| (key_of(*from), key_of(*to))));
        for piece in &chain.pieces {
            let ground =
                self.ground(piece).or_else(|| Some(self.ground_at(piece.coords[0], depth))).filter(|ground| ground[depth].is_some());
            let Some(ground) = ground else {
                return Err(Refusal::new(Reason::Outside, "the ring leaves the ground of all units").along(&piece.coords));
            };
            let unit = ground[depth].expect("the filter has looked");
            let arc = self.lay(piece, &ground)?;
            cover.cuts.entry(unit).or_default().push(arc);
            cover.inner.extend(piece.coords.windows(2).map(|edge| (key_of(edge[0]), key_of(edge[1]))));
        }
        Ok(())
    }

    /// Returns the units that polygons may have ground in common with, ordered.
    pub fn units_under(&self, cover: &Cover) -> Vec<u32> {
        let mut touched: Vec<u32> = cover.cuts.keys().copied().collect();
        for rings in &cover.polygons {
            for arc in self.arcs_in(envelope(&rings[0])) {
                let sides = self.arc(arc).sides(cover.depth);
                touched.extend([sides.left, sides.right].into_iter().flatten().map(|unit| unit.0));
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched
    }

    /// Returns the parts of a unit that lie under the polygons, and those that do not.
    pub fn cut_by(&self, unit: u32, cover: &Cover) -> Refused<(Vec<Part>, Vec<Part>)> {
        let cuts = cover.cuts.get(&unit).map_or(&[][..], Vec::as_slice);
        let parts = self.parts_with(cover.depth, unit, cuts)?;
        Ok(parts.into_iter().partition(|part| self.is_covered(part, cover)))
    }

    /// Whether a part lies under polygons along whose edges it was cut.
    fn is_covered(&self, part: &Part, cover: &Cover) -> bool {
        let coords: Vec<Vec<Coord<f64>>> = part.iter().map(|ring| self.ring(ring)).collect();
        for edge in coords.iter().flat_map(|ring| ring.windows(2)) {
            let (from, to) = (key_of(edge[0]), key_of(edge[1]));
            if cover.inner.contains(&(from, to)) {
                return true;
            }
            if cover.inner.contains(&(to, from)) {
                return false;
            }
        }
        let middle = |edge: &[Coord<f64>]| Coord { x: f64::midpoint(edge[0].x, edge[1].x), y: f64::midpoint(edge[0].y, edge[1].y) };
        let corners = coords.iter().flatten().copied();
        // A part all of whose corners lie on the rings has edges that do not.
        let middles = coords.iter().flat_map(|ring| ring.windows(2)).map(middle);
        corners.chain(middles).find_map(|c| cover.holds(c)).unwrap_or(false)
    }
}

impl Cover {
    pub fn cuts(&self) -> Vec<u32> {
        self.cuts.values().flatten().copied().collect()
    }

    pub fn area_m2(&self) -> f64 {
        self.polygons.iter().flatten().map(|ring| Plane::Degrees.ring_area_m2(&LineString(ring.clone()))).sum()
    }

    pub fn length_m(&self) -> f64 {
        self.polygons.iter().flatten().map(|ring| Plane::Degrees.length_m(ring)).sum()
    }

    fn holds(&self, c: Coord<f64>) -> Option<bool> {
        holds_place(&self.polygons, c)
    }
}

/// Whether a place lies in one of several polygons; none where it lies on a ring.
pub(super) fn holds_place(polygons: &[Rings], c: Coord<f64>) -> Option<bool> {
    for rings in polygons {
        if is_inside(c, &rings[0])? && !rings[1..].iter().map(|hole| is_inside(c, hole)).collect::<Option<Vec<_>>>()?.contains(&true) {
            return Some(true);
        }
    }
    Some(false)
}

/// Closes rings and runs exteriors counter-clockwise, holes clockwise.
pub(super) fn oriented(rings: &[Vec<Coord<f64>>]) -> Refused<Rings> {
    let mut oriented = Rings::new();
    for (at, ring) in rings.iter().enumerate() {
        let mut ring = clean(ring, 3)?;
        if ring.first() != ring.last() {
            ring.push(ring[0]);
        }
        let area = (Plane::Projected { unit_m: 1.0 }).ring_area_m2(&LineString(ring.clone()));
        if area == 0.0 || ring.len() < 4 {
            return Err(Refusal::new(Reason::BadShape, "the ring encloses no area").along(&ring));
        }
        if (area < 0.0) == (at == 0) {
            ring.reverse();
        }
        oriented.push(ring);
    }
    if oriented.is_empty() { Err(Refusal::new(Reason::BadShape, "a polygon has no rings")) } else { Ok(oriented) }
}

/// Sees that no ring meets another elsewhere than in a common corner.
fn check_apart(polygons: &[Rings]) -> Refused<()> {
    let rings: Vec<&Vec<Coord<f64>>> = polygons.iter().flatten().collect();
    let mut edges: Vec<(usize, [Coord<f64>; 2])> = Vec::new();
    for (at, ring) in rings.iter().enumerate() {
        edges.extend(ring.windows(2).map(|edge| (at, [edge[0], edge[1]])));
    }
    if rings.len() < 2 {
        return Ok(());
    }
    // From west to east, so that each is compared with those alone that reach as far.
    let west = |edge: &[Coord<f64>; 2]| edge[0].x.min(edge[1].x);
    edges.sort_by(|a, b| west(&a.1).total_cmp(&west(&b.1)));
    for (at, (ring, edge)) in edges.iter().enumerate() {
        let east = edge[0].x.max(edge[1].x);
        for (other, beside) in edges[at + 1..].iter().take_while(|(_, beside)| west(beside) <= east) {
            if ring != other
                && let Some(place) = conflict(*edge, *beside)
            {
                return Err(Refusal::new(Reason::LineCrossesItself, "two rings meet").at(place));
            }
        }
    }
    Ok(())
}
