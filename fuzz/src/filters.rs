//! Filters over features with a property of each kind.

use geo_types::{Geometry, polygon};
use gridkeeper::filter::{Evaluator, Feature, Filter, Kind, Property, Schema, Value, parse_date, parse_instant, parse_json, parse_text};
use serde_json::{Value as Json, json};

const KINDS: [(&str, Kind); 11] = [
    ("code", Kind::Text),
    ("name", Kind::Text),
    ("count", Kind::Integer),
    ("share", Kind::Number),
    ("open", Kind::Boolean),
    ("day", Kind::Date),
    ("start", Kind::Instant),
    ("end", Kind::Instant),
    ("tags", Kind::Array),
    ("geom", Kind::Geometry),
    ("mixed", Kind::Any),
];

/// What the places of the code and the geometry are in [`KINDS`].
const CODE: usize = 0;
const GEOMETRY: usize = 9;

/// A feature with properties of each kind.
struct Sample {
    properties: Json,
    geometry: Option<Geometry<f64>>,
}

impl Feature for Sample {
    fn value(&self, slot: usize) -> Value<'_> {
        let (name, kind) = KINDS[slot];
        let text = || self.properties[name].as_str();
        match kind {
            Kind::Geometry => self.geometry.as_ref().map_or(Value::Null, |geometry| Value::Geometry(geometry, None)),
            Kind::Date => text().and_then(parse_date).map_or(Value::Null, Value::Date),
            Kind::Instant => text().and_then(parse_instant).map_or(Value::Null, Value::Instant),
            _ => Value::of_json(&self.properties[name]),
        }
    }
}

/// Filters, and the features that they are asked of.
pub struct Filters {
    schema: Schema,
    samples: Vec<Sample>,
}

impl Default for Filters {
    fn default() -> Self {
        let area = polygon![(x: 111.0, y: 26.0), (x: 112.0, y: 26.0), (x: 112.0, y: 27.0), (x: 111.0, y: 27.0), (x: 111.0, y: 26.0)];
        let line = geo_types::LineString::from(vec![(111.5, 26.5), (113.0, 26.5)]);
        let point = geo_types::Point::new(112.0, 26.0);
        let full = json!({
            "code": "431102", "name": "零陵区 Été", "count": 7, "share": 0.5, "open": true, "day": "2026-04-16",
            "start": "2026-04-16T10:13:19Z", "end": "2026-05-01T00:00:00.5+08:00", "tags": ["a", "b", 3], "mixed": "7",
        });
        let extreme = json!({
            "code": "", "name": "%_\\'", "count": i64::MIN, "share": f64::MAX, "open": false, "day": "9999-12-31",
            "start": "-009999-01-02T01:59:59Z", "end": "9999-12-30T22:00:00Z", "tags": [], "mixed": [null, [1]],
        });
        let samples = vec![
            Sample { properties: full.clone(), geometry: Some(area.into()) },
            Sample { properties: extreme, geometry: Some(line.into()) },
            Sample { properties: full, geometry: Some(point.into()) },
            Sample { properties: Json::Null, geometry: None },
        ];
        let properties = KINDS.map(|(name, kind)| Property { name: name.into(), kind });
        Self { schema: Schema { properties: properties.into() }, samples }
    }
}

impl Filters {
    /// Reads a text as a filter in both languages and asks it of all features: it is refused with a place, or answers.
    pub fn try_out(&self, text: &str) {
        for node in [parse_text(text), parse_json(text)].into_iter().flatten() {
            let Ok(filter) = Filter::compile(&node, &self.schema) else { continue };
            let _ = filter.hint(Some(CODE), Some(GEOMETRY));
            let evaluator = Evaluator::new(&filter);
            for sample in &self.samples {
                evaluator.matches(sample);
            }
        }
    }
}
