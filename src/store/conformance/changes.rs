//! What tells one generation from another.

use geo_types::Polygon;

use super::Place;
use super::samples::{code, coverage, day, layer, level, load, publication, publish, row_of_squares, shape, square, squares};
use crate::boundary::{FeatureRef, Generation, GenerationId, GenerationState, Layer, UnitShape};
use crate::store::{Store, StoreError};

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
