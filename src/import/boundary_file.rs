use std::path::{Path, PathBuf};

use encoding_rs::Encoding;
use geo_types::MultiPolygon;
use jiff::Timestamp;
use uuid::Uuid;

use super::assemble::assemble;
use super::container::{has_extension, open, open_shapefile, read_whole, unpack_kml, unpack_shapefile};
use super::error::ImportError;
use super::fields::{FieldChoice, FoundFields, list};
use super::progress::Progress;
use super::reproject::Crs;
use super::{flatgeobuf, geojson, kml, shapefile};
use crate::boundary::{
    FeatureRef, Layer, Level, Problem, ProblemKind, ProblemUnit, Properties, Severity, Unit, UnitCode, UnitId, UnitShape, Validity,
};

/// What a person says about a file, where the file does not say it or says it wrong.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    pub crs: Option<Crs>,
    pub encoding: Option<&'static Encoding>,
    pub fields: FieldChoice,
    /// Also keep the coordinates as they stand in the file, for checks on the file's own plane.
    pub keep_plane: bool,
}

/// A boundary file as read: every feature of it, and all that was wrong with reading it.
#[derive(Clone, Debug)]
pub struct BoundaryFile {
    pub path: PathBuf,
    pub format: &'static str,
    pub crs: Crs,
    /// What texts were decoded by, where the format leaves it open.
    pub encoding: Option<&'static str>,
    /// All fields, in the order of the columns.
    pub field_names: Vec<String>,
    pub fields: FoundFields,
    pub features: Vec<SourceFeature>,
    /// What is wrong with single features.
    pub problems: Vec<Problem>,
    /// What a person should know about the file as a whole.
    pub notes: Vec<String>,
}

/// One feature of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceFeature {
    pub source: FeatureRef,
    pub code: Option<String>,
    /// Empty where there is none.
    pub name: String,
    pub parent: Option<String>,
    /// The other fields.
    pub properties: Properties,
    /// Lon, lat, degrees WGS 84, rings closed. None where a problem says why.
    pub geometry: Option<MultiPolygon<f64>>,
    /// The same in the file's own coordinates, where it was asked for.
    pub plane: Option<MultiPolygon<f64>>,
}

/// Reads a boundary file: `.shp` or a zipped shapefile, `.geojson` or `.json` (also `.gz`), `.fgb`, `.kml`, `.kmz`.
///
/// A GeoPackage needs SQL and is read by the store; [`assemble`] goes on from there.
///
/// # Errors
/// A file that cannot be opened or is not what its name says, and a reference system that is missing or unknown.
/// What is wrong with single features is among [`BoundaryFile::problems`].
pub fn read_boundaries(path: &Path, options: &ReadOptions, progress: &dyn Fn(Progress)) -> Result<BoundaryFile, ImportError> {
    // The ending in front of `.gz` tells the format.
    let inner = if has_extension(path, &["gz"]) { path.with_extension("") } else { path.to_owned() };
    let raw = if has_extension(path, &["zip"]) {
        shapefile::read(path, unpack_shapefile(path, progress)?, options.encoding)?
    } else if has_extension(path, &["kmz"]) {
        kml::read(path, &unpack_kml(path, progress)?)?
    } else if has_extension(path, &["shp"]) {
        shapefile::read(path, open_shapefile(path, progress)?, options.encoding)?
    } else if has_extension(&inner, &["geojson", "json"]) {
        geojson::read(path, &read_whole(path, progress)?)?
    } else if has_extension(&inner, &["fgb"]) {
        flatgeobuf::read(path, open(path, progress)?)?
    } else if has_extension(&inner, &["kml"]) {
        kml::read(path, &read_whole(path, progress)?)?
    } else {
        return Err(ImportError::Kind { path: path.to_owned() });
    };
    assemble(path, raw, options)
}

impl BoundaryFile {
    /// Refuses a file whose codes nobody can find.
    ///
    /// # Errors
    /// Lists the fields that the file has.
    pub fn require_code(&self) -> Result<(), ImportError> {
        if self.fields.code.is_some() || self.features.is_empty() {
            return Ok(());
        }
        if self.field_names.is_empty() {
            return Err(ImportError::NoFields { path: self.path.clone(), what: "code" });
        }
        let present = list(&self.field_names);
        Err(ImportError::FieldNotFound { path: self.path.clone(), what: "code", option: "--code-field", present })
    }

    /// Makes units of the features that have a geometry and a code, for one level of a layer.
    ///
    /// Features without a geometry are among the problems already; those whose code is missing or cannot be one
    /// are added to them. Where the file has no field of codes at all, the number of the feature stands in.
    /// Ids and dates are given when the level is published.
    pub fn into_shapes(self, layer: &Layer, level: &Level) -> (Vec<UnitShape>, Vec<Problem>) {
        let mut problems: Vec<Problem> = self.problems.into_iter().map(|problem| problem.at_level(level)).collect();
        let has_codes = self.fields.code.is_some();
        let mut shapes = Vec::with_capacity(self.features.len());
        for feature in self.features {
            let Some(geometry) = feature.geometry else { continue };
            let code = feature.code.clone().or_else(|| (!has_codes).then(|| feature.source.number.to_string()));
            let code = match UnitCode::parse(code.as_deref().unwrap_or("")) {
                Ok(code) => code,
                Err(error) => {
                    let remedy = "give the feature a code of its own";
                    let unit = ProblemUnit { code: feature.code, source: feature.source };
                    let problem = Problem::new(ProblemKind::BadCode, Severity::Error, error.to_string(), remedy);
                    problems.push(problem.at_level(level).of([unit]).placed(geometry));
                    continue;
                }
            };
            let parent = feature.parent.as_deref().and_then(|parent| UnitCode::parse(parent).ok());
            let parent = parent.or_else(|| layer.scheme.as_ref()?.parent_code(&code, level)).filter(|_| layer.parent_of(level).is_some());
            let unit = Unit {
                id: UnitId(Uuid::nil()),
                code,
                name: feature.name,
                level: level.clone(),
                parent,
                properties: feature.properties,
                validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
            };
            shapes.push(UnitShape { unit, geometry, source: feature.source });
        }
        (shapes, problems)
    }

    /// Puts the file's own coordinates in place of longitude and latitude, for a check on the file's plane.
    /// Does nothing where they were not kept.
    pub fn use_plane(&mut self) {
        for feature in &mut self.features {
            if let Some(plane) = feature.plane.take() {
                feature.geometry = feature.geometry.is_some().then_some(plane);
            }
        }
    }
}
