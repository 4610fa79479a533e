use geo_types::Coord;
use rayon::prelude::*;
use robust::orient2d;
use rstar::{AABB, RTree};

use super::address::{BUFFER, EXTENT};

/// A point of a zoom's grid.
pub(super) type GridPoint = [i32; 2];

/// Arcs rounded onto a grid.
#[derive(Debug, Default)]
pub(super) struct GridArcs {
    points: Vec<GridPoint>,
    starts: Vec<usize>,
}

impl GridArcs {
    /// Rounds arcs together, so that none crosses another that it did not cross before.
    ///
    /// Snap rounding after Hobby, "Practical segment intersection with finite precision output" (1999): each
    /// grid square with a vertex in it is hot, and an edge that passes through a hot square is led through its
    /// middle. The arcs of a coverage meet only at their ends, so there is no other crossing to make hot. The lines
    /// along which tiles are cut take part: where an edge crosses one, the square is hot, and cutting needs no new vertex.
    ///
    /// `arcs` are in units of the grid. An arc with fewer than two vertices stays empty.
    pub fn round(arcs: &[Vec<Coord<f64>>]) -> Self {
        let mut hot: Vec<GridPoint> = arcs
            .par_iter()
            .flat_map_iter(|arc| {
                let vertices = arc.iter().map(|c| to_grid(*c));
                vertices.chain(arc.windows(2).flat_map(|edge| cut_points(edge[0], edge[1])))
            })
            .collect();
        hot.par_sort_unstable();
        hot.dedup();
        let hot = RTree::bulk_load(hot);
        let rounded: Vec<Vec<GridPoint>> = arcs.par_iter().map(|arc| round_arc(arc, &hot)).collect();
        let mut this = Self { points: Vec::new(), starts: vec![0] };
        for arc in rounded {
            this.points.extend(arc);
            this.starts.push(this.points.len());
        }
        this
    }

    /// Returns the points of an arc, none the same as the one before it.
    pub fn points(&self, arc: usize) -> &[GridPoint] {
        &self.points[self.starts[arc]..self.starts[arc + 1]]
    }
}

fn round_arc(arc: &[Coord<f64>], hot: &RTree<GridPoint>) -> Vec<GridPoint> {
    let mut points = Vec::with_capacity(arc.len());
    points.extend(arc.first().map(|c| to_grid(*c)));
    let mut passed = Vec::new();
    for edge in arc.windows(2) {
        let [from, to] = [edge[0], edge[1]];
        let around = AABB::from_corners(to_grid(from), to_grid(to));
        let [low, high] = [around.lower(), around.upper()];
        let around = AABB::from_corners(low.map(|v| v - 1), high.map(|v| v + 1));
        passed.clear();
        passed.extend(hot.locate_in_envelope(around).filter(|square| passes(from, to, **square)).copied());
        let along = |p: &GridPoint| f64::from(p[0]) * (to.x - from.x) + f64::from(p[1]) * (to.y - from.y);
        passed.sort_by(|a, b| along(a).total_cmp(&along(b)));
        points.extend_from_slice(&passed);
        points.push(to_grid(to));
    }
    points.dedup();
    points
}

#[expect(clippy::cast_possible_truncation, reason = "the grid of the highest zoom has 2^29 units a side")]
fn to_grid(c: Coord<f64>) -> GridPoint {
    [(c.x + 0.5).floor() as i32, (c.y + 0.5).floor() as i32]
}

/// Says whether the edge meets the unit square around a grid point, exactly.
fn passes(from: Coord<f64>, to: Coord<f64>, square: GridPoint) -> bool {
    let [x, y] = square.map(f64::from);
    let misses = |a: f64, b: f64, middle: f64| a.max(b) < middle - 0.5 || a.min(b) > middle + 0.5;
    if misses(from.x, to.x, x) || misses(from.y, to.y, y) {
        return false;
    }
    let robust = |x: f64, y: f64| robust::Coord { x, y };
    let side = |x: f64, y: f64| orient2d(robust(from.x, from.y), robust(to.x, to.y), robust(x, y));
    let corners = [side(x - 0.5, y - 0.5), side(x + 0.5, y - 0.5), side(x + 0.5, y + 0.5), side(x - 0.5, y + 0.5)];
    !(corners.iter().all(|s| *s > 0.0) || corners.iter().all(|s| *s < 0.0))
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
        let arcs: Vec<Vec<Coord<f64>>> = arcs.iter().map(|arc| arc.iter().map(|&(x, y)| Coord { x, y }).collect()).collect();
        let rounded = GridArcs::round(&arcs);
        (0..arcs.len()).map(|arc| rounded.points(arc).to_vec()).collect()
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
