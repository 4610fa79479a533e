use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use crate::dispatch::CaseId;

/// Longest pause between two attempts: a receiver that is back is sent to within five minutes.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Attempts at a message that its receiver refuses before it is a dead letter. To ask again helps only where a slip is corrected soon.
const REFUSED_ATTEMPTS_MAX: u32 = 5;

/// After so long without one, a new event that fails does not follow those that failed before.
const ROW_QUIET_MAX: Duration = PAUSE_MAX;

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Sent,
    /// The receiver is there and does not want this message.
    Refused(String),
    /// The receiver is away, or cannot take anything now.
    Away(String),
}

/// Returns how long to wait after so many attempts in vain: twice as long each time, from `first` on.
pub fn pause_after(attempts: u32, first: Duration) -> Duration {
    let factor = 2_u32.saturating_pow(attempts.saturating_sub(1).min(20));
    first.saturating_mul(factor).min(PAUSE_MAX)
}

/// Whether a message is to be given up: one that was refused often enough, one whose receiver is away only after `give_up`.
pub fn is_given_up(outcome: &Outcome, refusals: u32, failing_for: Duration, give_up: Duration) -> bool {
    match outcome {
        Outcome::Sent => false,
        Outcome::Refused(_) => refusals >= REFUSED_ATTEMPTS_MAX,
        Outcome::Away(_) => failing_for >= give_up,
    }
}

/// How often the events that are tried again were tried in vain, by their cases, or as publications. Only who sends keeps it: whoever takes
/// over tries all of them at once.
#[derive(Debug, Default)]
pub struct Tries {
    cases: FxHashMap<Option<CaseId>, Tried>,
    /// When a new event failed last.
    new_failed_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug)]
struct Tried {
    attempts: u32,
    /// Those of the attempts that the receiver refused.
    refusals: u32,
    next_at: Timestamp,
}

impl Tries {
    /// Returns from when on an event is to be tried again; since ever where it was not tried.
    pub fn due_from(&self, case: Option<CaseId>) -> Timestamp {
        self.cases.get(&case).map_or(Timestamp::MIN, |tried| tried.next_at)
    }

    /// Notes that an event has failed, which is tried again after a pause, and returns how often it was refused by now.
    pub fn failed(&mut self, case: Option<CaseId>, outcome: &Outcome, now: Timestamp, first_pause: Duration) -> u32 {
        let tried = self.cases.entry(case).or_insert(Tried { attempts: 0, refusals: 0, next_at: now });
        tried.attempts += 1;
        tried.refusals += u32::from(matches!(outcome, Outcome::Refused(_)));
        let pause = SignedDuration::try_from(pause_after(tried.attempts, first_pause)).unwrap_or_default();
        tried.next_at = now.checked_add(pause).unwrap_or(now);
        tried.refusals
    }

    /// Notes that a new event has failed, and returns whether that follows the one that failed before.
    pub fn new_failed(&mut self, now: Timestamp) -> bool {
        let before = self.new_failed_at.replace(now);
        before.is_some_and(|before| Duration::try_from(now.duration_since(before)).unwrap_or_default() <= ROW_QUIET_MAX)
    }

    /// Begins with the next event of a case, which is due from now on.
    pub fn begin(&mut self, case: Option<CaseId>, now: Timestamp) {
        self.cases.insert(case, Tried { attempts: 0, refusals: 0, next_at: now });
    }

    pub fn forget(&mut self, case: Option<CaseId>) {
        self.cases.remove(&case);
    }

    /// Forgets the cases of which nothing is tried again.
    pub fn keep(&mut self, is_tried: impl Fn(Option<CaseId>) -> bool) {
        self.cases.retain(|case, _| is_tried(*case));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_case_is_tried_again_after_its_own_pause() {
        let case = |id| Some(CaseId(uuid::Uuid::from_u128(id)));
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut tries = Tries::default();
        let (away, pause) = (Outcome::Away(String::new()), Duration::from_secs(1));
        let refusals = [(1, 0), (1, 1), (2, 1), (1, 3)].map(|(id, second)| tries.failed(case(id), &away, at(second), pause));
        assert_eq!(refusals, [0; 4]);
        let due = |tries: &Tries, second| [1, 2, 3].map(|id| tries.due_from(case(id)) <= at(second));
        assert_eq!((due(&tries, 2), due(&tries, 6), due(&tries, 7)), ([false, true, true], [false, true, true], [true; 3]));
        tries.forget(case(1));
        assert!(tries.due_from(case(1)) < at(0));
        tries.begin(case(2), at(9));
        assert_eq!(tries.due_from(case(2)), at(9));
        tries.keep(|kept| kept == case(1));
        assert!(tries.due_from(case(2)) < at(0));
    }

    #[test]
    fn one_that_refuses_is_asked_five_times_however_long_it_was_away() {
        let (mut tries, day, at) = (Tries::default(), Duration::from_secs(86_400), Timestamp::UNIX_EPOCH);
        let (refused, away) = (Outcome::Refused(String::new()), Outcome::Away(String::new()));
        let outcomes = [&away, &away, &refused, &away, &away, &refused, &refused, &away, &refused, &refused];
        let given_up = outcomes.map(|outcome| {
            let refusals = tries.failed(None, outcome, at, Duration::ZERO);
            is_given_up(outcome, refusals, Duration::ZERO, day)
        });
        assert_eq!(given_up.iter().position(|is_given_up| *is_given_up), Some(9));
    }

    #[test]
    fn failures_follow_one_another_only_where_little_time_lies_between_them() {
        let mut tries = Tries::default();
        let seconds = [0, 60, 360, 100_000, 100_001];
        let follows = seconds.map(|second| tries.new_failed(Timestamp::from_second(second).unwrap()));
        assert_eq!(follows, [false, true, true, false, true]);
    }

    #[test]
    fn pauses_double_and_have_an_end() {
        let pauses: Vec<u64> = [1, 2, 3, 4, 9, 40].map(|attempts| pause_after(attempts, Duration::from_secs(1)).as_secs()).to_vec();
        assert_eq!(pauses, [1, 2, 4, 8, 256, 300]);
    }

    #[test]
    fn a_receiver_that_is_away_is_waited_for_longer_than_one_that_refuses() {
        let (minute, day) = (Duration::from_secs(60), Duration::from_secs(86_400));
        let (refused, away) = (Outcome::Refused(String::new()), Outcome::Away(String::new()));
        assert!(is_given_up(&refused, 5, minute, day) && !is_given_up(&refused, 4, minute, day));
        assert!(is_given_up(&away, 99, day, day) && !is_given_up(&away, 99, minute, day));
    }
}
