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
    let action =
        Action::ReplaceRules { table: rules, effective_from: to_milliseconds(effective_from), number: plan.number, before: plan.before };
    note_change(transaction, &action, author, at)?;
    Ok(plan.number)
}

pub(super) fn find_rules(transaction: &Transaction<'_>) -> Result<Option<u64>, Failure> {
    if !has_rules(transaction)? {
        return Ok(None);
    }
    Ok(transaction.query_row("SELECT max(number) FROM gk_rules", [], |row| row.get(0))?)
}

pub(super) fn load_rules(transaction: &Transaction<'_>) -> Result<Vec<RuleSet>, Failure> {
    if !has_rules(transaction)? {
        return Ok(Vec::new());
    }
    let rows = RuleKind::ALL.map(|kind| Ok::<_, Failure>((kind, read_table(transaction, table_of(kind))?)));
    let rows = rows.into_iter().collect::<Result<_, _>>()?;
    assemble(&read_table(transaction, table(NAMES[0]))?, &rows).map_err(|detail| corrupt("rule", &detail))
}

/// Whether the file has the tables of rules: one of an older program that is opened for reading alone has none yet.
fn has_rules(transaction: &Transaction<'_>) -> Result<bool, Failure> {
    Ok(transaction.prepare_cached("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1")?.exists([NAMES[0]])?)
}

#[cfg(test)]
mod tests {
    use crate::store::{GeoPackageStore, Store};

    #[test]
    fn a_file_of_an_older_program_is_read_as_one_without_rules() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.gpkg");
        drop(GeoPackageStore::open_or_create(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        let undo = "DROP TABLE gk_draft_entry; DROP TABLE gk_photo; DROP TABLE gk_publication; DROP TABLE gk_dead_letter; DROP TABLE gk_webhook; DROP TABLE gk_case_token; DROP TABLE gk_case_event;
                    DROP INDEX gk_case_by_cell; DROP INDEX gk_case_published; DROP INDEX gk_case_open; DROP INDEX gk_case_by_due;
                    DROP INDEX gk_case_by_alarm; DROP INDEX gk_case_by_border; DROP INDEX gk_case_open_by_holder;
                    DROP INDEX gk_case_ended_by_grid; DROP INDEX gk_case_ended_by_state; DROP INDEX gk_case_ended_by_category;
                    DROP INDEX gk_case_ended_by_departments; DROP INDEX gk_case_ended_by_place; DROP INDEX gk_case_long; ALTER TABLE gk_case DROP COLUMN part_until; ALTER TABLE gk_case DROP COLUMN is_long;
                    ALTER TABLE gk_case DROP COLUMN alarm_at; ALTER TABLE gk_case DROP COLUMN border_m;
                    ALTER TABLE gk_case DROP COLUMN people; ALTER TABLE gk_key DROP COLUMN worker;
                    DROP TABLE gk_notice; DROP TABLE gk_entry; DROP TABLE gk_address; DROP TABLE gk_address_table;
                    ALTER TABLE gk_case DROP COLUMN state; ALTER TABLE gk_case DROP COLUMN version;
                    ALTER TABLE gk_case DROP COLUMN is_open; ALTER TABLE gk_case DROP COLUMN is_published;
                    ALTER TABLE gk_case DROP COLUMN due_at; ALTER TABLE gk_case DROP COLUMN departments;
                    ALTER TABLE gk_case DROP COLUMN cell; ALTER TABLE gk_case DROP COLUMN reporter;
                    ALTER TABLE gk_person DROP COLUMN email;
                    DROP TRIGGER gk_audit_is_not_changed; DROP TRIGGER gk_audit_is_not_deleted; DROP TRIGGER gk_audit_is_not_replaced;
                    ALTER TABLE gk_audit DROP COLUMN before; ALTER TABLE gk_audit DROP COLUMN after;
                    ALTER TABLE gk_key DROP COLUMN layers; ALTER TABLE gk_key DROP COLUMN expires_at;
                    DROP TABLE gk_cost; DROP TABLE gk_fund; DROP TABLE gk_load; DROP TABLE gk_calendar; DROP TABLE gk_responsibility; DROP TABLE gk_category; DROP TABLE gk_rules;
                    DELETE FROM gk_migration WHERE number >= 6";
        connection.execute_batch(undo).unwrap();
        drop(connection);
        let older = GeoPackageStore::open_read_only(&path).unwrap();
        assert_eq!((older.find_rules().unwrap(), older.load_rules().unwrap()), (None, vec![]));
        drop(older);
        // Opened for writing it gets them.
        let rules = crate::store::conformance::rules();
        let newer = GeoPackageStore::open_or_create(&path).unwrap();
        assert_eq!(newer.replace_rules(&rules[0], jiff::Timestamp::UNIX_EPOCH, "a", jiff::Timestamp::UNIX_EPOCH).unwrap(), 1);
    }
}
