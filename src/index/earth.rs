//! Distances on the ellipsoid.

use geo::{Distance, Geodesic, Point};
use geo_types::Coord;

/// Semi-major axis of WGS 84, metres.
const A_M: f64 = 6_378_137.0;
/// First eccentricity of WGS 84, squared.
const E2: f64 = 6.694_379_990_141_317e-3;

/// Where a plane at the observer is still good: within 2 km its scale is off by at most 0.4 % (at 85 degrees), and as
/// the error of the foot enters the distance squared, the distance by less than a millimetre elsewhere than near the poles.
const NEAR_M: f64 = 2_000.0;
const NEAR_LAT: f64 = 85.0;
/// The largest relative error of [`Observer::rough_m`] within [`NEAR_M`].
const ROUGH_ERROR: f64 = 4e-3;

/// Returns geocentric coordinates, metres. The straight distance of two of them is never longer than the geodesic.
pub(super) fn to_geocentric(c: Coord<f64>) -> [f64; 3] {
    let (sin_lat, cos_lat) = c.y.to_radians().sin_cos();
    let (sin_lon, cos_lon) = c.x.to_radians().sin_cos();
    let n = A_M / (1.0 - E2 * sin_lat * sin_lat).sqrt();
    [n * cos_lat * cos_lon, n * cos_lat * sin_lon, n * (1.0 - E2) * sin_lat]
}

/// Returns how far, in metres, an edge that is straight in degrees can lie from the straight line through space between its ends.
///
/// A curve `r(t)`, `0 ≤ t ≤ 1`, is never farther from its chord than `max |r''| / 8`; with longitude and latitude linear in `t`
/// the second derivative is at most `R (|Δlon| + |Δlat|)²` in radians. `R` bounds every radius of curvature.
pub(super) fn sagitta_m(a: Coord<f64>, b: Coord<f64>) -> f64 {
    const RADIUS_MAX_M: f64 = 6_400_000.0;
    let turn = (b.x - a.x).abs().to_radians() + (b.y - a.y).abs().to_radians();
    RADIUS_MAX_M * turn * turn / 8.0
}

/// Somebody at a position who measures the way to edges.
pub(super) struct Observer {
    at: Coord<f64>,
    geocentric: [f64; 3],
    /// Of longitude and of latitude.
    metres_per_degree: [f64; 2],
}

impl Observer {
    pub(super) fn new(at: Coord<f64>) -> Self {
        let (sin_lat, cos_lat) = at.y.to_radians().sin_cos();
        let w2 = 1.0 - E2 * sin_lat * sin_lat;
        let prime_vertical_m = A_M / w2.sqrt();
        let meridian_m = A_M * (1.0 - E2) / (w2 * w2.sqrt());
        let metres_per_degree = [(prime_vertical_m * cos_lat).to_radians(), meridian_m.to_radians()];
        Self { at, geocentric: to_geocentric(at), metres_per_degree }
    }

    pub(super) fn geocentric(&self) -> [f64; 3] {
        self.geocentric
    }

    /// Returns the geodesic distance to the nearest edge of `line` where it is at most `bound_m`; none means farther.
    ///
    /// A border measures the same whichever way it is walked, to the last bit.
    pub(super) fn distance_to_line_m(&self, line: &[Coord<f64>], bound_m: f64) -> Option<f64> {
        let edges = || line.windows(2).map(|edge| west_to_east(edge[0], edge[1]));
        let roughly = if self.at.y.abs() <= NEAR_LAT {
            edges().map(|(a, b)| self.rough_m(a, b).0).fold(f64::INFINITY, f64::min)
        } else {
            f64::INFINITY
        };
        let distance_m = if roughly <= NEAR_M {
            // Only edges that may be the nearest are measured exactly.
            let worth_m = roughly * (1.0 + 3.0 * ROUGH_ERROR);
            edges()
                .map(|(a, b)| (a, b, self.rough_m(a, b)))
                .filter(|(_, _, (rough_m, _))| *rough_m <= worth_m)
                .map(|(a, b, (_, t))| self.geodesic_m(along(a, b, t)))
                .fold(f64::INFINITY, f64::min)
        } else if bound_m < NEAR_M * (1.0 - ROUGH_ERROR) && self.at.y.abs() <= NEAR_LAT {
            return None;
        } else {
            edges().map(|(a, b)| self.geodesic_m(self.find_foot(a, b))).fold(f64::INFINITY, f64::min)
        };
        (distance_m <= bound_m).then_some(distance_m)
    }

    fn geodesic_m(&self, to: Coord<f64>) -> f64 {
        Geodesic.distance(Point(self.at), Point(to))
    }

    /// Returns the distance to an edge in a plane at the observer, and where on the edge, from 0 to 1, its foot lies.
    fn rough_m(&self, a: Coord<f64>, b: Coord<f64>) -> (f64, f64) {
        let [kx, ky] = self.metres_per_degree;
        // The short way round the earth.
        let west = |lon: f64| lon - 360.0 * (lon / 360.0).round();
        let (ax, ay) = (west(a.x - self.at.x) * kx, (a.y - self.at.y) * ky);
        let (dx, dy) = ((b.x - a.x) * kx, (b.y - a.y) * ky);
        let t = -(ax * dx + ay * dy) / (dx * dx + dy * dy);
        // An edge shorter than the numbers can tell has its foot at its beginning.
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        ((ax + t * dx).hypot(ay + t * dy), t)
    }

    /// Finds the nearest point of a far edge: the best of evenly spread points, then golden sections around it.
    fn find_foot(&self, a: Coord<f64>, b: Coord<f64>) -> Coord<f64> {
        /// Even an edge once around the earth is cut into pieces on which the distance falls and rises once.
        const SAMPLES: u32 = 16;
        /// Each round shortens the bracket to 0.618 of itself: 40 rounds leave 4e-9 of it.
        const ROUNDS: u32 = 40;
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let cost = |t: f64| {
            let to = to_geocentric(along(a, b, t));
            (0..3).map(|axis| (to[axis] - self.geocentric[axis]).powi(2)).sum::<f64>()
        };
        let step = 1.0 / f64::from(SAMPLES);
        let best = (0..=SAMPLES).map(|i| f64::from(i) * step).min_by(|s, t| cost(*s).total_cmp(&cost(*t))).expect("there are samples");
        let (mut low, mut high) = ((best - step).max(0.0), (best + step).min(1.0));
        for _ in 0..ROUNDS {
            let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
            if cost(left) <= cost(right) { high = right } else { low = left }
        }
        let inner = (low + high) / 2.0;
        let t = [0.0, 1.0, inner].into_iter().min_by(|s, t| cost(*s).total_cmp(&cost(*t))).expect("there are three");
        along(a, b, t)
    }
}

/// The ends come back as they are, so that edges which share a vertex measure the same distance to it.
fn along(a: Coord<f64>, b: Coord<f64>, t: f64) -> Coord<f64> {
    if t == 1.0 { b } else { Coord { x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) } }
}

/// The two neighbours of a border walk it in opposite directions, and a foot that is rounded from either end differs in its last bits.
fn west_to_east(a: Coord<f64>, b: Coord<f64>) -> (Coord<f64>, Coord<f64>) {
    if (a.x, a.y) <= (b.x, b.y) { (a, b) } else { (b, a) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coord(x: f64, y: f64) -> Coord<f64> {
        Coord { x, y }
    }

    /// The smallest of very many distances along the edge.
    fn dumb_m(p: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
        let observer = Observer::new(p);
        (0..=20_000).map(|i| observer.geodesic_m(along(a, b, f64::from(i) / 20_000.0))).fold(f64::INFINITY, f64::min)
    }

    #[test]
    fn the_distance_is_the_least_along_the_edge() {
        for (p, a, b) in [
            (coord(111.6, 26.2), coord(111.601, 26.199), coord(111.602, 26.2013)),
            (coord(111.6, 26.2), coord(111.5, 26.1), coord(111.9, 26.3)),
            (coord(0.0, 51.5), coord(111.5, 26.1), coord(111.9, 26.9)),
            (coord(20.0, 89.0), coord(-100.0, 88.0), coord(100.0, 88.5)),
            (coord(179.9995, -16.0), coord(-180.0, -16.001), coord(-179.9, -15.8)),
            (coord(10.0, 70.0), coord(9.0, 70.0), coord(11.0, 70.01)),
        ] {
            let found = Observer::new(p).distance_to_line_m(&[a, b], f64::INFINITY).unwrap();
            let dumb = dumb_m(p, a, b);
            assert!(found <= dumb + 1e-6 && found >= dumb * (1.0 - 1e-6) - 1e-3, "{p:?}: {found} against {dumb}");
        }
    }

    #[test]
    fn a_border_is_equally_far_whichever_way_it_is_walked() {
        let line = [coord(111.60, 26.20), coord(111.61, 26.213), coord(111.605, 26.22), coord(111.605, 26.25)];
        let back: Vec<_> = line.iter().rev().copied().collect();
        for i in 0..500 {
            let observer = Observer::new(coord(111.55 + f64::from(i) * 3.1e-4, 26.1 + f64::from(i * i % 997) * 1.9e-4));
            let there = observer.distance_to_line_m(&line, f64::INFINITY);
            assert_eq!(there, observer.distance_to_line_m(&back, f64::INFINITY));
        }
    }

    #[test]
    fn the_way_through_space_is_never_longer_than_the_geodesic() {
        let (p, q) = (coord(111.0, 26.0), coord(113.0, 24.0));
        let (a, b) = (to_geocentric(p), to_geocentric(q));
        let chord = (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt();
        let geodesic = Observer::new(p).geodesic_m(q);
        assert!(chord < geodesic && chord > 0.999 * geodesic);
    }

    #[test]
    fn a_middle_is_never_farther_from_the_chord_than_the_sagitta() {
        let (a, b) = (coord(10.0, 60.0), coord(30.0, 60.0));
        let [from, to, middle] = [a, b, along(a, b, 0.5)].map(to_geocentric);
        let off = (0..3).map(|i| (f64::midpoint(from[i], to[i]) - middle[i]).powi(2)).sum::<f64>().sqrt();
        assert!(off > 0.0 && off <= sagitta_m(a, b), "{off} {}", sagitta_m(a, b));
    }
}
