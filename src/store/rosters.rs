//! Which roster is in force when, in the same way for every back end.

use jiff::Timestamp;

use super::records::current_generation;
use crate::boundary::{Generation, GenerationId, LayerName};
use crate::dispatch::{RosterMark, RosterTerm};

/// A roster without its rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RosterHead {
    /// Grows in the order of writing.
    pub number: u64,
    pub created_at: Timestamp,
    /// The generation with which it takes effect.
    pub with: Option<(LayerName, GenerationId)>,
}

/// Returns whether `generation` has what `wanted` brought: it is `wanted`, or was made from what has it.
pub fn descends(generations: &[Generation], generation: GenerationId, wanted: GenerationId) -> bool {
    // An origin is older than what is made from it; where a damaged store says otherwise, the search ends all the same.
    let origin = |id: &GenerationId| generations.iter().find(|g| g.id == *id)?.origin().filter(|origin| origin < id);
    std::iter::successors(Some(generation), origin).any(|id| id == wanted)
}

/// The heads of all rosters in the order of writing, and the generations of the layers that they name.
pub(super) type RosterTerms = (Vec<RosterHead>, Vec<(LayerName, Vec<Generation>)>);

/// A roster that was written for a generation which takes effect later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRoster {
    pub layer: LayerName,
    pub generation: GenerationId,
    pub effective_from: Timestamp,
}

/// Returns the rosters that take over after `at` with their generations, whatever else is written for `at`; the one that does first comes
/// first.
pub(super) fn planned(heads: &[RosterHead], generations: &[(LayerName, Vec<Generation>)], at: Timestamp) -> Vec<PlannedRoster> {
    let of = |layer: &LayerName| generations.iter().find(|(name, _)| name == layer).map_or(&[][..], |(_, list)| list.as_slice());
    let plan = |head: &RosterHead| {
        let (layer, generation) = head.with.clone()?;
        let effective_from = of(&layer).iter().find(|known| known.id == generation)?.effective_from;
        let takes_over = || in_force(heads, generations, effective_from).mark.number == Some(head.number);
        (effective_from > at && takes_over()).then_some(PlannedRoster { layer, generation, effective_from })
    };
    let mut plans: Vec<PlannedRoster> = heads.iter().filter_map(plan).collect();
    plans.sort_by(|a, b| (a.effective_from, &a.layer, a.generation).cmp(&(b.effective_from, &b.layer, b.generation)));
    plans
}

/// Finds the roster in force at `at`: of those that have begun the one that began last, and of several that began together the one
/// written last. Before all of them the first that came without a generation answers.
pub(super) fn in_force(heads: &[RosterHead], generations: &[(LayerName, Vec<Generation>)], at: Timestamp) -> RosterTerm {
    let of = |layer: &LayerName| generations.iter().find(|(name, _)| name == layer).map_or(&[][..], |(_, list)| list.as_slice());
    let start = |head: &RosterHead| match &head.with {
        None => Some(head.created_at),
        // A roster that comes after its generation has begun does not rewrite what was before it.
        Some((layer, id)) => of(layer).iter().find(|g| g.id == *id).map(|g| g.effective_from.max(head.created_at)),
    };
    let holds = |head: &RosterHead, at: Timestamp| {
        head.with
            .as_ref()
            .is_none_or(|(layer, id)| current_generation(of(layer), at).is_some_and(|current| descends(of(layer), current.id, *id)))
    };
    let number_at = |at: Timestamp| {
        let begun = heads.iter().filter(|head| start(head).is_some_and(|start| start <= at) && holds(head, at));
        let last = begun.max_by_key(|head| (start(head), head.number));
        let first = || heads.iter().filter(|head| head.with.is_none()).min_by_key(|head| head.number);
        last.or_else(first).map(|head| head.number)
    };
    // Only at these times can another take over.
    let mut changes: Vec<Timestamp> = heads.iter().filter_map(start).collect();
    changes.extend(generations.iter().flat_map(|(_, list)| list.iter().map(|g| g.effective_from)));
    changes.sort_unstable();
    changes.dedup();
    let number = number_at(at);
    let (past, future) = changes.split_at(changes.partition_point(|change| *change <= at));
    let to = future.iter().copied().find(|change| number_at(*change) != number);
    // The stretch begins at the earliest of the past changes since which nothing but this one answered.
    let since = past.iter().rev().take_while(|change| number_at(**change) == number).last().copied();
    let is_since_ever = past.iter().all(|change| number_at(*change) == number) && number_at(Timestamp::MIN) == number;
    let mark = RosterMark { number, newest: heads.iter().map(|head| head.number).max() };
    RosterTerm { mark, from: since.filter(|_| !is_since_ever), to }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::GenerationState;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn layer() -> LayerName {
        LayerName::parse("grid").unwrap()
    }

    fn generation(id: u32, day: i64, restores: Option<u32>) -> Generation {
        Generation {
            id: GenerationId(id),
            layer: layer(),
            state: GenerationState::Published,
            effective_from: at(day),
            created_at: at(day),
            author: String::new(),
            note: String::new(),
            parent: id.checked_sub(1).filter(|id| *id > 0).map(GenerationId),
            restores: restores.map(GenerationId),
        }
    }

    fn head(number: u64, day: i64, with: Option<u32>) -> RosterHead {
        RosterHead { number, created_at: at(day), with: with.map(|id| (layer(), GenerationId(id))) }
    }

    /// On a day, the number of the roster in force, and between which days it is.
    type Expected = (i64, Option<u64>, Option<i64>, Option<i64>);

    fn check(heads: &[RosterHead], generations: &[Generation], expected: &[Expected]) {
        let generations = [(layer(), generations.to_vec())];
        for (day, number, from, to) in expected {
            let found = in_force(heads, &generations, at(*day));
            let mark = RosterMark { number: *number, newest: heads.iter().map(|head| head.number).max() };
            assert_eq!(found, RosterTerm { mark, from: from.map(at), to: to.map(at) }, "day {day}");
        }
    }

    #[test]
    fn each_roster_holds_until_the_next_and_the_first_since_ever() {
        let heads = [head(1, 10, None), head(2, 20, None)];
        check(&heads, &[], &[(5, Some(1), None, Some(20)), (15, Some(1), None, Some(20)), (20, Some(2), Some(20), None)]);
        check(&[], &[], &[(5, None, None, None)]);
    }

    #[test]
    fn a_roster_that_comes_with_a_generation_waits_for_it() {
        let heads = [head(1, 1, None), head(2, 2, Some(2)), head(3, 3, None)];
        let generations = [generation(1, 1, None), generation(2, 10, None)];
        check(&heads, &generations, &[(2, Some(1), None, Some(3)), (5, Some(3), Some(3), Some(10)), (10, Some(2), Some(10), None)]);
    }

    #[test]
    fn a_roster_that_comes_after_its_generation_begins_then() {
        let heads = [head(1, 1, None), head(2, 12, None), head(3, 15, Some(1))];
        check(
            &heads,
            &[generation(1, 10, None)],
            &[(11, Some(1), None, Some(12)), (13, Some(2), Some(12), Some(15)), (16, Some(3), Some(15), None)],
        );
    }

    #[test]
    fn rosters_that_are_to_take_over_are_known_until_they_do() {
        let heads = [head(1, 1, None), head(2, 2, Some(2)), head(3, 3, None)];
        let generations = [(layer(), vec![generation(1, 1, None), generation(2, 10, None)])];
        let plan = PlannedRoster { layer: layer(), generation: GenerationId(2), effective_from: at(10) };
        assert_eq!(planned(&heads, &generations, at(9)), [plan]);
        assert_eq!(planned(&heads, &generations, at(10)), []);
        let given_up = Generation { restores: Some(GenerationId(1)), ..generation(3, 5, None) };
        let generations = [(layer(), vec![generation(1, 1, None), generation(2, 10, None), given_up])];
        assert_eq!(planned(&heads, &generations, at(4)), [], "a roster falls with its generation");
    }

    #[test]
    fn a_roster_of_what_was_given_up_never_begins() {
        let heads = [head(1, 1, None), head(2, 2, Some(2))];
        let given_up = Generation { restores: Some(GenerationId(1)), ..generation(3, 10, None) };
        let generations = [generation(1, 1, None), generation(2, 20, None), given_up];
        check(&heads, &generations, &[(15, Some(1), None, None), (25, Some(1), None, None)]);
    }

    #[test]
    fn a_roster_falls_with_its_generation_and_does_not_come_back_with_later_ones() {
        let heads = [head(1, 1, None), head(2, 2, Some(2))];
        let generations = [generation(1, 1, None), generation(2, 10, None), generation(3, 20, Some(1)), generation(4, 30, None)];
        check(&heads, &generations, &[(15, Some(2), Some(10), Some(20)), (25, Some(1), Some(20), None), (35, Some(1), Some(20), None)]);
        assert!(descends(&generations, GenerationId(4), GenerationId(1)) && !descends(&generations, GenerationId(4), GenerationId(2)));
    }
}
