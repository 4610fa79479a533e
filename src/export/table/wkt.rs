use std::fmt::Write;

use geo_types::{Coord, Geometry, LineString, Polygon};

/// Writes a geometry as well-known text, OGC 06-103r4, section 7; each number is the shortest that reads back as the same.
pub fn to_wkt(geometry: &Geometry<f64>) -> String {
    let mut out = String::new();
    write(geometry, &mut out);
    out
}

fn write(geometry: &Geometry<f64>, out: &mut String) {
    match geometry {
        Geometry::Point(point) => tagged("POINT ", std::slice::from_ref(&point.0), coord, out),
        Geometry::LineString(line) => tagged("LINESTRING ", &line.0, coord, out),
        Geometry::Polygon(polygon) => {
            out.push_str("POLYGON ");
            rings(polygon, out);
        }
        Geometry::MultiPoint(points) => {
            tagged("MULTIPOINT ", &points.0, |point, out| list(std::slice::from_ref(&point.0), coord, out), out);
        }
        Geometry::MultiLineString(lines) => tagged("MULTILINESTRING ", &lines.0, |line, out| list(&line.0, coord, out), out),
        Geometry::MultiPolygon(polygons) => tagged("MULTIPOLYGON ", &polygons.0, rings, out),
        Geometry::GeometryCollection(parts) => tagged("GEOMETRYCOLLECTION ", &parts.0, write, out),
        Geometry::Line(line) => write(&LineString::from(*line).into(), out),
        Geometry::Rect(rect) => write(&rect.to_polygon().into(), out),
        Geometry::Triangle(triangle) => write(&triangle.to_polygon().into(), out),
    }
}

fn tagged<T>(tag: &str, items: &[T], item: impl Fn(&T, &mut String), out: &mut String) {
    out.push_str(tag);
    list(items, item, out);
}

fn list<T>(items: &[T], item: impl Fn(&T, &mut String), out: &mut String) {
    if items.is_empty() {
        return out.push_str("EMPTY");
    }
    for (at, one) in items.iter().enumerate() {
        out.push_str(if at == 0 { "(" } else { ", " });
        item(one, out);
    }
    out.push(')');
}

fn rings(polygon: &Polygon<f64>, out: &mut String) {
    let rings: Vec<&LineString<f64>> = std::iter::once(polygon.exterior()).chain(polygon.interiors()).collect();
    list(&rings, |ring, out| list(&ring.0, coord, out), out);
}

fn coord(coord: &Coord<f64>, out: &mut String) {
    let _ = write!(out, "{} {}", coord.x, coord.y);
}

#[cfg(test)]
mod tests {
    use geo_types::{GeometryCollection, MultiPoint, Point, polygon};

    use super::*;

    #[test]
    fn every_kind_of_geometry_has_its_text() {
        let area = polygon!(exterior: [(x: 0., y: 0.), (x: 4., y: 0.), (x: 0., y: 4.), (x: 0., y: 0.)], interiors: [[(x: 1., y: 1.), (x: 1., y: 2.), (x: 2., y: 1.), (x: 1., y: 1.)]]);
        let parts = GeometryCollection(vec![Point::new(0.1, -2.0).into(), MultiPoint(vec![Point::new(1.0, 2.0)]).into(), area.into()]);
        assert_eq!(
            to_wkt(&Geometry::GeometryCollection(parts)),
            "GEOMETRYCOLLECTION (POINT (0.1 -2), MULTIPOINT ((1 2)), POLYGON ((0 0, 4 0, 0 4, 0 0), (1 1, 1 2, 2 1, 1 1)))"
        );
    }
}
