use std::path::Path;

use geo_types::Coord;
use kml::types::{Element, Geometry, LinearRing, Placemark};
use kml::{Kml, KmlReader};

use super::error::ImportError;
use super::raw::{RawFeature, RawFile, RawGeometry, RawPolygon, StatedCrs};
use super::reproject::Crs;
use crate::boundary::Properties;

/// Elements inside elements. Real files stay below twenty; the parser calls itself for each level.
const DEPTH_MAX: usize = 200;

const PLACEMARK: &[u8] = b"<Placemark";

/// Reads the placemarks in their order, whatever folders they lie in. KML is WGS 84 by its standard.
pub(super) fn read(path: &Path, text: &[u8]) -> Result<RawFile, ImportError> {
    let broken = |detail: String| ImportError::broken(path, "KML file", detail, "export it again from the program it came from");
    if depth(text) > DEPTH_MAX {
        return Err(broken(format!("its elements are nested more than {DEPTH_MAX} deep")));
    }
    let root: Kml<f64> = KmlReader::from_reader(text).read().map_err(|e| broken(e.to_string()))?;
    let mut features = Vec::new();
    collect(root, &mut features);
    let mut fields: Vec<String> = Vec::new();
    let mut seen = rustc_hash::FxHashSet::default();
    for name in features.iter().flat_map(|feature: &RawFeature| feature.properties.keys()) {
        if seen.insert(name.clone()) {
            fields.push(name.clone());
        }
    }
    // The parser passes over placemarks that hold nothing at all.
    let written =
        text.windows(PLACEMARK.len() + 1).filter(|w| w.starts_with(PLACEMARK) && !w[PLACEMARK.len()].is_ascii_alphanumeric()).count();
    let mut notes = Vec::new();
    if written > features.len() {
        notes.push(format!("{} empty placemarks were left out", written - features.len()));
    }
    Ok(RawFile { format: "KML", fields, features, crs: StatedCrs::Format(Crs::WGS84), encoding: None, notes })
}

fn collect(kml: Kml<f64>, features: &mut Vec<RawFeature>) {
    match kml {
        Kml::KmlDocument(document) => document.elements.into_iter().for_each(|element| collect(element, features)),
        Kml::Document { elements, .. } => elements.into_iter().for_each(|element| collect(element, features)),
        Kml::Folder(folder) => folder.elements.into_iter().for_each(|element| collect(element, features)),
        Kml::Placemark(placemark) => {
            let feature = read_placemark(features.len() + 1, placemark);
            features.push(feature);
        }
        _ => {}
    }
}

fn read_placemark(number: usize, placemark: Placemark<f64>) -> RawFeature {
    let mut properties = Properties::new();
    let texts = [("name", placemark.name), ("description", placemark.description)];
    for (name, text) in texts.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        properties.insert(name.into(), text.into());
    }
    placemark.children.iter().for_each(|child| read_data(child, &mut properties));
    let geometry = placemark.geometry.map_or(RawGeometry::Empty, |geometry| {
        let mut polygons = Vec::new();
        match read_geometry(geometry, &mut polygons) {
            Err(other) => RawGeometry::Other(other.into()),
            Ok(()) if polygons.iter().flatten().all(Vec::is_empty) => RawGeometry::Empty,
            Ok(()) => RawGeometry::Polygons(polygons),
        }
    });
    RawFeature::new(number, properties, geometry)
}

/// `<ExtendedData>` holds `<Data name="…"><value>…</value></Data>` or `<SchemaData>` with `<SimpleData name="…">…</SimpleData>`.
fn read_data(element: &Element, properties: &mut Properties) {
    let text = match element.name.as_str() {
        "Data" => element.children.iter().find(|child| child.name == "value").and_then(|value| value.content.clone()),
        "SimpleData" => element.content.clone(),
        "ExtendedData" | "SchemaData" => return element.children.iter().for_each(|child| read_data(child, properties)),
        _ => return,
    };
    if let Some(name) = element.attrs.get("name") {
        properties.insert(name.clone(), text.map_or(serde_json::Value::Null, Into::into));
    }
}

fn read_geometry(geometry: Geometry<f64>, polygons: &mut Vec<RawPolygon>) -> Result<(), &'static str> {
    let to_ring = |ring: LinearRing<f64>| ring.coords.into_iter().map(|c| Coord { x: c.x, y: c.y }).collect();
    match geometry {
        Geometry::Polygon(polygon) => {
            polygons.push(std::iter::once(polygon.outer).chain(polygon.inner).map(to_ring).collect());
            Ok(())
        }
        Geometry::MultiGeometry(many) => many.geometries.into_iter().try_for_each(|one| read_geometry(one, polygons)),
        Geometry::Point(_) => Err("Point"),
        Geometry::LineString(_) => Err("LineString"),
        Geometry::LinearRing(_) => Err("LinearRing"),
        _ => Err("Model"),
    }
}

/// Counts how deep elements lie in each other, near enough to protect the parser.
fn depth(text: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0usize, 0usize);
    for tag in text.split(|&byte| byte == b'<').skip(1) {
        match tag.first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => {
                let end = tag.iter().position(|&byte| byte == b'>').unwrap_or(tag.len());
                if end == 0 || tag[end - 1] != b'/' {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
            }
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQUARE: &str = "<LinearRing><coordinates>0,0,5 1,0,5 1,1,5 0,1,5 0,0,5</coordinates></LinearRing>";

    fn read_text(text: &str) -> RawFile {
        read(Path::new("a.kml"), text.as_bytes()).unwrap()
    }

    #[test]
    fn placemarks_keep_their_order_their_data_and_their_polygons() {
        let polygon = format!("<Polygon><outerBoundaryIs>{SQUARE}</outerBoundaryIs></Polygon>");
        let file = read_text(&format!(
            r#"<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder>
            <Placemark><name>甲</name><ExtendedData><Data name="code"><value>01</value></Data></ExtendedData>{polygon}</Placemark>
            <Placemark><name>乙</name><ExtendedData><SchemaData schemaUrl="a"><SimpleData name="code">02</SimpleData></SchemaData></ExtendedData>
            <MultiGeometry>{polygon}{polygon}</MultiGeometry></Placemark></Folder>
            <Placemark><Point><coordinates>1,2</coordinates></Point></Placemark><Placemark/></Document></kml>"#
        ));
        assert_eq!(file.fields, ["name", "code"]);
        let kinds: Vec<_> = file
            .features
            .iter()
            .map(|feature| match &feature.geometry {
                RawGeometry::Polygons(polygons) => format!("{} {}", feature.properties["code"], polygons.len()),
                other => format!("{other:?}"),
            })
            .collect();
        assert_eq!(kinds, ["\"01\" 1", "\"02\" 2", "Other(\"Point\")"]);
        assert_eq!(file.notes, ["1 empty placemarks were left out"]);
    }

    #[test]
    fn nesting_without_end_is_an_error() {
        let deep = "<Folder>".repeat(100_000);
        assert!(read(Path::new("a.kml"), deep.as_bytes()).is_err());
    }
}
