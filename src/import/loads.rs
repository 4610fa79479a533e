//! Figures of units that are kept elsewhere.

use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;

use super::roster::RowProblem;
use super::rule_row::{RuleRow, UNIT_CODE, VALID_FROM, VALID_TO};
use super::table::{Table, TableError};
use crate::boundary::UnitCode;
use crate::dispatch::{Dates, LoadRow};

const NAME: [&str; 4] = ["load", "指标", "负荷类型", "项目"];
const VALUE: [&str; 4] = ["value", "数值", "数量", "负荷"];
const NOTE: [&str; 2] = ["note", "备注"];

/// The longest name of a figure, bytes: what fits a column's heading.
const NAME_BYTES_MAX: usize = 64;

/// Reads figures of units: `unit_code`, `load`, `value`, `valid_from`, `valid_to`, `note`.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list; where there is one, nothing should be stored.
pub fn read_loads(
    table: &Table,
    time_zone: &TimeZone,
    is_known: impl Fn(&UnitCode) -> bool,
) -> Result<(Vec<LoadRow>, Vec<RowProblem>), TableError> {
    let (unit, name, value) = (table.require_column(&UNIT_CODE)?, table.require_column(&NAME)?, table.require_column(&VALUE)?);
    let [from, to, note] = [&VALID_FROM[..], &VALID_TO, &NOTE].map(|names| table.find_column(names));
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    let mut known: FxHashMap<(UnitCode, String), Vec<(Dates, u64)>> = FxHashMap::default();
    for row in &table.rows {
        let mut reader = RuleRow { row, time_zone, problems: &mut problems };
        let code = reader.unit(Some(unit), &is_known);
        if code == Some(None) {
            reader.problem("unit_code", "is empty; say whose figure it is".into());
        }
        let text = reader.cell(Some(name)).to_owned();
        let is_name = !text.is_empty() && text.len() <= NAME_BYTES_MAX && !text.contains([',', ':']);
        if !is_name {
            reader.problem("load", format!("{text:?} is no name of a figure; write 1 to {NAME_BYTES_MAX} bytes without comma and colon"));
        }
        let figure = reader.cell(Some(value)).parse::<f64>().ok().filter(|figure| figure.is_finite() && *figure >= 0.0);
        if figure.is_none() {
            reader.problem("value", format!("{:?} is no number from 0 up", reader.cell(Some(value))));
        }
        let dates = reader.dates(from, to);
        let note = reader.cell(note).to_owned();
        let (Some(Some(unit)), true, Some(value), Some(dates)) = (code, is_name, figure, dates) else { continue };
        let earlier = known.entry((unit.clone(), text.clone())).or_default();
        if let Some((_, other)) = earlier.iter().find(|(known, _)| known.overlaps(&dates)) {
            reader.problem("load", format!("row {other} gives {text} of {unit} for some of the same days; keep one of the two"));
            continue;
        }
        earlier.push((dates, row.number));
        rows.push(LoadRow { unit, name: text, value, dates, note });
    }
    Ok((rows, problems))
}

#[cfg(test)]
mod tests {
    use super::super::rule_row::tests::table;
    use super::*;

    #[test]
    fn figures_are_read_with_their_faults() {
        let lines = "网格编码,指标,数值,开始日期,结束日期\n43110201,户数,120,,2026-07-01\n43110201,户数,130.5,2026-07-01\n43110201,户数,9,2026-06-01\n9,户数,1\n43110202,a:b,-1\n,x,1";
        let (rows, problems) = read_loads(&table(lines), &TimeZone::UTC, |code| code.as_str().starts_with("4311")).unwrap();
        assert_eq!(rows.iter().map(|row| row.value).collect::<Vec<_>>(), [120.0, 130.5]);
        let columns: Vec<_> = problems.iter().map(|problem| (problem.row, problem.column)).collect();
        assert_eq!(columns, [(4, "load"), (5, "unit_code"), (6, "load"), (6, "value"), (7, "unit_code")]);
        assert!(problems[0].detail.starts_with("row 2 gives 户数"), "{}", problems[0].detail);
        assert!(read_loads(&table("unit_code,value\na,1"), &TimeZone::UTC, |_| true).is_err());
    }
}
