//! The store as a whole: empty, with odd texts, opened more than once.

use super::Place;
use super::samples::{case, day, key, layer, load, publish, roster_now, squares};
use crate::boundary::GenerationId;
use crate::dispatch::{Case, WorkerId};
use crate::store::StoreError;
use crate::store::records::{CaseFilter, RosterData};

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
    crate::store::histories::run(place);
}
