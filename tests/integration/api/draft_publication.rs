//! What goes with the publication of a draft: its day, the posts, and what is counted in its units.

use std::sync::Arc;

use gridkeeper::boundary::{GenerationId, LayerName, UnitCode};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Role, WorkerId};
use gridkeeper::store::{KeyHash, KeyRecord};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::service::{PLANNER, SIDE, Service, code_of, middle_of};
use super::town::{grid_at, town};

const SECOND: &str = "second-key";

/// The town, with a draft of it that a second planner has approved as it is.
struct Approved {
    service: Service,
    draft: String,
}

impl Approved {
    fn new(body: &Value, operations: &[Value]) -> Self {
        let store = town();
        let hash = KeyHash(Sha256::digest(SECOND.as_bytes()).into());
        store.add_key(&KeyRecord::new(hash, Role::Planner, Timestamp::UNIX_EPOCH), "test").unwrap();
        let service = Service::start_on(store, Config::default(), false);
        let mut approved = Self { service, draft: "/v1/drafts".into() };
        let (status, made) = approved.ask(PLANNER, "POST", "", body);
        assert_eq!(status, 201, "{made}");
        approved.draft = format!("/v1/drafts/{}", made["id"].as_str().unwrap());
        for operation in operations {
            let (status, applied) = approved.ask(PLANNER, "POST", "/operations", operation);
            assert_eq!(status, 200, "{applied}");
        }
        assert_eq!(approved.ask(SECOND, "POST", "/approval", &json!({})).0, 200);
        approved
    }

    fn ask(&self, key: &str, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.service.request(method, &format!("{}{path}", self.draft)).bearer_auth(key).header("if-match", "*");
        let request = request.header("content-type", "application/json");
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        let response = request.send().unwrap();
        (response.status().as_u16(), response.json().unwrap_or_default())
    }

    fn publish(&self, body: &Value) -> (u16, Value) {
        self.ask(PLANNER, "POST", "/publication", body)
    }

    fn units_of(&self, worker: &str, at: Timestamp) -> Vec<String> {
        let roster = self.service.store.load_roster(at).unwrap().data;
        let rows = roster.assignments.iter().filter(|row| row.worker == WorkerId(worker.into()) && row.validity.contains(at));
        rows.map(|row| row.unit.to_string()).collect()
    }
}

fn split(column: usize, row: usize) -> Value {
    let (lon, lat) = middle_of(column, row);
    json!({ "op": "split", "level": "grid", "unit": grid_at(column, row), "line": [[lon, lat - SIDE], [lon, lat + SIDE]] })
}

#[test]
fn a_date_is_midnight_of_the_office() {
    let approved = Approved::new(&json!({ "title": "by date", "effective_from": "2098-05-01" }), &[]);
    assert_eq!(approved.ask(PLANNER, "GET", "", &Value::Null).1["effective_from"], "2098-04-30T16:00:00Z");
    for wrong in ["2099-02-30", "2099/01/01", "soon", "2099-01-01T00:00"] {
        let (status, refused) = approved.publish(&json!({ "effective_from": wrong }));
        assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("effective_from")), "{wrong}: {refused}");
    }
    let (status, made) = approved.publish(&json!({ "effective_from": "2099-01-01" }));
    assert_eq!((status, &made["effective_from"]), (201, &json!("2098-12-31T16:00:00Z")), "{made}");
}

#[test]
fn posts_go_to_units_of_the_draft_alone_and_each_once() {
    let approved = Approved::new(&json!({ "title": "posts" }), &[split(0, 0)]);
    let (held, free) = (grid_at(0, 0), grid_at(3, 3));
    let typed = format!("{}l", &free[..free.len() - 1]);
    for (moves, parts) in [
        (json!([{ "from": held, "to": typed }]), vec![held.as_str(), typed.as_str(), "no unit of the draft"]),
        (json!([{ "from": held, "to": held }]), vec![held.as_str(), "leave it out"]),
        (json!([{ "from": held, "to": free }, { "from": held, "to": grid_at(4, 3) }]), vec![held.as_str(), "name it once"]),
        (json!([{ "from": free, "to": held }]), vec![free.as_str(), "nobody has a post"]),
        (json!([{ "from": held, "to": free, "at": "x" }]), vec!["`from` and `to`"]),
        (json!([{ "from": held }]), vec!["`from` and `to`"]),
    ] {
        let (status, refused) = approved.publish(&json!({ "roster_moves": moves }));
        assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("roster_moves")), "{refused}");
        let detail = refused["detail"].as_str().unwrap();
        assert!(parts.iter().all(|part| detail.contains(part)), "{parts:?} in {detail}");
    }
    let ahead: Timestamp = "2099-01-01T00:00:00Z".parse().unwrap();
    let body = json!({ "roster_moves": [{ "from": held, "to": free }], "effective_from": ahead.to_string() });
    let (status, made) = approved.publish(&body);
    assert_eq!((status, &made["posts_moved"]), (201, &json!(1)), "{made}");
    let before = ahead - SignedDuration::from_secs(1);
    assert_eq!(approved.units_of("W-4711", before), ["431102".to_owned(), held.clone()]);
    assert_eq!(approved.units_of("W-4711", ahead), ["431102".to_owned(), free.clone()]);
    // To a coarser unit just as well.
    let approved = Approved::new(&json!({ "title": "up" }), &[]);
    let (status, made) = approved.publish(&json!({ "roster_moves": [{ "from": held, "to": &held[..9] }] }));
    assert_eq!((status, &made["posts_moved"]), (201, &json!(1)), "{made}");
}

#[test]
fn posts_that_go_on_a_day_that_has_begun_undo_nothing_of_it() {
    let approved = Approved::new(&json!({ "title": "today" }), &[]);
    let store = Arc::clone(&approved.service.store);
    let (now, held) = (Timestamp::now(), grid_at(0, 0));
    // Written since the day began.
    let mut roster = store.load_roster(now).unwrap().data;
    let mut row = roster.assignments.iter().find(|row| row.unit.as_str() == held).unwrap().clone();
    row.unit = UnitCode::parse(&grid_at(5, 5)).unwrap();
    roster.assignments.push(row);
    store.replace_roster(&roster, None, "another", now - SignedDuration::from_secs(60)).unwrap();
    let effective_from = (now - SignedDuration::from_hours(3)).to_string();
    let (status, made) =
        approved.publish(&json!({ "effective_from": effective_from, "roster_moves": [{ "from": held, "to": grid_at(3, 3) }] }));
    assert_eq!((status, &made["posts_moved"], &made["unheld"]), (201, &json!(1), &json!([])), "{made}");
    assert_eq!(approved.units_of("W-4711", Timestamp::now()), ["431102".to_owned(), grid_at(3, 3), grid_at(5, 5)]);
    assert!(approved.units_of("W-4711", now - SignedDuration::from_hours(1)).contains(&held), "what was before is not rewritten");
    assert_eq!(held, code_of(0, 0));
}

#[test]
fn loads_of_units_that_were_split_or_merged_are_published_as_the_draft_has_them() {
    let merge = json!({ "op": "merge", "level": "grid", "units": [grid_at(1, 0), grid_at(2, 0)] });
    let approved = Approved::new(&json!({ "title": "counted", "load_field": "households" }), &[merge, split(9, 3)]);
    let problems = approved.ask(PLANNER, "GET", "/problems", &Value::Null).1;
    assert_eq!((&problems["errors"], &problems["problems"]), (&json!(0), &json!([])), "{problems}");
    let count = |generation: u32| -> Vec<(String, f64)> {
        let stored = approved.service.store.load_generation(&LayerName::parse("grid").unwrap(), GenerationId(generation)).unwrap();
        let grids = stored.shapes.last().unwrap().iter();
        grids.map(|grid| (grid.unit.code.to_string(), grid.unit.properties["households"].as_f64().unwrap())).collect()
    };
    let before: f64 = count(2).iter().map(|(_, households)| households).sum();
    let (status, made) = approved.publish(&json!({ "accept_unheld": true }));
    assert_eq!(status, 201, "{made}");
    let after = count(4);
    let of = |code: &str| after.iter().find(|(known, _)| known == code).unwrap().1;
    assert_eq!(of(&grid_at(1, 0)), 5.0, "2 of one and 3 of the other");
    assert!((of(&grid_at(9, 3)) - 5.0).abs() < 1e-3, "half of 10: {after:?}");
    assert!((after.iter().map(|(_, households)| households).sum::<f64>() - before).abs() < 1e-6);
    assert_eq!(of(&grid_at(7, 7)), 8.0);
}

#[test]
fn figures_that_nobody_shared_out_are_warned_of_and_block_nothing() {
    let merge = json!({ "op": "merge", "level": "grid", "units": [grid_at(1, 0), grid_at(2, 0)] });
    // Without a field of loads, households are a figure like any.
    let approved = Approved::new(&json!({ "title": "not counted" }), &[merge, split(9, 3)]);
    let (status, problems) = approved.ask(PLANNER, "GET", "/problems", &Value::Null);
    assert_eq!((status, &problems["errors"], &problems["warnings"], &problems["publishable"]), (200, &json!(0), &json!(1), &json!(true)));
    let warning = &problems["problems"][0];
    assert_eq!((&warning["kind"], &warning["severity"], &warning["level"]), (&json!("not_recounted"), &json!("warning"), &json!("grid")));
    let units: Vec<&str> = warning["units"].as_array().unwrap().iter().map(|unit| unit.as_str().unwrap()).collect();
    assert!(units.len() == 3 && units.contains(&grid_at(1, 0).as_str()) && units.contains(&grid_at(9, 3).as_str()), "{warning}");
    assert!(warning["detail"].as_str().unwrap().contains("households"), "{warning}");
    assert_eq!(approved.publish(&json!({ "accept_unheld": true })).0, 201);
}

#[test]
fn a_field_of_loads_has_numbers() {
    let approved = Approved::new(&json!({ "title": "first" }), &[]);
    let service = &approved.service;
    let begin = |field: &str| {
        let body = json!({ "load_field": field }).to_string();
        let request = service.request("POST", "/v1/drafts").bearer_auth(PLANNER).header("content-type", "application/json").body(body);
        let response = request.send().unwrap();
        (response.status().as_u16(), response.json::<Value>().unwrap())
    };
    let (status, refused) = begin("housholds");
    assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("load_field")), "{refused}");
    let detail = refused["detail"].as_str().unwrap();
    assert!(detail.contains("no unit of level grid has it") && detail.contains("are: households"), "{detail}");
    assert_eq!(begin("households").0, 201);
    // One that is no number, or below nothing, is named with its unit.
    let layer = LayerName::parse("grid").unwrap();
    for (wrong, said) in [(json!("many"), "is no number"), (json!(-3), "below 0")] {
        let mut stored = service.store.load_generation(&layer, GenerationId(2)).unwrap();
        let mut shapes = stored.shapes.pop().unwrap();
        shapes[7].unit.properties.insert("households".into(), wrong);
        let code = shapes[7].unit.code.to_string();
        let options = gridkeeper::app::PublishOptions {
            rules: gridkeeper::topology::Rules::default(),
            state: gridkeeper::boundary::GenerationState::Published,
            effective_from: None,
            author: "test".into(),
            note: String::new(),
            reuses_codes: false,
            gives_up_future: true,
            from: None,
            made_on: None,
        };
        let new =
            gridkeeper::app::NewLevel { level: stored.layer.levels.last().unwrap().clone(), layer: stored.layer, shapes, merge: false };
        assert!(gridkeeper::app::publish(&*service.store, new, &options).unwrap().generation.is_some());
        let (status, refused) = begin("households");
        let detail = refused["detail"].as_str().unwrap();
        assert!(status == 400 && detail.contains(&code) && detail.contains(said), "{refused}");
    }
}
