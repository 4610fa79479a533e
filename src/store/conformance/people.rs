//! People, and what erasing them leaves.

use super::Place;
use super::samples::{assignment, case, day, worker};
use crate::dispatch::{Post, WorkerId};
use crate::store::CaseFilter;
use crate::store::records::{ErasureReason, PersonRecord, RosterData};

pub fn who_is_erased_is_blank_at_all_times_and_stays_in_history(place: &Place) {
    let store = place();
    let roster = |workers: &[&str]| RosterData {
        workers: workers.iter().map(|id| worker(id, "张三丰")).collect(),
        assignments: workers.iter().map(|id| assignment("1", id, Post::Primary, "")).collect(),
    };
    let id = |text: &str| WorkerId(text.into());
    store.replace_roster(&roster(&["w1", "w2"]), None, "a", day(1)).unwrap();
    store.add_cases(&[case(1, 0.0, 0.0)], "a", day(2)).unwrap();
    store.replace_roster(&roster(&["w2"]), None, "a", day(5)).unwrap();
    let person = |text: &str, is_blank, is_on_roster, left: Option<i8>| PersonRecord {
        id: id(text),
        is_blank,
        is_on_roster,
        left_at: left.map(day),
    };
    assert_eq!(store.load_people().unwrap(), [person("w1", false, false, Some(5)), person("w2", false, true, None)]);
    let version = store.load_version().unwrap();
    assert!(store.erase_person(&id("w1"), ErasureReason::Request, "officer", day(6)).unwrap());
    assert!(store.load_version().unwrap() > version, "running services follow");
    assert!(!store.erase_person(&id("w1"), ErasureReason::Request, "officer", day(7)).unwrap(), "once is enough");
    assert!(!store.erase_person(&id("nobody"), ErasureReason::Request, "officer", day(7)).unwrap());
    let store = place();
    assert_eq!(store.load_people().unwrap(), [person("w1", true, false, Some(5)), person("w2", false, true, None)]);
    // The roster of then still says that somebody held the unit, and the case who held it, but not as whom they were known.
    let then = store.load_roster(day(3)).unwrap().data;
    let blank = then.workers.iter().find(|worker| worker.id == id("w1")).unwrap();
    assert_eq!((blank.name.as_str(), blank.phone.as_str(), then.assignments.len()), ("", "", 2));
    assert_eq!(store.load_cases(&CaseFilter::first(1)).unwrap().cases[0].holder, Some(id("w1")));
    let log = store.load_audit(0, 100).unwrap();
    let erasures: Vec<_> = log.iter().filter(|entry| entry.action == "erase_person").collect();
    let [entry] = erasures.as_slice() else { panic!("{erasures:?}") };
    assert!(entry.author == "officer" && entry.subject.starts_with("name and phone of person ") && entry.subject.ends_with("on request"));
    assert!(!format!("{entry:?}").contains("w1") && !format!("{entry:?}").contains("张三丰"));
    // Who comes back is known again.
    store.replace_roster(&roster(&["w1"]), None, "a", day(8)).unwrap();
    assert_eq!(store.load_people().unwrap(), [person("w1", false, true, None), person("w2", false, false, Some(8))]);
}
