//! Calendars: when work is done, on which days it is not or is all the same, and which units have which calendar and zone.

use jiff::tz::TimeZone;

use super::roster::{RowProblem, parse_date};
use super::rule_row::{RuleRow, UNIT_CODE, VALID_FROM, VALID_TO, ZONE};
use super::table::{Table, TableError};
use crate::boundary::UnitCode;
use crate::dispatch::{
    CalendarEntry, CalendarName, CalendarRow, DAY_SPAN_MAX, DEFAULT_CALENDAR, DaySpan, WORK_DAY_HOURS, WORK_DAY_HOURS_MAX, Weekdays,
    WorkHours, calendar_names, default_of,
};

/// The columns of a table of calendars, each with the names under which it is found.
const CALENDAR: [&str; 2] = ["calendar", "日历"];
const KIND: [&str; 2] = ["kind", "类型"];
const DAYS: [&str; 3] = ["days", "日期", "星期"];
const HOURS: [&str; 3] = ["hours", "工作时间", "时段"];
const TIME_ZONE: [&str; 2] = ["time_zone", "时区"];
const WORK_DAY: [&str; 2] = ["work_day_hours", "每日工时"];
const NOTE: [&str; 3] = ["note", "名称", "备注"];

struct Columns {
    calendar: Option<usize>,
    kind: usize,
    days: usize,
    hours: Option<usize>,
    time_zone: Option<usize>,
    work_day: Option<usize>,
    unit_code: Option<usize>,
    zone: Option<usize>,
    note: Option<usize>,
    valid_from: Option<usize>,
    valid_to: Option<usize>,
}

impl Columns {
    fn find(table: &Table) -> Result<Self, TableError> {
        Ok(Self {
            calendar: table.find_column(&CALENDAR),
            kind: table.require_column(&KIND)?,
            days: table.require_column(&DAYS)?,
            hours: table.find_column(&HOURS),
            time_zone: table.find_column(&TIME_ZONE),
            work_day: table.find_column(&WORK_DAY),
            unit_code: table.find_column(&UNIT_CODE),
            zone: table.find_column(&ZONE),
            note: table.find_column(&NOTE),
            valid_from: table.find_column(&VALID_FROM),
            valid_to: table.find_column(&VALID_TO),
        })
    }
}

/// Reads calendars. A week without a calendar's name is of the default one; holidays and work days without one are of all.
/// `is_known` tells which codes have a unit.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list; where there is one, nothing should be stored.
pub fn read_calendars(
    table: &Table,
    time_zone: &TimeZone,
    is_known: impl Fn(&UnitCode) -> bool,
) -> Result<(Vec<CalendarRow>, Vec<RowProblem>), TableError> {
    let columns = Columns::find(table)?;
    let (mut rows, mut problems): (Vec<(u64, CalendarRow)>, Vec<RowProblem>) = (Vec::new(), Vec::new());
    for row in &table.rows {
        let mut reader = RuleRow { row, time_zone, problems: &mut problems };
        rows.extend(read_row(&mut reader, &columns, &is_known).map(|read| (row.number, read)));
    }
    check_calendars(&rows, &mut problems);
    problems.sort_by_key(|problem| problem.row);
    Ok((rows.into_iter().map(|(_, row)| row).collect(), problems))
}

fn read_row(reader: &mut RuleRow<'_>, columns: &Columns, is_known: &impl Fn(&UnitCode) -> bool) -> Option<CalendarRow> {
    let name = reader.cell(columns.calendar);
    let mut calendar = (!name.is_empty()).then(|| CalendarName(if name == "默认" { DEFAULT_CALENDAR } else { name }.into()));
    let dates = reader.dates(columns.valid_from, columns.valid_to);
    let entry = match reader.cell(Some(columns.kind)).to_lowercase().as_str() {
        "week" | "工作时段" | "工作周" => {
            calendar = calendar.or_else(|| Some(CalendarName(DEFAULT_CALENDAR.into())));
            read_week(reader, columns)
        }
        "holiday" | "节假日" | "假日" | "放假" => read_span(reader, columns).map(CalendarEntry::Holiday),
        "workday" | "调休上班" | "补班" | "调休" => {
            let (span, hours) = (read_span(reader, columns), read_hours(reader, columns));
            span.zip(hours).map(|(span, hours)| CalendarEntry::Workday(span, (!hours.is_empty()).then_some(hours)))
        }
        "unit" | "单元" | "适用单元" => read_unit(reader, columns, is_known, calendar.is_some()),
        other => {
            reader.problem("kind", format!("{other:?} is no kind of row; write week, holiday, workday or unit"));
            None
        }
    };
    Some(CalendarRow { calendar, entry: entry?, note: reader.cell(columns.note).to_owned(), dates: dates? })
}

fn read_week(reader: &mut RuleRow<'_>, columns: &Columns) -> Option<CalendarEntry> {
    let days = Weekdays::parse(reader.cell(Some(columns.days))).map_err(|error| reader.problem("days", error.to_string())).ok();
    let hours = read_hours(reader, columns);
    let time_zone = reader.cell(columns.time_zone).to_owned();
    let has_zone = time_zone.is_empty() || TimeZone::get(&time_zone).is_ok();
    if !has_zone {
        reader.problem("time_zone", format!("{time_zone:?} is no time zone known here; write a name such as Asia/Shanghai"));
    }
    let work_day_hours = match reader.cell(columns.work_day) {
        "" => Some(WORK_DAY_HOURS),
        text => {
            let hours = text.parse().ok().filter(|hours| (1..=WORK_DAY_HOURS_MAX).contains(hours));
            if hours.is_none() {
                reader.problem("work_day_hours", format!("{text:?} is no number from 1 to {WORK_DAY_HOURS_MAX}; leave it empty for 8"));
            }
            hours
        }
    };
    has_zone.then_some(())?;
    Some(CalendarEntry::Week { days: days?, hours: hours?, time_zone, work_day_hours: work_day_hours? })
}

fn read_hours(reader: &mut RuleRow<'_>, columns: &Columns) -> Option<WorkHours> {
    let hours = WorkHours::parse(reader.cell(columns.hours));
    hours.map_err(|error| reader.problem("hours", format!("{error}; write 08:00-12:00;14:00-18:00"))).ok()
}

fn read_span(reader: &mut RuleRow<'_>, columns: &Columns) -> Option<DaySpan> {
    let text = reader.cell(Some(columns.days));
    let ends = ["..", "至", "~"].iter().find_map(|sign| text.split_once(sign)).unwrap_or((text, text));
    let Some((first, last)) = parse_date(ends.0).zip(parse_date(ends.1)) else {
        reader.problem("days", format!("{text:?} is no day; write 2026-10-01, or 2026-10-01..2026-10-07 with both days included"));
        return None;
    };
    let days = (last - first).get_days();
    if !(0..DAY_SPAN_MAX).contains(&days) {
        reader.problem("days", format!("{text:?} does not end within {DAY_SPAN_MAX} days of its beginning; write it in parts"));
        return None;
    }
    Some(DaySpan { first, last })
}

fn read_unit(
    reader: &mut RuleRow<'_>,
    columns: &Columns,
    is_known: &impl Fn(&UnitCode) -> bool,
    has_calendar: bool,
) -> Option<CalendarEntry> {
    let unit = reader.unit(columns.unit_code, is_known)?;
    let zone = reader.zone(columns.zone);
    if unit.is_none() {
        reader.problem("unit_code", "is empty; give the code of the unit".into());
    }
    if zone.is_none() && !has_calendar {
        reader.problem("calendar", "is empty, and so is zone; give the unit a calendar, a zone or both".into());
        return None;
    }
    Some(CalendarEntry::Unit { unit: unit?, zone })
}

/// Sees that rows agree with each other and name calendars that there are.
fn check_calendars(rows: &[(u64, CalendarRow)], problems: &mut Vec<RowProblem>) {
    let plain: Vec<CalendarRow> = rows.iter().map(|(_, row)| row.clone()).collect();
    let names = calendar_names(&plain);
    let list = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let has_default = names.is_empty() || default_of(&names).is_some();
    let (mut is_default_told, mut is_week_told) = (false, false);
    for (at, (number, row)) in rows.iter().enumerate() {
        let mut problem = |column, detail| problems.push(RowProblem { row: *number, column, detail });
        let earlier = || rows[..at].iter().filter(|(_, other)| other.dates.overlaps(&row.dates));
        match &row.entry {
            CalendarEntry::Week { time_zone, work_day_hours, .. } => {
                if !has_default && !std::mem::replace(&mut is_default_told, true) {
                    problem(
                        "calendar",
                        format!("none of {list} is called {DEFAULT_CALENDAR}; give that name to the one of all other units"),
                    );
                }
                let other = rows[..at].iter().find(|(_, other)| match &other.entry {
                    CalendarEntry::Week { time_zone: zone, work_day_hours: hours, .. } => {
                        other.calendar == row.calendar && (zone, hours) != (time_zone, work_day_hours)
                    }
                    _ => false,
                });
                if let Some((first, _)) = other {
                    problem(
                        "time_zone",
                        format!("row {first} gives the calendar another time zone or work_day_hours; write the same in both"),
                    );
                }
            }
            CalendarEntry::Holiday(_) | CalendarEntry::Workday(..) | CalendarEntry::Unit { .. } if row.calendar.is_some() => {
                if let Some(name) = row.calendar.as_ref().filter(|name| !names.contains(name)) {
                    problem("calendar", format!("no row of the kind week is of the calendar {name}; add its hours, or correct the name"));
                }
            }
            CalendarEntry::Holiday(_) | CalendarEntry::Workday(..) if names.is_empty() && !std::mem::replace(&mut is_week_told, true) => {
                problem("kind", "no row is of the kind week, so nobody works on any day; add the hours of work".into());
            }
            _ => {}
        }
        if let CalendarEntry::Unit { unit, zone } = &row.entry {
            let same = earlier().find(|(_, other)| match &other.entry {
                CalendarEntry::Unit { unit: known, zone: other_zone } => {
                    known == unit && (row.calendar.is_some() && other.calendar.is_some() || zone.is_some() && other_zone.is_some())
                }
                _ => false,
            });
            if let Some((first, _)) = same {
                problem("unit_code", format!("row {first} gives {unit} a calendar or zone for the same time; leave one out"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::rule_row::tests::table;

    fn read(lines: &str) -> (Vec<CalendarRow>, Vec<RowProblem>) {
        read_calendars(&table(lines), &TimeZone::get("Asia/Shanghai").unwrap(), |code| code.as_str().starts_with("4311")).unwrap()
    }

    #[test]
    fn weeks_holidays_make_up_days_and_units_are_read() {
        let (rows, problems) = read(
            "calendar,kind,days,hours,time_zone,work_day_hours,unit_code,zone,note\n\
             default,week,1-5,08:00-12:00;14:00-18:00,,,,,\n\
             market,week,1-7,06:00-22:00,Asia/Urumqi,16,,,\n\
             ,holiday,2026-10-01..2026-10-07,,,,,,国庆节\n\
             ,补班,2026年10月10日,,,,,,\n\
             market,workday,2026/10/1至2026/10/2,09:00-12:00,,,,,\n\
             market,unit,,,,,431102004,b,",
        );
        assert_eq!(problems, []);
        assert_eq!(rows.len(), 6);
        assert!(matches!(&rows[1].entry, CalendarEntry::Week { time_zone, work_day_hours: 16, .. } if time_zone == "Asia/Urumqi"));
        assert!(matches!(&rows[2].entry, CalendarEntry::Holiday(span) if (span.last - span.first).get_days() == 6));
        assert_eq!((rows[2].note.as_str(), &rows[2].calendar), ("国庆节", &None));
        assert!(matches!(&rows[3].entry, CalendarEntry::Workday(_, None)));
        assert!(matches!(&rows[4].entry, CalendarEntry::Workday(_, Some(hours)) if hours.to_string() == "09:00-12:00"));
        assert!(matches!(&rows[5].entry, CalendarEntry::Unit { zone: Some(zone), .. } if &*zone.0 == "B"));
    }

    #[test]
    fn every_fault_of_every_row_is_told_with_its_remedy() {
        let (_, problems) = read(
            "calendar,kind,days,hours,time_zone,work_day_hours,unit_code,zone\n\
             a,week,1-5,8-12,Mars/Olympus,0,,\n\
             a,week,8,08:00-12:00,,,,\n\
             a,week,1-5,08:00-12:00,,,,\n\
             a,week,6,08:00-12:00,,7,,\n\
             b,week,1-5,08:00-12:00,,,,\n\
             ,feast,2026-10-01,,,,,\n\
             ,holiday,October,,,,,\n\
             ,holiday,2026-10-07..2026-10-01,,,,,\n\
             ,holiday,2026-01-01..2026-12-31,,,,,\n\
             c,holiday,2026-10-01,,,,,\n\
             a,unit,,,,,9999,\n\
             ,unit,,,,,431102,\n\
             a,unit,,,,,431102,\n\
             b,unit,,,,,431102,",
        );
        let found: Vec<(u64, &str)> = problems.iter().map(|problem| (problem.row, problem.column)).collect();
        let expected = [
            (2, "hours"),
            (2, "time_zone"),
            (2, "work_day_hours"),
            (3, "days"),
            (4, "calendar"),
            (5, "time_zone"),
            (7, "kind"),
            (8, "days"),
            (9, "days"),
            (10, "days"),
            (11, "calendar"),
            (12, "unit_code"),
            (13, "calendar"),
            (15, "unit_code"),
        ];
        assert_eq!(found, expected, "{problems:?}");
        assert!(problems.iter().all(|problem| problem.detail.contains(';')), "{problems:?}");
    }

    #[test]
    fn holidays_alone_are_no_calendar_and_zones_alone_are_enough() {
        let (_, problems) = read("kind,days,unit_code,zone\nholiday,2026-10-01,,\nholiday,2026-10-02,,");
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(read("kind,days,unit_code,zone\nunit,,431102,A").1, []);
    }
}
