use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::Serialize;
use uuid::Uuid;

use super::sign::{read_secret, write_secret};
use crate::api::caller::Caller;
use crate::api::cases::{Body, or_empty};
use crate::api::document::Document;
use crate::api::known::check_unit;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::Role;
use crate::dispatch::workflow::Effect;
use crate::store::{DeadLetter, Delivery, LetterState, Topic, Webhook, WebhookId};

/// Longest address, bytes.
const URL_BYTES_MAX: usize = 2_000;

/// Letters in one answer; the oldest first.
const LETTERS_SHOWN_MAX: usize = 1_000;

/// How often a replay is tried while the sending goes on meanwhile.
const REPLAY_ATTEMPTS_MAX: usize = 16;

/// Bytes of a secret that is made here.
const SECRET_BYTES: usize = 32;

/// Where events are to be sent.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member, so that all faults are told")]
#[serde(deny_unknown_fields)]
pub struct WebhookBody {
    /// An address that takes POST, https or http.
    url: String,
    /// `whsec_` and 24 to 64 bytes in base64; made here where it is left out, and shown once.
    secret: Option<String>,
    /// Only events of these effects, such as `report` and `close`, and `generation.published`; all by default.
    effects: Option<Vec<String>>,
    /// Only cases in these units and below, and publications that change them.
    scope: Option<Vec<String>>,
    /// The number of the event after which to begin; by default what happens from now on.
    after: Option<u64>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookView {
    pub id: String,
    pub url: String,
    /// Shown once, when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    pub effects: Vec<&'static str>,
    pub scope: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// All events up to this one were sent, or stand among the letters.
    pub cursor: u64,
    /// How often new events have failed since anything got through.
    pub attempts: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent before, as the receiver seems to be away as a whole.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_at: Option<Timestamp>,
    pub last_error: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WebhookList {
    pub webhooks: Vec<WebhookView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeadLetterView {
    /// The number of the event.
    pub number: u64,
    /// The case; null of a publication.
    pub id: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub error: String,
    /// `waiting` where it is tried again by itself, or an earlier event of its case is, `dead`, or `again` where it is about to be sent.
    pub state: &'static str,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DeadLetterList {
    pub letters: Vec<DeadLetterView>,
}

/// What is to be sent again.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
#[serde(deny_unknown_fields)]
pub struct ReplayBody {
    /// All events after this one, also those that were sent. Without it all dead letters.
    after: Option<u64>,
}

fn require_admin(caller: &Caller) -> Result<(), Problem> {
    if caller.role() != Role::Admin {
        return Err(caller.refuse("webhooks are an administrator's", "manage webhooks"));
    }
    caller.require_unlimited("what webhooks send")
}

/// Sends events to an address from now on, of cases and of publications (`generation.published`): each is posted as JSON, signed with
/// HMAC-SHA256 by Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`), at least once, in the order of its case.
#[utoipa::path(
    post,
    operation_id = "add_webhook",
    path = "/v1/webhooks",
    tag = "cases",
    request_body(content = WebhookBody, content_type = "application/json"),
    security(("key" = [])),
    responses((status = 201, description = "It is there; the secret is shown this once", body = WebhookView))
)]
pub async fn add_webhook(State(state): State<AppState>, caller: Caller, headers: HeaderMap, bytes: Bytes) -> Result<Response, Problem> {
    require_admin(&caller)?;
    let mut body = Body::read(&headers, &bytes, &["url", "secret", "effects", "scope", "after"])?;
    let url = body.text("url", URL_BYTES_MAX);
    if let Err(detail) = check_url(&url) {
        body.fault("url", detail);
    }
    let secret = body.parsed("secret", read_secret);
    let after = body.number("after");
    let topic = |text: &str| Topic::parse(text).ok_or_else(|| format!("{text:?} is no effect; known are {}", known_effects()));
    let topics = body.list("effects", topic);
    let scope = body.list("scope", |text| {
        let code = UnitCode::parse(text).map_err(|e| e.to_string())?;
        check_unit(&state, &code).map(|()| code)
    });
    body.finish()?;
    let secret = secret.map_or_else(make_secret, Ok)?;
    let cursor = match after {
        Some(after) => after,
        None => state.with_store(|store| store.newest_happening()).await?,
    };
    let webhook = Webhook {
        id: WebhookId(Uuid::now_v7()),
        url,
        secret,
        topics,
        scope,
        author: caller.author(),
        created_at: Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap_or_default(),
        ended_at: None,
        delivery: Delivery { cursor, ..Delivery::default() },
    };
    let view = WebhookView { secret: Some(write_secret(&webhook.secret)), ..WebhookView::new(&webhook) };
    state.with_store(move |store| store.add_webhook(&webhook)).await?;
    state.webhooks_changed().notify_waiters();
    let mut response = send(&view)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// The webhooks, ended ones too, with how far the sending is.
#[utoipa::path(
    get,
    operation_id = "list_webhooks",
    path = "/v1/webhooks",
    tag = "cases",
    security(("key" = [])),
    responses((status = 200, description = "The webhooks", body = WebhookList))
)]
pub async fn list_webhooks(State(state): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_admin(&caller)?;
    let webhooks = state.with_store(|store| store.load_webhooks()).await?;
    send(&WebhookList { webhooks: webhooks.iter().map(WebhookView::new).collect() })
}

/// Ends a webhook: nothing more is sent.
#[utoipa::path(
    delete,
    operation_id = "end_webhook",
    path = "/v1/webhooks/{id}",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the webhook")),
    security(("key" = [])),
    responses((status = 204, description = "It has ended"))
)]
pub async fn end_webhook(State(state): State<AppState>, Path(id): Path<String>, caller: Caller) -> Result<Response, Problem> {
    require_admin(&caller)?;
    let webhook = find(&state, &id).await?;
    let author = caller.author();
    let id = webhook.id;
    state.with_store(move |store| store.end_webhook(id, &author, Timestamp::now())).await?;
    state.webhooks_changed().notify_waiters();
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Events that could not be sent: those that the receiver refused, those whose receiver stayed away, and later ones of the same cases.
/// Also those that could not be sent yet, while others go on.
#[utoipa::path(
    get,
    operation_id = "list_dead_letters",
    path = "/v1/webhooks/{id}/dead-letters",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the webhook")),
    security(("key" = [])),
    responses((status = 200, description = "The letters, the oldest first", body = DeadLetterList))
)]
pub async fn list_dead_letters(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_admin(&caller)?;
    let webhook = find(&state, &id).await?;
    let (id, is_live) = (webhook.id, webhook.ended_at.is_none());
    let letters = state.with_store(move |store| store.load_dead_letters(id, LETTERS_SHOWN_MAX)).await?;
    send(&DeadLetterList { letters: letters.iter().map(|letter| DeadLetterView::new(letter, is_live)).collect() })
}

/// Sends dead letters again, or all events after one.
#[utoipa::path(
    post,
    operation_id = "replay_webhook",
    path = "/v1/webhooks/{id}/replay",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the webhook")),
    request_body(content = Option<ReplayBody>, content_type = "application/json"),
    security(("key" = [])),
    responses((status = 202, description = "It is about to be sent", body = WebhookView))
)]
pub async fn replay_webhook(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    require_admin(&caller)?;
    let mut body = Body::read(&headers, or_empty(&bytes), &["after"])?;
    let after = body.number("after");
    body.finish()?;
    let webhook = find(&state, &id).await?;
    if webhook.ended_at.is_some() {
        return Err(Problem::new(ProblemKind::InvalidMove, "the webhook has ended; add another"));
    }
    for _ in 0..REPLAY_ATTEMPTS_MAX {
        let mut webhook = find(&state, &id).await?;
        let (found, from) = (webhook.id, webhook.delivery.cursor);
        let cursor = after.map_or(from, |after| after.min(from));
        webhook.delivery = Delivery::replayed(cursor, after, Timestamp::now());
        let view = WebhookView::new(&webhook);
        let is_kept = state.with_store(move |store| store.save_delivery(found, from, &webhook.delivery, &[])).await?;
        if is_kept {
            state.webhooks_changed().notify_waiters();
            let mut response = send(&view)?;
            *response.status_mut() = StatusCode::ACCEPTED;
            return Ok(response);
        }
    }
    Err(Problem::new(ProblemKind::Changed, "the sending goes on too fast to be set back; ask again"))
}

async fn find(state: &AppState, id: &str) -> Result<Webhook, Problem> {
    let missing = || Problem::not_found(format!("there is no webhook {id}"));
    let wanted = WebhookId(Uuid::try_parse(id).map_err(|_| missing())?);
    let webhooks = state.with_store(|store| store.load_webhooks()).await?;
    webhooks.into_iter().find(|webhook| webhook.id == wanted).ok_or_else(missing)
}

fn check_url(url: &str) -> Result<(), String> {
    let parsed: Uri = url.parse().map_err(|_| "is no address".to_owned())?;
    let is_web = matches!(parsed.scheme_str(), Some("http" | "https")) && parsed.host().is_some_and(|host| !host.is_empty());
    let has_user = parsed.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if is_web && !has_user { Ok(()) } else { Err("is not an address of http or https without a user in it".into()) }
}

fn known_effects() -> String {
    Effect::ALL.iter().map(|effect| effect.as_str()).chain([Topic::PUBLICATION]).collect::<Vec<_>>().join(", ")
}

fn make_secret() -> Result<Vec<u8>, Problem> {
    let mut secret = vec![0; SECRET_BYTES];
    SysRng.try_fill_bytes(&mut secret).map_err(|e| Problem::internal(&e))?;
    Ok(secret)
}

fn send<T: Serialize>(body: &T) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

impl WebhookView {
    fn new(webhook: &Webhook) -> Self {
        Self {
            id: webhook.id.0.to_string(),
            url: webhook.url.clone(),
            secret: None,
            effects: webhook.topics.iter().map(|topic| topic.as_str()).collect(),
            scope: webhook.scope.iter().map(ToString::to_string).collect(),
            created_at: webhook.created_at,
            ended_at: webhook.ended_at,
            cursor: webhook.delivery.cursor,
            attempts: webhook.delivery.attempts,
            failing_since: webhook.delivery.failing_since,
            next_at: webhook.delivery.next_at,
            last_error: webhook.delivery.last_error.clone(),
        }
    }
}

impl DeadLetterView {
    /// Of a webhook that has ended nothing is tried again.
    fn new(letter: &DeadLetter, is_live: bool) -> Self {
        let (number, id, at) = (letter.number, letter.case.map(|case| case.to_string()), letter.at);
        let state = if is_live { letter.state } else { LetterState::Dead };
        Self { number, id, at, error: letter.error.clone(), state: state.as_str() }
    }
}
