use std::fmt;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::roster::WorkerId;
use crate::boundary::{GenerationId, Position, UnitCode};

/// How far ahead of our clock a report may be, as clocks differ.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId(pub Uuid);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Something that happened somewhere, with the grid and the holder of its own time.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub id: CaseId,
    pub position: Position,
    /// The position and reference system as they were given, for the record.
    pub given: String,
    pub category: String,
    pub description: String,
    pub source: String,
    pub reported_at: Timestamp,
    /// The coarsest unit that held the position, by which large tables of cases are kept apart.
    pub district: Option<UnitCode>,
    pub grid: Option<UnitCode>,
    pub generation: Option<GenerationId>,
    pub holder: Option<WorkerId>,
}

/// Checks when something is said to have been reported, or to have come to be what it is, however we were told of it.
///
/// # Errors
/// Says what is wrong with a time that is ahead of `now` by more than clocks differ, or that no report has.
pub fn check_told_time(at: Timestamp, now: Timestamp) -> Result<(), &'static str> {
    if at.duration_since(now) > AHEAD_MAX {
        return Err("lies in the future");
    }
    if at < Timestamp::UNIX_EPOCH {
        return Err("lies before 1970");
    }
    Ok(())
}

/// Who reported a case. All of it is personal: never in logs, tiles and exports, and shown only to those whose key reaches the case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reporter {
    pub name: String,
    pub phone: String,
    pub email: String,
}

impl Reporter {
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.phone.is_empty() && self.email.is_empty()
    }
}

/// Says nothing of what it holds, so that no log does.
impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_told_may_be_ahead_by_as_much_as_clocks_differ() {
        let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
        for (ahead_s, is_fine) in [(-3_600, true), (0, true), (300, true), (301, false)] {
            assert_eq!(check_told_time(now + SignedDuration::from_secs(ahead_s), now).is_ok(), is_fine, "{ahead_s}");
        }
        assert_eq!(check_told_time(Timestamp::UNIX_EPOCH, now), Ok(()));
        assert_eq!(check_told_time(Timestamp::UNIX_EPOCH - SignedDuration::from_secs(1), now), Err("lies before 1970"));
        assert_eq!(check_told_time(Timestamp::MAX, Timestamp::MIN), Err("lies in the future"));
    }
}
