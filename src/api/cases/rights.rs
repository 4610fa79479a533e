use jiff::Timestamp;

use crate::api::caller::Caller;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::boundary::{LayerName, Territory, UnitCode};
use crate::dispatch::{CONDITION_SIGN, Case, Role};
use crate::snapshot::Snapshot;
use crate::store::CaseRecord;

/// What cases are called where they are refused.
const CASES: &str = "a case";

/// The layer in whose units cases lie.
const LAYER: &str = "grid";

/// Turns away who may not see cases at all.
///
/// # Errors
/// 401 without a key, 403 with one that does not reach.
pub fn require(caller: &Caller) -> Result<(), Problem> {
    caller.require_layer(&layer(), false, CASES)
}

/// The layer in whose units cases lie.
pub fn layer() -> LayerName {
    LayerName::parse(LAYER).expect("the name is one, as every lookup shows")
}

/// Whether a key, which reaches the territory, reaches a case.
pub fn reaches(caller: &Caller, territory: &Territory, case: &Case) -> bool {
    territory.has_place(case.grid.as_ref()) && caller.reaches_layer(&layer())
}

/// Turns away who asks for units that the key does not reach, by the beginning of their codes.
///
/// # Errors
/// 403.
pub fn require_prefix(territory: &Territory, prefix: Option<&str>) -> Result<(), Problem> {
    if prefix.is_none_or(|prefix| territory.meets(prefix)) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::Forbidden, "the key does not reach the units of this code"))
}

/// Whether a caller may see all of a case.
///
/// # Errors
/// 503 before the first snapshot was built, where the key is limited.
pub fn sees(state: &AppState, caller: &Caller, record: &CaseRecord) -> Result<bool, Problem> {
    if require(caller).is_err() {
        return Ok(false);
    }
    let territory = state.territory(caller.scope())?;
    Ok(reaches(caller, &territory, &record.case) || concerns(caller, record))
}

/// Whether all may see a case with its text and place, of which it is known whether somebody has looked at it and said so.
pub fn is_for_all(snapshot: &Snapshot, case: &Case, is_published: bool, at: Timestamp) -> bool {
    is_published && !is_private(snapshot, case, at)
}

/// Whether a case is of a category that is not shown to all, whatever was said of the case. One that the rules do not have, or have no
/// more, is not: nobody says that it may be shown.
pub fn is_private(snapshot: &Snapshot, case: &Case, at: Timestamp) -> bool {
    let code = case.category.split(CONDITION_SIGN).next().unwrap_or_default();
    let rules = snapshot.rules(at);
    if code.is_empty() || !rules.has_categories() {
        return false;
    }
    rules.find(code, true).map_or(true, |asked| asked.category.rows_at(at).next().is_none_or(|row| row.is_private))
}

/// Whether a case is one that the caller has to do with by name: theirs, one at which they are asked to look, or of whose task they
/// are to take care.
pub fn concerns(caller: &Caller, record: &CaseRecord) -> bool {
    let Some(worker) = caller.worker() else { return false };
    if record.case.holder.as_ref() == Some(worker) {
        return true;
    }
    record.state().is_some_and(|state| state.asked() == Some(worker) || state.open_tasks().any(|task| task.worker.as_ref() == Some(worker)))
}

/// Turns away who may not report or place a case where it lies.
///
/// # Errors
/// 403 with the grid that it lies in.
pub fn require_reach<'a>(caller: &Caller, path: impl IntoIterator<Item = &'a UnitCode>) -> Result<(), Problem> {
    caller.require_reach(&layer())?;
    // A key that is not limited reports anywhere, also one of an app that sees nothing.
    if caller.scope().is_empty() || caller.sees_personal_data_of(path) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::Forbidden, "the place lies outside of the units that the key reaches; report it to who answers there"))
}

/// Whether who reported a case may be shown: to those who have to call back.
pub fn sees_reporters(caller: &Caller) -> bool {
    matches!(caller.role(), Role::Dispatcher | Role::Admin)
}
