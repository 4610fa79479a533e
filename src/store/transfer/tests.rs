//! Random histories are written to one store and copied to another; then everything that can be asked is the same in both, and stays so.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use proptest::test_runner::{Config, TestRunner};

use super::{MARK, Target, TransferError, TransferStore, transfer};
use crate::boundary::{GenerationId, GenerationState};
use crate::dispatch::workflow::{CaseEvent, CaseState, Effect, Facts};
use crate::dispatch::{Case, Post, WorkerId};
use crate::store::conformance::{assignment, case, day, key, layer, new, publication, publish, rules, squares, worker, write_photos};
use crate::store::drafts::{DraftEntry, DraftEntryKind};
use crate::store::histories::{Step, apply, compare, steps};
use crate::store::postgis::scratch::Scratch;
use crate::store::records::{ErasureReason, RosterData};
use crate::store::{CaseWrite, GeoPackageStore, MemoryStore, NewEvent, PhotoFile, PostgisStore, Store};

/// Each history is copied three times, between stores that are made for it, which takes a database seconds.
const HISTORIES: u32 = 2;

/// A store and what ends with it.
struct Place {
    store: Arc<dyn TransferStore>,
    _ends_with_it: Box<dyn Any>,
}

type Make = fn() -> Option<Place>;

fn geopackage() -> Option<Place> {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(GeoPackageStore::open_or_create(&folder.path().join("store.gpkg")).unwrap());
    Some(Place { store, _ends_with_it: Box::new(folder) })
}

fn postgis() -> Option<Place> {
    let database = Scratch::create()?;
    Some(Place { store: Arc::new(PostgisStore::open_or_create(database.address()).unwrap()), _ends_with_it: Box::new(database) })
}

/// Copies and sees that both sides were found to be the same. Returns how many rows were written.
fn copy(from: &Place, to: &Place) -> usize {
    let tables = transfer(&*from.store, &*to.store, Target::EarlierCopy, &|_| {}).unwrap();
    for table in &tables {
        assert!(table.is_same(), "{table:?}");
    }
    assert_eq!(to.store.find_note(MARK).unwrap(), None);
    assert_eq!(to.store.load_version().unwrap(), from.store.load_version().unwrap());
    compare(&*to.store, &*from.store);
    tables.iter().map(|table| table.written).sum()
}

/// Cases and notes whose texts PostgreSQL cannot hold as they are.
fn write_odd_texts(store: &dyn Store) {
    for (at, text) in ["a\0b", "\u{FDD0}", "\u{FDD0}0", "", "🗺\r\n", "\u{FDD1}"].into_iter().enumerate() {
        let case = Case { description: text.into(), district: None, ..case(500 + at as u128, -0.0, 1.0 / 3.0) };
        store.add_cases(&[case], text, day(3)).unwrap();
        store.save_note(&format!("odd {text}"), text, text, day(3)).unwrap();
    }
}

fn check_direction(make_from: Make, make_to: Make) {
    if make_from().is_none() || make_to().is_none() {
        return;
    }
    let config = Config { cases: HISTORIES, max_shrink_iters: 0, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&(steps(), steps(), steps()), |(first, second, third)| {
        let (from, to) = (make_from().unwrap(), make_to().unwrap());
        let model = MemoryStore::new();
        let write = |steps: &[Step]| steps.iter().for_each(|step| apply(step, &*from.store, &model));
        write(&first);
        copy(&from, &to);
        compare(&*to.store, &model);
        write_odd_texts(&*from.store);
        write_odd_texts(&model);
        // The copy follows a store that has grown, and a copy of what is the same writes nothing.
        write(&second);
        copy(&from, &to);
        compare(&*to.store, &model);
        assert_eq!(copy(&from, &to), 0);
        // Both go on alike.
        for step in &third {
            apply(step, &*to.store, &*from.store);
        }
        compare(&*to.store, &*from.store);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
}

#[test]
fn a_file_is_copied_to_a_file() {
    check_direction(geopackage, geopackage);
}

#[test]
fn a_file_is_copied_to_a_database() {
    check_direction(geopackage, postgis);
}

#[test]
fn a_database_is_copied_to_a_file() {
    check_direction(postgis, geopackage);
}

#[test]
fn a_database_is_copied_to_a_database() {
    check_direction(postgis, postgis);
}

/// A store with a row in every table that a store has by itself.
fn write_some_of_everything(store: &dyn TransferStore) {
    publish(store, &squares(&["1", "2"]), 1).unwrap();
    let drafted = squares(&["1", "3"]);
    store.publish(publication(&drafted, Some(GenerationId(1)), GenerationState::Draft, 2)).unwrap();
    publish(store, &squares(&["2", "4"]), 2).unwrap();
    let assignments = vec![assignment("1", "w1", Post::ALL[0], "08:00-16:00")];
    store.replace_roster(&RosterData { workers: vec![worker("w1", "张三")], assignments }, None, "r", day(2)).unwrap();
    store.replace_roster(&RosterData::default(), None, "r", day(3)).unwrap();
    for table in rules() {
        store.replace_rules(&table, day(5), "s", day(3)).unwrap();
        store.replace_rules(&table, day(6), "s", day(4)).unwrap();
    }
    store.add_key(&key(1, &["1"]), "k").unwrap();
    store.save_note("map.notice", "示例数据", "n", day(3)).unwrap();
    store.add_cases(&[case(1, 111.0, 26.0), case(2, 112.0, 26.0)], "c", day(4)).unwrap();
}

/// Copies, and is cut after so many batches. Returns whether it was.
fn copy_until(from: &Place, to: &Place, batches: usize) -> bool {
    let left = Cell::new(batches);
    let cut = |_| match left.get().checked_sub(1) {
        Some(rest) => left.set(rest),
        None => resume_unwind(Box::new("cut")),
    };
    catch_unwind(AssertUnwindSafe(|| transfer(&*from.store, &*to.store, Target::Empty, &cut).map(drop).unwrap())).is_err()
}

/// Cuts after every `stride`th batch: a database for each takes seconds.
fn check_cut(make_from: Make, make_to: Make, stride: usize) {
    let Some(from) = make_from() else { return };
    write_some_of_everything(&*from.store);
    let grid = layer("grid").name;
    for batches in (0..).step_by(stride) {
        let to = make_to().unwrap();
        if !copy_until(&from, &to, batches) {
            assert!(batches >= 10, "only {batches} batches");
            break;
        }
        assert!(to.store.find_note(MARK).unwrap().is_some(), "it is marked as unfinished");
        // What is seen of a generation is all of it.
        for generation in to.store.load_generations(&grid).unwrap() {
            let load = |place: &Place| place.store.load_generation(&grid, generation.id).unwrap();
            if generation.state == GenerationState::Published {
                assert_eq!(load(&to), load(&from), "after {batches} batches");
            }
        }
        let refused = transfer(&*to.store, &*from.store, Target::EarlierCopy, &|_| {}).unwrap_err();
        assert!(matches!(refused, TransferError::UnfinishedSource { .. }), "{refused:?}");
        // Cut once more, then to the end.
        copy_until(&from, &to, 2);
        copy(&from, &to);
    }
}

#[test]
fn a_copy_that_was_cut_anywhere_goes_on() {
    check_cut(geopackage, geopackage, 1);
    check_cut(postgis, postgis, 4);
}

#[test]
fn a_store_that_has_grown_since_its_copy_was_cut_is_copied_whole() {
    let (from, to) = (geopackage().unwrap(), geopackage().unwrap());
    write_some_of_everything(&*from.store);
    assert!(copy_until(&from, &to, 5));
    publish(&*from.store, &squares(&["5"]), 5).unwrap();
    copy(&from, &to);
}

#[test]
fn photos_are_copied_bit_for_bit_and_erased_in_an_earlier_copy_too() {
    for (make_from, make_to) in [(geopackage as Make, postgis as Make), (postgis, geopackage)] {
        let (Some(from), Some(to)) = (make_from(), make_to()) else { continue };
        from.store.save_note("n", "n", "a", day(1)).unwrap();
        let [one, other] = write_photos(&*from.store);
        copy(&from, &to);
        assert_eq!(to.store.find_photo(one.photo.id).unwrap().as_ref(), Some(&one));
        assert!(from.store.erase_person(&PhotoFile::person(one.photo.id), ErasureReason::Request, "a", day(4)).unwrap());
        copy(&from, &to);
        assert_eq!(to.store.find_photo(one.photo.id).unwrap(), None);
        assert_eq!(to.store.find_photo(other.photo.id).unwrap().as_ref(), Some(&other));
        assert_eq!(to.store.load_photos(one.photo.case).unwrap(), from.store.load_photos(one.photo.case).unwrap());
    }
}

#[test]
fn steps_of_drafts_are_copied_and_those_that_came_since() {
    for (make_from, make_to) in [(geopackage as Make, postgis as Make), (postgis, geopackage), (postgis, postgis)] {
        let (Some(from), Some(to)) = (make_from(), make_to()) else { continue };
        publish(&*from.store, &squares(&["1", "2"]), 1).unwrap();
        let draft = from.store.publish(publication(&squares(&["1", "2"]), Some(GenerationId(1)), GenerationState::Draft, 2)).unwrap().id;
        for revision in 1..=2 {
            let (body, author) = (r#"{"title":"西片"}"#.into(), "a".into());
            let entry = DraftEntry { layer: layer("grid").name, draft, revision, kind: DraftEntryKind::Apply, body, author, at: day(3) };
            from.store.add_draft_entry(&entry).unwrap();
            copy(&from, &to);
            let entries = |place: &Place| place.store.load_draft_entries(&layer("grid").name, draft, 0).unwrap();
            assert_eq!((entries(&to).len(), entries(&to)), (revision as usize, entries(&from)));
        }
    }
}

#[test]
fn another_history_is_refused_before_anything_is_written() {
    for (make_from, make_to) in [(geopackage as Make, geopackage as Make), (geopackage, postgis), (postgis, geopackage)] {
        let (Some(from), Some(to)) = (make_from(), make_to()) else { continue };
        publish(&*from.store, &squares(&["1"]), 1).unwrap();
        from.store.save_note("a", "b", "c", day(1)).unwrap();
        // Begun alike, gone on otherwise.
        copy(&from, &to);
        to.store.save_note("a", "other", "c", day(2)).unwrap();
        from.store.save_note("a", "d", "c", day(3)).unwrap();
        let before = to.store.load_audit(0, 100).unwrap();
        let refused = transfer(&*from.store, &*to.store, Target::EarlierCopy, &|_| {}).unwrap_err();
        assert!(matches!(&refused, TransferError::OtherHistory { what, .. } if what.contains("entry 3")), "{refused}");
        assert_eq!(to.store.load_audit(0, 100).unwrap(), before);
        assert_eq!(to.store.find_note("a").unwrap().as_deref(), Some("other"));
        assert_eq!(to.store.find_note(MARK).unwrap(), None);
        // Newer than what is copied.
        let older = make_from().unwrap();
        let refused = transfer(&*older.store, &*to.store, Target::EarlierCopy, &|_| {}).unwrap_err();
        assert!(matches!(refused, TransferError::OtherHistory { .. }), "{refused}");
        // The unfinished copy of another.
        let unfinished = make_to().unwrap();
        write_some_of_everything(&*older.store);
        assert!(copy_until(&older, &unfinished, 3));
        let refused = transfer(&*from.store, &*unfinished.store, Target::EarlierCopy, &|_| {}).unwrap_err();
        assert!(matches!(&refused, TransferError::OtherHistory { what, .. } if what.contains("unfinished")), "{refused}");
    }
}

#[test]
fn a_restore_asks_for_an_empty_store() {
    let (from, to) = (geopackage().unwrap(), geopackage().unwrap());
    write_some_of_everything(&*from.store);
    assert!(copy_until(&from, &to, 3));
    assert!(transfer(&*from.store, &*to.store, Target::Empty, &|_| {}).unwrap().iter().all(super::TableCopy::is_same));
    let refused = transfer(&*from.store, &*to.store, Target::Empty, &|_| {}).unwrap_err();
    assert!(matches!(refused, TransferError::NotEmpty { .. }), "{refused}");
    let refused = transfer(&*from.store, &*from.store, Target::EarlierCopy, &|_| {}).unwrap_err();
    assert!(matches!(refused, TransferError::SameStore { .. }), "{refused}");
}

#[test]
fn an_empty_store_is_copied_too() {
    copy(&geopackage().unwrap(), &geopackage().unwrap());
}

#[test]
fn a_store_that_is_written_is_copied_as_of_one_moment() {
    for (make_from, make_to) in [(geopackage as Make, geopackage as Make), (postgis, geopackage)] {
        let (Some(from), Some(to)) = (make_from(), make_to()) else { continue };
        write_some_of_everything(&*from.store);
        let is_written = Cell::new(false);
        let write_once = |_| {
            // Between two batches of the copy; the reader has its moment already.
            if !is_written.replace(true) {
                publish(&*from.store, &squares(&["7"]), 7).unwrap();
            }
        };
        let tables = transfer(&*from.store, &*to.store, Target::EarlierCopy, &write_once).unwrap();
        assert!(tables.iter().all(super::TableCopy::is_same));
        let count = |place: &Place| place.store.load_generations(&layer("grid").name).unwrap().len();
        assert_eq!((count(&from), count(&to)), (4, 3));
        copy(&from, &to);
    }
}

#[test]
fn a_copy_is_not_written_over_what_others_wrote_meanwhile() {
    let (from, to) = (geopackage().unwrap(), geopackage().unwrap());
    write_some_of_everything(&*from.store);
    let is_written = Cell::new(false);
    let write_once = |_| {
        if !is_written.replace(true) {
            to.store.save_note("mine", "b", "c", day(1)).unwrap();
        }
    };
    let error = transfer(&*from.store, &*to.store, Target::EarlierCopy, &write_once).unwrap_err();
    assert!(error.to_string().contains("while it was copied to"), "{error}");
}

#[test]
fn a_copy_forgets_what_its_source_has_forgotten_since() {
    for (make_from, make_to) in [(geopackage as Make, geopackage as Make), (geopackage, postgis), (postgis, geopackage)] {
        let (Some(from), Some(to)) = (make_from(), make_to()) else { continue };
        let told = |id: u128, day_of: i8| {
            let mut new = new(id, 111.0, Some(u8::try_from(id).unwrap()));
            new.events[0].at = day(day_of);
            let folded = CaseState::fold(&new.events).unwrap();
            let facts = Facts { worker: Some(WorkerId("w1".into())), ..Facts::default() };
            let event = CaseEvent { seq: 2, effect: Effect::Verify, facts, ..new.events[0].clone() };
            let mut after = folded;
            after.apply(&event);
            let next = NewEvent { case: new.case.id, event, after };
            from.store.write_cases(vec![CaseWrite::Add(Box::new(new)), CaseWrite::Append(Box::new(next))]).unwrap();
        };
        // By its first entry a history is known.
        from.store.save_note("n", "text", "a", day(1)).unwrap();
        told(1, 2);
        told(2, 3);
        copy(&from, &to);
        let notices = || to.store.load_notices(&WorkerId("w1".into()), 0, 9).unwrap().len();
        assert_eq!(notices(), 2);
        for left in [1, 0] {
            let before = if left == 1 { day(3) } else { day(4) };
            assert_eq!((from.store.forget_tokens(before, 9).unwrap(), from.store.forget_notices(before, 9).unwrap()), (1, 1));
            assert_eq!((copy(&from, &to), notices()), (0, left));
        }
        // Of one moment some are forgotten already when it is copied.
        (10..20).for_each(|id| told(id, 5));
        assert_eq!((copy(&from, &to) > 0, notices()), (true, 9));
        let mut left = 10;
        for count in [1, 3, 4] {
            let forgotten = (from.store.forget_tokens(day(6), 1).unwrap(), from.store.forget_notices(day(6), count).unwrap());
            assert_eq!(forgotten, (1, count));
            left -= count;
            assert_eq!(copy(&from, &to), 0);
            assert_eq!(to.store.load_notices(&WorkerId("w1".into()), 0, 99).unwrap().len(), left);
        }
    }
}
