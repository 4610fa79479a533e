use jiff::Timestamp;

use crate::boundary::{Generation, GenerationState};
use crate::store::current_generation;

/// Where a generation stands at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Being worked on, or left as it was.
    Draft,
    /// In effect before.
    Past,
    /// In effect now.
    Current,
    /// Published, and takes effect later.
    Future,
    /// Published for a later date, and taken back or overtaken before it came.
    Withdrawn,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Past => "past",
            Self::Current => "current",
            Self::Future => "future",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether it is or was in effect, so that everybody who may see the layer may see it.
    pub fn is_in_the_open(self) -> bool {
        matches!(self, Self::Past | Self::Current)
    }
}

/// Returns where `generation`, one of `generations`, stands at `now`.
///
/// It was in effect where, when it began, no newer one that had been published by then had begun too. A generation that is published
/// later with an earlier date takes its place, and does not make it as if it had never been.
pub fn standing_of(generations: &[Generation], generation: &Generation, now: Timestamp) -> Standing {
    if generation.state == GenerationState::Draft {
        return Standing::Draft;
    }
    if current_generation(generations, now).is_some_and(|current| current.id == generation.id) {
        return Standing::Current;
    }
    let begins = |g: &Generation| g.effective_from.max(g.created_at);
    let newer = || generations.iter().filter(|g| g.state == GenerationState::Published && g.id > generation.id);
    if begins(generation) <= now {
        let overtaken = newer().any(|g| begins(g) <= begins(generation));
        return if overtaken { Standing::Withdrawn } else { Standing::Past };
    }
    let overtaken = newer().any(|g| g.effective_from <= generation.effective_from);
    if overtaken { Standing::Withdrawn } else { Standing::Future }
}

/// Returns the published generation that takes over next.
pub fn next_generation(generations: &[Generation], now: Timestamp) -> Option<&Generation> {
    let is_future = |g: &&Generation| standing_of(generations, g, now) == Standing::Future;
    generations.iter().filter(is_future).min_by_key(|g| g.effective_from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::{GenerationId, LayerName};

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    /// Days of writing and of taking effect, drafts without the latter; the day to ask; what each is then, and which is next.
    fn check(rows: &[(i64, Option<i64>)], now: i64, expected: &[Standing], next: Option<u32>) {
        let generation = |(number, (created, effective)): (u32, &(i64, Option<i64>))| Generation {
            id: GenerationId(number),
            layer: LayerName::parse("grid").unwrap(),
            state: if effective.is_some() { GenerationState::Published } else { GenerationState::Draft },
            effective_from: day(effective.unwrap_or(*created)),
            created_at: day(*created),
            author: String::new(),
            note: String::new(),
            parent: None,
            restores: None,
        };
        let generations: Vec<Generation> = (1..).zip(rows).map(generation).collect();
        let found: Vec<Standing> = generations.iter().map(|g| standing_of(&generations, g, day(now))).collect();
        assert_eq!(found, expected, "{rows:?} on day {now}");
        assert_eq!(next_generation(&generations, day(now)).map(|g| g.id.0), next, "{rows:?} on day {now}");
    }

    #[test]
    fn a_generation_is_future_then_current_then_past() {
        let rows = [(1, Some(1)), (5, None), (5, Some(10))];
        check(&rows, 6, &[Standing::Current, Standing::Draft, Standing::Future], Some(3));
        check(&rows, 10, &[Standing::Past, Standing::Draft, Standing::Current], None);
    }

    #[test]
    fn what_is_taken_back_before_its_day_was_never_in_effect() {
        let rows = [(1, Some(1)), (5, Some(10)), (6, Some(6))];
        for now in [7, 20] {
            check(&rows, now, &[Standing::Past, Standing::Withdrawn, Standing::Current], None);
        }
    }

    #[test]
    fn a_backdated_generation_does_not_hide_the_one_it_replaces() {
        check(&[(1, Some(1)), (20, Some(1))], 25, &[Standing::Past, Standing::Current], None);
    }

    #[test]
    fn of_several_to_come_the_first_is_next() {
        let rows = [(1, Some(1)), (2, Some(30)), (3, Some(20)), (4, Some(40))];
        check(&rows, 5, &[Standing::Current, Standing::Withdrawn, Standing::Future, Standing::Future], Some(3));
    }
}
