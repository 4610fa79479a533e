use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::objects::to_given;
use super::{Desk, Form, INVALID, read_object, record};
use crate::api::locate::ask::Given;
use crate::api::locate::split::{Broken, Cut, FeatureSplitter};

/// A GeoJSON feature collection of points, answered by one.
///
/// Each feature keeps its id, its geometry and its properties; the members of the answer join the properties, and win
/// over properties of the same name.
#[derive(Debug)]
pub struct FeatureForm {
    splitter: FeatureSplitter,
    written: usize,
}

#[derive(Deserialize)]
struct GivenFeature<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    geometry: Option<&'a RawValue>,
    #[serde(borrow, default)]
    properties: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PointGeometry {
    r#type: String,
    coordinates: Vec<f64>,
}

#[derive(Serialize)]
struct AnsweredFeature<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    geometry: Option<&'a RawValue>,
    properties: Map<String, Value>,
}

const HEAD: &[u8] = b"{\"type\":\"FeatureCollection\",\"features\":[\n";

impl FeatureForm {
    pub fn new(record_bytes_max: usize) -> Self {
        Self { splitter: FeatureSplitter::new(record_bytes_max), written: 0 }
    }
}

impl Form for FeatureForm {
    fn push(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        let written = &mut self.written;
        self.splitter.push(bytes, &mut |cut| {
            out.extend_from_slice(if *written == 0 { HEAD } else { b",\n" });
            *written += 1;
            answer_feature(&cut, desk, out);
        })
    }

    fn finish(&mut self, _: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.splitter.finish()?;
        if self.written == 0 {
            out.extend_from_slice(HEAD);
        }
        out.extend_from_slice(b"\n]}\n");
        Ok(())
    }

    fn give_up(&mut self, broken: &Broken, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.written == 0 { HEAD } else { b",\n" });
        write_feature(None, None, invalid(Map::new(), &broken.to_string()), out);
        out.extend_from_slice(b"\n]}\n");
    }

    fn is_begun(&self) -> bool {
        self.splitter.is_begun()
    }
}

fn answer_feature(cut: &Cut<'_>, desk: &mut Desk, out: &mut Vec<u8>) {
    let feature = record(cut)
        .and_then(|bytes| serde_json::from_slice::<GivenFeature<'_>>(bytes).map_err(|e| format!("the record is no GeoJSON feature: {e}")));
    match feature {
        Ok(feature) => {
            let properties =
                feature.properties.map_or_else(|| Ok(Map::new()), |raw| read_object(raw.get().as_bytes(), "the member properties"));
            let answered = match properties {
                Ok(given) => answer_properties(feature.geometry, &given, desk).unwrap_or_else(|error| invalid(given, &error)),
                Err(error) => invalid(Map::new(), &error),
            };
            write_feature(feature.id, feature.geometry, answered, out);
        }
        Err(error) => write_feature(None, None, invalid(Map::new(), &error), out),
    }
}

fn answer_properties(geometry: Option<&RawValue>, properties: &Map<String, Value>, desk: &mut Desk) -> Result<Map<String, Value>, String> {
    let geometry = geometry.ok_or("the feature has no geometry")?;
    let not_point = || "the geometry is no point with a longitude and a latitude".to_owned();
    let members = read_object(geometry.get().as_bytes(), "the geometry")?;
    let point = PointGeometry::deserialize(Value::Object(members)).map_err(|_| not_point())?;
    let [lon, lat, ..] = point.coordinates[..] else { return Err(not_point()) };
    if point.r#type != "Point" {
        return Err(not_point());
    }
    let mut answered = properties.clone();
    let members = desk.members.clone();
    let fields = |name: &str| match name {
        "lon" => Some(Given::Number(lon)),
        "lat" => Some(Given::Number(lat)),
        _ => properties.get(name).and_then(to_given),
    };
    desk.answer(&fields, &mut |answer| {
        answered.extend(members.pick(answer)?);
        Ok(())
    })?;
    Ok(answered)
}

fn invalid(mut properties: Map<String, Value>, error: &str) -> Map<String, Value> {
    properties.insert("status".into(), INVALID.into());
    properties.insert("error".into(), error.into());
    properties
}

fn write_feature(id: Option<&RawValue>, geometry: Option<&RawValue>, properties: Map<String, Value>, out: &mut Vec<u8>) {
    let feature = AnsweredFeature { r#type: "Feature", id, geometry, properties };
    serde_json::to_writer(out, &feature).expect("what was read as JSON always serialises into memory");
}
