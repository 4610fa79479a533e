use std::borrow::Cow;
use std::sync::Arc;

use geo_types::{Geometry, Rect};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::source::Source;
use super::write::ZoomLevel;
use crate::filter::{Schema, Value};
use crate::snapshot::LayerSnapshot;

/// Some features of another source, in its order.
pub struct PickedSource {
    whole: Arc<dyn Source>,
    picked: Vec<usize>,
}

impl PickedSource {
    /// Picks features by their places in `whole`.
    pub fn new(whole: Arc<dyn Source>, mut picked: Vec<usize>) -> Self {
        picked.sort_unstable();
        picked.dedup();
        Self { whole, picked }
    }

    fn among(&self, found: &[usize]) -> Vec<usize> {
        found.iter().filter_map(|at| self.picked.binary_search(at).ok()).collect()
    }
}

impl Source for PickedSource {
    fn schema(&self) -> &Schema {
        self.whole.schema()
    }

    fn len(&self) -> usize {
        self.picked.len()
    }

    fn key(&self, at: usize) -> Cow<'_, str> {
        self.whole.key(self.picked[at])
    }

    fn id(&self, at: usize) -> Cow<'_, str> {
        self.whole.id(self.picked[at])
    }

    fn find(&self, feature: &str) -> Option<usize> {
        self.picked.binary_search(&self.whole.find(feature)?).ok()
    }

    fn value(&self, at: usize, slot: usize) -> Value<'_> {
        self.whole.value(self.picked[at], slot)
    }

    fn geometry(&self, at: usize) -> Option<Geometry<f64>> {
        self.whole.geometry(self.picked[at])
    }

    fn generalised(&self, at: usize, zoom: &ZoomLevel) -> Option<Geometry<f64>> {
        self.whole.generalised(self.picked[at], zoom)
    }

    fn level(&self) -> Option<(Arc<LayerSnapshot>, usize)> {
        self.whole.level()
    }

    fn properties(&self, at: usize) -> Vec<(Cow<'_, str>, Cow<'_, Json>)> {
        self.whole.properties(self.picked[at])
    }

    fn members(&self, at: usize) -> Vec<(&'static str, Json)> {
        self.whole.members(self.picked[at])
    }

    fn write_whole(&self, at: usize, out: &mut Vec<u8>) -> bool {
        self.whole.write_whole(self.picked[at], out)
    }

    fn write_kept(&self, at: usize, out: &mut Vec<u8>) -> bool {
        self.whole.write_kept(self.picked[at], out)
    }

    fn span(&self, at: usize) -> Option<(Timestamp, Option<Timestamp>)> {
        self.whole.span(self.picked[at])
    }

    fn meeting(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        self.among(&self.whole.meeting(boxes))
    }

    fn near(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        self.among(&self.whole.near(boxes))
    }

    fn code_slot(&self) -> Option<usize> {
        self.whole.code_slot()
    }

    fn with_prefix(&self, prefix: &str) -> Vec<usize> {
        self.among(&self.whole.with_prefix(prefix))
    }

    fn is_private(&self, at: usize) -> bool {
        self.whole.is_private(self.picked[at])
    }

    fn time(&self) -> Option<Timestamp> {
        self.whole.time()
    }

    fn version(&self) -> Option<String> {
        // Which are picked may follow from another layer.
        self.whole.version().map(|version| format!("{version} {:?}", self.picked))
    }
}
