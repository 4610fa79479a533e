//! Numbers and names the units: 6 digits for the district, 3 for the street, 3 for the community, 3 or 4 for the grid.
//!
//! Communities take 001 to 199 where they are urban and 200 to 399 where they are villages, as GB/T 10114 and the
//! statistical codes have it. Within a parent the sequence runs from west to east, then from north to south.

use geo_types::Coord;

use super::district::{District, Ground, SampleUnit, Settings, measure};
use super::names::CommunityNames;
use super::rings::Rings;
use super::terrain::PLACES;

/// Lingling District.
pub const DISTRICT_CODE: &str = "431102";
const DISTRICT_NAME: &str = "零陵区";

/// Beyond this many grids a community's sequence has four digits, in all its grids.
const THREE_DIGITS_MAX: usize = 999;

pub(super) fn name_and_number(settings: Settings, ground: &Ground) -> District {
    let unit = |code: String, name: String, parent: Option<&str>, polygons: &Vec<Rings>| {
        let (area_m2, centre) = measure(polygons);
        SampleUnit { code, name, parent: parent.map(str::to_owned), polygons: polygons.clone(), area_m2, centre }
    };
    let district = unit(DISTRICT_CODE.into(), DISTRICT_NAME.into(), None, &ground.district);
    let mut grids_of = vec![Vec::new(); ground.communities.len()];
    for (grid, &community) in ground.community_of_grid.iter().enumerate() {
        grids_of[community as usize].push(grid);
    }
    let mut names = CommunityNames::new(settings.seed);
    let (mut streets, mut communities, mut grids) = (Vec::new(), Vec::new(), Vec::with_capacity(ground.grids.len()));
    for (street, (place, polygons)) in PLACES.iter().zip(&ground.streets).enumerate() {
        let street_code = format!("{DISTRICT_CODE}{}", place.code);
        streets.push(unit(street_code.clone(), place.name.into(), Some(DISTRICT_CODE), polygons));
        let mut bears_the_name = true;
        for is_urban in [true, false] {
            let of_kind = |&c: &usize| ground.street_of_community[c] as usize == street && ground.is_urban[c] == is_urban;
            let members: Vec<usize> = (0..ground.communities.len()).filter(of_kind).collect();
            let members = in_sequence(members, |&c| measure(&ground.communities[c]));
            for (community, number) in members.into_iter().zip(if is_urban { 1.. } else { 200.. }) {
                let code = format!("{street_code}{number:03}");
                let name = if std::mem::take(&mut bears_the_name) { names.take_street(place.name) } else { names.take(is_urban) };
                let members = in_sequence(grids_of[community].clone(), |&g| measure(&ground.grids[g]));
                for (grid, sequence) in members.iter().zip(sequence_codes(members.len())) {
                    let grid_name = format!("{name}第{}网格", sequence.trim_start_matches('0'));
                    grids.push(unit(format!("{code}{sequence}"), grid_name, Some(&code), &ground.grids[*grid]));
                }
                communities.push(unit(code, name, Some(&street_code), &ground.communities[community]));
            }
        }
    }
    District { settings, district, streets, communities, grids, centrelines: ground.centrelines.clone() }
}

/// Returns the sequences of a community's grids: three digits, or four in all of them where there are more than 999.
fn sequence_codes(count: usize) -> impl Iterator<Item = String> {
    let digits = if count > THREE_DIGITS_MAX { 4 } else { 3 };
    (1..=count).map(move |number| format!("{number:0digits$}"))
}

/// Puts units in the order of their numbers: in rows from north to south, within a row from west to east.
///
/// The standard's order needs rows. There are as many as make the cells about square.
fn in_sequence<T>(units: Vec<T>, measure: impl Fn(&T) -> (f64, Coord<f64>)) -> Vec<T> {
    let centres: Vec<Coord<f64>> = units.iter().map(|unit| measure(unit).1).collect();
    let rows = Rows::of(&centres);
    let mut order: Vec<(usize, f64, T)> = units.into_iter().zip(&centres).map(|(unit, c)| (rows.row(c.y), c.x, unit)).collect();
    order.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    order.into_iter().map(|(_, _, unit)| unit).collect()
}

/// Rows of one height from the northernmost centre to the southernmost.
pub(super) struct Rows {
    north: f64,
    height_m: f64,
    count: usize,
}

impl Rows {
    pub(super) fn of(centres: &[Coord<f64>]) -> Self {
        let range = |pick: fn(&Coord<f64>) -> f64| {
            let values = centres.iter().map(pick);
            (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
        };
        let ((west, east), (south, north)) = (range(|c| c.x), range(|c| c.y));
        let per_side = (centres.len() as f64 * (north - south).max(1.0) / (east - west).max(1.0)).sqrt();
        let count = (per_side.round() as usize).clamp(1, centres.len().max(1));
        Self { north, height_m: ((north - south) / count as f64).max(1e-9), count }
    }

    pub(super) fn row(&self, northing: f64) -> usize {
        (((self.north - northing) / self.height_m) as usize).min(self.count - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f64, y: f64) -> Coord<f64> {
        Coord { x, y }
    }

    #[test]
    fn codes_run_west_to_east_then_north_to_south() {
        let centres = vec![at(2.0, 0.1), at(1.0, 9.8), at(9.0, 10.0), at(8.0, 0.0)];
        assert_eq!(in_sequence(centres, |c| (1.0, *c)), [at(1.0, 9.8), at(9.0, 10.0), at(2.0, 0.1), at(8.0, 0.0)]);
    }

    #[test]
    fn a_community_with_more_than_999_grids_gets_four_digits() {
        for (count, first, last) in [(1, "001", "001"), (999, "001", "999"), (1_000, "0001", "1000")] {
            let codes: Vec<String> = sequence_codes(count).collect();
            assert_eq!((codes[0].as_str(), codes[count - 1].as_str()), (first, last));
        }
    }
}
