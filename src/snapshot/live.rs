use std::sync::Arc;

use arc_swap::ArcSwapOption;
use jiff::Timestamp;

use super::state::Snapshot;

/// The current snapshot, replaced in one step. Readers are never held up: who took the old one finishes on it.
#[derive(Debug, Default)]
pub struct Live {
    current: ArcSwapOption<Snapshot>,
    /// What takes over by itself when the current one ends, made before its time.
    next: ArcSwapOption<Snapshot>,
}

impl Live {
    /// Starts with a snapshot, or with none where the store has not been read yet.
    pub fn new(snapshot: Option<Arc<Snapshot>>) -> Self {
        Self { current: ArcSwapOption::new(snapshot), next: ArcSwapOption::default() }
    }

    /// Returns the current snapshot; none before the first one was built.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.current.load_full()
    }

    /// Returns the snapshot that is to take over when the current one ends, where it is ready.
    pub fn next(&self) -> Option<Arc<Snapshot>> {
        self.next.load_full()
    }

    /// Makes ready what is to take over when the current snapshot ends.
    pub fn prepare(&self, next: Arc<Snapshot>) {
        self.next.store(Some(next));
    }

    /// Lets the next snapshot take over where the current one has ended at `now`, and returns the one before it. A next one of another
    /// version of the store than the current one's was made for another, and waits.
    pub fn turn(&self, now: Timestamp) -> Option<Arc<Snapshot>> {
        let (current, next) = (self.load()?, self.next()?);
        let has_ended = current.ends_at().is_some_and(|end| end <= now);
        (has_ended && current.version() == next.version()).then(|| self.swap(next)).flatten()
    }

    /// Makes `next` the current snapshot and returns the one before it. What was ready to follow that one is dropped.
    pub fn swap(&self, next: Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        self.next.store(None);
        self.current.swap(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::dispatch::{Roster, RosterTerm};
    use crate::snapshot::{RosterSnapshot, Settings};

    fn snapshot(version: u64) -> Arc<Snapshot> {
        let roster = Arc::new(Roster::new(Vec::new(), Vec::new(), TimeZone::UTC));
        let roster = RosterSnapshot { roster, term: RosterTerm::default() };
        Arc::new(Snapshot::new(version, Vec::new(), roster, Settings { doubt_distance_m: 10.0 }))
    }

    #[test]
    fn who_took_the_old_snapshot_finishes_on_it() {
        let live = Live::default();
        assert!(live.load().is_none());
        live.swap(snapshot(1));
        let taken = live.load().unwrap();
        let before = live.swap(snapshot(2)).unwrap();
        assert_eq!((taken.version(), live.load().unwrap().version()), (1, 2));
        assert!(Arc::ptr_eq(&taken, &before));
        // With the last reader the old snapshot goes.
        let weak = Arc::downgrade(&taken);
        drop((taken, before));
        assert!(weak.upgrade().is_none());
    }

    #[test]
    fn the_next_snapshot_takes_over_at_its_time_and_not_before() {
        let second = |second: i64| Timestamp::from_second(second).unwrap();
        let until = |version: u64, end: Option<i64>| {
            let roster = Arc::new(Roster::new(Vec::new(), Vec::new(), TimeZone::UTC));
            let roster = RosterSnapshot { roster, term: RosterTerm { to: end.map(second), ..RosterTerm::default() } };
            Arc::new(Snapshot::new(version, Vec::new(), roster, Settings { doubt_distance_m: 10.0 }))
        };
        let live = Live::new(Some(until(1, Some(10))));
        assert!(live.turn(second(11)).is_none(), "nothing is ready");
        let next = until(1, None);
        live.prepare(Arc::clone(&next));
        assert!(live.turn(second(9)).is_none());
        assert!(live.turn(second(10)).is_some());
        assert!(Arc::ptr_eq(&live.load().unwrap(), &next) && live.next().is_none());
        // What was written meanwhile makes a snapshot of its own; the one made before does not come in its place.
        live.swap(until(2, Some(20)));
        live.prepare(until(1, None));
        assert!(live.turn(second(30)).is_none());
    }

    #[test]
    fn readers_only_ever_see_whole_snapshots_that_grow_newer() {
        let live = Live::new(Some(snapshot(0)));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut seen = 0;
                    while seen < 1_000 {
                        let version = live.load().unwrap().version();
                        assert!(version >= seen, "{version} after {seen}");
                        seen = version;
                    }
                });
            }
            scope.spawn(|| (1..=1_000).for_each(|version| drop(live.swap(snapshot(version)))));
        });
    }
}
