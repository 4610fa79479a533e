use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::desk::{store_problem, to_problem, with_draft};
use super::look::{place_json, send};
use super::tag::{ChangeProblems, DraftRevision, Expected};
use super::views::{AppliedView, EntryView, summary_of};
use crate::api::caller::Caller;
use crate::api::json::read_json;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::{More, Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values, whole};
use crate::api::state::AppState;
use crate::history::{DraftSession, parse_operations};
use crate::plan::edit::{Operation, Refusal};
use crate::store::{DraftEntry, Store};

/// Entries of a log on one page, where a request does not say, and at most.
const ENTRIES_DEFAULT: usize = 100;
const ENTRIES_MAX: usize = 1_000;

/// Which entries of a log are shown.
#[derive(Clone, Copy, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// Only entries after this revision.
    pub after: Option<u64>,
    /// At most so many; 100 by default.
    #[param(minimum = 1, maximum = 1000)]
    pub limit: Option<usize>,
}

impl FromQuery for LogQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let after = values.optional("after", whole);
        let limit = values.optional("limit", |text| match text.parse() {
            Ok(limit @ 1..=ENTRIES_MAX) => Ok(limit),
            _ => Err(format!("{text:?} is no number from 1 to {ENTRIES_MAX}")),
        });
        Some(Self { after, limit })
    }
}

/// The log of a draft.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftLog {
    pub revision: u32,
    pub can_undo: bool,
    pub can_redo: bool,
    pub entries: Vec<EntryView>,
    pub has_more: bool,
}

/// One change of a draft. Which members it has depends on `op`; see docs/drafts.md. Positions are longitude and latitude.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member")]
#[schema(as = DraftOperation)]
pub struct OperationBody {
    /// `reassign`, `split`, `merge`, `move_vertex`, `move_edge`, `insert_vertex`, `delete_vertex`, `draw`, `reshape`, `change` or `lock`.
    op: String,
    level: Option<String>,
    unit: Option<String>,
    units: Option<Vec<String>>,
    /// The parent that units go to (a code), or where a vertex goes to (a position).
    #[schema(value_type = Option<Object>)]
    to: Option<Value>,
    /// Each `{unit, to}`.
    #[schema(value_type = Option<Vec<Object>>)]
    assignments: Option<Vec<Value>>,
    /// Parents that are not there begin, and those left without units end.
    create: Option<bool>,
    line: Option<Vec<Vec<f64>>>,
    codes: Option<Vec<String>>,
    names: Option<Vec<String>>,
    into: Option<String>,
    at: Option<Vec<f64>>,
    edge: Option<Vec<Vec<f64>>>,
    by: Option<Vec<f64>>,
    within_m: Option<f64>,
    with_parents: Option<bool>,
    /// GeoJSON coordinates of a polygon.
    polygon: Option<Vec<Vec<Vec<f64>>>>,
    /// GeoJSON coordinates of a multipolygon.
    polygons: Option<Vec<Vec<Vec<Vec<f64>>>>>,
    code: Option<String>,
    name: Option<String>,
    parent: Option<String>,
    locked: Option<bool>,
}

/// What was done to a draft, by whom and when, oldest first.
#[utoipa::path(
    get,
    operation_id = "list_operations",
    path = "/v1/drafts/{id}/operations",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), LogQuery),
    security(("key" = [])),
    responses((status = 200, description = "The log", body = DraftLog))
)]
pub async fn list_operations(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    with_draft(&state, &caller, &id, move |session, _| {
        let (after, limit) = (query.after.unwrap_or_default(), query.limit.unwrap_or(ENTRIES_DEFAULT));
        let later = session.entries().iter().filter(|entry| u64::from(entry.entry.revision) > after);
        let mut entries: Vec<EntryView> = later.take(limit + 1).map(EntryView::new).collect();
        let has_more = entries.len() > limit;
        entries.truncate(limit);
        let (can_undo, can_redo) = (session.draft().can_undo(), session.draft().can_redo());
        send(session, &DraftLog { revision: session.revision(), can_undo, can_redo, entries, has_more })
    })
    .await
}

/// Changes a draft: one operation, or a list of them that are done as one step, all or none. Gaps and overlaps cannot arise; what
/// would cross a parent, tear a unit or touch a lock is refused with the place.
#[utoipa::path(
    post,
    operation_id = "edit_draft",
    path = "/v1/drafts/{id}/operations",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    request_body(content = OperationBody, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 200, description = "What the step did; it is durable", body = AppliedView),
        ChangeProblems,
        (status = 422, description = "Refused, with `reason`, `units`, `place` and `remedy`", content_type = "application/problem+json"),
    )
)]
pub async fn edit_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let expected = Expected::of(&headers)?;
    let operations = parse_operations(&read_json(&bytes)?).map_err(|error| Problem::member(&error.place, error.detail))?;
    let author = caller.author();
    with_draft(&state, &caller, &id, move |session, store| {
        require_open(session)?;
        expected.check(session)?;
        let entry = session.apply(&operations, &author, now()).map_err(|refusal| refused(&refusal))?;
        write(session, store, entry)?;
        let summary = operations.iter().map(Operation::summary).collect::<Vec<_>>().join("; ");
        send(session, &AppliedView::new(session, summary, false))
    })
    .await
}

/// Takes the last step of a draft back, to the bit.
#[utoipa::path(
    delete,
    operation_id = "undo_last_operation",
    path = "/v1/drafts/{id}/operations/last",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    security(("key" = [])),
    responses(
        (status = 200, description = "What taking it back did", body = AppliedView),
        ChangeProblems,
    )
)]
pub async fn undo_last_operation(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    step_back(&state, &id, &caller, &headers).await
}

/// Takes the last step of a draft back, as does `/operations/last`.
#[utoipa::path(
    delete,
    operation_id = "undo_operations",
    path = "/v1/drafts/{id}/operations",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    security(("key" = [])),
    responses(
        (status = 200, description = "What taking it back did", body = AppliedView),
        ChangeProblems,
    )
)]
pub async fn undo_operations(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    step_back(&state, &id, &caller, &headers).await
}

/// Does the step again that was taken back last.
#[utoipa::path(
    post,
    operation_id = "redo_operation",
    path = "/v1/drafts/{id}/operations/redo",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    security(("key" = [])),
    responses(
        (status = 200, description = "What the step did", body = AppliedView),
        ChangeProblems,
    )
)]
pub async fn redo_operation(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (expected, author) = (Expected::of(&headers)?, caller.author());
    with_draft(&state, &caller, &id, move |session, store| {
        require_open(session)?;
        expected.check(session)?;
        let none = || Problem::new(ProblemKind::InvalidMove, "there is no step to do again");
        let entry = session.redo(&author, now()).ok_or_else(none)?;
        write(session, store, entry)?;
        let summary = session.entries().last().map(summary_of).unwrap_or_default();
        send(session, &AppliedView::new(session, summary, false))
    })
    .await
}

async fn step_back(state: &AppState, id: &str, caller: &Caller, headers: &HeaderMap) -> Result<Response, Problem> {
    let (expected, author) = (Expected::of(headers)?, caller.author());
    with_draft(state, caller, id, move |session, store| {
        require_open(session)?;
        expected.check(session)?;
        let none = || Problem::new(ProblemKind::InvalidMove, "there is no step to take back");
        let entry = session.undo(&author, now()).ok_or_else(none)?;
        write(session, store, entry)?;
        let summary = session.entries().last().map(summary_of).unwrap_or_default();
        send(session, &AppliedView::new(session, summary, true))
    })
    .await
}

/// Writes the entry of a step that has been done; a session whose entry was not written is opened anew for the next caller.
pub fn write(session: &mut DraftSession, store: &dyn Store, entry: DraftEntry) -> Result<(), Problem> {
    store.add_draft_entry(&entry).map_err(|error| store_problem(&error))?;
    session.confirm(entry).map_err(|error| to_problem(&error))
}

/// Turns away changes of a draft that is published or withdrawn.
pub fn require_open(session: &DraftSession) -> Result<(), Problem> {
    match session.end() {
        None => Ok(()),
        Some(crate::history::DraftEnd::Published(generation)) => {
            let detail = format!("the draft was published as generation {generation}; begin another from it");
            Err(Problem::new(ProblemKind::DraftClosed, detail))
        }
        Some(crate::history::DraftEnd::Withdrawn) => Err(Problem::new(ProblemKind::DraftClosed, "the draft was withdrawn; begin another")),
    }
}

/// The store keeps milliseconds.
pub fn now() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or_default()
}

pub fn refused(refusal: &Refusal) -> Problem {
    Problem::new(ProblemKind::EditRefused, format!("{refusal}; {}", refusal.remedy)).telling(More {
        reason: Some(refusal.reason.as_str()),
        units: Some(refusal.units.iter().map(ToString::to_string).collect()),
        place: refusal.place.as_ref().map(place_json),
        remedy: Some(refusal.remedy.to_owned()),
        ..More::default()
    })
}
