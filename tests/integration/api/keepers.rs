//! What is a keeper's own, and how open cases follow boundaries and rosters.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gridkeeper::boundary::{GenerationState, UnitCode, Validity};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Assignment, CategoryRow, Post, Role, RuleTable, Shift, Skill, Worker, WorkerId};
use gridkeeper::store::{Entry, KeyHash, KeyRecord, MemoryStore, RosterData, Store};
use jiff::Timestamp;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::cases::{body_at, send};
use super::district::category;
use super::faulty::Faulty;
use super::service::{DISPATCHER, SIDE, Service, code_of, fill, grid, grids, middle_of, publish};
use crate::support::PATIENCE;

fn at() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().unwrap()
}

/// Puts workers on the roster: an id, the grid in the first row that they hold, and when.
pub fn write_roster(store: &dyn Store, posts: &[(&str, usize, &str)]) {
    let worker = |id: &str| Worker { id: WorkerId(id.into()), name: format!("name of {id}"), phone: format!("phone of {id}") };
    let assignment = |&(id, column, shift): &(&str, usize, &str)| Assignment {
        unit: UnitCode::parse(&code_of(column, 0)).unwrap(),
        worker: WorkerId(id.into()),
        post: Post::Primary,
        department: String::new(),
        validity: Validity { from: at(), to: None },
        shift: Shift::parse(shift).unwrap(),
    };
    let mut workers: Vec<Worker> = posts.iter().map(|(id, ..)| worker(id)).collect();
    workers.dedup();
    let roster = RosterData { workers, assignments: posts.iter().map(assignment).collect() };
    store.replace_roster(&roster, None, "test", Timestamp::now()).unwrap();
}

/// Makes a key of a worker's own, which is their id.
pub fn write_key(store: &dyn Store, worker: &str) {
    let hash = KeyHash(Sha256::digest(worker.as_bytes()).into());
    let record = KeyRecord { worker: Some(WorkerId(worker.into())), ..KeyRecord::new(hash, Role::Worker, at()) };
    store.add_key(&record, "test").unwrap();
}

pub fn service(posts: &[(&str, usize, &str)], follows: bool) -> Service {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    write_roster(&*store, posts);
    for id in ["w1", "w2", "w3"] {
        write_key(&*store, id);
    }
    Service::start_on(store, Config::default(), follows)
}

pub fn read(request: RequestBuilder, key: &str, status: u16) -> Value {
    let response = request.bearer_auth(key).send().unwrap();
    let found = response.status();
    let text = response.text().unwrap();
    assert_eq!(found, status, "{text}");
    if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
}

/// Half an hour of the day that is far from now.
pub fn off_shift() -> String {
    let hour = (Config::default().time_zone.to_datetime(Timestamp::now()).hour() + 12) % 24;
    format!("{hour:02}:00-{hour:02}:30")
}

fn get(service: &Service, key: &str, path: &str) -> Value {
    read(service.get(path), key, 200)
}

pub fn report(service: &Service, lon: f64, lat: f64) -> Value {
    let body = json!({ "lon": lon, "lat": lat, "category": Value::Null });
    send(service.request("POST", "/v1/incidents"), DISPATCHER, &body).json().unwrap()
}

fn wait_for(service: &Service, id: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let end = Instant::now() + PATIENCE;
    loop {
        let case = get(service, DISPATCHER, &format!("/v1/incidents/{id}"));
        if is_so(&case) {
            return case;
        }
        assert!(Instant::now() < end, "{case}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kinds(service: &Service, worker: &str) -> Vec<String> {
    let notices = get(service, worker, "/v1/me/notices");
    notices["notices"].as_array().unwrap().iter().map(|notice| notice["kind"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn open_cases_follow_redrawn_boundaries_and_a_changed_roster_and_both_keepers_are_told() {
    let service = service(&[("w1", 0, ""), ("w2", 1, "")], true);
    let (lon, lat) = middle_of(0, 0);
    let taken = report(&service, lon, lat);
    let (id, closed) = (taken["id"].as_str().unwrap(), report(&service, lon, lat)["id"].as_str().unwrap().to_owned());
    assert_eq!(taken["responsible"]["worker"]["id"], "w1");
    let act = |body: Value| send(service.request("POST", &format!("/v1/incidents/{closed}/actions")), DISPATCHER, &body);
    assert_eq!(act(json!({ "action": "void", "reason": "twice" })).status(), 200);
    // The first two grids change places.
    let mut swapped = grids();
    (swapped[0], swapped[1]) = (grid((0, 0), (1, 0), 1), grid((1, 0), (0, 0), 1));
    let now = Timestamp::now();
    publish(&*service.store, "grid", swapped, now, now, GenerationState::Published);
    let case = wait_for(&service, id, |case| case["holder"] == "w2");
    assert_eq!((&case["grid"], &case["generation"]), (&json!(code_of(1, 0)), &json!(2)));
    assert_eq!((kinds(&service, "w1"), kinds(&service, "w2")), (vec!["left".to_owned()], vec!["came".to_owned()]));
    let history = get(&service, DISPATCHER, &format!("/v1/incidents/{id}/history"));
    let event = &history["events"][1];
    assert_eq!(
        (&event["effect"], &event["author"], &event["reason"]),
        (&json!("reassign"), &json!("service"), &json!("boundaries were redrawn"))
    );
    assert_eq!((&event["place_before"]["holder"], &event["place"]["holder"]), (&json!("w1"), &json!("w2")));
    // What has ended stays whose it was.
    assert_eq!(get(&service, DISPATCHER, &format!("/v1/incidents/{closed}"))["holder"], "w1");
    // A roster with another keeper there; the one before has a post elsewhere.
    write_roster(&*service.store, &[("w3", 1, ""), ("w2", 5, "")]);
    wait_for(&service, id, |case| case["holder"] == "w3");
    assert_eq!((kinds(&service, "w2"), kinds(&service, "w3")), (vec!["came".to_owned(), "left".to_owned()], vec!["came".to_owned()]));
    let notice = get(&service, "w3", "/v1/me/notices")["notices"][0].clone();
    assert_eq!((&notice["incident"], &notice["grid"]), (&json!(id), &json!(code_of(1, 0))));
    let after = notice["number"].as_u64().unwrap();
    assert_eq!(get(&service, "w3", &format!("/v1/me/notices?after={after}"))["notices"], json!([]));
    // A shift that ends re-assigns nothing, and neither does a roster by which the keeper stays.
    write_roster(&*service.store, &[("w3", 1, "00:00-00:01")]);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(kinds(&service, "w3"), ["came"]);
    // Taken up again, it is theirs who are there by now.
    let reopened = act(json!({ "action": "reopen", "reason": "still there" }));
    assert_eq!(reopened.status(), 200);
    assert_eq!(reopened.json::<Value>().unwrap()["holder"], "w3", "its place lies in the second grid now, which is w3's");
    assert_eq!(kinds(&service, "w3"), ["came", "came"]);
}

#[test]
fn a_case_that_is_redrawn_goes_to_who_is_on_shift_and_an_own_one_stays() {
    let off = off_shift();
    // The fourth grid is w2's alone, who is away as well.
    let service = service(&[("w1", 0, ""), ("w2", 1, &off), ("w3", 1, ""), ("w2", 3, &off)], true);
    let ids: Vec<String> = [0, 2]
        .iter()
        .map(|column| {
            let (lon, lat) = middle_of(*column, 0);
            report(&service, lon, lat)["id"].as_str().unwrap().to_owned()
        })
        .collect();
    // The first two grids change places, and the next two.
    let mut swapped = grids();
    for at in [0, 2] {
        (swapped[at], swapped[at + 1]) = (grid((at, 0), (at + 1, 0), 1), grid((at + 1, 0), (at, 0), 1));
    }
    let now = Timestamp::now();
    publish(&*service.store, "grid", swapped, now, now, GenerationState::Published);
    let case = wait_for(&service, &ids[0], |case| case["grid"] == code_of(1, 0));
    assert_eq!(case["holder"], "w3", "w2 has no shift now");
    let case = wait_for(&service, &ids[1], |case| case["grid"] == code_of(3, 0));
    assert_eq!(case["holder"], "w2", "where nobody is on shift it is the keeper's");
}

#[test]
fn a_notice_names_the_grid_of_its_time() {
    let service = service(&[("w1", 0, ""), ("w2", 1, ""), ("w3", 2, "")], false);
    let (lon, lat) = middle_of(0, 0);
    let id = report(&service, lon, lat)["id"].as_str().unwrap().to_owned();
    for column in [1, 2] {
        let (lon, lat) = middle_of(column, 0);
        let moved = json!({ "action": "move", "lon": lon, "lat": lat });
        let response = send(service.request("POST", &format!("/v1/incidents/{id}/actions")), DISPATCHER, &moved);
        assert_eq!(response.status(), 200);
    }
    let told = |worker: &str| -> Vec<(Value, Value)> {
        let list = get(&service, worker, "/v1/me/notices");
        list["notices"].as_array().unwrap().iter().map(|notice| (notice["kind"].clone(), notice["grid"].clone())).collect()
    };
    let notice = |kind: &str, column: usize| (json!(kind), json!(code_of(column, 0)));
    assert_eq!(told("w1"), [notice("left", 0)]);
    assert_eq!(told("w2"), [notice("came", 1), notice("left", 1)]);
    assert_eq!(told("w3"), [notice("came", 2)]);
}

#[test]
fn a_keeper_sees_their_grid_and_whether_they_are_inside() {
    let service = service(&[("w1", 0, ""), ("w2", 1, "")], false);
    let me = get(&service, "w1", "/v1/me");
    assert_eq!(
        (&me["worker"]["name"], &me["on_duty"], &me["posts"][0]["unit"]),
        (&json!("name of w1"), &json!(true), &json!(code_of(0, 0)))
    );
    assert_eq!((&me["consent"]["positions"], &me["notices"]["newest"]), (&json!(false), &json!(0)));
    assert_eq!(get(&service, DISPATCHER, "/v1/me")["worker"], Value::Null);
    read(service.get("/v1/me/grid"), DISPATCHER, 403);
    let (lon, lat) = middle_of(0, 0);
    report(&service, lon, lat);
    let mine = get(&service, "w1", "/v1/me/grid");
    let feature = &mine["features"][0];
    assert_eq!((&feature["properties"]["code"], &feature["properties"]["open_cases"]), (&json!(code_of(0, 0)), &json!(1)));
    assert_eq!(feature["geometry"]["type"], "MultiPolygon");
    let neighbours = feature["properties"]["neighbours"].as_array().unwrap();
    let found: Vec<_> = neighbours.iter().map(|other| (other["code"].as_str().unwrap(), other["direction"].as_str().unwrap())).collect();
    // Degrees of latitude are longer, so the border in the east is.
    assert_eq!(found, [(&*code_of(1, 0), "E"), (&*code_of(0, 1), "N")]);
    assert!((neighbours[0]["border_m"].as_f64().unwrap() - 865.0).abs() < 10.0, "{neighbours:?}");
    assert_eq!(neighbours[0]["holder"]["id"], "w2");
    let inside = |lon: f64, accuracy: &str| get(&service, "w1", &format!("/v1/me/inside?lon={lon}&lat={lat}{accuracy}"));
    let here = inside(lon, "");
    assert_eq!((&here["inside"], &here["mine"], &here["direction"]), (&json!(true), &json!(code_of(0, 0)), &Value::Null));
    assert!((here["distance_to_border_m"].as_f64().unwrap() - 390.0).abs() < 10.0, "{here}");
    assert_eq!(inside(lon, "&accuracy_m=1000")["inside"], Value::Null);
    let away = inside(lon + SIDE, "");
    assert_eq!((&away["inside"], &away["unit"]["code"], &away["mine"]), (&json!(false), &json!(code_of(1, 0)), &json!(code_of(0, 0))));
    assert_eq!((&away["direction"], &away["holder"]["id"]), (&json!("W"), &json!("w2")));
    // Outside of all units, and a field that is missing.
    assert_eq!(inside(lon - SIDE, "")["unit"], Value::Null);
    read(service.get("/v1/me/inside?lon=111"), "w1", 400);
}

#[test]
fn tasks_come_in_walking_order_with_what_is_late_first() {
    let service = service(&[("w1", 0, ""), ("w2", 1, "")], false);
    let (lon, lat) = middle_of(0, 0);
    let step = SIDE / 20.0;
    let id = |east: f64| report(&service, lon + east * step, lat)["id"].as_str().unwrap().to_owned();
    let [near, far, mid] = [1.0, 7.0, 4.0].map(id);
    let start = format!("lon={lon}&lat={lat}");
    let walk = get(&service, "w1", &format!("/v1/me/tasks?{start}"));
    let order: Vec<&str> = walk["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect();
    assert_eq!(order, [&near, &mid, &far]);
    let legs: Vec<f64> = walk["tasks"].as_array().unwrap().iter().map(|task| task["leg_m"].as_f64().unwrap().round()).collect();
    assert!((legs[0] * 3.0 - legs[1]).abs() < 3.0 && (legs[1] - legs[2]).abs() < 2.0, "{legs:?}");
    assert!((walk["walk_m"].as_f64().unwrap() - legs.iter().sum::<f64>()).abs() < 3.0);
    assert_eq!((&walk["tasks"][0]["kind"], &walk["more"]), (&json!("case"), &json!(false)));
    assert_eq!(get(&service, "w2", "/v1/me/tasks")["tasks"], json!([]));
    assert_eq!(get(&service, "w1", &format!("/v1/me/tasks?{start}&limit=2"))["more"], true);
    // Half of a place is not passed over.
    read(service.get("/v1/me/tasks?accuracy_m=AAA"), "w1", 400);
    read(service.get("/v1/me/tasks?crs=GCJ02"), "w1", 400);
    // Whoever is asked to look sees the case, though it lies elsewhere.
    let act =
        send(service.request("POST", &format!("/v1/incidents/{near}/actions")), DISPATCHER, &json!({ "action": "verify", "worker": "w3" }));
    assert_eq!(act.status(), 200);
    let asked = get(&service, "w3", "/v1/me/tasks");
    assert_eq!((&asked["tasks"][0]["id"], &asked["tasks"][0]["kind"]), (&json!(near), &json!("look")));
    assert_eq!(kinds(&service, "w3"), ["asked"]);
    let done = send(service.request("POST", &format!("/v1/incidents/{near}/actions")), "w3", &json!({ "action": "verify_done" }));
    assert_eq!(done.status(), 200);
    assert_eq!(get(&service, "w3", "/v1/me/tasks")["tasks"], json!([]));
}

/// The workers in an answer, by what names them.
fn workers_of(answer: &Value, list: &str, id: &str) -> Vec<String> {
    answer[list].as_array().unwrap().iter().map(|of| of.pointer(id).unwrap().as_str().unwrap().to_owned()).collect()
}

#[test]
fn who_has_learned_something_is_found_by_it_until_it_expires() {
    let service = service(&[("w1", 0, ""), ("w2", 9, "")], false);
    let (lon, lat) = middle_of(8, 0);
    let add = |body: Value, status: u16| read(service.request("POST", "/v1/skills").json(&body), DISPATCHER, status);
    let soon = Timestamp::now() + jiff::SignedDuration::from_hours(24 * 9);
    let kept = add(json!({ "worker": "w2", "skill": "急救", "since": "2025-01-01", "expires": soon.to_string() }), 201);
    assert_eq!((&kept["since"], &kept["expired"]), (&json!("2024-12-31T16:00:00Z"), &json!(false)), "days are the office's");
    add(json!({ "worker": "w1", "skill": "急救", "since": "2025-01-01", "expires": "2025-07-01" }), 201);
    add(json!({ "worker": "w1", "skill": "登高" }), 201);
    let faults = add(json!({ "worker": "w9", "skill": "", "since": "2026-01-01", "expires": "2026-01-01" }), 400);
    let named: Vec<_> = faults["errors"].as_array().unwrap().iter().map(|fault| fault["parameter"].as_str().unwrap()).collect();
    assert_eq!(named, ["skill", "expires", "worker"]);

    let near = get(&service, DISPATCHER, &format!("/v1/workers/nearest?lon={lon}&lat={lat}&skill=%E6%80%A5%E6%95%91"));
    assert_eq!(workers_of(&near, "workers", "/worker/id"), ["w2"]);
    assert_eq!(get(&service, "w1", "/v1/me")["skills"][0]["expired"], true);
    assert_eq!(workers_of(&get(&service, DISPATCHER, "/v1/skills"), "skills", "/worker"), ["w2", "w1", "w1"], "in the order of since");
    assert_eq!(workers_of(&get(&service, DISPATCHER, "/v1/skills?expires_before=2026-01-01T00:00:00Z"), "skills", "/worker"), ["w1"]);
    assert_eq!(workers_of(&get(&service, DISPATCHER, "/v1/skills?worker=w1&skill=%E7%99%BB%E9%AB%98"), "skills", "/worker"), ["w1"]);

    // What has lapsed and what does soon is an alarm, until it was learned again or is taken off the record.
    let alarms = || get(&service, DISPATCHER, "/v1/alarms?kind=skill")["skill"].clone();
    let told = alarms();
    assert_eq!(workers_of(&told, "alarms", "/worker"), ["w1", "w2"]);
    assert_eq!((&told["count"], &told["alarms"][0]["expired"], &told["alarms"][1]["expired"]), (&json!(2), &json!(true), &json!(false)));
    assert_eq!(get(&service, DISPATCHER, &format!("/v1/alarms?kind=skill&grid={}", code_of(9, 0)))["skill"]["count"], 1);
    add(json!({ "worker": "w1", "skill": "急救", "expires": "2999-01-01" }), 201);
    assert_eq!(workers_of(&alarms(), "alarms", "/worker"), ["w2"]);
    let path = format!("/v1/skills/{}", kept["id"].as_str().unwrap());
    read(service.request("DELETE", &path), DISPATCHER, 204);
    read(service.request("DELETE", &path), DISPATCHER, 404);
    assert_eq!(alarms()["count"], 0);
    assert_eq!(workers_of(&get(&service, DISPATCHER, "/v1/skills?worker=w2&all=true"), "skills", "/worker"), ["w2"], "nothing is lost");
}

#[test]
fn what_two_services_put_on_record_at_once_counts_in_both() {
    let inner: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*inner);
    write_roster(&*inner, &[("w1", 0, ""), ("w2", 0, "")]);
    let faulty = Faulty::new(Arc::clone(&inner));
    let service = Service::start_on(Arc::<Faulty>::clone(&faulty), Config::default(), true);
    let (lon, lat) = middle_of(0, 0);
    let skilled = || {
        let near = get(&service, DISPATCHER, &format!("/v1/workers/nearest?lon={lon}&lat={lat}&skill=first+aid"));
        workers_of(&near, "workers", "/worker/id")
    };
    let wait_until = |is_so: &dyn Fn() -> bool| {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "{:?}", skilled());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    faulty.holds_writers.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let body = json!({ "worker": "w1", "skill": "first aid" });
            read(service.request("POST", "/v1/skills").json(&body), DISPATCHER, 201)
        });
        wait_until(&|| faulty.held.load(Ordering::SeqCst) == 1);
        // Another service writes, and this one has followed it before the first is answered.
        let skill = Skill { worker: WorkerId("w2".into()), name: "first aid".into(), since: at(), expires: None };
        inner.add_entries(&[Entry::of_skill(&skill, "other")]).unwrap();
        wait_until(&|| skilled() == ["w1", "w2"]);
        faulty.holds_writers.store(false, Ordering::SeqCst);
        writer.join().unwrap();
    });
    assert_eq!(skilled(), ["w1", "w2"], "what was read before takes the place of nothing newer");
}

#[test]
fn a_category_that_needs_a_skill_finds_who_has_it_and_tells_of_who_has_not() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    write_roster(&*store, &[("w1", 0, ""), ("w2", 0, ""), ("w3", 0, "")]);
    let needing = |code: &str, skill: Option<&str>| CategoryRow { skill: skill.map(str::to_owned), ..category(code, "4小时", false) };
    let rules = RuleTable::Categories(vec![needing("E0110", Some("first aid")), needing("C0102", None)]);
    store.replace_rules(&rules, at(), "test", at()).unwrap();
    let skill = |worker: &str, since: &str, expires: Option<&str>| {
        let (name, since, expires) = ("first aid".into(), since.parse().unwrap(), expires.map(|end| end.parse().unwrap()));
        Entry::of_skill(&Skill { worker: WorkerId(worker.into()), name, since, expires }, "test")
    };
    let (past, soon) = ("2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z");
    store.add_entries(&[skill("w1", past, Some("2026-01-02T00:00:00Z")), skill("w2", past, None), skill("w3", soon, None)]).unwrap();
    let service = Service::start_on(store, Config::default(), false);
    let (lon, lat) = middle_of(0, 0);
    let found = |query: &str| get(&service, DISPATCHER, &format!("/v1/workers/nearest?lon={lon}&lat={lat}{query}"));
    let near = found("&category=E0110");
    assert_eq!((workers_of(&near, "workers", "/worker/id"), &near["skill"]), (vec!["w2".to_owned()], &json!("first aid")));
    let near = found("&category=C0102:1");
    assert_eq!((workers_of(&near, "workers", "/worker/id").len(), near.get("skill")), (3, None));
    assert!(workers_of(&found("&category=E0110&skill=ladders"), "workers", "/worker/id").is_empty(), "both");
    let refused = read(service.get(&format!("/v1/workers/nearest?lon={lon}&lat={lat}&category=E0111")), DISPATCHER, 400);
    assert!(refused["errors"][0]["parameter"] == "category" && refused.to_string().contains("E0110"), "{refused}");

    let listed = get(&service, DISPATCHER, "/v1/categories");
    let skills: Vec<&Value> = listed["categories"].as_array().unwrap().iter().map(|category| &category["skill"]).collect();
    assert_eq!(skills, [&json!("first aid"), &Value::Null]);
    let located = get(&service, DISPATCHER, &format!("/v1/locate?lon={lon}&lat={lat}&category=E0110"));
    assert_eq!(located["rule"]["skill"], "first aid");

    // The keeper has not got it: the case is theirs all the same, and the answer says so.
    let (case, notice) = (body_at(0, 0), json!(["E0110 needs the skill \"first aid\", which w1 has not, or has no more"]));
    let taken: Value = send(service.request("POST", "/v1/incidents"), DISPATCHER, &case).json().unwrap();
    assert_eq!((&taken["responsible"]["worker"]["id"], &taken["notices"]), (&json!("w1"), &notice));
    let id = taken["id"].as_str().unwrap();
    assert_eq!(get(&service, DISPATCHER, &format!("/v1/incidents/{id}"))["notices"], notice);
    let act =
        |body: Value| send(service.request("POST", &format!("/v1/incidents/{id}/actions")), DISPATCHER, &body).json::<Value>().unwrap();
    act(json!({ "action": "file", "condition": "1" }));
    act(json!({ "action": "dispatch", "departments": [{ "id": "D1" }] }));
    let told = |worker: &str| act(json!({ "action": "assign", "worker": worker }))["notices"].as_array().unwrap().len();
    assert_eq!((told("w3"), told("w2")), (2, 1), "w3 will have learned it later");
    let other: Value =
        send(service.request("POST", "/v1/incidents"), DISPATCHER, &json!({ "lon": lon, "lat": lat, "category": "C0102" })).json().unwrap();
    assert_eq!(other.get("notices"), None);
}

#[test]
fn a_limited_key_puts_skills_on_record_of_its_own_workers_alone() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    write_roster(&*store, &[("w1", 0, ""), ("w2", 9, "")]);
    let hash = KeyHash(Sha256::digest(b"desk").into());
    let scope = vec![UnitCode::parse(&code_of(9, 0)).unwrap()];
    store.add_key(&KeyRecord { scope, ..KeyRecord::new(hash, Role::Dispatcher, at()) }, "test").unwrap();
    let service = Service::start_on(store, Config::default(), false);
    let add = |worker: &str, status: u16| {
        read(service.request("POST", "/v1/skills").json(&json!({ "worker": worker, "skill": "急救" })), "desk", status)
    };
    add("w2", 201);
    assert_eq!(add("w1", 403)["type"], "urn:gridkeeper:problem:forbidden");
    let other = read(service.request("POST", "/v1/skills").json(&json!({ "worker": "w1", "skill": "急救" })), DISPATCHER, 201);
    assert_eq!(workers_of(&get(&service, "desk", "/v1/skills"), "skills", "/worker"), ["w2"]);
    read(service.request("DELETE", &format!("/v1/skills/{}", other["id"].as_str().unwrap())), "desk", 403);
}

#[test]
fn a_position_is_kept_on_shift_by_consent_and_until_it_is_withdrawn() {
    let service = service(&[("w1", 0, ""), ("w2", 9, "")], false);
    let (lon, lat) = middle_of(8, 0);
    let tell = |key: &str, status: u16| {
        read(service.request("PUT", "/v1/me/position").json(&json!({ "lon": lon, "lat": lat, "accuracy_m": 8 })), key, status)
    };
    assert_eq!(tell("w1", 409)["type"], "urn:gridkeeper:problem:no-consent");
    let consent = |positions: bool| read(service.request("PUT", "/v1/me/consent").json(&json!({ "positions": positions })), "w1", 200);
    assert_eq!(consent(true)["positions"], true);
    tell("w1", 204);
    let more = json!({ "lon": lon, "lat": lat, "speed": 1 });
    assert_eq!(read(service.request("PUT", "/v1/me/position").json(&more), "w1", 400)["errors"][0]["parameter"], "speed");
    assert_eq!(tell("w3", 409)["type"], "urn:gridkeeper:problem:off-duty", "who has no post is on no shift");
    let near = |more: &str| get(&service, DISPATCHER, &format!("/v1/workers/nearest?lon={lon}&lat={lat}{more}"));
    let found = near("");
    let workers: Vec<_> =
        found["workers"].as_array().unwrap().iter().map(|near| (near["worker"]["id"].clone(), near["by"].clone())).collect();
    assert_eq!(workers, [(json!("w1"), json!("position")), (json!("w2"), json!("unit"))]);
    assert!(found["workers"][1]["distance_m"].as_f64().unwrap() > 300.0);
    assert_eq!(consent(false)["positions"], false);
    assert_eq!(service.store.load_positions(Timestamp::UNIX_EPOCH).unwrap(), []);
    assert_eq!(near("")["workers"][0]["worker"]["id"], "w2", "nobody knows where the first is");
    // Nothing of where anybody was is in what goes elsewhere.
    let audit = format!("{:?}", service.store.load_audit(0, 99).unwrap());
    assert!(!audit.contains(&lon.to_string()) && audit.contains("withdraw_consent"), "{audit}");
    let _ = body_at(0, 0);
}
