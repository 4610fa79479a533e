use geo_types::Coord;
use rayon::prelude::*;
use robust::orient2d;

use super::address::{BUFFER, EXTENT};
use super::clip::GridRect;
use super::to_u32;

/// A point of a zoom's grid.
pub(super) type GridPoint = [i32; 2];

/// Lines that are handled by one thread at a time.
const CHUNK: usize = 512;

/// Lines one after the other, in units of a grid.
#[derive(Debug)]
pub(super) struct Lines<P> {
    points: Vec<P>,
    starts: Vec<u32>,
}

impl<P> Lines<P> {
    pub fn new() -> Self {
        Self { points: Vec::new(), starts: vec![0] }
    }

    pub fn push(&mut self, line: impl IntoIterator<Item = P>) {
        self.points.extend(line);
        self.starts.push(to_u32(self.points.len()));
    }

    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn get(&self, line: usize) -> &[P] {
        &self.points[self.starts[line] as usize..self.starts[line + 1] as usize]
    }
}

/// The squares of a grid through whose middle edges are led, in buckets.
#[derive(Debug)]
pub(super) struct HotSquares {
    points: Vec<GridPoint>,
    /// `starts[b]..starts[b + 1]` are the points of bucket `b`, row by row.
    starts: Vec<u32>,
    min: GridPoint,
    columns: i32,
    rows: i32,
    /// A bucket has two to this power units a side.
    shift: u32,
}

impl HotSquares {
    /// Gathers the squares that lines make hot: those of their vertices, and those where they cross a line along which tiles are cut.
    pub fn of(lines: &Lines<Coord<f64>>) -> Self {
        let points = hot_points(lines);
        let Some(bounds) = GridRect::around(&points) else {
            return Self { points, starts: vec![0, 0], min: [0, 0], columns: 1, rows: 1, shift: 31 };
        };
        let cells = |axis: usize, shift: u32| ((i64::from(bounds.max[axis]) - i64::from(bounds.min[axis])) >> shift) + 1;
        // About two points in a bucket where they lie evenly.
        let wanted = i64::try_from(points.len() / 2 + 1).unwrap_or(i64::MAX);
        let shift = (0..31).find(|shift| cells(0, *shift) * cells(1, *shift) <= wanted).unwrap_or(31);
        let narrow = |count: i64| i32::try_from(count).expect("no more buckets than points");
        let (columns, rows) = (narrow(cells(0, shift)), narrow(cells(1, shift)));
        let bucket = |p: GridPoint| {
            let [column, row] = [0, 1].map(|axis: usize| (p[axis].wrapping_sub(bounds.min[axis]).cast_unsigned() >> shift).cast_signed());
            to_u32((row * columns + column).unsigned_abs() as usize)
        };
        let mut keyed: Vec<(u32, GridPoint)> = points.into_iter().map(|p| (bucket(p), p)).collect();
        keyed.par_sort_unstable();
        keyed.dedup();
        let mut starts = vec![0; columns.unsigned_abs() as usize * rows.unsigned_abs() as usize + 1];
        keyed.iter().for_each(|(bucket, _)| starts[*bucket as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self { points: keyed.into_iter().map(|(_, point)| point).collect(), starts, min: bounds.min, columns, rows, shift }
    }

    /// Appends the squares that an edge passes between the squares of its ends.
    fn passed(&self, from: Coord<f64>, to: Coord<f64>, passed: &mut Vec<GridPoint>) {
        let ends = [to_grid(from), to_grid(to)];
        let around = edge_rect(from, to);
        let cell = |value: i32, axis: usize, count: i32| {
            let at = (i64::from(value) - i64::from(self.min[axis])) >> self.shift;
            i32::try_from(at.clamp(-1, i64::from(count))).expect("clamped to the number of buckets")
        };
        let columns = cell(around.min[0], 0, self.columns).max(0)..=cell(around.max[0], 0, self.columns).min(self.columns - 1);
        let rows = [cell(around.min[1], 1, self.rows).max(0), cell(around.max[1], 1, self.rows).min(self.rows - 1)];
        let is_long = rows[1] - rows[0] > 1 && columns.clone().count() > 1;
        for column in columns {
            let [mut first, mut last] = rows;
            if is_long {
                // Only the rows that the edge reaches within this column.
                let west = f64::from(self.min[0]) + f64::from(column) * f64::from(1_u32 << self.shift) - 2.0;
                let y_at = |x: f64| from.y + ((x - from.x) / (to.x - from.x)).clamp(0.0, 1.0) * (to.y - from.y);
                let ys = [y_at(west), y_at(west + f64::from(1_u32 << self.shift) + 4.0)];
                first = first.max(cell(to_grid(Coord { x: 0.0, y: ys[0].min(ys[1]) - 2.0 })[1], 1, self.rows));
                last = last.min(cell(to_grid(Coord { x: 0.0, y: ys[0].max(ys[1]) + 2.0 })[1], 1, self.rows));
            }
            for row in first..=last {
                let bucket = (row * self.columns + column).unsigned_abs() as usize;
                let points = &self.points[self.starts[bucket] as usize..self.starts[bucket + 1] as usize];
                let between = points.iter().filter(|p| !ends.contains(p) && around.contains(GridRect { min: **p, max: **p }));
                passed.extend(between.filter(|p| passes(from, to, **p)));
            }
        }
    }
}

/// Returns the squares that lines make hot, some of them several times.
pub(super) fn hot_points(lines: &Lines<Coord<f64>>) -> Vec<GridPoint> {
    let hot = |line: usize| {
        let line = lines.get(line);
        line.iter().map(|c| to_grid(*c)).chain(line.windows(2).flat_map(|edge| cut_points(edge[0], edge[1])))
    };
    let chunks: Vec<Vec<GridPoint>> = chunks(lines.len()).into_par_iter().map(|chunk| chunk.flat_map(hot).collect::<Vec<_>>()).collect();
    chunks.concat()
}

/// Returns the squares through which an edge may be led.
pub(super) fn edge_rect(from: Coord<f64>, to: Coord<f64>) -> GridRect {
    let [a, b] = [to_grid(from), to_grid(to)];
    GridRect { min: a, max: a }.join(GridRect { min: b, max: b }).grown(1)
}

/// Rounds lines together, so that none crosses another that it did not cross before.
///
/// Snap rounding after Hobby, "Practical segment intersection with finite precision output" (1999): each
/// grid square with a vertex in it is hot, and an edge that passes through a hot square is led through its
/// middle. The arcs of a coverage meet only at their ends, so there is no other crossing to make hot. The lines
/// along which tiles are cut take part: where an edge crosses one, the square is hot, and cutting needs no new vertex.
///
/// `hot` are the hot squares of these lines and of all others that come near them.
pub(super) fn round(lines: &Lines<Coord<f64>>, hot: &HotSquares) -> Lines<GridPoint> {
    let parts: Vec<Lines<GridPoint>> = chunks(lines.len())
        .into_par_iter()
        .map(|chunk| {
            let mut part = Lines::new();
            let (mut points, mut passed) = (Vec::new(), Vec::new());
            for line in chunk {
                round_line(lines.get(line), hot, &mut points, &mut passed);
                part.push(points.drain(..));
            }
            part
        })
        .collect();
    let mut all = Lines { points: Vec::with_capacity(parts.iter().map(|part| part.points.len()).sum()), starts: vec![0] };
    for part in parts {
        let first = to_u32(all.points.len());
        all.starts.extend(part.starts[1..].iter().map(|start| start + first));
        all.points.extend(part.points);
    }
    all
}

fn chunks(count: usize) -> Vec<std::ops::Range<usize>> {
    (0..count).step_by(CHUNK).map(|first| first..(first + CHUNK).min(count)).collect()
}

/// Appends the points of a line after rounding, none the same as the one before it.
fn round_line(line: &[Coord<f64>], hot: &HotSquares, points: &mut Vec<GridPoint>, passed: &mut Vec<GridPoint>) {
    points.extend(line.first().map(|c| to_grid(*c)));
    for edge in line.windows(2) {
        let [from, to] = [edge[0], edge[1]];
        passed.clear();
        hot.passed(from, to, passed);
        let along = |p: &GridPoint| (f64::from(p[0]) - from.x) * (to.x - from.x) + (f64::from(p[1]) - from.y) * (to.y - from.y);
        passed.sort_unstable_by(|a, b| along(a).total_cmp(&along(b)));
        points.extend_from_slice(passed);
        points.push(to_grid(to));
    }
    points.dedup();
}

#[expect(clippy::cast_possible_truncation, reason = "the grid of the highest zoom has 2^29 units a side")]
fn to_grid(c: Coord<f64>) -> GridPoint {
    [(c.x + 0.5).floor() as i32, (c.y + 0.5).floor() as i32]
}

/// Says whether the edge meets the unit square around a grid point, exactly. The square is without its far sides, so
/// that every place lies in one square.
pub(super) fn passes(from: Coord<f64>, to: Coord<f64>, square: GridPoint) -> bool {
    let [x, y] = square.map(f64::from);
    let misses = |a: f64, b: f64, middle: f64| a.max(b) < middle - 0.5 || a.min(b) >= middle + 0.5;
    if misses(from.x, to.x, x) || misses(from.y, to.y, y) {
        return false;
    }
    let robust = |x: f64, y: f64| robust::Coord { x, y };
    let side = |x: f64, y: f64| orient2d(robust(from.x, from.y), robust(to.x, to.y), robust(x, y));
    let corners = [side(x - 0.5, y - 0.5), side(x + 0.5, y - 0.5), side(x + 0.5, y + 0.5), side(x - 0.5, y + 0.5)];
    // An edge that only touches the square passes it where it goes through its near corner.
    corners[0] == 0.0 || corners.iter().any(|s| *s > 0.0) && corners.iter().any(|s| *s < 0.0)
}

/// Returns the grid points nearest to where an edge crosses the lines along which tiles are cut.
fn cut_points(from: Coord<f64>, to: Coord<f64>) -> impl Iterator<Item = GridPoint> {
    let at_x = cut_lines(from.x, to.x).map(move |x| {
        let t = (f64::from(x) - from.x) / (to.x - from.x);
        to_grid(Coord { x: f64::from(x), y: from.y + t * (to.y - from.y) })
    });
    let at_y = cut_lines(from.y, to.y).map(move |y| {
        let t = (f64::from(y) - from.y) / (to.y - from.y);
        to_grid(Coord { x: from.x + t * (to.x - from.x), y: f64::from(y) })
    });
    at_x.chain(at_y)
}

/// Returns the cut lines strictly between two values: [`BUFFER`] units on either side of every edge of a tile.
#[expect(clippy::cast_possible_truncation, reason = "the grid of the highest zoom has 2^29 units a side")]
fn cut_lines(a: f64, b: f64) -> impl Iterator<Item = i32> {
    let (low, high) = (a.min(b), a.max(b));
    let first = (low as i32).div_euclid(EXTENT);
    let last = (high as i32).div_euclid(EXTENT) + 1;
    (first..=last)
        .flat_map(|tile| [tile * EXTENT - BUFFER, tile * EXTENT + BUFFER])
        .filter(move |line| low < f64::from(*line) && f64::from(*line) < high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(arcs: &[&[(f64, f64)]]) -> Vec<Vec<GridPoint>> {
        let mut lines = Lines::new();
        arcs.iter().for_each(|arc| lines.push(arc.iter().map(|&(x, y)| Coord { x, y })));
        let rounded = super::round(&lines, &HotSquares::of(&lines));
        (0..arcs.len()).map(|arc| rounded.get(arc).to_vec()).collect()
    }

    #[test]
    fn an_edge_is_led_through_a_vertex_that_it_passes_closely() {
        let rounded = round(&[&[(100.0, 100.0), (110.0, 100.4)], &[(105.2, 100.3), (105.0, 110.0)]]);
        assert_eq!(rounded[0], [[100, 100], [105, 100], [110, 100]]);
        assert_eq!(rounded[1], [[105, 100], [105, 110]]);
    }

    #[test]
    fn vertices_that_fall_together_are_one() {
        assert_eq!(round(&[&[(100.1, 100.1), (100.2, 99.9), (104.0, 100.0)]])[0], [[100, 100], [104, 100]]);
    }

    #[test]
    fn edges_have_a_vertex_on_every_line_along_which_tiles_are_cut() {
        let rounded = round(&[&[(4000.0, 100.0), (4200.0, 150.0)]]);
        assert_eq!(rounded[0], [[4000, 100], [4032, 108], [4160, 140], [4200, 150]]);
    }
}
