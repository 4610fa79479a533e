use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};
use rustc_hash::FxHashMap;

use super::category::Zone;
use super::dates::{Changes, Dates};
use crate::boundary::UnitCode;

/// The name of a calendar in its office's tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CalendarName(pub Arc<str>);

impl fmt::Display for CalendarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The calendar of units for which no row names another; also where a table has a single one, whatever its name.
pub const DEFAULT_CALENDAR: &str = "default";

/// Work hours of a work day where a calendar says nothing else.
pub const WORK_DAY_HOURS: u32 = 8;

/// Most hours that a work day can have.
pub const WORK_DAY_HOURS_MAX: u32 = 24;

/// The work periods of a day, in order and apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkHours {
    /// Minutes since midnight; the end of a day is 1,440.
    periods: Vec<(u16, u16)>,
}

const DAY_MINUTES: u16 = 24 * 60;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the work hours {text:?} are not HH:MM-HH:MM[;HH:MM-HH:MM…], each ending after it begins and beginning after the one before")]
pub struct WorkHoursError {
    pub text: String,
}

impl WorkHours {
    /// Parses `08:00-12:00;14:00-18:00`; `24:00` ends a day, and an empty text is a day without work. Work over midnight is written as
    /// that of two days.
    ///
    /// # Errors
    /// Returns the text that is none.
    pub fn parse(text: &str) -> Result<Self, WorkHoursError> {
        let error = || WorkHoursError { text: text.to_owned() };
        let mut periods = Vec::new();
        let mut last = 0;
        for period in text.split([';', ',', '、']).map(str::trim).filter(|period| !period.is_empty()) {
            let (start, end) = period.split_once(['-', '~', '—']).ok_or_else(error)?;
            let (start, end) = (parse_minute(start).ok_or_else(error)?, parse_minute(end).ok_or_else(error)?);
            if start < last || end <= start {
                return Err(error());
            }
            last = end;
            periods.push((start, end));
        }
        Ok(Self { periods })
    }

    pub fn is_empty(&self) -> bool {
        self.periods.is_empty()
    }
}

/// `08:00-12:00;14:00-18:00`.
impl fmt::Display for WorkHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (start, end)) in self.periods.iter().enumerate() {
            let sign = if at == 0 { "" } else { ";" };
            write!(f, "{sign}{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)?;
        }
        Ok(())
    }
}

fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.trim().split_once([':', '：'])?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (minute < 60 && hour * 60 + minute <= DAY_MINUTES && hour <= 24).then_some(hour * 60 + minute)
}

/// Some of the days of a week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Weekdays {
    /// The lowest bit is Monday.
    bits: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} names no days of the week; write 1-5, 6 or 1,3,5 with 1 for Monday, mon-fri, or 周一至周五")]
pub struct WeekdaysError {
    pub text: String,
}

/// The names of days, Monday first: its number, then words of which the text may be the beginning or the end.
const DAY_NAMES: [[&str; 4]; 7] = [
    ["1", "mon", "周一", "星期一"],
    ["2", "tue", "周二", "星期二"],
    ["3", "wed", "周三", "星期三"],
    ["4", "thu", "周四", "星期四"],
    ["5", "fri", "周五", "星期五"],
    ["6", "sat", "周六", "星期六"],
    ["7", "sun", "周日", "星期日"],
];

impl Weekdays {
    pub fn contains(self, day: Weekday) -> bool {
        self.bits & (1 << day.to_monday_zero_offset()) != 0
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.bits & other.bits != 0
    }

    /// Parses `1-5`, `6`, `1,3,5`, `mon-fri`, `周一至周五`.
    ///
    /// # Errors
    /// Returns the text that names no days.
    pub fn parse(text: &str) -> Result<Self, WeekdaysError> {
        let error = || WeekdaysError { text: text.to_owned() };
        let mut bits = 0;
        for part in text.split([',', ';', '、']).map(str::trim).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once(['-', '至', '~']).unwrap_or((part, part));
            let (first, last) = (parse_day(first).ok_or_else(error)?, parse_day(last).ok_or_else(error)?);
            if last < first {
                return Err(error());
            }
            (first..=last).for_each(|day| bits |= 1 << day);
        }
        if bits == 0 { Err(error()) } else { Ok(Self { bits }) }
    }
}

/// `1,2,3,4,5`.
impl fmt::Display for Weekdays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days: Vec<String> = (0..7).filter(|day| self.bits & (1 << day) != 0).map(|day| (day + 1).to_string()).collect();
        f.write_str(&days.join(","))
    }
}

fn parse_day(text: &str) -> Option<usize> {
    let text = text.trim().to_lowercase();
    let long = match text.as_str() {
        "周天" | "星期天" | "礼拜天" => "周日",
        other => other,
    };
    let long = if long.len() > 3 && long.is_ascii() && long.ends_with("day") { &long[..3] } else { long };
    DAY_NAMES.iter().position(|names| names.contains(&long))
}

/// Days from the first to the last, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DaySpan {
    pub first: Date,
    pub last: Date,
}

/// Most days that one row may name. The longest holiday known has nine; a year is a slip.
pub const DAY_SPAN_MAX: i32 = 62;

/// What a row of a table of calendars says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CalendarEntry {
    /// When work is done on days of the week.
    Week {
        days: Weekdays,
        hours: WorkHours,
        /// The name of the time zone; empty for that of the settings. Kept as a name, as its rules may change.
        time_zone: String,
        work_day_hours: u32,
    },
    /// Days without work.
    Holiday(DaySpan),
    /// Days of work whatever the weekday (调休上班), with hours of their own or else those of the week's first work day.
    Workday(DaySpan, Option<WorkHours>),
    /// A unit, with all below it, for which this calendar counts, and the zone of the city that it is of.
    Unit { unit: UnitCode, zone: Option<Zone> },
}

/// A row of a table of calendars.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CalendarRow {
    /// None for holidays and work days of all calendars, and for units that have a zone alone.
    pub calendar: Option<CalendarName>,
    pub entry: CalendarEntry,
    pub note: String,
    pub dates: Dates,
}

/// When work is done: hours by weekday, holidays, make-up days, in a time zone.
#[derive(Clone, Debug)]
pub struct Calendar {
    /// None for the one that stands in where no table was loaded.
    pub name: Option<CalendarName>,
    time_zone: TimeZone,
    /// For each its days, its hours, and between which times it holds, in the order of the table: the last one counts.
    weeks: Vec<(Weekdays, WorkHours, Dates)>,
    holidays: Vec<(DaySpan, Dates)>,
    /// A make-up day is worked though a holiday names it.
    workdays: Vec<(DaySpan, Option<WorkHours>, Dates)>,
    work_day_hours: u32,
}

impl Calendar {
    /// Monday to Friday, 08:00 to 12:00 and 14:00 to 18:00, no holidays: what stands in where no calendar was loaded.
    pub fn stand_in(time_zone: TimeZone) -> Self {
        let hours = WorkHours { periods: vec![(8 * 60, 12 * 60), (14 * 60, 18 * 60)] };
        Self {
            name: None,
            time_zone,
            weeks: vec![(Weekdays { bits: 0b001_1111 }, hours, Dates::ALWAYS)],
            holidays: Vec::new(),
            workdays: Vec::new(),
            work_day_hours: WORK_DAY_HOURS,
        }
    }

    /// Puts a calendar together of its rows and of those of all calendars; rows of others are passed over.
    pub fn new(name: &CalendarName, rows: &[CalendarRow], time_zone: &TimeZone) -> Self {
        let mut calendar = Self {
            name: Some(name.clone()),
            time_zone: time_zone.clone(),
            weeks: Vec::new(),
            holidays: Vec::new(),
            workdays: Vec::new(),
            work_day_hours: WORK_DAY_HOURS,
        };
        for row in rows.iter().filter(|row| row.calendar.as_ref().is_none_or(|own| own == name)) {
            match &row.entry {
                CalendarEntry::Week { days, hours, time_zone, work_day_hours } => {
                    calendar.weeks.push((*days, hours.clone(), row.dates));
                    calendar.work_day_hours = *work_day_hours;
                    // The import has looked the name up; where this machine does not know it, that of the settings stands in.
                    if let Some(own) = (!time_zone.is_empty()).then(|| TimeZone::get(time_zone).ok()).flatten() {
                        calendar.time_zone = own;
                    }
                }
                CalendarEntry::Holiday(span) => calendar.holidays.push((*span, row.dates)),
                CalendarEntry::Workday(span, hours) => calendar.workdays.push((*span, hours.clone(), row.dates)),
                CalendarEntry::Unit { .. } => {}
            }
        }
        calendar
    }

    pub fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// Returns how many work hours a work day has.
    pub fn work_day_hours(&self) -> u32 {
        self.work_day_hours
    }

    /// Returns the hours in which work is done on a day; none is no work.
    pub fn hours_of(&self, date: Date) -> Option<&WorkHours> {
        let midnight = self.time_zone.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
        let is_in = |span: &DaySpan, dates: &Dates| span.first <= date && date <= span.last && dates.contains(midnight);
        let holds = |(_, _, dates): &&(Weekdays, WorkHours, Dates)| dates.contains(midnight);
        if let Some((_, hours, _)) = self.workdays.iter().rfind(|(span, _, dates)| is_in(span, dates)) {
            let usual = || self.weeks.iter().filter(holds).find(|(_, hours, _)| !hours.is_empty()).map(|(_, hours, _)| hours);
            return hours.as_ref().or_else(usual);
        }
        if self.holidays.iter().any(|(span, dates)| is_in(span, dates)) {
            return None;
        }
        let of_week = |(days, _, _): &&(Weekdays, WorkHours, Dates)| days.contains(date.weekday());
        let found = self.weeks.iter().filter(holds).rfind(of_week).map(|(_, hours, _)| hours);
        found.filter(|hours| !hours.is_empty())
    }

    /// Returns the stretches in which work is done on the day of `from` and the days after it, so many days, from `from` on.
    ///
    /// They do not overlap and grow later, whatever clocks are put forward or back: times that do not exist come as much later, and of
    /// two equal times the first is meant.
    pub fn stretches_from(&self, from: Timestamp, days: u32) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let first = self.time_zone.to_datetime(from).date();
        let mut begun = from;
        let day = move |offset: u32| first.checked_add(Span::new().days(i64::from(offset))).ok();
        (0..days).map_while(day).flat_map(|date| self.periods_of(date)).filter_map(move |(start, end)| {
            let start = start.max(begun);
            begun = begun.max(end);
            (start < end).then_some((start, end))
        })
    }

    fn periods_of(&self, date: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let periods = self.hours_of(date).map_or(&[][..], |hours| &hours.periods);
        periods.iter().filter_map(move |&(start, end)| Some((self.instant(date, start)?, self.instant(date, end)?)))
    }

    fn instant(&self, date: Date, minute: u16) -> Option<Timestamp> {
        let (date, minute) = if minute == DAY_MINUTES { (date.checked_add(1.day()).ok()?, 0) } else { (date, minute) };
        let part = |part: u16| i8::try_from(part).ok();
        let time = Time::new(part(minute / 60)?, part(minute % 60)?, 0, 0).ok()?;
        self.time_zone.to_timestamp(date.to_datetime(time)).ok()
    }
}

/// All calendars of a table, and which unit has which.
#[derive(Clone, Debug)]
pub struct Calendars {
    stand_in: Calendar,
    by_name: BTreeMap<CalendarName, Calendar>,
    default: Option<CalendarName>,
    units: FxHashMap<UnitCode, Vec<UnitCalendar>>,
    changes: Changes,
}

/// What a row says of a unit.
#[derive(Clone, Debug)]
struct UnitCalendar {
    calendar: Option<CalendarName>,
    zone: Option<Zone>,
    dates: Dates,
}

impl Calendars {
    /// Puts calendars together. `time_zone` is that of calendars which name none.
    pub fn new(rows: &[CalendarRow], time_zone: &TimeZone) -> Self {
        let names = calendar_names(rows);
        let default = default_of(&names);
        let by_name = names.into_iter().map(|name| (name.clone(), Calendar::new(&name, rows, time_zone))).collect();
        let mut units: FxHashMap<UnitCode, Vec<UnitCalendar>> = FxHashMap::default();
        for row in rows {
            if let CalendarEntry::Unit { unit, zone } = &row.entry {
                let own = UnitCalendar { calendar: row.calendar.clone(), zone: zone.clone(), dates: row.dates };
                units.entry(unit.clone()).or_default().push(own);
            }
        }
        let changes = Changes::of(units.values().flatten().map(|row| row.dates));
        Self { stand_in: Calendar::stand_in(time_zone.clone()), by_name, default, units, changes }
    }

    /// Finds the calendar that counts at `at` for the first unit of `path`, which runs from the unit to its coarsest ancestor: the
    /// nearest that a row names, else the default, else what stands in for it.
    pub fn find<'p>(&self, path: impl IntoIterator<Item = &'p UnitCode>, at: Timestamp) -> &Calendar {
        let named = self.nearest(path, at, |row| row.calendar.as_ref());
        named.or(self.default.as_ref()).and_then(|name| self.by_name.get(name)).unwrap_or(&self.stand_in)
    }

    /// Finds the zone of the city that the first unit of `path` is of: the nearest that a row names.
    pub fn find_zone<'p>(&self, path: impl IntoIterator<Item = &'p UnitCode>, at: Timestamp) -> Option<&Zone> {
        self.nearest(path, at, |row| row.zone.as_ref())
    }

    fn nearest<'a, 'p, T>(
        &'a self,
        path: impl IntoIterator<Item = &'p UnitCode>,
        at: Timestamp,
        pick: impl Fn(&'a UnitCalendar) -> Option<&'a T>,
    ) -> Option<&'a T> {
        let rows = path.into_iter().filter_map(|unit| self.units.get(unit));
        rows.into_iter().find_map(|rows| rows.iter().filter(|row| row.dates.contains(at)).find_map(&pick))
    }

    /// Returns the first time after `at` at which a row about units begins or ends.
    pub fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        self.changes.next(at)
    }
}

/// Returns the calendars that rows name, in the order of their names.
pub fn calendar_names(rows: &[CalendarRow]) -> Vec<CalendarName> {
    let weeks = rows.iter().filter(|row| matches!(row.entry, CalendarEntry::Week { .. }));
    let mut names: Vec<CalendarName> = weeks.filter_map(|row| row.calendar.clone()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Returns which of the calendars is that of all units for which no row names another.
pub fn default_of(names: &[CalendarName]) -> Option<CalendarName> {
    match names {
        [only] => Some(only.clone()),
        several => several.iter().find(|name| &*name.0 == DEFAULT_CALENDAR).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week(calendar: &str, days: &str, hours: &str, dates: Dates) -> CalendarRow {
        let entry = CalendarEntry::Week {
            days: Weekdays::parse(days).unwrap(),
            hours: WorkHours::parse(hours).unwrap(),
            time_zone: String::new(),
            work_day_hours: WORK_DAY_HOURS,
        };
        CalendarRow { calendar: Some(CalendarName(calendar.into())), entry, note: String::new(), dates }
    }

    fn days(entry: impl Fn(DaySpan) -> CalendarEntry, first: &str, last: &str) -> CalendarRow {
        let span = DaySpan { first: first.parse().unwrap(), last: last.parse().unwrap() };
        CalendarRow { calendar: None, entry: entry(span), note: String::new(), dates: Dates::ALWAYS }
    }

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn hours_on(calendar: &Calendar, date: &str) -> String {
        calendar.hours_of(date.parse().unwrap()).map_or_else(String::new, WorkHours::to_string)
    }

    #[test]
    fn hours_and_weekdays_are_read_as_offices_write_them() {
        let hours = |text: &str| WorkHours::parse(text).map(|hours| hours.to_string());
        assert_eq!(hours("8:00-12:00;14:00-18:00").unwrap(), "08:00-12:00;14:00-18:00");
        assert_eq!(hours("").unwrap(), "");
        assert_eq!(hours("00:00-24:00").unwrap(), "00:00-24:00");
        for bad in ["8-12", "12:00-08:00", "08:00-12:00;11:00-13:00", "08:00-24:01", "08:60-09:00"] {
            assert!(hours(bad).is_err(), "{bad}");
        }
        for text in ["1-5", "mon-fri", "Monday-Friday", "周一至周五", "1,2,3,4,5", "星期一至星期五"] {
            assert_eq!(Weekdays::parse(text).unwrap().to_string(), "1,2,3,4,5", "{text}");
        }
        assert_eq!(Weekdays::parse("周天").unwrap().to_string(), "7");
        for bad in ["", "0", "8", "5-1", "someday"] {
            assert!(Weekdays::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_make_up_day_is_worked_and_a_holiday_is_not() {
        let rows = [
            week("c", "1-5", "08:00-12:00;14:00-18:00", Dates::ALWAYS),
            days(CalendarEntry::Holiday, "2026-10-01", "2026-10-07"),
            days(|span| CalendarEntry::Workday(span, None), "2026-10-10", "2026-10-10"),
            days(|span| CalendarEntry::Workday(span, WorkHours::parse("09:00-12:00").ok()), "2026-10-05", "2026-10-05"),
        ];
        let calendar = Calendar::new(&CalendarName("c".into()), &rows, &shanghai());
        let usual = "08:00-12:00;14:00-18:00";
        for (date, expected) in [
            ("2026-09-30", usual),
            ("2026-10-01", ""),
            ("2026-10-05", "09:00-12:00"),
            ("2026-10-07", ""),
            ("2026-10-08", usual),
            ("2026-10-10", usual),
            ("2026-10-11", ""),
        ] {
            assert_eq!(hours_on(&calendar, date), expected, "{date}");
        }
    }

    #[test]
    fn summer_hours_begin_and_end_by_their_dates() {
        let time = |date: &str| Some(format!("{date}T00:00:00+08:00").parse().unwrap());
        let summer = Dates { from: time("2026-07-01"), to: time("2026-10-01") };
        let rows = [week("c", "1-5", "08:00-12:00;14:00-18:00", Dates::ALWAYS), week("c", "1-5", "08:00-12:00;15:00-18:30", summer)];
        let calendar = Calendar::new(&CalendarName("c".into()), &rows, &shanghai());
        assert_eq!(hours_on(&calendar, "2026-06-30"), "08:00-12:00;14:00-18:00");
        assert_eq!(hours_on(&calendar, "2026-07-01"), "08:00-12:00;15:00-18:30");
        assert_eq!(hours_on(&calendar, "2026-10-01"), "08:00-12:00;14:00-18:00");
    }

    #[test]
    fn the_nearest_unit_names_the_calendar_and_the_zone() {
        let unit = |calendar: Option<&str>, unit: &str, zone: Option<&str>| CalendarRow {
            calendar: calendar.map(|name| CalendarName(name.into())),
            entry: CalendarEntry::Unit { unit: UnitCode::parse(unit).unwrap(), zone: zone.map(|zone| Zone(zone.into())) },
            note: String::new(),
            dates: Dates::ALWAYS,
        };
        let rows = [
            week("default", "1-5", "08:00-12:00", Dates::ALWAYS),
            week("market", "1-7", "05:00-22:00", Dates::ALWAYS),
            unit(None, "s", Some("B")),
            unit(Some("market"), "c", None),
        ];
        let calendars = Calendars::new(&rows, &shanghai());
        let code = |text: &str| UnitCode::parse(text).unwrap();
        let name = |path: &[UnitCode]| calendars.find(path, Timestamp::UNIX_EPOCH).name.clone().map(|name| name.to_string());
        assert_eq!(name(&[code("g"), code("c"), code("s")]).as_deref(), Some("market"));
        assert_eq!(name(&[code("g"), code("d"), code("s")]).as_deref(), Some("default"));
        let zone = |path: &[UnitCode]| calendars.find_zone(path, Timestamp::UNIX_EPOCH).map(ToString::to_string);
        assert_eq!((zone(&[code("c"), code("s")]).as_deref(), zone(&[code("t")])), (Some("B"), None));
        let none = Calendars::new(&[], &shanghai());
        assert_eq!(none.find(&[code("g")], Timestamp::UNIX_EPOCH).name, None);
    }

    #[test]
    fn a_day_that_a_zone_skips_is_not_worked_twice() {
        // Samoa had no 30 December 2011.
        let samoa = TimeZone::get("Pacific/Apia").unwrap();
        let calendar = Calendar::new(&CalendarName("c".into()), &[week("c", "1-7", "08:00-12:00", Dates::ALWAYS)], &samoa);
        let from: Timestamp = "2011-12-29T00:00:00-10:00".parse().unwrap();
        let stretches: Vec<_> = calendar.stretches_from(from, 4).collect();
        assert!(stretches.windows(2).all(|pair| pair[0].1 <= pair[1].0), "{stretches:?}");
        assert_eq!(stretches.len(), 3);
    }
}
