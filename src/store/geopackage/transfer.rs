//! Rows as they are, for copies of the whole store.

use jiff::Timestamp;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Row as SqlRow, Transaction, params_from_iter};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::geometry::{self, Extent};
use super::views::{add_level, register_change};
use crate::boundary::{LayerName, Level};
use crate::store::times::{parse_time, time_text};
use crate::store::transfer::{Column, Kind, MARK, Row, Sink, TABLES, Table, Value};

pub(super) fn read_rows(transaction: &Transaction<'_>, tables: &[&'static Table], sink: Sink<'_>) -> Result<(), Failure> {
    for table in tables {
        let mut statement = transaction.prepare(&select(table, &condition_on_all(table)))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            if sink(table, read_row(row, table)?).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads one table whole, in the order of its key.
pub(super) fn read_table(transaction: &Transaction<'_>, table: &'static Table) -> Result<Vec<Row>, Failure> {
    let mut statement = transaction.prepare_cached(&select_what_there_is(transaction, table)?)?;
    let mut rows = statement.query([])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(read_row(row, table)?);
    }
    Ok(all)
}

pub(super) fn write_rows(transaction: &Transaction<'_>, location: &str, table: &'static Table, rows: &[Row]) -> Result<usize, Failure> {
    let mut find = transaction.prepare_cached(&select(table, &condition_on_key(table)))?;
    let mut put = transaction.prepare_cached(&upsert(table))?;
    let mut written = 0;
    for row in rows {
        let known = find_row(&mut find, table, row)?;
        if known.as_ref() == Some(row) {
            continue;
        }
        match table.name {
            "gk_audit" | "gk_case_event" if known.is_some() => {
                return Err(Failure::Store(crate::store::transfer::written_meanwhile(location)));
            }
            "gk_level" if known.is_none() => put_level(transaction, row)?,
            _ => {
                put.execute(params_from_iter(row))?;
            }
        }
        written += 1;
    }
    Ok(written)
}

pub(super) fn count_rows(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    let counts = TABLES.iter().filter(|table| table.key_columns > 0);
    let counts = counts.map(|table| format!("(SELECT count(*) FROM {} AS t {})", table.name, condition_on_all(table)));
    let sql = format!("SELECT {}", counts.collect::<Vec<_>>().join(" + "));
    Ok(transaction.query_row(&sql, [], |row| row.get(0))?)
}

pub(super) fn begin(transaction: &Transaction<'_>, history: &str) -> Result<(), Failure> {
    transaction.execute("INSERT INTO gk_note (name, text) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING", (MARK, history))?;
    Ok(())
}

pub(super) fn finish(transaction: &Transaction<'_>, version: u64) -> Result<(), Failure> {
    transaction.execute("UPDATE gk_version SET number = ?1", [i64::try_from(version).map_err(|e| corrupt("version", &e))?])?;
    transaction.execute("DELETE FROM gk_note WHERE name = ?1", [MARK])?;
    register_extents(transaction)
}

/// Enters the extents that a GIS asks for: of what is in effect and of what will be.
fn register_extents(transaction: &Transaction<'_>) -> Result<(), Failure> {
    let levels = transaction.prepare("SELECT key FROM gk_level")?.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    for level in levels {
        // A draft's own versions begin and end with the same number.
        let mut statement = transaction.prepare_cached(
            "SELECT v.geom FROM gk_unit_version AS v JOIN gk_level AS l ON l.key = v.level LEFT JOIN gk_current AS c ON c.layer = l.layer
             WHERE v.level = ?1 AND (v.to_generation IS NULL OR v.to_generation > max(v.from_generation, coalesce(c.number, 0)))",
        )?;
        let mut rows = statement.query([level])?;
        let mut extent: Option<Extent> = None;
        while let Some(row) = rows.next()? {
            let own = geometry::read_extent(row.get_ref(0)?.as_blob().map_err(|e| corrupt("unit", &e))?);
            extent = extent.map_or(own, |all| Some(own.map_or(all, |own| all.joined(own))));
        }
        register_change(transaction, level, extent, false)?;
    }
    Ok(())
}

/// A level gets its view with its row.
fn put_level(transaction: &Transaction<'_>, row: &Row) -> Result<(), Failure> {
    let [Value::Integer(key), Value::Text(layer), Value::Text(level)] = row.as_slice() else {
        return Err(corrupt("level", &"its row lacks a field"));
    };
    let layer = LayerName::parse(layer).map_err(|e| corrupt("layer", &e))?;
    let level = Level::parse(level).map_err(|e| corrupt("level", &e))?;
    add_level(transaction, Some(*key), &layer, &level)?;
    Ok(())
}

fn find_row(find: &mut CachedStatement<'_>, table: &Table, row: &Row) -> Result<Option<Row>, Failure> {
    let mut found = find.query(params_from_iter(&row[..table.key_columns]))?;
    found.next()?.map(|row| read_row(row, table)).transpose()
}

fn select(table: &Table, condition: &str) -> String {
    let columns = table.columns.iter().map(|column| format!("t.{}", column.name)).collect::<Vec<_>>().join(", ");
    let order = table.key().iter().map(|column| format!("t.{}", column.name)).collect::<Vec<_>>().join(", ");
    let order = if order.is_empty() { order } else { format!("ORDER BY {order}") };
    format!("SELECT {columns} FROM {} AS t {condition} {order}", table.name)
}

/// Selects a table whole; what a file of an older program, which is opened for reading alone, has no column for yet is null.
fn select_what_there_is(transaction: &Transaction<'_>, table: &Table) -> Result<String, Failure> {
    let mut statement = transaction.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let known = statement.query_map([table.name], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let missing = table.columns.iter().filter(|column| !known.iter().any(|known| known == column.name));
    Ok(missing.fold(select(table, ""), |sql, column| sql.replacen(&format!("t.{}", column.name), "NULL", 1)))
}

fn condition_on_all(table: &Table) -> String {
    if table.name == "gk_note" { format!("WHERE t.name <> '{MARK}'") } else { String::new() }
}

fn condition_on_key(table: &Table) -> String {
    let terms = table.key().iter().map(|column| format!("t.{} = ?", column.name)).collect::<Vec<_>>();
    format!("WHERE {}", terms.join(" AND "))
}

fn upsert(table: &Table) -> String {
    let names = |columns: &[Column]| columns.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
    let places = vec!["?"; table.columns.len()].join(", ");
    let sets = table.rest().iter().map(|column| format!("{0} = excluded.{0}", column.name)).collect::<Vec<_>>().join(", ");
    let action = if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {sets}") };
    // A level's view has a name of its own, so a level is never entered here.
    format!("INSERT INTO {} ({}) VALUES ({places}) ON CONFLICT ({}) DO {action}", table.name, names(table.columns), names(table.key()))
}

fn read_row(row: &SqlRow<'_>, table: &Table) -> Result<Row, Failure> {
    let value = |(at, column): (usize, &Column)| {
        let field = row.get_ref(at)?;
        read_value(field, column.kind).map_err(|detail| corrupt("row", &format!("{}.{}: {detail}", table.name, column.name)))
    };
    table.columns.iter().enumerate().map(value).collect()
}

fn read_value(field: ValueRef<'_>, kind: Kind) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
    if field == ValueRef::Null {
        return Ok(Value::Null);
    }
    Ok(match kind {
        Kind::Integer => Value::Integer(field.as_i64()?),
        Kind::Real => Value::Real(field.as_f64()?),
        Kind::Code | Kind::Text | Kind::Json => Value::Text(field.as_str()?.to_owned()),
        Kind::Bytes => Value::Bytes(field.as_blob()?.to_owned()),
        Kind::Time => Value::Time(parse_time(field.as_str()?)?),
        Kind::Uuid => Value::Uuid(Uuid::parse_str(field.as_str()?)?),
        Kind::Boundary => Value::Boundary(geometry::decode_boundary(field.as_blob()?)?),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = |at: Timestamp| ToSqlOutput::from(time_text(at));
        Ok(match self {
            Self::Null => ToSqlOutput::from(rusqlite::types::Null),
            Self::Integer(number) => ToSqlOutput::from(*number),
            Self::Real(number) => ToSqlOutput::from(*number),
            Self::Text(text) => ToSqlOutput::from(text.as_str()),
            Self::Bytes(bytes) => ToSqlOutput::from(bytes.as_slice()),
            Self::Time(at) => text(*at),
            Self::Uuid(id) => ToSqlOutput::from(id.to_string()),
            Self::Boundary(boundary) => ToSqlOutput::from(geometry::encode(boundary)),
        })
    }
}
