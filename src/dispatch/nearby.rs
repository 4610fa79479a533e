//! Cases near each other, which may be about the same.

use geo::{Distance, Geodesic, Point};

use crate::boundary::Position;

/// Widest distance at which cases are called near, metres.
pub const DUPLICATE_DISTANCE_M_MAX: f64 = 100.0;

/// Rows of cells from pole to pole: each is a thousandth of a degree high, at least 110 m.
const ROWS: f64 = 180_000.0;

/// Metres in a degree of latitude where it is shortest, at the equator.
const DEGREE_M_MIN: f64 = 110_574.0;

/// Returns the number of the cell, some 110 m high and wide, in which a position lies. Stores keep cases by it, so that those near a
/// place are found without a look at the others.
pub fn cell_of(position: Position) -> i64 {
    let row = row_of(position.lat);
    pack(row, column_of(position.lon, row))
}

/// How far bounds are set beyond where they are computed to be, degrees: a tenth of a millimetre, which is more than rounding comes to.
const ROUNDING_DEG: f64 = 1e-9;

/// Returns the cells in which everything lies that is at most `distance_m` from a position.
pub fn cells_around(position: Position, distance_m: f64) -> Vec<i64> {
    let reach_deg = distance_m / DEGREE_M_MIN + ROUNDING_DEG;
    let (south, north) = (row_of(position.lat - reach_deg), row_of(position.lat + reach_deg));
    // No way of this length gets nearer to a pole than this, where a degree of longitude is shortest.
    let shortest = (position.lat.abs() + reach_deg).min(90.0).to_radians().cos();
    let from_west = position.lon + 180.0;
    let mut cells = Vec::new();
    for row in south..=north {
        let columns = columns_of(row);
        let (first, count) = match reach_deg / shortest {
            reach if reach < 180.0 => {
                let [first, last] = [from_west - reach, from_west + reach].map(|turned| columns_within(turned, columns));
                (first, (last - first + 1).min(columns))
            }
            _ => (0, columns),
        };
        cells.extend((first..first + count).map(|column| pack(row, column.rem_euclid(columns))));
    }
    cells
}

/// Returns the distance between two positions along the ellipsoid, metres.
pub fn distance_m(a: Position, b: Position) -> f64 {
    Geodesic.distance(Point::new(a.lon, a.lat), Point::new(b.lon, b.lat))
}

#[expect(clippy::cast_possible_truncation, reason = "a row is at most 180,000")]
fn row_of(lat: f64) -> i64 {
    ((lat + 90.0) / 180.0 * ROWS).floor().clamp(0.0, ROWS - 1.0) as i64
}

/// How many cells a row has: as many as fit without being narrower than they are high at the rim nearest to a pole.
#[expect(clippy::cast_possible_truncation, reason = "a row has at most 360,000 cells")]
#[expect(clippy::cast_precision_loss, reason = "a row is at most 180,000")]
fn columns_of(row: i64) -> i64 {
    let rim = |row: f64| (row / ROWS * 180.0 - 90.0).to_radians().cos();
    let narrowest = rim(row as f64).min(rim(row as f64 + 1.0)).max(0.0);
    ((2.0 * ROWS * narrowest).floor() as i64).max(1)
}

fn column_of(lon: f64, row: i64) -> i64 {
    let columns = columns_of(row);
    columns_within((lon + 180.0).rem_euclid(360.0), columns).min(columns - 1)
}

/// Returns how many whole columns a turn by some degrees passes, at most one and a half turns either way.
#[expect(clippy::cast_possible_truncation, reason = "a row has at most 360,000 cells")]
#[expect(clippy::cast_precision_loss, reason = "a row has at most 360,000 cells")]
fn columns_within(turned_deg: f64, columns: i64) -> i64 {
    (turned_deg / 360.0 * columns as f64).floor() as i64
}

fn pack(row: i64, column: i64) -> i64 {
    row << 32 | column
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_near_lies_in_the_cells_around(
            lon in prop_oneof![-180.0..180.0_f64, Just(180.0), Just(-180.0), Just(0.0)],
            lat in prop_oneof![-89.9..89.9_f64, -1.0..1.0_f64, 89.998..90.0_f64, -90.0..-89.998_f64, Just(90.0), Just(-90.0)],
            far_m in 0.0..DUPLICATE_DISTANCE_M_MAX,
            bearing in 0.0..360.0_f64,
        ) {
            use geo::Destination;
            let here = Position { lon, lat };
            let there = Geodesic.destination(Point::new(lon, lat), bearing, far_m);
            let there = Position { lon: there.x(), lat: there.y() };
            let far_m = distance_m(here, there);
            prop_assert!(cells_around(here, far_m).contains(&cell_of(there)), "{far_m} m from {here:?} to {there:?}");
        }
    }

    #[test]
    fn few_cells_are_looked_into() {
        let at = |lat| cells_around(Position { lon: 111.6, lat }, 50.0).len();
        // A circle that is narrower than a cell lies in four at most.
        for thousandths in 0..1_000 {
            let lat = 26.2 + f64::from(thousandths) / 1e6;
            assert!(at(lat) <= 4 && at(lat + 34.0) <= 4, "{lat}");
        }
        assert!(at(89.999_9) <= 16, "{}", at(89.999_9));
    }
}
