//! Exact predicates. The only arithmetic on coordinates is `orient2d`, whose sign is exact for all
//! coordinates in degrees (J. R. Shewchuk, Adaptive Precision Floating-Point Arithmetic, 1997).

use geo_types::{Coord, Rect};
use robust::orient2d;

use crate::topology::{ArcRef, ArcStore};

/// Whether `rings` enclose the point `p + (ε, ε²)`, for ε smaller than any difference of coordinates.
///
/// The ray runs east from the shifted point. Its height is `p.y + ε²`, so a vertex at the height of `p` lies
/// below it, no vertex lies on it, and a level edge never meets it. An edge from `a` (below) to `b` (above) meets the ray where
/// the shifted point is on its left:
///
/// `orient(a, b, p + (ε, ε²)) = orient(a, b, p) − ε (b.y − a.y) + ε² (b.x − a.x)`
///
/// Where `orient(a, b, p)` is not zero its sign decides. Where it is zero, `p` lies on the edge, and as `b.y > a.y` the
/// term in ε makes the whole negative: the shifted point is on the right, east of the edge. So a point on a border
/// belongs to the unit east of it; on a level border the ray's height, above `p`, puts it into the unit to the north; and at a
/// vertex all units see the same shifted point, which lies on no edge, so that one unit at most has it. All rings of a unit are counted
/// together: holes and further parts change the parity like any other crossing.
pub(super) fn rings_enclose<'a>(arcs: &ArcStore, rings: impl Iterator<Item = &'a [ArcRef]>, p: Coord<f64>) -> bool {
    rings.flatten().fold(false, |inside, arc| inside ^ crosses_oddly(arcs.coords(arc.arc()), p))
}

/// Whether the point lies on one of the rings.
pub(super) fn rings_touch<'a>(arcs: &ArcStore, mut rings: impl Iterator<Item = &'a [ArcRef]>, p: Coord<f64>) -> bool {
    rings.any(|ring| ring.iter().any(|arc| arcs.coords(arc.arc()).windows(2).any(|edge| is_on(edge[0], edge[1], p))))
}

/// Whether one of the rings meets the closed box.
pub(super) fn rings_meet_box<'a>(arcs: &ArcStore, mut rings: impl Iterator<Item = &'a [ArcRef]>, window: Rect<f64>) -> bool {
    rings.any(|ring| ring.iter().any(|arc| arcs.coords(arc.arc()).windows(2).any(|edge| meets_box(edge[0], edge[1], window))))
}

/// Whether the ray east from the shifted point meets the line an odd number of times. The direction of the line does not matter.
pub fn crosses_oddly(line: &[Coord<f64>], p: Coord<f64>) -> bool {
    let mut odd = false;
    let mut a = line[0];
    let mut a_is_above = a.y > p.y;
    for &b in &line[1..] {
        let b_is_above = b.y > p.y;
        if a_is_above != b_is_above && (a.x > p.x || b.x > p.x) {
            let (low, high) = if b_is_above { (a, b) } else { (b, a) };
            odd ^= orientation(low, high, p) > 0.0;
        }
        (a, a_is_above) = (b, b_is_above);
    }
    odd
}

pub fn is_on(a: Coord<f64>, b: Coord<f64>, p: Coord<f64>) -> bool {
    a.x.min(b.x) <= p.x && p.x <= a.x.max(b.x) && a.y.min(b.y) <= p.y && p.y <= a.y.max(b.y) && orientation(a, b, p) == 0.0
}

/// Separating axes: the two of the box, and the edge's own.
fn meets_box(a: Coord<f64>, b: Coord<f64>, window: Rect<f64>) -> bool {
    let (min, max) = (window.min(), window.max());
    if a.x.max(b.x) < min.x || a.x.min(b.x) > max.x || a.y.max(b.y) < min.y || a.y.min(b.y) > max.y {
        return false;
    }
    let corners = [min, Coord { x: max.x, y: min.y }, max, Coord { x: min.x, y: max.y }];
    let sides = corners.map(|corner| orientation(a, b, corner));
    !(sides.iter().all(|s| *s > 0.0) || sides.iter().all(|s| *s < 0.0))
}

/// Positive where `c` is to the left of the way from `a` to `b`.
pub(super) fn orientation(a: Coord<f64>, b: Coord<f64>, c: Coord<f64>) -> f64 {
    let point = |c: Coord<f64>| robust::Coord { x: c.x, y: c.y };
    orient2d(point(a), point(b), point(c))
}
