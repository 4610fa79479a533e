//! Puts the sample's cases of today into the store, as the service takes cases in and moves them on.

use anyhow::{Context as _, bail};
use jiff::{SignedDuration, Timestamp};

use crate::app::{self, StoreUnavailable};
use crate::boundary::{LayerName, UnitCode};
use crate::config::{CaseConfig, Config};
use crate::dispatch::workflow::{CaseEvent, CaseState, begin, decide, ring};
use crate::dispatch::{Case, Reporter, Role};
use crate::sample::{AUTHOR, District, LiveCase};
use crate::snapshot::{Answer, COLLECTOR_DISTANCE_M_MAX, Query, Snapshot, context_of, place_at, place_of};
use crate::store::{CaseWrite, CaseWritten, Near, NewCase, NewEvent, Store};

/// The workflow whose moves the sample makes. With another one a case stays where its first move leads nowhere.
const WORKFLOW: &str = "chinese-city";

/// Adds the cases as they stand at a time. Words about clocks that have run out by then stand in their histories.
pub fn add(store: &dyn Store, config: &Config, district: &District, layer: &LayerName, now: Timestamp) -> anyhow::Result<()> {
    // As finely as stores keep times.
    let now = Timestamp::from_millisecond(now.as_millisecond())?;
    let snapshot = app::load_snapshot(store, config, now, &[])?;
    let desk = Desk { snapshot: &snapshot, cases: &config.cases, layer, now };
    let live = district.live_cases(now)?;
    let new: Vec<NewCase> = live.iter().map(|one| desk.take_in(one)).collect::<anyhow::Result<_>>()?;
    let cases: Vec<Case> = new.iter().map(|new| new.case.clone()).collect();
    let failed = "cannot store the sample's cases";
    let adds = new.into_iter().map(|new| CaseWrite::Add(Box::new(new))).collect();
    let taken = store.write_cases(adds).map_err(StoreUnavailable::from).context(failed)?;
    let mut moves = Vec::new();
    for ((one, case), taken) in live.iter().zip(&cases).zip(taken) {
        let CaseWritten::Added(first) = taken else {
            bail!("the sample's own case {} was not taken in; this is a fault of the program", case.id)
        };
        moves.extend(desk.move_on(one, case, &first)?);
    }
    let moved = store.write_cases(moves).map_err(StoreUnavailable::from).context(failed)?;
    if moved.iter().any(|moved| *moved != CaseWritten::Appended) {
        bail!("a move of the sample's own cases was not taken; this is a fault of the program");
    }
    Ok(())
}

/// What cases are decided by.
struct Desk<'a> {
    snapshot: &'a Snapshot,
    cases: &'a CaseConfig,
    layer: &'a LayerName,
    now: Timestamp,
}

impl Desk<'_> {
    fn take_in(&self, one: &LiveCase) -> anyhow::Result<NewCase> {
        let at = one.reported_at;
        let query = self.query(one, at, None);
        let answer = self.snapshot.answer(&query)?;
        let given = format!("{} {}", one.position.lon, one.position.lat);
        let place = place_at(&answer, given);
        let context = context_of(self.snapshot, &answer, &one.category, place.clone(), at);
        let event = begin(&self.cases.workflow, Role::Worker, AUTHOR, at, &context);
        let case = Case {
            id: one.id,
            position: place.position,
            given: place.given,
            category: one.category.clone(),
            description: one.description.clone(),
            source: one.source.clone(),
            reported_at: at,
            district: place.district,
            grid: place.grid,
            generation: place.generation,
            holder: place.holder,
        };
        let window = SignedDuration::from_hours(i64::from(self.cases.duplicate_window_h));
        let near = Near { distance_m: self.cases.duplicate_distance_m, since: at - window };
        let reporter = Reporter::default();
        Ok(NewCase { case, events: vec![event], photos: Vec::new(), reporter, token: None, near: Some(near), border_m: place.border_m })
    }

    /// Returns what happened to a case since it was taken in, each on top of what was before.
    fn move_on(&self, one: &LiveCase, case: &Case, first: &CaseEvent) -> anyhow::Result<Vec<CaseWrite>> {
        let workflow = &self.cases.workflow;
        let mut state = CaseState::fold(std::slice::from_ref(first)).context("a case that was taken in has a history")?;
        let mut writes = Vec::new();
        let mut append = |state: &mut CaseState, event: CaseEvent| {
            state.apply(&event);
            writes.push(CaseWrite::Append(Box::new(NewEvent { case: case.id, event, after: state.clone() })));
        };
        for order in &one.moves {
            self.ring(one, case, &mut state, order.at, &mut append)?;
            let query = self.query(one, order.at, Some(COLLECTOR_DISTANCE_M_MAX));
            let answer = self.snapshot.answer(&query)?;
            let context = context_of(self.snapshot, &answer, &case.category, place_of(case), order.at);
            match decide(workflow, &state, order, &context) {
                Ok(event) => append(&mut state, event),
                Err(refusal) if workflow.name == WORKFLOW => {
                    return Err(refusal).with_context(|| format!("the sample cannot {} its own case {}", order.action, case.description));
                }
                Err(_) => break,
            }
        }
        self.ring(one, case, &mut state, self.now, &mut append)?;
        Ok(writes)
    }

    /// Tells of the clocks that have run out by a time, as the service would have.
    fn ring(
        &self,
        one: &LiveCase,
        case: &Case,
        state: &mut CaseState,
        at: Timestamp,
        append: &mut impl FnMut(&mut CaseState, CaseEvent),
    ) -> anyhow::Result<()> {
        let query = self.query(one, at, None);
        let answer: Answer<'_> = self.snapshot.answer(&query)?;
        let path: Vec<&UnitCode> = answer.path().rev().map(|unit| &unit.code).collect();
        let calendar = self.snapshot.rules(at).terms(None, &path).calendar;
        while let Some(mut event) = ring(&self.cases.workflow, state, calendar, at) {
            event.facts.worker.clone_from(&case.holder);
            append(state, event);
        }
        Ok(())
    }

    fn query(&self, one: &LiveCase, at: Timestamp, accuracy_m: Option<f64>) -> Query {
        Query { position: one.position, layer: self.layer.clone(), level: None, at, accuracy_m, category: None }
    }
}
