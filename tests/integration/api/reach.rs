//! How far a key reaches where codes do not begin with those of their parents: `S1` and `S10` are two streets, and each has a grid
//! whose code begins with the other's.

use std::sync::Arc;

use gridkeeper::boundary::{GenerationState, UnitCode, UnitShape};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Case, Role};
use gridkeeper::store::{KeyHash, KeyRecord, MemoryStore, Publication, Store};
use gridkeeper::topology::{Rules, check};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::rules::write_rules;
use super::service::{DISPATCHER, Service, case_at, middle_of, square};
use super::stream::Messages;

const FIRST: &str = "key-of-s1";
const TENTH: &str = "key-of-s10";

/// The grids of the first generation from west to east: code, street, column, width.
const GRIDS: [(&str, &str, usize, usize); 4] =
    [("S10-west", "S1", 0, 1), ("S1-old", "S1", 1, 1), ("S1-east", "S10", 2, 1), ("x", "S10", 3, 1)];

/// In the second the old grid is gone, and its ground with its neighbour.
const REDRAWN: [(&str, &str, usize, usize); 3] = [("S10-west", "S1", 0, 2), ("S1-east", "S10", 2, 1), ("x", "S10", 3, 1)];

fn publish(store: &dyn Store, rows: &[(&str, &str, usize, usize)], day: i8) {
    let at: Timestamp = format!("2026-01-{day:02}T00:00:00Z").parse().unwrap();
    let shape = |level: &str, code: &str, of: Option<&str>, column: usize, width: usize, number: usize| -> UnitShape {
        square(level, code, code, of, (column, 0), (width, 1), number)
    };
    let whole = vec![shape("district", "D", None, 0, 4, 1)];
    let streets = vec![shape("street", "S1", Some("D"), 0, 2, 1), shape("street", "S10", Some("D"), 2, 2, 2)];
    let grids = (1..).zip(rows).map(|(number, (code, street, column, width))| shape("grid", code, Some(street), *column, *width, number));
    let layer = Config::default().layers[0].layer.clone();
    let checked = check(&layer, vec![whole, streets, vec![], grids.collect()], &Rules::default());
    let coverage = checked.coverage.unwrap_or_else(|| panic!("{:#?}", checked.problems));
    let newest = store.load_generations(&layer.name).unwrap().last().map(|generation| generation.id);
    let publication = Publication {
        coverage: &coverage,
        parent: newest,
        state: GenerationState::Published,
        effective_from: at,
        created_at: at,
        author: "test",
        note: "",
        restores: None,
        reuses_codes: true,
    };
    store.publish(publication).unwrap();
}

/// A service with one record in each grid of the first generation, and boundaries redrawn since.
fn service() -> Service {
    let store = Arc::new(MemoryStore::new());
    publish(&*store, &GRIDS, 1);
    let record = |(code, _, column, _): &(&str, &str, usize, usize)| Case {
        grid: Some(UnitCode::parse(code).unwrap()),
        holder: None,
        description: (*code).into(),
        ..case_at(middle_of(*column, 0))
    };
    let mut records: Vec<Case> = GRIDS.iter().map(record).collect();
    records.push(Case { grid: None, holder: None, description: "nowhere".into(), ..case_at((0.0, 0.0)) });
    store.add_cases(&records, "test", Timestamp::now()).unwrap();
    publish(&*store, &REDRAWN, 2);
    write_rules(&*store);
    for (key, role, scope) in [
        (DISPATCHER, Role::Dispatcher, vec![]),
        (FIRST, Role::Dispatcher, vec![UnitCode::parse("S1").unwrap()]),
        (TENTH, Role::Dispatcher, vec![UnitCode::parse("S10").unwrap()]),
    ] {
        let hash = KeyHash(Sha256::digest(key.as_bytes()).into());
        store.add_key(&KeyRecord { scope, ..KeyRecord::new(hash, role, "2026-01-01T00:00:00Z".parse().unwrap()) }, "test").unwrap();
    }
    Service::start_on(store, Config::default(), false)
}

fn ask(service: &Service, key: &str, path: &str) -> (u16, Value) {
    let response = service.get(path).bearer_auth(key).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

fn texts(list: &Value, pointer: &str) -> Vec<String> {
    let text = |item: &Value| item.pointer(pointer).and_then(Value::as_str).unwrap_or("").to_owned();
    let mut texts: Vec<String> = list.as_array().unwrap().iter().map(text).collect();
    texts.sort_unstable();
    texts
}

fn report(service: &Service, key: &str, column: usize) -> reqwest::blocking::Response {
    let (lon, lat) = middle_of(column, 0);
    let body = json!({ "lon": lon, "lat": lat, "category": "E0110", "description": format!("new {column}") });
    service.request("POST", "/v1/incidents").bearer_auth(key).json(&body).send().unwrap()
}

#[test]
fn a_key_reaches_what_lies_in_its_units_and_never_what_is_spelt_like_them() {
    let service = service();
    for (key, own) in [(FIRST, vec!["S1-old", "S10-west"]), (TENTH, vec!["S1-east", "x"])] {
        let (status, list) = ask(&service, key, "/collections/incidents/items?limit=100");
        assert_eq!((status, texts(&list["features"], "/properties/description")), (200, own.iter().map(ToString::to_string).collect()));
        assert_eq!(list["numberMatched"], own.len());
        for feature in list["features"].as_array().unwrap() {
            let path = format!("/collections/incidents/items/{}", feature["id"].as_str().unwrap());
            let other = if key == FIRST { TENTH } else { FIRST };
            assert_eq!((ask(&service, key, &path).0, ask(&service, other, &path).0), (200, 404));
        }
    }
    let all = ask(&service, DISPATCHER, "/collections/incidents/items?limit=100").1;
    assert_eq!(all["numberMatched"], 5);
}

#[test]
fn a_case_is_seen_told_and_counted_by_the_keys_that_reach_it() {
    let service = service();
    let streams = [FIRST, TENTH].map(|key| Messages::open(&service, Some(key), None));
    let ids = [0, 2].map(|column| {
        let taken: Value = report(&service, DISPATCHER, column).json().unwrap();
        taken["id"].as_str().unwrap().to_owned()
    });
    // Who reports must reach the place.
    assert_eq!((report(&service, FIRST, 3).status().as_u16(), report(&service, TENTH, 0).status().as_u16()), (403, 403));
    for (at, key) in [FIRST, TENTH].into_iter().enumerate() {
        assert_eq!(texts(&ask(&service, key, "/v1/incidents?open=true").1["incidents"], "/id"), [ids[at].clone()]);
        assert_eq!(ask(&service, key, &format!("/v1/incidents/{}", ids[at])).0, 200);
        assert_eq!(ask(&service, key, &format!("/v1/incidents/{}", ids[1 - at])).0, 404);
        assert_eq!(streams[at].next().2["id"], ids[at]);
        assert!(streams[at].is_quiet());
        let vacant = ask(&service, key, "/v1/alarms?kind=vacant").1["vacant"]["alarms"].clone();
        assert_eq!(texts(&vacant, "/grid"), [["S10-west"].as_slice(), &["S1-east", "x"]][at]);
        let judged = ask(&service, key, "/v1/indicators?from=2026-01-01&to=2100-01-01&by=unit&level=street").1;
        let groups = texts(&judged["groups"], "/group");
        assert_eq!(groups, [["S1"], ["S10"]][at], "{judged}");
    }
}

#[test]
fn a_key_may_name_a_beginning_of_codes_only_where_it_reaches_some() {
    let service = service();
    let listed = |key: &str, prefix: &str| {
        let (status, list) = ask(&service, key, &format!("/collections/incidents/items?limit=100&code={prefix}"));
        (status, list["features"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(listed(FIRST, "S10"), (200, 1));
    assert_eq!(listed(FIRST, "S1"), (200, 2));
    assert_eq!(listed(TENTH, "S1-e"), (200, 1));
    assert_eq!(listed(FIRST, "x").0, 403);
    assert_eq!(ask(&service, FIRST, "/v1/incidents?grid=x").0, 403);
}
