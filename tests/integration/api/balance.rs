//! Plans for a draft: what is found keeps to what was asked, changes nothing by itself, and does what it says when it is taken.

use std::io::{BufRead as _, BufReader};
use std::time::Instant;

use reqwest::blocking::Response;
use serde_json::{Value, json};

use super::service::{COLUMNS, ROWS, Service};
use super::town::{COMMUNITIES, ask, grid_at, send, start};
use crate::support::PATIENCE;

/// The events of a stream, read as they come.
struct Events(BufReader<Response>);

impl Events {
    fn of(service: &Service, path: &str, body: &Value) -> Self {
        let response = send(service, "POST", path, Some("*"), "text/event-stream", body);
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(BufReader::new(response))
    }

    fn next(&mut self) -> Option<(String, Value)> {
        let (mut name, mut line) = (String::new(), String::new());
        while self.0.read_line(&mut line).unwrap() > 0 {
            if let Some(event) = line.trim_end().strip_prefix("event: ") {
                name = event.to_owned();
            }
            if let Some(data) = line.trim_end().strip_prefix("data: ") {
                return Some((name, serde_json::from_str(data).unwrap()));
            }
            line.clear();
        }
        None
    }

    fn last(mut self) -> (String, Value) {
        let mut last = None;
        while let Some(event) = self.next() {
            last = Some(event);
        }
        last.expect("a stream has events")
    }
}

fn names_moved(plan: &Value) -> Vec<(String, String)> {
    let moves = plan["operation"]["assignments"].as_array().into_iter().flatten();
    moves.map(|one| (one["unit"].as_str().unwrap().to_owned(), one["to"].as_str().unwrap().to_owned())).collect()
}

#[test]
fn a_plan_changes_nothing_until_its_operation_is_sent() {
    let (service, draft) = start();
    let (balance, operations) = (format!("{draft}/balance"), format!("{draft}/operations"));
    let (status, plan) = ask(&service, "POST", &balance, Some("*"), &json!({}));
    assert_eq!(status, 200, "{plan}");
    assert_eq!((&plan["mode"], &plan["level"], &plan["district_level"]), (&json!("warm"), &json!("grid"), &json!("community")));
    let imbalance = |measures: &Value| measures["balance"]["imbalance_max"].as_f64().unwrap();
    assert!(imbalance(&plan["today"]) > 0.4 && imbalance(&plan["metrics"]) <= 0.05 + 1e-9, "{plan}");
    for nothing in ["torn", "parent_crossings", "unassigned"] {
        assert_eq!(plan["metrics"][nothing], 0, "{nothing}");
    }
    assert!(plan["changes"][0]["text"].as_str().unwrap().contains("takes"), "{}", plan["changes"]);
    // Nothing has happened.
    assert_eq!(ask(&service, "GET", &draft, None, &Value::Null).1["revision"], 1);

    let (status, applied) = ask(&service, "POST", &operations, Some("*"), &plan["operation"]);
    assert_eq!((status, &applied["revision"]), (200, &json!(2)), "{applied}");
    let (_, units) = ask(&service, "GET", &format!("{draft}/units?level=community"), None, &Value::Null);
    for unit in units["features"].as_array().unwrap() {
        let load = unit["properties"]["load"].as_f64().unwrap();
        assert!((load / 525.0 - 1.0).abs() <= 0.05 + 1e-9, "{}: {load}", unit["id"]);
    }
    // What is even needs nothing.
    let (status, again) = ask(&service, "POST", &balance, Some("*"), &json!({}));
    assert_eq!((status, &again["operation"], &again["revision"]), (200, &Value::Null, &json!(2)), "{again}");
}

#[test]
fn what_is_locked_in_the_draft_stays_and_lets_nothing_in() {
    let (service, draft) = start();
    let (balance, operations) = (format!("{draft}/balance"), format!("{draft}/operations"));
    // In the south a column by the border, in the north a whole community.
    let column: Vec<String> = (0..ROWS / 2 - 1).map(|row| grid_at(COLUMNS / 2, row)).collect();
    let locks = json!([
        { "op": "lock", "level": "grid", "units": column, "locked": true },
        { "op": "lock", "level": "community", "units": [COMMUNITIES[2]], "locked": true },
    ]);
    assert_eq!(ask(&service, "POST", &operations, Some("*"), &locks).0, 200);
    // With the whole column nothing can cross, and it is said who stays outside.
    let walled = json!({ "lock": [COMMUNITIES[3], grid_at(0, 0), grid_at(COLUMNS / 2, ROWS / 2 - 1)] });
    let (status, plan) = ask(&service, "POST", &balance, Some("*"), &walled);
    assert_eq!((status, &plan["operation"]), (200, &Value::Null), "{plan}");
    let outside: Vec<&Value> = plan["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == "outside").collect();
    assert_eq!(outside.iter().map(|finding| &finding["district"]).collect::<Vec<_>>(), [COMMUNITIES[0], COMMUNITIES[1]], "{plan}");
    let (status, plan) = ask(&service, "POST", &balance, Some("*"), &json!({ "tolerance": 0.1, "lock": [COMMUNITIES[3], grid_at(0, 0)] }));
    assert_eq!((status, plan["metrics"]["districts"].as_u64()), (200, Some(3)), "the locked community is left out: {plan}");
    let moved = names_moved(&plan);
    assert!(!moved.is_empty(), "{plan}");
    for (unit, to) in &moved {
        assert!(to.starts_with("431102001") && !column.contains(unit) && *unit != grid_at(0, 0), "{unit} goes to {to}");
    }
    let (status, applied) = ask(&service, "POST", &operations, Some("*"), &plan["operation"]);
    assert_eq!(status, 200, "{applied}");
    // With all locked there is nothing to share out.
    let all = json!({ "op": "lock", "level": "community", "units": [COMMUNITIES[0], COMMUNITIES[1], COMMUNITIES[3]], "locked": true });
    assert_eq!(ask(&service, "POST", &operations, Some("*"), &all).0, 200);
    assert_eq!(ask(&service, "POST", &balance, Some("*"), &json!({})).0, 422);
}

#[test]
fn more_districts_begin_under_codes_that_nobody_ever_had() {
    let (service, draft) = start();
    let (status, plan) =
        ask(&service, "POST", &format!("{draft}/balance"), Some("*"), &json!({ "into": 6, "mode": "redraw", "tolerance": 0.1 }));
    assert_eq!((status, plan["metrics"]["districts"].as_u64()), (200, Some(6)), "{plan}");
    let (status, applied) = ask(&service, "POST", &format!("{draft}/operations"), Some("*"), &plan["operation"]);
    assert_eq!(status, 200, "{applied}");
    let (_, problems) = ask(&service, "GET", &format!("{draft}/problems"), None, &Value::Null);
    assert_eq!(problems["errors"], 0, "{problems}");
    let (_, units) = ask(&service, "GET", &format!("{draft}/units?level=community"), None, &Value::Null);
    assert_eq!(units["features"].as_array().unwrap().len(), 6);
}

#[test]
fn what_is_proposed_is_taken_whatever_was_merged_before() {
    let (service, draft) = start();
    let (balance, operations) = (format!("{draft}/balance"), format!("{draft}/operations"));
    let communities = || -> Vec<String> {
        let (_, units) = ask(&service, "GET", &format!("{draft}/units?level=community"), None, &Value::Null);
        let mut codes: Vec<String> = units["features"].as_array().unwrap().iter().map(|unit| unit["id"].as_str().unwrap().into()).collect();
        codes.sort_unstable();
        codes
    };
    for (round, mode) in ["warm", "redraw", "warm", "redraw"].into_iter().enumerate() {
        // Of one street or the other, so that a code of the base ends, or one that began since.
        let of_street: Vec<String> =
            communities().into_iter().filter(|code| code.starts_with(&COMMUNITIES[2 * (round % 2)][..9])).collect();
        let kept = &of_street[round / 2];
        let merge = json!({ "op": "merge", "level": "community", "units": of_street, "into": kept });
        let (status, merged) = ask(&service, "POST", &operations, Some("*"), &merge);
        assert_eq!(status, 200, "{merged}");
        let into = communities().len() + 1;
        let (status, plan) = ask(&service, "POST", &balance, Some("*"), &json!({ "into": into, "mode": mode, "tolerance": 0.3 }));
        assert_eq!((status, plan["metrics"]["districts"].as_u64()), (200, Some(into as u64)), "{plan}");
        let (status, applied) = ask(&service, "POST", &operations, Some("*"), &plan["operation"]);
        assert_eq!(status, 200, "{mode} after {merge}: {applied}");
        assert_eq!(communities().len(), into);
    }
}

#[test]
fn a_stream_tells_how_far_a_plan_is_and_ends_with_it() {
    let (service, draft) = start();
    let balance = format!("{draft}/balance");
    let mut events = Events::of(&service, &balance, &json!({ "seed": 7 }));
    let (name, started) = events.next().unwrap();
    assert_eq!(name, "started");
    // Two streets, of which each has two communities and must share 1,050 households out.
    let communities: Vec<(&str, f64, u64)> = started["communities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["code"].as_str().unwrap(), one["load"].as_f64().unwrap(), one["districts"].as_u64().unwrap()))
        .collect();
    assert_eq!(communities, [("431102001", 1050.0, 2), ("431102002", 1050.0, 2)]);
    let (name, mut result) = events.last();
    assert_eq!(name, "result", "{result}");
    let (_, mut plan) = ask(&service, "POST", &balance, Some("*"), &json!({ "seed": 7 }));
    for told in [&mut result, &mut plan] {
        told["seconds"].take();
    }
    assert_eq!(result, plan, "the same seed makes the same plan, however it is asked for");
}

#[test]
fn a_plan_that_is_stopped_is_the_best_so_far() {
    let (service, draft) = start();
    let balance = format!("{draft}/balance");
    let mut events = Events::of(&service, &balance, &json!({ "seconds": 600 }));
    let (_, started) = events.next().unwrap();
    let run = started["run"].as_str().unwrap();
    let began = Instant::now();
    assert_eq!(send(&service, "DELETE", &format!("{balance}/{run}"), None, "application/json", &Value::Null).status(), 202);
    let (name, result) = events.last();
    assert!(began.elapsed() < PATIENCE);
    assert_eq!((name.as_str(), &result["finished"]), ("result", &json!(false)), "{result}");
    assert_eq!(result["metrics"]["torn"], 0);
    assert_eq!(send(&service, "DELETE", &format!("{balance}/{run}"), None, "application/json", &Value::Null).status(), 404);
}

#[test]
fn two_plans_are_looked_for_at_once_and_who_leaves_makes_room() {
    let (service, draft) = start();
    let balance = format!("{draft}/balance");
    let long = json!({ "seconds": 600 });
    let mut both = [Events::of(&service, &balance, &long), Events::of(&service, &balance, &long)];
    both.iter_mut().for_each(|events| assert_eq!(events.next().unwrap().0, "started"));
    let (status, refused) = ask(&service, "POST", &balance, Some("*"), &json!({}));
    assert_eq!((status, &refused["type"]), (503, &json!("urn:gridkeeper:problem:overloaded")));
    drop(both);
    let until = Instant::now() + PATIENCE;
    while ask(&service, "POST", &balance, Some("*"), &json!({})).0 != 200 {
        assert!(Instant::now() < until, "nobody made room");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_all_that_is_wrong() {
    let (service, draft) = start();
    let balance = format!("{draft}/balance");
    assert_eq!(ask(&service, "POST", &balance, None, &json!({})).0, 428);
    let wrong = json!({ "into": 0, "mode": "hot", "tolerance": 2, "floor": 5, "ceiling": 4, "load": ":", "seconds": 0, "people": 3 });
    let (status, refused) = ask(&service, "POST", &balance, Some("*"), &wrong);
    let mut named: Vec<&str> = refused["errors"].as_array().unwrap().iter().map(|error| error["parameter"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!((status, named), (400, vec!["floor", "into", "load", "mode", "people", "seconds", "tolerance"]), "{refused}");
    for (body, parameter) in
        [(json!({ "level": "block" }), "level"), (json!({ "level": "district" }), "level"), (json!({ "load": "beds" }), "load")]
    {
        let (status, refused) = ask(&service, "POST", &balance, Some("*"), &body);
        assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!(parameter)), "{refused}");
    }
    // Several loads are added up in a measure of their own, in which nobody knows a bound.
    let several = json!({ "load": "households:2,units:1", "floor": 5, "ceiling": 400 });
    let (status, refused) = ask(&service, "POST", &balance, Some("*"), &several);
    let told: Vec<&str> = refused["errors"].as_array().unwrap().iter().map(|error| error["detail"].as_str().unwrap()).collect();
    assert!(status == 400 && told[0].contains("at_least") && told[1].contains("at_most"), "{refused}");
    let floors = |least: &str, most: &str| ask(&service, "POST", &balance, Some("*"), &json!({ "at_least": least, "at_most": most }));
    let (status, refused) = floors("units:9", "units:8");
    assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("at_least")), "{refused}");
    let (status, told) = floors("units:20,area_km2:0.01", "units:80");
    assert!(status == 200 && !told["findings"].to_string().contains("limit"), "{told}");
    let (_, told) = floors("units:51", "units:80");
    assert!(told["findings"].to_string().contains("under_limit"), "{told}");
    let (status, refused) = ask(&service, "POST", &balance, Some("*"), &json!({ "lock": ["431102009"] }));
    assert!(status == 422 && refused["detail"].as_str().unwrap().contains("431102009"), "{refused}");
    assert_eq!(ask(&service, "POST", &balance, Some("*"), &json!({ "into": 1 })).0, 422, "two streets need two districts");
    // What is published has ended.
    assert_eq!(send(&service, "DELETE", &draft, Some("*"), "application/json", &Value::Null).status().as_u16() / 100, 2);
    assert_eq!(ask(&service, "POST", &balance, Some("*"), &json!({})).0, 409);
}

#[test]
fn workers_are_shared_out_by_load_before_a_border_is_moved() {
    let (service, draft) = start();
    let staffing = format!("{draft}/staffing");
    let get = |query: &str| ask(&service, "GET", &format!("{staffing}{query}"), None, &Value::Null);
    // Of streets and their communities: two each today, and the same load.
    let (status, told) = get("?cost=3000&what_if=4..8/2&ceiling=300");
    assert_eq!(status, 200, "{told}");
    let rows: Vec<(&Value, &Value, &Value)> =
        told["parents"].as_array().unwrap().iter().map(|row| (&row["parent"], &row["workers_today"], &row["workers"])).collect();
    assert_eq!(rows, [(&json!("431102001"), &json!(2), &json!(2)), (&json!("431102002"), &json!(2), &json!(2))]);
    assert_eq!((&told["staffing"]["cost"], &told["fewest_under_ceiling"]), (&json!(12_000.0), &json!(8)));
    let what_if: Vec<(u64, u64)> = told["what_if"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["workers"].as_u64().unwrap(), one["over_ceiling"].as_u64().unwrap()))
        .collect();
    assert_eq!(what_if, [(4, 4), (6, 6), (8, 0)]);
    let csv = send(&service, "GET", &format!("{staffing}?f=csv&workers=5"), None, "*/*", &Value::Null).text().unwrap();
    assert_eq!(csv, "parent,load,workers_today,workers,load_per_worker\n431102001,1050,2,3,350\n431102002,1050,2,2,525\n");
    for (query, parameter) in [
        ("?workers=0", "workers"),
        ("?method=fair", "method"),
        ("?what_if=9..1", "what_if"),
        ("?ceiling=-1", "ceiling"),
        ("?load=households,x&ceiling=9", "ceiling"),
    ] {
        let (status, refused) = get(query);
        assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!(parameter)), "{refused}");
    }
    assert_eq!(get("?workers=1").0, 422);
    // A lock keeps borders, not people.
    let lock = json!({ "op": "lock", "level": "community", "units": [COMMUNITIES[0]], "locked": true });
    assert_eq!(ask(&service, "POST", &format!("{draft}/operations"), Some("*"), &lock).0, 200);
    assert_eq!(get("").1["today"]["workers"], 4);
    // The draft counts as it stands, whether its own loads are asked for or a field of the units.
    let merge = json!({ "op": "merge", "level": "community", "units": [COMMUNITIES[2], COMMUNITIES[3]] });
    assert_eq!(ask(&service, "POST", &format!("{draft}/operations"), Some("*"), &merge).0, 200);
    let told = get("").1;
    let today: Vec<&Value> = told["parents"].as_array().unwrap().iter().map(|row| &row["workers_today"]).collect();
    assert_eq!((today, &told["parents"][1]["load"]), (vec![&json!(2), &json!(1)], &json!(1050.0)), "{told}");
    let (status, refused) = get("?load=workload");
    assert!(status == 400 && refused.to_string().contains("has no case"), "{refused}");
}
