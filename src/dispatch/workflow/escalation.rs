use jiff::Timestamp;

use super::definition::{EscalationStep, Workflow};
use super::state::CaseState;
use crate::dispatch::{Calendar, due};

/// How far a case has gone up the chain, and when it goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Escalation<'a> {
    /// The highest step that has been reached; none where no clock has run out.
    pub step: Option<&'a EscalationStep>,
    /// When a step that was not reached yet will be, if nothing happens: what is to be waited for.
    pub next_at: Option<Timestamp>,
}

/// Tells how far up the chain a case is at `at`: by nothing but its clocks, so that the same is known everywhere and nobody has to have
/// looked in between.
pub fn escalation<'a>(workflow: &'a Workflow, case: &CaseState, calendar: &Calendar, at: Timestamp) -> Escalation<'a> {
    let mut found = Escalation { step: None, next_at: None };
    for step in &workflow.escalation {
        let of_stage = case.running().filter(|(_, clock)| step.stage.is_none_or(|stage| stage == clock.stage));
        let reached = |due_at: Timestamp| step.after.map_or(Some(due_at), |after| due(due_at, after, calendar));
        let Some(first) = of_stage.filter_map(|(_, clock)| reached(clock.due_at?)).min() else { continue };
        if first <= at {
            // Steps come lowest first, so a later one is as high or higher.
            found.step = Some(step);
        } else {
            found.next_at = found.next_at.into_iter().chain([first]).min();
        }
    }
    found
}
