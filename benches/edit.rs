//! What an operation on a draft of a hundred thousand units costs, its figures brought up to date and told; and what it costs to share
//! their workers out.
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
use gridkeeper::config::WorkloadConfig;
use gridkeeper::history::{BaseChoice, Figures, TodayOf, WantedLoad, take_census, weigh_census};
use gridkeeper::plan::edit::{Draft, Move, Operation, Reach, Rings};
use gridkeeper::plan::{Census, StaffQuestion, StaffTable};
use gridkeeper::store::MemoryStore;
use gridkeeper::topology::{Rules, UnitIndex, ValidCoverage, check};
use jiff::Timestamp;

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
    // What follows is done to grids in the middle of their communities, each operation to others.
    let inner = |nth: usize, round: usize| (round * 7 + nth) % (blocks * blocks) * BLOCK * BLOCK + (2 + nth % 4) * BLOCK + 2 + nth / 4;
    let reach = Reach::default();
    run("move-edge", &mut draft, |round| {
        let line = vertices(inner(0, round));
        Operation::MoveEdge { edge: [line[3], line[4]], by: Coord { x: 1e-7, y: 1e-7 }, reach }
    });
    run("insert-vertex", &mut draft, |round| {
        let line = vertices(inner(1, round));
        let at = (line[5] + line[6]) / 2.0;
        Operation::InsertVertex { at, to: Some(Coord { x: at.x, y: at.y + 1e-7 }), reach }
    });
    run("delete-vertex", &mut draft, |round| Operation::DeleteVertex { at: vertices(inner(2, round))[5], reach });
    run("draw", &mut draft, |round| {
        let code = UnitCode::parse(&format!("{}-9", code(inner(3, round)))).unwrap();
        Operation::Draw { level: grid.clone(), code, name: String::new(), rings: square(&vertices(inner(3, round))), within_m: 0.0 }
    });
    run("reshape", &mut draft, |round| {
        let mut line = vertices(inner(4, round));
        line[5].y += 1e-7;
        Operation::Reshape { level: grid.clone(), unit: code(inner(4, round)), polygons: vec![vec![line]], within_m: 0.0 }
    });
    run("change", &mut draft, |round| {
        let (unit, name) = (code(inner(5, round)), Some(format!("named in round {round}")));
        Operation::Change { level: grid.clone(), unit, code: None, name, parent: None }
    });
    run("lock", &mut draft, |round| Operation::Lock { level: grid.clone(), units: vec![code(inner(6, round))], is_locked: true });
    staff_draft("staffing_table_of_edited_draft_ms", &draft);
    let steps = 11 * ROUNDS;
    let begun = Instant::now();
    (0..steps).for_each(|_| assert!(draft.undo()));
    println!("figure edit-undo {:.3} ms", begun.elapsed().as_secs_f64() * 1e3 / steps as f64);
    assert!(!draft.undo() && draft.count_changes() == [0; 5]);
    let begun = Instant::now();
    (0..steps).for_each(|_| assert!(draft.redo()));
    println!("figure edit-redo {:.3} ms", begun.elapsed().as_secs_f64() * 1e3 / steps as f64);
    (0..steps).for_each(|_| assert!(draft.undo()));
    staff_draft("staffing_table_of_draft_ms", &draft);
    staff_communities(&base);
}

/// A small square in the middle of a ring.
fn square(line: &[Coord<f64>]) -> Rings {
    let sum = line[1..].iter().fold(Coord::default(), |sum: Coord<f64>, corner| sum + *corner);
    let middle = sum / (line.len() - 1) as f64;
    vec![[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0), (-1.0, -1.0)].map(|(x, y)| middle + Coord { x, y } * 1e-4).to_vec()]
}

/// Shares the workers of a draft out anew, as often as there is for one who asks, and compares other numbers of them.
fn staff_draft(name: &str, draft: &Draft) {
    time(name, || {
        let census = take_census(draft, Some("load"), None, None).unwrap();
        census.weigh(&MemoryStore::new(), None, &WorkloadConfig::default(), Timestamp::now()).unwrap()
    });
}

/// The same for a generation, among all communities of the city.
fn staff_communities(base: &Arc<ValidCoverage>) {
    let level = &base.levels()[2];
    let load: Vec<f64> = (0..level.units().len()).map(|at| (1 + at % 7) as f64).collect();
    let loads = [WantedLoad { field: "load".into(), weight: 1.0 }];
    let choice = BaseChoice { depth: 2, within: Some(1), today: TodayOf::Nothing, loads: &loads, limits: &[], residents_field: None };
    let (store, config) = (MemoryStore::new(), WorkloadConfig::default());
    time("staffing_table_ms", || {
        let figures = Figures::load(&store, level.level(), level.units(), Timestamp::now()).unwrap();
        weigh_census(&store, base, &figures.with_own(Some(("load".into(), load.clone()))), &choice, &config).unwrap()
    });
}

fn time(name: &str, census: impl Fn() -> Census) {
    let mut costs: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            let census = census();
            let workers = 2 * census.communities.len() as u32;
            let question = StaffQuestion { workers: Some(workers), what_if: (workers..workers + 10).collect(), ..StaffQuestion::default() };
            let table = StaffTable::of(&census, &question).unwrap();
            assert_eq!((table.staffing.workers, table.what_if.len()), (workers, 10));
            begun.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    costs.sort_by(f64::total_cmp);
    println!("figure {name} {:.3} ms", costs[ROUNDS / 2]);
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
