//! Names that callers give of what there is: an unknown one is a slip that is told, and not a search in vain.

use jiff::Timestamp;

use super::problem::Problem;
use super::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::DepartmentId;
use crate::snapshot::Snapshot;
use crate::store::CaseFilter;

/// Names that are told one by one.
const TOLD_MAX: usize = 20;

/// Units that are told as the likest.
const UNITS_TOLD: usize = 5;

/// Refuses a category that the rules neither have nor had, nor as a wider kind, and that no case has. Where they have none, all will do.
///
/// # Errors
/// 400 with the nearest that there are; the store fails.
pub async fn require_category(state: &AppState, code: Option<&str>) -> Result<(), Problem> {
    let Some(code) = code else { return Ok(()) };
    let unknown = {
        let Some(snapshot) = state.live().load() else { return Ok(()) };
        let rules = snapshot.rules(Timestamp::now());
        match rules.find(code, true) {
            Err(unknown) if rules.has_categories() && !rules.has_had_category(code) => unknown.to_string(),
            _ => return Ok(()),
        }
    };
    if has_any(state, CaseFilter { categories: vec![code.to_owned()], ..CaseFilter::first(1) }).await? {
        return Ok(());
    }
    Err(Problem::parameter("category", unknown))
}

/// Returns under what the cases are kept that are asked for by a category; none where none is asked for.
pub fn categories_of(snapshot: &Snapshot, category: Option<&str>, now: Timestamp) -> Vec<String> {
    category.map(|code| snapshot.rules(now).codes_below(code)).unwrap_or_default()
}

/// Refuses a state that the workflow does not have, and in which no case stands that began under another.
///
/// # Errors
/// 400 with the states that there are; the store fails.
pub async fn require_state(state: &AppState, name: Option<&str>) -> Result<(), Problem> {
    let workflow = &state.config().cases.workflow;
    let Some(name) = name.filter(|name| !workflow.states().iter().any(|known| *known.name.0 == **name)) else { return Ok(()) };
    if has_any(state, CaseFilter { state: Some(name.to_owned()), ..CaseFilter::first(1) }).await? {
        return Ok(());
    }
    let known = workflow.states().iter().map(|state| state.name.to_string()).collect::<Vec<_>>().join(", ");
    Err(Problem::parameter("state", format!("{name:?} is no state of the workflow {}; its states are {known}", workflow.name)))
}

/// Refuses a department that no rule of responsibility names or has named, and that has no task of any case. Where none names any now, all
/// will do.
///
/// # Errors
/// 400 with the departments that there are; the store fails.
pub async fn require_department(state: &AppState, id: Option<&str>) -> Result<(), Problem> {
    let Some(id) = id else { return Ok(()) };
    let (count, told) = {
        let snapshot = state.snapshot()?;
        let rules = snapshot.rules(Timestamp::now());
        if rules.has_had_department(&DepartmentId(id.into())) {
            return Ok(());
        }
        let departments = rules.departments();
        let told: Vec<String> = departments.ids().take(TOLD_MAX).map(ToString::to_string).collect();
        (departments.ids().count(), told)
    };
    if count == 0 || has_any(state, CaseFilter { department: Some(id.to_owned()), ..CaseFilter::first(1) }).await? {
        return Ok(());
    }
    let more = if count > told.len() { format!(" and {} more", count - told.len()) } else { String::new() };
    let detail = format!("no rule of responsibility names the department {id:?}; those that are named are {}{more}", told.join(", "));
    Err(Problem::parameter("department", detail))
}

async fn has_any(state: &AppState, filter: CaseFilter) -> Result<bool, Problem> {
    let filter = CaseFilter { counts: false, ..filter };
    Ok(!state.with_store(move |store| store.load_cases(&filter)).await?.cases.is_empty())
}

/// Checks that there is a unit of a code, in any layer, now, planned or ended.
///
/// # Errors
/// Says which are the likest. Before the first boundaries any will do.
pub fn check_unit(state: &AppState, code: &UnitCode) -> Result<(), String> {
    let live = state.live();
    let snapshots: Vec<_> = [live.load(), live.next()].into_iter().flatten().collect();
    let is_known = snapshots.iter().any(|snapshot| snapshot.has_unit(code));
    if is_known || snapshots.iter().all(|snapshot| snapshot.layers().is_empty()) {
        return Ok(());
    }
    let nearest = snapshots.first().map(|snapshot| snapshot.nearest_units(code, UNITS_TOLD)).unwrap_or_default();
    let nearest = nearest.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    Err(format!("no unit has the code {code}; the nearest are {nearest}"))
}
