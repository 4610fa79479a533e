//! Keys, notes, the audit log and the version row.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::connection::{Failure, corrupt};
use crate::boundary::UnitCode;
use crate::dispatch::Role;
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
        "INSERT INTO gk_audit (at, author, action, subject) VALUES (?1, ?2, ?3, ?4)",
        (time_text(at), author, action.name(), action.to_string()),
    )?;
    Ok(())
}

pub(super) fn load_version(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    Ok(transaction.query_row("SELECT number FROM gk_version", [], |row| row.get(0))?)
}

pub(super) fn load_audit(transaction: &Transaction<'_>, after: u64, limit: usize) -> Result<Vec<AuditEntry>, Failure> {
    let sql = "SELECT number, at, author, action, subject FROM gk_audit WHERE number > ?1 ORDER BY number LIMIT ?2";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query((clamped(after), i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let at = parse_time(&row.get::<_, String>(1)?).map_err(|e| corrupt("audit entry", &e))?;
        entries.push(AuditEntry { number: row.get(0)?, at, author: row.get(2)?, action: row.get(3)?, subject: row.get(4)? });
    }
    Ok(entries)
}

pub(super) fn add_key(transaction: &Transaction<'_>, key: &KeyRecord, author: &str) -> Result<(), Failure> {
    let scope: Vec<&str> = key.scope.iter().map(UnitCode::as_str).collect();
    let added = transaction.execute(
        "INSERT INTO gk_key (hash, role, scope, note, created_at, revoked_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (hash) DO NOTHING",
        // A code holds no white space, so a space keeps two apart.
        params![key.hash.0, key.role.as_str(), scope.join(" "), key.note, time_text(key.created_at), key.revoked_at.map(time_text)],
    )?;
    if added == 1 { note_change(transaction, &Action::AddKey(key), author, key.created_at) } else { Ok(()) }
}

pub(super) fn revoke_key(transaction: &Transaction<'_>, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, Failure> {
    let ended = transaction.execute("UPDATE gk_key SET revoked_at = ?2 WHERE hash = ?1 AND revoked_at IS NULL", (hash.0, time_text(at)))?;
    if ended == 1 {
        note_change(transaction, &Action::RevokeKey(hash), author, at)?;
    }
    Ok(ended == 1)
}

pub(super) fn load_keys(transaction: &Transaction<'_>) -> Result<Vec<KeyRecord>, Failure> {
    let mut statement = transaction.prepare_cached("SELECT hash, role, scope, note, created_at, revoked_at FROM gk_key ORDER BY hash")?;
    let mut rows = statement.query([])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        let role: String = row.get(1)?;
        let scope: String = row.get(2)?;
        let time = |text: String| parse_time(&text).map_err(|e| corrupt("key", &e));
        keys.push(KeyRecord {
            hash: KeyHash(row.get(0)?),
            role: Role::parse(&role).ok_or_else(|| corrupt("key", &format!("the role {role:?}")))?,
            scope: scope.split_whitespace().map(UnitCode::parse).collect::<Result<_, _>>().map_err(|e| corrupt("key", &e))?,
            note: row.get(3)?,
            created_at: time(row.get(4)?)?,
            revoked_at: row.get::<_, Option<String>>(5)?.map(time).transpose()?,
        });
    }
    Ok(keys)
}

pub(super) fn save_note(transaction: &Transaction<'_>, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), Failure> {
    let sql = "INSERT INTO gk_note (name, text) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET text = excluded.text";
    transaction.execute(sql, (name, text))?;
    note_change(transaction, &Action::SaveNote { name }, author, at)
}

pub(super) fn find_note(transaction: &Transaction<'_>, name: &str) -> Result<Option<String>, Failure> {
    Ok(transaction.query_row("SELECT text FROM gk_note WHERE name = ?1", [name], |row| row.get(0)).optional()?)
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
