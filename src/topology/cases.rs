//! Small hand-made layers, each showing one rule of the check.

use geo::orient::{Direction, Orient};
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use uuid::Uuid;

use super::{Checked, Neighbours, Rules, UnitIndex, ValidCoverage, check};
use crate::boundary::{
    Accepted, FeatureRef, Layer, LayerName, Level, Problem, ProblemKind, Properties, Severity, Unit, UnitCode, UnitId, UnitShape, Validity,
};

/// One hundred thousandth of a degree, about 1.1 m at the equator, where the cases lie.
const STEP: f64 = 1e-5;

type Ring = [(f64, f64)];

pub(super) fn layer(levels: &[&str]) -> Layer {
    let levels = levels.iter().map(|level| Level::parse(level).unwrap()).collect();
    Layer { name: LayerName::parse("grid").unwrap(), levels, scheme: None }
}

pub(crate) fn shape(level: &str, number: usize, code: &str, parent: Option<&str>, geometry: MultiPolygon<f64>) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::from_u128(number as u128)),
        code: UnitCode::parse(code).unwrap(),
        name: String::new(),
        level: Level::parse(level).unwrap(),
        parent: parent.map(|parent| UnitCode::parse(parent).unwrap()),
        properties: Properties::new(),
        validity: Validity { from: jiff::Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry, source: FeatureRef { number } }
}

fn line(ring: &Ring) -> LineString<f64> {
    ring.iter().map(|(x, y)| Coord { x: x * STEP, y: y * STEP }).collect()
}

/// A unit with one polygon: its exterior, then its holes.
fn unit(code: &str, rings: &[&Ring]) -> UnitShape {
    let polygon = Polygon::new(line(rings[0]), rings[1..].iter().map(|ring| line(ring)).collect());
    shape("unit", 1, code, None, polygon.into())
}

fn square(code: &str, x: f64, y: f64, side: f64) -> UnitShape {
    unit(code, &[&[(x, y), (x + side, y), (x + side, y + side), (x, y + side)]])
}

fn run(shapes: Vec<UnitShape>, snap_m: f64, accepted: Accepted) -> Checked {
    check(&layer(&["unit"]), vec![shapes], &Rules { snap_m, accepted, ..Rules::default() })
}

fn exactly(shapes: Vec<UnitShape>) -> Checked {
    run(shapes, 0.0, Accepted::default())
}

fn count(checked: &Checked, kind: ProblemKind) -> usize {
    checked.problems.iter().filter(|problem| problem.kind == kind).count()
}

fn kinds(checked: &Checked) -> Vec<(ProblemKind, Severity)> {
    let mut kinds: Vec<_> = checked.problems.iter().map(|problem| (problem.kind, problem.severity)).collect();
    kinds.sort_unstable();
    kinds
}

fn only(checked: &Checked, kind: ProblemKind) -> &Problem {
    let mut found = checked.problems.iter().filter(|problem| problem.kind == kind);
    let problem = found.next().unwrap();
    assert!(found.next().is_none(), "{:?}", checked.problems);
    problem
}

fn codes(problem: &Problem) -> Vec<&str> {
    problem.units.iter().map(|unit| unit.code.as_deref().unwrap()).collect()
}

fn coverage(checked: &Checked) -> &ValidCoverage {
    checked.coverage.as_ref().unwrap_or_else(|| panic!("{:?}", checked.problems))
}

fn neighbours(checked: &Checked) -> Neighbours {
    coverage(checked).neighbours(0)
}

fn near(found: Option<f64>, expected: f64) {
    let found = found.unwrap();
    assert!((found / expected - 1.0).abs() < 0.01, "{found} is not about {expected}");
}

/// Asserts that two geometries have the same rings in the same order, whichever vertex each begins with.
pub(super) fn assert_same_rings(found: &MultiPolygon<f64>, expected: &MultiPolygon<f64>) {
    let rings = |geometry: &MultiPolygon<f64>| -> Vec<Vec<(u64, u64)>> {
        let of = |polygon: &Polygon<f64>| {
            let polygon = polygon.orient(Direction::Default);
            std::iter::once(polygon.exterior()).chain(polygon.interiors()).cloned().collect::<Vec<_>>()
        };
        let from_least = |ring: LineString<f64>| {
            let mut bits: Vec<(u64, u64)> = ring.0[1..].iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect();
            bits.dedup();
            let least = (0..bits.len()).min_by_key(|at| bits[*at]).unwrap();
            bits.rotate_left(least);
            bits
        };
        geometry.iter().flat_map(of).map(from_least).collect()
    };
    assert_eq!(rings(found), rings(expected));
}

/// Square metres of a unit square of the cases.
const STEP2_M2: f64 = 1.11320 * 1.10574;

#[test]
fn two_squares_that_share_an_edge_are_neighbours() {
    let checked = exactly(vec![square("b", 100., 0., 100.), square("a", 0., 0., 100.)]);
    assert_eq!(kinds(&checked), []);
    let coverage = coverage(&checked);
    assert_eq!(coverage.arcs().len(), 3);
    let found = neighbours(&checked);
    let border_m = found.of(UnitIndex(0))[0].border_m;
    assert!((border_m - 110.574).abs() < 0.01, "{border_m}");
    assert!((coverage.area_m2(0, UnitIndex(1)) / (1e4 * STEP2_M2) - 1.0).abs() < 1e-4);
    assert_eq!((checked.summary[0].matched_edges, checked.summary[0].loose_edges), (1, 6));
}

#[test]
fn a_t_junction_is_unmatched_and_repaired_without_moving() {
    let shapes = || vec![square("a", 0., 0., 100.), square("b", 100., 0., 50.), square("c", 100., 50., 50.)];
    let checked = exactly(shapes());
    assert_eq!(kinds(&checked), [(ProblemKind::UnmatchedEdge, Severity::Warning); 3]);
    assert!(checked.coverage.is_some());
    let checked = run(shapes(), 0.1, Accepted::default());
    assert_eq!(kinds(&checked), []);
    assert_eq!((checked.moves.len(), checked.summary[0].inserted_vertices), (0, 1));
    assert_eq!(neighbours(&checked).along_border(UnitIndex(0)).count(), 2);
}

#[test]
fn squares_that_miss_by_a_hair_are_moved_together() {
    for hair in [0.01, -0.01] {
        let checked = run(vec![square("a", 0., 0., 100.), square("b", 100. + hair, 0.005, 100.)], 0.1, Accepted::default());
        assert_eq!(kinds(&checked), []);
        assert_eq!(checked.moves.len(), 2);
        assert!(checked.moves.iter().all(|moved| moved.distance_m < 0.013 && moved.distance_m > 0.012), "{:?}", checked.moves);
        assert_eq!(neighbours(&checked).along_border(UnitIndex(0)).count(), 1);
    }
}

#[test]
fn an_overlap_names_both_units_and_its_area() {
    let shapes = || vec![square("a", 0., 0., 100.), square("b", 90., 20., 100.)];
    let checked = exactly(shapes());
    assert!(checked.coverage.is_none());
    let overlap = only(&checked, ProblemKind::Overlap);
    assert_eq!(codes(overlap), ["a", "b"]);
    near(overlap.area_m2, 800.0 * STEP2_M2);
    assert_eq!(count(&checked, ProblemKind::UnmatchedEdge), 2);
    let accepted = Accepted { overlap: true, ..Accepted::default() };
    let checked = run(shapes(), 0.0, accepted);
    assert_eq!(only(&checked, ProblemKind::Overlap).severity, Severity::Warning);
    assert_eq!(coverage(&checked).accepted(), accepted);
}

#[test]
fn an_accepted_fault_that_is_not_there_is_not_recorded() {
    let all = Accepted { overlap: true, gap: true, nesting: true };
    assert_eq!(coverage(&run(vec![square("a", 0., 0., 100.)], 0.0, all)).accepted(), Accepted::default());
}

#[test]
fn a_unit_within_another_overlaps_it() {
    let checked = exactly(vec![square("a", 0., 0., 100.), square("b", 20., 20., 10.)]);
    let overlap = only(&checked, ProblemKind::Overlap);
    assert_eq!(codes(overlap), ["a", "b"]);
    near(overlap.area_m2, 100.0 * STEP2_M2);
}

#[test]
fn the_same_unit_twice_overlaps_itself() {
    let checked = exactly(vec![square("a", 0., 0., 100.), square("b", 0., 0., 100.), square("c", 0., 0., 100.)]);
    assert_eq!(codes(only(&checked, ProblemKind::Overlap)), ["a", "b", "c"]);
    assert_eq!(count(&checked, ProblemKind::UnmatchedEdge), 3);
    let accepted = Accepted { overlap: true, ..Accepted::default() };
    let checked = run(vec![square("a", 0., 0., 100.), square("b", 0., 0., 100.)], 0.0, accepted);
    assert_same_rings(&coverage(&checked).to_geometry(0, UnitIndex(1)), &square("b", 0., 0., 100.).geometry);
}

#[test]
fn a_unit_over_a_shared_border_overlaps_both_sides() {
    let checked = exactly(vec![square("a", 0., 0., 100.), square("b", 100., 0., 100.), square("c", 90., 20., 20.)]);
    let overlap = only(&checked, ProblemKind::Overlap);
    assert_eq!(codes(overlap), ["a", "b", "c"]);
    assert_eq!(checked.summary[0].overlapping_pairs, 2);
    near(overlap.area_m2, 400.0 * STEP2_M2);
}

/// Four units in a ring around a square of side `hole` in their middle.
fn ring_of_four(hole: f64) -> Vec<UnitShape> {
    let (a, b) = (50. - hole / 2., 50. + hole / 2.);
    vec![
        unit("south", &[&[(0., 0.), (100., 0.), (b, a), (a, a)]]),
        unit("east", &[&[(100., 0.), (100., 100.), (b, b), (b, a)]]),
        unit("north", &[&[(100., 100.), (0., 100.), (a, b), (b, b)]]),
        unit("west", &[&[(0., 100.), (0., 0.), (a, a), (a, b)]]),
    ]
}

#[test]
fn a_hole_in_the_union_is_a_gap_with_its_neighbours() {
    let checked = exactly(ring_of_four(20.));
    let gap = only(&checked, ProblemKind::Gap);
    assert_eq!(gap.severity, Severity::Error);
    assert_eq!(gap.units.len(), 4);
    near(gap.area_m2, 400.0 * STEP2_M2);
    assert_eq!(kinds(&checked).len(), 1);
    let accepted = Accepted { gap: true, ..Accepted::default() };
    assert!(run(ring_of_four(20.), 0.0, accepted).coverage.unwrap().accepted().gap);
}

/// Two units on both sides of a border of 100 steps; in its middle the eastern one's lies `bulge` degrees further east.
fn bulging_border(bulge: f64) -> Vec<UnitShape> {
    vec![square("a", -100., 0., 100.), unit("b", &[&[(0., 0.), (100., 0.), (100., 100.), (0., 100.), (bulge / STEP, 50.)]])]
}

#[test]
fn a_gap_that_rounding_makes_is_reported_as_a_hairline() {
    // The case lies at 0.001 degrees, where a hairline is up to 1e-15 degrees across.
    for (bulge, hairlines, word) in [(1e-15, 1, "a hairline of"), (1e-13, 0, "a sliver of")] {
        let checked = exactly(bulging_border(bulge));
        let gap = only(&checked, ProblemKind::Gap);
        assert_eq!((gap.severity, codes(gap)), (Severity::Error, vec!["a", "b"]));
        assert!(gap.detail.contains(word), "{}", gap.detail);
        assert_eq!((checked.summary[0].gaps, checked.summary[0].hairline_gaps), (1, hairlines));
    }
}

#[test]
fn units_whose_common_place_is_a_hairline_are_a_pair() {
    let checked = exactly(bulging_border(-1e-15));
    assert!(only(&checked, ProblemKind::Overlap).detail.contains("a hairline of"));
    let found = &checked.summary[0];
    assert_eq!((found.overlaps, found.hairline_overlaps, found.overlapping_pairs), (1, 1, 1));
}

#[test]
fn units_that_cross_are_a_pair_even_where_rounding_closes_what_they_share() {
    // The border of "b" crosses that of "a" less than a bit away from it, three degrees east of zero.
    let (at, bit) = (3. / STEP, 3. * f64::EPSILON / STEP);
    let a = unit("a", &[&[(at - 100., 0.), (at, 0.), (at, 100.), (at - 100., 100.)]]);
    let b = unit("b", &[&[(at - bit, 0.), (at + 100., 0.), (at + 100., 100.), (at + bit, 100.)]]);
    assert_eq!(exactly(vec![a, b]).summary[0].overlapping_pairs, 1);
}

#[test]
fn units_that_touch_with_edges_of_other_lengths_are_no_pair() {
    let checked = exactly(vec![square("a", 0., 0., 100.), square("b", 100., 20., 30.), square("c", 100., 50., 100.)]);
    assert_eq!(checked.summary[0].overlapping_pairs, 0);
}

#[test]
fn what_lies_in_a_hole_that_touches_the_rim_is_not_inside_the_unit() {
    // The hole's corner at the rim, and a filling with one vertex more than the hole, so that its edges have no match.
    let holed = unit("a", &[&[(0., 0.), (50., 0.), (100., 0.), (100., 100.), (0., 100.)], &[(50., 0.), (50., 50.), (80., 50.)]]);
    let filling = unit("b", &[&[(50., 0.), (80., 50.), (50., 50.), (50., 25.)]]);
    let checked = exactly(vec![holed, filling]);
    assert_eq!((checked.summary[0].overlaps, checked.summary[0].overlapping_pairs), (0, 0), "{:?}", checked.problems);
}

#[test]
fn a_hole_that_a_unit_fills_is_no_gap() {
    let mut shapes = ring_of_four(20.);
    shapes.push(square("middle", 40., 40., 20.));
    assert_eq!(kinds(&exactly(shapes)), []);
}

#[test]
fn a_hole_of_one_unit_is_a_gap_unless_an_enclave_fills_it() {
    let around = || unit("a", &[&[(0., 0.), (100., 0.), (100., 100.), (0., 100.)], &[(40., 40.), (40., 60.), (60., 60.), (60., 40.)]]);
    near(only(&exactly(vec![around()]), ProblemKind::Gap).area_m2, 400.0 * STEP2_M2);
    let checked = exactly(vec![around(), square("b", 40., 40., 20.)]);
    assert_eq!(kinds(&checked), []);
    assert_eq!(neighbours(&checked).along_border(UnitIndex(1)).count(), 1);
}

#[test]
fn an_island_in_a_lake_is_cut_out_of_the_gap() {
    let around = unit("a", &[&[(0., 0.), (100., 0.), (100., 100.), (0., 100.)], &[(20., 20.), (80., 20.), (80., 80.), (20., 80.)]]);
    let checked = exactly(vec![around, square("b", 40., 40., 20.)]);
    near(only(&checked, ProblemKind::Gap).area_m2, 3200.0 * STEP2_M2);
}

#[test]
fn two_holes_that_touch_in_a_point_are_two_gaps() {
    let holes: [&Ring; 2] = [&[(20., 20.), (40., 20.), (40., 40.), (20., 40.)], &[(40., 40.), (60., 40.), (60., 60.), (40., 60.)]];
    let around = unit("a", &[&[(0., 0.), (100., 0.), (100., 100.), (0., 100.)], holes[0], holes[1]]);
    assert_eq!(count(&exactly(vec![around]), ProblemKind::Gap), 2);
}

#[test]
fn parts_are_ordinary_and_said() {
    let parts = MultiPolygon(vec![square("a", 0., 0., 10.).geometry.0[0].clone(), square("a", 20., 0., 10.).geometry.0[0].clone()]);
    let checked = exactly(vec![shape("unit", 1, "a", None, parts.clone()), square("b", 10., 0., 10.)]);
    assert_eq!(kinds(&checked), [(ProblemKind::Multipart, Severity::Warning)]);
    assert_same_rings(&coverage(&checked).to_geometry(0, UnitIndex(0)), &parts);
}

#[test]
fn squares_that_touch_in_a_corner_only_touch() {
    let checked = exactly(vec![square("a", 0., 0., 100.), square("b", 100., 100., 100.)]);
    assert_eq!(kinds(&checked), []);
    let found = neighbours(&checked);
    assert!(found.of(UnitIndex(0))[0].only_touches());
    assert_eq!(found.along_border(UnitIndex(0)).count(), 0);
}

#[test]
fn a_bow_tie_crosses_itself_at_its_knot() {
    let checked = exactly(vec![unit("a", &[&[(0., 0.), (100., 100.), (100., 0.), (0., 100.)]])]);
    let crossing = only(&checked, ProblemKind::SelfCrossing);
    assert_eq!(crossing.severity, Severity::Error);
    let geo_types::Geometry::MultiPoint(at) = crossing.place.as_ref().unwrap() else { panic!("{crossing:?}") };
    assert!((at.0[0].x() - 50. * STEP).abs() < 1e-12 && (at.0[0].y() - 50. * STEP).abs() < 1e-12);
    assert!(checked.coverage.is_none());
}

#[test]
fn rings_are_judged_by_how_they_meet_themselves() {
    type Case<'a> = (&'a str, &'a [&'a Ring], &'a [(ProblemKind, Severity)]);
    let cases: [Case; 8] = [
        ("a spike", &[&[(0., 0.), (50., 0.), (50., -20.), (50., 0.), (100., 0.), (100., 100.)]], &[(ProblemKind::Spike, Severity::Error)]),
        (
            "a touch in a point",
            &[&[(0., 0.), (50., 50.), (100., 0.), (100., 100.), (50., 50.), (0., 100.)]],
            &[(ProblemKind::SelfCrossing, Severity::Warning)],
        ),
        ("a line", &[&[(0., 0.), (50., 50.), (100., 100.)]], &[(ProblemKind::TooFewPoints, Severity::Error)]),
        (
            "a hole outside",
            &[&[(0., 0.), (100., 0.), (100., 100.), (0., 100.)], &[(200., 0.), (210., 0.), (210., 10.)]],
            &[(ProblemKind::Hole, Severity::Error)],
        ),
        (
            "holes that overlap",
            &[
                &[(0., 0.), (100., 0.), (100., 100.), (0., 100.)],
                &[(10., 10.), (50., 10.), (50., 50.), (10., 50.)],
                &[(40., 40.), (60., 40.), (60., 60.), (40., 60.)],
            ],
            &[(ProblemKind::Hole, Severity::Error), (ProblemKind::Gap, Severity::Error), (ProblemKind::Gap, Severity::Error)],
        ),
        (
            "a hole through its rim",
            &[&[(0., 0.), (100., 0.), (100., 100.), (0., 100.)], &[(90., 40.), (110., 40.), (110., 60.), (90., 60.)]],
            &[(ProblemKind::Hole, Severity::Error), (ProblemKind::Gap, Severity::Error)],
        ),
        (
            "a point twice",
            &[&[(0., 0.), (100., 0.), (100., 0.), (100., 100.), (0., 100.)]],
            &[(ProblemKind::RepeatedPoint, Severity::Note)],
        ),
        ("a point off the earth", &[&[(0., 0.), (1e8, 0.), (0., 10.)]], &[(ProblemKind::Coordinate, Severity::Error)]),
    ];
    for (name, rings, expected) in cases {
        let checked = exactly(vec![unit("a", rings)]);
        assert_eq!(kinds(&checked), expected, "{name}: {:?}", checked.problems);
    }
}

#[test]
fn a_shape_without_a_geometry_is_an_error() {
    assert_eq!(kinds(&exactly(vec![shape("unit", 1, "a", None, MultiPolygon(Vec::new()))])), [(ProblemKind::NoGeometry, Severity::Error)]);
}

#[test]
fn a_code_stands_once() {
    let checked = exactly(vec![square("a", 0., 0., 100.), square("a", 100., 0., 100.)]);
    assert_eq!(codes(only(&checked, ProblemKind::DuplicateCode)), ["a", "a"]);
    assert!(checked.coverage.is_none());
}

/// A parent of two squares, one above the other, with children given.
fn nested(children: Vec<(&str, Option<&str>, UnitShape)>, snap_m: f64, incoming: Option<usize>) -> Checked {
    let parents = [("p", square("p", 0., 0., 100.)), ("q", square("q", 100., 0., 100.))];
    let parents = parents.into_iter().map(|(code, s)| shape("street", 1, code, None, s.geometry)).collect();
    let children = children.into_iter().map(|(code, parent, s)| shape("unit", 1, code, parent, s.geometry)).collect();
    check(&layer(&["street", "unit"]), vec![parents, children], &Rules { snap_m, incoming, ..Rules::default() })
}

#[test]
fn children_that_tile_their_parents_share_their_arcs() {
    let half = |x: f64, y: f64| unit("c", &[&[(x, y), (x + 100., y), (x + 100., y + 50.), (x, y + 50.)]]);
    let children = |shift: f64| {
        vec![
            ("1", Some("p"), half(0., 0.)),
            ("2", Some("p"), half(shift, 50. + shift / 2.)),
            ("3", None, half(100. + shift, 0.)),
            ("4", None, half(100., 50.)),
        ]
    };
    for (shift, incoming) in [(0., None), (0., Some(1)), (0.02, Some(1)), (0.02, None), (-0.02, Some(1))] {
        let checked = nested(children(shift), 0.1, incoming);
        assert_eq!(kinds(&checked), [], "{shift} {incoming:?}: {:?}", checked.problems);
        let coverage = coverage(&checked);
        for arc in coverage.arcs().ids() {
            assert!(coverage.arcs().sides(arc, 1).is_border());
        }
        assert_eq!(coverage.levels()[1].parent(UnitIndex(2)), Some(UnitIndex(1)));
        assert_eq!(coverage.neighbours(0).along_border(UnitIndex(0)).count(), 1);
        assert_eq!(coverage.neighbours(1).along_border(UnitIndex(0)).count(), 2);
        if incoming.is_some() {
            assert!(checked.moves.iter().all(|moved| moved.level.as_str() == "unit"), "{:?}", checked.moves);
            assert_eq!(checked.summary[0].moved_vertices, 0);
        }
    }
}

#[test]
fn a_child_outside_its_parent_and_a_parent_uncovered_are_told_with_their_areas() {
    let checked = nested(vec![("1", Some("p"), unit("c", &[&[(0., 0.), (110., 0.), (110., 100.), (0., 100.)]]))], 0.0, None);
    let nesting = only(&checked, ProblemKind::Nesting);
    assert_eq!((codes(nesting), nesting.severity), (vec!["1"], Severity::Error));
    near(nesting.area_m2, 1000.0 * STEP2_M2);
    let uncovered = only(&checked, ProblemKind::Uncovered);
    assert_eq!((codes(uncovered), uncovered.severity), (vec!["q"], Severity::Warning));
    near(uncovered.area_m2, 10_000.0 * STEP2_M2);
    let checked = nested(vec![("1", Some("p"), square("c", 20., 20., 10.)), ("2", Some("q"), square("c", 150., 20., 10.))], 0.0, None);
    assert_eq!(kinds(&checked), [(ProblemKind::Uncovered, Severity::Warning); 2]);
    near(checked.problems[0].area_m2, 9_900.0 * STEP2_M2);
}

#[test]
fn an_orphan_is_an_error_and_a_missing_level_a_warning() {
    let checked = nested(vec![("1", Some("x"), square("c", 0., 0., 100.)), ("2", None, square("c", 300., 0., 100.))], 0.0, None);
    let orphans: Vec<Severity> = kinds(&checked).into_iter().filter(|(kind, _)| *kind == ProblemKind::Orphan).map(|(_, s)| s).collect();
    assert_eq!(orphans, [Severity::Warning, Severity::Error]);
    let alone = check(&layer(&["street", "unit"]), vec![Vec::new(), vec![square("1", 0., 0., 9.)]], &Rules::default());
    assert_eq!(kinds(&alone), [(ProblemKind::Orphan, Severity::Warning)]);
    assert!(alone.coverage.is_some());
}

#[test]
fn snapping_does_not_spoil_a_ring() {
    // A notch half as wide as the tolerance, between two teeth of a neighbour that would have to fold over.
    let comb = unit("a", &[&[(0., 0.), (100., 0.), (100., 100.), (50.02, 100.), (50., 50.), (49.98, 100.), (0., 100.)]]);
    let tooth = unit("b", &[&[(0., 100.), (49.99, 100.), (50., 50.03), (50.01, 100.), (100., 100.), (100., 200.), (0., 200.)]]);
    let checked = run(vec![comb, tooth], 0.5, Accepted { overlap: true, gap: true, nesting: false });
    assert!(checked.problems.iter().all(|problem| problem.kind != ProblemKind::SelfCrossing), "{:?}", checked.problems);
    assert!(checked.coverage.is_some(), "{:?}", checked.problems);
}

#[test]
fn a_coverage_shows_nothing_of_where_its_rings_began() {
    let hole: &Ring = &[(40., 40.), (40., 60.), (60., 70.), (60., 40.)];
    let around: &Ring = &[(0., 0.), (50., 0.), (100., 0.), (100., 50.), (100., 100.), (0., 100.)];
    let enclave: &Ring = &[(40., 40.), (60., 40.), (60., 70.), (40., 60.)];
    let beside: &Ring = &[(100., 0.), (200., 0.), (200., 100.), (100., 100.), (100., 50.)];
    let turned = |ring: &Ring, by: usize| {
        let mut ring = ring.to_vec();
        let by = by % ring.len();
        ring.rotate_left(by);
        ring
    };
    let coverage = |by: usize| {
        let shapes = vec![
            unit("c", &[&turned(around, by), &turned(hole, 2 * by)]),
            unit("a", &[&turned(enclave, 3 * by)]),
            unit("b", &[&turned(beside, by)]),
        ];
        exactly(shapes).coverage.unwrap()
    };
    let arcs = |coverage: &ValidCoverage| {
        let mut arcs: Vec<_> = coverage
            .arcs()
            .ids()
            .map(|arc| {
                (
                    coverage.arcs().coords(arc).iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect::<Vec<_>>(),
                    coverage.arcs().sides(arc, 0),
                )
            })
            .collect();
        arcs.sort_by(|a, b| a.0.cmp(&b.0));
        arcs
    };
    let first = coverage(0);
    for by in 1..12 {
        let again = coverage(by);
        assert_eq!(arcs(&again), arcs(&first));
        for unit in first.levels()[0].indices() {
            assert_eq!(again.to_geometry(0, unit), first.to_geometry(0, unit));
        }
        assert_eq!(again.borders(0), first.borders(0));
    }
    // A closed arc begins at its lowest vertex and runs to the lower of the two beside it.
    let starts = |unit| first.to_geometry(0, UnitIndex(unit)).0[0].exterior().0[..2].to_vec();
    assert_eq!(starts(0), line(&[(40., 40.), (60., 40.)]).0);
    // Any other ring begins where an arc does.
    assert_eq!(starts(2), line(&[(100., 0.), (100., 50.)]).0);
}

#[test]
fn what_is_uncovered_is_named_by_the_level_it_is_of() {
    let checked = nested(vec![("1", Some("p"), unit("c", &[&[(0., 0.), (100., 0.), (100., 100.), (0., 100.)]]))], 0.0, None);
    let uncovered = only(&checked, ProblemKind::Uncovered);
    assert_eq!((codes(uncovered), uncovered.level.as_ref().map(Level::as_str)), (vec!["q"], Some("street")));
}

#[test]
fn two_parts_that_are_the_same_are_shown_where_they_lie() {
    let ring = square("a", 0., 0., 100.).geometry.0[0].clone();
    let inner = square("a", 20., 20., 50.).geometry.0[0].exterior().clone();
    let holed = Polygon::new(ring.exterior().clone(), vec![inner.clone(), inner]);
    for geometry in [MultiPolygon(vec![ring.clone(), ring]), MultiPolygon(vec![holed])] {
        let checked = exactly(vec![shape("unit", 1, "a", None, geometry)]);
        assert!(!checked.problems.is_empty());
        assert!(checked.problems.iter().all(|problem| problem.place.is_some()), "{:?}", checked.problems);
    }
}

/// Streets and grids whose common border is 2 cm off each other, both known good, and communities that come in between.
#[test]
fn a_newcomer_between_two_levels_takes_the_line_of_the_finer() {
    let halves = |names: [&str; 2], level: &str, parents: [Option<&str>; 2], border: f64| -> Vec<UnitShape> {
        let rings = [[(0., 0.), (border, 0.), (border, 100.), (0., 100.)], [(border, 0.), (200., 0.), (200., 100.), (border, 100.)]];
        (0..2).map(|at| shape(level, at + 1, names[at], parents[at], unit("u", &[&rings[at]]).geometry)).collect()
    };
    for community_border in [99.99, 100.0, 100.005, 100.015, 100.02, 100.03] {
        let shapes = vec![
            halves(["p", "q"], "street", [None, None], 100.0),
            halves(["p1", "q1"], "community", [Some("p"), Some("q")], community_border),
            halves(["p11", "q11"], "grid", [Some("p1"), Some("q1")], 100.02),
        ];
        let checked = check(&layer(&["street", "community", "grid"]), shapes, &Rules { incoming: Some(1), ..Rules::default() });
        // What is left lies between streets and communities, thin and said to be so.
        let expected = [(ProblemKind::Nesting, Severity::Warning), (ProblemKind::Uncovered, Severity::Warning)];
        assert_eq!(kinds(&checked), expected, "{community_border}: {:?}", checked.problems);
        let coverage = coverage(&checked);
        for at in 0..2 {
            assert_same_rings(&coverage.to_geometry(1, UnitIndex(at)), &coverage.to_geometry(2, UnitIndex(at)));
        }
        assert!(checked.moves.iter().all(|moved| moved.level.as_str() == "community"), "{:?}", checked.moves);
    }
}

/// A coarser level that comes in where the one between is missing meets the finest at once, or the two never will.
#[test]
fn levels_meet_across_one_that_is_not_loaded() {
    let halves = |names: [&str; 2], level: &str, parents: [Option<&str>; 2], border: f64| -> Vec<UnitShape> {
        let rings = [[(0., 0.), (border, 0.), (border, 100.), (0., 100.)], [(border, 0.), (200., 0.), (200., 100.), (border, 100.)]];
        (0..2).map(|at| shape(level, at + 1, names[at], parents[at], unit("u", &[&rings[at]]).geometry)).collect()
    };
    for parents in [[Some("p1"), Some("q1")], [None, None]] {
        for incoming in [0, 2] {
            let shapes =
                vec![halves(["p", "q"], "street", [None, None], 100.0), Vec::new(), halves(["p11", "q11"], "grid", parents, 100.02)];
            let checked = check(&layer(&["street", "community", "grid"]), shapes, &Rules { incoming: Some(incoming), ..Rules::default() });
            let coverage = coverage(&checked);
            for at in 0..2 {
                assert_same_rings(&coverage.to_geometry(0, UnitIndex(at)), &coverage.to_geometry(2, UnitIndex(at)));
            }
        }
    }
}
