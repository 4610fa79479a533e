use std::collections::BTreeMap;

use geo::{BoundingRect, Contains, Intersects};
use geo_types::{Coord, LineString, Point, Polygon, Rect};
use rstar::primitives::{GeomWithData, Line, Rectangle};
use rstar::{AABB, RTree};
use rustc_hash::FxHashSet;

use super::base::Base;
use super::ground::degree_m;
use crate::topology::{UnitIndex, ValidCoverage};

/// What a planner would like of borders, degrees, WGS 84: places of the city that say something about where districts begin and end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wishes {
    /// Along which borders should run: roads, rivers.
    pub lines: Vec<LineString<f64>>,
    /// Which no border should cut: compounds, campuses, markets. A border along their outline cuts nothing.
    pub wholes: Vec<Polygon<f64>>,
    /// Of which each gets a district of its own: stations of keepers.
    pub points: Vec<Coord<f64>>,
}

/// How near a line a border runs along it: the width of a road and its pavements.
const ALONG_M: f64 = 20.0;

/// How near the outline of a whole a border runs along it and does not cut it: compounds are digitised apart from the units that they
/// consist of, to a metre or two, and what lies on a slanted edge is rounded to either side of it.
const OUTLINE_M: f64 = 5.0;

/// What a metre of border costs that runs along a line, and one that cuts a whole.
const ALONG_WEIGHT: f64 = 0.2;
const CUTTING_WEIGHT: f64 = 20.0;

/// Why a wish cannot be met.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WishError {
    #[error("the point {lon} {lat} lies in no base unit")]
    Nowhere { lon: f64, lat: f64 },
    #[error("two points lie in unit {unit}, which is in one district only; leave one of them out")]
    Twice { unit: String },
}

impl Wishes {
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.wholes.is_empty() && self.points.is_empty()
    }

    /// Weighs the borders of base units, which are those of a level of the coverage in its order, and finds the units of the points.
    ///
    /// A border's weight is the mean over its length: that of a stretch along a line is [`ALONG_WEIGHT`], of one through a whole,
    /// away from its outline, [`CUTTING_WEIGHT`], of all else 1.
    ///
    /// # Errors
    /// A point lies in no unit, or two in one.
    pub fn weigh(&self, base: &mut Base, coverage: &ValidCoverage, depth: usize) -> Result<(), WishError> {
        if !self.lines.is_empty() || !self.wholes.is_empty() {
            let weights = self.weights(coverage, depth);
            base.graph.weigh_borders(|a, b| weights.get(&(a.min(b), a.max(b))).copied().unwrap_or(1.0));
        }
        base.seeds = self.seeds(coverage, depth)?;
        Ok(())
    }

    fn weights(&self, coverage: &ValidCoverage, depth: usize) -> BTreeMap<(u32, u32), f64> {
        let arcs = coverage.arcs();
        let middle = arcs.ids().next().map_or(Coord::default(), |arc| arcs.coords(arc)[0]);
        let scale = degree_m(middle);
        let to_m = |c: Coord<f64>| [c.x * scale.x, c.y * scale.y];
        let stretches = self.lines.iter().flat_map(LineString::lines);
        let lines = RTree::bulk_load(stretches.map(|line| Line::new(to_m(line.start), to_m(line.end))).collect());
        let wholes = self.wholes.iter().enumerate();
        let wholes = wholes.filter_map(|(at, whole)| Some(GeomWithData::new(boxed(whole.bounding_rect()?), (at, whole))));
        let wholes = RTree::bulk_load(wholes.collect());
        let edge = |at: usize, line: geo_types::Line<f64>| GeomWithData::new(Line::new(to_m(line.start), to_m(line.end)), at);
        let rings = self.wholes.iter().enumerate().flat_map(|(at, whole)| rings_of(whole).map(move |ring| (at, ring)));
        let outlines = RTree::bulk_load(rings.flat_map(|(at, ring)| ring.lines().map(move |line| edge(at, line))).collect());
        let is_at_outline =
            |of: usize, place: Coord<f64>| outlines.locate_within_distance(to_m(place), OUTLINE_M * OUTLINE_M).any(|edge| edge.data == of);
        let weight_at = |place: Coord<f64>| {
            let mut around = wholes.locate_in_envelope_intersecting(AABB::from_point([place.x, place.y])).map(|whole| whole.data);
            if around.any(|(at, whole)| whole.contains(&Point(place)) && !is_at_outline(at, place)) {
                return CUTTING_WEIGHT;
            }
            let is_along = lines.locate_within_distance(to_m(place), ALONG_M * ALONG_M).next().is_some();
            if is_along { ALONG_WEIGHT } else { 1.0 }
        };
        let mut sums: BTreeMap<(u32, u32), (f64, f64)> = BTreeMap::new();
        for arc in arcs.ids() {
            let sides = arcs.sides(arc, depth);
            let (Some(left), Some(right)) = (sides.left, sides.right) else { continue };
            if left == right {
                continue;
            }
            let sum = sums.entry((left.0.min(right.0), left.0.max(right.0))).or_default();
            for edge in arcs.coords(arc).windows(2) {
                // A long edge is looked at in several places, as it may meet a line with one end only.
                let (start, end) = (to_m(edge[0]), to_m(edge[1]));
                let length_m = (end[0] - start[0]).hypot(end[1] - start[1]);
                let parts = (length_m / ALONG_M).ceil().clamp(1.0, PARTS_MAX);
                for part in 0..parts as usize {
                    let t = (part as f64 + 0.5) / parts;
                    let place = edge[0] + (edge[1] - edge[0]) * t;
                    sum.0 += length_m / parts * weight_at(place);
                    sum.1 += length_m / parts;
                }
            }
        }
        sums.into_iter().filter(|(_, (_, length))| *length > 0.0).map(|(pair, (sum, length))| (pair, sum / length)).collect()
    }

    fn seeds(&self, coverage: &ValidCoverage, depth: usize) -> Result<Vec<u32>, WishError> {
        if self.points.is_empty() {
            return Ok(Vec::new());
        }
        let level = &coverage.levels()[depth];
        let boxes = level.indices().filter_map(|unit| {
            let rect = coverage.to_geometry(depth, unit).bounding_rect()?;
            Some(GeomWithData::new(boxed(rect), unit))
        });
        let boxes = RTree::bulk_load(boxes.collect());
        let (mut seeds, mut known) = (Vec::with_capacity(self.points.len()), FxHashSet::default());
        for at in &self.points {
            let mut holds: Vec<UnitIndex> = boxes
                .locate_in_envelope_intersecting(AABB::from_point([at.x, at.y]))
                .map(|unit| unit.data)
                .filter(|unit| coverage.to_geometry(depth, *unit).intersects(at))
                .collect();
            // On a border the first of those that have it.
            holds.sort_unstable();
            let unit = *holds.first().ok_or(WishError::Nowhere { lon: at.x, lat: at.y })?;
            if !known.insert(unit) {
                return Err(WishError::Twice { unit: level.unit(unit).code.to_string() });
            }
            seeds.push(unit.0);
        }
        Ok(seeds)
    }
}

fn rings_of(polygon: &Polygon<f64>) -> impl Iterator<Item = &LineString<f64>> {
    std::iter::once(polygon.exterior()).chain(polygon.interiors())
}

fn boxed(rect: Rect<f64>) -> Rectangle<[f64; 2]> {
    Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y])
}

/// Places in which one edge is looked at.
const PARTS_MAX: f64 = 1_000.0;

#[cfg(test)]
mod tests {
    use geo_types::MultiPolygon;

    use super::*;
    use crate::boundary::{Layer, LayerName, Level};
    use crate::topology::cases::shape;
    use crate::topology::{Rules, check};

    /// A side of a unit: no multiple of the length at which borders are looked at.
    const SIDE_M: f64 = 110.0;

    /// A place of a town that is turned by some degrees, metres from its corner.
    fn place(x_m: f64, y_m: f64, turned_deg: f64) -> Coord<f64> {
        let corner = Coord { x: 111.6, y: 26.2 };
        let (scale, (sin, cos)) = (degree_m(corner), turned_deg.to_radians().sin_cos());
        Coord { x: corner.x + (x_m * cos - y_m * sin) / scale.x, y: corner.y + (x_m * sin + y_m * cos) / scale.y }
    }

    fn square(x_m: f64, y_m: f64, side_m: f64, turned_deg: f64) -> Polygon<f64> {
        let corners = [(0.0, 0.0), (side_m, 0.0), (side_m, side_m), (0.0, side_m)];
        Polygon::new(corners.iter().map(|(x, y)| place(x_m + x, y_m + y, turned_deg)).collect(), Vec::new())
    }

    /// Four by four square units.
    fn town(turned_deg: f64) -> ValidCoverage {
        let unit = |at: usize| {
            let (x, y) = ((at % 4) as f64 * SIDE_M, (at / 4) as f64 * SIDE_M);
            shape("unit", 1, &format!("u{at:02}"), None, MultiPolygon(vec![square(x, y, SIDE_M, turned_deg)]))
        };
        let layer = Layer { name: LayerName::parse("grid").unwrap(), levels: vec![Level::parse("unit").unwrap()], scheme: None };
        let checked = check(&layer, vec![(0..16).map(unit).collect()], &Rules { snap_m: 0.0, ..Rules::default() });
        checked.coverage.unwrap_or_else(|| panic!("{:?}", checked.problems))
    }

    #[test]
    fn a_border_along_the_outline_of_a_compound_does_not_cut_it_however_it_is_turned() {
        for turned_deg in [0.0, 1.0, 17.0, 45.0, 63.0, 88.0] {
            let coverage = town(turned_deg);
            // The compound is four units; as its own office has drawn it, a metre wider or narrower, it is the same.
            for wider_m in [0.0, 1.0, -1.0] {
                let compound = square(SIDE_M - wider_m, SIDE_M - wider_m, 2.0 * (SIDE_M + wider_m), turned_deg);
                let weights = Wishes { wholes: vec![compound], ..Wishes::default() }.weights(&coverage, 0);
                assert_eq!(weights.len(), 24);
                let is_in = |unit: u32| [5, 6, 9, 10].contains(&unit);
                for ((a, b), weight) in weights {
                    let expected = if is_in(a) && is_in(b) { CUTTING_WEIGHT } else { 1.0 };
                    assert!((weight - expected).abs() < 1e-9, "turned by {turned_deg}, {wider_m} wider, {a} to {b}: {weight}");
                }
            }
        }
    }

    #[test]
    fn a_border_cuts_a_compound_though_it_runs_along_the_outline_of_another() {
        let coverage = town(17.0);
        // One compound is the inner units, another lies within it to the west of their middle.
        let wholes = vec![square(SIDE_M, SIDE_M, 2.0 * SIDE_M, 17.0), square(SIDE_M, SIDE_M, SIDE_M, 17.0)];
        let weights = Wishes { wholes, ..Wishes::default() }.weights(&coverage, 0);
        assert!((weights[&(5, 6)] - CUTTING_WEIGHT).abs() < 1e-9, "{}", weights[&(5, 6)]);
    }
}
