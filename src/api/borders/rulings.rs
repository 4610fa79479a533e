use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::api::caller::Caller;
use crate::api::cases::{Body, find_case, reassign_by_ruling, require_cases, require_reach};
use crate::api::document::Document;
use crate::api::locate::{Asker, Options};
use crate::api::media::{JSON, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::wire::PositionView;
use crate::boundary::UnitCode;
use crate::dispatch::workflow::RulingId;
use crate::dispatch::{BorderRuling, BorderRulings, RULING_RADIUS_M_MAX};
use crate::store::{EntriesAt, Entry, EntryEnd, EntryFilter, EntryKind, Store, StoreError};

/// Rulings that are kept in memory and listed, the newest of them.
const RULINGS_MAX: usize = 10_000;

/// Longest reason, characters.
const REASON_CHARS_MAX: usize = 4_000;

/// Whose a place is.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member, so that all faults are told")]
#[serde(deny_unknown_fields)]
pub struct RulingBody {
    /// The place, or the case that lies there: it goes to the unit at once.
    lon: Option<f64>,
    lat: Option<f64>,
    crs: Option<String>,
    incident: Option<String>,
    /// The code of the unit whose the place is. It must be as near as the ruling reaches.
    unit: String,
    /// How far the ruling reaches, metres; by default `[cases] ruling_radius_m`.
    radius_m: Option<f64>,
    reason: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BorderRulingView {
    pub id: String,
    pub position: PositionView,
    pub radius_m: f64,
    pub unit: String,
    pub reason: String,
    pub author: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// The case that gave rise to it.
    pub incident: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BorderRulingList {
    pub rulings: Vec<BorderRulingView>,
}

/// Which rulings are asked for.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RulingsQuery {
    /// Only for units whose code begins so.
    unit: Option<String>,
    /// Also those that have ended.
    all: Option<bool>,
}

impl FromQuery for RulingsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let all = values.optional("all", |text| text.parse::<bool>().map_err(|_| format!("{text:?} is neither true nor false")));
        Some(Self { unit: values.text("unit").filter(|unit| !unit.is_empty()).map(str::to_owned), all })
    }
}

/// Reads the rulings that are in force.
///
/// # Errors
/// The store fails.
pub fn open_rulings(store: &dyn Store) -> Result<EntriesAt, StoreError> {
    EntriesAt::load(store, &EntryFilter::open(EntryKind::Ruling, RULINGS_MAX))
}

/// Makes of entries the rulings that answers follow.
pub fn to_rulings(entries: Vec<Entry>) -> BorderRulings {
    let ruling = |entry: Entry| {
        let (position, radius_m, unit) = (entry.position?, entry.radius_m?, entry.unit?);
        Some(BorderRuling { id: RulingId(entry.id), position, radius_m, unit, at: entry.at })
    };
    BorderRulings::new(entries.into_iter().filter(|entry| entry.end.is_none()).filter_map(ruling).collect())
}

fn view_of(entry: &Entry) -> Option<BorderRulingView> {
    let position = entry.position?;
    Some(BorderRulingView {
        id: entry.id.to_string(),
        position: PositionView { lon: position.lon, lat: position.lat },
        radius_m: entry.radius_m?,
        unit: entry.unit.as_ref()?.to_string(),
        reason: entry.text.clone(),
        author: entry.author.clone(),
        at: entry.at,
        ended_at: entry.end.as_ref().map(|end| end.at),
        incident: entry.case.map(|case| case.to_string()),
    })
}

/// Rules whose a place near a border is. Later cases as near to it as the ruling reaches go to the unit, and say so; boundaries stay as
/// they are. A case that is named goes to the unit at once.
#[utoipa::path(
    post,
    operation_id = "add_ruling",
    path = "/v1/rulings",
    tag = "borders",
    request_body(content = RulingBody, content_type = "application/json"),
    security(("key" = [])),
    responses((status = 201, description = "It holds from now on", body = BorderRulingView))
)]
pub async fn add_ruling(State(state): State<AppState>, caller: Caller, headers: HeaderMap, bytes: Bytes) -> Result<Response, Problem> {
    require_cases(&caller)?;
    let mut body = Body::read(&headers, &bytes, &["lon", "lat", "crs", "incident", "unit", "radius_m", "reason"])?;
    let reason = body.text("reason", REASON_CHARS_MAX);
    if reason.is_empty() {
        body.fault("reason", "is missing".into());
    }
    let unit = body.parsed("unit", UnitCode::parse);
    if unit.is_none() && !body.has("unit") {
        body.fault("unit", "is missing".into());
    }
    let radius_m = body.real("radius_m", 1.0..=RULING_RADIUS_M_MAX).unwrap_or(state.config().cases.ruling_radius_m);
    let incident = body.text("incident", 64);
    body.finish()?;
    let record = if incident.is_empty() { None } else { Some(find_case(&state, &caller, &incident).await?) };
    let mut asker = Asker::new(&state, caller.clone(), Options::default()).await?;
    let question = asker.ask(&|name| match (&record, name) {
        (Some(record), "lon") => Some(crate::api::locate::Given::Number(record.case.position.lon)),
        (Some(record), "lat") => Some(crate::api::locate::Given::Number(record.case.position.lat)),
        (None, "lon" | "lat" | "crs") => body.given(name),
        _ => None,
    })?;
    let Some(unit) = unit else { return Err(Problem::member("unit", "is missing")) };
    {
        let (snapshot, answer) = asker.find(&question)?;
        require_reach(&caller, answer.path().map(|unit| &unit.code))?;
        let query = question.reaching(radius_m);
        let ruled = snapshot.answer_as(&query, &unit, radius_m).map_err(|e| Problem::internal(&e))?;
        if ruled.is_none() {
            let detail = format!("{unit} is no unit within {radius_m} m of the place; name one that is, or a wider radius_m");
            return Err(Problem::member("unit", detail));
        }
    }
    let entry = Entry {
        position: Some(question.position()),
        radius_m: Some(radius_m),
        unit: Some(unit),
        case: record.as_ref().map(|record| record.case.id),
        text: reason,
        ..Entry::new(EntryKind::Ruling, Timestamp::now(), &caller.author())
    };
    let kept = [entry.clone()];
    state
        .with_store(move |store| {
            store.add_entries(&kept)?;
            open_rulings(store)
        })
        .await
        // This process follows it at once; the others hear of it as of any change of the store.
        .map(|open| state.set_rulings(open))?;
    if let Some(record) = &record {
        reassign_by_ruling(&state, &caller, record.case.id, &entry).await?;
    }
    let view = view_of(&entry).ok_or_else(|| Problem::new(ProblemKind::Internal, crate::api::problem::INTERNAL_DETAIL))?;
    let bytes = serde_json::to_vec(&view).map_err(|e| Problem::internal(&e))?;
    let mut response = Document::new(JSON.media, bytes).private(true).untagged().into_response();
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// The rulings on places near borders, oldest first.
#[utoipa::path(
    get,
    operation_id = "list_rulings",
    path = "/v1/rulings",
    tag = "borders",
    params(RulingsQuery),
    security(("key" = [])),
    responses((status = 200, description = "The rulings", body = BorderRulingList))
)]
pub async fn list_rulings(
    State(state): State<AppState>,
    Query(query): Query<RulingsQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_cases(&caller)?;
    let filter = EntryFilter { is_open: query.all != Some(true), ..EntryFilter::open(EntryKind::Ruling, RULINGS_MAX) };
    let entries = state.with_store(move |store| store.load_entries(&filter)).await?;
    let territory = state.territory(caller.scope())?;
    let is_asked = |entry: &&Entry| {
        let code = entry.unit.as_ref().map(UnitCode::as_str).unwrap_or_default();
        territory.has_place(entry.unit.as_ref()) && query.unit.as_ref().is_none_or(|prefix| code.starts_with(prefix.as_str()))
    };
    let body = BorderRulingList { rulings: entries.iter().filter(is_asked).filter_map(view_of).collect() };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Ends a ruling. Cases that followed it stay where they are.
#[utoipa::path(
    delete,
    operation_id = "end_ruling",
    path = "/v1/rulings/{id}",
    tag = "borders",
    params(("id" = String, Path, description = "The id of the ruling")),
    security(("key" = [])),
    responses((status = 204, description = "It no longer holds"))
)]
pub async fn end_ruling(State(state): State<AppState>, Path(id): Path<String>, caller: Caller) -> Result<Response, Problem> {
    require_cases(&caller)?;
    caller.require_unlimited("a ruling")?;
    let missing = || Problem::not_found(format!("there is no ruling {id} that could be ended"));
    let found = Uuid::try_parse(&id).map_err(|_| missing())?;
    let end = EntryEnd { at: Timestamp::now(), author: caller.author(), text: String::new() };
    let (ended, open) = state
        .with_store(move |store| {
            let ended = store.end_entry(EntryKind::Ruling, found, &end)?;
            Ok((ended, open_rulings(store)?))
        })
        .await?;
    ended.ok_or_else(missing)?;
    state.set_rulings(open);
    Ok(StatusCode::NO_CONTENT.into_response())
}
