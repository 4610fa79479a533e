use axum::body::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::api::caller::Caller;
use crate::api::cases::reaches;
use crate::api::wire::EventView;
use crate::boundary::{Territory, UnitCode};
use crate::dispatch::workflow::{Effect, notices_of};
use crate::dispatch::{Case, WorkerId};
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
    /// For everybody, where the case was shown to all by then.
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
    pub fn new(event: NumberedEvent) -> Self {
        let whole = frame(event.number, event.event.effect, &StreamedEvent::new(&event));
        let NumberedEvent { number, case, event, is_published } = event;
        let left = event.facts.place_before.as_ref().and_then(|place| place.grid.clone());
        let told = notices_of(&event).into_iter().map(|(worker, _)| worker.clone()).collect();
        let public = PublicEvent { number, id: case.id.to_string(), category: &case.category, state: &event.state.0, at: event.at };
        let public = is_published.then(|| frame(number, event.effect, &public));
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
