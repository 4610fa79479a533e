use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde_json::{Value, json};

use super::desk::with_draft;
use super::sheet::Sheet;
use super::tag::{name_of, tag_header};
use super::views::{collection, geometry_json};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::html::FIGURES;
use crate::api::media::{HTML, JSON, Offer, negotiate};
use crate::api::openapi::with_policy;
use crate::api::page::FormatQuery;
use crate::api::problem::Problem;
use crate::api::query::Query;
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::history::DraftSession;
use crate::plan::edit::{ChangedUnit, DraftUnit, UnitChange};

const CSV: Offer = Offer { name: "csv", media: "text/csv; charset=utf-8" };
const CHANGES: Offer = Offer { name: "geojson", media: "application/geo+json" };

const FORMS: &[Offer] = &[JSON, CSV, CHANGES, HTML];

/// What differs between a draft and the generation that it stands on, whatever drafts lie between.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftComparison {
    pub draft: String,
    pub revision: u32,
    /// The generation that it was made on.
    pub from: Option<u32>,
    pub units: Vec<ChangedUnitView>,
    pub totals: TotalsView,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ChangedUnitView {
    pub level: String,
    /// `begun`, `ended`, `reshaped`, `reassigned` or `renamed`: the first that holds.
    pub change: &'static str,
    pub code: String,
    pub code_before: Option<String>,
    pub name: String,
    pub name_before: Option<String>,
    pub parent: Option<String>,
    pub parent_before: Option<String>,
    pub area_m2: Option<f64>,
    pub area_m2_before: Option<f64>,
    /// Null where the draft has no field of loads.
    pub load: Option<f64>,
    pub load_before: Option<f64>,
    /// Ids of the workers who hold the unit when the draft is meant to take effect.
    pub workers: Vec<String>,
}

/// What changes hands, of the finest level.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct TotalsView {
    pub begun: usize,
    pub ended: usize,
    pub reshaped: usize,
    pub reassigned: usize,
    pub renamed: usize,
    /// The area of units that have another parent.
    pub reassigned_area_m2: f64,
    pub reassigned_load: f64,
    /// Workers who hold a unit that differs.
    pub workers: usize,
}

/// Who and what changes hands between a draft and what it was made of, as JSON, CSV, a GeoJSON collection of the changes, or a page to be
/// printed and signed, in English and Chinese.
#[utoipa::path(
    get,
    operation_id = "compare_draft",
    path = "/v1/drafts/{id}/comparison",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), CompareQuery),
    security(("key" = [])),
    responses((status = 200, description = "The comparison", content(
        (DraftComparison = "application/json"), (String = "text/csv"), (Object = "application/geo+json"), (String = "text/html")
    )))
)]
pub async fn compare_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<CompareQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, FORMS)?;
    let time_zone = state.config().time_zone.clone();
    with_draft(&state, &caller, &id, move |session, store| {
        let at = session.generation().effective_from;
        let roster = store.load_roster(at).map_err(|error| Problem::store_down(&error))?.data;
        let mut workers_of: FxHashMap<&UnitCode, BTreeSet<String>> = FxHashMap::default();
        for assignment in roster.assignments.iter().filter(|assignment| assignment.validity.contains(at)) {
            workers_of.entry(&assignment.unit).or_default().insert(assignment.worker.to_string());
        }
        let holds = |code: &UnitCode| workers_of.get(code).into_iter().flatten().cloned().collect();
        let body = compare(session, &holds);
        let tagged = |document: Document| document.private(true).untagged().header(header::ETAG, tag_header(session)).into_response();
        match offer.name {
            "csv" => {
                let name = format!("attachment; filename=\"draft-{}.csv\"", name_of(session));
                let name = HeaderValue::from_str(&name).map_err(|error| Problem::internal(&error))?;
                Ok(tagged(Document::new(CSV.media, to_csv(&body)?).header(header::CONTENT_DISPOSITION, name)))
            }
            "geojson" => {
                let bytes = serde_json::to_vec(&to_features(session, &body)).map_err(|error| Problem::internal(&error))?;
                Ok(tagged(Document::new(CHANGES.media, bytes)))
            }
            "html" => {
                let page = Sheet { session, comparison: &body, time_zone: &time_zone }.to_html();
                Ok(with_policy(tagged(Document::new("text/html; charset=utf-8", page))))
            }
            _ => {
                let bytes = serde_json::to_vec(&body).map_err(|error| Problem::internal(&error))?;
                Ok(tagged(Document::new(JSON.media, bytes)))
            }
        }
    })
    .await
}

/// The form of a comparison.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CompareQuery {
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^(json|csv|geojson|html)$")]
    pub f: Option<String>,
}

impl crate::api::query::FromQuery for CompareQuery {
    fn from_query(values: &mut crate::api::query::Values) -> Option<Self> {
        FormatQuery::from_query(values).map(|FormatQuery { f }| Self { f })
    }
}

fn compare(session: &DraftSession, holds: &dyn Fn(&UnitCode) -> Vec<String>) -> DraftComparison {
    let draft = session.draft();
    let (mut units, mut totals, mut workers) = (Vec::new(), TotalsView::default(), Vec::new());
    for ChangedUnit { depth, change, before, after } in session.changes() {
        let view = changed_unit(session, change, before.as_ref(), after.as_ref(), holds);
        if depth == draft.finest_depth() {
            let count = match change {
                UnitChange::Begun => &mut totals.begun,
                UnitChange::Ended => &mut totals.ended,
                UnitChange::Reshaped => &mut totals.reshaped,
                UnitChange::Reassigned => &mut totals.reassigned,
                UnitChange::Renamed => &mut totals.renamed,
            };
            *count += 1;
            if view.parent_before.is_some() && view.parent.is_some() && view.parent != view.parent_before {
                totals.reassigned_area_m2 += view.area_m2.unwrap_or_default();
                totals.reassigned_load += view.load.unwrap_or_default();
            }
            workers.extend(view.workers.iter().cloned());
        }
        units.push(view);
    }
    workers.sort_unstable();
    workers.dedup();
    totals.workers = workers.len();
    DraftComparison {
        draft: name_of(session).to_string(),
        revision: session.revision(),
        from: session.generation().origin().map(|origin| origin.0),
        units,
        totals,
    }
}

fn changed_unit(
    session: &DraftSession,
    change: UnitChange,
    before: Option<&DraftUnit>,
    after: Option<&DraftUnit>,
    holds: &dyn Fn(&UnitCode) -> Vec<String>,
) -> ChangedUnitView {
    let has_load = session.load_field().is_some();
    let code = |unit: &DraftUnit| unit.unit.code.to_string();
    let parent = |unit: &DraftUnit| unit.unit.parent.as_ref().map(ToString::to_string);
    let shown = after.or(before);
    ChangedUnitView {
        level: shown.map(|unit| unit.unit.level.to_string()).unwrap_or_default(),
        change: change.as_str(),
        code: shown.map(code).unwrap_or_default(),
        code_before: before.map(code),
        name: shown.map(|unit| unit.unit.name.clone()).unwrap_or_default(),
        name_before: before.map(|unit| unit.unit.name.clone()),
        parent: after.and_then(parent),
        parent_before: before.and_then(parent),
        area_m2: after.map(|unit| unit.area_m2),
        area_m2_before: before.map(|unit| unit.area_m2),
        load: after.filter(|_| has_load).map(|unit| unit.load),
        load_before: before.filter(|_| has_load).map(|unit| unit.load),
        workers: before.or(after).map(|unit| holds(&unit.unit.code)).unwrap_or_default(),
    }
}

fn to_csv(body: &DraftComparison) -> Result<Vec<u8>, Problem> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let number = |number: Option<f64>| number.map(|number| number.to_string()).unwrap_or_default();
    let names = [
        "level",
        "change",
        "code",
        "code_before",
        "name",
        "name_before",
        "parent",
        "parent_before",
        "area_m2",
        "area_m2_before",
        "load",
        "load_before",
        "workers",
    ];
    writer.write_record(names).map_err(|error| Problem::internal(&error))?;
    for unit in &body.units {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let row = [
            unit.level.clone(),
            unit.change.to_owned(),
            unit.code.clone(),
            text(&unit.code_before),
            unit.name.clone(),
            text(&unit.name_before),
            text(&unit.parent),
            text(&unit.parent_before),
            number(unit.area_m2),
            number(unit.area_m2_before),
            number(unit.load),
            number(unit.load_before),
            unit.workers.join(" "),
        ];
        writer.write_record(row).map_err(|error| Problem::internal(&error))?;
    }
    writer.into_inner().map_err(|error| Problem::internal(error.error()))
}

fn to_features(session: &DraftSession, body: &DraftComparison) -> Value {
    let draft = session.draft();
    let feature = |unit: &ChangedUnitView| {
        let depth = draft.base().levels().iter().position(|level| level.level().as_str() == unit.level)?;
        let code = UnitCode::parse(&unit.code).ok()?;
        let geometry = draft.geometry(depth, &code).or_else(|| session.geometry_before(depth, &code))?;
        let properties = serde_json::to_value(unit).ok()?;
        Some(json!({ "type": "Feature", "id": unit.code, "geometry": geometry_json(&geometry), "properties": properties }))
    };
    let mut all = collection(body.units.iter().filter_map(feature).collect());
    all[FIGURES] = serde_json::to_value(&body.totals).unwrap_or_default();
    all
}
