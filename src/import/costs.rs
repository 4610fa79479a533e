//! Costs of posts, and funds.

use jiff::tz::TimeZone;

use super::roster::RowProblem;
use super::rule_row::{RuleRow, UNIT_CODE, VALID_FROM, VALID_TO};
use super::table::{Table, TableError};
use crate::boundary::UnitCode;
use crate::dispatch::{CostRow, FundKind, FundRow, Post};

/// The columns of both tables, each with the names under which it is found.
const POST: [&str; 3] = ["post", "岗位", "职务"];
const MONTHLY_COST: [&str; 4] = ["monthly_cost", "月成本", "月人力成本", "月工资"];
const SOURCE: [&str; 4] = ["source", "资金来源", "来源", "经费来源"];
const KIND: [&str; 4] = ["kind", "资金类型", "来源类型", "类型"];
const AMOUNT: [&str; 3] = ["amount", "金额", "经费"];
const NOTE: [&str; 2] = ["note", "备注"];

/// Reads what posts cost: `unit_code`, `post`, `monthly_cost`, `valid_from`, `valid_to`, `note`. An empty unit is everywhere, an empty
/// post every one.
///
/// # Errors
/// A column is missing. What is wrong with rows is in the second list; where there is one, nothing should be stored.
pub fn read_costs(
    table: &Table,
    time_zone: &TimeZone,
    is_known: impl Fn(&UnitCode) -> bool,
) -> Result<(Vec<CostRow>, Vec<RowProblem>), TableError> {
    let cost = table.require_column(&MONTHLY_COST)?;
    let [unit, post, from, to, note] = [&UNIT_CODE[..], &POST, &VALID_FROM, &VALID_TO, &NOTE].map(|names| table.find_column(names));
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for row in &table.rows {
        let mut reader = RuleRow { row, time_zone, problems: &mut problems };
        let unit = reader.unit(unit, &is_known);
        let post = read_post(&mut reader, post);
        let monthly_cents = read_money(&mut reader, "monthly_cost", cost);
        let dates = reader.dates(from, to);
        let note = reader.cell(note).to_owned();
        if let (Some(unit), Some(post), Some(monthly_cents), Some(dates)) = (unit, post, monthly_cents, dates) {
            rows.push(CostRow { unit, post, monthly_cents, dates, note });
        }
    }
    Ok((rows, problems))
}

/// Reads where money comes from: `source`, `kind`, `amount`, `valid_from`, `valid_to`, `unit_code`, `post`, `note`. Both dates must be
/// given, as the amount is for the time between them.
///
/// # Errors
/// As [`read_costs`].
pub fn read_funds(
    table: &Table,
    time_zone: &TimeZone,
    is_known: impl Fn(&UnitCode) -> bool,
) -> Result<(Vec<FundRow>, Vec<RowProblem>), TableError> {
    let (source, kind, amount) = (table.require_column(&SOURCE)?, table.require_column(&KIND)?, table.require_column(&AMOUNT)?);
    let (from, to) = (table.require_column(&VALID_FROM)?, table.require_column(&VALID_TO)?);
    let [unit, post, note] = [&UNIT_CODE[..], &POST, &NOTE].map(|names| table.find_column(names));
    let (mut rows, mut problems) = (Vec::new(), Vec::new());
    for row in &table.rows {
        let mut reader = RuleRow { row, time_zone, problems: &mut problems };
        let name = reader.cell(Some(source)).to_owned();
        if name.is_empty() {
            reader.problem("source", "is empty; say whose money it is".into());
        }
        let text = reader.cell(Some(kind)).to_lowercase();
        let kind = FundKind::parse(&text);
        if kind.is_none() {
            let known = FundKind::ALL.map(FundKind::as_str).join(", ");
            reader.problem("kind", format!("{text:?} is no kind of money; known are {known}"));
        }
        let amount_cents = read_money(&mut reader, "amount", amount);
        let unit = reader.unit(unit, &is_known);
        let post = read_post(&mut reader, post);
        let dates = reader.dates(Some(from), Some(to));
        if let Some(dates) = dates.filter(|dates| dates.from.is_none() || dates.to.is_none()) {
            let column = if dates.from.is_none() { "valid_from" } else { "valid_to" };
            reader.problem(column, "is empty; the amount is for the time between both dates".into());
            continue;
        }
        let note = reader.cell(note).to_owned();
        if let (false, Some(kind), Some(amount_cents), Some(unit), Some(post), Some(dates)) =
            (name.is_empty(), kind, amount_cents, unit, post, dates)
        {
            rows.push(FundRow { source: name, kind, amount_cents, unit, post, dates, note });
        }
    }
    Ok((rows, problems))
}

/// Reads a post; the outer none is a problem, the inner an empty cell.
fn read_post(reader: &mut RuleRow<'_>, column: Option<usize>) -> Option<Option<Post>> {
    let text = reader.cell(column);
    if text.is_empty() {
        return Some(None);
    }
    let post = Post::parse(&text.to_lowercase());
    if post.is_none() {
        reader.problem("post", format!("{text:?} is no post; write primary, backup or leader"));
    }
    post.map(Some)
}

/// Reads an amount of money with at most two decimals, commas between thousands or not.
fn read_money(reader: &mut RuleRow<'_>, name: &'static str, column: usize) -> Option<i64> {
    let text = reader.cell(Some(column));
    let cents = parse_cents(text);
    if cents.is_none() {
        reader.problem(name, format!("{text:?} is no amount; write it as 4500 or 4500.50"));
    }
    cents
}

fn parse_cents(text: &str) -> Option<i64> {
    let plain: String = text.trim().trim_start_matches(['¥', '￥']).chars().filter(|c| *c != ',').collect();
    let (whole, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
    let is_plain = !whole.is_empty() && decimals.len() <= 2 && whole.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_plain {
        return None;
    }
    let decimals = format!("{decimals:0<2}");
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(decimals.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::rule_row::tests::table;
    use super::*;

    fn known(code: &UnitCode) -> bool {
        code.as_str().starts_with("4311")
    }

    #[test]
    fn costs_are_read_with_their_faults() {
        let lines = "网格编码,岗位,月成本,开始日期\n431102,primary,\"4500.5\",2026-01-01\n,,￥3900,\n9,chief,many,never";
        let (rows, problems) = read_costs(&table(&lines.replace('"', "")), &TimeZone::UTC, known).unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.unit.is_some(), row.post, row.monthly_cents)).collect();
        assert_eq!(told, [(true, Some(Post::Primary), 450_050), (false, None, 390_000)]);
        let columns: Vec<_> = problems.iter().map(|problem| (problem.row, problem.column)).collect();
        assert_eq!(columns, [(4, "unit_code"), (4, "post"), (4, "monthly_cost"), (4, "valid_from")]);
    }

    #[test]
    fn money_has_a_kind_and_a_time() {
        let lines = "source,kind,amount,valid_from,valid_to\n区财政,财政预算,120000,2026-01-01,2027-01-01\n,gift,1.234,2026-01-01,";
        let (rows, problems) = read_funds(&table(lines), &TimeZone::UTC, known).unwrap();
        assert_eq!((rows.len(), rows[0].kind, rows[0].amount_cents), (1, FundKind::Budget, 12_000_000));
        let columns: Vec<_> = problems.iter().map(|problem| problem.column).collect();
        assert_eq!(columns, ["source", "kind", "amount", "valid_to"]);
        assert!(read_funds(&table("source,kind,amount\na,budget,1"), &TimeZone::UTC, known).is_err());
    }
}
