use super::ring::{GridPolygon, mend};
use super::snap::GridPoint;

/// A rectangle of the grid, its rim included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct GridRect {
    pub min: GridPoint,
    pub max: GridPoint,
}

impl GridRect {
    /// Returns the rectangle around points; none where there are none.
    pub fn around<'a>(points: impl IntoIterator<Item = &'a GridPoint>) -> Option<Self> {
        points.into_iter().map(|point| Self { min: *point, max: *point }).reduce(Self::join)
    }

    pub fn meets(self, other: Self) -> bool {
        (0..2).all(|axis| self.min[axis] <= other.max[axis] && other.min[axis] <= self.max[axis])
    }

    /// Returns the rectangle around both.
    pub fn join(self, other: Self) -> Self {
        Self {
            min: [0, 1].map(|axis: usize| self.min[axis].min(other.min[axis])),
            max: [0, 1].map(|axis: usize| self.max[axis].max(other.max[axis])),
        }
    }

    pub fn grown(self, by: i32) -> Self {
        Self { min: self.min.map(|v| v.saturating_sub(by)), max: self.max.map(|v| v.saturating_add(by)) }
    }

    pub fn contains(self, other: Self) -> bool {
        (0..2).all(|axis| self.min[axis] <= other.min[axis] && other.max[axis] <= self.max[axis])
    }
}

/// Cuts polygons to a rectangle whose sides are lines that took part in the rounding.
///
/// Rings are cut side by side (Sutherland & Hodgman, "Reentrant polygon clipping", 1974), which leaves runs to and fro along
/// the sides; these are then mended away. Every edge that crosses a side has a vertex there, so nothing is
/// rounded again and two tiles cut their common border alike.
pub(super) fn clip(rings: &[Vec<GridPoint>], rect: GridRect) -> Vec<GridPolygon> {
    let mut rings: Vec<Vec<GridPoint>> = rings.iter().map(|ring| cut_ring(ring, rect)).collect();
    rings.retain(|ring| ring.len() >= 3);
    split_along_sides(&mut rings, rect);
    mend(&rings)
}

fn cut_ring(ring: &[GridPoint], rect: GridRect) -> Vec<GridPoint> {
    let mut ring = ring.to_vec();
    for axis in 0..2 {
        ring = keep_side(&ring, axis, |v| v >= rect.min[axis], rect.min[axis]);
        ring = keep_side(&ring, axis, |v| v <= rect.max[axis], rect.max[axis]);
    }
    ring
}

fn keep_side(ring: &[GridPoint], axis: usize, inside: impl Fn(i32) -> bool, line: i32) -> Vec<GridPoint> {
    let mut kept = Vec::with_capacity(ring.len());
    for (at, &point) in ring.iter().enumerate() {
        let before = ring[(at + ring.len() - 1) % ring.len()];
        // Edges end where they meet a line, save where a cut along the other axis has just made one of two corners.
        if inside(point[axis]) != inside(before[axis]) && point[axis] != line && before[axis] != line {
            kept.push(crossing(before, point, axis, line));
        }
        if inside(point[axis]) {
            kept.push(point);
        }
    }
    kept.dedup();
    while kept.len() > 1 && kept.first() == kept.last() {
        kept.pop();
    }
    kept
}

fn crossing(a: GridPoint, b: GridPoint, axis: usize, line: i32) -> GridPoint {
    // From the lesser end, so that both neighbours of an edge find the same point.
    let (a, b) = if a < b { (a, b) } else { (b, a) };
    let other = 1 - axis;
    let along = i64::from(b[axis]) - i64::from(a[axis]);
    let across = (i64::from(b[other]) - i64::from(a[other])) * (i64::from(line) - i64::from(a[axis]));
    let rounded = (2 * across + along).div_euclid(2 * along);
    let mut point = [line; 2];
    point[other] = i32::try_from(i64::from(a[other]) + rounded).expect("the point lies between two that fit");
    point
}

/// Cuts a line to a rectangle; several parts where it leaves and comes back.
pub(super) fn clip_line(line: &[GridPoint], rect: GridRect) -> Vec<Vec<GridPoint>> {
    let mut parts: Vec<Vec<GridPoint>> = Vec::new();
    for edge in line.windows(2) {
        let [a, b] = [edge[0], edge[1]];
        let Some([from, to]) = cut_edge(a, b, rect) else { continue };
        match parts.last_mut().filter(|part| part.last() == Some(&from) && from == a) {
            Some(part) => part.push(to),
            None => parts.push(vec![from, to]),
        }
    }
    parts
}

fn cut_edge(a: GridPoint, b: GridPoint, rect: GridRect) -> Option<[GridPoint; 2]> {
    let [mut a, mut b] = [a, b];
    for axis in 0..2 {
        for (line, sign) in [(rect.min[axis], 1), (rect.max[axis], -1)] {
            let is_out = |p: GridPoint| sign * (p[axis] - line) < 0;
            match (is_out(a), is_out(b)) {
                (true, true) => return None,
                (true, false) => a = if b[axis] == line { b } else { crossing(a, b, axis, line) },
                (false, true) => b = if a[axis] == line { a } else { crossing(a, b, axis, line) },
                (false, false) => {}
            }
        }
    }
    (a != b).then_some([a, b])
}

fn on_same_side([a, b]: [GridPoint; 2], rect: GridRect) -> Option<usize> {
    (0..2).find(|&axis| a[axis] == b[axis] && (a[axis] == rect.min[axis] || a[axis] == rect.max[axis]))
}

/// Gives runs along the sides a vertex wherever any ring has one there, so that runs that coincide do so edge by edge.
fn split_along_sides(rings: &mut [Vec<GridPoint>], rect: GridRect) {
    let is_on_side = |p: &&GridPoint| (0..2).any(|axis| p[axis] == rect.min[axis] || p[axis] == rect.max[axis]);
    let mut stops: Vec<GridPoint> = rings.iter().flatten().filter(is_on_side).copied().collect();
    stops.sort_unstable();
    stops.dedup();
    for ring in rings {
        let mut split = Vec::with_capacity(ring.len());
        for (at, &point) in ring.iter().enumerate() {
            split.push(point);
            let next = ring[(at + 1) % ring.len()];
            let Some(axis) = on_same_side([point, next], rect) else { continue };
            let other = 1 - axis;
            let (low, high) = (point[other].min(next[other]), point[other].max(next[other]));
            let between = stops.iter().filter(|stop| stop[axis] == point[axis] && low < stop[other] && stop[other] < high);
            let from = split.len();
            split.extend(between);
            split[from..].sort_unstable_by_key(|stop| stop[other]);
            if point[other] > next[other] {
                split[from..].reverse();
            }
        }
        *ring = split;
    }
}

#[cfg(test)]
mod tests {
    use super::super::ring::doubled_area;
    use super::*;

    const RECT: GridRect = GridRect { min: [0, 0], max: [10, 10] };

    fn check(polygon: &[&[GridPoint]], expected: &[(usize, i64)]) {
        let polygon: GridPolygon = polygon.iter().map(|ring| ring.to_vec()).collect();
        let mut found: Vec<(usize, i64)> =
            clip(&polygon, RECT).iter().map(|polygon| (polygon.len(), polygon.iter().map(|ring| doubled_area(ring)).sum())).collect();
        found.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_polygon_around_the_rectangle_becomes_the_rectangle() {
        check(&[&[[-5, -5], [-5, 15], [15, 15], [15, -5]]], &[(1, 200)]);
    }

    #[test]
    fn a_comb_is_cut_into_its_teeth() {
        // Joined beyond the western side, so three separate pieces remain.
        let comb: &[GridPoint] = &[
            [-4, 0],
            [-4, 10],
            [0, 10],
            [5, 10],
            [5, 8],
            [0, 8],
            [-2, 8],
            [-2, 6],
            [0, 6],
            [5, 6],
            [5, 4],
            [0, 4],
            [-2, 4],
            [-2, 2],
            [0, 2],
            [5, 2],
            [5, 0],
            [0, 0],
        ];
        check(&[comb], &[(1, 20), (1, 20), (1, 20)]);
    }

    #[test]
    fn a_hole_across_a_side_becomes_a_bay() {
        let exterior: &[GridPoint] = &[[-5, -5], [-5, 15], [15, 15], [15, -5]];
        check(&[exterior, &[[-2, 4], [0, 4], [3, 4], [3, 6], [0, 6], [-2, 6]]], &[(1, 200 - 12)]);
        check(&[exterior, &[[2, 4], [3, 4], [3, 6], [2, 6]]], &[(2, 200 - 4)]);
        check(&[exterior, &[[-2, -2], [12, -2], [12, 12], [-2, 12]]], &[]);
    }

    #[test]
    fn what_lies_outside_leaves_nothing() {
        check(&[&[[20, 0], [20, 10], [30, 10], [30, 0]]], &[]);
        check(&[&[[10, 0], [10, 10], [30, 10], [30, 0]]], &[]);
    }
}
