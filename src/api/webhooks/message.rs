//! What a webhook is told of an event, and whether it is told of it at all.

use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;

use crate::api::state::AppState;
use crate::api::stream::StreamedEvent;
use crate::boundary::{Territory, UnitCode};
use crate::store::{NumberedEvent, NumberedHappening, NumberedPublication, StoreError, Topic, UnitHead, Webhook};

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
    let (generation, scope) = (publication.generation.clone(), webhook.scope.clone());
    // Told by the generations themselves, of which this process may know neither: one may take effect much later.
    let looked = state.write_store(move |store| {
        let after = store.load_unit_heads(&generation.layer, generation.id)?;
        let before = generation.parent.map(|parent| store.load_unit_heads(&generation.layer, parent)).transpose()?;
        Ok(Changes::between(&before.unwrap_or_default(), &after).told(&scope))
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

fn to_json<T: Serialize>(message: &T) -> String {
    serde_json::to_string(message).expect("texts and numbers always serialise")
}

/// How a generation differs from the one it was made from.
struct Changes<'a> {
    before: Units<'a>,
    after: Units<'a>,
    units: ChangedUnits,
    /// The codes of units that begin or change, by which the generation has them.
    begun: Vec<&'a UnitCode>,
    /// Those of units that end or change, by which the generation before has them.
    ended: Vec<&'a UnitCode>,
}

/// The units of a generation by their codes, with their parents.
struct Units<'a> {
    parents: FxHashMap<&'a UnitCode, Option<&'a UnitCode>>,
    levels: usize,
}

impl<'a> Changes<'a> {
    fn between(before: &'a [UnitHead], after: &'a [UnitHead]) -> Self {
        let mut gone: FxHashMap<_, &UnitHead> = before.iter().map(|unit| ((&unit.level, &unit.code), unit)).collect();
        let (mut units, mut begun, mut ended) = (ChangedUnits::default(), Vec::new(), Vec::new());
        for unit in after {
            match gone.remove(&(&unit.level, &unit.code)) {
                Some(earlier) if earlier.version == unit.version => continue,
                Some(earlier) => {
                    units.changed += 1;
                    ended.push(&earlier.code);
                }
                None => units.begun += 1,
            }
            begun.push(&unit.code);
        }
        units.ended = gone.len();
        ended.extend(gone.into_values().map(|unit| &unit.code));
        Self { before: Units::of(before), after: Units::of(after), units, begun, ended }
    }

    /// Returns what a webhook with a scope is told, none where nothing of its own is touched: no unit in its scope begins or changes, by
    /// the parents that it has from then on, and none ends or changes, by those that it had.
    fn told(&self, scope: &[UnitCode]) -> Option<ChangedUnits> {
        let reaches = |units: &Units<'_>, codes: &[&UnitCode]| codes.iter().any(|code| units.is_in(scope, code));
        let is_told = scope.is_empty() || reaches(&self.after, &self.begun) || reaches(&self.before, &self.ended);
        is_told.then_some(self.units)
    }
}

impl<'a> Units<'a> {
    fn of(heads: &'a [UnitHead]) -> Self {
        let levels: FxHashSet<_> = heads.iter().map(|unit| &unit.level).collect();
        Self { parents: heads.iter().map(|unit| (&unit.code, unit.parent.as_ref())).collect(), levels: levels.len() }
    }

    /// Whether a unit or one that holds it is of a scope.
    fn is_in(&self, scope: &[UnitCode], code: &UnitCode) -> bool {
        // No deeper than there are levels, whatever the codes say.
        let up = std::iter::successors(Some(code), |code| self.parents.get(code).copied().flatten());
        up.take(self.levels).any(|code| scope.contains(code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Level;

    fn head((level, code, parent, version): (&str, &str, &str, i64)) -> UnitHead {
        let code_of = |text: &str| UnitCode::parse(text).unwrap();
        let parent = (!parent.is_empty()).then(|| code_of(parent));
        UnitHead { level: Level::parse(level).unwrap(), code: code_of(code), parent, version }
    }

    fn told(before: &[(&str, &str, &str, i64)], after: &[(&str, &str, &str, i64)], scope: &[&str]) -> Option<[usize; 3]> {
        let heads = |units: &[(&str, &str, &str, i64)]| units.iter().copied().map(head).collect::<Vec<_>>();
        let (before, after) = (heads(before), heads(after));
        let scope: Vec<UnitCode> = scope.iter().map(|code| UnitCode::parse(code).unwrap()).collect();
        Changes::between(&before, &after).told(&scope).map(|ChangedUnits { begun, changed, ended }| [begun, changed, ended])
    }

    const TOWN: [(&str, &str, &str, i64); 5] =
        [("street", "a", "", 1), ("street", "b", "", 2), ("grid", "1", "a", 3), ("grid", "2", "a", 4), ("grid", "3", "b", 5)];

    #[test]
    fn units_are_counted_at_all_levels_those_that_the_layer_loses_too() {
        assert_eq!(told(&[], &TOWN, &[]), Some([5, 0, 0]));
        assert_eq!(told(&TOWN, &TOWN, &[]), Some([0, 0, 0]));
        let redrawn = [TOWN[0], TOWN[1], ("grid", "1", "a", 6), ("grid", "3", "b", 5), ("grid", "4", "b", 7)];
        assert_eq!(told(&TOWN, &redrawn, &[]), Some([1, 1, 1]));
        assert_eq!(told(&TOWN, &TOWN[2..], &[]), Some([0, 0, 2]));
    }

    #[test]
    fn who_is_limited_to_units_is_told_where_one_of_theirs_begins_changes_or_ends() {
        // The first generation, whoever knows it.
        assert_eq!(told(&[], &TOWN, &["b"]), Some([5, 0, 0]));
        assert_eq!(told(&[], &TOWN, &["c"]), None);
        // One moves from a to b, so both are told, and nobody else.
        let moved = [TOWN[0], TOWN[1], TOWN[2], ("grid", "2", "b", 6), TOWN[4]];
        for (scope, is_told) in [(["a"], true), (["b"], true), (["2"], true), (["1"], false), (["3"], false)] {
            assert_eq!(told(&TOWN, &moved, &scope).is_some(), is_told, "{scope:?}");
        }
        // What ends belongs to the one that held it; so does all of a level that the layer loses.
        assert_eq!(told(&TOWN, &TOWN[..4], &["b"]), Some([0, 0, 1]));
        assert_eq!(told(&TOWN, &TOWN[2..], &["a"]), Some([0, 0, 2]));
    }
}
