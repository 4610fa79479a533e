use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use geo_types::MultiPolygon;
use jiff::Timestamp;
use uuid::Uuid;

use super::audit::Action;
use super::case_records::{CaseMark, CaseMarkPage, CaseRecord, CaseRecordPage, CaseWrite, CaseWritten, Notice, NumberedEvent, PhotoFile};
use super::drafts::{DraftEntry, DraftEntryKind, DraftStanding};
use super::identity::Fingerprint;
use super::ledger::{self, EntryEnd, EntryFilter, EntryKind, Ledger};
use super::memory_lives::Lives;
use super::memory_posts::Posts;
use super::positions::{Positions, WorkerPosition};
use super::records::{
    AuditEntry, CaseFilter, CaseOrder, CasePage, EndedUnit, ErasureReason, GenerationChanges, KeyHash, KeyRecord, PersonDigest,
    PersonRecord, Publication, RosterChange, RosterData, StoredGeneration, StoredRoster, UnitHead, WorkerSaid, current_generation,
};
use super::rosters::{PlannedRoster, RosterHead, RosterTerms, in_force, planned};
use super::rules;
use super::succession::{Version, is_reused, succeed};
use super::times::to_milliseconds;
use super::webhooks::{DeadLetter, Delivery, Lease, NumberedPublication, Webhook, WebhookId};
use super::{Store, StoreError};
use crate::boundary::{
    Accepted, FeatureRef, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use crate::dispatch::{AddressRow, Case, CaseId, Photo, PhotoId, Reporter, RosterTerm, RuleSet, RuleTable, Worker, WorkerId};
use crate::topology::{GeometryDigest, Seal};

/// A store without a file: the plain model against which the others are tested, and a store for tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    positions: Positions,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    layers: BTreeMap<LayerName, LayerHistory>,
    /// In the order of writing; a roster's number is its place counted from 1.
    rosters: Vec<(RosterHead, RosterData)>,
    /// The newest name and phone of every worker.
    people: BTreeMap<WorkerId, Worker>,
    rules: Vec<RuleSet>,
    cases: BTreeMap<CaseId, Case>,
    lives: Lives,
    posts: Posts,
    publications: Vec<NumberedPublication>,
    ledger: Ledger,
    /// The number of the table that counts, and its rows in their order.
    addresses: (u64, Vec<AddressRow>),
    keys: BTreeMap<KeyHash, KeyRecord>,
    notes: BTreeMap<String, String>,
    audit: Vec<AuditEntry>,
    /// The logs of drafts; an entry's revision is its place counted from 1.
    drafts: BTreeMap<(LayerName, GenerationId), Vec<DraftEntry>>,
}

#[derive(Debug, Default)]
struct LayerHistory {
    ids: BTreeMap<(Level, UnitCode), UnitId>,
    versions: Vec<UnitVersion>,
    generations: Vec<Entry>,
}

#[derive(Debug)]
struct UnitVersion {
    unit: Unit,
    geometry: MultiPolygon<f64>,
    fingerprint: Fingerprint,
}

#[derive(Debug)]
struct Entry {
    generation: Generation,
    layer: Layer,
    accepted: Accepted,
    seal: Seal,
    /// For each level the places of its units in `versions`, in the order of codes.
    members: Vec<Vec<usize>>,
}

impl MemoryStore {
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing that runs under the lock leaves the state half written, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load_layers(&self) -> Result<Vec<Layer>, StoreError> {
        let state = self.lock();
        let newest = |history: &LayerHistory| history.newest().or(history.generations.last()).map(|entry| entry.layer.clone());
        Ok(state.layers.values().filter_map(newest).collect())
    }

    fn publish(&self, publication: Publication<'_>) -> Result<Generation, StoreError> {
        self.lock().publish(&publication)
    }

    fn add_draft_entry(&self, entry: &DraftEntry) -> Result<(), StoreError> {
        self.lock().add_draft_entry(entry.clone())
    }

    fn load_draft_entries(&self, layer: &LayerName, draft: GenerationId, after: u32) -> Result<Vec<DraftEntry>, StoreError> {
        let state = self.lock();
        let entries = state.drafts.get(&(layer.clone(), draft)).map_or(&[][..], |entries| entries);
        Ok(entries.iter().filter(|entry| entry.revision > after).cloned().collect())
    }

    fn newest_draft_revision(&self, layer: &LayerName, draft: GenerationId) -> Result<u32, StoreError> {
        Ok(self.lock().newest_draft_revision(layer, draft))
    }

    fn load_draft_standings(&self, layer: &LayerName) -> Result<Vec<DraftStanding>, StoreError> {
        let state = self.lock();
        let logs = state.drafts.iter().filter(|((known, _), entries)| known == layer && !entries.is_empty());
        let standing = |((_, draft), entries): (&(LayerName, GenerationId), &Vec<DraftEntry>)| DraftStanding {
            draft: *draft,
            revision: entries.last().map_or(0, |entry| entry.revision),
            decided: entries.iter().rev().map(|entry| entry.kind).find(|kind| *kind != DraftEntryKind::Open),
        };
        Ok(logs.map(standing).collect())
    }

    fn publish_draft(
        &self,
        publication: Publication<'_>,
        roster: Option<RosterChange<'_>>,
        entry: &DraftEntry,
    ) -> Result<Generation, StoreError> {
        let mut state = self.lock();
        // Whatever can fail comes before the first write.
        state.check_draft_entry(entry)?;
        let roster = roster.map(|change| state.follow_roster(change, None)).transpose()?;
        let generation = state.publish(&publication)?;
        if let Some(roster) = roster {
            state.replace_roster(&roster, Some((&generation.layer, generation.id)), publication.author, publication.created_at)?;
        }
        state.add_draft_entry(DraftEntry { body: DraftEntry::published_body(generation.id), ..entry.clone() })?;
        Ok(generation)
    }

    fn load_generations(&self, layer: &LayerName) -> Result<Vec<Generation>, StoreError> {
        let state = self.lock();
        Ok(state.layers.get(layer).map_or_else(Vec::new, |history| history.generations.iter().map(|e| e.generation.clone()).collect()))
    }

    fn load_generation(&self, layer: &LayerName, generation: GenerationId) -> Result<StoredGeneration, StoreError> {
        let state = self.lock();
        state
            .layers
            .get(layer)
            .and_then(|history| history.load(generation))
            .ok_or_else(|| StoreError::NoGeneration { layer: layer.clone(), generation })
    }

    fn load_changes(&self, layer: &LayerName, from: GenerationId, to: GenerationId) -> Result<GenerationChanges, StoreError> {
        let missing = |generation| StoreError::NoGeneration { layer: layer.clone(), generation };
        let state = self.lock();
        let history = state.layers.get(layer).ok_or_else(|| missing(from))?;
        let published = |id| history.published(id).ok_or_else(|| missing(id));
        Ok(history.changes(published(from)?, published(to)?))
    }

    fn load_unit_heads(&self, layer: &LayerName, generation: GenerationId) -> Result<Vec<UnitHead>, StoreError> {
        let state = self.lock();
        let missing = || StoreError::NoGeneration { layer: layer.clone(), generation };
        let history = state.layers.get(layer).ok_or_else(missing)?;
        let entry = history.published(generation).ok_or_else(missing)?;
        let head = |at: &usize| {
            let Unit { level, code, parent, .. } = history.versions[*at].unit.clone();
            UnitHead { level, code, parent, version: i64::try_from(*at).unwrap_or(i64::MAX) }
        };
        Ok(entry.members.iter().flatten().map(head).collect())
    }

    fn count_units(&self, layer: &LayerName) -> Result<Vec<(GenerationId, Vec<usize>)>, StoreError> {
        let state = self.lock();
        let counts = |entry: &Entry| (entry.generation.id, entry.members.iter().map(Vec::len).collect());
        Ok(state.layers.get(layer).map_or_else(Vec::new, |history| history.generations.iter().map(counts).collect()))
    }

    fn load_codes(&self, layer: &LayerName, level: &Level, before: Option<GenerationId>) -> Result<Vec<UnitCode>, StoreError> {
        let state = self.lock();
        Ok(state.layers.get(layer).map_or_else(Vec::new, |history| history.codes(level, before)))
    }

    fn load_ended_units(&self, layer: &LayerName) -> Result<Vec<EndedUnit>, StoreError> {
        let state = self.lock();
        Ok(state.layers.get(layer).map_or_else(Vec::new, LayerHistory::ended_units))
    }

    fn replace_roster(
        &self,
        roster: &RosterData,
        with: Option<(&LayerName, GenerationId)>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.lock().replace_roster(roster, with, author, at)
    }

    fn change_roster(
        &self,
        roster: &RosterData,
        said: Option<&WorkerSaid>,
        newest: Option<u64>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        let roster = state.follow_roster(RosterChange { data: roster, newest }, said)?;
        state.replace_roster(&roster, None, author, at)
    }

    fn find_roster(&self, at: Timestamp) -> Result<RosterTerm, StoreError> {
        Ok(self.lock().find_roster(at))
    }

    fn load_planned_rosters(&self, at: Timestamp) -> Result<Vec<PlannedRoster>, StoreError> {
        let state = self.lock();
        let (heads, generations) = state.roster_heads();
        Ok(planned(&heads, &generations, at))
    }

    fn load_roster(&self, at: Timestamp) -> Result<StoredRoster, StoreError> {
        let state = self.lock();
        let term = state.find_roster(at);
        let is_wanted = |(head, _): &&(RosterHead, RosterData)| Some(head.number) == term.mark.number;
        let mut data = state.rosters.iter().find(is_wanted).map_or_else(RosterData::default, |(_, data)| data.clone());
        for worker in &mut data.workers {
            worker.clone_from(&state.people[&worker.id]);
        }
        Ok(StoredRoster { term, data })
    }

    fn replace_rules(&self, table: &RuleTable, effective_from: Timestamp, author: &str, at: Timestamp) -> Result<u64, StoreError> {
        let mut state = self.lock();
        let number = state.rules.len() as u64 + 1;
        let (effective_from, created_at) = (to_milliseconds(effective_from), to_milliseconds(at));
        let before = state.rules.iter().rfind(|set| set.table.kind() == table.kind()).map(|set| set.number);
        state.rules.push(RuleSet { number, effective_from, created_at, table: rules::into_kept(table) });
        state.note_change(&Action::ReplaceRules { table, effective_from, number, before }, author, at);
        Ok(number)
    }

    fn find_rules(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.lock().rules.last().map(|set| set.number))
    }

    fn load_rules(&self) -> Result<Vec<RuleSet>, StoreError> {
        Ok(self.lock().rules.clone())
    }

    fn replace_addresses(&self, rows: &[AddressRow], author: &str, at: Timestamp) -> Result<u64, StoreError> {
        let state = &mut *self.lock();
        state.addresses.0 += 1;
        state.addresses.1 = rows.to_vec();
        let named = |row: &AddressRow| [row.zone.clone(), row.street.clone(), row.plate.clone(), row.name.clone(), row.alias.clone()];
        state.addresses.1.sort_by(|a, b| {
            let kinds = a.kind.as_str().cmp(b.kind.as_str());
            let places = a.position.lon.total_cmp(&b.position.lon).then(a.position.lat.total_cmp(&b.position.lat));
            named(a).cmp(&named(b)).then(kinds).then(places)
        });
        let number = state.addresses.0;
        state.note_change(&Action::ReplaceAddresses { rows: rows.len(), number }, author, at);
        Ok(number)
    }

    fn find_addresses(&self) -> Result<Option<u64>, StoreError> {
        Ok(Some(self.lock().addresses.0).filter(|number| *number > 0))
    }

    fn load_addresses(&self) -> Result<Vec<AddressRow>, StoreError> {
        Ok(self.lock().addresses.1.clone())
    }

    fn add_cases(&self, cases: &[Case], author: &str, at: Timestamp) -> Result<usize, StoreError> {
        let mut state = self.lock();
        let before = state.cases.len();
        for case in cases {
            let kept = || Case { reported_at: to_milliseconds(case.reported_at), ..case.clone() };
            state.cases.entry(case.id).or_insert_with(kept);
        }
        let added = state.cases.len() - before;
        state.note(&Action::AddCases { added }, author, at);
        Ok(added)
    }

    fn find_case(&self, id: CaseId) -> Result<Option<Case>, StoreError> {
        Ok(self.lock().cases.get(&id).cloned())
    }

    fn find_known_cases(&self, ids: &[CaseId]) -> Result<Vec<CaseId>, StoreError> {
        let state = self.lock();
        Ok(ids.iter().copied().filter(|id| state.cases.contains_key(id)).collect())
    }

    fn load_cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError> {
        let state = self.lock();
        let matching: Vec<&Case> = state.cases.values().filter(|case| matches(case, filter) && state.lives.matches(case, filter)).collect();
        let is_after = |case: &&&Case| {
            filter.after.is_none_or(|after| {
                let is_later = if filter.is_newest_first { case.id < after } else { case.id > after };
                is_later || filter.went_on_after().is_some_and(|at| case.reported_at != at)
            })
        };
        let mut ordered: Vec<&&Case> = matching.iter().collect();
        if filter.is_newest_first {
            ordered.reverse();
        }
        match filter.order {
            CaseOrder::Id => {}
            CaseOrder::Reported if filter.is_newest_first => ordered.sort_by_key(|case| Reverse(case.reported_at)),
            CaseOrder::Reported => ordered.sort_by_key(|case| case.reported_at),
            CaseOrder::Due => ordered.sort_by_key(|case| state.lives.standing(case.id).and_then(|standing| standing.due_at)),
            CaseOrder::Alarm => ordered.sort_by_key(|case| state.lives.standing(case.id).and_then(|standing| standing.alarm_at)),
            CaseOrder::Border => {
                let border_m = |case: &Case| state.lives.border_m(case.id).unwrap_or(f64::INFINITY);
                ordered.sort_by(|a, b| border_m(a).total_cmp(&border_m(b)));
            }
        }
        let mut rest = ordered.into_iter().filter(is_after);
        let cases = rest.by_ref().take(filter.limit).map(|case| (*case).clone()).collect();
        Ok(CasePage { cases, matched: filter.counts.then_some(matching.len()), has_more: rest.next().is_some() })
    }

    fn write_cases(&self, writes: Vec<CaseWrite>) -> Result<Vec<CaseWritten>, StoreError> {
        let state = &mut *self.lock();
        Ok(writes.into_iter().map(|write| state.lives.write(&mut state.cases, write)).collect())
    }

    fn find_case_record(&self, id: CaseId) -> Result<Option<CaseRecord>, StoreError> {
        let state = self.lock();
        Ok(state.cases.get(&id).map(|case| CaseRecord { case: case.clone(), events: state.lives.history(id) }))
    }

    fn find_case_records(&self, ids: &[CaseId]) -> Result<Vec<CaseRecord>, StoreError> {
        let state = self.lock();
        let ids: BTreeSet<&CaseId> = ids.iter().collect();
        let found = ids.into_iter().filter_map(|id| state.cases.get(id));
        Ok(found.map(|case| CaseRecord { case: case.clone(), events: state.lives.history(case.id) }).collect())
    }

    fn load_case_records(&self, filter: &CaseFilter) -> Result<CaseRecordPage, StoreError> {
        let page = self.load_cases(&CaseFilter { counts: false, ..filter.clone() })?;
        let state = self.lock();
        let record = |case: Case| CaseRecord { events: state.lives.history(case.id), case };
        Ok(CaseRecordPage { records: page.cases.into_iter().map(record).collect(), has_more: page.has_more })
    }

    fn load_case_marks(&self, filter: &CaseFilter) -> Result<CaseMarkPage, StoreError> {
        let page = self.load_case_records(filter)?;
        Ok(CaseMarkPage { marks: page.records.iter().map(CaseMark::of).collect(), has_more: page.has_more })
    }

    fn find_reporter(&self, id: CaseId) -> Result<Option<Reporter>, StoreError> {
        Ok(self.lock().lives.reporter(id))
    }

    fn load_photos(&self, case: CaseId) -> Result<Vec<Photo>, StoreError> {
        Ok(self.lock().lives.photos().filter(|photo| photo.case == case).cloned().collect())
    }

    fn find_kept_photos(&self, ids: &[PhotoId]) -> Result<Vec<PhotoId>, StoreError> {
        let state = self.lock();
        Ok(ids.iter().copied().filter(|id| state.lives.photo(*id).is_some()).collect())
    }

    fn find_photo(&self, id: PhotoId) -> Result<Option<PhotoFile>, StoreError> {
        Ok(self.lock().lives.photo(id).cloned())
    }

    fn load_case_events(&self, after: u64, limit: usize) -> Result<Vec<NumberedEvent>, StoreError> {
        let state = self.lock();
        Ok(state.lives.events_after(&state.cases, after, limit))
    }

    fn load_publications(&self, after: u64, limit: usize) -> Result<Vec<NumberedPublication>, StoreError> {
        let state = self.lock();
        Ok(state.publications.iter().filter(|publication| publication.number > after).take(limit).cloned().collect())
    }

    fn newest_happening(&self) -> Result<u64, StoreError> {
        Ok(self.lock().lives.newest())
    }

    fn forget_tokens(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.lock().lives.forget_tokens(before, limit))
    }

    fn find_webhook(&self, id: WebhookId) -> Result<Option<Webhook>, StoreError> {
        Ok(self.lock().posts.all().into_iter().find(|webhook| webhook.id == id))
    }

    fn next_case_alarm(&self) -> Result<Option<Timestamp>, StoreError> {
        let state = self.lock();
        Ok(state.cases.keys().filter_map(|id| state.lives.standing(*id)?.alarm_at).min())
    }

    fn count_open_cases(&self, filter: &CaseFilter, more_than: usize) -> Result<Vec<(WorkerId, usize)>, StoreError> {
        let state = self.lock();
        let filter = CaseFilter { is_open: Some(true), ..filter.clone() };
        let mut counts: BTreeMap<WorkerId, usize> = BTreeMap::new();
        let open = state.cases.values().filter(|case| matches(case, &filter) && state.lives.matches(case, &filter));
        open.filter_map(|case| case.holder.clone()).for_each(|holder| *counts.entry(holder).or_default() += 1);
        let mut counts: Vec<_> = counts.into_iter().filter(|(_, open)| *open > more_than).collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(counts)
    }

    fn save_borders(&self, borders: &[(CaseId, Option<f64>)]) -> Result<(), StoreError> {
        self.lock().lives.save_borders(borders);
        Ok(())
    }

    fn add_entries(&self, entries: &[ledger::Entry]) -> Result<(), StoreError> {
        let state = &mut *self.lock();
        for entry in entries {
            if state.ledger.add(entry) {
                state.note_entry(entry.kind, &Action::AddEntry(entry), &entry.author, entry.at);
            }
        }
        Ok(())
    }

    fn end_entry(&self, kind: EntryKind, id: Uuid, end: &EntryEnd) -> Result<Option<ledger::Entry>, StoreError> {
        let state = &mut *self.lock();
        let ended = state.ledger.end(kind, id, end);
        if ended.is_some() {
            state.note_entry(kind, &Action::EndEntry { kind, id, at: end.at }, &end.author, end.at);
        }
        Ok(ended)
    }

    fn load_entries(&self, filter: &EntryFilter) -> Result<Vec<ledger::Entry>, StoreError> {
        Ok(self.lock().ledger.load(filter))
    }

    fn load_notices(&self, worker: &WorkerId, after: u64, limit: usize) -> Result<Vec<Notice>, StoreError> {
        Ok(self.lock().lives.notices(worker, after).take(limit).collect())
    }

    fn newest_notice(&self, worker: &WorkerId) -> Result<u64, StoreError> {
        Ok(self.lock().lives.notices(worker, 0).last().map_or(0, |notice| notice.number))
    }

    fn forget_notices(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        Ok(self.lock().lives.forget_notices(before, limit))
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
        let state = &mut *self.lock();
        if state.posts.add(webhook) {
            state.note(&Action::AddWebhook(webhook), &webhook.author, webhook.created_at);
        }
        Ok(())
    }

    fn end_webhook(&self, id: WebhookId, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        let state = &mut *self.lock();
        let is_ended = state.posts.end(id, at);
        if is_ended {
            state.note(&Action::EndWebhook { id, at }, author, at);
        }
        Ok(is_ended)
    }

    fn load_webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        Ok(self.lock().posts.all())
    }

    fn claim_webhooks(&self, lease: Lease) -> Result<Vec<WebhookId>, StoreError> {
        Ok(self.lock().posts.claim(lease))
    }

    fn save_delivery(&self, id: WebhookId, from: u64, delivery: &Delivery, letters: &[DeadLetter]) -> Result<bool, StoreError> {
        Ok(self.lock().posts.save(id, from, delivery, letters))
    }

    fn load_dead_letters(&self, id: WebhookId, limit: usize) -> Result<Vec<DeadLetter>, StoreError> {
        Ok(self.lock().posts.letters(id, limit))
    }

    fn load_people(&self) -> Result<Vec<PersonRecord>, StoreError> {
        let state = self.lock();
        let newest = state.rosters.last().map(|(head, _)| head.number);
        let stands_on = |id: &WorkerId, (_, data): &(RosterHead, RosterData)| data.workers.iter().any(|worker| &worker.id == id);
        let record = |(id, worker): (&WorkerId, &Worker)| {
            let last = state.rosters.iter().rposition(|roster| stands_on(id, roster));
            let is_on_roster = last.is_some() && last.and_then(|at| state.rosters.get(at)).map(|(head, _)| head.number) == newest;
            let left_at = last.and_then(|at| state.rosters.get(at + 1)).map(|(head, _)| head.created_at);
            PersonRecord { id: id.clone(), is_blank: is_blank(worker), is_on_roster, left_at }
        };
        let reporters = state.lives.reporters().map(|(id, left_at)| PersonRecord { id, is_blank: false, is_on_roster: false, left_at });
        let photos = state.lives.photos().map(|photo| PersonRecord {
            id: PhotoFile::person(photo.id),
            is_blank: photo.erased_at.is_some(),
            is_on_roster: false,
            left_at: state.lives.left_at(photo.case),
        });
        let mut people: Vec<PersonRecord> = state.people.iter().map(record).chain(reporters).chain(photos).collect();
        people.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(people)
    }

    fn erase_person(&self, id: &WorkerId, reason: ErasureReason, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut guard = self.lock();
        let state = &mut *guard;
        if let Some(photo) = PhotoFile::of_person(id) {
            return Ok(state.erase_photo(photo, reason, author, at));
        }
        let of_reporter: Vec<PhotoId> =
            state.lives.photos().filter(|photo| *id.0 == *format!("reporter {}", photo.case)).map(|photo| photo.id).collect();
        match state.people.get_mut(id).filter(|worker| !is_blank(worker)) {
            Some(worker) => (worker.name, worker.phone) = (String::new(), String::new()),
            None if state.lives.erase_reporter(id) => {}
            None => return Ok(false),
        }
        state.note_change(&Action::ErasePerson { person: PersonDigest::of(id), reason }, author, at);
        for photo in of_reporter {
            state.erase_photo(photo, reason, author, at);
        }
        Ok(true)
    }

    fn add_key(&self, key: &KeyRecord, author: &str) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.keys.contains_key(&key.hash) {
            return Ok(());
        }
        let kept = KeyRecord {
            created_at: to_milliseconds(key.created_at),
            expires_at: key.expires_at.map(to_milliseconds),
            revoked_at: key.revoked_at.map(to_milliseconds),
            ..key.clone()
        };
        state.keys.insert(key.hash, kept);
        state.note_change(&Action::AddKey(key), author, key.created_at);
        Ok(())
    }

    fn revoke_key(&self, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let Some(key) = state.keys.get_mut(&hash).filter(|key| key.revoked_at.is_none()) else { return Ok(false) };
        key.revoked_at = Some(to_milliseconds(at));
        state.note_change(&Action::RevokeKey { hash, at }, author, at);
        Ok(true)
    }

    fn load_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.lock().keys.values().cloned().collect())
    }

    fn save_note(&self, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut state = self.lock();
        let before = state.notes.insert(name.to_owned(), text.to_owned());
        state.note_change(&Action::SaveNote { name, before: before.as_deref(), after: text }, author, at);
        Ok(())
    }

    fn find_note(&self, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.lock().notes.get(name).cloned())
    }

    fn load_audit(&self, after: u64, limit: usize) -> Result<Vec<AuditEntry>, StoreError> {
        Ok(self.lock().audit.iter().filter(|entry| entry.number > after).take(limit).cloned().collect())
    }

    fn load_version(&self) -> Result<u64, StoreError> {
        Ok(self.lock().version)
    }
}

fn is_blank(worker: &Worker) -> bool {
    worker.name.is_empty() && worker.phone.is_empty()
}

impl State {
    fn find_roster(&self, at: Timestamp) -> RosterTerm {
        let (heads, generations) = self.roster_heads();
        in_force(&heads, &generations, at)
    }

    fn roster_heads(&self) -> RosterTerms {
        let heads = self.rosters.iter().map(|(head, _)| head.clone()).collect();
        let generations = self
            .layers
            .iter()
            .map(|(name, history)| (name.clone(), history.generations.iter().map(|entry| entry.generation.clone()).collect()))
            .collect();
        (heads, generations)
    }

    /// Sees that no roster was written since the one that a change was made on, and calls workers as they are called now.
    fn follow_roster(&self, change: RosterChange<'_>, said: Option<&WorkerSaid>) -> Result<RosterData, StoreError> {
        let found = self.rosters.last().map(|(head, _)| head.number);
        if found != change.newest {
            return Err(StoreError::RosterChanged { newest: found });
        }
        Ok(change.data.clone().with_names(&self.people, said))
    }

    fn publish(&mut self, publication: &Publication<'_>) -> Result<Generation, StoreError> {
        let layer = publication.coverage.layer();
        let newest = self.layers.get(&layer.name).and_then(LayerHistory::newest).map(|entry| entry.generation.id);
        if publication.parent != newest {
            return Err(StoreError::Superseded { layer: layer.name.clone(), given: publication.parent, newest });
        }
        if let Some(history) = self.layers.get(&layer.name) {
            history.refuse_reused_codes(publication)?;
        }
        let (generation, unit_count, changed_count) = self.layers.entry(layer.name.clone()).or_default().add(publication);
        if generation.state == GenerationState::Published {
            let number = self.lives.number_next();
            self.publications.push(NumberedPublication { number, generation: generation.clone() });
        }
        let action = Action::Publish { generation: &generation, unit_count, changed_count };
        self.note_change(&action, publication.author, publication.created_at);
        Ok(generation)
    }

    fn replace_roster(
        &mut self,
        roster: &RosterData,
        with: Option<(&LayerName, GenerationId)>,
        author: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some((layer, generation)) = with
            && self.layers.get(layer).and_then(|history| history.published(generation)).is_none()
        {
            return Err(StoreError::NoGeneration { layer: layer.clone(), generation });
        }
        let number = self.rosters.len() as u64 + 1;
        let kept = roster.clone().into_kept();
        self.people.extend(kept.workers.iter().map(|worker| (worker.id.clone(), worker.clone())));
        let with = with.map(|(layer, generation)| (layer.clone(), generation));
        self.rosters.push((RosterHead { number, created_at: to_milliseconds(at), with }, kept));
        self.note_change(&Action::ReplaceRoster { roster, number }, author, at);
        Ok(())
    }

    fn newest_draft_revision(&self, layer: &LayerName, draft: GenerationId) -> u32 {
        self.drafts.get(&(layer.clone(), draft)).and_then(|entries| entries.last()).map_or(0, |entry| entry.revision)
    }

    fn check_draft_entry(&self, entry: &DraftEntry) -> Result<(), StoreError> {
        let mut generations = self.layers.get(&entry.layer).into_iter().flat_map(|history| &history.generations);
        let is_draft = |known: &Entry| known.generation.id == entry.draft && known.generation.state == GenerationState::Draft;
        if !generations.any(is_draft) {
            return Err(StoreError::NoGeneration { layer: entry.layer.clone(), generation: entry.draft });
        }
        entry.check_next(self.newest_draft_revision(&entry.layer, entry.draft))
    }

    fn add_draft_entry(&mut self, entry: DraftEntry) -> Result<(), StoreError> {
        self.check_draft_entry(&entry)?;
        let entry = DraftEntry { at: to_milliseconds(entry.at), ..entry };
        self.note(&Action::Draft(&entry), &entry.author, entry.at);
        self.drafts.entry((entry.layer.clone(), entry.draft)).or_default().push(entry);
        Ok(())
    }

    /// Notes a write that snapshots are to follow.
    fn erase_photo(&mut self, photo: PhotoId, reason: ErasureReason, author: &str, at: Timestamp) -> bool {
        let Some(case) = self.lives.erase_photo(photo, at) else { return false };
        self.note(&Action::ErasePhoto { photo, case, reason }, author, at);
        true
    }

    fn note_change(&mut self, action: &Action<'_>, author: &str, at: Timestamp) {
        self.version += 1;
        self.note(action, author, at);
    }

    fn note_entry(&mut self, kind: EntryKind, action: &Action<'_>, author: &str, at: Timestamp) {
        self.version += u64::from(kind.is_followed());
        self.note(action, author, at);
    }

    fn note(&mut self, action: &Action<'_>, author: &str, at: Timestamp) {
        let number = self.audit.len() as u64 + 1;
        let at = to_milliseconds(at);
        self.audit.push(AuditEntry {
            number,
            at,
            author: author.to_owned(),
            action: action.name().into(),
            subject: action.to_string(),
            before: action.before(),
            after: action.after(),
        });
    }
}

impl LayerHistory {
    fn newest(&self) -> Option<&Entry> {
        self.generations.iter().rfind(|entry| entry.generation.state == GenerationState::Published)
    }

    /// Returns the generation with the number of its units and of those that are new or changed.
    fn add(&mut self, publication: &Publication<'_>) -> (Generation, usize, usize) {
        let coverage = publication.coverage;
        let effective_from = to_milliseconds(publication.effective_from);
        let mut before = self.known_versions(effective_from);
        let known = self.versions.len();
        let (mut members, mut ends) = (Vec::new(), Vec::new());
        for (depth, level) in coverage.levels().iter().enumerate() {
            let mut places = Vec::with_capacity(level.units().len());
            for (index, unit) in level.indices().zip(level.units()) {
                let key = (unit.level.clone(), unit.code.clone());
                let geometry = coverage.to_geometry(depth, index);
                let fingerprint = Fingerprint::of(unit, GeometryDigest::of(&geometry));
                let succession = succeed(&before.remove(&key).unwrap_or_default(), Some(fingerprint), effective_from);
                ends.extend(succession.ends);
                if let Some(at) = succession.shared {
                    places.push(at);
                    continue;
                }
                let id = *self.ids.entry(key).or_insert(unit.id);
                let unit = Unit { id, validity: Validity { from: succession.valid_from, to: None }, ..Unit::clone(unit) };
                places.push(self.versions.len());
                self.versions.push(UnitVersion { unit, geometry, fingerprint });
            }
            members.push(places);
        }
        ends.extend(before.into_values().flat_map(|versions| succeed(&versions, None, effective_from).ends));
        if publication.state == GenerationState::Published {
            for end in ends {
                self.versions[end.key].unit.validity.to = end.valid_to;
            }
        }
        let generation = Generation {
            id: GenerationId(u32::try_from(self.generations.len() + 1).expect("memory ends before generations are counted")),
            layer: coverage.layer().name.clone(),
            state: publication.state,
            effective_from,
            created_at: to_milliseconds(publication.created_at),
            author: publication.author.to_owned(),
            note: publication.note.to_owned(),
            parent: publication.parent,
            restores: publication.restores,
        };
        let unit_count = members.iter().map(Vec::len).sum();
        let entry = Entry {
            generation: generation.clone(),
            layer: coverage.layer().clone(),
            accepted: coverage.accepted(),
            seal: coverage.seal(),
            members,
        };
        self.generations.push(entry);
        (generation, unit_count, self.versions.len() - known)
    }

    fn published(&self, id: GenerationId) -> Option<&Entry> {
        self.generations.iter().find(|entry| entry.generation.id == id && entry.generation.state == GenerationState::Published)
    }

    fn codes(&self, level: &Level, before: Option<GenerationId>) -> Vec<UnitCode> {
        let published = self.generations.iter().filter(|entry| entry.generation.state == GenerationState::Published);
        let published = published.filter(|entry| before.is_none_or(|before| entry.generation.id < before));
        let units = published.flat_map(|entry| entry.members.iter().flatten()).map(|at| &self.versions[*at].unit);
        let codes: BTreeSet<UnitCode> = units.filter(|unit| &unit.level == level).map(|unit| unit.code.clone()).collect();
        codes.into_iter().collect()
    }

    fn ended_units(&self) -> Vec<EndedUnit> {
        let published = self.generations.iter().filter(|entry| entry.generation.state == GenerationState::Published);
        let of = |entry: &Entry| entry.members.iter().flatten().map(|at| &self.versions[*at].unit).cloned().collect::<Vec<Unit>>();
        let mut last: BTreeMap<(UnitCode, Level), Option<UnitCode>> = BTreeMap::new();
        last.extend(published.flat_map(of).map(|unit| ((unit.code, unit.level), unit.parent)));
        for unit in self.newest().into_iter().flat_map(of) {
            last.remove(&(unit.code, unit.level));
        }
        last.into_iter().map(|((code, level), parent)| EndedUnit { level, code, parent }).collect()
    }

    /// A code that no live unit has, and that published units had, may only name one that is what one of them was.
    fn refuse_reused_codes(&self, publication: &Publication<'_>) -> Result<(), StoreError> {
        let coverage = publication.coverage;
        let was_published = self.published_versions();
        let known = self.known_versions(to_milliseconds(publication.effective_from));
        for (depth, level) in coverage.levels().iter().enumerate() {
            let mut codes = Vec::new();
            for (index, unit) in level.indices().zip(level.units()) {
                let is_its = |at: &&usize| self.versions[**at].unit.level == unit.level && self.versions[**at].unit.code == unit.code;
                let past: Vec<Fingerprint> = was_published.iter().filter(is_its).map(|at| self.versions[*at].fingerprint).collect();
                let versions = known.get(&(unit.level.clone(), unit.code.clone())).map_or(&[][..], Vec::as_slice);
                let digest = GeometryDigest::of(&coverage.to_geometry(depth, index));
                if is_reused(versions, &past, Fingerprint::of(unit, digest)) {
                    codes.push(unit.code.clone());
                }
            }
            if !codes.is_empty() && !publication.reuses_codes {
                return Err(StoreError::CodesReused { layer: coverage.layer().name.clone(), level: level.level().clone(), codes });
            }
        }
        Ok(())
    }

    /// Returns the places of all versions that any published generation has.
    fn published_versions(&self) -> BTreeSet<usize> {
        let published = self.generations.iter().filter(|entry| entry.generation.state == GenerationState::Published);
        published.flat_map(|entry| entry.members.iter().flatten().copied()).collect()
    }

    /// Returns the versions that have to be known where a generation begins at `effective_from`.
    fn known_versions(&self, effective_from: Timestamp) -> BTreeMap<(Level, UnitCode), Vec<Version<usize>>> {
        let places =
            |entry: Option<&Entry>| -> BTreeSet<usize> { entry.iter().flat_map(|e| e.members.iter().flatten().copied()).collect() };
        let generations: Vec<Generation> = self.generations.iter().map(|entry| entry.generation.clone()).collect();
        let live = places(self.newest());
        let in_effect = places(current_generation(&generations, effective_from).and_then(|current| self.published(current.id)));
        let mut known: BTreeMap<(Level, UnitCode), Vec<Version<usize>>> = BTreeMap::new();
        for key in self.published_versions() {
            let UnitVersion { unit, fingerprint, .. } = &self.versions[key];
            let (is_live, Validity { from: valid_from, to: valid_to }) = (live.contains(&key), unit.validity);
            if is_live || valid_to.is_none_or(|end| end > effective_from) {
                let is_in_effect = in_effect.contains(&key);
                let version = Version { key, fingerprint: *fingerprint, valid_from, valid_to, is_live, is_in_effect };
                known.entry((unit.level.clone(), unit.code.clone())).or_default().push(version);
            }
        }
        known
    }

    fn load(&self, generation: GenerationId) -> Option<StoredGeneration> {
        let entry = self.generations.iter().find(|entry| entry.generation.id == generation)?;
        Some(StoredGeneration {
            generation: entry.generation.clone(),
            layer: entry.layer.clone(),
            shapes: entry.members.iter().map(|places| self.shapes(places.iter().copied())).collect(),
            accepted: entry.accepted,
            seal: Some(entry.seal),
        })
    }

    fn shapes(&self, places: impl Iterator<Item = usize>) -> Vec<UnitShape> {
        let shape = |(number, at): (usize, usize)| UnitShape {
            unit: self.versions[at].unit.clone(),
            geometry: self.versions[at].geometry.clone(),
            source: FeatureRef { number },
        };
        (1..).zip(places).map(shape).collect()
    }

    fn changes(&self, from: &Entry, to: &Entry) -> GenerationChanges {
        let at_level = |entry: &Entry, level: &Level| -> BTreeSet<usize> {
            let places = entry.layer.depth_of(level).map_or(&[][..], |depth| &entry.members[depth]);
            places.iter().copied().collect()
        };
        let code = |at: usize| self.versions[at].unit.code.clone();
        let (mut ended, mut begun, mut ends) = (Vec::new(), Vec::new(), Vec::new());
        for (level, places) in to.layer.levels.iter().zip(&to.members) {
            let (before, after) = (at_level(from, level), at_level(to, level));
            let mut gone: Vec<UnitCode> = before.difference(&after).map(|at| code(*at)).collect();
            gone.sort();
            ended.push(gone);
            begun.push(self.shapes(places.iter().copied().filter(|at| !before.contains(at))));
            ends.push(places.iter().filter_map(|at| Some((code(*at), self.versions[*at].unit.validity.to?))).collect());
        }
        let is_lost = |(level, places): (&Level, &Vec<usize>)| to.layer.depth_of(level).is_none() && !places.is_empty();
        let has_lost_levels = from.layer.levels.iter().zip(&from.members).any(is_lost);
        let (generation, layer) = (to.generation.clone(), to.layer.clone());
        GenerationChanges { generation, layer, accepted: to.accepted, ended, begun, ends, has_lost_levels }
    }
}

fn matches(case: &Case, filter: &CaseFilter) -> bool {
    let within = |[west, south, east, north]: [f64; 4]| {
        let lon = case.position.lon;
        let between = if west <= east { west <= lon && lon <= east } else { west <= lon || lon <= east };
        between && (south..=north).contains(&case.position.lat)
    };
    let in_grid = |prefix: &String| case.grid.as_ref().is_some_and(|grid| grid.as_str().starts_with(prefix.as_str()));
    filter.bbox.is_none_or(within)
        && filter.territory.has_place(case.grid.as_ref())
        && filter.grid_prefix.as_ref().is_none_or(in_grid)
        && (filter.categories.is_empty() || filter.categories.contains(&case.category))
        && filter.reported_from.is_none_or(|from| from <= case.reported_at)
        && filter.reported_to.is_none_or(|to| case.reported_at < to)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance::{Place, conformance_tests};

    fn make() -> Option<Place> {
        let store = Arc::new(MemoryStore::new());
        Some(Box::new(move || store.clone()))
    }

    conformance_tests!(super::tests::make);
}
