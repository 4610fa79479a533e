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
    let edges = Edges::of(polygon);
    let mut queue = BinaryHeap::new();
    let (columns, rows) = ((bounds.width() / side).ceil(), (bounds.height() / side).ceil());
    for (column, row) in cells(columns, rows) {
        let center = Coord { x: bounds.min().x + (column + 0.5) * side, y: bounds.min().y + (row + 0.5) * side };
        queue.push(Cell::new(center, side / 2.0, &edges));
    }
    let mut best = Cell::new(bounds.center(), 0.0, &edges);
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
            queue.push(Cell::new(Coord { x: cell.center.x + x, y: cell.center.y + y }, half, &edges));
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
    fn new(center: Coord<f64>, half: f64, edges: &Edges) -> Self {
        let distance = edges.signed_distance(center);
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

/// The edges of a polygon as a search looks at them: hundreds of times each, one list for each number, without a division and without
/// a branch, so that several are looked at in one step.
#[derive(Default)]
struct Edges {
    x: Vec<f64>,
    y: Vec<f64>,
    along_x: Vec<f64>,
    along_y: Vec<f64>,
    /// One by the square of the length; 0 of an edge without one.
    by_length2: Vec<f64>,
    /// How far x goes for each unit of y; 0 of a level edge, which no ray along x crosses.
    slope: Vec<f64>,
}

impl Edges {
    fn of(polygon: &Polygon<f64>) -> Self {
        let mut edges = Self::default();
        let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
        for edge in rings.flat_map(LineString::lines) {
            let along = edge.end - edge.start;
            let length2 = along.x * along.x + along.y * along.y;
            edges.x.push(edge.start.x);
            edges.y.push(edge.start.y);
            edges.along_x.push(along.x);
            edges.along_y.push(along.y);
            edges.by_length2.push(if length2 > 0.0 { 1.0 / length2 } else { 0.0 });
            edges.slope.push(if along.y == 0.0 { 0.0 } else { along.x / along.y });
        }
        edges
    }

    /// Returns the distance to the nearest edge, negative outside.
    fn signed_distance(&self, p: Coord<f64>) -> f64 {
        let count = self.x.len();
        let (x, y, along_x, along_y) = (&self.x[..count], &self.y[..count], &self.along_x[..count], &self.along_y[..count]);
        let (by_length2, slope) = (&self.by_length2[..count], &self.slope[..count]);
        let mut squared = f64::INFINITY;
        let mut crossed = 0_u64;
        for at in 0..count {
            let (off_x, off_y) = (p.x - x[at], p.y - y[at]);
            let t = ((off_x * along_x[at] + off_y * along_y[at]) * by_length2[at]).clamp(0.0, 1.0);
            let (far_x, far_y) = (off_x - t * along_x[at], off_y - t * along_y[at]);
            let distance2 = far_x * far_x + far_y * far_y;
            squared = if distance2 < squared { distance2 } else { squared };
            let is_between = (off_y < 0.0) != (off_y < along_y[at]);
            crossed += u64::from(is_between & (off_x < slope[at] * off_y));
        }
        if crossed % 2 == 1 { squared.sqrt() } else { -squared.sqrt() }
    }
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
