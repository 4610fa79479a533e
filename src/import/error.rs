use std::path::PathBuf;

use super::reproject::CrsError;

/// Why a boundary file cannot be read at all. What is wrong with single features is a [`crate::boundary::Problem`].
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{path} is of no kind known here: give .shp, a zipped shapefile, .geojson or .json (also .gz), .gpkg, .fgb, .kml or .kmz")]
    Kind { path: PathBuf },
    #[error("{path} is no {format}: {detail}; {remedy}")]
    Broken { path: PathBuf, format: &'static str, detail: String, remedy: &'static str },
    #[error(
        "{path} unpacks to more than {limit} bytes, {times} times its size or more; unpack it by hand and give the file inside if that is right"
    )]
    Unpacked { path: PathBuf, limit: u64, times: u64 },
    #[error("{path} does not say its reference system: {guess}")]
    NoCrs { path: PathBuf, guess: String },
    #[error("{path} states a reference system that cannot be used: {stated}; add --crs EPSG:n with the right one")]
    BadCrs {
        path: PathBuf,
        stated: String,
        #[source]
        source: CrsError,
    },
    #[error("the coordinates of {path} cannot be {crs}, which {origin}: {outside} of {features} features lie outside it; {guess}")]
    WrongCrs { path: PathBuf, crs: String, origin: &'static str, outside: usize, features: usize, guess: String },
    #[error("{path} has no fields at all, so none can hold the {what}; give the file with its table, a .shp with the .dbf beside it")]
    NoFields { path: PathBuf, what: &'static str },
    #[error("{path} has no field {field:?}; its fields are: {present}")]
    NoField { path: PathBuf, field: String, present: String },
    #[error("no field of {path} is known to hold the {what}; name it with {option}, one of: {present}")]
    FieldNotFound { path: PathBuf, what: &'static str, option: &'static str, present: String },
    #[error("{label:?} is no text encoding known here; use UTF-8, GBK, GB18030, Big5, ISO-8859-1 or another name of the WHATWG list")]
    Encoding { label: String },
}

impl ImportError {
    pub(super) fn broken(path: &std::path::Path, format: &'static str, detail: impl Into<String>, remedy: &'static str) -> Self {
        Self::Broken { path: path.to_owned(), format, detail: detail.into(), remedy }
    }
}
