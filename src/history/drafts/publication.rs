use jiff::Timestamp;
use serde_json::json;

use super::readiness::look_over;
use super::session::DraftSession;
use crate::boundary::{GenerationId, GenerationState, LayerName, UnitCode, Validity};
use crate::dispatch::Assignment;
use crate::store::{DraftEntry, DraftEntryKind, Publication, RosterData, Store, StoreError, newest_generation};
use crate::topology::ValidCoverage;

/// How and by whom a draft is to be published.
#[derive(Clone, Debug)]
pub struct Wish {
    /// By default what the draft says, and `at` where that is past.
    pub effective_from: Option<Timestamp>,
    /// Empty for the title of the draft.
    pub note: String,
    pub accepts_unheld: bool,
    /// Units whose posts go to other units.
    pub roster_moves: Vec<(UnitCode, UnitCode)>,
    pub author: String,
    pub at: Timestamp,
}

/// Why a draft is not published.
#[derive(Debug, thiserror::Error)]
pub enum NotPublished {
    #[error("nobody has approved the draft as it is; ask a second person to")]
    NotApproved,
    #[error("generation {newest} of layer {layer} was published after the draft was begun; begin another from it and repeat the steps")]
    Superseded { layer: LayerName, newest: GenerationId },
    #[error(
        "generation {generation} takes effect at {effective_from}, later than this would, and would be given up; publish with that day or later, or roll it back first"
    )]
    GivesUp { generation: GenerationId, effective_from: Timestamp },
    #[error("{errors} problems stand in the way")]
    Problems { errors: usize },
    #[error("{} units would have no holder; name who moves there, load a roster, or accept it", units.len())]
    Unheld { units: Vec<UnitCode> },
    #[error("nobody has a post at {unit} then")]
    NoPost { unit: UnitCode },
    #[error("the store failed")]
    Store(#[from] StoreError),
}

/// A draft that may be published.
#[derive(Debug)]
pub struct Prepared {
    coverage: ValidCoverage,
    parent: Option<GenerationId>,
    effective_from: Timestamp,
    note: String,
    pub roster: Option<RosterData>,
    pub posts_moved: usize,
    /// Units that nobody holds, which was accepted.
    pub unheld: Vec<UnitCode>,
    pub entry: DraftEntry,
}

/// Sees whether a draft may be published, and puts together what is to be written.
///
/// # Errors
/// What stands in the way.
pub fn prepare(session: &DraftSession, store: &dyn Store, wish: &Wish) -> Result<Prepared, NotPublished> {
    let generation = session.generation();
    if session.approval().is_none() {
        return Err(NotPublished::NotApproved);
    }
    let generations = store.load_generations(&generation.layer)?;
    let newest = newest_generation(&generations);
    let parent = newest.map(|newest| newest.id);
    if let Some(newest) = parent.filter(|newest| generation.parent != Some(*newest)) {
        return Err(NotPublished::Superseded { layer: generation.layer.clone(), newest });
    }
    let effective_from = wish.effective_from.unwrap_or_else(|| generation.effective_from.max(wish.at));
    if let Some(later) = newest.filter(|newest| newest.effective_from > effective_from) {
        return Err(NotPublished::GivesUp { generation: later.id, effective_from: later.effective_from });
    }
    let (roster, posts_moved) = move_posts(store, &wish.roster_moves, effective_from)?;
    let ready = look_over(session, store, roster.as_ref(), effective_from)?;
    let errors = ready.errors();
    let coverage = ready.coverage.ok_or(NotPublished::Problems { errors })?;
    if !ready.unheld.by_nobody.is_empty() && !wish.accepts_unheld {
        return Err(NotPublished::Unheld { units: ready.unheld.by_nobody });
    }
    let note = if wish.note.is_empty() { generation.note.clone() } else { wish.note.clone() };
    let entry = session.next(DraftEntryKind::Publish, &json!({}), &wish.author, wish.at);
    Ok(Prepared { coverage, parent, effective_from, note, roster, posts_moved, unheld: ready.unheld.by_nobody, entry })
}

impl Prepared {
    /// Returns the generation to be written.
    pub fn publication<'a>(&'a self, wish: &'a Wish) -> Publication<'a> {
        Publication {
            coverage: &self.coverage,
            parent: self.parent,
            state: GenerationState::Published,
            effective_from: self.effective_from,
            created_at: wish.at,
            author: &wish.author,
            note: &self.note,
            restores: None,
            reuses_codes: false,
        }
    }
}

/// Ends posts at units and begins them at others, from a time on. None where nothing moves.
fn move_posts(store: &dyn Store, moves: &[(UnitCode, UnitCode)], at: Timestamp) -> Result<(Option<RosterData>, usize), NotPublished> {
    if moves.is_empty() {
        return Ok((None, 0));
    }
    let mut roster = store.load_roster(at)?.data;
    let mut begun: Vec<Assignment> = Vec::new();
    for (from, to) in moves {
        let before = begun.len();
        for assignment in roster.assignments.iter_mut().filter(|assignment| assignment.unit == *from) {
            if assignment.validity.to.is_some_and(|end| end <= at) {
                continue;
            }
            let validity = Validity { from: assignment.validity.from.max(at), to: assignment.validity.to };
            begun.push(Assignment { unit: to.clone(), validity, ..assignment.clone() });
            assignment.validity.to = Some(at.max(assignment.validity.from));
        }
        if begun.len() == before {
            return Err(NotPublished::NoPost { unit: from.clone() });
        }
    }
    let count = begun.len();
    roster.assignments.retain(|assignment| assignment.validity.to.is_none_or(|end| end > assignment.validity.from));
    roster.assignments.extend(begun);
    Ok((Some(roster), count))
}
