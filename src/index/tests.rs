use std::sync::Arc;

use geo::{Intersects, Polygon, coord, polygon};
use geo_types::{Coord, LineString, MultiPolygon, Rect};
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use super::{LayerIndex, Search, Status};
use crate::boundary::{Accepted, FeatureRef, Layer, LayerName, Level, Position, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use crate::topology::{Rules, UnitIndex, ValidCoverage, check, town};

pub(super) type Named = (&'static str, Option<&'static str>, MultiPolygon<f64>);

pub(super) fn index(levels: &[&[Named]], accepted: Accepted) -> LayerIndex {
    let names = ["district", "street", "grid"];
    let names = &names[names.len() - levels.len()..];
    let layer = Layer {
        name: LayerName::parse("grid").unwrap(),
        levels: names.iter().map(|name| Level::parse(name).unwrap()).collect(),
        scheme: None,
    };
    let shapes = levels.iter().zip(&layer.levels).map(|(units, level)| {
        let shape = |(number, (code, parent, geometry)): (usize, &Named)| shape(number + 1, code, *parent, level, geometry.clone());
        units.iter().enumerate().map(shape).collect()
    });
    let shapes = shapes.collect();
    let checked = check(&layer, shapes, &Rules { snap_m: 0.0, accepted, ..Rules::default() });
    LayerIndex::build(Arc::new(checked.coverage.unwrap_or_else(|| panic!("{:?}", checked.problems))), Search::Raster)
}

pub(super) fn shape(number: usize, code: &str, parent: Option<&str>, level: &Level, geometry: MultiPolygon<f64>) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::nil()),
        code: UnitCode::parse(code).unwrap(),
        name: String::new(),
        level: level.clone(),
        parent: parent.map(|parent| UnitCode::parse(parent).unwrap()),
        properties: Properties::new(),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry, source: FeatureRef { number } }
}

pub(super) fn square(west: f64, south: f64, size: f64) -> MultiPolygon<f64> {
    MultiPolygon(vec![Rect::new(coord! { x: west, y: south }, coord! { x: west + size, y: south + size }).to_polygon()])
}

pub(super) const ANYTHING: Accepted = Accepted { overlap: true, gap: true, nesting: true };
pub(super) const GAPS: Accepted = Accepted { overlap: false, gap: true, nesting: true };

fn code_at(index: &LayerIndex, lon: f64, lat: f64) -> (Status, Option<&str>) {
    let depth = index.coverage().levels().len() - 1;
    let owner = index.owner(Position { lon, lat }, depth);
    (owner.status, owner.unit.map(|unit| index.coverage().levels()[depth].unit(unit).code.as_str()))
}

#[test]
fn a_border_belongs_to_the_east_then_to_the_north() {
    let (sw, se, nw, ne) = (square(0.0, 0.0, 1.0), square(1.0, 0.0, 1.0), square(0.0, 1.0, 1.0), square(1.0, 1.0, 1.0));
    let four = index(&[&[("d", None, sw), ("c", None, se), ("b", None, nw), ("a", None, ne)]], Accepted::default());
    for (lon, lat, owner) in [
        (0.5, 0.5, "d"),
        (1.0, 0.5, "c"),
        (0.5, 1.0, "b"),
        (1.0, 1.0, "a"),
        // The outer rim: south and west are inside by the shift, north and east by the smallest code that touches.
        (0.0, 0.5, "d"),
        (0.5, 0.0, "d"),
        (0.0, 0.0, "d"),
        (2.0, 0.5, "c"),
        (2.0, 1.0, "a"),
        (2.0, 2.0, "a"),
        (1.0, 2.0, "a"),
        (0.5, 2.0, "b"),
        (0.0, 1.0, "b"),
    ] {
        assert_eq!(code_at(&four, lon, lat), (Status::Inside, Some(owner)), "{lon} {lat}");
    }
    assert_eq!(code_at(&four, 2.1, 0.5), (Status::Outside, None));
    assert_eq!(code_at(&four, f64::NAN, 0.5), (Status::Outside, None));
}

#[test]
fn a_hole_is_a_gap_and_its_rim_belongs_to_a_unit() {
    let ring = polygon!(exterior: [(x: 0., y: 0.), (x: 9., y: 0.), (x: 9., y: 9.), (x: 0., y: 9.)],
        interiors: [[(x: 3., y: 3.), (x: 6., y: 3.), (x: 6., y: 6.), (x: 3., y: 6.)]]);
    for accepted in [GAPS, ANYTHING] {
        let holed = index(&[&[("a", None, ring.clone().into()), ("b", None, square(4.0, 4.0, 1.0))]], accepted);
        for (lon, lat, expected) in [
            (4.5, 4.5, (Status::Inside, Some("b"))),
            (3.5, 3.5, (Status::Gap, None)),
            (3.0, 4.0, (Status::Inside, Some("a"))),
            (6.0, 4.0, (Status::Inside, Some("a"))),
            (4.0, 3.0, (Status::Inside, Some("a"))),
            (5.0, 4.5, (Status::Inside, Some("b"))),
            (3.0, 3.0, (Status::Inside, Some("a"))),
            (9.5, 4.5, (Status::Outside, None)),
        ] {
            assert_eq!(code_at(&holed, lon, lat), expected, "{lon} {lat}");
        }
    }
}

#[test]
fn an_enclave_owns_its_own_ground() {
    let around = polygon!(exterior: [(x: 0., y: 0.), (x: 9., y: 0.), (x: 9., y: 9.), (x: 0., y: 9.)],
        interiors: [[(x: 3., y: 3.), (x: 6., y: 3.), (x: 6., y: 6.), (x: 3., y: 6.)]]);
    let enclave = index(&[&[("a", None, around.into()), ("b", None, square(3.0, 3.0, 3.0))]], Accepted::default());
    for (lon, lat, owner) in
        [(4.0, 4.0, "b"), (3.0, 4.0, "b"), (6.0, 4.0, "a"), (4.0, 3.0, "b"), (4.0, 6.0, "a"), (3.0, 3.0, "b"), (6.0, 6.0, "a")]
    {
        assert_eq!(code_at(&enclave, lon, lat), (Status::Inside, Some(owner)), "{lon} {lat}");
    }
}

#[test]
fn a_gap_between_units_that_meet_at_points_is_found() {
    // Four diamonds around an empty one: the rim runs through four pinches.
    let diamond = |x: f64, y: f64| -> MultiPolygon<f64> {
        polygon![(x: x - 1., y: y), (x: x, y: y - 1.), (x: x + 1., y: y), (x: x, y: y + 1.)].into()
    };
    let units = [("a", None, diamond(0., 2.)), ("b", None, diamond(1., 1.)), ("c", None, diamond(-1., 1.)), ("d", None, diamond(0., 0.))];
    // The diamonds at (1, 1) and (-1, 1) touch the others along edges and each other at a point at (0, 1).
    let pinched = index(&[&units], ANYTHING);
    assert_eq!(code_at(&pinched, 0.0, 1.0).0, Status::Inside);
    let squares = [
        ("a", None, square(1.0, 0.0, 1.0)),
        ("b", None, square(2.0, 1.0, 1.0)),
        ("c", None, square(1.0, 2.0, 1.0)),
        ("d", None, square(0.0, 1.0, 1.0)),
    ];
    for accepted in [GAPS, ANYTHING] {
        let chess = index(&[&squares], accepted);
        assert_eq!(code_at(&chess, 1.5, 1.5), (Status::Gap, None), "{accepted:?}");
        assert_eq!(code_at(&chess, 0.5, 0.5), (Status::Outside, None));
        assert_eq!(code_at(&chess, 2.5, 2.5), (Status::Outside, None));
    }
}

#[test]
fn an_accepted_overlap_is_answered_by_the_smallest_code_and_names_the_others() {
    let both = index(&[&[("b", None, square(0.0, 0.0, 2.0)), ("a", None, square(1.0, 0.0, 2.0))]], ANYTHING);
    assert_eq!(code_at(&both, 1.5, 1.0), (Status::Overlap, Some("a")));
    let located = both.locate(Position { lon: 1.5, lat: 1.0 }, 0, 10.0);
    assert_eq!(located.alternatives.iter().map(|n| (n.unit, n.distance_m)).collect::<Vec<_>>(), [(UnitIndex(1), 0.0)]);
}

#[test]
fn a_place_that_only_a_coarser_unit_holds_is_a_gap_with_the_path_to_that_unit() {
    let levels: [&[Named]; 3] =
        [&[("1", None, square(0.0, 0.0, 4.0))], &[("11", Some("1"), square(0.0, 0.0, 2.0))], &[("111", Some("11"), square(0.0, 0.0, 1.0))]];
    let nested = index(&levels, GAPS);
    let locate = |lon: f64, lat: f64| {
        let located = nested.locate(Position { lon, lat }, 2, 10.0);
        let path: Vec<_> = located.path.iter().map(|&(depth, unit)| nested.coverage().levels()[depth].unit(unit).code.as_str()).collect();
        (located.status, path.join("/"), located.nearest.is_some())
    };
    assert_eq!(locate(0.5, 0.5), (Status::Inside, "1/11/111".into(), false));
    assert_eq!(locate(1.5, 0.5), (Status::Gap, "1/11".into(), true));
    assert_eq!(locate(3.0, 3.0), (Status::Gap, "1".into(), true));
    assert_eq!(locate(5.0, 3.0), (Status::Outside, String::new(), true));
}

#[test]
fn distances_are_geodesic_and_neighbours_come_nearest_first() {
    let side = 0.001;
    let units = [("a", None, square(0.0, 0.0, side)), ("b", None, square(side, 0.0, side)), ("c", None, square(2.0 * side, 0.0, side))];
    let row = index(&[&units], Accepted::default());
    let located = row.locate(Position { lon: 0.9 * side, lat: 0.5 * side }, 0, 150.0);
    // A degree of the equator has 111,319.49 m.
    let metres = |degrees: f64| degrees * 111_319.490_793;
    assert!((located.distance_to_border_m.unwrap() - metres(0.1 * side)).abs() < 1e-6);
    let distances: Vec<_> =
        located.alternatives.iter().map(|n| (n.unit.0, (n.distance_m - metres((f64::from(n.unit.0) - 0.9) * side)).abs() < 1e-6)).collect();
    assert_eq!(distances, [(1, true), (2, true)]);
    let outside = row.locate(Position { lon: -side, lat: 0.5 * side }, 0, 10.0);
    let nearest = outside.nearest.unwrap();
    assert_eq!((outside.status, nearest.unit), (Status::Outside, UnitIndex(0)));
    assert!((nearest.distance_m - metres(side)).abs() < 1e-6);
}

/// A lattice of cells whose inner corners and edge middles are moved by whole numbers.
#[derive(Clone, Debug)]
pub(super) struct Lattice {
    size: usize,
    /// Cells left out.
    gap: Option<usize>,
    moves: Vec<(i64, i64)>,
}

const STEP: i64 = 8;

impl Lattice {
    pub(super) fn strategy() -> impl Strategy<Value = Self> {
        (2..5usize).prop_flat_map(|size| {
            let points = (2 * size + 1) * (2 * size + 1);
            (proptest::option::of(0..size * size), prop::collection::vec((-1..=1i64, -1..=1i64), points))
                .prop_map(move |(gap, moves)| Self { size, gap, moves })
        })
    }

    fn point(&self, column: usize, row: usize) -> (i64, i64) {
        let (dx, dy) = self.moves[row * (2 * self.size + 1) + column];
        (i64::try_from(column).unwrap() * STEP / 2 + dx, i64::try_from(row).unwrap() * STEP / 2 + dy)
    }

    fn cells(&self) -> Vec<Vec<(i64, i64)>> {
        const AROUND: [(usize, usize); 8] = [(0, 0), (1, 0), (2, 0), (2, 1), (2, 2), (1, 2), (0, 2), (0, 1)];
        (0..self.size * self.size)
            .filter(|cell| Some(*cell) != self.gap)
            .map(|cell| AROUND.iter().map(|(dx, dy)| self.point(2 * (cell % self.size) + dx, 2 * (cell / self.size) + dy)).collect())
            .collect()
    }

    pub(super) fn index(&self) -> LayerIndex {
        let codes = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"];
        let units: Vec<Named> = self.cells().iter().zip(codes).map(|(cell, code)| (code, None, to_polygon(cell).into())).collect();
        index(&[&units], GAPS)
    }
}

/// Small binary fractions of a degree: exact in floating point.
const UNIT_DEG: f64 = 1.0 / 1024.0;

fn to_coord((x, y): (i64, i64)) -> Coord<f64> {
    coord! { x: x as f64 * UNIT_DEG, y: y as f64 * UNIT_DEG }
}

pub(super) fn to_polygon(cell: &[(i64, i64)]) -> Polygon<f64> {
    Polygon::new(LineString(cell.iter().map(|c| to_coord(*c)).collect()), Vec::new())
}

/// The owner by whole numbers alone: the point really is moved, by less than any two whole numbers can tell.
/// `p` is given in halves.
fn dumb_owner(cells: &[Vec<(i64, i64)>], p: (i64, i64)) -> Option<usize> {
    const SCALE: i64 = 1_000_000;
    const EPS: i64 = 1_000;
    let (px, py) = (p.0 * SCALE / 2 + EPS, p.1 * SCALE / 2 + EPS * EPS / SCALE);
    let inside = |cell: &Vec<(i64, i64)>| {
        (0..cell.len()).fold(false, |odd, at| {
            let scaled = |(x, y): (i64, i64)| (x * SCALE, y * SCALE);
            let (a, b) = (scaled(cell[at]), scaled(cell[(at + 1) % cell.len()]));
            if (a.1 > py) == (b.1 > py) {
                return odd;
            }
            // The edge is crossed east of the point: x of the crossing > px, without a division.
            let left = i128::from(b.0 - a.0) * i128::from(py - a.1) + i128::from(a.0 - px) * i128::from(b.1 - a.1);
            odd ^ ((left > 0) == (b.1 > a.1))
        })
    };
    cells.iter().position(inside).or_else(|| cells.iter().position(|cell| touches(cell, p)))
}

fn touches(cell: &[(i64, i64)], p: (i64, i64)) -> bool {
    (0..cell.len()).any(|at| {
        let doubled = |(x, y): (i64, i64)| (2 * x, 2 * y);
        let (a, b) = (doubled(cell[at]), doubled(cell[(at + 1) % cell.len()]));
        (b.0 - a.0) * (p.1 - a.1) == (b.1 - a.1) * (p.0 - a.0)
            && p.0 >= a.0.min(b.0)
            && p.0 <= a.0.max(b.0)
            && p.1 >= a.1.min(b.1)
            && p.1 <= a.1.max(b.1)
    })
}

fn owner_of(index: &LayerIndex, c: Coord<f64>) -> Option<usize> {
    index.owner(Position { lon: c.x, lat: c.y }, 0).unit.map(|unit| unit.0 as usize)
}

fn assert_sweep_agrees(lattice: &Lattice) {
    let (index, cells) = (lattice.index(), lattice.cells());
    let end = 2 * (i64::try_from(lattice.size).unwrap() * STEP + 2);
    for x in -4..=end {
        for y in -4..=end {
            let c = coord! { x: x as f64 * UNIT_DEG / 2.0, y: y as f64 * UNIT_DEG / 2.0 };
            assert_eq!(owner_of(&index, c), dumb_owner(&cells, (x, y)), "{x}/2 {y}/2");
        }
    }
}

fn assert_one_owner_around_vertices(index: &LayerIndex, coverage: &ValidCoverage) {
    for unit in coverage.levels()[0].indices() {
        for c in coverage.to_geometry(0, unit).0.iter().flat_map(|polygon| polygon.exterior().0.clone()) {
            for (x, y) in [(c.x, c.y), (c.x.next_up(), c.y), (c.x.next_down(), c.y), (c.x, c.y.next_up()), (c.x, c.y.next_down())] {
                let mut owners = 0;
                for other in coverage.levels()[0].indices() {
                    let level = &coverage.levels()[0];
                    owners += usize::from(super::ray::rings_enclose(coverage.arcs(), level.rings(other), coord! { x: x, y: y }));
                }
                assert!(owners <= 1, "{x} {y} has {owners} owners");
                assert_ne!(index.owner(Position { lon: x, lat: y }, 0).status, Status::Overlap);
            }
        }
    }
}

fn assert_windows_agree(index: &LayerIndex, cells: &[Vec<(i64, i64)>], corner: (i64, i64), size: (i64, i64)) {
    let window = Rect::new(to_coord(corner), to_coord((corner.0 + size.0, corner.1 + size.1)));
    let found: Vec<usize> = index.units_intersecting(0, window).into_iter().map(|unit| unit.0 as usize).collect();
    let expected: Vec<usize> = (0..cells.len()).filter(|at| to_polygon(&cells[*at]).intersects(&window)).collect();
    assert_eq!(found, expected, "{window:?}");
}

fn assert_distances_agree(index: &LayerIndex, cells: &[Vec<(i64, i64)>], p: Coord<f64>, doubt_m: f64) {
    let observer = super::earth::Observer::new(p);
    let to_cell = |cell: usize| observer.distance_to_line_m(&to_polygon(&cells[cell]).exterior().0, f64::INFINITY).unwrap();
    let located = index.locate(Position { lon: p.x, lat: p.y }, 0, doubt_m);
    let Some(owner) = located.unit else {
        let mut all: Vec<(f64, usize)> = (0..cells.len()).map(|cell| (to_cell(cell), cell)).collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        assert_eq!(located.nearest.map(|n| (n.distance_m, n.unit.0 as usize)), Some(all[0]));
        return;
    };
    let owner = owner.0 as usize;
    assert_eq!(located.distance_to_border_m, Some(to_cell(owner)));
    let near = |cell: &usize| *cell != owner && to_cell(*cell) <= doubt_m;
    let mut expected: Vec<(f64, usize)> = (0..cells.len()).filter(near).map(|cell| (to_cell(cell), cell)).collect();
    expected.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let found: Vec<(f64, usize)> = located.alternatives.iter().map(|n| (n.distance_m, n.unit.0 as usize)).collect();
    assert_eq!(found, expected);
}

/// As seen from longitude and latitude 0: near and far, about the antipode, both poles.
const FAR_AWAY: [(f64, f64); 8] =
    [(1.0, 0.0), (0.0, -9.0), (111.0, 26.0), (-140.0, 30.0), (179.0, 0.0), (180.0, 0.0), (10.0, 90.0), (0.0, -90.0)];

/// Of 5,100 pieces. From beside the town 17 are measured, from everywhere else four at most.
const MEASURED_MAX: u32 = 24;

/// A square town on a slant, so that no border runs along a parallel, whose points are equally far from the poles.
fn slanted_town(side: u32) -> Vec<(String, MultiPolygon<f64>)> {
    const STEP_DEG: f64 = 0.002;
    let corner = |column: u32, row: u32| {
        let (x, y) = (f64::from(column), f64::from(row));
        coord! { x: 111.6 + STEP_DEG * (x + 0.1 * y), y: 26.2 + STEP_DEG * (y - 0.2 * x + 0.001 * x * x) }
    };
    let cell = |(column, row): (u32, u32)| {
        let ring = [(0, 0), (1, 0), (1, 1), (0, 1)].map(|(x, y)| corner(column + x, row + y));
        (format!("{column:03}{row:03}"), Polygon::new(LineString(ring.to_vec()), Vec::new()).into())
    };
    (0..side * side).map(|at| cell((at % side, at / side))).collect()
}

#[test]
fn a_place_far_outside_measures_few_borders() {
    const SIDE: u32 = 50;
    let town = slanted_town(SIDE);
    let layer = Layer { name: LayerName::parse("grid").unwrap(), levels: vec![Level::parse("grid").unwrap()], scheme: None };
    let shapes =
        town.iter().enumerate().map(|(at, (code, geometry))| shape(at + 1, code, None, &layer.levels[0], geometry.clone())).collect();
    let checked = check(&layer, vec![shapes], &Rules { snap_m: 0.0, ..Rules::default() });
    let coverage = checked.coverage.unwrap_or_else(|| panic!("{:?}", checked.problems));
    let borders = super::border::BorderTree::build(&coverage, 0);
    let places = [
        (0.0, 0.0),
        (111.6, 17.2),
        (111.6, 35.2),
        (112.2, 26.2),
        (121.0, 26.2),
        (-68.3, -26.1),
        (-68.35, -26.25),
        (-70.0, -30.0),
        (0.0, 90.0),
        (0.0, -90.0),
    ];
    for (lon, lat) in places {
        let observer = super::earth::Observer::new(coord! { x: lon, y: lat });
        let measured = std::cell::Cell::new(0);
        let mut best_m = f64::INFINITY;
        let wants = |_| {
            measured.set(measured.get() + 1);
            true
        };
        borders.for_each_near(&coverage, &observer, f64::INFINITY, wants, |distance_m, _| {
            best_m = best_m.min(distance_m);
            best_m
        });
        assert!(measured.get() <= MEASURED_MAX, "{lon} {lat}: {} pieces of {}", measured.get(), 2 * SIDE * (SIDE + 1));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_point_has_the_owner_that_whole_numbers_find(lattice in Lattice::strategy()) {
        assert_sweep_agrees(&lattice);
    }

    #[test]
    fn a_vertex_and_its_next_numbers_have_one_owner_at_most(lattice in Lattice::strategy()) {
        let index = lattice.index();
        assert_one_owner_around_vertices(&index, index.coverage());
    }

    #[test]
    fn a_window_finds_the_units_that_meet_it(lattice in Lattice::strategy(), x in -4..40i64, y in -4..40i64, w in 0..9i64, h in 0..9i64) {
        assert_windows_agree(&lattice.index(), &lattice.cells(), (x, y), (w, h));
    }

    #[test]
    fn distances_agree_with_measuring_every_unit(lattice in Lattice::strategy(), x in -0.01..0.05f64, y in -0.01..0.05f64, doubt_m in 0.0..3000.0f64) {
        let (index, cells) = (lattice.index(), lattice.cells());
        assert_distances_agree(&index, &cells, coord! { x: x, y: y }, doubt_m);
        for (lon, lat) in FAR_AWAY {
            assert_distances_agree(&index, &cells, coord! { x: lon + x, y: lat + if lat.abs() < 90.0 { y } else { 0.0 } }, doubt_m);
        }
    }
}

/// Asks two indices the same: at every corner of the town and beside it, and at points between.
fn assert_answer_alike(found: &LayerIndex, expected: &LayerIndex) {
    let vertices = expected.coverage().arcs().ids().flat_map(|arc| expected.coverage().arcs().coords(arc).to_vec());
    let beside = vertices.flat_map(|c| [c, coord! { x: c.x.next_up(), y: c.y }, coord! { x: c.x, y: c.y.next_down() }]);
    let steps = (0..200).map(|at| {
        let place = |by: usize| ((at * by) % 997) as f64 / 997.0 * town::STEP * (town::SIDE as f64 + 1.0) - town::STEP / 2.0;
        coord! { x: place(131), y: place(577) }
    });
    for c in beside.chain(steps) {
        for depth in 0..expected.coverage().levels().len() {
            let position = Position { lon: c.x, lat: c.y };
            assert_eq!(found.locate(position, depth, 700.0), expected.locate(position, depth, 700.0), "{c:?} at depth {depth}");
        }
    }
    for depth in 0..expected.coverage().levels().len() {
        let window = Rect::new(coord! { x: town::STEP, y: town::STEP * 1.5 }, coord! { x: town::STEP * 3.1, y: town::STEP * 2.0 });
        assert_eq!(found.units_intersecting(depth, window), expected.units_intersecting(depth, window));
        let level = &expected.coverage().levels()[depth];
        level.indices().for_each(|unit| assert_eq!(found.code(depth, unit), level.unit(unit).code.as_str()));
    }
}

#[test]
fn an_index_that_followed_changes_answers_as_one_built_anew() {
    let mut followed = 0;
    for seed in 0..8 {
        let mut town = town::Town::new(seed);
        let mut before = town.shapes();
        let Some(coverage) = town::check_all(before.clone(), ANYTHING).coverage.filter(|coverage| !coverage.accepted().nesting) else {
            continue;
        };
        let mut index = LayerIndex::build(Arc::new(coverage), Search::Raster);
        for _ in 0..6 {
            town.edit();
            let after = town.shapes();
            let Some(fresh) = town::check_all(after.clone(), GAPS).coverage else { continue };
            match index.coverage().patched(&town::layer(), town::delta(&before, &after), fresh.accepted()) {
                Ok(patched) => {
                    index = index.patched(Arc::new(patched.coverage), &patched.changes);
                    assert_answer_alike(&index, &LayerIndex::build(Arc::new(fresh), Search::Raster));
                    followed += 1;
                }
                Err(_) => index = LayerIndex::build(Arc::new(fresh), Search::Raster),
            }
            before = after;
        }
    }
    assert!(followed > 20, "{followed} followed");
}
