use jiff::Timestamp;

use crate::api::state::AppState;
use crate::dispatch::workflow::CaseState;
use crate::dispatch::{CONDITION_SIGN, Case, WorkerId};
use crate::snapshot::Snapshot;

/// Says who has a case in hand and has not the skill that its category needs at `at`. Nobody is kept from it: whoever is there may be the
/// only one.
pub fn skill_notices(state: &AppState, snapshot: &Snapshot, case: &Case, folded: &CaseState, at: Timestamp) -> Vec<String> {
    let code = case.category.split(CONDITION_SIGN).next().unwrap_or_default();
    let rules = snapshot.rules(at);
    let Some(needed) = rules.skill_of(code).filter(|_| !folded.is_end) else { return Vec::new() };
    let named = folded.open_tasks().filter_map(|task| task.worker.as_ref());
    let mut workers: Vec<&WorkerId> = case.holder.iter().chain(named).collect();
    workers.sort_unstable();
    workers.dedup();
    let skills = state.skills();
    let has = |worker: &WorkerId| skills.iter().any(|skill| skill.name == needed && skill.worker == *worker && skill.holds(at));
    let lacking = workers.into_iter().filter(|worker| !has(worker));
    lacking.map(|worker| format!("{code} needs the skill {needed:?}, which {worker} has not, or has no more")).collect()
}
