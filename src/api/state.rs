use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore, broadcast};

use super::addresses::Geocoder;
use super::archives::FileTags;
use super::borders::to_rulings;
use super::caller::{Caller, KeyRing};
use super::cases::layer_of_cases;
use super::drafts::{Desk, Runs};
use super::features::{KnownLevels, TableSource};
use super::followed::Followed;
use super::health::LoadedGeneration;
use super::keepers::to_skills;
use super::photos::{ErasureLog, UPLOADS_MAX};
use super::problem::{Problem, ProblemKind};
use super::rate::Rates;
use super::stream::{Feed, Item};
use super::tiles::{CaseMap, TileCache, Workload};
use super::token::TokenVerifier;
use crate::boundary::{Territory, UnitCode};
use crate::config::Config;
use crate::dispatch::{AddressBook, BorderRulings, Case, Skill};
use crate::history::{Archive, KeptUnheld};
use crate::snapshot::{Live, Snapshot};
use crate::store::{CaseQueue, CaseWrite, CaseWritten, EntriesAt, KeyRecord, QueueError, Store, StoreError};
use crate::tile::TileLayers;

/// What all requests share.
#[derive(Clone)]
pub struct AppState(Arc<Shared>);

struct Shared {
    live: Arc<Live>,
    store: Arc<dyn Store>,
    config: Config,
    keys: ArcSwap<KeyRing>,
    tokens: Option<TokenVerifier>,
    rates: Rates,
    tiles: TileCache,
    case_map: Arc<CaseMap>,
    workload: Workload,
    archive: Arc<Archive>,
    is_store_up: AtomicBool,
    is_draining: AtomicBool,
    permits: Arc<Semaphore>,
    store_permits: Arc<Semaphore>,
    levels: KnownLevels,
    tables: Vec<Arc<TableSource>>,
    file_tags: FileTags,
    unheld: Arc<KeptUnheld>,
    desk: Desk,
    plan_runs: Arc<Runs>,
    cases: CaseQueue,
    feed: Arc<Feed>,
    webhooks_changed: Arc<Notify>,
    /// The number of the table of addresses that was read last, and what it holds.
    addresses: Mutex<(Option<u64>, Arc<AddressBook>)>,
    geocoder: Option<Geocoder>,
    rulings: Followed<BorderRulings>,
    skills: Followed<Vec<Skill>>,
    /// Told whenever another snapshot answers.
    swapped: Arc<Notify>,
    /// Told whenever this process has written what snapshots are made of.
    written: Arc<Notify>,
    /// Whether somebody follows the store.
    is_followed: AtomicBool,
    uploads: Semaphore,
    erasure_log: OnceLock<Arc<dyn ErasureLog>>,
}

/// Requests that may read the store at once. The store has few connections; more readers would only wait inside it.
const STORE_READERS_MAX: usize = 4;

/// How long whoever has written waits for the snapshot that has it.
const CATCH_UP_PATIENCE: Duration = Duration::from_secs(2);

impl AppState {
    pub fn new(live: Arc<Live>, store: Arc<dyn Store>, config: Config) -> Self {
        Self::with_tables(live, store, config, Vec::new(), TileLayers::default())
    }

    /// Makes the state of a service that offers collections of files beside those of the store, and draws tiles as described.
    pub fn with_tables(
        live: Arc<Live>,
        store: Arc<dyn Store>,
        config: Config,
        tables: Vec<Arc<TableSource>>,
        described: TileLayers,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(config.http.concurrent_requests_max.min(Semaphore::MAX_PERMITS)));
        Self(Arc::new(Shared {
            live,
            case_map: Arc::new(CaseMap::new(Arc::clone(&store), described.incidents())),
            tiles: TileCache::new(described, config.history.tile_memory_bytes_max),
            workload: Workload::default(),
            archive: Arc::new(Archive::new(Arc::clone(&store), config.clone())),
            cases: CaseQueue::start(Arc::clone(&store), config.cases.queue_max, config.cases.batch_max),
            webhooks_changed: Arc::default(),
            addresses: Mutex::default(),
            geocoder: Geocoder::new(&config.geocoder),
            rulings: Followed::default(),
            skills: Followed::default(),
            swapped: Arc::default(),
            written: Arc::default(),
            is_followed: AtomicBool::new(false),
            uploads: Semaphore::new(UPLOADS_MAX),
            erasure_log: OnceLock::new(),
            feed: Arc::new(Feed::new(config.cases.listeners_max)),
            store,
            tokens: TokenVerifier::new(&config.oidc),
            rates: Rates::new(&config.rates),
            levels: KnownLevels::new(config.http.feature_text_bytes_max),
            config,
            keys: ArcSwap::default(),
            is_store_up: AtomicBool::new(true),
            is_draining: AtomicBool::new(false),
            permits,
            store_permits: Arc::new(Semaphore::new(STORE_READERS_MAX)),
            tables,
            file_tags: FileTags::default(),
            unheld: Arc::default(),
            desk: Desk::default(),
            plan_runs: Arc::default(),
        }))
    }

    /// Returns the snapshot that a request is to read from its start to its end.
    ///
    /// # Errors
    /// 503 before the first one was built.
    pub fn snapshot(&self) -> Result<Arc<Snapshot>, Problem> {
        self.0.live.load().ok_or_else(|| Problem::new(ProblemKind::NotReady, "no snapshot has been built yet"))
    }

    /// Returns how far those are reached who are limited to these units; none for no limit. One rule for keys, tokens and webhooks.
    ///
    /// # Errors
    /// 503 before the first snapshot was built, where there is a limit.
    pub fn territory(&self, scope: &[UnitCode]) -> Result<Territory, Problem> {
        if scope.is_empty() { Ok(Territory::Whole) } else { Ok(self.snapshot()?.territory(&layer_of_cases(), scope)) }
    }

    /// Whether this process knows the units by which a case was told, which another may have taken in a moment ago.
    pub fn has_followed(&self, case: &Case) -> bool {
        let Some(generation) = case.generation else { return true };
        let current = self.live().load().and_then(|snapshot| Some(snapshot.layer(&layer_of_cases())?.generation().id));
        current.is_some_and(|current| generation <= current)
    }

    pub fn config(&self) -> &Config {
        &self.0.config
    }

    pub fn live(&self) -> &Arc<Live> {
        &self.0.live
    }

    /// Makes a snapshot the current one.
    pub fn publish(&self, next: &Arc<Snapshot>) {
        let before = self.0.live.swap(Arc::clone(next));
        self.settle(next, before.as_deref());
    }

    /// Makes the snapshot current that was made ready for this time, where there is one, and returns it.
    pub fn turn(&self, now: Timestamp) -> Option<Arc<Snapshot>> {
        let before = self.0.live.turn(now)?;
        let current = self.0.live.load()?;
        self.settle(&current, Some(&*before));
        Some(current)
    }

    fn settle(&self, current: &Snapshot, before: Option<&Snapshot>) {
        if self.0.tiles.follow(current) {
            let state = self.clone();
            let catch_up = move || state.tiles().catch_up();
            match tokio::runtime::Handle::try_current() {
                Ok(runtime) => drop(runtime.spawn_blocking(catch_up)),
                Err(_) => catch_up(),
            }
        }
        self.0.archive.follow(current, before);
        self.0.swapped.notify_waiters();
    }

    /// Returns what is told whenever another snapshot answers.
    pub(super) fn swapped(&self) -> Arc<Notify> {
        Arc::clone(&self.0.swapped)
    }

    /// Returns what is told whenever this process has written what snapshots are made of, to whoever follows the store.
    pub fn written(&self) -> Arc<Notify> {
        self.0.is_followed.store(true, Ordering::Relaxed);
        Arc::clone(&self.0.written)
    }

    /// Waits until a snapshot answers that has what was written by now, so that whoever wrote it sees it with the next request; for a
    /// moment at most, as it may take longer to build.
    pub(super) async fn catch_up(&self) {
        if !self.0.is_followed.load(Ordering::Relaxed) {
            return;
        }
        let Ok(written) = self.with_store(|store| store.load_version()).await else { return };
        self.0.written.notify_one();
        let answers = async {
            loop {
                let swapped = self.0.swapped.notified();
                tokio::pin!(swapped);
                // Heard from here on, so that nothing is missed between the look and the wait.
                swapped.as_mut().enable();
                if self.0.live.load().is_some_and(|snapshot| snapshot.version() >= written) {
                    return;
                }
                swapped.await;
            }
        };
        let _ = tokio::time::timeout(CATCH_UP_PATIENCE, answers).await;
    }

    /// Returns the addresses of the city's table, which is read again where another took its place.
    ///
    /// # Errors
    /// 503 where the store fails.
    pub(super) async fn addresses(&self) -> Result<Arc<AddressBook>, Problem> {
        let (known, book) = self.0.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let read = move |store: &dyn Store| {
            let number = store.find_addresses()?;
            if number == known {
                return Ok(None);
            }
            Ok(Some((number, Arc::new(AddressBook::new(store.load_addresses()?)))))
        };
        let Some(newer) = self.with_store(read).await? else { return Ok(book) };
        self.0.addresses.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&newer);
        Ok(newer.1)
    }

    pub(super) fn geocoder(&self) -> Option<&Geocoder> {
        self.0.geocoder.as_ref()
    }

    /// Returns what dispatchers have ruled about places near borders.
    pub(super) fn rulings(&self) -> Arc<BorderRulings> {
        self.0.rulings.load()
    }

    /// Returns what workers have learned, as it is on record.
    pub(super) fn skills(&self) -> Arc<Vec<Skill>> {
        self.0.skills.load()
    }

    /// Makes these the skills that are on record, where none of a later version of the store are.
    pub fn set_skills(&self, skills: &EntriesAt) {
        self.0.skills.set(skills.version, to_skills(&skills.entries));
    }

    /// Makes these the rulings that are in force, where none of a later version of the store are.
    pub fn set_rulings(&self, rulings: EntriesAt) {
        self.0.rulings.set(rulings.version, to_rulings(rulings.entries));
    }

    /// Has erasures told beside the store too. The first that is named counts.
    pub fn tell_erasures_to(&self, log: Arc<dyn ErasureLog>) {
        let _ = self.0.erasure_log.set(log);
    }

    pub(super) fn erasure_log(&self) -> Option<Arc<dyn ErasureLog>> {
        self.0.erasure_log.get().cloned()
    }

    /// Returns what bounds the pictures that are taken in at once.
    pub(super) fn uploads(&self) -> &Semaphore {
        &self.0.uploads
    }

    /// Returns where cases lie.
    pub(super) fn case_map(&self) -> &Arc<CaseMap> {
        &self.0.case_map
    }

    /// Returns how much is to be done in each unit.
    pub(super) fn workload(&self) -> &Workload {
        &self.0.workload
    }

    /// Returns what keeps other times than now.
    pub fn archive(&self) -> &Arc<Archive> {
        &self.0.archive
    }

    pub(super) fn desk(&self) -> &Desk {
        &self.0.desk
    }

    /// Returns the plans that are being looked for.
    pub(super) fn plan_runs(&self) -> &Arc<Runs> {
        &self.0.plan_runs
    }

    /// Returns what is known of the units that nobody will hold.
    pub(super) fn unheld(&self) -> &Arc<KeptUnheld> {
        &self.0.unheld
    }

    /// Reads or writes the store for a request on a thread for blocking work, a few requests at once; the others wait.
    ///
    /// # Errors
    /// 503 where the store fails.
    pub async fn with_store<T, F>(&self, work: F) -> Result<T, Problem>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.0.store_permits).acquire_owned().await.expect("nobody closes the semaphore");
        let store = Arc::clone(&self.0.store);
        // The permit goes with the work, which goes on when the caller leaves.
        let work = move || {
            let _permit = permit;
            work(&*store)
        };
        let done = tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal(&e))?;
        done.map_err(|e| Problem::store_down(&e))
    }

    pub(super) fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Reads or writes the store on a thread for blocking work, for what the service does by itself.
    pub(super) async fn write_store<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
    {
        let store = Arc::clone(&self.0.store);
        let joined = tokio::task::spawn_blocking(move || work(&*store)).await;
        joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// Returns what is told after each write of cases by this process.
    pub(super) fn case_written(&self) -> Arc<Notify> {
        self.0.cases.written()
    }

    /// Returns what is told when webhooks come and go.
    pub(super) fn webhooks_changed(&self) -> &Arc<Notify> {
        &self.0.webhooks_changed
    }

    /// Returns who shows a key that is in force.
    pub(super) fn find_key(&self, key: &str) -> Option<Caller> {
        self.keys().find(key, Timestamp::now())
    }

    pub(super) fn feed(&self) -> &Arc<Feed> {
        &self.0.feed
    }

    /// Returns what happens to cases from now on.
    pub(super) async fn subscribe(&self) -> broadcast::Receiver<Arc<Item>> {
        let poll = Duration::from_millis(self.0.config.http.follow_interval_ms);
        self.0.feed.subscribe(&self.0.store, &self.0.live, self.0.cases.written(), poll).await
    }

    /// Writes about a case, and returns when that is durable.
    ///
    /// # Errors
    /// 503 where too many wait already, and where the store fails.
    pub async fn write_case(&self, write: CaseWrite) -> Result<CaseWritten, Problem> {
        self.0.cases.write(write).await.map_err(|error| match error {
            QueueError::Full => Problem::new(ProblemKind::Overloaded, "too many writes of cases wait already"),
            QueueError::Gone => Problem::new(ProblemKind::NotReady, "the service is stopping"),
            QueueError::Store(error) => Problem::store_down(&*error),
        })
    }

    pub fn tiles(&self) -> &TileCache {
        &self.0.tiles
    }

    pub fn keys(&self) -> Arc<KeyRing> {
        self.0.keys.load_full()
    }

    pub(super) fn tokens(&self) -> Option<&TokenVerifier> {
        self.0.tokens.as_ref()
    }

    pub(super) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Makes `records` the keys that are in force.
    pub fn set_keys(&self, records: Vec<KeyRecord>) {
        self.0.keys.store(Arc::new(KeyRing::new(records)));
    }

    pub fn set_store_up(&self, is_up: bool) {
        self.0.is_store_up.store(is_up, Ordering::Relaxed);
    }

    pub fn is_store_up(&self) -> bool {
        self.0.is_store_up.load(Ordering::Relaxed)
    }

    /// Makes the service tell that it is going away.
    pub fn start_draining(&self) {
        self.0.is_draining.store(true, Ordering::Relaxed);
        self.0.feed.end();
    }

    pub fn is_draining(&self) -> bool {
        self.0.is_draining.load(Ordering::Relaxed)
    }

    pub fn is_loaded(&self) -> bool {
        self.0.live.load().is_some()
    }

    pub fn loaded_generations(&self) -> Vec<LoadedGeneration> {
        let snapshot = self.0.live.load();
        let layers = snapshot.iter().flat_map(|snapshot| snapshot.layers());
        layers.map(|layer| LoadedGeneration { layer: layer.layer().name.to_string(), generation: layer.generation().id.0 }).collect()
    }

    pub(super) fn levels(&self) -> &KnownLevels {
        &self.0.levels
    }

    /// Returns the collections that are read from files.
    pub(super) fn file_tags(&self) -> &FileTags {
        &self.0.file_tags
    }

    pub(super) fn tables(&self) -> &[Arc<TableSource>] {
        &self.0.tables
    }

    pub(super) fn table(&self, id: &str) -> Option<Arc<TableSource>> {
        self.0.tables.iter().find(|table| table.name() == id).cloned()
    }

    pub(super) fn permits(&self) -> &Arc<Semaphore> {
        &self.0.permits
    }

    /// Sets the gauges to what is so at this moment.
    pub(super) fn record_gauges(&self) {
        for loaded in self.loaded_generations() {
            metrics::gauge!("gridkeeper_snapshot_generation", "layer" => loaded.layer).set(loaded.generation);
        }
        let archive = self.0.archive.counts();
        metrics::counter!("gridkeeper_history_builds_total").absolute(archive.built);
        metrics::counter!("gridkeeper_history_evictions_total").absolute(archive.evicted);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and a count of bytes needs no more than its 53 bits")]
        metrics::gauge!("gridkeeper_history_bytes").set(archive.bytes as f64);
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float, and a count of bytes needs no more than its 53 bits")]
        metrics::gauge!("gridkeeper_history_tile_bytes").set(self.0.tiles.other_bytes() as f64);
        metrics::gauge!("gridkeeper_store_up").set(if self.is_store_up() { 1.0 } else { 0.0 });
        let in_flight = self.0.config.http.concurrent_requests_max.saturating_sub(self.0.permits.available_permits());
        metrics::gauge!("gridkeeper_http_requests_in_flight").set(u32::try_from(in_flight).unwrap_or(u32::MAX));
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("config", &self.0.config).finish_non_exhaustive()
    }
}
