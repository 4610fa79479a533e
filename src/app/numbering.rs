use geo::{BoundingRect, Centroid, Contains, InteriorPoint};
use geo_types::MultiPolygon;
use jiff::Timestamp;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

use super::{NewLevel, PublishError, PublishOptions, Published, StoreUnavailable, base_of, publish};
use crate::boundary::{
    Layer, Level, NumberingError, Place, Problem, ProblemKind, ProblemUnit, Segment, Severity, UnitCode, UnitShape, free_codes,
    reading_order,
};
use crate::import::BoundaryFile;
use crate::store::{Store, StoreError, newest_generation};

#[derive(Debug, thiserror::Error)]
pub enum NumberError {
    #[error("cannot read the codes of layer {layer}")]
    Store {
        layer: crate::boundary::LayerName,
        #[source]
        source: StoreUnavailable,
    },
    #[error("the codes of layer {layer} have no scheme that knows the level {level}; name one with layers.{layer}.scheme")]
    NoScheme { layer: crate::boundary::LayerName, level: Level },
    #[error("level {level} of layer {layer} has no level above it, with whose codes its own could begin")]
    NoParentLevel { layer: crate::boundary::LayerName, level: Level },
    #[error("the level {parent} above {level} has no units yet; import them first, for codes begin with theirs")]
    NoParents { parent: Level, level: Level },
    #[error("layer {layer} has no units at level {level}")]
    NoUnits { layer: crate::boundary::LayerName, level: Level },
    #[error("layer {layer} has no units at level {level} below {parent}; name a unit of the level above it that has some")]
    NoUnitsBelow { layer: crate::boundary::LayerName, level: Level, parent: UnitCode },
    #[error("level {level} has units below it, at level {below}, whose codes begin with its own; only the finest level is numbered anew")]
    NotFinest { level: Level, below: Level },
    #[error("{0} units name no parent, so there is nothing that their codes could begin with: {1}")]
    Orphans(usize, String),
    #[error("cannot number the units")]
    Exhausted(#[from] NumberingError),
    #[error("cannot publish the new codes")]
    Publish(#[from] PublishError),
}

/// Codes named in a message; the rest is counted.
const CODES_NAMED_MAX: usize = 6;

/// Gives a code to every feature of a file that has none, and returns how many got one.
///
/// The parent is the one that the feature names, else the one it lies in. Codes are given within each parent from west to east, row by
/// row from north to south, and none that any generation ever had. A feature that lies in no parent stays without and is reported.
///
/// # Errors
/// The store fails, the level has no scheme or no parents, or a parent has no codes left.
pub fn give_codes(
    store: &dyn Store,
    file: &mut BoundaryFile,
    layer: &Layer,
    level: &Level,
    effective_from: Option<Timestamp>,
) -> Result<usize, NumberError> {
    let failed = |source: StoreError| NumberError::Store { layer: layer.name.clone(), source: source.into() };
    let segment = find_segment(layer, level)?;
    let parent_level =
        layer.parent_of(level).ok_or_else(|| NumberError::NoParentLevel { layer: layer.name.clone(), level: level.clone() })?;
    let is_without = |code: &Option<String>| code.as_ref().is_none_or(String::is_empty);
    if !file.features.iter().any(|feature| is_without(&feature.code)) {
        return Ok(0);
    }
    let parents = load_level(store, layer, parent_level, effective_from).map_err(failed)?;
    if parents.is_empty() {
        return Err(NumberError::NoParents { parent: parent_level.clone(), level: level.clone() });
    }
    let homes = Homes::new(&parents);
    let mut taken: FxHashSet<UnitCode> = store.load_codes(&layer.name, level, None).map_err(failed)?.into_iter().collect();
    taken.extend(file.features.iter().filter_map(|feature| UnitCode::parse(feature.code.as_deref()?).ok()));
    let mut by_parent: BTreeMap<UnitCode, Vec<usize>> = BTreeMap::new();
    let mut problems = Vec::new();
    for (at, feature) in file.features.iter().enumerate().filter(|(_, feature)| is_without(&feature.code)) {
        let Some(geometry) = &feature.geometry else { continue };
        let named = feature.parent.as_deref().and_then(|parent| UnitCode::parse(parent).ok());
        match named.or_else(|| homes.holding(geometry)) {
            Some(parent) => by_parent.entry(parent).or_default().push(at),
            None => {
                let detail = format!("the feature has no code and lies in no {parent_level}, so it cannot be numbered");
                let remedy = "fill in its code or its parent, or check the reference system of the file";
                let unit = ProblemUnit { code: None, source: feature.source.clone() };
                problems.push(Problem::new(ProblemKind::Orphan, Severity::Error, detail, remedy).of([unit]).placed(geometry.clone()));
            }
        }
    }
    file.problems.extend(problems);
    let mut given = 0;
    for (parent, features) in by_parent {
        let places: Vec<Place> = features.iter().map(|at| place_of(file.features[*at].geometry.as_ref())).collect();
        let codes = free_codes(&parent, features.len(), segment, &taken)?;
        given += codes.len();
        for (code, at) in codes.into_iter().zip(reading_order(&places)) {
            let feature = &mut file.features[features[at]];
            feature.code = Some(code.to_string());
            feature.parent = Some(parent.to_string());
        }
    }
    Ok(given)
}

/// The old and the new code of each unit, in the order of the old ones.
pub type Renumbered = Vec<(UnitCode, UnitCode)>;

/// Gives new codes to all units of the finest level, or to those below one parent, and publishes them as a new generation.
///
/// No code is given that any generation ever had, those of today included.
///
/// # Errors
/// The store fails, the level has no scheme, is not the finest, or a parent has no codes left.
pub fn renumber(
    store: &dyn Store,
    layer: &Layer,
    level: &Level,
    within: Option<&UnitCode>,
    options: &PublishOptions,
) -> Result<(Published, Renumbered), NumberError> {
    let failed = |source: StoreError| NumberError::Store { layer: layer.name.clone(), source: source.into() };
    let segment = find_segment(layer, level)?;
    let depth = layer.depth_of(level).unwrap_or_default();
    for below in layer.levels.iter().skip(depth + 1) {
        if !load_level(store, layer, below, options.effective_from).map_err(failed)?.is_empty() {
            return Err(NumberError::NotFinest { level: level.clone(), below: below.clone() });
        }
    }
    // Before the shapes, so that what is published meanwhile is seen by who publishes them.
    let made_on = newest_generation(&store.load_generations(&layer.name).map_err(failed)?).map(|newest| newest.id);
    let mut shapes = load_level(store, layer, level, options.effective_from).map_err(failed)?;
    let taken: FxHashSet<UnitCode> = store.load_codes(&layer.name, level, None).map_err(failed)?.into_iter().collect();
    let mut by_parent: BTreeMap<UnitCode, Vec<usize>> = BTreeMap::new();
    let mut orphans = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        match &shape.unit.parent {
            Some(parent) if within.is_none_or(|within| within == parent) => by_parent.entry(parent.clone()).or_default().push(at),
            Some(_) => {}
            None => orphans.push(shape.unit.code.as_str()),
        }
    }
    if !orphans.is_empty() && within.is_none() {
        orphans.truncate(CODES_NAMED_MAX);
        return Err(NumberError::Orphans(shapes.iter().filter(|shape| shape.unit.parent.is_none()).count(), orphans.join(", ")));
    }
    if by_parent.is_empty() {
        let (layer, level) = (layer.name.clone(), level.clone());
        return Err(match within.cloned() {
            Some(parent) => NumberError::NoUnitsBelow { layer, level, parent },
            None => NumberError::NoUnits { layer, level },
        });
    }
    let mut renumbered = Vec::new();
    for (parent, units) in by_parent {
        let places: Vec<Place> = units.iter().map(|at| place_of(Some(&shapes[*at].geometry))).collect();
        let codes = free_codes(&parent, units.len(), segment, &taken)?;
        for (code, at) in codes.into_iter().zip(reading_order(&places)) {
            let unit = &mut shapes[units[at]].unit;
            renumbered.push((std::mem::replace(&mut unit.code, code.clone()), code));
        }
    }
    renumbered.sort();
    let new = NewLevel { layer: layer.clone(), level: level.clone(), shapes, merge: false };
    Ok((publish(store, new, &PublishOptions { made_on, ..options.clone() })?, renumbered))
}

fn find_segment<'a>(layer: &'a Layer, level: &Level) -> Result<&'a Segment, NumberError> {
    let segments = layer.scheme.iter().flat_map(|scheme| &scheme.segments);
    segments
        .into_iter()
        .find(|segment| &segment.level == level)
        .ok_or_else(|| NumberError::NoScheme { layer: layer.name.clone(), level: level.clone() })
}

/// Returns the units at a level of the generation that one is made of which begins at `effective_from`, now where that is none.
fn load_level(store: &dyn Store, layer: &Layer, level: &Level, effective_from: Option<Timestamp>) -> Result<Vec<UnitShape>, StoreError> {
    let generations = store.load_generations(&layer.name)?;
    let Some(base) = base_of(&generations, effective_from.unwrap_or_else(Timestamp::now)) else { return Ok(Vec::new()) };
    let mut stored = store.load_generation(&layer.name, base.id)?;
    Ok(stored.layer.depth_of(level).map_or_else(Vec::new, |depth| stored.shapes.swap_remove(depth)))
}

fn place_of(geometry: Option<&MultiPolygon<f64>>) -> Place {
    let centre = geometry.and_then(Centroid::centroid);
    let rect = geometry.and_then(BoundingRect::bounding_rect);
    Place {
        lon: centre.map_or(f64::NAN, geo_types::Point::x),
        lat: centre.map_or(f64::NAN, geo_types::Point::y),
        height_deg: rect.map_or(0.0, geo_types::Rect::height),
    }
}

/// The units of the level above by their envelopes.
struct Homes<'a> {
    parents: &'a [UnitShape],
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
}

impl<'a> Homes<'a> {
    fn new(parents: &'a [UnitShape]) -> Self {
        let boxed = parents.iter().enumerate().filter_map(|(at, shape)| {
            let rect = shape.geometry.bounding_rect()?;
            Some(GeomWithData::new(Rectangle::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]), at))
        });
        Self { parents, tree: RTree::bulk_load(boxed.collect()) }
    }

    /// Returns the parent that holds the middle of a geometry; of several the one of smallest code.
    fn holding(&self, geometry: &MultiPolygon<f64>) -> Option<UnitCode> {
        let inner = geometry.interior_point()?;
        let near = self.tree.locate_in_envelope_intersecting(AABB::from_point([inner.x(), inner.y()]));
        let holding = near.map(|boxed| &self.parents[boxed.data]).filter(|parent| parent.geometry.contains(&inner));
        holding.map(|parent| parent.unit.code.clone()).min()
    }
}
