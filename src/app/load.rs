use std::sync::Arc;

use jiff::Timestamp;

use super::StoreUnavailable;
use super::step::step;
use crate::boundary::{GenerationId, GenerationState, LayerName};
use crate::config::Config;
use crate::dispatch::Roster;
use crate::snapshot::{LayerSnapshot, RosterSnapshot, Settings, Snapshot};
use crate::store::{Store, StoreError, current_generation};
use crate::topology::{Rules, check};

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    // Not transparent: the exit code is chosen by what stands in the chain.
    #[error("cannot load what is stored")]
    Store(#[from] StoreUnavailable),
    #[error("generation {generation} of layer {layer} no longer passes its check ({first_problem}); publish it anew from its source")]
    Invalid { layer: LayerName, generation: GenerationId, first_problem: String },
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Builds the snapshot of what is in force at `at`. Layers that `previous` has in the same state are shared with it.
///
/// # Errors
/// The store fails, or holds a generation that does not pass its check.
pub fn load_snapshot(store: &dyn Store, config: &Config, at: Timestamp, previous: Option<&Snapshot>) -> Result<Snapshot, LoadError> {
    // The version is read first: what is written meanwhile makes the next look find a newer one.
    let version = store.load_version()?;
    let mut layers = Vec::new();
    for layer in store.load_layers()? {
        layers.extend(load_layer(store, config, &layer.name, at, previous)?);
    }
    let stored = store.load_roster(at)?;
    let roster = Roster::new(stored.data.workers, stored.data.assignments, config.time_zone.clone());
    let roster = RosterSnapshot { roster: Arc::new(roster), from: stored.from, to: stored.to };
    Ok(Snapshot::new(version, layers, roster, Settings { doubt_distance_m: config.doubt_distance_m }))
}

fn load_layer(
    store: &dyn Store,
    config: &Config,
    name: &LayerName,
    at: Timestamp,
    previous: Option<&Snapshot>,
) -> Result<Option<Arc<LayerSnapshot>>, LoadError> {
    let generations = store.load_generations(name)?;
    let Some(current) = current_generation(&generations, at) else { return Ok(None) };
    let later = |g: &&crate::boundary::Generation| g.state == GenerationState::Published && g.effective_from > at && g.id > current.id;
    let superseded_at = generations.iter().filter(later).map(|g| g.effective_from).min();
    let is_public = config.layer(name).public;
    if let Some(known) = previous.and_then(|snapshot| snapshot.layer(name)) {
        if known.generation() == current && known.superseded_at() == superseded_at && known.is_public() == is_public {
            return Ok(Some(Arc::clone(known)));
        }
        if let Some(next) = step(store, known, current, superseded_at, is_public)? {
            return Ok(Some(Arc::new(next)));
        }
    }
    let stored = store.load_generation(name, current.id)?;
    let rules = Rules { snap_m: 0.0, accepted: stored.accepted, ..Rules::default() };
    let checked = check(&stored.layer, stored.shapes, &rules);
    let Some(coverage) = checked.coverage else {
        let first_problem = checked.problems.first().map(|problem| problem.detail.clone()).unwrap_or_default();
        return Err(LoadError::Invalid { layer: name.clone(), generation: current.id, first_problem });
    };
    Ok(Some(Arc::new(LayerSnapshot::build(stored.generation, superseded_at, Arc::new(coverage), is_public))))
}
