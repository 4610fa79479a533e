//! When a limit is over, and how much of it has gone by: exactly, across time zones, changes of clocks, holidays and pauses.

use jiff::{SignedDuration, Span, Timestamp};

use super::calendar::Calendar;
use super::limit::{Clock, Limit};

/// How many days ahead work is looked for. Ten years of work days lie within 15 years of the sparsest week that offices have; a
/// calendar that ends before has no due time, which is said.
const WORK_SEARCH_DAYS_MAX: u32 = 366 * 16;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A time in which a clock stands still; without an end it still does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pause {
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// Returns when a limit that begins at `start` is over; none where the calendar has not as much work ahead.
///
/// It is the first instant at which all of it has gone by: four work hours that begin at 14:00 are over at 18:00 and not at 08:00 of the
/// next work day.
pub fn due(start: Timestamp, limit: Limit, calendar: &Calendar) -> Option<Timestamp> {
    due_with_pauses(start, limit, calendar, &[])
}

/// The same for a clock that was paused. None also where it still is: it is due at no known time.
///
/// Pauses may overlap and come in any order; what lies before `start` does not count. A natural day ends at the time of day of its
/// beginning, and a pause makes it end as much later as it took.
pub fn due_with_pauses(start: Timestamp, limit: Limit, calendar: &Calendar, pauses: &[Pause]) -> Option<Timestamp> {
    let mut left = amount(start, limit, calendar)?;
    let pauses = merged(pauses);
    for (from, to) in running(start, limit.clock(), calendar, &pauses) {
        // The last stretch of a clock that runs through has no end.
        let Some(to) = to else { return from.checked_add(left).ok() };
        let lasts = to.duration_since(from);
        if lasts >= left {
            return from.checked_add(left).ok();
        }
        left -= lasts;
    }
    None
}

/// Returns when a clock runs out that was due at `due` and stood still from `from` to `to`: as much of it is left at the end of the pause
/// as was at its beginning. What was over by then stays so. None where the calendar has not as much work ahead.
pub fn postponed(due: Timestamp, from: Timestamp, to: Timestamp, clock: Clock, calendar: &Calendar) -> Option<Timestamp> {
    if due <= from {
        return Some(due);
    }
    let mut left = elapsed(from, due, clock, calendar, &[]);
    for (from, to) in running(to, clock, calendar, &[]) {
        let Some(to) = to else { return from.checked_add(left).ok() };
        let lasts = to.duration_since(from);
        if lasts >= left {
            return from.checked_add(left).ok();
        }
        left -= lasts;
    }
    None
}

/// Returns how much of a clock has gone by from `from` until `to`, pauses left out; nothing where `to` is not after `from`.
pub fn elapsed(from: Timestamp, to: Timestamp, clock: Clock, calendar: &Calendar, pauses: &[Pause]) -> SignedDuration {
    let pauses = merged(pauses);
    let stretches = running(from, clock, calendar, &pauses).take_while(|(start, _)| *start < to);
    let lasts = |(start, end): (Timestamp, Option<Timestamp>)| end.map_or(to, |end| end.min(to)).duration_since(start);
    stretches.map(lasts).sum()
}

/// Returns how much of a limit is left at `at`; negative where it was over before, by as much of its clock as has gone by since. None
/// where it is so long that no time can tell.
pub fn remaining(start: Timestamp, limit: Limit, calendar: &Calendar, pauses: &[Pause], at: Timestamp) -> Option<SignedDuration> {
    Some(amount(start, limit, calendar)? - elapsed(start, at, limit.clock(), calendar, pauses))
}

/// Returns a limit as a length of the time for which its clock runs.
fn amount(start: Timestamp, limit: Limit, calendar: &Calendar) -> Option<SignedDuration> {
    let thousandths = i64::from(limit.thousandths());
    let length = match limit.clock() {
        Clock::UrgentHour | Clock::WorkHour => SignedDuration::from_millis(thousandths * HOUR_MS / 1000),
        Clock::WorkDay => SignedDuration::from_millis(thousandths * i64::from(calendar.work_day_hours()) * HOUR_MS / 1000),
        Clock::NaturalDay => {
            // Whole days are those of the wall, which have 23 or 25 hours where clocks change; a part of one has its share of 24.
            let begun = start.to_zoned_datetime(calendar.time_zone().clone());
            let whole = begun.checked_add(Span::new().days(thousandths / 1000)).ok()?;
            whole.timestamp().duration_since(start) + SignedDuration::from_millis(thousandths % 1000 * DAY_MS / 1000)
        }
    };
    Some(length)
}

/// The stretches for which a clock runs from `start` on, in order; the last one may have no end.
fn running<'a>(
    start: Timestamp,
    clock: Clock,
    calendar: &'a Calendar,
    pauses: &'a [Pause],
) -> impl Iterator<Item = (Timestamp, Option<Timestamp>)> + 'a {
    let work = clock.needs_work().then(|| calendar.stretches_from(start, WORK_SEARCH_DAYS_MAX));
    let through = (!clock.needs_work()).then_some((start, None));
    let stretches = work.into_iter().flatten().map(|(from, to)| (from, Some(to))).chain(through);
    stretches.flat_map(|(from, to)| without(from, to, pauses))
}

/// What is left of a stretch without pauses, which are in order and apart from each other.
fn without(from: Timestamp, to: Option<Timestamp>, pauses: &[Pause]) -> Vec<(Timestamp, Option<Timestamp>)> {
    let (mut parts, mut from) = (Vec::new(), Some(from));
    for pause in pauses {
        let Some(begun) = from else { break };
        if to.is_some_and(|to| to <= pause.from) {
            break;
        }
        if pause.to.is_some_and(|end| end <= begun) {
            continue;
        }
        if begun < pause.from {
            parts.push((begun, Some(pause.from)));
        }
        from = pause.to.filter(|end| to.is_none_or(|to| *end < to));
    }
    parts.extend(from.map(|from| (from, to)));
    parts
}

/// Puts pauses in order and joins those that touch.
fn merged(pauses: &[Pause]) -> Vec<Pause> {
    let mut sorted: Vec<Pause> = pauses.iter().copied().filter(|pause| pause.to.is_none_or(|to| pause.from < to)).collect();
    sorted.sort_unstable_by_key(|pause| pause.from);
    let mut merged: Vec<Pause> = Vec::with_capacity(sorted.len());
    for pause in sorted {
        match merged.last_mut() {
            Some(last) if last.to.is_none_or(|to| pause.from <= to) => last.to = last.to.zip(pause.to).map(|(a, b)| a.max(b)),
            _ => merged.push(pause),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::dispatch::calendar::{CalendarEntry, CalendarName, CalendarRow, DaySpan, WORK_DAY_HOURS, Weekdays, WorkHours};
    use crate::dispatch::dates::Dates;

    fn row(entry: CalendarEntry) -> CalendarRow {
        CalendarRow { calendar: None, entry, note: String::new(), dates: Dates::ALWAYS }
    }

    fn week(days: &str, hours: &str) -> CalendarEntry {
        CalendarEntry::Week {
            days: Weekdays::parse(days).unwrap(),
            hours: WorkHours::parse(hours).unwrap(),
            time_zone: String::new(),
            work_day_hours: WORK_DAY_HOURS,
        }
    }

    fn span(first: &str, last: &str) -> DaySpan {
        DaySpan { first: first.parse().unwrap(), last: last.parse().unwrap() }
    }

    /// The National Day of 2026 with a make-up Saturday, in a zone.
    fn office(zone: &str) -> Calendar {
        let rows = [
            row(week("1-5", "08:00-12:00;14:00-18:00")),
            row(CalendarEntry::Holiday(span("2026-10-01", "2026-10-07"))),
            row(CalendarEntry::Workday(span("2026-10-10", "2026-10-10"), None)),
        ];
        Calendar::new(&CalendarName("c".into()), &rows, &TimeZone::get(zone).unwrap())
    }

    fn local(calendar: &Calendar, text: &str) -> Timestamp {
        let civil: jiff::civil::DateTime = text.parse().unwrap();
        calendar.time_zone().to_timestamp(civil).unwrap()
    }

    /// A limit that begins at a local time is due at another.
    fn check(calendar: &Calendar, limit: &str, start: &str, expected: &str) {
        let found = due(local(calendar, start), Limit::parse(limit).unwrap(), calendar).unwrap();
        assert_eq!(calendar.time_zone().to_datetime(found).to_string(), format!("{expected}:00"), "{limit} from {start}");
    }

    #[test]
    fn each_of_the_four_clocks_runs_by_its_own_rule() {
        let office = office("Asia/Shanghai");
        // 2026-11-27 is a Friday.
        for (limit, start, expected) in [
            ("2紧急工作时", "2026-11-27T23:00", "2026-11-28T01:00"),
            ("4工作时", "2026-11-27T09:00", "2026-11-27T15:00"),
            ("4工作时", "2026-11-27T14:00", "2026-11-27T18:00"),
            ("4工作时", "2026-11-27T16:00", "2026-11-30T10:00"),
            ("4小时", "2026-11-28T12:00", "2026-11-30T12:00"),
            ("1工作日", "2026-11-27T10:00", "2026-11-30T10:00"),
            ("2天", "2026-11-27T08:00", "2026-11-30T18:00"),
            ("5工作日", "2026-11-27T15:30", "2026-12-04T15:30"),
            ("0.5工作日", "2026-11-27T08:00", "2026-11-27T12:00"),
            ("1紧急工作日", "2026-11-27T15:30", "2026-11-28T15:30"),
            ("3自然日", "2026-11-27T15:30", "2026-11-30T15:30"),
        ] {
            check(&office, limit, start, expected);
        }
    }

    #[test]
    fn holidays_are_passed_over_and_make_up_days_are_worked() {
        let office = office("Asia/Shanghai");
        // 30 September is a Wednesday; work goes on on Thursday the 8th, and Saturday the 10th is worked.
        check(&office, "1工作日", "2026-09-30T15:00", "2026-10-08T15:00");
        check(&office, "3工作日", "2026-09-30T15:00", "2026-10-10T15:00");
        check(&office, "4工作日", "2026-09-30T15:00", "2026-10-12T15:00");
        check(&office, "1自然日", "2026-09-30T15:00", "2026-10-01T15:00");
    }

    #[test]
    fn clocks_that_change_neither_give_nor_take_an_hour_of_work() {
        let berlin = office("Europe/Berlin");
        // Clocks go forward in the night to Sunday 29 March and back in that to 25 October.
        check(&berlin, "2紧急工作时", "2026-03-29T01:00", "2026-03-29T04:00");
        check(&berlin, "2紧急工作时", "2026-10-25T01:30", "2026-10-25T02:30");
        check(&berlin, "1自然日", "2026-03-28T12:00", "2026-03-29T12:00");
        check(&berlin, "1自然日", "2026-10-24T12:00", "2026-10-25T12:00");
        // A time of day that does not exist comes as much later.
        check(&berlin, "1自然日", "2026-03-28T02:30", "2026-03-29T03:30");
        check(&berlin, "1工作日", "2026-03-27T10:00", "2026-03-30T10:00");
        // Who works through the night of the change has 7 hours from midnight to 8 in spring, and 9 in autumn.
        let night = Calendar::new(&CalendarName("c".into()), &[row(week("1-7", "00:00-08:00"))], berlin.time_zone());
        check(&night, "8工作时", "2026-03-29T00:00", "2026-03-30T01:00");
        check(&night, "8工作时", "2026-10-25T00:00", "2026-10-25T07:00");
    }

    #[test]
    fn a_pause_over_a_weekend_costs_only_the_work_that_it_covers() {
        let office = office("Asia/Shanghai");
        let at = |text: &str| local(&office, text);
        let pause = |from: &str, to: &str| Pause { from: at(from), to: Some(at(to)) };
        let limit = Limit::parse("1工作日").unwrap();
        let due = |pauses: &[Pause]| due_with_pauses(at("2026-11-27T10:00"), limit, &office, pauses);
        // From Friday 17:00 to Monday 9:00 there are two hours of work.
        let weekend = pause("2026-11-27T17:00", "2026-11-30T09:00");
        assert_eq!(due(&[weekend]), Some(at("2026-11-30T12:00")));
        // In another order, overlapping, and one that lies where nobody works.
        let others = [pause("2026-11-28T00:00", "2026-11-30T09:00"), pause("2026-11-27T17:00", "2026-11-28T10:00")];
        assert_eq!(due(&others), due(&[weekend]));
        assert_eq!(due(&[pause("2026-11-28T00:00", "2026-11-29T00:00")]), Some(at("2026-11-30T10:00")));
        // One that has no end leaves no due time, but tells what is left.
        let open = Pause { from: at("2026-11-27T15:00"), to: None };
        assert_eq!(due(&[open]), None);
        let left = remaining(at("2026-11-27T10:00"), limit, &office, &[open], at("2026-12-24T10:00")).unwrap();
        assert_eq!(left, SignedDuration::from_hours(5));
        // Natural time is paused as long as it takes.
        let natural = Limit::parse("1自然日").unwrap();
        let paused = due_with_pauses(at("2026-11-27T10:00"), natural, &office, &[weekend]);
        assert_eq!(paused, Some(at("2026-11-27T10:00") + SignedDuration::from_hours(24 + 64)));
        // What is due exactly when a pause begins is due then.
        let at_noon = due_with_pauses(
            at("2026-11-27T08:00"),
            Limit::parse("4工作时").unwrap(),
            &office,
            &[pause("2026-11-27T12:00", "2026-12-01T08:00")],
        );
        assert_eq!(at_noon, Some(at("2026-11-27T12:00")));
    }

    #[test]
    fn time_over_a_limit_is_counted_by_its_clock() {
        let office = office("Asia/Shanghai");
        let at = |text: &str| local(&office, text);
        let limit = Limit::parse("4工作时").unwrap();
        let left = |to: &str| remaining(at("2026-11-27T08:00"), limit, &office, &[], at(to)).unwrap();
        assert_eq!(left("2026-11-27T11:00"), SignedDuration::from_hours(1));
        assert_eq!(left("2026-11-27T12:00"), SignedDuration::ZERO);
        // Over the weekend no more of it goes by.
        assert_eq!((left("2026-11-28T03:00"), left("2026-11-30T08:00")), (SignedDuration::from_hours(-4), SignedDuration::from_hours(-4)));
        assert_eq!(elapsed(at("2026-11-27T12:00"), at("2026-11-27T08:00"), Clock::UrgentHour, &office, &[]), SignedDuration::ZERO);
    }

    #[test]
    fn a_calendar_without_work_makes_nothing_due() {
        let none = Calendar::new(&CalendarName("c".into()), &[row(week("1-7", ""))], &TimeZone::UTC);
        assert_eq!(due(Timestamp::UNIX_EPOCH, Limit::parse("1工作日").unwrap(), &none), None);
        assert!(due(Timestamp::UNIX_EPOCH, Limit::parse("1自然日").unwrap(), &none).is_some());
    }

    /// Walks minute by minute and looks at the wall.
    fn walk(start: Timestamp, limit: Limit, calendar: &Calendar, pauses: &[Pause], minutes_max: i64) -> Option<Timestamp> {
        let minute = SignedDuration::from_mins(1);
        let mut left = amount(start, limit, calendar)?;
        for passed in 0..minutes_max {
            let now = start + SignedDuration::from_mins(passed);
            let wall = calendar.time_zone().to_datetime(now);
            let clock = wall.time().strftime("%H:%M").to_string();
            let hours = calendar.hours_of(wall.date()).map(WorkHours::to_string).unwrap_or_default();
            let works = hours
                .split(';')
                .filter_map(|period| period.split_once('-'))
                .any(|(from, to)| from <= clock.as_str() && clock.as_str() < to);
            let is_paused = pauses.iter().any(|pause| pause.from <= now && pause.to.is_none_or(|to| now < to));
            if (works || !limit.clock().needs_work()) && !is_paused {
                left -= minute;
                if left.is_zero() {
                    return Some(now + minute);
                }
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_limit_is_over_when_a_walk_on_the_wall_says_so(
            zone in prop::sample::select(vec!["Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
            // Some days before clocks change in one of the zones, or a holiday.
            day in prop::sample::select(vec!["2026-03-05", "2026-03-26", "2026-04-02", "2026-09-29", "2026-10-01", "2026-10-22", "2026-10-30"]),
            minute in 0_i64..3 * 1440,
            quarters in 1_u32..24,
            clock in prop::sample::select(Clock::ALL.to_vec()),
            pauses in prop::collection::vec((0_i64..4 * 1440, 1_i64..2880), 0..3),
        ) {
            let calendar = office(zone);
            let start = local(&calendar, &format!("{day}T00:00")) + SignedDuration::from_mins(minute);
            // Quarters of an hour, or of a day, end on a minute.
            let quantity = f64::from(quarters) / 4.0;
            let limit = Limit::parse(&format!("{quantity} {clock}")).unwrap();
            let pauses: Vec<Pause> = pauses.iter().map(|&(after, lasts)| {
                let from = start + SignedDuration::from_mins(after - 60);
                Pause { from, to: Some(from + SignedDuration::from_mins(lasts)) }
            }).collect();
            let found = due_with_pauses(start, limit, &calendar, &pauses);
            prop_assert_eq!(found, walk(start, limit, &calendar, &pauses, 40 * 1440));
            // As much has gone by then as the limit is long, and a minute before not yet.
            let found = found.unwrap();
            prop_assert_eq!(remaining(start, limit, &calendar, &pauses, found).unwrap(), SignedDuration::ZERO);
            prop_assert!(remaining(start, limit, &calendar, &pauses, found - SignedDuration::from_mins(1)).unwrap() > SignedDuration::ZERO);
        }
    }
}
