//! The ellipsoid as seen from a point of it, exact enough to measure with for a hundred kilometres around.

use geo_types::Coord;

use super::earth::{A_M, E2};

/// Up to so many radians of latitude (6 km) and of longitude the place of a point is taken from its series. With the terms below
/// what is left out of the way along the meridian is less than 0.1 µm, and of the sine and cosine of the longitude less than 10⁻¹⁶.
const SERIES_LAT_RAD: f64 = 1e-3;
const SERIES_LON_RAD: f64 = 2e-2;

/// Axes at a point of the ellipsoid: away from the earth's axis, east, and along the earth's axis to the north; metres.
///
/// The meridian through the point is `(ρ(φ), z(φ))`, and its derivatives give places beside the point without a sine, and without
/// the loss of digits of a difference between two places that are given from the middle of the earth.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    at: Coord<f64>,
    /// From the earth's axis and from the plane of the equator.
    rho: f64,
    z: f64,
    /// The derivatives of both over the factorials, from the first on.
    rho_terms: [f64; 4],
    z_terms: [f64; 4],
}

/// A point as seen from the middle of a [`Frame`]: the straight way to it, and how it moves with its longitude and latitude in radians.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub(super) way: [f64; 3],
    by_lon: [f64; 3],
    by_lat: [f64; 3],
}

impl Frame {
    pub(super) fn new(at: Coord<f64>) -> Self {
        let (s, c) = at.y.to_radians().sin_cos();
        let w2 = 1.0 - E2 * s * s;
        let n = A_M / w2.sqrt();
        // The radius of curvature of the meridian and its derivatives: M, M′ = M u, M″ = M (u² + u′).
        let m = n * (1.0 - E2) / w2;
        let u = 3.0 * E2 * s * c / w2;
        let du = 3.0 * E2 * (c * c - s * s) / w2 + 2.0 * u * u / 3.0;
        let (m1, m2) = (m * u, m * (u * u + du));
        // ρ′ = −M sin φ and z′ = M cos φ. The fourth derivative is the sphere's: what its error of a fiftieth leaves is counted above.
        let rho_2 = -m * c - m1 * s;
        let z_2 = -m * s + m1 * c;
        let rho_terms = [-m * s, rho_2 / 2.0, (m * s - 2.0 * m1 * c - m2 * s) / 6.0, -rho_2 / 24.0];
        let z_terms = [m * c, z_2 / 2.0, (-m * c - 2.0 * m1 * s + m2 * c) / 6.0, -z_2 / 24.0];
        Self { at, rho: n * c, z: n * (1.0 - E2) * s, rho_terms, z_terms }
    }

    /// Returns the metres of one degree of longitude and of latitude here.
    pub(super) fn metres_per_degree(&self) -> [f64; 2] {
        [self.rho.to_radians(), self.rho_terms[0].hypot(self.z_terms[0]).to_radians()]
    }

    /// Returns the tangent of the latitude: `ρ′ = −M sin φ`, `z′ = M cos φ`.
    pub(super) fn tan_lat(&self) -> f64 {
        -self.rho_terms[0] / self.z_terms[0]
    }

    pub(super) fn sight(&self, to: Coord<f64>) -> Sight {
        let (lon, lat) = ((to.x - self.at.x).to_radians(), (to.y - self.at.y).to_radians());
        let is_near = lat.abs() <= SERIES_LAT_RAD && lon.abs() <= SERIES_LON_RAD;
        let (sin, versine) = if is_near { near_sine(lon) } else { (lon.sin(), 2.0 * (lon / 2.0).sin().powi(2)) };
        let [(d_rho, rho_by_lat), (d_z, z_by_lat)] = if is_near { self.near_meridian(lat) } else { self.far_meridian(to.y) };
        let rho = self.rho + d_rho;
        let cos = 1.0 - versine;
        Sight {
            way: [d_rho - rho * versine, rho * sin, d_z],
            by_lon: [-rho * sin, rho * cos, 0.0],
            by_lat: [rho_by_lat * cos, rho_by_lat * sin, z_by_lat],
        }
    }

    /// Returns the length of the geodesic to a point at most 100 km away, given the straight way to it; good to a thousandth of a
    /// millimetre, and up to 4 km proven to be.
    ///
    /// A straight way `c` of the ellipsoid is parallel to the tangent plane at the point above its middle, as the middle of two points
    /// of a quadric is conjugate to their difference. There the normal section along it has the curvature `κ = (dᵀAd) √(mᵀAm) / |Am|`,
    /// with `A` the matrix of the quadric, `d` the unit vector along the way, and `m` its middle. The arc of that curvature over the way is
    /// `c (1 + x²/6 + 3x⁴/40 + 15x⁶/336)` long, where `x = cκ/2`. From the geodesic it differs by terms of the order `e² c⁵/R⁴`, as the
    /// curvature of the middle takes away those of the fourth order. Whatever the terms are, both lie between the arcs of
    /// the least and the greatest curvature of the ellipsoid, which differ by `c³/24 (1/6335² − 1/6400²) km⁻²`: at 4 km 1.4 µm.
    pub(super) fn geodesic_m(&self, way: [f64; 3]) -> f64 {
        /// Of `z² / b²` to `z² / a²`.
        const G: f64 = 1.0 / (1.0 - E2);
        /// The arc over a metre is longer than the metre by 10⁻¹⁵ m.
        const STRAIGHT_M2: f64 = 1.0;
        let [x, y, z] = way;
        let c2 = x * x + y * y + z * z;
        if c2 < STRAIGHT_M2 {
            return c2.sqrt();
        }
        let [mx, my, mz] = [self.rho + x / 2.0, y / 2.0, self.z + z / 2.0];
        let along = x * x + y * y + G * z * z;
        let at_middle = mx * mx + my * my + G * mz * mz;
        let normal = mx * mx + my * my + G * G * mz * mz;
        // (c κ / 2)², in which the squares of the semi-major axis are left.
        let x2 = along * along * at_middle / (4.0 * c2 * normal * A_M * A_M);
        c2.sqrt() * (1.0 + x2 * (1.0 / 6.0 + x2 * (3.0 / 40.0 + x2 * (15.0 / 336.0))))
    }

    /// How far `ρ` and `z` go within so many radians of latitude, each with its derivative there.
    fn near_meridian(&self, lat: f64) -> [(f64, f64); 2] {
        [self.rho_terms, self.z_terms].map(|[a, b, c, d]| {
            let value = lat * (a + lat * (b + lat * (c + lat * d)));
            (value, a + lat * (2.0 * b + lat * (3.0 * c + lat * 4.0 * d)))
        })
    }

    fn far_meridian(&self, lat_deg: f64) -> [(f64, f64); 2] {
        let (s, c) = lat_deg.to_radians().sin_cos();
        let w2 = 1.0 - E2 * s * s;
        let n = A_M / w2.sqrt();
        let m = n * (1.0 - E2) / w2;
        [(n * c - self.rho, -m * s), (n * (1.0 - E2) * s - self.z, m * c)]
    }
}

impl Sight {
    /// Returns how the point moves in metres with `lon` and `lat` radians.
    pub(super) fn motion(&self, lon: f64, lat: f64) -> [f64; 3] {
        [0, 1, 2].map(|axis| self.by_lon[axis] * lon + self.by_lat[axis] * lat)
    }
}

pub(super) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// Returns the sine and one less the cosine of a small angle.
fn near_sine(x: f64) -> (f64, f64) {
    let x2 = x * x;
    (x * (1.0 - x2 / 6.0 * (1.0 - x2 / 20.0)), x2 / 2.0 * (1.0 - x2 / 12.0 * (1.0 - x2 / 30.0)))
}

#[cfg(test)]
mod tests {
    use geo::{Destination, Distance, Geodesic, Point};
    use proptest::prelude::*;

    use super::*;

    /// A point, and another so many metres away in a direction.
    fn pair(lon: f64, lat: f64, bearing: f64, distance_m: f64) -> (Coord<f64>, Coord<f64>) {
        let from = Point::new(lon, lat);
        let to = Geodesic.destination(from, bearing, distance_m);
        (from.0, to.0)
    }

    fn check(from: Coord<f64>, to: Coord<f64>, tolerance_m: f64) {
        let frame = Frame::new(from);
        let (found, geodesic) = (frame.geodesic_m(frame.sight(to).way), Geodesic.distance(Point(from), Point(to)));
        assert!((found - geodesic).abs() <= tolerance_m, "{from:?} {to:?}: {found} against {geodesic}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn a_hundred_kilometres_are_measured_to_a_micrometre(
            lon in -180.0..180.0f64, lat in -90.0..=90.0f64, bearing in 0.0..360.0f64, size in -3.0..5.0f64
        ) {
            let (from, to) = pair(lon, lat, bearing, 10f64.powf(size));
            check(from, to, 1e-6);
        }
    }

    #[test]
    fn poles_and_the_antimeridian_are_like_other_places() {
        for lat in [90.0, -90.0, 89.999_999, -89.99, 85.0, 0.0] {
            for lon in [180.0, -180.0, 179.999_999, -179.999_999] {
                for at in 0..72 {
                    let (from, to) = pair(lon, lat, f64::from(at) * 5.0, [0.01, 3.0, 800.0, 5_000.0, 99_000.0][at as usize % 5]);
                    check(from, to, 1e-6);
                }
            }
        }
    }

    #[test]
    fn the_series_meets_the_sine_where_it_ends() {
        for lat in [-85.0f64, -45.0, 0.0, 26.2, 60.0, 85.0] {
            let frame = Frame::new(Coord { x: 111.6, y: lat });
            let beside = |lon: f64, factor: f64| Coord { x: 111.6 + lon, y: lat + factor * SERIES_LAT_RAD.to_degrees() };
            for lon in [-1e-2, 0.0, 1e-2] {
                let [inner, outer] = [1.0 - 1e-12, 1.0 + 1e-12].map(|factor| frame.sight(beside(lon, factor)));
                for axis in 0..3 {
                    assert!((inner.way[axis] - outer.way[axis]).abs() < 1e-7, "{lat} {lon}: {inner:?} {outer:?}");
                    assert!((inner.by_lat[axis] - outer.by_lat[axis]).abs() < 1e-3, "{lat} {lon}: {inner:?} {outer:?}");
                }
            }
        }
    }
}
