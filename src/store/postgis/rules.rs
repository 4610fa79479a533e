//! The rules of dispatch: rows that stay the same go on, others end.

use std::collections::BTreeMap;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::types::Type;

use super::connection::{Failure, corrupt};
use super::keys::note_change;
use super::transfer::{read_table, write_rows};
use crate::dispatch::{RuleKind, RuleSet, RuleTable};
use crate::store::audit::Action;
use crate::store::rules::{NAMES, assemble, plan, table, table_of};
use crate::store::times::to_milliseconds;

/// The database that rows are written to.
pub(super) struct Target<'a> {
    pub geometry: &'a Type,
    pub location: &'a str,
}

pub(super) async fn replace_rules(
    tx: &Transaction<'_>,
    to: &Target<'_>,
    rules: &RuleTable,
    effective_from: Timestamp,
    author: &str,
    at: Timestamp,
) -> Result<u64, Failure> {
    let (heads, of_kind) = (table(NAMES[0]), table_of(rules.kind()));
    let plan = plan(&read_table(tx, heads).await?, read_table(tx, of_kind).await?, rules, effective_from, author, at);
    write_rows(tx, to.geometry, to.location, heads, &[plan.head]).await?;
    write_rows(tx, to.geometry, to.location, of_kind, &plan.rows).await?;
    let action =
        Action::ReplaceRules { table: rules, effective_from: to_milliseconds(effective_from), number: plan.number, before: plan.before };
    note_change(tx, &action, author, at).await?;
    Ok(plan.number)
}

pub(super) async fn find_rules(tx: &Transaction<'_>) -> Result<Option<u64>, Failure> {
    let number: Option<i64> = tx.query_one("SELECT max(number) FROM gk_rules", &[]).await?.get(0);
    number.map(|number| u64::try_from(number).map_err(|error| corrupt("rule", &error))).transpose()
}

pub(super) async fn load_rules(tx: &Transaction<'_>) -> Result<Vec<RuleSet>, Failure> {
    let mut rows = BTreeMap::new();
    for kind in RuleKind::ALL {
        rows.insert(kind, read_table(tx, table_of(kind)).await?);
    }
    assemble(&read_table(tx, table(NAMES[0])).await?, &rows).map_err(|detail| corrupt("rule", &detail))
}
