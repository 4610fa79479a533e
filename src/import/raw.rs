use geo_types::{Coord, Geometry, Polygon};
use serde_json::Value;

use super::reproject::Crs;
use crate::boundary::Properties;

/// A boundary file as its format gives it: coordinates in the file's own system, rings as they stand.
///
/// Every reader makes one, and [`super::assemble`] goes on from there. What other parts of the program read
/// (a GeoPackage needs SQL) comes in by this door too.
#[derive(Debug)]
pub struct RawFile {
    pub format: &'static str,
    /// In the order of the columns, or of first appearance.
    pub fields: Vec<String>,
    pub features: Vec<RawFeature>,
    pub crs: StatedCrs,
    /// The encoding that the texts were decoded by, where the format leaves it open.
    pub encoding: Option<&'static str>,
    /// What a person should know about the file as a whole.
    pub notes: Vec<String>,
}

/// What a file says about its reference system.
#[derive(Clone, Debug, PartialEq)]
pub enum StatedCrs {
    /// Fixed by the format.
    Format(Crs),
    /// Said by the file: an `EPSG:n`, or WKT.
    Text(String),
    Missing,
}

#[derive(Debug)]
pub struct RawFeature {
    /// Counted from 1.
    pub number: usize,
    pub properties: Properties,
    /// A text or a number that stands beside the properties as an id.
    pub id: Option<Value>,
    /// What an export of ours keeps apart from the properties, as its names would not tell it from what is ours.
    pub source: Properties,
    pub geometry: RawGeometry,
    /// A ring did not end where it began and was closed by the reader.
    pub has_open_ring: bool,
}

impl RawFeature {
    pub fn new(number: usize, properties: Properties, geometry: RawGeometry) -> Self {
        Self { number, properties, id: None, source: Properties::new(), geometry, has_open_ring: false }
    }
}

/// Rings of one polygon, the exterior first, neither closed nor counted nor checked.
pub type RawPolygon = Vec<Vec<Coord<f64>>>;

#[derive(Clone, Debug, PartialEq)]
pub enum RawGeometry {
    /// None at all, or one that holds nothing.
    Empty,
    Polygons(Vec<RawPolygon>),
    /// Something else, by its name in the format.
    Other(String),
    /// It cannot be read, for this reason.
    Unreadable(String),
}

impl From<Geometry<f64>> for RawGeometry {
    fn from(geometry: Geometry<f64>) -> Self {
        let name = match geometry {
            Geometry::Polygon(polygon) => return Self::of_polygons(vec![polygon]),
            Geometry::MultiPolygon(polygons) => return Self::of_polygons(polygons.0),
            Geometry::Point(_) => "Point",
            Geometry::Line(_) | Geometry::LineString(_) => "LineString",
            Geometry::MultiPoint(_) => "MultiPoint",
            Geometry::MultiLineString(_) => "MultiLineString",
            Geometry::GeometryCollection(_) => "GeometryCollection",
            Geometry::Rect(_) | Geometry::Triangle(_) => "shape without rings",
        };
        Self::Other(name.into())
    }
}

impl RawGeometry {
    fn of_polygons(polygons: Vec<Polygon<f64>>) -> Self {
        let to_rings = |polygon: Polygon<f64>| {
            let (exterior, holes) = polygon.into_inner();
            std::iter::once(exterior).chain(holes).map(|ring| ring.0).collect::<RawPolygon>()
        };
        let polygons: Vec<RawPolygon> = polygons.into_iter().map(to_rings).collect();
        if polygons.iter().flatten().all(Vec::is_empty) { Self::Empty } else { Self::Polygons(polygons) }
    }
}
