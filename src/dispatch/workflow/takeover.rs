use jiff::Timestamp;

use super::decide::{begin, stage_clock, task_clock, warn};
use super::definition::{ActionDefinition, ActionName, Effect, StateDefinition, StateName, Workflow};
use super::event::{Appointed, CaseEvent, ClockFact, Facts};
use super::order::Context;
use crate::dispatch::{DepartmentId, Role, Stage};

/// What stands in the history of a case as the move by which it came from elsewhere.
const IMPORT: &str = "import";

/// What a state says of the tasks of a case that stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImpliedTasks {
    None,
    /// Departments are at it: it is left when they are done.
    Open,
    /// Departments have done theirs, and may be sent back to do them again.
    Done,
}

/// Where and when a case came from elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Takeover<'a> {
    pub author: &'a str,
    pub reported_at: Timestamp,
    /// The state in which it is, and since when.
    pub state: &'a StateDefinition,
    pub since: Timestamp,
}

impl Workflow {
    /// Says whether departments have tasks in a state, by the moves that are open there: where `done` is, they have; where `rework` is
    /// and `done` is not, they had. In a state that ends a case, and one that there is not, they have none.
    pub fn tasks_in(&self, state: &StateName) -> ImpliedTasks {
        let is_end = self.state(state).is_none_or(|state| state.is_end);
        let has = |effect: Effect| self.actions.iter().any(|action| action.effect == effect && action.from.contains(state));
        match () {
            () if is_end => ImpliedTasks::None,
            () if has(Effect::Done) => ImpliedTasks::Open,
            () if has(Effect::Rework) => ImpliedTasks::Done,
            () => ImpliedTasks::None,
        }
    }

    /// Returns the state of a case that has just been filed; none where cases are not.
    fn filed_state(&self) -> Option<&StateDefinition> {
        let file = self.actions.iter().find(|action| action.effect == Effect::File)?;
        self.state(file.to.as_ref()?)
    }

    /// Whether a move of an effect leads to a state from others.
    fn is_led_to(&self, effect: Effect, state: &StateName) -> bool {
        let leads = |action: &ActionDefinition| action.to.as_ref() == Some(state) && action.from.iter().any(|from| from != state);
        self.actions.iter().any(|action| action.effect == effect && leads(action))
    }
}

/// Returns the history of a case that was begun elsewhere and is taken over as it stands: it was reported, and has come to its state since.
///
/// It gets what its state says it has: the clock of its stage and tasks for those whom the rules name, which run from when it came there;
/// where departments are done already, their tasks, without limits, as nobody knows when they were given. `reported` is what is known of
/// the case as of its report, `context` as of its state.
pub fn take_over(workflow: &Workflow, takeover: Takeover<'_>, reported: &Context<'_>, context: &Context<'_>) -> Vec<CaseEvent> {
    let Takeover { author, reported_at, state, since } = takeover;
    let first = begin(workflow, Role::Admin, author, reported_at, reported);
    if first.state == state.name {
        return vec![first];
    }
    let at = since.max(reported_at);
    let given = first.facts.departments.clone();
    let mut events = vec![first];
    for (effect, state, mut facts) in moves_to(workflow, state, at, given, context) {
        warn(workflow, &mut facts.clocks, at, context);
        let seq = u32::try_from(events.len() + 1).expect("a case that is taken over has few events");
        let (author, action) = (author.to_owned(), ActionName(IMPORT.into()));
        events.push(CaseEvent {
            seq,
            at,
            author,
            role: Role::Admin,
            action,
            effect,
            state: state.name.clone(),
            is_end: state.is_end,
            facts,
        });
    }
    events
}

/// Returns what has happened by the time at which a case came to its state, to departments that were `given` tasks with the report.
fn moves_to<'a>(
    workflow: &'a Workflow,
    state: &'a StateDefinition,
    at: Timestamp,
    given: Vec<Appointed>,
    context: &Context<'_>,
) -> Vec<(Effect, &'a StateDefinition, Facts)> {
    let clocks = stage_clock(state, at, context);
    let new = || if given.is_empty() { context.departments.clone() } else { Vec::new() };
    if state.is_end {
        return ending(workflow, state, &given);
    }
    let filed = if workflow.tasks_in(&state.name) == ImpliedTasks::None { None } else { workflow.filed_state() };
    let of = |appointed: &Appointed| Facts { department: Some(appointed.department.clone()), ..Facts::default() };
    // Who has departments at work has filed the case before.
    let mut moves: Vec<(Effect, &StateDefinition, Facts)> =
        filed.map(|filed| (Effect::File, filed, Facts::default())).into_iter().collect();
    match workflow.tasks_in(&state.name) {
        ImpliedTasks::Open => {
            let departments = new();
            let of_tasks = departments.iter().map(|appointed| task_clock(&appointed.department, at, context));
            let clocks = clocks.into_iter().chain(of_tasks).collect();
            let at_it = if given.is_empty() { departments.clone() } else { given };
            let effect = if departments.is_empty() { Effect::Note } else { Effect::Dispatch };
            moves.push((effect, state, Facts { departments, clocks, ..Facts::default() }));
            // Of several nobody knows which has accepted.
            if let [only] = at_it.as_slice()
                && workflow.is_led_to(Effect::Accept, &state.name)
            {
                moves.push((Effect::Accept, state, of(only)));
            }
        }
        ImpliedTasks::Done => {
            let departments = new();
            if !departments.is_empty() {
                let clocks = departments.iter().map(|appointed| untimed(&appointed.department)).collect();
                moves.push((
                    Effect::Dispatch,
                    filed.unwrap_or(workflow.start()),
                    Facts { departments: departments.clone(), clocks, ..Facts::default() },
                ));
            }
            let done = if given.is_empty() { departments } else { given };
            let facts = Facts { worker: context.collector.clone(), clocks, ..Facts::default() };
            match done.split_last() {
                None => moves.push((Effect::Note, state, Facts { worker: None, ..facts })),
                Some((last, others)) => {
                    moves.extend(others.iter().map(|other| (Effect::Done, filed.unwrap_or(workflow.start()), of(other))));
                    moves.push((Effect::Done, state, Facts { department: Some(last.department.clone()), ..facts }));
                }
            }
        }
        ImpliedTasks::None if workflow.is_led_to(Effect::Verify, &state.name) => {
            moves.push((Effect::Verify, state, Facts { worker: context.collector.clone(), clocks, ..Facts::default() }));
        }
        ImpliedTasks::None if workflow.is_led_to(Effect::File, &state.name) => {
            moves.push((Effect::File, state, Facts { clocks, ..Facts::default() }));
        }
        ImpliedTasks::None => moves.push((Effect::Note, state, Facts { clocks, ..Facts::default() })),
    }
    moves
}

/// Returns what has ended a case: it was void, or those who had been given tasks with the report are done and it was closed.
fn ending<'a>(workflow: &'a Workflow, state: &'a StateDefinition, given: &[Appointed]) -> Vec<(Effect, &'a StateDefinition, Facts)> {
    let is_led = |effect: Effect| workflow.is_led_to(effect, &state.name);
    if is_led(Effect::Void) && !is_led(Effect::Close) {
        return vec![(Effect::Void, state, Facts::default())];
    }
    let done = |appointed: &Appointed| {
        let facts = Facts { department: Some(appointed.department.clone()), ..Facts::default() };
        (Effect::Done, workflow.start(), facts)
    };
    let end = if is_led(Effect::Close) { Effect::Close } else { Effect::Note };
    given.iter().map(done).chain([(end, state, Facts::default())]).collect()
}

fn untimed(department: &DepartmentId) -> ClockFact {
    ClockFact { department: Some(department.clone()), stage: Stage::Handle, limit: None, due_at: None, warn_at: None }
}
