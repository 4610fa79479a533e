use std::cmp::Ordering;
use std::collections::BinaryHeap;

use geo::{Area, BoundingRect};
use geo_types::{Coord, Line, LineString, MultiPolygon, Polygon};

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
    let edges = Edges::of(polygon, bounds.min(), side);
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

/// Edges that are looked at in one step.
const LANES: usize = 8;

/// One number of as many edges as are looked at in one step.
type Lanes = [f32; LANES];

/// The edges of a polygon as a search looks at them: hundreds of times each, without a division and without a branch, several in one step.
///
/// Vertices are measured from the polygon's own corner, in its narrower extents, and rounded to the seven digits of a short float: a
/// ten-thousandth of what the search asks for. All else is reckoned from the rounded ones, so that edges still meet.
struct Edges {
    origin: Coord<f64>,
    side: f64,
    blocks: Vec<Block>,
}

#[derive(Clone, Copy)]
struct Block {
    x: Lanes,
    y: Lanes,
    end_y: Lanes,
    along_x: Lanes,
    along_y: Lanes,
    /// One by the square of the length; 0 of an edge without one.
    by_length2: Lanes,
    /// How far x goes for each unit of y; 0 of a level edge, which no ray along x crosses.
    slope: Lanes,
}

impl Edges {
    fn of(polygon: &Polygon<f64>, origin: Coord<f64>, side: f64) -> Self {
        let edges = |ring: &LineString<f64>| {
            let rounded: LineString<f32> = ring.coords().map(|c| round(*c, origin, side)).collect();
            rounded.lines().collect::<Vec<_>>()
        };
        let edges: Vec<Line<f32>> = std::iter::once(polygon.exterior()).chain(polygon.interiors()).flat_map(edges).collect();
        Self { origin, side, blocks: edges.chunks(LANES).map(Block::of).collect() }
    }

    /// Returns the distance to the nearest edge, negative outside.
    fn signed_distance(&self, p: Coord<f64>) -> f64 {
        let Coord { x, y } = round(p, self.origin, self.side);
        let mut nearest = [f32::INFINITY; LANES];
        let mut crossed = [0_u32; LANES];
        for block in &self.blocks {
            for lane in 0..LANES {
                let (off_x, off_y) = (x - block.x[lane], y - block.y[lane]);
                let (along_x, along_y) = (block.along_x[lane], block.along_y[lane]);
                let t = ((off_x * along_x + off_y * along_y) * block.by_length2[lane]).clamp(0.0, 1.0);
                let (far_x, far_y) = (off_x - t * along_x, off_y - t * along_y);
                let distance2 = far_x * far_x + far_y * far_y;
                nearest[lane] = if distance2 < nearest[lane] { distance2 } else { nearest[lane] };
                let is_between = (y < block.y[lane]) != (y < block.end_y[lane]);
                crossed[lane] ^= u32::from(is_between & (off_x < block.slope[lane] * off_y));
            }
        }
        let distance = f64::from(nearest.into_iter().fold(f32::INFINITY, f32::min).sqrt()) * self.side;
        if crossed.into_iter().sum::<u32>() % 2 == 1 { distance } else { -distance }
    }
}

impl Block {
    /// Takes at most [`LANES`] edges. The end of the last stands for those that are missing, as an edge without a length.
    fn of(edges: &[Line<f32>]) -> Self {
        let none = Lanes::default();
        let mut block = Self { x: none, y: none, end_y: none, along_x: none, along_y: none, by_length2: none, slope: none };
        let end = edges.last().map_or(Coord::zero(), |edge| edge.end);
        for lane in 0..LANES {
            let edge = edges.get(lane).copied().unwrap_or_else(|| Line::new(end, end));
            let along = edge.end - edge.start;
            let by_length2 = 1.0 / (along.x * along.x + along.y * along.y);
            block.x[lane] = edge.start.x;
            block.y[lane] = edge.start.y;
            block.end_y[lane] = edge.end.y;
            block.along_x[lane] = along.x;
            block.along_y[lane] = along.y;
            block.by_length2[lane] = if by_length2.is_finite() { by_length2 } else { 0.0 };
            block.slope[lane] = if along.y == 0.0 { 0.0 } else { along.x / along.y };
        }
        block
    }
}

fn round(c: Coord<f64>, origin: Coord<f64>, side: f64) -> Coord<f32> {
    let c = (c - origin) / side;
    #[expect(clippy::cast_possible_truncation, reason = "seven digits are enough")]
    let rounded = Coord { x: c.x as f32, y: c.y as f32 };
    rounded
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
