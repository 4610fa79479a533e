use std::sync::Arc;

use jiff::Timestamp;

use crate::dispatch::{Roster, RosterMark, RosterTerm};
use crate::snapshot::{LayerKey, LayerSnapshot, RosterSnapshot};

/// Things kept at once. More than anybody compares, and few enough to search one by one; rosters of a small office would else fill
/// the budget by the hundred thousand.
const ENTRIES_MAX: usize = 256;

/// What was built, least recently used first to go. Nothing that a request still reads goes: it would take its memory all the same.
#[derive(Debug)]
pub(super) struct Shelf {
    budget_bytes: usize,
    used_bytes: usize,
    entries: Vec<Entry>,
    /// Counts uses, so that the least recent is known.
    uses: u64,
    evicted_count: u64,
}

#[derive(Debug)]
struct Entry {
    item: Item,
    bytes: usize,
    last_use: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Item {
    Layer(Arc<LayerSnapshot>),
    Roster(Rows),
}

/// A roster, and the terms in which it is in force, each with the version of the store at which that was so.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    mark: RosterMark,
    roster: Arc<Roster>,
    terms: Vec<(u64, RosterTerm)>,
}

/// Why something was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It needs more than the whole budget.
    TooLarge { bytes: usize },
    /// What is kept is being read.
    InUse,
}

impl Shelf {
    pub fn new(budget_bytes: usize) -> Self {
        Self { budget_bytes, used_bytes: 0, entries: Vec::new(), uses: 0, evicted_count: 0 }
    }

    pub fn budget_bytes(&self) -> usize {
        self.budget_bytes
    }

    pub fn used_bytes(&self) -> usize {
        self.used_bytes
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn evicted_count(&self) -> u64 {
        self.evicted_count
    }

    pub fn find_layer(&mut self, key: &LayerKey) -> Option<Arc<LayerSnapshot>> {
        self.find(|item| match item {
            Item::Layer(layer) if layer.key() == *key => Some(Arc::clone(layer)),
            _ => None,
        })
    }

    /// Finds the roster of a time as the store has it at `version` or later.
    pub fn find_roster(&mut self, version: u64, at: Timestamp) -> Option<RosterSnapshot> {
        self.find(|item| match item {
            Item::Roster(rows) => rows.find(version, at),
            Item::Layer(_) => None,
        })
    }

    /// Finds the rows of a roster, whenever that was in force.
    pub fn find_roster_of(&mut self, mark: RosterMark) -> Option<Arc<Roster>> {
        self.find(|item| match item {
            Item::Roster(rows) if rows.mark == mark => Some(Arc::clone(&rows.roster)),
            _ => None,
        })
    }

    /// Takes something in, and drops for it what was not used for longest. The rows of a roster are kept once for all its terms.
    pub fn put(&mut self, item: Item) -> Result<(), Refusal> {
        if let Item::Roster(new) = &item
            && let Some(known) = self.find_rows(new.mark)
        {
            known.learn(&new.terms);
            return Ok(());
        }
        let bytes = item.bytes();
        if bytes > self.budget_bytes {
            return Err(Refusal::TooLarge { bytes });
        }
        self.retain(|kept| !kept.is_same(&item));
        while self.used_bytes + bytes > self.budget_bytes || self.entries.len() >= ENTRIES_MAX {
            let idle = self.entries.iter().enumerate().filter(|(_, entry)| !entry.item.is_in_use());
            let oldest = idle.min_by_key(|(_, entry)| entry.last_use).map(|(at, _)| at).ok_or(Refusal::InUse)?;
            self.used_bytes -= self.entries.swap_remove(oldest).bytes;
            self.evicted_count += 1;
        }
        self.uses += 1;
        self.used_bytes += bytes;
        self.entries.push(Entry { item, bytes, last_use: self.uses });
        Ok(())
    }

    /// Drops everything else than what `keeps` says.
    pub fn retain(&mut self, keeps: impl Fn(&Item) -> bool) {
        self.entries.retain(|entry| keeps(&entry.item));
        self.used_bytes = self.entries.iter().map(|entry| entry.bytes).sum();
    }

    fn find_rows(&mut self, mark: RosterMark) -> Option<&mut Rows> {
        self.entries.iter_mut().find_map(|entry| match &mut entry.item {
            Item::Roster(rows) if rows.mark == mark => Some(rows),
            _ => None,
        })
    }

    fn find<T>(&mut self, pick: impl Fn(&Item) -> Option<T>) -> Option<T> {
        let (entry, found) = self.entries.iter_mut().find_map(|entry| pick(&entry.item).map(|found| (entry, found)))?;
        self.uses += 1;
        entry.last_use = self.uses;
        Some(found)
    }
}

impl Rows {
    pub fn mark(&self) -> RosterMark {
        self.mark
    }

    fn find(&self, version: u64, at: Timestamp) -> Option<RosterSnapshot> {
        let (_, term) = self.terms.iter().find(|(known, term)| *known >= version && term.contains(at))?;
        Some(RosterSnapshot { roster: Arc::clone(&self.roster), term: *term })
    }

    /// Takes in terms. What was known of an earlier version is not asked for by its time any more.
    fn learn(&mut self, terms: &[(u64, RosterTerm)]) {
        let newest = terms.iter().map(|(version, _)| *version).max();
        self.terms.retain(|(version, term)| Some(*version) >= newest && !terms.iter().any(|(_, new)| new == term));
        self.terms.extend_from_slice(terms);
    }
}

impl Item {
    /// A roster as it was in force at a version of the store.
    pub fn roster(version: u64, roster: &RosterSnapshot) -> Self {
        let RosterSnapshot { roster, term } = roster;
        Self::Roster(Rows { mark: term.mark, roster: Arc::clone(roster), terms: vec![(version, *term)] })
    }

    fn bytes(&self) -> usize {
        size_of::<Entry>()
            + match self {
                Self::Layer(layer) => layer.bytes(),
                Self::Roster(rows) => rows.roster.bytes(),
            }
    }

    fn is_in_use(&self) -> bool {
        match self {
            Self::Layer(layer) => Arc::strong_count(layer) > 1,
            Self::Roster(rows) => Arc::strong_count(&rows.roster) > 1,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Layer(a), Self::Layer(b)) => a.key() == b.key(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::boundary::{UnitCode, Validity};
    use crate::dispatch::{Assignment, Post, Shift, WorkerId};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// A roster in force for one second, with a row for each of so many units.
    fn roster(second: i64, rows: usize) -> Item {
        let row = |number: usize| Assignment {
            unit: UnitCode::parse(&format!("{number}")).unwrap(),
            worker: WorkerId("w".into()),
            post: Post::Primary,
            department: String::new(),
            validity: Validity { from: at(0), to: None },
            shift: Shift::ALWAYS,
        };
        let mark = RosterMark { number: Some(second.unsigned_abs()), newest: None };
        let term = RosterTerm { mark, from: Some(at(second)), to: Some(at(second + 1)) };
        let roster = Arc::new(Roster::new(Vec::new(), (0..rows).map(row).collect(), TimeZone::UTC));
        Item::roster(1, &RosterSnapshot { roster, term })
    }

    fn held(shelf: &mut Shelf) -> Vec<i64> {
        (0..10).filter(|second| shelf.find_roster(1, at(*second)).is_some()).collect()
    }

    #[test]
    fn what_was_not_used_for_longest_makes_room_and_the_budget_holds() {
        let budget_bytes = roster(0, 100).bytes() * 3;
        let mut shelf = Shelf::new(budget_bytes);
        for second in 0..3 {
            shelf.put(roster(second, 100)).unwrap();
        }
        assert!(shelf.find_roster(1, at(0)).is_some());
        shelf.put(roster(3, 100)).unwrap();
        assert_eq!((held(&mut shelf), shelf.evicted_count()), (vec![0, 2, 3], 1));
        assert!(shelf.used_bytes() <= budget_bytes);
        // The same again takes the place of its own, and a newer version of the store is asked for in vain.
        shelf.put(roster(3, 100)).unwrap();
        assert_eq!((shelf.len(), shelf.find_roster(2, at(3)).is_some()), (3, false));
    }

    #[test]
    fn what_is_too_large_or_finds_everything_in_use_is_refused() {
        let bytes = roster(0, 100).bytes();
        let mut shelf = Shelf::new(bytes * 3 / 2);
        assert_eq!(shelf.put(roster(0, 1000)), Err(Refusal::TooLarge { bytes: roster(0, 1000).bytes() }));
        shelf.put(roster(1, 100)).unwrap();
        let read = shelf.find_roster(1, at(1)).unwrap();
        assert_eq!(shelf.put(roster(2, 100)), Err(Refusal::InUse));
        assert_eq!(held(&mut shelf), [1]);
        drop(read);
        shelf.put(roster(2, 100)).unwrap();
        assert_eq!(held(&mut shelf), [2]);
    }

    #[test]
    fn a_roster_that_comes_back_is_kept_once() {
        let mut shelf = Shelf::new(roster(0, 100).bytes() * 3 / 2);
        shelf.put(roster(1, 100)).unwrap();
        let first = shelf.find_roster(1, at(1)).unwrap();
        let again = |version, second| {
            let term = RosterTerm { from: Some(at(second)), to: Some(at(second + 1)), ..first.term };
            Item::roster(version, &RosterSnapshot { term, ..first.clone() })
        };
        shelf.put(again(1, 5)).unwrap();
        assert_eq!((held(&mut shelf), shelf.len()), (vec![1, 5], 1));
        // A newer version of the store may have it in force at other times; each is asked for anew.
        shelf.put(again(2, 5)).unwrap();
        let seen = |shelf: &mut Shelf| [1, 5].map(|second| shelf.find_roster(1, at(second)).is_some());
        assert_eq!((seen(&mut shelf), shelf.find_roster(3, at(5)).is_some()), ([false, true], false));
        assert!(shelf.find_roster_of(first.term.mark).is_some_and(|rows| Arc::ptr_eq(&rows, &first.roster)));
    }

    #[test]
    fn no_number_of_small_things_makes_the_search_long() {
        let mut shelf = Shelf::new(usize::MAX);
        for second in 0..ENTRIES_MAX as i64 + 7 {
            shelf.put(roster(second, 0)).unwrap();
        }
        assert_eq!((shelf.len(), shelf.evicted_count()), (ENTRIES_MAX, 7));
    }
}
