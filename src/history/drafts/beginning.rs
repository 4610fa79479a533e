use jiff::Timestamp;
use serde_json::json;

use super::readiness::check_all;
use super::session::{DraftError, DraftSession};
use crate::boundary::{Generation, GenerationId, GenerationState};
use crate::history::load::load_coverage;
use crate::snapshot::LayerHistory;
use crate::store::{DraftEntry, DraftEntryKind, Publication, Store, newest_generation};
use crate::topology::ValidCoverage;

/// What a draft begins as.
#[derive(Debug)]
pub struct Beginning {
    pub coverage: ValidCoverage,
    from: GenerationId,
    parent: Option<GenerationId>,
    restores: Option<GenerationId>,
}

/// Reads what a draft is to begin as: a generation, or another draft as of its last step; by default the newest that is published.
///
/// # Errors
/// There is no such generation, it cannot be edited, or the store fails.
pub fn beginning_of(store: &dyn Store, history: &LayerHistory, from: Option<GenerationId>) -> Result<Beginning, DraftError> {
    let layer = &history.layer;
    let generations = store.load_generations(layer)?;
    let newest = newest_generation(&generations).map(|newest| newest.id);
    let from = from.or(newest).ok_or_else(|| DraftError::NothingPublished { layer: layer.clone() })?;
    let Some(origin) = generations.iter().find(|generation| generation.id == from) else {
        return Err(DraftError::NoGeneration { layer: layer.clone(), generation: from });
    };
    let is_draft = origin.state == GenerationState::Draft;
    let coverage = match is_draft {
        false => load_coverage(store, history, from)?.1,
        true => {
            let session = DraftSession::open(store, history, from, None)?;
            let checked = check_all(session.draft());
            let problem = || checked.problems.first().map(|problem| problem.detail.clone()).unwrap_or_default();
            checked.coverage.ok_or_else(|| DraftError::Faulty { layer: layer.clone(), draft: from, first_problem: problem() })?
        }
    };
    // What cannot be edited is told before anything is written.
    let accepted = coverage.accepted();
    if accepted.overlap || accepted.nesting {
        return Err(DraftError::Accepted { layer: layer.clone(), generation: from });
    }
    let restores = Some(from).filter(|from| !is_draft && Some(*from) != newest);
    Ok(Beginning { coverage, from, parent: newest, restores })
}

impl Beginning {
    /// Returns the draft to be written.
    pub fn publication<'a>(&'a self, title: &'a str, author: &'a str, effective_from: Option<Timestamp>, at: Timestamp) -> Publication<'a> {
        Publication {
            coverage: &self.coverage,
            parent: self.parent,
            state: GenerationState::Draft,
            effective_from: effective_from.unwrap_or(at),
            created_at: at,
            author,
            note: title,
            restores: self.restores,
            reuses_codes: false,
        }
    }

    /// Returns the first entry of the log of the draft that was written.
    pub fn entry(&self, draft: &Generation, load_field: Option<&str>) -> DraftEntry {
        DraftEntry {
            layer: draft.layer.clone(),
            draft: draft.id,
            revision: 1,
            kind: DraftEntryKind::Open,
            body: json!({ "from": self.from.0, "load_field": load_field }).to_string(),
            author: draft.author.clone(),
            at: draft.created_at,
        }
    }
}
