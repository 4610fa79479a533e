//! Random histories: the same writes to a back end and to the store in memory, then everything is compared.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::conformance::{
    Place, assert_changes_lead, assignment, case, category, coverage, day, key, layer, publication, responsibility, row_of_squares, rules,
    shape, square, worker,
};
use super::records::{CaseFilter, Publication, RosterData, newest_generation};
use super::{MemoryStore, Store};
use crate::boundary::{GenerationState, LayerName};
use crate::dispatch::{Post, RuleTable};

/// Histories are short, for each begins with a new file.
const HISTORIES: u32 = 12;
const STEPS_MAX: usize = 14;
const CODES: [&str; 5] = ["a", "b", "c", "d", "e"];
const LAYERS: [&str; 2] = ["grid", "police"];

#[derive(Clone, Debug)]
pub enum Step {
    /// For each code: left out, as it was, renamed, or moved; at both levels.
    Publish {
        layer: usize,
        units: [[u8; 5]; 2],
        draft: bool,
        on: i8,
        stale: bool,
        reuse: bool,
    },
    /// Brings the boundaries of an earlier generation back, counted from the newest.
    RollBack {
        layer: usize,
        steps: usize,
        on: i8,
    },
    Roster {
        workers: [bool; 3],
        posts: Vec<(usize, usize, usize)>,
        on: i8,
        /// With the newest generation of a layer.
        with: Option<usize>,
    },
    /// Which categories a table has, in effect from a day; with none of the calendars' rows or all.
    Rules {
        kind: u8,
        rows: Vec<u8>,
        from: i8,
    },
    Cases(Vec<u8>),
    AddKey(u8),
    RevokeKey(u8),
    Note(u8, u8),
    Reopen,
}

pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let units = prop::array::uniform2(prop::array::uniform5(0_u8..6));
    let publish = (0..2_usize, units, prop::bool::weighted(0.2), 1_i8..28, prop::bool::weighted(0.1), any::<bool>())
        .prop_map(|(layer, units, draft, on, stale, reuse)| Step::Publish { layer, units, draft, on, stale, reuse });
    let posts = prop::collection::vec((0..5_usize, 0..3_usize, 0..3_usize), 0..6);
    let roster = (prop::array::uniform3(any::<bool>()), posts, 1_i8..28, prop::option::weighted(0.4, 0..2_usize))
        .prop_map(|(workers, posts, on, with)| Step::Roster { workers, posts, on, with });
    let roll_back = (0..2_usize, 1..4_usize, 1_i8..28).prop_map(|(layer, steps, on)| Step::RollBack { layer, steps, on });
    let rules = (0_u8..3, prop::collection::vec(0_u8..4, 0..4), 1_i8..28).prop_map(|(kind, rows, from)| Step::Rules { kind, rows, from });
    let step = prop_oneof![
        5 => publish,
        2 => roster,
        1 => roll_back,
        1 => rules,
        1 => prop::collection::vec(0_u8..12, 0..5).prop_map(Step::Cases),
        1 => (0_u8..4).prop_map(Step::AddKey),
        1 => (0_u8..4).prop_map(Step::RevokeKey),
        1 => (0_u8..2, any::<u8>()).prop_map(|(name, text)| Step::Note(name, text)),
        1 => Just(Step::Reopen),
    ];
    prop::collection::vec(step, 1..STEPS_MAX)
}

pub fn run(place: &Place) {
    // The place is one store, so histories follow each other in it, and the model lives as long.
    let model = MemoryStore::new();
    let store = std::cell::RefCell::new(place());
    let config = Config { cases: HISTORIES, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&steps(), |steps| {
        for step in &steps {
            if let Step::Reopen = step {
                // Closed before it is opened again.
                let old = store.replace(std::sync::Arc::new(MemoryStore::new()));
                drop(old);
                store.replace(place());
            } else {
                apply(step, &**store.borrow(), &model);
            }
            assert_eq!(store.borrow().load_version().unwrap(), model.load_version().unwrap(), "{step:?}");
        }
        compare(&**store.borrow(), &model);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

/// Writes the same to both, and sees that both take it or both refuse it.
pub fn apply(step: &Step, store: &dyn Store, model: &dyn Store) {
    match step {
        Step::Publish { layer: at, units, draft, on, stale, reuse } => {
            let layer = layer(LAYERS[*at]);
            let shapes = units.iter().map(|choices| {
                let mut shapes = row_of_squares(&CODES);
                for ((at, shape_of), choice) in (0..).zip(&mut shapes).zip(choices) {
                    match choice {
                        0 => shape_of.unit.name.clear(),
                        1 => shape_of.geometry = shape("x", geo_types::Polygon::new(square(f64::from(at), 0.25, 0.5), vec![])).geometry,
                        2 => drop(shape_of.unit.properties.insert("n".into(), (*on).into())),
                        _ => {}
                    }
                }
                let mut kept = choices.iter().map(|choice| *choice != 5);
                shapes.retain(|_| kept.next() == Some(true));
                shapes
            });
            let coverage = coverage(&layer, shapes.collect());
            let state = if *draft { GenerationState::Draft } else { GenerationState::Published };
            let newest = newest_generation(&model.load_generations(&layer.name).unwrap()).map(|newest| newest.id);
            let parent = if *stale { None } else { newest };
            publish_to_both(store, model, Publication { reuses_codes: *reuse, ..publication(&coverage, parent, state, *on) });
        }
        Step::RollBack { layer: at, steps, on } => {
            let name = LayerName::parse(LAYERS[*at]).unwrap();
            let generations = model.load_generations(&name).unwrap();
            let published: Vec<_> = generations.iter().filter(|g| g.state == GenerationState::Published).collect();
            let Some(target) = published.iter().rev().nth(*steps) else { return };
            let stored = model.load_generation(&name, target.id).unwrap();
            let coverage = coverage(&stored.layer, stored.shapes);
            let publication = publication(&coverage, published.last().map(|g| g.id), GenerationState::Published, *on);
            publish_to_both(store, model, Publication { restores: Some(target.id), ..publication });
        }
        Step::Roster { workers, posts, on, with } => {
            let ids = ["w0", "w1", "w2"];
            let listed = ids.iter().zip(workers).filter(|(_, listed)| **listed).map(|(id, _)| worker(id, &format!("name {posts:?}")));
            let assigned = posts.iter().map(|&(unit, id, post)| assignment(CODES[unit], ids[id], Post::ALL[post], "08:00-16:00"));
            let roster = RosterData { workers: listed.collect(), assignments: assigned.collect() };
            let layer = with.map(|at| LayerName::parse(LAYERS[at]).unwrap());
            let newest = |layer: &LayerName| newest_generation(&model.load_generations(layer).unwrap()).map(|newest| newest.id);
            let with = layer.as_ref().and_then(|layer| Some((layer, newest(layer)?)));
            for target in [store, model] {
                target.replace_roster(&roster, with, "r", day(*on)).unwrap();
            }
        }
        Step::Rules { kind, rows, from } => {
            let codes = rows.iter().map(|row| format!("E01{row}"));
            let table = match kind {
                0 => RuleTable::Categories(codes.map(|code| category(&code)).collect()),
                1 => RuleTable::Responsibilities(codes.map(|code| responsibility(Some(&code), None, "D1")).collect()),
                _ if rows.is_empty() => RuleTable::Calendars(Vec::new()),
                _ => rules()[2].clone(),
            };
            let write = |target: &dyn Store| target.replace_rules(&table, day(*from), "s", day(7)).unwrap();
            assert_eq!(write(store), write(model));
        }
        Step::Cases(ids) => {
            let cases: Vec<_> = ids.iter().map(|&id| case(id.into(), f64::from(id), 0.1)).collect();
            assert_eq!(store.add_cases(&cases, "c", day(4)).unwrap(), model.add_cases(&cases, "c", day(4)).unwrap());
        }
        Step::AddKey(seed) => [store, model].iter().for_each(|target| target.add_key(&key(*seed, &["a", "b"]), "k").unwrap()),
        Step::RevokeKey(seed) => {
            let revoke = |target: &dyn Store| target.revoke_key(key(*seed, &[]).hash, "k", day(5)).unwrap();
            assert_eq!(revoke(store), revoke(model));
        }
        Step::Note(name, text) => {
            [store, model].iter().for_each(|target| target.save_note(&name.to_string(), &text.to_string(), "n", day(6)).unwrap());
        }
        // The caller does it, where it can.
        Step::Reopen => {}
    }
}

fn publish_to_both(store: &dyn Store, model: &dyn Store, publication: Publication<'_>) {
    match (store.publish(publication), model.publish(publication)) {
        (Ok(stored), Ok(expected)) => assert_eq!(stored, expected),
        (Err(stored), Err(expected)) => assert_eq!(stored.to_string(), expected.to_string()),
        (stored, expected) => panic!("{stored:?} but {expected:?}"),
    }
}

/// Sees that all that can be asked is the same in both.
pub fn compare(store: &dyn Store, model: &dyn Store) {
    assert_eq!(store.load_layers().unwrap(), model.load_layers().unwrap());
    for name in LAYERS {
        let layer = LayerName::parse(name).unwrap();
        let generations = model.load_generations(&layer).unwrap();
        assert_eq!(store.load_generations(&layer).unwrap(), generations);
        assert_eq!(store.count_units(&layer).unwrap(), model.count_units(&layer).unwrap());
        for level in &super::conformance::layer(name).levels {
            for before in [None, Some(crate::boundary::GenerationId(1)), generations.get(generations.len() / 2).map(|middle| middle.id)] {
                assert_eq!(store.load_codes(&layer, level, before).unwrap(), model.load_codes(&layer, level, before).unwrap());
            }
        }
        for generation in &generations {
            assert_eq!(store.load_generation(&layer, generation.id).unwrap(), model.load_generation(&layer, generation.id).unwrap());
            if generation.state == GenerationState::Published
                && let Some(newest) = newest_generation(&generations)
            {
                assert_eq!(
                    store.load_changes(&layer, generation.id, newest.id).unwrap(),
                    model.load_changes(&layer, generation.id, newest.id).unwrap()
                );
                assert_changes_lead(store, newest, generation);
            }
        }
    }
    for on in 1..=31 {
        assert_eq!(store.load_roster(day(on)).unwrap(), model.load_roster(day(on)).unwrap(), "day {on}");
    }
    assert_eq!(store.load_cases(&CaseFilter::first(100)).unwrap(), model.load_cases(&CaseFilter::first(100)).unwrap());
    assert_eq!(store.load_rules().unwrap(), model.load_rules().unwrap());
    assert_eq!(store.find_rules().unwrap(), model.find_rules().unwrap());
    assert_eq!(store.load_keys().unwrap(), model.load_keys().unwrap());
    for name in ["0", "1"] {
        assert_eq!(store.find_note(name).unwrap(), model.find_note(name).unwrap());
    }
    assert_eq!(store.load_audit(0, 10_000).unwrap(), model.load_audit(0, 10_000).unwrap());
}
