//! The table of addresses: rows that stay the same go on, others end.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use tokio_postgres::Row;

use super::connection::{Failure, corrupt};
use super::keys::note_change;
use super::values::{Time, from_text, to_text};
use crate::boundary::Position;
use crate::dispatch::{AddressKind, AddressRow};
use crate::store::audit::Action;
use crate::store::records::address_key;

/// Rows that are written in one statement.
const CHUNK: usize = 10_000;

pub(super) async fn replace_addresses(tx: &Transaction<'_>, rows: &[AddressRow], author: &str, at: Timestamp) -> Result<u64, Failure> {
    // The write of the version is one at a time already, so numbers do not meet.
    let sql = "INSERT INTO gk_address_table (number, created_at, author)
         SELECT coalesce(max(number), 0) + 1, $1, $2 FROM gk_address_table RETURNING number";
    let number: i64 = tx.query_one(sql, &[&Time(at), &to_text(author)]).await?.get(0);
    let mut live: FxHashMap<String, Vec<i64>> = FxHashMap::default();
    for (key, row) in load_keyed(tx).await? {
        live.entry(address_key(&row)).or_default().push(key);
    }
    let new: Vec<&AddressRow> = rows.iter().filter(|row| live.get_mut(&address_key(row)).and_then(Vec::pop).is_none()).collect();
    let mut next: i64 = tx.query_one("SELECT coalesce(max(key), 0) + 1 FROM gk_address", &[]).await?.get(0);
    for chunk in new.chunks(CHUNK) {
        let keys: Vec<i64> = (next..).take(chunk.len()).collect();
        next += i64::try_from(chunk.len()).map_err(|e| corrupt("address", &e))?;
        let kinds: Vec<&str> = chunk.iter().map(|row| row.kind.as_str()).collect();
        let texts = |text: fn(&AddressRow) -> &str| chunk.iter().map(|row| to_text(text(row)).into_owned()).collect::<Vec<String>>();
        let (lon, lat): (Vec<f64>, Vec<f64>) = chunk.iter().map(|row| (row.position.lon, row.position.lat)).unzip();
        tx.execute(
            "INSERT INTO gk_address (key, kind, zone, street, plate, name, alias, lon, lat, from_table)
             SELECT n.*, $10::bigint FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                                      $8::double precision[], $9::double precision[]) AS n",
            &[
                &keys,
                &kinds,
                &texts(|row| &row.zone),
                &texts(|row| &row.street),
                &texts(|row| &row.plate),
                &texts(|row| &row.name),
                &texts(|row| &row.alias),
                &lon,
                &lat,
                &number,
            ],
        )
        .await?;
    }
    let ended: Vec<i64> = live.into_values().flatten().collect();
    tx.execute("UPDATE gk_address SET to_table = $2 WHERE key = ANY ($1)", &[&ended, &number]).await?;
    let number = u64::try_from(number).map_err(|e| corrupt("address", &e))?;
    note_change(tx, &Action::ReplaceAddresses { rows: rows.len(), number }, author, at).await?;
    Ok(number)
}

pub(super) async fn find_addresses(tx: &Transaction<'_>) -> Result<Option<u64>, Failure> {
    let number: Option<i64> = tx.query_one("SELECT max(number) FROM gk_address_table", &[]).await?.get(0);
    number.map(u64::try_from).transpose().map_err(|e| corrupt("address", &e))
}

pub(super) async fn load_addresses(tx: &Transaction<'_>) -> Result<Vec<AddressRow>, Failure> {
    Ok(load_keyed(tx).await?.into_iter().map(|(_, row)| row).collect())
}

async fn load_keyed(tx: &Transaction<'_>) -> Result<Vec<(i64, AddressRow)>, Failure> {
    let sql = "SELECT key, kind, zone, street, plate, name, alias, lon, lat FROM gk_address WHERE to_table IS NULL
         ORDER BY zone, street, plate, name, alias, kind, lon, lat, key";
    let read = |row: &Row| {
        let kind: &str = row.get(1);
        let text = |at: usize| from_text(row.get(at));
        let row_of = AddressRow {
            kind: AddressKind::parse(kind).ok_or_else(|| corrupt("address", &format!("the kind {kind:?}")))?,
            zone: text(2),
            street: text(3),
            plate: text(4),
            name: text(5),
            alias: text(6),
            position: Position::new(row.get(7), row.get(8)).map_err(|e| corrupt("address", &e))?,
        };
        Ok((row.get(0), row_of))
    };
    tx.query(sql, &[]).await?.iter().map(read).collect()
}
