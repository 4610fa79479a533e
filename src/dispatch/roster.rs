use std::cell::LazyCell;
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::shift::{Moment, Shift};
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
    workers: Vec<Worker>,
    by_id: FxHashMap<WorkerId, u32>,
    /// Those of a unit follow each other, in the order in which they are asked.
    assignments: Vec<Assignment>,
    /// The place in `workers` of each assignment's worker, so that a lookup has nothing to search for: at 100,000 units a search costs
    /// three visits to memory that is in no cache.
    holders: Vec<Option<u32>>,
    by_unit: FxHashMap<UnitCode, Range<u32>>,
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
    pub fn new(workers: Vec<Worker>, mut assignments: Vec<Assignment>, time_zone: TimeZone) -> Self {
        let number = |at: usize| u32::try_from(at).expect("a roster has fewer than 2^32 rows");
        // Of several workers of one id the last one counts.
        let by_id: FxHashMap<_, _> = workers.iter().enumerate().map(|(at, worker)| (worker.id.clone(), number(at))).collect();
        // One order on every replica, whatever the order of the rows.
        assignments.sort_by(|a, b| (&a.unit, a.post, &a.worker, a.validity.from).cmp(&(&b.unit, b.post, &b.worker, b.validity.from)));
        let holders = assignments.iter().map(|assignment| by_id.get(&assignment.worker).copied()).collect();
        let mut by_unit: FxHashMap<UnitCode, Range<u32>> = FxHashMap::default();
        for (at, assignment) in assignments.iter().enumerate() {
            by_unit.entry(assignment.unit.clone()).or_insert(number(at)..0).end = number(at + 1);
        }
        Self { workers, by_id, assignments, holders, by_unit, time_zone }
    }

    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty()
    }

    /// Returns the memory that is held, in bytes. What the allocator adds is not counted.
    pub fn bytes(&self) -> usize {
        let worker = |worker: &Worker| worker.id.0.len() + worker.name.capacity() + worker.phone.capacity();
        let row =
            |a: &Assignment| a.unit.as_str().len() + a.worker.0.len() + a.department.capacity() + std::mem::size_of_val(a.shift.periods());
        self.workers.capacity() * size_of::<Worker>()
            + self.workers.iter().map(worker).sum::<usize>()
            + self.by_id.capacity() * size_of::<(WorkerId, u32)>()
            + self.assignments.capacity() * size_of::<Assignment>()
            + self.assignments.iter().map(row).sum::<usize>()
            + self.holders.capacity() * size_of::<Option<u32>>()
            + self.by_unit.capacity() * size_of::<(UnitCode, Range<u32>)>()
    }

    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    pub fn worker(&self, id: &WorkerId) -> Option<&Worker> {
        self.by_id.get(id).map(|at| &self.workers[*at as usize])
    }

    pub fn assignments(&self, unit: &UnitCode) -> &[Assignment] {
        &self.assignments[self.rows(unit)]
    }

    /// The places of a unit's assignments.
    fn rows(&self, unit: &UnitCode) -> Range<usize> {
        self.by_unit.get(unit).map_or(0..0, |rows| rows.start as usize..rows.end as usize)
    }

    /// Finds who answers at `at` for the first unit of `path`, which runs from the unit to its coarsest ancestor.
    ///
    /// Asked in order: primary on shift, backup, leader, then the same at the parent, and so on up.
    pub fn find_duty<'a, 'p>(&'a self, path: impl IntoIterator<Item = &'p UnitCode>, at: Timestamp) -> Duty<'a> {
        let now = LazyCell::new(|| Moment::new(at, &self.time_zone));
        let mut duty = Duty { holder: None, fallback: Vec::new(), expires: None };
        for row in path.into_iter().flat_map(|code| self.rows(code)) {
            let assignment = &self.assignments[row];
            let change = self.next_change(assignment, at, &now);
            duty.expires = [duty.expires, change].into_iter().flatten().min();
            if !assignment.validity.contains(at) || !(assignment.shift.is_always() || assignment.shift.is_on(&now)) {
                continue;
            }
            let Some(worker) = self.holders[row] else { continue };
            let worker = &self.workers[worker as usize];
            let holder = Holder { worker, post: assignment.post, department: &assignment.department, from: &assignment.unit };
            match duty.holder {
                None => duty.holder = Some(holder),
                Some(_) => duty.fallback.push(holder),
            }
        }
        duty
    }

    /// Finds whose cases there are: of those who hold the first unit of `path` that is held, as [`Roster::find_duty`] walks it, the first
    /// on shift, and where none is, the first whatever the hour.
    pub fn find_keeper<'p>(&self, path: impl IntoIterator<Item = &'p UnitCode>, at: Timestamp) -> Option<&Worker> {
        let now = LazyCell::new(|| Moment::new(at, &self.time_zone));
        let is_on = |row: usize| {
            let shift = &self.assignments[row].shift;
            shift.is_always() || shift.is_on(&now)
        };
        let keeper = path.into_iter().find_map(|code| {
            let holders = || self.rows(code).filter(|row| self.assignments[*row].validity.contains(at) && self.holders[*row].is_some());
            holders().find(|row| is_on(*row)).or_else(|| holders().next())
        });
        keeper.and_then(|row| self.holders[row]).map(|at| &self.workers[at as usize])
    }

    /// Whether a worker holds a post at a unit of `path`, whatever the hour.
    pub fn holds<'p>(&self, worker: &WorkerId, path: impl IntoIterator<Item = &'p UnitCode>, at: Timestamp) -> bool {
        let mut rows = path.into_iter().flat_map(|code| self.assignments(code));
        rows.any(|assignment| &assignment.worker == worker && assignment.validity.contains(at))
    }

    /// Returns the posts of a worker that are in force at `at`, whatever the hour, in the order of units.
    pub fn posts_of<'a>(&'a self, worker: &'a WorkerId, at: Timestamp) -> impl Iterator<Item = &'a Assignment> {
        self.assignments.iter().filter(move |assignment| &assignment.worker == worker && assignment.validity.contains(at))
    }

    /// Whether a post is in force and on shift at `at`.
    pub fn is_on_shift(&self, assignment: &Assignment, at: Timestamp) -> bool {
        assignment.validity.contains(at) && assignment.shift.is_on(&Moment::new(at, &self.time_zone))
    }

    /// Returns the next instant after `at` at which a post begins, ends, or goes on or off shift.
    pub fn next_change_of(&self, assignment: &Assignment, at: Timestamp) -> Option<Timestamp> {
        self.next_change(assignment, at, &&Moment::new(at, &self.time_zone))
    }

    /// Returns when the first post after `at` begins or ends by its dates.
    pub fn next_date(&self, at: Timestamp) -> Option<Timestamp> {
        let dates = self.assignments.iter().flat_map(|assignment| [Some(assignment.validity.from), assignment.validity.to]);
        dates.flatten().filter(|date| *date > at).min()
    }

    /// Whether nobody holds a post at the unit itself at `at`, whatever the hour. Its ancestors then answer for it.
    pub fn is_vacant(&self, unit: &UnitCode, at: Timestamp) -> bool {
        !self.assignments(unit).iter().any(|a| a.validity.contains(at))
    }

    /// The next instant at which an assignment begins, ends, or goes on or off shift.
    fn next_change<'a>(&'a self, assignment: &Assignment, at: Timestamp, now: &impl Deref<Target = Moment<'a>>) -> Option<Timestamp> {
        let Validity { from, to } = assignment.validity;
        let dates = [Some(from), to].into_iter().flatten().filter(|change| *change > at).min();
        let shift = match &assignment.shift {
            shift if shift.is_always() => None,
            shift if from > at => shift.next_change(&Moment::new(from, &self.time_zone)),
            shift => shift.next_change(now),
        };
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
    fn cases_are_those_of_who_holds_the_unit_one_on_shift_before_others_and_nobodys_above() {
        let roster = roster(&[
            ["4311020010010001", "day", "primary", "2026-07-01", "", "08:00-17:00"],
            ["4311020010010001", "night", "backup", "2026-07-01", "", "17:00-01:00"],
            ["431102001001", "leader", "leader", "2026-01-01", "", ""],
        ]);
        let path = ["4311020010010001", "431102001001"].map(code);
        let keeper = |at: &str| roster.find_keeper(&path, time(at)).map(|worker| worker.id.to_string());
        assert_eq!(keeper("2026-07-01T09:00").as_deref(), Some("day"));
        assert_eq!(keeper("2026-07-01T18:00").as_deref(), Some("night"));
        // At midnight, when rosters and boundaries turn, it is the day's whose the cases are, and not the leader's above.
        assert_eq!(keeper("2026-07-02T02:00").as_deref(), Some("day"));
        // Who is to go there at that hour is another question.
        let duty = roster.find_duty(&path, time("2026-07-02T02:00"));
        assert_eq!(duty.holder.map(|holder| holder.worker.id.to_string()).as_deref(), Some("leader"));
        assert_eq!(keeper("2026-06-30T09:00").as_deref(), Some("leader"), "nobody holds the unit yet");
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
