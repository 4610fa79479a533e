use std::time::Duration;

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

#[cfg(test)]
mod tests {
    use super::*;

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
