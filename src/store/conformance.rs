//! What every back end must do, claim by claim, and random histories against the store in memory.
//!
//! A back end runs the suite by `conformance_tests!(make)`, where `make` returns a [`Place`],
//! or none where its server is missing.

use std::sync::Arc;

use geo_types::{LineString, MultiPolygon, Polygon};
use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use super::records::{
    CaseFilter, CasePage, KeyHash, KeyRecord, Publication, RosterData, StoredGeneration, StoredRoster, current_generation,
};
use super::{Store, StoreError};
use crate::boundary::{
    Accepted, Charset, CodeScheme, FeatureRef, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Position, Properties,
    Segment, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use crate::dispatch::{Assignment, Case, CaseId, Post, Role, Shift, Worker, WorkerId};
use crate::topology::{Rules, ValidCoverage, check, restore};

/// An empty store of its own, opened by each call; dropping what a call returns closes it again.
pub type Place = Box<dyn Fn() -> Arc<dyn Store>>;

macro_rules! conformance_tests {
    ($make:path) => {
        $crate::store::conformance::conformance_tests! { $make:
            an_empty_store_has_nothing
            a_generation_comes_back_bit_for_bit
            a_generation_is_there_after_reopening
            an_unchanged_unit_keeps_its_dates_and_a_changed_one_begins_anew
            a_ring_that_starts_elsewhere_is_no_change
            a_code_keeps_its_id_when_it_comes_back
            the_same_code_at_two_levels_is_two_units
            an_old_generation_stays_as_it_was_but_for_its_ends
            a_level_that_is_left_out_ends
            publishing_on_an_older_generation_is_refused_and_leaves_nothing
            a_draft_ends_nothing_and_is_nobodys_parent
            a_future_generation_is_not_current_yet
            backdating_begins_units_with_the_generation
            what_a_given_up_generation_was_to_end_goes_on
            a_unit_that_only_a_given_up_generation_leaves_out_may_be_redrawn
            layers_do_not_meet
            accepted_faults_and_the_scheme_come_back
            an_unknown_generation_is_an_error
            a_code_that_has_ended_names_no_other_unit
            a_code_that_only_a_draft_had_is_free
            a_generation_says_what_it_restores
            changes_lead_from_one_generation_to_another
            changes_name_every_end_and_lost_levels
            changes_from_what_is_not_published_are_an_error
            units_are_counted_for_each_generation
            codes_of_all_published_generations_are_known
            a_roster_is_replaced_whole
            each_time_has_the_roster_of_its_time
            a_roster_comes_and_goes_with_its_generation
            a_worker_is_kept_once
            cases_come_in_pages_in_the_order_of_ids
            cases_are_filtered
            a_known_case_is_left_as_it_is
            a_key_is_added_and_revoked_once
            a_note_is_kept_and_overwritten
            every_write_stands_in_the_audit_log
            the_version_grows_with_what_snapshots_follow
            a_change_of_the_version_ends_the_wait
            texts_of_any_kind_come_back
            two_openings_see_each_others_writes
            writers_at_once_lose_nothing
            random_histories_agree_with_the_store_in_memory
        }
    };
    ($make:path: $($claim:ident)+) => {
        $(#[test] fn $claim() {
            if let Some(place) = $make() {
                $crate::store::conformance::$claim(&place);
            }
        })+
    };
}
pub(crate) use conformance_tests;

pub fn an_empty_store_has_nothing(place: &Place) {
    let store = place();
    assert_eq!(store.load_layers().unwrap(), []);
    assert_eq!(store.load_generations(&layer("grid").name).unwrap(), []);
    assert_eq!(roster_now(&*store), RosterData::default());
    assert_eq!(store.load_cases(&CaseFilter::first(10)).unwrap().matched, Some(0));
    assert_eq!(store.load_keys().unwrap(), []);
    assert_eq!(store.load_audit(0, 10).unwrap(), []);
    assert_eq!(store.find_note("a").unwrap(), None);
    assert_eq!(store.load_version().unwrap(), 0);
}

pub fn a_generation_comes_back_bit_for_bit(place: &Place) {
    let store = place();
    let mut shapes = row_of_squares(&["1", "2", "10"]);
    // A hole filled by an enclave, a second part, thirds and tenths, which have no short decimal.
    let hole = square(0.25 + 1.0 / 3.0, 0.1, 0.1);
    shapes[0].geometry.0[0].interiors_push(hole.clone());
    shapes.push(shape("enclave", Polygon::new(hole, vec![])));
    shapes[1].geometry.0.push(Polygon::new(square(50.0, 0.1 + 0.2, 1.0), vec![]));
    shapes[2].unit.name = "网格 一".into();
    shapes[2].unit.properties =
        json!({"z": 1, "a": 0.1, "list": [null, true, {"深": "度"}], "big": 9_007_199_254_740_993_i64}).as_object().unwrap().clone();
    let coverage = coverage(&layer("grid"), vec![vec![], shapes]);
    let generation = publish(&*store, &coverage, 1).unwrap();
    let stored = load(&*store, &generation);
    let fine = &coverage.levels()[1];
    let expected = fine.indices().zip(fine.units()).map(|(at, unit)| (Unit::clone(unit), coverage.to_geometry(1, at)));
    let found: Vec<_> = stored.shapes[1].iter().map(|shape| (shape.unit.clone(), shape.geometry.clone())).collect();
    assert_eq!(found.len(), 4);
    for ((unit, geometry), (found_unit, found_geometry)) in expected.zip(found) {
        assert_eq!(found_unit.validity, Validity { from: day(1), to: None });
        assert_eq!(Unit { validity: unit.validity, ..found_unit.clone() }, unit);
        assert_eq!(found_unit.properties.keys().collect::<Vec<_>>(), unit.properties.keys().collect::<Vec<_>>(), "the order of columns");
        assert_eq!(bits(&geometry), bits(&found_geometry));
    }
    assert_eq!(stored.layer, layer("grid"));
    assert_eq!(stored.shapes[0], []);
    // What comes back is known without another check.
    let restored = restore(&stored.layer, stored.shapes, stored.accepted, stored.seal.unwrap()).unwrap();
    assert_eq!(restored.seal(), coverage.seal());
}

pub fn a_generation_is_there_after_reopening(place: &Place) {
    let generation = publish(&*place(), &squares(&["1", "2"]), 1).unwrap();
    let before = load(&*place(), &generation);
    assert_eq!(load(&*place(), &generation), before);
    assert_eq!(place().load_generations(&generation.layer).unwrap(), [generation]);
    // What is read back makes the same coverage again.
    let again = coverage(&before.layer, before.shapes.clone());
    assert_eq!(again.levels()[1].units(), before.shapes[1].iter().map(|shape| Arc::new(shape.unit.clone())).collect::<Vec<_>>());
}

pub fn an_unchanged_unit_keeps_its_dates_and_a_changed_one_begins_anew(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1", "2", "3", "4"]), 1).unwrap();
    let mut shapes = row_of_squares(&["1", "2", "3", "4"]);
    shapes[1].unit.name = "renamed".into();
    shapes[2].unit.properties.insert("load".into(), 7.into());
    shapes[3].geometry = MultiPolygon(vec![Polygon::new(square(3.0, 0.0, 0.5), vec![])]);
    let second = publish(&*store, &coverage(&layer("grid"), vec![vec![], shapes]), 5).unwrap();
    let (before, after) = (load(&*store, &first), load(&*store, &second));
    let dates = |stored: &StoredGeneration| stored.shapes[1].iter().map(|s| (s.unit.validity.from, s.unit.validity.to)).collect::<Vec<_>>();
    assert_eq!(dates(&after), [(day(1), None), (day(5), None), (day(5), None), (day(5), None)]);
    assert_eq!(dates(&before), [(day(1), None), (day(1), Some(day(5))), (day(1), Some(day(5))), (day(1), Some(day(5)))]);
    assert_eq!(ids(&before), ids(&after));
}

pub fn a_ring_that_starts_elsewhere_is_no_change(place: &Place) {
    let store = place();
    publish(&*store, &squares(&["1"]), 1).unwrap();
    let mut shapes = row_of_squares(&["1"]);
    let ring = &mut shapes[0].geometry.0[0];
    ring.exterior_mut(|exterior| {
        exterior.0.pop();
        exterior.0.rotate_left(2);
        exterior.0.push(exterior.0[0]);
    });
    let second = publish(&*store, &coverage(&layer("grid"), vec![vec![], shapes]), 2).unwrap();
    assert_eq!(load(&*store, &second).shapes[1][0].unit.validity.from, day(1));
}

pub fn a_code_keeps_its_id_when_it_comes_back(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1", "2"]), 1).unwrap();
    publish(&*store, &squares(&["1"]), 2).unwrap();
    let third = publish(&*store, &squares(&["1", "2"]), 3).unwrap();
    let (before, after) = (load(&*store, &first), load(&*store, &third));
    assert_eq!(ids(&before), ids(&after));
    assert_eq!(before.shapes[1][1].unit.validity, Validity { from: day(1), to: Some(day(2)) });
    assert_eq!(after.shapes[1][1].unit.validity, Validity { from: day(3), to: None });
}

pub fn the_same_code_at_two_levels_is_two_units(place: &Place) {
    let store = place();
    let both = coverage(&layer("grid"), vec![row_of_squares(&["1"]), row_of_squares(&["1"])]);
    let stored = load(&*store, &publish(&*store, &both, 1).unwrap());
    assert_ne!(stored.shapes[0][0].unit.id, stored.shapes[1][0].unit.id);
}

pub fn an_old_generation_stays_as_it_was_but_for_its_ends(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1", "2"]), 1).unwrap();
    let mut before = load(&*store, &first);
    publish(&*store, &squares(&["2", "3"]), 2).unwrap();
    // Both are other squares now.
    for shape in &mut before.shapes[1] {
        shape.unit.validity.to = Some(day(2));
    }
    assert_eq!(load(&*store, &first), before);
}

pub fn a_level_that_is_left_out_ends(place: &Place) {
    let store = place();
    let both = coverage(&layer("grid"), vec![row_of_squares(&["1"]), row_of_squares(&["1"])]);
    let first = publish(&*store, &both, 1).unwrap();
    let coarse_only = Layer { levels: vec![level("coarse")], ..layer("grid") };
    let second = publish(&*store, &coverage(&coarse_only, vec![row_of_squares(&["1"])]), 2).unwrap();
    assert_eq!(load(&*store, &first).shapes[0][0].unit.validity.to, None);
    assert_eq!(load(&*store, &first).shapes[1][0].unit.validity.to, Some(day(2)));
    assert_eq!(load(&*store, &second).layer, coarse_only);
    assert_eq!(store.load_layers().unwrap(), [coarse_only]);
}

pub fn publishing_on_an_older_generation_is_refused_and_leaves_nothing(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1"]), 1).unwrap();
    let second = publish(&*store, &squares(&["1", "2"]), 2).unwrap();
    let (before, version) = (load(&*store, &second), store.load_version().unwrap());
    for parent in [None, Some(first.id), Some(GenerationId(9))] {
        let stale = squares(&["3"]);
        let refused = store.publish(publication(&stale, parent, GenerationState::Published, 3));
        assert!(matches!(refused, Err(StoreError::Superseded { newest, .. }) if newest == Some(second.id)));
    }
    assert_eq!(load(&*store, &second), before);
    assert_eq!(store.load_generations(&first.layer).unwrap(), [first, second]);
    assert_eq!(store.load_version().unwrap(), version);
}

pub fn a_draft_ends_nothing_and_is_nobodys_parent(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1", "2"]), 1).unwrap();
    let draft_coverage = squares(&["1", "3"]);
    let draft = store.publish(publication(&draft_coverage, Some(first.id), GenerationState::Draft, 2)).unwrap();
    let published = load(&*store, &first);
    assert_eq!(published.shapes[1][1].unit.validity.to, None);
    let drafted = load(&*store, &draft);
    assert_eq!(codes(&drafted), ["1", "3"]);
    assert_eq!(drafted.shapes[1][0].unit.id, published.shapes[1][0].unit.id);
    let third = store.publish(publication(&draft_coverage, Some(first.id), GenerationState::Published, 3)).unwrap();
    assert_eq!(third.id, GenerationId(3));
    assert_eq!(codes(&load(&*store, &third)), ["1", "3"]);
    assert_eq!(codes(&load(&*store, &draft)), ["1", "3"], "the draft is still there");
    assert_eq!(load(&*store, &draft).shapes[1][1].unit.id, load(&*store, &third).shapes[1][1].unit.id);
}

pub fn a_future_generation_is_not_current_yet(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1"]), 1).unwrap();
    let second = publish(&*store, &squares(&["2"]), 20).unwrap();
    let all = store.load_generations(&first.layer).unwrap();
    assert_eq!(current_generation(&all, day(19)), Some(&first));
    assert_eq!(current_generation(&all, day(20)), Some(&second));
    assert_eq!(current_generation(&all, Timestamp::UNIX_EPOCH), None);
    assert_eq!(load(&*store, &first).shapes[1][0].unit.validity.to, Some(day(20)));
}

pub fn backdating_begins_units_with_the_generation(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1"]), 20).unwrap();
    let second = publish(&*store, &squares(&["1"]), 10).unwrap();
    assert_eq!(load(&*store, &second).shapes[1][0].unit.validity, Validity { from: day(10), to: None });
    assert_eq!(load(&*store, &first).shapes[1][0].unit.validity, Validity { from: day(20), to: Some(day(20)) });
}

pub fn what_a_given_up_generation_was_to_end_goes_on(place: &Place) {
    let store = place();
    let squares_named = |names: [&str; 3]| {
        let mut shapes = row_of_squares(&["1", "2", "3"]);
        for (shape, name) in shapes.iter_mut().zip(names) {
            shape.unit.name = name.into();
        }
        coverage(&layer("grid"), vec![vec![], shapes])
    };
    let first = publish(&*store, &squares_named(["", "", ""]), 1).unwrap();
    let given_up = publish(&*store, &squares_named(["planned", "planned", ""]), 10).unwrap();
    let third = publish(&*store, &squares_named(["", "otherwise", ""]), 5).unwrap();
    let dates = |generation: &Generation| -> Vec<_> {
        load(&*store, generation).shapes[1].iter().map(|s| (s.unit.validity.from, s.unit.validity.to)).collect()
    };
    // What stays as it was keeps its dates; what changes ends when it changes, and not on the day of the plan.
    assert_eq!(dates(&first), [(day(1), None), (day(1), Some(day(5))), (day(1), None)]);
    assert_eq!(dates(&third), [(day(1), None), (day(5), None), (day(1), None)]);
    assert_eq!(dates(&given_up)[..2], [(day(10), Some(day(10))), (day(10), Some(day(10)))]);
    let fourth = publish(&*store, &squares_named(["last", "otherwise", ""]), 7).unwrap();
    assert_eq!((dates(&first)[0], dates(&third)[0]), ((day(1), Some(day(7))), (day(1), Some(day(7)))));
    assert_eq!(dates(&fourth), [(day(7), None), (day(5), None), (day(1), None)]);
    let generations = [first, given_up, third, fourth];
    for (from, to) in generations.iter().flat_map(|from| generations.iter().map(move |to| (from, to))) {
        assert_changes_lead(&*store, from, to);
    }
}

pub fn a_unit_that_only_a_given_up_generation_leaves_out_may_be_redrawn(place: &Place) {
    let store = place();
    publish(&*store, &squares(&["1", "2"]), 1).unwrap();
    publish(&*store, &squares(&["1"]), 10).unwrap();
    let third = publish(&*store, &squares(&["1", "x", "2"]), 5).unwrap();
    assert_eq!(load(&*store, &third).shapes[1][1].unit.validity, Validity { from: day(5), to: None });
}

pub fn layers_do_not_meet(place: &Place) {
    let store = place();
    let grid = publish(&*store, &squares(&["1"]), 1).unwrap();
    // The names of these would be the same table if they were only joined.
    for name in ["police", "gk", "police_a"] {
        let other = coverage(&layer(name), vec![vec![], row_of_squares(&["1", "2"])]);
        let generation = publish(&*store, &other, 2).unwrap();
        assert_eq!(generation.id, GenerationId(1));
        assert_ne!(load(&*store, &generation).shapes[1][0].unit.id, load(&*store, &grid).shapes[1][0].unit.id);
    }
    let tricky = Layer { levels: ["gk_unit", "a_fine", "gpkg_contents", "sqlite_x", "select"].map(level).to_vec(), ..layer("police") };
    let shapes = (0..5).map(|_| row_of_squares(&["1"])).collect();
    publish(&*store, &coverage(&tricky, shapes), 3).unwrap();
    let names: Vec<_> = store.load_layers().unwrap().into_iter().map(|layer| layer.name.to_string()).collect();
    assert_eq!(names, ["gk", "grid", "police", "police_a"]);
    assert_eq!(codes(&load(&*store, &grid)), ["1"]);
}

pub fn accepted_faults_and_the_scheme_come_back(place: &Place) {
    let store = place();
    let segment = |name: &str, lengths: &[usize], charset| Segment { level: level(name), lengths: lengths.to_vec(), charset };
    let segments = vec![segment("district", &[6], Charset::Digits), segment("grid", &[3, 4], Charset::Alphanumeric)];
    let levels = vec![level("district"), level("grid")];
    let with_scheme = Layer { levels, scheme: Some(CodeScheme { name: "unit-grid-9".into(), segments }), ..layer("grid") };
    let shapes = vec![vec![], row_of_squares(&["1"])];
    let coverage = coverage(&with_scheme, shapes);
    let stored = load(&*store, &publish(&*store, &coverage, 1).unwrap());
    assert_eq!(stored.layer, with_scheme);
    assert_eq!(stored.accepted, coverage.accepted());
}

pub fn an_unknown_generation_is_an_error(place: &Place) {
    let store = place();
    publish(&*store, &squares(&["1"]), 1).unwrap();
    for (layer_name, id) in [("grid", 0), ("grid", 2), ("other", 1)] {
        let missing = store.load_generation(&layer(layer_name).name, GenerationId(id));
        assert!(matches!(missing, Err(StoreError::NoGeneration { .. })), "{layer_name} {id}");
    }
}

pub fn a_code_that_has_ended_names_no_other_unit(place: &Place) {
    let store = place();
    publish(&*store, &squares(&["1", "2", "3"]), 1).unwrap();
    let second = publish(&*store, &squares(&["1"]), 2).unwrap();
    // "3" comes back as it was; "2" would be another square.
    let mut shapes = row_of_squares(&["1", "2", "3"]);
    shapes[1].geometry = MultiPolygon(vec![Polygon::new(square(1.0, 5.0, 1.0), vec![])]);
    let other = coverage(&layer("grid"), vec![vec![], shapes]);
    let version = store.load_version().unwrap();
    let refused = publish(&*store, &other, 3);
    let named = [code("2")];
    assert!(matches!(&refused, Err(StoreError::CodesReused { codes, .. }) if codes[..] == named), "{refused:?}");
    assert_eq!((store.load_version().unwrap(), store.load_generations(&second.layer).unwrap().len()), (version, 2));
    let meant = Publication { reuses_codes: true, ..publication(&other, Some(second.id), GenerationState::Published, 3) };
    let third = store.publish(meant).unwrap();
    assert_eq!((third.id, codes(&load(&*store, &third)).len()), (GenerationId(3), 3));
}

pub fn a_code_that_only_a_draft_had_is_free(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1"]), 1).unwrap();
    let drafted = squares(&["1", "2"]);
    store.publish(publication(&drafted, Some(first.id), GenerationState::Draft, 2)).unwrap();
    publish(&*store, &squares(&["1", "x", "2"]), 3).unwrap();
}

pub fn a_generation_says_what_it_restores(place: &Place) {
    let store = place();
    let (one, two) = (squares(&["1", "2"]), squares(&["1", "3"]));
    let first = publish(&*store, &one, 1).unwrap();
    let second = publish(&*store, &two, 2).unwrap();
    let back = Publication { restores: Some(first.id), ..publication(&one, Some(second.id), GenerationState::Published, 3) };
    let third = store.publish(back).unwrap();
    assert_eq!((third.parent, third.restores), (Some(second.id), Some(first.id)));
    assert_eq!(place().load_generations(&first.layer).unwrap(), [first.clone(), second, third.clone()]);
    assert_eq!(ids(&load(&*store, &third)), ids(&load(&*store, &first)));
}

pub fn changes_lead_from_one_generation_to_another(place: &Place) {
    let store = place();
    let mut shapes = row_of_squares(&["1", "2", "3", "4"]);
    let generations = [
        publish(&*store, &coverage(&layer("grid"), vec![vec![], shapes.clone()]), 1).unwrap(),
        {
            shapes[1].unit.name = "renamed".into();
            shapes.remove(2);
            let apart = vec![shape("c", Polygon::new(square(50.0, 50.0, 1.0), vec![]))];
            publish(&*store, &coverage(&layer("grid"), vec![apart, shapes.clone()]), 2).unwrap()
        },
        publish(&*store, &squares(&["1", "9"]), 3).unwrap(),
    ];
    for from in &generations {
        for to in &generations {
            assert_changes_lead(&*store, from, to);
        }
    }
    let changes = store.load_changes(&generations[0].layer, generations[0].id, generations[1].id).unwrap();
    assert_eq!(changes.ended, [vec![], vec![code("2"), code("3")]]);
    let begun: Vec<&str> = changes.begun.iter().flatten().map(|shape| shape.unit.code.as_str()).collect();
    assert_eq!(begun, ["c", "2"]);
}

/// Makes `to` of `from` by the changes between them, and sees that it is what is stored.
pub fn assert_changes_lead(store: &dyn Store, from: &Generation, to: &Generation) {
    let changes = store.load_changes(&from.layer, from.id, to.id).unwrap();
    let (before, after) = (load(store, from), load(store, to));
    assert_eq!((&changes.generation, &changes.layer, changes.accepted), (to, &after.layer, after.accepted));
    for (depth, level) in after.layer.levels.iter().enumerate() {
        let known = before.layer.depth_of(level).map_or(&[][..], |depth| &before.shapes[depth]);
        let mut made: Vec<UnitShape> = known.iter().filter(|shape| !changes.ended[depth].contains(&shape.unit.code)).cloned().collect();
        made.extend(changes.begun[depth].iter().cloned());
        made.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
        for (number, shape) in (1..).zip(&mut made) {
            shape.source = FeatureRef { number };
            let end = changes.ends[depth].iter().find(|(code, _)| code == &shape.unit.code);
            shape.unit.validity.to = end.map(|(_, at)| *at);
        }
        assert_eq!(made, after.shapes[depth], "{} to {}, level {level}", from.id, to.id);
    }
}

pub fn changes_name_every_end_and_lost_levels(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1", "2"]), 1).unwrap();
    let second = publish(&*store, &squares(&["1"]), 9).unwrap();
    let changes = store.load_changes(&first.layer, first.id, first.id).unwrap();
    assert_eq!((changes.ended, changes.begun), (vec![vec![], vec![]], vec![vec![], vec![]]));
    assert_eq!(changes.ends, [vec![], vec![(code("2"), day(9))]]);
    let coarse = Layer { levels: vec![level("coarse")], ..layer("grid") };
    let third = publish(&*store, &coverage(&coarse, vec![row_of_squares(&["1"])]), 10).unwrap();
    assert!(store.load_changes(&first.layer, second.id, third.id).unwrap().has_lost_levels);
    assert!(!store.load_changes(&first.layer, first.id, second.id).unwrap().has_lost_levels);
}

pub fn changes_from_what_is_not_published_are_an_error(place: &Place) {
    let store = place();
    let first = publish(&*store, &squares(&["1"]), 1).unwrap();
    let drafted = squares(&["1", "2"]);
    let draft = store.publish(publication(&drafted, Some(first.id), GenerationState::Draft, 2)).unwrap();
    for (from, to) in [(first.id, draft.id), (draft.id, first.id), (first.id, GenerationId(9))] {
        let missing = store.load_changes(&first.layer, from, to);
        assert!(matches!(missing, Err(StoreError::NoGeneration { .. })), "{from} {to}");
    }
}

pub fn units_are_counted_for_each_generation(place: &Place) {
    let store = place();
    let grid = layer("grid").name;
    assert_eq!(store.count_units(&grid).unwrap(), []);
    let both = coverage(&layer("grid"), vec![row_of_squares(&["c"]), row_of_squares(&["1", "2"])]);
    let first = publish(&*store, &both, 1).unwrap();
    let drafted = squares(&["1", "2", "3", "4"]);
    let draft = store.publish(publication(&drafted, Some(first.id), GenerationState::Draft, 2)).unwrap();
    let third = publish(&*store, &squares(&["1", "9", "2"]), 3).unwrap();
    let coarse = Layer { levels: vec![level("coarse")], ..layer("grid") };
    let fourth = publish(&*store, &coverage(&coarse, vec![row_of_squares(&["c"])]), 4).unwrap();
    publish(&*store, &coverage(&layer("police"), vec![vec![], row_of_squares(&["1"])]), 5).unwrap();
    let expected = [(first.id, vec![1, 2]), (draft.id, vec![0, 4]), (third.id, vec![0, 3]), (fourth.id, vec![1])];
    assert_eq!(store.count_units(&grid).unwrap(), expected);
}

pub fn codes_of_all_published_generations_are_known(place: &Place) {
    let store = place();
    let grid = layer("grid").name;
    let first = publish(&*store, &squares(&["2", "1"]), 1).unwrap();
    let drafted = squares(&["1", "2", "drafted"]);
    store.publish(publication(&drafted, Some(first.id), GenerationState::Draft, 2)).unwrap();
    let mut renamed = row_of_squares(&["1", "3"]);
    renamed[0].unit.name = "renamed".into();
    publish(&*store, &coverage(&layer("grid"), vec![row_of_squares(&["c"]), renamed]), 3).unwrap();
    publish(&*store, &coverage(&layer("police"), vec![vec![], row_of_squares(&["p"])]), 4).unwrap();
    assert_eq!(store.load_codes(&grid, &level("fine")).unwrap(), [code("1"), code("2"), code("3")]);
    assert_eq!(store.load_codes(&grid, &level("coarse")).unwrap(), [code("c")]);
    assert_eq!(store.load_codes(&grid, &level("nothing")).unwrap(), []);
}

pub fn each_time_has_the_roster_of_its_time(place: &Place) {
    let store = place();
    let roster = |unit: &str| RosterData { workers: vec![worker("w1", "n")], assignments: vec![assignment(unit, "w1", Post::Primary, "")] };
    for (on, unit) in [(5, "1"), (10, "2")] {
        store.replace_roster(&roster(unit), None, "a", day(on)).unwrap();
    }
    for (on, unit, from, to) in [(1, "1", None, Some(10)), (9, "1", None, Some(10)), (10, "2", Some(10), None), (20, "2", Some(10), None)] {
        let found = place().load_roster(day(on)).unwrap();
        assert_eq!(found, StoredRoster { data: roster(unit).into_kept(), from: from.map(day), to: to.map(day) }, "day {on}");
    }
    store.replace_roster(&RosterData { workers: vec![worker("w1", "newest name")], assignments: vec![] }, None, "a", day(15)).unwrap();
    assert_eq!(store.load_roster(day(1)).unwrap().data.workers[0].name, "newest name", "a name is kept once");
}

pub fn a_roster_comes_and_goes_with_its_generation(place: &Place) {
    let store = place();
    let (one, two) = (squares(&["1"]), squares(&["1", "2"]));
    let first = publish(&*store, &one, 1).unwrap();
    let roster = |unit: &str| RosterData { workers: vec![worker("w1", "n")], assignments: vec![assignment(unit, "w1", Post::Primary, "")] };
    store.replace_roster(&roster("1"), None, "a", day(2)).unwrap();
    let missing = store.replace_roster(&roster("2"), Some((&first.layer, GenerationId(2))), "a", day(3));
    assert!(matches!(missing, Err(StoreError::NoGeneration { .. })), "{missing:?}");
    let future = publish(&*store, &two, 20).unwrap();
    store.replace_roster(&roster("2"), Some((&first.layer, future.id)), "a", day(3)).unwrap();
    let unit = |on: i8| place().load_roster(day(on)).unwrap().data.assignments[0].unit.clone();
    assert_eq!([unit(2), unit(19), unit(20), unit(29)], [code("1"), code("1"), code("2"), code("2")]);
    assert_eq!(store.load_roster(day(5)).unwrap().to, Some(day(20)));
    let back = Publication { restores: Some(first.id), ..publication(&one, Some(future.id), GenerationState::Published, 25) };
    store.publish(back).unwrap();
    assert_eq!([unit(19), unit(24), unit(25)], [code("1"), code("2"), code("1")]);
}

pub fn a_roster_is_replaced_whole(place: &Place) {
    let store = place();
    let first = RosterData {
        workers: vec![worker("w2", "李四"), worker("w1", "张三")],
        assignments: vec![
            assignment("2", "w2", Post::Leader, "20:00-06:00;12:00-13:30"),
            assignment("1", "w1", Post::Primary, ""),
            assignment("1", "w1", Post::Primary, ""),
            assignment("1", "w2", Post::Backup, "16:00-24:00"),
        ],
    };
    store.replace_roster(&first, None, "a", day(1)).unwrap();
    assert_eq!(roster_now(&*store), first.clone().into_kept());
    assert_eq!(roster_now(&*store).assignments.len(), 4);
    let second = RosterData { workers: vec![worker("w2", "李四")], assignments: vec![first.assignments[0].clone()] };
    store.replace_roster(&second, None, "a", day(2)).unwrap();
    assert_eq!(roster_now(&*place()), second.into_kept());
    store.replace_roster(&first, None, "a", day(3)).unwrap();
    assert_eq!(roster_now(&*place()), first.into_kept());
}

pub fn a_worker_is_kept_once(place: &Place) {
    let store = place();
    let workers = vec![worker("w1", "old"), worker("w1", "new")];
    store.replace_roster(&RosterData { workers, assignments: vec![] }, None, "a", day(1)).unwrap();
    assert_eq!(roster_now(&*store).workers, [worker("w1", "new")]);
    store.replace_roster(&RosterData { workers: vec![worker("w1", "newer")], assignments: vec![] }, None, "a", day(2)).unwrap();
    assert_eq!(roster_now(&*store).workers, [worker("w1", "newer")]);
}

pub fn cases_come_in_pages_in_the_order_of_ids(place: &Place) {
    let store = place();
    let cases: Vec<Case> = [5, 3, 1, 4, 2].into_iter().map(|id| case(id, 111.0, 26.0)).collect();
    assert_eq!(store.add_cases(&cases, "a", day(1)).unwrap(), 5);
    let mut filter = CaseFilter::first(2);
    let mut seen = Vec::new();
    loop {
        let page = store.load_cases(&filter).unwrap();
        assert_eq!(page.matched, Some(5));
        seen.extend(page.cases.iter().map(|case| case.id.0.as_u128()));
        filter.after = page.cases.last().map(|case| case.id);
        if !page.has_more {
            break;
        }
        assert_eq!(page.cases.len(), 2);
    }
    assert_eq!(seen, [1, 2, 3, 4, 5]);
    assert_eq!(store.find_case(CaseId(Uuid::from_u128(3))).unwrap(), Some(cases[1].clone()));
    assert_eq!(store.find_case(CaseId(Uuid::from_u128(9))).unwrap(), None);
}

pub fn cases_are_filtered(place: &Place) {
    let store = place();
    let mut cases: Vec<Case> = (0_u8..4).map(|at| case(u128::from(at), -179.0 + f64::from(at) * 119.0, 26.0)).collect();
    cases[0].grid = Some(code("431102"));
    cases[1].grid = Some(code("4311"));
    cases[1].category = "b%_'".into();
    cases[2].reported_at = day(9);
    cases[3].holder = Some(WorkerId("gone".into()));
    store.add_cases(&cases, "a", day(1)).unwrap();
    let check = |filter: CaseFilter, expected: &[u128]| {
        let page = store.load_cases(&filter).unwrap();
        assert_eq!(page.cases.iter().map(|c| c.id.0.as_u128()).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(page.matched, Some(expected.len()));
        assert_eq!(store.load_cases(&CaseFilter { counts: false, ..filter }).unwrap(), CasePage { matched: None, ..page });
    };
    let all = || CaseFilter::first(10);
    check(CaseFilter { bbox: Some([-60.0, 26.0, 59.0, 26.0]), ..all() }, &[1, 2]);
    check(CaseFilter { bbox: Some([170.0, 20.0, -170.0, 30.0]), ..all() }, &[0, 3]);
    check(CaseFilter { bbox: Some([-180.0, 27.0, 180.0, 30.0]), ..all() }, &[]);
    check(CaseFilter { grid_prefix: Some("4311".into()), ..all() }, &[0, 1]);
    check(CaseFilter { grid_prefix: Some("43110".into()), ..all() }, &[0]);
    check(CaseFilter { grid_prefix: Some("4%".into()), ..all() }, &[]);
    check(CaseFilter { grid_prefix: Some(String::new()), ..all() }, &[0, 1]);
    check(CaseFilter { category: Some("b%_'".into()), ..all() }, &[1]);
    check(CaseFilter { reported_from: Some(day(9)), ..all() }, &[2]);
    check(CaseFilter { reported_to: Some(day(9)), ..all() }, &[0, 1, 3]);
    check(CaseFilter { reported_from: Some(day(9) + jiff::SignedDuration::from_nanos(1)), ..all() }, &[]);
    check(CaseFilter { reported_to: Some(day(9) + jiff::SignedDuration::from_nanos(1)), ..all() }, &[0, 1, 2, 3]);
    assert_eq!(store.find_case(cases[3].id).unwrap().unwrap().holder, cases[3].holder);
    let none = store.load_cases(&CaseFilter::first(0)).unwrap();
    assert_eq!((none.cases.len(), none.matched, none.has_more), (0, Some(4), true));
}

pub fn a_known_case_is_left_as_it_is(place: &Place) {
    let store = place();
    let first = case(1, 111.0, 26.0);
    store.add_cases(std::slice::from_ref(&first), "a", day(1)).unwrap();
    let changed = Case { description: "changed".into(), ..first.clone() };
    assert_eq!(store.add_cases(&[changed, case(2, 0.0, 0.0)], "a", day(1)).unwrap(), 1);
    assert_eq!(store.find_case(first.id).unwrap(), Some(first));
}

pub fn a_key_is_added_and_revoked_once(place: &Place) {
    let store = place();
    let key = key(7, &["431102", "4311"]);
    store.add_key(&key, "a").unwrap();
    store.add_key(&KeyRecord { role: Role::Admin, ..key.clone() }, "a").unwrap();
    assert_eq!(store.load_keys().unwrap(), std::slice::from_ref(&key));
    assert!(store.revoke_key(key.hash, "a", day(2)).unwrap());
    assert!(!store.revoke_key(key.hash, "a", day(3)).unwrap());
    assert!(!store.revoke_key(KeyHash([0; 32]), "a", day(3)).unwrap());
    assert_eq!(place().load_keys().unwrap(), [KeyRecord { revoked_at: Some(day(2)), ..key }]);
}

pub fn a_note_is_kept_and_overwritten(place: &Place) {
    let store = place();
    store.save_note("map.notice", "示例数据，非真实边界", "a", day(1)).unwrap();
    assert_eq!(place().find_note("map.notice").unwrap().as_deref(), Some("示例数据，非真实边界"));
    store.save_note("map.notice", "", "a", day(1)).unwrap();
    assert_eq!(place().find_note("map.notice").unwrap().as_deref(), Some(""));
}

pub fn every_write_stands_in_the_audit_log(place: &Place) {
    let store = place();
    publish(&*store, &squares(&["1"]), 1).unwrap();
    let drafted = squares(&["1", "2"]);
    store.publish(publication(&drafted, Some(GenerationId(1)), GenerationState::Draft, 2)).unwrap();
    let roster = RosterData { workers: vec![worker("w-secret", "张三")], assignments: vec![] };
    store.replace_roster(&roster, None, "b", day(3)).unwrap();
    store.add_cases(&[case(1, 0.0, 0.0)], "c", day(4)).unwrap();
    store.add_key(&key(1, &[]), "d").unwrap();
    store.revoke_key(key(1, &[]).hash, "e", day(6)).unwrap();
    store.save_note("n", "text", "f", day(7)).unwrap();
    let log = store.load_audit(0, 100).unwrap();
    let actions: Vec<_> = log.iter().map(|entry| (entry.action.as_str(), entry.author.as_str())).collect();
    let expected =
        [("publish", "tester"), ("draft", "tester"), ("replace_roster", "b"), ("add_cases", "c"), ("add_key", "d"), ("revoke_key", "e")];
    assert_eq!(actions[..6], expected);
    assert_eq!(actions[6], ("save_note", "f"));
    assert!(log.is_sorted_by(|a, b| a.number < b.number));
    assert_eq!(store.load_audit(log[1].number, 2).unwrap(), log[2..4]);
    assert_eq!(log[0].subject, "generation 1 of layer grid, 1 units, 1 of them new or changed");
    for entry in &log {
        assert!(!entry.subject.contains("张三") && !entry.subject.contains("w-secret"), "{}", entry.subject);
    }
}

pub fn the_version_grows_with_what_snapshots_follow(place: &Place) {
    let store = place();
    let mut last = store.load_version().unwrap();
    let mut grows = |what: &str, expected: bool| {
        let now = place().load_version().unwrap();
        assert_eq!(now > last, expected, "{what}");
        last = now;
    };
    publish(&*store, &squares(&["1"]), 1).unwrap();
    grows("publish", true);
    store.replace_roster(&RosterData::default(), None, "a", day(1)).unwrap();
    grows("roster", true);
    store.add_key(&key(1, &[]), "a").unwrap();
    grows("key", true);
    store.revoke_key(key(1, &[]).hash, "a", day(1)).unwrap();
    grows("revoke", true);
    store.save_note("a", "b", "a", day(1)).unwrap();
    grows("note", true);
    store.add_cases(&[case(1, 0.0, 0.0)], "a", day(1)).unwrap();
    grows("case", false);
}

pub fn a_change_of_the_version_ends_the_wait(place: &Place) {
    let (one, other) = (place(), place());
    let known = one.load_version().unwrap();
    let (poll, patience) = (std::time::Duration::from_millis(5), std::time::Duration::from_secs(20));
    assert_eq!(one.wait_for_version(known, poll, std::time::Duration::from_millis(20)).unwrap(), known);
    assert_eq!(one.wait_for_version(known + 1, poll, patience).unwrap(), known, "what is known already is told at once");
    let waited = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| one.wait_for_version(known, poll, patience).unwrap());
        other.save_note("a", "b", "a", day(1)).unwrap();
        waiting.join().unwrap()
    });
    assert_eq!(waited, known + 1);
}

pub fn texts_of_any_kind_come_back(place: &Place) {
    let store = place();
    for (at, text) in ["", "'; DROP TABLE gk_unit; --", "\"", "永州\u{200b}", "a\0b", "🗺", "\r\n\t"].into_iter().enumerate() {
        let case = Case { description: text.into(), given: text.into(), source: text.into(), ..case(at as u128, 0.1, 0.2) };
        store.add_cases(std::slice::from_ref(&case), text, day(1)).unwrap();
        assert_eq!(store.find_case(case.id).unwrap(), Some(case));
        store.save_note("text", text, text, day(1)).unwrap();
        assert_eq!(store.find_note("text").unwrap().as_deref(), Some(text));
    }
}

pub fn two_openings_see_each_others_writes(place: &Place) {
    let (one, other) = (place(), place());
    let first = publish(&*one, &squares(&["1"]), 1).unwrap();
    assert_eq!(load(&*other, &first), load(&*one, &first));
    let second = publish(&*other, &squares(&["1", "2"]), 2).unwrap();
    assert_eq!(load(&*one, &second), load(&*other, &second));
    assert_eq!(one.load_version().unwrap(), other.load_version().unwrap());
}

pub fn writers_at_once_lose_nothing(place: &Place) {
    const WRITERS: u8 = 4;
    const ROUNDS: u8 = 3;
    let stores: Vec<_> = (0..WRITERS).map(|_| place()).collect();
    std::thread::scope(|scope| {
        for (writer, store) in (0..WRITERS).zip(&stores) {
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let number = writer * ROUNDS + round;
                    let id = u128::from(number);
                    // Cases with a worker whom nobody knows yet, in a month that nobody has written to, and one that all send.
                    let mut own = case(id + 1, 111.0, 26.0);
                    own.reported_at = day(1) + jiff::SignedDuration::from_hours(24 * 31 * i64::from(number));
                    own.holder = Some(WorkerId(format!("w{round}").into()));
                    store.add_cases(&[own, case(1_000, 111.0, 26.0)], "c", day(1)).unwrap();
                    store.add_key(&key(number, &[]), "k").unwrap();
                    store.save_note(&number.to_string(), "n", "n", day(1)).unwrap();
                    let codes = [format!("a{number}"), format!("b{number}")];
                    let coverage = squares(&codes.each_ref().map(String::as_str));
                    // Whoever comes second is told so, and repeats the change on what is newest then.
                    while let Err(refused) = publish(&**store, &coverage, 1) {
                        assert!(matches!(refused, StoreError::Superseded { .. }), "{refused:?}");
                    }
                }
            });
        }
    });
    let (store, all) = (place(), usize::from(WRITERS * ROUNDS));
    let page = store.load_cases(&CaseFilter::first(100)).unwrap();
    assert_eq!((page.matched, store.load_keys().unwrap().len()), (Some(all + 1), all));
    let generations = store.load_generations(&layer("grid").name).unwrap();
    let parents: Vec<Option<GenerationId>> = generations.iter().map(|g| g.parent).collect();
    let expected: Vec<Option<GenerationId>> = (0..all).map(|n| u32::try_from(n).ok().filter(|n| *n > 0).map(GenerationId)).collect();
    assert_eq!(parents, expected, "each generation was made from the one before it");
    for generation in &generations {
        assert_eq!(load(&*store, generation).shapes[1].len(), 2);
    }
    let audit = store.load_audit(0, 1_000).unwrap();
    assert_eq!(audit.iter().map(|entry| entry.number).collect::<Vec<_>>(), (1..=4 * all as u64).collect::<Vec<_>>());
    assert_eq!(store.load_version().unwrap(), 3 * all as u64);
}

pub fn random_histories_agree_with_the_store_in_memory(place: &Place) {
    super::histories::run(place);
}

pub fn layer(name: &str) -> Layer {
    Layer { name: LayerName::parse(name).unwrap(), levels: vec![level("coarse"), level("fine")], scheme: None }
}

pub fn level(name: &str) -> Level {
    Level::parse(name).unwrap()
}

pub fn code(text: &str) -> UnitCode {
    UnitCode::parse(text).unwrap()
}

pub fn day(day: i8) -> Timestamp {
    jiff::civil::date(2026, 1, day).in_tz("UTC").unwrap().timestamp()
}

/// Units of one unit each side by side, in the order given.
pub fn row_of_squares(codes: &[&str]) -> Vec<UnitShape> {
    (0..).zip(codes).map(|(at, code)| shape(code, Polygon::new(square(f64::from(at), 0.0, 1.0), vec![]))).collect()
}

pub fn square(lon: f64, lat: f64, size: f64) -> LineString<f64> {
    LineString::from(vec![(lon, lat), (lon + size, lat), (lon + size, lat + size), (lon, lat + size), (lon, lat)])
}

pub fn shape(text: &str, polygon: Polygon<f64>) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::now_v7()),
        code: code(text),
        name: format!("unit {text}"),
        level: level("fine"),
        parent: None,
        properties: Properties::new(),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry: MultiPolygon(vec![polygon]), source: FeatureRef::default() }
}

pub fn squares(codes: &[&str]) -> ValidCoverage {
    coverage(&layer("grid"), vec![vec![], row_of_squares(codes)])
}

/// Makes a coverage of shapes, whatever faults lie between them.
pub fn coverage(layer: &Layer, mut shapes: Vec<Vec<UnitShape>>) -> ValidCoverage {
    for (level, shapes) in layer.levels.iter().zip(&mut shapes) {
        shapes.iter_mut().for_each(|shape| shape.unit.level = level.clone());
    }
    let accepted = Accepted { overlap: true, gap: true, nesting: true };
    let checked = check(layer, shapes, &Rules { snap_m: 0.0, accepted, ..Rules::default() });
    checked.coverage.unwrap_or_else(|| panic!("{:?}", checked.problems))
}

pub fn publication(coverage: &ValidCoverage, parent: Option<GenerationId>, state: GenerationState, on: i8) -> Publication<'_> {
    Publication {
        coverage,
        parent,
        state,
        effective_from: day(on),
        created_at: day(on),
        author: "tester",
        note: "a note",
        restores: None,
        reuses_codes: false,
    }
}

/// Publishes on top of the newest.
pub fn publish(store: &dyn Store, coverage: &ValidCoverage, on: i8) -> Result<Generation, StoreError> {
    let generations = store.load_generations(&coverage.layer().name)?;
    let newest = super::records::newest_generation(&generations).map(|newest| newest.id);
    store.publish(publication(coverage, newest, GenerationState::Published, on))
}

pub fn load(store: &dyn Store, generation: &Generation) -> StoredGeneration {
    let stored = store.load_generation(&generation.layer, generation.id).unwrap();
    assert_eq!(&stored.generation, generation);
    stored
}

pub fn worker(id: &str, name: &str) -> Worker {
    Worker { id: WorkerId(id.into()), name: name.into(), phone: "0746-0000000".into() }
}

pub fn assignment(unit: &str, worker: &str, post: Post, shift: &str) -> Assignment {
    Assignment {
        unit: code(unit),
        worker: WorkerId(worker.into()),
        post,
        department: "城管".into(),
        validity: Validity { from: day(1), to: Some(day(30)) },
        shift: Shift::parse(shift).unwrap(),
    }
}

pub fn case(id: u128, lon: f64, lat: f64) -> Case {
    Case {
        id: CaseId(Uuid::from_u128(id)),
        position: Position::new(lon, lat).unwrap(),
        given: format!("{lon} {lat}"),
        category: "垃圾".into(),
        description: "d".into(),
        source: "12345".into(),
        reported_at: day(2),
        district: Some(code("4311")),
        grid: None,
        generation: Some(GenerationId(1)),
        holder: Some(WorkerId("w1".into())),
    }
}

pub fn key(seed: u8, scope: &[&str]) -> KeyRecord {
    KeyRecord {
        hash: KeyHash([seed; 32]),
        role: Role::Dispatcher,
        scope: scope.iter().map(|text| code(text)).collect(),
        note: "counter 1".into(),
        created_at: day(1),
        revoked_at: None,
    }
}

/// The roster of a time after all that the claims write.
pub fn roster_now(store: &dyn Store) -> RosterData {
    store.load_roster(day(31)).unwrap().data
}

fn ids(stored: &StoredGeneration) -> Vec<(String, UnitId)> {
    stored.shapes.iter().flatten().map(|shape| (shape.unit.code.to_string(), shape.unit.id)).collect()
}

fn codes(stored: &StoredGeneration) -> Vec<String> {
    stored.shapes.iter().flatten().map(|shape| shape.unit.code.to_string()).collect()
}

fn bits(geometry: &MultiPolygon<f64>) -> Vec<Vec<Vec<(u64, u64)>>> {
    let ring = |ring: &LineString<f64>| ring.0.iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect();
    geometry.0.iter().map(|p| std::iter::once(p.exterior()).chain(p.interiors()).map(ring).collect()).collect()
}
