use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashSet;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::backoff::{Outcome, is_given_up, pause_after};
use super::message::{Message, message_for};
use super::send::Sender;
use super::sign::sign;
use crate::api::state::AppState;
use crate::dispatch::CaseId;
use crate::store::{DeadLetter, Lease, LetterState, Store, StoreError, Webhook, WebhookId};

/// How long a service sends for a webhook before it has to say again that it does: as long as others wait when it is killed.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// How often leases are renewed, and new webhooks looked for.
const RENEW: Duration = Duration::from_secs(3);

/// Events read from the store at once; how far the sending is, is kept after as many.
const PAGE: usize = 50;

/// How long to wait for this process to learn of boundaries by which another has taken in a case already.
const FOLLOW_PAUSE: Duration = Duration::from_millis(200);

/// Dead letters that are kept an eye on for one webhook. One that has more is broken, and its letters wait in the store.
const LETTERS_MAX: usize = 10_000;

/// Sends events to all webhooks that nobody else sends to. Returns only when the service stops.
pub async fn deliver(state: AppState) {
    let (holder, sender) = (Uuid::now_v7(), Sender::new());
    let mut workers: BTreeMap<WebhookId, JoinHandle<()>> = BTreeMap::new();
    loop {
        let now = Timestamp::now();
        let lease = Lease { holder, now, until: now + LEASE };
        match state.write_store(move |store| claim(store, lease)).await {
            Ok(claimed) => {
                for id in &claimed {
                    let is_working = workers.get(id).is_some_and(|worker| !worker.is_finished());
                    if !is_working {
                        workers.insert(*id, tokio::spawn(work(state.clone(), *id, sender.clone())));
                    }
                }
                workers.retain(|id, worker| {
                    let is_ours = claimed.contains(id);
                    if !is_ours {
                        worker.abort();
                    }
                    is_ours
                });
            }
            // What was not renewed ends; another may take over, and a message may come twice.
            Err(error) => tracing::debug!(%error, "cannot claim webhooks; trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(RENEW) => {}
            () = state.webhooks_changed().notified() => {}
            () = state.feed().ended().cancelled_owned() => {
                workers.values().for_each(JoinHandle::abort);
                return;
            }
        }
    }
}

/// Claims webhooks where there are any to send for: a store that has none is not written.
fn claim(store: &dyn Store, lease: Lease) -> Result<Vec<WebhookId>, StoreError> {
    let has_live = store.load_webhooks()?.iter().any(|webhook| webhook.ended_at.is_none());
    if has_live { store.claim_webhooks(lease) } else { Ok(Vec::new()) }
}

/// Sends for one webhook until it ends.
async fn work(state: AppState, id: WebhookId, sender: Sender) {
    let poll = Duration::from_millis(state.config().http.follow_interval_ms);
    let written = state.case_written();
    loop {
        // Asked for before reading, so that what is written meanwhile is not missed.
        let next = written.notified();
        match step(&state, id, &sender).await {
            Ok(Step::More) => {}
            Ok(Step::Idle) => drop(tokio::time::timeout(poll, next).await),
            Ok(Step::Wait(pause)) => tokio::time::sleep(pause).await,
            Ok(Step::Ended) => return,
            Err(error) => {
                tracing::warn!(webhook = %id.0, %error, "cannot read or keep how far a webhook is; trying again");
                tokio::time::sleep(poll).await;
            }
        }
    }
}

enum Step {
    More,
    Idle,
    Wait(Duration),
    Ended,
}

/// Sends what is to be sent again, then the next events, until one fails or there are no more.
async fn step(state: &AppState, id: WebhookId, sender: &Sender) -> Result<Step, StoreError> {
    let found = state.write_store(move |store| store.find_webhook(id)).await?;
    let Some(mut webhook) = found.filter(|webhook| webhook.ended_at.is_none()) else {
        return Ok(Step::Ended);
    };
    if let Some(wait) = webhook.delivery.next_at.and_then(|next| Duration::try_from(next.duration_since(Timestamp::now())).ok()) {
        // Short enough that a replay that is asked for meanwhile does not wait for long.
        return Ok(Step::Wait(wait.min(RENEW)));
    }
    let letters = state.write_store(move |store| store.load_dead_letters(id, LETTERS_MAX)).await?;
    // Of cases, and of publications where it is none.
    let mut held: FxHashSet<Option<CaseId>> =
        letters.iter().filter(|letter| letter.state == LetterState::Dead).map(|letter| letter.case).collect();
    let mut settled = Vec::new();
    let mut stopped = None;
    for letter in letters.into_iter().filter(|letter| letter.state == LetterState::Again) {
        // A later event of a case that stays dead waits with it, and so does a later publication.
        if held.contains(&letter.case) {
            settled.push(DeadLetter { state: LetterState::Dead, ..letter });
            continue;
        }
        let outcome = match message_again(state, &webhook, letter.number).await {
            Ok(Message::Wanted(body)) => attempt(&webhook, letter.number, body, sender).await,
            Ok(Message::Unwanted) => Outcome::Sent,
            Ok(Message::NotYet) => {
                stopped = Some(Ok(Step::Wait(FOLLOW_PAUSE)));
                break;
            }
            Err(error) => {
                stopped = Some(Err(error));
                break;
            }
        };
        let (state, error) = match outcome {
            Outcome::Sent => (LetterState::Sent, String::new()),
            Outcome::Refused(error) | Outcome::Away(error) => {
                held.insert(letter.case);
                (LetterState::Dead, error)
            }
        };
        settled.push(DeadLetter { state, error, at: Timestamp::now(), ..letter });
    }
    // What was sent is kept before anything else, or it would be sent again.
    if !settled.is_empty() {
        save(state, &webhook, settled).await?;
        return stopped.unwrap_or(Ok(Step::More));
    }
    if let Some(stopped) = stopped {
        return stopped;
    }
    let after = webhook.delivery.cursor;
    let events = state.write_store(move |store| store.load_happenings(after, PAGE)).await?;
    if events.is_empty() {
        return Ok(Step::Idle);
    }
    let mut letters = Vec::new();
    for event in events {
        let letter = |error: String| DeadLetter {
            webhook: id,
            number: event.number(),
            case: event.case(),
            at: Timestamp::now(),
            error,
            state: LetterState::Dead,
        };
        // What lies where is known only to who has followed; a moment later is soon enough.
        let body = match message_for(state, &webhook, &event).await {
            Ok(Message::Wanted(body)) => body,
            Ok(Message::Unwanted) => {
                webhook.delivery.cursor = event.number();
                continue;
            }
            Ok(Message::NotYet) => {
                save(state, &webhook, letters).await?;
                return Ok(Step::Wait(FOLLOW_PAUSE));
            }
            Err(error) => {
                save(state, &webhook, letters).await?;
                return Err(error);
            }
        };
        if held.contains(&event.case()) {
            let what = if event.case().is_some() { "an earlier event of the case" } else { "an earlier publication" };
            letters.push(letter(format!("{what} is a dead letter")));
            webhook.delivery.cursor = event.number();
            continue;
        }
        let outcome = attempt(&webhook, event.number(), body, sender).await;
        let (Outcome::Refused(error) | Outcome::Away(error)) = &outcome else {
            webhook.delivery = crate::store::Delivery { cursor: event.number(), ..Default::default() };
            continue;
        };
        let (now, delivery) = (Timestamp::now(), &mut webhook.delivery);
        delivery.attempts += 1;
        delivery.last_error.clone_from(error);
        let since = *delivery.failing_since.get_or_insert(now);
        let failing_for = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        let cases = &state.config().cases;
        if is_given_up(&outcome, delivery.attempts, failing_for, Duration::from_secs(cases.webhook_give_up_s)) {
            tracing::warn!(webhook = %id.0, event = event.number(), %error, "a message is given up; it stays among the dead letters");
            letters.push(letter(error.clone()));
            held.insert(event.case());
            webhook.delivery = crate::store::Delivery { cursor: event.number(), ..Default::default() };
            continue;
        }
        let pause = pause_after(delivery.attempts, Duration::from_millis(cases.webhook_retry_ms));
        delivery.next_at = Some(now + SignedDuration::try_from(pause).unwrap_or(LEASE));
        save(state, &webhook, letters).await?;
        return Ok(Step::Wait(pause.min(RENEW)));
    }
    save(state, &webhook, letters).await?;
    Ok(Step::More)
}

async fn save(state: &AppState, webhook: &Webhook, letters: Vec<DeadLetter>) -> Result<(), StoreError> {
    let (id, delivery) = (webhook.id, webhook.delivery.clone());
    state.write_store(move |store| store.save_delivery(id, &delivery, &letters)).await
}

/// Returns what is to be sent of an event that is sent again; nothing of one that is no more.
async fn message_again(state: &AppState, webhook: &Webhook, number: u64) -> Result<Message, StoreError> {
    let events = state.write_store(move |store| store.load_happenings(number.saturating_sub(1), 1)).await?;
    match events.into_iter().find(|event| event.number() == number) {
        Some(event) => message_for(state, webhook, &event).await,
        None => Ok(Message::Unwanted),
    }
}

async fn attempt(webhook: &Webhook, number: u64, body: String, sender: &Sender) -> Outcome {
    let signature = sign(&webhook.secret, format!("{}.{number}", webhook.id.0), Timestamp::now(), &body);
    let outcome = sender.send(&webhook.url, body, &signature).await;
    let word = if outcome == Outcome::Sent { "sent" } else { "failed" };
    metrics::counter!("gridkeeper_webhook_messages_total", "outcome" => word).increment(1);
    outcome
}
