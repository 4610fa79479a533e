use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::desk::{store_problem, to_problem, with_draft};
use super::edit::{now, require_open, write};
use super::look::send;
use super::tag::{ChangeProblems, DraftRevision, Expected};
use super::views::DraftView;
use crate::api::caller::Caller;
use crate::api::cases::{Body, or_empty};
use crate::api::document::Document;
use crate::api::links::{BaseUrl, Link};
use crate::api::media::JSON;
use crate::api::problem::{More, Problem, ProblemKind};
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::history::{DraftEnd, DraftSession, NotPublished, Wish, draw, look_over, prepare};
use crate::store::{DraftEntryKind, Store};

const NOTE_CHARS_MAX: usize = 4_000;

/// Units whose holders go elsewhere with one publication.
const ROSTER_MOVES_MAX: usize = 100_000;

/// Units named in a refusal; the list of problems has all.
const UNHELD_NAMED_MAX: usize = 100;

#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[serde(deny_unknown_fields)]
pub struct ApprovalBody {
    note: Option<String>,
}

#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[serde(deny_unknown_fields)]
pub struct PublicationBody {
    /// RFC 3339, or a date such as `2027-01-01`, which begins at midnight in the time zone of the office; by default what the draft says,
    /// and now where that is past.
    effective_from: Option<String>,
    note: Option<String>,
    /// Whether units may have no holder.
    accept_unheld: Option<bool>,
    /// Whose posts go from one unit to another with it: the latter one that the draft has, of any level.
    roster_moves: Option<Vec<RosterMove>>,
}

#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[serde(deny_unknown_fields)]
pub struct RosterMove {
    /// Each once.
    from: String,
    to: String,
}

/// What a draft has become.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PublishedView {
    pub layer: String,
    pub generation: u32,
    #[schema(value_type = String, format = DateTime)]
    pub effective_from: Timestamp,
    /// Units that nobody holds.
    pub unheld: Vec<String>,
    /// Posts that went to another unit.
    pub posts_moved: usize,
    pub links: Vec<Link>,
}

/// Withdraws a draft: it is edited no more. Nothing is deleted.
#[utoipa::path(
    delete,
    operation_id = "withdraw_draft",
    path = "/v1/drafts/{id}",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    security(("key" = [])),
    responses((status = 200, description = "The draft", body = DraftView), ChangeProblems)
)]
pub async fn withdraw_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (expected, author) = (Expected::of(&headers)?, caller.author());
    with_draft(&state, &caller, &id, move |session, store| {
        require_open(session)?;
        expected.check(session)?;
        let entry = session.next(DraftEntryKind::Withdraw, &json!({}), &author, now());
        write(session, store, entry)?;
        send(session, &DraftView::new(session, &base, false))
    })
    .await
}

/// Finds a draft good as it is at this revision; whatever is changed afterwards has to be approved anew. Who made the draft, or wrote a step of it,
/// cannot.
#[utoipa::path(
    post,
    operation_id = "approve_draft",
    path = "/v1/drafts/{id}/approval",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    request_body(content = Option<ApprovalBody>, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 200, description = "The draft", body = DraftView),
        (status = 403, description = "It takes a second person", content_type = "application/problem+json"),
        ChangeProblems,
    )
)]
pub async fn approve_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (expected, author) = (Expected::of(&headers)?, caller.author());
    let mut body = Body::read(&headers, or_empty(&bytes), &["note"])?;
    let note = body.text("note", NOTE_CHARS_MAX);
    body.finish()?;
    with_draft(&state, &caller, &id, move |session, store| {
        require_open(session)?;
        expected.check(session)?;
        if session.is_by(&author) {
            let detail = "who made a draft or changed it does not approve it; ask a second person";
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        }
        let ready = look_over(draw(session), store, None, now()).map_err(|error| Problem::store_down(&error))?;
        refuse_problems(ready.errors(), ready.coverage.is_some())?;
        let entry = session.next(DraftEntryKind::Approve, &json!({ "note": note }), &author, now());
        write(session, store, entry)?;
        send(session, &DraftView::new(session, &base, false))
    })
    .await
}

/// Publishes a draft that was approved as it is: its boundaries, and the posts that go with them, all or none.
#[utoipa::path(
    post,
    operation_id = "publish_draft",
    path = "/v1/drafts/{id}/publication",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    request_body(content = Option<PublicationBody>, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 201, description = "It is published", body = PublishedView),
        ChangeProblems,
    )
)]
pub async fn publish_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (expected, author) = (Expected::of(&headers)?, caller.author());
    let mut body = Body::read(&headers, or_empty(&bytes), &["effective_from", "note", "accept_unheld", "roster_moves"])?;
    let (effective_from, note) = (body.time_or_date("effective_from", &state.config().time_zone), body.text("note", NOTE_CHARS_MAX));
    let accepts_unheld = body.boolean("accept_unheld").unwrap_or_default();
    let moves = body.objects("roster_moves", ROSTER_MOVES_MAX);
    body.finish()?;
    let moves = moves.iter().map(roster_move).collect::<Result<Vec<_>, Problem>>()?;
    let published = with_draft(&state, &caller, &id, move |session, store| {
        require_open(session)?;
        expected.check(session)?;
        let wish = Wish { effective_from, note, accepts_unheld, roster_moves: moves, author, at: now() };
        let view = publish(session, store, &wish, &base)?;
        let bytes = serde_json::to_vec(&view).map_err(|error| Problem::internal(&error))?;
        let location = base.to(&format!("/v1/generations/{}/{}", view.layer, view.generation));
        let location = HeaderValue::from_str(&location).map_err(|error| Problem::internal(&error))?;
        let mut response = Document::new(JSON.media, bytes).private(true).untagged().header(header::LOCATION, location).into_response();
        *response.status_mut() = StatusCode::CREATED;
        Ok(response)
    })
    .await?;
    // The next request shows it.
    state.catch_up().await;
    Ok(published)
}

fn publish(session: &mut DraftSession, store: &dyn Store, wish: &Wish, base: &BaseUrl) -> Result<PublishedView, Problem> {
    let prepared = prepare(session, store, wish).map_err(|refusal| refused(&refusal))?;
    let made = store.publish_draft(prepared.publication(wish), prepared.roster(), &prepared.entry);
    let made = made.map_err(|error| store_problem(&error))?;
    // The store has written which generation came of it.
    session.catch_up(store).map_err(|error| to_problem(&error))?;
    debug_assert_eq!(session.end(), Some(DraftEnd::Published(made.id)), "the log ends with the publication");
    let path = format!("/v1/generations/{}/{}", made.layer, made.id);
    Ok(PublishedView {
        layer: made.layer.to_string(),
        generation: made.id.0,
        effective_from: made.effective_from,
        unheld: prepared.unheld.iter().map(ToString::to_string).collect(),
        posts_moved: prepared.posts_moved,
        links: vec![Link::new(base.to(&path), "related", "application/json").titled("The generation")],
    })
}

fn refused(refusal: &NotPublished) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        NotPublished::NotApproved => Problem::new(ProblemKind::NotApproved, detail),
        NotPublished::Superseded { .. } | NotPublished::GivesUp { .. } => Problem::new(ProblemKind::Superseded, detail),
        NotPublished::Problems { .. } => {
            Problem::new(ProblemKind::HasProblems, format!("{detail}; GET …/problems lists them with their places"))
        }
        NotPublished::Unheld { units } => {
            let units = Some(units.iter().take(UNHELD_NAMED_MAX).map(ToString::to_string).collect());
            let detail = format!("{detail}: `roster_moves`, or `accept_unheld`");
            Problem::new(ProblemKind::Unheld, detail).telling(More { units, ..More::default() })
        }
        NotPublished::NoPost { .. } | NotPublished::NoUnit { .. } | NotPublished::StaysThere { .. } | NotPublished::SentTwice { .. } => {
            Problem::member("roster_moves", detail)
        }
        NotPublished::Store(error) => Problem::store_down(error),
    }
}

fn refuse_problems(errors: usize, is_whole: bool) -> Result<(), Problem> {
    if is_whole {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::HasProblems, format!("{errors} problems stand in the way; GET …/problems lists them with their places")))
}

fn roster_move(pair: &serde_json::Map<String, serde_json::Value>) -> Result<(UnitCode, UnitCode), Problem> {
    if let Some(unknown) = pair.keys().find(|name| !matches!(name.as_str(), "from" | "to")) {
        return Err(Problem::member("roster_moves", format!("each has `from` and `to`, and no {unknown}")));
    }
    Ok((code(pair.get("from"))?, code(pair.get("to"))?))
}

fn code(value: Option<&serde_json::Value>) -> Result<UnitCode, Problem> {
    let text = value.and_then(serde_json::Value::as_str).unwrap_or_default();
    UnitCode::parse(text).map_err(|error| Problem::member("roster_moves", format!("each has `from` and `to`: {error}")))
}
