use geo::algorithm::unary_union;
use geo::orient::{Direction, Orient};
use geo_types::Coord;
use rstar::{AABB, RTree, RTreeObject};
use rustc_hash::FxHashMap;

use super::ray;
use super::rtree::tree_bytes;
use super::step::Step;
use crate::topology::{ArcStore, ValidCoverage};

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
        // Where units overlap, a rim may run through another unit and following it leads nowhere; the rim of their union does not.
        let ways = if coverage.accepted().overlap { ways_of_union(coverage, depth) } else { ways_of_arcs(coverage.arcs(), depth) };
        let rings = Rims::new(ways).into_holes();
        let ring_bytes = rings.iter().map(|ring| ring.capacity() * size_of::<Coord<f64>>()).sum();
        let holes = rings
            .into_iter()
            .map(|ring| Hole { envelope: AABB::from_points(ring.iter().map(|c| [c.x, c.y]).collect::<Vec<_>>().iter()), ring });
        Self { tree: RTree::bulk_load(holes.collect()), ring_bytes }
    }

    /// Finds the holes of the next coverage; none where the rim of the level is what it was.
    pub(super) fn patched(step: &Step<'_>, depth: usize) -> Option<Self> {
        step.changes.levels[depth].is_rim_changed.then(|| Self::find(step.next, depth))
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

/// The arcs with a unit on one side only, each run so that the uncovered side is on its left.
fn ways_of_arcs(arcs: &ArcStore, depth: usize) -> Vec<Vec<Coord<f64>>> {
    let way = |arc| {
        let sides = arcs.sides(arc, depth);
        let coords = arcs.coords(arc).iter().copied();
        match (sides.left, sides.right) {
            (None, Some(_)) => Some(coords.collect()),
            (Some(_), None) => Some(coords.rev().collect()),
            _ => None,
        }
    };
    arcs.ids().filter_map(way).collect()
}

/// The edges of the union of all units, each run so that the uncovered side is on its left.
fn ways_of_union(coverage: &ValidCoverage, depth: usize) -> Vec<Vec<Coord<f64>>> {
    let shapes: Vec<_> = coverage.levels()[depth].indices().map(|unit| coverage.to_geometry(depth, unit)).collect();
    let mut ways = Vec::new();
    for polygon in &unary_union(&shapes).orient(Direction::Reversed) {
        let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
        ways.extend(rings.flat_map(|ring| ring.0.windows(2).map(<[_]>::to_vec)));
    }
    ways
}

/// Lines along the covered ground, which is on their right; together they close.
struct Rims {
    ways: Vec<Vec<Coord<f64>>>,
    leaving: FxHashMap<(u64, u64), Vec<usize>>,
}

impl Rims {
    fn new(ways: Vec<Vec<Coord<f64>>>) -> Self {
        let mut leaving: FxHashMap<(u64, u64), Vec<usize>> = FxHashMap::default();
        for (number, way) in ways.iter().enumerate() {
            leaving.entry(key(way[0])).or_default().push(number);
        }
        Self { ways, leaving }
    }

    /// Follows the ways around each uncovered place. Around a hole this runs counter-clockwise; around an island, or around the
    /// whole level, clockwise.
    fn into_holes(self) -> Vec<Vec<Coord<f64>>> {
        let mut is_seen = vec![false; self.ways.len()];
        let mut holes = Vec::new();
        for first in 0..self.ways.len() {
            let (mut ring, mut at) = (Vec::new(), first);
            while !is_seen[at] {
                is_seen[at] = true;
                ring.extend_from_slice(&self.ways[at][usize::from(!ring.is_empty())..]);
                let Some(next) = self.next(at) else { break };
                at = next;
            }
            if doubled_area(&ring) > 0.0 {
                holes.push(ring);
            }
        }
        holes
    }

    /// Returns the way that goes on around the same uncovered place: of those that leave, the first clockwise from where we came.
    fn next(&self, way: usize) -> Option<usize> {
        let [.., from, here] = self.ways[way][..] else { return None };
        let leaving = self.leaving.get(&key(here))?;
        leaving.iter().copied().min_by(|a, b| {
            let (a, b) = (self.ways[*a][1], self.ways[*b][1]);
            let class = |to| clockwise_class(here, from, to);
            // Of two in the same half, the later one lies to the right of the earlier.
            class(a).cmp(&class(b)).then_with(|| ray::orientation(here, a, b).total_cmp(&0.0))
        })
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
