//! What an operation on a draft of a hundred thousand units costs, its figures brought up to date and told.
//!
//! Prints `figure NAME VALUE UNIT` lines. `GRIDKEEPER_BENCH_SIDE` sets the units along a side of the town, 320 by default.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "figures are what a bench is for")]

#[path = "support/town.rs"]
#[expect(dead_code, reason = "other benches ask the town for more")]
mod town;

use std::sync::Arc;
use std::time::Instant;

use geo_types::Coord;
use gridkeeper::boundary::{Level, UnitCode};
use gridkeeper::plan::edit::{Draft, Move, Operation, Reach};
use gridkeeper::topology::{Rules, UnitIndex, check};

use crate::town::{BLOCK, Town, layer};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Operations of each kind.
const ROUNDS: usize = 200;

fn main() {
    let side = std::env::var("GRIDKEEPER_BENCH_SIDE").ok().map_or(320, |side| side.parse::<usize>().unwrap() / BLOCK * BLOCK);
    let rules = Rules { snap_m: 0.0, ..Rules::default() };
    let base = Arc::new(check(&layer(), Town { side, moved: Vec::new() }.shapes(), &rules).coverage.unwrap());
    let loads = vec![1.0; base.levels()[2].units().len()];
    let begun = Instant::now();
    let mut draft = Draft::new(Arc::clone(&base), &loads, Vec::new()).unwrap();
    println!("figure edit-open {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    println!("figure edit-units {} units", draft.measures(2).units);
    let grid = Level::parse("grid").unwrap();
    let code = |at: usize| base.levels()[2].unit(UnitIndex(u32::try_from(at).unwrap())).code.clone();
    let vertices = |at: usize| base.to_geometry(2, UnitIndex(u32::try_from(at).unwrap())).0[0].exterior().0.clone();
    let count = base.levels()[2].units().len();
    // Spread over the town, each in another unit.
    let pick = |round: usize| (round * 7_919 + 13) % count;
    run("move-vertex", &mut draft, |round| {
        let line = vertices(pick(round));
        let at = line[5];
        Operation::MoveVertex { at, to: Coord { x: at.x + 1e-6, y: at.y + 1e-6 }, reach: Reach { with_parents: true, ..Reach::default() } }
    });
    run("split", &mut draft, |round| {
        let line = vertices(pick(round));
        let (sum, number) = line.iter().fold((Coord::default(), 0.0), |(sum, number): (Coord<f64>, f64), c| (sum + *c, number + 1.0));
        let middle = sum / number;
        let line = vec![Coord { x: middle.x - 9e-4, y: middle.y + 3e-5 }, Coord { x: middle.x + 9e-4, y: middle.y - 3e-5 }];
        Operation::Split { level: grid.clone(), unit: code(pick(round)), line, codes: Vec::new(), names: Vec::new() }
    });
    run("merge", &mut draft, |round| {
        let unit = pick(round);
        let other = UnitCode::parse(&format!("{}-2", code(unit))).unwrap();
        Operation::Merge { level: grid.clone(), units: vec![code(unit), other], into: None }
    });
    // The last column of a community goes to its neighbour in the east, one grid after the other.
    let blocks = side / BLOCK;
    run("reassign", &mut draft, |round| {
        let (community, row) = (round / BLOCK, round % BLOCK);
        let community = community / (blocks - 1) * blocks + community % (blocks - 1);
        let unit = code(community * BLOCK * BLOCK + row * BLOCK + BLOCK - 1);
        let to = base.levels()[1].unit(UnitIndex(u32::try_from(community + 1).unwrap())).code.clone();
        Operation::Reassign { level: grid.clone(), moves: vec![Move { unit, to }], creates: false }
    });
    let steps = 4 * ROUNDS;
    let begun = Instant::now();
    (0..steps).for_each(|_| assert!(draft.undo()));
    println!("figure edit-undo {:.3} ms", begun.elapsed().as_secs_f64() * 1e3 / steps as f64);
    assert!(!draft.undo() && draft.count_changes() == [0; 5]);
}

fn run(name: &str, draft: &mut Draft, operation: impl Fn(usize) -> Operation) {
    let mut costs: Vec<f64> = (0..ROUNDS)
        .map(|round| {
            let operation = operation(round);
            let begun = Instant::now();
            draft.apply(&[operation]).unwrap_or_else(|refusal| panic!("{name} {round}: {refusal}"));
            let told = (0..3).map(|depth| draft.measures(depth).load_max).sum::<f64>();
            assert!(told > 0.0);
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    println!("figure edit-{name} {:.3} ms", costs[ROUNDS / 2]);
    println!("figure edit-{name}-p99 {:.3} ms", costs[ROUNDS * 99 / 100]);
}
