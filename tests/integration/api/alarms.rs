//! What somebody is to look at.

use std::sync::Arc;

use gridkeeper::config::Config;
use gridkeeper::dispatch::{Skill, WorkerId};
use gridkeeper::store::{Entry, EntryEnd, EntryKind, MemoryStore, Store};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::cases::send;
use super::faulty::Faulty;
use super::service::{DISPATCHER, SCOPED, SECRETS, SIDE, Service, code_of, fill, middle_of};
use crate::support::PATIENCE;

fn service() -> Service {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    let mut config = Config::default();
    config.cases.open_per_worker_max = 2;
    Service::start_on(store, config, false)
}

fn report(service: &Service, lon: f64, lat: f64) -> String {
    let response = send(service.request("POST", "/v1/incidents"), DISPATCHER, &json!({ "lon": lon, "lat": lat }));
    response.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned()
}

fn alarms(service: &Service, key: &str, query: &str) -> Value {
    service.get(&format!("/v1/alarms{query}")).bearer_auth(key).send().unwrap().json().unwrap()
}

#[test]
fn what_is_vacant_too_much_or_in_doubt_is_told() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    for _ in 0..3 {
        report(&service, lon, lat);
    }
    let near = report(&service, lon + SIDE / 2.0 - 0.000_01, lat);
    let all = alarms(&service, DISPATCHER, "?limit=5");
    assert_eq!(all["vacant"]["count"], 199, "all but the first grid");
    assert_eq!((all["vacant"]["alarms"].as_array().unwrap().len(), &all["vacant"]["alarms"][0]["grid"]), (5, &json!(code_of(1, 0))));
    assert_eq!(all["overload"]["alarms"], json!([{ "worker": SECRETS[0], "open": 4, "max": 2 }]));
    assert_eq!((all["border"]["count"].as_u64(), &all["border"]["alarms"][0]["id"]), (Some(1), &json!(near)));
    assert_eq!(all["border"]["alarms"][0]["alternatives"], json!([code_of(1, 0)]));
    assert_eq!((&all["overdue"]["count"], &all["truncated"]), (&json!(0), &json!(false)));
    let scoped = alarms(&service, SCOPED, "?kind=vacant");
    assert_eq!((&scoped["vacant"]["count"], &scoped["border"]), (&json!(0), &Value::Null));
    for query in ["?kind=fire", "?limit=0"] {
        assert_eq!(service.get(&format!("/v1/alarms{query}")).bearer_auth(DISPATCHER).send().unwrap().status(), 400);
    }
}

#[test]
fn skills_that_lapse_are_told_without_the_store_and_as_others_write_them() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*inner);
    let expires = Some(Timestamp::now() + jiff::SignedDuration::from_hours(1));
    let skill = |name: &str| Skill { worker: WorkerId(SECRETS[0].into()), name: name.into(), since: Timestamp::UNIX_EPOCH, expires };
    let first = Entry::of_skill(&skill("急救"), "test");
    inner.add_entries(std::slice::from_ref(&first)).unwrap();
    let faulty = Faulty::new(inner);
    let mut config = Config::default();
    config.http.follow_interval_ms = 10;
    let service = Service::start_on(Arc::clone(&faulty) as Arc<dyn Store>, config, true);
    let told = || {
        let alarms = alarms(&service, DISPATCHER, "?kind=skill")["skill"]["alarms"].clone();
        alarms.as_array().unwrap().iter().map(|alarm| alarm["skill"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let wait_for = |expected: &[&str]| {
        let end = std::time::Instant::now() + PATIENCE;
        while told() != expected {
            assert!(std::time::Instant::now() < end, "{:?} are not {expected:?}", told());
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    };
    wait_for(&["急救"]);
    // Another process puts one on record, and takes one off.
    faulty.add_entries(&[Entry::of_skill(&skill("登高"), "test")]).unwrap();
    wait_for(&["急救", "登高"]);
    faulty.end_entry(EntryKind::Skill, first.id, &EntryEnd { at: Timestamp::now(), author: "test".into(), text: String::new() }).unwrap();
    wait_for(&["登高"]);
    faulty.take_away();
    assert_eq!(told(), ["登高"]);
}
