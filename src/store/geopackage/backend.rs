use std::path::Path;

use jiff::Timestamp;
use uuid::Uuid;

use super::connection::{Connections, lay_to_rest};
use super::{addresses, cases, drafts, generations, keys, ledger, lives, people, photos, publish, roster, rules, transfer, webhooks};
use crate::boundary::{Generation, GenerationId, Layer, LayerName, Level, UnitCode};
use crate::dispatch::{AddressRow, Case, CaseId, Photo, PhotoId, Reporter, RosterTerm, RuleSet, RuleTable, WorkerId};
use crate::store::case_records::{CaseMarkPage, CaseRecord, CaseRecordPage, CaseWrite, CaseWritten, Notice, NumberedEvent, PhotoFile};
use crate::store::drafts::{DraftEntry, DraftStanding};
use crate::store::ledger::{Entry, EntryEnd, EntryFilter, EntryKind};
use crate::store::positions::{Positions, WorkerPosition};
use crate::store::records::{
    AuditEntry, CaseFilter, CasePage, EndedUnit, ErasureReason, GenerationChanges, KeyHash, KeyRecord, PersonRecord, Publication,
    RosterChange, RosterData, StoredGeneration, StoredRoster, UnitHead, WorkerSaid,
};
use crate::store::rosters::PlannedRoster;
use crate::store::transfer::{Progress, Row, Sink, Stage, Table, TransferStore};
use crate::store::webhooks::{DeadLetter, Delivery, Lease, NumberedPublication, Webhook, WebhookId};
use crate::store::{Store, StoreError};

/// A store in one GeoPackage file.
#[derive(Debug)]
pub struct GeoPackageStore {
    connections: Connections,
    /// Never written into the file.
    positions: Positions,
}

impl GeoPackageStore {
    /// Opens a store that exists, for reading only.
    ///
    /// # Errors
    /// The file is missing, another program's, a newer version's, or cannot be read.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        Connections::open_read_only(path).map(|connections| Self { connections, positions: Positions::default() })
    }

    /// Opens a store, makes it where there is none, and brings its layout up to date.
    ///
    /// # Errors
    /// The file is another program's, a newer version's, or cannot be written.
    pub fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        Connections::open_or_create(path).map(|connections| Self { connections, positions: Positions::default() })
    }
}

impl GeoPackageStore {
    /// Writes the store as of one moment into a new file, page by page, while others write to the store.
    ///
    /// # Errors
    /// The store cannot be read or the file not be written.
    pub fn back_up(&self, path: &Path, progress: &dyn Fn(Progress)) -> Result<(), StoreError> {
        let pages = |rows, rows_total| progress(Progress { stage: Stage::Copying, table: "pages", rows, rows_total });
        self.connections.back_up(path, &pages)
    }

    /// Whether the file has an older program's layout still, which opening it for writing brings up to date.
    pub fn is_older(&self) -> bool {
        self.connections.is_older()
    }

    /// Makes a file that nobody has open one that can be read where nothing may be written, and sees that it is sound.
    ///
    /// # Errors
    /// The file is damaged, or cannot be written.
    pub fn lay_to_rest(path: &Path) -> Result<(), StoreError> {
        let location = path.display().to_string();
        match lay_to_rest(path) {
            Ok(None) => Ok(()),
            Ok(Some(detail)) => Err(StoreError::Corrupt { location, what: "page", detail }),
            Err(source) => Err(StoreError::Access { action: "close", location, source: Box::new(source) }),
        }
    }
}

impl Store for GeoPackageStore {
    fn load_layers(&self) -> Result<Vec<Layer>, StoreError> {
        self.connections.read("read the layers", generations::load_layers)
    }

    fn publish(&self, publication: Publication<'_>) -> Result<Generation, StoreError> {
        self.connections.write("publish a generation", |tx| publish::publish(tx, &publication))
    }

    fn add_draft_entry(&self, entry: &DraftEntry) -> Result<(), StoreError> {
        self.connections.write("edit a draft", |tx| drafts::add_entry(tx, entry))
    }

    fn load_draft_entries(&self, layer: &LayerName, draft: GenerationId, after: u32) -> Result<Vec<DraftEntry>, StoreError> {
        self.connections.read("read a draft", |tx| drafts::load_entries(tx, layer, draft, after))
    }

    fn newest_draft_revision(&self, layer: &LayerName, draft: GenerationId) -> Result<u32, StoreError> {
        self.connections.read("read a draft", |tx| drafts::newest_revision(tx, layer, draft))
    }

    fn load_draft_standings(&self, layer: &LayerName) -> Result<Vec<DraftStanding>, StoreError> {
        self.connections.read("read the drafts", |tx| drafts::load_standings(tx, layer))
    }

    fn publish_draft(
        &self,
        publication: Publication<'_>,
        roster: Option<RosterChange<'_>>,
        entry: &DraftEntry,
    ) -> Result<Generation, StoreError> {
        self.connections.write("publish a draft", |tx| drafts::publish_draft(tx, &publication, roster, entry))
    }

    fn load_generations(&self, layer: &LayerName) -> Result<Vec<Generation>, StoreError> {
        self.connections.read("read the generations", |tx| generations::load_generations(tx, layer))
    }

    fn load_generation(&self, layer: &LayerName, generation: GenerationId) -> Result<StoredGeneration, StoreError> {
        self.connections.read("read a generation", |tx| generations::load_generation(tx, layer, generation))
    }

    fn load_changes(&self, layer: &LayerName, from: GenerationId, to: GenerationId) -> Result<GenerationChanges, StoreError> {
        self.connections.read("compare two generations", |tx| generations::load_changes(tx, layer, from, to))
    }

    fn count_units(&self, layer: &LayerName) -> Result<Vec<(GenerationId, Vec<usize>)>, StoreError> {
        self.connections.read("count the units of generations", |tx| generations::count_units(tx, layer))
    }

    fn load_codes(&self, layer: &LayerName, level: &Level, before: Option<GenerationId>) -> Result<Vec<UnitCode>, StoreError> {
        self.connections.read("read the codes of a level", |tx| generations::load_published_codes(tx, layer, level, before))
    }

    fn load_unit_heads(&self, layer: &LayerName, generation: GenerationId) -> Result<Vec<UnitHead>, StoreError> {
        self.connections.read("read the units of a generation", |tx| generations::load_unit_heads(tx, layer, generation))
    }

    fn load_ended_units(&self, layer: &LayerName) -> Result<Vec<EndedUnit>, StoreError> {
        self.connections.read("read the units that have ended", |tx| generations::load_ended_units(tx, layer))
    }

    fn replace_roster(
        &self,
        roster: &RosterData,
        with: Option<(&LayerName, GenerationId)>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.connections.write("replace the roster", |tx| roster::replace_roster(tx, roster, with, author, at))
    }

    fn change_roster(
        &self,
        roster: &RosterData,
        said: Option<&WorkerSaid>,
        newest: Option<u64>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let change = RosterChange { data: roster, newest };
        self.connections.write("change the roster", |tx| roster::change_roster(tx, change, said, None, author, at))
    }

    fn load_planned_rosters(&self, at: Timestamp) -> Result<Vec<PlannedRoster>, StoreError> {
        self.connections.read("find the rosters to come", |tx| roster::load_planned(tx, at))
    }

    fn find_roster(&self, at: Timestamp) -> Result<RosterTerm, StoreError> {
        self.connections.read("find the roster in force", |tx| roster::find_roster(tx, at))
    }

    fn load_roster(&self, at: Timestamp) -> Result<StoredRoster, StoreError> {
        self.connections.read("read the roster", |tx| roster::load_roster(tx, at))
    }

    fn replace_rules(&self, table: &RuleTable, effective_from: Timestamp, author: &str, at: Timestamp) -> Result<u64, StoreError> {
        let location = self.connections.location();
        self.connections.write("replace rules", |tx| rules::replace_rules(tx, &location, table, effective_from, author, at))
    }

    fn find_rules(&self) -> Result<Option<u64>, StoreError> {
        self.connections.read("find the newest rules", rules::find_rules)
    }

    fn load_rules(&self) -> Result<Vec<RuleSet>, StoreError> {
        self.connections.read("read the rules", rules::load_rules)
    }

    fn replace_addresses(&self, rows: &[AddressRow], author: &str, at: Timestamp) -> Result<u64, StoreError> {
        self.connections.write("replace the addresses", |tx| addresses::replace_addresses(tx, rows, author, at))
    }

    fn find_addresses(&self) -> Result<Option<u64>, StoreError> {
        self.connections.read("find the newest addresses", addresses::find_addresses)
    }

    fn load_addresses(&self) -> Result<Vec<AddressRow>, StoreError> {
        self.connections.read("read the addresses", addresses::load_addresses)
    }

    fn add_cases(&self, cases: &[Case], author: &str, at: Timestamp) -> Result<usize, StoreError> {
        self.connections.write("add cases", |tx| cases::add_cases(tx, cases, author, at))
    }

    fn find_case(&self, id: CaseId) -> Result<Option<Case>, StoreError> {
        self.connections.read("find a case", |tx| cases::find_case(tx, id))
    }

    fn find_known_cases(&self, ids: &[CaseId]) -> Result<Vec<CaseId>, StoreError> {
        self.connections.read("find known cases", |tx| cases::find_known(tx, ids))
    }

    fn load_cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError> {
        self.connections.read("read cases", |tx| cases::load_cases(tx, filter))
    }

    fn write_cases(&self, writes: Vec<CaseWrite>) -> Result<Vec<CaseWritten>, StoreError> {
        self.connections.write("write cases", |tx| lives::write_cases(tx, writes))
    }

    fn find_case_record(&self, id: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        self.connections.read("find a case", |tx| lives::find_case_record(tx, id))
    }

    fn find_case_records(&self, ids: &[CaseId]) -> Result<Vec<CaseRecord>, StoreError> {
        self.connections.read("find cases", |tx| lives::find_case_records(tx, ids))
    }

    fn load_case_records(&self, filter: &CaseFilter) -> Result<CaseRecordPage, StoreError> {
        self.connections.read("read cases", |tx| lives::load_case_records(tx, filter))
    }

    fn load_case_marks(&self, filter: &CaseFilter) -> Result<CaseMarkPage, StoreError> {
        self.connections.read("read where cases lie", |tx| cases::load_case_marks(tx, filter))
    }

    fn find_reporter(&self, id: CaseId) -> Result<Option<Reporter>, StoreError> {
        self.connections.read("find who reported a case", |tx| lives::find_reporter(tx, id))
    }

    fn load_photos(&self, case: CaseId) -> Result<Vec<Photo>, StoreError> {
        self.connections.read("read what is known of photos", |tx| photos::load_photos(tx, case))
    }

    fn find_kept_photos(&self, ids: &[PhotoId]) -> Result<Vec<PhotoId>, StoreError> {
        self.connections.read("find photos that are kept", |tx| photos::find_kept_photos(tx, ids))
    }

    fn find_photo(&self, id: PhotoId) -> Result<Option<PhotoFile>, StoreError> {
        self.connections.read("read a photo", |tx| photos::find_photo(tx, id))
    }

    fn load_case_events(&self, after: u64, limit: usize) -> Result<Vec<NumberedEvent>, StoreError> {
        self.connections.read("read the events of cases", |tx| lives::load_case_events(tx, after, limit))
    }

    fn load_publications(&self, after: u64, limit: usize) -> Result<Vec<NumberedPublication>, StoreError> {
        self.connections.read("read the publications", |tx| lives::load_publications(tx, after, limit))
    }

    fn newest_happening(&self) -> Result<u64, StoreError> {
        self.connections.read("find the newest event of a case", lives::newest_happening)
    }

    fn forget_tokens(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.connections.write("forget keys of reports", |tx| lives::forget_tokens(tx, before, limit))
    }

    fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        self.connections.read("find a webhook", |tx| webhooks::find_webhook(tx, id))
    }

    fn next_case_alarm(&self) -> Result<Option<Timestamp>, StoreError> {
        self.connections.read("find the next alarm", cases::next_alarm)
    }

    fn count_open_cases(&self, filter: &CaseFilter, more_than: usize) -> Result<Vec<(WorkerId, usize)>, StoreError> {
        self.connections.read("count open cases", |tx| cases::count_open(tx, filter, more_than))
    }

    fn save_borders(&self, borders: &[(CaseId, Option<f64>)]) -> Result<(), StoreError> {
        self.connections.write("keep how near cases are to borders", |tx| cases::save_borders(tx, borders))
    }

    fn add_entries(&self, entries: &[Entry]) -> Result<(), StoreError> {
        self.connections.write("put something on record", |tx| ledger::add_entries(tx, entries))
    }

    fn end_entry(&self, kind: EntryKind, id: Uuid, end: &EntryEnd) -> Result<Option<Entry>, StoreError> {
        self.connections.write("end what is on record", |tx| ledger::end_entry(tx, kind, id, end))
    }

    fn load_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError> {
        self.connections.read("read what is on record", |tx| ledger::load_entries(tx, filter))
    }

    fn load_notices(&self, worker: &WorkerId, after: u64, limit: usize) -> Result<Vec<Notice>, StoreError> {
        self.connections.read("read notices", |tx| ledger::load_notices(tx, worker, after, limit))
    }

    fn newest_notice(&self, worker: &WorkerId) -> Result<u64, StoreError> {
        self.connections.read("find the newest notice", |tx| ledger::newest_notice(tx, worker))
    }

    fn forget_notices(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.connections.write("forget notices", |tx| ledger::forget_notices(tx, before, limit))
    }

    fn save_position(&self, seen: &WorkerPosition) -> Result<(), StoreError> {
        self.positions.save(seen);
        Ok(())
    }

    fn load_positions(&self, since: Timestamp) -> Result<Vec<WorkerPosition>, StoreError> {
        Ok(self.positions.load(since))
    }

    fn erase_positions(&self, worker: Option<&WorkerId>, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self.positions.erase(worker, before))
    }

    fn add_webhook(&self, webhook: &Webhook) -> Result<(), StoreError> {
        self.connections.write("add a webhook", |tx| webhooks::add_webhook(tx, webhook))
    }

    fn end_webhook(&self, id: WebhookId, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.connections.write("end a webhook", |tx| webhooks::end_webhook(tx, id, author, at))
    }

    fn load_webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        self.connections.read("read the webhooks", webhooks::load_webhooks)
    }

    fn claim_webhooks(&self, lease: Lease) -> Result<Vec<WebhookId>, StoreError> {
        self.connections.write("claim webhooks", |tx| webhooks::claim_webhooks(tx, lease))
    }

    fn save_delivery(&self, id: WebhookId, from: u64, delivery: &Delivery, letters: &[DeadLetter]) -> Result<bool, StoreError> {
        self.connections.write("keep how far a webhook is", |tx| webhooks::save_delivery(tx, id, from, delivery, letters))
    }

    fn load_dead_letters(&self, id: WebhookId, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        self.connections.read("read dead letters", |tx| webhooks::load_dead_letters(tx, id, limit))
    }

    fn load_people(&self) -> Result<Vec<PersonRecord>, StoreError> {
        self.connections.read("read who is known", people::load_people)
    }

    fn erase_person(&self, id: &WorkerId, reason: ErasureReason, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        let erased = self.connections.write("erase a person", |tx| people::erase_person(tx, id, reason, author, at))?;
        self.connections.empty_log();
        Ok(erased)
    }

    fn add_key(&self, key: &KeyRecord, author: &str) -> Result<(), StoreError> {
        self.connections.write("add a key", |tx| keys::add_key(tx, key, author))
    }

    fn revoke_key(&self, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        self.connections.write("revoke a key", |tx| keys::revoke_key(tx, hash, author, at))
    }

    fn load_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        self.connections.read("read the keys", keys::load_keys)
    }

    fn save_note(&self, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), StoreError> {
        self.connections.write("save a note", |tx| keys::save_note(tx, name, text, author, at))
    }

    fn find_note(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.connections.read("find a note", |tx| keys::find_note(tx, name))
    }

    fn load_audit(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        self.connections.read("read the audit log", |tx| keys::load_audit(tx, after, limit))
    }

    fn load_version(&self) -> Result<u64, StoreError> {
        self.connections.read("read the version", keys::load_version)
    }
}

impl TransferStore for GeoPackageStore {
    fn location(&self) -> String {
        self.connections.location()
    }

    fn read_rows(&self, tables: &[&'static Table], sink: Sink<'_>) -> Result<(), StoreError> {
        self.connections.read("read all rows", |tx| transfer::read_rows(tx, tables, sink))
    }

    fn write_rows(&self, table: &'static Table, rows: &[Row]) -> Result<usize, StoreError> {
        self.connections.write("copy rows", |tx| transfer::write_rows(tx, &self.connections.location(), table, rows))
    }

    fn count_rows(&self) -> Result<u64, StoreError> {
        self.connections.read("count all rows", transfer::count_rows)
    }

    fn begin_transfer(&self, history: &str) -> Result<(), StoreError> {
        self.connections.write("begin a copy", |tx| transfer::begin(tx, history))
    }

    fn finish_transfer(&self, version: u64) -> Result<(), StoreError> {
        self.connections.write("finish a copy", |tx| transfer::finish(tx, version))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance::{Place, conformance_tests};

    fn make() -> Option<Place> {
        let folder = tempfile::tempdir().unwrap();
        Some(Box::new(move || Arc::new(GeoPackageStore::open_or_create(&folder.path().join("store.gpkg")).unwrap())))
    }

    conformance_tests!(super::tests::make);
}
