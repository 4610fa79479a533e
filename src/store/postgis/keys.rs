//! Keys, notes, the audit log and the version row.

use deadpool_postgres::Transaction;
use jiff::Timestamp;

use super::connection::{Failure, corrupt};
use super::listen::CHANNEL;
use super::months;
use super::roster::worker_id;
use super::values::{Time, from_text, to_text};
use crate::boundary::{LayerName, UnitCode};
use crate::dispatch::Role;
use crate::store::audit::Action;
use crate::store::records::{AuditEntry, KeyHash, KeyRecord};

/// Enters a write that running services are to follow into the audit log and the version row, and calls them when it is committed.
pub(super) async fn note_change(tx: &Transaction<'_>, action: &Action<'_>, author: &str, at: Timestamp) -> Result<(), Failure> {
    let sql = format!(
        "WITH v AS (UPDATE gk_version SET number = number + 1 RETURNING number) SELECT pg_notify('{CHANNEL}', number::text) FROM v"
    );
    tx.batch_execute(&sql).await?;
    note(tx, action, author, at).await
}

/// Enters a write into the audit log. It is the last thing that a write does: from here until it is committed others wait.
pub(super) async fn note(tx: &Transaction<'_>, action: &Action<'_>, author: &str, at: Timestamp) -> Result<(), Failure> {
    months::ensure(tx, "gk_audit", [at]).await?;
    tx.execute(
        "WITH n AS (UPDATE gk_audit_counter SET number = number + 1 RETURNING number)
         INSERT INTO gk_audit (number, at, author, action, subject, before, after) SELECT n.number, $1, $2, $3, $4, $5, $6 FROM n",
        &[
            &Time(at),
            &to_text(author),
            &action.name(),
            &to_text(&action.to_string()),
            &action.before().as_deref().map(to_text),
            &action.after().as_deref().map(to_text),
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn load_version(tx: &Transaction<'_>) -> Result<u64, Failure> {
    let number: i64 = tx.query_one("SELECT number FROM gk_version", &[]).await?.get(0);
    u64::try_from(number).map_err(|e| corrupt("version", &e))
}

pub(super) async fn load_audit(tx: &Transaction<'_>, after: u64, limit: usize) -> Result<Vec<AuditEntry>, Failure> {
    let sql = "SELECT number, at, author, action, subject, before, after FROM gk_audit WHERE number > $1 ORDER BY number LIMIT $2";
    let rows = tx.query(sql, &[&clamped(after), &i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    let entry = |row: tokio_postgres::Row| {
        Ok(AuditEntry {
            number: u64::try_from(row.get::<_, i64>(0)).map_err(|e| corrupt("audit entry", &e))?,
            at: row.try_get::<_, Time>(1)?.0,
            author: from_text(row.get(2)),
            action: row.get(3),
            subject: from_text(row.get(4)),
            before: row.get::<_, Option<String>>(5).map(from_text),
            after: row.get::<_, Option<String>>(6).map(from_text),
        })
    };
    rows.into_iter().map(entry).collect()
}

pub(super) async fn add_key(tx: &Transaction<'_>, key: &KeyRecord, author: &str) -> Result<(), Failure> {
    // Neither a code nor the name of a layer holds white space, so a space keeps two apart.
    let scope = key.scope.iter().map(UnitCode::as_str).collect::<Vec<_>>().join(" ");
    let layers = key.layers.iter().map(LayerName::as_str).collect::<Vec<_>>().join(" ");
    let added = tx
        .execute(
            "INSERT INTO gk_key (hash, role, scope, layers, note, created_at, expires_at, revoked_at, worker)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (hash) DO NOTHING",
            &[
                &&key.hash.0[..],
                &key.role.as_str(),
                &scope,
                &layers,
                &to_text(&key.note),
                &Time(key.created_at),
                &key.expires_at.map(Time),
                &key.revoked_at.map(Time),
                &key.worker.as_ref().map(|worker| to_text(&worker.0)),
            ],
        )
        .await?;
    if added == 1 { note_change(tx, &Action::AddKey(key), author, key.created_at).await } else { Ok(()) }
}

pub(super) async fn revoke_key(tx: &Transaction<'_>, hash: KeyHash, author: &str, at: Timestamp) -> Result<bool, Failure> {
    let sql = "UPDATE gk_key SET revoked_at = $2 WHERE hash = $1 AND revoked_at IS NULL";
    let ended = tx.execute(sql, &[&&hash.0[..], &Time(at)]).await?;
    if ended == 1 {
        note_change(tx, &Action::RevokeKey { hash, at }, author, at).await?;
    }
    Ok(ended == 1)
}

pub(super) async fn load_keys(tx: &Transaction<'_>) -> Result<Vec<KeyRecord>, Failure> {
    let sql = "SELECT hash, role, scope, layers, note, created_at, expires_at, revoked_at, worker FROM gk_key ORDER BY hash";
    let rows = tx.query(sql, &[]).await?;
    let key = |row: tokio_postgres::Row| {
        let (hash, role, scope, layers): (&[u8], &str, &str, &str) = (row.get(0), row.get(1), row.get(2), row.get(3));
        Ok(KeyRecord {
            hash: KeyHash(hash.try_into().map_err(|e| corrupt("key", &e))?),
            role: Role::parse(role).ok_or_else(|| corrupt("key", &format!("the role {role:?}")))?,
            scope: scope.split_whitespace().map(UnitCode::parse).collect::<Result<_, _>>().map_err(|e| corrupt("key", &e))?,
            layers: layers.split_whitespace().map(LayerName::parse).collect::<Result<_, _>>().map_err(|e| corrupt("key", &e))?,
            note: from_text(row.get(4)),
            worker: row.get::<_, Option<String>>(8).map(worker_id),
            created_at: row.try_get::<_, Time>(5)?.0,
            expires_at: row.try_get::<_, Option<Time>>(6)?.map(|time| time.0),
            revoked_at: row.try_get::<_, Option<Time>>(7)?.map(|time| time.0),
        })
    };
    rows.into_iter().map(key).collect()
}

pub(super) async fn save_note(tx: &Transaction<'_>, name: &str, text: &str, author: &str, at: Timestamp) -> Result<(), Failure> {
    let before = find_note(tx, name).await?;
    let sql = "INSERT INTO gk_note (name, text) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET text = excluded.text";
    tx.execute(sql, &[&to_text(name), &to_text(text)]).await?;
    note_change(tx, &Action::SaveNote { name, before: before.as_deref(), after: text }, author, at).await
}

pub(super) async fn find_note(tx: &Transaction<'_>, name: &str) -> Result<Option<String>, Failure> {
    let found = tx.query_opt("SELECT text FROM gk_note WHERE name = $1", &[&to_text(name)]).await?;
    Ok(found.map(|row| from_text(row.get(0))))
}

fn clamped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use crate::store::conformance::day;
    use crate::store::postgis::scratch::Scratch;
    use crate::store::{PostgisStore, Store};

    #[test]
    fn the_audit_log_cannot_be_changed_or_emptied_not_even_by_the_month() {
        let Some(database) = Scratch::create() else { return };
        let store = PostgisStore::open_or_create(database.address()).unwrap();
        store.save_note("n", "text", "a", day(1)).unwrap();
        store.save_note("n", "more", "a", day(2)).unwrap();
        let log = store.load_audit(0, 10).unwrap();
        for statement in [
            "UPDATE gk_audit SET author = 'b' WHERE number = 1",
            "UPDATE gk_audit_2026_01 SET author = 'b'",
            "DELETE FROM gk_audit",
            "DELETE FROM gk_audit_2026_01",
            "TRUNCATE gk_audit",
            "TRUNCATE gk_audit_2026_01",
        ] {
            let told = database.refuse(statement);
            assert!(told.contains("only added to"), "{statement}: {told}");
        }
        assert_eq!(store.load_audit(0, 10).unwrap(), log);
    }
}
