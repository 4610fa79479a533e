//! GeoJSON (RFC 7946), with what older and careless writers make of it.
//!
//! The text is held once; features are parsed one after another, so that a broken one is reported
//! and the others are kept. Coordinates go straight into numbers; only a geometry that does not
//! fit is looked at again to say why.

mod coordinates;

use std::path::Path;

use serde_json::Value;
use serde_json::value::RawValue;

use self::coordinates::read_polygons;
use super::error::ImportError;
use super::raw::{RawFeature, RawFile, RawGeometry, StatedCrs};
use super::reproject::Crs;
use crate::boundary::{OWN_PROPERTIES, Properties, SOURCE_MEMBER};

const FORMAT: &str = "GeoJSON";

pub(super) fn read(path: &Path, text: &[u8]) -> Result<RawFile, ImportError> {
    let broken = |detail: String, remedy| ImportError::broken(path, FORMAT, detail, remedy);
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let text = std::str::from_utf8(text)
        .map_err(|e| broken(format!("it is not UTF-8 from byte {} on", e.valid_up_to()), "save it as UTF-8, as GeoJSON must be"))?;
    let root: Object<'_> = serde_json::from_str(text).map_err(|e| {
        let remedy = "mend the text there, or export it again";
        if text.trim().is_empty() { broken("it is empty".into(), remedy) } else { broken(e.to_string(), remedy) }
    })?;
    let mut file = RawFile {
        format: FORMAT,
        fields: Vec::new(),
        features: Vec::new(),
        crs: StatedCrs::Format(Crs::WGS84),
        encoding: None,
        notes: Vec::new(),
    };
    if let Some(crs) = root.get("crs") {
        file.crs = read_crs(crs);
    }
    let kind = root.text("type");
    match kind.as_deref().map(str::to_ascii_lowercase).as_deref() {
        Some("featurecollection") => {
            let features: Vec<&RawValue> = root.get("features").and_then(|f| serde_json::from_str(f.get()).ok()).ok_or_else(|| {
                let found = if root.get("features").is_some() { "has \"features\" that are no list" } else { "has no \"features\"" };
                broken(format!("its FeatureCollection {found}"), "export it again; \"features\" must be a list")
            })?;
            for feature in features {
                let number = file.features.len() + 1;
                let feature = read_feature(number, feature, &mut file.notes);
                file.features.push(feature);
            }
        }
        Some("feature") => file.features.push(read_feature_object(1, &root, &mut file.notes)),
        Some(name) if GEOMETRIES.contains(&name) => {
            let geometry = read_geometry(&root);
            file.features.push(RawFeature::new(1, Properties::new(), geometry));
            file.notes.push("the file is a bare geometry: one feature without code and name".into());
        }
        Some(_) => {
            let detail = format!("its \"type\" is {:?}", kind.unwrap_or_default());
            return Err(broken(detail, "give a FeatureCollection, a Feature or a geometry"));
        }
        None => {
            let detail = format!("it has no \"type\"; its members are: {}", root.names());
            return Err(broken(detail, "a portal that was not ready saves such answers; download it again"));
        }
    }
    if let Some(wrong) = kind.filter(|kind| ["featurecollection", "feature"].contains(&kind.as_str())) {
        file.notes.push(format!("the type {wrong:?} is written in the wrong case and was taken all the same"));
    }
    file.fields = collect_fields(&file.features);
    Ok(file)
}

const GEOMETRIES: [&str; 7] = ["point", "multipoint", "linestring", "multilinestring", "polygon", "multipolygon", "geometrycollection"];

/// An object with its members unparsed.
struct Object<'a> {
    members: Vec<(String, &'a RawValue)>,
}

impl<'a> Object<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.members.iter().rfind(|(member, _)| member == name).map(|(_, value)| *value)
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    fn names(&self) -> String {
        let names = self.members.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        if names.is_empty() { "none".into() } else { names }
    }

    fn repeated(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.members.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

impl<'de> serde::Deserialize<'de> for Object<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object { members })
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

fn read_feature(number: usize, text: &RawValue, notes: &mut Vec<String>) -> RawFeature {
    match serde_json::from_str::<Object<'_>>(text.get()) {
        Ok(object) => read_feature_object(number, &object, notes),
        Err(_) => unreadable(number, "it is no JSON object"),
    }
}

fn read_feature_object(number: usize, object: &Object<'_>, notes: &mut Vec<String>) -> RawFeature {
    match object.text("type").as_deref() {
        Some("Feature") => {}
        Some(other) if other.eq_ignore_ascii_case("feature") => {
            notes.push(format!("feature {number}: the type {other:?} is written in the wrong case and was taken all the same"));
        }
        Some(other) => return unreadable(number, &format!("its \"type\" is {other:?} and must be \"Feature\"")),
        None => return unreadable(number, "it has no \"type\": \"Feature\""),
    }
    if let Some(name) = object.repeated() {
        notes.push(format!("feature {number} has {name:?} twice; the last one counts"));
    }
    let mut properties = Properties::new();
    match object.get("properties").map(|p| serde_json::from_str::<Value>(p.get())) {
        None | Some(Ok(Value::Null)) => {}
        Some(Ok(Value::Object(members))) => properties = members,
        Some(_) => notes.push(format!("feature {number}: its \"properties\" are no object and were left out")),
    }
    let id = object.get("id").and_then(|id| serde_json::from_str(id.get()).ok()).filter(|id: &Value| id.is_string() || id.is_number());
    let mut source: Properties = object.get(SOURCE_MEMBER).and_then(|source| serde_json::from_str(source.get()).ok()).unwrap_or_default();
    // What an editor took out of the properties does not come back.
    source.retain(|name, _| OWN_PROPERTIES.contains(&name.as_str()) || properties.contains_key(name));
    let geometry = match object.get("geometry") {
        None => RawGeometry::Empty,
        Some(text) if text.get() == "null" => RawGeometry::Empty,
        Some(text) => match serde_json::from_str::<Object<'_>>(text.get()) {
            Ok(geometry) => read_geometry(&geometry),
            Err(_) => RawGeometry::Unreadable("its \"geometry\" is no JSON object".into()),
        },
    };
    RawFeature { id, source, ..RawFeature::new(number, properties, geometry) }
}

fn read_geometry(object: &Object<'_>) -> RawGeometry {
    let Some(kind) = object.text("type") else {
        return RawGeometry::Unreadable("its geometry has no \"type\"".into());
    };
    match kind.to_ascii_lowercase().as_str() {
        name @ ("polygon" | "multipolygon") => match object.get("coordinates") {
            Some(coordinates) => read_polygons(coordinates.get(), name == "multipolygon"),
            None => RawGeometry::Unreadable(format!("its {kind} has no \"coordinates\"")),
        },
        name if GEOMETRIES.contains(&name) => RawGeometry::Other(kind),
        _ => RawGeometry::Unreadable(format!("{kind:?} is no type of geometry")),
    }
}

/// The `crs` member of GeoJSON before 2016: `{"type": "name", "properties": {"name": …}}`.
fn read_crs(text: &RawValue) -> StatedCrs {
    let value: Value = serde_json::from_str(text.get()).unwrap_or_default();
    let properties = &value["properties"];
    match (value["type"].as_str(), &properties["name"], &properties["code"]) {
        _ if value.is_null() => StatedCrs::Missing,
        (Some("name"), Value::String(name), _) => StatedCrs::Text(name.clone()),
        (Some("EPSG"), _, Value::Number(code)) => StatedCrs::Text(format!("EPSG:{code}")),
        _ => StatedCrs::Text(value.to_string()),
    }
}

fn collect_fields(features: &[RawFeature]) -> Vec<String> {
    let mut seen = rustc_hash::FxHashSet::default();
    let names = features.iter().flat_map(|feature| feature.properties.keys());
    names.filter(|name| seen.insert(name.as_str())).cloned().collect()
}

fn unreadable(number: usize, why: &str) -> RawFeature {
    RawFeature::new(number, Properties::new(), RawGeometry::Unreadable(why.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn geometry_of(json: &str) -> RawGeometry {
        let text =
            format!(r#"{{"type": "FeatureCollection", "features": [{{"type": "Feature", "properties": null, "geometry": {json}}}]}}"#);
        read(Path::new("a.geojson"), text.as_bytes()).unwrap().features.remove(0).geometry
    }

    #[test]
    fn a_geometry_is_polygons_or_says_what_it_is() {
        let square = "[[0,0],[1,0],[1,1,7],[0,1],[0,0]]";
        let polygons = |json: &str| match geometry_of(json) {
            RawGeometry::Polygons(polygons) => polygons.iter().map(Vec::len).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(polygons(&format!(r#"{{"type": "Polygon", "coordinates": [{square}, {square}]}}"#)), [2]);
        assert_eq!(polygons(&format!(r#"{{"coordinates": [[{square}], [{square}]], "type": "MultiPolygon"}}"#)), [1, 1]);
        for (json, expected) in [
            ("null", RawGeometry::Empty),
            (r#"{"type": "Polygon", "coordinates": []}"#, RawGeometry::Empty),
            (r#"{"type": "Point", "coordinates": [0, 0]}"#, RawGeometry::Other("Point".into())),
        ] {
            assert_eq!(geometry_of(json), expected, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        for (json, expected) in [
            ("5", "no JSON object"),
            (r#"{"coordinates": []}"#, "no \"type\""),
            (r#"{"type": "Polygon"}"#, "no \"coordinates\""),
            (r#"{"type": "Polygon", "coordinates": [[[0, 0], ["1", 0]]]}"#, "ring 1, point 2"),
            (r#"{"type": "Polygon", "coordinates": [[[0, 0], [1]]]}"#, "ring 1, point 2"),
            (r#"{"type": "Polygon", "coordinates": [[0, 0], [1, 1]]}"#, "ring 1, point 1"),
            (r#"{"type": "MultiPolygon", "coordinates": [[[0, 0], [1, 1]]]}"#, "polygon 1, ring 1, point 1"),
        ] {
            match geometry_of(json) {
                RawGeometry::Unreadable(why) => assert!(why.contains(expected), "{json}: {why}"),
                other => panic!("{json}: {other:?}"),
            }
        }
    }

    #[test]
    fn one_broken_feature_does_not_lose_the_others() {
        let text =
            r#"{"type": "FeatureCollection", "features": ["a", {"type": "Feature", "geometry": null, "properties": {"code": 7}}, 5]}"#;
        let file = read(Path::new("a.geojson"), text.as_bytes()).unwrap();
        assert_eq!(file.features.len(), 3);
        assert_eq!(file.fields, ["code"]);
    }

    #[test]
    fn nesting_without_end_is_an_error_and_no_crash() {
        let deep = "[".repeat(100_000);
        assert!(read(Path::new("a.geojson"), deep.as_bytes()).is_err());
        let text = format!(r#"{{"type": "Polygon", "coordinates": {deep}{}}}"#, "]".repeat(100_000));
        let file = read(Path::new("a.geojson"), text.as_bytes());
        assert!(file.is_err() || matches!(file.unwrap().features[0].geometry, RawGeometry::Unreadable(_)));
    }
}
