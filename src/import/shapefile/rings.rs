use geo::coordinate_position::{CoordPos, coord_pos_relative_to_ring};
use geo_types::{Coord, LineString};

use super::super::raw::RawPolygon;

type Ring = Vec<Coord<f64>>;

/// Finds out which rings of a shape are exteriors and which are holes in which exterior.
///
/// The format says it by the direction: exteriors run clockwise, holes counter-clockwise. Some programs write all
/// rings counter-clockwise; then a ring inside an odd number of others is a hole. A hole that lies in no
/// exterior is an exterior written the wrong way round, and kept as one.
pub(super) fn group_rings(rings: Vec<Ring>) -> Vec<RawPolygon> {
    if rings.len() == 1 {
        return vec![rings];
    }
    let rings: Vec<Candidate> = rings.into_iter().map(Candidate::new).collect();
    let is_hole: Vec<bool> = if rings.iter().any(|ring| ring.is_clockwise) {
        rings.iter().map(|ring| !ring.is_clockwise).collect()
    } else {
        rings.iter().map(|ring| rings.iter().filter(|other| other.holds(ring)).count() % 2 == 1).collect()
    };
    let owner_of = |hole: &Candidate| {
        let owners = (0..rings.len()).filter(|&at| !is_hole[at] && rings[at].holds(hole));
        owners.min_by(|&a, &b| rings[a].area.total_cmp(&rings[b].area))
    };
    let owners: Vec<Option<usize>> = (0..rings.len()).map(|at| if is_hole[at] { owner_of(&rings[at]) } else { None }).collect();
    let mut polygons: Vec<RawPolygon> = Vec::new();
    let mut polygon_of = vec![usize::MAX; rings.len()];
    let mut holes = Vec::new();
    for (at, ring) in rings.into_iter().enumerate() {
        match owners[at] {
            Some(owner) => holes.push((owner, ring.ring)),
            None => {
                polygon_of[at] = polygons.len();
                polygons.push(vec![ring.ring]);
            }
        }
    }
    for (owner, hole) in holes {
        polygons[polygon_of[owner]].push(hole);
    }
    polygons
}

struct Candidate {
    ring: Ring,
    /// The ring, closed, to test points against; none where a coordinate is not a number.
    outline: Option<LineString<f64>>,
    is_clockwise: bool,
    area: f64,
    low: Coord<f64>,
    high: Coord<f64>,
}

impl Candidate {
    fn new(ring: Ring) -> Self {
        let twice_area = twice_signed_area(&ring);
        let fold = |pick: fn(f64, f64) -> f64, from: f64| {
            ring.iter().fold(Coord { x: from, y: from }, |a, c| Coord { x: pick(a.x, c.x), y: pick(a.y, c.y) })
        };
        let (low, high) = (fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY));
        let is_finite = ring.iter().all(|c| c.x.is_finite() && c.y.is_finite());
        let outline = is_finite.then(|| {
            let mut outline = LineString(ring.clone());
            outline.close();
            outline
        });
        Self { ring, outline, is_clockwise: twice_area < 0.0, area: twice_area.abs() / 2.0, low, high }
    }

    /// Returns whether `other` lies inside: decided by its first vertex that is not on this ring's line.
    fn holds(&self, other: &Self) -> bool {
        let is_within =
            self.low.x <= other.low.x && self.low.y <= other.low.y && other.high.x <= self.high.x && other.high.y <= self.high.y;
        let Some(outline) = &self.outline else { return false };
        if std::ptr::eq(self, other) || !is_within || self.area <= other.area {
            return false;
        }
        let mut positions = other.ring.iter().map(|c| coord_pos_relative_to_ring(*c, outline));
        positions.find(|position| *position != CoordPos::OnBoundary) != Some(CoordPos::Outside)
    }
}

/// Measured from the first vertex, so that large coordinates do not eat the digits of a small ring.
fn twice_signed_area(ring: &[Coord<f64>]) -> f64 {
    let Some(&origin) = ring.first() else { return 0.0 };
    ring.windows(2).map(|edge| (edge[0] - origin, edge[1] - origin)).map(|(a, b)| a.x * b.y - b.x * a.y).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f64, y: f64, side: f64, is_clockwise: bool) -> Ring {
        let mut corners =
            [(0.0, 0.0), (0.0, side), (side, side), (side, 0.0), (0.0, 0.0)].map(|(dx, dy)| Coord { x: x + dx, y: y + dy }).to_vec();
        if !is_clockwise {
            corners.reverse();
        }
        corners
    }

    fn check(rings: &[(f64, f64, f64, bool)], expected: &[usize]) {
        let grouped = group_rings(rings.iter().map(|&(x, y, side, cw)| square(x, y, side, cw)).collect());
        assert_eq!(grouped.iter().map(Vec::len).collect::<Vec<_>>(), expected, "{rings:?}");
    }

    #[test]
    fn rings_find_their_polygons() {
        check(&[(0.0, 0.0, 9.0, true)], &[1]);
        check(&[(0.0, 0.0, 9.0, true), (1.0, 1.0, 2.0, false)], &[2]);
        // The hole comes first, and belongs to the second of two parts.
        check(&[(21.0, 1.0, 2.0, false), (0.0, 0.0, 9.0, true), (20.0, 0.0, 9.0, true)], &[1, 2]);
        // An island in a hole, and a hole in the island: it belongs to the smaller exterior.
        check(&[(0.0, 0.0, 9.0, true), (1.0, 1.0, 7.0, false), (2.0, 2.0, 5.0, true), (3.0, 3.0, 2.0, false)], &[2, 2]);
        // A hole that touches its exterior at a vertex, and one that shares an edge with it.
        check(&[(0.0, 0.0, 9.0, true), (0.0, 0.0, 2.0, false)], &[2]);
    }

    #[test]
    fn rings_written_the_wrong_way_round_go_by_nesting() {
        check(&[(0.0, 0.0, 9.0, false), (1.0, 1.0, 2.0, false)], &[2]);
        check(&[(0.0, 0.0, 9.0, false), (20.0, 0.0, 9.0, false)], &[1, 1]);
        check(&[(0.0, 0.0, 9.0, true), (20.0, 0.0, 9.0, false)], &[1, 1]);
    }
}
