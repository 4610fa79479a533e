use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::load::{LoadError, load_snapshot};
use crate::api::AppState;
use crate::snapshot::Snapshot;
use crate::store::{KeyRecord, Store, StoreError};

/// Builds the first snapshot and makes it current.
///
/// # Errors
/// The store fails, or holds what does not pass its check.
pub async fn load_first(state: &AppState, store: &Arc<dyn Store>) -> Result<(), LoadError> {
    let (snapshot, keys) = load(state, store, None).await?;
    state.set_keys(keys);
    state.live().swap(snapshot);
    Ok(())
}

/// Follows the store: builds the next snapshot aside whenever something was written or a generation takes effect, and swaps it.
///
/// A store that fails is asked again; the last snapshot goes on answering.
pub async fn follow(state: AppState, store: Arc<dyn Store>) -> ! {
    let interval = Duration::from_millis(state.config().http.follow_interval_ms.max(1));
    let mut refused = None;
    loop {
        tokio::time::sleep(interval).await;
        let current = state.live().load();
        let version = ask_version(&store).await;
        if state.is_store_up() != version.is_ok() {
            match &version {
                Ok(_) => tracing::info!("the store answers again"),
                Err(error) => tracing::error!(error = %chain(error), "the store does not answer; the last snapshot stays"),
            }
        }
        state.set_store_up(version.is_ok());
        let Ok(version) = version else { continue };
        let now = Timestamp::now();
        let is_stale = current.as_ref().is_none_or(|snapshot| snapshot.version() != version || has_ended(snapshot, now));
        if !is_stale || refused == Some(version) {
            continue;
        }
        match load(&state, &store, current).await {
            Ok((snapshot, keys)) => {
                state.set_keys(keys);
                tracing::info!(version = snapshot.version(), "a new snapshot answers");
                state.live().swap(snapshot);
                refused = None;
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "the new state of the store cannot be used; the last snapshot stays");
                // Building it again would fail again, until something else is written; a store that is away is asked again.
                refused = matches!(error, LoadError::Invalid { .. }).then_some(version);
            }
        }
    }
}

fn has_ended(snapshot: &Snapshot, now: Timestamp) -> bool {
    snapshot.ends_at().is_some_and(|at| at <= now)
}

async fn ask_version(store: &Arc<dyn Store>) -> Result<u64, StoreError> {
    let store = Arc::clone(store);
    tokio::task::spawn_blocking(move || store.load_version()).await.expect("asking for the version does not panic")
}

type Loaded = (Arc<Snapshot>, Vec<KeyRecord>);

async fn load(state: &AppState, store: &Arc<dyn Store>, previous: Option<Arc<Snapshot>>) -> Result<Loaded, LoadError> {
    let (state, store) = (state.clone(), Arc::clone(store));
    let build = move || {
        let snapshot = load_snapshot(&*store, state.config(), Timestamp::now(), previous.as_deref())?;
        Ok((Arc::new(snapshot), store.load_keys()?))
    };
    tokio::task::spawn_blocking(build).await.expect("building a snapshot does not panic")
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
