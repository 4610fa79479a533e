use rustc_hash::FxHashMap;

use super::snap::GridPoint;

/// A polygon on a grid: rings without the first point repeated, the exterior first.
pub(super) type GridPolygon = Vec<Vec<GridPoint>>;

/// Makes valid polygons of a unit's rings after rounding or cutting.
///
/// The rings run with the interior on the left as seen on a map (y grows southwards) and do not cross, but may
/// touch, run along themselves and fold up. Where a ring runs both ways along an edge there is no area between, and both
/// runs go; what is left is joined into rings that meet themselves nowhere, and holes are given to the exterior
/// around them. What has no area leaves nothing.
pub(super) fn mend(rings: &[Vec<GridPoint>]) -> Vec<GridPolygon> {
    let mut edges: Vec<[GridPoint; 2]> = rings.iter().flat_map(|ring| edges(ring)).collect();
    cancel_opposites(&mut edges);
    assemble(trace(&edges))
}

/// Returns the edges of a ring, the one that closes it included.
pub(super) fn edges(ring: &[GridPoint]) -> impl Iterator<Item = [GridPoint; 2]> {
    (0..ring.len()).map(|at| [ring[at], ring[(at + 1) % ring.len()]]).filter(|[a, b]| a != b)
}

/// Returns twice the area of a ring on the map's plane: positive where the interior is on the left, so for exteriors.
pub(super) fn doubled_area(ring: &[GridPoint]) -> i64 {
    // y grows southwards, which turns the sign of the usual formula.
    -edges(ring).map(|[a, b]| cross(a, b)).sum::<i64>()
}

fn cross(a: GridPoint, b: GridPoint) -> i64 {
    i64::from(a[0]) * i64::from(b[1]) - i64::from(a[1]) * i64::from(b[0])
}

/// Says whether no point stands twice in the rings, so that rings that do not cross are simple.
pub(super) fn is_plain(rings: &[Vec<GridPoint>]) -> bool {
    let mut points: Vec<GridPoint> = rings.iter().flatten().copied().collect();
    points.sort_unstable();
    points.windows(2).all(|pair| pair[0] != pair[1]) && rings.iter().all(|ring| ring.len() >= 3)
}

fn cancel_opposites(edges: &mut Vec<[GridPoint; 2]>) {
    // Both runs along an edge come to stand side by side, those one way before those the other.
    let key = |[a, b]: &[GridPoint; 2]| (*a.min(b), *a.max(b), a > b);
    edges.sort_unstable_by_key(key);
    let mut kept = Vec::with_capacity(edges.len());
    for same in edges.chunk_by(|a, b| (key(a).0, key(a).1) == (key(b).0, key(b).1)) {
        let forward = same.iter().filter(|[a, b]| a < b).count();
        let backward = same.len() - forward;
        let survivors = if forward > backward { &same[..forward - backward] } else { &same[2 * forward..] };
        kept.extend_from_slice(survivors);
    }
    *edges = kept;
}

/// The edges that leave each point, those not yet walked.
type Outgoing = FxHashMap<GridPoint, Vec<GridPoint>>;

/// Joins edges into rings that do not pass any point twice.
fn trace(edges: &[[GridPoint; 2]]) -> Vec<Vec<GridPoint>> {
    let mut outgoing: Outgoing = FxHashMap::default();
    for [from, to] in edges {
        outgoing.entry(*from).or_default().push(*to);
    }
    let mut rings = Vec::new();
    for [start, _] in edges {
        while outgoing.get(start).is_some_and(|ends| !ends.is_empty()) {
            walk(*start, &mut outgoing, &mut rings);
        }
    }
    rings
}

/// Walks from `start` until it is back, and cuts a ring off whenever a point is met again.
fn walk(start: GridPoint, outgoing: &mut Outgoing, rings: &mut Vec<Vec<GridPoint>>) {
    let mut path = vec![start];
    let mut place: FxHashMap<GridPoint, usize> = FxHashMap::from_iter([(start, 0)]);
    loop {
        let at = path[path.len() - 1];
        let back = path.len().checked_sub(2).map(|before| path[before]);
        let Some(next) = take_next(outgoing, back, at) else { return };
        let Some(&met) = place.get(&next) else {
            place.insert(next, path.len());
            path.push(next);
            continue;
        };
        let ring = path.split_off(met);
        ring.iter().for_each(|point| {
            place.remove(point);
        });
        rings.push(ring);
        if met == 0 {
            return;
        }
        place.insert(next, met);
        path.push(next);
    }
}

/// Takes the edge that keeps furthest to the left, which bounds the same face as the edge walked before.
fn take_next(outgoing: &mut Outgoing, back: Option<GridPoint>, at: GridPoint) -> Option<GridPoint> {
    let ends = outgoing.get_mut(&at)?;
    let best = match back {
        Some(back) if ends.len() > 1 => {
            let turn = |end: &GridPoint| clockwise_turn(direction(at, back), direction(at, *end));
            (0..ends.len()).min_by(|a, b| turn(&ends[*a]).total_cmp(&turn(&ends[*b])))?
        }
        _ => ends.len().checked_sub(1)?,
    };
    Some(ends.swap_remove(best))
}

fn direction(from: GridPoint, to: GridPoint) -> [f64; 2] {
    [f64::from(to[0]) - f64::from(from[0]), f64::from(to[1]) - f64::from(from[1])]
}

/// Returns the angle from one direction clockwise to another as seen on the map, over 0 and up to a full turn.
///
/// No edge is longer than a tile, since all have vertices on the lines along which tiles are cut, so the angles of two
/// edges lie further apart than the error of an `f64`.
fn clockwise_turn(from: [f64; 2], to: [f64; 2]) -> f64 {
    // With y southwards, growing mathematical angles run clockwise on the map.
    let angle = to[1].atan2(to[0]) - from[1].atan2(from[0]);
    if angle > 0.0 { angle } else { angle + std::f64::consts::TAU }
}

/// Gives each hole to the smallest exterior around it.
fn assemble(rings: Vec<Vec<GridPoint>>) -> Vec<GridPolygon> {
    let (exteriors, holes): (Vec<_>, Vec<_>) =
        rings.into_iter().filter(|ring| doubled_area(ring) != 0).partition(|ring| doubled_area(ring) > 0);
    let mut polygons: Vec<GridPolygon> = exteriors.into_iter().map(|ring| vec![ring]).collect();
    for hole in holes {
        let around = polygons.iter_mut().filter(|polygon| holds(&polygon[0], &hole));
        if let Some(polygon) = around.min_by_key(|polygon| doubled_area(&polygon[0])) {
            polygon.push(hole);
        }
    }
    polygons
}

/// Says whether a ring lies inside another that it does not cross, though it may touch it.
fn holds(exterior: &[GridPoint], hole: &[GridPoint]) -> bool {
    // The middle of an edge lies on no other edge, since those that coincided are gone. Doubled to stay whole.
    let middle = [0, 1].map(|axis| i64::from(hole[0][axis]) + i64::from(hole[1][axis]));
    let mut inside = false;
    for [a, b] in edges(exterior) {
        let [a, b] = [a, b].map(|p| p.map(|v| 2 * i64::from(v)));
        if (a[1] > middle[1]) != (b[1] > middle[1]) {
            let side = i128::from(b[0] - a[0]) * i128::from(middle[1] - a[1]) - i128::from(b[1] - a[1]) * i128::from(middle[0] - a[0]);
            if (side > 0) == (b[1] > a[1]) {
                inside = !inside;
            }
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks how many rings each polygon has, and its doubled area.
    fn check(rings: &[&[GridPoint]], expected: &[(usize, i64)]) {
        let mut found: Vec<(usize, i64)> = mend(&rings.iter().map(|ring| ring.to_vec()).collect::<Vec<_>>())
            .iter()
            .map(|polygon| (polygon.len(), polygon.iter().map(|ring| doubled_area(ring)).sum()))
            .collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_plain_ring_stays() {
        check(&[&[[0, 0], [0, 4], [4, 4], [4, 0]]], &[(1, 32)]);
    }

    #[test]
    fn a_spike_goes() {
        check(&[&[[0, 0], [0, 4], [4, 4], [8, 4], [4, 4], [4, 0]]], &[(1, 32)]);
    }

    #[test]
    fn a_folded_ring_leaves_nothing() {
        check(&[&[[0, 0], [0, 4], [2, 6], [0, 4]]], &[]);
    }

    #[test]
    fn a_ring_pinched_at_a_point_becomes_two() {
        check(&[&[[0, 0], [0, 4], [4, 4], [8, 8], [8, 4], [4, 4], [4, 0]]], &[(1, 16), (1, 32)]);
    }

    #[test]
    fn a_ring_pinched_along_an_edge_becomes_two() {
        check(&[&[[0, 0], [0, 4], [4, 4], [6, 4], [6, 8], [10, 8], [10, 4], [6, 4], [4, 4], [4, 0]]], &[(1, 32), (1, 32)]);
    }

    #[test]
    fn a_hole_that_touches_its_exterior_stays_a_hole() {
        let exterior: &[GridPoint] = &[[0, 0], [0, 8], [8, 8], [8, 0]];
        check(&[exterior, &[[0, 0], [4, 2], [2, 4]]], &[(2, 128 - 12)]);
        check(&[exterior, &[[2, 2], [4, 2], [4, 4], [2, 4]]], &[(2, 128 - 8)]);
    }

    #[test]
    fn a_hole_that_runs_along_its_exterior_becomes_a_bay() {
        check(&[&[[0, 0], [0, 4], [0, 8], [8, 8], [8, 0]], &[[0, 0], [4, 4], [0, 4]]], &[(1, 128 - 16)]);
    }
}
