//! Generations and the dates of their units.

use std::sync::Arc;

use geo_types::{LineString, MultiPolygon, Polygon};
use jiff::Timestamp;
use serde_json::json;

use super::Place;
use super::changes::assert_changes_lead;
use super::samples::{coverage, day, layer, level, load, publication, publish, row_of_squares, shape, square, squares};
use crate::boundary::{Charset, CodeScheme, Generation, GenerationId, GenerationState, Layer, Segment, Unit, UnitId, Validity};
use crate::store::StoreError;
use crate::store::records::{Publication, StoredGeneration, current_generation};
use crate::topology::restore;

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

pub(super) fn ids(stored: &StoredGeneration) -> Vec<(String, UnitId)> {
    stored.shapes.iter().flatten().map(|shape| (shape.unit.code.to_string(), shape.unit.id)).collect()
}

pub(super) fn codes(stored: &StoredGeneration) -> Vec<String> {
    stored.shapes.iter().flatten().map(|shape| shape.unit.code.to_string()).collect()
}

fn bits(geometry: &MultiPolygon<f64>) -> Vec<Vec<Vec<(u64, u64)>>> {
    let ring = |ring: &LineString<f64>| ring.0.iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect();
    geometry.0.iter().map(|p| std::iter::once(p.exterior()).chain(p.interiors()).map(ring).collect()).collect()
}
