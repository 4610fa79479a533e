use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::layer::{LayerKey, LayerSnapshot};
use crate::boundary::{Generation, GenerationId, GenerationState, Kin, LayerName, Level, Territory, UnitCode};
use crate::dispatch::{Roster, RosterMark, RosterTerm, RuleBook, Rules};
use crate::index::Search;
use crate::topology::CoverageLevel;

/// What answers depend on beside the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Positions nearer than this to a border are called ambiguous.
    pub doubt_distance_m: f64,
}

/// A roster and between which times it is in force.
#[derive(Clone, Debug)]
pub struct RosterSnapshot {
    pub roster: Arc<Roster>,
    pub term: RosterTerm,
}

impl RosterSnapshot {
    /// Returns its rows where it is the roster of this mark.
    pub fn rows_of(&self, mark: RosterMark) -> Option<Arc<Roster>> {
        (self.term.mark == mark).then(|| Arc::clone(&self.roster))
    }
}

/// All generations of a layer without their boundaries, drafts too, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerHistory {
    pub layer: LayerName,
    pub is_public: bool,
    /// How the owners of positions are searched in its generations.
    pub search: Search,
    pub generations: Vec<Generation>,
    /// The units that the newest published generation has no more, as they were last: cases still lie in them.
    pub ended: Vec<PastUnit>,
}

/// A unit that has ended, and whose it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastUnit {
    pub level: Level,
    pub code: UnitCode,
    pub parent: Option<UnitCode>,
}

impl LayerHistory {
    /// Knows the name of the layer alone, which is enough to read what the store has of it.
    pub fn bare(layer: LayerName) -> Self {
        Self { layer, is_public: false, search: Search::Rtree, generations: Vec::new(), ended: Vec::new() }
    }

    pub fn find(&self, id: GenerationId) -> Option<&Generation> {
        self.generations.iter().find(|generation| generation.id == id)
    }

    /// Returns when another generation takes over from this one, where one is published; never later than its own start where it
    /// was never in effect.
    pub fn superseded_at(&self, id: GenerationId) -> Option<Timestamp> {
        self.published().filter(|g| g.id > id).map(|g| g.effective_from).min()
    }

    /// Returns what tells the boundaries of a generation from others, as this history knows them.
    pub fn key(&self, generation: GenerationId) -> LayerKey {
        LayerKey { layer: self.layer.clone(), generation, newest: self.published().map(|g| g.id).max(), revision: 0 }
    }

    /// Returns the same for a draft of whose log so many entries are done.
    pub fn draft_key(&self, draft: GenerationId, revision: u32) -> LayerKey {
        LayerKey { revision, ..self.key(draft) }
    }

    /// Whether a generation is a draft.
    pub fn is_draft(&self, id: GenerationId) -> bool {
        self.find(id).is_some_and(|generation| generation.state == GenerationState::Draft)
    }

    /// Whether a generation is a plan and no history: a draft, one that lies ahead, or one that was given up while it lay ahead.
    pub fn is_plan(&self, generation: &Generation, now: Timestamp) -> bool {
        let start = generation.effective_from;
        let gives_up = |g: &Generation| g.id > generation.id && g.effective_from <= start && g.created_at < start;
        generation.state == GenerationState::Draft || start > now || self.published().any(gives_up)
    }

    fn published(&self) -> impl Iterator<Item = &Generation> {
        self.generations.iter().filter(|generation| generation.state == GenerationState::Published)
    }
}

/// The state of the service at one moment.
#[derive(Debug)]
pub struct Snapshot {
    version: u64,
    layers: Vec<Arc<LayerSnapshot>>,
    roster: RosterSnapshot,
    settings: Settings,
    histories: Arc<[LayerHistory]>,
    /// The rules of dispatch of all times: they are few, so that other times need no loading.
    rules: Arc<RuleBook>,
    territories: Territories,
}

/// The territories of the layers that were asked for, each worked out once.
type Territories = Mutex<FxHashMap<(LayerName, Box<[UnitCode]>), Territory>>;

/// Territories that are kept at most. As many differing keys are rarely in use; more of them work theirs out anew.
const TERRITORIES_MAX: usize = 256;

impl Snapshot {
    /// Puts a snapshot together. Parts that have not changed are shared with the snapshot before. `version` is the store's.
    pub fn new(version: u64, mut layers: Vec<Arc<LayerSnapshot>>, roster: RosterSnapshot, settings: Settings) -> Self {
        layers.sort_by(|a, b| a.layer().name.cmp(&b.layer().name));
        let rules = Arc::new(RuleBook::new(&[], &TimeZone::UTC));
        Self { version, layers, roster, settings, histories: Arc::default(), rules, territories: Mutex::default() }
    }

    /// Adds the rules of dispatch; without them there are none.
    pub fn with_rules(self, rules: Arc<RuleBook>) -> Self {
        Self { rules, ..self }
    }

    /// Adds the generations of every layer of the store, so that times are told apart without asking it.
    pub fn with_histories(self, histories: Arc<[LayerHistory]>) -> Self {
        Self { histories, ..self }
    }

    /// Returns the same state with other layers and another roster: as it was, or will be, at another time.
    pub fn with_parts(&self, layers: Vec<Arc<LayerSnapshot>>, roster: RosterSnapshot) -> Self {
        Self::new(self.version, layers, roster, self.settings)
            .with_histories(Arc::clone(&self.histories))
            .with_rules(Arc::clone(&self.rules))
    }

    /// Returns the store's version that this snapshot shows.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Returns the layers that have a generation in force, in the order of their names.
    pub fn layers(&self) -> &[Arc<LayerSnapshot>] {
        &self.layers
    }

    pub fn layer(&self, name: &LayerName) -> Option<&Arc<LayerSnapshot>> {
        self.layers.iter().find(|layer| &layer.layer().name == name)
    }

    /// Returns the generations of every layer of the store, also of layers that have none in force.
    pub fn histories(&self) -> &[LayerHistory] {
        &self.histories
    }

    pub fn history(&self, layer: &LayerName) -> Option<&LayerHistory> {
        self.histories.iter().find(|history| &history.layer == layer)
    }

    /// Returns the units of these codes with all that lie in them, those that have ended included; no codes mean no limit.
    ///
    /// A unit belongs to the one that holds it in the generation in force, else to the one that held it last: who answers for a place
    /// now sees what happened there before.
    pub fn territory(&self, layer: &LayerName, codes: &[UnitCode]) -> Territory {
        if codes.is_empty() {
            return Territory::Whole;
        }
        // Held while working it out, so that requests that come together do it once.
        let mut known = self.territories.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (layer.clone(), codes.into());
        if let Some(territory) = known.get(&key) {
            return territory.clone();
        }
        if known.len() >= TERRITORIES_MAX {
            known.clear();
        }
        let territory = Territory::within(codes, self.kin(layer));
        known.insert(key, territory.clone());
        territory
    }

    /// Whether any layer has a unit of a code now, or had one.
    pub fn has_unit(&self, code: &UnitCode) -> bool {
        let lives = |layer: &Arc<LayerSnapshot>| layer.coverage().levels().iter().any(|level| level.find(code).is_some());
        let ended = self.histories.iter().flat_map(|history| &history.ended);
        self.layers.iter().any(lives) || ended.into_iter().any(|unit| unit.code == *code)
    }

    /// Returns the units of now whose codes begin the longest like one that none has, in the order of codes.
    pub fn nearest_units(&self, code: &UnitCode, count_max: usize) -> Vec<&UnitCode> {
        let alike = |other: &UnitCode| code.as_str().bytes().zip(other.as_str().bytes()).take_while(|(a, b)| a == b).count();
        let levels = self.layers.iter().flat_map(|layer| layer.coverage().levels());
        let mut codes: Vec<&UnitCode> = levels.flat_map(CoverageLevel::units).map(|unit| &unit.code).collect();
        codes.sort_unstable_by(|a, b| (alike(b), *a).cmp(&(alike(a), *b)));
        codes.dedup();
        codes.truncate(count_max);
        codes
    }

    /// Returns the units of a layer, those of now first.
    fn kin(&self, layer: &LayerName) -> Vec<Kin<'_>> {
        let current = self.layer(layer).map(|layer| layer.coverage().levels()).unwrap_or_default();
        let levels = current.iter().enumerate();
        let living = levels
            .flat_map(|(depth, level)| level.units().iter().map(move |unit| Kin { depth, code: &unit.code, parent: unit.parent.as_ref() }));
        // A level that is gone lay below those that are left, as far as anybody can tell.
        let depth_of = |level: &Level| current.iter().position(|now| now.level() == level).unwrap_or(current.len());
        let ended = self.history(layer).map(|history| history.ended.as_slice()).unwrap_or_default().iter();
        living.chain(ended.map(|unit| Kin { depth: depth_of(&unit.level), code: &unit.code, parent: unit.parent.as_ref() })).collect()
    }

    /// Returns the roster with the times between which it is in force.
    pub fn roster_snapshot(&self) -> &RosterSnapshot {
        &self.roster
    }

    pub fn roster(&self) -> &Arc<Roster> {
        &self.roster.roster
    }

    /// Returns when another roster takes over, where that is known.
    pub fn roster_until(&self) -> Option<Timestamp> {
        self.roster.term.to
    }

    pub fn rule_book(&self) -> &Arc<RuleBook> {
        &self.rules
    }

    /// Returns the rules of dispatch in force at `at`.
    pub fn rules(&self, at: Timestamp) -> Rules<'_> {
        self.rules.at(at)
    }

    /// Returns when the first part of this snapshot is superseded, where that is known.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.layers.iter().filter_map(|layer| layer.superseded_at()).chain(self.roster.term.to).min()
    }

    pub fn settings(&self) -> Settings {
        self.settings
    }
}
