//! Rosters: who holds which post at which unit, from when until when, at what hours.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::table::{Table, TableError, TableRow};
use crate::boundary::{UnitCode, Validity};
use crate::dispatch::{Assignment, Post, Shift, Worker, WorkerId};

/// What a roster file says.
#[derive(Clone, Debug, Default)]
pub struct RosterImport {
    pub workers: Vec<Worker>,
    pub assignments: Vec<Assignment>,
    /// Every row that cannot be taken. Where there is one, nothing should be stored.
    pub problems: Vec<RowProblem>,
}

/// What is wrong with a row of a table, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// As a person counts them in a spreadsheet.
    pub row: u64,
    pub column: &'static str,
    pub detail: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {}, {}: {}", self.row, self.column, self.detail)
    }
}

/// The columns of a roster, each with the names under which it is found.
const UNIT_CODE: [&str; 4] = ["unit_code", "grid_code", "网格编码", "编码"];
const WORKER_ID: [&str; 4] = ["worker_id", "工号", "人员编号", "网格员编号"];
const NAME: [&str; 3] = ["name", "姓名", "网格员"];
const PHONE: [&str; 4] = ["phone", "电话", "手机", "联系电话"];
const POST: [&str; 3] = ["post", "岗位", "职务"];
const DEPARTMENT: [&str; 3] = ["department", "部门", "所属部门"];
const VALID_FROM: [&str; 3] = ["valid_from", "开始日期", "生效日期"];
const VALID_TO: [&str; 3] = ["valid_to", "结束日期", "终止日期"];
const SHIFT: [&str; 3] = ["shift", "班次", "值班时间"];

struct Columns {
    unit_code: usize,
    worker_id: usize,
    name: usize,
    phone: Option<usize>,
    post: Option<usize>,
    department: Option<usize>,
    valid_from: Option<usize>,
    valid_to: Option<usize>,
    shift: Option<usize>,
}

impl Columns {
    fn find(table: &Table) -> Result<Self, TableError> {
        Ok(Self {
            unit_code: table.require_column(&UNIT_CODE)?,
            worker_id: table.require_column(&WORKER_ID)?,
            name: table.require_column(&NAME)?,
            phone: table.find_column(&PHONE),
            post: table.find_column(&POST),
            department: table.find_column(&DEPARTMENT),
            valid_from: table.find_column(&VALID_FROM),
            valid_to: table.find_column(&VALID_TO),
            shift: table.find_column(&SHIFT),
        })
    }
}

/// Reads a roster. Dates are days of `time_zone`, `valid_to` being the first day on which the row no longer holds; an empty `valid_from` is
/// `since`, an empty post is the primary one. `is_known` tells which codes have a unit.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the result.
pub fn read_roster(
    table: &Table,
    time_zone: &TimeZone,
    since: Timestamp,
    is_known: impl Fn(&UnitCode) -> bool,
) -> Result<RosterImport, TableError> {
    let columns = Columns::find(table)?;
    let mut import = RosterImport::default();
    let mut workers: FxHashMap<WorkerId, (Worker, u64)> = FxHashMap::default();
    for row in &table.rows {
        let mut reader = RowReader { row, time_zone, problems: Vec::new() };
        let worker = reader.worker(&columns);
        let assignment = reader.assignment(&columns, since, &is_known);
        if let Some(worker) = &worker {
            let (known, first) = workers.entry(worker.id.clone()).or_insert_with(|| (worker.clone(), row.number));
            if known != worker {
                let detail = format!(
                    "{} is {} {} here, but {} {} in row {first}; give one person one id, name and phone",
                    worker.id, worker.name, worker.phone, known.name, known.phone
                );
                reader.problem("worker_id", detail);
            }
        }
        import.assignments.extend(assignment);
        import.problems.append(&mut reader.problems);
    }
    import.workers = workers.into_values().map(|(worker, _)| worker).collect();
    import.workers.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(import)
}

/// Reads one row and gathers what is wrong with it.
struct RowReader<'a> {
    row: &'a TableRow,
    time_zone: &'a TimeZone,
    problems: Vec<RowProblem>,
}

impl RowReader<'_> {
    fn problem(&mut self, column: &'static str, detail: String) {
        self.problems.push(RowProblem { row: self.row.number, column, detail });
    }

    fn worker(&mut self, columns: &Columns) -> Option<Worker> {
        let cell = |column| self.row.cell(column).to_owned();
        let (id, name, phone) = (cell(Some(columns.worker_id)), cell(Some(columns.name)), cell(columns.phone));
        if id.is_empty() {
            self.problem("worker_id", "is empty; give the worker's id, or leave the row out where the post is vacant".into());
            return None;
        }
        if name.is_empty() {
            self.problem("name", format!("is empty; give the name of {id}"));
        }
        Some(Worker { id: WorkerId(id.into()), name, phone })
    }

    fn assignment(&mut self, columns: &Columns, since: Timestamp, is_known: impl Fn(&UnitCode) -> bool) -> Option<Assignment> {
        let unit = self.unit(columns, is_known);
        let post = self.post(columns);
        let validity = self.validity(columns, since);
        let shift = self.shift(columns);
        let worker = self.row.cell(Some(columns.worker_id));
        Some(Assignment {
            unit: unit?,
            worker: (!worker.is_empty()).then(|| WorkerId(worker.into()))?,
            post: post?,
            department: self.row.cell(columns.department).to_owned(),
            validity: validity?,
            shift: shift?,
        })
    }

    fn unit(&mut self, columns: &Columns, is_known: impl Fn(&UnitCode) -> bool) -> Option<UnitCode> {
        match UnitCode::parse(self.row.cell(Some(columns.unit_code))) {
            Ok(code) if is_known(&code) => Some(code),
            Ok(code) => {
                self.problem("unit_code", format!("no unit has the code {code}; correct it, or import its boundary first"));
                None
            }
            Err(error) => {
                self.problem("unit_code", format!("{error}; give the code of a unit"));
                None
            }
        }
    }

    fn post(&mut self, columns: &Columns) -> Option<Post> {
        let text = self.row.cell(columns.post);
        let post = match text {
            "" | "网格员" | "主责" | "主岗" | "专职" => Some(Post::Primary),
            "备岗" | "副岗" | "替补" | "兼职" => Some(Post::Backup),
            "网格长" | "组长" => Some(Post::Leader),
            other => Post::parse(&other.to_ascii_lowercase()),
        };
        if post.is_none() {
            self.problem("post", format!("{text:?} is no post; write primary, backup or leader"));
        }
        post
    }

    fn validity(&mut self, columns: &Columns, since: Timestamp) -> Option<Validity> {
        let from = self.day("valid_from", columns.valid_from);
        let to = self.day("valid_to", columns.valid_to);
        let (from, to) = (from?.unwrap_or(since), to?);
        if to.is_some_and(|to| to <= from) {
            self.problem("valid_to", "is not after valid_from; it is the first day that no longer counts".into());
            return None;
        }
        Some(Validity { from, to })
    }

    /// Reads the beginning of a day, or a time of day where one is given; the outer none is a problem, the inner an empty cell.
    fn day(&mut self, name: &'static str, column: Option<usize>) -> Option<Option<Timestamp>> {
        let text = self.row.cell(column);
        if text.is_empty() {
            return Some(None);
        }
        let day = parse_moment(text, self.time_zone);
        if day.is_none() {
            self.problem(name, format!("{text:?} is no date; write it as 2026-07-01"));
        }
        day.map(Some)
    }

    fn shift(&mut self, columns: &Columns) -> Option<Shift> {
        let shift = Shift::parse(self.row.cell(columns.shift));
        match shift {
            Ok(shift) => Some(shift),
            Err(error) => {
                self.problem("shift", format!("{error}; leave it empty for always"));
                None
            }
        }
    }
}

/// Reads a date or a time as offices write them: `2026-07-01`, `2026/7/1`, `20260701`, `2026年7月1日`, each with a time of day or without,
/// in `time_zone`; or RFC 3339.
pub fn parse_moment(text: &str, time_zone: &TimeZone) -> Option<Timestamp> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let plain = text.replace(['年', '月', '/', '.'], "-").replace('日', "");
    let (day, time) = plain.split_once([' ', 'T']).map_or((plain.as_str(), ""), |(day, time)| (day, time.trim()));
    let date = parse_plain_date(day)?;
    let moment: DateTime = if time.is_empty() {
        date.at(0, 0, 0, 0)
    } else {
        let time = jiff::civil::Time::strptime("%H:%M:%S", time).or_else(|_| jiff::civil::Time::strptime("%H:%M", time)).ok()?;
        date.to_datetime(time)
    };
    time_zone.to_timestamp(moment).ok()
}

/// Reads a day as offices write it, without a time.
pub(super) fn parse_date(text: &str) -> Option<Date> {
    parse_plain_date(&text.trim().replace(['年', '月', '/', '.'], "-").replace('日', ""))
}

fn parse_plain_date(day: &str) -> Option<Date> {
    Date::strptime("%Y-%m-%d", day).or_else(|_| Date::strptime("%Y%m%d", day)).ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn read(lines: &str) -> RosterImport {
        let mut rows = lines.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let headers = rows.next().unwrap();
        let rows = (2..).zip(rows).map(|(number, cells)| TableRow { number, cells }).collect();
        let table = Table { path: PathBuf::from("roster.csv"), headers, rows };
        read_roster(&table, &shanghai(), Timestamp::UNIX_EPOCH, |code| code.as_str().starts_with("4311")).unwrap()
    }

    #[test]
    fn a_row_becomes_a_worker_and_an_assignment() {
        let import = read(
            "网格编码,工号,姓名,电话,岗位,部门,开始日期,结束日期,班次\n\
             4311,W1,唐小军,138,网格长,城管,2026/7/1,2027-01-01,08:00-12:00;14:00-18:00\n\
             4312,W1,唐小军,138,,,,,",
        );
        assert_eq!(import.problems.len(), 1, "{:?}", import.problems);
        let [assignment] = &import.assignments[..] else { panic!("{import:?}") };
        assert_eq!((assignment.post, assignment.department.as_str()), (Post::Leader, "城管"));
        assert_eq!(assignment.validity.from, "2026-07-01T00:00:00+08:00".parse().unwrap());
        assert_eq!(assignment.validity.to, Some("2027-01-01T00:00:00+08:00".parse().unwrap()));
        assert_eq!(import.workers.len(), 1);
    }

    #[test]
    fn every_fault_of_every_row_is_told_with_its_remedy() {
        let import = read(
            "unit_code,worker_id,name,post,valid_from,valid_to,shift\n\
             9999,,,boss,yesterday,2026-01-01,8-12\n\
             4311,W1,A,primary,2026-02-01,2026-02-01,\n\
             4311,W2,A,primary,,,\n\
             4311,W2,B,backup,,,",
        );
        let found: Vec<(u64, &str)> = import.problems.iter().map(|problem| (problem.row, problem.column)).collect();
        let expected =
            [(2, "worker_id"), (2, "unit_code"), (2, "post"), (2, "valid_from"), (2, "shift"), (3, "valid_to"), (5, "worker_id")];
        assert_eq!(found, expected);
        assert!(import.problems.iter().all(|problem| problem.detail.contains(';') || problem.detail.contains("leave")));
    }

    #[test]
    fn days_are_read_as_offices_write_them() {
        for text in ["2026-07-01", "2026/7/1", "20260701", "2026年7月1日", "2026.07.01", "2026-06-30T16:00:00Z", "2026-07-01 00:00"] {
            assert_eq!(parse_moment(text, &shanghai()), Some("2026-07-01T00:00:00+08:00".parse().unwrap()), "{text}");
        }
        assert_eq!(parse_moment("2026-13-01", &shanghai()), None);
    }
}
