//! Cuts edges where they cross, touch or run along one another, so that they meet in common nodes only.
//!
//! Whether two edges meet is decided exactly (Shewchuk's predicates, crate `robust`); where they cross is rounded,
//! so the cutting is repeated until nothing is left to cut.

use geo_types::Coord;
use rayon::prelude::*;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use rustc_hash::{FxHashMap, FxHashSet};

use super::vertices::Vertices;

/// Rounds after which noding gives up. Rounded crossings settle in two or three; real data never took more than five.
const ROUNDS_MAX: usize = 24;

/// Edges cut into pieces that meet in common nodes only.
#[derive(Debug, Default)]
pub(super) struct Noded {
    pub nodes: Vertices,
    /// For each edge given, the nodes along it from its first to its last.
    pub chains: Vec<Vec<u32>>,
    /// The pairs of given edges that cross, touch, or run along one another elsewhere than in a common end.
    pub contacts: Vec<(u32, u32)>,
    /// False where cutting did not come to an end.
    pub is_complete: bool,
}

type Boxed = GeomWithData<Rectangle<[f64; 2]>, u32>;

/// Nodes edges, given by their ends. No edge may be given twice, in either direction, nor have no length.
pub(super) fn node_edges(edges: &[[Coord<f64>; 2]]) -> Noded {
    let mut nodes = Vertices::default();
    let mut chains: Vec<Vec<u32>> = edges.iter().map(|ends| vec![nodes.id_of(ends[0]), nodes.id_of(ends[1])]).collect();
    let mut pieces: Vec<(u32, u32)> = chains.iter().map(|chain| ordered(chain[0], chain[1])).collect();
    let mut fresh_from = 0;
    let mut contacts = Vec::new();
    let mut is_complete = false;
    for round in 0..ROUNDS_MAX {
        let found = find_cuts(&pieces, fresh_from, nodes.coords());
        if round == 0 {
            contacts = found.iter().map(|cut| (cut.pair.0.min(cut.pair.1), cut.pair.0.max(cut.pair.1))).collect();
            contacts.sort_unstable();
            contacts.dedup();
        }
        let mut cuts: FxHashMap<(u32, u32), Vec<u32>> = FxHashMap::default();
        for cut in found {
            let node = nodes.id_of(cut.at);
            for piece in [cut.pair.0, cut.pair.1] {
                let ends = pieces[piece as usize];
                if node != ends.0 && node != ends.1 {
                    cuts.entry(ends).or_default().push(node);
                }
            }
        }
        if cuts.is_empty() {
            is_complete = true;
            break;
        }
        for (ends, at) in &mut cuts {
            sort_along(at, *ends, nodes.coords());
        }
        chains.par_iter_mut().for_each(|chain| cut_chain(chain, &cuts));
        fresh_from = cut_pieces(&mut pieces, &cuts);
    }
    Noded { nodes, chains, contacts, is_complete }
}

/// A place where two pieces have to be cut.
struct Cut {
    pair: (u32, u32),
    at: Coord<f64>,
}

/// Finds the cuts of pieces numbered `fresh_from` and up with all pieces.
fn find_cuts(pieces: &[(u32, u32)], fresh_from: usize, coords: &[Coord<f64>]) -> Vec<Cut> {
    let ends = |piece: u32| {
        let (a, b) = pieces[piece as usize];
        [coords[a as usize], coords[b as usize]]
    };
    let count = super::vertices::to_u32(pieces.len());
    let boxes: Vec<Boxed> = (0..count).map(|piece| GeomWithData::new(Rectangle::from_aabb(envelope(ends(piece))), piece)).collect();
    let tree = RTree::bulk_load(boxes);
    let fresh = super::vertices::to_u32(fresh_from);
    (fresh..count)
        .into_par_iter()
        .flat_map_iter(|piece| {
            let mut cuts = Vec::new();
            for other in tree.locate_in_envelope_intersecting(envelope(ends(piece))) {
                // Of two fresh pieces the later one asks.
                if other.data < piece || other.data < fresh {
                    let (a, b) = (piece.min(other.data), piece.max(other.data));
                    if a != b {
                        meet(ends(a), ends(b), |at| cuts.push(Cut { pair: (a, b), at }));
                    }
                }
            }
            cuts
        })
        .collect()
}

/// Calls `visit` with each place where two edges meet elsewhere than in a common end: the crossing,
/// or the ends that lie inside the other.
pub(crate) fn meet([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2], mut visit: impl FnMut(Coord<f64>)) {
    let (side_c, side_d) = (orientation(a, b, c), orientation(a, b, d));
    if side_c * side_d > 0.0 {
        return;
    }
    let (side_a, side_b) = (orientation(c, d, a), orientation(c, d, b));
    if side_a * side_b > 0.0 {
        return;
    }
    if side_a * side_b < 0.0 && side_c * side_d < 0.0 {
        return visit(crossing([a, b], [c, d]));
    }
    for (side, end, other) in [(side_a, a, [c, d]), (side_b, b, [c, d]), (side_c, c, [a, b]), (side_d, d, [a, b])] {
        if side == 0.0 && is_between(end, other) {
            visit(end);
        }
    }
}

/// The exact side of `c` seen from `a` to `b`: positive left, negative right, as a sign.
pub(crate) fn orientation(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>) -> f64 {
    let at = |c: Coord<f64>| robust::Coord { x: c.x, y: c.y };
    let side = robust::orient2d(at(a), at(b), at(c));
    if side > 0.0 {
        1.0
    } else if side < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// Whether two edges cross in a place that is no end of either, decided exactly.
pub(super) fn do_cross([a, b]: [Coord<f64>; 2], [c, d]: [Coord<f64>; 2]) -> bool {
    orientation(a, b, c) * orientation(a, b, d) < 0.0 && orientation(c, d, a) * orientation(c, d, b) < 0.0
}

/// Whether a place lies on an edge and is none of its ends, decided exactly.
pub(super) fn is_inside_edge(place: Coord<f64>, ends: [Coord<f64>; 2]) -> bool {
    orientation(ends[0], ends[1], place) == 0.0 && is_between(place, ends)
}

/// Whether a place on the line through two ends lies strictly between them.
fn is_between(place: Coord<f64>, [a, b]: [Coord<f64>; 2]) -> bool {
    place != a && place != b && (a.x.min(b.x)..=a.x.max(b.x)).contains(&place.x) && (a.y.min(b.y)..=a.y.max(b.y)).contains(&place.y)
}

/// Returns the rounded place where two edges cross. The error across both edges is that of rounding,
/// however flat the angle, because the place is taken along the shorter of the two.
fn crossing(one: [Coord<f64>; 2], two: [Coord<f64>; 2]) -> Coord<f64> {
    let length2 = |[a, b]: [Coord<f64>; 2]| (b.x - a.x).powi(2) + (b.y - a.y).powi(2);
    let ([a, b], [c, d]) = if length2(one) <= length2(two) { (one, two) } else { (two, one) };
    let (along, other) = (b - a, d - c);
    let cross = |p: Coord<f64>, q: Coord<f64>| p.x * q.y - p.y * q.x;
    let turn = cross(along, other);
    let share = if turn == 0.0 { 0.5 } else { (cross(c - a, other) / turn).clamp(0.0, 1.0) };
    let at = a + along * share;
    // Rounding may carry the place out of the box of the edge; inside it the cut keeps its order.
    Coord { x: at.x.clamp(a.x.min(b.x), a.x.max(b.x)), y: at.y.clamp(a.y.min(b.y), a.y.max(b.y)) }
}

fn sort_along(nodes: &mut Vec<u32>, (from, to): (u32, u32), coords: &[Coord<f64>]) {
    let (a, b) = (coords[from as usize], coords[to as usize]);
    let along = |node: u32| {
        let c = coords[node as usize];
        (c.x - a.x) * (b.x - a.x) + (c.y - a.y) * (b.y - a.y)
    };
    nodes.sort_unstable_by(|p, q| along(*p).total_cmp(&along(*q)).then(p.cmp(q)));
    nodes.dedup();
}

fn cut_chain(chain: &mut Vec<u32>, cuts: &FxHashMap<(u32, u32), Vec<u32>>) {
    if chain.windows(2).all(|ends| !cuts.contains_key(&ordered(ends[0], ends[1]))) {
        return;
    }
    let mut longer = vec![chain[0]];
    for ends in chain.windows(2) {
        if let Some(nodes) = cuts.get(&ordered(ends[0], ends[1])) {
            if ends[0] < ends[1] {
                longer.extend(nodes);
            } else {
                longer.extend(nodes.iter().rev());
            }
        }
        longer.push(ends[1]);
    }
    *chain = longer;
}

/// Replaces cut pieces by what they were cut into. Returns the number from which on pieces are new.
fn cut_pieces(pieces: &mut Vec<(u32, u32)>, cuts: &FxHashMap<(u32, u32), Vec<u32>>) -> usize {
    let mut kept: FxHashSet<(u32, u32)> = FxHashSet::default();
    pieces.retain(|ends| !cuts.contains_key(ends));
    let kept_count = pieces.len();
    let mut fresh: Vec<(u32, u32)> = Vec::new();
    for (&(from, to), nodes) in cuts {
        let mut last = from;
        for &node in nodes.iter().chain([&to]) {
            fresh.push(ordered(last, node));
            last = node;
        }
    }
    fresh.sort_unstable();
    fresh.dedup();
    kept.extend(fresh.iter().copied());
    // A piece that was there already stays where it is.
    for ends in pieces.iter() {
        kept.remove(ends);
    }
    pieces.extend(fresh.into_iter().filter(|ends| kept.contains(ends)));
    kept_count
}

pub(super) fn ordered(a: u32, b: u32) -> (u32, u32) {
    (a.min(b), a.max(b))
}

pub(super) fn envelope([a, b]: [Coord<f64>; 2]) -> AABB<[f64; 2]> {
    AABB::from_corners([a.x, a.y], [b.x, b.y])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[[(f64, f64); 2]], chains: &[usize], contacts: usize) {
        let edges: Vec<[Coord<f64>; 2]> = edges.iter().map(|ends| ends.map(Coord::from)).collect();
        let noded = node_edges(&edges);
        assert!(noded.is_complete);
        assert_eq!(noded.chains.iter().map(Vec::len).collect::<Vec<_>>(), chains);
        assert_eq!(noded.contacts.len(), contacts);
    }

    #[test]
    fn edges_are_cut_where_they_meet() {
        // A crossing, a T, a common end, a run along one another, and two that stay apart.
        check(&[[(0., 0.), (2., 2.)], [(0., 2.), (2., 0.)]], &[3, 3], 1);
        check(&[[(0., 0.), (2., 0.)], [(1., 0.), (1., 1.)]], &[3, 2], 1);
        check(&[[(0., 0.), (2., 0.)], [(2., 0.), (2., 1.)]], &[2, 2], 0);
        check(&[[(0., 0.), (3., 0.)], [(1., 0.), (4., 0.)]], &[3, 3], 1);
        check(&[[(0., 0.), (3., 0.)], [(1., 0.), (2., 0.)]], &[4, 2], 1);
        check(&[[(0., 0.), (1., 0.)], [(0., 1.), (1., 1.)]], &[2, 2], 0);
    }

    #[test]
    fn a_bundle_of_crossings_comes_to_rest() {
        let edges: Vec<[(f64, f64); 2]> = (0..40).map(|i| [(0.0, f64::from(i) * 0.1), (1.0, f64::from((i * 7) % 40) * 0.1)]).collect();
        let edges: Vec<[Coord<f64>; 2]> = edges.iter().map(|ends| ends.map(Coord::from)).collect();
        let noded = node_edges(&edges);
        assert!(noded.is_complete);
        let pieces: Vec<[Coord<f64>; 2]> = {
            let mut set: Vec<(u32, u32)> =
                noded.chains.iter().flat_map(|chain| chain.windows(2).map(|ends| ordered(ends[0], ends[1]))).collect();
            set.sort_unstable();
            set.dedup();
            set.iter().map(|(a, b)| [noded.nodes.coord(*a), noded.nodes.coord(*b)]).collect()
        };
        assert!(node_edges(&pieces).contacts.is_empty());
    }
}
