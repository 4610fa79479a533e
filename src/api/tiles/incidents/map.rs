use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use moka::sync::Cache;
use rustc_hash::FxHashMap;

use super::board::Board;
use super::draw::{Drawn, DrawnKey};
use crate::api::tiles::shift::TileShift;
use crate::dispatch::CaseId;
use crate::store::{AuditEntry, CaseFilter, CaseMark, Store, StoreError};
use crate::tile::{ClusterTiles, TileTooLarge};

/// Bytes of finished tiles of cases kept ready: those that an office's screens show, many times over.
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// Cases read from the store at once.
const PAGE: usize = 10_000;

/// Events, or entries of the audit log, read from the store at once.
const EVENTS: usize = 1_000;

/// Cases that are read again one by one, however many there are. Where more have changed, and more than a sixteenth of all, reading all
/// of them is no slower.
const CHANGED_MAX: usize = 1_000;

/// Most that are ever read one by one: some seconds.
const CHANGED_EVER_MAX: usize = 20_000;

/// How often the audit log is looked at for cases that came or went without an event.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Where all cases lie as each basemap shows them, and the tiles that were drawn of them. Nothing is read before somebody asks.
pub struct CaseMap {
    store: Arc<dyn Store>,
    tiles: ClusterTiles,
    plain: Mutex<Slot>,
    gcj02: Mutex<Slot>,
    bd09: Mutex<Slot>,
    pub(super) finished: Cache<DrawnKey, Drawn>,
}

/// What is known for a basemap.
#[derive(Default)]
struct Slot {
    known: Option<Known>,
    /// When there were last found to be too many cases. They are not counted again for each who asks.
    too_many_at: Option<Instant>,
}

struct Known {
    board: Arc<Board>,
    seen: Seen,
    looked_at: Instant,
    /// Where cases lie now, read anew beside those that are shown until then.
    anew: Option<JoinHandle<Result<(Board, Seen), BoardError>>>,
}

/// What of the store's logs is in a board.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The number of the last event.
    event: u64,
    /// The number of the last entry of the audit log.
    audited: u64,
}

/// Why it cannot be told where cases lie.
#[derive(Debug, thiserror::Error)]
pub enum BoardError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("there are more than the {cases_max} cases of which maps are drawn; raise cases.map_max, which takes some 90 bytes each")]
    TooMany { cases_max: usize },
    #[error(transparent)]
    Tile(#[from] TileTooLarge),
}

impl CaseMap {
    pub fn new(store: Arc<dyn Store>, tiles: ClusterTiles) -> Self {
        let weight = |_: &DrawnKey, drawn: &Drawn| u32::try_from(drawn.bytes() + 512).unwrap_or(u32::MAX);
        let finished = Cache::builder().weigher(weight).max_capacity(CACHE_BYTES_MAX).build();
        Self { store, tiles, plain: Mutex::default(), gcj02: Mutex::default(), bd09: Mutex::default(), finished }
    }

    /// Returns where cases lie now, all events that are durable included. What came or went without an event shows some seconds later.
    /// Reads the store, which takes a while when it is asked for the first time.
    ///
    /// # Errors
    /// Those of the store; more cases than `cases_max`.
    pub fn current(&self, shift: Option<TileShift>, cases_max: usize) -> Result<Arc<Board>, BoardError> {
        let slot = match shift {
            None => &self.plain,
            Some(TileShift::Gcj02) => &self.gcj02,
            Some(TileShift::Bd09) => &self.bd09,
        };
        // Held while reading, so that many who ask at once read once. Nothing is half written under the lock, so a panic elsewhere does
        // not spoil it.
        let mut slot: MutexGuard<'_, Slot> = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if slot.too_many_at.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return Err(BoardError::TooMany { cases_max });
        }
        let found = slot.find(|known| match known {
            Some(known) => known.follow(&self.store, cases_max),
            None => {
                let first = load(&*self.store, Board::new(shift, self.tiles, 0), cases_max)?;
                *known = Some(Known::of(first));
                Ok(())
            }
        });
        slot.too_many_at = matches!(found, Err(BoardError::TooMany { .. })).then(Instant::now);
        found
    }
}

impl std::fmt::Debug for CaseMap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaseMap").finish_non_exhaustive()
    }
}

impl Slot {
    fn find(&mut self, read: impl FnOnce(&mut Option<Known>) -> Result<(), BoardError>) -> Result<Arc<Board>, BoardError> {
        read(&mut self.known)?;
        Ok(Arc::clone(&self.known.as_ref().expect("a board was read").board))
    }
}

impl Known {
    fn of((board, seen): (Board, Seen)) -> Self {
        Self { board: Arc::new(board), seen, looked_at: Instant::now(), anew: None }
    }

    /// Takes in what has happened since.
    fn follow(&mut self, store: &Arc<dyn Store>, cases_max: usize) -> Result<(), BoardError> {
        if let Some(anew) = self.anew.take_if(|anew| anew.is_finished()) {
            let (board, seen) = anew.join().expect("reading where cases lie does not panic")?;
            // What is drawn of the one before must not pass for what is drawn of this one.
            let board = board.renumbered(self.board.revision() + 1);
            (self.board, self.seen) = (Arc::new(board), seen);
        }
        if self.anew.is_none() && self.looked_at.elapsed() >= LOOK_EVERY {
            self.looked_at = Instant::now();
            let (audited, is_untold) = look(&**store, self.seen.audited)?;
            if is_untold {
                // What was seen of the log stays as it is until the new board is there: where reading fails it is found again.
                let (store, empty) = (Arc::clone(store), self.board.emptied());
                self.anew = Some(std::thread::spawn(move || load(&*store, empty, cases_max)));
            } else {
                self.seen.audited = audited;
            }
        }
        let newest = store.newest_happening()?;
        if newest != self.seen.event {
            match changed(&**store, self.board.count(), (self.seen.event, newest))? {
                Some((marks, event)) => {
                    if !marks.is_empty() {
                        // In place, but where somebody draws from it.
                        let board = Arc::make_mut(&mut self.board);
                        board.begin();
                        marks.into_iter().for_each(|(mark, is_new)| board.put(mark, is_new));
                    }
                    self.seen.event = event;
                }
                None => *self = Self::of(load(&**store, self.board.emptied(), cases_max)?),
            }
        }
        if self.board.count() > cases_max { Err(BoardError::TooMany { cases_max }) } else { Ok(()) }
    }
}

/// Reads where all cases lie, onto a board without any.
fn load(store: &dyn Store, board: Board, cases_max: usize) -> Result<(Board, Seen), BoardError> {
    // Asked for before reading: what comes meanwhile is read again next time, and changes nothing then.
    let seen = Seen { event: store.newest_happening()?, audited: look(store, 0)?.0 };
    let mut filter = Some(CaseFilter { counts: false, ..CaseFilter::first(PAGE) });
    let mut count = 0;
    let pages = std::iter::from_fn(|| {
        let next = filter.as_mut()?;
        let page = match store.load_case_marks(next) {
            Ok(page) => page,
            Err(error) => return Some(Err(error.into())),
        };
        next.after = page.marks.last().map(|mark| mark.id);
        filter = filter.take().filter(|_| page.has_more);
        count += page.marks.len();
        Some(if count > cases_max { Err(BoardError::TooMany { cases_max }) } else { Ok(page.marks) })
    });
    Ok((board.fill(pages)?, seen))
}

/// Returns the number of the audit log's last entry, and whether one after `after` is of what no event tells.
fn look(store: &dyn Store, after: u64) -> Result<(u64, bool), StoreError> {
    let (mut last, mut is_untold) = (after, false);
    loop {
        let entries = store.load_audit(last, EVENTS)?;
        last = entries.last().map_or(last, |entry| entry.number);
        is_untold |= entries.iter().any(AuditEntry::is_of_cases);
        if entries.len() < EVENTS {
            return Ok((last, is_untold));
        }
    }
}

/// Cases that changed, and whether each can stand nowhere on a board but where it is.
type Changed = Vec<(CaseMark, bool)>;

/// Returns the cases of which there are events between two, and the last of these; none where so much has changed that it is better read
/// anew.
fn changed(store: &dyn Store, count: usize, (known, newest): (u64, u64)) -> Result<Option<(Changed, u64)>, StoreError> {
    let changed_max = CHANGED_MAX.max(count / 16).min(CHANGED_EVER_MAX);
    // With whether it began, whether it was moved, and its last event. What began and was not moved by then stands on the board where it
    // is, or not at all.
    let mut changed: FxHashMap<CaseId, (bool, bool, u32)> = FxHashMap::default();
    let mut after = known;
    while after < newest {
        let events = store.load_case_events(after, EVENTS)?;
        let Some(last) = events.last() else { break };
        after = last.number;
        for event in &events {
            let (began, moved, last) = changed.entry(event.case.id).or_default();
            *began |= event.event.seq == 1;
            *moved |= event.event.facts.place.is_some();
            *last = event.event.seq;
        }
        if changed.len() > changed_max {
            return Ok(None);
        }
    }
    let mut marks = Vec::with_capacity(changed.len());
    for (id, (began, moved, last)) in changed {
        let Some(record) = store.find_case_record(id)? else { continue };
        let is_of_then = record.events.last().is_some_and(|event| event.seq == last);
        marks.push((CaseMark::of(&record), began && !moved && is_of_then));
    }
    Ok(Some((marks, after.max(newest))))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::store::MemoryStore;
    use crate::store::conformance::case;

    const TILES: ClusterTiles = ClusterTiles::up_to(14);

    #[test]
    fn cases_that_come_without_an_event_show_when_the_log_is_looked_at() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let add = |id: u128| {
            store.add_cases(&[case(id, 111.6, 26.2)], "test", Timestamp::UNIX_EPOCH).unwrap();
        };
        add(1);
        let mut known = Known::of(load(&*store, Board::new(None, TILES, 0), 9).unwrap());
        add(2);
        let mut counts = Vec::new();
        while known.board.count() < 2 {
            known.follow(&store, 9).unwrap();
            counts.push(known.board.count());
            known.looked_at = Instant::now().checked_sub(LOOK_EVERY).unwrap();
        }
        assert_eq!((counts[0], known.board.revision()), (1, 1));
        assert!(matches!(load(&*store, Board::new(None, TILES, 0), 1), Err(BoardError::TooMany { .. })));
    }
}
