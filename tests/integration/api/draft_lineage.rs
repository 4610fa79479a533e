//! Drafts that come of others: what they take over, what they are compared with, and who may approve them.

use std::sync::Arc;

use gridkeeper::app::{NewLevel, PublishError, PublishOptions, Published, publish};
use gridkeeper::boundary::{GenerationId, GenerationState, LayerName, Level};
use gridkeeper::config::Config;
use gridkeeper::dispatch::Role;
use gridkeeper::store::{KeyHash, KeyRecord};
use gridkeeper::topology::Rules;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::service::{PLANNER, SIDE, Service, middle_of};
use super::town::{COMMUNITIES, grid_at, town};

const SECOND: &str = "second-key";
const THIRD: &str = "third-key";

/// The town, of which generation 2 is the newest, with three planners.
fn start() -> Service {
    let store = town();
    for key in [SECOND, THIRD] {
        let hash = KeyHash(Sha256::digest(key.as_bytes()).into());
        store.add_key(&KeyRecord::new(hash, Role::Planner, Timestamp::UNIX_EPOCH), "test").unwrap();
    }
    Service::start_on(store, Config::default(), false)
}

fn ask(service: &Service, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let request = service.request(method, path).bearer_auth(key).header("if-match", "*").header("content-type", "application/json");
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    let response = request.send().unwrap();
    (response.status().as_u16(), response.json().unwrap_or_default())
}

fn done(service: &Service, key: &str, method: &str, path: &str, body: &Value) -> Value {
    let (status, told) = ask(service, key, method, path, body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {told}");
    told
}

fn begin(service: &Service, key: &str, body: &Value) -> String {
    let made = done(service, key, "POST", "/v1/drafts", body);
    format!("/v1/drafts/{}", made["id"].as_str().unwrap())
}

fn edit(service: &Service, key: &str, draft: &str, operations: &Value) {
    done(service, key, "POST", &format!("{draft}/operations"), operations);
}

fn get(service: &Service, path: &str) -> Value {
    done(service, PLANNER, "GET", path, &Value::Null)
}

fn publish_draft(service: &Service, draft: &str) -> Value {
    done(service, THIRD, "POST", &format!("{draft}/approval"), &json!({}));
    done(service, PLANNER, "POST", &format!("{draft}/publication"), &json!({ "accept_unheld": true }))
}

fn split(column: usize, row: usize) -> Value {
    let (lon, lat) = middle_of(column, row);
    json!({ "op": "split", "level": "grid", "unit": grid_at(column, row), "line": [[lon, lat - SIDE], [lon, lat + SIDE]] })
}

fn rename(column: usize, row: usize, name: &str) -> Value {
    json!({ "op": "change", "level": "grid", "unit": grid_at(column, row), "name": name })
}

/// What a comparison says of units, without figures that depend on the order of adding.
fn told(comparison: &Value) -> Vec<Value> {
    let unit = |unit: &Value| {
        let load = |member: &str| unit[member].as_f64().map(|load| (load * 1e6).round());
        json!([
            unit["level"],
            unit["change"],
            unit["code"],
            unit["code_before"],
            unit["name"],
            unit["name_before"],
            unit["parent"],
            unit["parent_before"],
            load("load"),
            load("load_before"),
            unit["area_m2"].as_f64().map(f64::round),
            unit["area_m2_before"].as_f64().map(f64::round),
        ])
    };
    comparison["units"].as_array().unwrap().iter().map(unit).collect()
}

#[test]
fn no_draft_begins_from_one_that_would_take_back_what_was_published_since() {
    let service = start();
    let stale = begin(&service, PLANNER, &json!({ "title": "stale" }));
    edit(&service, PLANNER, &stale, &split(3, 3));
    let other = begin(&service, PLANNER, &json!({ "title": "other" }));
    edit(&service, PLANNER, &other, &rename(5, 1, "新"));
    let made = publish_draft(&service, &other);
    assert_eq!(made["generation"], 5);
    let (status, refused) = ask(&service, PLANNER, "POST", "/v1/drafts", &json!({ "title": "again", "from": 3 }));
    assert_eq!((status, &refused["type"]), (409, &json!("urn:gridkeeper:problem:superseded")), "{refused}");
    assert!(refused["detail"].as_str().unwrap().contains("begin one from generation 5"), "{refused}");
    // What was published as the newest is the newest.
    let on_top = begin(&service, PLANNER, &json!({ "title": "on top", "from": 4 }));
    let comparison = get(&service, &format!("{on_top}/comparison"));
    assert_eq!((&comparison["from"], &comparison["units"]), (&json!(5), &json!([])));
    edit(&service, PLANNER, &on_top, &rename(6, 1, "新"));
    publish_draft(&service, &on_top);
    assert_eq!(ask(&service, PLANNER, "POST", "/v1/drafts", &json!({ "from": 4 })).0, 409);
}

#[test]
fn what_a_draft_changes_is_a_sheet_to_be_signed_in_two_languages() {
    let service = start();
    let draft = begin(
        &service,
        PLANNER,
        &json!({
            "title": "<script>alert('north')</script>", "load_field": "households", "effective_from": "2030-01-02",
        }),
    );
    edit(&service, PLANNER, &draft, &json!({ "op": "merge", "level": "grid", "units": [grid_at(0, 0), grid_at(1, 0)] }));
    edit(&service, PLANNER, &draft, &rename(15, 8, "<b>\"新\"</b>"));
    edit(&service, PLANNER, &draft, &json!({ "op": "reassign", "level": "grid", "units": [grid_at(9, 2)], "to": COMMUNITIES[1] }));
    let response = service.get(&format!("{draft}/comparison?f=html")).bearer_auth(PLANNER).send().unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"), "{policy}");
    let page = response.text().unwrap();
    let totals = get(&service, &format!("{draft}/comparison"))["totals"].clone();
    let area = format!("<td class=\"n\">{:.0}</td>", totals["reassigned_area_m2"].as_f64().unwrap());
    let load = format!("<td class=\"n\">{}</td>", totals["reassigned_load"].as_f64().unwrap());
    for said in [
        "What draft 3 changes",
        "草案 3 变更对照",
        "layer <span lang=\"zh\">图层</span></th><td>grid</td>",
        "revision <span lang=\"zh\">修订</span></th><td>4</td>",
        "stands on generation <span lang=\"zh\">所依据的版本</span></th><td>2</td>",
        "in effect from <span lang=\"zh\">生效日期</span></th><td>2030-01-02 00:00 +08:00</td>",
        "units that end <span lang=\"zh\">撤销单元</span></th><td class=\"n\">1</td>",
        "units of another parent <span lang=\"zh\">改属单元</span></th><td class=\"n\">1</td>",
        "area of another parent, m² <span lang=\"zh\">改属面积（平方米）</span>",
        &area,
        "load of another parent (households) <span lang=\"zh\">改属负荷（households）</span>",
        &load,
        "workers concerned <span lang=\"zh\">涉及人员</span>",
        "<path class=\"before\"",
        "<path class=\"after\"",
        "<path class=\"wide\"",
        &format!("{} → —", grid_at(1, 0)),
        &format!("{} → {}", COMMUNITIES[0], COMMUNITIES[1]),
        "&lt;b&gt;&quot;新&quot;&lt;/b&gt;",
        "Approved by, date <span lang=\"zh\">审批人、日期</span>",
        "Not approved in the service.",
        "系统中尚未审批。",
    ] {
        assert!(page.contains(said), "{said}\n{page}");
    }
    for markup in ["<script", "<b>", "src=", "href=", "url("] {
        assert!(!page.contains(markup), "{markup}\n{page}");
    }

    // Who approved it, and as of which revision, is told when somebody has.
    done(&service, THIRD, "POST", &format!("{draft}/approval"), &json!({}));
    let page = service.get(&format!("{draft}/comparison?f=html")).bearer_auth(PLANNER).send().unwrap().text().unwrap();
    assert!(page.contains("as of revision 5") && page.contains("在系统中审批（修订 5）"), "{page}");
}

#[test]
fn a_draft_of_a_draft_is_compared_with_the_generation_that_both_stand_on() {
    let service = start();
    let first = begin(&service, PLANNER, &json!({ "title": "first", "load_field": "households" }));
    let code = format!("{}777", COMMUNITIES[3]);
    edit(&service, PLANNER, &first, &split(3, 3));
    edit(&service, PLANNER, &first, &json!({ "op": "merge", "level": "grid", "units": [grid_at(0, 0), grid_at(1, 0)] }));
    edit(&service, PLANNER, &first, &json!({ "op": "change", "level": "grid", "unit": grid_at(15, 8), "code": code, "name": "另" }));
    edit(&service, PLANNER, &first, &json!({ "op": "reassign", "level": "grid", "units": [grid_at(9, 2)], "to": COMMUNITIES[1] }));
    let compared = get(&service, &format!("{first}/comparison"));
    let second = begin(&service, SECOND, &json!({ "title": "second", "from": 3 }));
    let again = get(&service, &format!("{second}/comparison"));
    assert!(told(&compared).len() >= 6, "{compared}");
    assert_eq!((told(&again), &again["from"], &again["totals"]["begun"]), (told(&compared), &json!(2), &json!(1)), "{again}");
    let changed = |draft: &str| get(&service, draft)["metrics"]["changed"].clone();
    assert_eq!(changed(&second), changed(&first));
    let page = service.get(&format!("{second}/comparison?f=html")).bearer_auth(PLANNER).send().unwrap().text().unwrap();
    assert!(page.contains(&code) && page.contains(&grid_at(1, 0)), "what has ended is on the page too: {page}");
    let units = get(&service, &format!("{second}/units?codes={code},{}", grid_at(0, 0)));
    let changes: Vec<&Value> = units["features"].as_array().unwrap().iter().map(|unit| &unit["properties"]["change"]).collect();
    assert_eq!(changes, ["renamed", "reshaped"], "{units}");

    // Steps of its own come on top, and what they take back is gone.
    edit(&service, SECOND, &second, &split(7, 7));
    let back = json!({ "op": "change", "level": "grid", "unit": code, "name": "网格" });
    edit(&service, SECOND, &second, &back);
    edit(&service, SECOND, &second, &json!({ "op": "reassign", "level": "grid", "units": [grid_at(9, 2)], "to": COMMUNITIES[0] }));
    let last = get(&service, &format!("{second}/comparison"));
    let of = |code: &str| last["units"].as_array().unwrap().iter().find(|unit| unit["code"] == code).cloned();
    assert_eq!((&last["totals"]["begun"], of(&grid_at(9, 2))), (&json!(2), None), "{last}");
    assert_eq!(of(&code).unwrap()["name_before"], "网格");
    // Another process, that reads the logs from their beginning, says the same.
    let store = Arc::clone(&service.store);
    drop(service);
    let service = Service::start_on(store, Config::default(), false);
    assert_eq!(told(&get(&service, &format!("{second}/comparison"))), told(&last));
}

#[test]
fn who_drew_what_a_draft_came_from_does_not_approve_it() {
    let service = start();
    let first = begin(&service, PLANNER, &json!({ "title": "first" }));
    edit(&service, PLANNER, &first, &split(3, 3));
    begin(&service, SECOND, &json!({ "title": "second", "from": 3 }));
    let third = begin(&service, SECOND, &json!({ "title": "third", "from": 4 }));
    let approve = |key: &str| ask(&service, key, "POST", &format!("{third}/approval"), &json!({})).0;
    // Who writes on the first draft afterwards has no part in this one.
    edit(&service, THIRD, &first, &split(7, 7));
    assert_eq!((approve(PLANNER), approve(SECOND), approve(THIRD)), (403, 403, 200));
}

#[test]
fn a_draft_of_a_draft_keeps_its_loads_and_locks() {
    let service = start();
    let first = begin(&service, PLANNER, &json!({ "title": "first", "load_field": "households" }));
    edit(&service, PLANNER, &first, &split(9, 3));
    let locks = json!([
        { "op": "lock", "level": "grid", "units": [grid_at(3, 3), grid_at(4, 4)], "locked": true },
        { "op": "lock", "level": "community", "units": [COMMUNITIES[2]], "locked": true },
    ]);
    edit(&service, PLANNER, &first, &locks);
    let second = begin(&service, SECOND, &json!({ "title": "second", "from": 3 }));
    let (one, two) = (get(&service, &first), get(&service, &second));
    assert_eq!((&two["load_field"], &two["revision"]), (&json!("households"), &json!(2)));
    let levels = |draft: &Value| -> Vec<(String, u64, f64)> {
        let levels = draft["metrics"]["levels"].as_array().unwrap().iter();
        let level = |level: &Value| {
            let sum = (level["load"]["cv"].as_f64().unwrap() * 1e9).round();
            (level["level"].as_str().unwrap().to_owned(), level["locked"].as_u64().unwrap(), sum)
        };
        levels.map(level).collect()
    };
    assert_eq!(levels(&two), levels(&one));
    assert_eq!(levels(&two).iter().map(|(_, locked, _)| *locked).sum::<u64>(), 3);
    let (status, refused) = ask(&service, SECOND, "POST", &format!("{second}/operations"), &split(3, 3));
    assert_eq!((status, &refused["reason"]), (422, &json!("locked")), "{refused}");
    let log = get(&service, &format!("{second}/operations"));
    let kinds: Vec<&str> = log["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["open", "apply"]);
}

/// Brings the grids of a draft back as a file does, with the first two joined.
fn import_joined(service: &Service, from: u32) -> Result<Published, PublishError> {
    let layer = LayerName::parse("grid").unwrap();
    let mut stored = service.store.load_generation(&layer, GenerationId(2)).unwrap();
    let mut shapes = stored.shapes.pop().unwrap();
    let second = shapes.remove(1);
    shapes[0].geometry = geo::BooleanOps::union(&shapes[0].geometry, &second.geometry);
    let options = PublishOptions {
        rules: Rules::default(),
        state: GenerationState::Draft,
        effective_from: None,
        author: "command line".into(),
        note: "came back".into(),
        reuses_codes: false,
        gives_up_future: false,
        from: Some(GenerationId(from)),
        made_on: None,
    };
    let new = NewLevel { layer: stored.layer, level: Level::parse("grid").unwrap(), shapes, merge: false };
    publish(&*service.store, new, &options)
}

#[test]
fn what_was_locked_comes_back_from_a_file_as_it_was_or_not_at_all() {
    let service = start();
    let first = begin(&service, PLANNER, &json!({ "title": "first" }));
    for (unit, what) in [(grid_at(0, 0), "has other borders"), (grid_at(1, 0), "is not there")] {
        let lock = |locked: bool| json!({ "op": "lock", "level": "grid", "units": [&unit], "locked": locked });
        edit(&service, PLANNER, &first, &lock(true));
        let refused = import_joined(&service, 3).unwrap_err();
        let said = refused.to_string();
        assert!(refused.is_conflict() && said.contains(&unit) && said.contains(what) && said.contains(" at 111."), "{said}");
        edit(&service, PLANNER, &first, &lock(false));
    }
    assert!(import_joined(&service, 3).unwrap().generation.is_some());
}

#[test]
fn a_draft_that_was_edited_elsewhere_says_what_it_changes_and_keeps_what_was_locked() {
    let service = start();
    let first = begin(&service, PLANNER, &json!({ "title": "first", "load_field": "households" }));
    let lock = json!({ "op": "lock", "level": "grid", "units": [grid_at(4, 4)], "locked": true });
    edit(&service, PLANNER, &first, &lock);
    for from in [3, 2] {
        let made = import_joined(&service, from).unwrap().generation.unwrap();
        let draft = format!("/v1/drafts/{}", made.id);
        let comparison = get(&service, &format!("{draft}/comparison"));
        let totals = &comparison["totals"];
        assert_eq!((&comparison["from"], &totals["ended"], &totals["reshaped"]), (&json!(2), &json!(1), &json!(1)), "{comparison}");
        let csv = service.get(&format!("{draft}/comparison?f=csv")).bearer_auth(PLANNER).send().unwrap().text().unwrap();
        assert!(csv.contains(&format!("grid,ended,{}", grid_at(1, 0))), "{csv}");
        let found = get(&service, &draft);
        let finest = found["metrics"]["levels"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(found["metrics"]["changed"]["ended"], 1);
        let is_of_draft = from == 3;
        assert_eq!((finest["locked"].as_u64(), found["load_field"].is_string()), (Some(u64::from(is_of_draft)), is_of_draft));
        let approved = ask(&service, PLANNER, "POST", &format!("{draft}/approval"), &json!({})).0;
        assert_eq!(approved, if is_of_draft { 403 } else { 200 }, "who drew the draft has drawn this one too");
    }
}
