use jiff::Timestamp;

use super::lineage::{Inherited, first_entries};
use super::readiness::check_all;
use super::session::{DraftError, DraftSession};
use crate::boundary::{Generation, GenerationId, GenerationState};
use crate::history::load::load_coverage;
use crate::history::weighing::Figures;
use crate::plan::edit::Operation;
use crate::snapshot::LayerHistory;
use crate::store::{DraftEntry, Publication, Store, newest_generation};
use crate::topology::ValidCoverage;

/// What a draft begins as.
#[derive(Debug)]
pub struct Beginning {
    pub coverage: ValidCoverage,
    from: GenerationId,
    parent: Option<GenerationId>,
    restores: Option<GenerationId>,
    load_field: Option<String>,
    /// What it has from a draft.
    inherited: Option<Inherited>,
}

/// Reads what a draft is to begin as: a generation, or another draft as of its last step; by default the newest that is published.
///
/// # Errors
/// There is no such generation, it cannot be edited, something was published since the draft was begun, or the store fails.
pub fn beginning_of(store: &dyn Store, history: &LayerHistory, from: Option<GenerationId>) -> Result<Beginning, DraftError> {
    let layer = &history.layer;
    let generations = store.load_generations(layer)?;
    let newest = newest_generation(&generations).map(|newest| newest.id);
    let from = from.or(newest).ok_or_else(|| DraftError::NothingPublished { layer: layer.clone() })?;
    let Some(origin) = generations.iter().find(|generation| generation.id == from) else {
        return Err(DraftError::NoGeneration { layer: layer.clone(), generation: from });
    };
    let (coverage, inherited) = match origin.state {
        GenerationState::Published => (load_coverage(store, history, from)?.1, None),
        GenerationState::Draft => {
            let session = DraftSession::open(store, history, from, None)?;
            let inherited = Inherited::of(&session, newest);
            inherited.require_current(layer, newest)?;
            let checked = check_all(session.draft());
            let problem = || checked.problems.first().map(|problem| problem.detail.clone()).unwrap_or_default();
            let coverage = checked.coverage;
            let coverage = coverage.ok_or_else(|| DraftError::Faulty { layer: layer.clone(), draft: from, first_problem: problem() })?;
            (coverage, Some(inherited))
        }
    };
    // What cannot be edited is told before anything is written.
    let accepted = coverage.accepted();
    if accepted.overlap || accepted.nesting {
        return Err(DraftError::Accepted { layer: layer.clone(), generation: from });
    }
    let restores = match &inherited {
        Some(inherited) => inherited.restores,
        None => Some(from).filter(|from| Some(*from) != newest),
    };
    let load_field = inherited.as_ref().and_then(|inherited| inherited.load_field.clone());
    Ok(Beginning { coverage, from, parent: newest, restores, load_field, inherited })
}

impl Beginning {
    /// Names the field of loads, where it is not to be that of the draft that this one begins from.
    ///
    /// # Errors
    /// No unit of the finest level has it, or one has no number from 0 up there.
    pub fn with_load_field(self, field: Option<&str>) -> Result<Self, DraftError> {
        let Some(field) = field.filter(|field| !field.is_empty()) else { return Ok(self) };
        check_load_field(&self.coverage, field)?;
        Ok(Self { load_field: Some(field.to_owned()), ..self })
    }

    /// Returns the operations of the step that locks what was locked in the draft that this one begins from.
    pub fn locks(&self) -> Vec<Operation> {
        self.inherited.as_ref().map(|inherited| inherited.locks(&self.coverage)).unwrap_or_default()
    }

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

    /// Returns the first entries of the log of the draft that was written.
    pub fn entries(&self, draft: &Generation) -> Vec<DraftEntry> {
        first_entries(draft, self.from, self.inherited.as_ref(), self.load_field.as_deref(), false, &self.locks())
    }
}

/// Sees that the finest units have a number from 0 up in a field, or nothing, and that one at least has a number.
fn check_load_field(coverage: &ValidCoverage, field: &str) -> Result<(), DraftError> {
    let Some(level) = coverage.finest_depth().map(|depth| &coverage.levels()[depth]) else { return Ok(()) };
    // Nothing in it depends on the time, as nothing imported is known.
    let figures = Figures::of_fields(level.level(), level.units(), Timestamp::UNIX_EPOCH);
    figures.of(field).map(|_| ()).map_err(|error| {
        let mut known: Vec<String> = Vec::new();
        for (name, value) in level.units().iter().flat_map(|unit| unit.properties.iter()) {
            if value.is_number() && !known.contains(name) {
                known.push(name.clone());
            }
        }
        known.sort_unstable();
        DraftError::LoadField { level: level.level().clone(), field: field.to_owned(), detail: error.to_field_detail(), known }
    })
}
