//! Keys, notes, the audit log and the version row.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::connection::{Failure, corrupt};
use crate::boundary::{LayerName, UnitCode};
use crate::dispatch::{Role, WorkerId};
use crate::store::audit::Action;
use crate::store::records::{AuditEntry, KeyHash, KeyRecord};
use crate::store::times::{parse_time, time_text};

/// Enters a write that running services are to follow into the audit log and the version row.
pub(super) fn note_change(transaction: &Transaction<'_>, action: &Action<'_>, author: &str, at: Timestamp) -> Result<(), Failure> {
    transaction.execute("UPDATE gk_version SET number = number + 1", [])?;
    note(transaction, action, author, at)
}

pub(super) fn note(transaction: &Transaction<'_>, action: &Action<'_>, author: &str, at: Timestamp) -> Result<(), Failure> {
    transaction.execute(
        "INSERT INTO gk_audit (at, author, action, subject, before, after) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        (time_text(at), author, action.name(), action.to_string(), action.before(), action.after()),
    )?;
    Ok(())
}

pub(super) fn load_version(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    Ok(transaction.query_row("SELECT number FROM gk_version", [], |row| row.get(0))?)
}

pub(super) fn load_audit(transaction: &Transaction<'_>, after: u64, limit: usize) -> Result<Vec<AuditEntry>, Failure> {
    let changes = if has_doors(transaction)? { "before, after" } else { "NULL, NULL" };
    let sql = format!("SELECT number, at, author, action, subject, {changes} FROM gk_audit WHERE number > ?1 ORDER BY number LIMIT ?2");
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query((clamped(after), i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let at = parse_time(&row.get::<_, String>(1)?).map_err(|e| corrupt("audit entry", &e))?;
        entries.push(AuditEntry {
            number: row.get(0)?,
            at,
            author: row.get(2)?,
            action: row.get(3)?,
            subject: row.get(4)?,
            before: row.get(5)?,
            after: row.get(6)?,
        });
    }
    Ok(entries)
}

pub(super) fn add_key(transaction: &Transaction<'_>, key: &KeyRecord, author: &str) -> Result<(), Failure> {
    // Neither a code nor the name of a layer holds white space, so a space keeps two apart.
    let scope: Vec<&str> = key.scope.iter().map(UnitCode::as_str).collect();
    let layers: Vec<&str> = key.layers.iter().map(LayerName::as_str).collect();
    let added = transaction.execute(
        "INSERT INTO gk_key (hash, role, scope, layers, note, created_at, expires_at, revoked_at, worker)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (hash) DO NOTHING",
        params![
            key.hash.0,
            key.role.as_str(),
            scope.join(" "),
            layers.join(" "),
            key.note,
            time_text(key.created_at),
            key.expires_at.map(time_text),
            key.revoked_at.map(time_text),
            key.worker.as_ref().map(|worker| &*worker.0)
        ],
    )?;
    if added == 1 { note_change(transaction, &Action::AddKey(key), author, key.created_at) } else { Ok(()) }
}

pub(super) fn revoke_key(transaction: &Transaction<'_>, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, Failure> {
    let ended = transaction.execute("UPDATE gk_key SET revoked_at = ?2 WHERE hash = ?1 AND revoked_at IS NULL", (hash.0, time_text(at)))?;
    if ended == 1 {
        note_change(transaction, &Action::RevokeKey { hash, at }, author, at)?;
    }
    Ok(ended == 1)
}

pub(super) fn load_keys(transaction: &Transaction<'_>) -> Result<Vec<KeyRecord>, Failure> {
    let (layers, expires_at) = if has_doors(transaction)? { ("layers", "expires_at") } else { ("''", "NULL") };
    let worker = if has_column(transaction, "worker")? { "worker" } else { "NULL" };
    let sql = format!("SELECT hash, role, scope, {layers}, note, created_at, {expires_at}, revoked_at, {worker} FROM gk_key ORDER BY hash");
    let mut statement = transaction.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let role: String = row.get(1)?;
        let scope: String = row.get(2)?;
        let layers: String = row.get(3)?;
        let time = |text: String| parse_time(&text).map_err(|e| corrupt("key", &e));
        keys.push(KeyRecord {
            hash: KeyHash(row.get(0)?),
            role: Role::parse(&role).ok_or_else(|| corrupt("key", &format!("the role {role:?}")))?,
            scope: scope.split_whitespace().map(UnitCode::parse).collect::<Result<_, _>>().map_err(|e| corrupt("key", &e))?,
            layers: layers.split_whitespace().map(LayerName::parse).collect::<Result<_, _>>().map_err(|e| corrupt("key", &e))?,
            note: row.get(4)?,
            worker: row.get::<_, Option<String>>(8)?.map(|id| WorkerId(id.into())),
            created_at: time(row.get(5)?)?,
            expires_at: row.get::<_, Option<String>>(6)?.map(time).transpose()?,
            revoked_at: row.get::<_, Option<String>>(7)?.map(time).transpose()?,
        });
    }
    Ok(keys)
}

pub(super) fn save_note(transaction: &Transaction<'_>, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), Failure> {
    let before = find_note(transaction, name)?;
    let sql = "INSERT INTO gk_note (name, text) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET text = excluded.text";
    transaction.execute(sql, (name, text))?;
    note_change(transaction, &Action::SaveNote { name, before: before.as_deref(), after: text }, author, at)
}

pub(super) fn find_note(transaction: &Transaction<'_>, name: &str) -> Result<Option<String>, Failure> {
    Ok(transaction.query_row("SELECT text FROM gk_note WHERE name = ?1", [name], |row| row.get(0)).optional()?)
}

/// Whether keys expire and the audit log tells of changes: not in a file of an older program that is opened for reading alone.
fn has_doors(transaction: &Transaction<'_>) -> Result<bool, Failure> {
    has_column(transaction, "expires_at")
}

fn has_column(transaction: &Transaction<'_>, column: &str) -> Result<bool, Failure> {
    Ok(transaction.prepare_cached("SELECT 1 FROM pragma_table_info('gk_key') WHERE name = ?1")?.exists([column])?)
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use crate::store::conformance::{day, key};
    use crate::store::{GeoPackageStore, KeyRecord, Store};

    #[test]
    fn the_audit_log_cannot_be_changed_emptied_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.gpkg");
        let store = GeoPackageStore::open_or_create(&path).unwrap();
        store.save_note("n", "text", "a", day(1)).unwrap();
        store.save_note("n", "more", "a", day(2)).unwrap();
        let log = store.load_audit(0, 10).unwrap();
        let connection = Connection::open(&path).unwrap();
        for statement in [
            "UPDATE gk_audit SET author = 'b' WHERE number = 1",
            "DELETE FROM gk_audit WHERE number = 2",
            "DELETE FROM gk_audit",
            "INSERT OR REPLACE INTO gk_audit (number, at, author, action, subject) VALUES (1, '2026-01-01', 'b', 'c', 'd')",
        ] {
            let refused = connection.execute(statement, []).unwrap_err().to_string();
            assert!(refused.contains("only added to"), "{statement}: {refused}");
        }
        assert_eq!(store.load_audit(0, 10).unwrap(), log);
    }

    #[test]
    fn keys_and_log_of_an_older_file_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.gpkg");
        let store = GeoPackageStore::open_or_create(&path).unwrap();
        store.add_key(&key(1, &["4311"]), "a").unwrap();
        drop(store);
        let undo = "DROP TRIGGER gk_audit_is_not_changed; DROP TRIGGER gk_audit_is_not_deleted; DROP TRIGGER gk_audit_is_not_replaced;
                    ALTER TABLE gk_audit DROP COLUMN before; ALTER TABLE gk_audit DROP COLUMN after;
                    ALTER TABLE gk_key DROP COLUMN layers; ALTER TABLE gk_key DROP COLUMN expires_at;
                    DROP TABLE gk_draft_entry; DROP TABLE gk_publication;
                    ALTER TABLE gk_key DROP COLUMN worker; ALTER TABLE gk_category DROP COLUMN skill;
                    DELETE FROM gk_migration WHERE number >= 7";
        Connection::open(&path).unwrap().execute_batch(undo).unwrap();
        let older = GeoPackageStore::open_read_only(&path).unwrap();
        let plain = KeyRecord { layers: vec![], worker: None, expires_at: None, ..key(1, &["4311"]) };
        assert_eq!(older.load_keys().unwrap(), [plain]);
        assert_eq!(older.load_audit(0, 10).unwrap()[0].after, None);
    }
}
