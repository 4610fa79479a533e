use std::io::Write;

use flatgeobuf::{ColumnType, FgbCrs, FgbWriter, FgbWriterOptions, GeometryType};
use geo_types::{Geometry, GeometryCollection};
use geozero::{ColumnValue, PropertyProcessor};

use super::{ID, TableColumn, TableError, TableRow, to_text};
use crate::filter::{Kind, Value};

/// Writes FlatGeobuf 3 with its packed index. `epsg` is the code of the geometry's system; features without a geometry have an empty
/// one.
///
/// # Errors
/// A row that cannot be made, or whatever `out` or the temporary file fails with.
pub fn write_flatgeobuf<'a>(
    out: impl Write,
    name: &str,
    epsg: i32,
    columns: &[TableColumn],
    rows: impl Iterator<Item = Result<TableRow<'a>, TableError>>,
) -> Result<(), TableError> {
    let crs = FgbCrs { code: epsg, ..FgbCrs::default() };
    let options = FgbWriterOptions { crs, promote_to_multi: false, ..FgbWriterOptions::default() };
    let mut writer = FgbWriter::create_with_options(name, GeometryType::Unknown, options)?;
    writer.add_column(ID, ColumnType::String, |_, column| column.nullable = false);
    for column in columns {
        writer.add_column(&column.name, column_type(column.kind), |_, _| {});
    }
    for row in rows {
        let row = row?;
        let geometry = row.geometry.unwrap_or_else(|| Geometry::GeometryCollection(GeometryCollection::default()));
        let mut failed = None;
        writer.add_feature_geom(geometry, |feature| {
            let mut set = |at: usize, name: &str, value: &ColumnValue<'_>| {
                if let Err(e) = feature.property(at, name, value) {
                    failed = Some(e);
                }
            };
            set(0, ID, &ColumnValue::String(&row.id));
            for (at, (column, value)) in columns.iter().zip(&row.values).enumerate() {
                let text = to_text(value);
                if let Some(value) = to_column(value, text.as_deref(), column.kind) {
                    set(at + 1, &column.name, &value);
                }
            }
        })?;
        if let Some(error) = failed {
            return Err(error.into());
        }
    }
    writer.write(out)?;
    Ok(())
}

fn column_type(kind: Kind) -> ColumnType {
    match kind {
        Kind::Boolean => ColumnType::Bool,
        Kind::Integer => ColumnType::Long,
        Kind::Number => ColumnType::Double,
        Kind::Date | Kind::Instant => ColumnType::DateTime,
        Kind::Text | Kind::Interval | Kind::Geometry | Kind::Array | Kind::Any => ColumnType::String,
    }
}

/// Returns the value as its column has it; what is not known is left out.
fn to_column<'v>(value: &Value<'_>, text: Option<&'v str>, kind: Kind) -> Option<ColumnValue<'v>> {
    match (value, kind) {
        (Value::Boolean(value), Kind::Boolean) => Some(ColumnValue::Bool(*value)),
        (Value::Integer(value), Kind::Integer) => Some(ColumnValue::Long(*value)),
        #[expect(clippy::cast_precision_loss, reason = "the column has fractions, so its numbers are floats")]
        (Value::Integer(value), Kind::Number) => Some(ColumnValue::Double(*value as f64)),
        (Value::Number(value), Kind::Number) => Some(ColumnValue::Double(*value)),
        (_, Kind::Boolean | Kind::Integer | Kind::Number) => None,
        (_, Kind::Date | Kind::Instant) => text.map(ColumnValue::DateTime),
        _ => text.map(ColumnValue::String),
    }
}
