use jiff::Timestamp;

use super::session::DraftSession;
use crate::boundary::{Problem, Severity};
use crate::history::unheld::{Unheld, find_unheld_by};
use crate::plan::edit::Draft;
use crate::store::{RosterData, Store, StoreError};
use crate::topology::{Checked, Rules, ValidCoverage, check};

/// What stands between a draft and its publication.
#[derive(Debug)]
pub struct Readiness {
    pub problems: Vec<Problem>,
    /// What would be published; none where problems stand in the way.
    pub coverage: Option<ValidCoverage>,
    /// Whom the roster of the time leaves without a holder.
    pub unheld: Unheld,
}

impl Readiness {
    pub fn errors(&self) -> usize {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
    }
}

/// Puts a draft through the check that every import passes, and asks who would hold its units at a time, by a roster that is to come
/// with it or by the one of the time.
///
/// # Errors
/// Those of the store.
pub fn look_over(session: &DraftSession, store: &dyn Store, roster: Option<&RosterData>, at: Timestamp) -> Result<Readiness, StoreError> {
    let Checked { problems, coverage, .. } = check_all(session.draft());
    let unheld = match &coverage {
        None => Unheld::default(),
        Some(coverage) => {
            let roster = roster.map_or_else(|| store.load_roster(at).map(|stored| stored.data), |roster| Ok(roster.clone()))?;
            find_unheld_by(coverage, roster, at)
        }
    };
    Ok(Readiness { problems, coverage, unheld })
}

/// Checks all shapes of a draft as an import does; what was accepted of its base is accepted again.
pub fn check_all(draft: &Draft) -> Checked {
    let base = draft.base();
    let shapes = (0..base.levels().len()).map(|depth| draft.shapes(depth)).collect();
    let rules = Rules { snap_m: 0.0, accepted: base.accepted(), ..Rules::default() };
    check(base.layer(), shapes, &rules)
}
