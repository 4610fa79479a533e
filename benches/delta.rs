//! What a small publication costs who follows it: checking and indexing all of a hundred thousand units, against making the next
//! coverage and index from the ones before. Both in the same run, on the same shapes; what comes out is compared.
//!
//! Prints `figure NAME VALUE UNIT` lines. `GRIDKEEPER_BENCH_SIDE` sets the units along a side of the town, 320 by default.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

#[path = "support/town.rs"]
mod town;

use std::sync::Arc;
use std::time::Instant;

use gridkeeper::boundary::{Accepted, UnitShape};
use gridkeeper::index::{LayerIndex, Search};
use gridkeeper::topology::{LevelDelta, Patched, Rules, ValidCoverage, check};

use crate::town::{BLOCK, Town, layer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
