use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName};
use axum::response::Response;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::feed::read_missed;
use super::item::Item;
use crate::api::caller::Caller;
use crate::api::events;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values, whole};
use crate::api::state::AppState;
use crate::boundary::Territory;

/// How often a stream on which nothing happens says that it is alive: below the patience of the usual proxies, a minute.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Messages that wait in a connection. A listener who is slower waits in the feed.
const CONNECTION_WAITING_MAX: usize = 16;

/// How long a listener with a limited key waits for this process to learn of boundaries by which another has taken in a case already.
const FOLLOW_PATIENCE: Duration = Duration::from_secs(10);

/// How often it looks.
const FOLLOW_PAUSE: Duration = Duration::from_millis(50);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where a stream begins.
#[derive(Clone, Copy, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// The number of the event after which to begin, as `Last-Event-ID`; 0 is the beginning of all. By default what happens from now on.
    after: Option<u64>,
}

impl FromQuery for StreamQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { after: values.optional("after", whole) })
    }
}

/// What happens to cases, as server-sent events. The id of a message is the number of its event; a listener that comes back with
/// `Last-Event-ID` misses nothing. The name of a message is the effect of the move, its data what the history says of it.
///
/// A key gets the cases that it reaches; without one a listener gets the category and the state of those that are shown to all.
#[utoipa::path(
    get,
    operation_id = "listen_to_incidents",
    path = "/v1/stream",
    tag = "cases",
    params(StreamQuery, ("Last-Event-ID" = Option<String>, Header, description = "The id of the message that was seen last")),
    security((), ("key" = [])),
    responses((status = 200, description = "Messages without end", content_type = "text/event-stream", body = String))
)]
pub async fn listen_to_incidents(
    State(state): State<AppState>,
    Query(query): Query<StreamQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let refused = || Problem::parameter("Last-Event-ID", "is not the id of a message of this stream");
    let given = headers.get(LAST_EVENT_ID).map(|id| id.to_str().ok()?.trim().parse::<u64>().ok());
    let after = given.map(|id| id.ok_or_else(refused)).transpose()?.or(query.after);
    let feed = Arc::clone(state.feed());
    let listener = feed.enter().ok_or_else(|| Problem::new(ProblemKind::Overloaded, "too many listen already"))?;
    let mut live = state.subscribe().await;
    // Known before the answer begins, so that what happens next is heard for certain.
    let newest = state.with_store(|store| store.newest_happening()).await?;
    let (sender, receiver) = mpsc::channel::<Bytes>(CONNECTION_WAITING_MAX);
    let ended = feed.ended();
    tokio::spawn(async move {
        let _listener = listener;
        let mut last = after.unwrap_or(newest);
        let work = async {
            // Says at once that the stream is there, and how soon to come back when it is not.
            sender.send(Bytes::from_static(b"retry: 2000\n\n")).await.ok()?;
            last = send_missed(&state, &caller, last, newest, &sender).await?;
            loop {
                match tokio::time::timeout(HEARTBEAT, live.recv()).await {
                    Err(_) => sender.send(events::HEARTBEAT).await.ok()?,
                    Ok(Ok(item)) if item.number > last => last = send_item(&state, &item, &caller, &sender).await?,
                    Ok(Ok(_)) => {}
                    Ok(Err(RecvError::Lagged(_))) => last = send_missed(&state, &caller, last, u64::MAX, &sender).await?,
                    Ok(Err(RecvError::Closed)) => return Some(()),
                }
            }
        };
        tokio::select! {
            _ = work => {}
            () = sender.closed() => {}
            () = ended.cancelled() => {}
        }
    });
    Ok(events::respond(receiver))
}

/// Sends what the store has after an event, up to another at least, and returns the number of the last one; none where nobody listens
/// any more or the store fails, and the listener comes back.
async fn send_missed(state: &AppState, caller: &Caller, after: u64, until: u64, sender: &mpsc::Sender<Bytes>) -> Option<u64> {
    let mut last = after;
    while last < until {
        let events = read_missed(state.store(), last).await;
        let events = events.inspect_err(|error| tracing::warn!(%error, "cannot read what a listener has missed")).ok()?;
        if events.is_empty() {
            break;
        }
        for event in events {
            let item = Item::new(event, state.live().load().as_deref());
            last = send_item(state, &item, caller, sender).await?;
        }
    }
    Some(last)
}

async fn send_item(state: &AppState, item: &Item, caller: &Caller, sender: &mpsc::Sender<Bytes>) -> Option<u64> {
    let territory = if caller.scope().is_empty() { Territory::Whole } else { followed_territory(state, item, caller).await? };
    if let Some(bytes) = item.bytes_for(caller, &territory) {
        sender.send(bytes).await.ok()?;
    }
    Some(item.number)
}

/// Returns how far a limited key reaches, as soon as this process knows the units by which the case was told; none where it does not
/// come to know them, and the listener comes back.
async fn followed_territory(state: &AppState, item: &Item, caller: &Caller) -> Option<Territory> {
    let until = Instant::now() + FOLLOW_PATIENCE;
    while !state.has_followed(item.case()) {
        if Instant::now() > until {
            return None;
        }
        tokio::time::sleep(FOLLOW_PAUSE).await;
    }
    state.territory(caller.scope()).ok()
}
