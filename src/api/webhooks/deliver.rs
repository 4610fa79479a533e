use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::backoff::Tries;
use super::send::Sender;
use super::step::{Step, step};
use crate::api::state::AppState;
use crate::store::{Lease, Store, StoreError, WebhookId};

/// How long a service sends for a webhook before it has to say again that it does: as long as others wait when it is killed.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// How often leases are renewed, and new webhooks looked for.
pub const RENEW: Duration = Duration::from_secs(3);

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
                        workers.insert(*id, tokio::spawn(work(state.clone(), *id, holder, sender.clone())));
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
async fn work(state: AppState, id: WebhookId, holder: Uuid, sender: Sender) {
    let poll = Duration::from_millis(state.config().http.follow_interval_ms);
    let written = state.case_written();
    let mut tries = Tries::default();
    loop {
        // Asked for before reading, so that what is written meanwhile is not missed.
        let next = written.notified();
        match step(&state, id, holder, &sender, &mut tries).await {
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
