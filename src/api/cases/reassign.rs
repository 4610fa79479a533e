//! Open cases follow redrawn boundaries and a changed roster, by rule, and a dispatcher's ruling.

use std::time::Duration;

use jiff::Timestamp;

use super::query::answer_of;
use crate::api::as_of::default_layer;
use crate::api::caller::Caller;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::dispatch::workflow::{ActionName, CaseEvent, Effect, Facts, Place, RulingId, SERVICE};
use crate::dispatch::{Case, CaseId, RULING_RADIUS_M_MAX, Role, RosterMark, WorkerId};
use crate::snapshot::{Answer, LayerKey, Query, Snapshot, keeper_at, place_at, place_of};
use crate::store::{CaseFilter, CaseWrite, CaseWritten, Entry, NewEvent, StoreError};

/// Open cases that are looked at in one read.
const PAGE: usize = 500;

/// How often a case is decided again that others move meanwhile. Each time somebody got on.
const ATTEMPTS_MAX: usize = 8;

/// How long after a failure of the store it is asked again.
const RETRY: Duration = Duration::from_secs(5);

/// Longest wait for a post that begins or ends by its dates; a clock of the machine may be set meanwhile.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// What cases are assigned by: where it is the same nothing is to be looked at.
#[derive(Clone, Debug, PartialEq)]
struct Basis {
    boundaries: Option<LayerKey>,
    roster: RosterMark,
    /// The last date of the roster on which a post began or ended.
    turned_at: Option<Timestamp>,
}

/// Looks at all open cases whenever boundaries, the roster or its dates change, and gives those to others that are theirs by now.
/// Several services may do so on one store: what is given is the next event of its case, which one of them writes. Returns when the
/// service stops.
pub async fn keep_assigned(state: AppState) {
    let (swapped, ended) = (state.swapped(), state.feed().ended());
    let mut done: Option<Basis> = None;
    let mut turned_at = None;
    loop {
        let next = swapped.notified();
        let mut wait = WAIT_MAX;
        if let Some(snapshot) = state.live().load() {
            let now = Timestamp::now();
            let boundaries = snapshot.layer(&default_layer(&snapshot)).map(|layer| layer.key());
            let basis = Basis { boundaries, roster: snapshot.roster_snapshot().term.mark, turned_at };
            if done.as_ref() != Some(&basis) {
                match sweep(&state, &snapshot, now).await {
                    Ok(()) => done = Some(basis),
                    Err(error) => {
                        tracing::warn!(%error, "cannot look at all open cases; trying again");
                        wait = RETRY;
                    }
                }
            }
            if let Some(date) = snapshot.roster().next_date(now) {
                let left = Duration::try_from(date.duration_since(now)).unwrap_or_default();
                if left <= wait {
                    wait = left;
                    turned_at = Some(date);
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = next => {}
            () = ended.cancelled() => return,
        }
    }
}

/// Looks at all open cases once.
async fn sweep(state: &AppState, snapshot: &Snapshot, now: Timestamp) -> Result<(), StoreError> {
    let mut filter = CaseFilter { is_open: Some(true), counts: false, ..CaseFilter::first(PAGE) };
    let mut given = 0;
    loop {
        // Another took over meanwhile, and looks at all of them again.
        if state.live().load().is_none_or(|current| current.version() != snapshot.version()) {
            return Ok(());
        }
        let asked = filter.clone();
        let page = state.write_store(move |store| store.load_cases(&asked)).await?;
        filter.after = page.cases.last().map(|case| case.id);
        let (mut borders, mut moved) = (Vec::with_capacity(page.cases.len()), Vec::new());
        for case in &page.cases {
            match decide(state, snapshot, case, now) {
                Decision::Stays { border_m } => borders.push((case.id, border_m)),
                Decision::Goes => moved.push(case.id),
                Decision::Unknown => {}
            }
        }
        state.write_store(move |store| store.save_borders(&borders)).await?;
        for id in moved {
            given += usize::from(give(state, snapshot, id, now).await?);
        }
        if !page.has_more {
            if given > 0 {
                tracing::info!(cases = given, "open cases have gone to other grids or keepers");
            }
            return Ok(());
        }
    }
}

enum Decision {
    Stays {
        border_m: Option<f64>,
    },
    Goes,
    /// No unit holds the place, so it stays whose it was.
    Unknown,
}

fn decide(state: &AppState, snapshot: &Snapshot, case: &Case, now: Timestamp) -> Decision {
    let query = query_at(snapshot, case, now);
    let Some((answer, _)) = answer_of(state, snapshot, &query) else { return Decision::Unknown };
    match goes_to(state, snapshot, &answer, case, now) {
        None => Decision::Unknown,
        Some((place, _)) if place.grid == case.grid && place.holder == case.holder => Decision::Stays { border_m: place.border_m },
        Some(_) => Decision::Goes,
    }
}

/// Says where a case belongs by now, and why: its unit by the boundaries of now or a ruling, and its keeper, who stays as long as they
/// hold a post at that unit or above it, whatever the hour.
fn goes_to(state: &AppState, snapshot: &Snapshot, answer: &Answer<'_>, case: &Case, now: Timestamp) -> Option<(Place, &'static str)> {
    let cases = &state.config().cases;
    let mut place = place_at(answer, case.given.clone());
    let grid = place.grid.as_ref()?;
    if Some(grid) != case.grid.as_ref() {
        if !cases.reassign_on_redraw || case.generation > place.generation {
            return None;
        }
        place.holder = keeper(snapshot, answer, case, now);
        return Some((place, "boundaries were redrawn"));
    }
    place.generation = case.generation;
    place.district.clone_from(&case.district);
    place.holder = if cases.reassign_on_roster { keeper(snapshot, answer, case, now) } else { case.holder.clone() };
    Some((place, "the roster changed"))
}

/// Returns the keeper of a case who still has a post at its unit or above it, whatever the hour; else whose cases there are. Boundaries
/// and rosters turn at midnight, when those who answer for the day to come are off shift.
fn keeper(snapshot: &Snapshot, answer: &Answer<'_>, case: &Case, now: Timestamp) -> Option<WorkerId> {
    let roster = snapshot.roster();
    let path = || answer.path().rev().map(|unit| &unit.code);
    let stays = case.holder.as_ref().filter(|holder| roster.holds(holder, path(), now));
    stays.cloned().or_else(|| roster.find_keeper(path(), now).map(|worker| worker.id.clone()))
}

fn query_at(snapshot: &Snapshot, case: &Case, at: Timestamp) -> Query {
    Query { position: case.position, layer: default_layer(snapshot), level: None, at, accuracy_m: None, category: None }
}

/// Gives a case that was taken up again to whom it belongs by now, and returns whether that is somebody else.
///
/// # Errors
/// The store fails.
pub async fn give_again(state: &AppState, id: CaseId) -> Result<bool, Problem> {
    let snapshot = state.snapshot()?;
    give(state, &snapshot, id, Timestamp::now()).await.map_err(|error| Problem::internal(&error))
}

/// Gives a case to whom it belongs by now, and returns whether anything was written.
async fn give(state: &AppState, snapshot: &Snapshot, id: CaseId, now: Timestamp) -> Result<bool, StoreError> {
    for _ in 0..ATTEMPTS_MAX {
        let Some(record) = state.write_store(move |store| store.find_case_record(id)).await? else { return Ok(false) };
        let Some(mut folded) = record.state().filter(|folded| !folded.is_end) else { return Ok(false) };
        let event = {
            let query = query_at(snapshot, &record.case, now);
            let Some((answer, ruling)) = answer_of(state, snapshot, &query) else { return Ok(false) };
            let Some((place, reason)) = goes_to(state, snapshot, &answer, &record.case, now) else { return Ok(false) };
            if place.grid == record.case.grid && place.holder == record.case.holder {
                return Ok(false);
            }
            let before = place_of(&record.case);
            event_of(&folded, now, (SERVICE, Role::Admin), reason.to_owned(), (before, place), ruling)
        };
        folded.apply(&event);
        let write = CaseWrite::Append(Box::new(NewEvent { case: id, event, after: folded }));
        let written = state.write_store(move |store| store.write_cases(vec![write])).await?;
        match written.first() {
            Some(CaseWritten::Stale { .. }) => {}
            written => {
                state.case_written().notify_waiters();
                return Ok(written == Some(&CaseWritten::Appended));
            }
        }
    }
    // Whoever moves it again and again has it in hand; the next look at all cases comes.
    Ok(false)
}

fn event_of(
    folded: &crate::dispatch::workflow::CaseState,
    at: Timestamp,
    (author, role): (&str, Role),
    reason: String,
    (before, place): (Place, Place),
    ruling: Option<RulingId>,
) -> CaseEvent {
    let effect = Effect::Reassign;
    CaseEvent {
        seq: folded.version + 1,
        at: at.max(folded.changed_at),
        author: author.to_owned(),
        role,
        action: ActionName(effect.as_str().into()),
        effect,
        state: folded.name.clone(),
        is_end: folded.is_end,
        facts: Facts { reason, place: Some(place), place_before: Some(before), ruling, ..Facts::default() },
    }
}

/// Gives a case to the unit that a ruling names, in the name of the dispatcher who made it.
///
/// # Errors
/// The case is a mere record, or moves again and again; the store fails.
pub async fn reassign_by_ruling(state: &AppState, caller: &Caller, id: CaseId, ruling: &Entry) -> Result<(), Problem> {
    let Some(unit) = &ruling.unit else { return Ok(()) };
    for _ in 0..ATTEMPTS_MAX {
        let record = state.with_store(move |store| store.find_case_record(id)).await?;
        let record = record.ok_or_else(|| Problem::not_found(format!("there is no incident {id}")))?;
        let Some(mut folded) = record.state() else {
            return Err(Problem::new(ProblemKind::InvalidMove, "the case is a mere record, which has no history").allowing(Vec::new()));
        };
        let event = {
            let (snapshot, now) = (state.snapshot()?, super::intake::now());
            let query = query_at(&snapshot, &record.case, now);
            let answer = snapshot.answer_as(&query, unit, RULING_RADIUS_M_MAX).map_err(|e| Problem::internal(&e))?;
            let Some(answer) = answer else { return Ok(()) };
            let mut place = place_at(&answer, record.case.given.clone());
            // Somebody is to go there now, as with a pin that is moved; one who has the case at this unit already keeps it.
            let is_there = place.grid == record.case.grid;
            place.holder = if is_there { keeper(&snapshot, &answer, &record.case, now) } else { keeper_at(&snapshot, &answer, now) };
            // Somebody has said whose it is, so it is in doubt no longer.
            place.border_m = None;
            let places = (place_of(&record.case), place);
            event_of(&folded, now, (&caller.author(), caller.role()), ruling.text.clone(), places, Some(RulingId(ruling.id)))
        };
        folded.apply(&event);
        let write = CaseWrite::Append(Box::new(NewEvent { case: id, event, after: folded }));
        match state.write_case(write).await? {
            CaseWritten::Stale { .. } => {}
            _ => return Ok(()),
        }
    }
    Err(Problem::new(ProblemKind::Changed, "others move the case again and again; look at it again"))
}
