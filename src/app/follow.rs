use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{LoadError, load_snapshot};
use crate::api::{AppState, open_rulings, open_skills};
use crate::snapshot::Snapshot;
use crate::store::{EntriesAt, KeyRecord, Store, StoreError};

/// How often the clock is looked at. A snapshot whose time comes takes over at that time; this bounds how late that is where the
/// clock was set, or the next snapshot was ready only after its time.
const TURN_INTERVAL: Duration = Duration::from_millis(200);

/// Builds the first snapshot and makes it current.
///
/// # Errors
/// The store fails, or holds what does not pass its check.
pub async fn load_first(state: &AppState, store: &Arc<dyn Store>) -> Result<(), LoadError> {
    let (snapshot, keys, rulings, skills) = load(state, store, Timestamp::now(), Vec::new()).await?;
    state.set_keys(keys);
    state.set_rulings(rulings);
    state.set_skills(&skills);
    state.publish(&snapshot);
    Ok(())
}

/// Follows the store: builds the next snapshot aside whenever something was written, and swaps it. What takes effect later by its date
/// is built before that, and takes over at its time, whether the store answers then or not.
///
/// A store that fails is asked again; the last snapshot goes on answering.
pub async fn follow(state: AppState, store: Arc<dyn Store>) -> ! {
    // Both run in turns within one task, so that neither swaps while the other decides.
    let (never, _) = tokio::join!(keep_time(&state), follow_store(&state, &store));
    match never {}
}

/// Lets snapshots take over at their time.
async fn keep_time(state: &AppState) -> Infallible {
    loop {
        let now = Timestamp::now();
        if let Some(snapshot) = state.turn(now) {
            tracing::info!(version = snapshot.version(), "a new snapshot answers, as its time has come");
        }
        let end = state.live().load().and_then(|snapshot| snapshot.ends_at());
        let left = end.map(|end| end.duration_since(now)).filter(SignedDuration::is_positive);
        let left = left.and_then(|left| Duration::try_from(left).ok()).unwrap_or(TURN_INTERVAL);
        tokio::time::sleep(left.min(TURN_INTERVAL)).await;
    }
}

async fn follow_store(state: &AppState, store: &Arc<dyn Store>) -> Infallible {
    let interval = Duration::from_millis(state.config().http.follow_interval_ms.max(1));
    let mut refused = Refused::default();
    // What was ready before a change of the store mostly has the same boundaries as what is made ready after it.
    let mut spare = None;
    let written = state.written();
    loop {
        prepare(state, store, spare.take(), &mut refused).await;
        let known = refused.current.or_else(|| Some(state.live().load()?.version())).unwrap_or_default();
        // What this process writes is followed at once, whichever store it is.
        let version = tokio::select! {
            version = wait_for_version(store, known, interval) => version,
            () = written.notified() => wait_for_version(store, known, Duration::ZERO).await,
        };
        if version.is_err() {
            tokio::time::sleep(interval).await;
        }
        if state.is_store_up() != version.is_ok() {
            match &version {
                Ok(_) => tracing::info!("the store answers again"),
                Err(error) => tracing::error!(error = %chain(error), "the store does not answer; the last snapshot stays"),
            }
        }
        state.set_store_up(version.is_ok());
        let Ok(version) = version else { continue };
        let is_stale = state.live().load().is_none_or(|snapshot| snapshot.version() != version || has_ended(&snapshot));
        if !is_stale || refused.current == Some(version) {
            continue;
        }
        match load_current(state, store).await {
            Ok((snapshot, keys, rulings, skills)) => {
                state.set_keys(keys);
                state.set_rulings(rulings);
                state.set_skills(&skills);
                tracing::info!(version = snapshot.version(), "a new snapshot answers");
                spare = state.live().next();
                state.publish(&snapshot);
                refused = Refused::default();
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "the new state of the store cannot be used; the last snapshot stays");
                refused.current = error.is_lasting().then_some(version);
                // A key that was revoked ends all the same.
                if let Ok(keys) = load_keys(store).await {
                    state.set_keys(keys);
                }
            }
        }
    }
}

/// Versions of the store that cannot be used. Building them again would fail again, until something else is written; a store that is
/// away is asked again.
#[derive(Debug, Default)]
struct Refused {
    current: Option<u64>,
    next: Option<u64>,
}

/// Builds what is to follow the current snapshot, where that is known and not ready yet.
async fn prepare(state: &AppState, store: &Arc<dyn Store>, spare: Option<Arc<Snapshot>>, refused: &mut Refused) {
    let Some(current) = state.live().load() else { return };
    let Some(end) = current.ends_at() else { return };
    let version = current.version();
    let is_ready = state.live().next().is_some_and(|next| next.version() == version);
    if is_ready || refused.next == Some(version) {
        return;
    }
    let known = known(state).into_iter().chain(spare).collect();
    match load(state, store, end, known).await {
        // What was written meanwhile makes a current snapshot first.
        Ok((next, ..)) if next.version() == version => {
            tracing::info!(version, at = %end, "the next snapshot is ready");
            state.live().prepare(next);
        }
        Ok(_) => {}
        Err(error) => {
            tracing::error!(error = %chain(&error), at = %end, "what takes effect next cannot be made ready");
            refused.next = error.is_lasting().then_some(version);
        }
    }
}

/// Builds the snapshot of now. Where its time runs out while it is built, the one after it is built at once.
async fn load_current(state: &AppState, store: &Arc<dyn Store>) -> Result<Loaded, LoadError> {
    let mut known = known(state);
    loop {
        let loaded = load(state, store, Timestamp::now(), known.clone()).await?;
        if !has_ended(&loaded.0) {
            return Ok(loaded);
        }
        known.push(loaded.0);
    }
}

fn known(state: &AppState) -> Vec<Arc<Snapshot>> {
    [state.live().load(), state.live().next()].into_iter().flatten().collect()
}

fn has_ended(snapshot: &Snapshot) -> bool {
    snapshot.ends_at().is_some_and(|at| at <= Timestamp::now())
}

/// Waits for a write, at most for `interval`: a store that calls is heard at once.
async fn wait_for_version(store: &Arc<dyn Store>, known: u64, interval: Duration) -> Result<u64, StoreError> {
    let store = Arc::clone(store);
    let wait = move || store.wait_for_version(known, interval, interval);
    tokio::task::spawn_blocking(wait).await.expect("asking for the version does not panic")
}

async fn load_keys(store: &Arc<dyn Store>) -> Result<Vec<KeyRecord>, StoreError> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || store.load_keys()).await.expect("reading the keys does not panic")
}

type Loaded = (Arc<Snapshot>, Vec<KeyRecord>, EntriesAt, EntriesAt);

async fn load(state: &AppState, store: &Arc<dyn Store>, at: Timestamp, known: Vec<Arc<Snapshot>>) -> Result<Loaded, LoadError> {
    let (state, store) = (state.clone(), Arc::clone(store));
    let build = move || {
        let snapshot = load_snapshot(&*store, state.config(), at, &known)?;
        let (rulings, skills) = (open_rulings(&*store)?, open_skills(&*store)?);
        Ok((Arc::new(snapshot), store.load_keys()?, rulings, skills))
    };
    tokio::task::spawn_blocking(build).await.expect("building a snapshot does not panic")
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
