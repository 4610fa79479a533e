use jiff::Timestamp;

use super::session::DraftSession;
use crate::boundary::{Accepted, FeatureRef, Layer, Problem, ProblemKind, ProblemUnit, Severity, UnitShape};
use crate::history::unheld::{Unheld, find_unheld_by};
use crate::plan::edit::{Draft, Recounted};
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

/// A draft as it stood, taken out of its session so that it can be checked while others edit.
#[derive(Debug)]
pub struct Drawing {
    layer: Layer,
    shapes: Vec<Vec<UnitShape>>,
    accepted: Accepted,
    /// What is worth knowing and does not follow from the shapes.
    warnings: Vec<Problem>,
}

/// Takes all shapes of a draft as they stand.
pub fn draw(session: &DraftSession) -> Drawing {
    let draft = session.draft();
    let warnings = draft.recounted().into_iter().map(|recounted| warn_of_fields(draft, recounted)).collect();
    Drawing { warnings, ..Drawing::of(draft) }
}

/// Puts a draft through the check that every import passes, and asks who would hold its units at a time, by a roster that is to come
/// with it or by the one of the time.
///
/// # Errors
/// Those of the store.
pub fn look_over(mut drawing: Drawing, store: &dyn Store, roster: Option<&RosterData>, at: Timestamp) -> Result<Readiness, StoreError> {
    let Checked { mut problems, coverage, .. } = drawing.check();
    let unheld = match &coverage {
        None => Unheld::default(),
        Some(coverage) => {
            let roster = roster.map_or_else(|| store.load_roster(at).map(|stored| stored.data), |roster| Ok(roster.clone()))?;
            find_unheld_by(coverage, roster, at)
        }
    };
    problems.extend(drawing.warnings);
    Ok(Readiness { problems, coverage, unheld })
}

/// Checks all shapes of a draft as an import does; what was accepted of its base is accepted again.
pub fn check_all(draft: &Draft) -> Checked {
    Drawing::of(draft).check()
}

impl Drawing {
    fn of(draft: &Draft) -> Self {
        let base = draft.base();
        let shapes = (0..base.levels().len()).map(|depth| draft.shapes(depth)).collect();
        Self { layer: base.layer().clone(), shapes, accepted: base.accepted(), warnings: Vec::new() }
    }

    fn check(&mut self) -> Checked {
        let rules = Rules { snap_m: 0.0, accepted: self.accepted, ..Rules::default() };
        check(&self.layer, std::mem::take(&mut self.shapes), &rules)
    }
}

/// Units named in a sentence; the problem has all.
const NAMED_MAX: usize = 6;

/// Says which figures of units are still those from before they were redrawn: nobody knows what the pieces have of them.
fn warn_of_fields(draft: &Draft, Recounted { depth, units, fields }: Recounted) -> Problem {
    let level = draft.base().levels()[depth].level();
    let named = units.iter().take(NAMED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = if units.len() > NAMED_MAX { " and others" } else { "" };
    let fields = fields.join(", ");
    let detail = format!("what {fields} say of {named}{more} is from before these were split, merged or redrawn, or missing");
    let remedy = "count them anew and import them, or take the draft for the ground alone; its own load is shared out by area";
    let units = units.into_iter().map(|code| ProblemUnit { code: Some(code.to_string()), source: FeatureRef::default() });
    Problem::new(ProblemKind::NotRecounted, Severity::Warning, detail, remedy).at_level(level).of(units)
}
