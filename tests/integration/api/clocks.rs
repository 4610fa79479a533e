//! Clocks that run out while a service runs, or while none does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gridkeeper::boundary::{GenerationId, Position, UnitCode};
use gridkeeper::config::Config;
use gridkeeper::dispatch::workflow::{ActionName, Appointed, CaseEvent, ClockFact, Effect, Facts, StateName};
use gridkeeper::dispatch::{Case, CaseId, DepartmentId, DepartmentRole, Limit, Reporter, Role, Stage, WorkerId};
use gridkeeper::store::{CaseWrite, GeoPackageStore, NewCase, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::service::{DISPATCHER, SECRETS, Service, code_of, fill, middle_of};
use crate::support::PATIENCE;

/// A case of which a department's clock is due so long from now, and is told of half as long before.
fn case(due_in: SignedDuration) -> (CaseId, CaseWrite) {
    let (lon, lat) = middle_of(0, 0);
    let now = Timestamp::now();
    let id = CaseId(uuid::Uuid::now_v7());
    let department = DepartmentId("D1".into());
    let limit = Limit::parse("4紧急工作时").ok();
    let clock = ClockFact {
        department: Some(department.clone()),
        stage: Stage::Handle,
        limit,
        due_at: Some(now + due_in),
        warn_at: Some(now + due_in / 2),
    };
    let first = CaseEvent {
        seq: 1,
        at: now - SignedDuration::from_hours(4),
        author: "test".into(),
        role: Role::Dispatcher,
        action: ActionName("report".into()),
        effect: Effect::Report,
        state: StateName("handling".into()),
        is_end: false,
        facts: Facts {
            departments: vec![Appointed { department, name: "环卫处".into(), role: DepartmentRole::Lead }],
            clocks: vec![clock],
            ..Facts::default()
        },
    };
    let case = Case {
        id,
        position: Position { lon, lat },
        given: String::new(),
        category: "E0110".into(),
        description: String::new(),
        source: String::new(),
        reported_at: first.at,
        district: None,
        grid: UnitCode::parse(&code_of(0, 0)).ok(),
        generation: Some(GenerationId(1)),
        holder: Some(WorkerId(SECRETS[0].into())),
    };
    let new =
        NewCase { case, events: vec![first], photos: Vec::new(), reporter: Reporter::default(), token: None, near: None, border_m: None };
    (id, CaseWrite::Add(Box::new(new)))
}

fn told(store: &dyn Store, id: CaseId) -> Vec<String> {
    let record = store.find_case_record(id).unwrap().unwrap();
    record.events.iter().map(|event| event.effect.as_str().to_owned()).collect()
}

fn wait_until(store: &dyn Store, id: CaseId, expected: &[&str]) {
    let end = Instant::now() + PATIENCE;
    while told(store, id) != expected {
        assert!(Instant::now() < end, "{:?} and not {expected:?}", told(store, id));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn each_word_about_a_clock_is_told_once_by_services_that_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.gpkg");
    let store: Arc<dyn Store> = Arc::new(GeoPackageStore::open_or_create(&path).unwrap());
    fill(&*store);
    // Over while nobody looks.
    let (over, write) = case(SignedDuration::from_secs(-60));
    store.write_cases(vec![write]).unwrap();
    let open = || -> Arc<dyn Store> { Arc::new(GeoPackageStore::open_or_create(&path).unwrap()) };
    let services = [Service::start_on(open(), Config::default(), false), Service::start_on(open(), Config::default(), false)];
    wait_until(&*store, over, &["report", "overdue", "escalate"]);
    // Set by another process, for a moment that comes before any that the services wait for.
    let (soon, write) = case(SignedDuration::from_millis(1_600));
    let begun = Instant::now();
    store.write_cases(vec![write]).unwrap();
    wait_until(&*store, soon, &["report", "due_soon"]);
    assert!(begun.elapsed() >= Duration::from_millis(780), "and not before its time");
    wait_until(&*store, soon, &["report", "due_soon", "overdue", "escalate"]);
    assert!(begun.elapsed() >= Duration::from_millis(1_580));
    let history: Value = services[1].get(&format!("/v1/incidents/{soon}/history")).bearer_auth(DISPATCHER).send().unwrap().json().unwrap();
    let event = &history["events"][3];
    assert_eq!((&event["author"], &event["department"], &event["alarm"]["stage"]), (&json!("service"), &json!("D1"), &json!("handle")));
    assert_eq!((&event["alarm"]["level"], &event["alarm"]["to"]), (&json!(1), &json!("值班长")));
    let alarms: Value = services[0].get("/v1/alarms?kind=overdue&limit=1").bearer_auth(DISPATCHER).send().unwrap().json().unwrap();
    assert_eq!((&alarms["overdue"]["count"], &alarms["overdue"]["alarms"][0]["id"]), (&json!(2), &json!(over.to_string())));
    assert_eq!((&alarms["overdue"]["alarms"][0]["departments"], &alarms["truncated"]), (&json!(["D1"]), &json!(false)));
    drop(services);
    // A service that comes later has nothing to add.
    let _later = Service::start_on(open(), Config::default(), false);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!((told(&*store, over).len(), told(&*store, soon).len()), (3, 4));
}
