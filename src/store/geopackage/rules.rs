//! The rules of dispatch: rows that stay the same go on, others end.

use jiff::Timestamp;
use rusqlite::Transaction;

use super::connection::{Failure, corrupt};
use super::keys::note_change;
use super::transfer::{read_table, write_rows};
use crate::dispatch::{RuleKind, RuleSet, RuleTable};
use crate::store::audit::Action;
use crate::store::rules::{NAMES, assemble, plan, table, table_of};
use crate::store::times::to_milliseconds;

pub(super) fn replace_rules(
    transaction: &Transaction<'_>,
    location: &str,
    rules: &RuleTable,
    effective_from: Timestamp,
    author: &str,
    at: Timestamp,
) -> Result<u64, Failure> {
    let (heads, of_kind) = (table(NAMES[0]), table_of(rules.kind()));
    let plan = plan(&read_table(transaction, heads)?, read_table(transaction, of_kind)?, rules, effective_from, author, at);
    write_rows(transaction, location, heads, &[plan.head])?;
    write_rows(transaction, location, of_kind, &plan.rows)?;
    note_change(transaction, &Action::ReplaceRules { table: rules, effective_from: to_milliseconds(effective_from) }, author, at)?;
    Ok(plan.number)
}

pub(super) fn find_rules(transaction: &Transaction<'_>) -> Result<Option<u64>, Failure> {
    Ok(transaction.query_row("SELECT max(number) FROM gk_rules", [], |row| row.get(0))?)
}

pub(super) fn load_rules(transaction: &Transaction<'_>) -> Result<Vec<RuleSet>, Failure> {
    let rows = RuleKind::ALL.map(|kind| Ok::<_, Failure>((kind, read_table(transaction, table_of(kind))?)));
    let rows = rows.into_iter().collect::<Result<_, _>>()?;
    assemble(&read_table(transaction, table(NAMES[0]))?, &rows).map_err(|detail| corrupt("rule", &detail))
}
