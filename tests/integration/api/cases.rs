//! The life of a case over HTTP.

use std::sync::Arc;

use gridkeeper::config::Config;
use gridkeeper::dispatch::workflow::{ActionName, CaseEvent, ClockFact, Effect, Facts, StateName};
use gridkeeper::dispatch::{Case, CategoryRow, Reporter, Role, RuleTable, Stage, WorkerId};
use gridkeeper::store::{CaseWrite, KeyHash, KeyRecord, MemoryStore, NewCase, Store};
use jiff::{SignedDuration, Timestamp};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::district::{case_at, category, lead};
use super::rules::write_rules;
use super::service::{DISPATCHER, PLANNER, SCOPED, Service, code_of, fill, middle_of};

pub fn service() -> Service {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    Service::start_on(store, Config::default(), false)
}

pub fn send(request: RequestBuilder, key: &str, body: &Value) -> Response {
    request.bearer_auth(key).json(body).send().unwrap()
}

fn report(service: &Service, body: &Value) -> Response {
    send(service.request("POST", "/v1/incidents"), DISPATCHER, body)
}

fn read(response: Response, status: u16) -> Value {
    let found = response.status();
    let text = response.text().unwrap();
    assert_eq!(found, status, "{text}");
    serde_json::from_str(&text).unwrap()
}

pub fn body_at(column: usize, row: usize) -> Value {
    let (lon, lat) = middle_of(column, row);
    json!({ "lon": lon, "lat": lat, "category": "E0110", "description": "垃圾", "source": "12345" })
}

fn act(service: &Service, id: &str, body: &Value) -> Response {
    send(service.request("POST", &format!("/v1/incidents/{id}/actions")), DISPATCHER, body)
}

#[test]
fn a_report_is_answered_with_its_id_state_and_lookup() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let response = report(&service, &body_at(0, 0));
    let (location, tag) = (response.headers()["location"].to_str().unwrap().to_owned(), response.headers()["etag"].clone());
    let taken = read(response, 201);
    let id = taken["id"].as_str().unwrap();
    assert!(location.ends_with(&format!("/v1/incidents/{id}")), "{location}");
    assert_eq!((tag.to_str().unwrap(), taken["state"].as_str().unwrap()), ("\"1\"", "pending_file"));
    assert_eq!(taken["grid"]["code"], code_of(0, 0));
    assert_eq!(taken["departments"], json!([{ "id": "D2", "name": "name of D2", "role": "lead" }]));
    assert!(taken["due_at"].is_string() && taken["ambiguous"].is_boolean() && taken["duplicates"] == json!([]));
    let near = read(report(&service, &json!({ "lon": lon, "lat": lat })), 201);
    assert_eq!(near["duplicates"][0]["id"], id);
    assert_eq!(near["duplicates"][0]["distance_m"], 0.0);
    // Another reference system.
    let shifted = read(report(&service, &json!({ "lon": lon, "lat": lat, "crs": "GCJ02" })), 201);
    assert_ne!(shifted["position"]["lon"], lon);
    let one = service.get(&format!("/v1/incidents/{id}")).bearer_auth(DISPATCHER).send().unwrap();
    let one = read(one, 200);
    assert_eq!((one["grid"].as_str(), one["state"].as_str()), (Some(&*code_of(0, 0)), Some("pending_file")));
    assert!(one["actions"].as_array().unwrap().iter().any(|action| action["action"] == "file"));
}

#[test]
fn what_is_wrong_with_a_report_is_told_all_at_once_and_nothing_is_kept() {
    let service = service();
    let wrong = json!({ "lon": 111.0, "lat": 26.0, "colour": "red", "reported_at": "2999-01-01T00:00:00Z", "description": 5 });
    let problem = read(report(&service, &wrong), 400);
    let named: Vec<&str> = problem["errors"].as_array().unwrap().iter().map(|error| error["parameter"].as_str().unwrap()).collect();
    assert_eq!(named, ["colour", "description", "reported_at"]);
    read(report(&service, &json!({ "lon": 111.0 })), 400);
    read(report(&service, &json!({ "lon": 111.0, "lat": 26.0, "category": "E9" })), 400);
    let personal = json!({ "lon": 111.0, "lat": 26.0, "reporter": { "phone": 13_800_000_000_u64 } });
    let problem = read(report(&service, &personal), 400).to_string();
    assert!(problem.contains("reporter.phone") && !problem.contains("13800000000"), "{problem}");
    let list = service.get("/v1/incidents").bearer_auth(DISPATCHER).send().unwrap();
    assert_eq!(read(list, 200)["incidents"], json!([]));
}

#[test]
fn a_report_that_is_sent_again_has_the_same_answer() {
    let service = service();
    let send = |body: &Value, key: &str| {
        service.request("POST", "/v1/incidents").bearer_auth(DISPATCHER).header("Idempotency-Key", key).json(body).send().unwrap()
    };
    let first = send(&body_at(0, 0), "a");
    assert!(first.headers().get("idempotency-replayed").is_none());
    let (tag, first) = (first.headers()["etag"].clone(), first.text().unwrap());
    let again = send(&body_at(0, 0), "a");
    assert_eq!((again.status(), again.headers()["idempotency-replayed"].as_bytes()), (reqwest::StatusCode::CREATED, &b"true"[..]));
    assert_eq!((again.headers()["etag"].clone(), again.text().unwrap()), (tag, first));
    // What is said counts, and not in which order.
    let body = body_at(0, 0);
    let reversed: Value = body.as_object().unwrap().iter().rev().map(|(name, value)| (name.clone(), value.clone())).collect();
    assert_ne!(reversed.to_string(), body.to_string());
    assert_eq!(send(&reversed, "a").headers()["idempotency-replayed"], "true");
    assert_eq!(read(send(&body_at(1, 0), "a"), 422)["type"], "urn:gridkeeper:problem:idempotency-key-reused");
    read(send(&body_at(0, 0), "b"), 201);
    // The key of one sender says nothing about another's.
    let other = service.request("POST", "/v1/incidents").bearer_auth(PLANNER).header("Idempotency-Key", "a").json(&body_at(0, 0));
    assert!(other.send().unwrap().headers().get("idempotency-replayed").is_none());
}

#[test]
fn a_case_goes_its_way_and_its_history_says_how() {
    let service = service();
    let id = read(report(&service, &body_at(1, 0)), 201)["id"].as_str().unwrap().to_owned();
    let step = |body: Value, state: &str| {
        let case = read(act(&service, &id, &body), 200);
        assert_eq!(case["state"], state, "{body}");
        case
    };
    let refused = read(act(&service, &id, &json!({ "action": "close", "condition": "1" })), 409);
    assert!(refused["allowed"].as_array().unwrap().contains(&json!("file")), "{refused}");
    let refused = read(act(&service, &id, &json!({ "action": "file" })), 400);
    assert_eq!(refused["errors"][0]["parameter"], "condition");
    let unknown = read(act(&service, &id, &json!({ "action": "fly" })), 400)["detail"].as_str().unwrap().to_owned();
    assert!(unknown.starts_with("action: the workflow chinese-city has no action fly; open now are verify, file, void, "), "{unknown}");
    step(json!({ "action": "file", "condition": "1" }), "pending_dispatch");
    let case = step(json!({ "action": "dispatch" }), "pending_handle");
    assert_eq!(case["tasks"][0]["department"], "D1");
    assert_eq!(case["tasks"][0]["limit"], "4 work_hour");
    step(json!({ "action": "link", "reason": "吹哨", "departments": [{ "id": "D6", "name": "水务局" }] }), "pending_handle");
    step(json!({ "action": "accept", "department": "D1" }), "handling");
    step(json!({ "action": "done", "department": "D1" }), "handling");
    let case = step(json!({ "action": "done", "department": "D6" }), "pending_check");
    assert!(case["collector"].is_string());
    step(json!({ "action": "rework", "reason": "还有", "department": "D6" }), "handling");
    step(json!({ "action": "done" }), "pending_check");
    step(json!({ "action": "moderate", "published": true }), "pending_check");
    let case = step(json!({ "action": "close", "condition": "1" }), "closed");
    assert_eq!((case["open"].as_bool(), case["reworks"].as_u64(), case["published"].as_bool()), (Some(false), Some(1), Some(true)));
    let history = service.get(&format!("/v1/incidents/{id}/history")).bearer_auth(DISPATCHER).send().unwrap();
    let history = read(history, 200);
    let actions: Vec<&str> = history["events"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["report", "file", "dispatch", "link", "accept", "done", "done", "rework", "done", "moderate", "close"]);
    assert_eq!(history["events"][3]["reason"], "吹哨");
}

#[test]
fn a_case_is_due_by_the_condition_by_which_it_was_filed() {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    let at = "2026-01-02T00:00:00Z".parse().unwrap();
    let by = |condition: &str, limit: &str| CategoryRow { condition: condition.into(), ..category("E0110", limit, false) };
    let rows = vec![by("1", "4工作时"), by("3", "2工作日"), category("C0102", "1工作日", false)];
    store.replace_rules(&RuleTable::Categories(rows), at, "test", at).unwrap();
    let service = Service::start_on(store, Config::default(), false);
    let limit_of = |reported_as: &str, condition: &str| {
        let mut body = body_at(1, 0);
        body["category"] = reported_as.into();
        let id = read(report(&service, &body), 201)["id"].as_str().unwrap().to_owned();
        let unknown = read(act(&service, &id, &json!({ "action": "file", "condition": "9" })), 400);
        assert_eq!(unknown["errors"][0]["parameter"], "condition", "{unknown}");
        read(act(&service, &id, &json!({ "action": "file", "condition": condition })), 200);
        read(act(&service, &id, &json!({ "action": "dispatch" })), 200)["tasks"][0]["limit"].clone()
    };
    assert_eq!((limit_of("E0110", "1"), limit_of("E0110", "3")), (json!("4 work_hour"), json!("2 work_day")));
    assert_eq!(limit_of("E0110:1", "3"), json!("2 work_day"), "what it was reported with gives way");
}

#[test]
fn a_department_that_is_named_gets_the_task() {
    let service = service();
    let id = read(report(&service, &body_at(1, 0)), 201)["id"].as_str().unwrap().to_owned();
    read(act(&service, &id, &json!({ "action": "file", "condition": "1" })), 200);
    let tasks = |body: Value| {
        let case = read(act(&service, &id, &body), 200);
        let tasks = case["tasks"].as_array().unwrap().iter();
        tasks.map(|task| format!("{} {} {}", task["department"], task["role"], task["name"])).collect::<Vec<_>>()
    };
    let first = tasks(json!({ "action": "dispatch", "department": "D2" }));
    assert_eq!(first, [r#""D2" "lead" "name of D2""#]);
    let called = json!({ "action": "link", "reason": "r", "departments": [{ "id": "D1", "name": "x" }] });
    assert_eq!(tasks(called)[1..], [r#""D1" "co" "name of D1""#], "the rules say what it is called");
    assert_eq!(tasks(json!({ "action": "link", "reason": "r", "department": "D6" }))[2..], [r#""D6" "co" "name of D6""#]);
    read(act(&service, &id, &json!({ "action": "link", "reason": "r", "department": "D6" })), 409);
    let bad = json!({ "lon": 111.6, "lat": 26.2, "media_url": "javascript:alert(1)" });
    assert_eq!(read(report(&service, &bad), 400)["errors"][0]["parameter"], "media_url");
}

#[test]
fn a_task_is_passed_on_to_the_department_of_an_id_whatever_the_caller_calls_it() {
    let service = service();
    let id = read(report(&service, &body_at(1, 0)), 201)["id"].as_str().unwrap().to_owned();
    read(act(&service, &id, &json!({ "action": "file", "condition": "1" })), 200);
    read(act(&service, &id, &json!({ "action": "dispatch", "department": "D2" })), 200);
    let tasks = |body: Value| {
        let case = read(act(&service, &id, &body), 200);
        let tasks = case["tasks"].as_array().unwrap().iter();
        tasks.map(|task| format!("{} {} {} {}", task["department"], task["role"], task["name"], task["state"])).collect::<Vec<_>>()
    };
    let called = json!({ "action": "transfer", "reason": "r", "departments": [{ "id": "D1", "name": "x" }] });
    assert_eq!(tasks(called)[1..], [r#""D1" "lead" "name of D1" "waiting""#], "the rules say what it is called");
    let named = tasks(json!({ "action": "transfer", "reason": "r", "department": "D6" }));
    assert_eq!(named[1..], [r#""D1" "lead" "name of D1" "passed""#, r#""D6" "lead" "name of D6" "waiting""#]);
    let busy = read(act(&service, &id, &json!({ "action": "transfer", "reason": "r", "department": "D6" })), 409);
    assert_eq!(busy["detail"], "the department D6 has an open task already; name another");
}

#[test]
fn nobody_gets_a_task_of_whom_the_tables_do_not_know() {
    let service = service();
    let taken = read(report(&service, &body_at(0, 0)), 201);
    let id = taken["id"].as_str().unwrap();
    let refused = |body: Value| read(act(&service, id, &body), 400)["errors"][0].clone();
    assert_eq!(refused(json!({ "action": "verify", "worker": "nobody" }))["parameter"], "worker");
    // What is not open now is told as that, whomever it names.
    read(act(&service, id, &json!({ "action": "dispatch", "department": "D9" })), 409);
    read(act(&service, id, &json!({ "action": "file", "condition": "1" })), 200);
    let unknown = refused(json!({ "action": "dispatch", "department": "D9" }));
    assert_eq!(unknown["parameter"], "department");
    assert!(unknown["detail"].as_str().unwrap().contains("D9") && unknown["detail"].as_str().unwrap().contains("D1, D2, D6"), "{unknown}");
    assert_eq!(refused(json!({ "action": "dispatch", "departments": [{ "id": "D9", "name": "x" }] }))["parameter"], "departments");
}

#[test]
fn nobody_overwrites_what_they_have_not_seen() {
    let service = service();
    let id = read(report(&service, &body_at(1, 0)), 201)["id"].as_str().unwrap().to_owned();
    let at = |tag: &str| {
        let request = service.request("POST", &format!("/v1/incidents/{id}/actions")).header("If-Match", tag);
        send(request, DISPATCHER, &json!({ "action": "supervise", "reason": "急" }))
    };
    assert_eq!(at("\"1\"").headers()["etag"], "\"2\"");
    assert_eq!(read(at("\"1\""), 412)["type"], "urn:gridkeeper:problem:changed");
    read(at("*"), 200);
    read(at("\"9\", \"3\""), 200);
}

#[test]
fn a_pin_that_is_moved_takes_the_case_to_the_keeper_there() {
    let service = service();
    let id = read(report(&service, &body_at(0, 0)), 201)["id"].as_str().unwrap().to_owned();
    let (lon, lat) = middle_of(1, 1);
    let moved = read(act(&service, &id, &json!({ "action": "move", "lon": lon, "lat": lat })), 200);
    assert_eq!((moved["grid"].as_str(), moved["position"]["lon"].as_f64()), (Some(&*code_of(1, 1)), Some(lon)));
    let history = service.get(&format!("/v1/incidents/{id}/history")).bearer_auth(DISPATCHER).send().unwrap();
    let event = &read(history, 200)["events"][1];
    assert_eq!((event["place_before"]["grid"].as_str(), event["place"]["grid"].as_str()), (Some(&*code_of(0, 0)), Some(&*code_of(1, 1))));
}

#[test]
fn cases_are_for_those_whose_key_reaches_them() {
    let service = service();
    let post = |key: Option<&str>, body: &Value| {
        let request = service.request("POST", "/v1/incidents").json(body);
        key.map_or_else(|| request.try_clone().unwrap(), |key| request.try_clone().unwrap().bearer_auth(key))
            .send()
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(post(None, &body_at(0, 0)), 401);
    assert_eq!(post(Some(SCOPED), &body_at(0, 0)), 201);
    assert_eq!(post(Some(SCOPED), &body_at(1, 1)), 403);
    let elsewhere = read(report(&service, &body_at(1, 1)), 201)["id"].as_str().unwrap().to_owned();
    for path in [format!("/v1/incidents/{elsewhere}"), format!("/v1/incidents/{elsewhere}/history")] {
        assert_eq!(service.get(&path).send().unwrap().status(), 401);
        assert_eq!(service.get(&path).bearer_auth(SCOPED).send().unwrap().status(), 404, "what a key does not reach is not there");
    }
    let moved = send(service.request("POST", &format!("/v1/incidents/{elsewhere}/actions")), SCOPED, &json!({ "action": "note" }));
    assert_eq!(moved.status(), 404);
    let list = read(service.get("/v1/incidents").bearer_auth(SCOPED).send().unwrap(), 200);
    assert_eq!(list["incidents"].as_array().unwrap().len(), 1);
}

#[test]
fn who_reported_is_shown_to_dispatchers_alone() {
    let service = service();
    let mut body = body_at(0, 0);
    body["reporter"] = json!({ "name": "王某", "phone": "13800000000" });
    let taken = read(report(&service, &body), 201);
    assert!(!taken.to_string().contains("13800000000"));
    let path = format!("/v1/incidents/{}", taken["id"].as_str().unwrap());
    let shown = |key: &str| read(service.get(&path).bearer_auth(key).send().unwrap(), 200);
    assert_eq!(shown(DISPATCHER)["reporter"]["phone"], "13800000000");
    for key in [PLANNER, SCOPED] {
        assert!(!shown(key).to_string().contains("13800000000"));
    }
    for path in ["/v1/incidents", "/collections/incidents/items"] {
        assert!(!service.get(path).bearer_auth(DISPATCHER).send().unwrap().text().unwrap().contains("13800000000"), "{path}");
    }
}

#[test]
fn lists_are_filtered_and_go_on_page_by_page() {
    let service = service();
    let ids: Vec<String> = (0..5).map(|at| read(report(&service, &body_at(at % 3, 0)), 201)["id"].as_str().unwrap().to_owned()).collect();
    read(act(&service, &ids[1], &json!({ "action": "void", "reason": "不属实" })), 200);
    let list = |query: &str| read(service.get(&format!("/v1/incidents?{query}")).bearer_auth(DISPATCHER).send().unwrap(), 200);
    let found = |query: &str| -> Vec<String> {
        list(query)["incidents"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("open=true"), [&ids[0], &ids[2], &ids[3], &ids[4]].map(String::clone));
    assert_eq!(found("state=void"), [ids[1].clone()]);
    assert_eq!(found(&format!("grid={}", code_of(0, 0))), [ids[0].clone(), ids[3].clone()]);
    assert_eq!(found("overdue=true"), Vec::<String>::new());
    let (mut seen, mut page) = (Vec::new(), list("limit=2&open=true"));
    loop {
        seen.extend(page["incidents"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        let next = &next[next.find("/v1/").unwrap()..];
        page = read(service.get(next).bearer_auth(DISPATCHER).send().unwrap(), 200);
    }
    assert_eq!(seen, found("open=true"));
    let status = |query: &str| service.get(&format!("/v1/incidents?{query}")).bearer_auth(DISPATCHER).send().unwrap().status().as_u16();
    assert_eq!([status("open=perhaps"), status("limit=0"), status("after=x"), status("bbox=1,2,3")], [400; 4]);
}

#[test]
fn a_list_by_what_there_is_not_is_refused_with_what_there_is() {
    let service = service();
    let told = |query: &str| {
        let problem = read(service.get(&format!("/v1/incidents?{query}")).bearer_auth(DISPATCHER).send().unwrap(), 400);
        (problem["errors"][0]["parameter"].clone(), problem["errors"][0]["detail"].as_str().unwrap().to_owned())
    };
    let (parameter, detail) = told("state=lost");
    assert_eq!(parameter, "state");
    assert!(detail.contains("\"lost\" is no state of the workflow chinese-city; its states are pending_file, verifying, "), "{detail}");
    let (parameter, detail) = told("department=D9");
    assert_eq!((parameter, detail.ends_with("those that are named are D1, D2, D6")), (json!("department"), true), "{detail}");
    let (parameter, detail) = told("category=E0119");
    assert_eq!(parameter, "category");
    assert!(detail.starts_with("there is no category \"E0119\"") && detail.contains("E0110 name of E0110"), "{detail}");
    for (path, query) in
        [("/tiles/incidents", "state=lost"), ("/tiles/incidents", "category=E99"), ("/collections/incidents/items", "category=E0110:9")]
    {
        let answer = service.get(&format!("{path}?{query}")).bearer_auth(DISPATCHER).send().unwrap();
        assert_eq!(read(answer, 400)["errors"][0]["parameter"], query.split('=').next().unwrap(), "{path}?{query}");
    }
    // What cases stand in, whatever workflow they began under, is there.
    let event = CaseEvent { state: StateName("lost".into()), ..case_event() };
    let new = NewCase { events: vec![event], ..new_case(Case { category: "E99".into(), ..case_at(middle_of(2, 0)) }) };
    service.store.write_cases(vec![CaseWrite::Add(Box::new(new))]).unwrap();
    for query in ["state=lost", "category=E99"] {
        let list = read(service.get(&format!("/v1/incidents?{query}")).bearer_auth(DISPATCHER).send().unwrap(), 200);
        assert_eq!(list["incidents"].as_array().unwrap().len(), 1, "{query}");
    }
}

/// A service whose rules of last month had another category, and another department, than those of now.
fn service_with_other_rules_before() -> Service {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    let begin = |rules: &[RuleTable], from: Timestamp| {
        rules.iter().for_each(|table| {
            store.replace_rules(table, from, "test", from).unwrap();
        });
    };
    let now = Timestamp::now();
    let days_ago = |days: i64| now - SignedDuration::from_hours(24 * days);
    let former = vec![category("E0110", "4工作时", false), category("E0120", "4工作时", false)];
    begin(&[RuleTable::Categories(former), RuleTable::Responsibilities(vec![lead("E01", "431102", "D3")])], days_ago(60));
    let present = vec![category("E0110", "4工作时", false)];
    begin(&[RuleTable::Categories(present), RuleTable::Responsibilities(vec![lead("E01", "431102", "D1")])], days_ago(30));
    Service::start_on(store, Config::default(), false)
}

#[test]
fn what_only_the_rules_of_another_time_have_is_no_slip() {
    let service = service_with_other_rules_before();
    let status = |query: &str| service.get(&format!("/v1/incidents?{query}")).bearer_auth(DISPATCHER).send().unwrap().status().as_u16();
    assert_eq!(["department=D3", "category=E0120", "category=C01", "category=E0120:1"].map(status), [200; 4]);
    assert_eq!(["department=D9", "category=E0130", "category=E0120:2"].map(status), [400; 3]);
    // What is below a wider kind no more is found by it all the same.
    let old = NewCase {
        case: Case { category: "E0120".into(), ..case_at(middle_of(1, 0)) },
        events: vec![case_event()],
        photos: Vec::new(),
        reporter: Reporter::default(),
        token: None,
        near: None,
        border_m: None,
    };
    service.store.write_cases(vec![CaseWrite::Add(Box::new(old))]).unwrap();
    let list = read(service.get("/v1/incidents?category=E01").bearer_auth(DISPATCHER).send().unwrap(), 200);
    assert_eq!(list["incidents"].as_array().unwrap().len(), 1);
}

#[test]
fn whom_the_rules_of_its_own_time_name_gets_a_task_of_a_case_though_they_are_named_no_more() {
    let service = service_with_other_rules_before();
    let report_of = |days: i64| {
        let mut body = body_at(1, 0);
        body["reported_at"] = (Timestamp::now() - SignedDuration::from_hours(24 * days)).to_string().into();
        let id = read(report(&service, &body), 201)["id"].as_str().unwrap().to_owned();
        read(act(&service, &id, &json!({ "action": "file", "condition": "1" })), 200);
        id
    };
    let dispatch = |id: &str, department: &str, status: u16| {
        read(act(&service, id, &json!({ "action": "dispatch", "department": department })), status)
    };
    let (old, new) = (report_of(40), report_of(10));
    assert_eq!(dispatch(&old, "D9", 400)["errors"][0]["parameter"], "department");
    let told = dispatch(&new, "D3", 400);
    assert!(told["errors"][0]["detail"].as_str().unwrap().ends_with("those that are named are D1"), "{told}");
    let task = dispatch(&old, "D3", 200)["tasks"][0].clone();
    assert_eq!((&task["department"], &task["name"], &task["role"]), (&json!("D3"), &json!("name of D3"), &json!("lead")));
    assert_eq!(dispatch(&new, "D1", 200)["tasks"][0]["department"], "D1");
}

/// The first event of a case, as a city has it.
fn case_event() -> CaseEvent {
    let effect = Effect::Report;
    CaseEvent {
        seq: 1,
        at: Timestamp::now(),
        author: "test".into(),
        role: Role::Admin,
        action: ActionName(effect.as_str().into()),
        effect,
        state: StateName("pending_file".into()),
        is_end: false,
        facts: Facts::default(),
    }
}

#[test]
fn an_appeal_is_decided_by_another_person_and_not_by_another_key_of_theirs() {
    let service = service();
    // It was due long before it ended.
    let (reported, ended) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-03-01T00:00:00Z".parse().unwrap());
    let clock = ClockFact { department: None, stage: Stage::Total, limit: None, due_at: Some(reported), warn_at: None };
    let facts = Facts { clocks: vec![clock], ..Facts::default() };
    let first = CaseEvent { at: reported, facts, ..case_event() };
    let state = StateName("closed".into());
    let last = CaseEvent { seq: 2, at: ended, effect: Effect::SelfHandle, state, is_end: true, ..case_event() };
    let new = NewCase { events: vec![first, last], ..new_case(case_at(middle_of(2, 0))) };
    let id = new.case.id;
    service.store.write_cases(vec![CaseWrite::Add(Box::new(new))]).unwrap();
    for (key, worker) in [("desk of w1", Some("w1")), ("phone of w1", Some("w1")), ("desk of w2", Some("w2"))] {
        let hash = KeyHash(Sha256::digest(key.as_bytes()).into());
        let record = KeyRecord { worker: worker.map(|id| WorkerId(id.into())), ..KeyRecord::new(hash, Role::Dispatcher, reported) };
        service.store.add_key(&record, "test").unwrap();
    }
    service.state.set_keys(service.store.load_keys().unwrap());
    let act = |key: &str, action: &str, status: u16| {
        let request = service.request("POST", &format!("/v1/incidents/{id}/actions"));
        read(send(request, key, &json!({ "action": action, "reason": "x" })), status)
    };
    act("phone of w1", "appeal", 200);
    let refused = act("desk of w1", "review_appeal", 409);
    assert!(refused["detail"].as_str().unwrap().contains("who has appealed"), "{refused}");
    act("desk of w1", "reject_appeal", 409);
    let shown = read(service.get(&format!("/v1/incidents/{id}")).bearer_auth("desk of w1").send().unwrap(), 200);
    assert!(!shown["actions"].to_string().contains("_appeal"), "{shown}");
    assert_eq!(act("desk of w2", "review_appeal", 200)["appeal"], "reviewed");
}

/// A case to be written as it is, with a history of its own.
fn new_case(case: Case) -> NewCase {
    let (photos, reporter) = (Vec::new(), Reporter::default());
    NewCase { case, events: vec![case_event()], photos, reporter, token: None, near: None, border_m: None }
}

#[test]
fn a_wider_kind_finds_the_cases_of_all_categories_below_it() {
    let service = service();
    let report_as = |category: &str| {
        let mut body = body_at(0, 0);
        body["category"] = category.into();
        read(report(&service, &body), 201)["id"].as_str().unwrap().to_owned()
    };
    let ids = ["E0110", "E0110:1", "C0102"].map(report_as);
    let get = |path: &str| read(service.get(path).bearer_auth(DISPATCHER).send().unwrap(), 200);
    for (category, expected) in [("E01", &ids[..2]), ("E0110", &ids[..2]), ("C01", &ids[2..]), ("E0110:1", &ids[1..2]), ("E0601", &[])] {
        let list = get(&format!("/v1/incidents?category={category}"));
        let found: Vec<&str> = list["incidents"].as_array().unwrap().iter().map(|case| case["id"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{category}");
        let items = get(&format!("/collections/incidents/items?category={category}"));
        assert_eq!(items["numberMatched"], expected.len(), "{category}");
        let tiles = get(&format!("/tiles/incidents?category={category}"));
        assert_eq!(tiles["bounds"] == get("/tiles/incidents?category=E0601")["bounds"], expected.is_empty(), "{category}");
    }
}

#[test]
fn a_body_that_says_a_thing_twice_is_refused_and_nothing_is_kept() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let twice = format!("{{\"lon\":{lon},\"lat\":{lat},\"category\":\"E0110\",\"category\":\"C0102\"}}");
    let request = service.request("POST", "/v1/incidents").bearer_auth(DISPATCHER).header("content-type", "application/json");
    let problem = read(request.body(twice).send().unwrap(), 400);
    assert!(problem["detail"].as_str().unwrap().starts_with("the body has the member \"category\" twice"), "{problem}");
    let list = read(service.get("/v1/incidents").bearer_auth(DISPATCHER).send().unwrap(), 200);
    assert_eq!(list["incidents"], json!([]));
}

#[test]
fn many_who_report_at_once_are_all_taken_in() {
    let service = service();
    let ids: Vec<String> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..8)
            .map(|at| {
                let service = &service;
                scope.spawn(move || {
                    (0..10).map(|_| read(report(service, &body_at(at % 3, 0)), 201)["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
                })
            })
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let mut kept = ids.clone();
    kept.sort_unstable();
    kept.dedup();
    assert_eq!(kept.len(), 80);
    assert_eq!(service.store.load_case_events(0, 99).unwrap().len(), 80);
}
