use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// The hours of a day in which somebody is on duty; no period at all means always.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// Start and end in local time. An end at or before its start lies on the next day.
    periods: Vec<(Time, Time)>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shift {shift:?} is not HH:MM-HH:MM[;HH:MM-HH:MM…]")]
pub struct ShiftError {
    pub shift: String,
}

impl Shift {
    pub const ALWAYS: Self = Self { periods: Vec::new() };

    /// Parses `HH:MM-HH:MM[;…]`; an empty text means always. `24:00` is the end of the day.
    ///
    /// # Errors
    /// Returns the text that is no shift.
    pub fn parse(text: &str) -> Result<Self, ShiftError> {
        let error = || ShiftError { shift: text.to_owned() };
        let periods = text
            .split(';')
            .map(str::trim)
            .filter(|period| !period.is_empty())
            .map(|period| {
                let (start, end) = period.split_once('-').ok_or_else(error)?;
                Ok((parse_time(start).ok_or_else(error)?, parse_time(end).ok_or_else(error)?))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { periods })
    }

    pub fn periods(&self) -> &[(Time, Time)] {
        &self.periods
    }

    /// Whether somebody with this shift is on duty at an instant.
    pub fn is_on(&self, at: Timestamp, time_zone: &TimeZone) -> bool {
        self.periods.is_empty() || self.stretches_around(at, time_zone).any(|(start, end)| start <= at && at < end)
    }

    /// Finds the next instant after `at` at which a period begins or ends; none where the shift is always.
    pub fn next_change(&self, at: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        self.stretches_around(at, time_zone).flat_map(|(start, end)| [start, end]).filter(|change| *change > at).min()
    }

    /// The periods as they fall on the days around an instant. Where clocks are put forward over a boundary, it comes as much later;
    /// where they are put back, the first of the two equal times is meant.
    fn stretches_around(&self, at: Timestamp, time_zone: &TimeZone) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = time_zone.to_datetime(at).date();
        let instant = |date: Date, time: Time| time_zone.to_timestamp(date.to_datetime(time)).ok();
        // A night shift that is still on began yesterday; the next boundary is tomorrow's at the latest.
        let days = [today.yesterday().ok(), Some(today), today.tomorrow().ok()].into_iter().flatten();
        days.flat_map(move |date| {
            self.periods.iter().filter_map(move |&(start, end)| {
                let end_date = if start < end { date } else { date.tomorrow().ok()? };
                Some((instant(date, start)?, instant(end_date, end)?))
            })
        })
    }
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let (hour, minute): (i8, i8) = (hour.parse().ok()?, minute.parse().ok()?);
    if (hour, minute) == (24, 0) {
        return Some(Time::midnight());
    }
    Time::new(hour, minute, 0, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of a summer's day, moved to the time given, in China.
    fn on(shift: &Shift, time: &str) -> bool {
        shift.is_on(format!("2026-07-01T{time}:00+08:00").parse().unwrap(), &shanghai())
    }

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    #[test]
    fn a_night_shift_reaches_over_midnight() {
        let shift = Shift::parse("20:00-06:00;12:00-13:30").unwrap();
        for (time, expected) in [("20:00", true), ("05:59", true), ("06:00", false), ("12:30", true), ("13:30", false), ("19:59", false)] {
            assert_eq!(on(&shift, time), expected, "{time}");
        }
    }

    #[test]
    fn no_period_means_always_and_midnight_ends_a_day() {
        assert!(on(&Shift::parse("").unwrap(), "03:00"));
        assert!(on(&Shift::parse("16:00-24:00").unwrap(), "23:59"));
        assert!(!on(&Shift::parse("16:00-24:00").unwrap(), "00:00"));
        assert!(on(&Shift::parse("08:00-08:00").unwrap(), "08:00"));
        assert!(Shift::parse("8-12").is_err());
        assert!(Shift::parse("25:00-26:00").is_err());
    }

    #[test]
    fn the_next_change_is_the_nearest_boundary() {
        let shift = Shift::parse("20:00-06:00;12:00-13:30").unwrap();
        for (at, expected) in [("05:00", "06:00"), ("06:00", "12:00"), ("12:00", "13:30"), ("13:30", "20:00")] {
            let instant = |time: &str| format!("2026-07-01T{time}:00+08:00").parse::<Timestamp>().unwrap();
            assert_eq!(shift.next_change(instant(at), &shanghai()), Some(instant(expected)), "{at}");
        }
        assert_eq!(Shift::ALWAYS.next_change(Timestamp::UNIX_EPOCH, &shanghai()), None);
    }

    #[test]
    fn a_shift_begins_once_when_the_clocks_change() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let shift = Shift::parse("02:30-04:00").unwrap();
        let on = |at: &str| shift.is_on(at.parse().unwrap(), &berlin);
        // 02:30 does not exist on 29 March 2026: it comes at 03:30 of summer time, 01:30 of the world's.
        assert_eq!([on("2026-03-29T01:29:59Z"), on("2026-03-29T01:30:00Z"), on("2026-03-29T02:00:00Z")], [false, true, false]);
        // It exists twice on 25 October: the first is meant, and the hour that comes again belongs to the shift.
        assert_eq!([on("2026-10-25T00:29:59Z"), on("2026-10-25T00:30:00Z"), on("2026-10-25T01:15:00Z")], [false, true, true]);
    }
}
