use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashMap;

use crate::dispatch::CaseId;

/// Longest pause between two attempts: a receiver that is back is sent to within five minutes.
const PAUSE_MAX: Duration = Duration::from_secs(300);

/// Attempts at a message that its receiver refuses before it is a dead letter. To ask again helps only where a slip is corrected soon.
const REFUSED_ATTEMPTS_MAX: u32 = 5;

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

/// Whether a message is to be given up: one that is refused after some attempts, one whose receiver is away only after `give_up`.
pub fn is_given_up(outcome: &Outcome, attempts: u32, failing_for: Duration, give_up: Duration) -> bool {
    match outcome {
        Outcome::Sent => false,
        Outcome::Refused(_) => attempts >= REFUSED_ATTEMPTS_MAX,
        Outcome::Away(_) => failing_for >= give_up,
    }
}

/// How often the events that are tried again were tried in vain, by their cases, or as publications. Only who sends keeps it: whoever takes
/// over tries all of them at once.
#[derive(Debug, Default)]
pub struct Tries(FxHashMap<Option<CaseId>, Tried>);

#[derive(Clone, Copy, Debug)]
struct Tried {
    attempts: u32,
    next_at: Timestamp,
}

impl Tries {
    /// Returns from when on an event is to be tried again; since ever where it was not tried.
    pub fn due_from(&self, case: Option<CaseId>) -> Timestamp {
        self.0.get(&case).map_or(Timestamp::MIN, |tried| tried.next_at)
    }

    /// Notes that an event has failed, which is tried again after a pause, and returns how often it has by now.
    pub fn failed(&mut self, case: Option<CaseId>, now: Timestamp, first_pause: Duration) -> u32 {
        let tried = self.0.entry(case).or_insert(Tried { attempts: 0, next_at: now });
        tried.attempts += 1;
        let pause = SignedDuration::try_from(pause_after(tried.attempts, first_pause)).unwrap_or_default();
        tried.next_at = now.checked_add(pause).unwrap_or(now);
        tried.attempts
    }

    pub fn forget(&mut self, case: Option<CaseId>) {
        self.0.remove(&case);
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
        let attempts = [(1, 0), (1, 1), (2, 1), (1, 3)].map(|(id, second)| tries.failed(case(id), at(second), Duration::from_secs(1)));
        assert_eq!(attempts, [1, 2, 1, 3]);
        let due = |tries: &Tries, second| [1, 2, 3].map(|id| tries.due_from(case(id)) <= at(second));
        assert_eq!((due(&tries, 2), due(&tries, 6), due(&tries, 7)), ([false, true, true], [false, true, true], [true; 3]));
        tries.forget(case(1));
        assert!(tries.due_from(case(1)) < at(0));
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
