//! What the service does about cases by itself: it tells of clocks when their time comes, and hears what other processes write.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::query::{answer_for, query_of};
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::workflow::{SERVICE, ring};
use crate::snapshot::Snapshot;
use crate::store::{CaseFilter, CaseOrder, CaseRecord, CaseWrite, CaseWritten, NewEvent, Store, StoreError};

/// Cases whose clocks are told of in one transaction: few enough that reports which come meanwhile do not wait.
const PAGE: usize = 200;

/// Words about one case that are written together. A case has fewer clocks and steps; what is left comes in the next round.
const WORDS_MAX: usize = 64;

/// How soon the next time is looked for again after a write of cases: as late as a word may be where a clock is set that is over at
/// once, and as often as a service under load asks.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the service waits at most for the next time that it knows. A write by whatever process wakes it before; this is for a
/// clock of the machine that was set.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How long after a failure of the store it is asked again.
const RETRY: Duration = Duration::from_secs(5);

/// Keys of reports, and notices, that are forgotten in one transaction, and how often there is a look for some.
const FORGOTTEN_AT_ONCE: usize = 10_000;
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// How long one wait for the writes of others lasts, after which it is seen whether the service stops.
const PATIENCE: Duration = Duration::from_secs(2);

/// Tells of every clock when its time comes. Several services may do so on one store: a word is the next event of its case, which only
/// one of them writes. Returns when the service stops.
pub async fn ring_clocks(state: AppState) {
    let written = state.case_written();
    let ended = state.feed().ended();
    let mut has_failed = false;
    loop {
        // Asked for before reading, so that what is written meanwhile is not missed.
        let next = written.notified();
        let wait = match tell_due(&state).await {
            Ok(at) => {
                has_failed = false;
                let left = at.map(|at| Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or_default());
                left.unwrap_or(WAIT_MAX).min(WAIT_MAX)
            }
            Err(error) => {
                if !std::mem::replace(&mut has_failed, true) {
                    tracing::warn!(%error, "cannot tell of clocks that run out; trying again");
                }
                RETRY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = next => tokio::time::sleep(PAUSE.min(wait)).await,
            () = ended.cancelled() => return,
        }
    }
}

/// Hears what other processes write about cases, so that all who follow events need only wait to be told.
pub async fn hear_others(state: AppState) {
    let poll = Duration::from_millis(state.config().http.follow_interval_ms.max(1));
    let (written, ended) = (state.case_written(), state.feed().ended());
    let mut known = None;
    while !ended.is_cancelled() {
        let newest = match known {
            None => state.write_store(|store| store.newest_happening()).await,
            Some(known) => state.write_store(move |store| store.wait_for_case_event(known, poll, PATIENCE)).await,
        };
        match newest {
            Ok(newest) => {
                if known.replace(newest) != Some(newest) {
                    written.notify_waiters();
                }
            }
            Err(error) => {
                tracing::debug!(%error, "cannot ask for new events of cases; trying again");
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// Forgets the keys under which reports were sent long ago, and who was told of what long ago, now and then, until the service stops.
pub async fn forget_old(state: AppState) {
    let ended = state.feed().ended();
    let cases = &state.config().cases;
    let tokens_keep = SignedDuration::from_hours(i64::from(cases.idempotency_keep_h));
    let notices_keep = SignedDuration::from_hours(24 * i64::from(cases.notices_keep_d));
    loop {
        let now = Timestamp::now();
        // Somebody may wish to keep them for longer than there is anything.
        let since = |keep: SignedDuration| now.checked_sub(keep).unwrap_or_default().max(Timestamp::UNIX_EPOCH);
        let (tokens, notices) = (since(tokens_keep), since(notices_keep));
        let forget = move |store: &dyn Store| {
            let tokens = store.forget_tokens(tokens, FORGOTTEN_AT_ONCE)?;
            Ok(tokens.max(store.forget_notices(notices, FORGOTTEN_AT_ONCE)?))
        };
        let wait = match state.write_store(forget).await {
            // There are more; who writes cases comes in between.
            Ok(forgotten) if forgotten == FORGOTTEN_AT_ONCE => PAUSE,
            Ok(_) => FORGET_EVERY,
            Err(error) => {
                tracing::debug!(%error, "cannot forget keys of old reports and old notices; trying again");
                FORGET_EVERY
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = ended.cancelled() => return,
        }
    }
}

/// Writes all words that are due, and returns when the next one is.
async fn tell_due(state: &AppState) -> Result<Option<Timestamp>, StoreError> {
    loop {
        let now = Timestamp::now();
        let filter = CaseFilter { alarm_by: Some(now), order: CaseOrder::Alarm, counts: false, ..CaseFilter::first(PAGE) };
        let page = state.write_store(move |store| store.load_case_records(&filter)).await?;
        // Without a snapshot no calendar is known; the first one comes soon.
        let Some(snapshot) = state.live().load() else { return Ok(now.checked_add(RETRY).ok()) };
        let writes: Vec<CaseWrite> = page.records.iter().flat_map(|record| words(state, &snapshot, record, now)).collect();
        if writes.is_empty() {
            return state.write_store(|store| store.next_case_alarm()).await;
        }
        let written = state.write_store(move |store| store.write_cases(writes)).await?;
        let told = written.iter().filter(|written| **written == CaseWritten::Appended).count();
        metrics::counter!("gridkeeper_case_alarms_total").increment(u64::try_from(told).unwrap_or(u64::MAX));
        state.case_written().notify_waiters();
    }
}

/// Returns the words that are due about a case, each on top of the one before.
fn words(state: &AppState, snapshot: &Snapshot, record: &CaseRecord, now: Timestamp) -> Vec<CaseWrite> {
    let Some(mut folded) = record.state() else { return Vec::new() };
    let query = query_of(snapshot, &record.case, now);
    let answer = answer_for(snapshot, &query, &record.case).ok();
    let path: Vec<&UnitCode> = answer.iter().flat_map(|answer| answer.path().rev()).map(|unit| &unit.code).collect();
    let calendar = snapshot.rules(now).terms(None, &path).calendar;
    let mut writes = Vec::new();
    while let Some(mut event) = ring(&state.config().cases.workflow, &folded, calendar, now) {
        // Whose case it was then; by it the keeper is told.
        event.facts.worker.clone_from(&record.case.holder);
        folded.apply(&event);
        writes.push(CaseWrite::Append(Box::new(NewEvent { case: record.case.id, event, after: folded.clone() })));
        if writes.len() >= WORDS_MAX {
            tracing::warn!(case = %record.case.id, author = SERVICE, "a case has more words due than are written at once");
            break;
        }
    }
    writes
}
