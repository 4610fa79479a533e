use std::sync::Arc;

use super::readiness::check_all;
use super::session::{DraftError, DraftSession};
use crate::boundary::GenerationId;
use crate::history::load::LoadError;
use crate::plan::edit::Draft;
use crate::snapshot::{LayerHistory, LayerSnapshot};
use crate::store::Store;
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
    let layer = LayerSnapshot::build(generation, history.superseded_at(id), Arc::new(coverage), history.is_public, history.search);
    Ok(layer.with_newest(history.key(id).newest).at_revision(revision))
}

/// Makes a coverage of a draft as it stands: from its base where few units differ, else from all of its shapes.
///
/// # Errors
/// Says what is wrong with the draft.
pub fn coverage_of(draft: &Draft) -> Result<ValidCoverage, String> {
    let base = draft.base();
    match base.patched(base.layer(), draft.delta(), base.accepted()) {
        Ok(patched) => Ok(patched.coverage),
        Err(reason) => {
            tracing::info!(%reason, layer = %base.layer().name, "the draft is checked as a whole");
            let checked = check_all(draft);
            let problem = || checked.problems.first().map(|problem| problem.detail.clone()).unwrap_or_default();
            checked.coverage.ok_or_else(problem)
        }
    }
}
