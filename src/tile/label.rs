use std::cmp::Ordering;
use std::collections::BinaryHeap;

use geo::{Area, BoundingRect};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};

/// The search ends when the place can improve by no more than this share of the polygon's narrower extent.
const PRECISION: f64 = 0.01;

/// Most cells that are looked at for one label; reached only by shapes in which many places are equally good.
const CELLS_MAX: usize = 2_000;

/// Returns a place for a unit's name: the point of its largest polygon that is farthest from that polygon's border.
///
/// Garcia-Castellanos & Lombardo, "Poles of inaccessibility" (2007), searched in a quadtree of cells, the most
/// promising first. None where there is no polygon with an area.
pub(super) fn label_point(geometry: &MultiPolygon<f64>) -> Option<Coord<f64>> {
    let by_area = |a: &&Polygon<f64>, b: &&Polygon<f64>| a.unsigned_area().total_cmp(&b.unsigned_area());
    let polygon = geometry.iter().max_by(by_area)?;
    let bounds = polygon.bounding_rect()?;
    let side = bounds.width().min(bounds.height());
    if side <= 0.0 {
        return None;
    }
    let mut queue = BinaryHeap::new();
    let (columns, rows) = ((bounds.width() / side).ceil(), (bounds.height() / side).ceil());
    for (column, row) in cells(columns, rows) {
        let center = Coord { x: bounds.min().x + (column + 0.5) * side, y: bounds.min().y + (row + 0.5) * side };
        queue.push(Cell::new(center, side / 2.0, polygon));
    }
    let mut best = Cell::new(bounds.center(), 0.0, polygon);
    let mut looked_at = queue.len();
    while let Some(cell) = queue.pop() {
        if cell.distance > best.distance {
            best = Cell { half: 0.0, reach: cell.distance, ..cell };
        }
        if cell.reach - best.distance <= PRECISION * side || looked_at > CELLS_MAX {
            break;
        }
        let half = cell.half / 2.0;
        for (x, y) in [(-half, -half), (half, -half), (-half, half), (half, half)] {
            queue.push(Cell::new(Coord { x: cell.center.x + x, y: cell.center.y + y }, half, polygon));
        }
        looked_at += 4;
    }
    Some(best.center)
}

/// A square in which the place is sought.
struct Cell {
    center: Coord<f64>,
    half: f64,
    /// From the centre to the border, negative outside.
    distance: f64,
    /// The farthest that any point of the cell can be from the border.
    reach: f64,
}

impl Cell {
    fn new(center: Coord<f64>, half: f64, polygon: &Polygon<f64>) -> Self {
        let distance = signed_distance(center, polygon);
        Self { center, half, distance, reach: distance + half * std::f64::consts::SQRT_2 }
    }
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> Ordering {
        self.reach.total_cmp(&other.reach)
    }
}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Cell {}

fn cells(columns: f64, rows: f64) -> impl Iterator<Item = (f64, f64)> {
    let count = |count: f64| std::iter::successors(Some(0.0), move |at| Some(at + 1.0)).take_while(move |at| *at < count);
    count(columns).flat_map(move |column| count(rows).map(move |row| (column, row)))
}

fn signed_distance(p: Coord<f64>, polygon: &Polygon<f64>) -> f64 {
    let mut inside = false;
    let mut squared = f64::INFINITY;
    let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
    for edge in rings.flat_map(LineString::lines) {
        let (a, b) = (edge.start, edge.end);
        if (a.y > p.y) != (b.y > p.y) && p.x < (b.x - a.x) * (p.y - a.y) / (b.y - a.y) + a.x {
            inside = !inside;
        }
        squared = squared.min(squared_distance(p, a, b));
    }
    if inside { squared.sqrt() } else { -squared.sqrt() }
}

fn squared_distance(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
    let along = b - a;
    let length = along.x * along.x + along.y * along.y;
    let t = if length > 0.0 { (((p.x - a.x) * along.x + (p.y - a.y) * along.y) / length).clamp(0.0, 1.0) } else { 0.0 };
    let off = Coord { x: p.x - a.x - t * along.x, y: p.y - a.y - t * along.y };
    off.x * off.x + off.y * off.y
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(exterior: &[(f64, f64)], x: f64, y: f64) {
        let polygon = Polygon::new(LineString::from(exterior.to_vec()), Vec::new());
        let found = label_point(&MultiPolygon(vec![polygon])).unwrap();
        assert!((found.x - x).abs() < 0.1 && (found.y - y).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn a_name_stands_where_there_is_most_room() {
        check(&[(0.0, 0.0), (4.0, 0.0), (4.0, 4.0), (0.0, 4.0)], 2.0, 2.0);
        // A square with a long thin arm: the middle of the whole lies at the arm's root, the room in the square.
        check(&[(0.0, 0.0), (4.0, 0.0), (4.0, 1.8), (12.0, 1.8), (12.0, 2.2), (4.0, 2.2), (4.0, 4.0), (0.0, 4.0)], 2.0, 2.0);
    }

    #[test]
    fn a_shape_without_area_has_no_place() {
        let flat = Polygon::new(LineString::from(vec![(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)]), Vec::new());
        assert_eq!(label_point(&MultiPolygon(vec![flat])), None);
        assert_eq!(label_point(&MultiPolygon(Vec::new())), None);
    }
}
