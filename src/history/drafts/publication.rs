use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::json;

use super::readiness::{draw, look_over};
use super::session::DraftSession;
use crate::boundary::{GenerationId, GenerationState, LayerName, UnitCode, Validity};
use crate::dispatch::Assignment;
use crate::store::{DraftEntry, DraftEntryKind, Publication, RosterChange, RosterData, Store, StoreError, newest_generation};
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
    #[error(
        "generation {newest} of layer {layer} was published after the draft was begun; begin another from generation {newest} and repeat the steps"
    )]
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
    #[error("the posts of {from} cannot go to {to}, which is no unit of the draft; name one that it has, of any level")]
    NoUnit { from: UnitCode, to: UnitCode },
    #[error("the posts of {unit} would go to {unit}, where they are; leave it out")]
    StaysThere { unit: UnitCode },
    #[error("the posts of {unit} are sent to {} and to {}; name it once", to[0], to[1])]
    SentTwice { unit: UnitCode, to: [UnitCode; 2] },
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
    /// The roster that comes with it, and the number of the one written last when it was made.
    roster: Option<(RosterData, Option<u64>)>,
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
    check_moves(session, &wish.roster_moves)?;
    // Where the day has begun, the posts go now: what was written since is not undone.
    let at = effective_from.max(wish.at);
    let (roster, posts_moved) = move_posts(store, &wish.roster_moves, at)?;
    let ready = look_over(draw(session), store, roster.as_ref().map(|(roster, _)| roster), at)?;
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
    /// Returns the roster that comes with it.
    pub fn roster(&self) -> Option<RosterChange<'_>> {
        self.roster.as_ref().map(|(data, newest)| RosterChange { data, newest: *newest })
    }

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

/// Sees that posts go from one unit each to another that the draft has.
fn check_moves(session: &DraftSession, moves: &[(UnitCode, UnitCode)]) -> Result<(), NotPublished> {
    let draft = session.draft();
    let mut sent: FxHashMap<&UnitCode, &UnitCode> = FxHashMap::default();
    for (from, to) in moves {
        if from == to {
            return Err(NotPublished::StaysThere { unit: from.clone() });
        }
        if !(0..draft.base().levels().len()).any(|depth| draft.has(depth, to)) {
            return Err(NotPublished::NoUnit { from: from.clone(), to: to.clone() });
        }
        if let Some(other) = sent.insert(from, to) {
            return Err(NotPublished::SentTwice { unit: from.clone(), to: [other.clone(), to.clone()] });
        }
    }
    Ok(())
}

/// The roster with posts moved, where any are, the number of the one written last, and how many posts were moved.
type Moved = (Option<(RosterData, Option<u64>)>, usize);

/// Ends posts at units and begins them at others, from a time on. None where nothing moves.
fn move_posts(store: &dyn Store, moves: &[(UnitCode, UnitCode)], at: Timestamp) -> Result<Moved, NotPublished> {
    if moves.is_empty() {
        return Ok((None, 0));
    }
    let stored = store.load_roster(at)?;
    let (newest, mut roster) = (stored.term.mark.newest, stored.data);
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
    Ok((Some((roster, newest)), count))
}
