use std::borrow::Cow;

use geo::{BoundingRect, Intersects};
use geo_types::{Geometry, Rect};
use jiff::Timestamp;
use rstar::primitives::{GeomWithData, Rectangle};
use rstar::{AABB, RTree};
use serde_json::{Map, Value as Json};

use super::infer::{Inference, to_value};
use super::source::{Source, merged};
use crate::filter::{Kind, Property, Schema, Value};

/// A collection read from a file of the operator's, beside the boundaries: rivers, schools, addresses. Held in memory.
#[derive(Debug)]
pub struct TableSource {
    name: String,
    schema: Schema,
    features: Vec<TableFeature>,
    placeless: Vec<usize>,
    /// The ids of the features in their order, and between which times each holds; none for those of a file, which are numbered.
    rows: Option<Vec<(String, Span)>>,
    tree: RTree<GeomWithData<Rectangle<[f64; 2]>, usize>>,
    time: Option<Timestamp>,
}

/// From when until when something holds, the end excluded.
type Span = Option<(Timestamp, Option<Timestamp>)>;

/// A feature with an id of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRowFeature {
    pub id: String,
    pub feature: TableFeature,
    pub span: Span,
}

/// A feature of a file, in degrees.
#[derive(Clone, Debug, PartialEq)]
pub struct TableFeature {
    pub properties: Map<String, Json>,
    pub geometry: Option<Geometry<f64>>,
}

impl TableSource {
    /// Makes a collection of features, which are numbered in their order. `geometry` is the name of their geometry, `time` when they
    /// were last changed.
    pub fn new(name: String, geometry: &str, features: Vec<TableFeature>, time: Timestamp) -> Self {
        let mut inference = Inference::default();
        for (name, value) in features.iter().flat_map(|feature| &feature.properties) {
            inference.look_at(name, value);
        }
        let mut properties = vec![Property { name: geometry.to_owned(), kind: Kind::Geometry }];
        properties.extend(inference.finish().into_iter().filter(|property| property.name != geometry));
        Self::build(name, Schema { properties }, features, None, Some(time))
    }

    /// Makes a collection of features that have ids, by which they are ordered, and a schema that is known. `id` is a property of it.
    pub fn of_rows(name: String, schema: Schema, mut rows: Vec<TableRowFeature>, time: Option<Timestamp>) -> Self {
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        let (ids, features) = rows.into_iter().map(|row| ((row.id, row.span), row.feature)).unzip();
        Self::build(name, schema, features, Some(ids), time)
    }

    fn build(
        name: String,
        schema: Schema,
        features: Vec<TableFeature>,
        rows: Option<Vec<(String, Span)>>,
        time: Option<Timestamp>,
    ) -> Self {
        let bounds = |feature: &TableFeature| feature.geometry.as_ref().and_then(BoundingRect::bounding_rect);
        let envelope = |(at, feature): (usize, &TableFeature)| {
            bounds(feature).map(|rect| GeomWithData::new(Rectangle::from_corners(rect.min().into(), rect.max().into()), at))
        };
        let tree = RTree::bulk_load(features.iter().enumerate().filter_map(envelope).collect());
        let placeless = (0..features.len()).filter(|at| bounds(&features[*at]).is_none()).collect();
        Self { name, schema, features, placeless, rows, tree, time }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns west, south, east and north; none where no feature has a place.
    pub fn extent(&self) -> Option<[f64; 4]> {
        let boxes = self.features.iter().filter_map(|feature| feature.geometry.as_ref()?.bounding_rect());
        boxes.fold(None, |extent, rect| {
            let (min, max) = (rect.min(), rect.max());
            let [west, south, east, north] = extent.unwrap_or([min.x, min.y, max.x, max.y]);
            Some([west.min(min.x), south.min(min.y), east.max(max.x), north.max(max.y)])
        })
    }
}

impl Source for TableSource {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.features.len()
    }

    /// Numbers of one length, so that their order as texts is that of the features.
    fn key(&self, at: usize) -> Cow<'_, str> {
        match &self.rows {
            Some(rows) => rows[at].0.as_str().into(),
            None => format!("{:010}", at + 1).into(),
        }
    }

    fn id(&self, at: usize) -> Cow<'_, str> {
        match &self.rows {
            Some(rows) => rows[at].0.as_str().into(),
            None => (at + 1).to_string().into(),
        }
    }

    fn find(&self, feature: &str) -> Option<usize> {
        if let Some(rows) = &self.rows {
            return rows.binary_search_by(|(id, _)| id.as_str().cmp(feature)).ok();
        }
        let is_number = !feature.starts_with('0') && feature.bytes().all(|byte| byte.is_ascii_digit());
        let number: usize = feature.parse().ok().filter(|_| is_number)?;
        number.checked_sub(1).filter(|at| *at < self.features.len())
    }

    fn value(&self, at: usize, slot: usize) -> Value<'_> {
        let property = &self.schema.properties[slot];
        if let Some(rows) = self.rows.as_ref().filter(|_| property.name == "id") {
            return Value::Text(rows[at].0.as_str().into());
        }
        to_value(self.features[at].properties.get(&property.name), property.kind)
    }

    fn geometry(&self, at: usize) -> Option<Geometry<f64>> {
        self.features[at].geometry.clone()
    }

    fn properties(&self, at: usize) -> Vec<(Cow<'_, str>, Cow<'_, Json>)> {
        let properties = self.features[at].properties.iter();
        properties.map(|(name, value)| (Cow::Borrowed(name.as_str()), Cow::Borrowed(value))).collect()
    }

    fn span(&self, at: usize) -> Option<(Timestamp, Option<Timestamp>)> {
        self.rows.as_ref().and_then(|rows| rows[at].1)
    }

    fn meeting(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        let meets = |at: &usize| {
            let geometry = self.features[*at].geometry.as_ref();
            geometry.is_none_or(|geometry| boxes.iter().any(|rect| geometry.intersects(rect)))
        };
        let mut found: Vec<usize> = self.near(boxes).into_iter().filter(meets).chain(self.placeless.iter().copied()).collect();
        found.sort_unstable();
        found
    }

    fn near(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        let mut found = merged(boxes, |rect| {
            let wanted = AABB::from_corners(rect.min().into(), rect.max().into());
            self.tree.locate_in_envelope_intersecting(wanted).map(|envelope| envelope.data).collect()
        });
        found.sort_unstable();
        found
    }

    fn code_slot(&self) -> Option<usize> {
        None
    }

    fn with_prefix(&self, _prefix: &str) -> Vec<usize> {
        (0..self.features.len()).collect()
    }

    fn time(&self) -> Option<Timestamp> {
        self.time
    }

    /// Files are read once; rows of our own tables are told by nothing but themselves.
    fn version(&self) -> Option<String> {
        self.time.filter(|_| self.rows.is_none()).map(|time| format!("{} {time} {}", self.name, self.features.len()))
    }
}
