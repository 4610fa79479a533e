//! Rows as they are, for copies of the whole store.

use std::collections::BTreeMap;
use std::error::Error;

use bytes::BytesMut;
use deadpool_postgres::Transaction;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio_postgres::Row as SqlRow;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::listen::CHANNEL;
use super::months;
use super::values::{Boundary, Ewkb, Time, from_text, to_text};
use crate::store::transfer::{Column, Kind, MARK, Row, Sink, TABLES, Table, Value, key_bytes};

/// Where rows stand before they are put into their table, so that they are written as one set.
const STAGING: &str = "gk_staging";

pub(super) async fn read_rows(tx: &Transaction<'_>, tables: &[&'static Table], sink: Sink<'_>) -> Result<(), Failure> {
    let out = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace
               AND relname ~ '^gk_(case|audit)_.*_out$' ORDER BY relname LIMIT 1";
    if let Some(row) = tx.query_opt(out, &[]).await? {
        // Such a month is in no table that is copied and in no file yet.
        let detail =
            format!("{} was taken out and is not in its file yet; run `gridkeeper retention` to its end first", row.get::<_, String>(0));
        return Err(corrupt("month", &detail));
    }
    for table in tables {
        let sql = select(table, table.name, &condition_on_all(table), &order(table));
        // The escape for what PostgreSQL cannot hold sorts elsewhere than what it stands for; notes are few.
        let mut rows = if table.name == "gk_note" { Some(Vec::new()) } else { None };
        let mut stream = std::pin::pin!(tx.query_raw(&sql, std::iter::empty::<i64>()).await?);
        while let Some(row) = stream.try_next().await? {
            let row = read_row(&row, table)?;
            match &mut rows {
                Some(rows) => rows.push(row),
                None if sink(table, row).is_break() => return Ok(()),
                None => {}
            }
        }
        let mut rows = rows.unwrap_or_default();
        rows.sort_by(|a, b| text(&a[0]).cmp(text(&b[0])));
        for row in rows {
            if sink(table, row).is_break() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads one table whole, in the order of its key.
pub(super) async fn read_table(tx: &Transaction<'_>, table: &'static Table) -> Result<Vec<Row>, Failure> {
    let rows = tx.query(&select(table, table.name, "", &order(table)), &[]).await?;
    rows.iter().map(|row| read_row(row, table)).collect()
}

/// Reads the rows of one month, which is a table of its own.
pub(super) async fn read_month(tx: &Transaction<'_>, table: &'static Table, month: &str, sink: Sink<'_>) -> Result<(), Failure> {
    let sql = select(table, month, "", &order(table));
    let mut stream = std::pin::pin!(tx.query_raw(&sql, std::iter::empty::<i64>()).await?);
    while let Some(row) = stream.try_next().await? {
        if sink(table, read_row(&row, table)?).is_break() {
            return Ok(());
        }
    }
    Ok(())
}

pub(super) async fn write_rows(
    tx: &Transaction<'_>,
    geometry: &Type,
    location: &str,
    table: &'static Table,
    rows: &[Row],
) -> Result<usize, Failure> {
    let known = load_known(tx, table, rows).await?;
    let differing: Vec<&Row> =
        rows.iter().filter(|row| known.get(&key_bytes(&row[..table.key_columns])).is_none_or(|known| known != *row)).collect();
    if differing.is_empty() {
        return Ok(0);
    }
    if matches!(table.name, "gk_audit" | "gk_case_event")
        && differing.iter().any(|row| known.contains_key(&key_bytes(&row[..table.key_columns])))
    {
        return Err(Failure::Store(crate::store::transfer::written_meanwhile(location)));
    }
    make_months(tx, table, &differing).await?;
    stage(tx, geometry, table, &differing).await?;
    if table.name == "gk_case" {
        tx.batch_execute(&format!(
            "INSERT INTO gk_case_id (id, reported_at) SELECT id, reported_at FROM {STAGING}
             ON CONFLICT (id) DO UPDATE SET reported_at = excluded.reported_at"
        ))
        .await?;
    }
    tx.batch_execute(&upsert(table)).await?;
    if table.name == "gk_audit" {
        // The next entry goes on from here.
        tx.batch_execute(&format!("UPDATE gk_audit_counter SET number = greatest(number, (SELECT max(number) FROM {STAGING}))")).await?;
    }
    if matches!(table.name, "gk_case_event" | "gk_publication") {
        tx.batch_execute(&format!("UPDATE gk_case_counter SET last_number = greatest(last_number, (SELECT max(number) FROM {STAGING}))"))
            .await?;
    }
    tx.batch_execute(&format!("DROP TABLE {STAGING}")).await?;
    Ok(differing.len())
}

pub(super) async fn count_rows(tx: &Transaction<'_>) -> Result<u64, Failure> {
    let counts = TABLES.iter().filter(|table| table.key_columns > 0);
    let counts = counts.map(|table| format!("(SELECT count(*) FROM {} AS t {})", table.name, condition_on_all(table)));
    let sql = format!("SELECT {}", counts.collect::<Vec<_>>().join(" + "));
    let count: i64 = tx.query_one(&sql, &[]).await?.get(0);
    u64::try_from(count).map_err(|e| corrupt("table", &e))
}

pub(super) async fn begin(tx: &Transaction<'_>, history: &str) -> Result<(), Failure> {
    tx.execute("INSERT INTO gk_note (name, text) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", &[&MARK, &history]).await?;
    Ok(())
}

pub(super) async fn finish(tx: &Transaction<'_>, version: u64) -> Result<(), Failure> {
    let version = i64::try_from(version).map_err(|e| corrupt("version", &e))?;
    tx.execute("UPDATE gk_version SET number = $1", &[&version]).await?;
    tx.batch_execute("SELECT gk_count_months()").await?;
    tx.execute("DELETE FROM gk_note WHERE name = $1", &[&MARK]).await?;
    tx.execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &version.to_string()]).await?;
    Ok(())
}

/// Returns what the table has of the rows, by key.
async fn load_known(tx: &Transaction<'_>, table: &'static Table, rows: &[Row]) -> Result<BTreeMap<Vec<u8>, Row>, Failure> {
    let mut keys: Vec<Box<dyn ToSql + Sync + Send>> = (0..table.key_columns).map(|at| column_of(rows, at)).collect();
    // Numbers are sent as bigint, whichever width the column has.
    let term = |(at, column): (usize, &Column)| match column.kind {
        Kind::Integer => format!("t.{} = ANY (${at}::bigint[])", column.name),
        _ => format!("t.{} = ANY (${at})", column.name),
    };
    let mut terms: Vec<String> = (1..).zip(table.key()).map(term).collect();
    if table.name == "gk_case" {
        // Looked for in the months where they are, if they are anywhere.
        let sql = "SELECT id, reported_at FROM gk_case_id WHERE id = ANY ($1)";
        let found = tx.query(sql, &[&*keys[0]]).await?;
        let ids: Vec<Uuid> = found.iter().map(|row| row.get(0)).collect();
        let times = found.iter().map(|row| row.try_get::<_, Time>(1).map(|time| time.0)).collect::<Result<Vec<_>, _>>()?;
        let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else { return Ok(BTreeMap::new()) };
        keys = vec![Box::new(ids), Box::new(Time(*first)), Box::new(Time(*last))];
        terms.push("t.reported_at BETWEEN $2 AND $3".to_owned());
    }
    let sql = select(table, table.name, &format!("WHERE {}", terms.join(" AND ")), "");
    let parameters: Vec<&(dyn ToSql + Sync)> = keys.iter().map(|key| &**key as &(dyn ToSql + Sync)).collect();
    let found = tx.query(&sql, &parameters).await?;
    let row = |row: &SqlRow| read_row(row, table).map(|row| (key_bytes(&row[..table.key_columns]), row));
    found.iter().map(row).collect()
}

/// Returns one column of all rows as an array.
fn column_of(rows: &[Row], at: usize) -> Box<dyn ToSql + Sync + Send> {
    macro_rules! array {
        ($kind:ident, $value:ident => $as:expr) => {
            Box::new(rows.iter().filter_map(|row| if let Value::$kind($value) = &row[at] { Some($as) } else { None }).collect::<Vec<_>>())
        };
    }
    match rows.first().map(|row| &row[at]) {
        Some(Value::Text(_)) => array!(Text, value => to_text(value).into_owned()),
        Some(Value::Bytes(_)) => array!(Bytes, value => value.clone()),
        Some(Value::Uuid(_)) => array!(Uuid, value => *value),
        _ => array!(Integer, value => *value),
    }
}

async fn make_months(tx: &Transaction<'_>, table: &Table, rows: &[&Row]) -> Result<(), Failure> {
    let Some(column) = months::column_of(table.name) else { return Ok(()) };
    let Some(place) = table.place_of(column) else { return Ok(()) };
    let times = rows.iter().filter_map(|row| if let Value::Time(at) = row[place] { Some(at) } else { None });
    months::ensure(tx, table.name, times.collect::<Vec<Timestamp>>()).await
}

async fn stage(tx: &Transaction<'_>, geometry: &Type, table: &Table, rows: &[&Row]) -> Result<(), Failure> {
    let columns = table.columns.iter().map(|column| format!("{} {}", column.name, sql_type(column.kind))).collect::<Vec<_>>();
    tx.batch_execute(&format!("CREATE TEMP TABLE {STAGING} ({}) ON COMMIT DROP", columns.join(", "))).await?;
    let types: Vec<Type> = table.columns.iter().map(|column| wire_type(column.kind, geometry)).collect();
    let sink = tx.copy_in(&format!("COPY {STAGING} FROM STDIN (FORMAT binary)")).await?;
    let mut copy = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
    for row in rows {
        let fields: Vec<Field<'_>> = row.iter().zip(table.columns).map(|(value, column)| Field { value, kind: column.kind }).collect();
        let fields: Vec<&(dyn ToSql + Sync)> = fields.iter().map(|field| field as &(dyn ToSql + Sync)).collect();
        copy.as_mut().write(&fields).await?;
    }
    copy.finish().await?;
    Ok(())
}

fn upsert(table: &Table) -> String {
    let mut names: Vec<&str> = table.columns.iter().map(|column| column.name).collect();
    let mut values: Vec<String> = names.iter().map(|name| format!("s.{name}")).collect();
    let mut keys: Vec<&str> = table.key().iter().map(|column| column.name).collect();
    // The keys of tables that are cut by months hold the time.
    match table.name {
        "gk_case" => {
            values[1] = "coalesce(s.district, '')".to_owned();
            names.push("geom");
            values.push("ST_SetSRID(ST_MakePoint(s.lon, s.lat), 4326)".to_owned());
            keys.extend(["reported_at", "district"]);
        }
        "gk_case_event" => keys.push("reported_at"),
        "gk_audit" => keys.push("at"),
        _ => {}
    }
    let sets = names.iter().filter(|name| !keys.contains(name)).map(|name| format!("{name} = excluded.{name}")).collect::<Vec<_>>();
    let action = if sets.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {}", sets.join(", ")) };
    format!(
        "INSERT INTO {} ({}) SELECT {} FROM {STAGING} AS s ON CONFLICT ({}) DO {action}",
        table.name,
        names.join(", "),
        values.join(", "),
        keys.join(", ")
    )
}

fn select(table: &Table, name: &str, condition: &str, order: &str) -> String {
    let field = |column: &Column| match (column.kind, column.name) {
        (Kind::Integer, name) => format!("t.{name}::bigint"),
        (Kind::Json, name) => format!("t.{name}::text"),
        // Outside of all districts; the column is part of a key, which holds no null.
        (_, "district") => "nullif(t.district, '')".to_owned(),
        (_, name) => format!("t.{name}"),
    };
    let columns = table.columns.iter().map(field).collect::<Vec<_>>().join(", ");
    format!("SELECT {columns} FROM {name} AS t {condition} {order}")
}

fn order(table: &Table) -> String {
    let keys = table.key().iter().map(|column| format!("t.{}", column.name)).collect::<Vec<_>>();
    if keys.is_empty() { String::new() } else { format!("ORDER BY {}", keys.join(", ")) }
}

fn condition_on_all(table: &Table) -> String {
    match table.name {
        "gk_note" => format!("WHERE t.name <> '{MARK}'"),
        // The ids of cases that are there stand with them.
        "gk_case_id" => "WHERE NOT EXISTS (SELECT 1 FROM gk_case AS c WHERE c.id = t.id AND c.reported_at = t.reported_at)".to_owned(),
        _ => String::new(),
    }
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "bigint",
        Kind::Real => "double precision",
        Kind::Code | Kind::Text => "text",
        Kind::Json => "json",
        Kind::Bytes => "bytea",
        Kind::Time => "timestamptz",
        Kind::Uuid => "uuid",
        Kind::Boundary => "geometry",
    }
}

fn wire_type(kind: Kind, geometry: &Type) -> Type {
    match kind {
        Kind::Integer => Type::INT8,
        Kind::Real => Type::FLOAT8,
        // A json column takes the bytes of a text.
        Kind::Code | Kind::Text | Kind::Json => Type::TEXT,
        Kind::Bytes => Type::BYTEA,
        Kind::Time => Type::TIMESTAMPTZ,
        Kind::Uuid => Type::UUID,
        Kind::Boundary => geometry.clone(),
    }
}

fn read_row(row: &SqlRow, table: &Table) -> Result<Row, Failure> {
    let value = |(at, column): (usize, &Column)| {
        read_value(row, at, column.kind).map_err(|detail| corrupt("row", &format!("{}.{}: {detail}", table.name, column.name)))
    };
    table.columns.iter().enumerate().map(value).collect()
}

fn read_value(row: &SqlRow, at: usize, kind: Kind) -> Result<Value, tokio_postgres::Error> {
    let value = match kind {
        Kind::Integer => row.try_get::<_, Option<i64>>(at)?.map(Value::Integer),
        Kind::Real => row.try_get::<_, Option<f64>>(at)?.map(Value::Real),
        Kind::Code | Kind::Json => row.try_get::<_, Option<String>>(at)?.map(Value::Text),
        Kind::Text => row.try_get::<_, Option<String>>(at)?.map(|text| Value::Text(from_text(text))),
        Kind::Bytes => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Value::Bytes),
        Kind::Time => row.try_get::<_, Option<Time>>(at)?.map(|time| Value::Time(time.0)),
        Kind::Uuid => row.try_get::<_, Option<Uuid>>(at)?.map(Value::Uuid),
        Kind::Boundary => row.try_get::<_, Option<Boundary>>(at)?.map(|boundary| Value::Boundary(boundary.0)),
    };
    Ok(value.unwrap_or(Value::Null))
}

fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { "" }
}

/// A field on its way into the staging table.
#[derive(Debug)]
struct Field<'r> {
    value: &'r Value,
    kind: Kind,
}

impl ToSql for Field<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.value {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(number) => number.to_sql(ty, out),
            Value::Real(number) => number.to_sql(ty, out),
            Value::Text(text) if self.kind == Kind::Text => to_text(text).to_sql(ty, out),
            Value::Text(text) => text.to_sql(ty, out),
            Value::Bytes(bytes) => bytes.to_sql(ty, out),
            Value::Time(at) => Time(*at).to_sql(ty, out),
            Value::Uuid(id) => id.to_sql(ty, out),
            Value::Boundary(boundary) => Ewkb::of(boundary.clone())?.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
