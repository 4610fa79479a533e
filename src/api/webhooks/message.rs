use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::api::state::AppState;
use crate::api::stream::StreamedEvent;
use crate::boundary::{Territory, UnitCode};
use crate::store::{GenerationChanges, NumberedEvent, NumberedHappening, NumberedPublication, Store, StoreError, Topic, Webhook};

/// What is to be sent of an event.
#[derive(Debug)]
pub enum Message {
    Wanted(String),
    Unwanted,
    /// This process does not know yet what lies where.
    NotYet,
}

/// That a generation was published, as a webhook is told of it. Nothing of it is personal.
#[derive(Debug, Serialize)]
pub struct PublishedEvent {
    /// Its number among all events.
    pub number: u64,
    /// Always `generation.published`.
    #[serde(rename = "type")]
    pub topic: &'static str,
    pub layer: String,
    pub generation: u32,
    /// The generation that it was made from; null of the first.
    pub parent: Option<u32>,
    /// The earlier generation whose boundaries it brings back; null where it is no rollback.
    pub restores: Option<u32>,
    pub at: Timestamp,
    /// When it takes effect, which may lie ahead.
    pub effective_from: Timestamp,
    /// How many units it changes; null for a webhook that is limited to units.
    pub units: Option<ChangedUnits>,
}

/// Units of all levels, by what a generation does to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ChangedUnits {
    pub begun: usize,
    pub changed: usize,
    pub ended: usize,
}

/// Writes what a webhook is sent of an event.
///
/// # Errors
/// Those of the store.
pub async fn message_for(state: &AppState, webhook: &Webhook, event: &NumberedHappening) -> Result<Message, StoreError> {
    if !webhook.topics.is_empty() && !webhook.topics.contains(&event.topic()) {
        return Ok(Message::Unwanted);
    }
    match event {
        NumberedHappening::Case(event) => Ok(of_case(state, webhook, event)),
        NumberedHappening::Publication(publication) => of_publication(state, webhook, publication).await,
    }
}

fn of_case(state: &AppState, webhook: &Webhook, event: &NumberedEvent) -> Message {
    let territory = state.territory(&webhook.scope).ok();
    match territory.filter(|territory| *territory == Territory::Whole || state.has_followed(&event.case)) {
        None => Message::NotYet,
        Some(territory) if !territory.has_place(event.case.grid.as_ref()) => Message::Unwanted,
        Some(_) => Message::Wanted(to_json(&StreamedEvent::new(event))),
    }
}

async fn of_publication(state: &AppState, webhook: &Webhook, publication: &NumberedPublication) -> Result<Message, StoreError> {
    let generation = publication.generation.clone();
    // By the units of its own layer: a code of another may be the same by chance.
    let Ok(territory) = state.territory_of(&generation.layer, &webhook.scope) else { return Ok(Message::NotYet) };
    let scope = webhook.scope.clone();
    let looked = state.write_store(move |store| {
        let changes = match generation.parent {
            Some(parent) => Changes::Of(Box::new(store.load_changes(&generation.layer, parent, generation.id)?)),
            None => Changes::First(count_units(store, &generation)?),
        };
        Ok(changes.told(&scope, &territory))
    });
    let Some(units) = looked.await? else { return Ok(Message::Unwanted) };
    let generation = &publication.generation;
    Ok(Message::Wanted(to_json(&PublishedEvent {
        number: publication.number,
        topic: Topic::PUBLICATION,
        layer: generation.layer.to_string(),
        generation: generation.id.0,
        parent: generation.parent.map(|parent| parent.0),
        restores: generation.restores.map(|restores| restores.0),
        at: generation.created_at,
        effective_from: generation.effective_from,
        units: webhook.scope.is_empty().then_some(units),
    })))
}

fn count_units(store: &dyn Store, generation: &crate::boundary::Generation) -> Result<usize, StoreError> {
    let counts = store.count_units(&generation.layer)?;
    Ok(counts.into_iter().find(|(id, _)| *id == generation.id).map_or(0, |(_, levels)| levels.iter().sum()))
}

fn to_json<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).expect("texts and numbers always serialise")
}

/// How a generation differs from the one it was made from.
enum Changes {
    /// From nothing, with so many units.
    First(usize),
    Of(Box<GenerationChanges>),
}

impl Changes {
    /// Returns what a webhook with a scope is told, none where nothing of its own is touched: no unit in its scope begins or changes, by
    /// the parents that it has from then on, and none ends.
    fn told(&self, scope: &[UnitCode], territory: &Territory) -> Option<ChangedUnits> {
        match self {
            Self::First(units) => {
                let is_touched = scope.is_empty() || scope.iter().any(|code| territory.has(code));
                is_touched.then(|| ChangedUnits { begun: *units, ..ChangedUnits::default() })
            }
            Self::Of(changes) => (scope.is_empty() || touches(changes, scope, territory)).then(|| count(changes)),
        }
    }
}

fn count(changes: &GenerationChanges) -> ChangedUnits {
    let mut units = ChangedUnits::default();
    for (ended, begun) in changes.ended.iter().zip(&changes.begun) {
        let ended: FxHashSet<&UnitCode> = ended.iter().collect();
        let both = begun.iter().filter(|shape| ended.contains(&shape.unit.code)).count();
        units.changed += both;
        units.begun += begun.len() - both;
        units.ended += ended.len() - both;
    }
    units
}

fn touches(changes: &GenerationChanges, scope: &[UnitCode], territory: &Territory) -> bool {
    if changes.ended.iter().flatten().any(|code| scope.contains(code) || territory.has(code)) {
        return true;
    }
    let parents: FxHashMap<&UnitCode, Option<&UnitCode>> =
        changes.begun.iter().flatten().map(|shape| (&shape.unit.code, shape.unit.parent.as_ref())).collect();
    changes.begun.iter().flatten().any(|shape| {
        let mut at = Some(&shape.unit.code);
        // No deeper than there are levels, whatever the codes say.
        for _ in 0..=changes.begun.len() {
            let Some(code) = at else { return false };
            if scope.contains(code) {
                return true;
            }
            match parents.get(code) {
                Some(parent) => at = *parent,
                // It stays as it is, so that all that know the layer know it.
                None => return territory.has(code),
            }
        }
        false
    })
}
