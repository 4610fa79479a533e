use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::shift::Shift;
use crate::boundary::{UnitCode, Validity};

/// The id by which an office knows a worker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub Arc<str>);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A keeper. The name and phone are personal data: the public never sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    pub id: WorkerId,
    pub name: String,
    pub phone: String,
}

/// The posts at a unit, in the order in which they are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Post {
    Primary,
    Backup,
    Leader,
}

impl Post {
    pub const ALL: [Self; 3] = [Self::Primary, Self::Backup, Self::Leader];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Backup => "backup",
            Self::Leader => "leader",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|post| post.as_str() == text)
    }
}

/// One worker in one post at one unit, with dates and hours.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    pub unit: UnitCode,
    pub worker: WorkerId,
    pub post: Post,
    /// Empty where the roster names none.
    pub department: String,
    pub validity: Validity,
    pub shift: Shift,
}

/// All workers and assignments of one moment of the store, past and future ones included.
#[derive(Clone, Debug)]
pub struct Roster {
    workers: FxHashMap<WorkerId, Worker>,
    by_unit: FxHashMap<UnitCode, Vec<Assignment>>,
    time_zone: TimeZone,
}

/// Who answers for a unit at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Duty<'a> {
    /// None where nobody holds the unit or any ancestor: an alarm.
    pub holder: Option<Holder<'a>>,
    /// Those who would be asked next, in order.
    pub fallback: Vec<Holder<'a>>,
    /// The next instant at which the answer may change, where one is known.
    pub expires: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Holder<'a> {
    pub worker: &'a Worker,
    pub post: Post,
    pub department: &'a str,
    /// The unit that this worker holds: the one asked for, or an ancestor.
    pub from: &'a UnitCode,
}

impl Roster {
    /// Puts a roster together. Assignments of workers that are not listed are kept out by the import.
    pub fn new(workers: Vec<Worker>, assignments: Vec<Assignment>, time_zone: TimeZone) -> Self {
        let workers = workers.into_iter().map(|worker| (worker.id.clone(), worker)).collect();
        let mut by_unit: FxHashMap<UnitCode, Vec<Assignment>> = FxHashMap::default();
        for assignment in assignments {
            by_unit.entry(assignment.unit.clone()).or_default().push(assignment);
        }
        // One order on every replica, whatever the order of the rows.
        for list in by_unit.values_mut() {
            list.sort_by(|a, b| (a.post, &a.worker, a.validity.from).cmp(&(b.post, &b.worker, b.validity.from)));
        }
        Self { workers, by_unit, time_zone }
    }

    pub fn is_empty(&self) -> bool {
        self.by_unit.is_empty()
    }

    pub fn worker(&self, id: &WorkerId) -> Option<&Worker> {
        self.workers.get(id)
    }

    pub fn assignments(&self, unit: &UnitCode) -> &[Assignment] {
        self.by_unit.get(unit).map_or(&[], Vec::as_slice)
    }

    /// Finds who answers at `at` for the first unit of `path`, which runs from the unit to its coarsest ancestor.
    ///
    /// Asked in order: primary on shift, backup, leader, then the same at the parent, and so on up.
    pub fn find_duty<'a>(&'a self, path: &[UnitCode], at: Timestamp) -> Duty<'a> {
        let local_time = self.time_zone.to_datetime(at).time();
        let mut on_duty = path
            .iter()
            .flat_map(|code| self.assignments(code))
            .filter(|a| a.validity.contains(at) && a.shift.contains(local_time))
            .filter_map(|a| Some(Holder { worker: self.workers.get(&a.worker)?, post: a.post, department: &a.department, from: &a.unit }));
        let holder = on_duty.next();
        let fallback = on_duty.collect();
        Duty { holder, fallback, expires: None }
    }
}
