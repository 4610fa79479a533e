use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use tokio::sync::{Semaphore, oneshot};

use super::drafts::load_draft_layer;
use super::flights::{Flights, Missed};
use super::load::{LoadError, load_history, load_layer, load_roster};
use super::shelf::{Item, Refusal, Shelf};
use crate::config::Config;
use crate::snapshot::{LayerKey, LayerSnapshot, RosterSnapshot, Snapshot};
use crate::store::{Store, StoreError};

/// Generations and rosters built at once. Building one keeps all cores busy and needs a few times the memory of what comes of it, so
/// that two at once would be no sooner ready and double the peak.
const BUILDS_AT_ONCE: usize = 1;

/// The part of all requests that may wait for other times at once: the others are there for those who ask for now.
const WAITING_SHARE: usize = 2;

/// Generations, and rosters, that may be under way or wait for it. Who comes later would wait for longer than anybody does.
const FLIGHTS_MAX: usize = 16;

/// Keeps generations and rosters of other times than now, each built once and all of them within a budget.
///
/// What the current and the next snapshot hold is not counted: it is there whatever anybody asks.
pub struct Archive {
    store: Arc<dyn Store>,
    config: Config,
    shelf: Mutex<Shelf>,
    /// Generations that cannot be had, with the reason, so that nobody makes us try again for nothing. Generations do not change, so
    /// there are never more than the store has.
    refused: Mutex<FxHashMap<LayerKey, ArchiveError>>,
    layers: Arc<Flights<LayerKey, Result<Arc<LayerSnapshot>, ArchiveError>>>,
    rosters: Arc<Flights<(u64, Timestamp), Result<RosterSnapshot, ArchiveError>>>,
    waiting: Semaphore,
    builds: Semaphore,
    built_count: AtomicU64,
}

/// What a request reads: one generation of each layer, and the roster of a time where it needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    pub layers: Vec<LayerKey>,
    pub roster_at: Option<Timestamp>,
}

/// What the archive holds and has done, for those who watch it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveCounts {
    /// Generations and rosters built since the start.
    pub built: u64,
    pub evicted: u64,
    pub entries: usize,
    pub bytes: usize,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("{what} is still being loaded")]
    Loading { what: String },
    #[error("too many other times are being asked for at once")]
    Busy,
    #[error(
        "{what} needs {bytes} bytes of memory, more than the {budget_bytes} that are kept for other times than now; \
         raise history.memory_bytes_max"
    )]
    TooLarge { what: String, bytes: usize, budget_bytes: usize },
    #[error("cannot read {what} from the store")]
    Store {
        what: String,
        #[source]
        source: Arc<StoreError>,
    },
    #[error("cannot make {what} answer")]
    Invalid {
        what: String,
        #[source]
        source: Arc<LoadError>,
    },
    #[error("loading {what} met a bug")]
    Broken { what: String },
}

impl Archive {
    pub fn new(store: Arc<dyn Store>, config: Config) -> Self {
        let budget_bytes = usize::try_from(config.history.memory_bytes_max).unwrap_or(usize::MAX);
        Self {
            waiting: Semaphore::new((config.http.concurrent_requests_max / WAITING_SHARE).clamp(1, Semaphore::MAX_PERMITS)),
            store,
            config,
            shelf: Mutex::new(Shelf::new(budget_bytes)),
            refused: Mutex::default(),
            layers: Arc::new(Flights::new(FLIGHTS_MAX)),
            rosters: Arc::new(Flights::new(FLIGHTS_MAX)),
            builds: Semaphore::new(BUILDS_AT_ONCE),
            built_count: AtomicU64::default(),
        }
    }

    /// Puts together what is at hand; none where something must be built first.
    ///
    /// `known` are the snapshots that need no building: the current one first, and the one that is to follow it.
    pub fn find(&self, known: &[Arc<Snapshot>], parts: &Parts) -> Option<Arc<Snapshot>> {
        let base = known.first()?;
        if base.layers().iter().map(|layer| layer.key()).eq(parts.layers.iter().cloned()) && parts.is_roster_of(base) {
            return Some(Arc::clone(base));
        }
        let layers = parts.layers.iter().map(|key| self.find_layer(known, key)).collect::<Option<Vec<_>>>()?;
        let roster = match parts.roster_at {
            Some(at) => self.find_roster(known, at)?,
            None => base.roster_snapshot().clone(),
        };
        Some(Arc::new(base.with_parts(layers, roster)))
    }

    /// Puts together what a request reads, and builds what is not at hand, a bounded time long.
    ///
    /// # Errors
    /// Something cannot be had, or not soon enough.
    pub async fn load(self: &Arc<Self>, known: &[Arc<Snapshot>], parts: &Parts) -> Result<Arc<Snapshot>, ArchiveError> {
        if let Some(found) = self.find(known, parts) {
            return Ok(found);
        }
        let Some(base) = known.first() else { return Err(ArchiveError::Busy) };
        let _waiting = self.waiting.try_acquire().map_err(|_| ArchiveError::Busy)?;
        let end = Instant::now() + Duration::from_millis(self.config.history.wait_ms);
        let mut layers = Vec::with_capacity(parts.layers.len());
        for key in &parts.layers {
            layers.push(match self.find_layer(known, key) {
                Some(layer) => layer,
                None => self.load_layer(key, end).await?,
            });
        }
        let roster = match parts.roster_at {
            None => base.roster_snapshot().clone(),
            Some(at) => match self.find_roster(known, at) {
                Some(roster) => roster,
                None => self.load_roster(base, at, end).await?,
            },
        };
        Ok(Arc::new(base.with_parts(layers, roster)))
    }

    /// Drops what nobody can ask for any more, or what `current` holds by itself, and keeps what `before` had and `current` has not.
    pub fn follow(&self, current: &Snapshot, before: Option<&Snapshot>) {
        let is_held = |layer: &LayerSnapshot| current.layer(&layer.layer().name).is_some_and(|held| held.key() == layer.key());
        let is_key_known = |key: &LayerKey| current.history(&key.layer).is_some_and(|history| history.key(key.generation) == *key);
        let is_known = |layer: &LayerSnapshot| is_key_known(&layer.key());
        let left = before.into_iter().flat_map(Snapshot::layers).filter(|layer| is_known(layer) && !is_held(layer));
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).retain(|key, _| is_key_known(key));
        let mut shelf = self.lock();
        shelf.retain(|item| match item {
            Item::Layer(layer) => is_known(layer) && !is_held(layer),
            Item::Roster(rows) => rows.mark().newest == current.roster_snapshot().term.mark.newest,
        });
        for layer in left {
            // Whoever asks for it later has it built again.
            let _ = shelf.put(Item::Layer(Arc::clone(layer)));
        }
    }

    pub fn counts(&self) -> ArchiveCounts {
        let shelf = self.lock();
        ArchiveCounts {
            built: self.built_count.load(Ordering::Relaxed),
            evicted: shelf.evicted_count(),
            entries: shelf.len(),
            bytes: shelf.used_bytes(),
        }
    }

    fn find_layer(&self, known: &[Arc<Snapshot>], key: &LayerKey) -> Option<Arc<LayerSnapshot>> {
        let held = known.iter().find_map(|snapshot| snapshot.layer(&key.layer).filter(|layer| layer.key() == *key));
        held.cloned().or_else(|| self.lock().find_layer(key))
    }

    fn find_roster(&self, known: &[Arc<Snapshot>], at: Timestamp) -> Option<RosterSnapshot> {
        let base = known.first()?;
        let is_same_version = |snapshot: &&Arc<Snapshot>| snapshot.version() == base.version();
        let held = known.iter().filter(is_same_version).map(|snapshot| snapshot.roster_snapshot()).find(|roster| roster.term.contains(at));
        held.cloned().or_else(|| self.lock().find_roster(base.version(), at))
    }

    async fn load_layer(self: &Arc<Self>, key: &LayerKey, end: Instant) -> Result<Arc<LayerSnapshot>, ArchiveError> {
        let what = || format!("generation {} of layer {}", key.generation, key.layer);
        if let Some(error) = self.refused.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Err(error.clone());
        }
        let work = || {
            let (this, key, what) = (Arc::clone(self), key.clone(), what());
            async move { this.build_layer(key, what).await }
        };
        let joined = self.layers.join(key, end, work).await;
        joined.unwrap_or_else(|missed| Err(ArchiveError::of(missed, what())))
    }

    async fn load_roster(self: &Arc<Self>, base: &Snapshot, at: Timestamp, end: Instant) -> Result<RosterSnapshot, ArchiveError> {
        let (version, what) = (base.version(), || format!("the roster of {at}"));
        let work = || {
            let (this, held, what) = (Arc::clone(self), base.roster_snapshot().clone(), what());
            async move { this.build_roster(version, held, at, what).await }
        };
        let joined = self.rosters.join(&(version, at), end, work).await;
        joined.unwrap_or_else(|missed| Err(ArchiveError::of(missed, what())))
    }

    async fn build_layer(self: Arc<Self>, key: LayerKey, what: String) -> Result<Arc<LayerSnapshot>, ArchiveError> {
        let _permit = self.builds.acquire().await.expect("nobody closes the semaphore");
        // It may have been built between the look at the shelf and the beginning of this work.
        if let Some(found) = self.lock().find_layer(&key) {
            return Ok(found);
        }
        let (store, config, wanted) = (Arc::clone(&self.store), self.config.clone(), key.clone());
        let build = move || {
            let history = load_history(&*store, &config, wanted.layer)?;
            // It is weighed when it is kept, so all of it has to be there.
            let built = match wanted.revision {
                0 => load_layer(&*store, &history, wanted.generation),
                revision => load_draft_layer(&*store, &history, wanted.generation, revision),
            };
            built.map(LayerSnapshot::finished)
        };
        let built = on_own_thread(build).await.ok_or_else(|| ArchiveError::Broken { what: what.clone() })?;
        self.built_count.fetch_add(1, Ordering::Relaxed);
        let kept = built.map_err(|error| ArchiveError::failed(error, what.clone())).and_then(|layer| {
            let layer = Arc::new(layer);
            self.keep(Item::Layer(Arc::clone(&layer)), what).map(|()| layer)
        });
        if let Err(error @ (ArchiveError::TooLarge { .. } | ArchiveError::Invalid { .. })) = &kept {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).insert(key, error.clone());
        }
        kept
    }

    async fn build_roster(
        self: Arc<Self>,
        version: u64,
        held: RosterSnapshot,
        at: Timestamp,
        what: String,
    ) -> Result<RosterSnapshot, ArchiveError> {
        let _permit = self.builds.acquire().await.expect("nobody closes the semaphore");
        if let Some(found) = self.lock().find_roster(version, at) {
            return Ok(found);
        }
        let (this, current) = (Arc::clone(&self), held.clone());
        let build = move || {
            // The version is read first, so that what is written meanwhile makes the roster look too old and never too new.
            let version = this.store.load_version()?;
            let known = |mark| current.rows_of(mark).or_else(|| this.lock().find_roster_of(mark));
            Ok::<_, StoreError>((version, load_roster(&*this.store, &this.config, at, known)?))
        };
        let built = on_own_thread(build).await.ok_or_else(|| ArchiveError::Broken { what: what.clone() })?;
        self.built_count.fetch_add(1, Ordering::Relaxed);
        let (version, roster) = built.map_err(|error| ArchiveError::failed(error.into(), what.clone()))?;
        // What the current snapshot holds is there anyway.
        if !Arc::ptr_eq(&roster.roster, &held.roster) {
            self.keep(Item::roster(version, &roster), what)?;
        }
        Ok(roster)
    }

    fn keep(&self, item: Item, what: String) -> Result<(), ArchiveError> {
        let mut shelf = self.lock();
        let budget_bytes = shelf.budget_bytes();
        shelf.put(item).map_err(|refusal| match refusal {
            Refusal::TooLarge { bytes } => ArchiveError::TooLarge { what, bytes, budget_bytes },
            Refusal::InUse => ArchiveError::Busy,
        })
    }

    /// No entry is half written under the lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Parts {
    fn is_roster_of(&self, snapshot: &Snapshot) -> bool {
        self.roster_at.is_none_or(|at| snapshot.roster_snapshot().term.contains(at))
    }
}

impl ArchiveError {
    fn of(missed: Missed, what: String) -> Self {
        match missed {
            Missed::Full => Self::Busy,
            Missed::NotYet => Self::Loading { what },
            Missed::Broken => Self::Broken { what },
        }
    }

    fn failed(error: LoadError, what: String) -> Self {
        match error {
            LoadError::Store(error) => Self::Store { what, source: Arc::new(error.0) },
            other => Self::Invalid { what, source: Arc::new(other) },
        }
    }
}

/// Runs work on a thread of its own: the pool for blocking work may be full of those who wait for this very work. None where it panics.
async fn on_own_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (tell, told) = oneshot::channel();
    let run = move || drop(tell.send(work()));
    std::thread::Builder::new().name("history".into()).spawn(run).ok()?;
    told.await.ok()
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Archive").field("counts", &self.counts()).finish_non_exhaustive()
    }
}
