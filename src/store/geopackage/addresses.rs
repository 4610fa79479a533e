//! The table of addresses: rows that stay the same go on, others end.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};
use rustc_hash::FxHashMap;

use super::connection::{Failure, corrupt};
use super::keys::note_change;
use crate::boundary::Position;
use crate::dispatch::{AddressKind, AddressRow};
use crate::store::audit::Action;
use crate::store::records::address_key;
use crate::store::times::time_text;

pub(super) fn replace_addresses(transaction: &Transaction<'_>, rows: &[AddressRow], author: &str, at: Timestamp) -> Result<u64, Failure> {
    transaction.execute("INSERT INTO gk_address_table (created_at, author) VALUES (?1, ?2)", (time_text(at), author))?;
    let number = transaction.last_insert_rowid();
    let mut live: FxHashMap<String, Vec<i64>> = FxHashMap::default();
    for (key, row) in load_keyed(transaction)? {
        live.entry(address_key(&row)).or_default().push(key);
    }
    let mut add = transaction.prepare_cached(
        "INSERT INTO gk_address (kind, zone, street, plate, name, alias, lon, lat, from_table) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for row in rows {
        if live.get_mut(&address_key(row)).and_then(Vec::pop).is_some() {
            continue;
        }
        let (lon, lat) = (row.position.lon, row.position.lat);
        add.execute(params![row.kind.as_str(), row.zone, row.street, row.plate, row.name, row.alias, lon, lat, number])?;
    }
    let mut end = transaction.prepare_cached("UPDATE gk_address SET to_table = ?2 WHERE key = ?1")?;
    for key in live.into_values().flatten() {
        end.execute((key, number))?;
    }
    let number = u64::try_from(number).map_err(|e| corrupt("address", &e))?;
    note_change(transaction, &Action::ReplaceAddresses { rows: rows.len(), number }, author, at)?;
    Ok(number)
}

pub(super) fn find_addresses(transaction: &Transaction<'_>) -> Result<Option<u64>, Failure> {
    // A file of an older program that is opened for reading alone has none.
    let has_table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'gk_address_table'";
    if !transaction.prepare_cached(has_table)?.exists([])? {
        return Ok(None);
    }
    let sql = "SELECT max(number) FROM gk_address_table";
    Ok(transaction.prepare_cached(sql)?.query_row([], |row| row.get::<_, Option<u64>>(0)).optional()?.flatten())
}

pub(super) fn load_addresses(transaction: &Transaction<'_>) -> Result<Vec<AddressRow>, Failure> {
    if find_addresses(transaction)?.is_none() {
        return Ok(Vec::new());
    }
    Ok(load_keyed(transaction)?.into_iter().map(|(_, row)| row).collect())
}

fn load_keyed(transaction: &Transaction<'_>) -> Result<Vec<(i64, AddressRow)>, Failure> {
    let sql = "SELECT key, kind, zone, street, plate, name, alias, lon, lat FROM gk_address WHERE to_table IS NULL
         ORDER BY zone, street, plate, name, alias, kind, lon, lat, key";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut found = statement.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let kind: String = row.get(1)?;
        rows.push((
            row.get(0)?,
            AddressRow {
                kind: AddressKind::parse(&kind).ok_or_else(|| corrupt("address", &format!("the kind {kind:?}")))?,
                zone: row.get(2)?,
                street: row.get(3)?,
                plate: row.get(4)?,
                name: row.get(5)?,
                alias: row.get(6)?,
                position: Position::new(row.get(7)?, row.get(8)?).map_err(|e| corrupt("address", &e))?,
            },
        ));
    }
    Ok(rows)
}
