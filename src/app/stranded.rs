//! Open cases in states that the workflow no longer has: no move leads out of these.

use std::collections::BTreeMap;

use crate::dispatch::workflow::Workflow;
use crate::store::{CaseFilter, Store, StoreError};

/// Cases read from the store at a time.
const PAGE: usize = 10_000;

/// Counts the open cases that stand in a state which the workflow does not have, by state. Reads all open cases.
///
/// # Errors
/// The store fails.
pub fn find_stranded(store: &dyn Store, workflow: &Workflow) -> Result<BTreeMap<String, usize>, StoreError> {
    let mut stranded = BTreeMap::new();
    let mut filter = CaseFilter { is_open: Some(true), counts: false, ..CaseFilter::first(PAGE) };
    loop {
        let page = store.load_case_marks(&filter)?;
        filter.after = page.marks.last().map(|mark| mark.id);
        for state in page.marks.into_iter().filter_map(|mark| mark.state) {
            if !workflow.states().iter().any(|known| *known.name.0 == *state) {
                *stranded.entry(state).or_default() += 1;
            }
        }
        if !page.has_more {
            return Ok(stranded);
        }
    }
}

/// Says what is to be done about such cases; none where there are none.
pub fn describe_stranded(stranded: &BTreeMap<String, usize>, workflow: &Workflow) -> Option<String> {
    if stranded.is_empty() {
        return None;
    }
    let count: usize = stranded.values().sum();
    let states = stranded.iter().map(|(state, count)| format!("{state} ({count})")).collect::<Vec<_>>().join(", ");
    Some(format!(
        "{count} open cases stand in states that the workflow {} does not have, so no move is open to them: {states}; declare these states in it until they are closed, as ends or with moves that lead on",
        workflow.name
    ))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::boundary::Position;
    use crate::config::Config;
    use crate::dispatch::workflow::{ActionName, CaseEvent, Effect, Facts, StateName};
    use crate::dispatch::{Case, CaseId, Reporter, Role};
    use crate::store::{CaseWrite, MemoryStore, NewCase};

    /// Takes a case in that stands in a state.
    fn stand(store: &dyn Store, id: u128, state: &str, is_end: bool) {
        let case = Case {
            id: CaseId(uuid::Uuid::from_u128(id)),
            position: Position { lon: 111.6, lat: 26.2 },
            given: String::new(),
            category: String::new(),
            description: String::new(),
            source: String::new(),
            reported_at: Timestamp::UNIX_EPOCH,
            district: None,
            grid: None,
            generation: None,
            holder: None,
        };
        let event = CaseEvent {
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            author: "test".into(),
            role: Role::Admin,
            action: ActionName("report".into()),
            effect: Effect::Report,
            state: StateName(state.into()),
            is_end,
            facts: Facts::default(),
        };
        let reporter = Reporter::default();
        let new = NewCase { case, events: vec![event], photos: Vec::new(), reporter, token: None, near: None, border_m: None };
        store.write_cases(vec![CaseWrite::Add(Box::new(new))]).unwrap();
    }

    #[test]
    fn open_cases_whose_state_is_gone_are_counted_and_told() {
        let (store, workflow) = (MemoryStore::new(), Config::default().cases.workflow);
        for (id, state) in ["pending_file", "lost", "void", "lost", "gone"].into_iter().enumerate() {
            stand(&store, u128::try_from(id).unwrap(), state, state == "void");
        }
        stand(&store, 9, "lost", true);
        let stranded = find_stranded(&store, &workflow).unwrap();
        assert_eq!(stranded, BTreeMap::from([("gone".to_owned(), 1), ("lost".to_owned(), 2)]));
        let told = describe_stranded(&stranded, &workflow).unwrap();
        assert!(told.starts_with("3 open cases stand in states that the workflow chinese-city does not have"), "{told}");
        assert!(told.contains(": gone (1), lost (2); declare these states"), "{told}");
        assert_eq!(describe_stranded(&BTreeMap::new(), &workflow), None);
    }
}
