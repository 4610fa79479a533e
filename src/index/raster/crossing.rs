//! Exact crossings of edges with the ways between marks and positions, all shifted by the owner rule: `p + (ε, ε²)`.
//!
//! A way runs north along a meridian, then east along a parallel. No shifted point lies on an edge and no vertex on a shifted way, so
//! that an edge is crossed or not, with nothing between.

use geo_types::Coord;

use crate::index::ray::orientation;

/// Whether the way east from `from` to `to.x` crosses an edge whose lower end is `low`.
pub(super) fn crosses_eastward(low: Coord<f64>, high: Coord<f64>, from_x: f64, to: Coord<f64>) -> bool {
    // At the height y + ε² a vertex at y is below.
    if !(low.y <= to.y && to.y < high.y) || (low.x > to.x && high.x > to.x) || (low.x <= from_x && high.x <= from_x) {
        return false;
    }
    let (west, east) = if low.x <= high.x { (low.x, high.x) } else { (high.x, low.x) };
    // On an edge that rises, a shifted point is east of it. Beside the box of the edge the side is seen without a product.
    (from_x < west || orientation(low, high, Coord { x: from_x, y: to.y }) > 0.0) && (east < to.x || orientation(low, high, to) <= 0.0)
}

/// As [`crosses_eastward`], for an edge given either way round.
pub(super) fn crosses_eastward_edge([a, b]: [Coord<f64>; 2], from_x: f64, to: Coord<f64>) -> bool {
    let (low, high) = if a.y <= b.y { (a, b) } else { (b, a) };
    crosses_eastward(low, high, from_x, to)
}

/// As [`crosses_northward`], for an edge given either way round.
pub(super) fn crosses_northward_edge([a, b]: [Coord<f64>; 2], from: Coord<f64>, to_y: f64) -> bool {
    let (west, east) = if a.x <= b.x { (a, b) } else { (b, a) };
    crosses_northward(west, east, from, to_y)
}

/// Whether the way north from `from` to `to_y` crosses an edge whose west end is `west`.
pub(super) fn crosses_northward(west: Coord<f64>, east: Coord<f64>, from: Coord<f64>, to_y: f64) -> bool {
    // At x + ε a vertex at x is to the west.
    if !(west.x <= from.x && from.x < east.x) || (west.y > to_y && east.y > to_y) || (west.y < from.y && east.y < from.y) {
        return false;
    }
    is_south(west, east, from) && !is_south(west, east, Coord { x: from.x, y: to_y })
}

/// Whether a shifted point lies south of the line from `west` to `east`, which is to its right.
fn is_south(west: Coord<f64>, east: Coord<f64>, p: Coord<f64>) -> bool {
    match orientation(west, east, p) {
        // The shift moves it by −ε (east.y − west.y) + ε² (east.x − west.x).
        0.0 => west.y < east.y,
        side => side < 0.0,
    }
}
