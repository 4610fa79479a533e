//! From what a format gives to features of the domain: rings closed and judged, coordinates brought to
//! longitude and latitude, fields found. Every feature that comes in comes out, kept or reported.

use std::path::Path;

use geo_types::{Coord, LineString, MultiPolygon, Point, Polygon, Rect, coord};

use super::boundary_file::{BoundaryFile, ReadOptions, SourceFeature};
use super::error::ImportError;
use super::fields::{FoundFields, find_fields, read_code, read_name};
use super::guess::guess_crs;
use super::own::{join, take_out_own};
use super::raw::{RawFeature, RawFile, RawGeometry, RawPolygon, StatedCrs};
use super::reproject::Crs;
use crate::boundary::{FeatureRef, Problem, ProblemKind, ProblemUnit, Severity};

/// Goes on from what a reader made of a file.
///
/// # Errors
/// A reference system that is missing, unknown or plainly wrong; a field that was named and is not there.
pub fn assemble(path: &Path, mut raw: RawFile, options: &ReadOptions) -> Result<BoundaryFile, ImportError> {
    take_out_own(&mut raw, &options.fields);
    let fields = find_fields(path, &options.fields, &raw.fields)?;
    let (crs, origin, mut notes) = choose_crs(path, &raw, options)?;
    if raw.crs == StatedCrs::Missing && raw.features.is_empty() {
        notes.push("the file holds no features".into());
    }
    let extent = extent_of(&raw.features);
    let count = raw.features.len();
    let mut file = BoundaryFile {
        path: path.to_owned(),
        format: raw.format,
        crs,
        encoding: raw.encoding,
        field_names: raw.fields,
        fields,
        features: Vec::with_capacity(count),
        problems: Vec::new(),
        notes: raw.notes,
    };
    file.notes.append(&mut notes);
    let mut outside = 0;
    for feature in raw.features {
        let mut reader =
            FeatureReader { crs: &file.crs, fields: &file.fields, keep_plane: options.keep_plane, problems: &mut file.problems };
        let (feature, is_outside) = reader.read(feature);
        outside += usize::from(is_outside);
        file.features.push(feature);
    }
    // One stray coordinate is a fault of its feature; most of them are a wrong reference system.
    if outside * 2 > count {
        let crs = file.crs.to_string();
        return Err(ImportError::WrongCrs { path: path.to_owned(), crs, origin, outside, features: count, guess: guess_crs(extent) });
    }
    Ok(file)
}

/// Returns the system to read the coordinates by, who said so, and what to note.
fn choose_crs(path: &Path, raw: &RawFile, options: &ReadOptions) -> Result<(Crs, &'static str, Vec<String>), ImportError> {
    let stated = match &raw.crs {
        StatedCrs::Format(crs) => Ok(Some(crs.clone())),
        StatedCrs::Text(text) => Crs::parse(text).map(Some),
        StatedCrs::Missing => Ok(None),
    };
    if let Some(crs) = &options.crs {
        let mut notes = Vec::new();
        if let (StatedCrs::Text(_), Ok(Some(stated))) = (&raw.crs, &stated)
            && stated != crs
        {
            notes.push(format!("the file states {stated} and is read as {crs}, as asked"));
        }
        return Ok((crs.clone(), "--crs says", notes));
    }
    match (stated, &raw.crs) {
        (Ok(Some(crs)), StatedCrs::Format(_)) => Ok((crs, "the format means where nothing else is said", Vec::new())),
        (Ok(Some(crs)), _) => Ok((crs, "the file states", Vec::new())),
        // Nothing to read, so nothing to read wrongly.
        (Ok(None), _) if raw.features.iter().all(|f| !matches!(f.geometry, RawGeometry::Polygons(_))) => {
            Ok((Crs::WGS84, "nothing says", vec!["the file does not say its reference system, and has no polygons".into()]))
        }
        (Ok(None), _) => Err(ImportError::NoCrs { path: path.to_owned(), guess: guess_crs(extent_of(&raw.features)) }),
        (Err(source), StatedCrs::Text(text)) => {
            const SHOWN_CHARS: usize = 80;
            let stated = text.chars().take(SHOWN_CHARS).collect();
            Err(ImportError::BadCrs { path: path.to_owned(), stated, source })
        }
        (Err(source), _) => Err(ImportError::BadCrs { path: path.to_owned(), stated: "(none)".into(), source }),
    }
}

struct FeatureReader<'a> {
    crs: &'a Crs,
    fields: &'a FoundFields,
    keep_plane: bool,
    problems: &'a mut Vec<Problem>,
}

impl FeatureReader<'_> {
    /// Returns the feature, and whether its coordinates lie outside its reference system.
    fn read(&mut self, raw: RawFeature) -> (SourceFeature, bool) {
        let source = FeatureRef { number: raw.number };
        let mut properties = raw.properties;
        let mut take = |field: &Option<String>| field.as_ref().and_then(|field| properties.shift_remove(field)).unwrap_or_default();
        let (code, name, parent) = (take(&self.fields.code), take(&self.fields.name), take(&self.fields.parent));
        let code = read_code(&code);
        let parent = read_code(&parent).text;
        let mut feature = SourceFeature {
            source,
            code: Some(code.text).filter(|code| !code.is_empty()),
            name: read_name(&name),
            parent: Some(parent).filter(|parent| !parent.is_empty()),
            properties: join(properties, raw.source),
            geometry: None,
            plane: None,
        };
        if code.is_rounded {
            let detail =
                format!("the code was written as a number with an exponent and is taken as {}", feature.code.as_deref().unwrap_or(""));
            let remedy = "format the column as text in the spreadsheet and type the code again; digits may be lost";
            self.report(&feature, Problem::new(ProblemKind::BadCode, Severity::Warning, detail, remedy));
        }
        if raw.has_open_ring {
            let detail = "a ring does not end where it begins; the rest of the check closes it with a straight edge";
            let problem = Problem::new(ProblemKind::Unclosed, Severity::Error, detail, "repeat the first point at the end of the ring");
            self.report(&feature, problem);
        }
        let is_outside = self.read_geometry(&mut feature, raw.geometry);
        (feature, is_outside)
    }

    fn read_geometry(&mut self, feature: &mut SourceFeature, raw: RawGeometry) -> bool {
        let (kind, detail, remedy) = match raw {
            RawGeometry::Polygons(polygons) => return self.read_polygons(feature, polygons),
            RawGeometry::Empty => (
                ProblemKind::NoGeometry,
                "the feature has no geometry".to_owned(),
                "draw its boundary, or take the feature out of the file",
            ),
            RawGeometry::Other(kind) => (
                ProblemKind::NotPolygon,
                format!("the geometry is a {kind}"),
                "a unit is a polygon or a multipolygon; make it one, or take it out",
            ),
            RawGeometry::Unreadable(why) => {
                (ProblemKind::Coordinate, format!("the feature cannot be read: {why}"), "mend it there, or export the file again")
            }
        };
        self.report(feature, Problem::new(kind, Severity::Error, detail, remedy));
        false
    }

    fn read_polygons(&mut self, feature: &mut SourceFeature, polygons: Vec<RawPolygon>) -> bool {
        let plane = self.keep_plane.then(|| polygons.clone());
        let is_finite = polygons.iter().flatten().flatten().all(|c| c.x.is_finite() && c.y.is_finite());
        let mut outside = None;
        let mut to_lon_lat = polygons;
        for ring in to_lon_lat.iter_mut().flatten() {
            if let Err(error) = self.crs.all_to_wgs84(ring) {
                outside.get_or_insert(error);
            }
        }
        if let Some(error) = outside {
            let remedy = "correct the coordinate, or say the right --crs if many are reported";
            self.report(feature, Problem::new(ProblemKind::Coordinate, Severity::Error, error.to_string(), remedy));
            return is_finite;
        }
        feature.geometry = self.close_all(feature, to_lon_lat);
        // The same rings are left out and closed there, which has been reported once.
        feature.plane = plane.map(|polygons| MultiPolygon(polygons.into_iter().filter_map(to_polygon).collect()));
        false
    }

    fn close_all(&mut self, feature: &SourceFeature, polygons: Vec<RawPolygon>) -> Option<MultiPolygon<f64>> {
        for ring in polygons.iter().flatten() {
            if let (Some(first), Some(last)) = (ring.first(), ring.last())
                && first != last
            {
                self.report_unclosed(feature, *first, *last);
            }
        }
        if polygons.iter().flatten().any(Vec::is_empty) {
            let detail = "a ring has no points and is left out";
            let remedy = "take the empty ring out, or draw it";
            self.report(feature, Problem::new(ProblemKind::TooFewPoints, Severity::Error, detail, remedy));
        }
        Some(MultiPolygon(polygons.into_iter().filter_map(to_polygon).collect())).filter(|geometry: &MultiPolygon| !geometry.0.is_empty())
    }

    fn report_unclosed(&mut self, feature: &SourceFeature, first: Coord<f64>, last: Coord<f64>) {
        use geo::{Distance, Geodesic};
        let length_m = Geodesic.distance(Point(first), Point(last));
        let detail = format!(
            "a ring begins at {:.7} {:.7} and ends at {:.7} {:.7}, {length_m:.3} m away; the rest of the check closes it with a straight edge",
            first.x, first.y, last.x, last.y
        );
        let problem = Problem::new(ProblemKind::Unclosed, Severity::Error, detail, "repeat the first point at the end of the ring");
        self.report(feature, problem.placed(LineString(vec![last, first])).with_length_m(length_m));
    }

    fn report(&mut self, feature: &SourceFeature, problem: Problem) {
        self.problems.push(problem.of([ProblemUnit { code: feature.code.clone(), source: feature.source.clone() }]));
    }
}

fn to_polygon(rings: RawPolygon) -> Option<Polygon<f64>> {
    let mut rings = rings.into_iter().map(LineString);
    let exterior = rings.next().filter(|ring| !ring.0.is_empty())?;
    Some(Polygon::new(exterior, rings.filter(|ring| !ring.0.is_empty()).collect()))
}

fn extent_of(features: &[RawFeature]) -> Option<Rect<f64>> {
    let polygons = features.iter().filter_map(|feature| match &feature.geometry {
        RawGeometry::Polygons(polygons) => Some(polygons),
        _ => None,
    });
    let finite = polygons.flatten().flatten().flatten().filter(|c| c.x.is_finite() && c.y.is_finite());
    finite.fold(None, |extent: Option<Rect<f64>>, c| {
        let (low, high) = extent.map_or((*c, *c), |extent| (extent.min(), extent.max()));
        Some(Rect::new(coord! { x: low.x.min(c.x), y: low.y.min(c.y) }, coord! { x: high.x.max(c.x), y: high.y.max(c.y) }))
    })
}
