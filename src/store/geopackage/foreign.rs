//! Reads the feature tables of any program's GeoPackage, as input of an import.

use std::path::{Path, PathBuf};

use geo_types::Geometry;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use serde_json::Value;

use super::geometry;
use super::views::quoted;
use crate::boundary::Properties;

/// A feature table, or a view that is registered as one.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignLayer {
    pub name: String,
    pub geometry_column: String,
    /// The reference system: who defines it, its number there, and its definition as WKT.
    pub organization: String,
    pub organization_id: i64,
    pub definition: String,
}

/// A feature as its table has it, in the reference system of its layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ForeignFeature {
    /// The place of the feature in its table, counted from 1.
    pub number: usize,
    pub properties: Properties,
    /// None where the column is empty or the geometry is; what cannot be read is told instead.
    pub geometry: Result<Option<Geometry<f64>>, String>,
    /// A ring did not end where it begins; in `geometry` it does.
    pub has_open_ring: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    #[error("cannot read {path} as a GeoPackage")]
    Read {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("{path} is no GeoPackage: it has no table gpkg_geometry_columns")]
    NotGeoPackage { path: PathBuf },
    #[error("{path} has no layer {layer}; it has {}", names(.layers))]
    NoLayer { path: PathBuf, layer: String, layers: Vec<String> },
    #[error("{path} has several layers: {}; name one as FILE.gpkg:LAYER", names(.layers))]
    WhichLayer { path: PathBuf, layers: Vec<String> },
    #[error("{path} has no feature layer")]
    NoLayers { path: PathBuf },
}

fn names(layers: &[String]) -> String {
    if layers.is_empty() { "none".into() } else { layers.join(", ") }
}

/// Splits `FILE.gpkg:LAYER` into the file and the layer, which may be left out; none where no GeoPackage is named.
pub fn split_geopackage(file: &str) -> Option<(PathBuf, Option<String>)> {
    const ENDING: &str = ".gpkg";
    let lower = file.to_ascii_lowercase();
    if lower.ends_with(ENDING) {
        return Some((file.into(), None));
    }
    let at = lower.rfind(".gpkg:")? + ENDING.len();
    Some((file[..at].into(), Some(file[at + 1..].to_owned())))
}

impl ForeignLayer {
    /// Returns what the file says of the layer's reference system, as `EPSG:n` or WKT; none where it says nothing.
    pub fn stated_crs(&self) -> Option<String> {
        let is_defined = !matches!(self.organization_id, -1 | 0) && !self.organization.eq_ignore_ascii_case("NONE");
        if is_defined && self.organization.eq_ignore_ascii_case("EPSG") {
            return Some(format!("EPSG:{}", self.organization_id));
        }
        // Programs that know no system write "undefined", or a local one called "Undefined SRS".
        let has_definition = !self.definition.is_empty() && !self.definition.to_ascii_lowercase().contains("undefined");
        (is_defined && has_definition).then(|| self.definition.clone())
    }
}

/// Returns the feature layers of a file in the order of their names.
///
/// # Errors
/// The file cannot be read, or is no GeoPackage.
pub fn list_layers(path: &Path) -> Result<Vec<ForeignLayer>, ForeignError> {
    layers_of(&open(path)?, path)
}

/// Reads all features of one layer, which may be left out where the file has only one.
///
/// Columns become properties: numbers and texts as they are, booleans as what their column says they are, dates as texts; binary
/// columns other than the geometry are left out.
///
/// # Errors
/// The file cannot be read, is no GeoPackage, or has no such layer. A feature's own fault is told in the feature.
pub fn read_features(path: &Path, layer: Option<&str>) -> Result<(ForeignLayer, Vec<ForeignFeature>), ForeignError> {
    let connection = open(path)?;
    let layer = choose(&layers_of(&connection, path)?, layer, path)?;
    let read = || -> Result<Vec<ForeignFeature>, rusqlite::Error> {
        let key = key_column(&connection, &layer.name)?;
        let order = key.as_deref().map(|key| format!(" ORDER BY {}", quoted(key))).unwrap_or_default();
        let mut statement = connection.prepare(&format!("SELECT * FROM {}{order}", quoted(&layer.name)))?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let booleans = boolean_columns(&connection, &layer.name)?;
        let mut rows = statement.query([])?;
        let mut features = Vec::new();
        while let Some(row) = rows.next()? {
            let mut feature =
                ForeignFeature { number: features.len() + 1, properties: Properties::new(), geometry: Ok(None), has_open_ring: false };
            for (at, column) in columns.iter().enumerate() {
                let value = row.get_ref(at)?;
                if column.eq_ignore_ascii_case(&layer.geometry_column) {
                    feature.take_geometry(value);
                } else if Some(column) != key.as_ref() {
                    let value = to_json(value).map(|value| if booleans.contains(column) { to_boolean(value) } else { value });
                    feature.properties.extend(value.map(|value| (column.clone(), value)));
                }
            }
            features.push(feature);
        }
        Ok(features)
    };
    match read() {
        Ok(features) => Ok((layer, features)),
        Err(source) => Err(ForeignError::Read { path: path.to_owned(), source }),
    }
}

impl ForeignFeature {
    fn take_geometry(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Blob(blob) => match geometry::decode(blob) {
                Ok(decoded) => {
                    self.geometry = Ok(decoded.geometry);
                    self.has_open_ring = decoded.has_open_ring;
                }
                Err(error) => self.geometry = Err(error.to_string()),
            },
            _ => self.geometry = Err("the geometry column holds no binary value".into()),
        }
    }
}

/// Opens a file that another program may have open, and leaves nothing beside it where that can be avoided.
fn open(path: &Path) -> Result<Connection, ForeignError> {
    let read_error = |source| ForeignError::Read { path: path.to_owned(), source };
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(read_error)?;
    // The file is a stranger's: its views and triggers may not call anything with side effects.
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;").map_err(read_error)?;
    Ok(connection)
}

fn layers_of(connection: &Connection, path: &Path) -> Result<Vec<ForeignLayer>, ForeignError> {
    let read_error = |source| ForeignError::Read { path: path.to_owned(), source };
    let has_table = |name: &str| connection.prepare("SELECT 1 FROM sqlite_master WHERE name = ?1")?.exists([name]);
    for table in ["gpkg_geometry_columns", "gpkg_spatial_ref_sys"] {
        if !has_table(table).map_err(read_error)? {
            return Err(ForeignError::NotGeoPackage { path: path.to_owned() });
        }
    }
    let read = || -> Result<Vec<ForeignLayer>, rusqlite::Error> {
        let mut statement = connection.prepare(
            "SELECT g.table_name, g.column_name, coalesce(s.organization, ''), coalesce(s.organization_coordsys_id, g.srs_id),
                    coalesce(s.definition, '')
             FROM gpkg_geometry_columns AS g LEFT JOIN gpkg_spatial_ref_sys AS s ON s.srs_id = g.srs_id ORDER BY g.table_name",
        )?;
        let layer = |row: &rusqlite::Row<'_>| {
            Ok(ForeignLayer {
                name: row.get(0)?,
                geometry_column: row.get(1)?,
                organization: row.get(2)?,
                organization_id: row.get(3)?,
                definition: row.get(4)?,
            })
        };
        statement.query_map([], layer)?.collect()
    };
    read().map_err(read_error)
}

fn choose(layers: &[ForeignLayer], wanted: Option<&str>, path: &Path) -> Result<ForeignLayer, ForeignError> {
    let path = path.to_owned();
    let all = || layers.iter().map(|layer| layer.name.clone()).collect::<Vec<_>>();
    match wanted {
        Some(wanted) => layers.iter().find(|layer| layer.name == wanted).cloned().ok_or_else(|| ForeignError::NoLayer {
            path,
            layer: wanted.to_owned(),
            layers: all(),
        }),
        None => match layers {
            [] => Err(ForeignError::NoLayers { path }),
            [layer] => Ok(layer.clone()),
            _ => Err(ForeignError::WhichLayer { path, layers: all() }),
        },
    }
}

/// Returns the integer primary key, which says nothing about the feature. A view has none, and what stands for it in front: our own
/// views call it `fid`, as GDAL does.
fn key_column(connection: &Connection, table: &str) -> Result<Option<String>, rusqlite::Error> {
    let sql = "SELECT name FROM pragma_table_info(?1) WHERE upper(type) = 'INTEGER' AND (pk = 1
               OR cid = 0 AND name = 'fid' AND EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'view' AND sqlite_master.name = ?1))";
    connection.query_row(sql, [table], |row| row.get(0)).optional()
}

/// SQLite keeps truth values as numbers; only the declaration of a column tells them from others.
fn boolean_columns(connection: &Connection, table: &str) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1) WHERE upper(type) = 'BOOLEAN'")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

fn to_boolean(value: Value) -> Value {
    match value.as_i64() {
        Some(0) => false.into(),
        Some(1) => true.into(),
        _ => value,
    }
}

fn to_json(value: ValueRef<'_>) -> Option<Value> {
    Some(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_is_named_behind_the_geopackage() {
        let split = |file: &str| split_geopackage(file).map(|(path, layer)| (path.display().to_string(), layer));
        assert_eq!(split("a/b.gpkg"), Some(("a/b.gpkg".into(), None)));
        assert_eq!(split("a/b.GPKG:网格"), Some(("a/b.GPKG".into(), Some("网格".into()))));
        assert_eq!(split("a.shp"), None);
    }
}
