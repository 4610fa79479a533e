use geo::indexed::PreparedGeometry;
use geo::{BoundingRect, Intersects, Relate};
use geo_types::{Coord, Geometry, LineString, MultiPolygon, Point, Rect};

/// How two geometries lie to each other, by the nine intersections of OGC 06-103r4, section 6.1.15.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SpatialRelation {
    Intersects,
    Disjoint,
    Equals,
    Touches,
    Crosses,
    Within,
    Contains,
    Overlaps,
}

/// A geometry of the filter, made ready to be compared with many.
pub(super) type Prepared<'f> = PreparedGeometry<'f, &'f Geometry<f64>, f64>;

impl SpatialRelation {
    /// Finds the relation of a function's name in small letters.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "s_intersects" => Self::Intersects,
            "s_disjoint" => Self::Disjoint,
            "s_equals" => Self::Equals,
            "s_touches" => Self::Touches,
            "s_crosses" => Self::Crosses,
            "s_within" => Self::Within,
            "s_contains" => Self::Contains,
            "s_overlaps" => Self::Overlaps,
            _ => return None,
        })
    }

    /// Whether it can hold only where the two have a point in common.
    pub fn needs_meeting(self) -> bool {
        self != Self::Disjoint
    }

    /// Whether it holds between two geometries; each may be one that was made ready.
    pub fn holds(self, left: Side<'_, '_>, right: Side<'_, '_>) -> bool {
        let meets_box = match (left.geometry.bounding_rect(), right.geometry.bounding_rect()) {
            (Some(a), Some(b)) => boxes_meet(a, b),
            // What is empty has no point in common with anything.
            _ => false,
        };
        if !meets_box {
            return self == Self::Disjoint;
        }
        // Collections are taken apart: their parts may lie over each other, which the matrix does not expect.
        let is_collection = |side: &Side<'_, '_>| matches!(side.geometry, Geometry::GeometryCollection(_));
        if matches!(self, Self::Intersects | Self::Disjoint) && (is_collection(&left) || is_collection(&right)) {
            return left.geometry.intersects(right.geometry) == (self == Self::Intersects);
        }
        let matrix = match (left.prepared, right.prepared) {
            (Some(a), Some(b)) => a.relate(b),
            (Some(a), None) => a.relate(right.geometry),
            (None, Some(b)) => left.geometry.relate(b),
            (None, None) => left.geometry.relate(right.geometry),
        };
        match self {
            Self::Intersects => matrix.is_intersects(),
            Self::Disjoint => matrix.is_disjoint(),
            Self::Equals => matrix.is_equal_topo(),
            Self::Touches => matrix.is_touches(),
            Self::Crosses => matrix.is_crosses(),
            Self::Within => matrix.is_within(),
            Self::Contains => matrix.is_contains(),
            Self::Overlaps => matrix.is_overlaps(),
        }
    }
}

/// One of the two geometries that are compared.
#[derive(Clone, Copy)]
pub(super) struct Side<'a, 'f> {
    pub geometry: &'a Geometry<f64>,
    pub prepared: Option<&'a Prepared<'f>>,
}

/// Makes the geometry of a box: a point or a line where it has no area, two boxes where it reaches over the antimeridian.
pub(super) fn box_geometry(west: f64, south: f64, east: f64, north: f64) -> Geometry<f64> {
    let rect = |west: f64, east: f64| Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north }).to_polygon();
    let (low, high) = (Coord { x: west, y: south }, Coord { x: east, y: north });
    match () {
        () if low == high => Point(low).into(),
        () if west == east || south == north && west < east => LineString(vec![low, high]).into(),
        () if west <= east => rect(west, east).into(),
        () => MultiPolygon(vec![rect(west, 180.0), rect(-180.0, east)]).into(),
    }
}

fn boxes_meet(a: Rect<f64>, b: Rect<f64>) -> bool {
    a.min().x <= b.max().x && b.min().x <= a.max().x && a.min().y <= b.max().y && b.min().y <= a.max().y
}
