//! The lives of incidents that come with a state.

use jiff::Timestamp;

use super::Read;
use crate::dispatch::workflow::{ActionName, CaseEvent, Effect, Facts, StateName, Workflow, begin};
use crate::dispatch::{Case, Reporter, Role};
use crate::import::{IncidentRow, RowProblem};
use crate::snapshot::{Answer, Snapshot, context_of, place_of};
use crate::store::{CaseWrite, CaseWritten, NewCase, Store, StoreError};

/// Cases that are made durable together: few enough that a service beside goes on.
const BATCH: usize = 1_000;

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
pub fn history(
    snapshot: &Snapshot,
    workflow: &Workflow,
    answer: Option<&Answer<'_>>,
    case: &Case,
    state: &str,
    state_at: Option<Timestamp>,
) -> Vec<CaseEvent> {
    let name = StateName(state.into());
    let (Some(answer), Some(state)) = (answer, workflow.state(&name)) else { return Vec::new() };
    let at = Timestamp::from_millisecond(case.reported_at.as_millisecond()).unwrap_or(case.reported_at);
    let author = super::super::author();
    let context = context_of(snapshot, answer, &case.category, place_of(case), at);
    let first = begin(workflow, Role::Admin, &author, at, &context);
    if first.state == name {
        return vec![first];
    }
    let moved = CaseEvent {
        seq: 2,
        at: state_at.and_then(|at| Timestamp::from_millisecond(at.as_millisecond()).ok()).unwrap_or(at).max(at),
        author,
        role: Role::Admin,
        action: ActionName("import".into()),
        effect: Effect::Note,
        state: name,
        is_end: state.is_end,
        facts: Facts::default(),
    };
    vec![first, moved]
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
