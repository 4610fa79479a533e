//! The logs of drafts.

use super::Place;
use super::samples::{assignment, day, publication, publish, squares, worker};
use crate::boundary::{GenerationId, GenerationState, LayerName};
use crate::dispatch::{Post, WorkerId};
use crate::store::drafts::{DraftEntry, DraftEntryKind, DraftStanding};
use crate::store::records::{ErasureReason, RosterChange, RosterData};
use crate::store::rosters::PlannedRoster;
use crate::store::{Store, StoreError};

fn entry(draft: GenerationId, revision: u32, kind: DraftEntryKind, body: &str) -> DraftEntry {
    DraftEntry {
        layer: LayerName::parse("grid").unwrap(),
        draft,
        revision,
        kind,
        body: body.into(),
        author: "planner 张三".into(),
        at: day(3),
    }
}

fn draft(store: &dyn Store) -> GenerationId {
    publish(store, &squares(&["1", "2"]), 1).unwrap();
    draft_on(store, 1)
}

fn draft_on(store: &dyn Store, parent: u32) -> GenerationId {
    let made = store.publish(publication(&squares(&["1", "2"]), Some(GenerationId(parent)), GenerationState::Draft, 2));
    made.unwrap().id
}

pub fn a_draft_has_a_log_to_which_is_only_added(place: &Place) {
    let (store, layer) = (place(), LayerName::parse("grid").unwrap());
    let draft = draft(&*store);
    assert_eq!(store.load_draft_entries(&layer, draft, 0).unwrap(), []);
    assert_eq!(store.newest_draft_revision(&layer, draft).unwrap(), 0);
    let entries: Vec<DraftEntry> = (1u32..)
        .zip(DraftEntryKind::ALL)
        .filter(|(_, kind)| *kind != DraftEntryKind::Publish)
        .enumerate()
        .map(|(at, (_, kind))| entry(draft, u32::try_from(at).unwrap() + 1, kind, r#"{"what": "网格\u0000", "at": [0.1, 1e-7]}"#))
        .collect();
    for entry in &entries {
        store.add_draft_entry(entry).unwrap();
    }
    drop(store);
    let store = place();
    assert_eq!(store.load_draft_entries(&layer, draft, 0).unwrap(), entries);
    assert_eq!(store.load_draft_entries(&layer, draft, 4).unwrap(), entries[4..]);
    let other = self::draft_on(&*store, 1);
    assert_eq!(store.load_draft_standings(&layer).unwrap().len(), 1, "a draft without a log stands nowhere");
    store.add_draft_entry(&entry(other, 1, DraftEntryKind::Open, "{}")).unwrap();
    let standing = |draft, revision, decided| DraftStanding { draft, revision, decided };
    let newest = standing(draft, u32::try_from(entries.len()).unwrap(), Some(DraftEntryKind::Withdraw));
    assert_eq!(place().load_draft_standings(&layer).unwrap(), [newest, standing(other, 1, None)]);
    assert_eq!(store.load_draft_standings(&LayerName::parse("police").unwrap()).unwrap(), []);
    assert_eq!(usize::try_from(store.newest_draft_revision(&layer, draft).unwrap()).unwrap(), entries.len());
    let audit = store.load_audit(0, 100).unwrap();
    assert!(audit.iter().any(|entry| entry.action == "withdraw_draft"));
}

pub fn of_two_who_write_on_one_revision_of_a_draft_the_second_is_told(place: &Place) {
    let (store, layer) = (place(), LayerName::parse("grid").unwrap());
    let draft = draft(&*store);
    store.add_draft_entry(&entry(draft, 1, DraftEntryKind::Apply, "[]")).unwrap();
    let other = place();
    other.add_draft_entry(&entry(draft, 2, DraftEntryKind::Apply, "[1]")).unwrap();
    for revision in [1, 2, 4] {
        let late = store.add_draft_entry(&entry(draft, revision, DraftEntryKind::Apply, "[2]"));
        assert!(matches!(late, Err(StoreError::DraftChanged { revision: 2, .. })), "{late:?}");
    }
    assert_eq!(store.load_draft_entries(&layer, draft, 1).unwrap()[0].body, "[1]");
    for unknown in [GenerationId(1), GenerationId(9)] {
        let missing = store.add_draft_entry(&entry(unknown, 1, DraftEntryKind::Apply, "[]"));
        assert!(matches!(missing, Err(StoreError::NoGeneration { .. })), "{missing:?}");
    }
}

pub fn a_draft_is_published_with_its_roster_and_its_log_or_not_at_all(place: &Place) {
    let (store, layer) = (place(), LayerName::parse("grid").unwrap());
    let draft = draft(&*store);
    let coverage = squares(&["1", "3"]);
    let next = publication(&coverage, Some(GenerationId(1)), GenerationState::Published, 4);
    let roster = RosterData { workers: vec![worker("w1", "before")], assignments: vec![assignment("3", "w1", Post::Primary, "")] };
    let change = |newest: Option<u64>| Some(RosterChange { data: &roster, newest });
    let late = store.publish_draft(next, change(None), &entry(draft, 2, DraftEntryKind::Publish, ""));
    assert!(matches!(late, Err(StoreError::DraftChanged { revision: 0, .. })), "{late:?}");
    assert_eq!(store.load_generations(&layer).unwrap().len(), 2);
    let mark = store.find_roster(day(5)).unwrap().mark;
    let made = store.publish_draft(next, change(None), &entry(draft, 1, DraftEntryKind::Publish, "")).unwrap();
    assert_eq!((made.id, made.state), (GenerationId(3), GenerationState::Published));
    assert_ne!(store.find_roster(day(5)).unwrap().mark, mark);
    assert_eq!(store.load_draft_entries(&layer, draft, 0).unwrap()[0].body, r#"{"generation":3}"#);
}

pub fn a_draft_is_not_published_with_a_roster_that_undoes_another(place: &Place) {
    let (store, layer) = (place(), LayerName::parse("grid").unwrap());
    let draft = draft(&*store);
    let roster = |name: &str| RosterData { workers: vec![worker("w1", name)], assignments: vec![assignment("1", "w1", Post::Primary, "")] };
    store.replace_roster(&roster("before"), None, "a", day(2)).unwrap();
    let read = store.load_roster(day(3)).unwrap();
    place().replace_roster(&roster("before"), None, "b", day(3)).unwrap();
    let coverage = squares(&["1", "3"]);
    let next = publication(&coverage, Some(GenerationId(1)), GenerationState::Published, 6);
    let publish = |newest: Option<u64>| {
        let change = RosterChange { data: &read.data, newest };
        store.publish_draft(next, Some(change), &entry(draft, 1, DraftEntryKind::Publish, ""))
    };
    let newest = store.find_roster(day(3)).unwrap().mark.newest;
    let late = publish(read.term.mark.newest);
    assert!(matches!(&late, Err(StoreError::RosterChanged { newest: found }) if *found == newest), "{late:?}");
    assert_eq!((store.load_generations(&layer).unwrap().len(), store.load_draft_entries(&layer, draft, 0).unwrap()), (2, vec![]));
    // Who was erased meanwhile stays so.
    let worker = WorkerId("w1".into());
    store.erase_person(&worker, ErasureReason::Request, "a", day(3)).unwrap();
    publish(newest).unwrap();
    assert_eq!(store.load_roster(day(7)).unwrap().data.workers[0].name, "");
    let planned = PlannedRoster { layer, generation: GenerationId(3), effective_from: day(6) };
    assert_eq!((place().load_planned_rosters(day(5)).unwrap(), place().load_planned_rosters(day(6)).unwrap()), (vec![planned], vec![]));
}
