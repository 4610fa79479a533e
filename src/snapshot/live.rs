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
