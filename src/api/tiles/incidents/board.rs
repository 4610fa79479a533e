use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use rustc_hash::{FxHashMap, FxHashSet};

use super::draw::{Drawn, DrawnKey};
use crate::dispatch::CaseId;
use crate::store::{CaseFilter, CaseMark, Store, StoreError};
use crate::tile::{PlaceKey, TileTooLarge};

/// Bytes of finished tiles of cases kept ready: those that an office's screens show, many times over.
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// Cases read from the store at once.
const PAGE: usize = 10_000;

/// Events read from the store at once.
const EVENTS: usize = 1_000;

/// Cases that are read again one by one. Where more have changed, reading all of them is no slower.
const CHANGED_MAX: usize = 1_000;

/// Changes that are remembered by place. Beyond them every tile is drawn again, with the same bytes where nothing in it changed.
const CHANGES_MAX: usize = 4_096;

/// How often cases are counted, to find those that came or went without an event: imported records, and months taken out.
const COUNT_EVERY: Duration = Duration::from_secs(10);

/// Where all cases lie, and the tiles that were drawn of them. Nothing is read before somebody asks.
#[derive(Debug)]
pub struct CaseMap {
    known: Mutex<Option<Known>>,
    pub(super) finished: Cache<DrawnKey, Drawn>,
}

#[derive(Debug)]
struct Known {
    board: Arc<Board>,
    counted_at: Instant,
}

/// Where all cases lie at one moment.
#[derive(Clone, Debug)]
pub struct Board {
    /// In the order of their places, and of their ids at one place.
    placed: Vec<Placed>,
    /// The number of the last event that is in it.
    newest: u64,
    /// Grows with each change.
    revision: u64,
    /// The revision as of which all places count as changed.
    base: u64,
    /// Places at which something changed, with the revision.
    changes: Vec<(PlaceKey, u64)>,
}

#[derive(Clone, Debug)]
pub struct Placed {
    pub key: PlaceKey,
    pub mark: Arc<CaseMark>,
}

impl CaseMap {
    pub fn new() -> Self {
        let weight = |_: &DrawnKey, drawn: &Drawn| u32::try_from(drawn.bytes() + 512).unwrap_or(u32::MAX);
        Self { known: Mutex::default(), finished: Cache::builder().weigher(weight).max_capacity(CACHE_BYTES_MAX).build() }
    }

    /// Returns where cases lie now, all events that are durable included.
    ///
    /// # Errors
    /// Those of the store; more cases than `cases_max`.
    pub fn current(&self, store: &dyn Store, cases_max: usize) -> Result<Arc<Board>, BoardError> {
        // Held while reading, so that many who ask at once read once.
        let mut known = self.lock();
        // Asked for before reading: what comes meanwhile is read again next time, and changes nothing then.
        let newest = store.newest_happening()?;
        let before = known.as_ref().map(|known| (Arc::clone(&known.board), known.counted_at));
        let (board, counted_at) = match before {
            None => (Arc::new(Board::load(store, newest, 0, cases_max)?), Instant::now()),
            Some((board, counted_at)) => {
                let followed = if newest == board.newest { Some(board) } else { board.followed(store, newest)?.map(Arc::new) };
                let is_due = counted_at.elapsed() >= COUNT_EVERY;
                let revision = known.as_ref().map_or(0, |known| known.board.revision + 1);
                match followed {
                    Some(board) if !is_due => (board, counted_at),
                    Some(board) if count(store)? == board.placed.len() => (board, Instant::now()),
                    _ => (Arc::new(Board::load(store, newest, revision, cases_max)?), Instant::now()),
                }
            }
        };
        *known = Some(Known { board: Arc::clone(&board), counted_at });
        Ok(board)
    }

    /// Nothing is half written under the lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for CaseMap {
    fn default() -> Self {
        Self::new()
    }
}

/// Why it cannot be told where cases lie.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "there are {count} cases, more than the {cases_max} of which maps are drawn; raise cases.map_max, which takes some 200 bytes each"
    )]
    TooMany { count: usize, cases_max: usize },
    #[error(transparent)]
    Tile(#[from] TileTooLarge),
}

fn count(store: &dyn Store) -> Result<usize, StoreError> {
    Ok(store.load_cases(&CaseFilter::first(0))?.matched.unwrap_or_default())
}

impl Board {
    fn load(store: &dyn Store, newest: u64, revision: u64, cases_max: usize) -> Result<Self, BoardError> {
        let mut filter = CaseFilter { counts: false, ..CaseFilter::first(PAGE) };
        let mut placed = Vec::new();
        loop {
            let page = store.load_case_marks(&filter)?;
            filter.after = page.marks.last().map(|mark| mark.id);
            placed.extend(page.marks.into_iter().map(Placed::of));
            if placed.len() > cases_max {
                return Err(BoardError::TooMany { count: count(store)?, cases_max });
            }
            if !page.has_more {
                break;
            }
        }
        placed.sort_unstable_by_key(Placed::order);
        Ok(Self { placed, newest, revision, base: revision, changes: Vec::new() })
    }

    /// Returns the board with the events up to `newest`; none where so much has changed that it is better read anew.
    fn followed(&self, store: &dyn Store, newest: u64) -> Result<Option<Self>, StoreError> {
        let mut changed: FxHashSet<CaseId> = FxHashSet::default();
        let mut after = self.newest;
        while after < newest {
            let events = store.load_case_events(after, EVENTS)?;
            let Some(last) = events.last() else { break };
            after = last.number;
            changed.extend(events.iter().map(|event| event.case.id));
            if changed.len() > CHANGED_MAX {
                return Ok(None);
            }
        }
        let mut marks: FxHashMap<CaseId, CaseMark> = FxHashMap::default();
        for id in &changed {
            marks.extend(store.find_case_record(*id)?.map(|record| (*id, CaseMark::of(&record))));
        }
        let mut next = Self { newest: after.max(newest), revision: self.revision + 1, ..self.clone() };
        next.placed.retain(|placed| {
            let stays = !changed.contains(&placed.mark.id);
            if !stays {
                next.changes.push((placed.key, next.revision));
            }
            stays
        });
        for mark in marks.into_values() {
            let placed = Placed::of(mark);
            next.changes.push((placed.key, next.revision));
            next.placed.push(placed);
        }
        // Nearly sorted, which the stable sort is fast with.
        next.placed.sort_by_key(Placed::order);
        if next.changes.len() > CHANGES_MAX {
            next.changes.clear();
            next.base = next.revision;
        }
        Ok(Some(next))
    }

    /// Returns the cases of a run of places.
    pub fn within(&self, places: &Range<PlaceKey>) -> &[Placed] {
        let at = |key: PlaceKey| self.placed.partition_point(|placed| placed.key < key);
        &self.placed[at(places.start)..at(places.end)]
    }

    /// Returns the revision with which something last changed at one of some places.
    pub fn changed(&self, places: &[Range<PlaceKey>]) -> u64 {
        let inside = self.changes.iter().filter(|(key, _)| places.iter().any(|places| places.contains(key)));
        inside.map(|(_, revision)| *revision).max().unwrap_or(self.base)
    }

    /// Returns a number that grows with each change.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn all(&self) -> &[Placed] {
        &self.placed
    }
}

impl Placed {
    fn of(mark: CaseMark) -> Self {
        Self { key: PlaceKey::of(mark.position), mark: Arc::new(mark) }
    }

    fn order(&self) -> (PlaceKey, CaseId) {
        (self.key, self.mark.id)
    }
}
