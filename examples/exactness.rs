//! Compares the index with the dumbest exact reference there is: every edge of every ring whose envelope holds the point, by
//! `robust::orient2d`. Uniform points, vertices, points on edges, and points within a float of an edge.
//!
//! Usage: `cargo run --release --example exactness -- POINTS GRIDS…`; `make exactness` names them. Prints `figure NAME VALUE UNIT` lines and
//! ends with 1 where anything disagrees.

#![expect(clippy::unwrap_used, reason = "a comparison that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

#[path = "../benches/support/sample_district.rs"]
mod sample_district;

use std::process::ExitCode;
use std::sync::Arc;

use geo_types::Coord;
use gridkeeper::boundary::Position;
use gridkeeper::index::{LayerIndex, MaybeUnit, Path, Search};
use gridkeeper::topology::ValidCoverage;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use robust::orient2d;
use rstar::{AABB, RTree, RTreeObject};

use crate::sample_district::{SEED, make_coverage};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Points that are made and compared at a time.
const BATCH: usize = 250_000;

/// Of each ten points one is a vertex or on an edge, one within a float of an edge, and eight lie anywhere.
const KINDS: usize = 10;

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|number| number.parse::<usize>().unwrap());
    let points = numbers.next().unwrap();
    let disagreements: usize = numbers.map(|grids| compare(grids, points)).sum();
    if disagreements == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn compare(grids: usize, points: usize) -> usize {
    let coverage = Arc::new(make_coverage(grids));
    let mut index = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
    let reference = Reference::new(&coverage);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let (mut wrong, mut many, mut compared, mut near) = (0, 0, 0, [0_usize; 2]);
    while compared < points {
        let batch: Vec<Position> = (0..BATCH).map(|at| reference.point(&coverage, at % KINDS, &mut rng)).collect();
        near[0] += BATCH / KINDS;
        near[1] += BATCH / KINDS;
        let expected: Vec<(usize, Option<u32>)> = batch.par_iter().map(|p| reference.owner(*p)).collect();
        many += expected.iter().filter(|(count, _)| *count > 1).count();
        for path in Path::ALL.into_iter().filter(|path| path.is_here()) {
            index = index.with_path(path);
            let mut owners = vec![MaybeUnit::NONE; batch.len()];
            index.owners(&batch, 0, &mut owners);
            wrong += owners.iter().zip(&expected).filter(|(owner, (_, unit))| owner.get().map(|unit| unit.0) != *unit).count();
        }
        wrong += batch.par_iter().zip(&expected).filter(|(p, (_, unit))| index.owner(**p, 0).unit.map(|unit| unit.0) != *unit).count();
        compared += batch.len();
    }
    println!("figure exactness_{grids}_points {compared} points");
    println!("figure exactness_{grids}_on_vertices_and_edges {} points", near[0]);
    println!("figure exactness_{grids}_within_a_float_of_an_edge {} points", near[1]);
    println!("figure exactness_{grids}_points_with_several_owners {many} points");
    println!("figure exactness_{grids}_disagreements {wrong} points");
    wrong + many
}

/// The rings of all units behind a tree of their envelopes.
struct Reference {
    rings: Vec<Vec<Vec<Coord<f64>>>>,
    tree: RTree<Envelope>,
    min: Coord<f64>,
    max: Coord<f64>,
}

struct Envelope {
    of: AABB<[f64; 2]>,
    unit: u32,
}

impl RTreeObject for Envelope {
    type Envelope = AABB<[f64; 2]>;

    fn envelope(&self) -> Self::Envelope {
        self.of
    }
}

impl Reference {
    fn new(coverage: &ValidCoverage) -> Self {
        let level = &coverage.levels()[0];
        let rings: Vec<Vec<Vec<Coord<f64>>>> =
            level.indices().map(|unit| level.rings(unit).map(|ring| coverage.to_ring(ring)).collect()).collect();
        let envelope = |(unit, rings): (u32, &Vec<Vec<Coord<f64>>>)| {
            let corners: Vec<[f64; 2]> = rings.iter().flatten().map(|c| [c.x, c.y]).collect();
            Envelope { of: AABB::from_points(corners.iter()), unit }
        };
        let tree = RTree::bulk_load((0..).zip(&rings).map(envelope).collect());
        let fold = |pick: fn(&Coord<f64>) -> f64, by: fn(f64, f64) -> f64, from| rings.iter().flatten().flatten().map(pick).fold(from, by);
        let min = Coord { x: fold(|c| c.x, f64::min, f64::INFINITY), y: fold(|c| c.y, f64::min, f64::INFINITY) };
        let max = Coord { x: fold(|c| c.x, f64::max, f64::NEG_INFINITY), y: fold(|c| c.y, f64::max, f64::NEG_INFINITY) };
        Self { rings, tree, min, max }
    }

    fn point(&self, coverage: &ValidCoverage, kind: usize, rng: &mut ChaCha8Rng) -> Position {
        if kind > 1 {
            return Position { lon: rng.random_range(self.min.x..self.max.x), lat: rng.random_range(self.min.y..self.max.y) };
        }
        let arcs: Vec<_> = Vec::from([rng.random_range(0..u32::try_from(coverage.arcs().len()).unwrap())]);
        let coords = coverage.arcs().coords(gridkeeper::topology::ArcId(arcs[0]));
        let edge = rng.random_range(0..coords.len() - 1);
        let (a, b) = (coords[edge], coords[edge + 1]);
        let along = if rng.random_bool(0.5) { 0.0 } else { rng.random_range(0.0..1.0) };
        let mut p = Coord { x: a.x + along * (b.x - a.x), y: a.y + along * (b.y - a.y) };
        if kind == 1 {
            let beside = |c: f64, step: u32| [c.next_down(), c, c.next_up()][step as usize];
            p = Coord { x: beside(p.x, rng.random_range(0..3)), y: beside(p.y, rng.random_range(0..3)) };
        }
        Position { lon: p.x, lat: p.y }
    }

    /// Returns how many units hold the shifted point, and who owns the point.
    fn owner(&self, p: Position) -> (usize, Option<u32>) {
        let p = Coord::from(p);
        let near: Vec<u32> = self.tree.locate_in_envelope_intersecting(AABB::from_point([p.x, p.y])).map(|near| near.unit).collect();
        let holding: Vec<u32> = near.iter().copied().filter(|unit| self.holds(*unit, p)).collect();
        let touching = || near.iter().copied().filter(|unit| self.touches(*unit, p)).min();
        (holding.len(), holding.iter().copied().min().or_else(touching))
    }

    fn edges(&self, unit: u32) -> impl Iterator<Item = (Coord<f64>, Coord<f64>)> {
        self.rings[unit as usize].iter().flat_map(|ring| ring.windows(2).map(|edge| (edge[0], edge[1])))
    }

    /// Counts the edges east of `p + (ε, ε²)`.
    fn holds(&self, unit: u32, p: Coord<f64>) -> bool {
        let is_east = |(a, b): (Coord<f64>, Coord<f64>)| {
            let (low, high) = if a.y < b.y { (a, b) } else { (b, a) };
            low.y <= p.y && p.y < high.y && side(low, high, p) > 0.0
        };
        self.edges(unit).filter(|edge| is_east(*edge)).count() % 2 == 1
    }

    fn touches(&self, unit: u32, p: Coord<f64>) -> bool {
        let is_between = |a: f64, b: f64, p: f64| a.min(b) <= p && p <= a.max(b);
        self.edges(unit).any(|(a, b)| is_between(a.x, b.x, p.x) && is_between(a.y, b.y, p.y) && side(a, b, p) == 0.0)
    }
}

fn side(a: Coord<f64>, b: Coord<f64>, p: Coord<f64>) -> f64 {
    let robust = |c: Coord<f64>| robust::Coord { x: c.x, y: c.y };
    orient2d(robust(a), robust(b), robust(p))
}
