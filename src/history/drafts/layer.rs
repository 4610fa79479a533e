use std::sync::Arc;

use super::lineage::Inherited;
use super::readiness::check_all;
use super::session::{DraftError, DraftSession};
use crate::boundary::{GenerationId, GenerationState, LayerName};
use crate::history::load::{LoadError, load_coverage};
use crate::plan::edit::Draft;
use crate::snapshot::{LayerHistory, LayerSnapshot};
use crate::store::{Store, StoredGeneration};
use crate::topology::ValidCoverage;

/// Makes a draft as of a revision ready to answer: from its base where few units differ, else from all of its shapes.
///
/// # Errors
/// The store fails, or the draft cannot be put together.
pub(in crate::history) fn load_draft_layer(
    store: &dyn Store,
    history: &LayerHistory,
    id: GenerationId,
    revision: u32,
) -> Result<LayerSnapshot, LoadError> {
    let invalid = |detail: String| LoadError::Invalid { layer: history.layer.clone(), generation: id, first_problem: detail };
    let session = DraftSession::open(store, history, id, Some(revision)).map_err(|error| match error {
        DraftError::Load(error) => error,
        error => invalid(error.to_string()),
    })?;
    let coverage = coverage_of(session.draft()).map_err(invalid)?;
    let generation = session.generation().clone();
    let layer = LayerSnapshot::build(generation, history.superseded_at(id), coverage, history.is_public, history.search);
    Ok(layer.with_newest(history.key(id).newest).at_revision(revision))
}

/// Makes a coverage of a draft as it stands: its base where nothing differs, from its base where few units differ, else from all of its shapes.
///
/// # Errors
/// Says what is wrong with the draft.
pub fn coverage_of(draft: &Draft) -> Result<Arc<ValidCoverage>, String> {
    let base = draft.base();
    if draft.is_unchanged() {
        return Ok(Arc::clone(base));
    }
    match base.patched(base.layer(), draft.delta(), base.accepted()) {
        Ok(patched) => Ok(Arc::new(patched.coverage)),
        Err(reason) => {
            tracing::info!(%reason, layer = %base.layer().name, "the draft is checked as a whole");
            let checked = check_all(draft);
            let problem = || checked.problems.first().map(|problem| problem.detail.clone()).unwrap_or_default();
            checked.coverage.map(Arc::new).ok_or_else(problem)
        }
    }
}

/// Reads a generation as it was published, or a draft as of its last step.
///
/// # Errors
/// It is not there, its log cannot be done, or the store fails.
pub fn load_drawn(store: &dyn Store, layer: &LayerName, id: GenerationId) -> Result<StoredGeneration, DraftError> {
    load_drawn_from(store, layer, id, None).map(|(stored, _)| stored)
}

/// Reads the same, with what a draft has from it that begins from a draft. `newest` is the newest published generation.
///
/// # Errors
/// As [`load_drawn`].
pub fn load_drawn_from(
    store: &dyn Store,
    layer: &LayerName,
    id: GenerationId,
    newest: Option<GenerationId>,
) -> Result<(StoredGeneration, Option<Inherited>), DraftError> {
    let mut stored = store.load_generation(layer, id)?;
    if stored.generation.state == GenerationState::Published {
        return Ok((stored, None));
    }
    let session = DraftSession::open(store, &LayerHistory::bare(layer.clone()), id, None)?;
    stored.shapes = (0..stored.layer.levels.len()).map(|depth| session.draft().shapes(depth)).collect();
    stored.seal = None;
    Ok((stored, Some(Inherited::of(&session, newest))))
}

/// Reads the boundaries of a generation as it was published, or of a draft as of its last step.
///
/// # Errors
/// It is not there, its log cannot be done, it does not pass its check, or the store fails.
pub fn load_drawn_coverage(store: &dyn Store, history: &LayerHistory, id: GenerationId) -> Result<Arc<ValidCoverage>, DraftError> {
    if history.find(id).is_none_or(|generation| generation.state != GenerationState::Draft) {
        return Ok(Arc::new(load_coverage(store, history, id)?.1));
    }
    let session = DraftSession::open(store, history, id, None)?;
    coverage_of(session.draft())
        .map_err(|first_problem| DraftError::Load(LoadError::Invalid { layer: history.layer.clone(), generation: id, first_problem }))
}
