use axum::body::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::api::caller::Caller;
use crate::api::cases::{is_for_all, reaches};
use crate::api::wire::EventView;
use crate::boundary::{Territory, UnitCode};
use crate::dispatch::workflow::{Effect, notices_of};
use crate::dispatch::{Case, WorkerId};
use crate::snapshot::Snapshot;
use crate::store::NumberedEvent;

/// An event as listeners get it, written once for all who may see as much of it.
#[derive(Debug)]
pub struct Item {
    pub number: u64,
    case: Case,
    /// Where the case lay before, which those who reached it there are to know.
    left: Option<UnitCode>,
    /// Who is told of it by name.
    told: Vec<WorkerId>,
    /// For those whose key reaches the case.
    whole: Bytes,
    /// For everybody, where the case was shown to all by then; none of a private category, so that it can go to nobody by mistake.
    public: Option<Bytes>,
}

/// What happened to a case.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct StreamedEvent<'a> {
    /// Its number among those of all cases, which is the id of the message.
    pub number: u64,
    pub id: String,
    pub category: &'a str,
    pub grid: Option<&'a str>,
    #[serde(flatten)]
    pub event: EventView,
}

/// What everybody may know of a case that is shown to all: neither text nor place.
#[derive(Debug, Serialize)]
struct PublicEvent<'a> {
    number: u64,
    id: String,
    category: &'a str,
    state: &'a str,
    at: Timestamp,
}

impl<'a> StreamedEvent<'a> {
    pub fn new(event: &'a NumberedEvent) -> Self {
        let case = &event.case;
        let grid = case.grid.as_ref().map(crate::boundary::UnitCode::as_str);
        Self { number: event.number, id: case.id.to_string(), category: &case.category, grid, event: EventView::new(&event.event) }
    }
}

impl Item {
    /// Before the first snapshot it is not known which categories are private, and nothing is for everybody.
    pub fn new(event: NumberedEvent, snapshot: Option<&Snapshot>) -> Self {
        let whole = frame(event.number, event.event.effect, &StreamedEvent::new(&event));
        let NumberedEvent { number, case, event, is_published } = event;
        let left = event.facts.place_before.as_ref().and_then(|place| place.grid.clone());
        let told = notices_of(&event).into_iter().map(|(worker, _)| worker.clone()).collect();
        let public = PublicEvent { number, id: case.id.to_string(), category: &case.category, state: &event.state.0, at: event.at };
        let is_for_all = snapshot.is_some_and(|snapshot| is_for_all(snapshot, &case, is_published, Timestamp::now()));
        let public = is_for_all.then(|| frame(number, event.effect, &public));
        Self { number, whole, public, case, left, told }
    }

    pub fn case(&self) -> &Case {
        &self.case
    }

    /// Returns what a listener, whose key reaches the territory, gets of it; none where it is not for them.
    pub fn bytes_for(&self, caller: &Caller, territory: &Territory) -> Option<Bytes> {
        if !caller.is_insider() {
            return self.public.clone();
        }
        let left = self.left.as_ref().is_some_and(|left| territory.has(left));
        let is_named = caller.worker().is_some_and(|worker| self.told.contains(worker));
        (is_named || left || reaches(caller, territory, &self.case)).then(|| self.whole.clone())
    }
}

/// A message as the standard for server-sent events has it. JSON has no line break of its own.
fn frame<T: Serialize>(number: u64, effect: Effect, data: &T) -> Bytes {
    let json = serde_json::to_string(data).expect("texts and numbers always serialise");
    format!("id: {number}\nevent: {}\ndata: {json}\n\n", effect.as_str()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Role;
    use crate::dispatch::workflow::{ActionName, CaseEvent, Facts, StateName};
    use crate::store::conformance::case;

    #[test]
    fn nothing_is_for_everybody_while_it_is_not_known_which_categories_are_private() {
        let case = case(1, 111.6, 26.2);
        let event = CaseEvent {
            seq: 2,
            at: Timestamp::UNIX_EPOCH,
            author: "a".into(),
            role: Role::Dispatcher,
            action: ActionName("moderate".into()),
            effect: Effect::Moderate,
            state: StateName("pending_file".into()),
            is_end: false,
            facts: Facts { published: Some(true), ..Facts::default() },
        };
        assert!(Item::new(NumberedEvent { number: 1, case, event, is_published: true }, None).public.is_none());
    }
}
