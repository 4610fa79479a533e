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

/// Tells the rosters of one store apart: two with the same mark are the same, the names and phones of their workers too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RosterMark {
    /// Which of the rosters it is, in the order of writing; none where there is none.
    pub number: Option<u64>,
    /// The roster written last, which may name the workers of earlier ones otherwise.
    pub newest: Option<u64>,
}

/// Which roster is in force, and between which times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RosterTerm {
    pub mark: RosterMark,
    /// None: since ever.
    pub from: Option<Timestamp>,
    /// When another takes over, where that is known; exclusive.
    pub to: Option<Timestamp>,
}

impl RosterTerm {
    /// Whether the roster is in force at a time.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
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

    /// Returns the memory that is held, in bytes. What the allocator adds is not counted.
    pub fn bytes(&self) -> usize {
        let worker = |worker: &Worker| 2 * worker.id.0.len() + worker.name.capacity() + worker.phone.capacity();
        let row =
            |a: &Assignment| a.unit.as_str().len() + a.worker.0.len() + a.department.capacity() + std::mem::size_of_val(a.shift.periods());
        let rows = |rows: &Vec<Assignment>| rows.capacity() * size_of::<Assignment>() + rows.iter().map(row).sum::<usize>();
        self.workers.capacity() * size_of::<(WorkerId, Worker)>()
            + self.workers.values().map(worker).sum::<usize>()
            + self.by_unit.capacity() * size_of::<(UnitCode, Vec<Assignment>)>()
            + self.by_unit.values().map(rows).sum::<usize>()
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
        let mut on_duty = path
            .iter()
            .flat_map(|code| self.assignments(code))
            .filter(|a| a.validity.contains(at) && a.shift.is_on(at, &self.time_zone))
            .filter_map(|a| Some(Holder { worker: self.workers.get(&a.worker)?, post: a.post, department: &a.department, from: &a.unit }));
        let holder = on_duty.next();
        let fallback = on_duty.collect();
        let changes = path.iter().flat_map(|code| self.assignments(code)).filter_map(|a| self.next_change(a, at));
        Duty { holder, fallback, expires: changes.min() }
    }

    /// Whether nobody holds a post at the unit itself at `at`, whatever the hour. Its ancestors then answer for it.
    pub fn is_vacant(&self, unit: &UnitCode, at: Timestamp) -> bool {
        !self.assignments(unit).iter().any(|a| a.validity.contains(at))
    }

    /// The next instant at which an assignment begins, ends, or goes on or off shift.
    fn next_change(&self, assignment: &Assignment, at: Timestamp) -> Option<Timestamp> {
        let Validity { from, to } = assignment.validity;
        let dates = [Some(from), to].into_iter().flatten().filter(|change| *change > at).min();
        let shift = assignment.shift.next_change(at.max(from), &self.time_zone);
        [dates, shift.filter(|change| to.is_none_or(|to| *change < to && to > at))].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> UnitCode {
        UnitCode::parse(text).unwrap()
    }

    fn time(text: &str) -> Timestamp {
        format!("{text}:00+08:00").parse().unwrap()
    }

    /// Rows of unit, worker, post, first day, last day (exclusive, or empty), shift.
    fn roster(rows: &[[&str; 6]]) -> Roster {
        let worker = |id: &str| Worker { id: WorkerId(id.into()), name: id.into(), phone: String::new() };
        let workers = rows.iter().map(|row| worker(row[1])).collect();
        let assignment = |row: &[&str; 6]| Assignment {
            unit: code(row[0]),
            worker: WorkerId(row[1].into()),
            post: Post::parse(row[2]).unwrap(),
            department: String::new(),
            validity: Validity {
                from: time(&format!("{}T00:00", row[3])),
                to: (!row[4].is_empty()).then(|| time(&format!("{}T00:00", row[4]))),
            },
            shift: Shift::parse(row[5]).unwrap(),
        };
        Roster::new(workers, rows.iter().map(assignment).collect(), TimeZone::get("Asia/Shanghai").unwrap())
    }

    /// Who answers for the grid `c1g1` of community `c1` of street `s`, who comes next, and until when.
    fn check(roster: &Roster, at: &str, expected: (Option<&str>, &[&str], Option<&str>)) {
        let path = [code("c1g1"), code("c1"), code("s")];
        let duty = roster.find_duty(&path, time(at));
        let fallback: Vec<&str> = duty.fallback.iter().map(|holder| &*holder.worker.id.0).collect();
        let found = (duty.holder.as_ref().map(|holder| &*holder.worker.id.0), &*fallback, duty.expires);
        assert_eq!(found, (expected.0, expected.1, expected.2.map(time)), "{at}");
    }

    #[test]
    fn the_chain_runs_from_primary_to_leader_and_then_up() {
        let roster = roster(&[
            ["s", "street", "leader", "2026-01-01", "", ""],
            ["c1", "community", "primary", "2026-01-01", "", ""],
            ["c1g1", "lead", "leader", "2026-01-01", "", ""],
            ["c1g1", "first", "primary", "2026-01-01", "", "08:00-18:00"],
            ["c1g1", "second", "backup", "2026-01-01", "", "08:00-20:00"],
        ]);
        check(&roster, "2026-03-01T09:00", (Some("first"), &["second", "lead", "community", "street"], Some("2026-03-01T18:00")));
        check(&roster, "2026-03-01T18:00", (Some("second"), &["lead", "community", "street"], Some("2026-03-01T20:00")));
        check(&roster, "2026-03-01T22:00", (Some("lead"), &["community", "street"], Some("2026-03-02T08:00")));
    }

    #[test]
    fn a_vacant_grid_falls_to_its_community_and_nobody_at_all_is_an_alarm() {
        let held = roster(&[["c1", "community", "leader", "2026-01-01", "2026-07-01", ""]]);
        check(&held, "2026-03-01T09:00", (Some("community"), &[], Some("2026-07-01T00:00")));
        check(&held, "2026-07-01T00:00", (None, &[], None));
        assert!(held.is_vacant(&code("c1g1"), time("2026-03-01T09:00")) && !held.is_vacant(&code("c1"), time("2026-03-01T09:00")));
    }

    #[test]
    fn the_last_day_is_exclusive_and_a_successor_takes_over_at_midnight() {
        let roster = roster(&[
            ["c1g1", "old", "primary", "2026-01-01", "2026-04-01", "20:00-06:00"],
            ["c1g1", "new", "primary", "2026-04-01", "", "20:00-06:00"],
        ]);
        check(&roster, "2026-03-31T23:59", (Some("old"), &[], Some("2026-04-01T00:00")));
        check(&roster, "2026-04-01T00:00", (Some("new"), &[], Some("2026-04-01T06:00")));
        check(&roster, "2026-03-31T12:00", (None, &[], Some("2026-03-31T20:00")));
    }

    #[test]
    fn a_future_assignment_is_the_next_known_change() {
        let roster = roster(&[["c1g1", "new", "primary", "2026-04-01", "", "08:00-18:00"]]);
        check(&roster, "2026-03-01T12:00", (None, &[], Some("2026-04-01T00:00")));
    }
}
