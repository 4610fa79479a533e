//! GeoJSON (RFC 7946), written feature by feature, so that a file of any size needs the memory of one feature.

use std::io::{self, Write};

use geo_types::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use rayon::prelude::*;
use serde_json::Value;

use crate::boundary::{OWN_PROPERTIES, SOURCE_MEMBER, Unit, UnitCode, UnitShape, Validity};
use crate::topology::{UnitIndex, ValidCoverage};

/// Writes a feature collection: the opening, features as they come, the end.
#[derive(Debug)]
pub struct CollectionWriter<W: Write> {
    out: W,
    has_features: bool,
}

impl<W: Write> CollectionWriter<W> {
    /// Begins a collection with further members beside `type` and `features`.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn new(mut out: W, members: &[(&str, Value)]) -> io::Result<Self> {
        out.write_all(b"{\"type\":\"FeatureCollection\"")?;
        for (name, value) in members {
            out.write_all(b",")?;
            write_member(&mut out, name, value)?;
        }
        out.write_all(b",\"features\":[")?;
        Ok(Self { out, has_features: false })
    }

    /// Writes one feature, on a line of its own.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write(&mut self, unit: &Unit, geometry: &MultiPolygon<f64>) -> io::Result<()> {
        self.out.write_all(if self.has_features { b",\n" } else { b"\n" })?;
        self.has_features = true;
        write_feature(&mut self.out, unit, geometry, &[])
    }

    /// Writes features, each on a line of its own, which all cores make into text first.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write_all(&mut self, shapes: &[UnitShape]) -> io::Result<()> {
        let texts = shapes.par_chunks(UNITS_A_TEXT).map(|shapes| {
            let mut text = CollectionWriter { out: Vec::new(), has_features: true };
            shapes.iter().try_for_each(|shape| text.write(&shape.unit, &shape.geometry))?;
            Ok(text.out)
        });
        for text in texts.collect::<io::Result<Vec<_>>>()? {
            // The first feature has nothing before it that a comma would part it from.
            self.out.write_all(if self.has_features { &text } else { &text[1..] })?;
            self.has_features = true;
        }
        Ok(())
    }

    /// Ends the collection and hands the writer back, flushed.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(if self.has_features { b"\n]}\n" } else { b"]}\n" })?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Units whose text one core makes at a time.
const UNITS_A_TEXT: usize = 256;

/// Writes a unit as a feature: its id, what is ours of its properties, then what its source says of it.
///
/// Where the source has a property of one of our names, all it says stands in a member of its own as well, from which an import takes
/// it back. `members` stand after the geometry, as links do.
/// The geometry is always a `MultiPolygon`; its rings are written as they are, and those of a coverage run as the RFC asks.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_feature(out: &mut impl Write, unit: &Unit, geometry: &MultiPolygon<f64>, members: &[(&str, Value)]) -> io::Result<()> {
    write_properties(out, unit, unit.validity)?;
    write_geometry(out, geometry)?;
    write_source_member(out, unit)?;
    for (name, value) in members {
        out.write_all(b",")?;
        write_member(out, name, value)?;
    }
    out.write_all(b"}")
}

/// Writes a unit of a coverage as [`write_feature`] does, with the validity that is told of it, up to where more members may follow.
///
/// The geometry is read off the arcs; nothing is put together on the way.
///
/// # Errors
/// None: a vector takes all.
pub fn write_covered_unit(
    out: &mut Vec<u8>,
    coverage: &ValidCoverage,
    (depth, index): (usize, UnitIndex),
    validity: Validity,
) -> io::Result<()> {
    let level = &coverage.levels()[depth];
    let unit = level.unit(index);
    write_properties(out, unit, validity)?;
    out.extend_from_slice(b"{\"type\":\"MultiPolygon\",\"coordinates\":[");
    for (at, rings) in level.polygons(index).enumerate() {
        out.extend_from_slice(if at == 0 { b"[" } else { b",[" });
        for (at, ring) in rings.enumerate() {
            out.extend_from_slice(if at == 0 { b"[" } else { b",[" });
            let start = out.len();
            coverage.arcs().for_each_ring_coord(ring, |coord| {
                if out.len() > start {
                    out.push(b',');
                }
                write_coord(out, &coord).expect("a vector takes all");
            });
            out.push(b']');
        }
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    write_source_member(out, unit)
}

/// Writes a feature up to its geometry.
fn write_properties(out: &mut impl Write, unit: &Unit, validity: Validity) -> io::Result<()> {
    let [code, name, level, parent, valid_from, valid_to] = OWN_PROPERTIES;
    write!(out, "{{\"type\":\"Feature\",\"id\":\"{}\",\"properties\":{{\"{code}\":", unit.id)?;
    serde_json::to_writer(&mut *out, unit.code.as_str())?;
    write!(out, ",\"{name}\":")?;
    serde_json::to_writer(&mut *out, &unit.name)?;
    write!(out, ",\"{level}\":")?;
    serde_json::to_writer(&mut *out, unit.level.as_str())?;
    write!(out, ",\"{parent}\":")?;
    serde_json::to_writer(&mut *out, &unit.parent.as_ref().map(UnitCode::as_str))?;
    write!(out, ",\"{valid_from}\":\"{}\"", validity.from)?;
    match validity.to {
        Some(to) => write!(out, ",\"{valid_to}\":\"{to}\"")?,
        None => write!(out, ",\"{valid_to}\":null")?,
    }
    for (name, value) in unit.properties.iter().filter(|(name, _)| !OWN_PROPERTIES.contains(&name.as_str())) {
        out.write_all(b",")?;
        write_member(out, name, value)?;
    }
    out.write_all(b"},\"geometry\":")
}

/// Writes all that the source says of a unit once more, where it uses one of our names.
fn write_source_member(out: &mut impl Write, unit: &Unit) -> io::Result<()> {
    if unit.properties.keys().any(|name| OWN_PROPERTIES.contains(&name.as_str())) {
        out.write_all(b",\"")?;
        out.write_all(SOURCE_MEMBER.as_bytes())?;
        out.write_all(b"\":")?;
        serde_json::to_writer(out, &unit.properties)?;
    }
    Ok(())
}

/// Writes a geometry; each number is the shortest that reads back as the same.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_geometry(out: &mut impl Write, geometry: &MultiPolygon<f64>) -> io::Result<()> {
    out.write_all(b"{\"type\":\"MultiPolygon\",\"coordinates\":")?;
    write_list(out, &geometry.0, write_polygon)?;
    out.write_all(b"}")
}

/// Writes a geometry of any kind, as [`write_geometry`] does one of areas.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_any_geometry(out: &mut impl Write, geometry: &Geometry<f64>) -> io::Result<()> {
    let open = |out: &mut _, kind: &str| Write::write_fmt(out, format_args!("{{\"type\":\"{kind}\",\"coordinates\":"));
    match geometry {
        Geometry::MultiPolygon(polygons) => return write_geometry(out, polygons),
        Geometry::GeometryCollection(parts) => {
            out.write_all(b"{\"type\":\"GeometryCollection\",\"geometries\":")?;
            write_list(out, &parts.0, write_any_geometry)?;
        }
        Geometry::Point(point) => {
            open(out, "Point")?;
            write_coord(out, &point.0)?;
        }
        Geometry::MultiPoint(points) => {
            open(out, "MultiPoint")?;
            write_list(out, &points.0, |out, point| write_coord(out, &point.0))?;
        }
        Geometry::LineString(line) => {
            open(out, "LineString")?;
            write_ring(out, line)?;
        }
        Geometry::MultiLineString(lines) => {
            open(out, "MultiLineString")?;
            write_list(out, &lines.0, write_ring)?;
        }
        Geometry::Polygon(polygon) => {
            open(out, "Polygon")?;
            write_polygon(out, polygon)?;
        }
        Geometry::Line(line) => return write_any_geometry(out, &LineString::from(*line).into()),
        Geometry::Rect(rect) => return write_any_geometry(out, &rect.to_polygon().into()),
        Geometry::Triangle(triangle) => return write_any_geometry(out, &triangle.to_polygon().into()),
    }
    out.write_all(b"}")
}

fn write_polygon(out: &mut impl Write, polygon: &Polygon<f64>) -> io::Result<()> {
    out.write_all(b"[")?;
    write_ring(out, polygon.exterior())?;
    for hole in polygon.interiors() {
        out.write_all(b",")?;
        write_ring(out, hole)?;
    }
    out.write_all(b"]")
}

fn write_list<W: Write, T>(out: &mut W, items: &[T], write: impl Fn(&mut W, &T) -> io::Result<()>) -> io::Result<()> {
    out.write_all(b"[")?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        write(out, item)?;
    }
    out.write_all(b"]")
}

/// Returns what is ours of a unit's properties, with the validity that is told of it.
pub fn own_properties(unit: &Unit, validity: Validity) -> [(&'static str, Value); OWN_PROPERTIES.len()] {
    let [code, name, level, parent, valid_from, valid_to] = OWN_PROPERTIES;
    [
        (code, unit.code.as_str().into()),
        (name, unit.name.as_str().into()),
        (level, unit.level.as_str().into()),
        (parent, unit.parent.as_ref().map(|parent| parent.as_str().to_owned()).into()),
        (valid_from, validity.from.to_string().into()),
        (valid_to, validity.to.map(|to| to.to_string()).into()),
    ]
}

/// Writes a member of an object.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_member(out: &mut impl Write, name: &str, value: &Value) -> io::Result<()> {
    serde_json::to_writer(&mut *out, name)?;
    out.write_all(b":")?;
    Ok(serde_json::to_writer(out, value)?)
}

fn write_ring(out: &mut impl Write, ring: &LineString<f64>) -> io::Result<()> {
    write_list(out, &ring.0, write_coord)
}

/// Writes a position; each number is the shortest that reads back as the same.
///
/// # Errors
/// Whatever `out` fails with.
pub fn write_coord(out: &mut impl Write, coord: &Coord<f64>) -> io::Result<()> {
    // Both numbers together, as most of the time of a page goes here.
    let mut text = [0_u8; COORD_BYTES_MAX];
    let mut rest = &mut text[..];
    rest.write_all(b"[")?;
    serde_json::to_writer(&mut rest, &coord.x)?;
    rest.write_all(b",")?;
    serde_json::to_writer(&mut rest, &coord.y)?;
    rest.write_all(b"]")?;
    let left = rest.len();
    out.write_all(&text[..COORD_BYTES_MAX - left])
}

/// The longest number, -2.2250738585072014e-308, has 24 characters.
const COORD_BYTES_MAX: usize = 2 * 24 + 3;

#[cfg(test)]
mod tests {
    use geo_types::Polygon;
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::boundary::{FeatureRef, Level, UnitCode, UnitId, Validity};

    fn unit() -> Unit {
        Unit {
            id: UnitId(Uuid::from_u128(7)),
            code: UnitCode::parse("431102").unwrap(),
            name: "零陵区 \"\\".into(),
            level: Level::parse("district").unwrap(),
            parent: None,
            properties: json!({"网格": 1, "code": "theirs", "a": [0.1]}).as_object().unwrap().clone(),
            validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
        }
    }

    fn geometry() -> MultiPolygon<f64> {
        let ring = |size: f64| LineString::from(vec![(0.1, 0.0), (size, 0.1 + 0.2), (1e-7, size), (0.1, 0.0)]);
        MultiPolygon(vec![Polygon::new(ring(3.0), vec![ring(1.0 / 3.0)]), Polygon::new(ring(1e9), vec![])])
    }

    #[test]
    fn a_feature_is_one_json_object_with_ours_before_theirs() {
        let mut out = Vec::new();
        write_feature(&mut out, &unit(), &geometry(), &[("links", json!([]))]).unwrap();
        let feature: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(feature["id"], "00000000-0000-0000-0000-000000000007");
        let names: Vec<_> = feature["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["code", "name", "level", "parent", "valid_from", "valid_to", "网格", "a"]);
        assert_eq!(feature["properties"]["code"], "431102");
        assert_eq!(feature["properties"]["valid_from"], "1970-01-01T00:00:00Z");
        assert_eq!(feature["links"], json!([]));
    }

    #[test]
    fn a_property_of_one_of_our_names_stands_beside_ours() {
        let write = |unit: &Unit| {
            let mut out = Vec::new();
            write_feature(&mut out, unit, &geometry(), &[]).unwrap();
            serde_json::from_slice::<Value>(&out).unwrap()
        };
        assert_eq!(write(&unit())[SOURCE_MEMBER], json!({"网格": 1, "code": "theirs", "a": [0.1]}));
        let without = Unit { properties: json!({"网格": 1}).as_object().unwrap().clone(), ..unit() };
        assert_eq!(write(&without).get(SOURCE_MEMBER), None);
    }

    #[test]
    fn coordinates_read_back_bit_for_bit() {
        let mut out = Vec::new();
        write_geometry(&mut out, &geometry()).unwrap();
        let read: geojson::Geometry = serde_json::from_slice(&out).unwrap();
        assert_eq!(MultiPolygon::<f64>::try_from(read).unwrap(), geometry());
    }

    #[test]
    fn a_collection_is_json_with_any_number_of_features() {
        for count in [0, 1, 2, 2 * UNITS_A_TEXT + 1] {
            let mut writer = CollectionWriter::new(Vec::new(), &[("layer", "grid".into())]).unwrap();
            (0..count).for_each(|_| writer.write(&unit(), &geometry()).unwrap());
            let one_by_one = writer.finish().unwrap();
            let mut writer = CollectionWriter::new(Vec::new(), &[("layer", "grid".into())]).unwrap();
            let shapes = vec![UnitShape { unit: unit(), geometry: geometry(), source: FeatureRef::default() }; count];
            writer.write_all(&shapes).unwrap();
            assert_eq!(writer.finish().unwrap(), one_by_one);
            let collection: Value = serde_json::from_slice(&one_by_one).unwrap();
            assert_eq!(collection["type"], "FeatureCollection");
            assert_eq!(collection["layer"], "grid");
            assert_eq!(collection["features"].as_array().unwrap().len(), count);
        }
    }
}
