use std::sync::Arc;

use jiff::Timestamp;

use super::layer::LayerSnapshot;
use crate::boundary::LayerName;
use crate::dispatch::Roster;

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
    /// None: since ever.
    pub from: Option<Timestamp>,
    /// When another takes over, where that is known; exclusive.
    pub to: Option<Timestamp>,
}

/// The state of the service at one moment.
#[derive(Debug)]
pub struct Snapshot {
    version: u64,
    layers: Vec<Arc<LayerSnapshot>>,
    roster: RosterSnapshot,
    settings: Settings,
}

impl Snapshot {
    /// Puts a snapshot together. Parts that have not changed are shared with the snapshot before. `version` is the store's.
    pub fn new(version: u64, mut layers: Vec<Arc<LayerSnapshot>>, roster: RosterSnapshot, settings: Settings) -> Self {
        layers.sort_by(|a, b| a.layer().name.cmp(&b.layer().name));
        Self { version, layers, roster, settings }
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

    pub fn roster(&self) -> &Arc<Roster> {
        &self.roster.roster
    }

    /// Returns when another roster takes over, where that is known.
    pub fn roster_until(&self) -> Option<Timestamp> {
        self.roster.to
    }

    /// Returns when the first part of this snapshot is superseded, where that is known.
    pub fn ends_at(&self) -> Option<Timestamp> {
        self.layers.iter().filter_map(|layer| layer.superseded_at()).chain(self.roster.to).min()
    }

    pub fn settings(&self) -> Settings {
        self.settings
    }
}
