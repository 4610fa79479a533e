//! Tells places that are there from those that rounding makes and unmakes.

use geo_types::Polygon;

use super::plane::Plane;
use super::report::width_m;

/// A gap or overlap narrower than this share of its coordinates is a hairline.
///
/// Crossings are rounded, and every engine rounds others, so that narrower places close in one and open in the next. GEOS's overlay
/// moves edges together by as much where rounding gets in its way (`OverlayNGRobust`, `SNAP_TOL_FACTOR`).
/// It is 0.02 mm at 180 degrees and 0.0055 mm at 5,500 km: less than any survey measures or any file means.
const HAIRLINE_SHARE: f64 = 1e-12;

/// Whether a place is narrower than arithmetic with its coordinates can tell.
pub(super) fn is_hairline(place: &Polygon<f64>) -> bool {
    // Rounding knows no metres: width and coordinates count in the units of the plane, whichever they are.
    let units = Plane::Projected { unit_m: 1.0 };
    let largest = place.exterior().0.iter().fold(0.0, |largest: f64, c| largest.max(c.x.abs()).max(c.y.abs()));
    width_m(place, units.polygon_area_m2(place), units) <= HAIRLINE_SHARE * largest
}

#[cfg(test)]
mod tests {
    use geo_types::polygon;

    use super::*;

    #[test]
    fn a_hairline_is_narrower_than_a_millionth_of_a_millionth_of_its_coordinates() {
        for at in [1.0, 111.6, 500_000.0, 40_000_000.0] {
            let strip = |width: f64| polygon![(x: 0.0, y: at), (x: 0.0, y: at / 2.0), (x: width, y: at / 2.0), (x: width, y: at)];
            assert!(is_hairline(&strip(0.99 * HAIRLINE_SHARE * at)), "{at}");
            assert!(!is_hairline(&strip(1.01 * HAIRLINE_SHARE * at)), "{at}");
        }
    }

    #[test]
    fn a_place_a_hundredth_of_a_millimetre_across_is_none_in_metres_of_a_zone() {
        let strip = polygon![(x: 500_000.0, y: 2_900_000.0), (x: 500_000.0, y: 2_900_100.0), (x: 500_000.000_01, y: 2_900_100.0), (x: 500_000.000_01, y: 2_900_000.0)];
        assert!(!is_hairline(&strip));
    }
}
