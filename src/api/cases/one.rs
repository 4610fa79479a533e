use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::notices::skill_notices;
use super::query::{answer_for, query_of};
use super::rights;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::api::wire::{CaseTag, EventView, IncidentView, ReporterView};
use crate::boundary::UnitCode;
use crate::dispatch::CaseId;
use crate::dispatch::workflow::escalation;
use crate::snapshot::Snapshot;
use crate::store::CaseRecord;

/// All that happened to a case, oldest first. Nothing is ever changed or taken out.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IncidentHistory {
    pub id: String,
    pub events: Vec<EventView>,
}

/// A case as it is now, with its tasks and clocks and the moves that are open to the caller.
#[utoipa::path(
    get,
    operation_id = "find_incident",
    path = "/v1/incidents/{id}",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the case")),
    security(("key" = [])),
    responses((status = 200, description = "The case; its `ETag` is its version", body = IncidentView))
)]
pub async fn find_incident(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let record = load(&state, &caller, &id).await?;
    send_case(&state, &caller, &record, &base).await
}

/// All that happened to a case: who did what, when, and why, oldest first.
#[utoipa::path(
    get,
    operation_id = "show_incident_history",
    path = "/v1/incidents/{id}/history",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the case")),
    security(("key" = [])),
    responses((status = 200, description = "The history", body = IncidentHistory))
)]
pub async fn show_incident_history(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let record = load(&state, &caller, &id).await?;
    let body = IncidentHistory { id: record.case.id.to_string(), events: record.events.iter().map(EventView::new).collect() };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).into_response())
}

/// Loads a case that the caller may see; what the key does not reach is not there.
pub async fn load(state: &AppState, caller: &Caller, id: &str) -> Result<CaseRecord, Problem> {
    rights::require(caller)?;
    let missing = || Problem::not_found(format!("there is no incident {id}"));
    let found = CaseId(Uuid::try_parse(id).map_err(|_| missing())?);
    let record = state.with_store(move |store| store.find_case_record(found)).await?;
    let record = record.ok_or_else(missing)?;
    if rights::sees(state, caller, &record)? { Ok(record) } else { Err(missing()) }
}

/// Sends a case as it is now.
pub(super) async fn send_case(state: &AppState, caller: &Caller, record: &CaseRecord, base: &BaseUrl) -> Result<Response, Problem> {
    let (snapshot, at) = (state.snapshot()?, super::intake::now());
    let mut view = view_of(state, &snapshot, caller, record, at, base);
    if let Some(folded) = record.state() {
        view.notices = skill_notices(state, &snapshot, &record.case, &folded, at);
    }
    if rights::sees_reporters(caller) {
        let id = record.case.id;
        view.reporter = state.with_store(move |store| store.find_reporter(id)).await?.map(ReporterView::new);
    }
    let bytes = serde_json::to_vec(&view).map_err(|e| Problem::internal(&e))?;
    let document = Document::new(JSON.media, bytes).private(true).untagged();
    Ok(document.header(header::ETAG, CaseTag(view.version).to_header()).into_response())
}

/// Puts a case on the wire, without who reported it.
pub(super) fn view_of(
    state: &AppState,
    snapshot: &Snapshot,
    caller: &Caller,
    record: &CaseRecord,
    at: Timestamp,
    base: &BaseUrl,
) -> IncidentView {
    let workflow = &state.config().cases.workflow;
    let folded = record.state();
    // The calendar is that of the place; a chain that no clock has reached needs none.
    let late = folded.as_ref().filter(|folded| folded.is_overdue(at));
    let escalation = late.and_then(|folded| {
        let query = query_of(snapshot, &record.case, at);
        let answer = answer_for(snapshot, &query, &record.case).ok()?;
        let path: Vec<&UnitCode> = answer.path().rev().map(|unit| &unit.code).collect();
        Some(escalation(workflow, folded, snapshot.rules(at).terms(None, &path).calendar, at))
    });
    IncidentView::new(&record.case, folded.as_ref(), workflow, escalation.as_ref(), caller.actor(&caller.author()), at, base.as_str())
}
