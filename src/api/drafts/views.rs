//! What is told of drafts.

use geo_types::{Coord, MultiPolygon};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::tag::name_of;
use crate::api::links::{BaseUrl, Link};
use crate::boundary::UnitCode;
use crate::history::{DraftEnd, DraftSession, LoggedEntry, operations_to_json};
use crate::plan::edit::{LevelMeasures, StepChange, StepUnit, UnitChange};
use crate::store::DraftEntryKind;

/// A draft of new boundaries.
#[derive(Debug, Serialize, ToSchema)]
pub struct DraftView {
    pub id: String,
    pub layer: String,
    /// The number of the generation that is the draft.
    pub number: u32,
    /// The number of entries in its log.
    pub revision: u32,
    /// `open`, `approved`, `published` or `withdrawn`.
    pub state: &'static str,
    pub title: String,
    pub author: String,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub effective_from: Timestamp,
    pub base: BaseView,
    pub can_undo: bool,
    pub can_redo: bool,
    /// Coarse to fine.
    pub levels: Vec<DraftLevelView>,
    /// The field of loads.
    pub load_field: Option<String>,
    pub approval: Option<ApprovalView>,
    /// The generation that came of it.
    pub published_as: Option<u32>,
    /// Of a single draft only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<MetricsView>,
    pub links: Vec<Link>,
}

/// What a draft was made on.
#[derive(Debug, Serialize, ToSchema)]
pub struct BaseView {
    pub generation: Option<u32>,
    /// Whether nothing newer has been published.
    pub is_newest: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DraftLevelView {
    pub level: String,
    pub units: usize,
    pub is_finest: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    pub by: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub revision: u32,
    pub note: String,
}

/// The figures of a draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricsView {
    /// Coarse to fine.
    pub levels: Vec<LevelMetricsView>,
    pub changed: ChangedView,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LevelMetricsView {
    pub level: String,
    pub units: usize,
    pub locked: usize,
    pub area_m2: f64,
    /// Each border once.
    pub border_m: f64,
    /// The mean of the units' 4π × area ÷ perimeter².
    pub polsby_popper: f64,
    /// Units in several parts.
    pub in_pieces: usize,
    /// Null where no field of loads was named.
    pub load: Option<LoadView>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct LoadView {
    pub sum: f64,
    pub mean: f64,
    pub max: f64,
    pub min: f64,
    pub max_over_mean: f64,
    /// Standard deviation over the mean.
    pub cv: f64,
}

/// Units that differ from the generation that the draft stands on, each counted once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangedView {
    pub begun: usize,
    pub ended: usize,
    pub reshaped: usize,
    pub reassigned: usize,
    pub renamed: usize,
}

/// What a step did.
#[derive(Debug, Serialize, ToSchema)]
pub struct AppliedView {
    pub id: String,
    pub revision: u32,
    pub can_undo: bool,
    pub can_redo: bool,
    pub summary: String,
    pub units: Vec<StepUnitView>,
    /// A GeoJSON collection of the units of the finest level that have begun or changed.
    #[schema(value_type = Object)]
    pub features: Value,
    pub metrics: MetricsView,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct StepUnitView {
    pub level: String,
    pub code: String,
    /// `begun`, `ended`, `reshaped`, `reassigned`, `renamed`, `locked` or `unlocked`.
    pub change: &'static str,
    pub area_m2: f64,
    pub parent: Option<String>,
}

/// An entry of the log of a draft.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryView {
    pub revision: u32,
    /// `open`, `apply`, `undo`, `redo`, `approve`, `publish` or `withdraw`.
    pub kind: &'static str,
    pub author: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub summary: String,
    #[schema(value_type = Vec<Object>)]
    pub operations: Value,
    /// Of a step: whether it has not been taken back.
    pub is_done: bool,
}

impl DraftView {
    pub fn new(session: &DraftSession, base: &BaseUrl, with_metrics: bool) -> Self {
        let (generation, draft) = (session.generation(), session.draft());
        let id = name_of(session).to_string();
        let state = match (session.end(), session.approval()) {
            (Some(DraftEnd::Published(_)), _) => "published",
            (Some(DraftEnd::Withdrawn), _) => "withdrawn",
            (None, Some(_)) => "approved",
            (None, None) => "open",
        };
        let levels = draft.base().levels().iter().enumerate().filter(|(_, level)| !level.is_empty());
        let path = format!("/v1/drafts/{id}");
        let link = |part: &str, rel: &str, title: &str| Link::new(base.to(&format!("{path}{part}")), rel, "application/json").titled(title);
        Self {
            layer: generation.layer.to_string(),
            number: generation.id.0,
            revision: session.revision(),
            state,
            title: generation.note.clone(),
            author: generation.author.clone(),
            created_at: generation.created_at,
            effective_from: generation.effective_from,
            base: BaseView { generation: generation.origin().map(|origin| origin.0), is_newest: session.is_on_newest() },
            can_undo: draft.can_undo(),
            can_redo: draft.can_redo(),
            levels: levels
                .map(|(depth, level)| DraftLevelView {
                    level: level.level().to_string(),
                    units: draft.measures(depth).units,
                    is_finest: depth == draft.finest_depth(),
                })
                .collect(),
            load_field: session.load_field().map(ToOwned::to_owned),
            approval: session.approval().map(|approval| ApprovalView {
                by: approval.author.clone(),
                at: approval.at,
                revision: approval.revision,
                note: approval.note.clone(),
            }),
            published_as: match session.end() {
                Some(DraftEnd::Published(generation)) => Some(generation.0),
                _ => None,
            },
            metrics: with_metrics.then(|| MetricsView::new(session)),
            links: vec![
                link("", "self", "The draft"),
                link("/operations", "related", "What was done"),
                link("/units", "items", "Its units"),
                link("/problems", "related", "What stands in the way of publishing it"),
                link("/comparison", "related", "What changes"),
            ],
            id,
        }
    }
}

impl MetricsView {
    pub fn new(session: &DraftSession) -> Self {
        let draft = session.draft();
        let has_load = session.load_field().is_some();
        let levels = draft.base().levels().iter().enumerate().filter(|(_, level)| !level.is_empty());
        let [begun, ended, reshaped, reassigned, renamed] = session.count_changes();
        Self {
            levels: levels
                .map(|(depth, level)| LevelMetricsView::new(level.level().to_string(), &draft.measures(depth), has_load))
                .collect(),
            changed: ChangedView { begun, ended, reshaped, reassigned, renamed },
        }
    }
}

impl LevelMetricsView {
    fn new(level: String, measures: &LevelMeasures, has_load: bool) -> Self {
        let over = |load: f64| if measures.load_mean > 0.0 { load / measures.load_mean } else { 0.0 };
        Self {
            level,
            units: measures.units,
            locked: measures.locked,
            area_m2: measures.area_m2,
            border_m: measures.border_m,
            polsby_popper: measures.polsby_popper,
            in_pieces: measures.in_parts,
            load: has_load.then(|| LoadView {
                sum: measures.load,
                mean: measures.load_mean,
                max: measures.load_max,
                min: measures.load_min,
                max_over_mean: over(measures.load_max),
                cv: measures.load_cv,
            }),
        }
    }
}

impl AppliedView {
    pub fn new(session: &DraftSession, summary: String, was_undone: bool) -> Self {
        let draft = session.draft();
        let changes = draft.last_changes(was_undone);
        let level = |depth: usize| draft.base().levels()[depth].level().to_string();
        let has_shape = |unit: &&StepUnit| {
            let is_new = matches!(unit.change, StepChange::Unit(change) if change != UnitChange::Ended);
            unit.depth == draft.finest_depth() && is_new
        };
        let features: Vec<Value> = changes.iter().filter(has_shape).filter_map(|unit| feature(session, unit.depth, &unit.code)).collect();
        Self {
            id: name_of(session).to_string(),
            revision: session.revision(),
            can_undo: draft.can_undo(),
            can_redo: draft.can_redo(),
            summary,
            units: changes
                .iter()
                .map(|unit| StepUnitView {
                    level: level(unit.depth),
                    code: unit.code.to_string(),
                    change: unit.change.as_str(),
                    area_m2: unit.area_m2,
                    parent: unit.parent.as_ref().map(ToString::to_string),
                })
                .collect(),
            features: collection(features),
            metrics: MetricsView::new(session),
        }
    }
}

impl EntryView {
    pub fn new(logged: &LoggedEntry) -> Self {
        let entry = &logged.entry;
        Self {
            revision: entry.revision,
            kind: entry.kind.as_str(),
            author: entry.author.clone(),
            at: entry.at,
            summary: summary_of(logged),
            operations: operations_to_json(&logged.operations),
            is_done: logged.is_done,
        }
    }

    /// What is told of an entry to whoever comes too late.
    pub fn short(logged: &LoggedEntry) -> Value {
        let entry = &logged.entry;
        json!({
            "revision": entry.revision, "kind": entry.kind.as_str(), "author": entry.author, "at": entry.at.to_string(),
            "summary": summary_of(logged),
        })
    }
}

pub fn summary_of(logged: &LoggedEntry) -> String {
    let told: Vec<String> = logged.operations.iter().map(crate::plan::edit::Operation::summary).collect();
    match logged.entry.kind {
        DraftEntryKind::Open => "opens the draft".into(),
        DraftEntryKind::Apply => told.join("; "),
        DraftEntryKind::Undo => "takes the last step back".into(),
        DraftEntryKind::Redo => "does a step again".into(),
        DraftEntryKind::Approve => "approves the draft".into(),
        DraftEntryKind::Publish => "publishes the draft".into(),
        DraftEntryKind::Withdraw => "withdraws the draft".into(),
    }
}

/// Writes a unit of a draft as GeoJSON, coordinates to the bit.
pub fn feature(session: &DraftSession, depth: usize, code: &UnitCode) -> Option<Value> {
    let draft = session.draft();
    let (unit, geometry) = (draft.find(depth, code)?, draft.geometry(depth, code)?);
    Some(json!({
        "type": "Feature",
        "id": code.as_str(),
        "geometry": geometry_json(&geometry),
        "properties": {
            "code": code.as_str(),
            "name": unit.unit.name,
            "level": unit.unit.level.as_str(),
            "parent": unit.unit.parent.as_ref().map(UnitCode::as_str),
            "locked": unit.is_locked,
            "area_m2": unit.area_m2,
            "perimeter_m": unit.perimeter_m,
            "polsby_popper": unit.polsby_popper,
            "load": session.load_field().map(|_| unit.load),
            "change": session.change_of(depth, code, unit.change).map(UnitChange::as_str),
        },
    }))
}

pub fn collection(features: Vec<Value>) -> Value {
    let mut collection = json!({ "type": "FeatureCollection" });
    collection["features"] = Value::Array(features);
    collection
}

pub fn geometry_json(geometry: &MultiPolygon<f64>) -> Value {
    let ring = |line: &geo_types::LineString<f64>| line.0.iter().map(|c: &Coord<f64>| json!([c.x, c.y])).collect::<Value>();
    let polygon =
        |polygon: &geo_types::Polygon<f64>| std::iter::once(polygon.exterior()).chain(polygon.interiors()).map(ring).collect::<Value>();
    match &geometry.0[..] {
        [only] => json!({ "type": "Polygon", "coordinates": polygon(only) }),
        parts => json!({ "type": "MultiPolygon", "coordinates": parts.iter().map(polygon).collect::<Value>() }),
    }
}
