use std::io::BufRead;
use std::path::Path;

use flatgeobuf::geozero::{ColumnValue, PropertyProcessor};
use flatgeobuf::{FallibleStreamingIterator, FgbReader, Geometry, GeometryType};
use geo_types::Coord;

use super::error::ImportError;
use super::raw::{RawFeature, RawFile, RawGeometry, RawPolygon, StatedCrs};
use crate::boundary::Properties;

const FORMAT: &str = "FlatGeobuf file";
const REMEDY: &str = "write it again from the program it came from";

/// Geometries may hold geometries; more levels than this no polygon needs.
const DEPTH_MAX: usize = 4;

/// Reads one feature after another; the spatial index is skipped.
pub(super) fn read(path: &Path, source: impl BufRead) -> Result<RawFile, ImportError> {
    let broken = |error: flatgeobuf::Error| ImportError::broken(path, FORMAT, error.to_string(), REMEDY);
    let reader = FgbReader::open(source).map_err(broken)?;
    let header = reader.header();
    let fields = header.columns().map_or_else(Vec::new, |columns| columns.iter().map(|c| c.name().to_owned()).collect());
    let geometry_type = header.geometry_type();
    let announced = header.features_count();
    let crs = match header.crs() {
        None => StatedCrs::Missing,
        Some(crs) => match (crs.org(), crs.code(), crs.wkt()) {
            (org, code @ 1.., _) if org.is_none_or(|org| org.eq_ignore_ascii_case("EPSG")) => StatedCrs::Text(format!("EPSG:{code}")),
            (_, _, Some(wkt)) if !wkt.is_empty() => StatedCrs::Text(wkt.to_owned()),
            _ => StatedCrs::Missing,
        },
    };
    let mut file = RawFile { format: FORMAT, fields, features: Vec::new(), crs, encoding: None, notes: Vec::new() };
    let mut features = reader.select_all_seq().map_err(broken)?;
    loop {
        match features.next() {
            Ok(Some(feature)) => {
                let number = file.features.len() + 1;
                let mut properties = Collector(Properties::new());
                if let Err(error) = flatgeobuf::FeatureProperties::process_properties(feature, &mut properties) {
                    file.notes.push(format!("feature {number}: its fields cannot be read: {error}"));
                }
                let geometry = feature.geometry().map_or(RawGeometry::Empty, |geometry| read_geometry(&geometry, geometry_type));
                file.features.push(RawFeature::new(number, properties.0, geometry));
            }
            Ok(None) => break,
            Err(error) if file.features.is_empty() => return Err(broken(error)),
            Err(error) => {
                let number = file.features.len() + 1;
                let why = format!("it cannot be read: {error}");
                file.notes.push(format!("the file is damaged at feature {number} of {announced} and was read up to there; {REMEDY}"));
                file.features.push(RawFeature::new(number, Properties::new(), RawGeometry::Unreadable(why)));
                break;
            }
        }
    }
    Ok(file)
}

fn read_geometry(geometry: &Geometry<'_>, stated: GeometryType) -> RawGeometry {
    let kind = if stated == GeometryType::Unknown { geometry.type_() } else { stated };
    let mut polygons = Vec::new();
    match collect(geometry, kind, DEPTH_MAX, &mut polygons) {
        Err(why) => why,
        Ok(()) if polygons.is_empty() => RawGeometry::Empty,
        Ok(()) => RawGeometry::Polygons(polygons),
    }
}

fn collect(geometry: &Geometry<'_>, kind: GeometryType, depth: usize, polygons: &mut Vec<RawPolygon>) -> Result<(), RawGeometry> {
    match kind {
        GeometryType::Polygon => {
            let rings = read_rings(geometry).ok_or_else(|| RawGeometry::Unreadable("its rings do not fit its coordinates".into()))?;
            polygons.extend(Some(rings).filter(|rings| !rings.is_empty()));
            Ok(())
        }
        GeometryType::MultiPolygon if depth > 0 => {
            let mut parts = geometry.parts().into_iter().flatten();
            parts.try_for_each(|part| collect(&part, GeometryType::Polygon, depth - 1, polygons))
        }
        other => Err(RawGeometry::Other(other.variant_name().unwrap_or("geometry of an unknown type").into())),
    }
}

fn read_rings(geometry: &Geometry<'_>) -> Option<RawPolygon> {
    let Some(xy) = geometry.xy() else { return Some(Vec::new()) };
    let points: Vec<Coord<f64>> = (0..xy.len() / 2).map(|at| Coord { x: xy.get(at * 2), y: xy.get(at * 2 + 1) }).collect();
    let ends: Vec<usize> = match geometry.ends() {
        Some(ends) if !ends.is_empty() => ends.iter().map(|end| end as usize).collect(),
        _ => vec![points.len()],
    };
    let mut start = 0;
    ends.into_iter().map(|end| points.get(std::mem::replace(&mut start, end)..end).map(<[_]>::to_vec)).collect()
}

struct Collector(Properties);

impl PropertyProcessor for Collector {
    fn property(&mut self, _index: usize, name: &str, value: &ColumnValue<'_>) -> flatgeobuf::geozero::error::Result<bool> {
        let value = match value {
            ColumnValue::Bool(v) => (*v).into(),
            ColumnValue::Byte(v) => (*v).into(),
            ColumnValue::UByte(v) => (*v).into(),
            ColumnValue::Short(v) => (*v).into(),
            ColumnValue::UShort(v) => (*v).into(),
            ColumnValue::Int(v) => (*v).into(),
            ColumnValue::UInt(v) => (*v).into(),
            ColumnValue::Long(v) => (*v).into(),
            ColumnValue::ULong(v) => (*v).into(),
            ColumnValue::Float(v) => (*v).into(),
            ColumnValue::Double(v) => (*v).into(),
            ColumnValue::String(v) | ColumnValue::DateTime(v) => (*v).into(),
            ColumnValue::Json(v) => serde_json::from_str(v).unwrap_or_else(|_| (*v).into()),
            ColumnValue::Binary(_) => serde_json::Value::Null,
        };
        self.0.insert(name.to_owned(), value);
        Ok(false)
    }
}
