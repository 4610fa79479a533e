//! The lives of incidents that come with a state.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Read;
use crate::dispatch::workflow::{
    ActionDefinition, CaseEvent, CaseState, Context, Effect, ImpliedTasks, StateName, Takeover, Workflow, take_over,
};
use crate::dispatch::{Case, Reporter};
use crate::import::{IncidentRow, RowProblem};
use crate::snapshot::{Answer, Snapshot, context_of, place_of};
use crate::store::{CaseWrite, CaseWritten, NewCase, Store, StoreError};

/// Cases that are made durable together: few enough that a service beside goes on.
const BATCH: usize = 1_000;

/// Rows that are told one by one.
const ROWS_TOLD: usize = 20;

/// Puts the names of states in the place of their titles, and that of the start where every case is to live; returns what names none.
pub fn check_states(incidents: &mut [IncidentRow], workflow: &Workflow, live: bool) -> Vec<RowProblem> {
    let mut problems = Vec::new();
    for incident in incidents {
        if incident.state.is_empty() {
            if live {
                incident.state = workflow.start().name.to_string();
            }
            continue;
        }
        let named = workflow.states().iter().find(|state| *state.name.0 == *incident.state || state.title == incident.state);
        match named {
            Some(state) => incident.state = state.name.to_string(),
            None => {
                let known = workflow.states().iter().map(|state| format!("{} {}", state.name, state.title)).collect::<Vec<_>>().join(", ");
                let detail = format!("{:?} is no state of the workflow {}; its states are {known}", incident.state, workflow.name);
                problems.push(RowProblem { row: incident.row, column: "state", detail });
            }
        }
    }
    problems
}

/// Returns the history of a case that has come as far as a state; empty for a mere record.
///
/// It is told by the rules of its time. Where these name nobody for a case that is still open, those of `now` do: an office loads its
/// rules and the cases that it has under way on one day. Whoever is to look at its place is somebody of now.
pub fn history(
    snapshot: &Snapshot,
    workflow: &Workflow,
    answer: Option<&Answer<'_>>,
    case: &Case,
    (state, state_at): (&str, Option<Timestamp>),
    now: Timestamp,
) -> Vec<CaseEvent> {
    let name = StateName(state.into());
    let (Some(answer), Some(state)) = (answer, workflow.state(&name)) else { return Vec::new() };
    let cut = |at: Timestamp| Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    let reported_at = cut(case.reported_at);
    let since = state_at.map_or(reported_at, cut);
    let context = |at: Timestamp| {
        let of_time = context_of(snapshot, answer, &case.category, place_of(case), at);
        if state.is_end {
            return of_time;
        }
        let of_now = context_of(snapshot, answer, &case.category, place_of(case), now);
        let collector = of_now.collector.clone();
        let is_named = !of_time.departments.is_empty() || of_now.departments.is_empty();
        Context { collector, ..if is_named { of_time } else { of_now } }
    };
    let author = super::super::author();
    take_over(workflow, Takeover { author: &author, reported_at, state, since }, &context(reported_at), &context(since))
}

/// Tells of cases for whom departments should be at work, and of which no rule says who; and of those that could not begin to live.
pub fn warn_of_idle(cases: &[Read], workflow: &Workflow) {
    let mut idle: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut nowhere = Vec::new();
    for read in cases.iter().filter(|read| !read.state.is_empty()) {
        let Some(folded) = CaseState::fold(&read.events) else {
            nowhere.push(read.row);
            continue;
        };
        if workflow.tasks_in(&folded.name) != ImpliedTasks::None && folded.tasks.is_empty() {
            idle.entry(&read.state).or_default().push(read.row);
        }
    }
    for (state, rows) in idle {
        let name = StateName(state.into());
        let is_remedy = |action: &&ActionDefinition| action.effect == Effect::Dispatch && action.from.contains(&name);
        let remedy = match workflow.actions().iter().find(is_remedy) {
            Some(action) => format!("give each its department by {}", action.name),
            None => "they go on without tasks".to_owned(),
        };
        eprintln!(
            "warning: {} incidents in the state {state} have no department, as no rule of responsibility names one for their category and grid; {remedy} ({})",
            rows.len(),
            tell_rows(rows)
        );
    }
    if !nowhere.is_empty() {
        eprintln!(
            "warning: {} incidents have a state and are kept as mere records all the same, as the store has no boundaries for their time ({})",
            nowhere.len(),
            tell_rows(nowhere)
        );
    }
}

/// Names rows in their order, not more than anybody reads.
fn tell_rows(mut rows: Vec<u64>) -> String {
    rows.sort_unstable();
    let told = rows.iter().take(ROWS_TOLD).map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let more = rows.len().saturating_sub(ROWS_TOLD);
    if more > 0 { format!("rows {told} and {more} more") } else { format!("rows {told}") }
}

/// Adds cases with their lives and returns how many were new.
///
/// # Errors
/// The store fails; what was added by then stays, and the same table again adds the rest.
pub fn add(store: &dyn Store, cases: Vec<Read>) -> Result<usize, StoreError> {
    let new = |Read { case, events, border_m, .. }| {
        let reporter = Reporter::default();
        CaseWrite::Add(Box::new(NewCase { case, events, photos: Vec::new(), reporter, token: None, near: None, border_m }))
    };
    let mut writes = cases.into_iter().map(new).peekable();
    let mut added = 0;
    while writes.peek().is_some() {
        let written = store.write_cases(writes.by_ref().take(BATCH).collect())?;
        added += written.iter().filter(|written| matches!(written, CaseWritten::Added(_))).count();
    }
    Ok(added)
}
