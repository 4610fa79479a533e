//! Writes features of any collection into a GeoPackage for other programs: a column for each property, one indexed table.

use std::error::Error;
use std::path::Path;

use geo_types::Geometry;
use geozero::{CoordDimensions, ToWkb};
use rusqlite::Connection;
use rusqlite::types::Value as Sql;

use super::features::{index, register};
use super::geometry::{Extent, SRS_ID};
use super::migrate::{APPLICATION_ID, GEOPACKAGE_SQL, USER_VERSION};
use super::views::quoted;
use crate::filter::{Kind, Property, Value};
use crate::store::times::time_text;

/// A feature: its id, a value for each column, and its geometry in degrees.
pub type AnyFeature<'a> = (String, Vec<Value<'a>>, Option<Geometry<f64>>);

/// Why a file cannot be written: a feature that cannot be made, or the file itself.
pub type AnyError = Box<dyn Error + Send + Sync>;

/// Writes one table into a new or empty file.
///
/// # Errors
/// A feature that cannot be made, or the file cannot be written.
pub fn write_any_features<'a>(
    path: &Path,
    table: &str,
    columns: &[Property],
    features: impl Iterator<Item = Result<AnyFeature<'a>, AnyError>>,
) -> Result<(), AnyError> {
    let mut connection = Connection::open(path)?;
    // Nobody else has the file yet, and a half-written one is thrown away.
    connection.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA mmap_size = 0;")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", USER_VERSION)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(GEOPACKAGE_SQL)?;
    let definitions: String = columns.iter().map(|column| format!(", {} {}", quoted(&column.name), column_type(column.kind))).collect();
    let name = quoted(table);
    transaction.execute_batch(&format!(
        "CREATE TABLE {name} (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, id TEXT NOT NULL{definitions}, geom GEOMETRY)"
    ))?;
    let mut extents = Vec::new();
    let mut count = 0_i64;
    {
        let marks: String = (1..=columns.len() + 3).map(|number| format!("{}?{number}", if number == 1 { "" } else { ", " })).collect();
        let mut add = transaction.prepare(&format!("INSERT INTO {name} VALUES ({marks})"))?;
        for feature in features {
            let (id, values, geometry) = feature?;
            count += 1;
            let geometry_blob = geometry.as_ref().map(encode).transpose()?.map_or(Sql::Null, Sql::Blob);
            extents.extend(geometry.as_ref().and_then(Extent::around).map(|extent| (count, extent)));
            let values = values.iter().map(to_sql);
            let row = [Sql::Integer(count), Sql::Text(id)].into_iter().chain(values).chain([geometry_blob]);
            add.execute(rusqlite::params_from_iter(row))?;
        }
    }
    register(&transaction, table, "GEOMETRY", usize::try_from(count)?, &extents)?;
    index(&transaction, table, &extents)?;
    transaction.commit()?;
    Ok(connection.close().map_err(|(_, error)| error)?)
}

fn column_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Boolean => "BOOLEAN",
        Kind::Integer => "INTEGER",
        Kind::Number => "REAL",
        Kind::Date => "DATE",
        Kind::Instant => "DATETIME",
        Kind::Text | Kind::Interval | Kind::Geometry | Kind::Array | Kind::Any => "TEXT",
    }
}

fn to_sql(value: &Value<'_>) -> Sql {
    match value {
        Value::Null | Value::Interval(_) | Value::Geometry(..) => Sql::Null,
        Value::Boolean(value) => Sql::Integer((*value).into()),
        Value::Integer(value) => Sql::Integer(*value),
        Value::Number(value) => Sql::Real(*value),
        Value::Text(text) => Sql::Text(text.to_string()),
        Value::Date(date) => Sql::Text(date.to_string()),
        Value::Instant(at) => Sql::Text(time_text(*at)),
        Value::Array(_) => Sql::Null,
    }
}

/// The binary of OGC 12-128r17, section 2.1.3: a head without an envelope, then well-known binary.
fn encode(geometry: &Geometry<f64>) -> Result<Vec<u8>, AnyError> {
    const LITTLE_ENDIAN: u8 = 1;
    let mut blob = vec![b'G', b'P', 0, LITTLE_ENDIAN];
    blob.extend_from_slice(&SRS_ID.to_le_bytes());
    blob.extend(geometry.to_wkb(CoordDimensions::xy())?);
    Ok(blob)
}
