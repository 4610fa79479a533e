//! What somebody is to look at.

use std::sync::Arc;

use gridkeeper::config::Config;
use gridkeeper::store::MemoryStore;
use serde_json::{Value, json};

use super::cases::send;
use super::service::{DISPATCHER, SCOPED, SECRETS, SIDE, Service, code_of, fill, middle_of};

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
