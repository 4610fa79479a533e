use geo_types::{LineString, MultiPolygon, Polygon};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::boundary::{FeatureRef, Level, Position, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use crate::topology::Plane;

const WEST: f64 = 111.6;
const SOUTH: f64 = 26.2;
/// About a hundred metres each way, exact in binary so that neighbours meet exactly.
const SIDE: f64 = 1.0 / 1024.0;

/// Columns and rows of a grid of squares: from, to, exclusive.
type Block = (f64, f64, f64, f64);

fn ring((west, south, east, north): Block) -> LineString<f64> {
    let corner = |x: f64, y: f64| (WEST + SIDE * x, SOUTH + SIDE * y);
    LineString::from(vec![corner(west, south), corner(east, south), corner(east, north), corner(west, north), corner(west, south)])
}

fn unit(code: &str, blocks: &[Block]) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::nil()),
        code: UnitCode::parse(code).unwrap(),
        name: String::new(),
        level: level(),
        parent: None,
        properties: Properties::new(),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    let geometry = MultiPolygon(blocks.iter().map(|block| Polygon::new(ring(*block), vec![])).collect());
    UnitShape { unit, geometry, source: FeatureRef::default() }
}

fn level() -> Level {
    Level::parse("grid").unwrap()
}

fn compare(from: &[UnitShape], to: &[UnitShape]) -> LevelComparison {
    LevelComparison::new(level(), from.to_vec(), to.to_vec(), 0, false)
}

/// Kind, old code, new code, shares of both in thousandths.
type Expected<'a> = (Kind, &'a str, &'a str, u32, u32);

fn check(from: &[UnitShape], to: &[UnitShape], expected: &[Expected<'_>]) -> LevelComparison {
    let found = compare(from, to);
    let code = |shapes: &[UnitShape], at: Option<usize>| at.map_or(String::new(), |at| shapes[at].unit.code.to_string());
    let thousandths = |share: Option<f64>| share.map_or(0, |share| (share * 1000.0).round() as u32);
    let told: Vec<_> = found
        .transfers
        .iter()
        .map(|t| (t.kind, code(&found.from, t.from), code(&found.to, t.to), thousandths(t.share_of_from), thousandths(t.share_of_to)))
        .collect();
    let expected: Vec<_> =
        expected.iter().map(|(kind, a, b, of_a, of_b)| (*kind, (*a).to_owned(), (*b).to_owned(), *of_a, *of_b)).collect();
    assert_eq!(told, expected);
    found
}

const LEFT: Block = (0.0, 0.0, 1.0, 1.0);
const RIGHT: Block = (1.0, 0.0, 2.0, 1.0);
const BOTH: Block = (0.0, 0.0, 2.0, 1.0);

#[test]
fn a_split_gives_each_part_its_share() {
    let third = (0.0, 0.0, 0.5, 1.0);
    let rest = (0.5, 0.0, 2.0, 1.0);
    let found = check(
        &[unit("a", &[BOTH])],
        &[unit("a", &[third]), unit("b", &[rest])],
        &[(Kind::Split, "a", "a", 250, 1000), (Kind::Split, "a", "b", 750, 1000)],
    );
    assert_eq!((found.counts.of(Kind::Split), found.counts.changed(), found.counts.unchanged), (1, 1, 0));
}

#[test]
fn a_merge_names_all_that_went_in() {
    let found = check(
        &[unit("a", &[LEFT]), unit("b", &[RIGHT])],
        &[unit("c", &[BOTH])],
        &[(Kind::Merged, "a", "c", 1000, 500), (Kind::Merged, "b", "c", 1000, 500)],
    );
    assert_eq!((found.counts.of(Kind::Merged), found.counts.changed()), (1, 1));
}

#[test]
fn ground_that_changes_hands_is_redrawn_on_both_sides() {
    let (less, more) = ((0.0, 0.0, 0.75, 1.0), (0.75, 0.0, 2.0, 1.0));
    let found = check(
        &[unit("a", &[LEFT]), unit("b", &[RIGHT])],
        &[unit("a", &[less]), unit("b", &[more])],
        &[(Kind::Redrawn, "a", "a", 750, 1000), (Kind::Redrawn, "a", "b", 250, 200), (Kind::Redrawn, "b", "b", 1000, 800)],
    );
    assert_eq!(found.counts.of(Kind::Redrawn), 2);
}

#[test]
fn a_new_code_on_the_same_ground_is_recoded_and_a_new_name_renamed() {
    let mut renamed = unit("b", &[RIGHT]);
    renamed.unit.name = "新".into();
    let mut elsewhere = unit("c", &[(5.0, 0.0, 6.0, 1.0)]);
    elsewhere.unit.properties.insert("n".into(), 1.into());
    check(
        &[unit("a", &[LEFT]), unit("b", &[RIGHT]), unit("c", &[(5.0, 0.0, 6.0, 1.0)])],
        &[unit("x", &[LEFT]), renamed, elsewhere],
        &[(Kind::Recoded, "a", "x", 1000, 1000), (Kind::Renamed, "b", "b", 1000, 1000), (Kind::Attributes, "c", "c", 1000, 1000)],
    );
}

#[test]
fn ground_that_no_unit_has_any_more_is_told() {
    let found = check(
        &[unit("a", &[LEFT]), unit("b", &[BOTH.shifted()])],
        &[unit("b", &[(0.0, 2.0, 1.5, 3.0)]), unit("n", &[(5.0, 0.0, 6.0, 1.0)])],
        &[
            (Kind::Ended, "a", "", 1000, 0),
            (Kind::Redrawn, "b", "b", 750, 1000),
            (Kind::Ended, "b", "", 250, 0),
            (Kind::Begun, "", "n", 0, 1000),
        ],
    );
    assert_eq!([Kind::Ended, Kind::Begun, Kind::Redrawn].map(|kind| found.counts.of(kind)), [1, 1, 1]);
}

trait Shifted {
    fn shifted(self) -> Self;
}

impl Shifted for Block {
    fn shifted(self) -> Self {
        (self.0, self.1 + 2.0, self.2, self.3 + 2.0)
    }
}

#[test]
fn a_unit_shared_out_among_neighbours_has_ended_and_one_carved_out_of_several_has_begun() {
    let columns = |at: f64| (at, 0.0, at + 1.0, 1.0);
    let found = check(
        &[unit("a", &[(0.0, 0.0, 3.0, 1.0)]), unit("b", &[columns(3.0)]), unit("c", &[(4.0, 0.0, 7.0, 1.0)])],
        &[unit("a", &[(0.0, 0.0, 3.5, 1.0)]), unit("c", &[(3.5, 0.0, 7.0, 1.0)])],
        &[
            (Kind::Redrawn, "a", "a", 1000, 857),
            (Kind::Ended, "b", "a", 500, 143),
            (Kind::Ended, "b", "c", 500, 143),
            (Kind::Redrawn, "c", "c", 1000, 857),
        ],
    );
    assert_eq!([Kind::Ended, Kind::Redrawn].map(|kind| found.counts.of(kind)), [1, 2]);
    let found = compare(&found.to, &found.from);
    assert_eq!([Kind::Begun, Kind::Redrawn, Kind::Ended].map(|kind| found.counts.of(kind)), [1, 2, 0]);
}

#[test]
fn units_that_overlap_each_have_their_heir() {
    let (from, to) = ([unit("a", &[LEFT]), unit("b", &[LEFT])], [unit("c", &[LEFT])]);
    let heirs = |may_overlap| LevelComparison::new(level(), from.to_vec(), to.to_vec(), 0, may_overlap).transfers.len();
    assert_eq!(heirs(true), 2);
}

#[test]
fn vertices_that_move_no_ground_are_no_change() {
    let mut denser = unit("a", &[LEFT]);
    denser.geometry.0[0].exterior_mut(|ring| ring.0.insert(1, geo_types::Coord { x: WEST + SIDE * 0.375, y: SOUTH }));
    let found = check(&[unit("a", &[LEFT])], &[denser], &[]);
    assert_eq!((found.counts.unchanged, found.counts.changed(), found.slivers), (1, 0, Slivers::default()));
}

#[test]
fn a_border_that_moves_by_less_than_the_repair_is_counted_among_slivers() {
    // A tenth of a metre.
    let step = 1e-3;
    let (less, more) = ((0.0, 0.0, 1.0 - step, 1.0), (1.0 - step, 0.0, 2.0, 1.0));
    let found = check(&[unit("a", &[LEFT]), unit("b", &[RIGHT])], &[unit("a", &[less]), unit("b", &[more])], &[]);
    assert_eq!((found.counts.unchanged, found.slivers.count), (2, 1));
    assert!((9.0..12.0).contains(&found.slivers.area_m2), "{:?}", found.slivers);
}

#[test]
fn cases_on_a_border_count_for_the_owner() {
    let half = |at: f64| (at, 0.0, at + 0.5, 1.0);
    let (from, to) = ([unit("a", &[LEFT])], [unit("a", &[half(0.0)]), unit("b", &[half(0.5)])]);
    let mut found = compare(&from, &to);
    let (before, after) = (UnitFinder::new(&from), UnitFinder::new(&to));
    let at = |x: f64, y: f64| Position { lon: WEST + SIDE * x, lat: SOUTH + SIDE * y };
    // On the new border, which belongs to the east; inside each; on the rim of both, which nobody here can tell.
    let places = [at(0.5, 0.5), at(0.25, 0.5), at(0.5, 0.0), at(0.75, 0.75)];
    let owners = places.map(|place| (before.find(place), after.find(place)));
    assert_eq!(owners.map(|(_, after)| after), [Owned::By(1), Owned::By(0), Owned::By(1), Owned::By(1)]);
    assert_eq!(
        [at(1.0, 0.5), at(0.5, 1.0), at(3.0, 3.0)].map(|place| after.find(place)),
        [Owned::Doubtful, Owned::Doubtful, Owned::ByNone]
    );
    found.add_cases(owners);
    let load: Vec<_> = found.transfers.iter().map(|t| t.load.unwrap()).collect();
    assert_eq!([load[0].cases, load[1].cases], [1, 3]);
    assert_eq!((load[1].share_of_from, load[1].share_of_to), (Some(0.75), Some(1.0)));
}

#[test]
fn residents_go_by_area() {
    let residents = |mut shape: UnitShape, count: serde_json::Value| {
        shape.unit.properties.insert("人口".into(), count);
        shape
    };
    let from = [residents(unit("a", &[LEFT]), 100.into()), residents(unit("b", &[RIGHT]), "300".into())];
    let field = find_residents_field(&from, None).unwrap().to_owned();
    let mut found = compare(&from, &[unit("a", &[(0.0, 0.0, 0.5, 1.0)]), unit("b", &[(0.5, 0.0, 2.0, 1.0)])]);
    found.add_residents(&field);
    let told: Vec<_> = found.transfers.iter().map(|t| t.residents.unwrap()).map(|r| (r.count.round(), r.share_of_to.unwrap())).collect();
    assert_eq!(told.iter().map(|t| t.0).collect::<Vec<_>>(), [50.0, 50.0, 300.0]);
    assert!((told[1].1 - 50.0 / 350.0).abs() < 1e-9);
    assert_eq!(find_residents_field(&from, Some("households")), None);
}

/// Cuts a square of `n` by `n` cells into units: each cell is the unit that its number says.
fn painted(cells: &[u8], n: usize, prefix: &str) -> Vec<UnitShape> {
    let mut shapes = Vec::new();
    for number in 0..8_u8 {
        let of_unit = cells.iter().enumerate().filter(|(_, cell)| **cell == number).map(|(at, _)| at);
        let blocks: Vec<MultiPolygon<f64>> = of_unit
            .map(|at| {
                let (x, y) = ((at % n) as f64, (at / n) as f64);
                MultiPolygon(vec![Polygon::new(ring((x, y, x + 1.0, y + 1.0)), vec![])])
            })
            .collect();
        if let Some(geometry) = blocks.into_iter().reduce(|a, b| geo::BooleanOps::union(&a, &b)) {
            shapes.push(UnitShape { geometry, ..unit(&format!("{prefix}{number}"), &[]) });
        }
    }
    shapes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against counting: units made of whole cells have the cells in common that both are painted on.
    #[test]
    fn areas_are_those_of_the_cells_in_common(a in prop::collection::vec(0_u8..9, 36), b in prop::collection::vec(0_u8..9, 36)) {
        let (from, to) = (painted(&a, 6, "u"), painted(&b, 6, "u"));
        let overlay = overlay::Overlay::new(&from, &to, false);
        let cell_m2: Vec<f64> = (0..6).map(|row| {
            let y = f64::from(row);
            Plane::Degrees.polygon_area_m2(&Polygon::new(ring((0.0, y, 1.0, y + 1.0)), vec![]))
        }).collect();
        let mut counted = std::collections::BTreeMap::new();
        for (at, (x, y)) in a.iter().zip(&b).enumerate() {
            if *x < 8 && *y < 8 {
                *counted.entry((format!("u{x}"), format!("u{y}"))).or_insert(0.0) += cell_m2[at / 6];
            }
        }
        let pieces: std::collections::BTreeMap<_, _> = overlay.pieces.iter()
            .map(|p| ((from[p.from].unit.code.to_string(), to[p.to].unit.code.to_string()), p.area_m2)).collect();
        prop_assert_eq!(pieces.keys().collect::<Vec<_>>(), counted.keys().collect::<Vec<_>>());
        for (pair, area_m2) in &counted {
            prop_assert!((pieces[pair] - area_m2).abs() < 0.01, "{:?}: {} {}", pair, pieces[pair], area_m2);
        }
    }

    /// Whatever lines the old and the new borders follow, an old unit's shares and what it lost make it up.
    #[test]
    fn shares_add_up_to_what_was_not_lost(ticks in prop::collection::vec(0.1_f64..0.9, 12), shift in 0.0_f64..0.5) {
        let strips = |ticks: &[f64], tilt: f64, shift: f64| -> Vec<UnitShape> {
            let mut edges: Vec<f64> = ticks.iter().map(|t| t * 6.0 + shift).collect();
            edges.push(shift);
            edges.push(6.0 + shift);
            edges.sort_by(f64::total_cmp);
            edges.windows(2).enumerate().map(|(at, pair)| {
                let corner = |x: f64, y: f64| (WEST + SIDE * (x + tilt * y), SOUTH + SIDE * y);
                let ring = LineString::from(vec![corner(pair[0], 0.0), corner(pair[1], 0.0), corner(pair[1], 3.0), corner(pair[0], 3.0), corner(pair[0], 0.0)]);
                UnitShape { geometry: MultiPolygon(vec![Polygon::new(ring, vec![])]), ..unit(&format!("s{at}"), &[]) }
            }).collect()
        };
        let (from, to) = (strips(&ticks[..6], 0.0, 0.0), strips(&ticks[6..], 0.3, shift));
        let overlay = overlay::Overlay::new(&from, &to, false);
        let whole = |shapes: &[UnitShape]| shapes.iter().map(|s| s.geometry.clone()).reduce(|a, b| geo::BooleanOps::union(&a, &b)).unwrap();
        let now = whole(&to);
        for (at, shape) in from.iter().enumerate() {
            let lost_m2 = Plane::Degrees.area_m2(&geo::BooleanOps::difference(&shape.geometry, &now));
            prop_assert!((lost_m2 - overlay.lost_m2[at]).abs() < 0.01, "{} {}", lost_m2, overlay.lost_m2[at]);
        }
        let found = compare(&from, &to);
        for at in 0..from.len() {
            let shares: f64 = found.transfers.iter().filter(|t| t.from == Some(at)).filter_map(|t| t.share_of_from).sum();
            let slivers = (found.slivers.area_m2 + 0.01 * 8.0) / overlay.from_m2[at];
            prop_assert!((1.0 - shares).abs() <= slivers + 1e-9, "{} {}", shares, slivers);
        }
    }
}
