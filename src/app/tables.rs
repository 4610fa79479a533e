use std::path::{Path, PathBuf};
use std::sync::Arc;

use geo::MapCoords;
use jiff::Timestamp;

use crate::api::{TableFeature, TableSource};
use crate::boundary::Level;
use crate::import::{Crs, CrsError};
use crate::store::geopackage::{ForeignError, ForeignFeature, ForeignLayer, list_layers, read_features, split_geopackage};

/// Why the features of a file cannot be offered.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("{file} is no GeoPackage; give FILE.gpkg, or FILE.gpkg:LAYER")]
    Kind { file: String },
    #[error(transparent)]
    Read(#[from] ForeignError),
    #[error("cannot learn when {path} was changed")]
    Time {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the layer {layer} of {path} is larger than features.collection_bytes_max allows; offer a part of it, or raise the setting")]
    TooLarge { path: PathBuf, layer: String },
    #[error("the layer {layer} of {path} has a name that cannot stand in an address; use lower-case letters, digits and _")]
    Name { path: PathBuf, layer: String },
    #[error("the layer {layer} of {path} says no reference system")]
    NoCrs { path: PathBuf, layer: String },
    #[error("feature {number} of the layer {layer} of {path} cannot be brought to degrees")]
    Place {
        path: PathBuf,
        layer: String,
        number: usize,
        #[source]
        source: CrsError,
    },
    #[error("feature {number} of the layer {layer} of {path} has a geometry that cannot be read: {detail}")]
    Geometry { path: PathBuf, layer: String, number: usize, detail: String },
}

/// Reads layers of GeoPackages, `FILE.gpkg` for all of a file or `FILE.gpkg:LAYER`, as collections that the service offers.
///
/// `bytes_max` bounds the files together: features in memory take a few times what they take there.
///
/// # Errors
/// Names the file, the layer and the feature that cannot be used.
pub fn read_tables(files: &[String], bytes_max: u64) -> Result<Vec<Arc<TableSource>>, TableError> {
    let mut tables = Vec::new();
    let mut bytes = 0_u64;
    for file in files {
        let (path, wanted) = split_geopackage(file).ok_or_else(|| TableError::Kind { file: file.clone() })?;
        let names = match wanted {
            Some(name) => vec![name],
            None => list_layers(&path)?.into_iter().map(|layer| layer.name).collect(),
        };
        let metadata = std::fs::metadata(&path).map_err(|source| TableError::Time { path: path.clone(), source })?;
        let changed = metadata.modified().map_err(|source| TableError::Time { path: path.clone(), source })?;
        let time = Timestamp::try_from(changed).unwrap_or(Timestamp::UNIX_EPOCH);
        bytes = bytes.saturating_add(metadata.len());
        for name in names {
            if bytes > bytes_max {
                return Err(TableError::TooLarge { path, layer: name });
            }
            // The id stands in addresses as those of levels do.
            if Level::parse(&name).is_err() {
                return Err(TableError::Name { path, layer: name });
            }
            let (layer, features) = read_features(&path, Some(&name))?;
            let features = to_degrees(&path, &layer, features)?;
            tables.push(Arc::new(TableSource::new(name, &layer.geometry_column, features, time)));
        }
    }
    Ok(tables)
}

fn to_degrees(path: &Path, layer: &ForeignLayer, features: Vec<ForeignFeature>) -> Result<Vec<TableFeature>, TableError> {
    let (path_of, name) = (|| path.to_owned(), || layer.name.clone());
    let stated = layer.stated_crs().ok_or_else(|| TableError::NoCrs { path: path_of(), layer: name() })?;
    let crs = Crs::parse(&stated).map_err(|_| TableError::NoCrs { path: path_of(), layer: name() })?;
    let place = |feature: ForeignFeature| {
        let number = feature.number;
        let geometry = feature.geometry.map_err(|detail| TableError::Geometry { path: path_of(), layer: name(), number, detail })?;
        let geometry =
            geometry.map(|geometry| if crs.is_lon_lat() { Ok(geometry) } else { geometry.try_map_coords(|coord| crs.to_wgs84(coord)) });
        let geometry = geometry.transpose().map_err(|source| TableError::Place { path: path_of(), layer: name(), number, source })?;
        Ok(TableFeature { properties: feature.properties, geometry })
    };
    features.into_iter().map(place).collect()
}
