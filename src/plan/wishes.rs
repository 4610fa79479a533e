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
    /// Which no border should cut: compounds, campuses, markets.
    pub wholes: Vec<Polygon<f64>>,
    /// Of which each gets a district of its own: stations of keepers.
    pub points: Vec<Coord<f64>>,
}

/// How near a line a border runs along it: the width of a road and its pavements.
const ALONG_M: f64 = 20.0;

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
    /// A border's weight is the mean over its length: that of a stretch along a line is [`ALONG_WEIGHT`], of one through a whole
    /// [`CUTTING_WEIGHT`], of all else 1.
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
        let wholes = self.wholes.iter().filter_map(|whole| Some(GeomWithData::new(boxed(whole.bounding_rect()?), whole)));
        let wholes = RTree::bulk_load(wholes.collect());
        let weight_at = |place: Coord<f64>| {
            let mut around = wholes.locate_in_envelope_intersecting(AABB::from_point([place.x, place.y]));
            if around.any(|whole| whole.data.contains(&Point(place))) {
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

fn boxed(rect: Rect<f64>) -> Rectangle<[f64; 2]> {
    Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y])
}

/// Places in which one edge is looked at.
const PARTS_MAX: f64 = 1_000.0;
