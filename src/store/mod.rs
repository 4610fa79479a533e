//! Where boundaries, generations, rosters, keys and cases are kept.
//!
//! One trait, and one conformance suite that every back end passes. Calls block: whoever serves requests
//! makes them on threads kept for blocking work, and lookups never make any.
//!
//! Nothing is deleted: units, assignments, rules and keys end, with time and author. Every write stands in the audit log.
//! Times are kept to the millisecond; what is finer is cut off.

pub mod archive;
mod audit;
mod case_queue;
mod case_records;
#[cfg(test)]
pub(crate) mod conformance;
mod drafts;
mod error;
mod event_text;
pub mod geopackage;
#[cfg(test)]
mod histories;
mod identity;
mod ledger;
pub mod mbtiles;
mod memory;
mod memory_lives;
mod memory_posts;
mod months_out;
mod positions;
mod postgis;
mod records;
mod rosters;
mod rules;
mod succession;
mod texts;
mod times;
pub mod transfer;
mod webhooks;

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

pub use case_queue::{CaseQueue, QueueError};
pub use case_records::{
    CaseMark, CaseMarkPage, CaseRecord, CaseRecordPage, CaseWrite, CaseWritten, DUPLICATES_MAX, IntakeToken, Near, NewCase, NewEvent,
    Notice, NumberedEvent, PhotoFile,
};
pub use drafts::{DraftEntry, DraftEntryKind, DraftStanding};
pub use error::StoreError;
pub use geopackage::GeoPackageStore;
pub use ledger::{EntriesAt, Entry, EntryEnd, EntryFilter, EntryKind, SKILLS_MAX};
pub use memory::MemoryStore;
pub use months_out::{KeptMonth, OldMonth};
pub use positions::WorkerPosition;
pub use postgis::PostgisStore;
pub use records::{
    AuditEntry, CaseFilter, CaseOrder, CasePage, EndedUnit, ErasureReason, GenerationChanges, KeyHash, KeyRecord, LONG_LIFE, PersonDigest,
    PersonRecord, Publication, RosterChange, RosterData, StoredGeneration, StoredRoster, UnitHead, WorkerSaid, current_generation,
    newest_generation,
};
pub use rosters::{PlannedRoster, descends};
pub use webhooks::{DeadLetter, Delivery, Lease, LetterState, NumberedHappening, NumberedPublication, Topic, Webhook, WebhookId};

use crate::boundary::{Generation, GenerationId, Layer, LayerName, Level, UnitCode};
use crate::dispatch::{AddressRow, Case, CaseId, Photo, PhotoId, Reporter, RosterTerm, RuleSet, RuleTable, WorkerId};

pub trait Store: Send + Sync {
    /// Returns the layers in the order of their names, each as its newest published generation has it
    /// (as its newest draft, where nothing was published).
    fn load_layers(&self) -> Result<Vec<Layer>, StoreError>;

    /// Writes a generation whole or not at all, and returns it with its number.
    ///
    /// A code keeps its id forever: an id in the publication is used only where its level has never had the code.
    /// A unit whose name, parent, properties and geometry are those of the generation in effect at `effective_from`
    /// keeps its dates; every other begins then, and what it takes the place of ends there.
    /// A ring that starts at another of its vertices is the same geometry.
    ///
    /// A draft ends nothing and is no other generation's parent.
    ///
    /// # Errors
    /// [`StoreError::Superseded`] where the parent is not the newest published generation.
    /// [`StoreError::CodesReused`] where a code that has ended would name another unit, and the publication does not say that it may.
    /// A unit that comes back exactly as it once was is no other.
    fn publish(&self, publication: Publication<'_>) -> Result<Generation, StoreError>;

    /// Adds an entry to the log of a draft; it is durable when this returns.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`] where there is no such draft, [`StoreError::DraftChanged`] where the entry does not follow the
    /// newest.
    fn add_draft_entry(&self, entry: &DraftEntry) -> Result<(), StoreError>;

    /// Returns the entries of a draft's log after a revision, in their order.
    fn load_draft_entries(&self, layer: &LayerName, draft: GenerationId, after: u32) -> Result<Vec<DraftEntry>, StoreError>;

    /// Returns the revision of the newest entry of a draft's log; 0 where there is none.
    fn newest_draft_revision(&self, layer: &LayerName, draft: GenerationId) -> Result<u32, StoreError>;

    /// Returns where the logs of a layer's drafts stand, in the order of their numbers; drafts without a log are left out. No body is read.
    fn load_draft_standings(&self, layer: &LayerName) -> Result<Vec<DraftStanding>, StoreError>;

    /// Publishes what a draft has become, with a roster that comes with it and the entry that ends its log, all or none. The body of the
    /// entry is the store's: it names the generation.
    ///
    /// # Errors
    /// As [`Store::publish`] and [`Store::add_draft_entry`]; [`StoreError::RosterChanged`] where another roster has been written.
    fn publish_draft(
        &self,
        publication: Publication<'_>,
        roster: Option<RosterChange<'_>>,
        entry: &DraftEntry,
    ) -> Result<Generation, StoreError>;

    /// Returns the generations of a layer, drafts too, oldest first; none for a layer that is not known.
    fn load_generations(&self, layer: &LayerName) -> Result<Vec<Generation>, StoreError>;

    /// Returns all units of one generation, bit for bit as published, in the byte order of codes.
    /// A unit's validity says when this version of it ended, which may be after the generation was published.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`] where there is none of this number.
    fn load_generation(&self, layer: &LayerName, generation: GenerationId) -> Result<StoredGeneration, StoreError>;

    /// Returns what tells published generation `to` from published generation `from` of a layer, so that who has the one can
    /// make the other without reading all of it.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`] where one of them is not there or is a draft.
    fn load_changes(&self, layer: &LayerName, from: GenerationId, to: GenerationId) -> Result<GenerationChanges, StoreError>;

    /// Returns the units of a published generation, of all its levels, coarse to fine, each level in the order of codes.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`] where there is none of this number, or it is a draft.
    fn load_unit_heads(&self, layer: &LayerName, generation: GenerationId) -> Result<Vec<UnitHead>, StoreError>;

    /// Returns, for each generation of a layer, drafts too, oldest first, how many units each of its levels has.
    fn count_units(&self, layer: &LayerName) -> Result<Vec<(GenerationId, Vec<usize>)>, StoreError>;

    /// Returns every code that a level had in any published generation, or in one of those before a number, in their byte order; none for
    /// a level that is not known.
    fn load_codes(&self, layer: &LayerName, level: &Level, before: Option<GenerationId>) -> Result<Vec<UnitCode>, StoreError>;

    /// Returns the units that published generations had and the newest has no more, each as it was last.
    fn load_ended_units(&self, layer: &LayerName) -> Result<Vec<EndedUnit>, StoreError>;

    /// Adds a roster that takes the place of the one before; what that held is kept, ended. A worker's name and phone are kept once
    /// and overwritten.
    ///
    /// A roster that comes `with` a generation is in force when that is in effect: not before, and no longer once it is rolled
    /// back. Any other is in force from `at`.
    ///
    /// # Errors
    /// [`StoreError::NoGeneration`] where the generation it comes with is not there.
    fn replace_roster(
        &self,
        roster: &RosterData,
        with: Option<(&LayerName, GenerationId)>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Adds a roster as [`Store::replace_roster`] does, in force from `at`, where `newest` is the number of the roster written last: so that
    /// of two who change the same roster none is lost. Its number is the next. A worker whom the store knows keeps name and phone as they
    /// are there, so that who was erased meanwhile stays so: `said` is what is told of one alone.
    ///
    /// # Errors
    /// [`StoreError::RosterChanged`] where another has been written.
    fn change_roster(
        &self,
        roster: &RosterData,
        said: Option<&WorkerSaid>,
        newest: Option<u64>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError>;

    /// Returns which roster is in force at `at`, without its rows: who has the one of the same mark need not read it again.
    fn find_roster(&self, at: Timestamp) -> Result<RosterTerm, StoreError>;

    /// Returns the rosters that take over after `at` with their generations, whatever roster is written for `at`, the first first.
    fn load_planned_rosters(&self, at: Timestamp) -> Result<Vec<PlannedRoster>, StoreError>;

    /// Returns the roster in force at `at`: workers by id, assignments by unit, post, worker and start. For times before the first
    /// roster the first answers, as its assignments have dates of their own.
    fn load_roster(&self, at: Timestamp) -> Result<StoredRoster, StoreError>;

    /// Adds a table of rules that takes the place of the one of its kind before from `effective_from` on, and returns its number; what
    /// that held is kept, ended. Of the tables of a kind that have taken effect the one written last is in force.
    fn replace_rules(&self, table: &RuleTable, effective_from: Timestamp, author: &str, at: Timestamp) -> Result<u64, StoreError>;

    /// Returns the number of the table of rules that was written last: who has that one need not read them again.
    fn find_rules(&self) -> Result<Option<u64>, StoreError>;

    /// Returns all tables of rules of all times, in the order of writing, each with its rows in their order.
    fn load_rules(&self) -> Result<Vec<RuleSet>, StoreError>;

    /// Puts a table of addresses in the place of the one before, whose rows end, and returns its number.
    fn replace_addresses(&self, rows: &[AddressRow], author: &str, at: Timestamp) -> Result<u64, StoreError>;

    /// Returns the number of the table of addresses that counts; none where there is none. Who has that one need not read it again.
    fn find_addresses(&self) -> Result<Option<u64>, StoreError>;

    /// Returns the addresses by quarter, street, number and name.
    fn load_addresses(&self) -> Result<Vec<AddressRow>, StoreError>;

    /// Adds cases, all or none, and returns how many were new. A case whose id is known is left as it is.
    fn add_cases(&self, cases: &[Case], author: &str, at: Timestamp) -> Result<usize, StoreError>;

    fn find_case(&self, id: CaseId) -> Result<Option<Case>, StoreError>;

    /// Returns those of some ids of which a case was ever taken in, also where its month was taken out since, in no order.
    fn find_known_cases(&self, ids: &[CaseId]) -> Result<Vec<CaseId>, StoreError>;

    /// Returns one page of cases in the order of their ids.
    fn load_cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError>;

    /// Takes in new cases and next events of cases, in their order and in one transaction, and returns what became of each. What is
    /// refused or repeated leaves nothing; all else is durable when this returns. Their history tells who wrote what, so they stand in
    /// no other log.
    fn write_cases(&self, writes: Vec<CaseWrite>) -> Result<Vec<CaseWritten>, StoreError>;

    /// Returns a case with its history.
    fn find_case_record(&self, id: CaseId) -> Result<Option<CaseRecord>, StoreError>;

    /// Returns those of some cases that are there, each once and with its history, in no order. How many are asked for together is for
    /// the caller to bound; of one month, or of months near each other, they are found soonest.
    fn find_case_records(&self, ids: &[CaseId]) -> Result<Vec<CaseRecord>, StoreError>;

    /// Returns one page of cases with their histories, in the order of their ids. Nothing is counted.
    fn load_case_records(&self, filter: &CaseFilter) -> Result<CaseRecordPage, StoreError>;

    /// Returns one page of what maps show of cases, in the order of their ids. Nothing is counted, and no history is read.
    fn load_case_marks(&self, filter: &CaseFilter) -> Result<CaseMarkPage, StoreError>;

    /// Forgets at most `limit` keys under which reports were sent before a time, and returns how many: the oldest, and of one time those
    /// that come first, the same in every back end. Who sends one of them again sends a new report.
    fn forget_tokens(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Returns who reported a case, where anybody said so and it has not been erased.
    fn find_reporter(&self, id: CaseId) -> Result<Option<Reporter>, StoreError>;

    /// Returns what is known of the photos of a case, in the order of their ids; also of those that were erased.
    fn load_photos(&self, case: CaseId) -> Result<Vec<Photo>, StoreError>;

    /// Returns those of some photos that have not been erased, in no order.
    fn find_kept_photos(&self, ids: &[PhotoId]) -> Result<Vec<PhotoId>, StoreError>;

    /// Returns a photo with its bytes; none of one that was erased.
    fn find_photo(&self, id: PhotoId) -> Result<Option<PhotoFile>, StoreError>;

    /// Returns at most `limit` events of cases after the one numbered `after`, in the order in which they became durable.
    fn load_case_events(&self, after: u64, limit: usize) -> Result<Vec<NumberedEvent>, StoreError>;

    /// Returns at most `limit` publications of generations after the event numbered `after`, in the order in which they became durable.
    /// Drafts are none.
    fn load_publications(&self, after: u64, limit: usize) -> Result<Vec<NumberedPublication>, StoreError>;

    /// Returns at most `limit` events after the one numbered `after`, of cases and publications, in the order in which they became durable.
    fn load_happenings(&self, after: u64, limit: usize) -> Result<Vec<NumberedHappening>, StoreError> {
        // Asked for first: what is read of both below this number is whole, and what comes meanwhile is left for the next time.
        let newest = self.newest_happening()?;
        let publications = self.load_publications(after, limit)?.into_iter().map(NumberedHappening::Publication);
        let events = self.load_case_events(after, limit)?.into_iter().map(|event| NumberedHappening::Case(Box::new(event)));
        let mut all: Vec<NumberedHappening> = publications.chain(events).filter(|happening| happening.number() <= newest).collect();
        all.sort_unstable_by_key(NumberedHappening::number);
        all.truncate(limit);
        Ok(all)
    }

    /// Returns the number of the event that became durable last, of a case or a publication; 0 where there is none.
    fn newest_happening(&self) -> Result<u64, StoreError>;

    /// Returns when the first word about a clock of any case is due; none where no clock runs.
    fn next_case_alarm(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Counts the open cases of a filter, whatever its page, by holder: of those who have more than so many, the most first.
    fn count_open_cases(&self, filter: &CaseFilter, more_than: usize) -> Result<Vec<(WorkerId, usize)>, StoreError>;

    /// Keeps how near to a border open cases are, which changes with boundaries; none of those whose grid is in no doubt.
    fn save_borders(&self, borders: &[(CaseId, Option<f64>)]) -> Result<(), StoreError>;

    /// Waits until the newest event of a case is another than `known`, at most for `patience`, and returns its number. How soon it wakes
    /// depends on the back end, as with [`Self::wait_for_version`].
    fn wait_for_case_event(&self, known: u64, poll: Duration, patience: Duration) -> Result<u64, StoreError> {
        let end = std::time::Instant::now() + patience;
        loop {
            let newest = self.newest_happening()?;
            let left = end.saturating_duration_since(std::time::Instant::now());
            if newest != known || left.is_zero() {
                return Ok(newest);
            }
            std::thread::sleep(poll.min(left));
        }
    }

    /// Puts things on record, all of them or none. An entry whose id is known is left as it is.
    fn add_entries(&self, entries: &[Entry]) -> Result<(), StoreError>;

    /// Ends an entry of a kind and returns it as it is then; none where there was none to end.
    fn end_entry(&self, kind: EntryKind, id: Uuid, end: &EntryEnd) -> Result<Option<Entry>, StoreError>;

    /// Returns entries in the order of their times: the newest that the filter lets through.
    fn load_entries(&self, filter: &EntryFilter) -> Result<Vec<Entry>, StoreError>;

    /// Returns at most `limit` notices to a worker about events after the one numbered `after`, in their order.
    fn load_notices(&self, worker: &WorkerId, after: u64, limit: usize) -> Result<Vec<Notice>, StoreError>;

    /// Returns the number of the newest event of which a worker was told; 0 where there is none.
    fn newest_notice(&self, worker: &WorkerId) -> Result<u64, StoreError>;

    /// Forgets at most `limit` notices of events before a time, and returns how many: the oldest, and of one time those that come first, the
    /// same in every back end. The events stay.
    fn forget_notices(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;

    /// Keeps where a worker is, in the place of what was known. It is in no copy of the store.
    fn save_position(&self, seen: &WorkerPosition) -> Result<(), StoreError>;

    /// Returns where workers were seen last, since a time, by their ids.
    fn load_positions(&self, since: Timestamp) -> Result<Vec<WorkerPosition>, StoreError>;

    /// Erases what was seen before a time, and all that is known of a worker where one is named; returns how many that were.
    fn erase_positions(&self, worker: Option<&WorkerId>, before: Timestamp) -> Result<usize, StoreError>;

    /// Adds a webhook. One whose id is known is left as it is.
    fn add_webhook(&self, webhook: &Webhook) -> Result<(), StoreError>;

    /// Ends a webhook and returns whether there was one to end.
    fn end_webhook(&self, id: WebhookId, author: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Returns all webhooks, ended ones too, in the order of their ids.
    fn load_webhooks(&self) -> Result<Vec<Webhook>, StoreError>;

    /// Returns a webhook, also one that has ended.
    fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError>;

    /// Takes the webhooks that have not ended and that nobody else sends for at the time of the lease, until its end.
    fn claim_webhooks(&self, lease: Lease) -> Result<Vec<WebhookId>, StoreError>;

    /// Keeps how far the sending for a webhook is, with letters as they are from now on, and returns whether it did: where it is no longer
    /// at `from`, the cursor that was read before, or the sender no longer holds the lease, somebody has set it otherwise meanwhile, and
    /// nothing is written. A letter is written only where it is as it was read; a replay writes all that it is about.
    fn save_delivery(&self, id: WebhookId, from: u64, delivery: &Delivery, letters: &[DeadLetter]) -> Result<bool, StoreError>;

    /// Returns at most `limit` letters of a webhook that have not been sent, in the order of their events.
    fn load_dead_letters(&self, id: WebhookId, limit: usize) -> Result<Vec<DeadLetter>, StoreError>;

    /// Returns who may have something personal kept, in the order of their ids. A photo of a case stands there too, as it may show
    /// people: as [`PhotoFile::person`] has it, and gone from the time at which its case ended.
    fn load_people(&self) -> Result<Vec<PersonRecord>, StoreError>;

    /// Blanks what is kept of a person and returns whether there was anything. All that refers to the person stays. With who reported a
    /// case its photos are blanked; a photo alone by the id of [`PhotoFile::person`].
    fn erase_person(&self, id: &WorkerId, reason: ErasureReason, author: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Adds a key. A key whose hash is known is left as it is.
    fn add_key(&self, key: &KeyRecord, author: &str) -> Result<(), StoreError>;

    /// Ends a key and returns whether there was one to end.
    fn revoke_key(&self, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, StoreError>;

    /// Returns all keys, revoked ones too, in the order of their hashes.
    fn load_keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Keeps one named text beside the data, such as the notice that the sample's map must carry.
    fn save_note(&self, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), StoreError>;

    fn find_note(&self, name: &str) -> Result<Option<String>, StoreError>;

    /// Returns at most `limit` entries of the audit log after the one numbered `after`, oldest first.
    fn load_audit(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError>;

    /// Returns a number that grows whenever a generation, a roster, a table of rules, a key or a note was written, by this process or another.
    fn load_version(&self) -> Result<u64, StoreError>;

    /// Waits until the version is another than `known`, at most for `patience`, and returns the version.
    ///
    /// How soon it wakes depends on the back end: where writers can call, at once, else after `poll`.
    fn wait_for_version(&self, known: u64, poll: Duration, patience: Duration) -> Result<u64, StoreError> {
        let end = std::time::Instant::now() + patience;
        loop {
            let version = self.load_version()?;
            let left = end.saturating_duration_since(std::time::Instant::now());
            if version != known || left.is_zero() {
                return Ok(version);
            }
            std::thread::sleep(poll.min(left));
        }
    }
}
