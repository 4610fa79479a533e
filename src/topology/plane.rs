use geo::{Distance, Geodesic};
use geo_types::{Coord, LineString, MultiPolygon, Point, Polygon};

/// What the two numbers of a coordinate mean, so that lengths and areas come out in metres.
///
/// Inside the program coordinates are always degrees. A projected plane serves to compare a file
/// in its own plane with what other engines find there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Plane {
    /// Longitude and latitude, WGS 84; edges are straight in longitude and latitude.
    #[default]
    Degrees,
    /// Easting and northing in units of so many metres; 1 for metres, 0.3048… for feet.
    Projected { unit_m: f64 },
}

/// Metres to one unit of each axis near a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub x_m: f64,
    pub y_m: f64,
}

/// Semi-major axis and squared eccentricity of the WGS 84 ellipsoid (NGA.STND.0036, table 3.1 and 3.3).
const SEMI_MAJOR_M: f64 = 6_378_137.0;
const ECCENTRICITY_2: f64 = 6.694_379_990_141_317e-3;

/// Points and weights of three-point Gauss-Legendre quadrature on 0..1, exact for polynomials up to degree five.
const GAUSS: [(f64, f64); 3] = [(0.112_701_665_379_258_31, 5.0 / 18.0), (0.5, 8.0 / 18.0), (0.887_298_334_620_741_7, 5.0 / 18.0)];

impl Plane {
    /// Returns the local scale at a height of the plane.
    pub(super) fn scale_at(self, y: f64) -> Scale {
        match self {
            Self::Degrees => {
                let (sin, cos) = y.to_radians().sin_cos();
                let w2 = 1.0 - ECCENTRICITY_2 * sin * sin;
                let prime_vertical_m = SEMI_MAJOR_M / w2.sqrt();
                let meridional_m = prime_vertical_m * (1.0 - ECCENTRICITY_2) / w2;
                let degree = 1f64.to_radians();
                Scale { x_m: prime_vertical_m * cos.abs() * degree, y_m: meridional_m * degree }
            }
            Self::Projected { unit_m } => Scale { x_m: unit_m, y_m: unit_m },
        }
    }

    /// Returns the distance of two places: along the geodesic (Karney 2013) in degrees, straight in a projected plane.
    pub fn distance_m(self, a: Coord<f64>, b: Coord<f64>) -> f64 {
        match self {
            Self::Degrees => Geodesic.distance(Point::from(a), Point::from(b)),
            Self::Projected { unit_m } => (a.x - b.x).hypot(a.y - b.y) * unit_m,
        }
    }

    /// Returns the length of a line, edge by edge.
    pub fn length_m(self, coords: &[Coord<f64>]) -> f64 {
        coords.windows(2).map(|edge| self.distance_m(edge[0], edge[1])).sum()
    }

    /// Returns the area of a polygon without its holes, whichever way its rings run.
    pub fn polygon_area_m2(self, polygon: &Polygon<f64>) -> f64 {
        let holes_m2: f64 = polygon.interiors().iter().map(|hole| self.ring_area_m2(hole).abs()).sum();
        self.ring_area_m2(polygon.exterior()).abs() - holes_m2
    }

    pub fn area_m2(self, polygons: &MultiPolygon<f64>) -> f64 {
        polygons.iter().map(|polygon| self.polygon_area_m2(polygon)).sum()
    }

    /// Returns the area in m² between the parallel of `origin` and a line of degrees, so that those of a ring's lines add up to
    /// [`Self::ring_area_m2`] with the other sign. In a projected plane it is measured from the horizontal through `origin`.
    pub fn area_under_m2(self, origin: Coord<f64>, line: &[Coord<f64>]) -> f64 {
        let under = |edge: &[Coord<f64>]| match self {
            Self::Degrees => under_edge_m2(origin, edge[0], edge[1]),
            Self::Projected { unit_m } => (edge[1].x - edge[0].x) * ((edge[0].y + edge[1].y) / 2.0 - origin.y) * unit_m * unit_m,
        };
        line.windows(2).map(under).sum()
    }

    /// Returns the area inside a closed ring, positive where it runs counter-clockwise.
    ///
    /// In degrees this is the area on the ellipsoid between edges that are straight in longitude and latitude,
    /// so the areas of a coverage's units add up to that of its outline. It is integrated edge by edge
    /// from a corner of the ring, which keeps the figures of slivers of a few square millimetres true; agreement with
    /// Karney's geodesic polygon is limited by the geodesics' own bulge, about 1e-7 of the area for edges of a kilometre.
    pub fn ring_area_m2(self, ring: &LineString<f64>) -> f64 {
        let Some(&origin) = ring.0.first() else { return 0.0 };
        let twice = |edge: &[Coord<f64>]| {
            let (a, b) = (edge[0] - origin, edge[1] - origin);
            a.x * b.y - b.x * a.y
        };
        match self {
            Self::Projected { unit_m } => ring.0.windows(2).map(twice).sum::<f64>() / 2.0 * unit_m * unit_m,
            Self::Degrees => -ring.0.windows(2).map(|edge| under_edge_m2(origin, edge[0], edge[1])).sum::<f64>(),
        }
    }
}

/// Integrates the ellipsoid's surface between the parallel of `origin` and an edge.
fn under_edge_m2(origin: Coord<f64>, from: Coord<f64>, to: Coord<f64>) -> f64 {
    let height_m2 = |lat: f64| {
        let rise = lat - origin.y;
        let sum: f64 = GAUSS.iter().map(|(at, weight)| weight * surface_per_degree2(origin.y + at * rise)).sum();
        sum * rise
    };
    let mean: f64 = GAUSS.iter().map(|(at, weight)| weight * height_m2(from.y + at * (to.y - from.y))).sum();
    mean * (to.x - from.x)
}

/// The area in m² of one degree by one degree as it would be at `lat`.
fn surface_per_degree2(lat: f64) -> f64 {
    let scale = Plane::Degrees.scale_at(lat);
    scale.x_m * scale.y_m
}

#[cfg(test)]
mod tests {
    use geo::GeodesicArea;
    use geo_types::{Polygon, polygon};

    use super::*;

    fn square(side: f64) -> Polygon<f64> {
        polygon![(x: 111.6, y: 26.2), (x: 111.6 + side, y: 26.2), (x: 111.6 + side, y: 26.2 + side), (x: 111.6, y: 26.2 + side)]
    }

    #[test]
    fn an_area_agrees_with_karneys() {
        for side in [0.5, 0.05, 0.01] {
            let (ours, karneys) = (Plane::Degrees.polygon_area_m2(&square(side)), square(side).geodesic_area_unsigned());
            assert!((ours / karneys - 1.0).abs() < 4e-6 * (side / 0.5).max(0.01), "{side}: {ours} {karneys}");
        }
    }

    #[test]
    fn a_sliver_of_a_millimetre_keeps_its_area() {
        let scale = Plane::Degrees.scale_at(26.2);
        let (w, h) = (0.001 / scale.x_m, 100.0 / scale.y_m);
        let sliver = polygon![(x: 111.6, y: 26.2), (x: 111.6 + w, y: 26.2), (x: 111.6 + w, y: 26.2 + h), (x: 111.6, y: 26.2 + h)];
        assert!((Plane::Degrees.polygon_area_m2(&sliver) - 0.1).abs() < 1e-4);
    }

    #[test]
    fn a_foot_is_not_a_metre() {
        let feet = Plane::Projected { unit_m: 0.3048 };
        let square = polygon![(x: 0.0, y: 0.0), (x: 10.0, y: 0.0), (x: 10.0, y: 10.0), (x: 0.0, y: 10.0)];
        assert!((feet.polygon_area_m2(&square) - 9.290_304).abs() < 1e-9);
        assert!((feet.distance_m(Coord { x: 0.0, y: 0.0 }, Coord { x: 3.0, y: 4.0 }) - 1.524).abs() < 1e-12);
    }
}
