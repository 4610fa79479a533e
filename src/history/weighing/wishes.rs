use geo::CoordsIter;
use geo_types::{Coord, Geometry};
use serde_json::Value;

use crate::plan::Wishes;

/// Corners of all wishes together; a city's main roads have some tens of thousands.
pub const WISH_CORNERS_MAX: usize = 500_000;

/// Points of which each gets a district; no city has as many stations.
pub const WISH_POINTS_MAX: usize = 10_000;

/// Reads wishes from GeoJSON, degrees WGS 84: lines are what borders should run along, polygons what none should cut, and each point gets
/// a district of its own.
///
/// # Errors
/// It is no GeoJSON, holds something else, or too much.
pub fn parse_wishes(value: &Value) -> Result<Wishes, String> {
    let read = |value: &Value| -> Result<Geometry<f64>, String> {
        let geometry = serde_json::from_value::<geojson::Geometry>(value.clone()).map_err(|error| format!("is no GeoJSON: {error}"))?;
        Geometry::try_from(geometry).map_err(|error| format!("is no GeoJSON: {error}"))
    };
    let geometries: Vec<Geometry<f64>> = match value["type"].as_str() {
        Some("FeatureCollection") => {
            let features = value["features"].as_array().ok_or("has no features")?;
            features.iter().map(|feature| read(&feature["geometry"])).collect::<Result<_, _>>()?
        }
        Some("Feature") => vec![read(&value["geometry"])?],
        _ => vec![read(value)?],
    };
    if geometries.iter().map(CoordsIter::coords_count).sum::<usize>() > WISH_CORNERS_MAX {
        return Err(format!("has more than {WISH_CORNERS_MAX} corners; leave out what is no main road or compound"));
    }
    let mut wishes = Wishes::default();
    geometries.into_iter().try_for_each(|geometry| add(&mut wishes, geometry))?;
    if wishes.points.len() > WISH_POINTS_MAX {
        return Err(format!("has more than {WISH_POINTS_MAX} points, and each would have a district"));
    }
    Ok(wishes)
}

fn add(wishes: &mut Wishes, geometry: Geometry<f64>) -> Result<(), String> {
    let is_on_earth = |c: Coord<f64>| c.x.abs() <= 180.0 && c.y.abs() <= 90.0;
    if let Some(place) = geometry.coords_iter().find(|place| !is_on_earth(*place)) {
        return Err(format!("has the place {} {}, which is no longitude and latitude", place.x, place.y));
    }
    match geometry {
        Geometry::Point(point) => wishes.points.push(point.0),
        Geometry::MultiPoint(points) => wishes.points.extend(points.iter().map(|point| point.0)),
        Geometry::Line(line) => wishes.lines.push(line.into()),
        Geometry::LineString(line) => wishes.lines.push(line),
        Geometry::MultiLineString(lines) => wishes.lines.extend(lines),
        Geometry::Polygon(polygon) => wishes.wholes.push(polygon),
        Geometry::MultiPolygon(polygons) => wishes.wholes.extend(polygons),
        Geometry::GeometryCollection(geometries) => geometries.into_iter().try_for_each(|geometry| add(wishes, geometry))?,
        Geometry::Rect(rect) => wishes.wholes.push(rect.to_polygon()),
        Geometry::Triangle(triangle) => wishes.wholes.push(triangle.to_polygon()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_geometry_is_says_what_is_wished() {
        let feature = |geometry: Value| json!({ "type": "Feature", "properties": {}, "geometry": geometry });
        let square = json!([[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]]);
        let collection = json!({ "type": "FeatureCollection", "features": [
            feature(json!({ "type": "LineString", "coordinates": [[0.0, 0.0], [1.0, 1.0]] })),
            feature(json!({ "type": "Polygon", "coordinates": square })),
            feature(json!({ "type": "MultiPoint", "coordinates": [[0.5, 0.5], [0.6, 0.6]] })),
        ] });
        let wishes = parse_wishes(&collection).unwrap();
        assert_eq!((wishes.lines.len(), wishes.wholes.len(), wishes.points.len()), (1, 1, 2));
        for wrong in [json!({}), json!({ "type": "Point", "coordinates": [181, 0] }), feature(Value::Null), json!({ "type": "Point" })] {
            assert!(parse_wishes(&wrong).is_err(), "{wrong}");
        }
    }
}
