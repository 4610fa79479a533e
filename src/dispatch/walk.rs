//! The order in which places are walked to.

use geo::{Distance, Geodesic, Point};

use crate::boundary::Position;

/// Most places that are put in order at once; the work grows with the square of their number.
pub const WALK_PLACES_MAX: usize = 200;

/// Rounds of improvement. Each round tries every pair of legs; mostly three or four rounds find no more.
const ROUNDS_MAX: usize = 30;

/// Returns the places, as their numbers, in an order in which a walk from `start` is short: to the nearest one that is left, and then
/// with every two legs crossed over for which that is shorter (2-opt). It is a heuristic: the shortest walk may be shorter, by a few
/// percent mostly. Without a start the walk begins at the first place.
///
/// Distances are straight lines on the ground, not ways along streets. Places beyond [`WALK_PLACES_MAX`] stay in their order at the end.
pub fn walk_order(start: Option<Position>, places: &[Position]) -> Vec<usize> {
    let count = places.len().min(WALK_PLACES_MAX);
    let Some(first) = start.or_else(|| places.first().copied()) else { return Vec::new() };
    let mut order = Vec::with_capacity(places.len());
    let mut left: Vec<usize> = (0..count).collect();
    let mut here = first;
    while !left.is_empty() {
        let far = |at: &usize| plane_m(here, places[*at]);
        // Of several as near the one that came first: the same order on every machine.
        let nearest = (0..left.len()).min_by(|a, b| far(&left[*a]).total_cmp(&far(&left[*b]))).unwrap_or_default();
        let next = left.remove(nearest);
        here = places[next];
        order.push(next);
    }
    improve(first, places, &mut order);
    order.extend(count..places.len());
    order
}

/// Turns stretches of the walk round as long as that makes it shorter. The start is fixed and the end is open.
fn improve(start: Position, places: &[Position], order: &mut [usize]) {
    let place = |order: &[usize], at: usize| if at == 0 { start } else { places[order[at - 1]] };
    for _ in 0..ROUNDS_MAX {
        let mut is_better = false;
        for from in 1..=order.len() {
            for to in from + 1..=order.len() {
                let (before, first) = (place(order, from - 1), place(order, from));
                let (last, after) = (place(order, to), (to < order.len()).then(|| place(order, to + 1)));
                let old = plane_m(before, first) + after.map_or(0.0, |after| plane_m(last, after));
                let new = plane_m(before, last) + after.map_or(0.0, |after| plane_m(first, after));
                // More than rounding, so that it ends.
                if new + 1e-6 < old {
                    order[from - 1..to].reverse();
                    is_better = true;
                }
            }
        }
        if !is_better {
            return;
        }
    }
}

/// Returns the length of each leg of a walk along the ellipsoid, metres; that to the first place is 0 without a start.
pub fn legs_m(start: Option<Position>, places: impl IntoIterator<Item = Position>) -> Vec<f64> {
    let mut here = start;
    let point = |position: Position| Point::new(position.lon, position.lat);
    let leg = |place: Position| here.replace(place).map_or(0.0, |from| Geodesic.distance(point(from), point(place)));
    places.into_iter().map(leg).collect()
}

/// Metres in a plane: near enough to compare ways of a few kilometres.
fn plane_m(a: Position, b: Position) -> f64 {
    const DEGREE_M: f64 = 111_320.0;
    let lon = (b.lon - a.lon).rem_euclid(360.0);
    let lon = if lon > 180.0 { lon - 360.0 } else { lon };
    (lon * a.lat.to_radians().cos() * DEGREE_M).hypot((b.lat - a.lat) * DEGREE_M)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn length(start: Position, places: &[Position], order: &[usize]) -> f64 {
        legs_m(Some(start), order.iter().map(|at| places[*at])).iter().sum()
    }

    fn position(x: f64, y: f64) -> Position {
        Position { lon: 111.6 + x * 1e-3, lat: 26.2 + y * 1e-3 }
    }

    /// The shortest of all walks.
    fn shortest(start: Position, places: &[Position], left: &mut Vec<usize>, done: &mut Vec<usize>) -> f64 {
        if left.is_empty() {
            return length(start, places, done);
        }
        let mut best = f64::INFINITY;
        for at in 0..left.len() {
            done.push(left.remove(at));
            best = best.min(shortest(start, places, left, done));
            left.insert(at, done.pop().unwrap_or_default());
        }
        best
    }

    #[test]
    fn a_row_of_places_is_walked_from_end_to_end() {
        let places: Vec<Position> = [3.0, 1.0, 4.0, 2.0].map(|x| position(x, 0.0)).to_vec();
        assert_eq!(walk_order(Some(position(0.0, 0.0)), &places), [1, 3, 0, 2]);
        assert_eq!(walk_order(None, &places)[0], 0, "without a start the walk begins at the first");
        assert_eq!(walk_order(None, &[]), Vec::<usize>::new());
        // Going to the nearest each time would run to and fro.
        let trap: Vec<Position> = [1.0, -1.5, 3.0, -6.0].map(|x| position(x, 0.0)).to_vec();
        let order = walk_order(Some(position(0.0, 0.0)), &trap);
        assert_eq!(order, [0, 2, 1, 3]);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_place_is_walked_to_once_and_hardly_further_than_the_shortest_walk(
            places in prop::collection::vec((0.0..10.0_f64, 0.0..10.0_f64), 1..8),
        ) {
            let places: Vec<Position> = places.iter().map(|(x, y)| position(*x, *y)).collect();
            let start = position(0.0, 0.0);
            let order = walk_order(Some(start), &places);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..places.len()).collect::<Vec<_>>());
            let best = shortest(start, &places, &mut (0..places.len()).collect(), &mut Vec::new());
            prop_assert!(length(start, &places, &order) <= best * 1.35 + 1.0, "{} and not {best}", length(start, &places, &order));
        }
    }
}
