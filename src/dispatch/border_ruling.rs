//! What dispatchers have ruled about places in doubt between two units, so that the next case there is not disputed again.

use jiff::Timestamp;

use super::nearby::distance_m;
use super::workflow::RulingId;
use crate::boundary::{Position, UnitCode};

/// Widest reach of a ruling, metres: it settles a corner of a street, and does not redraw the border.
pub const RULING_RADIUS_M_MAX: f64 = 200.0;

/// Degrees of latitude in a metre, where they are most.
const DEGREE_PER_M_MAX: f64 = 1.0 / 110_574.0;

/// A place that a dispatcher has said to be a unit's.
#[derive(Clone, Debug, PartialEq)]
pub struct BorderRuling {
    pub id: RulingId,
    pub position: Position,
    pub radius_m: f64,
    pub unit: UnitCode,
    pub at: Timestamp,
}

/// The rulings that are in force.
#[derive(Clone, Debug, Default)]
pub struct BorderRulings {
    /// From south to north.
    rulings: Vec<BorderRuling>,
}

impl BorderRulings {
    pub fn new(mut rulings: Vec<BorderRuling>) -> Self {
        rulings.sort_by(|a, b| a.position.lat.total_cmp(&b.position.lat));
        Self { rulings }
    }

    /// Returns the ruling that holds at a position, with the distance to its place in metres: of several the last one.
    pub fn find(&self, position: Position) -> Option<(&BorderRuling, f64)> {
        let reach_deg = RULING_RADIUS_M_MAX * DEGREE_PER_M_MAX;
        let from = self.rulings.partition_point(|ruling| ruling.position.lat < position.lat - reach_deg);
        let near = self.rulings[from..].iter().take_while(|ruling| ruling.position.lat <= position.lat + reach_deg);
        let with_distance = near.map(|ruling| (ruling, distance_m(ruling.position, position)));
        let holding = with_distance.filter(|(ruling, distance_m)| *distance_m <= ruling.radius_m);
        holding.max_by_key(|(ruling, _)| (ruling.at, ruling.id))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ruling(number: u128, lon: f64, lat: f64, radius_m: f64, at: i64) -> BorderRuling {
        let unit = UnitCode::parse("431102001").unwrap();
        let at = Timestamp::from_second(at).unwrap();
        BorderRuling { id: RulingId(uuid::Uuid::from_u128(number)), position: Position { lon, lat }, radius_m, unit, at }
    }

    #[test]
    fn the_last_ruling_whose_reach_holds_the_place_counts() {
        // A thousandth of a degree of latitude is some 110.8 m here.
        let rulings = BorderRulings::new(vec![ruling(1, 111.6, 26.2, 100.0, 5), ruling(2, 111.6, 26.201, 30.0, 9)]);
        let find = |lat: f64| rulings.find(Position { lon: 111.6, lat }).map(|(found, far)| (found.id.0.as_u128(), far.round()));
        assert_eq!(find(26.2), Some((1, 0.0)));
        assert_eq!(find(26.200_8), Some((2, 22.0)), "both hold it, and the second was made later");
        assert_eq!((find(26.200_6), find(26.202)), (Some((1, 66.0)), None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_found_is_what_a_look_at_all_finds(
            places in prop::collection::vec((0.0..0.01_f64, 0.0..0.01_f64, 0.0..RULING_RADIUS_M_MAX, 0_i64..5), 0..20),
            lon in 0.0..0.01_f64,
            lat in 0.0..0.01_f64,
        ) {
            let all: Vec<_> = (0..).zip(&places).map(|(number, (x, y, far, at))| ruling(number, *x, *y, *far, *at)).collect();
            let here = Position { lon, lat };
            let holding = all.iter().filter(|ruling| distance_m(ruling.position, here) <= ruling.radius_m);
            let expected = holding.max_by_key(|ruling| (ruling.at, ruling.id)).map(|ruling| ruling.id);
            prop_assert_eq!(BorderRulings::new(all.clone()).find(here).map(|(found, _)| found.id), expected);
        }
    }
}
