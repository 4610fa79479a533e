use geo::algorithm::unary_union;
use geo_types::Coord;
use rstar::{AABB, RTree, RTreeObject};
use rustc_hash::FxHashMap;

use super::ray;
use super::rtree::tree_bytes;
use crate::topology::{ArcRef, ArcStore, ValidCoverage};

/// The places that one level surrounds without covering them.
#[derive(Debug)]
pub(super) struct Holes {
    tree: RTree<Hole>,
    ring_bytes: usize,
}

#[derive(Debug)]
struct Hole {
    envelope: AABB<[f64; 2]>,
    ring: Vec<Coord<f64>>,
}

impl Holes {
    pub(super) fn find(coverage: &ValidCoverage, depth: usize) -> Self {
        // Where units overlap, a rim may run through another unit and following it leads nowhere; the union is made instead.
        let rings = if coverage.accepted().overlap { holes_of_union(coverage, depth) } else { holes_of_rims(coverage, depth) };
        let ring_bytes = rings.iter().map(|ring| ring.capacity() * size_of::<Coord<f64>>()).sum();
        let holes = rings
            .into_iter()
            .map(|ring| Hole { envelope: AABB::from_points(ring.iter().map(|c| [c.x, c.y]).collect::<Vec<_>>().iter()), ring });
        Self { tree: RTree::bulk_load(holes.collect()), ring_bytes }
    }

    /// Whether the level surrounds the point. Islands in a hole are surrounded too: ask for owners first.
    pub(super) fn surround(&self, point: Coord<f64>) -> bool {
        let at = AABB::from_point([point.x, point.y]);
        self.tree.locate_in_envelope_intersecting(at).any(|hole| ray::crosses_oddly(&hole.ring, point))
    }

    pub(super) fn bytes(&self) -> usize {
        tree_bytes::<Hole>(self.tree.size()) + self.ring_bytes
    }
}

fn holes_of_union(coverage: &ValidCoverage, depth: usize) -> Vec<Vec<Coord<f64>>> {
    let shapes: Vec<_> = coverage.levels()[depth].indices().map(|unit| coverage.to_geometry(depth, unit)).collect();
    let union = unary_union(&shapes);
    union.into_iter().flat_map(|polygon| polygon.into_inner().1).map(|ring| ring.0).collect()
}

/// Follows the rims with the uncovered side on the left. Around a hole such a way is counter-clockwise; around an island, or
/// around the whole level, it is clockwise.
fn holes_of_rims(coverage: &ValidCoverage, depth: usize) -> Vec<Vec<Coord<f64>>> {
    let rims = Rims::of(coverage.arcs(), depth);
    let mut is_seen = vec![false; rims.ways.len()];
    let mut holes = Vec::new();
    for first in 0..rims.ways.len() {
        let (mut ring, mut at) = (Vec::new(), first);
        while !is_seen[at] {
            is_seen[at] = true;
            ring.push(rims.ways[at]);
            let Some(next) = rims.next(at) else { break };
            at = next;
        }
        let coords = if ring.is_empty() { Vec::new() } else { coverage.to_ring(&ring) };
        if doubled_area(&coords) > 0.0 {
            holes.push(coords);
        }
    }
    holes
}

/// The arcs with a unit on one side only, each as the way that has that unit on its right.
struct Rims<'a> {
    arcs: &'a ArcStore,
    ways: Vec<ArcRef>,
    leaving: FxHashMap<(u64, u64), Vec<usize>>,
}

impl<'a> Rims<'a> {
    fn of(arcs: &'a ArcStore, depth: usize) -> Self {
        let mut rims = Self { arcs, ways: Vec::new(), leaving: FxHashMap::default() };
        for arc in arcs.ids() {
            let sides = arcs.sides(arc, depth);
            if sides.left.is_some() != sides.right.is_some() {
                let way = ArcRef::new(arc, sides.left.is_some());
                rims.leaving.entry(key(rims.end(way, 0))).or_default().push(rims.ways.len());
                rims.ways.push(way);
            }
        }
        rims
    }

    /// Returns the way that goes on around the same uncovered place: of those that leave, the first clockwise from where we came.
    fn next(&self, way: usize) -> Option<usize> {
        let arrived = self.ways[way];
        let back = ArcRef::new(arrived.arc(), !arrived.is_reversed());
        let (here, from) = (self.end(back, 0), self.end(back, 1));
        let leaving = self.leaving.get(&key(here))?;
        leaving.iter().copied().min_by(|a, b| {
            let (a, b) = (self.end(self.ways[*a], 1), self.end(self.ways[*b], 1));
            let turn = |to| clockwise_class(here, from, to);
            // Of two in the same half, the later one lies to the right of the earlier.
            turn(a).cmp(&turn(b)).then_with(|| ray::orientation(here, a, b).total_cmp(&0.0))
        })
    }

    /// Returns a coordinate counted from the beginning of a way.
    fn end(&self, way: ArcRef, nth: usize) -> Coord<f64> {
        let coords = self.arcs.coords(way.arc());
        coords[if way.is_reversed() { coords.len() - 1 - nth } else { nth }]
    }
}

/// Orders directions by how far one turns clockwise from `from` to reach `to`: the right half, straight on, the left half, back.
fn clockwise_class(here: Coord<f64>, from: Coord<f64>, to: Coord<f64>) -> u8 {
    let side = ray::orientation(here, from, to);
    let is_opposite = (to.x - here.x) * (from.x - here.x) + (to.y - here.y) * (from.y - here.y) < 0.0;
    match side {
        s if s < 0.0 => 0,
        s if s > 0.0 => 2,
        _ if is_opposite => 1,
        _ => 3,
    }
}

fn doubled_area(ring: &[Coord<f64>]) -> f64 {
    let Some(&origin) = ring.first() else { return 0.0 };
    let cross = |a: Coord<f64>, b: Coord<f64>| (a.x - origin.x) * (b.y - origin.y) - (b.x - origin.x) * (a.y - origin.y);
    ring.windows(2).map(|edge| cross(edge[0], edge[1])).sum()
}

fn key(c: Coord<f64>) -> (u64, u64) {
    ((c.x + 0.0).to_bits(), (c.y + 0.0).to_bits())
}

impl RTreeObject for Hole {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}
