use std::borrow::Cow;

use geo::Intersects;
use geo_types::{Geometry, Point, Rect};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::source::Source;
use crate::dispatch::Case;
use crate::filter::{Kind, Property, Schema, Value};
use crate::history::Attribution;

/// Incidents that were read from the store, as features in the order of their ids.
#[derive(Debug)]
pub struct CaseSource {
    pub cases: Vec<Case>,
    /// For each incident the grid that it lies in by other boundaries, where that was asked for.
    pub attributions: Option<Vec<Attribution>>,
    pub schema: Schema,
}

/// Returns what can be asked of incidents.
pub fn case_schema() -> Schema {
    let all = [
        ("id", Kind::Text),
        ("category", Kind::Text),
        ("description", Kind::Text),
        ("source", Kind::Text),
        ("reported_at", Kind::Instant),
        ("grid", Kind::Text),
        ("generation", Kind::Integer),
        ("holder", Kind::Text),
        ("geometry", Kind::Geometry),
    ];
    Schema { properties: all.map(|(name, kind)| Property { name: name.into(), kind }).into() }
}

impl CaseSource {
    pub fn new(cases: Vec<Case>) -> Self {
        Self { cases, attributions: None, schema: case_schema() }
    }
}

impl Source for CaseSource {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn len(&self) -> usize {
        self.cases.len()
    }

    fn key(&self, at: usize) -> Cow<'_, str> {
        self.id(at)
    }

    fn id(&self, at: usize) -> Cow<'_, str> {
        self.cases[at].id.0.to_string().into()
    }

    fn find(&self, feature: &str) -> Option<usize> {
        self.cases.iter().position(|case| case.id.0.to_string() == feature)
    }

    fn value(&self, at: usize, slot: usize) -> Value<'_> {
        let case = &self.cases[at];
        let text = |text: Option<String>| text.map_or(Value::Null, |text| Value::Text(text.into()));
        let own = |text| Value::Text(Cow::Borrowed(text));
        match slot {
            0 => Value::Text(self.id(at)),
            1 => own(case.category.as_str()),
            2 => own(case.description.as_str()),
            3 => own(case.source.as_str()),
            4 => Value::Instant(case.reported_at),
            5 => text(case.grid.as_ref().map(ToString::to_string)),
            6 => case.generation.map_or(Value::Null, |generation| Value::Integer(generation.0.into())),
            7 => text(case.holder.as_ref().map(ToString::to_string)),
            _ => Value::Null,
        }
    }

    fn geometry(&self, at: usize) -> Option<Geometry<f64>> {
        Some(Point(self.cases[at].position.into()).into())
    }

    fn properties(&self, at: usize) -> Vec<(Cow<'_, str>, Cow<'_, Json>)> {
        let case = &self.cases[at];
        let mut properties: Vec<(&str, Json)> = vec![
            ("category", case.category.clone().into()),
            ("description", case.description.clone().into()),
            ("source", case.source.clone().into()),
            ("reported_at", case.reported_at.to_string().into()),
            ("grid", case.grid.as_ref().map(ToString::to_string).into()),
            ("generation", case.generation.map(|generation| generation.0).into()),
            ("holder", case.holder.as_ref().map(ToString::to_string).into()),
            ("given", case.given.clone().into()),
        ];
        if let Some(attribution) = self.attributions.as_ref().map(|all| &all[at]) {
            let grid = attribution.grid.as_ref().map(ToString::to_string);
            properties.push(("attributed", serde_json::json!({ "grid": grid, "generation": attribution.generation.0 })));
        }
        properties.into_iter().map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value))).collect()
    }

    fn span(&self, at: usize) -> Option<(Timestamp, Option<Timestamp>)> {
        let at = self.cases[at].reported_at;
        Some((at, at.checked_add(jiff::SignedDuration::from_nanos(1)).ok()))
    }

    fn meeting(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        let is_in = |at: &usize| boxes.iter().any(|rect| rect.intersects(&Point(self.cases[*at].position.into())));
        (0..self.cases.len()).filter(is_in).collect()
    }

    fn near(&self, boxes: &[Rect<f64>]) -> Vec<usize> {
        self.meeting(boxes)
    }

    fn code_slot(&self) -> Option<usize> {
        None
    }

    fn with_prefix(&self, _prefix: &str) -> Vec<usize> {
        (0..self.cases.len()).collect()
    }

    fn time(&self) -> Option<Timestamp> {
        self.cases.iter().map(|case| case.reported_at).max()
    }
}
