use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::value::Value;

/// A span of time with both ends in it; none is an open end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub(super) from: Option<Moment>,
    pub(super) to: Option<Moment>,
}

/// A day or a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Day(Date),
    Time(Timestamp),
}

/// How two spans of time lie to each other. OGC 21-065r2, section 7.6, after Allen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemporalRelation {
    After,
    Before,
    Contains,
    Disjoint,
    During,
    Equals,
    FinishedBy,
    Finishes,
    Intersects,
    Meets,
    MetBy,
    OverlappedBy,
    Overlaps,
    StartedBy,
    Starts,
}

impl TemporalRelation {
    /// Finds the relation of a function's name in small letters.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "t_after" => Self::After,
            "t_before" => Self::Before,
            "t_contains" => Self::Contains,
            "t_disjoint" => Self::Disjoint,
            "t_during" => Self::During,
            "t_equals" => Self::Equals,
            "t_finishedby" => Self::FinishedBy,
            "t_finishes" => Self::Finishes,
            "t_intersects" => Self::Intersects,
            "t_meets" => Self::Meets,
            "t_metby" => Self::MetBy,
            "t_overlappedby" => Self::OverlappedBy,
            "t_overlaps" => Self::Overlaps,
            "t_startedby" => Self::StartedBy,
            "t_starts" => Self::Starts,
            _ => return None,
        })
    }

    /// Whether it is told of single moments too; the others are about spans.
    pub fn takes_instants(self) -> bool {
        matches!(self, Self::After | Self::Before | Self::Disjoint | Self::Equals | Self::Intersects)
    }

    /// Whether it holds; nobody knows where one is no time.
    pub fn holds(self, left: &Value<'_>, right: &Value<'_>) -> Option<bool> {
        let (a, b) = (to_interval(left)?, to_interval(right)?);
        // Days by themselves are compared as days, so that one can meet the other; beside times, a day lasts from its first moment to
        // its last.
        let by_days = [a.from, a.to, b.from, b.to].into_iter().flatten().all(|moment| matches!(moment, Moment::Day(_)));
        let (a, b) = (a.to_ends(by_days)?, b.to_ends(by_days)?);
        Some(match self {
            Self::After => a.0 > b.1,
            Self::Before => a.1 < b.0,
            Self::Disjoint => a.1 < b.0 || a.0 > b.1,
            Self::Intersects => a.0 <= b.1 && b.0 <= a.1,
            Self::Equals => a == b,
            Self::Contains => a.0 < b.0 && b.1 < a.1,
            Self::During => b.0 < a.0 && a.1 < b.1,
            Self::Starts => a.0 == b.0 && a.1 < b.1,
            Self::StartedBy => a.0 == b.0 && b.1 < a.1,
            Self::Finishes => a.1 == b.1 && b.0 < a.0,
            Self::FinishedBy => a.1 == b.1 && a.0 < b.0,
            Self::Meets => a.1 == b.0,
            Self::MetBy => a.0 == b.1,
            Self::Overlaps => a.0 < b.0 && b.0 < a.1 && a.1 < b.1,
            Self::OverlappedBy => b.0 < a.0 && a.0 < b.1 && b.1 < a.1,
        })
    }
}

impl Interval {
    /// Returns both ends in nanoseconds, open ones beyond all that there are; none where a day is out of range.
    fn to_ends(self, by_days: bool) -> Option<(i128, i128)> {
        let from = self.from.map_or(Some(i128::MIN), |moment| moment.to_nanoseconds(false));
        let to = self.to.map_or(Some(i128::MAX), |moment| moment.to_nanoseconds(!by_days));
        Some((from?, to?))
    }
}

impl Moment {
    pub fn of(value: &Value<'_>) -> Option<Self> {
        match value {
            Value::Date(day) => Some(Self::Day(*day)),
            Value::Instant(at) => Some(Self::Time(*at)),
            _ => None,
        }
    }

    fn to_nanoseconds(self, at_end: bool) -> Option<i128> {
        const DAY_NS: i128 = 86_400_000_000_000;
        match self {
            Self::Time(at) => Some(at.as_nanosecond()),
            Self::Day(day) => {
                let start = TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_nanosecond();
                Some(if at_end { start + DAY_NS - 1 } else { start })
            }
        }
    }
}

fn to_interval(value: &Value<'_>) -> Option<Interval> {
    if let Value::Interval(interval) = value {
        return Some(*interval);
    }
    let moment = Moment::of(value)?;
    Some(Interval { from: Some(moment), to: Some(moment) })
}
