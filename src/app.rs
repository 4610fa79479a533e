//! Puts the parts together: opens the store that an address names, and builds what commands and the service share.
//!
//! Clock and random ids are read here, so that everything below stays a function of its input.

mod copy;
mod drawing;
mod erasure;
mod follow;
mod generations;
mod numbering;
mod retention;
mod stranded;
mod tables;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use uuid::Uuid;

use crate::boundary::{
    Accepted, FeatureRef, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Problem, ProblemKind, ProblemUnit, Severity,
    UnitCode, UnitId, UnitShape, Validity,
};
use crate::history::{BrokenLock, DraftError, Unheld, entries_of_import, find_unheld, load_drawn_from};
use crate::store::{Publication, Store, StoreError, StoredGeneration, current_generation, newest_generation};
use crate::topology::{Rules, ValidCoverage, VertexMove, check};

pub use crate::history::{LoadError, StoreUnavailable, load_as_of, load_snapshot};
pub use copy::{Backup, CopiedStore, CopyError, back_up_store, copy_store, open_copied_store, refuse_unfinished};
pub use drawing::{DrawingError, read_tile_layers};
pub use erasure::{Erased, ErasureError, ErasureList, reapply};
pub use follow::{follow, load_first};
pub use generations::{RollBackOptions, roll_back};
pub use numbering::{NumberError, Renumbered, give_codes, renumber};
pub use retention::{RetentionError, clear_leftovers, keep, take_out_month};
pub use stranded::{describe_stranded, find_stranded};
pub use tables::{TableError, read_tables};

/// What is opened for a command that needs the store.
pub type SharedStore = Arc<dyn Store>;

/// What a command means to do with the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenMode {
    /// The store must exist; nothing is written to it.
    ReadOnly,
    /// The store must exist, and is written to.
    Write,
    /// The store is made where it does not exist.
    Create,
}

/// Opens the store that an address names.
///
/// # Errors
/// The store is missing, of another kind, an unfinished copy, or cannot be read.
pub fn open_store(address: &str, mode: OpenMode) -> Result<SharedStore, StoreUnavailable> {
    let store = open_copied_store(address, mode)?;
    refuse_unfinished(&*store)?;
    Ok(store)
}

/// Whether an address names a database rather than a file.
pub fn is_postgres(address: &str) -> bool {
    address.starts_with("postgres://") || address.starts_with("postgresql://")
}

/// A level about to take the place of what the generation in effect at its time has there.
#[derive(Debug)]
pub struct NewLevel {
    /// The layer with every level that it is to have from now on, coarse to fine.
    pub layer: Layer,
    pub level: Level,
    /// Ids and validity are given by [`publish`]; the level is set to `level`.
    pub shapes: Vec<UnitShape>,
    /// Units that the generation before it has and `shapes` does not stay, as `--merge` asks.
    pub merge: bool,
}

/// How and by whom a level is published.
#[derive(Clone, Debug)]
pub struct PublishOptions {
    /// What the other levels were accepted with is accepted again beside what this names.
    pub rules: Rules,
    pub state: GenerationState,
    /// None takes effect now.
    pub effective_from: Option<Timestamp>,
    pub author: String,
    pub note: String,
    /// Codes that have ended may name other units now.
    pub reuses_codes: bool,
    /// Published generations that begin later may be given up.
    pub gives_up_future: bool,
    /// The generation or draft that the other levels are of, a draft as of its last step; the generation in effect then where none is named.
    pub from: Option<GenerationId>,
    /// The newest published generation when the shapes were read from the store; publishing fails where there is a newer one. None
    /// for shapes that come from elsewhere.
    pub made_on: Option<GenerationId>,
}

/// What became of a publication.
#[derive(Debug, Default)]
pub struct Published {
    /// None where problems stand in the way; nothing was written then.
    pub generation: Option<Generation>,
    pub problems: Vec<Problem>,
    pub moves: Vec<VertexMove>,
    pub unit_count: usize,
    /// Whom the roster leaves without a holder when the generation takes effect; none of a draft.
    pub unheld: Option<Unheld>,
    /// What was published for later and never takes effect now, with when it was to, oldest first.
    pub gives_up: Vec<(GenerationId, Timestamp)>,
}

#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("cannot publish layer {layer}")]
    Store {
        layer: LayerName,
        #[source]
        source: StoreUnavailable,
    },
    #[error(
        "layer {layer} was changed by another while this was made, so nothing was stored: {} is the newest now; do it again on top of it",
        newest.map_or_else(|| "no generation".to_owned(), |newest| format!("generation {newest}"))
    )]
    Superseded { layer: LayerName, newest: Option<GenerationId> },
    #[error(
        "what takes effect at {effective_from} would give up what is published of layer {layer} for later: {}; {}",
        describe_later(later),
        remedy_of_later(later)
    )]
    GivesUp { layer: LayerName, effective_from: Timestamp, later: Vec<(GenerationId, Timestamp)> },
    #[error("layer {layer} has units at level {level}, which the levels named now leave out; name all of them, coarse to fine")]
    LevelLeftOut { layer: LayerName, level: Level },
    #[error("cannot read generation {from} of layer {layer}")]
    From {
        layer: LayerName,
        from: GenerationId,
        #[source]
        source: DraftError,
    },
    #[error(
        "{} {} of layer {layer} is locked in the draft and {} in the file, at {:.6} {:.6}; give it back as it was, or unlock it in the draft first",
        broken.level, broken.unit, broken.what, broken.place.0, broken.place.1
    )]
    Locked { layer: LayerName, broken: Box<BrokenLock> },
    #[error("layer {layer} has no generation {from}{}", last.map_or_else(String::new, |last| format!("; they are numbered up to {last}")))]
    NoGeneration { layer: LayerName, from: GenerationId, last: Option<GenerationId> },
    #[error("layer {layer} has no level {level}")]
    NoLevel { layer: LayerName, level: Level },
    #[error("generation {generation} of layer {layer} is a draft; only what was published can be brought back")]
    Draft { layer: LayerName, generation: GenerationId },
    #[error("generation {generation} of layer {layer} is the newest already, so there is nothing to roll back")]
    Newest { layer: LayerName, generation: GenerationId },
}

impl PublishError {
    /// Says what became of layer `layer` when the store refused or failed.
    pub fn new(layer: LayerName, error: StoreError) -> Self {
        match error {
            StoreError::Superseded { newest, .. } => Self::Superseded { layer, newest },
            error => Self::Store { layer, source: error.into() },
        }
    }

    /// Whether what others have published or locked stands in the way, and not the input or the store.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Superseded { .. } | Self::GivesUp { .. } | Self::Locked { .. })
    }
}

/// Later generations named in a message; the rest is counted.
const LATER_NAMED_MAX: usize = 4;

fn describe_later(later: &[(GenerationId, Timestamp)]) -> String {
    let named = later.iter().take(LATER_NAMED_MAX).map(|(id, from)| format!("generation {id} from {from}"));
    let text = named.collect::<Vec<_>>().join(", ");
    let more = later.len().saturating_sub(LATER_NAMED_MAX);
    if more > 0 { format!("{text} and {more} more") } else { text }
}

fn remedy_of_later(later: &[(GenerationId, Timestamp)]) -> String {
    let them = if later.len() == 1 { "it" } else { "them" };
    let last = later.iter().map(|(_, from)| *from).max().unwrap_or_default();
    format!("publish with --effective {last} or later, roll {them} back first, or give {them} up by name with --accept future")
}

/// Puts a level in place of that of the generation in effect when the new one begins, checks all levels together, and publishes
/// what passes. What is published for later takes no part; a draft gives nothing up.
///
/// # Errors
/// The store fails, the levels do not fit the layer's, or what others have published stands in the way
/// ([`PublishError::is_conflict`]); problems of the data are in the result.
pub fn publish(store: &dyn Store, new: NewLevel, options: &PublishOptions) -> Result<Published, PublishError> {
    let name = new.layer.name.clone();
    let failed = |error: StoreError| PublishError::new(name.clone(), error);
    let now = Timestamp::now();
    let effective_from = options.effective_from.unwrap_or(now);
    let generations = store.load_generations(&name).map_err(failed)?;
    let is_published = options.state == GenerationState::Published;
    let later = if is_published { given_up(&generations, effective_from) } else { Vec::new() };
    if !options.gives_up_future && !later.is_empty() {
        return Err(PublishError::GivesUp { layer: name, effective_from, later });
    }
    let newest = newest_generation(&generations);
    let parent = newest.map(|newest| newest.id);
    if let Some(expected) = options.made_on
        && Some(expected) != parent
    {
        return Err(PublishError::Superseded { layer: name, newest: parent });
    }
    let base = base_of(&generations, effective_from);
    // What is given up is no part of what is made now, nor is the roster that came with it.
    let restores = base.map(|base| base.id).filter(|base| Some(*base) != parent);
    let mut inherited = None;
    let (base, restores) = match options.from {
        Some(from) => {
            if !generations.iter().any(|generation| generation.id == from) {
                let last = generations.last().map(|last| last.id);
                return Err(PublishError::NoGeneration { layer: name, from, last });
            }
            let drawn = load_drawn_from(store, &name, from, parent);
            let (drawn, given) = drawn.map_err(|source| PublishError::From { layer: name.clone(), from, source })?;
            // What was published since the draft was made would be taken back without a word.
            if given.as_ref().is_some_and(|given| !given.is_current) {
                return Err(PublishError::Superseded { layer: name, newest: parent });
            }
            let restores = given.as_ref().map_or(Some(from).filter(|from| Some(*from) != parent), |given| given.restores);
            inherited = given;
            (Some(drawn), restores)
        }
        None => (base.map(|base| store.load_generation(&name, base.id)).transpose().map_err(failed)?, restores),
    };
    let layer = new.layer.clone();
    let incoming = layer.depth_of(&new.level);
    let sources: FxHashMap<UnitCode, FeatureRef> = new.shapes.iter().map(|shape| (shape.unit.code.clone(), shape.source.clone())).collect();
    let (shapes, accepted) = put_together(base, new, effective_from)?;
    let rules = Rules { accepted: either(accepted, options.rules.accepted), incoming, ..options.rules };
    let checked = check(&layer, shapes, &rules);
    let mut published = Published { problems: checked.problems, moves: checked.moves, ..Published::default() };
    if let Some(coverage) = checked.coverage {
        if let Some(broken) = inherited.as_ref().and_then(|inherited| inherited.broken_lock(&coverage)) {
            return Err(PublishError::Locked { layer: name, broken: Box::new(broken) });
        }
        published.unit_count = coverage.levels().iter().map(|level| level.units().len()).sum();
        let publication = Publication {
            coverage: &coverage,
            parent,
            state: options.state,
            effective_from,
            created_at: now,
            author: &options.author,
            note: &options.note,
            restores,
            reuses_codes: options.reuses_codes,
        };
        match store.publish(publication) {
            Ok(generation) => {
                if generation.state == GenerationState::Published {
                    published.unheld = ask_unheld(store, &coverage, &generation);
                }
                if let Some(inherited) = inherited.filter(|_| generation.state == GenerationState::Draft) {
                    let entries = entries_of_import(&generation, &inherited, &coverage);
                    entries.iter().try_for_each(|entry| store.add_draft_entry(entry)).map_err(failed)?;
                }
                published.generation = Some(generation);
                published.gives_up = later;
            }
            Err(StoreError::CodesReused { level, codes, .. }) => {
                let source = |code: &UnitCode| sources.get(code).cloned().unwrap_or_default();
                let reused = codes.iter().map(|code| reused_code(&coverage, &level, source(code), code));
                published.problems.extend(reused);
            }
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(published)
}

/// Asks who will hold the units of what was published. It is published all the same where that cannot be told.
fn ask_unheld(store: &dyn Store, coverage: &ValidCoverage, generation: &Generation) -> Option<Unheld> {
    let asked = find_unheld(store, coverage, generation.effective_from);
    asked.inspect_err(|error| tracing::warn!(%error, generation = generation.id.0, "published; who will hold its units is not known")).ok()
}

fn reused_code(coverage: &ValidCoverage, level: &Level, source: FeatureRef, code: &UnitCode) -> Problem {
    let detail = format!("the code {code} named another {level}, which has ended; a code that has ended is not used again");
    let remedy = "give the unit a new code, or, where it is the same unit redrawn, accept it by name with --accept reuse";
    let problem = Problem::new(ProblemKind::ReusedCode, Severity::Error, detail, remedy).at_level(level);
    let place = coverage.level(level).zip(coverage.layer().depth_of(level)).and_then(|(units, depth)| {
        let unit = units.find(code)?;
        Some(coverage.to_geometry(depth, unit))
    });
    let problem = problem.of([ProblemUnit { code: Some(code.to_string()), source }]);
    if let Some(place) = place { problem.placed(place) } else { problem }
}

/// Returns the generation of which one is made that begins at `effective_from`: the one in effect then, else the newest.
fn base_of(generations: &[Generation], effective_from: Timestamp) -> Option<&Generation> {
    current_generation(generations, effective_from).or_else(|| newest_generation(generations))
}

/// Returns the published generations that begin after `effective_from` and would no longer take effect once a newer one begins
/// there, oldest first. Those that were given up before are not among them.
fn given_up(generations: &[Generation], effective_from: Timestamp) -> Vec<(GenerationId, Timestamp)> {
    let later = generations.iter().filter(|later| {
        let takes_effect = current_generation(generations, later.effective_from).is_some_and(|current| current.id == later.id);
        later.effective_from > effective_from && takes_effect
    });
    later.map(|later| (later.id, later.effective_from)).collect()
}

/// Returns the shapes of all levels, and what was accepted of those that stay.
fn put_together(
    base: Option<StoredGeneration>,
    new: NewLevel,
    effective_from: Timestamp,
) -> Result<(Vec<Vec<UnitShape>>, Accepted), PublishError> {
    let NewLevel { layer, level, shapes: new_shapes, merge } = new;
    let Some(new_depth) = layer.depth_of(&level) else { return Err(PublishError::NoLevel { layer: layer.name, level }) };
    let mut shapes: Vec<Vec<UnitShape>> = vec![Vec::new(); layer.levels.len()];
    let mut accepted = Accepted::default();
    if let Some(stored) = base {
        for (stored_level, stored_shapes) in stored.layer.levels.into_iter().zip(stored.shapes) {
            let is_empty = stored_shapes.is_empty();
            match layer.depth_of(&stored_level) {
                Some(depth) if depth != new_depth || merge => shapes[depth] = stored_shapes,
                Some(_) => continue,
                None if is_empty => continue,
                None => return Err(PublishError::LevelLeftOut { layer: layer.name, level: stored_level }),
            }
            if !is_empty {
                accepted = stored.accepted;
            }
        }
    }
    let codes: FxHashSet<&UnitCode> = new_shapes.iter().map(|shape| &shape.unit.code).collect();
    shapes[new_depth].retain(|shape| !codes.contains(&shape.unit.code));
    shapes[new_depth].extend(new_shapes.into_iter().map(|mut shape| {
        // The store keeps the id of a code that it knows; this one is for a new code.
        shape.unit.id = UnitId(Uuid::now_v7());
        shape.unit.validity = Validity { from: effective_from, to: None };
        shape.unit.level = level.clone();
        shape
    }));
    Ok((shapes, accepted))
}

fn either(a: Accepted, b: Accepted) -> Accepted {
    Accepted { overlap: a.overlap || b.overlap, gap: a.gap || b.gap, nesting: a.nesting || b.nesting }
}
