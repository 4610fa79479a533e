use std::collections::BTreeMap;

use crate::boundary::Position;

/// The side of the squares by which places are told apart, metres: as far as two reports of one thing mostly lie from each other.
pub const PLACE_SIDE_M: f64 = 50.0;

/// Metres in a degree of latitude; of a sphere, which is near enough for squares of a few streets.
const METRES_PER_DEGREE: f64 = 111_195.0;

/// A place where the same was reported again and again.
#[derive(Clone, Debug, PartialEq)]
pub struct RepeatPlace {
    /// The mean of the positions.
    pub position: Position,
    pub category: String,
    pub cases: usize,
}

/// A square with more reports than chance would put there.
#[derive(Clone, Debug, PartialEq)]
pub struct HotSpot {
    /// The middle of the square.
    pub position: Position,
    pub cases: usize,
    /// Gi*, in standard deviations: 1.96 is passed by chance once in 40 squares.
    pub z: f64,
}

/// Squares of one side over the earth, rows of equal height and columns of equal width in metres.
#[derive(Clone, Copy, Debug)]
struct Squares {
    side_m: f64,
    /// By the middle of all positions, so that squares are square where the cases are.
    metres_per_degree_lon: f64,
}

type Square = (i64, i64);

impl Squares {
    fn over(side_m: f64, positions: impl Iterator<Item = Position>) -> Option<Self> {
        let (south, north) = positions.fold((f64::MAX, f64::MIN), |(south, north), at| (south.min(at.lat), north.max(at.lat)));
        let middle = f64::midpoint(south, north);
        (south <= north).then(|| Self { side_m, metres_per_degree_lon: METRES_PER_DEGREE * middle.to_radians().cos().max(1e-6) })
    }

    #[expect(clippy::cast_possible_truncation, reason = "the earth has fewer squares of a metre than an i64 holds")]
    fn find(self, at: Position) -> Square {
        let square = |degrees: f64, metres: f64| (degrees * metres / self.side_m).floor() as i64;
        (square(at.lon, self.metres_per_degree_lon), square(at.lat, METRES_PER_DEGREE))
    }

    #[expect(clippy::cast_precision_loss, reason = "the earth has fewer squares of a metre than 2^53")]
    fn middle(self, (column, row): Square) -> Position {
        let degrees = |square: i64, metres: f64| (square as f64 + 0.5) * self.side_m / metres;
        Position { lon: degrees(column, self.metres_per_degree_lon), lat: degrees(row, METRES_PER_DEGREE) }
    }
}

/// Finds places with at least `cases_min` cases of one category within a square of [`PLACE_SIDE_M`], those with most first.
#[expect(clippy::cast_precision_loss, reason = "counts of cases are far below 2^53")]
pub fn find_repeat_places<'a>(cases: &[(Position, &'a str)], cases_min: usize) -> Vec<RepeatPlace> {
    let Some(squares) = Squares::over(PLACE_SIDE_M, cases.iter().map(|(at, _)| *at)) else { return Vec::new() };
    let mut found: BTreeMap<(Square, &'a str), (usize, f64, f64)> = BTreeMap::new();
    for (at, category) in cases {
        let (count, lon, lat) = found.entry((squares.find(*at), category)).or_default();
        (*count, *lon, *lat) = (*count + 1, *lon + at.lon, *lat + at.lat);
    }
    let enough = found.into_iter().filter(|(_, (count, ..))| *count >= cases_min.max(1));
    let mut places: Vec<RepeatPlace> = enough
        .map(|((_, category), (cases, lon, lat))| {
            let position = Position { lon: lon / cases as f64, lat: lat / cases as f64 };
            RepeatPlace { position, category: category.to_owned(), cases }
        })
        .collect();
    places.sort_by(|a, b| b.cases.cmp(&a.cases).then_with(|| a.category.cmp(&b.category)).then(a.position.lon.total_cmp(&b.position.lon)));
    places
}

/// Finds squares of `side_m` whose count together with their eight neighbours' is more than `z_min` standard deviations above what the
/// mean of all squares within the extent would give, the hottest first.
///
/// Gi* with weights of one for a square and its neighbours: Ord and Getis, Geographical Analysis 27 (1995), equation 14. Squares
/// without a case within the extent count as such.
#[expect(clippy::cast_precision_loss, reason = "counts of squares are far below 2^53")]
pub fn find_hot_spots(positions: &[Position], side_m: f64, z_min: f64) -> Vec<HotSpot> {
    let Some(squares) = Squares::over(side_m, positions.iter().copied()) else { return Vec::new() };
    let mut counts: BTreeMap<Square, usize> = BTreeMap::new();
    for at in positions {
        *counts.entry(squares.find(*at)).or_default() += 1;
    }
    let bounds = |of: fn(&Square) -> i64| counts.keys().map(of).fold((i64::MAX, i64::MIN), |(low, high), at| (low.min(at), high.max(at)));
    let ((west, east), (south, north)) = (bounds(|square| square.0), bounds(|square| square.1));
    let n = (east - west + 1) as f64 * (north - south + 1) as f64;
    let (sum, squared) = counts.values().fold((0.0, 0.0), |(sum, squared), count| {
        let count = *count as f64;
        (sum + count, squared + count * count)
    });
    let mean = sum / n;
    let deviation = (squared / n - mean * mean).max(0.0).sqrt();
    let mut found = Vec::new();
    for (square, cases) in &counts {
        let around = || (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (square.0 + dx, square.1 + dy)));
        let inside = around().filter(|(x, y)| (west..=east).contains(x) && (south..=north).contains(y));
        let (neighbours, near) =
            inside.fold((0.0, 0.0), |(neighbours, near), at| (neighbours + 1.0, near + *counts.get(&at).unwrap_or(&0) as f64));
        let spread = deviation * ((n * neighbours - neighbours * neighbours) / (n - 1.0)).max(0.0).sqrt();
        let z = if spread > 0.0 { (near - mean * neighbours) / spread } else { 0.0 };
        if z > z_min {
            found.push(HotSpot { position: squares.middle(*square), cases: *cases, z });
        }
    }
    found.sort_by(|a, b| b.z.total_cmp(&a.z).then(a.position.lon.total_cmp(&b.position.lon)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x_m: f64, y_m: f64) -> Position {
        let lat: f64 = 26.2;
        Position { lon: 111.6 + x_m / (METRES_PER_DEGREE * lat.to_radians().cos()), lat: lat + y_m / METRES_PER_DEGREE }
    }

    #[test]
    fn a_place_repeats_by_category_and_not_by_its_neighbours() {
        let here: Vec<(Position, &str)> = (0..4).map(|step| (at(f64::from(step), 1.0), "rubbish")).collect();
        let mut cases = here.clone();
        cases.extend([(at(2.0, 1.0), "noise"), (at(500.0, 0.0), "rubbish"), (at(900.0, 900.0), "rubbish")]);
        let found = find_repeat_places(&cases, 3);
        // The four lie in one square, or two where its side runs between them.
        assert!(found.iter().all(|place| place.category == "rubbish" && place.cases >= 3), "{found:?}");
        assert!(find_repeat_places(&cases, 1).iter().map(|place| place.cases).sum::<usize>() == cases.len());
        assert!(find_repeat_places(&[], 1).is_empty());
    }

    #[test]
    fn a_crowd_is_hot_and_an_even_spread_is_not() {
        let even: Vec<Position> =
            (0..20).flat_map(|x| (0..20).map(move |y| at(f64::from(x) * 200.0 + 100.0, f64::from(y) * 200.0 + 100.0))).collect();
        assert_eq!(find_hot_spots(&even, 200.0, 3.0), []);
        let mut crowded = even.clone();
        crowded.extend((0..60).map(|step| at(2_100.0 + f64::from(step % 8), 2_100.0)));
        let found = find_hot_spots(&crowded, 200.0, 3.0);
        assert!(!found.is_empty() && found.len() <= 9, "{found:?}");
        let off_m = |spot: &HotSpot| ((spot.position.lat - at(0.0, 2_100.0).lat) * METRES_PER_DEGREE).abs();
        assert!(found.iter().all(|spot| off_m(spot) <= 300.0), "{found:?}");
        assert!(found[0].z > 3.0 && found.is_sorted_by(|a, b| a.z >= b.z));
        assert_eq!(find_hot_spots(&[at(0.0, 0.0)], 200.0, 1.0), []);
    }
}
