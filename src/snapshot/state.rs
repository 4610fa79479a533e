use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::layer::{LayerKey, LayerSnapshot};
use crate::boundary::{Generation, GenerationId, GenerationState, LayerName};
use crate::dispatch::{Roster, RosterMark, RosterTerm, RuleBook, Rules};
use crate::index::Search;

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
}

impl LayerHistory {
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
}

impl Snapshot {
    /// Puts a snapshot together. Parts that have not changed are shared with the snapshot before. `version` is the store's.
    pub fn new(version: u64, mut layers: Vec<Arc<LayerSnapshot>>, roster: RosterSnapshot, settings: Settings) -> Self {
        layers.sort_by(|a, b| a.layer().name.cmp(&b.layer().name));
        let rules = Arc::new(RuleBook::new(&[], &TimeZone::UTC));
        Self { version, layers, roster, settings, histories: Arc::default(), rules }
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
