use rstar::{AABB, PointDistance, RTree, RTreeObject};

use super::earth::{self, Observer};
use super::rtree::tree_bytes;
use super::step::{Step, is_worth_patching};
use crate::topology::{ArcId, Sides, ValidCoverage};

/// A tree of short pieces of one level's borders, each in a box of geocentric coordinates: distances are metres
/// everywhere, and neither the antimeridian nor a pole is special.
#[derive(Debug)]
pub(super) struct BorderTree {
    depth: usize,
    tree: RTree<Piece>,
}

/// Edges in a piece. A piece takes 56 bytes and its coordinates 16 each, so that 16 edges cost a fifth more memory than the border
/// itself, while a query measures few edges in vain.
const EDGES_PER_PIECE: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    min: [f64; 3],
    max: [f64; 3],
    arc: ArcId,
    /// The first coordinate of the piece within its arc.
    start: u32,
}

impl BorderTree {
    pub(super) fn build(coverage: &ValidCoverage, depth: usize) -> Self {
        let pieces = coverage.arcs().ids().flat_map(|arc| Piece::along(coverage, depth, arc)).collect();
        Self { depth, tree: RTree::bulk_load(pieces) }
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
        Some(Self { depth: self.depth, tree })
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
        for (piece, least_m2) in self.tree.nearest_neighbor_iter_with_distance_2(observer.geocentric()) {
            if least_m2.sqrt() > bound_m {
                break;
            }
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
        tree_bytes::<Piece>(self.tree.size())
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
        let mut piece = Self { min: [f64::INFINITY; 3], max: [f64::NEG_INFINITY; 3], arc, start };
        let coords = piece.coords(coverage);
        // The edges bulge out of the box of their ends, by a millimetre where they are 100 m long.
        let bulge_m = coords.windows(2).map(|edge| earth::sagitta_m(edge[0], edge[1])).fold(0.0, f64::max);
        for c in coords {
            for (axis, value) in earth::to_geocentric(*c).into_iter().enumerate() {
                piece.min[axis] = piece.min[axis].min(value - bulge_m);
                piece.max[axis] = piece.max[axis].max(value + bulge_m);
            }
        }
        piece
    }

    fn coords<'a>(&self, coverage: &'a ValidCoverage) -> &'a [geo_types::Coord<f64>] {
        let coords = &coverage.arcs().coords(self.arc)[self.start as usize..];
        &coords[..coords.len().min(EDGES_PER_PIECE + 1)]
    }
}

impl RTreeObject for Piece {
    type Envelope = AABB<[f64; 3]>;

    fn envelope(&self) -> Self::Envelope {
        AABB::from_corners(self.min, self.max)
    }
}

impl PointDistance for Piece {
    fn distance_2(&self, point: &[f64; 3]) -> f64 {
        rstar::Envelope::distance_2(&self.envelope(), point)
    }
}
