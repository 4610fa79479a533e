use jiff::Timestamp;

use super::definition::{ActionName, EscalationStep, Workflow};
use super::event::{AlarmFact, CaseEvent, Facts, NextWord, Word};
use super::state::{CaseClock, CaseState};
use crate::dispatch::{Calendar, Role, due};

/// Who is the author of what the service does by itself.
pub const SERVICE: &str = "service";

/// Returns the word about a clock that was due first by `now`, as the next event of the case; none where none was.
///
/// Each word is told once of each due time of a clock, as the fold of the history knows which were. That little is left is not told
/// of a clock that is over by now. The event has the time at which the word was due, or that of the event before it where that is
/// later: a history never goes back.
pub fn ring(workflow: &Workflow, case: &CaseState, calendar: &Calendar, now: Timestamp) -> Option<CaseEvent> {
    let due_by_now = |clock: &CaseClock| clock.next.as_ref().map(|next| next.at).filter(|at| *at <= now);
    let (department, clock) = case.running().filter(|(_, clock)| due_by_now(clock).is_some()).min_by_key(|(_, clock)| due_by_now(clock))?;
    let (next, due_at) = (clock.next.as_ref()?, clock.due_at?);
    let (at, word) = if next.word == Word::Soon && due_at <= now { (due_at, Word::Overdue) } else { (next.at, next.word.clone()) };
    let next = match &word {
        Word::Soon => Some(NextWord { at: due_at, word: Word::Overdue }),
        Word::Overdue => step_after(workflow, clock, due_at, calendar, None),
        Word::Level { level, to } => step_after(workflow, clock, due_at, calendar, Some((*level, to))),
    };
    let effect = word.effect();
    let alarm = AlarmFact { stage: clock.stage, due_at, word, next };
    Some(CaseEvent {
        seq: case.version + 1,
        at: at.max(case.changed_at),
        author: SERVICE.into(),
        role: Role::Admin,
        action: ActionName(effect.as_str().into()),
        effect,
        state: case.name.clone(),
        is_end: case.is_end,
        facts: Facts { department: department.cloned(), alarm: Some(alarm), ..Facts::default() },
    })
}

/// Returns the step of the chain that follows one, by level and then by whom it tells; without one the first.
fn step_after(
    workflow: &Workflow,
    clock: &CaseClock,
    due_at: Timestamp,
    calendar: &Calendar,
    last: Option<(u8, &str)>,
) -> Option<NextWord> {
    let name = |step: &EscalationStep| (step.level, step.to.clone());
    let of_clock = workflow.escalation.iter().filter(|step| step.stage.is_none_or(|stage| stage == clock.stage));
    let mut later: Vec<&EscalationStep> = of_clock.filter(|step| last.is_none_or(|last| (step.level, step.to.as_str()) > last)).collect();
    later.sort_by_key(|step| name(step));
    // A step whose time no calendar knows is passed over.
    later.into_iter().find_map(|step| {
        let at = step.after.map_or(Some(due_at), |after| due(due_at, after, calendar))?;
        Some(NextWord { at, word: Word::Level { level: step.level, to: step.to.clone() } })
    })
}
