use geo_types::Coord;

use crate::index::earth::Observer;
use crate::topology::{ArcId, UnitIndex, ValidCoverage};

/// A unit of more arcs, or of more edges, is left to the tree of all borders, which costs as much as looking at so many one by one.
const ARCS_MAX: usize = 64;
const EDGES_MAX: usize = 1024;

/// What of a unit's border is to be measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wanted {
    /// What may lie within so many metres.
    Within(f64),
    /// That, and whatever may be the nearest.
    WithinAndNearest(f64),
}

/// Calls `visit` with the arcs around a unit that are wanted, each with its distance; perhaps with a few that are not.
/// None, perhaps after some visits, where the unit has too many edges or the plane at the observer does not reach.
///
/// All edges are looked at in the plane, those of the arcs that may be wanted are measured.
pub(super) fn measure_rings(
    coverage: &ValidCoverage,
    depth: usize,
    unit: UnitIndex,
    observer: &Observer,
    wanted: Wanted,
    mut visit: impl FnMut(ArcId, f64),
) -> Option<()> {
    let arcs = || coverage.levels()[depth].rings(unit).flatten().map(|arc| arc.arc());
    let (mut plane2_m2, mut count, mut edges, mut ends2_m2) = ([f64::INFINITY; ARCS_MAX], 0, 0, f64::INFINITY);
    // The ends of all arcs come first, which bring them from memory all at once: where there are very many units, waiting for one arc
    // after the other would be half of the time.
    for arc in arcs() {
        let coords = coverage.arcs().coords(arc);
        for end in [coords[0], coords[coords.len() - 1]] {
            let [x, y] = observer.plane(end);
            ends2_m2 = ends2_m2.min(x * x + y * y);
        }
        edges += coords.len();
        count += 1;
    }
    if count > ARCS_MAX || edges > EDGES_MAX {
        return None;
    }
    for (plane2_m2, arc) in plane2_m2.iter_mut().zip(arcs()) {
        *plane2_m2 = line_in_plane2_m2(observer, coverage.arcs().coords(arc));
    }
    let plane2_m2 = &plane2_m2[..count];
    let bound_m = match wanted {
        Wanted::Within(radius_m) => radius_m,
        Wanted::WithinAndNearest(radius_m) => observer.most_m(plane2_m2.iter().copied().fold(ends2_m2, f64::min).sqrt()).max(radius_m),
    };
    let reach_m = observer.plane_at_most_m(bound_m);
    if !observer.has_plane(reach_m) {
        return None;
    }
    let reach2_m2 = reach_m * reach_m;
    for (arc, _) in arcs().zip(plane2_m2).filter(|(_, plane2_m2)| **plane2_m2 <= reach2_m2) {
        let near = coverage.arcs().coords(arc).windows(2).filter(|edge| edge_in_plane2_m2(observer, edge[0], edge[1]) <= reach2_m2);
        visit(arc, near.map(|edge| observer.distance_to_edge_m(edge[0], edge[1])).fold(f64::INFINITY, f64::min));
    }
    Some(())
}

/// Returns the square of the distance in the plane from the observer to a line.
pub(super) fn line_in_plane2_m2(observer: &Observer, line: &[Coord<f64>]) -> f64 {
    let mut a = observer.plane(line[0]);
    let mut least = f64::INFINITY;
    for c in &line[1..] {
        let b = observer.plane(*c);
        least = least.min(square_to_segment(a, b));
        a = b;
    }
    least
}

pub(super) fn edge_in_plane2_m2(observer: &Observer, a: Coord<f64>, b: Coord<f64>) -> f64 {
    square_to_segment(observer.plane(a), observer.plane(b))
}

/// Returns the square of the distance from the origin to a segment.
fn square_to_segment(a: [f64; 2], b: [f64; 2]) -> f64 {
    let d = [b[0] - a[0], b[1] - a[1]];
    #[expect(clippy::manual_clamp, reason = "of an edge without length t is 0 / 0, of which `max` makes 0 and `clamp` nothing")]
    let t = (-(a[0] * d[0] + a[1] * d[1]) / (d[0] * d[0] + d[1] * d[1])).max(0.0).min(1.0);
    let (x, y) = (a[0] + t * d[0], a[1] + t * d[1]);
    x * x + y * y
}
