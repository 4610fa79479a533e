//! What a plan keeps to, whatever it is given.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::plan::{BaseGraph, BaseUnit};

/// A town of square units, `side` along each side.
fn town(side: u32) -> BaseGraph {
    let unit = |at: u32| {
        let (x, y) = (at % side, at / side);
        let rims = [x == 0, x + 1 == side, y == 0, y + 1 == side];
        let rim_m = rims.iter().filter(|is_rim| **is_rim).count() as f64;
        BaseUnit { x_m: f64::from(x), y_m: f64::from(y), area_m2: 1.0, rim_m }
    };
    let mut borders = Vec::new();
    for at in 0..side * side {
        if at % side + 1 < side {
            borders.push((at, at + 1, 1.0));
        }
        if at / side + 1 < side {
            borders.push((at, at + side, 1.0));
        }
    }
    BaseGraph::new((0..side * side).map(unit).collect(), &borders)
}

fn task<'a>(graph: &'a BaseGraph, load: &'a [f64], community: &'a [u32], districts: u32) -> Task<'a> {
    Task {
        graph,
        load,
        community,
        today: &[],
        is_locked: &[],
        districts,
        numbers: Numbers::ByLoad,
        mode: Mode::Redraw,
        tolerance: 0.05,
        floor: None,
        ceiling: None,
        limits: &[],
        seed: 1,
        effort: EFFORT_DEFAULT,
    }
}

fn run(task: &Task) -> Plan {
    balance(task, &|_| ControlFlow::Continue(())).unwrap()
}

fn pieces(graph: &BaseGraph, district_of: &[u32]) -> usize {
    graph.pieces(|a, b| district_of[a as usize] == district_of[b as usize]).1
}

/// Whether any way to cut the town into connected districts keeps all of them within bounds, by trying all.
fn exists_within(graph: &BaseGraph, load: &[f64], districts: u32, tolerance: f64) -> bool {
    let target = load.iter().sum::<f64>() / f64::from(districts);
    let mut of = vec![0u32; load.len()];
    loop {
        let mut loads = vec![0.0; districts as usize];
        of.iter().zip(load).for_each(|(of, load)| loads[*of as usize] += load);
        let fits = loads.iter().all(|load| (load / target - 1.0).abs() <= tolerance + 1e-9);
        if fits && pieces(graph, &of) == districts as usize {
            return true;
        }
        // The next number in base `districts`; the first unit stays in the first district, as names do not matter.
        let Some(at) = (1..of.len()).find(|at| of[*at] + 1 < districts) else { return false };
        of[1..at].fill(0);
        of[at] += 1;
    }
}

#[test]
fn what_trying_all_plans_can_reach_is_reached() {
    let graph = town(3);
    let mut reachable = 0;
    for seed in 0..40u64 {
        let load: Vec<f64> = (0..9).map(|at| ((seed * 31 + at * 17 + seed * at) % 7 + 1) as f64).collect();
        for (districts, tolerance) in [(2, 0.05), (3, 0.12)] {
            let plan = run(&Task { tolerance, ..task(&graph, &load, &[0; 9], districts) });
            let is_within = !plan.communities[0].findings.iter().any(Finding::is_failure);
            let can_be = exists_within(&graph, &load, districts, tolerance);
            assert!(can_be || !is_within, "a plan claims what cannot be: {load:?}");
            assert_eq!(is_within, can_be, "seed {seed}, {districts} districts: {load:?} gave {:?}", plan.district_of);
            reachable += usize::from(can_be);
        }
    }
    assert!(reachable > 20, "only {reachable} cases can be reached at all");
}

#[test]
fn a_warm_balance_moves_no_more_than_it_must() {
    // Two halves of a town; the western has 24 more than the mean, and a column of four units of 3 lies at the border.
    let graph = town(8);
    let load: Vec<f64> = (0..64u32).map(|at| if at % 8 < 4 { 3.0 } else { 1.5 }).collect();
    let today: Vec<Option<u32>> = (0..64u32).map(|at| Some(u32::from(at % 8 >= 4))).collect();
    let task = Task { today: &today, mode: Mode::Warm, numbers: Numbers::Today, ..task(&graph, &load, &[0; 64], 2) };
    let plan = run(&task);
    assert!(plan.communities[0].findings.is_empty(), "{:?}", plan.communities[0].findings);
    let moved: f64 = (0..64).filter(|at| Some(plan.district_of[*at]) != today[*at]).map(|at| load[at]).sum();
    // The western half has 96 of 144 and may keep 75.6, so that 20.4 must go: seven units of 3.
    assert_eq!(moved, 21.0);
    assert!((plan.communities[0].transport_load.unwrap() - 20.4).abs() < 1e-3);
}

#[test]
fn what_no_border_can_mend_is_said() {
    let graph = town(4);
    let mut load = vec![1.0; 16];
    load[5] = 20.0;
    let plan = run(&task(&graph, &load, &[0; 16], 4));
    let findings = &plan.communities[0].findings;
    assert!(findings.contains(&Finding::TooHeavy { unit: 5, load: 20.0 }), "{findings:?}");
    assert!(findings.iter().any(|finding| matches!(finding, Finding::Outside { why: Why::HeavyUnit, .. })), "{findings:?}");
    // A community with too few districts is told how many would do.
    let community: Vec<u32> = (0..16).map(|at| u32::from(at >= 8)).collect();
    let load: Vec<f64> = (0..16).map(|at| if at < 8 { 10.0 } else { 1.0 }).collect();
    let today: Vec<Option<u32>> = (0..16).map(|at| Some(at / 4)).collect();
    let task = Task { today: &today, mode: Mode::Warm, numbers: Numbers::Today, ..task(&graph, &load, &community, 4) };
    let plan = run(&task);
    let off = plan.communities[0].findings.iter().find_map(|finding| match finding {
        Finding::OffTheMean { districts, suitable, .. } => Some((*districts, *suitable)),
        _ => None,
    });
    assert_eq!(off, Some((2, 4)));
}

#[test]
fn who_is_stopped_returns_a_whole_plan_and_says_so() {
    let graph = town(20);
    let load: Vec<f64> = (0..400).map(|at| f64::from(at % 7 + 1)).collect();
    let plan = balance(&task(&graph, &load, &[0; 400], 12), &|_| ControlFlow::Break(())).unwrap();
    assert!(!plan.is_finished);
    assert_eq!(pieces(&graph, &plan.district_of), 12);
}

#[test]
fn a_task_without_sense_is_refused() {
    let graph = town(2);
    let load = [1.0; 4];
    let ask = |change: fn(&mut Task)| {
        let mut task = task(&graph, &load, &[0; 4], 2);
        change(&mut task);
        balance(&task, &|_| ControlFlow::Continue(())).unwrap_err()
    };
    assert_eq!(ask(|task| task.mode = Mode::Warm), TaskError::NoPlanToday);
    assert_eq!(ask(|task| task.is_locked = &[true, false, false, false]), TaskError::LockWithoutPlan);
    assert_eq!(ask(|task| task.tolerance = 0.0), TaskError::Tolerance(0.0));
    assert!(matches!(ask(|task| task.districts = 5), TaskError::Apportion(_)));
    assert!(matches!(ask(|task| (task.floor, task.ceiling) = (Some(3.0), Some(2.0))), TaskError::FloorAboveCeiling { .. }));
    assert!(matches!(ask(|task| task.floor = Some(f64::NAN)), TaskError::Bound(_)));
    assert_eq!(ask(|task| task.ceiling = Some(f64::INFINITY)), TaskError::Bound(f64::INFINITY));
    assert_eq!(ask(|task| task.floor = Some(-1.0)), TaskError::Bound(-1.0));
}

#[test]
fn islands_go_with_the_nearest_shore() {
    let unit = |x_m: f64| BaseUnit { x_m, y_m: 0.0, area_m2: 1.0, rim_m: 1.0 };
    let graph = BaseGraph::new([0.0, 1.0, 2.0, 50.0].map(unit).to_vec(), &[(0, 1, 1.0), (1, 2, 1.0)]);
    let plan = run(&Task { tolerance: 0.01, ..task(&graph, &[1.0; 4], &[0; 4], 2) });
    assert_eq!(plan.communities[0].findings, [Finding::InPieces { pieces: 2 }]);
    assert_eq!(plan.district_of[2], plan.district_of[3]);
}

/// A town in quarters, with loads, a plan of today and locks.
#[derive(Clone, Debug)]
struct Case {
    side: u32,
    load: Vec<f64>,
    locks: Vec<bool>,
    districts: u32,
    mode: Mode,
    numbers: Numbers,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    (6u32..14, 4u32..14, any::<u64>(), any::<bool>(), any::<bool>()).prop_flat_map(|(side, districts, seed, is_warm, by_load)| {
        let count = (side * side) as usize;
        let loads = proptest::collection::vec(prop_oneof![4 => 0u32..8, 1 => 8u32..60], count);
        let locks = proptest::collection::vec(proptest::bool::weighted(0.03), count);
        (loads, locks).prop_map(move |(loads, locks)| Case {
            side,
            load: loads.into_iter().map(f64::from).collect(),
            locks,
            districts,
            mode: if is_warm { Mode::Warm } else { Mode::Redraw },
            numbers: if by_load { Numbers::ByLoad } else { Numbers::Today },
            seed,
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_plan_is_whole_keeps_parents_and_locks_and_comes_again(case in cases()) {
        let graph = town(case.side);
        let half = case.side / 2;
        let community: Vec<u32> = (0..case.side * case.side).map(|at| u32::from(at % case.side >= half) + 2 * u32::from(at / case.side >= half)).collect();
        // A plan of today by the same program, of even loads, so that it is whole itself.
        let even = vec![1.0; community.len()];
        let effort = 5.0;
        let before = run(&Task { effort, ..task(&graph, &even, &community, case.districts) });
        let today: Vec<Option<u32>> = before.district_of.iter().copied().map(Some).collect();
        let asked = Task {
            today: &today,
            is_locked: &case.locks,
            mode: case.mode,
            numbers: case.numbers,
            seed: case.seed,
            effort,
            ..task(&graph, &case.load, &community, case.districts)
        };
        let plan = run(&asked);
        let findings: Vec<&Finding> = plan.communities.iter().flat_map(|community| &community.findings).collect();
        let is_bound = findings.iter().any(|finding| matches!(finding, Finding::LockedApart { .. } | Finding::TooManyLocked { .. }));
        let districts = plan.districts.iter().filter(|district| district.units > 0).count();
        if !is_bound {
            prop_assert_eq!(districts, case.districts as usize);
            prop_assert_eq!(pieces(&graph, &plan.district_of), districts, "torn: {:?}", plan.district_of);
        }
        for (unit, district) in plan.district_of.iter().enumerate() {
            prop_assert_eq!(plan.districts[*district as usize].community, Some(community[unit]), "unit {} crosses", unit);
            prop_assert!(!case.locks[unit] || Some(*district) == today[unit], "locked unit {} moved", unit);
        }
        // What is outside its bounds is said, and nothing else is.
        for (at, community) in (0u32..).zip(&plan.communities) {
            let outside = plan.districts.iter().filter(|district| district.community == Some(at) && !community.bounds.holds(district.load)).count();
            let said = community.findings.iter().filter(|finding| matches!(finding, Finding::Outside { .. })).count();
            prop_assert_eq!(outside, said);
        }
        let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let again = alone.install(|| run(&asked));
        prop_assert_eq!(again.district_of, plan.district_of);
    }
}

#[test]
fn no_district_has_more_of_a_figure_than_it_may() {
    // All load lies in the west, so that an even plan has small districts there and a large one in the east.
    let graph = town(12);
    let load: Vec<f64> = (0..144).map(|at| if at % 12 < 4 { 10.0 } else { 1.0 }).collect();
    let free = run(&Task { tolerance: 0.25, ..task(&graph, &load, &[0; 144], 6) });
    let size = |plan: &Plan| plan.districts.iter().map(|district| district.units).max().unwrap();
    let limits = [Limit { name: "units".into(), values: vec![1.0; 144], least: 0.0, most: 30.0 }];
    assert!(size(&free) > 30, "{}", size(&free));
    // Neither bound alone is hard to keep; both are kept where they go together.
    let even = Task { tolerance: 0.45, limits: &limits, ..task(&graph, &load, &[0; 144], 6) };
    let plan = run(&even);
    assert!(size(&plan) <= 30 && plan.communities[0].findings.iter().all(|finding| !finding.is_failure()), "{:?}", plan.districts);
    assert_eq!(pieces(&graph, &plan.district_of), 6);
    // What cannot be kept is said before and after.
    let tight = [Limit { most: 20.0, ..limits[0].clone() }];
    let told = foresee(&Task { limits: &tight, ..even }).unwrap();
    assert_eq!(told[0].findings, [Finding::OverLimit { limit: 0, mean: 24.0 }]);
    let plan = run(&Task { limits: &tight, ..even });
    assert!(plan.communities[0].findings.iter().any(|finding| matches!(finding, Finding::Outside { why: Why::Limit, .. })));
}

#[test]
fn no_district_has_less_of_a_figure_than_it_must() {
    // All load lies in the west: an even plan has small districts there.
    let graph = town(12);
    let load: Vec<f64> = (0..144).map(|at| if at % 12 < 4 { 10.0 } else { 1.0 }).collect();
    let least = |plan: &Plan| plan.districts.iter().map(|district| district.units).min().unwrap();
    let limits = [Limit { name: "units".into(), values: vec![1.0; 144], least: 18.0, most: f64::INFINITY }];
    let wide = Task { tolerance: 0.45, ..task(&graph, &load, &[0; 144], 6) };
    assert!(least(&run(&wide)) < 18, "{}", least(&run(&wide)));
    let plan = run(&Task { limits: &limits, ..wide });
    assert!(least(&plan) >= 18 && plan.communities[0].findings.iter().all(|finding| !finding.is_failure()), "{:?}", plan.districts);
    assert_eq!(pieces(&graph, &plan.district_of), 6);
    // What cannot be kept is said before and after.
    let greedy = [Limit { least: 30.0, ..limits[0].clone() }];
    let told = foresee(&Task { limits: &greedy, ..wide }).unwrap();
    assert_eq!(told[0].findings, [Finding::UnderLimit { limit: 0, mean: 24.0 }]);
    let plan = run(&Task { limits: &greedy, ..wide });
    assert!(plan.communities[0].findings.iter().any(|finding| matches!(finding, Finding::Outside { why: Why::Limit, .. })));
}

#[test]
fn a_warm_balance_leaves_each_district_some_of_its_ground() {
    // Districts of one heavy unit among light ones: without that unit it would be easier to make them of the right size.
    let graph = town(6);
    for seed in 1..=60u32 {
        let places = [seed % 36, (seed * 5 + 7) % 36, (seed * 11 + 20) % 36];
        let today: Vec<Option<u32>> =
            (0..36).map(|at| Some(places.iter().position(|place| *place == at).map_or(0, |at| at as u32 + 1))).collect();
        let districts = today.iter().flatten().max().unwrap() + 1;
        let load: Vec<f64> = (0..36).map(|at| if places.contains(&at) { 14.0 } else { f64::from(1 + (at * seed) % 4) }).collect();
        let (mode, numbers) = (Mode::Warm, Numbers::Today);
        let plan = run(&Task { today: &today, mode, numbers, seed: u64::from(seed), ..task(&graph, &load, &[0; 36], districts) });
        for district in 0..districts {
            let stays = plan.district_of.iter().zip(&today).any(|(now, today)| *now == district && *today == Some(district));
            assert!(stays, "seed {seed}: district {district} has moved away");
        }
    }
}

/// Square units in a row.
fn row(count: u32) -> BaseGraph {
    let unit = |at: u32| BaseUnit { x_m: f64::from(at), y_m: 0.0, area_m2: 1.0, rim_m: 2.0 };
    let borders: Vec<_> = (1..count).map(|at| (at - 1, at, 1.0)).collect();
    BaseGraph::new((0..count).map(unit).collect(), &borders)
}

#[test]
fn a_new_district_is_cut_from_one_that_has_units_to_give() {
    // The first carries most and is locked whole, so that the second makes room for a third.
    let graph = row(12);
    let today: Vec<Option<u32>> = (0..12).map(|at| Some(u32::from(at >= 7))).collect();
    let is_locked: Vec<bool> = (0..12).map(|at| at < 7).collect();
    for mode in [Mode::Warm, Mode::Redraw] {
        let locked = Task { today: &today, is_locked: &is_locked, mode, tolerance: 0.8, ..task(&graph, &[10.0; 12], &[0; 12], 3) };
        let plan = run(&locked);
        assert!(!plan.communities[0].findings.iter().any(Finding::is_failure), "{mode:?}: {:?}", plan.communities[0].findings);
        let loads: Vec<f64> = plan.districts.iter().map(|district| district.load).collect();
        assert!(loads[0] == 70.0 && loads.iter().all(|load| *load > 0.0) && loads.len() == 3, "{mode:?}: {loads:?}");
    }
}

#[test]
fn no_new_district_stays_empty_while_another_has_units_to_give() {
    let graph = town(6);
    let quarter = |at: u32| u32::from(at % 6 >= 3) + 2 * u32::from(at / 6 >= 3);
    let today: Vec<Option<u32>> = (0..36).map(|at| Some(quarter(at))).collect();
    for seed in 0..8u32 {
        // Some quarters are locked whole, not all of them, and everywhere a unit here and there.
        let is_locked: Vec<bool> = (0..36).map(|at| (seed % 15) >> quarter(at) & 1 == 1 || (at * 7 + seed) % 5 == 0).collect();
        let load: Vec<f64> = (0..36).map(|at| f64::from(1 + (at * 13 + seed * 5) % 9)).collect();
        let mode = if seed % 2 == 0 { Mode::Warm } else { Mode::Redraw };
        let free = Task { seed: seed.into(), effort: 5.0, ..task(&graph, &load, &[0; 36], 5 + seed % 3) };
        let plan = run(&Task { today: &today, is_locked: &is_locked, mode, ..free });
        let there = plan.districts.iter().filter(|district| district.units > 0).count();
        assert_eq!(there, free.districts as usize, "seed {seed}: {:?}", plan.district_of);
        let has_moved = (0..36).find(|at| is_locked[*at] && Some(plan.district_of[*at]) != today[*at]);
        assert_eq!(has_moved, None, "seed {seed}");
    }
}

#[test]
fn what_must_move_at_least_is_known_where_districts_stay_as_many() {
    let graph = row(21);
    let today: Vec<Option<u32>> = (0..21).map(|at| Some(at / 10)).collect();
    let least = |districts: u32| {
        let warm = Task { today: &today, mode: Mode::Warm, ..task(&graph, &[10.0; 21], &[0; 21], districts) };
        run(&warm).communities[0].transport_load
    };
    // The first has 26.5 more than it may, and the third, beyond the second, has 56.5 less than it must.
    let three = least(3).unwrap();
    assert!((three - (26.5 + 56.5)).abs() < 1e-3, "{three}");
    assert_eq!([2, 4].map(least), [None, None]);
}

#[test]
fn a_floor_or_ceiling_beyond_the_tolerance_is_what_districts_are_told() {
    // A hundred each, and from 95 to 105 by the tolerance.
    let graph = town(4);
    let load = [25.0; 16];
    let told = |floor: Option<f64>, ceiling: Option<f64>| {
        let plan = foresee(&Task { floor, ceiling, ..task(&graph, &load, &[0; 16], 4) }).unwrap().remove(0);
        (plan.bounds.low, plan.bounds.high, plan.findings == [Finding::NoRoom { mean: 100.0 }])
    };
    assert_eq!(told(None, None), (95.0, 105.0, false));
    assert_eq!(told(Some(98.0), Some(103.0)), (98.0, 103.0, false));
    assert_eq!(told(Some(120.0), None), (120.0, 120.0, true));
    assert_eq!(told(None, Some(80.0)), (80.0, 80.0, true));
    assert_eq!(told(Some(120.0), Some(130.0)), (120.0, 120.0, true));
    // So nobody is said to be within bounds who is below the floor.
    let plan = run(&Task { floor: Some(120.0), ..task(&graph, &load, &[0; 16], 4) });
    let outside = |finding: &&Finding| matches!(finding, Finding::Outside { why: Why::NoRoom, .. });
    let below = plan.districts.iter().filter(|district| district.load < 120.0).count();
    assert!(below > 0 && plan.communities[0].findings.iter().filter(outside).count() >= below, "{:?}", plan.communities[0].findings);
}
