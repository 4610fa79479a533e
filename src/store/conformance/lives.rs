//! The lives of cases.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Place;
use super::samples::{case, code, day, publication, publish, squares};
use crate::boundary::{CodeRun, Generation, GenerationState, Position, Territory};
use crate::dispatch::workflow::{
    ActionName, AlarmFact, Appointed, CaseEvent, CaseState, ClockFact, Effect, Facts, NextWord, NoticeKind, Place as Where, StateName, Word,
};
use crate::dispatch::{AddressKind, AddressRow, CaseId, DepartmentId, DepartmentRole, Limit, Reporter, Role, Stage, WorkerId};
use crate::store::records::{CaseFilter, CaseOrder};
use crate::store::{
    CaseMark, CaseRecord, CaseWrite, CaseWritten, DeadLetter, Delivery, Entry, EntryEnd, EntryFilter, EntryKind, IntakeToken, Lease,
    LetterState, Near, NewCase, NewEvent, NumberedHappening, NumberedPublication, Store, StoreError, Topic, Webhook, WebhookId,
    WorkerPosition,
};

pub fn event(seq: u32, effect: Effect, state: &str, is_end: bool, at: Timestamp) -> CaseEvent {
    CaseEvent {
        seq,
        at,
        author: "网格员 \"a\"\0".into(),
        role: Role::Worker,
        action: ActionName(effect.as_str().into()),
        effect,
        state: StateName(state.into()),
        is_end,
        facts: Facts::default(),
    }
}

pub fn new(id: u128, lon: f64, token: Option<u8>) -> NewCase {
    let case = case(id, lon, 26.0);
    let mut first = event(1, Effect::Report, "open", false, day(2));
    let department = DepartmentId("D1".into());
    first.facts.departments = vec![Appointed { department: department.clone(), name: "环卫处".into(), role: DepartmentRole::Lead }];
    let limit = Limit::parse("2工作日").ok();
    first.facts.clocks = vec![ClockFact { department: Some(department), stage: Stage::Handle, limit, due_at: Some(day(5)), warn_at: None }];
    let near = Some(Near { distance_m: 50.0, since: case.reported_at - SignedDuration::from_hours(24) });
    let token = token.map(|key| IntakeToken { key: [key; 32], body: [1; 32] });
    NewCase { case, events: vec![first], photos: Vec::new(), reporter: Reporter::default(), token, near, border_m: None }
}

pub fn add(new: NewCase) -> CaseWrite {
    CaseWrite::Add(Box::new(new))
}

pub fn next(store: &dyn Store, id: u128, event: CaseEvent) -> CaseWrite {
    let record = store.find_case_record(CaseId(Uuid::from_u128(id))).unwrap().unwrap();
    let mut after = record.state().unwrap();
    after.apply(&event);
    CaseWrite::Append(Box::new(NewEvent { case: record.case.id, event, after }))
}

pub fn cases_are_found_together_as_one_by_one(place: &Place) {
    let store = place();
    let mut old = new(1, 111.0, None);
    old.case.reported_at = day(1) - SignedDuration::from_hours(24 * 400);
    store.write_cases(vec![add(old), add(new(2, 112.0, None)), add(new(3, 113.0, None))]).unwrap();
    store.add_cases(&[case(4, 114.0, 26.0)], "a", day(1)).unwrap();
    store.write_cases(vec![next(&*store, 2, event(2, Effect::Close, "closed", true, day(3)))]).unwrap();
    let find = |ids: &[u128]| {
        let ids: Vec<CaseId> = ids.iter().map(|id| CaseId(Uuid::from_u128(*id))).collect();
        let mut found = store.find_case_records(&ids).unwrap();
        found.sort_by_key(|record| record.case.id);
        found
    };
    let one = |id: &u128| store.find_case_record(CaseId(Uuid::from_u128(*id))).unwrap().unwrap();
    let (asked, expected) = ([4, 2, 9, 1, 2], [1, 2, 4]);
    assert_eq!(find(&asked), expected.iter().map(one).collect::<Vec<_>>(), "those that are there, each once");
    let events: Vec<Vec<u32>> = find(&asked).iter().map(|record| record.events.iter().map(|event| event.seq).collect()).collect();
    assert_eq!(events, [vec![1], vec![1, 2], vec![]]);
    assert!(find(&[9]).is_empty() && find(&[]).is_empty());
}

pub fn maps_know_where_cases_lie_and_what_they_are(place: &Place) {
    let store = place();
    store.add_cases(&[case(3, 113.0, 26.0)], "a", day(1)).unwrap();
    let mut placed = new(1, 111.0, None);
    placed.case.grid = Some(code("431102001"));
    store.write_cases(vec![add(placed), add(new(2, 112.0, None))]).unwrap();
    let close = event(2, Effect::Close, "closed", true, day(3));
    assert_eq!(store.write_cases(vec![next(&*store, 2, close)]).unwrap(), [CaseWritten::Appended]);
    let all = store.load_case_marks(&CaseFilter { counts: false, ..CaseFilter::first(10) }).unwrap();
    assert!(!all.has_more);
    let expected: Vec<CaseMark> =
        (1..=3).map(|id| CaseMark::of(&store.find_case_record(CaseId(Uuid::from_u128(id))).unwrap().unwrap())).collect();
    assert_eq!(all.marks, expected, "as the histories say");
    let states: Vec<_> = all.marks.iter().map(|mark| (mark.state.as_deref(), mark.is_open, mark.due_at)).collect();
    assert_eq!(states[0], (Some("open"), Some(true), Some(day(5))));
    assert_eq!((states[1].0, states[1].1, states[2]), (Some("closed"), Some(false), (None, None, None)));
    let page = store.load_case_marks(&CaseFilter { counts: false, is_open: Some(true), ..CaseFilter::first(1) }).unwrap();
    assert_eq!((page.marks, page.has_more), (expected[..1].to_vec(), false));
    let page = store.load_case_marks(&CaseFilter { counts: false, after: Some(expected[0].id), ..CaseFilter::first(1) }).unwrap();
    assert_eq!((page.marks, page.has_more), (expected[1..2].to_vec(), true));
}

pub fn a_case_lives_by_its_events(place: &Place) {
    let store = place();
    let written = store.write_cases(vec![add(new(1, 111.0, None)), add(new(2, 112.0, None))]).unwrap();
    assert!(matches!(&written[..], [CaseWritten::Added(_), CaseWritten::Added(_)]), "{written:?}");
    let record = store.find_case_record(CaseId(Uuid::from_u128(1))).unwrap().unwrap();
    assert_eq!(record.events, new(1, 111.0, None).events, "facts come back as they were, odd texts too");
    let state = record.state().unwrap();
    assert_eq!((state.version, state.due_at(), state.open_tasks().count()), (1, Some(day(5)), 1));
    let accept = CaseEvent {
        facts: Facts { department: Some(DepartmentId("D1".into())), ..Facts::default() },
        ..event(2, Effect::Accept, "open", false, day(3))
    };
    assert_eq!(store.write_cases(vec![next(&*store, 1, accept.clone())]).unwrap(), [CaseWritten::Appended]);
    // A second hand that had not seen it is told, and nothing is written.
    let late = event(2, Effect::Note, "open", false, day(3));
    let mut after = state.clone();
    after.apply(&late);
    let late = CaseWrite::Append(Box::new(NewEvent { case: record.case.id, event: late, after }));
    assert_eq!(store.write_cases(vec![late]).unwrap(), [CaseWritten::Stale { version: 2 }]);
    let record = store.find_case_record(record.case.id).unwrap().unwrap();
    assert_eq!(record.events[1..], [accept]);
    // A mere record has no history, and none can be begun by an event.
    store.add_cases(&[case(3, 111.0, 26.0)], "a", day(1)).unwrap();
    assert_eq!(store.find_case_record(CaseId(Uuid::from_u128(3))).unwrap().unwrap().events, []);
    let of = |id| {
        CaseWrite::Append(Box::new(NewEvent {
            case: CaseId(Uuid::from_u128(id)),
            event: event(2, Effect::Note, "x", false, day(3)),
            after: state.clone(),
        }))
    };
    assert_eq!(store.write_cases(vec![of(3), of(9)]).unwrap(), [CaseWritten::Refused, CaseWritten::Refused]);
    assert_eq!(store.write_cases(vec![add(new(1, 0.0, None))]).unwrap(), [CaseWritten::Refused], "an id is taken once");
}

pub fn a_report_that_is_sent_again_is_taken_in_once(place: &Place) {
    let store = place();
    let again = |id, body: u8| {
        let mut again = new(id, 111.0, Some(7));
        again.token = again.token.map(|token| IntakeToken { body: [body; 32], ..token });
        add(again)
    };
    // In one transaction as in several.
    let written = store.write_cases(vec![again(1, 1), again(2, 1), again(3, 2)]).unwrap();
    let first = CaseId(Uuid::from_u128(1));
    assert!(matches!(written[0], CaseWritten::Added(_)));
    assert_eq!(written[1..], [true, false].map(|is_same_body| CaseWritten::Repeated { case: first, is_same_body }));
    assert_eq!(store.write_cases(vec![again(4, 1)]).unwrap(), [CaseWritten::Repeated { case: first, is_same_body: true }]);
    assert_eq!(store.load_cases(&CaseFilter::first(9)).unwrap().cases.len(), 1);
    assert_eq!(store.newest_happening().unwrap(), 1);
}

pub fn cases_near_a_new_one_are_told(place: &Place) {
    let store = place();
    // A thousandth of a degree is some 100 m here.
    let mut old = new(1, 111.0, None);
    old.case.reported_at = day(1) - SignedDuration::from_hours(48);
    let written =
        store.write_cases(vec![add(old), add(new(2, 111.0, None)), add(new(3, 111.000_4, None)), add(new(4, 111.001, None))]).unwrap();
    let near = |written: &CaseWritten| match written {
        CaseWritten::Added(event) => event.facts.duplicates.iter().map(|(id, far)| (id.0.as_u128(), far.round())).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(near(&written[1]), [], "what is older than the window is no double");
    assert_eq!(near(&written[2]), [(2, 40.0)]);
    assert_eq!(near(&written[3]), []);
    let later = store.write_cases(vec![add(new(5, 111.000_3, None))]).unwrap();
    assert_eq!(near(&later[0]), [(3, 10.0), (2, 30.0)], "the nearest first");
    let kept = store.find_case_record(CaseId(Uuid::from_u128(5))).unwrap().unwrap();
    assert_eq!(kept.events[0].facts.duplicates.len(), 2, "and they are kept");
}

pub fn who_reports_stands_with_the_people(place: &Place) {
    let store = place();
    let reporter = Reporter { name: "王某".into(), phone: "13800000000".into(), email: "w@example.org".into() };
    let with = NewCase { reporter: reporter.clone(), ..new(1, 111.0, None) };
    store.write_cases(vec![add(with), add(new(2, 112.0, None))]).unwrap();
    assert_eq!(store.find_reporter(CaseId(Uuid::from_u128(1))).unwrap(), Some(reporter));
    assert_eq!(store.find_reporter(CaseId(Uuid::from_u128(2))).unwrap(), None);
    // Nothing of it is in what goes elsewhere.
    let said = format!("{:?} {:?}", store.load_case_events(0, 9).unwrap(), store.load_audit(0, 99).unwrap());
    assert!(!said.contains("13800000000") && !said.contains("王某"), "{said}");
    assert!(store.load_roster(day(9)).unwrap().data.workers.is_empty(), "and nobody gets on a roster by reporting");
}

pub fn events_are_followed_in_the_order_of_writing(place: &Place) {
    let store = place();
    assert_eq!((store.newest_happening().unwrap(), store.load_case_events(0, 9).unwrap()), (0, vec![]));
    store.write_cases(vec![add(new(2, 111.0, None)), add(new(1, 112.0, None))]).unwrap();
    let end = event(2, Effect::Close, "closed", true, day(3));
    store.write_cases(vec![next(&*store, 1, end)]).unwrap();
    let all = store.load_case_events(0, 9).unwrap();
    let seen: Vec<_> = all.iter().map(|event| (event.number, event.case.id.0.as_u128(), event.event.seq)).collect();
    assert_eq!(seen, [(1, 2, 1), (2, 1, 1), (3, 1, 2)]);
    assert_eq!(store.load_case_events(1, 1).unwrap(), all[1..2]);
    assert_eq!((store.load_case_events(3, 9).unwrap(), store.newest_happening().unwrap()), (vec![], 3));
}

pub fn lists_of_cases_know_what_they_are_now(place: &Place) {
    let store = place();
    store.write_cases((1..=4).map(|id| add(new(id, 111.0 + f64::from(u32::try_from(id).unwrap()), None))).collect()).unwrap();
    store.add_cases(&[case(9, 111.0, 26.0)], "a", day(1)).unwrap();
    store.write_cases(vec![next(&*store, 2, event(2, Effect::Close, "closed", true, day(3)))]).unwrap();
    let transfer = CaseEvent {
        facts: Facts {
            cancelled: vec![DepartmentId("D9".into())],
            department: Some(DepartmentId("D1".into())),
            departments: vec![Appointed { department: DepartmentId("D1%".into()), name: String::new(), role: DepartmentRole::Lead }],
            clocks: vec![ClockFact {
                department: Some(DepartmentId("D1%".into())),
                stage: Stage::Handle,
                limit: None,
                due_at: Some(day(8)),
                warn_at: None,
            }],
            ..Facts::default()
        },
        ..event(2, Effect::Transfer, "handling", false, day(3))
    };
    store.write_cases(vec![next(&*store, 3, transfer)]).unwrap();
    let all = || CaseFilter { counts: false, ..CaseFilter::first(10) };
    let check = |filter: CaseFilter, expected: &[u128]| {
        let page = store.load_case_records(&filter).unwrap();
        assert_eq!(page.records.iter().map(|record| record.case.id.0.as_u128()).collect::<Vec<_>>(), expected, "{filter:?}");
        let mere = store.load_cases(&filter).unwrap();
        assert_eq!(mere.cases, page.records.into_iter().map(|record| record.case).collect::<Vec<_>>());
    };
    check(all(), &[1, 2, 3, 4, 9]);
    check(CaseFilter { is_open: Some(true), ..all() }, &[1, 3, 4]);
    check(CaseFilter { is_open: Some(false), ..all() }, &[2]);
    check(CaseFilter { state: Some("handling".into()), ..all() }, &[3]);
    check(CaseFilter { department: Some("D1".into()), ..all() }, &[1, 2, 4]);
    check(CaseFilter { department: Some("D1%".into()), ..all() }, &[3]);
    check(CaseFilter { due_before: Some(day(5)), ..all() }, &[]);
    check(CaseFilter { due_before: Some(day(6)), ..all() }, &[1, 4]);
    check(CaseFilter { due_before: Some(day(9)), ..all() }, &[1, 3, 4]);
    let page =
        store.load_case_records(&CaseFilter { is_open: Some(true), limit: 2, after: Some(CaseId(Uuid::from_u128(1))), ..all() }).unwrap();
    assert_eq!((page.records.len(), page.has_more), (2, false));
}

pub fn publications_are_events_beside_those_of_cases(place: &Place) {
    let store = place();
    let squares = squares(&["1", "2"]);
    let first = publish(&*store, &squares, 1).unwrap();
    store.publish(publication(&squares, Some(first.id), GenerationState::Draft, 2)).unwrap();
    store.write_cases(vec![add(new(1, 111.0, None))]).unwrap();
    let second = publish(&*store, &squares, 3).unwrap();
    store.write_cases(vec![next(&*store, 1, event(2, Effect::Note, "open", false, day(3)))]).unwrap();
    drop(store);
    let store = place();
    let published = |number, generation: &Generation| NumberedPublication { number, generation: generation.clone() };
    assert_eq!(store.load_publications(0, 9).unwrap(), [published(1, &first), published(3, &second)], "a draft is none");
    assert_eq!(store.load_publications(1, 9).unwrap(), [published(3, &second)]);
    let numbers = |after, limit| store.load_happenings(after, limit).unwrap().iter().map(NumberedHappening::number).collect::<Vec<_>>();
    assert_eq!((numbers(0, 9), numbers(1, 2), numbers(4, 9)), (vec![1, 2, 3, 4], vec![2, 3], vec![]));
    assert_eq!(store.newest_happening().unwrap(), 4);
    let heads = |generation: &Generation| store.load_unit_heads(&generation.layer, generation.id).unwrap();
    let shown: Vec<_> = heads(&first).iter().map(|head| (head.level.to_string(), head.code.to_string(), head.parent.clone())).collect();
    assert_eq!(shown, ["1", "2"].map(|code| ("fine".into(), code.into(), None)));
    assert_eq!(heads(&first), heads(&second), "units that stay are the same version");
    let draft = store.load_unit_heads(&first.layer, crate::boundary::GenerationId(first.id.0 + 1));
    assert!(matches!(draft, Err(StoreError::NoGeneration { .. })), "{draft:?}");
    let stale = store.publish(publication(&squares, Some(first.id), GenerationState::Published, 4));
    assert!(matches!(stale, Err(StoreError::Superseded { .. })));
    assert_eq!(store.newest_happening().unwrap(), 4, "what was refused has not happened");
    // A publication that nobody takes is a dead letter without a case.
    let id = WebhookId(Uuid::from_u128(7));
    let webhook = Webhook {
        id,
        url: "http://example.org/".into(),
        secret: vec![1; 32],
        topics: vec![Topic::Publication, Topic::Case(Effect::Close)],
        scope: Vec::new(),
        author: "tester".into(),
        created_at: day(3),
        ended_at: None,
        delivery: Delivery::default(),
    };
    store.add_webhook(&webhook).unwrap();
    let (error, state) = (String::from("away"), LetterState::Dead);
    let letter = DeadLetter { webhook: id, number: 3, case: None, at: day(4), error, state, read_at: None };
    assert!(store.save_delivery(id, 0, &Delivery { cursor: 3, ..Delivery::default() }, std::slice::from_ref(&letter)).unwrap());
    // Who has read it before that writes nothing.
    let sent = DeadLetter { state: LetterState::Sent, ..letter.clone() };
    assert!(!store.save_delivery(id, 0, &Delivery { cursor: 4, ..Delivery::default() }, &[sent]).unwrap());
    assert_eq!(store.find_webhook(id).unwrap().unwrap().delivery.cursor, 3);
    assert_eq!(store.find_webhook(id).unwrap().unwrap().topics, webhook.topics);
    let read = DeadLetter { read_at: Some(day(4)), ..letter };
    assert_eq!(store.load_dead_letters(id, 9).unwrap(), std::slice::from_ref(&read));
    // A letter that somebody has asked for since it was read stays asked for, also where the cursor has not moved.
    assert!(store.save_delivery(id, 3, &Delivery::replayed(3, None, day(5)), &[]).unwrap());
    let again = DeadLetter { state: LetterState::Again, at: day(5), read_at: Some(day(5)), ..read.clone() };
    let failed = DeadLetter { error: "away still".into(), at: day(6), ..read };
    let delivery = Delivery { cursor: 3, ..Delivery::default() };
    assert!(store.save_delivery(id, 3, &delivery, &[failed]).unwrap());
    assert_eq!(store.load_dead_letters(id, 9).unwrap(), std::slice::from_ref(&again));
    // Who has lost the lease writes nothing.
    let (ours, theirs) = (Uuid::from_u128(8), Uuid::from_u128(9));
    assert_eq!(store.claim_webhooks(Lease { holder: theirs, now: day(5), until: day(6) }).unwrap(), [id]);
    let sent = DeadLetter { state: LetterState::Sent, ..again };
    assert!(!store.save_delivery(id, 3, &delivery.clone().sent_by(ours), std::slice::from_ref(&sent)).unwrap());
    assert_eq!(store.load_dead_letters(id, 9).unwrap().len(), 1);
    assert!(store.save_delivery(id, 3, &delivery.sent_by(theirs), std::slice::from_ref(&sent)).unwrap());
    assert!(store.load_dead_letters(id, 9).unwrap().is_empty());
    // What comes by the cursor does not come as a letter too.
    let waiting = DeadLetter { number: 4, state: LetterState::Waiting, read_at: None, ..sent };
    assert!(store.save_delivery(id, 3, &Delivery { cursor: 4, ..Delivery::default() }, &[waiting]).unwrap());
    assert!(store.save_delivery(id, 4, &Delivery::replayed(3, Some(3), day(7)), &[]).unwrap());
    assert_eq!((store.load_dead_letters(id, 9).unwrap(), store.find_webhook(id).unwrap().unwrap().delivery.cursor), (Vec::new(), 3));
}

pub fn a_case_that_is_moved_is_found_where_it_is(place: &Place) {
    let store = place();
    store.write_cases(vec![add(new(1, 111.0, None))]).unwrap();
    let before = store.find_case_record(CaseId(Uuid::from_u128(1))).unwrap().unwrap();
    let there = Where {
        position: Position { lon: 111.5, lat: 26.5 },
        given: "111.5 26.5 EPSG:4326".into(),
        district: None,
        grid: Some(code("431102001")),
        generation: None,
        holder: Some(WorkerId("w9".into())),
        border_m: Some(3.5),
    };
    let here = Where { position: before.case.position, given: before.case.given.clone(), ..there.clone() };
    let facts = Facts { place: Some(there.clone()), place_before: Some(here), category: Some("C2".into()), ..Facts::default() };
    let moved = CaseEvent { facts, ..event(2, Effect::Move, "open", false, day(3)) };
    assert_eq!(store.write_cases(vec![next(&*store, 1, moved.clone())]).unwrap(), [CaseWritten::Appended]);
    let after = store.find_case_record(before.case.id).unwrap().unwrap();
    assert_eq!((after.case.position, &after.case.grid, &after.case.holder), (there.position, &there.grid, &there.holder));
    assert_eq!((after.case.category.as_str(), &after.events[1]), ("C2", &moved));
    let window = CaseFilter { bbox: Some([111.4, 26.4, 111.6, 26.6]), ..CaseFilter::first(9) };
    assert_eq!(store.load_cases(&window).unwrap().cases.len(), 1);
    let near = NewCase { case: crate::dispatch::Case { position: there.position, ..case(2, 0.0, 0.0) }, ..new(2, 0.0, None) };
    let written = store.write_cases(vec![add(near)]).unwrap();
    assert!(matches!(&written[0], CaseWritten::Added(event) if event.facts.duplicates.len() == 1), "{written:?}");
}

pub fn words_about_clocks_are_found_in_the_order_of_their_times(place: &Place) {
    let store = place();
    assert_eq!(store.next_case_alarm().unwrap(), None);
    let due = |id: u128, hours: i64| {
        let mut new = new(id, 111.0, None);
        new.events[0].facts.clocks[0].due_at = Some(day(5) + SignedDuration::from_hours(hours));
        add(new)
    };
    store.write_cases(vec![due(1, 3), due(2, 1), due(3, 2)]).unwrap();
    let by = |hours: i64| {
        let by = day(5) + SignedDuration::from_hours(hours);
        let filter = CaseFilter { alarm_by: Some(by), order: CaseOrder::Alarm, counts: false, ..CaseFilter::first(9) };
        store.load_case_records(&filter).unwrap().records.iter().map(|record| record.case.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!((by(0), by(1), by(9)), (vec![], vec![2], vec![2, 3, 1]));
    assert_eq!(store.next_case_alarm().unwrap(), Some(day(5) + SignedDuration::from_hours(1)));
    // A word that was told names the next one.
    let due_at = day(5) + SignedDuration::from_hours(1);
    let level = Word::Level { level: 2, to: "部门负责人".into() };
    let next_word = NextWord { at: day(6), word: level.clone() };
    let alarm = AlarmFact { stage: Stage::Handle, due_at, word: Word::Overdue, next: Some(next_word) };
    let facts = Facts { department: Some(DepartmentId("D1".into())), alarm: Some(alarm), ..Facts::default() };
    let told = CaseEvent { facts, ..event(2, Effect::Overdue, "open", false, due_at) };
    assert_eq!(store.write_cases(vec![next(&*store, 2, told.clone())]).unwrap(), [CaseWritten::Appended]);
    assert_eq!(store.find_case_record(CaseId(Uuid::from_u128(2))).unwrap().unwrap().events[1], told);
    assert_eq!((by(9), by(24)), (vec![3, 1], vec![3, 1, 2]));
    let last = AlarmFact { stage: Stage::Handle, due_at, word: level, next: None };
    let facts = Facts { department: Some(DepartmentId("D1".into())), alarm: Some(last), ..Facts::default() };
    store.write_cases(vec![next(&*store, 2, CaseEvent { facts, ..event(3, Effect::Escalate, "open", false, day(6)) })]).unwrap();
    // What has ended waits for nothing.
    store.write_cases(vec![next(&*store, 1, event(2, Effect::Close, "closed", true, day(3)))]).unwrap();
    assert_eq!(by(24 * 99), vec![3]);
}

pub fn few_of_many_cases_are_listed_as_many_are(place: &Place) {
    let store = place();
    let writes = (1..=60_u128).map(|id| {
        let mut new = new(id, 111.0 + 0.001 * (id % 7) as f64, None);
        // Over four months.
        new.case.reported_at = day(2) + SignedDuration::from_hours(40 * i64::try_from(id * 37 % 60).unwrap());
        new.case.category = format!("C{}", id % 11);
        new.case.grid = Some(code(&format!("43110200{}", id % 9)));
        new.events[0].facts.departments[0].department = DepartmentId(format!("D{}", id % 5).into());
        add(new)
    });
    store.write_cases(writes.collect()).unwrap();
    store.add_cases(&[case(61, 111.003, 26.0), case(62, 112.0, -0.004)], "a", day(1)).unwrap();
    for id in (1..=60).filter(|id| id % 4 > 0) {
        let state = if id % 13 == 0 { "void" } else { "closed" };
        store.write_cases(vec![next(&*store, id, event(2, Effect::Close, state, true, day(9)))]).unwrap();
    }
    let all = CaseFilter { counts: false, ..CaseFilter::first(100) };
    let known = store.load_case_records(&all).unwrap().records;
    let wanted = |filter: &CaseFilter, record: &CaseRecord| {
        let (case, state) = (&record.case, record.state());
        let is = |matches: &dyn Fn(&CaseState) -> bool| state.as_ref().is_some_and(matches);
        let lies_in = |[west, south, east, north]: [f64; 4]| {
            (west..=east).contains(&case.position.lon) && (south..=north).contains(&case.position.lat)
        };
        filter.state.as_ref().is_none_or(|name| is(&|state| *state.name.0 == **name))
            && filter.is_open.is_none_or(|is_open| is(&|state| state.is_end != is_open))
            && (filter.categories.is_empty() || filter.categories.contains(&case.category))
            && filter.grid_prefix.as_ref().is_none_or(|prefix| case.grid.as_ref().is_some_and(|grid| grid.as_str().starts_with(prefix)))
            && filter.department.as_ref().is_none_or(|id| is(&|state| state.tasks.iter().any(|task| *task.department.0 == **id)))
            && filter.bbox.is_none_or(lies_in)
            && filter.territory.has_place(case.grid.as_ref())
            && filter.reported_from.is_none_or(|from| case.reported_at >= from)
            && filter.reported_to.is_none_or(|to| case.reported_at < to)
    };
    let run = CodeRun { first: code("431102003"), last: code("431102004") };
    let filters = [
        CaseFilter { state: Some("void".into()), ..all.clone() },
        CaseFilter { state: Some("open".into()), ..all.clone() },
        CaseFilter { state: Some("closed".into()), is_open: Some(false), ..all.clone() },
        CaseFilter { categories: vec!["C3".into()], ..all.clone() },
        CaseFilter { categories: vec!["垃圾".into()], ..all.clone() },
        CaseFilter { department: Some("D3".into()), ..all.clone() },
        CaseFilter { department: Some("D9".into()), ..all.clone() },
        CaseFilter { grid_prefix: Some("431102005".into()), ..all.clone() },
        CaseFilter { territory: Territory::Runs([run].into()), ..all.clone() },
        CaseFilter { bbox: Some([111.0025, 25.99, 111.0035, 26.01]), ..all.clone() },
        CaseFilter { bbox: Some([111.9, -0.01, 112.1, 0.01]), ..all.clone() },
        CaseFilter { bbox: Some([111.9, -89.0, 112.1, 89.0]), ..all.clone() },
        CaseFilter { is_open: Some(true), ..all.clone() },
        CaseFilter { is_open: Some(true), grid_prefix: Some("431102005".into()), ..all.clone() },
        CaseFilter { reported_from: Some(day(5)), reported_to: Some(day(27)), ..all.clone() },
        CaseFilter { reported_from: Some(day(28)), categories: vec!["C5".into()], is_open: Some(false), ..all.clone() },
    ];
    for filter in filters.into_iter().chain([all.clone()]) {
        for is_newest_first in [false, true] {
            let mut expected: Vec<CaseId> = known.iter().filter(|record| wanted(&filter, record)).map(|record| record.case.id).collect();
            if is_newest_first {
                expected.reverse();
            }
            let mut asked = CaseFilter { limit: 2, is_newest_first, ..filter.clone() };
            let mut found = Vec::new();
            loop {
                let page = store.load_case_records(&asked).unwrap();
                found.extend(page.records.iter().map(|record| record.case.id));
                asked.after = found.last().copied();
                if !page.has_more {
                    break;
                }
            }
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

pub fn cases_are_found_by_when_they_have_a_part(place: &Place) {
    let store = place();
    let reported = |id: u128, at: Timestamp, ends: Timestamp| {
        let mut new = new(id, 111.0, None);
        new.case.reported_at = at;
        new.events[0].at = at;
        new.events[0].facts.clocks[0].due_at = Some(ends);
        add(new)
    };
    let far = day(4) + SignedDuration::from_hours(30 * 24 + 1);
    // Two that were reported at one time, one with a long life, and a mere record.
    store
        .write_cases(vec![reported(4, day(2), day(5)), reported(2, day(2), day(9)), reported(3, day(1), day(3)), reported(1, day(4), far)])
        .unwrap();
    store.add_cases(&[crate::dispatch::Case { reported_at: day(3), ..case(5, 113.0, 26.0) }], "a", day(1)).unwrap();
    let pages = |filter: CaseFilter| {
        let mut filter = CaseFilter { order: CaseOrder::Reported, limit: 1, counts: false, ..filter };
        let mut found = Vec::new();
        loop {
            let page = store.load_case_records(&filter).unwrap();
            found.extend(page.records.iter().map(|record| record.case.id.0.as_u128()));
            let Some(last) = page.records.last().filter(|_| page.has_more) else { return found };
            filter.go_on_after(&last.case);
        }
    };
    let all = CaseFilter::first(0);
    assert_eq!(pages(all.clone()), [3, 2, 4, 5, 1], "page by page, each once");
    assert_eq!(pages(CaseFilter { is_newest_first: true, ..all.clone() }), [1, 5, 4, 2, 3]);
    let window = CaseFilter { reported_from: Some(day(2)), reported_to: Some(day(4)), ..all.clone() };
    assert_eq!(pages(CaseFilter { is_newest_first: true, ..window }), [5, 4, 2]);
    let from = |at: Timestamp| CaseFilter { part_from: Some(at), ..all.clone() };
    assert_eq!(pages(from(day(5))), [2, 4, 1]);
    assert_eq!(pages(CaseFilter { reported_from: Some(day(2)), reported_to: Some(day(4)), ..from(day(6)) }), [2]);
    assert_eq!(pages(CaseFilter { is_long: true, ..from(day(5)) }), [1]);
    // What happens later is a part too, and makes a life long.
    let at = day(2) + SignedDuration::from_hours(31 * 24);
    store.write_cases(vec![next(&*store, 4, event(2, Effect::Close, "closed", true, at))]).unwrap();
    assert_eq!(pages(CaseFilter { is_long: true, ..from(day(5)) }), [4, 1]);
    assert_eq!(pages(from(at)), [4, 1]);
    let after = at + SignedDuration::from_millis(1);
    assert_eq!(pages(from(after)), [1]);
}

pub fn open_cases_are_counted_by_holder_and_listed_by_border(place: &Place) {
    let store = place();
    let held = |id: u128, holder: &str, grid: &str, border_m: Option<f64>| {
        let new = new(id, 111.0, None);
        let case = crate::dispatch::Case { holder: Some(WorkerId(holder.into())), grid: Some(code(grid)), ..new.case };
        add(NewCase { case, border_m, ..new })
    };
    let writes = vec![
        held(1, "w1", "431102001", Some(2.0)),
        held(2, "w1", "431102001", None),
        held(3, "w1", "431102002", Some(0.5)),
        held(4, "w2", "431102002", Some(9.0)),
        held(5, "w2", "431102002", None),
    ];
    store.write_cases(writes).unwrap();
    store.write_cases(vec![next(&*store, 5, event(2, Effect::Close, "closed", true, day(3)))]).unwrap();
    let counted = |prefix: Option<&str>, more_than| {
        let filter = CaseFilter { grid_prefix: prefix.map(str::to_owned), ..CaseFilter::first(0) };
        let counts = store.count_open_cases(&filter, more_than).unwrap();
        counts.into_iter().map(|(worker, open)| (worker.to_string(), open)).collect::<Vec<_>>()
    };
    assert_eq!(counted(None, 0), [("w1".to_owned(), 3), ("w2".to_owned(), 1)]);
    assert_eq!(counted(None, 2), [("w1".to_owned(), 3)]);
    assert_eq!(counted(Some("431102002"), 0), [("w1".to_owned(), 1), ("w2".to_owned(), 1)]);
    let run = CodeRun { first: code("431102002"), last: code("431102002") };
    let inside = CaseFilter { territory: Territory::Runs([run].into()), ..CaseFilter::first(0) };
    assert_eq!(store.count_open_cases(&inside, 0).unwrap().len(), 2);
    assert_eq!(store.count_open_cases(&CaseFilter { grid_prefix: Some("431102001".into()), ..inside }, 0).unwrap(), []);
    let near = || {
        let filter = CaseFilter { is_open: Some(true), is_near_border: true, order: CaseOrder::Border, ..CaseFilter::first(9) };
        store.load_cases(&filter).unwrap().cases.iter().map(|case| case.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(near(), [3, 1, 4]);
    let id = |id| CaseId(Uuid::from_u128(id));
    store.save_borders(&[(id(3), None), (id(2), Some(1.0)), (id(1), Some(2.0))]).unwrap();
    assert_eq!(near(), [2, 1, 4]);
}

pub fn keys_of_reports_are_forgotten_after_a_time(place: &Place) {
    let store = place();
    let sent = |id: u128, key: u8, at: Timestamp| {
        let mut new = new(id, 111.0, Some(key));
        new.events[0].at = at;
        add(new)
    };
    store.write_cases(vec![sent(1, 1, day(2)), sent(2, 2, day(3)), sent(3, 3, day(4))]).unwrap();
    assert_eq!((store.forget_tokens(day(4), 1).unwrap(), store.forget_tokens(day(4), 9).unwrap()), (1, 1));
    assert_eq!(store.forget_tokens(day(4), 9).unwrap(), 0);
    let again = store.write_cases(vec![sent(4, 1, day(5)), sent(5, 3, day(5))]).unwrap();
    assert!(matches!(again[0], CaseWritten::Added(_)), "a key that was forgotten is a new one");
    assert_eq!(again[1], CaseWritten::Repeated { case: CaseId(Uuid::from_u128(3)), is_same_body: true });
}

pub fn a_table_of_addresses_takes_the_place_of_the_one_before(place: &Place) {
    let store = place();
    let row = |street: &str, plate: &str, lon: f64| AddressRow {
        kind: AddressKind::Plate,
        zone: "徐家井".into(),
        street: street.into(),
        plate: plate.into(),
        name: String::new(),
        alias: "老\0街".into(),
        position: Position { lon, lat: 26.2 },
    };
    assert_eq!((store.find_addresses().unwrap(), store.load_addresses().unwrap()), (None, vec![]));
    let version = store.load_version().unwrap();
    let first = [row("b", "2号", 111.2), row("a", "1号", 111.1), row("a", "1号", 111.1)];
    assert_eq!(store.replace_addresses(&first, "t", day(1)).unwrap(), 1);
    assert_eq!(store.load_addresses().unwrap(), [row("a", "1号", 111.1), row("a", "1号", 111.1), row("b", "2号", 111.2)]);
    let second = [row("b", "2号", 111.2), row("c", "3号", 111.3), row("a", "1号", 111.100_1)];
    assert_eq!(store.replace_addresses(&second, "t", day(2)).unwrap(), 2);
    assert_eq!(store.load_addresses().unwrap(), [row("a", "1号", 111.100_1), row("b", "2号", 111.2), row("c", "3号", 111.3)]);
    assert_eq!((store.find_addresses().unwrap(), store.load_version().unwrap()), (Some(2), version + 2));
    let audit: Vec<String> = store.load_audit(0, 9).unwrap().into_iter().map(|entry| entry.subject).collect();
    assert_eq!(audit, ["3 addresses", "3 addresses"]);
}

pub fn what_is_on_record_begins_and_ends(place: &Place) {
    let store = place();
    let version = store.load_version().unwrap();
    let ruling = Entry {
        id: Uuid::from_u128(1),
        position: Some(Position { lon: 111.25, lat: 26.5 }),
        radius_m: Some(30.5),
        unit: Some(code("431102001")),
        case: Some(CaseId(Uuid::from_u128(9))),
        text: "老地界\0".into(),
        ..Entry::new(EntryKind::Ruling, day(2), "d")
    };
    let skill = |id: u128, worker: &str, expires_at| Entry {
        id: Uuid::from_u128(id),
        worker: Some(WorkerId(worker.into())),
        text: "急救".into(),
        expires_at,
        ..Entry::new(EntryKind::Skill, day(3), "d")
    };
    let skills = [skill(2, "w1", Some(day(9))), skill(3, "w2", None)];
    store.add_entries(&skills).unwrap();
    store.add_entries(&[ruling.clone(), ruling.clone()]).unwrap();
    assert_eq!(store.load_version().unwrap(), version + 3, "what answers follow is a change, and once");
    assert_eq!(store.load_entries(&EntryFilter::open(EntryKind::Ruling, 9)).unwrap(), std::slice::from_ref(&ruling));
    assert_eq!(store.load_entries(&EntryFilter::open(EntryKind::Skill, 9)).unwrap(), skills);
    assert_eq!(store.load_entries(&EntryFilter::open(EntryKind::Skill, 1)).unwrap(), skills[1..], "the newest");
    let own = EntryFilter { worker: Some(WorkerId("w1".into())), ..EntryFilter::open(EntryKind::Skill, 9) };
    assert_eq!(store.load_entries(&own).unwrap(), skills[..1]);
    // One of an id or of an author is found however many came after it.
    let first = EntryFilter { id: Some(skills[0].id), ..EntryFilter::open(EntryKind::Skill, 1) };
    assert_eq!(store.load_entries(&first).unwrap(), skills[..1]);
    assert_eq!(store.load_entries(&EntryFilter { kind: EntryKind::Ruling, ..first }).unwrap(), [], "no ruling has this id");
    let other = Entry { author: "e\0".into(), ..skill(4, "w3", None) };
    store.add_entries(std::slice::from_ref(&other)).unwrap();
    let by = |author: &str| {
        let filter = EntryFilter { author: Some(author.into()), ..EntryFilter::open(EntryKind::Skill, 9) };
        store.load_entries(&filter).unwrap()
    };
    assert_eq!((by("d"), by("e\0"), by("f")), (skills.to_vec(), vec![other], vec![]));
    let end = EntryEnd { at: day(5), author: "p".into(), text: "moved".into() };
    assert_eq!(store.end_entry(EntryKind::Skill, ruling.id, &end).unwrap(), None, "no skill has this id");
    let ended = Entry { end: Some(end.clone()), ..ruling };
    assert_eq!(store.end_entry(EntryKind::Ruling, ended.id, &end).unwrap(), Some(ended.clone()));
    assert_eq!(store.end_entry(EntryKind::Ruling, ended.id, &end).unwrap(), None, "it ends once");
    assert_eq!(store.load_entries(&EntryFilter::open(EntryKind::Ruling, 9)).unwrap(), []);
    let all = EntryFilter { is_open: false, ..EntryFilter::open(EntryKind::Ruling, 9) };
    assert_eq!(store.load_entries(&all).unwrap(), [ended]);
    let audit: Vec<String> = store.load_audit(0, 99).unwrap().into_iter().map(|entry| entry.action).collect();
    assert_eq!(audit, ["add_skill", "add_skill", "add_ruling", "add_skill", "end_ruling"]);
}

pub fn who_an_event_concerns_is_told_of_it_by_name(place: &Place) {
    let store = place();
    store.write_cases(vec![add(new(1, 111.0, None)), add(new(2, 111.0, None))]).unwrap();
    let at = |holder: &str| Where {
        position: Position { lon: 111.0, lat: 26.0 },
        given: String::new(),
        district: None,
        grid: Some(code("431102001")),
        generation: None,
        holder: Some(WorkerId(holder.into())),
        border_m: None,
    };
    let facts = Facts { place: Some(at("w2")), place_before: Some(at("w1")), ..Facts::default() };
    let given = CaseEvent { facts, ..event(2, Effect::Reassign, "open", false, day(3)) };
    store.write_cases(vec![next(&*store, 1, given)]).unwrap();
    let facts = Facts { worker: Some(WorkerId("w2".into())), ..Facts::default() };
    store.write_cases(vec![next(&*store, 2, CaseEvent { facts, ..event(2, Effect::Verify, "verifying", false, day(4)) })]).unwrap();
    let told = |worker: &str, after| {
        let notices = store.load_notices(&WorkerId(worker.into()), after, 9).unwrap();
        notices.into_iter().map(|notice| (notice.number, notice.kind, notice.case.0.as_u128(), notice.at)).collect::<Vec<_>>()
    };
    assert_eq!(told("w1", 0), [(3, NoticeKind::Left, 1, day(3))]);
    assert_eq!(told("w2", 0), [(3, NoticeKind::Came, 1, day(3)), (4, NoticeKind::Asked, 2, day(4))]);
    assert_eq!((told("w2", 3).len(), told("w2", 4), told("w9", 0)), (1, vec![], vec![]));
    let newest = |worker: &str| store.newest_notice(&WorkerId(worker.into())).unwrap();
    assert_eq!((newest("w1"), newest("w2"), newest("w9")), (3, 4, 0));
    // They are forgotten after a time, the oldest first; what happened is not.
    let events = store.load_case_events(0, 9).unwrap();
    assert_eq!((store.forget_notices(day(3), 9).unwrap(), store.forget_notices(day(4), 1).unwrap()), (0, 1));
    assert_eq!((told("w2", 0).len(), told("w1", 0).len()), (1, 1), "that of the smaller kind");
    assert_eq!((store.forget_notices(day(4), 9).unwrap(), store.forget_notices(day(4), 9).unwrap()), (1, 0));
    assert_eq!(told("w2", 0), [(4, NoticeKind::Asked, 2, day(4))]);
    assert_eq!((newest("w1"), newest("w2")), (0, 4));
    assert_eq!(store.load_case_events(0, 9).unwrap(), events);
}

pub fn a_worker_finds_what_is_theirs_to_do(place: &Place) {
    let store = place();
    let held = |id: u128, holder: &str| {
        let new = new(id, 111.0, None);
        let case = crate::dispatch::Case { holder: Some(WorkerId(holder.into())), ..new.case };
        add(NewCase { case, ..new })
    };
    store.write_cases(vec![held(1, "w1"), held(2, "w2"), held(3, "w2"), held(4, "w1")]).unwrap();
    let by =
        |worker: &str| Facts { worker: Some(WorkerId(worker.into())), department: Some(DepartmentId("D1".into())), ..Facts::default() };
    let asked = CaseEvent { facts: by("w1"), ..event(2, Effect::Verify, "verifying", false, day(3)) };
    let named = CaseEvent { facts: by("w1"), ..event(2, Effect::Assign, "open", false, day(3)) };
    let writes = vec![next(&*store, 2, asked), next(&*store, 3, named), next(&*store, 4, event(2, Effect::Close, "closed", true, day(3)))];
    store.write_cases(writes).unwrap();
    let own = |worker: &str| {
        let filter = CaseFilter { worker: Some(WorkerId(worker.into())), is_open: Some(true), ..CaseFilter::first(9) };
        store.load_cases(&filter).unwrap().cases.iter().map(|case| case.id.0.as_u128()).collect::<Vec<_>>()
    };
    assert_eq!((own("w1"), own("w2"), own("w")), (vec![1, 2, 3], vec![2, 3], vec![]));
    store.write_cases(vec![next(&*store, 2, event(3, Effect::Note, "open", false, day(4)))]).unwrap();
    assert_eq!(own("w1"), [1, 3], "whoever has looked is asked no longer");
}

pub fn positions_are_kept_for_a_while(place: &Place) {
    let store = place();
    let seen = |worker: &str, lon: f64, at| WorkerPosition {
        worker: WorkerId(worker.into()),
        position: Position { lon, lat: 26.0 },
        accuracy_m: Some(12.5),
        at,
    };
    for position in [seen("w1", 111.0, day(1)), seen("w2", 111.5, day(2)), seen("w1", 112.0, day(3))] {
        store.save_position(&position).unwrap();
    }
    assert_eq!(store.load_positions(day(1)).unwrap(), [seen("w1", 112.0, day(3)), seen("w2", 111.5, day(2))], "the last of each");
    assert_eq!(store.load_positions(day(3)).unwrap(), [seen("w1", 112.0, day(3))]);
    assert_eq!(store.erase_positions(None, day(3)).unwrap(), 1);
    assert_eq!(store.erase_positions(Some(&WorkerId("w1".into())), Timestamp::UNIX_EPOCH).unwrap(), 1);
    assert_eq!(store.load_positions(day(1)).unwrap(), []);
    assert_eq!(store.load_audit(0, 9).unwrap(), [], "and no log says where anybody was");
}

pub fn a_wait_for_events_ends_with_the_next_one(place: &Place) {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
    let (store, other) = (place(), place());
    let poll = std::time::Duration::from_millis(20);
    assert_eq!(store.wait_for_case_event(0, poll, std::time::Duration::ZERO).unwrap(), 0);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| store.wait_for_case_event(0, poll, PATIENCE).unwrap());
        other.write_cases(vec![add(new(1, 111.0, None))]).unwrap();
        assert_eq!(waiting.join().unwrap(), 1);
    });
}

pub fn who_writes_cases_at_once_loses_and_doubles_nothing(place: &Place) {
    const WRITERS: u128 = 4;
    const EACH: u128 = 12;
    drop(place());
    let stores: Vec<_> = (0..WRITERS).map(|_| place()).collect();
    let followed = std::thread::scope(|scope| {
        let writers: Vec<_> = stores
            .iter()
            .zip(0..)
            .map(|(store, writer)| {
                scope.spawn(move || {
                    for at in 0..EACH {
                        // Every writer sends the same reports, under the same keys.
                        let token = u8::try_from(at).unwrap();
                        store.write_cases(vec![add(new(writer * EACH + at + 1, 100.0, Some(token)))]).unwrap();
                    }
                })
            })
            .collect();
        // Whoever follows meanwhile sees each event once, in order.
        let mut seen = Vec::new();
        loop {
            let is_over = writers.iter().all(std::thread::ScopedJoinHandle::is_finished);
            let more = stores[0].load_case_events(seen.last().copied().unwrap_or(0), 100).unwrap();
            seen.extend(more.into_iter().map(|event| event.number));
            if is_over && seen.last().copied().unwrap_or(0) == stores[0].newest_happening().unwrap() {
                break seen;
            }
        }
    });
    assert_eq!(followed, (1..=u64::try_from(EACH).unwrap()).collect::<Vec<_>>());
    assert_eq!(stores[0].load_cases(&CaseFilter::first(99)).unwrap().cases.len(), usize::try_from(EACH).unwrap());
}

pub fn of_reports_written_at_once_each_knows_those_before_it(place: &Place) {
    const WRITERS: u128 = 4;
    const EACH: u128 = 4;
    drop(place());
    let stores: Vec<_> = (0..WRITERS).map(|_| place()).collect();
    std::thread::scope(|scope| {
        for (store, writer) in stores.iter().zip(0..) {
            scope.spawn(move || {
                for at in 0..EACH / 2 {
                    let first = writer * EACH + 2 * at + 1;
                    store.write_cases(vec![add(new(first, 100.0, None)), add(new(first + 1, 100.0, None))]).unwrap();
                }
            });
        }
    });
    let events = stores[0].load_case_events(0, 100).unwrap();
    assert_eq!(events.len(), usize::try_from(WRITERS * EACH).unwrap());
    let mut before = Vec::new();
    for event in events {
        let mut near: Vec<CaseId> = event.event.facts.duplicates.iter().map(|(id, _)| *id).collect();
        near.sort_unstable();
        before.sort_unstable();
        assert_eq!(near, before, "event {}", event.number);
        before.push(event.case.id);
    }
}
