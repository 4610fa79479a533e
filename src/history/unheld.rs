use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use crate::boundary::{GenerationId, LayerName, UnitCode};
use crate::dispatch::Roster;
use crate::store::{RosterData, Store, StoreError};
use crate::topology::ValidCoverage;

/// For which units of the finest level nobody answers, and for which only somebody further up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unheld {
    pub unit_count: usize,
    /// Units that nobody holds, nor any unit above them, in the order of codes: an alarm.
    pub by_nobody: Vec<UnitCode>,
    /// How many units nobody holds and somebody above does.
    pub by_ancestor: usize,
    /// Whether the roster has no rows at all, as before the first was loaded.
    pub roster_is_empty: bool,
}

impl Unheld {
    /// `levels` are units with their parents, coarse to fine.
    fn of(levels: &[Vec<(UnitCode, Option<UnitCode>)>], roster: RosterData, at: Timestamp) -> Self {
        let roster_is_empty = roster.assignments.is_empty();
        // Whether anybody holds a post at all does not depend on the hour, so the time zone does not matter.
        let roster = Roster::new(roster.workers, roster.assignments, TimeZone::UTC);
        let Some(finest) = levels.iter().rposition(|level| !level.is_empty()) else { return Self::default() };
        // Whether a unit of a coarser level, or what is above it, is held. A parent may stand several levels up where those between have no
        // units; of two with one code the nearer counts.
        let mut above: FxHashMap<&UnitCode, bool> = FxHashMap::default();
        for level in &levels[..finest] {
            let held = |(code, parent): &(UnitCode, Option<UnitCode>)| {
                !roster.is_vacant(code, at) || parent.as_ref().is_some_and(|parent| above.get(parent).copied().unwrap_or(false))
            };
            let of_level: Vec<_> = level.iter().map(|unit| (&unit.0, held(unit))).collect();
            above.extend(of_level);
        }
        let mut unheld = Self { unit_count: levels[finest].len(), roster_is_empty, ..Self::default() };
        for (code, parent) in levels[finest].iter().filter(|(code, _)| roster.is_vacant(code, at)) {
            match parent.as_ref().is_some_and(|parent| above.get(parent).copied().unwrap_or(false)) {
                true => unheld.by_ancestor += 1,
                false => unheld.by_nobody.push(code.clone()),
            }
        }
        unheld
    }
}

/// Finds the units of a coverage that nobody holds by the roster of the time `at`.
///
/// # Errors
/// Those of the store.
pub fn find_unheld(store: &dyn Store, coverage: &ValidCoverage, at: Timestamp) -> Result<Unheld, StoreError> {
    Ok(find_unheld_by(coverage, store.load_roster(at)?.data, at))
}

/// Finds the units of a coverage that nobody holds by a roster at the time `at`.
pub fn find_unheld_by(coverage: &ValidCoverage, roster: RosterData, at: Timestamp) -> Unheld {
    let units = |level: &crate::topology::CoverageLevel| level.units().iter().map(|u| (u.code.clone(), u.parent.clone())).collect();
    let levels: Vec<Vec<_>> = coverage.levels().iter().map(units).collect();
    Unheld::of(&levels, roster, at)
}

/// Finds the units of a stored generation that nobody holds when it takes effect.
///
/// # Errors
/// Those of the store, a generation that is not there among them.
pub fn find_unheld_of(store: &dyn Store, layer: &LayerName, generation: GenerationId) -> Result<Unheld, StoreError> {
    let stored = store.load_generation(layer, generation)?;
    let at = stored.generation.effective_from;
    let units = |shapes: Vec<crate::boundary::UnitShape>| shapes.into_iter().map(|shape| (shape.unit.code, shape.unit.parent)).collect();
    let levels: Vec<Vec<_>> = stored.shapes.into_iter().map(units).collect();
    Ok(Unheld::of(&levels, store.load_roster(at)?.data, at))
}

/// What was found last for each layer, which holds until something else is written.
#[derive(Debug, Default)]
pub struct KeptUnheld(Mutex<FxHashMap<LayerName, Kept>>);

#[derive(Debug)]
struct Kept {
    version: u64,
    generation: GenerationId,
    unheld: Unheld,
}

impl KeptUnheld {
    /// Like [`find_unheld_of`], and reads nothing but the store's version where the answer is known.
    ///
    /// # Errors
    /// Those of the store.
    pub fn find(&self, store: &dyn Store, layer: &LayerName, generation: GenerationId) -> Result<Unheld, StoreError> {
        // Before the rest, so that what is written meanwhile makes the next look find another version.
        let version = store.load_version()?;
        let is_it = |kept: &&Kept| kept.version == version && kept.generation == generation;
        if let Some(kept) = self.lock().get(layer).filter(is_it) {
            return Ok(kept.unheld.clone());
        }
        let unheld = find_unheld_of(store, layer, generation)?;
        self.lock().insert(layer.clone(), Kept { version, generation, unheld: unheld.clone() });
        Ok(unheld)
    }

    /// Nothing that runs under the lock leaves it half written, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, FxHashMap<LayerName, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Validity;
    use crate::dispatch::{Assignment, Post, Shift, Worker, WorkerId};

    fn code(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    #[test]
    fn a_vacant_unit_falls_to_whoever_holds_one_above_it() {
        let day = |day: i64| Timestamp::from_second(day * 86_400).unwrap();
        let unit = |text: &str, parent: Option<&str>| (code(text), parent.map(code));
        let levels = vec![
            vec![unit("d", None)],
            vec![unit("s1", Some("d")), unit("s2", Some("d"))],
            vec![unit("g1", Some("s1")), unit("g2", Some("s1")), unit("g3", Some("s2")), unit("g4", None)],
            vec![],
        ];
        let worker = WorkerId("w".into());
        let row = |unit: &str, until: i64| Assignment {
            unit: code(unit),
            worker: worker.clone(),
            post: Post::Leader,
            department: String::new(),
            validity: Validity { from: day(1), to: Some(day(until)) },
            // Held all the same when nobody is on shift.
            shift: Shift::parse("08:00-09:00").unwrap(),
        };
        let workers = vec![Worker { id: worker.clone(), name: String::new(), phone: String::new() }];
        let roster = |rows: Vec<Assignment>| RosterData { workers: workers.clone(), assignments: rows };
        let found = Unheld::of(&levels, roster(vec![row("g1", 9), row("s1", 9)]), day(5));
        assert_eq!(found, Unheld { unit_count: 4, by_nobody: vec![code("g3"), code("g4")], by_ancestor: 1, roster_is_empty: false });
        assert_eq!(Unheld::of(&levels, roster(vec![row("d", 9)]), day(5)).by_ancestor, 3, "all the way up");
        assert_eq!(Unheld::of(&levels, roster(vec![row("d", 5)]), day(5)).by_nobody.len(), 4, "the last day is exclusive");
        assert!(Unheld::of(&levels, RosterData::default(), day(5)).roster_is_empty);
    }
}
