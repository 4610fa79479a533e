//! Borders in dispute: rulings, and reports to the planners.

use serde_json::{Value, json};

use super::keepers::{off_shift, read, report, service};
use super::service::{DISPATCHER, PLANNER, SIDE, Service, code_of, middle_of};

/// Some metre of longitude here, in degrees.
const METRE: f64 = 0.000_01;

/// So many metres west of the border between the first two grids.
fn near_border(metres: f64) -> (f64, f64) {
    let (lon, lat) = middle_of(0, 0);
    (lon + SIDE / 2.0 - metres * METRE, lat)
}

fn rule(service: &Service, body: &Value, status: u16) -> Value {
    read(service.request("POST", "/v1/rulings").json(body), DISPATCHER, status)
}

#[test]
fn a_ruling_on_a_border_is_followed_by_the_case_and_by_later_ones_at_the_place() {
    let service = service(&[("w1", 0, ""), ("w2", 1, "")], false);
    let (lon, lat) = near_border(3.0);
    let first = report(&service, lon, lat);
    assert_eq!((&first["grid"]["code"], &first["ambiguous"], &first["ruling"]), (&json!(code_of(0, 0)), &json!(true), &Value::Null));
    let id = first["id"].as_str().unwrap();
    let alarms = || read(service.get("/v1/alarms?kind=border"), DISPATCHER, 200)["border"]["count"].clone();
    assert_eq!(alarms(), 1);
    let ruling = rule(&service, &json!({ "incident": id, "unit": code_of(1, 0), "reason": "围墙属于二号网格" }), 201);
    let case = read(service.get(&format!("/v1/incidents/{id}")), DISPATCHER, 200);
    assert_eq!((&case["grid"], &case["holder"]), (&json!(code_of(1, 0)), &json!("w2")));
    assert_eq!(alarms(), 0, "it is in doubt no longer");
    let history = read(service.get(&format!("/v1/incidents/{id}/history")), DISPATCHER, 200);
    assert_eq!((&history["events"][1]["effect"], &history["events"][1]["ruling"]), (&json!("reassign"), &ruling["id"]));
    assert_eq!(history["events"][1]["reason"], "围墙属于二号网格");
    // Somebody else, some metres on.
    let later = report(&service, lon - 8.0 * METRE, lat);
    assert_eq!((&later["grid"]["code"], &later["responsible"]["worker"]["id"]), (&json!(code_of(1, 0)), &json!("w2")));
    assert_eq!((&later["ruling"]["id"], &later["ruling"]["unit"]), (&ruling["id"], &json!(code_of(1, 0))));
    assert!((later["ruling"]["distance_m"].as_f64().unwrap() - 8.0).abs() < 0.5, "{later}");
    let kept = read(service.get(&format!("/v1/incidents/{}", later["id"].as_str().unwrap())), DISPATCHER, 200);
    assert_eq!((&kept["grid"], &kept["holder"]), (&json!(code_of(1, 0)), &json!("w2")));
    // Beyond its reach the boundaries count.
    let beyond = report(&service, lon - 60.0 * METRE, lat);
    assert_eq!((&beyond["grid"]["code"], &beyond["ruling"]), (&json!(code_of(0, 0)), &Value::Null));
    // A pin that is moved there follows it as well.
    let moved = json!({ "action": "move", "lon": lon, "lat": lat });
    let path = format!("/v1/incidents/{}/actions", beyond["id"].as_str().unwrap());
    let moved = read(service.request("POST", &path).json(&moved), DISPATCHER, 200);
    assert_eq!((&moved["grid"], &moved["holder"]), (&json!(code_of(1, 0)), &json!("w2")));
    let list = read(service.get("/v1/rulings"), DISPATCHER, 200);
    assert_eq!((list["rulings"].as_array().unwrap().len(), &list["rulings"][0]["radius_m"]), (1, &json!(30.0)));
    let path = format!("/v1/rulings/{}", ruling["id"].as_str().unwrap());
    read(service.request("DELETE", &path), DISPATCHER, 204);
    read(service.request("DELETE", &path), DISPATCHER, 404);
    assert_eq!(report(&service, lon, lat)["grid"]["code"], code_of(0, 0));
    assert_eq!(read(service.get("/v1/rulings"), DISPATCHER, 200)["rulings"], json!([]));
    assert!(read(service.get("/v1/rulings?all=true"), DISPATCHER, 200)["rulings"][0]["ended_at"].is_string());
    // A unit that is not near, and what is missing.
    let far = rule(&service, &json!({ "lon": lon, "lat": lat, "unit": code_of(5, 5), "reason": "r" }), 400);
    assert_eq!(far["errors"][0]["parameter"], "unit");
    let problem = rule(&service, &json!({ "lon": lon, "lat": lat, "radius_m": 5000 }), 400);
    let named: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|error| error["parameter"].clone()).collect();
    assert_eq!(named, ["reason", "unit", "radius_m"]);
}

#[test]
fn a_ruling_gives_a_case_to_who_is_on_shift_as_a_pin_that_is_moved_does() {
    let off = off_shift();
    let service = service(&[("w1", 0, ""), ("w2", 1, &off), ("w3", 1, "")], false);
    let (lon, lat) = near_border(3.0);
    let (ruled, moved) = (report(&service, lon, lat), report(&service, lon, lat));
    rule(&service, &json!({ "incident": ruled["id"], "unit": code_of(1, 0), "reason": "r" }), 201);
    let path = |case: &Value| format!("/v1/incidents/{}", case["id"].as_str().unwrap());
    let (lon, lat) = middle_of(1, 0);
    let body = json!({ "action": "move", "lon": lon, "lat": lat });
    read(service.request("POST", &format!("{}/actions", path(&moved))).json(&body), DISPATCHER, 200);
    for case in [&ruled, &moved] {
        let case = read(service.get(&path(case)), DISPATCHER, 200);
        assert_eq!((&case["grid"], &case["holder"]), (&json!(code_of(1, 0)), &json!("w3")), "w2 has no shift now");
    }
}

#[test]
fn a_report_names_a_unit_that_there_is() {
    let service = service(&[("w1", 0, "")], false);
    let (lon, lat) = near_border(3.0);
    let body = json!({ "lon": lon, "lat": lat, "description": "d", "unit": "431102004001999" });
    let told = read(service.request("POST", "/v1/border-reports").json(&body), "w1", 400);
    assert_eq!(told["errors"][0]["parameter"], "unit");
    let detail = told["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with("no unit has the code 431102004001999; the nearest are 431102"), "{detail}");
}

#[test]
fn a_keeper_reports_a_border_to_the_planners_who_settle_it() {
    let service = service(&[("w1", 0, "")], false);
    let (lon, lat) = near_border(3.0);
    let body = json!({ "lon": lon, "lat": lat, "description": "小巷应归二号", "unit": code_of(1, 0) });
    let made = read(service.request("POST", "/v1/border-reports").json(&body), "w1", 201);
    assert_eq!((&made["found"], &made["worker"], &made["settled_at"]), (&json!(code_of(0, 0)), &json!("w1"), &Value::Null));
    assert!(made["distance_to_border_m"].as_f64().unwrap() < 5.0);
    // A telephone that has heard no answer sends the same again.
    let sent = json!({ "lon": lon, "lat": lat, "description": "水沟" });
    let again = || read(service.request("POST", "/v1/border-reports").header("Idempotency-Key", "1").json(&sent), "w1", 201);
    let (first, second) = (again(), again());
    assert_eq!(first, second, "also as to when it was said");
    let first = first["id"].clone();
    let settle = format!("/v1/border-reports/{}/settle", first.as_str().unwrap());
    read(service.request("POST", &settle).json(&json!({ "answer": "x" })), PLANNER, 200);
    let open = |unit: &str| read(service.get(&format!("/v1/border-reports?open=true{unit}")), PLANNER, 200)["reports"].clone();
    assert_eq!((&open("")[0]["id"], open(&format!("&unit={}", code_of(3, 3)))), (&made["id"], json!([])));
    // Who said it is told what became of it; others are told of theirs.
    let own = |key: &str| read(service.get("/v1/me/border-reports"), key, 200)["reports"].as_array().unwrap().clone();
    assert_eq!((own("w1").len(), own(PLANNER).len()), (2, 0));
    assert!(own("w1").iter().any(|report| report["id"] == first && report["answer"].is_string()), "{:?}", own("w1"));
    let path = format!("/v1/border-reports/{}/settle", made["id"].as_str().unwrap());
    read(service.request("POST", &path).json(&json!({ "answer": "x" })), "w1", 403);
    let settled = read(service.request("POST", &path).json(&json!({ "answer": "下次修订" })), PLANNER, 200);
    assert_eq!((&settled["answer"], settled["settled_at"].is_string()), (&json!("下次修订"), true));
    assert_eq!((open(""), read(service.get("/v1/border-reports"), PLANNER, 200)["reports"].as_array().unwrap().len()), (json!([]), 2));
    read(service.request("POST", &path).json(&json!({ "answer": "again" })), PLANNER, 404);
}
