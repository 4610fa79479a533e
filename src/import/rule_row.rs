//! What the readers of rules of dispatch share: a row with its faults, and the columns that several tables have.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::roster::{RowProblem, parse_moment};
use super::table::TableRow;
use crate::boundary::UnitCode;
use crate::dispatch::{CategoryCode, Dates, Limit, Zone};

pub(super) const VALID_FROM: [&str; 3] = ["valid_from", "开始日期", "生效日期"];
pub(super) const VALID_TO: [&str; 3] = ["valid_to", "结束日期", "终止日期"];
pub(super) const UNIT_CODE: [&str; 5] = ["unit_code", "grid_code", "网格编码", "单元编码", "区划编码"];
pub(super) const ZONE: [&str; 4] = ["zone", "区域等级", "区域类别", "区域"];
pub(super) const MAJOR: [&str; 3] = ["major", "大类代码", "大类编码"];
pub(super) const MINOR: [&str; 3] = ["minor", "小类代码", "小类编码"];

/// Reads one row and gathers what is wrong with it.
pub(super) struct RuleRow<'a> {
    pub row: &'a TableRow,
    pub time_zone: &'a TimeZone,
    pub problems: &'a mut Vec<RowProblem>,
}

impl<'a> RuleRow<'a> {
    pub fn cell(&self, column: Option<usize>) -> &'a str {
        self.row.cell(column)
    }

    pub fn problem(&mut self, column: &'static str, detail: String) {
        self.problems.push(RowProblem { row: self.row.number, column, detail });
    }

    /// Reads a code of a category; none is a problem.
    pub fn category(&mut self, column: &'static str, text: &str) -> Option<CategoryCode> {
        let code = CategoryCode::parse(text);
        code.map_err(|error| self.problem(column, format!("{error}; give a code such as E0110"))).ok()
    }

    /// Reads the code of a unit that there is; the outer none is a problem, the inner an empty cell.
    pub fn unit(&mut self, column: Option<usize>, is_known: impl Fn(&UnitCode) -> bool) -> Option<Option<UnitCode>> {
        let text = self.cell(column);
        if text.is_empty() {
            return Some(None);
        }
        match UnitCode::parse(text) {
            Ok(code) if is_known(&code) => return Some(Some(code)),
            Ok(code) => self.problem("unit_code", format!("no unit has the code {code}; correct it, or import its boundary first")),
            Err(error) => self.problem("unit_code", format!("{error}; give the code of a unit")),
        }
        None
    }

    /// Reads a zone of the city. Upper and lower case are one.
    pub fn zone(&mut self, column: Option<usize>) -> Option<Zone> {
        let text = self.cell(column);
        (!text.is_empty()).then(|| Zone(text.to_uppercase().into()))
    }

    /// Reads a limit; the outer none is a problem, the inner an empty cell.
    pub fn limit(&mut self, name: &'static str, column: Option<usize>) -> Option<Option<Limit>> {
        let text = self.cell(column);
        if text.is_empty() {
            return Some(None);
        }
        Limit::parse(text).map_err(|error| self.problem(name, error.to_string())).ok().map(Some)
    }

    /// Reads from when until when the row holds; a cell that is empty leaves that end open.
    pub fn dates(&mut self, from: Option<usize>, to: Option<usize>) -> Option<Dates> {
        let (from, to) = (self.day("valid_from", from), self.day("valid_to", to));
        let dates = Dates { from: from?, to: to? };
        if dates.from.zip(dates.to).is_some_and(|(from, to)| to <= from) {
            self.problem("valid_to", "is not after valid_from; it is the first day that no longer counts".into());
            return None;
        }
        Some(dates)
    }

    fn day(&mut self, name: &'static str, column: Option<usize>) -> Option<Option<Timestamp>> {
        let text = self.cell(column);
        if text.is_empty() {
            return Some(None);
        }
        let day = parse_moment(text, self.time_zone);
        if day.is_none() {
            self.problem(name, format!("{text:?} is no date; write it as 2026-07-01"));
        }
        day.map(Some)
    }
}

/// Puts the code of a category together of its major's and its own, which may begin with the major's already.
pub(super) fn join_codes(major: &str, minor: &str) -> String {
    if minor.len() > major.len() && minor.starts_with(major) { minor.to_owned() } else { format!("{major}{minor}") }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::PathBuf;

    use crate::import::table::{Table, TableRow, to_half_width};

    /// A table of lines with commas, as it comes from a file.
    pub fn table(lines: &str) -> Table {
        let mut rows = lines.lines().map(|line| line.split(',').map(|cell| to_half_width(cell.trim_start())).collect::<Vec<_>>());
        let headers = rows.next().unwrap();
        let rows = (2..).zip(rows).map(|(number, cells)| TableRow { number, cells }).collect();
        Table { path: PathBuf::from("rules.csv"), headers, rows }
    }
}
