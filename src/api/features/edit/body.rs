use axum::http::{HeaderMap, HeaderName, header};
use geo_types::Coord;
use serde_json::{Map, Value, json};

use super::super::crs::WireCrs;
use crate::api::json::read_json;
use crate::api::problem::{Problem, ProblemKind};
use crate::history::parse_polygons;
use crate::plan::edit::Rings;

const CONTENT_CRS: HeaderName = HeaderName::from_static("content-crs");

/// The types of a whole feature, and of what is to change of one (RFC 7396).
pub const WHOLE: &[&str] = &["application/geo+json", "application/json"];
pub const PATCH: &[&str] = &["application/merge-patch+json", "application/json", "application/geo+json"];

/// A feature as somebody sends it.
#[derive(Debug)]
pub struct FeatureBody {
    pub id: Option<String>,
    /// None where it is not said, which only a patch may do.
    pub geometry: Option<Value>,
    pub properties: Map<String, Value>,
    pub crs: WireCrs,
}

impl FeatureBody {
    /// Reads a feature, or what is to change of one where `media` are those of patches.
    ///
    /// # Errors
    /// 415 for another type, 400 for what is no feature or names an unknown reference system.
    pub fn read(headers: &HeaderMap, bytes: &[u8], media: &[&str]) -> Result<Self, Problem> {
        let given = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or(media[0]);
        let essence = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !media.contains(&essence.as_str()) {
            let detail = format!("the body is taken as {}, not as {essence}", media.join(" or "));
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        let crs = read_crs(headers)?;
        let is_patch = media == PATCH;
        let refused = |detail: String| Problem::new(ProblemKind::InvalidBody, detail);
        let Value::Object(mut members) = read_json(bytes)? else { return Err(refused("the body is no JSON object".into())) };
        match members.remove("type") {
            None if is_patch => (),
            Some(Value::String(kind)) if kind == "Feature" => (),
            _ => return Err(Problem::member("type", "is not Feature; one feature is taken at a time")),
        }
        if members.get("crs").is_some_and(|crs| !crs.is_null()) {
            return Err(Problem::member("crs", "GeoJSON has no such member any more; say Content-Crs"));
        }
        let id = match members.remove("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) => Some(id),
            Some(Value::Number(id)) => Some(id.to_string()),
            Some(_) => return Err(Problem::member("id", "is neither a text nor a number")),
        };
        let geometry = members.remove("geometry");
        if geometry.is_none() && !is_patch {
            return Err(Problem::member("geometry", "is missing"));
        }
        let properties = match members.remove("properties") {
            Some(Value::Null) if is_patch => {
                let detail = "properties are not taken out as a whole; name those that are to be null";
                return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("properties"));
            }
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(properties)) => properties,
            Some(_) => return Err(Problem::member("properties", "is no object")),
        };
        Ok(Self { id, geometry, properties, crs })
    }

    /// Returns the polygons of the geometry, in degrees.
    ///
    /// # Errors
    /// 400 for what is no geometry or no position of the reference system, 422 for a geometry that no unit can have.
    pub fn polygons(&self) -> Result<Option<Vec<Rings>>, Problem> {
        let Some(geometry) = &self.geometry else { return Ok(None) };
        let refused = |detail: &str| Problem::new(ProblemKind::EditRefused, format!("{detail}; send a Polygon")).with_parameter("geometry");
        let kind = match geometry {
            Value::Null => return Err(refused("a unit has ground")),
            geometry => geometry["type"].as_str().unwrap_or_default(),
        };
        let coordinates = &geometry["coordinates"];
        let wrapped = match kind {
            "Polygon" => json!([coordinates]),
            "MultiPolygon" => coordinates.clone(),
            "Point" | "MultiPoint" | "LineString" | "MultiLineString" | "GeometryCollection" => {
                return Err(refused(&format!("a {kind} encloses no ground")));
            }
            _ => return Err(Problem::member("geometry", "is no geometry of GeoJSON")),
        };
        let mut polygons = parse_polygons(&wrapped).map_err(|detail| Problem::member("geometry.coordinates", detail))?;
        for c in polygons.iter_mut().flatten().flatten() {
            *c = self.to_degrees(*c)?;
        }
        Ok(Some(polygons))
    }

    /// Brings a position to longitude and latitude.
    ///
    /// # Errors
    /// 400 where the reference system has no such position.
    pub fn to_degrees(&self, c: Coord<f64>) -> Result<Coord<f64>, Problem> {
        if self.crs.is_crs84() {
            return Ok(c);
        }
        let outside = |detail: String| Problem::member("geometry.coordinates", format!("{}, {}: {detail}", c.x, c.y));
        self.crs.to_position(c).map_err(|error| outside(error.to_string()))
    }
}

/// Reads in which reference system the geometry of a body is.
fn read_crs(headers: &HeaderMap) -> Result<WireCrs, Problem> {
    let Some(given) = headers.get(CONTENT_CRS) else { return Ok(WireCrs::CRS84) };
    let text = given.to_str().unwrap_or_default().trim();
    let uri = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    WireCrs::parse(uri).map_err(|detail| Problem::parameter("Content-Crs", detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(media: &'static str, crs: &'static str, body: &Value, taken: &[&str]) -> Result<FeatureBody, Problem> {
        let mut headers = HeaderMap::from_iter([(header::CONTENT_TYPE, media.parse().unwrap())]);
        if !crs.is_empty() {
            headers.insert(CONTENT_CRS, crs.parse().unwrap());
        }
        FeatureBody::read(&headers, body.to_string().as_bytes(), taken)
    }

    fn polygon() -> Value {
        json!({ "type": "Polygon", "coordinates": [[[26.0, 111.0], [26.0, 111.1], [26.1, 111.1], [26.0, 111.0]]] })
    }

    #[test]
    fn a_feature_is_read_in_the_order_of_axes_of_its_system() {
        let body = json!({ "type": "Feature", "id": 7, "geometry": polygon(), "properties": { "name": "n" } });
        let read = read("application/geo+json", "<http://www.opengis.net/def/crs/EPSG/0/4326>", &body, WHOLE).unwrap();
        assert_eq!((read.id.as_deref(), &read.properties["name"]), (Some("7"), &json!("n")));
        assert_eq!(read.polygons().unwrap().unwrap()[0][0][1], Coord { x: 111.1, y: 26.0 });
    }

    #[test]
    fn what_is_no_feature_is_refused_by_what_is_wrong() {
        let whole = |body: Value| read("application/geo+json", "", &body, WHOLE).and_then(|read| read.polygons()).unwrap_err();
        for (body, status, member) in [
            (json!([]), 400, ""),
            (json!({ "type": "FeatureCollection" }), 400, "type"),
            (json!({ "type": "Feature", "properties": {} }), 400, "geometry"),
            (json!({ "type": "Feature", "geometry": null, "properties": {} }), 422, "geometry"),
            (json!({ "type": "Feature", "geometry": { "type": "Point", "coordinates": [1, 2] } }), 422, "geometry"),
            (json!({ "type": "Feature", "geometry": { "type": "Circle" } }), 400, "geometry"),
            (json!({ "type": "Feature", "geometry": { "type": "Polygon", "coordinates": [[1]] } }), 400, "geometry.coordinates"),
            (json!({ "type": "Feature", "geometry": polygon(), "properties": [] }), 400, "properties"),
            (json!({ "type": "Feature", "geometry": polygon(), "crs": {} }), 400, "crs"),
        ] {
            let problem = whole(body.clone());
            assert_eq!(problem.kind.status().as_u16(), status, "{body}");
            assert_eq!(problem.errors.first().map_or("", |error| &error.parameter), member, "{body}");
        }
        let named = |media, crs| read(media, crs, &json!({ "type": "Feature", "geometry": null }), WHOLE).unwrap_err().kind;
        assert_eq!(named("text/csv", ""), ProblemKind::UnsupportedMediaType);
        assert_eq!(named("application/merge-patch+json", ""), ProblemKind::UnsupportedMediaType);
        assert_eq!(named("application/json", "<http://www.opengis.net/def/crs/EPSG/0/2326>"), ProblemKind::InvalidParameter);
        assert!(read("application/merge-patch+json", "", &json!({ "properties": { "name": null } }), PATCH).is_ok());
        let emptied = read("application/merge-patch+json", "", &json!({ "properties": null }), PATCH).unwrap_err();
        assert_eq!((emptied.kind, &*emptied.errors[0].parameter), (ProblemKind::BreaksRule, "properties"));
    }
}
