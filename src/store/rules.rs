//! The rules of dispatch as rows, in the same way for every back end.
//!
//! A table of rules is written as a head in `gk_rules` and rows that begin with it and end with the next of its kind. Rows that stay the
//! same in the same place go on.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;

use super::times::to_milliseconds;
use super::transfer::{Row, TABLES, Table, Value, key_bytes};
use crate::boundary::UnitCode;
use crate::dispatch::{
    CalendarEntry, CalendarName, CalendarRow, CategoryCode, CategoryRow, CostRow, Dates, DaySpan, DepartmentId, DepartmentRole, FundKind,
    FundRow, Limit, Limits, LoadRow, Post, ResponsibilityRow, RuleKind, RuleSet, RuleTable, Weekdays, WorkHours, Zone,
};

/// The tables of rules, in the order in which they are written.
pub(super) const NAMES: [&str; 7] = ["gk_rules", "gk_category", "gk_responsibility", "gk_calendar", "gk_cost", "gk_fund", "gk_load"];

/// What a row says of itself beside its key, and from and to which import it holds.
const ENDS: usize = 2;

/// Returns one of [`NAMES`].
pub(super) fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).expect("every table of rules stands in the list of tables")
}

/// Returns the table that holds the rows of a kind.
pub(super) fn table_of(kind: RuleKind) -> &'static Table {
    table(match kind {
        RuleKind::Categories => "gk_category",
        RuleKind::Responsibilities => "gk_responsibility",
        RuleKind::Calendars => "gk_calendar",
        RuleKind::Costs => "gk_cost",
        RuleKind::Funds => "gk_fund",
        RuleKind::Loads => "gk_load",
    })
}

/// The rules as every back end keeps and returns them.
pub(super) fn into_kept(table: &RuleTable) -> RuleTable {
    parse_rows(table.kind(), to_contents(table)).expect("what was written from rules reads back")
}

/// What is to be written of a new table of rules.
pub(super) struct Plan {
    pub number: u64,
    /// The number of the table of its kind that was written last until now.
    pub before: Option<u64>,
    pub head: Row,
    /// New rows, and those that end, as they are from now on.
    pub rows: Vec<Row>,
}

/// Works out what to write, given all heads and all rows of the kind that there are.
pub(super) fn plan(heads: &[Row], known: Vec<Row>, table: &RuleTable, effective_from: Timestamp, author: &str, at: Timestamp) -> Plan {
    let number = heads.iter().filter_map(|head| integer(&head[0])).max().unwrap_or(0) + 1;
    let mut key = known.iter().filter_map(|row| integer(&row[0])).max().unwrap_or(0);
    let mut live: BTreeMap<Vec<u8>, Row> = BTreeMap::new();
    for row in known.into_iter().filter(|row| row.last() == Some(&Value::Null)) {
        // A place in a table has one row, so that no two are the same.
        live.insert(key_bytes(content(&row)), row);
    }
    let mut rows = Vec::new();
    for content in to_contents(table) {
        if live.remove(&key_bytes(&content)).is_none() {
            key += 1;
            let ends = [Value::Integer(number), Value::Null];
            rows.push([Value::Integer(key)].into_iter().chain(content).chain(ends).collect());
        }
    }
    rows.extend(live.into_values().map(|mut row| {
        row.pop();
        row.push(Value::Integer(number));
        row
    }));
    let head = vec![
        Value::Integer(number),
        text(table.kind().as_str()),
        Value::Time(to_milliseconds(at)),
        Value::Time(to_milliseconds(effective_from)),
        text(author),
    ];
    let of_kind = heads.iter().filter(|head| head.get(1) == Some(&text(table.kind().as_str())));
    let before = of_kind.filter_map(|head| integer(&head[0])).max().and_then(|number| u64::try_from(number).ok());
    Plan { number: u64::try_from(number).unwrap_or_default(), before, head, rows }
}

/// Puts the tables of rules together again. `rows` gives all rows of a kind.
///
/// # Errors
/// Says what cannot be read.
pub(super) fn assemble(heads: &[Row], rows: &BTreeMap<RuleKind, Vec<Row>>) -> Result<Vec<RuleSet>, String> {
    let set = |head: &Row| {
        let [Value::Integer(number), Value::Text(kind), Value::Time(created_at), Value::Time(effective_from), ..] = head.as_slice() else {
            return Err(format!("the head {head:?}"));
        };
        let kind = RuleKind::parse(kind).ok_or_else(|| format!("the kind {kind:?}"))?;
        let holds = |row: &&Row| {
            let [.., from, to] = row.as_slice() else { return false };
            integer(from) <= Some(*number) && integer(to).is_none_or(|to| to > *number)
        };
        let mut contents: Vec<Row> = rows.get(&kind).into_iter().flatten().filter(holds).map(|row| content(row).to_vec()).collect();
        contents.sort_by_key(|content| integer(&content[0]));
        let number = u64::try_from(*number).map_err(|error| error.to_string())?;
        Ok(RuleSet { number, effective_from: *effective_from, created_at: *created_at, table: parse_rows(kind, contents)? })
    };
    heads.iter().map(set).collect()
}

/// Returns a row without its key and its ends.
fn content(row: &Row) -> &[Value] {
    &row[1..row.len() - ENDS]
}

/// Returns the rows of a table, each with its place first.
fn to_contents(table: &RuleTable) -> Vec<Row> {
    let rows: Vec<Row> = match table {
        RuleTable::Categories(rows) => rows.iter().map(category_values).collect(),
        RuleTable::Responsibilities(rows) => rows.iter().map(responsibility_values).collect(),
        RuleTable::Calendars(rows) => rows.iter().map(calendar_values).collect(),
        RuleTable::Costs(rows) => rows.iter().map(cost_values).collect(),
        RuleTable::Funds(rows) => rows.iter().map(fund_values).collect(),
        RuleTable::Loads(rows) => rows.iter().map(load_values).collect(),
    };
    (0..).zip(rows).map(|(place, row)| [Value::Integer(place)].into_iter().chain(row).collect()).collect()
}

fn parse_rows(kind: RuleKind, contents: Vec<Row>) -> Result<RuleTable, String> {
    let readers = contents.into_iter().map(|content| Reader { values: content.into_iter().skip(1).collect::<Vec<_>>().into_iter() });
    Ok(match kind {
        RuleKind::Categories => RuleTable::Categories(readers.map(parse_category).collect::<Result<_, _>>()?),
        RuleKind::Responsibilities => RuleTable::Responsibilities(readers.map(parse_responsibility).collect::<Result<_, _>>()?),
        RuleKind::Calendars => RuleTable::Calendars(readers.map(parse_calendar).collect::<Result<_, _>>()?),
        RuleKind::Costs => RuleTable::Costs(readers.map(parse_cost).collect::<Result<_, _>>()?),
        RuleKind::Funds => RuleTable::Funds(readers.map(parse_fund).collect::<Result<_, _>>()?),
        RuleKind::Loads => RuleTable::Loads(readers.map(parse_load).collect::<Result<_, _>>()?),
    })
}

fn category_values(row: &CategoryRow) -> Row {
    let limit = |limit: Option<Limit>| optional(limit.map(|limit| limit.to_string()));
    let Limits { dispatch, handle, check, total } = row.limits;
    vec![
        text(row.code.as_str()),
        optional(row.major.as_ref().map(CategoryCode::to_string)),
        text(&row.major_name),
        text(&row.name),
        text(&row.condition),
        text(&row.filing),
        text(&row.closing),
        optional(row.zone.as_ref().map(Zone::to_string)),
        limit(dispatch),
        limit(handle),
        limit(check),
        limit(total),
        Value::Integer(row.is_private.into()),
        optional(row.skill.clone()),
        time(row.dates.from),
        time(row.dates.to),
    ]
}

fn parse_category(mut values: Reader) -> Result<CategoryRow, String> {
    Ok(CategoryRow {
        code: values.parsed(CategoryCode::parse)?.ok_or("a category without a code")?,
        major: values.parsed(CategoryCode::parse)?,
        major_name: values.text()?,
        name: values.text()?,
        condition: values.text()?,
        filing: values.text()?,
        closing: values.text()?,
        zone: values.optional_text()?.map(|zone| Zone(zone.into())),
        limits: Limits {
            dispatch: values.parsed(Limit::parse)?,
            handle: values.parsed(Limit::parse)?,
            check: values.parsed(Limit::parse)?,
            total: values.parsed(Limit::parse)?,
        },
        is_private: values.integer()? == Some(1),
        skill: values.optional_text()?,
        dates: values.dates()?,
    })
}

fn responsibility_values(row: &ResponsibilityRow) -> Row {
    vec![
        optional(row.category.as_ref().map(CategoryCode::to_string)),
        optional(row.unit.as_ref().map(UnitCode::to_string)),
        text(row.role.as_str()),
        Value::Integer(row.rank.into()),
        text(&row.department.0),
        text(&row.name),
        time(row.dates.from),
        time(row.dates.to),
    ]
}

fn parse_responsibility(mut values: Reader) -> Result<ResponsibilityRow, String> {
    Ok(ResponsibilityRow {
        category: values.parsed(CategoryCode::parse)?,
        unit: values.parsed(UnitCode::parse)?,
        role: values.parsed(|role| DepartmentRole::parse(role).ok_or(format!("the role {role:?}")))?.ok_or("no role")?,
        rank: values.integer()?.and_then(|rank| u32::try_from(rank).ok()).ok_or("no rank")?,
        department: DepartmentId(values.text()?.into()),
        name: values.text()?,
        dates: values.dates()?,
    })
}

fn calendar_values(row: &CalendarRow) -> Row {
    let name = optional(row.calendar.as_ref().map(CalendarName::to_string));
    // Kind, days, hours, time zone, hours of a work day, unit, zone.
    let mut entry: [Value; 7] = std::array::from_fn(|_| Value::Null);
    match &row.entry {
        CalendarEntry::Week { days, hours, time_zone, work_day_hours } => {
            entry[0] = text("week");
            entry[1] = text(&days.to_string());
            entry[2] = text(&hours.to_string());
            entry[3] = text(time_zone);
            entry[4] = Value::Integer((*work_day_hours).into());
        }
        CalendarEntry::Holiday(span) => {
            entry[0] = text("holiday");
            entry[1] = text(&span_text(span));
        }
        CalendarEntry::Workday(span, hours) => {
            entry[0] = text("workday");
            entry[1] = text(&span_text(span));
            entry[2] = optional(hours.as_ref().map(WorkHours::to_string));
        }
        CalendarEntry::Unit { unit, zone } => {
            entry[0] = text("unit");
            entry[5] = text(unit.as_str());
            entry[6] = optional(zone.as_ref().map(Zone::to_string));
        }
    }
    [name].into_iter().chain(entry).chain([text(&row.note), time(row.dates.from), time(row.dates.to)]).collect()
}

fn parse_calendar(mut values: Reader) -> Result<CalendarRow, String> {
    let calendar = values.optional_text()?.map(|name| CalendarName(Arc::from(name)));
    let (kind, days, hours) = (values.text()?, values.optional_text()?, values.parsed(WorkHours::parse)?);
    let (time_zone, work_day_hours) = (values.optional_text()?, values.integer()?);
    let (unit, zone) = (values.parsed(UnitCode::parse)?, values.optional_text()?.map(|zone| Zone(zone.into())));
    let days = days.unwrap_or_default();
    let entry = match kind.as_str() {
        "week" => CalendarEntry::Week {
            days: Weekdays::parse(&days).map_err(|error| error.to_string())?,
            hours: hours.unwrap_or_default(),
            time_zone: time_zone.unwrap_or_default(),
            work_day_hours: work_day_hours.and_then(|hours| u32::try_from(hours).ok()).ok_or("a week without work_day_hours")?,
        },
        "holiday" => CalendarEntry::Holiday(parse_span(&days)?),
        "workday" => CalendarEntry::Workday(parse_span(&days)?, hours),
        "unit" => CalendarEntry::Unit { unit: unit.ok_or("a row about a unit without its code")?, zone },
        other => return Err(format!("the kind {other:?}")),
    };
    Ok(CalendarRow { calendar, entry, note: values.text()?, dates: values.dates()? })
}

fn cost_values(row: &CostRow) -> Row {
    vec![
        optional(row.unit.as_ref().map(UnitCode::to_string)),
        optional(row.post.map(|post| post.as_str().to_owned())),
        Value::Integer(row.monthly_cents),
        text(&row.note),
        time(row.dates.from),
        time(row.dates.to),
    ]
}

fn parse_cost(mut values: Reader) -> Result<CostRow, String> {
    Ok(CostRow {
        unit: values.parsed(UnitCode::parse)?,
        post: values.parsed(parse_post)?,
        monthly_cents: values.integer()?.ok_or("a cost without its amount")?,
        note: values.text()?,
        dates: values.dates()?,
    })
}

fn fund_values(row: &FundRow) -> Row {
    vec![
        text(&row.source),
        text(row.kind.as_str()),
        Value::Integer(row.amount_cents),
        optional(row.unit.as_ref().map(UnitCode::to_string)),
        optional(row.post.map(|post| post.as_str().to_owned())),
        text(&row.note),
        time(row.dates.from),
        time(row.dates.to),
    ]
}

fn parse_fund(mut values: Reader) -> Result<FundRow, String> {
    Ok(FundRow {
        source: values.text()?,
        kind: values.parsed(|kind| FundKind::parse(kind).ok_or(format!("the kind {kind:?}")))?.ok_or("a fund without a kind")?,
        amount_cents: values.integer()?.ok_or("a fund without its amount")?,
        unit: values.parsed(UnitCode::parse)?,
        post: values.parsed(parse_post)?,
        note: values.text()?,
        dates: values.dates()?,
    })
}

fn load_values(row: &LoadRow) -> Row {
    let unit = text(row.unit.as_str());
    vec![unit, text(&row.name), Value::Real(row.value), text(&row.note), time(row.dates.from), time(row.dates.to)]
}

fn parse_load(mut values: Reader) -> Result<LoadRow, String> {
    Ok(LoadRow {
        unit: values.parsed(UnitCode::parse)?.ok_or("a figure without its unit")?,
        name: values.text()?,
        value: values.real()?.ok_or("a figure without its value")?,
        note: values.text()?,
        dates: values.dates()?,
    })
}

fn parse_post(post: &str) -> Result<Post, String> {
    Post::parse(post).ok_or(format!("the post {post:?}"))
}

fn span_text(span: &DaySpan) -> String {
    format!("{}..{}", span.first, span.last)
}

fn parse_span(text: &str) -> Result<DaySpan, String> {
    let (first, last) = text.split_once("..").ok_or_else(|| format!("the days {text:?}"))?;
    let day = |day: &str| day.parse::<Date>().map_err(|error| error.to_string());
    Ok(DaySpan { first: day(first)?, last: day(last)? })
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn optional(text: Option<String>) -> Value {
    text.map_or(Value::Null, Value::Text)
}

fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| Value::Time(to_milliseconds(at)))
}

fn integer(value: &Value) -> Option<i64> {
    if let Value::Integer(number) = value { Some(*number) } else { None }
}

/// Takes the values of a row one after another.
struct Reader {
    values: std::vec::IntoIter<Value>,
}

impl Reader {
    fn optional_text(&mut self) -> Result<Option<String>, String> {
        match self.values.next() {
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(Value::Null) => Ok(None),
            other => Err(format!("{other:?} in place of a text")),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        self.optional_text()?.ok_or_else(|| "a text is missing".to_owned())
    }

    fn parsed<T, E: ToString>(&mut self, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, String> {
        self.optional_text()?.map(|text| parse(&text).map_err(|error| error.to_string())).transpose()
    }

    fn integer(&mut self) -> Result<Option<i64>, String> {
        match self.values.next() {
            Some(Value::Integer(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            other => Err(format!("{other:?} in place of a number")),
        }
    }

    fn real(&mut self) -> Result<Option<f64>, String> {
        match self.values.next() {
            Some(Value::Real(number)) => Ok(Some(number)),
            Some(Value::Null) => Ok(None),
            other => Err(format!("{other:?} in place of a number")),
        }
    }

    fn dates(&mut self) -> Result<Dates, String> {
        let mut time = || match self.values.next() {
            Some(Value::Time(at)) => Ok(Some(at)),
            Some(Value::Null) => Ok(None),
            other => Err(format!("{other:?} in place of a time")),
        };
        Ok(Dates { from: time()?, to: time()? })
    }
}
