use jiff::Timestamp;

use crate::boundary::{Generation, GenerationId, LayerName};
use crate::snapshot::LayerHistory;
use crate::store::current_generation;

/// Which version is asked for: that of a time, that of a number, or by default the current one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    /// Who was or will be on duty then; without a generation, also its boundaries.
    pub at: Option<Timestamp>,
    pub generation: Option<GenerationId>,
}

/// What a version means for one layer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolved<'a> {
    pub generation: &'a Generation,
    /// The time for which to answer.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AsOfError {
    #[error("there is no layer {layer}; known are: {known}")]
    UnknownLayer { layer: LayerName, known: String },
    #[error("layer {layer} has no generation in effect at {at}{}", hint(*.first))]
    NotCovered { layer: LayerName, at: Timestamp, first: Option<Timestamp> },
    #[error("layer {layer} has no generation {generation}{}", newest(*.current))]
    UnknownGeneration { layer: LayerName, generation: GenerationId, current: Option<GenerationId> },
}

impl AsOf {
    pub fn at(at: Timestamp) -> Self {
        Self { at: Some(at), generation: None }
    }

    /// Whether the current version is asked for.
    pub fn is_current(self) -> bool {
        self == Self::default()
    }
}

/// Finds the generation and the time that a version means.
///
/// A time means the generation in effect then. A generation means itself, at the time given; without one at `now` where it is in
/// effect now, else at the time from which it is.
///
/// # Errors
/// No generation is in effect at that time, or there is none of that number.
pub fn resolve(history: &LayerHistory, as_of: AsOf, now: Timestamp) -> Result<Resolved<'_>, AsOfError> {
    let layer = || history.layer.clone();
    let current = current_generation(&history.generations, now);
    let Some(id) = as_of.generation else {
        let at = as_of.at.unwrap_or(now);
        let generation = current_generation(&history.generations, at);
        // What lies ahead is nobody's business: only what has begun is told.
        let begun = history.generations.iter().filter(|g| !history.is_plan(g, now)).map(|g| g.effective_from);
        return match generation {
            Some(generation) => Ok(Resolved { generation, at }),
            None => Err(AsOfError::NotCovered { layer: layer(), at, first: begun.min() }),
        };
    };
    let Some(generation) = history.find(id) else {
        return Err(AsOfError::UnknownGeneration { layer: layer(), generation: id, current: current.map(|g| g.id) });
    };
    let is_current = current.is_some_and(|current| current.id == id);
    Ok(Resolved { generation, at: as_of.at.unwrap_or(if is_current { now } else { generation.effective_from }) })
}

fn hint(first: Option<Timestamp>) -> String {
    first.map_or_else(String::new, |first| format!("; its boundaries begin at {first}"))
}

fn newest(current: Option<GenerationId>) -> String {
    current.map_or_else(String::new, |current| format!("; the current one is {current}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::GenerationState;
    use crate::index::Search;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    /// Generations by their state, the day from which they take effect, and the day on which they were made.
    fn history(generations: &[(GenerationState, i64, i64)]) -> LayerHistory {
        let layer = LayerName::parse("grid").unwrap();
        let generation = |(id, (state, from, made)): (u32, &(GenerationState, i64, i64))| Generation {
            id: GenerationId(id),
            layer: layer.clone(),
            state: *state,
            effective_from: at(*from),
            created_at: at(*made),
            author: String::new(),
            note: String::new(),
            parent: None,
            restores: None,
        };
        LayerHistory {
            generations: (1..).zip(generations).map(generation).collect(),
            ended: Vec::new(),
            layer,
            is_public: true,
            search: Search::default(),
        }
    }

    const PUBLISHED: GenerationState = GenerationState::Published;

    #[test]
    fn a_time_means_what_was_in_effect_and_a_number_the_time_of_its_own() {
        let history = history(&[(PUBLISHED, 10, 10), (PUBLISHED, 20, 15), (GenerationState::Draft, 12, 12), (PUBLISHED, 40, 25)]);
        let now = at(30);
        for (given_at, given_number, number, answered_at) in [
            (None, None, 2, 30),
            (Some(10), None, 1, 10),
            (Some(19), None, 1, 19),
            (Some(20), None, 2, 20),
            (Some(41), None, 4, 41),
            (None, Some(1), 1, 10),
            (None, Some(2), 2, 30),
            (None, Some(4), 4, 40),
            (Some(35), Some(1), 1, 35),
        ] {
            let as_of = AsOf { at: given_at.map(at), generation: given_number.map(GenerationId) };
            let found = resolve(&history, as_of, now).unwrap();
            assert_eq!((found.generation.id.0, found.at), (number, at(answered_at)), "{as_of:?}");
        }
        let missed = resolve(&history, AsOf::at(at(9)), now).unwrap_err();
        assert!(missed.to_string().contains("its boundaries begin at 1970-01-11"), "{missed}");
        let unknown = resolve(&history, AsOf { at: None, generation: Some(GenerationId(9)) }, now).unwrap_err();
        assert!(unknown.to_string().contains("no generation 9; the current one is 2"), "{unknown}");
    }

    #[test]
    fn drafts_what_lies_ahead_and_what_was_given_up_before_its_time_are_plans() {
        let history = history(&[
            (PUBLISHED, 10, 10),
            // Put in place of it on the same day, as imports of several levels do: no plan.
            (PUBLISHED, 10, 11),
            (PUBLISHED, 50, 20),
            (PUBLISHED, 30, 30),
            (GenerationState::Draft, 31, 31),
            (PUBLISHED, 90, 32),
        ]);
        let plans = |now| -> Vec<u32> { history.generations.iter().filter(|g| history.is_plan(g, at(now))).map(|g| g.id.0).collect() };
        assert_eq!(plans(40), [3, 5, 6]);
        assert_eq!(plans(60), [3, 5, 6], "the one given up for generation 4 never was in effect");
        assert_eq!(plans(95), [3, 5]);
        assert_eq!(history.superseded_at(GenerationId(2)), Some(at(30)));
        assert_eq!(history.superseded_at(GenerationId(6)), None);
    }
}
