use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use geo_types::MultiPolygon;
use jiff::Timestamp;

use super::audit::Action;
use super::identity::{Fingerprint, end_of, goes_on};
use super::records::{AuditEntry, CaseFilter, CasePage, KeyHash, KeyRecord, Publication, RosterData, StoredGeneration};
use super::times::to_milliseconds;
use super::{Store, StoreError};
use crate::boundary::{
    Accepted, FeatureRef, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use crate::dispatch::{Case, CaseId};

/// A store without a file: the plain model against which the others are tested, and a store for tests.
#[derive(Debug, Default)]
pub struct MemoryStore {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    version: u64,
    layers: BTreeMap<LayerName, LayerHistory>,
    roster: RosterData,
    cases: BTreeMap<CaseId, Case>,
    keys: BTreeMap<KeyHash, KeyRecord>,
    notes: BTreeMap<String, String>,
    audit: Vec<AuditEntry>,
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
        let mut state = self.lock();
        let layer = publication.coverage.layer();
        let newest = state.layers.get(&layer.name).and_then(LayerHistory::newest).map(|entry| entry.generation.id);
        if publication.parent != newest {
            return Err(StoreError::Superseded { layer: layer.name.clone(), given: publication.parent, newest });
        }
        let (generation, unit_count, changed_count) = state.layers.entry(layer.name.clone()).or_default().add(&publication);
        let action = Action::Publish { generation: &generation, unit_count, changed_count };
        state.note_change(&action, publication.author, publication.created_at);
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

    fn replace_roster(&self, roster: &RosterData, author: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.roster = roster.clone().into_kept();
        state.note_change(&Action::ReplaceRoster(roster), author, at);
        Ok(())
    }

    fn load_roster(&self) -> Result<RosterData, StoreError> {
        Ok(self.lock().roster.clone())
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

    fn load_cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError> {
        let state = self.lock();
        let matching: Vec<&Case> = state.cases.values().filter(|case| matches(case, filter)).collect();
        let mut rest = matching.iter().filter(|case| filter.after.is_none_or(|after| case.id > after));
        let cases = rest.by_ref().take(filter.limit).map(|case| (*case).clone()).collect();
        Ok(CasePage { cases, matched: matching.len(), has_more: rest.next().is_some() })
    }

    fn add_key(&self, key: &KeyRecord, author: &str) -> Result<(), StoreError> {
        let mut state = self.lock();
        if state.keys.contains_key(&key.hash) {
            return Ok(());
        }
        let kept =
            KeyRecord { created_at: to_milliseconds(key.created_at), revoked_at: key.revoked_at.map(to_milliseconds), ..key.clone() };
        state.keys.insert(key.hash, kept);
        state.note_change(&Action::AddKey(key), author, key.created_at);
        Ok(())
    }

    fn revoke_key(&self, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, StoreError> {
        let mut state = self.lock();
        let Some(key) = state.keys.get_mut(&hash).filter(|key| key.revoked_at.is_none()) else { return Ok(false) };
        key.revoked_at = Some(to_milliseconds(at));
        state.note_change(&Action::RevokeKey(hash), author, at);
        Ok(true)
    }

    fn load_keys(&self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self.lock().keys.values().cloned().collect())
    }

    fn save_note(&self, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), StoreError> {
        let mut state = self.lock();
        state.notes.insert(name.to_owned(), text.to_owned());
        state.note_change(&Action::SaveNote { name }, author, at);
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

impl State {
    /// Notes a write that snapshots are to follow.
    fn note_change(&mut self, action: &Action<'_>, author: &str, at: Timestamp) {
        self.version += 1;
        self.note(action, author, at);
    }

    fn note(&mut self, action: &Action<'_>, author: &str, at: Timestamp) {
        let number = self.audit.len() as u64 + 1;
        let at = to_milliseconds(at);
        self.audit.push(AuditEntry { number, at, author: author.to_owned(), action: action.name().into(), subject: action.to_string() });
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
        let mut live: BTreeMap<(Level, UnitCode), usize> = BTreeMap::new();
        for &at in self.newest().map_or(&[][..], |entry| &entry.members).iter().flatten() {
            let unit = &self.versions[at].unit;
            live.insert((unit.level.clone(), unit.code.clone()), at);
        }
        let known = self.versions.len();
        let mut members = Vec::new();
        for (depth, level) in coverage.levels().iter().enumerate() {
            let mut places = Vec::with_capacity(level.units().len());
            for (index, unit) in level.indices().zip(level.units()) {
                let key = (unit.level.clone(), unit.code.clone());
                let geometry = coverage.to_geometry(depth, index);
                let fingerprint = Fingerprint::of(unit, &geometry);
                let goes_on =
                    |&at: &usize| goes_on(self.versions[at].fingerprint, self.versions[at].unit.validity.from, fingerprint, effective_from);
                if let Some(at) = live.get(&key).copied().filter(goes_on) {
                    live.remove(&key);
                    places.push(at);
                    continue;
                }
                let id = *self.ids.entry(key).or_insert(unit.id);
                let unit = Unit { id, validity: Validity { from: effective_from, to: None }, ..unit.clone() };
                places.push(self.versions.len());
                self.versions.push(UnitVersion { unit, geometry, fingerprint });
            }
            members.push(places);
        }
        if publication.state == GenerationState::Published {
            for at in live.into_values() {
                let validity = &mut self.versions[at].unit.validity;
                validity.to = Some(end_of(validity.from, effective_from));
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
        };
        let unit_count = members.iter().map(Vec::len).sum();
        let entry = Entry { generation: generation.clone(), layer: coverage.layer().clone(), accepted: coverage.accepted(), members };
        self.generations.push(entry);
        (generation, unit_count, self.versions.len() - known)
    }

    fn load(&self, generation: GenerationId) -> Option<StoredGeneration> {
        let entry = self.generations.iter().find(|entry| entry.generation.id == generation)?;
        let shape = |(number, &at): (usize, &usize)| UnitShape {
            unit: self.versions[at].unit.clone(),
            geometry: self.versions[at].geometry.clone(),
            source: FeatureRef { number: number + 1 },
        };
        Some(StoredGeneration {
            generation: entry.generation.clone(),
            layer: entry.layer.clone(),
            shapes: entry.members.iter().map(|places| places.iter().enumerate().map(shape).collect()).collect(),
            accepted: entry.accepted,
        })
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
        && filter.grid_prefix.as_ref().is_none_or(in_grid)
        && filter.category.as_ref().is_none_or(|category| category == &case.category)
        && filter.reported_from.is_none_or(|from| from <= case.reported_at)
        && filter.reported_to.is_none_or(|to| case.reported_at < to)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::conformance::{Place, conformance_tests};

    fn make() -> Place {
        let store = Arc::new(MemoryStore::new());
        Box::new(move || store.clone())
    }

    conformance_tests!(super::tests::make);
}
