use std::sync::OnceLock;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::civil::Date;
use uuid::Uuid;

use super::connection::Connections;
use super::listen::Listener;
use super::{
    addresses, cases, drafts, generations, keys, ledger, lists, lives, people, photos, publish, retention, roster, rules, transfer,
    webhooks,
};
use crate::boundary::{Generation, GenerationId, Layer, LayerName, Level, UnitCode};
use crate::dispatch::{AddressRow, Case, CaseId, Photo, PhotoId, Reporter, RosterTerm, RuleSet, RuleTable, WorkerId};
use crate::store::case_records::{CaseMarkPage, CaseRecord, CaseRecordPage, CaseWrite, CaseWritten, Notice, NumberedEvent, PhotoFile};
use crate::store::drafts::{DraftEntry, DraftStanding};
use crate::store::ledger::{Entry, EntryEnd, EntryFilter, EntryKind};
use crate::store::positions::WorkerPosition;
use crate::store::records::{
    AuditEntry, CaseFilter, CasePage, EndedUnit, ErasureReason, GenerationChanges, KeyHash, KeyRecord, PersonRecord, Publication,
    RosterChange, RosterData, StoredGeneration, StoredRoster, UnitHead, WorkerSaid,
};
use crate::store::rosters::PlannedRoster;
use crate::store::transfer::{Row, Sink, Table, TransferStore};
use crate::store::webhooks::{DeadLetter, Delivery, Lease, NumberedPublication, Webhook, WebhookId};
use crate::store::{KeptMonth, OldMonth, Store, StoreError};

/// A store in a PostgreSQL database with PostGIS, for any number of processes at once.
#[derive(Debug)]
pub struct PostgisStore {
    /// Dropped before the connections, on whose runtime it listens.
    listener: OnceLock<Listener>,
    connections: Connections,
}

impl PostgisStore {
    /// Opens a store that exists, for reading only. A standby will do.
    ///
    /// # Errors
    /// The database cannot be reached, holds no store, or one of a newer version.
    pub fn open_read_only(address: &str) -> Result<Self, StoreError> {
        Connections::open_read_only(address).map(|connections| Self { listener: OnceLock::new(), connections })
    }

    /// Opens a store, makes its tables where there are none, and brings them up to date.
    ///
    /// # Errors
    /// The database cannot be reached or written, or holds a store of a newer version.
    pub fn open_or_create(address: &str) -> Result<Self, StoreError> {
        Connections::open_or_create(address).map(|connections| Self { listener: OnceLock::new(), connections })
    }
}

impl PostgisStore {
    /// Returns the months that lie wholly before `before`, of cases and, where asked for, of the audit log, and those that an
    /// earlier run has taken out and not yet dropped, which come first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn find_old_months(&self, before: Date, with_audit: bool) -> Result<Vec<OldMonth>, StoreError> {
        let tables: &[&str] = if with_audit { &["gk_case", "gk_case_event", "gk_audit"] } else { &["gk_case", "gk_case_event"] };
        self.connections.read_all("find old months", async |tx| retention::find_old_months(tx, before, tables).await)
    }

    /// Takes a month out: nobody finds its rows from now on, and it is kept until [`Self::drop_month`].
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn detach_month(&self, month: &OldMonth, author: &str, at: Timestamp) -> Result<OldMonth, StoreError> {
        let location = self.connections.location();
        try_again(|| self.connections.write("take a month out", async |tx| retention::detach(tx, &location, month, author, at).await))
    }

    /// Reads the rows of a month that is out.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn read_month(&self, month: &OldMonth, sink: Sink<'_>) -> Result<(), StoreError> {
        self.connections.read_all("read a month", async |tx| transfer::read_month(tx, month.table, &month.partition, sink).await)
    }

    /// Drops a month that is out, now that its rows are kept elsewhere.
    ///
    /// # Errors
    /// The database cannot be written, or the month has other rows than those that are kept.
    pub fn drop_month(&self, month: &OldMonth, kept: &KeptMonth, author: &str, at: Timestamp) -> Result<(), StoreError> {
        let location = self.connections.location();
        try_again(|| self.connections.write("drop a month", async |tx| retention::drop_month(tx, &location, month, kept, author, at).await))
    }
}

/// Locks of whole tables are waited for shortly, for whoever comes later waits behind, and then asked for again.
fn try_again<T>(work: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    const ATTEMPTS: u32 = 30;
    const PAUSE: Duration = Duration::from_secs(2);
    for _ in 1..ATTEMPTS {
        match work() {
            Err(StoreError::Locked { .. }) => std::thread::sleep(PAUSE),
            done => return done,
        }
    }
    work()
}

impl Store for PostgisStore {
    fn load_layers(&self) -> Result<Vec<Layer>, StoreError> {
        self.connections.read("read the layers", async |tx| generations::load_layers(tx).await)
    }

    fn publish(&self, publication: Publication<'_>) -> Result<Generation, StoreError> {
        let geometry = self.connections.geometry_type();
        self.connections.write("publish a generation", async |tx| publish::publish(tx, &geometry, &publication).await)
    }

    fn add_draft_entry(&self, entry: &DraftEntry) -> Result<(), StoreError> {
        self.connections.write("edit a draft", async |tx| drafts::add_entry(tx, entry).await)
    }

    fn load_draft_entries(&self, layer: &LayerName, draft: GenerationId, after: u32) -> Result<Vec<DraftEntry>, StoreError> {
        self.connections.read("read a draft", async |tx| drafts::load_entries(tx, layer, draft, after).await)
    }

    fn newest_draft_revision(&self, layer: &LayerName, draft: GenerationId) -> Result<u32, StoreError> {
        self.connections.read("read a draft", async |tx| drafts::newest_revision(tx, layer, draft).await)
    }

    fn load_draft_standings(&self, layer: &LayerName) -> Result<Vec<DraftStanding>, StoreError> {
        self.connections.read("read the drafts", async |tx| drafts::load_standings(tx, layer).await)
    }

    fn publish_draft(
        &self,
        publication: Publication<'_>,
        roster: Option<RosterChange<'_>>,
        entry: &DraftEntry,
    ) -> Result<Generation, StoreError> {
        let geometry = self.connections.geometry_type();
        self.connections.write("publish a draft", async |tx| drafts::publish_draft(tx, &geometry, &publication, roster, entry).await)
    }

    fn load_generations(&self, layer: &LayerName) -> Result<Vec<Generation>, StoreError> {
        self.connections.read("read the generations", async |tx| generations::load_generations(tx, layer).await)
    }

    fn load_generation(&self, layer: &LayerName, generation: GenerationId) -> Result<StoredGeneration, StoreError> {
        self.connections.read("read a generation", async |tx| generations::load_generation(tx, layer, generation).await)
    }

    fn load_changes(&self, layer: &LayerName, from: GenerationId, to: GenerationId) -> Result<GenerationChanges, StoreError> {
        self.connections.read("compare two generations", async |tx| generations::load_changes(tx, layer, from, to).await)
    }

    fn count_units(&self, layer: &LayerName) -> Result<Vec<(GenerationId, Vec<usize>)>, StoreError> {
        self.connections.read("count the units of generations", async |tx| generations::count_units(tx, layer).await)
    }

    fn load_codes(&self, layer: &LayerName, level: &Level, before: Option<GenerationId>) -> Result<Vec<UnitCode>, StoreError> {
        self.connections.read("read the codes of a level", async |tx| generations::load_published_codes(tx, layer, level, before).await)
    }

    fn load_unit_heads(&self, layer: &LayerName, generation: GenerationId) -> Result<Vec<UnitHead>, StoreError> {
        self.connections.read("read the units of a generation", async |tx| generations::load_unit_heads(tx, layer, generation).await)
    }

    fn load_ended_units(&self, layer: &LayerName) -> Result<Vec<EndedUnit>, StoreError> {
        self.connections.read("read the units that have ended", async |tx| generations::load_ended_units(tx, layer).await)
    }

    fn replace_roster(
        &self,
        data: &RosterData,
        with: Option<(&LayerName, GenerationId)>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.connections.write("replace the roster", async |tx| roster::replace_roster(tx, data, with, author, at).await)
    }

    fn change_roster(
        &self,
        data: &RosterData,
        said: Option<&WorkerSaid>,
        newest: Option<u64>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let change = RosterChange { data, newest };
        self.connections.write("change the roster", async |tx| roster::change_roster(tx, change, said, None, author, at).await)
    }

    fn load_planned_rosters(&self, at: Timestamp) -> Result<Vec<PlannedRoster>, StoreError> {
        self.connections.read("find the rosters to come", async |tx| roster::load_planned(tx, at).await)
    }

    fn find_roster(&self, at: Timestamp) -> Result<RosterTerm, StoreError> {
        self.connections.read("find the roster in force", async |tx| roster::find_roster(tx, at).await)
    }

    fn load_roster(&self, at: Timestamp) -> Result<StoredRoster, StoreError> {
        self.connections.read("read the roster", async |tx| roster::load_roster(tx, at).await)
    }

    fn replace_rules(&self, table: &RuleTable, effective_from: Timestamp, author: &str, at: Timestamp) -> Result<u64, StoreError> {
        let (geometry, location) = (self.connections.geometry_type(), self.connections.location());
        let to = rules::Target { geometry: &geometry, location: &location };
        self.connections.write("replace rules", async |tx| rules::replace_rules(tx, &to, table, effective_from, author, at).await)
    }

    fn find_rules(&self) -> Result<Option<u64>, StoreError> {
        self.connections.read("find the newest rules", async |tx| rules::find_rules(tx).await)
    }

    fn load_rules(&self) -> Result<Vec<RuleSet>, StoreError> {
        self.connections.read("read the rules", async |tx| rules::load_rules(tx).await)
    }

    fn replace_addresses(&self, rows: &[AddressRow], author: &str, at: Timestamp) -> Result<u64, StoreError> {
        self.connections.write("replace the addresses", async |tx| addresses::replace_addresses(tx, rows, author, at).await)
    }

    fn find_addresses(&self) -> Result<Option<u64>, StoreError> {
        self.connections.read("find the newest addresses", async |tx| addresses::find_addresses(tx).await)
    }

    fn load_addresses(&self) -> Result<Vec<AddressRow>, StoreError> {
        self.connections.read("read the addresses", async |tx| addresses::load_addresses(tx).await)
    }

    fn add_cases(&self, cases: &[Case], author: &str, at: Timestamp) -> Result<usize, StoreError> {
        let geometry = self.connections.geometry_type();
        self.connections.write_beside("add cases", async |tx| cases::add_cases(tx, &geometry, cases, author, at).await)
    }

    fn find_case(&self, id: CaseId) -> Result<Option<Case>, StoreError> {
        self.connections.read("find a case", async |tx| cases::find_case(tx, id).await)
    }

    fn find_known_cases(&self, ids: &[CaseId]) -> Result<Vec<CaseId>, StoreError> {
        self.connections.read("find known cases", async |tx| cases::find_known(tx, ids).await)
    }

    fn load_cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError> {
        self.connections.read("read cases", async |tx| lists::load_cases(tx, filter).await)
    }

    fn write_cases(&self, writes: Vec<CaseWrite>) -> Result<Vec<CaseWritten>, StoreError> {
        let geometry = self.connections.geometry_type();
        self.connections.write_often("write cases", async |tx| lives::write_cases(tx, &geometry, &writes).await)
    }

    fn find_case_record(&self, id: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        self.connections.read("find a case", async |tx| lives::find_case_record(tx, id).await)
    }

    fn find_case_records(&self, ids: &[CaseId]) -> Result<Vec<CaseRecord>, StoreError> {
        self.connections.read("find cases", async |tx| lives::find_case_records(tx, ids).await)
    }

    fn load_case_records(&self, filter: &CaseFilter) -> Result<CaseRecordPage, StoreError> {
        self.connections.read("read cases", async |tx| lives::load_case_records(tx, filter).await)
    }

    fn load_case_marks(&self, filter: &CaseFilter) -> Result<CaseMarkPage, StoreError> {
        self.connections.read("read where cases lie", async |tx| lists::load_case_marks(tx, filter).await)
    }

    fn find_reporter(&self, id: CaseId) -> Result<Option<Reporter>, StoreError> {
        self.connections.read("find who reported a case", async |tx| lives::find_reporter(tx, id).await)
    }

    fn load_photos(&self, case: CaseId) -> Result<Vec<Photo>, StoreError> {
        self.connections.read("read what is known of photos", async |tx| photos::load_photos(tx, case).await)
    }

    fn find_kept_photos(&self, ids: &[PhotoId]) -> Result<Vec<PhotoId>, StoreError> {
        self.connections.read("find photos that are kept", async |tx| photos::find_kept_photos(tx, ids).await)
    }

    fn find_photo(&self, id: PhotoId) -> Result<Option<PhotoFile>, StoreError> {
        self.connections.read("read a photo", async |tx| photos::find_photo(tx, id).await)
    }

    fn load_case_events(&self, after: u64, limit: usize) -> Result<Vec<NumberedEvent>, StoreError> {
        self.connections.read("read the events of cases", async |tx| lives::load_case_events(tx, after, limit).await)
    }

    fn load_publications(&self, after: u64, limit: usize) -> Result<Vec<NumberedPublication>, StoreError> {
        self.connections.read("read the publications", async |tx| lives::load_publications(tx, after, limit).await)
    }

    fn newest_happening(&self) -> Result<u64, StoreError> {
        self.connections.ask("find the newest event of a case", async |tx| lives::newest_happening(tx).await)
    }

    fn forget_tokens(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.connections.write_beside("forget keys of reports", async |tx| lives::forget_tokens(tx, before, limit).await)
    }

    fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.connections.read("find a webhook", async |tx| webhooks::find_webhook(tx, id).await)
    }

    fn next_case_alarm(&self) -> Result<Option<Timestamp>, StoreError> {
        self.connections.ask("find the next alarm", async |tx| cases::next_alarm(tx).await)
    }

    fn count_open_cases(&self, filter: &CaseFilter, more_than: usize) -> Result<Vec<(WorkerId, usize)>, StoreError> {
        self.connections.read("count open cases", async |tx| lists::count_open(tx, filter, more_than).await)
    }

    fn save_borders(&self, borders: &[(CaseId, Option<f64>)]) -> Result<(), StoreError> {
        self.connections.write_beside("keep how near cases are to borders", async |tx| cases::save_borders(tx, borders).await)
    }

    fn add_entries(&self, entries: &[Entry]) -> Result<(), StoreError> {
        self.connections.write("put something on record", async |tx| ledger::add_entries(tx, entries).await)
    }

    fn end_entry(&self, kind: EntryKind, id: Uuid, end: &EntryEnd) -> Result<Option<Entry>, StoreError> {
        self.connections.write("end what is on record", async |tx| ledger::end_entry(tx, kind, id, end).await)
    }

    fn load_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.connections.read("read what is on record", async |tx| ledger::load_entries(tx, filter).await)
    }

    fn load_notices(&self, worker: &WorkerId, after: u64, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.connections.read("read notices", async |tx| ledger::load_notices(tx, worker, after, limit).await)
    }

    fn newest_notice(&self, worker: &WorkerId) -> Result<u64, StoreError> {
        self.connections.read("find the newest notice", async |tx| ledger::newest_notice(tx, worker).await)
    }

    fn forget_notices(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.connections.write_beside("forget notices", async |tx| ledger::forget_notices(tx, before, limit).await)
    }

    fn save_position(&self, seen: &WorkerPosition) -> Result<(), StoreError> {
        self.connections.write_beside("keep where a worker is", async |tx| ledger::save_position(tx, seen).await)
    }

    fn load_positions(&self, since: Timestamp) -> Result<Vec<WorkerPosition>, StoreError> {
        self.connections.read("read where workers are", async |tx| ledger::load_positions(tx, since).await)
    }

    fn erase_positions(&self, worker: Option<&WorkerId>, before: Timestamp) -> Result<usize, StoreError> {
        self.connections.write_beside("erase where workers were", async |tx| ledger::erase_positions(tx, worker, before).await)
    }

    fn add_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        self.connections.write("add a webhook", async |tx| webhooks::add_webhook(tx, webhook).await)
    }

    fn end_webhook(&self, id: WebhookId, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.connections.write("end a webhook", async |tx| webhooks::end_webhook(tx, id, author, at).await)
    }

    fn load_webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.connections.read("read the webhooks", async |tx| webhooks::load_webhooks(tx).await)
    }

    fn claim_webhooks(&self, lease: Lease) -> Result<Vec<WebhookId>, StoreError> {
        self.connections.write_beside("claim webhooks", async |tx| webhooks::claim_webhooks(tx, lease).await)
    }

    fn save_delivery(&self, id: WebhookId, from: u64, delivery: &Delivery, letters: &[DeadLetter]) -> Result<bool, StoreError> {
        self.connections
            .write_beside("keep how far a webhook is", async |tx| webhooks::save_delivery(tx, id, from, delivery, letters).await)
    }

    fn load_dead_letters(&self, id: WebhookId, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.connections.read("read dead letters", async |tx| webhooks::load_dead_letters(tx, id, limit).await)
    }

    fn load_people(&self) -> Result<Vec<PersonRecord>, StoreError> {
        self.connections.read("read who is known", async |tx| people::load_people(tx).await)
    }

    fn erase_person(&self, id: &WorkerId, reason: ErasureReason, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.connections.write("erase a person", async |tx| people::erase_person(tx, id, reason, author, at).await)
    }

    fn add_key(&self, key: &KeyRecord, author: &str) -> Result<(), StoreError> {
        self.connections.write("add a key", async |tx| keys::add_key(tx, key, author).await)
    }

    fn revoke_key(&self, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.connections.write("revoke a key", async |tx| keys::revoke_key(tx, hash, author, at).await)
    }

    fn load_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.connections.read("read the keys", async |tx| keys::load_keys(tx).await)
    }

    fn save_note(&self, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), StoreError> {
        self.connections.write("save a note", async |tx| keys::save_note(tx, name, text, author, at).await)
    }

    fn find_note(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.connections.read("find a note", async |tx| keys::find_note(tx, name).await)
    }

    fn load_audit(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.connections.read("read the audit log", async |tx| keys::load_audit(tx, after, limit).await)
    }

    fn load_version(&self) -> Result<u64, StoreError> {
        self.connections.ask("read the version", async |tx| keys::load_version(tx).await)
    }

    /// Wakes as [`Self::wait_for_version`] does.
    fn wait_for_case_event(&self, known: u64, poll: Duration, patience: Duration) -> Result<u64, StoreError> {
        let listener = self.listener.get_or_init(|| Listener::start(self.connections.runtime(), self.connections.address()));
        let end = Instant::now() + patience;
        loop {
            let newest = self.newest_happening()?;
            let left = end.saturating_duration_since(Instant::now());
            if newest != known || left.is_zero() {
                return Ok(newest);
            }
            self.connections.runtime().block_on(listener.wait_for_cases(poll.min(left)));
        }
    }

    /// Wakes at once where the database calls, and asks every `poll` beside: a standby cannot call.
    fn wait_for_version(&self, known: u64, poll: Duration, patience: Duration) -> Result<u64, StoreError> {
        let listener = self.listener.get_or_init(|| Listener::start(self.connections.runtime(), self.connections.address()));
        let end = Instant::now() + patience;
        loop {
            let version = self.load_version()?;
            let left = end.saturating_duration_since(Instant::now());
            if version != known || left.is_zero() {
                return Ok(version);
            }
            self.connections.runtime().block_on(listener.wait(poll.min(left)));
        }
    }
}

impl TransferStore for PostgisStore {
    fn location(&self) -> String {
        self.connections.location()
    }

    fn read_rows(&self, tables: &[&'static Table], sink: Sink<'_>) -> Result<(), StoreError> {
        self.connections.read_all("read all rows", async |tx| transfer::read_rows(tx, tables, sink).await)
    }

    fn write_rows(&self, table: &'static Table, rows: &[Row]) -> Result<usize, StoreError> {
        let (geometry, location) = (self.connections.geometry_type(), self.connections.location());
        self.connections.write("copy rows", async |tx| transfer::write_rows(tx, &geometry, &location, table, rows).await)
    }

    fn count_rows(&self) -> Result<u64, StoreError> {
        self.connections.read_all("count all rows", async |tx| transfer::count_rows(tx).await)
    }

    fn begin_transfer(&self, history: &str) -> Result<(), StoreError> {
        self.connections.write("begin a copy", async |tx| transfer::begin(tx, history).await)
    }

    fn finish_transfer(&self, version: u64) -> Result<(), StoreError> {
        self.connections.write("finish a copy", async |tx| transfer::finish(tx, version).await)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance::{Place, conformance_tests};
    use crate::store::postgis::scratch::Scratch;

    fn make() -> Option<Place> {
        let database = Scratch::create()?;
        Some(Box::new(move || Arc::new(PostgisStore::open_or_create(database.address()).unwrap())))
    }

    conformance_tests!(super::tests::make);
}
