use std::sync::Arc;

use jiff::Timestamp;

use super::resolve::{AsOf, AsOfError, resolve};
use super::step::step;
use crate::boundary::{Generation, GenerationId, GenerationState, LayerName};
use crate::config::{Config, IndexKind};
use crate::dispatch::{Roster, RosterMark, RuleBook};
use crate::index::Search;
use crate::snapshot::{LayerHistory, LayerKey, LayerSnapshot, PastUnit, RosterSnapshot, Settings, Snapshot};
use crate::store::{EndedUnit, Store, StoreError, StoredGeneration, current_generation};
use crate::topology::{Rules, ValidCoverage, check, restore};

/// The store cannot be reached or read; commands exit with 3.
#[derive(Debug, thiserror::Error)]
#[error("the store is not available")]
pub struct StoreUnavailable(#[from] pub StoreError);

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    // Not transparent: the exit code is chosen by what stands in the chain.
    #[error("cannot load what is stored")]
    Store(#[from] StoreUnavailable),
    #[error("generation {generation} of layer {layer} no longer passes its check ({first_problem}); publish it anew from its source")]
    Invalid { layer: LayerName, generation: GenerationId, first_problem: String },
    #[error(transparent)]
    AsOf(#[from] AsOfError),
}

impl LoadError {
    /// Whether trying again fails again, until something else is written.
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::Store(_))
    }
}

impl From<StoreError> for LoadError {
    fn from(error: StoreError) -> Self {
        Self::Store(error.into())
    }
}

/// Builds the snapshot of what is in force at `at`. Layers that one of `known` has in the same state are shared with it.
///
/// # Errors
/// The store fails, or holds a generation that does not pass its check.
pub fn load_snapshot(store: &dyn Store, config: &Config, at: Timestamp, known: &[Arc<Snapshot>]) -> Result<Snapshot, LoadError> {
    // The version is read first: what is written meanwhile makes the next look find a newer one.
    let version = store.load_version()?;
    let histories = load_histories(store, config)?;
    let load_layers = || {
        let mut layers = Vec::new();
        for history in &histories {
            let Some(current) = current_generation(&history.generations, at) else { continue };
            layers.push(match find_known(known, &history.key(current.id)) {
                Some(layer) => layer,
                None => Arc::new(follow_layer(store, history, current, known)?),
            });
        }
        Ok::<_, LoadError>(layers)
    };
    let find_held = |mark| known.iter().find_map(|snapshot| snapshot.roster_snapshot().rows_of(mark));
    // A province has as many rows on its roster as it has boundaries; reading the one takes as long as reading the other.
    let (layers, roster) = std::thread::scope(|scope| {
        let roster = scope.spawn(|| load_roster(store, config, at, find_held));
        (load_layers(), roster.join())
    });
    let roster = roster.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    let rules = load_rules(store, config, known)?;
    Ok(Snapshot::new(version, layers?, roster, to_settings(config)).with_histories(histories.into()).with_rules(rules))
}

/// Builds a snapshot that holds one layer as of a time or of a generation, with the roster of that time, and returns that time too.
///
/// # Errors
/// The layer has nothing of that time or number; the store fails, or holds a generation that does not pass its check.
pub fn load_as_of(
    store: &dyn Store,
    config: &Config,
    layer: &LayerName,
    as_of: AsOf,
    now: Timestamp,
) -> Result<(Snapshot, Timestamp), LoadError> {
    let version = store.load_version()?;
    let histories = load_histories(store, config)?;
    let known = || histories.iter().map(|history| history.layer.as_str()).collect::<Vec<_>>().join(", ");
    let Some(history) = histories.iter().find(|history| &history.layer == layer) else {
        return Err(AsOfError::UnknownLayer { layer: layer.clone(), known: known() }.into());
    };
    let resolved = resolve(history, as_of, now).map_err(|error| with_start(error, history))?;
    let at = resolved.at;
    let layer = load_layer(store, history, resolved.generation.id)?;
    let roster = load_roster(store, config, at, |_| None)?;
    let rules = load_rules(store, config, &[])?;
    let snapshot = Snapshot::new(version, vec![Arc::new(layer)], roster, to_settings(config));
    Ok((snapshot.with_histories(histories.into()).with_rules(rules), at))
}

/// Who reads the store may know of what lies ahead: where nothing has begun yet, the error says when something will.
fn with_start(error: AsOfError, history: &LayerHistory) -> AsOfError {
    match error {
        AsOfError::NotCovered { layer, at, first: None } => AsOfError::NotCovered {
            layer,
            at,
            first: history.generations.iter().filter(|g| g.state == GenerationState::Published).map(|g| g.effective_from).min(),
        },
        error => error,
    }
}

/// Reads the generations of every layer, without their boundaries.
///
/// # Errors
/// The store fails.
pub fn load_histories(store: &dyn Store, config: &Config) -> Result<Vec<LayerHistory>, StoreError> {
    let layers = store.load_layers()?.into_iter();
    layers.map(|layer| load_history(store, config, layer.name)).collect()
}

pub(super) fn load_history(store: &dyn Store, config: &Config, layer: LayerName) -> Result<LayerHistory, StoreError> {
    let generations = store.load_generations(&layer)?;
    let ended = store.load_ended_units(&layer)?.into_iter();
    let ended = ended.map(|EndedUnit { level, code, parent }| PastUnit { level, code, parent }).collect();
    let search = match config.index {
        IndexKind::Raster => Search::Raster,
        IndexKind::Rtree => Search::Rtree,
    };
    Ok(LayerHistory { is_public: config.layer(&layer).public, search, generations, ended, layer })
}

/// Reads one generation and makes it ready to answer. `history` was read before it, so that ends of units which are written meanwhile
/// are known too early and never too late.
///
/// # Errors
/// The store fails, or holds a generation that does not pass its check.
pub fn load_layer(store: &dyn Store, history: &LayerHistory, id: GenerationId) -> Result<LayerSnapshot, LoadError> {
    let (generation, coverage) = load_coverage(store, history, id)?;
    let superseded_at = history.superseded_at(id);
    let layer = LayerSnapshot::build(generation, superseded_at, Arc::new(coverage), history.is_public, history.search);
    Ok(layer.with_newest(history.key(id).newest))
}

/// Reads the boundaries of one generation alone.
///
/// # Errors
/// The store fails, or holds a generation that does not pass its check.
pub fn load_coverage(store: &dyn Store, history: &LayerHistory, id: GenerationId) -> Result<(Generation, ValidCoverage), LoadError> {
    let stored = store.load_generation(&history.layer, id)?;
    let StoredGeneration { generation, layer, shapes, accepted, seal } = stored;
    // What was checked when it was published is known by its seal; the rest is checked again.
    let restored = match seal {
        Some(seal) => restore(&layer, shapes, accepted, seal),
        None => Err(shapes),
    };
    let coverage = match restored {
        Ok(coverage) => coverage,
        Err(shapes) => {
            let checked = check(&layer, shapes, &Rules { snap_m: 0.0, accepted, ..Rules::default() });
            let first_problem = || checked.problems.first().map(|problem| problem.detail.clone()).unwrap_or_default();
            checked.coverage.ok_or_else(|| LoadError::Invalid {
                layer: history.layer.clone(),
                generation: id,
                first_problem: first_problem(),
            })?
        }
    };
    Ok((generation, coverage))
}

/// Makes a generation from one of the layer's that is known, or reads it as a whole where that cannot be done.
fn follow_layer(
    store: &dyn Store,
    history: &LayerHistory,
    generation: &Generation,
    known: &[Arc<Snapshot>],
) -> Result<LayerSnapshot, LoadError> {
    let Some(base) = known.iter().find_map(|snapshot| snapshot.layer(&history.layer)) else {
        return load_layer(store, history, generation.id);
    };
    match step(store, base, history, generation)? {
        Some(layer) => Ok(layer),
        None => load_layer(store, history, generation.id),
    }
}

/// Reads the roster in force at `at`, or takes the one that `known` has of the same mark.
///
/// # Errors
/// The store fails.
pub fn load_roster(
    store: &dyn Store,
    config: &Config,
    at: Timestamp,
    known: impl FnOnce(RosterMark) -> Option<Arc<Roster>>,
) -> Result<RosterSnapshot, StoreError> {
    let term = store.find_roster(at)?;
    if let Some(roster) = known(term.mark) {
        return Ok(RosterSnapshot { roster, term });
    }
    let stored = store.load_roster(at)?;
    let roster = Roster::new(stored.data.workers, stored.data.assignments, config.time_zone.clone());
    Ok(RosterSnapshot { roster: Arc::new(roster), term: stored.term })
}

/// Reads the rules of dispatch of all times, or takes those of one of `known` where none were written since.
///
/// # Errors
/// The store fails.
pub fn load_rules(store: &dyn Store, config: &Config, known: &[Arc<Snapshot>]) -> Result<Arc<RuleBook>, StoreError> {
    let newest = store.find_rules()?;
    let same = known.iter().map(|snapshot| snapshot.rule_book()).find(|book| book.newest() == newest);
    if let Some(book) = same {
        return Ok(Arc::clone(book));
    }
    Ok(Arc::new(RuleBook::new(&store.load_rules()?, &config.time_zone)))
}

fn find_known(known: &[Arc<Snapshot>], key: &LayerKey) -> Option<Arc<LayerSnapshot>> {
    let same = |snapshot: &Arc<Snapshot>| snapshot.layer(&key.layer).filter(|layer| &layer.key() == key).cloned();
    known.iter().find_map(same)
}

fn to_settings(config: &Config) -> Settings {
    Settings { doubt_distance_m: config.doubt_distance_m }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::WorkerId;
    use crate::store::conformance::{coverage, day, layer, publish, row_of_squares, rules, worker};
    use crate::store::{MemoryStore, RosterData};

    #[test]
    fn the_roster_is_read_again_only_where_it_changed() {
        let store = MemoryStore::new();
        let load = |known: &[Arc<Snapshot>]| Arc::new(load_snapshot(&store, &Config::default(), day(30), known).unwrap());
        let roster = |name: &str| RosterData { workers: vec![worker("w1", name)], assignments: Vec::new() };
        store.replace_roster(&roster("one"), None, "a", day(1)).unwrap();
        publish(&store, &coverage(&layer("grid"), vec![vec![], row_of_squares(&["1"])]), 1).unwrap();
        let first = load(&[]);
        publish(&store, &coverage(&layer("grid"), vec![vec![], row_of_squares(&["1", "2"])]), 2).unwrap();
        let second = load(std::slice::from_ref(&first));
        assert!(first.version() < second.version() && Arc::ptr_eq(first.roster(), second.roster()));
        store.replace_roster(&roster("other"), None, "a", day(3)).unwrap();
        let third = load(std::slice::from_ref(&second));
        let name = |snapshot: &Snapshot| snapshot.roster().worker(&WorkerId("w1".into())).map(|worker| worker.name.clone());
        assert_eq!((name(&second), name(&third)), (Some("one".into()), Some("other".into())));
    }

    #[test]
    fn rules_are_read_again_only_where_they_changed() {
        let store = MemoryStore::new();
        publish(&store, &coverage(&layer("grid"), vec![vec![], row_of_squares(&["1"])]), 1).unwrap();
        let load = |known: &[Arc<Snapshot>]| Arc::new(load_snapshot(&store, &Config::default(), day(30), known).unwrap());
        let none = load(&[]);
        assert!(!none.rules(day(30)).has_categories());
        store.replace_rules(&rules()[0], day(10), "a", day(2)).unwrap();
        let first = load(std::slice::from_ref(&none));
        assert!(first.rules(day(10)).has_categories() && !first.rules(day(9)).has_categories());
        store.save_note("a", "b", "c", day(3)).unwrap();
        let second = load(std::slice::from_ref(&first));
        assert!(second.version() > first.version() && Arc::ptr_eq(first.rule_book(), second.rule_book()));
    }
}
