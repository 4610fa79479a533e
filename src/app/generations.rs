use jiff::Timestamp;

use super::{PublishError, Published, ask_unheld, given_up};
use crate::boundary::{GenerationId, GenerationState, LayerName};
use crate::store::{Publication, Store, StoreError, newest_generation};
use crate::topology::{Rules, check};

/// How and by whom an earlier generation is brought back.
#[derive(Clone, Debug)]
pub struct RollBackOptions {
    /// None takes effect now.
    pub effective_from: Option<Timestamp>,
    pub author: String,
    /// None says which generation is brought back.
    pub note: Option<String>,
}

/// Publishes the boundaries of an earlier generation again, as a new one. Nothing is deleted, and a later generation that has not taken
/// effect yet no longer will.
///
/// The boundaries pass the same check as any others; the faults that were accepted of them are accepted again.
///
/// # Errors
/// The store fails, or `to` is a draft or the newest generation; problems of the data are in the result.
pub fn roll_back(store: &dyn Store, layer: &LayerName, to: GenerationId, options: &RollBackOptions) -> Result<Published, PublishError> {
    let failed = |error: StoreError| PublishError::new(layer.clone(), error);
    let generations = store.load_generations(layer).map_err(failed)?;
    let newest = newest_generation(&generations).map(|newest| newest.id);
    if newest == Some(to) {
        return Err(PublishError::Newest { layer: layer.clone(), generation: to });
    }
    let stored = store.load_generation(layer, to).map_err(failed)?;
    if stored.generation.state == GenerationState::Draft {
        return Err(PublishError::Draft { layer: layer.clone(), generation: to });
    }
    let now = Timestamp::now();
    let checked = check(&stored.layer, stored.shapes, &Rules { snap_m: 0.0, accepted: stored.accepted, ..Rules::default() });
    let mut published = Published { problems: checked.problems, moves: checked.moves, ..Published::default() };
    let Some(coverage) = checked.coverage else { return Ok(published) };
    published.unit_count = coverage.levels().iter().map(|level| level.units().len()).sum();
    let effective_from = options.effective_from.unwrap_or(now);
    let publication = Publication {
        coverage: &coverage,
        parent: newest,
        state: GenerationState::Published,
        effective_from,
        created_at: now,
        author: &options.author,
        note: &options.note.clone().unwrap_or_else(|| format!("brings generation {to} back")),
        restores: Some(to),
        // Units come back exactly as they were, which is no other use of their codes.
        reuses_codes: false,
    };
    let generation = store.publish(publication).map_err(failed)?;
    published.unheld = ask_unheld(store, &coverage, &generation);
    published.generation = Some(generation);
    published.gives_up = given_up(&generations, effective_from);
    Ok(published)
}
