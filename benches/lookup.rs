//! Looks points up in two workloads, beside the ways in which others would: an R-tree of envelopes with `geo::Contains`, and a
//! linear scan. Leaves the same units, points and answers as files for rivals in other languages.
//!
//! `sample` is the sample district, as `gridkeeper sample` makes it; `forty` a town of squares with jagged borders, forty vertices each.
//!
//! Prints `figure NAME VALUE UNIT` lines; every rate is of one core. `GRIDKEEPER_BENCH_GRIDS` lists the sizes, `2000,100000` by default.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

#[path = "support/sample_district.rs"]
mod sample_district;

#[path = "support/town.rs"]
#[expect(dead_code, reason = "the other levels of the town, and its moved corners, are for the bench of changes")]
mod town;

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use geo::{BoundingRect, Contains, CoordsIter};
use geo_types::{Coord, Geometry, MultiPolygon, Point};
use geozero::{CoordDimensions, ToWkb};
use gridkeeper::boundary::Position;
use gridkeeper::index::{LayerIndex, MaybeUnit, Path, Search};
use gridkeeper::topology::{Rules, ValidCoverage, check};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rstar::{AABB, RTree, RTreeObject};

use crate::sample_district::{SEED, make_coverage};
use crate::town::{BLOCK, Town};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Points of each kind: enough that a run takes a second where it is fast.
const POINTS: usize = 500_000;
/// Each rate is the best of so many runs, which is what the code can do when nobody disturbs it.
const RUNS: usize = 3;
const BATCH_RUNS: usize = 15;
/// A linear scan of all points would take minutes; it is stopped after this.
const SCAN_MAX: Duration = Duration::from_secs(2);

fn main() {
    let sizes = std::env::var("GRIDKEEPER_BENCH_GRIDS").unwrap_or_else(|_| "2000,100000".into());
    let folder = std::env::var("GRIDKEEPER_BENCH_DATA").ok();
    for size in sizes.split(',').map(|size| size.parse().unwrap()) {
        let folder = folder.as_deref().map(std::path::Path::new);
        run(&format!("sample_{size}"), make_coverage(size), folder);
        run(&format!("forty_{size}"), make_town(size), folder);
    }
}

/// Makes a layer of one level, of so many units or a few more.
fn make_town(units: usize) -> ValidCoverage {
    let side = (units as f64).sqrt().ceil() as usize;
    let town = Town { side: side.next_multiple_of(BLOCK), moved: Vec::new() };
    let mut layer = town::layer();
    layer.levels.drain(..2);
    let mut shapes = town.shapes().pop().unwrap();
    shapes.iter_mut().for_each(|shape| shape.unit.parent = None);
    check(&layer, vec![shapes], &Rules { snap_m: 0.0, ..Rules::default() }).coverage.unwrap()
}

fn run(name: &str, coverage: ValidCoverage, folder: Option<&std::path::Path>) {
    let coverage = Arc::new(coverage);
    let level = &coverage.levels()[0];
    let vertices: usize = coverage.arcs().coord_count();
    println!("figure lookup_{name}_units {} units", level.units().len());
    println!("figure lookup_{name}_arc_vertices {vertices} vertices");
    let geometries: Vec<MultiPolygon<f64>> = level.indices().map(|unit| coverage.to_geometry(0, unit)).collect();
    let corners: usize = geometries.iter().map(|geometry| geometry.coords_count() - geometry.0.len()).sum();
    println!("figure lookup_{name}_vertices_per_unit {:.1} vertices", corners as f64 / geometries.len() as f64);
    let began = Instant::now();
    let tree = LayerIndex::build(Arc::clone(&coverage), Search::Rtree);
    println!("figure lookup_{name}_rtree_build {:.3} s", began.elapsed().as_secs_f64());
    println!("figure lookup_{name}_rtree_bytes_per_unit {} bytes", tree.bytes() / level.units().len());
    let began = Instant::now();
    let mut index = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
    println!("figure lookup_{name}_build {:.3} s", began.elapsed().as_secs_f64());
    println!("figure lookup_{name}_bytes_per_unit {} bytes", index.bytes() / level.units().len());
    let rival = RTree::bulk_load(geometries.iter().enumerate().map(|(unit, geometry)| Boxed::new(unit, geometry)).collect());
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    for (kind, points) in [("uniform", uniform(&mut rng, &geometries)), ("border", on_borders(&mut rng, &coverage))] {
        let positions: Vec<Position> = points.iter().map(|point| Position { lon: point.x, lat: point.y }).collect();
        let owner = |point: &Coord<f64>| index.owner(Position { lon: point.x, lat: point.y }, 0).unit.map(|unit| unit.0);
        let single = rate(&points, |points| points.iter().map(owner).collect());
        println!("figure lookup_{name}_{kind}_single {:.3} M/s", single.per_second / 1e6);
        println!("figure lookup_{name}_{kind}_single_dependent {:.0} ns", dependent_ns(&index, &positions));
        let by_tree = rate(&points, |points| {
            points.iter().map(|point| tree.owner(Position { lon: point.x, lat: point.y }, 0).unit.map(|unit| unit.0)).collect()
        });
        println!("figure lookup_{name}_{kind}_rtree_owner {:.3} M/s", by_tree.per_second / 1e6);
        let mut ours = single;
        for path in Path::ALL.into_iter().filter(|path| path.is_here()) {
            index = index.with_path(path);
            let (per_second, owners) = batch_rate(&index, &positions);
            println!("figure lookup_{name}_{kind}_batch_{} {:.2} M/s", path.as_str(), per_second / 1e6);
            assert!(owners == by_tree.owners, "the raster says what the tree says");
            ours = Rate { per_second, owners };
        }
        let located = rate(&points, |points| {
            points.iter().map(|point| index.locate(Position { lon: point.x, lat: point.y }, 0, 10.0).unit.map(|unit| unit.0)).collect()
        });
        let located_all = locate_all_rate(&index, &positions);
        println!("figure lookup_{name}_{kind}_locate_all_with_distance {:.3} M/s", located_all / 1e6);
        let theirs = rate(&points, |points| points.iter().map(|point| first_containing(&rival, &geometries, *point)).collect());
        let scan = scan_rate(&points, &geometries);
        println!("figure lookup_{name}_{kind}_owner {:.3} M/s", ours.per_second / 1e6);
        println!("figure lookup_{name}_{kind}_locate_with_distance {:.3} M/s", located.per_second / 1e6);
        println!("figure lookup_{name}_{kind}_rstar_contains {:.3} M/s", theirs.per_second / 1e6);
        println!("figure lookup_{name}_{kind}_linear_scan {:.6} M/s", scan / 1e6);
        println!("figure lookup_{name}_{kind}_over_rstar_contains {:.2} x", ours.per_second / theirs.per_second);
        println!("figure lookup_{name}_{kind}_over_linear_scan {:.0} x", ours.per_second / scan);
        // A point on a border is inside of nothing for `Contains`, so only the others can be compared.
        let differing = ours.owners.iter().zip(&theirs.owners).filter(|(a, b)| b.is_some() && a != b).count();
        println!("figure lookup_{name}_{kind}_owners_that_differ {differing} points");
        if let Some(folder) = folder {
            write(folder, &format!("lookup-{name}-{kind}"), &geometries, &points, &ours.owners, ours.per_second);
        }
    }
}

/// All positions at once, as most lookups by the million are; the best of some runs, as the first ones meet cold memory.
fn batch_rate(index: &LayerIndex, positions: &[Position]) -> (f64, Vec<Option<u32>>) {
    let mut owners = vec![MaybeUnit::NONE; positions.len()];
    let mut best = Duration::MAX;
    for _ in 0..BATCH_RUNS {
        let began = Instant::now();
        index.owners(positions, 0, &mut owners);
        best = best.min(began.elapsed());
    }
    (positions.len() as f64 / best.as_secs_f64(), owners.iter().map(|owner| owner.get().map(|unit| unit.0)).collect())
}

/// Whole answers about all positions at once: owner, path, distance to the border, what is near.
fn locate_all_rate(index: &LayerIndex, positions: &[Position]) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let (began, mut sum_m) = (Instant::now(), 0.0);
        index.locate_all(positions, 0, 10.0, |_, located| sum_m += located.distance_to_border_m.unwrap_or(0.0));
        std::hint::black_box(sum_m);
        best = best.min(began.elapsed());
    }
    positions.len() as f64 / best.as_secs_f64()
}

/// Each lookup begins where the one before has ended, so that none is worked on while another waits.
fn dependent_ns(index: &LayerIndex, positions: &[Position]) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let began = Instant::now();
        let mut at = 0;
        for _ in 0..positions.len() {
            let unit = index.owner(positions[at], 0).unit.map_or(0, |unit| unit.0 as usize);
            at = (at + 1 + unit % 2) % positions.len();
        }
        std::hint::black_box(at);
        best = best.min(began.elapsed());
    }
    best.as_secs_f64() * 1e9 / positions.len() as f64
}

struct Rate {
    per_second: f64,
    owners: Vec<Option<u32>>,
}

fn rate(points: &[Coord<f64>], work: impl Fn(&[Coord<f64>]) -> Vec<Option<u32>>) -> Rate {
    let (mut best, mut owners) = (Duration::MAX, Vec::new());
    for _ in 0..RUNS {
        let began = Instant::now();
        owners = work(points);
        best = best.min(began.elapsed());
    }
    Rate { per_second: points.len() as f64 / best.as_secs_f64(), owners }
}

fn scan_rate(points: &[Coord<f64>], geometries: &[MultiPolygon<f64>]) -> f64 {
    let boxes: Vec<_> = geometries.iter().map(BoundingRect::bounding_rect).collect();
    let began = Instant::now();
    let mut done = 0;
    for point in points {
        let point = Point(*point);
        let is_in = |unit: &usize| boxes[*unit].is_some_and(|rect| rect.contains(&point)) && geometries[*unit].contains(&point);
        std::hint::black_box((0..geometries.len()).find(is_in));
        done += 1;
        if began.elapsed() > SCAN_MAX {
            break;
        }
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}

struct Boxed {
    envelope: AABB<[f64; 2]>,
    unit: usize,
}

impl Boxed {
    fn new(unit: usize, geometry: &MultiPolygon<f64>) -> Self {
        let rect = geometry.bounding_rect().unwrap();
        Self { envelope: AABB::from_corners([rect.min().x, rect.min().y], [rect.max().x, rect.max().y]), unit }
    }
}

impl RTreeObject for Boxed {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.envelope
    }
}

fn first_containing(tree: &RTree<Boxed>, geometries: &[MultiPolygon<f64>], point: Coord<f64>) -> Option<u32> {
    let candidates = tree.locate_in_envelope_intersecting(AABB::from_point([point.x, point.y]));
    let mut holding = candidates.filter(|candidate| geometries[candidate.unit].contains(&Point(point)));
    holding.next().map(|candidate| u32::try_from(candidate.unit).unwrap())
}

fn uniform(rng: &mut ChaCha8Rng, geometries: &[MultiPolygon<f64>]) -> Vec<Coord<f64>> {
    let rects = geometries.iter().filter_map(BoundingRect::bounding_rect);
    let [west, south, east, north] = rects.fold([f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY], |all, rect| {
        [all[0].min(rect.min().x), all[1].min(rect.min().y), all[2].max(rect.max().x), all[3].max(rect.max().y)]
    });
    (0..POINTS).map(|_| Coord { x: rng.random_range(west..east), y: rng.random_range(south..north) }).collect()
}

/// Vertices, and points as near to an edge as numbers allow: where geocoders put incidents.
fn on_borders(rng: &mut ChaCha8Rng, coverage: &ValidCoverage) -> Vec<Coord<f64>> {
    let arcs = coverage.arcs();
    let ids: Vec<_> = arcs.ids().collect();
    let point = |_| {
        let coords = arcs.coords(ids[rng.random_range(0..ids.len())]);
        let edge = rng.random_range(0..coords.len() - 1);
        let along = if rng.random_bool(0.5) { 0.0 } else { rng.random_range(0.0..1.0) };
        let (a, b) = (coords[edge], coords[edge + 1]);
        Coord { x: a.x + along * (b.x - a.x), y: a.y + along * (b.y - a.y) }
    };
    (0..POINTS).map(point).collect()
}

/// Writes units as WKB with their lengths in front, points and owners as arrays of little-endian numbers, and our own rate.
fn write(
    folder: &std::path::Path,
    name: &str,
    geometries: &[MultiPolygon<f64>],
    points: &[Coord<f64>],
    owners: &[Option<u32>],
    per_second: f64,
) {
    let mut units = Vec::new();
    for geometry in geometries {
        let wkb = Geometry::MultiPolygon(geometry.clone()).to_wkb(CoordDimensions::xy()).unwrap();
        units.extend(u32::try_from(wkb.len()).unwrap().to_le_bytes());
        units.extend(wkb);
    }
    fs::write(folder.join(format!("{name}.units")), units).unwrap();
    let points: Vec<u8> = points.iter().flat_map(|point| [point.x.to_le_bytes(), point.y.to_le_bytes()]).flatten().collect();
    fs::write(folder.join(format!("{name}.points")), points).unwrap();
    let owners: Vec<u8> = owners.iter().flat_map(|owner| owner.map_or(-1, |unit| i32::try_from(unit).unwrap()).to_le_bytes()).collect();
    fs::write(folder.join(format!("{name}.owners")), owners).unwrap();
    fs::write(folder.join(format!("{name}.rate")), per_second.to_string()).unwrap();
}
