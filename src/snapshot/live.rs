use std::sync::Arc;

use arc_swap::ArcSwapOption;

use super::state::Snapshot;

/// The current snapshot, replaced in one step. Readers are never held up: who took the old one finishes on it.
#[derive(Debug, Default)]
pub struct Live(ArcSwapOption<Snapshot>);

impl Live {
    /// Starts with a snapshot, or with none where the store has not been read yet.
    pub fn new(snapshot: Option<Arc<Snapshot>>) -> Self {
        Self(ArcSwapOption::new(snapshot))
    }

    /// Returns the current snapshot; none before the first one was built.
    pub fn load(&self) -> Option<Arc<Snapshot>> {
        self.0.load_full()
    }

    /// Makes `next` the current snapshot and returns the one before it.
    pub fn swap(&self, next: Arc<Snapshot>) -> Option<Arc<Snapshot>> {
        self.0.swap(Some(next))
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::dispatch::Roster;
    use crate::snapshot::{RosterSnapshot, Settings};

    fn snapshot(version: u64) -> Arc<Snapshot> {
        let roster = Arc::new(Roster::new(Vec::new(), Vec::new(), TimeZone::UTC));
        let roster = RosterSnapshot { roster, from: None, to: None };
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
