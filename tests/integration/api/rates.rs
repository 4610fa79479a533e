//! Bounds on how often one caller may ask.

use gridkeeper::config::{Config, RateConfig};
use reqwest::StatusCode;
use serde_json::Value;

use super::service::{DISPATCHER, PLANNER, Service};

fn service(rates: &RateConfig) -> Service {
    let mut config = Config { rates: RateConfig { bounds_loopback: true, ..rates.clone() }, ..Config::default() };
    config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    Service::start_with(config)
}

#[test]
fn who_asks_too_often_is_told_when_to_come_back_while_others_go_on() {
    let service = service(&RateConfig { per_address_per_s: 1, address_burst: 3, per_key_per_s: 1, key_burst: 2, ..RateConfig::default() });
    let ask = |from: &str, key: Option<&str>| {
        let request = service.get("/v1/locate?lon=111.601&lat=26.201").header("x-forwarded-for", from);
        key.iter().fold(request, reqwest::blocking::RequestBuilder::bearer_auth).send().unwrap()
    };
    let statuses: Vec<StatusCode> = (0..4).map(|_| ask("203.0.113.9", None).status()).collect();
    assert_eq!(statuses, [StatusCode::OK, StatusCode::OK, StatusCode::OK, StatusCode::TOO_MANY_REQUESTS]);
    let refused = ask("203.0.113.9", None);
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u64>().unwrap() >= 1);
    assert_eq!(refused.json::<Value>().unwrap()["type"], "urn:gridkeeper:problem:rate-limited");
    // What the caller writes itself makes it nobody else, and others are not held up.
    assert_eq!(ask("198.51.100.1, 203.0.113.9", None).status(), 429);
    assert_eq!(ask("198.51.100.1", None).status(), 200);
    // Keys that are not taken are counted as the address is.
    assert_eq!(ask("203.0.113.9", Some("made-up")).status(), 429);
    // A key has its own bound, from wherever it is shown.
    let keyed: Vec<u16> =
        ["203.0.113.9", "198.51.100.1", "198.51.100.2"].map(|from| ask(from, Some(DISPATCHER)).status().as_u16()).to_vec();
    assert_eq!(keyed, [200, 200, 429]);
    assert_eq!(ask("203.0.113.9", Some(PLANNER)).status(), 200);
    // Those who watch the service are never turned away.
    assert!((0..9).all(|_| service.get("/healthz").header("x-forwarded-for", "203.0.113.9").send().unwrap().status() == 200));
}

#[test]
fn nobody_is_bounded_where_the_settings_say_so() {
    let service = service(&RateConfig { per_address_per_s: 0, per_key_per_s: 0, ..RateConfig::default() });
    assert!((0..50).all(|_| service.get("/conformance").send().unwrap().status() == 200));
}
