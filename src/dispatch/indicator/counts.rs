use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::facts::{CaseFacts, Round, TaskFacts};
use crate::dispatch::{Stage, WorkerId};

/// The time that is asked about, and as of when it is judged.
#[derive(Clone, Debug)]
pub struct Period {
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// What happened later is not known yet: what is open then is open.
    pub as_of: Timestamp,
    /// Where the hours of the day are meant.
    pub time_zone: TimeZone,
    /// Words by which a source is known as the office's own; all others are the public's.
    pub office_sources: Vec<String>,
    /// How long after the report a case is to be filed, and after it was asked for a place is to be looked at; by the clock, as no
    /// table of limits has these stages.
    pub filing_limit: Option<SignedDuration>,
    pub verify_limit: Option<SignedDuration>,
}

/// A rating from here on is content.
const CONTENT_FROM: u8 = 4;

/// What happened within a period, in numbers that can be added.
///
/// What is counted belongs to the period by the time that its denominator names: reports by when they came, what should be done by when
/// it was due, what ended by when it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Reported in the period.
    pub reports: u64,
    /// Of these, by the public: everything but collectors and sensors.
    pub public_reports: u64,
    /// With another case near in place and time.
    pub repeats: u64,
    /// Not voided by `as_of`.
    pub valid_reports: u64,
    /// Taken up: filed, given to somebody, or settled.
    pub taken_up: u64,
    /// By the hour of the day in which they came.
    pub by_hour: [u64; 24],
    pub off_list: u64,
    /// Filed in the period.
    pub filed: u64,
    /// Of these, where there is a limit.
    pub filed_timed: u64,
    pub filed_on_time: u64,
    /// Of those filed, not voided later.
    pub filed_accurate: u64,
    /// Of those filed, given to a department.
    pub filed_dispatched: u64,
    /// Dispatch due in the period.
    pub should_dispatch: u64,
    pub dispatched_on_time: u64,
    /// Given to departments of which none gave the case back or passed it on.
    pub dispatched_accurate: u64,
    /// A look at the place before filing, due in the period.
    pub should_verify: u64,
    pub verified_on_time: u64,
    /// Check due in the period.
    pub should_check: u64,
    pub checked_on_time: u64,
    /// Tasks given in the period.
    pub tasks: u64,
    pub tasks_accepted: u64,
    /// Tasks due in the period.
    pub should_handle: u64,
    pub handled: u64,
    pub handled_on_time: u64,
    pub overdue_pending: u64,
    pub extended: u64,
    /// Cases due in the period.
    pub should_close: u64,
    pub closed: u64,
    pub closed_on_time: u64,
    pub reworked: u64,
    /// Settled in the period.
    pub settled: u64,
    pub reopened: u64,
    pub rated: u64,
    pub content: u64,
    pub rating_sum: u64,
    /// Who held the grids of the cases reported in the period.
    pub holders: BTreeSet<WorkerId>,
}

impl Period {
    fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.to
    }

    /// Whether a case was reported in it, as far as that is known.
    pub fn holds_report_of(&self, case: &CaseFacts) -> bool {
        self.known(Some(case.reported_at)).is_some_and(|at| self.holds(at))
    }

    fn is_public(&self, source: &str) -> bool {
        let source = source.to_lowercase();
        !source.is_empty() && !self.office_sources.iter().any(|word| source.contains(word.as_str()))
    }

    /// Leaves out what is not known yet.
    fn known(&self, at: Option<Timestamp>) -> Option<Timestamp> {
        at.filter(|at| *at <= self.as_of)
    }

    /// Finds the last round of a case that was due in the period, by which it is counted there, once. A case is judged as it stood when it
    /// was due: one that was reopened before is to be settled again by then, and of one that is reopened later the reopening is counted by
    /// itself. What was voided is not to be settled.
    fn find_due<'a>(&self, case: &'a CaseFacts) -> Option<(&'a Round, Timestamp)> {
        let (mut judged_by, mut found) = (None, None);
        for round in &case.rounds {
            let is_void = self.known(round.voided_at).is_some();
            let is_again = |due: Timestamp| self.known(round.reopened_at).is_some_and(|at| at <= due);
            // The total clock of a case goes on over its rounds, and is counted once.
            let Some(due_at) = round.due_at.filter(|due| !is_void && !is_again(*due) && judged_by != Some(*due)) else { continue };
            judged_by = Some(due_at);
            if self.holds(due_at) {
                found = Some((round, due_at));
            }
        }
        found
    }
}

impl Counts {
    /// Counts a case and those of its tasks that are given.
    pub fn add<'a>(&mut self, case: &CaseFacts, tasks: impl IntoIterator<Item = &'a TaskFacts>, period: &Period) {
        self.add_report(case, period);
        self.add_filing(case, period);
        self.add_stages(case, period);
        self.add_closing(case, period);
        for task in tasks {
            self.add_task(case, task, period);
        }
    }

    fn add_report(&mut self, case: &CaseFacts, period: &Period) {
        if !period.holds_report_of(case) {
            return;
        }
        self.reports += 1;
        self.public_reports += u64::from(period.is_public(&case.source));
        self.repeats += u64::from(case.is_repeat);
        self.valid_reports += u64::from(period.known(case.voided_at).is_none());
        self.taken_up += u64::from(case.is_taken_up);
        self.off_list += u64::from(case.is_off_list);
        let hour = period.time_zone.to_datetime(case.reported_at).hour();
        if let Some(count) = usize::try_from(hour).ok().and_then(|hour| self.by_hour.get_mut(hour)) {
            *count += 1;
        }
        self.holders.extend(case.holder.clone());
    }

    fn add_filing(&mut self, case: &CaseFacts, period: &Period) {
        let Some(filed_at) = case.filed_at.filter(|at| period.holds(*at) && *at <= period.as_of) else { return };
        self.filed += 1;
        self.filed_accurate += u64::from(period.known(case.voided_at).is_none());
        self.filed_dispatched += u64::from(!case.tasks.is_empty());
        if let Some(limit) = period.filing_limit {
            self.filed_timed += 1;
            self.filed_on_time += u64::from(filed_at.duration_since(case.reported_at) <= limit);
        }
    }

    fn add_stages(&mut self, case: &CaseFacts, period: &Period) {
        for stage in case.stages.iter().filter(|stage| stage.due_at.is_some_and(|due| period.holds(due))) {
            let is_on_time = period.known(stage.ended_at).is_some_and(|ended| Some(ended) <= stage.due_at);
            match stage.stage {
                Stage::Dispatch => {
                    self.should_dispatch += 1;
                    self.dispatched_on_time += u64::from(is_on_time);
                    self.dispatched_accurate += u64::from(!case.tasks.is_empty() && case.tasks.iter().all(|task| !task.is_gone));
                }
                Stage::Check => {
                    self.should_check += 1;
                    self.checked_on_time += u64::from(is_on_time);
                }
                Stage::Handle | Stage::Total => {}
            }
        }
        let Some(limit) = period.verify_limit else { return };
        for (asked_at, seen_at) in &case.verifications {
            let Some(due_at) = asked_at.checked_add(limit).ok().filter(|due| period.holds(*due)) else { continue };
            self.should_verify += 1;
            self.verified_on_time += u64::from(period.known(*seen_at).is_some_and(|seen| seen <= due_at));
        }
    }

    fn add_closing(&mut self, case: &CaseFacts, period: &Period) {
        if case.rounds.iter().any(|round| period.known(round.settled_at).is_some_and(|at| period.holds(at))) {
            self.settled += 1;
            self.reopened += u64::from(case.reopenings > 0);
            if let Some(rating) = case.rating {
                self.rated += 1;
                self.content += u64::from(rating >= CONTENT_FROM);
                self.rating_sum += u64::from(rating);
            }
        }
        let Some((round, due_at)) = period.find_due(case) else { return };
        let closed_at = period.known(round.settled_at);
        let is_late = closed_at.is_none_or(|at| at > due_at);
        if is_late && case.is_delay_excused {
            return;
        }
        self.should_close += 1;
        self.closed += u64::from(closed_at.is_some());
        self.closed_on_time += u64::from(!is_late);
        self.reworked += u64::from(round.reworks > 0);
    }

    fn add_task(&mut self, case: &CaseFacts, task: &TaskFacts, period: &Period) {
        if period.holds(task.given_at) {
            self.tasks += 1;
            self.tasks_accepted += u64::from(period.known(task.accepted_at).or(period.known(task.done_at)).is_some());
        }
        let reopened_at = case.rounds.last().and_then(|round| round.began_at);
        // What was voided is not to be handled; what was done before the case was reopened was no less.
        let was_done_before = || task.done_at.zip(reopened_at).is_some_and(|(done, reopened)| done <= reopened);
        let is_void = period.known(case.voided_at).is_some() && !was_done_before();
        let Some(due_at) = task.due_at.filter(|due| period.holds(*due) && !task.is_gone && !is_void) else { return };
        // What ended with its case while there was time is nobody's to do.
        let cancelled_at = period.known(task.cancelled_at);
        if cancelled_at.is_some_and(|at| at <= due_at) {
            return;
        }
        let done_at = period.known(task.done_at);
        let is_late = done_at.is_none_or(|at| at > due_at);
        if is_late && case.is_delay_excused {
            return;
        }
        self.should_handle += 1;
        self.handled += u64::from(done_at.is_some());
        self.handled_on_time += u64::from(!is_late);
        self.overdue_pending += u64::from(done_at.is_none() && cancelled_at.is_none() && due_at < period.as_of);
        self.extended += u64::from(task.is_extended);
    }

    /// Returns the number of the hour of the day in which most reports came.
    pub fn in_busiest_hour(&self) -> u64 {
        self.by_hour.iter().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::boundary::{GenerationId, Position, UnitCode};
    use crate::dispatch::indicator::facts::StageFacts;
    use crate::dispatch::{CaseId, DepartmentId};

    pub fn hour(hour: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + hour * 3_600).unwrap()
    }

    /// From hour 0 to hour 100, judged when all is over.
    pub fn period() -> Period {
        Period {
            from: hour(0),
            to: hour(100),
            as_of: hour(1_000),
            time_zone: TimeZone::UTC,
            office_sources: vec!["patrol".into()],
            filing_limit: Some(SignedDuration::from_hours(2)),
            verify_limit: None,
        }
    }

    pub fn case(number: u128, reported: i64, task: TaskFacts) -> CaseFacts {
        CaseFacts {
            id: CaseId(uuid::Uuid::from_u128(number)),
            position: Position { lon: 111.6, lat: 26.2 },
            category: "E0110".into(),
            source: "12345".into(),
            reported_at: hour(reported),
            grid: UnitCode::parse("431102001001001").ok(),
            generation: Some(GenerationId(1)),
            holder: Some(WorkerId("w1".into())),
            filed_at: Some(hour(reported + 1)),
            voided_at: None,
            rounds: vec![Round {
                began_at: None,
                due_at: task.due_at,
                settled_at: task.done_at,
                voided_at: None,
                reopened_at: None,
                reworks: 0,
            }],
            is_taken_up: true,
            has_history: true,
            verifications: Vec::new(),
            stages: Vec::new(),
            tasks: vec![task],
            returns: 0,
            reopenings: 0,
            is_extended: false,
            is_delay_excused: false,
            is_off_list: false,
            rating: None,
            is_repeat: false,
        }
    }

    pub fn task(department: &str, due: i64, done: Option<i64>) -> TaskFacts {
        TaskFacts {
            department: DepartmentId(department.into()),
            is_lead: true,
            given_at: hour(due - 10),
            accepted_at: None,
            due_at: Some(hour(due)),
            done_at: done.map(hour),
            is_gone: false,
            cancelled_at: None,
            is_extended: false,
        }
    }

    fn count(cases: &[CaseFacts], period: &Period) -> Counts {
        let mut counts = Counts::default();
        cases.iter().for_each(|case| counts.add(case, &case.tasks, period));
        counts
    }

    #[test]
    fn what_was_reported_later_is_not_known_yet() {
        let cases = [case(1, 4, task("a", 20, None)), case(2, 6, task("a", 20, None))];
        let counts = count(&cases, &Period { as_of: hour(5), ..period() });
        assert_eq!((counts.reports, counts.valid_reports, counts.taken_up), (1, 1, 1));
        assert_eq!(count(&cases, &period()).reports, 2);
    }

    #[test]
    fn what_is_due_in_the_period_should_be_done_whenever_it_was_reported() {
        let cases = [
            case(1, -50, task("a", 10, Some(9))),
            case(2, 5, task("a", 20, Some(21))),
            case(3, 6, task("a", 20, None)),
            // Due later: reported, and not yet to be done.
            case(4, 7, task("a", 100, Some(8))),
        ];
        let counts = count(&cases, &period());
        assert_eq!((counts.reports, counts.should_handle, counts.handled, counts.handled_on_time, counts.overdue_pending), (3, 3, 2, 1, 1));
        assert_eq!((counts.should_close, counts.closed, counts.closed_on_time), (3, 2, 1));
        assert_eq!((counts.filed, counts.filed_timed, counts.filed_on_time), (3, 3, 3));
    }

    #[test]
    fn what_is_not_known_yet_is_open_and_what_is_nobodys_fault_is_left_out() {
        let late = case(1, 0, task("a", 20, Some(30)));
        let early = Period { as_of: hour(25), ..period() };
        assert_eq!((count(std::slice::from_ref(&late), &early).handled, count(std::slice::from_ref(&late), &period()).handled), (0, 1));
        let excused = CaseFacts { is_delay_excused: true, ..late };
        let counts = count(&[excused], &period());
        assert_eq!((counts.should_handle, counts.should_close), (0, 0));
        let mut gone = case(2, 0, task("a", 20, None));
        gone.tasks[0].is_gone = true;
        assert_eq!(count(&[gone], &period()).should_handle, 0);
        // A case was closed with the task undone: in time, and late.
        for (cancelled, expected) in [(20, (0, 0, 0)), (21, (1, 0, 0))] {
            let mut closed = case(4, 0, task("a", 20, None));
            closed.tasks[0].cancelled_at = Some(hour(cancelled));
            let counts = count(&[closed], &period());
            assert_eq!((counts.should_handle, counts.handled, counts.overdue_pending), expected, "{cancelled}");
        }
        let mut voided = CaseFacts { voided_at: Some(hour(3)), ..case(3, 0, task("a", 20, None)) };
        voided.rounds[0].voided_at = voided.voided_at;
        let counts = count(&[voided], &period());
        assert_eq!((counts.reports, counts.valid_reports, counts.should_handle, counts.should_close), (1, 0, 0, 0));
    }

    #[test]
    fn stages_and_sources_are_counted_by_their_own_times() {
        let mut one = case(1, 1, task("a", 20, Some(9)));
        one.source = "Patrol 7".into();
        one.filed_at = Some(hour(4));
        let stage =
            |stage, due, ended: i64| StageFacts { stage, started_at: hour(1), due_at: Some(hour(due)), ended_at: Some(hour(ended)) };
        one.stages = vec![stage(Stage::Dispatch, 5, 5), stage(Stage::Check, 15, 16), stage(Stage::Check, 200, 17)];
        (one.rating, one.reopenings, one.is_repeat) = (Some(5), 1, true);
        let two = CaseFacts { rating: Some(2), ..case(2, 2, task("b", 20, Some(9))) };
        let counts = count(&[one, two], &period());
        assert_eq!((counts.public_reports, counts.repeats, counts.in_busiest_hour()), (1, 1, 1));
        assert_eq!((counts.should_dispatch, counts.dispatched_on_time, counts.dispatched_accurate), (1, 1, 1));
        assert_eq!((counts.should_check, counts.checked_on_time), (1, 0));
        assert_eq!((counts.filed_timed, counts.filed_on_time), (2, 1));
        assert_eq!((counts.settled, counts.reopened, counts.rated, counts.content, counts.rating_sum), (2, 1, 2, 1, 7));
    }
}
