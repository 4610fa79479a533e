//! Rosters and workers.

use super::Place;
use super::samples::{assignment, case, code, day, publication, publish, roster_now, squares, worker};
use crate::boundary::{GenerationId, GenerationState};
use crate::dispatch::{Post, RosterMark, Worker, WorkerId};
use crate::store::StoreError;
use crate::store::records::{ErasureReason, Publication, RosterData, WorkerSaid};

pub fn each_time_has_the_roster_of_its_time(place: &Place) {
    let store = place();
    let roster = |unit: &str| RosterData { workers: vec![worker("w1", "n")], assignments: vec![assignment(unit, "w1", Post::Primary, "")] };
    for (on, unit) in [(5, "1"), (10, "2")] {
        store.replace_roster(&roster(unit), None, "a", day(on)).unwrap();
    }
    for (on, unit, from, to) in [(1, "1", None, Some(10)), (9, "1", None, Some(10)), (10, "2", Some(10), None), (20, "2", Some(10), None)] {
        let found = place().load_roster(day(on)).unwrap();
        assert_eq!((found.term.from, found.term.to), (from.map(day), to.map(day)), "day {on}");
        assert_eq!((found.data, found.term), (roster(unit).into_kept(), store.find_roster(day(on)).unwrap()), "day {on}");
    }
    store.replace_roster(&RosterData { workers: vec![worker("w1", "newest name")], assignments: vec![] }, None, "a", day(15)).unwrap();
    assert_eq!(store.load_roster(day(1)).unwrap().data.workers[0].name, "newest name", "a name is kept once");
}

pub fn the_mark_of_a_roster_changes_with_every_roster_and_with_nothing_else(place: &Place) {
    let store = place();
    let mark = |on: i8| place().find_roster(day(on)).unwrap().mark;
    assert_eq!(mark(1), RosterMark::default());
    let named = |name: &str| RosterData { workers: vec![worker("w1", name)], assignments: vec![assignment("1", "w1", Post::Primary, "")] };
    store.replace_roster(&named("n"), None, "a", day(5)).unwrap();
    let first = mark(10);
    assert_eq!((first, mark(1)), (mark(20), first));
    publish(&*store, &squares(&["1"]), 6).unwrap();
    store.add_cases(&[case(1, 0.5, 0.5)], "a", day(7)).unwrap();
    store.save_note("0", "text", "a", day(7)).unwrap();
    assert_eq!(mark(10), first, "nothing of the roster was written");
    // The later roster names the worker of the earlier one otherwise, so that one is another too.
    store.replace_roster(&named("other"), None, "a", day(15)).unwrap();
    let (before, after) = (mark(10), mark(20));
    assert!(before != first && after != before, "{first:?} {before:?} {after:?}");
    assert_eq!((before.number, before.newest), (first.number, after.number));
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
    assert_eq!(store.find_roster(day(5)).unwrap().to, Some(day(20)));
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

pub fn a_roster_is_changed_only_where_it_is_the_newest(place: &Place) {
    let store = place();
    let roster = |unit: &str| RosterData { workers: vec![worker("w1", "n")], assignments: vec![assignment(unit, "w1", Post::Primary, "")] };
    store.change_roster(&roster("1"), None, None, "a", day(1)).unwrap();
    let newest = store.find_roster(day(1)).unwrap().mark.newest;
    assert!(newest.is_some());
    store.change_roster(&roster("2"), None, newest, "a", day(2)).unwrap();
    for stale in [None, newest] {
        let late = place().change_roster(&roster("3"), None, stale, "b", day(3));
        assert!(matches!(late, Err(StoreError::RosterChanged { newest: Some(found) }) if Some(found) > newest), "{late:?}");
    }
    assert_eq!(roster_now(&*store), roster("2").into_kept());
    assert_eq!(store.load_roster(day(1)).unwrap().data, roster("1").into_kept());
    // Who was erased since the roster was read stays so, and of who is named no more is written than is said.
    store.erase_person(&WorkerId("w1".into()), ErasureReason::Request, "a", day(3)).unwrap();
    let newest = store.find_roster(day(3)).unwrap().mark.newest;
    let said = WorkerSaid { id: WorkerId("w1".into()), name: None, phone: Some("139".into()) };
    store.change_roster(&roster("2"), Some(&said), newest, "a", day(3)).unwrap();
    let Worker { name, phone, .. } = roster_now(&*store).workers.remove(0);
    assert_eq!((name.as_str(), phone.as_str()), ("", "139"));
}

pub fn a_worker_is_kept_once(place: &Place) {
    let store = place();
    let workers = vec![worker("w1", "old"), worker("w1", "new")];
    store.replace_roster(&RosterData { workers, assignments: vec![] }, None, "a", day(1)).unwrap();
    assert_eq!(roster_now(&*store).workers, [worker("w1", "new")]);
    store.replace_roster(&RosterData { workers: vec![worker("w1", "newer")], assignments: vec![] }, None, "a", day(2)).unwrap();
    assert_eq!(roster_now(&*store).workers, [worker("w1", "newer")]);
}
