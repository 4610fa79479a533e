use std::borrow::Cow;
use std::cell::OnceCell;
use std::sync::Arc;

use geo_types::{Geometry, Rect};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::write::ZoomLevel;
use crate::filter::{Feature, Property, Schema, Value};
use crate::snapshot::LayerSnapshot;

/// The features of a collection, wherever they come from, in a stable order of their keys.
pub trait Source: Send + Sync {
    /// Returns the properties that can be asked for; one of them is the geometry.
    fn schema(&self) -> &Schema;

    fn len(&self) -> usize;

    /// Returns by what features are ordered and pages begin.
    fn key(&self, at: usize) -> Cow<'_, str>;

    fn id(&self, at: usize) -> Cow<'_, str>;

    /// Finds a feature by its id, or by its code where it has one.
    fn find(&self, feature: &str) -> Option<usize>;

    /// Returns the value of a property that is no geometry.
    fn value(&self, at: usize, slot: usize) -> Value<'_>;

    fn geometry(&self, at: usize) -> Option<Geometry<f64>>;

    /// Returns a feature's geometry as it is drawn at a zoom; none where it is not drawn, or has no area there.
    fn generalised(&self, _at: usize, _zoom: &ZoomLevel) -> Option<Geometry<f64>> {
        None
    }

    /// Returns the level of boundaries that the features are, where they are units.
    fn level(&self) -> Option<(Arc<LayerSnapshot>, usize)> {
        None
    }

    /// Returns what a feature says of itself, in the order in which it is written.
    fn properties(&self, at: usize) -> Vec<(Cow<'_, str>, Cow<'_, Json>)>;

    /// Returns what stands beside the properties.
    fn members(&self, _at: usize) -> Vec<(&'static str, Json)> {
        Vec::new()
    }

    /// Writes a feature as it is stored, with all its properties and members, up to where more members may follow; false where it has
    /// to be put together of its parts.
    fn write_whole(&self, _at: usize, _out: &mut Vec<u8>) -> bool {
        false
    }

    /// Does the same, and keeps what was written for those who ask again, where that is quicker.
    fn write_kept(&self, at: usize, out: &mut Vec<u8>) -> bool {
        self.write_whole(at, out)
    }

    /// Returns between which times a feature holds, the end excluded; none where it says nothing of time.
    fn span(&self, at: usize) -> Option<(Timestamp, Option<Timestamp>)>;

    /// Returns the features that have a point in common with one of some boxes, and those without a place, in their order.
    fn meeting(&self, boxes: &[Rect<f64>]) -> Vec<usize>;

    /// Returns at least the features that have a point in common with one of some boxes, in their order.
    fn near(&self, boxes: &[Rect<f64>]) -> Vec<usize>;

    /// Returns the place of the property that is the code, by which features are ordered and found.
    fn code_slot(&self) -> Option<usize>;

    /// Returns the features of a code that begins so, which stand together.
    fn with_prefix(&self, prefix: &str) -> Vec<usize>;

    /// Whether what is told of a feature depends on who asks.
    fn is_private(&self, _at: usize) -> bool {
        false
    }

    /// Returns the time of the data; none where nothing tells it.
    fn time(&self) -> Option<Timestamp>;

    /// Returns what tells all that is said of the features from what was or will be; none where only the features themselves do.
    fn version(&self) -> Option<String> {
        None
    }
}

/// One feature while a filter looks at it; its geometry is put together only if it is asked for.
pub struct Row<'a> {
    source: &'a dyn Source,
    at: usize,
    geometry_slot: Option<usize>,
    geometry: OnceCell<Option<Geometry<f64>>>,
}

impl<'a> Row<'a> {
    pub fn new(source: &'a dyn Source, at: usize, geometry_slot: Option<usize>) -> Self {
        Self { source, at, geometry_slot, geometry: OnceCell::new() }
    }

    pub fn geometry(&self) -> Option<&Geometry<f64>> {
        self.geometry.get_or_init(|| self.source.geometry(self.at)).as_ref()
    }
}

impl Feature for Row<'_> {
    fn value(&self, slot: usize) -> Value<'_> {
        if Some(slot) != self.geometry_slot {
            return self.source.value(self.at, slot);
        }
        self.geometry().map_or(Value::Null, |geometry| Value::Geometry(geometry, None))
    }
}

/// Returns the place of the property that is the geometry.
pub fn geometry_slot(schema: &Schema) -> Option<usize> {
    schema.properties.iter().position(Property::is_geometry)
}

/// Gathers what features that lie in several boxes have in common with them, each feature once.
pub fn merged(boxes: &[Rect<f64>], of: impl Fn(Rect<f64>) -> Vec<usize>) -> Vec<usize> {
    let mut found: Vec<usize> = boxes.iter().flat_map(|rect| of(*rect)).collect();
    if boxes.len() > 1 {
        found.sort_unstable();
        found.dedup();
    }
    found
}
