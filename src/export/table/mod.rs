//! Features of any collection as files for other programs, written row by row.
//!
//! What is written are [`TableRow`]s with one value for each [`TableColumn`]. CSV and GeoParquet go out as they come;
//! FlatGeobuf sorts its features first, in a temporary file.

mod csv;
mod flatgeobuf;
mod parquet;
mod wkt;

use std::borrow::Cow;

use geo_types::Geometry;

use crate::filter::{Kind, Value};

pub use self::csv::write_csv;
pub use self::flatgeobuf::write_flatgeobuf;
pub use self::parquet::write_parquet;

/// A column beside the id and the geometry.
#[derive(Clone, Debug, PartialEq)]
pub struct TableColumn {
    pub name: String,
    pub kind: Kind,
}

/// A feature with a value for each column. Easting or longitude comes first in its geometry.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow<'a> {
    pub id: Cow<'a, str>,
    pub values: Vec<Value<'a>>,
    pub geometry: Option<Geometry<f64>>,
}

/// Why a file cannot be written: a row that cannot be made, or the place it goes to.
pub type TableError = Box<dyn std::error::Error + Send + Sync>;

/// The name of the column of ids.
const ID: &str = "id";

/// The name of the column of geometry.
const GEOMETRY: &str = "geometry";

/// Writes a value as a text; what is not known is none.
fn to_text(value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Null | Value::Interval(_) | Value::Geometry(..) => return None,
        Value::Boolean(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Number(value) => value.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Date(date) => date.to_string(),
        Value::Instant(at) => at.to_string(),
        Value::Array(values) => {
            let texts: Vec<String> = values.iter().map(|value| to_text(value).unwrap_or_default()).collect();
            serde_json::to_string(&texts).unwrap_or_default()
        }
    })
}

#[cfg(test)]
mod tests {
    use geo_types::polygon;

    use super::*;

    fn columns() -> Vec<TableColumn> {
        [("name", Kind::Text), ("count", Kind::Integer), ("share", Kind::Number), ("open", Kind::Boolean), ("since", Kind::Instant)]
            .map(|(name, kind)| TableColumn { name: name.into(), kind })
            .into()
    }

    fn rows() -> Vec<Result<TableRow<'static>, TableError>> {
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let area = polygon![(x: 111.0, y: 26.0), (x: 112.5, y: 26.0), (x: 112.5, y: 27.0), (x: 111.0, y: 26.0)];
        let values =
            vec![Value::Text("零陵, \"区\"".into()), Value::Integer(7), Value::Number(0.5), Value::Boolean(true), Value::Instant(since)];
        vec![
            Ok(TableRow { id: "a".into(), values, geometry: Some(geo_types::MultiPolygon(vec![area]).into()) }),
            Ok(TableRow { id: "b".into(), values: vec![Value::Null; 5], geometry: None }),
        ]
    }

    #[test]
    fn a_csv_has_geometry_as_text_and_nothing_for_what_is_not_known() {
        let mut out = Vec::new();
        write_csv(&mut out, &columns(), true, rows().into_iter()).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "id,name,count,share,open,since,geometry");
        assert_eq!(
            lines[1],
            "a,\"零陵, \"\"区\"\"\",7,0.5,true,2026-01-01T00:00:00Z,\"MULTIPOLYGON (((111 26, 112.5 26, 112.5 27, 111 26)))\""
        );
        assert_eq!(lines[2], "b,,,,,,");
    }

    #[test]
    fn a_parquet_says_where_its_features_are() {
        use ::parquet::file::reader::{FileReader, SerializedFileReader};
        use ::parquet::record::RowAccessor;
        let mut out = Vec::new();
        write_parquet(&mut out, &columns(), true, rows().into_iter()).unwrap();
        let reader = SerializedFileReader::new(bytes::Bytes::from(out)).unwrap();
        let metadata = reader.metadata().file_metadata();
        assert_eq!(metadata.num_rows(), 2);
        let geo = metadata.key_value_metadata().unwrap().iter().find(|pair| pair.key == "geo").unwrap();
        let geo: serde_json::Value = serde_json::from_str(geo.value.as_ref().unwrap()).unwrap();
        assert_eq!(geo["columns"]["geometry"]["bbox"], serde_json::json!([111.0, 26.0, 112.5, 27.0]));
        assert_eq!(geo["columns"]["geometry"]["geometry_types"], serde_json::json!(["MultiPolygon"]));
        let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        assert_eq!((row.get_string(1).unwrap().as_str(), row.get_long(2).unwrap()), ("零陵, \"区\"", 7));
        assert_eq!(row.get_group(7).unwrap().get_double(2).unwrap(), 112.5);
    }
}
