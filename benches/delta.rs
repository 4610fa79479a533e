//! What a small publication costs who follows it: checking and indexing all of a hundred thousand units, against making the next
//! coverage and index from the ones before. Both in the same run, on the same shapes; what comes out is compared.
//!
//! Prints `figure NAME VALUE UNIT` lines. `GRIDKEEPER_BENCH_SIDE` sets the units along a side of the town, 320 by default.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

use std::sync::Arc;
use std::time::Instant;

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use gridkeeper::boundary::{Accepted, FeatureRef, Layer, LayerName, Level, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use gridkeeper::index::{LayerIndex, Search};
use gridkeeper::topology::{LevelDelta, Patched, Rules, ValidCoverage, check};
use jiff::Timestamp;
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Grids along a side of a community.
const BLOCK: usize = 8;

/// Edges of each border between two corners, so that a unit has forty vertices.
const EDGES: usize = 10;

/// Degrees between corners, about 100 m.
const STEP: f64 = 0.001;

/// Units that a publication changes.
const CHANGED: usize = 100;

/// Rounds of the quick way; its figures are medians.
const ROUNDS: usize = 9;

fn main() {
    let side = std::env::var("GRIDKEEPER_BENCH_SIDE").ok().map_or(320, |side| side.parse::<usize>().unwrap() / BLOCK * BLOCK);
    let before = Town { side, moved: Vec::new() };
    let rules = Rules { snap_m: 0.0, ..Rules::default() };
    let (base, _) = timed(|| check(&layer(), before.shapes(), &rules).coverage.unwrap());
    let (base, base_index) = {
        let base = Arc::new(base);
        (Arc::clone(&base), LayerIndex::build(base, Search::default()))
    };
    println!("figure delta-units {} units", base.levels()[2].units().len());
    println!("figure delta-coordinates {} coordinates", base.arcs().coord_count());
    // Each moved corner changes the four grids around it.
    let moved: Vec<(usize, usize)> = (0..CHANGED / 4).map(|at| inner_corner(side, at)).collect();
    let after = Town { side, moved };
    let shapes = after.shapes();
    let delta = || {
        let is_changed = |unit: &&UnitShape| after.moved.iter().any(|corner| after.is_at(*corner, unit.source.number));
        let begun: Vec<UnitShape> = shapes[2].iter().filter(is_changed).cloned().collect();
        let ended = begun.iter().map(|shape| shape.unit.code.clone()).collect();
        vec![LevelDelta::default(), LevelDelta::default(), LevelDelta { ended, begun }]
    };
    println!("figure delta-changed {} units", delta()[2].begun.len());
    let (fresh, full_check) = timed(|| check(&layer(), shapes.clone(), &rules).coverage.unwrap());
    let fresh = Arc::new(fresh);
    let (_, full_index) = timed(|| LayerIndex::build(Arc::clone(&fresh), Search::default()));
    full_check.print("full-check");
    full_index.print("full-index");
    let quick = measure_quick("moved-corners", &base, &base_index, delta);
    assert_alike(&quick.coverage, &fresh);
    println!("figure delta-ratio {:.0} times", (full_check.wall_ms + full_index.wall_ms) / measure_both(&base, &base_index, delta));
    // Every second one of the changed units goes and the one beside it takes its ground, which gives all others new numbers.
    measure_quick("merged", &base, &base_index, || merged(&before, side));
    let renamed = || {
        let mut delta = delta();
        delta[2].begun = (0..CHANGED).map(|at| before.grid(side + at)).collect();
        delta[2].begun.iter_mut().for_each(|shape| shape.unit.name.push('新'));
        delta[2].ended = delta[2].begun.iter().map(|shape| shape.unit.code.clone()).collect();
        delta
    };
    measure_quick("renamed", &base, &base_index, renamed);
}

fn measure_quick(name: &str, base: &Arc<ValidCoverage>, index: &LayerIndex, delta: impl Fn() -> Vec<LevelDelta>) -> Patched {
    let (mut patches, mut indices, mut last) = (Vec::new(), Vec::new(), None);
    for _ in 0..ROUNDS {
        let delta = delta();
        let (patched, cost) = timed(|| base.patched(&layer(), delta, Accepted::default()).unwrap());
        patches.push(cost);
        let (coverage, changes) = (Arc::new(patched.coverage), patched.changes);
        let (_, cost) = timed(|| index.patched(Arc::clone(&coverage), &changes));
        indices.push(cost);
        last = Some(Patched { coverage: Arc::into_inner(coverage).unwrap_or_else(|| unreachable!("the index is gone")), changes });
    }
    median(&patches).print(&format!("patched-check-{name}"));
    median(&indices).print(&format!("patched-index-{name}"));
    last.unwrap()
}

/// Returns the median of the milliseconds that the quick way takes as a whole.
fn measure_both(base: &Arc<ValidCoverage>, index: &LayerIndex, delta: impl Fn() -> Vec<LevelDelta>) -> f64 {
    let costs: Vec<Cost> = (0..ROUNDS)
        .map(|_| {
            let delta = delta();
            let run = || {
                let patched = base.patched(&layer(), delta, Accepted::default()).unwrap();
                index.patched(Arc::new(patched.coverage), &patched.changes)
            };
            timed(run).1
        })
        .collect();
    median(&costs).print("patched-both");
    median(&costs).wall_ms
}

/// A few thousand units are enough to show that both ways lead to the same; the tests compare everything.
fn assert_alike(found: &ValidCoverage, expected: &ValidCoverage) {
    assert_eq!(found.arcs().len(), expected.arcs().len());
    for depth in 0..expected.levels().len() {
        assert_eq!(found.levels()[depth].units(), expected.levels()[depth].units());
        for unit in expected.levels()[depth].indices() {
            assert!(found.to_geometry(depth, unit) == expected.to_geometry(depth, unit), "{unit:?} at depth {depth}");
        }
    }
}

#[derive(Clone, Copy)]
struct Cost {
    wall_ms: f64,
    cpu_ms: f64,
}

impl Cost {
    fn print(self, name: &str) {
        println!("figure delta-{name} {:.1} ms", self.wall_ms);
        println!("figure delta-{name}-cpu {:.0} ms", self.cpu_ms);
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Cost) {
    let (start, cpu_ms) = (Instant::now(), cpu_ms());
    let value = run();
    (value, Cost { wall_ms: start.elapsed().as_secs_f64() * 1e3, cpu_ms: self::cpu_ms() - cpu_ms })
}

fn median(costs: &[Cost]) -> Cost {
    let mut walls: Vec<f64> = costs.iter().map(|cost| cost.wall_ms).collect();
    walls.sort_by(f64::total_cmp);
    // Linux counts processor time in hundredths of a second, so that only its mean says something.
    Cost { wall_ms: walls[walls.len() / 2], cpu_ms: costs.iter().map(|cost| cost.cpu_ms).sum::<f64>() / costs.len() as f64 }
}

/// Processor time of this process in all its threads; 0 where the system does not tell.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // User and system time, the 14th and 15th field of all, in ticks of 10 ms.
    (ticks(11) + ticks(12)) * 10.0
}

fn layer() -> Layer {
    let levels = ["district", "community", "grid"].map(|level| Level::parse(level).unwrap()).to_vec();
    Layer { name: LayerName::parse("grid").unwrap(), levels, scheme: None }
}

/// A corner inside a community, another for each number, spread over the town.
fn inner_corner(side: usize, at: usize) -> (usize, usize) {
    let blocks = side / BLOCK;
    let block = at * 61 % (blocks * blocks);
    (block % blocks * BLOCK + 3, block / blocks * BLOCK + 4)
}

fn merged(town: &Town, side: usize) -> Vec<LevelDelta> {
    let mut delta = LevelDelta::default();
    for (x, y) in (0..CHANGED / 2).map(|at| inner_corner(side, at)) {
        let [west, east] = [y * side + x, y * side + x + 1];
        let mut both = town.grid(west);
        both.geometry = town.outline(x, y, 2, 1);
        delta.ended.extend([west, east].map(|grid| town.grid(grid).unit.code));
        delta.begun.push(both);
    }
    vec![LevelDelta::default(), LevelDelta::default(), delta]
}

/// A square of cells with jagged borders.
struct Town {
    side: usize,
    /// Corners that lie a little elsewhere.
    moved: Vec<(usize, usize)>,
}

impl Town {
    fn shapes(&self) -> Vec<Vec<UnitShape>> {
        let blocks = self.side / BLOCK;
        let district = shape("district", "431102", None, 0, self.outline(0, 0, self.side, self.side));
        let community = |at: usize| {
            let geometry = self.outline(at % blocks * BLOCK, at / blocks * BLOCK, BLOCK, BLOCK);
            shape("community", &community_code(at), Some("431102"), at, geometry)
        };
        vec![vec![district], (0..blocks * blocks).map(community).collect(), (0..self.side * self.side).map(|at| self.grid(at)).collect()]
    }

    fn grid(&self, at: usize) -> UnitShape {
        let (x, y) = (at % self.side, at / self.side);
        let parent = community_code(y / BLOCK * (self.side / BLOCK) + x / BLOCK);
        let code = format!("{parent}{:02}", y % BLOCK * BLOCK + x % BLOCK);
        shape("grid", &code, Some(&parent), at, self.outline(x, y, 1, 1))
    }

    /// Whether a grid has a corner.
    fn is_at(&self, (x, y): (usize, usize), grid: usize) -> bool {
        let (column, row) = (grid % self.side, grid / self.side);
        (column == x || column + 1 == x) && (row == y || row + 1 == y)
    }

    fn outline(&self, x: usize, y: usize, columns: usize, rows: usize) -> MultiPolygon<f64> {
        let mut ring = Vec::with_capacity(2 * (columns + rows) * EDGES + 1);
        for at in 0..columns {
            self.push_border(&mut ring, (x + at, y), true, false);
        }
        for at in 0..rows {
            self.push_border(&mut ring, (x + columns, y + at), false, false);
        }
        for at in (0..columns).rev() {
            self.push_border(&mut ring, (x + at, y + rows), true, true);
        }
        for at in (0..rows).rev() {
            self.push_border(&mut ring, (x, y + at), false, true);
        }
        ring.push(ring[0]);
        Polygon::new(LineString(ring), Vec::new()).into()
    }

    /// Appends the vertices from one corner to the next east or north of it, or back, without the last.
    fn push_border(&self, ring: &mut Vec<Coord<f64>>, from: (usize, usize), is_eastward: bool, is_back: bool) {
        let to = if is_eastward { (from.0 + 1, from.1) } else { (from.0, from.1 + 1) };
        let (a, b) = (self.corner(from), self.corner(to));
        let vertex = |at: usize| {
            if at == 0 || at == EDGES {
                return if at == 0 { a } else { b };
            }
            let (share, off) = (at as f64 / EDGES as f64, 0.04 * STEP * noise(from.0, from.1, at + usize::from(is_eastward) * EDGES));
            let (x, y) = (a.x + share * (b.x - a.x), a.y + share * (b.y - a.y));
            if is_eastward { Coord { x, y: y + off } } else { Coord { x: x + off, y } }
        };
        if is_back {
            ring.extend((1..=EDGES).rev().map(vertex));
        } else {
            ring.extend((0..EDGES).map(vertex));
        }
    }

    fn corner(&self, (x, y): (usize, usize)) -> Coord<f64> {
        let moved = if self.moved.contains(&(x, y)) { 0.05 } else { 0.0 };
        let place = |at: usize, kind: usize| (at as f64 + 0.2 * noise(x, y, 1000 + kind) + moved) * STEP;
        Coord { x: 111.5 + place(x, 0), y: 26.0 + place(y, 1) }
    }
}

/// A number between -1 and 1 that only depends on what it is for.
fn noise(x: usize, y: usize, what: usize) -> f64 {
    let mut mixed = (x as u64) << 40 ^ (y as u64) << 20 ^ what as u64;
    for _ in 0..3 {
        mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn community_code(at: usize) -> String {
    format!("431102{at:06}")
}

fn shape(level: &str, code: &str, parent: Option<&str>, number: usize, geometry: MultiPolygon<f64>) -> UnitShape {
    let mut properties = Properties::new();
    properties.insert("households".into(), number.into());
    let unit = Unit {
        id: UnitId(Uuid::from_u128(number as u128)),
        name: format!("第{number}格"),
        code: UnitCode::parse(code).unwrap(),
        level: Level::parse(level).unwrap(),
        parent: parent.map(|parent| UnitCode::parse(parent).unwrap()),
        properties,
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry, source: FeatureRef { number } }
}
