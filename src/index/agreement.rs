//! The raster never changes an answer: it says what the tree says, everywhere, by every path.

use std::sync::Arc;

use geo::{MultiPolygon, Polygon, coord, polygon};
use geo_types::{Coord, LineString};
use proptest::prelude::*;

use super::tests::{ANYTHING, GAPS, Lattice, Named, index, square};
use super::{LayerIndex, MaybeUnit, Path, Search};
use crate::boundary::{Accepted, Position};
use crate::topology::{ValidCoverage, town};

/// Compares both searches at every depth, one by one and all at once.
fn assert_agree(coverage: &Arc<ValidCoverage>, mut raster: LayerIndex, points: impl Iterator<Item = Coord<f64>>) {
    let tree = LayerIndex::build(Arc::clone(coverage), Search::Rtree);
    let positions: Vec<Position> = points.map(|c| Position { lon: c.x, lat: c.y }).collect();
    for depth in 0..coverage.levels().len() {
        let expected: Vec<_> = positions.iter().map(|position| tree.owner(*position, depth)).collect();
        for (position, expected) in positions.iter().zip(&expected) {
            assert_eq!(raster.owner(*position, depth), *expected, "{position:?} at depth {depth}");
            assert_eq!(tree.is_held(*position, depth), expected.unit.is_some(), "{position:?} at depth {depth}, by the rim");
        }
        for path in Path::ALL.into_iter().filter(|path| path.is_here()) {
            raster = raster.with_path(path);
            let mut owners = vec![MaybeUnit::NONE; positions.len()];
            raster.owners(&positions, depth, &mut owners);
            for ((position, owner), expected) in positions.iter().zip(&owners).zip(&expected) {
                assert_eq!(owner.get(), expected.unit, "{position:?} at depth {depth} by {}", path.as_str());
            }
        }
        assert_together_as_alone(&raster, depth, &positions);
    }
}

/// Compares whole answers about some of the positions, told together and one by one.
fn assert_together_as_alone(index: &LayerIndex, depth: usize, positions: &[Position]) {
    const DOUBT_M: f64 = 30.0;
    let some: Vec<Position> = positions.iter().copied().step_by(7).collect();
    let mut told = 0;
    index.locate_all(&some, depth, DOUBT_M, |at, located| {
        assert_eq!((at, &located), (told, &index.locate(some[at], depth, DOUBT_M)), "{:?} at depth {depth}", some[at]);
        told += 1;
    });
    assert_eq!(told, some.len());
}

fn assert_all_agree(coverage: &Arc<ValidCoverage>, more: impl IntoIterator<Item = Coord<f64>>) {
    let points = telling_points(coverage).chain(more);
    assert_agree(coverage, LayerIndex::build(Arc::clone(coverage), Search::Raster), points);
}

/// Every vertex and the floats around it, and points as near to every edge as floats allow.
fn telling_points(coverage: &ValidCoverage) -> impl Iterator<Item = Coord<f64>> {
    let around = |c: Coord<f64>| {
        let (xs, ys) = ([c.x.next_down(), c.x, c.x.next_up()], [c.y.next_down(), c.y, c.y.next_up()]);
        xs.into_iter().flat_map(move |x| ys.map(|y| coord! { x: x, y: y }))
    };
    let on_edge = |edge: &[Coord<f64>]| {
        let (a, b) = (edge[0], edge[1]);
        [0.0, 0.3, 0.5].map(|t| coord! { x: a.x + t * (b.x - a.x), y: a.y + t * (b.y - a.y) })
    };
    coverage.arcs().ids().flat_map(move |arc| coverage.arcs().coords(arc).windows(2).flat_map(on_edge).flat_map(around))
}

/// Points all over a box, and what is no place.
fn spread(min: Coord<f64>, max: Coord<f64>) -> impl Iterator<Item = Coord<f64>> {
    const STEPS: u32 = 40;
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -0.0];
    let odd = odd.into_iter().flat_map(move |x| odd.map(|y| coord! { x: x, y: y }));
    let (width, height) = (max.x - min.x, max.y - min.y);
    let place = move |at: u32| {
        let (column, row) = (f64::from(at % STEPS), f64::from(at / STEPS));
        coord! { x: min.x + width * (1.2 * column / f64::from(STEPS) - 0.1), y: min.y + height * (1.2 * row / f64::from(STEPS) - 0.1) }
    };
    (0..STEPS * STEPS).map(place).chain(odd).chain([min, max, coord! { x: f64::NAN, y: min.y }, coord! { x: min.x, y: f64::INFINITY }])
}

fn check_units(units: &[Named], accepted: Accepted) {
    let coverage = Arc::clone(index(&[units], accepted).coverage());
    let all = coverage.arcs().ids().flat_map(|arc| coverage.arcs().coords(arc).to_vec()).collect::<Vec<_>>();
    let fold =
        |by: fn(f64, f64) -> f64| coord! { x: all.iter().map(|c| c.x).fold(all[0].x, by), y: all.iter().map(|c| c.y).fold(all[0].y, by) };
    assert_all_agree(&coverage, spread(fold(f64::min), fold(f64::max)));
}

fn ring(points: &[(f64, f64)]) -> LineString<f64> {
    LineString(points.iter().map(|(x, y)| coord! { x: *x, y: *y }).collect())
}

/// Corners around the origin, from the east counter-clockwise.
fn corner(at: usize, of: usize, radius: f64) -> (f64, f64) {
    let angle = at as f64 / of as f64 * std::f64::consts::TAU;
    (111.0 + radius * angle.cos(), 26.0 + radius * angle.sin())
}

#[test]
fn holes_enclaves_and_parts_are_told_apart() {
    let around = polygon!(exterior: [(x: 0., y: 0.), (x: 9., y: 0.), (x: 9., y: 9.), (x: 0., y: 9.)],
        interiors: [[(x: 3., y: 3.), (x: 6., y: 3.), (x: 6., y: 6.), (x: 3., y: 6.)]]);
    check_units(&[("a", None, around.clone().into()), ("b", None, square(3.0, 3.0, 3.0))], Accepted::default());
    check_units(&[("a", None, around.into()), ("b", None, square(4.0, 4.0, 1.0))], GAPS);
    let both = MultiPolygon(vec![square(0.0, 0.0, 1.0).0.remove(0), square(2.0, 0.5, 1.0).0.remove(0)]);
    check_units(&[("a", None, both), ("b", None, square(1.0, 0.0, 1.0))], GAPS);
}

#[test]
fn an_accepted_overlap_is_left_to_the_tree() {
    check_units(&[("b", None, square(0.0, 0.0, 2.0)), ("a", None, square(1.0, 0.5, 2.0)), ("c", None, square(7.0, 0.0, 2.0))], ANYTHING);
    check_units(&[("b", None, square(0.0, 0.0, 2.0)), ("a", None, square(0.0, 0.0, 2.0)), ("c", None, square(0.5, 0.5, 1.0))], ANYTHING);
}

#[test]
fn the_ends_of_the_world_are_places_like_others() {
    let halves = [("w", None, polygon![(x: -180., y: -90.), (x: 0., y: -90.), (x: 0., y: 90.), (x: -180., y: 90.)].into())];
    let east: Named = ("e", None, polygon![(x: 0., y: -90.), (x: 180., y: -90.), (x: 180., y: 90.), (x: 0., y: 90.)].into());
    check_units(&[halves[0].clone(), east], Accepted::default());
}

#[test]
fn very_many_borders_may_meet_in_a_point() {
    const SECTORS: usize = 90;
    let codes: Vec<String> = (0..SECTORS).map(|at| format!("{at:03}")).collect();
    let sector = |(at, code): (usize, &'static str)| -> Named {
        let points = [(111.0, 26.0), corner(at, SECTORS, 1.0), corner((at + 1) % SECTORS, SECTORS, 1.0)];
        (code, None, Polygon::new(ring(&points), Vec::new()).into())
    };
    let units: Vec<Named> = codes.into_iter().map(|code| &*code.leak()).enumerate().map(sector).collect();
    check_units(&units, Accepted::default());
}

#[test]
fn a_border_of_very_many_edges_is_followed() {
    // One arc of hundreds of edges, more than there are cells, between two units.
    const EDGES: usize = 700;
    let along: Vec<(f64, f64)> = (0..=EDGES).map(|at| (at as f64 / EDGES as f64, 0.4 + 0.1 * (at as f64 * 0.7).sin())).collect();
    let mut south = vec![(0.0, 0.0), (1.0, 0.0)];
    south.extend(along.iter().rev());
    let mut north = along;
    north.extend([(1.0, 1.0), (0.0, 1.0)]);
    let unit = |code, points: &[(f64, f64)]| -> Named { (code, None, Polygon::new(ring(points), Vec::new()).into()) };
    check_units(&[unit("s", &south), unit("n", &north)], Accepted::default());
}

#[test]
fn a_layer_may_be_tiny_or_thin() {
    for (scale_x, scale_y) in [(1e-9, 1e-9), (1e-12, 1.0), (40.0, 1e-13), (1e-300, 1e-300)] {
        let (x, y) = if scale_x < 1e-200 { (0.0, 0.0) } else { (111.0, 26.0) };
        let cell = |code, west: f64| -> Named {
            let points = [(west, 0.0), (west + 1.0, 0.1), (west + 1.0, 1.0), (west, 0.9)].map(|(a, b)| (x + a * scale_x, y + b * scale_y));
            (code, None, Polygon::new(ring(&points), Vec::new()).into())
        };
        let codes = [("a", None, cell("a", 0.0).2), ("b", None, cell("b", 1.0).2)];
        let layer = std::panic::catch_unwind(|| index(&[&codes], ANYTHING));
        // What is too thin for floats is no valid layer to begin with.
        if layer.is_ok() {
            check_units(&codes, ANYTHING);
        }
    }
}

#[test]
fn steep_borders_pass_the_sides_of_cells_within_rounding() {
    // Borders that lean by a few spacings of floats, so that where they enter a cell is anyone's guess.
    let codes = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let x = |column: usize, row: usize| {
        let mut x = 111.0 + column as f64 * 0.01;
        for _ in 0..(row * 7 + column * 3) % 11 {
            x = x.next_up();
        }
        x
    };
    let unit = |(column, code): (usize, &'static str)| -> Named {
        let up = (0..12).map(|row| (x(column + 1, row), 26.0 + row as f64 * 0.01));
        let down = (0..12).rev().map(|row| (x(column, row), 26.0 + row as f64 * 0.01));
        (code, None, Polygon::new(ring(&up.chain(down).collect::<Vec<_>>()), Vec::new()).into())
    };
    let units: Vec<Named> = codes.into_iter().enumerate().map(unit).collect();
    check_units(&units, ANYTHING);
    let flat = |(code, parent, shape): &Named| -> Named {
        let turned = shape.0[0].exterior().0.iter().map(|c| (111.0 + (c.y - 26.0), 26.0 + (c.x - 111.0))).collect::<Vec<_>>();
        (code, *parent, Polygon::new(ring(&turned), Vec::new()).into())
    };
    check_units(&units.iter().map(flat).collect::<Vec<_>>(), ANYTHING);
}

#[test]
fn all_levels_agree_before_and_after_changes() {
    let mut followed = 0;
    for seed in 0..2 {
        let mut town = town::Town::new(seed);
        let mut before = town.shapes();
        let Some(coverage) = town::check_all(before.clone(), ANYTHING).coverage else { continue };
        let mut coverage = Arc::new(coverage);
        let mut chain = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
        let mut index = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
        for _ in 0..4 {
            let side = town::STEP * (town::SIDE as f64 + 1.0);
            let low = coord! { x: -town::STEP, y: -town::STEP };
            // Every seventh point: the vertices and edges of a whole town are many, and come again after each change.
            let points = telling_points(&coverage).step_by(7).chain(spread(low, coord! { x: side, y: side }));
            assert_agree(&coverage, index, points);
            town.edit();
            let after = town.shapes();
            let Some(fresh) = town::check_all(after.clone(), GAPS).coverage else { break };
            index = match coverage.patched(&town::layer(), town::delta(&before, &after), fresh.accepted()) {
                Ok(patched) => {
                    followed += 1;
                    coverage = Arc::new(patched.coverage);
                    // Once to be compared, and once to follow the next change from.
                    let next = chain.patched(Arc::clone(&coverage), &patched.changes);
                    chain = chain.patched(Arc::clone(&coverage), &patched.changes);
                    next
                }
                Err(_) => {
                    coverage = Arc::new(fresh);
                    chain = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
                    LayerIndex::build(Arc::clone(&coverage), Search::Raster)
                }
            };
            before = after;
        }
    }
    assert!(followed > 2, "{followed} followed");
}

#[test]
fn units_behind_one_that_is_gone_are_found_under_their_new_numbers() {
    let mut town = town::Town::new(3);
    let mut before = town.shapes();
    // There is a gap already: what is accepted stays the same.
    before.last_mut().unwrap().pop();
    let coverage = Arc::new(town::check_all(before.clone(), GAPS).coverage.unwrap());
    let index = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
    let mut after = before.clone();
    // Of the finest level, the unit with the smallest code: all others get another number.
    after.last_mut().unwrap().remove(0);
    let fresh = town::check_all(after.clone(), GAPS).coverage.unwrap();
    let patched = coverage.patched(&town::layer(), town::delta(&before, &after), fresh.accepted()).unwrap();
    let coverage = Arc::new(patched.coverage);
    let points: Vec<_> = telling_points(&coverage).collect();
    assert_agree(&coverage, index.patched(Arc::clone(&coverage), &patched.changes), points.into_iter());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_lattice_is_the_same_for_both(lattice in Lattice::strategy()) {
        let coverage = Arc::clone(lattice.index().coverage());
        assert_all_agree(&coverage, spread(coord! { x: 0.0, y: 0.0 }, coord! { x: 0.04, y: 0.04 }));
    }
}
