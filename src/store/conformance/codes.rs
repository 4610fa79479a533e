//! Codes, which name one unit for ever.

use geo_types::{LineString, MultiPolygon, Polygon};

use super::Place;
use super::generations::codes;
use super::samples::{code, coverage, layer, level, load, publication, publish, row_of_squares, shape, square, squares};
use crate::boundary::{GenerationId, GenerationState};
use crate::store::StoreError;
use crate::store::records::{EndedUnit, Publication};

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
    assert_eq!(store.load_codes(&grid, &level("fine"), None).unwrap(), [code("1"), code("2"), code("3")]);
    assert_eq!(store.load_codes(&grid, &level("coarse"), None).unwrap(), [code("c")]);
    assert_eq!(store.load_codes(&grid, &level("nothing"), None).unwrap(), []);
    // The third generation brought the code 3.
    let before = Some(crate::boundary::GenerationId(3));
    assert_eq!(store.load_codes(&grid, &level("fine"), before).unwrap(), [code("1"), code("2")]);
}

pub fn ended_units_are_as_they_were_last(place: &Place) {
    let store = place();
    let grid = layer("grid").name;
    let with_parent = |codes: &[&str], parent: &str| {
        let mut fine = row_of_squares(codes);
        fine.iter_mut().for_each(|shape| shape.unit.parent = Some(code(parent)));
        let whole = LineString::from(vec![(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (0.0, 1.0), (0.0, 0.0)]);
        coverage(&layer("grid"), vec![vec![shape(parent, Polygon::new(whole, vec![]))], fine])
    };
    let first = publish(&*store, &with_parent(&["1", "2"], "a"), 1).unwrap();
    assert_eq!(store.load_ended_units(&grid).unwrap(), []);
    store.publish(publication(&with_parent(&["1", "drafted"], "a"), Some(first.id), GenerationState::Draft, 2)).unwrap();
    publish(&*store, &with_parent(&["1", "2"], "b"), 3).unwrap();
    let ended = |of: &str, unit: &str, parent: Option<&str>| EndedUnit { level: level(of), code: code(unit), parent: parent.map(code) };
    assert_eq!(store.load_ended_units(&grid).unwrap(), [ended("coarse", "a", None)]);
    publish(&*store, &with_parent(&["1", "3"], "b"), 4).unwrap();
    assert_eq!(store.load_ended_units(&grid).unwrap(), [ended("fine", "2", Some("b")), ended("coarse", "a", None)]);
    assert_eq!(store.load_ended_units(&layer("police").name).unwrap(), []);
}
