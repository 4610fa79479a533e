use std::sync::Arc;

use geo_types::{Coord, LineString, MultiPolygon};

use super::HistoryError;
use super::keepers::Parents;
use crate::boundary::{Generation, GenerationId, GenerationState, Layer, UnitShape};
use crate::history::attribution::Attributor;
use crate::history::drafts::{DraftSession, coverage_of};
use crate::history::load::load_coverage;
use crate::index::{LayerIndex, Search};
use crate::snapshot::LayerHistory;
use crate::store::Store;
use crate::topology::{CoverageLevel, ValidCoverage};

/// The two generations that are compared, the old one first, with the units in which they differ.
#[derive(Debug)]
pub struct Sides {
    pub generations: [Generation; 2],
    pub layers: [Layer; 2],
    /// For each level of each layer, coarse to fine, in the order of codes.
    pub differing: [Vec<Vec<UnitShape>>; 2],
    /// How many units each level of the new one has.
    pub counts: Vec<usize>,
    pub may_overlap: bool,
    /// What was read whole, as it is where a draft is compared.
    pub whole: [Option<Whole>; 2],
    /// Kept once it was needed.
    pub attributors: [Option<Attributor>; 2],
}

/// A generation read whole; a draft as of its last step.
#[derive(Clone, Debug)]
pub struct Whole {
    generation: Generation,
    pub coverage: Arc<ValidCoverage>,
    /// The loads of the units of each level as a draft keeps them, with their field.
    pub own: Option<(String, Vec<Vec<f64>>)>,
}

impl Sides {
    /// Reads what differs.
    ///
    /// # Errors
    /// A generation is not there, a draft cannot be put together, or the store fails.
    pub fn load(store: &dyn Store, history: &LayerHistory, from: GenerationId, to: GenerationId) -> Result<Self, HistoryError> {
        let known = store.load_generations(&history.layer)?;
        let is_draft = |id: GenerationId| known.iter().any(|known| known.id == id && known.state == GenerationState::Draft);
        if is_draft(from) || is_draft(to) {
            let whole = |id| Whole::load(store, history, id, is_draft(id));
            return Ok(Self::of_whole([whole(from)?, whole(to)?]));
        }
        let after = store.load_changes(&history.layer, from, to)?;
        // What the old one has and the new one has not is what begins on the way back.
        let before = store.load_changes(&history.layer, to, from)?;
        let counts = store.count_units(&history.layer)?;
        Ok(Self {
            generations: [before.generation, after.generation],
            layers: [before.layer, after.layer],
            differing: [before.begun, after.begun],
            counts: counts.into_iter().find(|(id, _)| *id == to).map(|(_, counts)| counts).unwrap_or_default(),
            may_overlap: after.accepted.overlap || before.accepted.overlap,
            whole: [None, None],
            attributors: [None, None],
        })
    }

    fn of_whole(whole: [Whole; 2]) -> Self {
        let layers = [&whole[0], &whole[1]].map(|whole| whole.coverage.layer().clone());
        let mut differing = [0, 1].map(|side| vec![Vec::new(); layers[side].levels.len()]);
        for level in layers[1].levels.iter().chain(layers[0].levels.iter().filter(|level| layers[1].depth_of(level).is_none())) {
            let depths = [layers[0].depth_of(level), layers[1].depth_of(level)];
            let shapes = [0, 1].map(|side| depths[side].map_or_else(Vec::new, |depth| whole[side].shapes(depth)));
            for (side, shapes) in tell_apart(shapes).into_iter().enumerate() {
                depths[side].into_iter().for_each(|depth| differing[side][depth].clone_from(&shapes));
            }
        }
        Self {
            generations: [whole[0].generation.clone(), whole[1].generation.clone()],
            differing,
            counts: whole[1].coverage.levels().iter().map(|level| level.units().len()).collect(),
            may_overlap: whole.iter().any(|whole| whole.coverage.accepted().overlap),
            layers,
            whole: whole.map(Some),
            attributors: [None, None],
        }
    }
}

impl Whole {
    pub fn load(store: &dyn Store, history: &LayerHistory, id: GenerationId, is_draft: bool) -> Result<Self, HistoryError> {
        if !is_draft {
            let (generation, coverage) = load_coverage(store, history, id)?;
            return Ok(Self { generation, coverage: Arc::new(coverage), own: None });
        }
        let unfit = |detail: String| HistoryError::Unfit { layer: history.layer.clone(), draft: id, detail };
        let session = DraftSession::open(store, history, id, None).map_err(|error| match error {
            crate::history::DraftError::Load(error) => HistoryError::Load(error),
            error => unfit(error.to_string()),
        })?;
        let draft = session.draft();
        let coverage = coverage_of(draft).map_err(unfit)?;
        let loads = |(depth, level): (usize, &CoverageLevel)| -> Vec<f64> {
            level.units().iter().map(|unit| draft.find(depth, &unit.code).map_or(0.0, |unit| unit.load)).collect()
        };
        let own = session.load_field().map(|field| (field.to_owned(), coverage.levels().iter().enumerate().map(loads).collect()));
        Ok(Self { generation: session.generation().clone(), own, coverage })
    }

    /// Returns the units of a level in the order of codes.
    fn shapes(&self, depth: usize) -> Vec<UnitShape> {
        let level = &self.coverage.levels()[depth];
        let shape = |index| UnitShape {
            unit: level.unit(index).clone(),
            geometry: self.coverage.to_geometry(depth, index),
            source: crate::boundary::FeatureRef::default(),
        };
        let mut shapes: Vec<UnitShape> = level.indices().map(shape).collect();
        shapes.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
        shapes
    }

    pub fn parents(&self) -> Parents {
        let units = self.coverage.levels().iter().flat_map(CoverageLevel::units);
        units.map(|unit| ((unit.level.clone(), unit.code.clone()), unit.parent.clone())).collect()
    }

    pub fn attributor(&self, generation: &Generation) -> Attributor {
        // For one list of cases a raster does not pay.
        Attributor::new(LayerIndex::build(Arc::clone(&self.coverage), Search::Rtree), generation.clone())
    }
}

/// Leaves the units out that are the same on both sides. Both lists are in the order of codes.
fn tell_apart([from, to]: [Vec<UnitShape>; 2]) -> [Vec<UnitShape>; 2] {
    let mut differing = [Vec::new(), Vec::new()];
    let (mut from, mut to) = (from.into_iter().peekable(), to.into_iter().peekable());
    loop {
        match (from.peek(), to.peek()) {
            (None, None) => return differing,
            (Some(old), Some(new)) if old.unit.code == new.unit.code => {
                if let (Some(old), Some(new)) = (from.next(), to.next())
                    && !is_same(&old, &new)
                {
                    differing[0].push(old);
                    differing[1].push(new);
                }
            }
            (Some(old), new) if new.is_none_or(|new| old.unit.code < new.unit.code) => differing[0].extend(from.next()),
            _ => differing[1].extend(to.next()),
        }
    }
}

fn is_same(old: &UnitShape, new: &UnitShape) -> bool {
    let (a, b) = (&old.unit, &new.unit);
    (&a.name, &a.parent, &a.properties) == (&b.name, &b.parent, &b.properties)
        && (old.geometry == new.geometry || canonical(&old.geometry) == canonical(&new.geometry))
}

/// Returns rings from a place and in an order that do not depend on how they were put together.
fn canonical(geometry: &MultiPolygon<f64>) -> Vec<Vec<Vec<[u64; 2]>>> {
    let bits = |c: &Coord<f64>| [c.x.to_bits(), c.y.to_bits()];
    let ring = |line: &LineString<f64>| {
        let mut ring: Vec<[u64; 2]> = line.0.iter().skip(1).map(bits).collect();
        let first = ring.iter().enumerate().min_by_key(|(_, place)| **place).map_or(0, |(at, _)| at);
        ring.rotate_left(first);
        ring
    };
    let mut polygons: Vec<Vec<Vec<[u64; 2]>>> = geometry
        .iter()
        .map(|polygon| {
            let mut holes: Vec<_> = polygon.interiors().iter().map(ring).collect();
            holes.sort_unstable();
            holes.insert(0, ring(polygon.exterior()));
            holes
        })
        .collect();
    polygons.sort_unstable();
    polygons
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::row_of_squares;

    #[test]
    fn a_ring_is_the_same_wherever_it_begins() {
        let square = row_of_squares(&["1"]).remove(0);
        let mut turned = square.clone();
        let exterior = &mut turned.geometry.0[0];
        exterior.exterior_mut(|ring| {
            ring.0.pop();
            ring.0.rotate_left(2);
            ring.0.push(ring.0[0]);
        });
        assert!(turned.geometry != square.geometry && is_same(&square, &turned));
        let mut moved = square.clone();
        moved.geometry.0[0].exterior_mut(|ring| ring.0[1].x += 1e-9);
        assert!(!is_same(&square, &moved));
    }

    #[test]
    fn what_is_on_one_side_only_differs() {
        let (from, mut to) = (row_of_squares(&["1", "2", "4"]), row_of_squares(&["1", "2", "3"]));
        to[1].unit.name = "another".into();
        let codes = tell_apart([from, to]).map(|shapes| shapes.iter().map(|shape| shape.unit.code.to_string()).collect::<Vec<_>>());
        assert_eq!(codes, [vec!["2", "4"], vec!["2", "3"]]);
    }
}
