//! The lie of the land: where the district ends, where its towns are and how closely they are built.
//!
//! The outline is made up. Only the box it fills, the seat and the names of the towns are those of the real district.
//! All coordinates are metres in EPSG:4546, easting and northing.

use geo_types::Coord;

use super::noise;

/// The corners of the box that the district fills: 111.184–111.957 E, 25.857–26.361 N.
///
/// Its edges are the places at which the made-up outline touches the four bounds.
pub(super) const BOX_MIN: Coord<f64> = Coord { x: 518_395.1, y: 2_861_103.3 };
pub(super) const BOX_MAX: Coord<f64> = Coord { x: 595_706.4, y: 2_916_983.5 };

/// The seat of the district, 111.6184 E, 26.2225 N.
pub(super) const SEAT: Coord<f64> = Coord { x: 561_796.435, y: 2_901_632.639 };

/// The made-up outline, as shares of the box, counter-clockwise from the southern tip.
const OUTLINE: [(f64, f64); 25] = [
    (0.462, 0.000),
    (0.535, 0.085),
    (0.560, 0.185),
    (0.640, 0.215),
    (0.665, 0.330),
    (0.760, 0.310),
    (0.835, 0.395),
    (0.915, 0.420),
    (1.000, 0.553),
    (0.935, 0.640),
    (0.860, 0.655),
    (0.795, 0.755),
    (0.735, 0.770),
    (0.690, 0.905),
    (0.575, 1.000),
    (0.525, 0.905),
    (0.440, 0.860),
    (0.385, 0.770),
    (0.290, 0.815),
    (0.205, 0.715),
    (0.110, 0.760),
    (0.000, 0.619),
    (0.095, 0.475),
    (0.200, 0.420),
    (0.353, 0.185),
];

/// A street or town: its three digits, its name, and the place of its centre as a share of the box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub code: &'static str,
    pub name: &'static str,
    pub share: (f64, f64),
    /// How far the built-up part reaches.
    pub radius_m: f64,
}

/// The 16 streets, towns and townships with their official codes. Their centres are made up.
pub(super) const PLACES: [Place; 16] = [
    place("001", "朝阳街道", (0.545, 0.765), 1_500.0),
    place("002", "南津渡街道", (0.575, 0.680), 1_300.0),
    place("003", "七里店街道", (0.530, 0.705), 1_400.0),
    place("004", "徐家井街道", (0.565, 0.735), 1_500.0),
    place("005", "接履桥街道", (0.635, 0.790), 900.0),
    place("006", "石山脚街道", (0.445, 0.745), 700.0),
    place("101", "水口山镇", (0.505, 0.215), 750.0),
    place("102", "珠山镇", (0.290, 0.655), 850.0),
    place("103", "黄田铺镇", (0.175, 0.600), 850.0),
    place("104", "富家桥镇", (0.560, 0.520), 800.0),
    place("105", "菱角塘镇", (0.745, 0.590), 800.0),
    place("106", "邮亭圩镇", (0.880, 0.530), 950.0),
    place("108", "石岩头镇", (0.330, 0.430), 700.0),
    place("200", "大庆坪乡", (0.390, 0.255), 500.0),
    place("201", "梳子铺乡", (0.430, 0.560), 500.0),
    place("203", "凼底乡", (0.680, 0.425), 500.0),
];

const fn place(code: &'static str, name: &'static str, share: (f64, f64), radius_m: f64) -> Place {
    Place { code, name, share, radius_m }
}

impl Place {
    /// Whether the street is part of the seat.
    pub(super) fn is_inner(&self) -> bool {
        matches!(self.code, "001" | "002" | "003" | "004")
    }

    pub(super) fn centre(&self) -> Coord<f64> {
        in_box(self.share)
    }
}

/// Returns how closely the land is divided: 1 in the hills, about 60 in the middle of the seat.
pub(super) fn density(at: Coord<f64>) -> f64 {
    let seat = 58.0 * fall_off(at, SEAT, 3_000.0) + 3.0 * fall_off(at, SEAT, 10_000.0);
    let towns: f64 = PLACES.iter().map(|p| if p.is_inner() { 0.0 } else { 14.0 * fall_off(at, p.centre(), p.radius_m) }).sum();
    1.0 + seat + towns
}

/// Returns how much of a town a place is: 0 in the hills, near 1 among street blocks.
pub(super) fn urbanity(at: Coord<f64>) -> f64 {
    let excess = (density(at) - 1.0) / 9.0;
    (excess / (1.0 + excess) * 1.15).min(1.0)
}

/// Returns how far inside the outline a place lies, in metres; negative outside. The outline is roughened.
pub(super) fn depth_m(seed: u64, at: Coord<f64>) -> f64 {
    let mut nearest_m2 = f64::INFINITY;
    let mut inside = false;
    for (i, &from) in OUTLINE.iter().enumerate() {
        let (a, b) = (in_box(from), in_box(OUTLINE[(i + 1) % OUTLINE.len()]));
        nearest_m2 = nearest_m2.min(distance_m2_to_segment(at, a, b));
        if (a.y > at.y) != (b.y > at.y) && at.x < a.x + (at.y - a.y) / (b.y - a.y) * (b.x - a.x) {
            inside = !inside;
        }
    }
    let distance_m = nearest_m2.sqrt();
    let roughness_m = 1_500.0 * noise::over(noise::hash(seed, 11), at, 6_000.0);
    (if inside { distance_m } else { -distance_m }) + roughness_m
}

/// Returns the direction in which streets run, as a vector of about unit length.
pub(super) fn heading(seed: u64, at: Coord<f64>) -> Coord<f64> {
    // The seat's streets share one direction; villages and hills turn with the land.
    let turn = (1.0 - 0.8 * urbanity(at)) * noise::over(noise::hash(seed, 12), at, 7_000.0) + 0.22;
    Coord { x: 1.0, y: turn }
}

fn in_box(share: (f64, f64)) -> Coord<f64> {
    Coord { x: BOX_MIN.x + share.0 * (BOX_MAX.x - BOX_MIN.x), y: BOX_MIN.y + share.1 * (BOX_MAX.y - BOX_MIN.y) }
}

/// A bell that needs no exponential: 1 at the centre, 1/4 at the radius, then falling with the fourth power.
fn fall_off(at: Coord<f64>, centre: Coord<f64>, radius_m: f64) -> f64 {
    let d2 = ((at.x - centre.x) * (at.x - centre.x) + (at.y - centre.y) * (at.y - centre.y)) / (radius_m * radius_m);
    1.0 / ((1.0 + d2) * (1.0 + d2))
}

fn distance_m2_to_segment(at: Coord<f64>, a: Coord<f64>, b: Coord<f64>) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let t = (((at.x - a.x) * dx + (at.y - a.y) * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
    let (ex, ey) = (at.x - a.x - t * dx, at.y - a.y - t * dy);
    ex * ex + ey * ey
}
