use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::api::caller::Caller;
use crate::api::cases::{Body, read_token, require_cases};
use crate::api::document::Document;
use crate::api::known::check_unit;
use crate::api::locate::{Asker, Options};
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::wire::PositionView;
use crate::boundary::UnitCode;
use crate::store::{Entry, EntryEnd, EntryFilter, EntryKind, IntakeToken};

/// Reports in one answer, the newest of them.
const REPORTS_MAX: usize = 10_000;

const TEXT_CHARS_MAX: usize = 4_000;

/// Where a border is wrong, and how.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member, so that all faults are told")]
#[serde(deny_unknown_fields)]
pub struct BorderReportBody {
    lon: f64,
    lat: f64,
    crs: Option<String>,
    description: String,
    /// The code of the unit whose the place should be.
    unit: Option<String>,
}

/// What a planner says to it.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[serde(deny_unknown_fields)]
pub struct SettleBody {
    answer: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BorderReportView {
    pub id: String,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub position: PositionView,
    pub description: String,
    /// Whose the place should be, as the report says.
    pub unit: Option<String>,
    /// Whose it is by the boundaries of now.
    pub found: Option<String>,
    pub distance_to_border_m: Option<f64>,
    pub author: String,
    pub worker: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub settled_at: Option<Timestamp>,
    pub answer: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BorderReportList {
    pub reports: Vec<BorderReportView>,
}

/// Which reports are asked for.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BorderReportsQuery {
    /// Only those that are not settled; by default all.
    open: Option<bool>,
    /// Only those that lie in units whose code begins so.
    unit: Option<String>,
}

impl FromQuery for BorderReportsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let open = values.optional("open", |text| text.parse::<bool>().map_err(|_| format!("{text:?} is neither true nor false")));
        Some(Self { open, unit: values.text("unit").filter(|unit| !unit.is_empty()).map(str::to_owned) })
    }
}

/// Reports to the planners that a border is wrong at a place. Nothing changes by it until they redraw. What is sent again under the same
/// `Idempotency-Key` in the same words is kept once.
#[utoipa::path(
    post,
    operation_id = "report_border",
    path = "/v1/border-reports",
    tag = "borders",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of the sender's, at most 255 bytes, by which a repeat is known")),
    request_body(content = BorderReportBody, content_type = "application/json"),
    security(("key" = [])),
    responses((status = 201, description = "It is with the planners", body = BorderReportView))
)]
pub async fn report_border(State(state): State<AppState>, caller: Caller, headers: HeaderMap, bytes: Bytes) -> Result<Response, Problem> {
    require_cases(&caller)?;
    let token = read_token(&headers, &caller, &bytes)?;
    let mut body = Body::read(&headers, &bytes, &["lon", "lat", "crs", "description", "unit"])?;
    let text = body.text("description", TEXT_CHARS_MAX);
    if text.is_empty() {
        body.fault("description", "is missing".into());
    }
    let unit = body.parsed("unit", |text| {
        let code = UnitCode::parse(text).map_err(|e| e.to_string())?;
        check_unit(&state, &code).map(|()| code)
    });
    body.finish()?;
    let mut asker = Asker::new(&state, caller.clone(), Options::default()).await?;
    let question = asker.ask(&|name| body.given(name).filter(|_| matches!(name, "lon" | "lat" | "crs")))?;
    let fresh = Entry::new(EntryKind::BorderReport, Timestamp::now(), &caller.author());
    let entry = Entry {
        // An entry whose id is known is not written again.
        id: token.as_ref().map_or(fresh.id, id_of),
        position: Some(question.position()),
        unit,
        worker: caller.worker().cloned(),
        text,
        ..fresh
    };
    let may_be_known = token.is_some();
    let kept = state
        .with_store(move |store| {
            store.add_entries(std::slice::from_ref(&entry))?;
            if !may_be_known {
                return Ok(entry);
            }
            // What was sent again is answered as it was kept the first time.
            let filter = EntryFilter { is_open: false, id: Some(entry.id), ..EntryFilter::open(EntryKind::BorderReport, 1) };
            Ok(store.load_entries(&filter)?.into_iter().next().unwrap_or(entry))
        })
        .await?;
    let view = view_of(&state, &kept)?;
    let bytes = serde_json::to_vec(&view).map_err(|e| Problem::internal(&e))?;
    let mut response = Document::new(JSON.media, bytes).private(true).untagged().into_response();
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// The id of what was sent under a key: of the same words from the same sender the same.
fn id_of(token: &IntakeToken) -> Uuid {
    let mut bytes = [0; 16];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = token.key[at] ^ token.body[at];
    }
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Where borders are said to be wrong, oldest first, each with whose the place is by now.
#[utoipa::path(
    get,
    operation_id = "list_border_reports",
    path = "/v1/border-reports",
    tag = "borders",
    params(BorderReportsQuery),
    security(("key" = [])),
    responses((status = 200, description = "The reports", body = BorderReportList))
)]
pub async fn list_border_reports(
    State(state): State<AppState>,
    Query(query): Query<BorderReportsQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_cases(&caller)?;
    let filter = EntryFilter { is_open: query.open == Some(true), ..EntryFilter::open(EntryKind::BorderReport, REPORTS_MAX) };
    let entries = state.with_store(move |store| store.load_entries(&filter)).await?;
    let territory = state.territory(caller.scope())?;
    let mut reports = Vec::new();
    for entry in entries.iter().filter(|entry| query.open != Some(false) || entry.end.is_some()) {
        let view = view_of(&state, entry)?;
        let found = view.found.as_deref().unwrap_or_default();
        let is_reached = territory.has_place(UnitCode::parse(found).ok().as_ref());
        if is_reached && query.unit.as_ref().is_none_or(|prefix| found.starts_with(prefix.as_str())) {
            reports.push(view);
        }
    }
    let bytes = serde_json::to_vec(&BorderReportList { reports }).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Where the caller has said that borders are wrong, oldest first, and what was answered: the reports of the key's worker, or of the key
/// where it is nobody's own.
#[utoipa::path(
    get,
    operation_id = "list_my_border_reports",
    path = "/v1/me/border-reports",
    tag = "keepers",
    security(("key" = [])),
    responses((status = 200, description = "The reports", body = BorderReportList))
)]
pub async fn list_my_border_reports(State(state): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_cases(&caller)?;
    let worker = caller.worker().cloned();
    let author = worker.is_none().then(|| caller.author());
    let filter = EntryFilter { is_open: false, worker, author, ..EntryFilter::open(EntryKind::BorderReport, REPORTS_MAX) };
    let entries = state.with_store(move |store| store.load_entries(&filter)).await?;
    let reports = entries.iter().map(|entry| view_of(&state, entry)).collect::<Result<_, _>>()?;
    let bytes = serde_json::to_vec(&BorderReportList { reports }).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Settles a report with an answer to who made it.
#[utoipa::path(
    post,
    operation_id = "settle_border_report",
    path = "/v1/border-reports/{id}/settle",
    tag = "borders",
    params(("id" = String, Path, description = "The id of the report")),
    request_body(content = SettleBody, content_type = "application/json"),
    security(("key" = [])),
    responses((status = 200, description = "The report as it is now", body = BorderReportView))
)]
pub async fn settle_border_report(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    require_cases(&caller)?;
    caller.require_unlimited("a report on a border")?;
    let mut body = Body::read(&headers, &bytes, &["answer"])?;
    let text = body.text("answer", TEXT_CHARS_MAX);
    if text.is_empty() {
        body.fault("answer", "is missing".into());
    }
    body.finish()?;
    let missing = || Problem::not_found(format!("there is no report {id} that is still open"));
    let found = Uuid::try_parse(&id).map_err(|_| missing())?;
    let end = EntryEnd { at: Timestamp::now(), author: caller.author(), text };
    let ended = state.with_store(move |store| store.end_entry(EntryKind::BorderReport, found, &end)).await?;
    let view = view_of(&state, &ended.ok_or_else(missing)?)?;
    let bytes = serde_json::to_vec(&view).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

fn view_of(state: &AppState, entry: &Entry) -> Result<BorderReportView, Problem> {
    let snapshot = state.snapshot()?;
    let position =
        entry.position.ok_or_else(|| Problem::new(crate::api::problem::ProblemKind::Internal, crate::api::problem::INTERNAL_DETAIL))?;
    let query = crate::snapshot::Query {
        position,
        layer: crate::api::as_of::default_layer(&snapshot),
        level: None,
        at: Timestamp::now(),
        accuracy_m: None,
        category: None,
    };
    let answer = snapshot.answer(&query).ok();
    Ok(BorderReportView {
        id: entry.id.to_string(),
        at: entry.at,
        position: PositionView { lon: position.lon, lat: position.lat },
        description: entry.text.clone(),
        unit: entry.unit.as_ref().map(ToString::to_string),
        found: answer.as_ref().and_then(crate::snapshot::Answer::unit).map(|unit| unit.code.to_string()),
        distance_to_border_m: answer.as_ref().and_then(|answer| answer.located.distance_to_border_m),
        author: entry.author.clone(),
        worker: entry.worker.as_ref().map(ToString::to_string),
        settled_at: entry.end.as_ref().map(|end| end.at),
        answer: entry.end.as_ref().map(|end| end.text.clone()),
    })
}
