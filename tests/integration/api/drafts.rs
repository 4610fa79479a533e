use gridkeeper::boundary::{GenerationId, LayerName};
use gridkeeper::dispatch::Role;
use gridkeeper::store::{GeoPackageStore, KeyHash, KeyRecord, Store};
use jiff::Timestamp;
use reqwest::blocking::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::faulty::Faulty;
use super::service::{PLANNER, SIDE, SOUTH, Service, WEST, code_of, fill, middle_of};
use crate::support::PATIENCE;

const APPROVER: &str = "approver-key";

fn start(store: &Arc<dyn Store>) -> Service {
    let hash = KeyHash(Sha256::digest(APPROVER.as_bytes()).into());
    store.add_key(&KeyRecord::new(hash, Role::Planner, Timestamp::UNIX_EPOCH), "test").unwrap();
    Service::start_on(Arc::clone(store), gridkeeper::config::Config::default(), false)
}

fn begin(service: &Service) -> Value {
    let response = send(service, PLANNER, "POST", "/v1/drafts", None, &json!({ "title": "redraw" }));
    assert_eq!((response.status().as_u16(), response.headers()["etag"].to_str().unwrap()), (201, "\"2-1\""));
    assert!(response.headers()["location"].to_str().unwrap().ends_with("/v1/drafts/2"));
    response.json().unwrap()
}

fn send(service: &Service, key: &str, method: &str, path: &str, tag: Option<&str>, body: &Value) -> Response {
    let request = service.request(method, path).bearer_auth(key).header("content-type", "application/json").body(body.to_string());
    tag.iter().fold(request, |request, tag| request.header("if-match", *tag)).send().unwrap()
}

fn ask(service: &Service, key: &str, method: &str, path: &str, tag: Option<&str>, body: &Value) -> (u16, Value) {
    let response = send(service, key, method, path, tag, body);
    let status = response.status().as_u16();
    (status, response.json().unwrap())
}

fn get(service: &Service, path: &str) -> Value {
    let (status, body) = ask(service, PLANNER, "GET", path, None, &Value::Null);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn split(code: &str) -> Value {
    let (lon, lat) = middle_of(0, 0);
    json!({ "op": "split", "level": "grid", "unit": code, "line": [[lon, lat - SIDE], [lon, lat + SIDE]] })
}

#[test]
fn a_draft_is_drawn_approved_by_another_and_published() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(GeoPackageStore::open_or_create(&directory.path().join("store.gpkg")).unwrap());
    fill(&*store);
    let service = start(&store);
    let draft = begin(&service);
    assert_eq!((&draft["state"], &draft["base"]["generation"], &draft["base"]["is_newest"]), (&json!("open"), &json!(1), &json!(true)));
    let path = "/v1/drafts/2";
    let operations = "/v1/drafts/2/operations";

    // Every write says what it is made on.
    let first = code_of(0, 0);
    assert_eq!(ask(&service, PLANNER, "POST", operations, None, &split(&first)).0, 428);
    let (status, applied) = ask(&service, PLANNER, "POST", operations, Some("\"2-1\""), &split(&first));
    assert_eq!((status, &applied["revision"], &applied["can_undo"]), (200, &json!(2), &json!(true)), "{applied}");
    let begun: Vec<&Value> = applied["units"].as_array().unwrap().iter().filter(|unit| unit["change"] == "begun").collect();
    assert_eq!(begun.len(), 1, "{applied}");
    let new = begun[0]["code"].as_str().unwrap().to_owned();
    assert_eq!(applied["metrics"]["levels"].as_array().unwrap().last().unwrap()["units"], 201);
    assert!(applied["features"]["features"].as_array().unwrap().iter().any(|feature| feature["id"] == new.as_str()));

    // Who comes too late is told what was done.
    let (status, late) = ask(&service, APPROVER, "POST", operations, Some("\"2-1\""), &split(&first));
    assert_eq!((status, &late["type"], &late["revision"]), (412, &json!("urn:gridkeeper:problem:changed"), &json!(2)));
    assert_eq!(late["since"][0]["summary"], format!("splits {first} by a line"));

    // What breaks a rule is refused with the place, and nothing has changed.
    let merge = json!({ "op": "merge", "level": "grid", "units": [first, code_of(5, 5)] });
    let (status, refused) = ask(&service, PLANNER, "POST", operations, Some("\"2-2\""), &merge);
    assert_eq!((status, &refused["reason"], &refused["place"]["type"]), (422, &json!("not_beside"), &json!("Polygon")), "{refused}");
    assert_eq!((&refused["units"][0], refused["remedy"].is_string()), (&json!(code_of(5, 5)), true));
    let (status, wrong) = ask(&service, PLANNER, "POST", operations, Some("\"2-2\""), &json!({ "op": "merge", "level": "grid" }));
    assert_eq!((status, &wrong["errors"][0]["parameter"]), (400, &json!("units")));

    // Undo and redo.
    let shapes = || get(&service, "/v1/drafts/2/units?limit=10000")["features"].clone();
    let after = shapes();
    let (status, undone) = ask(&service, PLANNER, "DELETE", "/v1/drafts/2/operations/last", Some("*"), &Value::Null);
    assert_eq!((status, &undone["can_redo"], &undone["metrics"]["changed"]["begun"]), (200, &json!(true), &json!(0)), "{undone}");
    assert_eq!(ask(&service, PLANNER, "DELETE", operations, Some("*"), &Value::Null).0, 409);
    assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts/2/operations/redo", Some("*"), &Value::Null).0, 200);
    assert_eq!(shapes(), after);
    let log = get(&service, operations);
    let kinds: Vec<&str> = log["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["open", "apply", "undo", "redo"]);

    // A draft is what `draft` selects, as of its last entry.
    drop(service);
    let service = start(&store);
    let found = get(&service, &format!("/collections/grid/items/{new}?draft=2"));
    assert_eq!(found["properties"]["code"], new.as_str());
    let (lon, lat) = middle_of(0, 0);
    let located = get(&service, &format!("/v1/locate?lon={}&lat={lat}&generation=2", lon + SIDE / 4.0));
    assert_eq!(located["grid"]["code"].as_str().map(|code| code == new || code == first), Some(true));
    let west = get(&service, &format!("/v1/locate?lon={}&lat={lat}&generation=2", lon - SIDE / 4.0));
    assert_ne!(west["grid"]["code"], located["grid"]["code"]);

    // Comparison in its forms.
    let comparison = get(&service, "/v1/drafts/2/comparison");
    assert_eq!((&comparison["totals"]["begun"], &comparison["from"]), (&json!(1), &json!(1)), "{comparison}");
    let csv = service.get("/v1/drafts/2/comparison?f=csv").bearer_auth(PLANNER).send().unwrap().text().unwrap();
    assert!(csv.starts_with("level,change,code,") && csv.contains(&new), "{csv}");
    let page = service.get("/v1/drafts/2/comparison?f=html").bearer_auth(PLANNER).send().unwrap().text().unwrap();
    assert!(page.contains(&new) && page.contains("<svg"), "{page}");

    // Publication needs a second person, and a holder for every unit.
    let problems = get(&service, "/v1/drafts/2/problems");
    assert_eq!((&problems["errors"], &problems["is_approved"], &problems["publishable"]), (&json!(0), &json!(false), &json!(false)));
    let publication = "/v1/drafts/2/publication";
    assert_eq!(ask(&service, PLANNER, "POST", publication, Some("*"), &json!({})).1["type"], "urn:gridkeeper:problem:not-approved");
    assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts/2/approval", Some("*"), &json!({})).0, 403);
    let (status, approved) = ask(&service, APPROVER, "POST", "/v1/drafts/2/approval", Some("\"2-4\""), &json!({ "note": "good" }));
    assert_eq!((status, &approved["state"], &approved["approval"]["note"]), (200, &json!("approved"), &json!("good")), "{approved}");
    let (status, made) = ask(&service, PLANNER, "POST", publication, Some("\"2-5\""), &json!({ "accept_unheld": true }));
    assert_eq!((status, &made["generation"]), (201, &json!(3)), "{made}");
    let closed = get(&service, path);
    assert_eq!((&closed["state"], &closed["published_as"]), (&json!("published"), &json!(3)));
    assert_eq!(ask(&service, PLANNER, "POST", operations, Some("*"), &split(&new)).1["type"], "urn:gridkeeper:problem:draft-closed");
    let stored = store.load_generation(&LayerName::parse("grid").unwrap(), GenerationId(3)).unwrap();
    assert_eq!(stored.shapes.last().unwrap().len(), 201);
}

#[test]
fn the_next_request_after_a_publication_shows_it() {
    let store: Arc<dyn Store> = Arc::new(gridkeeper::store::MemoryStore::new());
    fill(&*store);
    drop(start(&store));
    // The store is asked so seldom that only what was published here can have been heard of.
    let mut config = gridkeeper::config::Config::default();
    config.http.follow_interval_ms = 3_000;
    let service = Service::start_on(Arc::clone(&store), config, true);
    begin(&service);
    assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts/2/operations", Some("*"), &split(&code_of(0, 0))).0, 200);
    assert_eq!(ask(&service, APPROVER, "POST", "/v1/drafts/2/approval", Some("*"), &json!({})).0, 200);
    let units = || get(&service, "/collections/grid/items?limit=1")["numberMatched"].as_u64().unwrap();
    let before = units();
    assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts/2/publication", Some("*"), &json!({ "accept_unheld": true })).0, 201);
    assert_eq!(units(), before + 1);
    let (lon, lat) = middle_of(0, 0);
    assert_eq!(get(&service, &format!("/v1/locate?lon={}&lat={lat}", lon - SIDE / 4.0))["generation"], 3);
}

#[test]
fn a_draft_that_was_published_or_whose_codes_another_took_is_still_what_it_was() {
    let store: Arc<dyn Store> = Arc::new(gridkeeper::store::MemoryStore::new());
    fill(&*store);
    let service = start(&store);
    begin(&service);
    let first = code_of(0, 0);
    // The new unit of a split has the first code that is free, in both drafts.
    let other = ask(&service, PLANNER, "POST", "/v1/drafts", None, &json!({ "title": "other" })).1["id"].clone();
    for draft in ["2", other.as_str().unwrap()] {
        let operations = format!("/v1/drafts/{draft}/operations");
        assert_eq!(ask(&service, PLANNER, "POST", &operations, Some("*"), &split(&first)).0, 200);
    }
    let units = |service: &Service, draft: &str| get(service, &format!("/v1/drafts/{draft}/units?limit=1000"))["features"].clone();
    let (one, two) = (units(&service, "2"), units(&service, "3"));
    assert_eq!(ask(&service, APPROVER, "POST", "/v1/drafts/2/approval", Some("*"), &json!({})).0, 200);
    assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts/2/publication", Some("*"), &json!({ "accept_unheld": true })).0, 201);
    // Another process reads the logs from their beginning.
    drop(service);
    let service = start(&store);
    assert_eq!((units(&service, "2"), units(&service, "3")), (one, two));
    let (status, made) = ask(&service, PLANNER, "POST", "/v1/drafts", None, &json!({ "title": "on top", "from": 2 }));
    assert_eq!(status, 201, "{made}");
}

#[test]
fn an_edit_after_approval_has_to_be_approved_anew() {
    let store: Arc<dyn Store> = Arc::new(gridkeeper::store::MemoryStore::new());
    fill(&*store);
    let service = start(&store);
    begin(&service);
    let approve = || ask(&service, APPROVER, "POST", "/v1/drafts/2/approval", Some("*"), &json!({})).0;
    assert_eq!(approve(), 200);
    let corner = [WEST + SIDE, SOUTH + SIDE];
    let moved = json!({ "op": "move_vertex", "at": corner, "to": [corner[0] + SIDE / 8.0, corner[1]] });
    assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts/2/operations", Some("*"), &moved).0, 200);
    assert_eq!(get(&service, "/v1/drafts/2")["state"], "open");
    assert_eq!(get(&service, "/v1/drafts?state=open")["drafts"][0]["id"], "2");
    assert_eq!(approve(), 200);
    let (status, withdrawn) = ask(&service, PLANNER, "DELETE", "/v1/drafts/2", Some("*"), &Value::Null);
    assert_eq!((status, &withdrawn["state"]), (200, &json!("withdrawn")));
    for (path, status) in [("/v1/drafts/1", 404), ("/v1/drafts/9", 404), ("/v1/drafts/x", 404), ("/v1/drafts/police.2", 404)] {
        assert_eq!(ask(&service, PLANNER, "GET", path, None, &Value::Null).0, status, "{path}");
    }
    let known = service.get("/v1/drafts/2").bearer_auth(PLANNER).header("if-none-match", "\"2-5\"").send().unwrap();
    assert_eq!(known.status(), 304);
}

#[test]
fn drafts_are_listed_page_by_page_without_their_logs() {
    let inner: Arc<dyn Store> = Arc::new(gridkeeper::store::MemoryStore::new());
    fill(&*inner);
    let faulty = Faulty::new(inner);
    let store: Arc<dyn Store> = Arc::clone(&faulty) as Arc<dyn Store>;
    let service = start(&store);
    begin(&service);
    for title in ["b", "c", "d", "e"] {
        assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts", None, &json!({ "title": title })).0, 201);
    }
    assert_eq!(ask(&service, PLANNER, "DELETE", "/v1/drafts/4", Some("*"), &Value::Null).0, 200);
    assert_eq!(ask(&service, APPROVER, "POST", "/v1/drafts/3/approval", Some("*"), &json!({})).0, 200);
    let read = faulty.logs_read.load(Ordering::SeqCst);
    let pages = |query: &str| {
        let (mut ids, mut path, mut count) = (Vec::new(), format!("/v1/drafts?{query}"), 0);
        loop {
            let page = get(&service, &path);
            ids.extend(page["drafts"].as_array().unwrap().iter().map(|draft| draft["id"].as_str().unwrap().to_owned()));
            count += 1;
            let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next");
            assert_eq!(next.is_some(), page["has_more"] == true, "{page}");
            let Some(next) = next else { return (ids, count) };
            path = next["href"].as_str().unwrap().split_once("/v1/").map(|(_, rest)| format!("/v1/{rest}")).unwrap();
        }
    };
    let ids = |ids: &[&str]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(pages(""), (ids(&["6", "5", "4", "3", "2"]), 1));
    assert_eq!(pages("limit=2"), (ids(&["6", "5", "4", "3", "2"]), 3));
    assert_eq!(pages("limit=2&state=open&layer=grid"), (ids(&["6", "5", "2"]), 2));
    assert_eq!((pages("state=approved"), pages("state=withdrawn")), ((ids(&["3"]), 1), (ids(&["4"]), 1)));
    for wrong in ["limit=0", "limit=1001", "after=x", "after=99"] {
        assert_eq!(ask(&service, PLANNER, "GET", &format!("/v1/drafts?{wrong}"), None, &Value::Null).0, 400, "{wrong}");
    }
    assert_eq!(faulty.logs_read.load(Ordering::SeqCst), read, "no log is read for a list");
}

#[test]
fn units_of_a_draft_are_sent_page_by_page() {
    let store: Arc<dyn Store> = Arc::new(gridkeeper::store::MemoryStore::new());
    fill(&*store);
    let service = start(&store);
    begin(&service);
    let (mut codes, mut after) = (Vec::new(), String::new());
    loop {
        let page = get(&service, &format!("/v1/drafts/2/units?limit=70{after}"));
        let last = codes.len();
        codes.extend(page["features"].as_array().unwrap().iter().map(|unit| unit["id"].as_str().unwrap().to_owned()));
        assert!(codes.len() - last <= 70);
        if page["has_more"] == false {
            break;
        }
        after = format!("&after={}", codes.last().unwrap());
    }
    assert!(codes.len() == 200 && codes.is_sorted(), "{codes:?}");
}

#[test]
fn a_stroke_does_not_wait_for_the_check() {
    let inner: Arc<dyn Store> = Arc::new(gridkeeper::store::MemoryStore::new());
    fill(&*inner);
    let faulty = Faulty::new(inner);
    let store: Arc<dyn Store> = Arc::clone(&faulty) as Arc<dyn Store>;
    let service = start(&store);
    begin(&service);
    faulty.is_stuck.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let problems = scope.spawn(|| send(&service, PLANNER, "GET", "/v1/drafts/2/problems", None, &Value::Null));
        let end = Instant::now() + PATIENCE;
        while faulty.waiting.load(Ordering::SeqCst) == 0 {
            assert!(Instant::now() < end, "the problems are not looked for");
            std::thread::sleep(Duration::from_millis(5));
        }
        let request = service.request("POST", "/v1/drafts/2/operations").bearer_auth(PLANNER).header("if-match", "\"2-1\"");
        let request = request.header("content-type", "application/json").body(split(&code_of(0, 0)).to_string());
        let stroke = request.timeout(PATIENCE / 4).send().map(|response| response.status().as_u16());
        faulty.is_stuck.store(false, Ordering::SeqCst);
        let problems = problems.join().unwrap();
        assert_eq!((stroke.ok(), problems.status().as_u16()), (Some(200), 200));
        assert_eq!(problems.headers()["etag"], "\"2-1\"", "they are those of what was looked at");
    });
}
