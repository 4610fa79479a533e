//! Keys, notes, the audit log, and the version that snapshots follow.

use super::Place;
use super::samples::{case, day, key, publication, publish, rules, squares, worker};
use crate::boundary::{GenerationId, GenerationState};
use crate::dispatch::Role;
use crate::store::records::{KeyHash, KeyRecord, RosterData};

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
    for table in rules() {
        store.replace_rules(&table, day(20), "g", day(8)).unwrap();
    }
    let log = store.load_audit(0, 100).unwrap();
    let actions: Vec<_> = log.iter().map(|entry| (entry.action.as_str(), entry.author.as_str())).collect();
    let expected =
        [("publish", "tester"), ("draft", "tester"), ("replace_roster", "b"), ("add_cases", "c"), ("add_key", "d"), ("revoke_key", "e")];
    assert_eq!(actions[..6], expected);
    let rest = [
        ("save_note", "f"),
        ("replace_categories", "g"),
        ("replace_responsibilities", "g"),
        ("replace_calendars", "g"),
        ("replace_costs", "g"),
        ("replace_funds", "g"),
        ("replace_loads", "g"),
    ];
    assert_eq!(actions[6..], rest);
    assert_eq!(log[7].subject, "2 rows of categories, in force from 2026-01-20T00:00:00Z");
    assert!(log.is_sorted_by(|a, b| a.number < b.number));
    assert_eq!(store.load_audit(log[1].number, 2).unwrap(), log[2..4]);
    let changes = |at: usize| (log[at].before.as_deref(), log[at].after.as_deref());
    assert_eq!(changes(1).0, Some(r#"{"generation":1}"#));
    assert_eq!(changes(2), (None, Some(r#"{"roster":1,"workers":1,"assignments":0}"#)));
    let made = r#"{"role":"dispatcher","scope":[],"layers":["grid","police"],"expires_at":"2026-01-20T00:00:00Z"}"#;
    assert_eq!(changes(4), (None, Some(made)));
    assert_eq!(changes(5), (Some(r#"{"revoked_at":null}"#), Some(r#"{"revoked_at":"2026-01-06T00:00:00Z"}"#)));
    assert_eq!(changes(6), (None, Some(r#"{"text":"text"}"#)));
    assert_eq!(changes(7).0, None);
    store.save_note("n", "more", "f", day(9)).unwrap();
    store.replace_rules(&rules()[0], day(21), "g", day(9)).unwrap();
    let later = store.load_audit(log.last().unwrap().number, 2).unwrap();
    let before: Vec<_> = later.iter().map(|entry| entry.before.as_deref()).collect();
    assert_eq!(before, [Some(r#"{"text":"text"}"#), Some(r#"{"rules":1}"#)]);
    assert_eq!(log[0].subject, "generation 1 of layer grid, 1 units, 1 of them new or changed");
    for entry in &log {
        let told = [Some(&entry.subject), entry.before.as_ref(), entry.after.as_ref()];
        assert!(told.into_iter().flatten().all(|told| !told.contains("张三") && !told.contains("w-secret")), "{entry:?}");
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
    store.replace_rules(&rules()[0], day(9), "a", day(1)).unwrap();
    grows("rules", true);
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
