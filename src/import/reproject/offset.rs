use std::f64::consts::PI;

use geo_types::Coord;

/// The ellipsoid of the published formula (Krasovsky 1940), which is not that of WGS 84.
const AXIS_M: f64 = 6_378_245.0;
const ECCENTRICITY_SQUARED: f64 = 0.006_693_421_622_965_943;

/// Where the formula applies; outside it nothing is moved. West, south, east, north.
const BOX_DEG: [f64; 4] = [72.004, 0.8293, 137.8347, 55.8271];

/// The inverse stops where a step moves less than this, a tenth of a micrometre.
const STEP_DEG: f64 = 1e-12;

/// Two steps reach 1e-9 degrees everywhere in China and some twelve reach the last bit.
/// The bound ends the loop on the rim of the box, where the offset breaks off and no inverse exists.
const STEPS_MAX: usize = 30;

/// The angle in Baidu's formula.
const BD_ANGLE: f64 = PI * 3000.0 / 180.0;

/// Moves a WGS 84 position to GCJ-02 by the published formula.
///
/// Outside the formula's box (72.004–137.8347° E, 0.8293–55.8271° N) the position stays.
/// Whether the official transformation, which is not public, agrees is unknown.
pub fn wgs84_to_gcj02(position: Coord<f64>) -> Coord<f64> {
    let [west, south, east, north] = BOX_DEG;
    if !(west..=east).contains(&position.x) || !(south..=north).contains(&position.y) {
        return position;
    }
    let (x, y) = (position.x - 105.0, position.y - 35.0);
    let lat_rad = position.y.to_radians();
    let m = 1.0 - ECCENTRICITY_SQUARED * lat_rad.sin().powi(2);
    let lat_step = shift_north(x, y) * 180.0 / PI / (AXIS_M * (1.0 - ECCENTRICITY_SQUARED) / (m * m.sqrt()));
    let lon_step = shift_east(x, y) * 180.0 / PI / (AXIS_M / m.sqrt() * lat_rad.cos());
    Coord { x: position.x + lon_step, y: position.y + lat_step }
}

/// Finds the WGS 84 position that the published formula moves to `position`, by fixed-point steps.
pub fn gcj02_to_wgs84(position: Coord<f64>) -> Coord<f64> {
    invert(position, wgs84_to_gcj02)
}

/// Moves a GCJ-02 position to BD-09.
pub fn gcj02_to_bd09(position: Coord<f64>) -> Coord<f64> {
    let radius = position.x.hypot(position.y) + 0.00002 * (position.y * BD_ANGLE).sin();
    let angle = position.y.atan2(position.x) + 0.000003 * (position.x * BD_ANGLE).cos();
    Coord { x: radius * angle.cos() + 0.0065, y: radius * angle.sin() + 0.006 }
}

/// Finds the GCJ-02 position of a BD-09 position, by fixed-point steps; the usual closed inverse errs by up to 0.11 m.
pub fn bd09_to_gcj02(position: Coord<f64>) -> Coord<f64> {
    invert(position, gcj02_to_bd09)
}

pub fn wgs84_to_bd09(position: Coord<f64>) -> Coord<f64> {
    gcj02_to_bd09(wgs84_to_gcj02(position))
}

pub fn bd09_to_wgs84(position: Coord<f64>) -> Coord<f64> {
    gcj02_to_wgs84(bd09_to_gcj02(position))
}

fn shift_north(x: f64, y: f64) -> f64 {
    let smooth = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * x.abs().sqrt();
    smooth
        + (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0
        + (20.0 * (y * PI).sin() + 40.0 * (y / 3.0 * PI).sin()) * 2.0 / 3.0
        + (160.0 * (y / 12.0 * PI).sin() + 320.0 * (y * PI / 30.0).sin()) * 2.0 / 3.0
}

fn shift_east(x: f64, y: f64) -> f64 {
    let smooth = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * x.abs().sqrt();
    smooth
        + (20.0 * (6.0 * x * PI).sin() + 20.0 * (2.0 * x * PI).sin()) * 2.0 / 3.0
        + (20.0 * (x * PI).sin() + 40.0 * (x / 3.0 * PI).sin()) * 2.0 / 3.0
        + (150.0 * (x / 12.0 * PI).sin() + 300.0 * (x / 30.0 * PI).sin()) * 2.0 / 3.0
}

fn invert(target: Coord<f64>, forward: impl Fn(Coord<f64>) -> Coord<f64>) -> Coord<f64> {
    let mut guess = target;
    for _ in 0..STEPS_MAX {
        let miss = forward(guess) - target;
        guess = guess - miss;
        if miss.x.abs().max(miss.y.abs()) < STEP_DEG {
            break;
        }
    }
    guess
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apart_deg(a: Coord<f64>, b: Coord<f64>) -> f64 {
        (a.x - b.x).abs().max((a.y - b.y).abs())
    }

    #[test]
    fn the_formula_gives_the_published_values() {
        // lon, lat of WGS 84, GCJ-02, BD-09.
        let cases = [
            [111.6184, 26.2225, 111.623636862, 26.219010780, 111.630112145, 26.225120534],
            [111.75, 26.10, 111.755438234, 26.096765144, 111.761963510, 26.102671729],
            [116.404, 39.915, 116.410244499, 39.916404282, 116.416627244, 39.922699552],
            [121.4737, 31.2304, 121.478223059, 31.228457738, 121.484781469, 31.234310594],
        ];
        for [lon, lat, gcj_lon, gcj_lat, bd_lon, bd_lat] in cases {
            let wgs84 = Coord { x: lon, y: lat };
            assert!(apart_deg(wgs84_to_gcj02(wgs84), Coord { x: gcj_lon, y: gcj_lat }) < 1e-9);
            assert!(apart_deg(wgs84_to_bd09(wgs84), Coord { x: bd_lon, y: bd_lat }) < 1e-9);
        }
    }

    #[test]
    fn there_and_back_is_exact_to_a_micrometre_all_over_china() {
        for column in 0..60 {
            for row in 0..40 {
                let position = Coord { x: 73.5 + f64::from(column) * 1.031, y: 18.2 + f64::from(row) * 0.893 };
                assert!(apart_deg(gcj02_to_wgs84(wgs84_to_gcj02(position)), position) < 1e-11, "{position:?}");
                assert!(apart_deg(bd09_to_wgs84(wgs84_to_bd09(position)), position) < 1e-11, "{position:?}");
            }
        }
    }

    #[test]
    fn nothing_moves_outside_the_box() {
        for position in [Coord { x: 2.35, y: 48.85 }, Coord { x: 140.0, y: 35.0 }] {
            assert_eq!(wgs84_to_gcj02(position), position);
            assert_eq!(gcj02_to_wgs84(position), position);
        }
    }
}
