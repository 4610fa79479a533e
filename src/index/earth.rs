//! Distances on the ellipsoid.

use std::cell::OnceCell;

use geo::{Distance, Geodesic, Point};
use geo_types::Coord;

use super::frame::{Frame, dot};

/// Semi-major axis of WGS 84, metres.
pub(super) const A_M: f64 = 6_378_137.0;
/// First eccentricity of WGS 84, squared.
pub(super) const E2: f64 = 6.694_379_990_141_317e-3;

/// As far as this, and no nearer to a pole, a plane at the observer tells which edges may be the nearest: see [`Observer::stretch_per_m`].
pub(super) const PLANE_M: f64 = 100_000.0;
const PLANE_LAT: f64 = 85.0;
/// An edge that spans more degrees of longitude may pass on both sides of the earth.
const WIDE_DEG: f64 = 90.0;

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
    let turn = (b.x - a.x).abs().to_radians() + (b.y - a.y).abs().to_radians();
    RADIUS_MAX_M * turn * turn / 8.0
}

/// Somebody at a position who measures the way to edges.
pub(super) struct Observer {
    at: Coord<f64>,
    frame: Frame,
    /// Of longitude and of latitude.
    metres_per_degree: [f64; 2],
    /// How much, relatively and for each metre, distances in the plane may differ from true ones.
    stretch_per_m: f64,
    /// Made where it is asked for: what is near is found without it.
    geocentric: OnceCell<[f64; 3]>,
}

/// Larger than every radius of curvature of the ellipsoid, the largest of which is 6,399,594 m at the poles.
const RADIUS_MAX_M: f64 = 6_400_000.0;
/// Smaller than every radius of curvature, the smallest of which is 6,335,439 m along a meridian at the equator.
const RADIUS_MIN_M: f64 = 6_335_000.0;
/// The sphere that the ellipsoid differs from least.
const RADIUS_MEAN_M: f64 = 6_371_000.0;

/// More than rounding does to a chord or a geodesic, so that a bound stays one.
pub(super) const ROUNDING_M: f64 = 1e-6;

/// Up to here the geodesic and the arc of a sphere over the same chord change alike when one end moves.
const ALIKE_M: f64 = 13_000_000.0;
/// How much, at most, their difference changes for each metre that one end moves: about 0.006 was found, close to [`ALIKE_M`].
const UNLIKE_PER_M: f64 = 0.02;

/// Returns a distance that the geodesic between two points so far apart through space is never shorter than.
///
/// A flatter arc over the same chord is shorter, and no geodesic is flatter than a circle of this radius.
pub(super) fn geodesic_at_least_m(chord_m: f64) -> f64 {
    /// Below this the arc is longer than the chord by less than 0.003 mm.
    const STRAIGHT_M: f64 = 1_500.0;
    let arc_m = if chord_m < STRAIGHT_M { chord_m } else { to_arc_m(chord_m, RADIUS_MAX_M) };
    arc_m - ROUNDING_M
}

/// Returns a distance that the geodesic between two points so far apart through space is never longer than.
fn geodesic_at_most_m(chord_m: f64) -> f64 {
    /// Nearly antipodes, for which there is no such circle.
    const CHORD_MAX_M: f64 = 12_000_000.0;
    if chord_m < CHORD_MAX_M { to_arc_m(chord_m, RADIUS_MIN_M) + ROUNDING_M } else { f64::INFINITY }
}

fn to_arc_m(chord_m: f64, radius_m: f64) -> f64 {
    2.0 * radius_m * (chord_m / (2.0 * radius_m)).min(1.0).asin()
}

fn chord_m(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum::<f64>().sqrt()
}

/// Returns a position whose place on the surface is near a geocentric point: exact for a point of the surface.
fn to_position(p: [f64; 3]) -> Coord<f64> {
    let from_axis_m = p[0].hypot(p[1]);
    Coord { x: p[1].atan2(p[0]).to_degrees(), y: p[2].atan2((1.0 - E2) * from_axis_m).to_degrees() }
}

impl Observer {
    pub(super) fn new(at: Coord<f64>) -> Self {
        let frame = Frame::new(at);
        let metres_per_degree = frame.metres_per_degree();
        let stretch_per_m = stretch_per_m(frame.tan_lat());
        Self { at, frame, metres_per_degree, stretch_per_m, geocentric: OnceCell::new() }
    }

    pub(super) fn geocentric(&self) -> [f64; 3] {
        *self.geocentric.get_or_init(|| to_geocentric(self.at))
    }

    /// Whether the plane is good for `reach_m` around without regard to the antimeridian: no longitude in range is nearer
    /// the other way round.
    pub(super) fn has_plane(&self, reach_m: f64) -> bool {
        let to_antimeridian_m = (180.0 - self.at.x.abs()) * self.metres_per_degree[0];
        self.is_in_plane() && reach_m <= PLANE_M && self.most_m(reach_m) < self.least_m(to_antimeridian_m)
    }

    /// Returns the place of a point in the plane, metres east and north.
    pub(super) fn plane(&self, c: Coord<f64>) -> [f64; 2] {
        [(c.x - self.at.x) * self.metres_per_degree[0], (c.y - self.at.y) * self.metres_per_degree[1]]
    }

    pub(super) fn plane_length2_m2(&self, a: Coord<f64>, b: Coord<f64>) -> f64 {
        let [kx, ky] = self.metres_per_degree;
        ((b.x - a.x) * kx).powi(2) + ((b.y - a.y) * ky).powi(2)
    }

    /// Returns a distance that nothing so far away in the plane is nearer than. Beyond the plane's reach this is the reach: the way there
    /// leads over its rim.
    pub(super) fn least_m(&self, plane_m: f64) -> f64 {
        let plane_m = plane_m.min(PLANE_M);
        plane_m * (1.0 - self.stretch_per_m * plane_m)
    }

    /// Returns a distance that nothing so far away in the plane is farther than.
    pub(super) fn most_m(&self, plane_m: f64) -> f64 {
        if plane_m <= PLANE_M { plane_m * (1.0 + self.stretch_per_m * plane_m) + ROUNDING_M } else { f64::INFINITY }
    }

    /// Returns how far away in the plane something may lie that is no farther than `distance_m`, or farther than the plane reaches.
    ///
    /// With `x` the stretch at that distance `d`, `d (1 + 2x)` is that far: `(1 + 2x) (1 − x (1 + 2x)) ≥ 1` for `x ≤ 0.2`.
    pub(super) fn plane_at_most_m(&self, distance_m: f64) -> f64 {
        distance_m * (1.0 + 2.0 * self.stretch_per_m * distance_m) + ROUNDING_M
    }

    fn is_in_plane(&self) -> bool {
        self.at.y.abs() <= PLANE_LAT
    }

    /// Returns a distance that nothing on the surface within a far box of geocentric coordinates is nearer than.
    ///
    /// One geodesic is measured, to the middle of the box, and two bounds are drawn from it: the triangle inequality, and over the chord
    /// to the nearest corner, how the geodesic differs from the arc of a sphere, which changes little within the box.
    pub(super) fn least_to_box_m(&self, min: [f64; 3], max: [f64; 3]) -> f64 {
        let from = self.geocentric();
        let middle = to_position([0, 1, 2].map(|axis| f64::midpoint(min[axis], max[axis])));
        let at = to_geocentric(middle);
        let farthest = [0, 1, 2].map(|axis| if at[axis] - min[axis] > max[axis] - at[axis] { min[axis] } else { max[axis] });
        let radius_m = geodesic_at_most_m(chord_m(at, farthest));
        let middle_m = self.geodesic_m(middle);
        let by_triangle_m = middle_m - radius_m;
        if middle_m + radius_m > ALIKE_M {
            return by_triangle_m - ROUNDING_M;
        }
        let nearest = [0, 1, 2].map(|axis| from[axis].clamp(min[axis], max[axis]));
        let unlike_m = middle_m - to_arc_m(chord_m(at, from), RADIUS_MEAN_M);
        let by_chord_m = to_arc_m(chord_m(nearest, from), RADIUS_MEAN_M) + unlike_m - UNLIKE_PER_M * radius_m;
        by_triangle_m.max(by_chord_m) - ROUNDING_M
    }

    /// Returns the geodesic distance to the nearest edge of `line` where it is at most `bound_m`; none means farther.
    ///
    /// A border measures the same whichever way it is walked, to the last bit.
    pub(super) fn distance_to_line_m(&self, line: &[Coord<f64>], bound_m: f64) -> Option<f64> {
        // Only edges that may be the nearest are measured.
        let most_m = |edge: &[Coord<f64>]| self.rough(edge[0], edge[1]).map_or(f64::INFINITY, |rough| self.most_m(rough.plane_m));
        let worth_m = line.windows(2).map(most_m).fold(bound_m, f64::min);
        let is_worth = |edge: &&[Coord<f64>]| self.rough(edge[0], edge[1]).is_none_or(|rough| self.least_m(rough.plane_m) <= worth_m);
        let distance_m =
            line.windows(2).filter(is_worth).map(|edge| self.distance_to_edge_m(edge[0], edge[1])).fold(f64::INFINITY, f64::min);
        (distance_m <= bound_m).then_some(distance_m)
    }

    /// Returns the geodesic distance to the nearest point of an edge: the same to the last bit from whichever end it is walked.
    ///
    /// Within the plane's reach the foot is found in space, from the foot in the plane: as the edge is bent less than the
    /// tenth part of a circle around the observer, each step leaves less than a fifth of the way to it.
    pub(super) fn distance_to_edge_m(&self, a: Coord<f64>, b: Coord<f64>) -> f64 {
        /// More than are needed by an edge as long as the plane reaches, at its edge.
        const STEPS_MAX: u32 = 16;
        /// A way along the edge whose square is so small a part of the square of the distance shortens that by as little.
        const NEGLIGIBLE: f64 = 1e-13;
        let (a, b) = west_to_east(a, b);
        let Some(rough) = self.rough(a, b).filter(|rough| rough.plane_m <= PLANE_M && rough.length_m <= PLANE_M) else {
            return self.geodesic_m(self.find_foot(a, b));
        };
        let (lon, lat) = ((b.x - a.x).to_radians(), (b.y - a.y).to_radians());
        let mut t = rough.t;
        let mut sight = self.frame.sight(along(a, b, t));
        for _ in 0..STEPS_MAX {
            let motion = sight.motion(lon, lat);
            let next = foot(dot(sight.way, motion), dot(motion, motion), t);
            let step2_m2 = (next - t).powi(2) * dot(motion, motion);
            // An end is taken as it is, so that edges which share it measure the same.
            let is_end = next != t && (next == 0.0 || next == 1.0);
            if !is_end && step2_m2 <= NEGLIGIBLE * dot(sight.way, sight.way) {
                break;
            }
            t = next;
            sight = self.frame.sight(along(a, b, t));
        }
        self.frame.geodesic_m(sight.way)
    }

    fn geodesic_m(&self, to: Coord<f64>) -> f64 {
        Geodesic.distance(Point(self.at), Point(to))
    }

    /// Looks at an edge in the plane; none for observers near a pole and for edges that span too much of the earth.
    fn rough(&self, a: Coord<f64>, b: Coord<f64>) -> Option<Rough> {
        if !self.is_in_plane() || (b.x - a.x).abs() > WIDE_DEG {
            return None;
        }
        let [kx, ky] = self.metres_per_degree;
        let (ax, ay) = (the_short_way(a.x - self.at.x) * kx, (a.y - self.at.y) * ky);
        let (dx, dy) = ((b.x - a.x) * kx, (b.y - a.y) * ky);
        let length2 = dx * dx + dy * dy;
        let t = foot(ax * dx + ay * dy, length2, 0.0);
        let (x, y) = (ax + t * dx, ay + t * dy);
        Some(Rough { plane_m: (x * x + y * y).sqrt(), t, length_m: length2.sqrt() })
    }

    /// Finds the nearest point of a far edge: the best of evenly spread points, then golden sections around it.
    fn find_foot(&self, a: Coord<f64>, b: Coord<f64>) -> Coord<f64> {
        /// Even an edge once around the earth is cut into pieces on which the distance falls and rises once.
        const SAMPLES: u32 = 16;
        /// Each round shortens the bracket to 0.618 of itself: 40 rounds leave 4e-9 of it.
        const ROUNDS: u32 = 40;
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let from = self.geocentric();
        let cost = |t: f64| {
            let to = to_geocentric(along(a, b, t));
            (0..3).map(|axis| (to[axis] - from[axis]).powi(2)).sum::<f64>()
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

/// An edge in the plane of an observer: how far it is, where on it, from 0 to 1, the nearest point lies, and how long it is.
#[derive(Clone, Copy, Debug)]
struct Rough {
    plane_m: f64,
    t: f64,
    length_m: f64,
}

/// Returns how much, relatively and for each metre of the distance `P` in the plane, that may differ from the true distance, for an
/// observer at a latitude φ of 85 degrees at most and `P` of 100 km at most.
///
/// The plane takes the parallel and the meridian at the observer for straight and their scale for that of everywhere:
/// `P² = (ρ Δλ)² + (M Δφ)²`. The true way through space has `(ρ ρ′) (2 sin Δλ/2)² + Δρ² + Δz²` as its square, where `ρ′` is the radius of
/// the other parallel. To first order `ρ′/ρ = 1 − tan φ Δφ M/N`, which enters the distance by its root: relatively `½ tan φ P/N` at most; and
/// the length of the meridian differs from `M Δφ` relatively by `½ M′/M Δφ ≤ 0.005 P/M`. The terms of second order, the versine of
/// `Δλ` and what the geodesic is longer than the way through space among them, come to less than a tenth of both and
/// 0.013 `P/M` more, for `P/M` is 0.016 at most.
fn stretch_per_m(tan_lat: f64) -> f64 {
    1.1 * (0.5 * tan_lat.abs() + 0.02) / RADIUS_MIN_M
}

/// Returns where, from 0 to 1, the foot lies on an edge, a step of `-product / length2` from `t`. An edge shorter than the numbers can
/// tell has it at its beginning.
fn foot(product: f64, length2: f64, t: f64) -> f64 {
    let t = t - product / length2;
    if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) }
}

fn the_short_way(lon_deg: f64) -> f64 {
    if lon_deg > 180.0 {
        lon_deg - 360.0
    } else if lon_deg < -180.0 {
        lon_deg + 360.0
    } else {
        lon_deg
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
    use geo::Destination;
    use proptest::prelude::*;

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

    /// An edge about so far from the observer, and the observer, by seeded numbers from 0 to 1.
    fn edge_near(numbers: [f64; 6], lat_max: f64) -> (Coord<f64>, Coord<f64>, Coord<f64>) {
        let [lon, lat, bearing, size, turn, length] = numbers;
        let p = Point::new(360.0 * lon - 180.0, lat_max * (2.0 * lat - 1.0));
        let a = Geodesic.destination(p, 360.0 * bearing, 10f64.powf(6.0 * size - 1.1));
        let b = Geodesic.destination(a, 360.0 * turn, 10f64.powf(5.0 * length - 1.0));
        (p.0, a.0, b.0)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn the_foot_in_space_and_the_foot_of_golden_sections_are_equally_far(numbers in proptest::array::uniform6(0.0..1.0f64)) {
            let (p, a, b) = edge_near(numbers, 85.0);
            let observer = Observer::new(p);
            // Neither end may lie beyond the antimeridian as seen from the other: an edge runs straight between its numbers.
            prop_assume!((a.x - b.x).abs() < 180.0);
            let (a, b) = west_to_east(a, b);
            let (found, golden) = (observer.distance_to_edge_m(a, b), observer.geodesic_m(observer.find_foot(a, b)));
            prop_assert!((found - golden).abs() <= 1e-6 && found <= golden + 1e-6, "{p:?} {a:?} {b:?}: {found} against {golden}");
        }

        #[test]
        fn the_plane_is_off_by_less_than_its_stretch(numbers in proptest::array::uniform6(0.0..1.0f64)) {
            let (p, a, _) = edge_near(numbers, 85.0);
            let observer = Observer::new(p);
            let (rough, true_m) = (observer.rough(a, a).unwrap().plane_m, observer.geodesic_m(a));
            prop_assert!(observer.least_m(rough) <= true_m + ROUNDING_M && true_m <= observer.most_m(rough), "{p:?} {a:?}: {rough} {true_m}");
            prop_assert!(rough > PLANE_M || rough <= observer.plane_at_most_m(true_m), "{p:?} {a:?}: {rough} {true_m}");
        }
    }

    #[test]
    fn a_border_across_the_antimeridian_is_near() {
        let line = [coord(-180.0, -16.1), coord(-179.999, -16.0)];
        let found = Observer::new(coord(179.999_99, -16.1)).distance_to_line_m(&line, 10.0).unwrap();
        assert!((found - 1.070_2).abs() < 1e-3, "{found}");
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

    /// Pairs of positions all over the earth: at every distance, antipodes and nearly antipodes, poles.
    fn pairs() -> impl Iterator<Item = (Coord<f64>, Coord<f64>)> {
        let spread = |i: u32, by: f64| f64::from(i) * by % 1.0;
        let position =
            move |i: u32| coord(360.0 * spread(i, 0.754_877_666) - 180.0, (2.0 * spread(i, 0.569_840_291) - 1.0).asin().to_degrees());
        let far = (0..4_000).map(move |i| (position(i), position(3 * i + 7)));
        let antipodes = (0..2_000).map(move |i| {
            let (p, off) = (position(i), 10f64.powi(-i32::try_from(i % 9).unwrap()));
            let lat = if i % 5 == 0 { 0.0 } else { p.y };
            (coord(p.x, lat), coord(p.x + 180.0 - off, (off - lat).min(90.0)))
        });
        let near = (0..2_000).map(move |i| {
            let (p, off) = (position(i), 10f64.powi(-i32::try_from(i % 8).unwrap()));
            (p, coord(p.x + off, (p.y + off * f64::from(i % 3)).min(90.0)))
        });
        let poles = (0..500).map(move |i| (coord(0.0, if i % 2 == 0 { 90.0 } else { -90.0 }), position(i)));
        far.chain(antipodes).chain(near).chain(poles)
    }

    #[test]
    fn a_geodesic_lies_between_the_bounds_that_its_chord_gives() {
        for (p, q) in pairs() {
            let (chord, geodesic) = (chord_m(to_geocentric(p), to_geocentric(q)), Observer::new(p).geodesic_m(q));
            let (least, most) = (geodesic_at_least_m(chord), geodesic_at_most_m(chord));
            assert!(least <= geodesic && geodesic <= most, "{p:?} {q:?}: {least} {geodesic} {most}");
            // They are of use as well.
            assert!(
                least > 0.93 * geodesic - 1e-3 && (most < 1.1 * geodesic + 1e-3 || chord > 1.2e7),
                "{p:?} {q:?}: {least} {geodesic} {most}"
            );
        }
    }

    #[test]
    fn a_geodesic_and_the_arc_over_its_chord_change_alike() {
        let mut worst = 0.0f64;
        for (p, q) in pairs() {
            let observer = Observer::new(p);
            if observer.geodesic_m(q) > ALIKE_M {
                continue;
            }
            let unlike_m = |to: Coord<f64>| observer.geodesic_m(to) - to_arc_m(chord_m(to_geocentric(p), to_geocentric(to)), RADIUS_MEAN_M);
            for direction in 0..8 {
                let (sin, cos) = (f64::from(direction) * std::f64::consts::FRAC_PI_4).sin_cos();
                // A hundred metres: far more than rounding, far less than the earth.
                let there = coord(q.x + 1e-3 * cos / q.y.to_radians().cos().max(1e-2), (q.y + 1e-3 * sin).clamp(-90.0, 90.0));
                let moved_m = Geodesic.distance(Point(q), Point(there));
                if moved_m > 10.0 {
                    worst = worst.max((unlike_m(q) - unlike_m(there)).abs() / moved_m);
                }
            }
        }
        assert!(worst > 0.002 && worst < UNLIKE_PER_M / 1.5, "{worst}");
    }

    #[test]
    fn nothing_in_a_box_is_nearer_than_its_bound() {
        for (number, (p, q)) in pairs().enumerate() {
            let size = [0.01, 0.3, 4.0, 60.0][number % 4];
            let corners = [(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (1.0, 1.0), (0.5, 0.5), (0.3, 0.9)];
            let places = corners.map(|(x, y)| coord(q.x + size * x, (q.y + size * y).clamp(-90.0, 90.0)));
            let (mut min, mut max) = ([f64::INFINITY; 3], [f64::NEG_INFINITY; 3]);
            for place in places.map(to_geocentric) {
                min = [0, 1, 2].map(|axis| min[axis].min(place[axis]));
                max = [0, 1, 2].map(|axis| max[axis].max(place[axis]));
            }
            let observer = Observer::new(p);
            let least = observer.least_to_box_m(min, max);
            for place in places {
                assert!(least <= observer.geodesic_m(place), "{p:?} {place:?}: {least}");
            }
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
