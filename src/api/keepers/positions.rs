//! Where a keeper is: told by the keeper, kept on shift alone, by consent, and for hours.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::me::{ConsentView, ENTRIES_MAX};
use super::place::require_worker;
use crate::api::caller::Caller;
use crate::api::cases::Body;
use crate::api::document::Document;
use crate::api::locate::{Asker, Options};
use crate::api::media::JSON;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::dispatch::WorkerId;
use crate::store::{Entry, EntryEnd, EntryFilter, EntryKind, Store, StoreError, WorkerPosition};

/// How often positions that are too old are erased.
const ERASE_EVERY: Duration = Duration::from_secs(600);

/// Where the caller is.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member, so that all faults are told")]
#[serde(deny_unknown_fields)]
pub struct PositionBody {
    lon: f64,
    lat: f64,
    crs: Option<String>,
    /// How far the true position may lie from the one given, metres.
    accuracy_m: Option<f64>,
}

/// Whether positions may be kept.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[serde(deny_unknown_fields)]
pub struct ConsentBody {
    positions: bool,
}

/// Agrees that the caller's positions are kept, or withdraws it, which erases what is kept at once.
#[utoipa::path(
    put,
    operation_id = "set_my_consent",
    path = "/v1/me/consent",
    tag = "keepers",
    request_body(content = ConsentBody, content_type = "application/json"),
    security(("key" = [])),
    responses((status = 200, description = "What holds now", body = ConsentView))
)]
pub async fn set_my_consent(State(state): State<AppState>, caller: Caller, headers: HeaderMap, bytes: Bytes) -> Result<Response, Problem> {
    let worker = require_worker(&caller)?;
    let mut body = Body::read(&headers, &bytes, &["positions"])?;
    let agrees = body.boolean("positions");
    if agrees.is_none() {
        body.fault("positions", "is missing".into());
    }
    body.finish()?;
    let (at, author) = (Timestamp::now(), caller.author());
    let write = move |store: &dyn Store| {
        let open = load_consents(store, &worker)?;
        if agrees == Some(true) {
            if let Some(known) = open.last() {
                return Ok(Some(known.at));
            }
            let entry = Entry { worker: Some(worker), ..Entry::new(EntryKind::Consent, at, &author) };
            store.add_entries(&[entry])?;
            return Ok(Some(at));
        }
        for entry in open {
            store.end_entry(EntryKind::Consent, entry.id, &EntryEnd { at, author: author.clone(), text: String::new() })?;
        }
        store.erase_positions(Some(&worker), Timestamp::UNIX_EPOCH)?;
        Ok(None)
    };
    let since = state.with_store(write).await?;
    let bytes = serde_json::to_vec(&ConsentView { positions: since.is_some(), since }).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Tells where the caller is, in the place of what was told before. It takes consent and a post that is on shift, is seen by dispatchers
/// alone, and is erased after `[privacy] positions_keep_h`, or when the consent is withdrawn. It is in no copy, export or log.
#[utoipa::path(
    put,
    operation_id = "tell_my_position",
    path = "/v1/me/position",
    tag = "keepers",
    request_body(content = PositionBody, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 204, description = "It is kept"),
        (status = 409, description = "The caller has not agreed to it, or is off duty"),
    )
)]
pub async fn tell_my_position(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let worker = require_worker(&caller)?;
    let mut body = Body::read(&headers, &bytes, &["lon", "lat", "crs", "accuracy_m"])?;
    body.finish()?;
    let mut asker = Asker::new(&state, caller.clone(), Options::default()).await?;
    let question = asker.ask(&|name| body.given(name).filter(|_| matches!(name, "lon" | "lat" | "crs" | "accuracy_m")))?;
    let (snapshot, at) = (state.snapshot()?, Timestamp::now());
    let roster = snapshot.roster();
    if !roster.posts_of(&worker, at).any(|post| roster.is_on_shift(post, at)) {
        return Err(Problem::new(ProblemKind::OffDuty, "positions are kept on shift alone, and none of your posts is on shift now"));
    }
    let seen = WorkerPosition { worker, position: question.position(), accuracy_m: question.accuracy_m(), at };
    let write = move |store: &dyn Store| {
        if load_consents(store, &seen.worker)?.is_empty() {
            return Ok(false);
        }
        store.save_position(&seen).map(|()| true)
    };
    if !state.with_store(write).await? {
        let detail = "positions are kept by consent alone; agree to it with PUT /v1/me/consent";
        return Err(Problem::new(ProblemKind::NoConsent, detail));
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Erases where the caller was seen last.
#[utoipa::path(
    delete,
    operation_id = "forget_my_position",
    path = "/v1/me/position",
    tag = "keepers",
    security(("key" = [])),
    responses((status = 204, description = "Nothing is kept"))
)]
pub async fn forget_my_position(State(state): State<AppState>, caller: Caller) -> Result<Response, Problem> {
    let worker = require_worker(&caller)?;
    state.with_store(move |store| store.erase_positions(Some(&worker), Timestamp::UNIX_EPOCH)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn load_consents(store: &dyn Store, worker: &WorkerId) -> Result<Vec<Entry>, StoreError> {
    store.load_entries(&EntryFilter { worker: Some(worker.clone()), ..EntryFilter::open(EntryKind::Consent, ENTRIES_MAX) })
}

/// Since when positions are kept.
pub(super) fn kept_since(state: &AppState, now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(i64::from(state.config().privacy.positions_keep_h))
}

/// Erases positions that are too old, now and then, until the service stops. What is too old is not shown meanwhile either.
pub async fn erase_old_positions(state: AppState) {
    let ended = state.feed().ended();
    loop {
        let before = kept_since(&state, Timestamp::now());
        if let Err(error) = state.write_store(move |store| store.erase_positions(None, before)).await {
            tracing::debug!(%error, "cannot erase old positions; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(ERASE_EVERY) => {}
            () = ended.cancelled() => return,
        }
    }
}
