use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use geo::BoundingRect;
use geo_types::{Geometry, Rect};
use geozero::{CoordDimensions, ToWkb};
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use serde_json::json;

use super::{GEOMETRY, ID, TableColumn, TableError, TableRow, to_text};
use crate::filter::{Kind, Value};

/// Rows that are held in memory and written as one group. Readers skip whole groups by their boxes.
const GROUP_ROWS: usize = 20_000;

/// Writes GeoParquet 1.1 in degrees: geometry as well-known binary, and a column of boxes by which readers skip what lies elsewhere.
///
/// # Errors
/// A row that cannot be made, or whatever `out` fails with.
pub fn write_parquet<'a>(
    out: impl Write + Send,
    columns: &[TableColumn],
    with_geometry: bool,
    rows: impl Iterator<Item = Result<TableRow<'a>, TableError>>,
) -> Result<(), TableError> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(Default::default())).build();
    let schema = schema(columns, with_geometry)?;
    let mut writer = SerializedFileWriter::new(out, schema, Arc::new(properties))?;
    let mut seen = Seen::default();
    let mut rows = rows.peekable();
    while rows.peek().is_some() {
        let group: Vec<TableRow<'_>> = rows.by_ref().take(GROUP_ROWS).collect::<Result<_, _>>()?;
        let mut writer = writer.next_row_group()?;
        write_group(&mut writer, columns, &group, with_geometry.then_some(&mut seen))?;
        writer.close()?;
    }
    if with_geometry {
        writer.append_key_value_metadata(KeyValue::new("geo".to_owned(), seen.to_metadata()));
    }
    writer.close()?;
    Ok(())
}

/// What the features of a file have in common.
#[derive(Debug, Default)]
struct Seen {
    kinds: BTreeSet<&'static str>,
    bounds: Option<[f64; 4]>,
}

impl Seen {
    /// Takes note of a geometry and returns its box.
    fn look_at(&mut self, geometry: &Geometry<f64>) -> Option<Rect<f64>> {
        self.kinds.insert(match geometry {
            Geometry::Point(_) => "Point",
            Geometry::MultiPoint(_) => "MultiPoint",
            Geometry::Line(_) | Geometry::LineString(_) => "LineString",
            Geometry::MultiLineString(_) => "MultiLineString",
            Geometry::Polygon(_) | Geometry::Rect(_) | Geometry::Triangle(_) => "Polygon",
            Geometry::MultiPolygon(_) => "MultiPolygon",
            Geometry::GeometryCollection(_) => "GeometryCollection",
        });
        let rect = geometry.bounding_rect()?;
        let (min, max) = (rect.min(), rect.max());
        let [west, south, east, north] = self.bounds.unwrap_or([min.x, min.y, max.x, max.y]);
        self.bounds = Some([west.min(min.x), south.min(min.y), east.max(max.x), north.max(max.y)]);
        Some(rect)
    }

    /// The member `geo` of the file's metadata, GeoParquet 1.1. Without a `crs` the system is CRS84.
    fn to_metadata(&self) -> String {
        let part = |name: &str| json!(["bbox", name]);
        let covering = json!({ "bbox": { "xmin": part("xmin"), "ymin": part("ymin"), "xmax": part("xmax"), "ymax": part("ymax") } });
        let mut column = json!({ "encoding": "WKB", "geometry_types": self.kinds, "covering": covering });
        if let Some(bounds) = self.bounds {
            column["bbox"] = json!(bounds);
        }
        json!({ "version": "1.1.0", "primary_column": GEOMETRY, "columns": { GEOMETRY: column } }).to_string()
    }
}

/// Every column may hold nothing. Names are whatever the source has, so the schema is built and not parsed.
fn schema(columns: &[TableColumn], with_geometry: bool) -> Result<TypePtr, ParquetError> {
    use parquet::basic::{LogicalType, Repetition, Type as Physical};
    let field = |name: &str, physical: Physical, logical: Option<LogicalType>, repetition: Repetition| {
        Type::primitive_type_builder(name, physical).with_logical_type(logical).with_repetition(repetition).build().map(Arc::new)
    };
    let optional = |name: &str, physical: Physical, logical: Option<LogicalType>| field(name, physical, logical, Repetition::OPTIONAL);
    let mut fields = vec![field(ID, Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED)?];
    for TableColumn { name, kind } in columns {
        fields.push(match kind {
            Kind::Boolean => optional(name, Physical::BOOLEAN, None)?,
            Kind::Integer => optional(name, Physical::INT64, None)?,
            Kind::Number => optional(name, Physical::DOUBLE, None)?,
            Kind::Date => optional(name, Physical::INT32, Some(LogicalType::Date))?,
            Kind::Instant => optional(name, Physical::INT64, Some(LogicalType::timestamp(true, parquet::basic::TimeUnit::MICROS)))?,
            Kind::Text | Kind::Interval | Kind::Geometry | Kind::Array | Kind::Any => {
                optional(name, Physical::BYTE_ARRAY, Some(LogicalType::String))?
            }
        });
    }
    if with_geometry {
        fields.push(optional(GEOMETRY, Physical::BYTE_ARRAY, None)?);
        let sides = ["xmin", "ymin", "xmax", "ymax"].map(|name| field(name, Physical::DOUBLE, None, Repetition::REQUIRED));
        let sides = sides.into_iter().collect::<Result<Vec<_>, _>>()?;
        let bbox = Type::group_type_builder("bbox").with_repetition(Repetition::OPTIONAL).with_fields(sides).build()?;
        fields.push(Arc::new(bbox));
    }
    Type::group_type_builder("features").with_fields(fields).build().map(Arc::new)
}

fn write_group<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    columns: &[TableColumn],
    rows: &[TableRow<'_>],
    seen: Option<&mut Seen>,
) -> Result<(), TableError> {
    let ids = rows.iter().map(|row| Some(ByteArray::from(row.id.as_bytes().to_vec())));
    next(group, |writer| write::<ByteArrayType>(writer, ids, true))?;
    for (at, column) in columns.iter().enumerate() {
        let values = || rows.iter().map(|row| &row.values[at]);
        next(group, |writer| match column.kind {
            Kind::Boolean => {
                write::<BoolType>(writer, values().map(|value| if let Value::Boolean(b) = value { Some(*b) } else { None }), false)
            }
            Kind::Integer => {
                write::<Int64Type>(writer, values().map(|value| if let Value::Integer(n) = value { Some(*n) } else { None }), false)
            }
            Kind::Number => write::<DoubleType>(writer, values().map(to_float), false),
            Kind::Date => write::<Int32Type>(writer, values().map(to_days), false),
            Kind::Instant => {
                let micros = |value: &Value<'_>| if let Value::Instant(at) = value { Some(at.as_microsecond()) } else { None };
                write::<Int64Type>(writer, values().map(micros), false)
            }
            Kind::Text | Kind::Interval | Kind::Geometry | Kind::Array | Kind::Any => {
                write::<ByteArrayType>(writer, values().map(|value| to_text(value).map(|text| ByteArray::from(text.into_bytes()))), false)
            }
        })?;
    }
    let Some(seen) = seen else { return Ok(()) };
    let boxes: Vec<Option<Rect<f64>>> = rows.iter().map(|row| row.geometry.as_ref().and_then(|geometry| seen.look_at(geometry))).collect();
    let mut binary = Vec::with_capacity(rows.len());
    for row in rows {
        let wkb = row.geometry.as_ref().map(|geometry| geometry.to_wkb(CoordDimensions::xy())).transpose()?;
        binary.push(wkb.map(ByteArray::from));
    }
    next(group, |writer| write::<ByteArrayType>(writer, binary.into_iter(), false))?;
    let sides: [fn(&Rect<f64>) -> f64; 4] = [|b| b.min().x, |b| b.min().y, |b| b.max().x, |b| b.max().y];
    for side in sides {
        next(group, |writer| write::<DoubleType>(writer, boxes.iter().map(|rect| rect.as_ref().map(side)), false))?;
    }
    Ok(())
}

fn next<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    write: impl FnOnce(&mut SerializedColumnWriter<'_>) -> Result<(), ParquetError>,
) -> Result<(), ParquetError> {
    let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("the file has fewer columns".into()))?;
    write(&mut writer)?;
    writer.close()
}

fn write<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: impl Iterator<Item = Option<T::T>>,
    is_required: bool,
) -> Result<(), ParquetError> {
    let (mut set, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        set.extend(value);
    }
    let levels = if is_required { None } else { Some(levels.as_slice()) };
    writer.typed::<T>().write_batch(&set, levels, None).map(drop)
}

#[expect(clippy::cast_precision_loss, reason = "the column has fractions, so its numbers are floats")]
fn to_float(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        _ => None,
    }
}

fn to_days(value: &Value<'_>) -> Option<i32> {
    let Value::Date(date) = value else { return None };
    let epoch = jiff::civil::Date::constant(1970, 1, 1);
    Some(epoch.until(*date).ok()?.get_days())
}
