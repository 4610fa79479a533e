//! Months that are taken out: detached from their table, read once more, and dropped when they are kept elsewhere.
//!
//! Detaching is done under a lock and not `CONCURRENTLY`, which cannot be part of a transaction: a month that is out stands in the
//! audit log, or it is not out. The lock is held for moments, for nothing is read or moved under it. A month that is detached has
//! another name, by which it is found again after a crash, and which leaves its own to a late case of that month.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use jiff::civil::Date;
use rustc_hash::FxHashMap;

use super::connection::{Failure, corrupt};
use super::keys::note;
use super::months;
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::months_out::{KeptMonth, OldMonth};
use crate::store::transfer::TABLES;

/// What the name of a detached month ends with.
const OUT: &str = "_out";

/// How long one attempt waits for the locks: whoever comes after it waits as long. As SQL has it; the caller tries again.
const LOCK_TIMEOUT: &str = "2s";

/// Returns the months before `before` of the tables named, those that are detached already first, then the oldest.
pub(super) async fn find_old_months(tx: &Transaction<'_>, before: Date, tables: &[&str]) -> Result<Vec<OldMonth>, Failure> {
    let mut found = Vec::new();
    // The table of cases comes before that of their events.
    let mut open_of: FxHashMap<Date, u64> = FxHashMap::default();
    for table in TABLES.iter().filter(|table| tables.contains(&table.name)) {
        let sql =
            "SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = to_regclass($1)";
        let attached = tx.query(sql, &[&table.name]).await?;
        let sql = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
                   AND right(relname, 4) = $1";
        let detached = tx.query(sql, &[&OUT]).await?;
        let names = attached.iter().map(|row| (row.get::<_, String>(0), false));
        for (partition, is_detached) in names.chain(detached.iter().map(|row| (row.get(0), true))) {
            let plain = if is_detached { partition.strip_suffix(OUT).unwrap_or_default() } else { &partition };
            let Some(month) = months::month_of_partition(table.name, plain) else { continue };
            if month < before || is_detached {
                let rows: i64 = tx.query_one(&format!("SELECT count(*) FROM {partition}"), &[]).await?.get(0);
                let rows = u64::try_from(rows).map_err(|e| corrupt("month", &e))?;
                if table.name == "gk_case" && !is_detached {
                    open_of.insert(month, count_open(tx, &partition).await?);
                }
                let is_of_cases = table.name != "gk_audit" && !is_detached;
                let open_cases = open_of.get(&month).copied().filter(|_| is_of_cases).unwrap_or_default();
                found.push(OldMonth { table, month, partition, is_detached, rows, open_cases });
            }
        }
    }
    found.sort_by_key(|month| (!month.is_detached, month.month, month.table.name != "gk_case"));
    Ok(found)
}

/// Detaches a month and returns it as it is now.
pub(super) async fn detach(
    tx: &Transaction<'_>,
    location: &str,
    month: &OldMonth,
    author: &str,
    at: Timestamp,
) -> Result<OldMonth, Failure> {
    let (table, partition) = (month.table.name, &month.partition);
    let out = format!("{partition}{OUT}");
    tx.batch_execute(&format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    // In the order in which those who add cases take them, or each would wait for the other.
    tx.batch_execute(&format!("LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE")).await?;
    if table == "gk_case" {
        // One may have been reopened since it was looked at; nobody reopens any more now.
        let open = count_open(tx, partition).await?;
        if open > 0 {
            let found = format!(
                "has {open} cases in {partition} that have not ended, which are never taken out; repeat the command without that month"
            );
            return Err(Failure::Store(StoreError::Foreign { location: location.to_owned(), found }));
        }
    }
    tx.batch_execute(&format!("ALTER TABLE {table} DETACH PARTITION {partition}; ALTER TABLE {partition} RENAME TO {out}")).await?;
    let comment = "A month on its way out: `gridkeeper retention` writes it to a file and then drops it";
    tx.batch_execute(&format!("COMMENT ON TABLE {out} IS '{comment}'")).await?;
    // Counted now that nobody can write to it any more.
    let rows: i64 = tx.query_one(&format!("SELECT count(*) FROM {out}"), &[]).await?.get(0);
    let rows = u64::try_from(rows).map_err(|e| corrupt("month", &e))?;
    note(tx, &Action::DetachMonth { table, month: month.month, rows }, author, at).await?;
    Ok(OldMonth { partition: out, is_detached: true, rows, ..month.clone() })
}

async fn count_open(tx: &Transaction<'_>, partition: &str) -> Result<u64, Failure> {
    let open: i64 = tx.query_one(&format!("SELECT count(*) FROM {partition} WHERE is_open = 1"), &[]).await?.get(0);
    u64::try_from(open).map_err(|e| corrupt("month", &e))
}

/// Drops a detached month that is kept elsewhere.
pub(super) async fn drop_month(
    tx: &Transaction<'_>,
    location: &str,
    month: &OldMonth,
    kept: &KeptMonth,
    author: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let (table, partition) = (month.table.name, &month.partition);
    tx.batch_execute(&format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    // A month that was taken out while cases referred to people takes the triggers of its references away from there.
    if table == "gk_case" {
        tx.batch_execute("LOCK TABLE gk_person IN ACCESS EXCLUSIVE MODE").await?;
    }
    tx.batch_execute(&format!("LOCK TABLE {partition} IN ACCESS EXCLUSIVE MODE")).await?;
    let rows: i64 = tx.query_one(&format!("SELECT count(*) FROM {partition}"), &[]).await?.get(0);
    if u64::try_from(rows).ok() != Some(kept.rows) {
        let found = format!("has {rows} rows in {partition} and {} in its file; nothing was dropped; repeat the command", kept.rows);
        return Err(Failure::Store(StoreError::Foreign { location: location.to_owned(), found }));
    }
    if table == "gk_case" {
        // Personal, and in no file: they end with their cases.
        tx.batch_execute(&format!("DELETE FROM gk_photo WHERE case_id IN (SELECT id FROM {partition})")).await?;
    }
    tx.batch_execute(&format!("DROP TABLE {partition}")).await?;
    note(tx, &Action::ArchiveMonth { table, month: month.month, kept }, author, at).await
}
