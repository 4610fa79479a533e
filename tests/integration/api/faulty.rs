//! A store that can be taken away, and that counts how often generations are read from it.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gridkeeper::boundary::{Generation, GenerationId, Layer, LayerName, Level, UnitCode};
use gridkeeper::dispatch::{Case, CaseId, Photo, PhotoId, Reporter, RosterTerm, RuleSet, RuleTable, WorkerId};
use gridkeeper::store::{
    AuditEntry, CaseFilter, CaseMarkPage, CasePage, CaseRecord, CaseRecordPage, CaseWrite, CaseWritten, DeadLetter, Delivery, DraftEntry,
    DraftStanding, EndedUnit, Entry, EntryEnd, EntryFilter, EntryKind, ErasureReason, GenerationChanges, KeyHash, KeyRecord, Lease, Notice,
    NumberedEvent, NumberedPublication, PersonRecord, PhotoFile, PlannedRoster, Publication, RosterChange, RosterData, Store, StoreError,
    StoredGeneration, StoredRoster, UnitHead, Webhook, WebhookId, WorkerPosition, WorkerSaid,
};
use jiff::Timestamp;

pub struct Faulty {
    inner: Arc<dyn Store>,
    pub is_down: AtomicBool,
    /// Whether reading a generation takes its time.
    pub is_slow: AtomicBool,
    pub generations_read: AtomicUsize,
    pub logs_read: AtomicUsize,
    /// Whether reading a roster waits, and how many do.
    pub is_stuck: AtomicBool,
    pub waiting: AtomicUsize,
    /// Whether who has put something on record and read what is there waits before it is answered, and how many do.
    pub holds_writers: AtomicBool,
    pub held: AtomicUsize,
}

thread_local! {
    /// Whether this thread has put something on record, and not read since what is there.
    static HAS_ADDED: Cell<bool> = const { Cell::new(false) };
}

impl Faulty {
    pub fn new(inner: Arc<dyn Store>) -> Arc<Self> {
        let (is_down, is_slow, is_stuck) = (AtomicBool::default(), AtomicBool::default(), AtomicBool::default());
        let (generations_read, logs_read, waiting) = (AtomicUsize::default(), AtomicUsize::default(), AtomicUsize::default());
        let (holds_writers, held) = (AtomicBool::default(), AtomicUsize::default());
        Arc::new(Self { inner, is_down, is_slow, generations_read, logs_read, is_stuck, waiting, holds_writers, held })
    }

    pub fn take_away(&self) {
        self.is_down.store(true, Ordering::SeqCst);
    }

    fn get(&self) -> Result<&dyn Store, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            let source = Box::new(io::Error::other("taken away by the test"));
            return Err(StoreError::Access { action: "be reached", location: "faulty".into(), source });
        }
        Ok(&*self.inner)
    }
}

/// Every method of the store, asked of the inner one while it is there.
macro_rules! forward {
    ($(fn $name:ident($($argument:ident: $type:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $type),*) -> Result<$answer, StoreError> { self.get()?.$name($($argument),*) })*
    };
}

impl Store for Faulty {
    fn load_generation(&self, layer: &LayerName, generation: GenerationId) -> Result<StoredGeneration, StoreError> {
        let loaded = self.get()?.load_generation(layer, generation);
        self.generations_read.fetch_add(1, Ordering::SeqCst);
        if self.is_slow.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(300));
        }
        loaded
    }

    fn load_draft_entries(&self, layer: &LayerName, draft: GenerationId, after: u32) -> Result<Vec<DraftEntry>, StoreError> {
        self.logs_read.fetch_add(1, Ordering::SeqCst);
        self.get()?.load_draft_entries(layer, draft, after)
    }

    fn load_roster(&self, at: Timestamp) -> Result<StoredRoster, StoreError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        while self.is_stuck.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.get()?.load_roster(at)
    }

    fn add_entries(&self, entries: &[Entry]) -> Result<(), StoreError> {
        HAS_ADDED.set(true);
        self.get()?.add_entries(entries)
    }

    fn load_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        let loaded = self.get()?.load_entries(filter);
        if HAS_ADDED.take() {
            self.held.fetch_add(1, Ordering::SeqCst);
            while self.holds_writers.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(5));
            }
            self.held.fetch_sub(1, Ordering::SeqCst);
        }
        loaded
    }

    forward! {
        fn load_people() -> Vec<PersonRecord>;
        fn erase_person(id: &WorkerId, reason: ErasureReason, author: &str, at: Timestamp) -> bool;
        fn load_layers() -> Vec<Layer>;
        fn publish(publication: Publication<'_>) -> Generation;
        fn add_draft_entry(entry: &DraftEntry) -> ();
        fn newest_draft_revision(layer: &LayerName, draft: GenerationId) -> u32;
        fn publish_draft(publication: Publication<'_>, roster: Option<RosterChange<'_>>, entry: &DraftEntry) -> Generation;
        fn load_draft_standings(layer: &LayerName) -> Vec<DraftStanding>;
        fn load_planned_rosters(at: Timestamp) -> Vec<PlannedRoster>;
        fn load_generations(layer: &LayerName) -> Vec<Generation>;
        fn load_changes(layer: &LayerName, from: GenerationId, to: GenerationId) -> GenerationChanges;
        fn count_units(layer: &LayerName) -> Vec<(GenerationId, Vec<usize>)>;
        fn load_codes(layer: &LayerName, level: &Level, before: Option<GenerationId>) -> Vec<UnitCode>;
        fn load_unit_heads(layer: &LayerName, generation: GenerationId) -> Vec<UnitHead>;
        fn load_ended_units(layer: &LayerName) -> Vec<EndedUnit>;
        fn replace_roster(roster: &RosterData, with: Option<(&LayerName, GenerationId)>, author: &str, at: Timestamp) -> ();
        fn change_roster(roster: &RosterData, said: Option<&WorkerSaid>, newest: Option<u64>, author: &str, at: Timestamp) -> ();
        fn find_roster(at: Timestamp) -> RosterTerm;
        fn replace_rules(table: &RuleTable, effective_from: Timestamp, author: &str, at: Timestamp) -> u64;
        fn find_rules() -> Option<u64>;
        fn load_rules() -> Vec<RuleSet>;
        fn add_cases(cases: &[Case], author: &str, at: Timestamp) -> usize;
        fn find_case(id: CaseId) -> Option<Case>;
        fn find_known_cases(ids: &[CaseId]) -> Vec<CaseId>;
        fn load_cases(filter: &CaseFilter) -> CasePage;
        fn write_cases(writes: Vec<CaseWrite>) -> Vec<CaseWritten>;
        fn find_case_record(id: CaseId) -> Option<CaseRecord>;
        fn find_case_records(ids: &[CaseId]) -> Vec<CaseRecord>;
        fn load_case_records(filter: &CaseFilter) -> CaseRecordPage;
        fn load_case_marks(filter: &CaseFilter) -> CaseMarkPage;
        fn find_reporter(id: CaseId) -> Option<Reporter>;
        fn load_photos(case: CaseId) -> Vec<Photo>;
        fn find_kept_photos(ids: &[PhotoId]) -> Vec<PhotoId>;
        fn find_photo(id: PhotoId) -> Option<PhotoFile>;
        fn load_case_events(after: u64, limit: usize) -> Vec<NumberedEvent>;
        fn load_publications(after: u64, limit: usize) -> Vec<NumberedPublication>;
        fn newest_happening() -> u64;
        fn replace_addresses(rows: &[gridkeeper::dispatch::AddressRow], author: &str, at: Timestamp) -> u64;
        fn find_addresses() -> Option<u64>;
        fn load_addresses() -> Vec<gridkeeper::dispatch::AddressRow>;
        fn forget_tokens(before: Timestamp, limit: usize) -> usize;
        fn find_webhook(id: WebhookId) -> Option<Webhook>;
        fn next_case_alarm() -> Option<Timestamp>;
        fn count_open_cases(filter: &CaseFilter, more_than: usize) -> Vec<(WorkerId, usize)>;
        fn save_borders(borders: &[(CaseId, Option<f64>)]) -> ();
        fn end_entry(kind: EntryKind, id: uuid::Uuid, end: &EntryEnd) -> Option<Entry>;
        fn load_notices(worker: &WorkerId, after: u64, limit: usize) -> Vec<Notice>;
        fn newest_notice(worker: &WorkerId) -> u64;
        fn forget_notices(before: Timestamp, limit: usize) -> usize;
        fn save_position(seen: &WorkerPosition) -> ();
        fn load_positions(since: Timestamp) -> Vec<WorkerPosition>;
        fn erase_positions(worker: Option<&WorkerId>, before: Timestamp) -> usize;
        fn add_webhook(webhook: &Webhook) -> ();
        fn end_webhook(id: WebhookId, author: &str, at: Timestamp) -> bool;
        fn load_webhooks() -> Vec<Webhook>;
        fn claim_webhooks(lease: Lease) -> Vec<WebhookId>;
        fn save_delivery(id: WebhookId, from: u64, delivery: &Delivery, letters: &[DeadLetter]) -> bool;
        fn load_dead_letters(id: WebhookId, limit: usize) -> Vec<DeadLetter>;
        fn add_key(key: &KeyRecord, author: &str) -> ();
        fn revoke_key(hash: KeyHash, author: &str, at: Timestamp) -> bool;
        fn load_keys() -> Vec<KeyRecord>;
        fn save_note(name: &str, text: &str, author: &str, at: Timestamp) -> ();
        fn find_note(name: &str) -> Option<String>;
        fn load_audit(after: u64, limit: usize) -> Vec<AuditEntry>;
        fn load_version() -> u64;
    }
}
