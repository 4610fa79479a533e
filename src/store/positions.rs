//! Where workers were last seen. This is kept for hours and in no copy: a database has a table for it that no copy reads, and a file has
//! nothing of it, as the process that serves it keeps it in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::times::to_milliseconds;
use crate::boundary::Position;
use crate::dispatch::WorkerId;

/// Where a worker was last seen.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerPosition {
    pub worker: WorkerId,
    pub position: Position,
    pub accuracy_m: Option<f64>,
    pub at: Timestamp,
}

/// Positions of one process.
#[derive(Debug, Default)]
pub(super) struct Positions(Mutex<BTreeMap<WorkerId, WorkerPosition>>);

impl Positions {
    pub fn save(&self, position: &WorkerPosition) {
        let kept = WorkerPosition { at: to_milliseconds(position.at), ..position.clone() };
        self.lock().insert(position.worker.clone(), kept);
    }

    pub fn load(&self, since: Timestamp) -> Vec<WorkerPosition> {
        self.lock().values().filter(|position| position.at >= since).cloned().collect()
    }

    /// Erases what is older, and all that is known of a worker.
    pub fn erase(&self, worker: Option<&WorkerId>, before: Timestamp) -> usize {
        let mut positions = self.lock();
        let count = positions.len();
        positions.retain(|of, position| Some(of) != worker && position.at >= before);
        count - positions.len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<WorkerId, WorkerPosition>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
