//! Categories and responsibilities over HTTP, and lookups with a category.

use std::sync::Arc;

use gridkeeper::config::Config;
use gridkeeper::store::{MemoryStore, Store};
use serde_json::{Value, json};

pub use super::district::write_rules;
use super::service::{DISPATCHER, SOUTH, Service, WEST, code_of, fill, middle_of};

fn service() -> Service {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    Service::start_on(store, Config::default(), false)
}

/// A Friday, 16:00 in China.
const FRIDAY: &str = "at=2026-11-27T08:00:00Z";

fn ask(service: &Service, key: Option<&str>, path: &str) -> (u16, Value) {
    let request = key.iter().fold(service.get(path), reqwest::blocking::RequestBuilder::bearer_auth);
    let response = request.send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

#[test]
fn a_lookup_with_a_category_has_departments_and_a_due_time() {
    let service = service();
    let locate = |column: usize, more: &str| {
        let (lon, lat) = middle_of(column, 0);
        service.json(&format!("/v1/locate?lon={lon}&lat={lat}&{FRIDAY}{more}"))
    };
    let answer = locate(0, "&category=E0110");
    assert_eq!(answer["departments"], json!([{"id": "D2", "name": "name of D2", "role": "lead"}]));
    assert_eq!(answer["due_at"], "2026-11-30T02:00:00Z", "two hours on Friday and two on Monday");
    assert_eq!(locate(5, "&category=E0110")["departments"][0]["id"], "D1");
    let nobody = locate(5, "&category=C0102");
    assert_eq!((&nobody["departments"], &nobody["due_at"]), (&json!([]), &Value::Null));
    assert!(nobody["rule"]["notes"][0].as_str().unwrap().contains("C0102"), "{nobody}");
    // Without a category nothing is said of departments; and members can be chosen.
    assert!(locate(0, "").get("departments").is_none());
    assert_eq!(locate(0, "&category=E0110&fields=due_at,rule").as_object().unwrap().len(), 2);
    let outside = service.json(&format!("/v1/locate?lon={}&lat={SOUTH}&{FRIDAY}&category=E0110", WEST - 0.01));
    assert_eq!((&outside["departments"], &outside["due_at"]), (&json!([]), &Value::Null));
}

#[test]
fn records_of_a_body_have_categories_of_their_own() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let rows = format!("lon,lat,category,at\n{lon},{lat},E0110,2026-11-27T08:00:00Z\n{lon},{lat},E0119,2026-11-27T08:00:00Z\n");
    let answer = service.post("/v1/locate?fields=department_id,department,due_at", "text/csv", rows).text().unwrap();
    let lines: Vec<&str> = answer.lines().collect();
    assert!(lines[1].ends_with(",D2,name of D2,2026-11-30T02:00:00Z,"), "{answer}");
    assert!(lines[2].contains("no category") && lines[2].contains("E0110"), "{answer}");
}

#[test]
fn an_unknown_category_is_400_with_the_nearest() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let (status, problem) = ask(&service, None, &format!("/v1/locate?lon={lon}&lat={lat}&category=E0111"));
    assert_eq!((status, &problem["errors"][0]["parameter"]), (400, &json!("category")));
    let detail = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("E0110 name of E0110") && !detail.contains("E0601"), "{detail}");
}

#[test]
fn private_categories_are_shown_to_callers_with_a_key_alone() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let codes = |key: Option<&str>, path: &str| -> Vec<String> {
        let (status, answer) = ask(&service, key, path);
        assert_eq!(status, 200, "{answer}");
        answer["categories"].as_array().unwrap().iter().map(|category| category["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes(None, "/v1/categories"), ["E0110", "C0102"]);
    assert_eq!(codes(Some(DISPATCHER), "/v1/categories"), ["E0110", "C0102", "E0601"]);
    let here = format!("/v1/responsibilities?lon={lon}&lat={lat}&{FRIDAY}");
    assert_eq!(codes(None, &here), ["E0110"]);
    assert_eq!(codes(Some(DISPATCHER), &here), ["E0110", "E0601"]);
    let lookup = format!("/v1/locate?lon={lon}&lat={lat}&{FRIDAY}&category=E0601");
    assert_eq!(ask(&service, None, &lookup).0, 400);
    let (status, answer) = ask(&service, Some(DISPATCHER), &lookup);
    assert_eq!((status, &answer["departments"][0]["id"]), (200, &json!("D6")));
}

#[test]
fn who_answers_for_what_at_a_place_can_be_asked() {
    let service = service();
    let (lon, lat) = middle_of(0, 0);
    let answer = service.json(&format!("/v1/responsibilities?lon={lon}&lat={lat}&{FRIDAY}"));
    assert_eq!((&answer["status"], &answer["unanswered"]), (&json!("inside"), &json!(["C0102"])));
    let rubbish = &answer["categories"][0];
    assert_eq!((&rubbish["departments"][0]["id"], &rubbish["due_at"]), (&json!("D2"), &json!("2026-11-30T02:00:00Z")));
    assert_eq!(rubbish["rule"]["responsibility"], json!({"unit": code_of(0, 0), "category": "E0110", "breadth": "category"}));
    assert_eq!(answer["path"].as_array().unwrap().len(), 2);
    let outside = service.json(&format!("/v1/responsibilities?lon={}&lat={SOUTH}", WEST - 0.01));
    assert_eq!((&outside["status"], &outside["categories"]), (&json!("outside"), &json!([])));
    for (query, parameter) in [("lat=26", "lon"), ("lon=111&lat=26&category=E0110", "category"), ("lon=111&lat=26&at=soon", "at")] {
        let (status, problem) = ask(&service, None, &format!("/v1/responsibilities?{query}"));
        assert_eq!((status, &problem["errors"][0]["parameter"]), (400, &json!(parameter)), "{query}");
    }
    // Before the rules there were none.
    assert_eq!(service.json("/v1/categories?at=2025-12-31T00:00:00Z")["categories"], json!([]));
    let list = service.json("/v1/categories");
    // The list changes with the rules alone, so it is known again by its tag.
    let response = service.get("/v1/categories").send().unwrap();
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(service.get("/v1/categories").header("if-none-match", tag).send().unwrap().status(), 304);
    assert_eq!(list["categories"][0]["conditions"][0]["limits"]["handle"], "4 work_hour");
}

#[test]
fn a_running_service_follows_an_import_of_rules() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let service = Service::start_on(Arc::clone(&store), Config::default(), true);
    let count = || service.json("/v1/categories")["categories"].as_array().unwrap().len();
    assert_eq!(count(), 0);
    write_rules(&*store);
    let end = std::time::Instant::now() + crate::support::PATIENCE;
    while count() != 2 {
        assert!(std::time::Instant::now() < end, "the service does not follow");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn responsibilities_are_a_collection_with_the_ground_of_their_units() {
    let service = service();
    let page = service.json("/collections/responsibilities/items");
    let told = |page: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        page["features"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| (text(&f["properties"]["unit"]), text(&f["properties"]["department"])))
            .collect()
    };
    let (district, grid) = ("431102".to_owned(), code_of(0, 0));
    assert_eq!(told(&page), [(grid.clone(), "D2".into()), (district.clone(), "D1".into())]);
    let unit = service.json(&format!("/collections/grid/items/{grid}"));
    assert_eq!(page["features"][0]["geometry"], unit["geometry"]);
    let (lon, lat) = middle_of(5, 5);
    let here = service.json(&format!("/collections/responsibilities/items?filter=S_INTERSECTS(geometry,POINT({lon}%20{lat}))"));
    assert_eq!(told(&here), [(district, "D1".into())]);
    assert_eq!(service.json("/collections/responsibilities/items?department=D2")["numberMatched"], 1);
    let id = page["features"][0]["id"].as_str().unwrap();
    assert_eq!(service.json(&format!("/collections/responsibilities/items/{id}")), page["features"][0]);
    let (_, all) = ask(&service, Some(DISPATCHER), "/collections/responsibilities/items");
    assert_eq!(told(&all).len(), 3);
    assert_eq!(ask(&service, None, "/collections/responsibilities/items?generation=1").0, 400);
}
