use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use geo_types::Coord;
use rstar::{AABB, RTree, RTreeNode, RTreeObject};

use super::distance::{Alternatives, Rim, Walk};
use super::earth::{self, Observer};
use super::located::Neighbour;
use super::rtree::tree_bytes;
use super::step::{Step, is_worth_patching};
use crate::topology::{ArcId, Sides, UnitIndex, ValidCoverage};

/// A tree of short pieces of one level's borders, each in a box of geocentric coordinates: distances are metres
/// everywhere, and neither the antimeridian nor a pole is special.
#[derive(Debug)]
pub(super) struct BorderTree {
    depth: usize,
    tree: RTree<Piece>,
    /// None where units overlap: their borders then run through each other, and nobody can tell whose is the rim.
    rim: Option<Arc<Rim>>,
}

/// Edges in a piece. A piece takes 32 bytes and its coordinates 16 each, so that 16 edges cost an eighth more memory than the border
/// itself, while a query measures few edges in vain.
const EDGES_PER_PIECE: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    /// Half as many bits as coordinates have: a box is up to a metre wider than what it holds, which is little beside a piece.
    min: [f32; 3],
    max: [f32; 3],
    arc: ArcId,
    /// The first coordinate of the piece within its arc.
    start: u32,
}

/// From here on the chord alone says too little of the geodesic: at 100 km it is a bound good to 2 cm, at 1,000 km to 20 m, which is
/// still less than a piece is long, and at 10,000 km to 20 km, which all pieces of a town share. What is nearer is not worth a geodesic.
const REFINED_FROM_M: f64 = 100_000.0;

/// A node of the tree that waits for its turn.
struct Candidate<'a> {
    node: &'a RTreeNode<Piece>,
    /// Nothing in the node is nearer than this.
    least_m: f64,
    is_refined: bool,
}

impl<'a> Candidate<'a> {
    /// `above_m` is the bound of the node's parent, which holds for the node.
    fn new(node: &'a RTreeNode<Piece>, observer: &Observer, above_m: f64) -> Self {
        let (min, max) = bounds(&node.envelope());
        let from = observer.geocentric();
        let off = |axis: usize| (min[axis] - from[axis]).max(from[axis] - max[axis]).max(0.0);
        let chord_m = (0..3).map(|axis| off(axis).powi(2)).sum::<f64>().sqrt();
        Self { node, least_m: earth::geodesic_at_least_m(chord_m).max(above_m), is_refined: false }
    }

    fn refine(&mut self, observer: &Observer) {
        let (min, max) = bounds(&self.node.envelope());
        self.least_m = self.least_m.max(observer.least_to_box_m(min, max));
        self.is_refined = true;
    }
}

/// The greatest is the one whose turn it is: the nearest.
impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.least_m.total_cmp(&self.least_m)
    }
}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate<'_> {}

fn bounds(envelope: &AABB<[f32; 3]>) -> ([f64; 3], [f64; 3]) {
    (envelope.lower().map(f64::from), envelope.upper().map(f64::from))
}

/// Returns a number of half as many bits that is not greater.
fn at_most(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value { near.next_down() } else { near }
}

impl BorderTree {
    pub(super) fn build(coverage: &ValidCoverage, depth: usize) -> Self {
        let pieces = coverage.arcs().ids().flat_map(|arc| Piece::along(coverage, depth, arc)).collect();
        let rim = (!coverage.accepted().overlap).then(|| Arc::new(Rim::build(coverage, depth)));
        Self { depth, tree: RTree::bulk_load(pieces), rim }
    }

    /// Makes the tree for the next coverage from this one; none where no border of the level has changed.
    pub(super) fn patched(&self, step: &Step<'_>) -> Option<Self> {
        let gone: Vec<Piece> = step.changes.gone_arcs.iter().flat_map(|arc| Piece::along(step.base, self.depth, *arc)).collect();
        let new: Vec<Piece> = step.changes.new_arcs.iter().flat_map(|arc| Piece::along(step.next, self.depth, *arc)).collect();
        if gone.is_empty() && new.is_empty() {
            return None;
        }
        if !is_worth_patching(gone.len() + new.len(), self.tree.size()) {
            return Some(Self::build(step.next, self.depth));
        }
        let mut tree = self.tree.clone();
        for piece in &gone {
            let removed = tree.remove(piece);
            debug_assert!(removed.is_some(), "the tree has every border of its coverage");
        }
        new.into_iter().for_each(|piece| tree.insert(piece));
        let rim = match &self.rim {
            Some(rim) if !Rim::differs(step, self.depth) => Some(Arc::clone(rim)),
            _ => (!step.next.accepted().overlap).then(|| Arc::new(Rim::build(step.next, self.depth))),
        };
        Some(Self { depth: self.depth, tree, rim })
    }

    /// Returns the distance from a position in `unit` to its border, and adds the units around to `alternatives`. None where the way from
    /// unit to unit does not serve; what was added until then is true.
    pub(super) fn measure_from_within(
        &self,
        coverage: &ValidCoverage,
        observer: &Observer,
        unit: UnitIndex,
        alternatives: &mut Alternatives,
    ) -> Option<f64> {
        Walk { coverage, depth: self.depth, rim: self.rim.as_ref()?, observer }.measure(unit, alternatives)
    }

    /// Returns the unit nearest to a position in no unit; none where the rim does not serve.
    pub(super) fn nearest_on_rim(&self, coverage: &ValidCoverage, observer: &Observer) -> Option<Neighbour> {
        self.rim.as_ref()?.nearest(coverage, observer)
    }

    /// Whether the level covers a position shifted by the owner rule, or touches it; none where the rim does not serve.
    pub(super) fn hold(&self, coverage: &ValidCoverage, position: Coord<f64>) -> Option<bool> {
        self.rim.as_ref()?.holds(coverage, position)
    }

    /// Calls `visit` with pieces of the border that may lie within `bound_m`, roughly the nearest first: with the distance to the piece and
    /// the units on its sides. `visit` returns the bound for what follows. Pieces that `wants` turns down are not measured.
    pub(super) fn for_each_near(
        &self,
        coverage: &ValidCoverage,
        observer: &Observer,
        mut bound_m: f64,
        wants: impl Fn(Sides) -> bool,
        mut visit: impl FnMut(f64, Sides) -> f64,
    ) {
        let mut next = BinaryHeap::new();
        next.extend(self.tree.root().children().iter().map(|node| Candidate::new(node, observer, 0.0)));
        while let Some(mut nearest) = next.pop() {
            if nearest.least_m > bound_m {
                break;
            }
            if !nearest.is_refined && nearest.least_m > REFINED_FROM_M {
                nearest.refine(observer);
                if next.peek().is_some_and(|other| other.least_m < nearest.least_m) {
                    next.push(nearest);
                    continue;
                }
                if nearest.least_m > bound_m {
                    break;
                }
            }
            let piece = match nearest.node {
                RTreeNode::Parent(parent) => {
                    next.extend(parent.children().iter().map(|child| Candidate::new(child, observer, nearest.least_m)));
                    continue;
                }
                RTreeNode::Leaf(piece) => piece,
            };
            let sides = coverage.arcs().sides(piece.arc, self.depth);
            if !wants(sides) {
                continue;
            }
            if let Some(distance_m) = observer.distance_to_line_m(piece.coords(coverage), bound_m) {
                bound_m = visit(distance_m, sides);
            }
        }
    }

    pub(super) fn bytes(&self) -> usize {
        tree_bytes::<Piece>(self.tree.size()) + self.rim.as_ref().map_or(0, |rim| rim.bytes())
    }
}

impl Piece {
    /// Cuts an arc into pieces, where it is a border of the level.
    fn along(coverage: &ValidCoverage, depth: usize, arc: ArcId) -> impl Iterator<Item = Self> {
        let sides = coverage.arcs().sides(arc, depth);
        let edge_count = if sides.left == sides.right { 0 } else { coverage.arcs().coords(arc).len() - 1 };
        (0..edge_count).step_by(EDGES_PER_PIECE).map(move |start| Self::of(coverage, arc, start))
    }

    fn of(coverage: &ValidCoverage, arc: ArcId, start: usize) -> Self {
        let start = u32::try_from(start).expect("an arc has fewer than 2^32 coordinates, as its store does");
        let mut piece = Self { min: [f32::INFINITY; 3], max: [f32::NEG_INFINITY; 3], arc, start };
        let coords = piece.coords(coverage);
        // The edges bulge out of the box of their ends, by a millimetre where they are 100 m long.
        let bulge_m = coords.windows(2).map(|edge| earth::sagitta_m(edge[0], edge[1])).fold(0.0, f64::max);
        for c in coords {
            for (axis, value) in earth::to_geocentric(*c).into_iter().enumerate() {
                piece.min[axis] = piece.min[axis].min(at_most(value - bulge_m));
                piece.max[axis] = piece.max[axis].max(-at_most(-(value + bulge_m)));
            }
        }
        piece
    }

    fn coords<'a>(&self, coverage: &'a ValidCoverage) -> &'a [Coord<f64>] {
        let coords = &coverage.arcs().coords(self.arc)[self.start as usize..];
        &coords[..coords.len().min(EDGES_PER_PIECE + 1)]
    }
}

impl RTreeObject for Piece {
    type Envelope = AABB<[f32; 3]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.min, self.max)
    }
}
