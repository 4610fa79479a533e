use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};

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

/// `HH:MM-HH:MM`, several with semicolons between; empty for always.
impl std::fmt::Display for Shift {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (start, end)) in self.periods().iter().enumerate() {
            let separator = if at == 0 { "" } else { ";" };
            write!(f, "{separator}{:02}:{:02}-{:02}:{:02}", start.hour(), start.minute(), end.hour(), end.minute())?;
        }
        Ok(())
    }
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

    pub fn is_always(&self) -> bool {
        self.periods.is_empty()
    }

    pub fn periods(&self) -> &[(Time, Time)] {
        &self.periods
    }

    /// Whether somebody with this shift is on duty at an instant.
    pub fn is_on(&self, now: &Moment<'_>) -> bool {
        self.periods.is_empty() || self.stretches_around(now).any(|(start, end)| start <= now.at && now.at < end)
    }

    /// Finds the next instant after this one at which a period begins or ends; none where the shift is always.
    pub fn next_change(&self, now: &Moment<'_>) -> Option<Timestamp> {
        self.stretches_around(now).flat_map(|(start, end)| [start, end]).filter(|change| *change > now.at).min()
    }

    /// The periods as they fall on the days around an instant. Where clocks are put forward over a boundary, it comes as much later;
    /// where they are put back, the first of the two equal times is meant.
    fn stretches_around(&self, now: &Moment<'_>) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        // A night shift that is still on began yesterday; the next boundary is tomorrow's at the latest.
        (-1..=1).flat_map(move |day| {
            self.periods.iter().filter_map(move |&(start, end)| {
                let end_day = if start < end { day } else { day + 1 };
                Some((now.instant(day, start)?, now.instant(end_day, end)?))
            })
        })
    }
}

/// An instant in a time zone, read from its calendar once for the shifts of many.
#[derive(Clone, Debug)]
pub struct Moment<'a> {
    at: Timestamp,
    time_zone: &'a TimeZone,
    today: Date,
    /// When today began, where no clock is put forward or back in the days around: then times of day are seconds.
    midnight: Option<Timestamp>,
}

impl<'a> Moment<'a> {
    pub fn new(at: Timestamp, time_zone: &'a TimeZone) -> Self {
        /// Yesterday begins and the day after tomorrow ends within so long, whatever the zone.
        const AROUND: SignedDuration = SignedDuration::from_hours(4 * 24);
        let local = time_zone.to_offset(at).to_datetime(at);
        let (from, to) = (at.checked_sub(AROUND).ok(), at.checked_add(AROUND).ok());
        let is_even = from.zip(to).is_some_and(|(from, to)| time_zone.following(from).next().is_none_or(|next| next.timestamp() > to));
        let of_day =
            SignedDuration::from_secs(to_seconds(local.time())) + SignedDuration::from_nanos(local.time().subsec_nanosecond().into());
        let midnight = if is_even { at.checked_sub(of_day).ok() } else { None };
        Self { at, time_zone, today: local.date(), midnight }
    }

    /// The instant of a time of day, so many days after today.
    fn instant(&self, day: i64, time: Time) -> Option<Timestamp> {
        const DAY_S: i64 = 24 * 60 * 60;
        if let Some(midnight) = self.midnight {
            return Timestamp::from_second(midnight.as_second() + day * DAY_S + to_seconds(time)).ok();
        }
        let date = self.today.checked_add(Span::new().days(day)).ok()?;
        self.time_zone.to_timestamp(date.to_datetime(time)).ok()
    }
}

/// Returns the whole seconds since midnight.
fn to_seconds(time: Time) -> i64 {
    i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
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
        shift.is_on(&Moment::new(format!("2026-07-01T{time}:00+08:00").parse().unwrap(), &shanghai()))
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
            assert_eq!(shift.next_change(&Moment::new(instant(at), &shanghai())), Some(instant(expected)), "{at}");
        }
        assert_eq!(Shift::ALWAYS.next_change(&Moment::new(Timestamp::UNIX_EPOCH, &shanghai())), None);
    }

    #[test]
    fn a_shift_begins_once_when_the_clocks_change() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let shift = Shift::parse("02:30-04:00").unwrap();
        let on = |at: &str| shift.is_on(&Moment::new(at.parse().unwrap(), &berlin));
        // 02:30 does not exist on 29 March 2026: it comes at 03:30 of summer time, 01:30 of the world's.
        assert_eq!([on("2026-03-29T01:29:59Z"), on("2026-03-29T01:30:00Z"), on("2026-03-29T02:00:00Z")], [false, true, false]);
        // It exists twice on 25 October: the first is meant, and the hour that comes again belongs to the shift.
        assert_eq!([on("2026-10-25T00:29:59Z"), on("2026-10-25T00:30:00Z"), on("2026-10-25T01:15:00Z")], [false, true, true]);
    }

    #[test]
    fn the_seconds_of_even_days_and_the_calendar_say_the_same() {
        let (berlin, shift) = (TimeZone::get("Europe/Berlin").unwrap(), Shift::parse("22:00-06:00;02:30-04:00;12:00-24:00").unwrap());
        let mut even = 0;
        for hour in 0..8760 {
            let at: Timestamp = Timestamp::from_second(1_767_222_000 + hour * 3600 + hour % 7 * 61).unwrap();
            let now = Moment::new(at, &berlin);
            even += i32::from(now.midnight.is_some());
            let by_calendar = Moment { midnight: None, ..now.clone() };
            assert_eq!((shift.is_on(&now), shift.next_change(&now)), (shift.is_on(&by_calendar), shift.next_change(&by_calendar)), "{at}");
        }
        assert!(even > 8_000 && even < 8_760, "{even}");
    }
}
