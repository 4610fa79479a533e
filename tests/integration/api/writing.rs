//! OGC API Features, part 4: units of a draft, incidents and the roster, written as features.

use std::sync::Arc;

use gridkeeper::boundary::{GenerationState, LayerName, UnitCode};
use gridkeeper::config::Config;
use gridkeeper::dispatch::Role;
use gridkeeper::store::{KeyHash, KeyRecord, MemoryStore, Store};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::rules::write_rules;
use super::service::{DISPATCHER, PLANNER, SCOPED, SIDE, SOUTH, Service, WEST, code_of, fill, grids, middle_of, publish};
use crate::support::python_with;

const ADMIN: &str = "admin-key";
const PATCH: &str = "application/merge-patch+json";

/// A service with a draft, number 2, of the district.
struct Desk {
    service: Service,
}

impl Desk {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        fill(&*store);
        write_rules(&*store);
        let hash = KeyHash(Sha256::digest(ADMIN.as_bytes()).into());
        store.add_key(&KeyRecord::new(hash, Role::Admin, Timestamp::UNIX_EPOCH), "test").unwrap();
        let before = Service::start_on(Arc::clone(&store), Config::default(), false);
        let begun = before.request("POST", "/v1/drafts").bearer_auth(PLANNER).json(&json!({ "title": "redraw" })).send().unwrap();
        assert_eq!(begun.status(), 201);
        drop(before);
        Self { service: Service::start_on(store, Config::default(), false) }
    }

    fn send(&self, method: &str, path: &str, key: &str, headers: &[(&str, &str)], body: &Value) -> Response {
        let media = if method == "PATCH" { PATCH } else { "application/geo+json" };
        let request = self.service.request(method, path);
        let request = if key.is_empty() { request } else { request.bearer_auth(key) };
        let request = if body.is_null() { request } else { request.header("content-type", media).body(body.to_string()) };
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().unwrap()
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        read(self.send(method, path, PLANNER, headers, body))
    }

    fn get(&self, path: &str) -> (String, Value) {
        let response = self.service.get(path).bearer_auth(PLANNER).send().unwrap();
        let tag = tag(&response);
        let (status, body) = read(response);
        assert_eq!(status, 200, "{path}: {body}");
        (tag, body)
    }

    /// All units of the draft by code, and the sum of their areas in square degrees.
    fn units(&self) -> (Vec<(String, Value)>, f64) {
        let (_, page) = self.get("/collections/grid/items?draft=2&limit=10000");
        let features = page["features"].as_array().unwrap();
        let area = features.iter().map(|feature| area(&feature["geometry"])).sum();
        (features.iter().map(|feature| (text(&feature["properties"]["code"]), feature["geometry"].clone())).collect(), area)
    }
}

fn tag(response: &Response) -> String {
    response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned()).unwrap_or_default()
}

fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().unwrap();
    (status, if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")) })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn item(code: &str) -> String {
    format!("/collections/grid/items/{code}?draft=2")
}

fn area(geometry: &Value) -> f64 {
    let ring = |ring: &Value| {
        let corners: Vec<[f64; 2]> = ring.as_array().unwrap().iter().map(|c| [c[0].as_f64().unwrap(), c[1].as_f64().unwrap()]).collect();
        corners.windows(2).map(|edge| edge[0][0] * edge[1][1] - edge[1][0] * edge[0][1]).sum::<f64>() / 2.0
    };
    let polygon = |rings: &Value| rings.as_array().unwrap().iter().map(ring).sum::<f64>();
    match geometry["type"].as_str().unwrap() {
        "Polygon" => polygon(&geometry["coordinates"]),
        _ => geometry["coordinates"].as_array().unwrap().iter().map(polygon).sum(),
    }
}

/// A rectangle in sides of grids from the south-western corner of the district.
fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Value {
    let at = |x: f64, y: f64| json!([WEST + SIDE * x, SOUTH + SIDE * y]);
    json!({ "type": "Polygon", "coordinates": [[at(x, y), at(x + width, y), at(x + width, y + height), at(x, y + height), at(x, y)]] })
}

fn feature(geometry: &Value, properties: &Value) -> Value {
    json!({ "type": "Feature", "geometry": geometry, "properties": properties })
}

#[test]
fn a_unit_is_created_replaced_changed_and_deleted_in_a_draft() {
    let desk = Desk::new();
    // Created out of two grids; the server gives its code.
    let body = feature(&rectangle(0.5, 0.0, 1.0, 0.5), &json!({ "name": "new" }));
    let response = desk.send("POST", "/collections/grid/items?draft=2", PLANNER, &[], &body);
    let (location, created_tag) = (response.headers()["location"].to_str().unwrap().to_owned(), tag(&response));
    assert_eq!(response.headers()["content-crs"], "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    let (status, created) = read(response);
    assert_eq!(
        (status, &created["properties"]["name"], &created["properties"]["parent"]),
        (201, &json!("new"), &json!("431102")),
        "{created}"
    );
    assert!(created_tag.starts_with("\"2-2."), "{created_tag}");
    let new = text(&created["properties"]["code"]);
    let path = location[location.find("/collections").unwrap()..].to_owned();
    let (read_tag, found) = desk.get(&path);
    assert_eq!((&found["properties"], &found["id"]), (&created["properties"], &created["id"]));
    assert!(read_tag.starts_with("\"2-2.") && (area(&found["geometry"]) - 0.5 * SIDE * SIDE).abs() < 1e-10, "{read_tag}");
    // It is seen in the draft alone.
    let published = desk.service.get(&format!("/collections/grid/items/{new}")).send().unwrap();
    assert_eq!(published.status(), 404);

    // Replaced, with the tag of the feature: it leaves its western half to whom it borders most, and gets another name.
    let body = feature(&rectangle(1.0, 0.0, 0.5, 0.5), &json!({ "code": new, "name": "half", "parent": "431102" }));
    let response = desk.send("PUT", &item(&new), PLANNER, &[("if-match", &read_tag)], &body);
    assert!(response.headers().contains_key("content-location") && tag(&response).starts_with("\"2-3."), "{:?}", response.headers());
    let (status, replaced) = read(response);
    assert_eq!((status, &replaced["properties"]["name"], &replaced["id"]), (200, &json!("half"), &created["id"]), "{replaced}");
    assert!((area(&replaced["geometry"]) - 0.25 * SIDE * SIDE).abs() < 1e-10);
    let (_, first) = desk.get(&item(&code_of(0, 0)));
    assert!((area(&first["geometry"]) - SIDE * SIDE).abs() < 1e-10, "it got its ground back");

    // One request is one step of the log, so one undo takes it back whole.
    let (status, undone) = desk.ask("DELETE", "/v1/drafts/2/operations/last", &[("if-match", "\"2-3\"")], &Value::Null);
    assert_eq!((status, &undone["revision"]), (200, &json!(4)), "{undone}");
    let (tag_now, back) = desk.get(&item(&new));
    assert_eq!((&back["properties"]["name"], &back["geometry"]), (&json!("new"), &found["geometry"]));

    // Changed in part; the answer is as short as was asked for.
    let patch = json!({ "properties": { "name": "patched" } });
    let response = desk.send("PATCH", &item(&new), PLANNER, &[("if-match", &tag_now), ("prefer", "return=minimal")], &patch);
    assert_eq!((response.status().as_u16(), tag(&response)), (204, "\"2-5\"".to_owned()));
    let (tag_now, patched) = desk.get(&item(&new));
    assert_eq!((&patched["properties"]["name"], &patched["geometry"]), (&json!("patched"), &found["geometry"]));
    // A name that is taken out is empty; what is as it was is no step.
    let (status, unnamed) = desk.ask("PATCH", &item(&new), &[("if-match", &tag_now)], &json!({ "properties": { "name": null } }));
    assert_eq!((status, &unnamed["properties"]["name"]), (200, &json!("")), "{unnamed}");
    let response = desk.send("PUT", &item(&new), PLANNER, &[("if-match", "\"2-6\"")], &unnamed);
    let same_tag = tag(&response);
    assert_eq!(response.status(), 200, "{}", response.text().unwrap());
    assert!(same_tag.starts_with("\"2-6."), "{same_tag}");

    // Deleted: its ground goes to a neighbour, then there is none.
    let response = desk.send("DELETE", &item(&new), PLANNER, &[("if-match", &same_tag)], &Value::Null);
    assert_eq!((response.status().as_u16(), tag(&response)), (204, "\"2-7\"".to_owned()));
    assert_eq!(desk.service.get(&item(&new)).bearer_auth(PLANNER).send().unwrap().status(), 404);
    let (units, whole) = desk.units();
    assert_eq!(units.len(), 200);
    assert!((whole - 200.0 * SIDE * SIDE).abs() < 1e-9, "{whole}");
    // Whose it is to be may be said.
    let into = format!("{}&into={}", item(&code_of(3, 3)), code_of(3, 4));
    assert_eq!(desk.send("DELETE", &into, PLANNER, &[("if-match", "\"2-7\"")], &Value::Null).status(), 204);
    let (_, heir) = desk.get(&item(&code_of(3, 4)));
    assert!((area(&heir["geometry"]) - 2.0 * SIDE * SIDE).abs() < 1e-10);
    let log = desk.get("/v1/drafts/2/operations").1;
    let steps: Vec<&str> = log["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert_eq!(steps, ["open", "apply", "apply", "undo", "apply", "apply", "apply", "apply"]);
}

#[test]
fn a_unit_is_created_under_a_code_of_ones_own_and_never_over_another() {
    let desk = Desk::new();
    let body = feature(&rectangle(2.2, 2.2, 0.5, 0.5), &json!({ "name": "mine" }));
    let only_new = [("if-none-match", "*")];
    let (status, made) = desk.ask("PUT", &item("431102001001900"), &only_new, &body);
    assert_eq!((status, &made["properties"]["code"]), (201, &json!("431102001001900")), "{made}");
    assert_eq!(desk.ask("PUT", &item("431102001001900"), &only_new, &body).0, 412);
    assert_eq!(desk.ask("PUT", &item("no code at all"), &only_new, &body).0, 400);
    // In another reference system, whose axes are the other way round.
    let turned = json!({ "type": "Polygon", "coordinates": [rectangle(5.2, 5.2, 0.5, 0.5)["coordinates"][0].as_array().unwrap().iter()
        .map(|c| json!([c[1], c[0]])).collect::<Value>()] });
    let crs = [("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/4326>")];
    let (status, made) = desk.ask("POST", "/collections/grid/items?draft=2", &crs, &feature(&turned, &json!({})));
    assert_eq!(status, 201, "{made}");
    assert!((area(&made["geometry"]) - 0.25 * SIDE * SIDE).abs() < 1e-10);
    let unknown = [("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/2326>")];
    let (status, refused) = desk.ask("POST", "/collections/grid/items?draft=2", &unknown, &feature(&turned, &json!({})));
    assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("Content-Crs")));
}

#[test]
fn what_would_tear_the_coverage_is_422_with_the_place_and_a_remedy() {
    let desk = Desk::new();
    let first = code_of(4, 4);
    let put = |geometry: &Value| desk.ask("PUT", &item(&first), &[("if-match", "*")], &feature(geometry, &json!({ "code": first })));
    let mut with_hole = rectangle(4.0, 4.0, 1.0, 1.0);
    with_hole["coordinates"].as_array_mut().unwrap().push(rectangle(4.4, 4.4, 0.2, 0.2)["coordinates"][0].clone());
    for (geometry, reason) in [
        (with_hole, "opens_gap"),
        (rectangle(4.0, 4.0, 2.0, 1.0), "ends_unit"),
        (rectangle(4.0, 4.0, 1.0, 3.0), "ends_unit"),
        (rectangle(8.0, 8.0, 1.0, 1.0), "not_beside"),
    ] {
        let (status, refused) = put(&geometry);
        assert_eq!((status, refused["reason"].as_str().unwrap()), (422, reason), "{refused}");
        assert!(
            refused["place"]["coordinates"].is_array() && refused["remedy"].is_string() && refused["units"][0].is_string(),
            "{refused}"
        );
        assert_eq!(refused["type"], "urn:gridkeeper:problem:edit-refused");
    }
    // Nor does a unit that is created end others, or is one made of what encloses nothing.
    let post = |geometry: &Value| desk.ask("POST", "/collections/grid/items?draft=2", &[], &feature(geometry, &json!({})));
    for shape in [rectangle(4.0, 4.0, 1.0, 1.0), rectangle(4.0, 4.0, 1.5, 1.0)] {
        let (status, refused) = post(&shape);
        assert_eq!((status, &refused["reason"], &refused["units"]), (422, &json!("ends_unit"), &json!([first])), "{refused}");
    }
    let mut crossed = rectangle(4.2, 4.2, 0.5, 0.5);
    crossed["coordinates"][0][1] = json!([WEST + SIDE * 4.9, SOUTH + SIDE * 4.5]);
    crossed["coordinates"][0].as_array_mut().unwrap().swap(1, 2);
    assert_eq!(post(&crossed).1["reason"], "line_crosses_itself");
    for far in [1e200, 181.0] {
        let mut outside = rectangle(4.2, 4.2, 0.5, 0.5);
        outside["coordinates"][0][1][0] = json!(far);
        for (status, refused) in [post(&outside), put(&outside)] {
            assert_eq!((status, &refused["reason"]), (422, &json!("bad_shape")), "{refused}");
        }
    }
    let district = "/collections/district/items/431102?draft=2";
    let small = feature(&rectangle(0.0, 0.0, 10.0, 10.0), &json!({ "code": "431102", "name": "零陵区" }));
    assert_eq!(desk.ask("PUT", district, &[("if-match", "*")], &small).1["reason"], "not_finest");
    // But what its name is may be told, with its shape as it is.
    let (_, mut whole) = desk.get(district);
    whole["properties"]["name"] = json!("零陵");
    let (status, renamed) = desk.ask("PUT", district, &[("if-match", "*")], &whole);
    assert_eq!((status, &renamed["properties"]["name"]), (200, &json!("零陵")), "{renamed}");
    // Nobody could take the only district's ground.
    assert_eq!(desk.ask("DELETE", district, &[("if-match", "*")], &Value::Null).0, 422);
    // What a draft does not keep is told, and not dropped.
    let patch = json!({ "properties": { "households": 7 } });
    let (status, refused) = desk.ask("PATCH", &item(&first), &[("if-match", "*")], &patch);
    assert_eq!((status, &refused["errors"][0]["parameter"]), (422, &json!("properties.households")), "{refused}");
    let patch = json!({ "properties": { "valid_to": "2030-01-01T00:00:00Z" } });
    let (status, refused) = desk.ask("PATCH", &item(&first), &[("if-match", "*")], &patch);
    assert_eq!((status, &refused["errors"][0]["parameter"]), (422, &json!("properties.valid_to")), "{refused}");
    let emptied = desk.ask("PATCH", &item(&first), &[("if-match", "*")], &json!({ "properties": null }));
    assert_eq!((emptied.0, &emptied.1["errors"][0]["parameter"]), (422, &json!("properties")));
    let point = feature(&json!({ "type": "Point", "coordinates": [111.0, 26.0] }), &json!({}));
    assert_eq!(desk.ask("POST", "/collections/grid/items?draft=2", &[], &point).0, 422);
    assert_eq!(desk.get("/v1/drafts/2").1["revision"], 2);
}

#[test]
fn two_writers_with_one_tag_are_one_change_and_one_412() {
    let desk = Desk::new();
    let (tag_now, _) = desk.get(&item(&code_of(0, 0)));
    let answers: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let write = |name: &str| {
            let (desk, tag, patch) = (&desk, tag_now.clone(), json!({ "properties": { "name": name } }));
            scope.spawn(move || desk.ask("PATCH", &item(&code_of(0, 0)), &[("if-match", &tag)], &patch))
        };
        let writers = [write("one"), write("two")];
        writers.into_iter().map(|writer| writer.join().unwrap()).collect()
    });
    let mut statuses: Vec<u16> = answers.iter().map(|(status, _)| *status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "{answers:?}");
    let late = &answers.iter().find(|(status, _)| *status == 412).unwrap().1;
    assert_eq!((&late["revision"], late["since"].as_array().unwrap().len()), (&json!(2), 1), "{late}");
    let won = &answers.iter().find(|(status, _)| *status == 200).unwrap().1;
    assert_eq!(desk.get(&item(&code_of(0, 0))).1["properties"]["name"], won["properties"]["name"]);
    assert_eq!(desk.get("/v1/drafts/2").1["revision"], 2);
}

#[test]
fn every_verb_keeps_its_preconditions_and_its_roles() {
    let desk = Desk::new();
    let body = feature(&rectangle(0.0, 0.0, 1.0, 1.0), &json!({ "code": code_of(0, 0), "name": "x" }));
    let patch = json!({ "properties": { "name": "x" } });
    for (method, body) in [("PUT", &body), ("PATCH", &patch), ("DELETE", &Value::Null)] {
        let path = item(&code_of(0, 0));
        for (key, status) in [("", 401), (SCOPED, 403), (DISPATCHER, 403)] {
            assert_eq!(desk.send(method, &path, key, &[("if-match", "*")], body).status(), status, "{method} {key}");
        }
        assert_eq!(desk.ask(method, &path, &[], body).0, 428, "{method}");
        assert_eq!(desk.ask(method, &path, &[("if-match", "\"2-9\"")], body).0, 412, "{method}");
        assert_eq!(desk.ask(method, &path, &[("if-match", "W/\"2-1\"")], body).0, 412, "{method}");
        assert_eq!(desk.ask(method, &item("431102001001999"), &[("if-match", "*")], body).0, 412, "{method}");
        let unknown = path.replace("draft=2", "draft=9");
        assert_eq!(desk.ask(method, &unknown, &[("if-match", "*")], body).1["errors"][0]["parameter"], "draft", "{method}");
        // What is published is not written to, and the answer says where to begin.
        let response = desk.send(method, &path.replace("?draft=2", ""), PLANNER, &[("if-match", "*")], body);
        assert!(response.headers()["link"].to_str().unwrap().contains("/v1/drafts>; rel=\"create-form\""), "{:?}", response.headers());
        let (status, refused) = read(response);
        assert_eq!((status, &refused["type"]), (409, &json!("urn:gridkeeper:problem:read-only")), "{method} {refused}");
        assert!(refused["links"][0]["href"].as_str().unwrap().ends_with("/v1/drafts"));
        assert_eq!(desk.send(method, &path.replace("?draft=2", ""), SCOPED, &[("if-match", "*")], body).status(), 403, "{method}");
    }
    let post =
        |path: &str, key: &str, headers: &[(&str, &str)], body: &Value| desk.send("POST", path, key, headers, body).status().as_u16();
    let new = feature(&rectangle(9.2, 5.2, 0.5, 0.5), &json!({}));
    for (path, key, status) in [
        ("/collections/grid/items?draft=2", "", 401),
        ("/collections/grid/items?draft=2", DISPATCHER, 403),
        ("/collections/grid/items", PLANNER, 409),
        ("/collections/nothing/items", PLANNER, 404),
        ("/collections/nothing/items?draft=2", PLANNER, 404),
        ("/collections/responsibilities/items", PLANNER, 405),
        ("/collections/grid/items?draft=2", ADMIN, 201),
    ] {
        assert_eq!(post(path, key, &[], &new), status, "{path} {key}");
    }
    assert_eq!(post("/collections/grid/items?draft=2", PLANNER, &[("if-match", "\"2-1\"")], &new), 412);
    let typed = desk.service.request("POST", "/collections/grid/items?draft=2").bearer_auth(PLANNER);
    assert_eq!(typed.header("content-type", "text/csv").body("a").send().unwrap().status(), 415);
    for bad in [json!([]), json!({ "type": "FeatureCollection", "features": [] }), json!({ "type": "Feature", "properties": {} })] {
        assert_eq!(post("/collections/grid/items?draft=2", PLANNER, &[], &bad), 400, "{bad}");
    }
}

#[test]
fn options_and_405_tell_what_each_resource_takes() {
    let desk = Desk::new();
    for (path, allow) in [
        ("/collections/grid/items", "GET,HEAD"),
        ("/collections/grid/items?draft=2", "GET,HEAD,POST"),
        ("/collections/grid/items/x", "GET,HEAD"),
        ("/collections/grid/items/x?draft=2", "GET,HEAD,PUT,PATCH,DELETE"),
        ("/collections/incidents/items", "GET,HEAD,POST"),
        ("/collections/incidents/items/x", "GET,HEAD,PUT,PATCH,DELETE"),
        ("/collections/responsibilities/items", "GET,HEAD"),
    ] {
        let response = desk.service.request("OPTIONS", path).send().unwrap();
        assert_eq!(
            (response.status().as_u16(), response.headers()["allow"].to_str().unwrap()),
            (204, format!("{allow},OPTIONS").as_str()),
            "{path}"
        );
        let preflight = desk.service.request("OPTIONS", path).header("access-control-request-method", "GET").send().unwrap();
        assert!(preflight.headers()["access-control-allow-headers"].to_str().unwrap().contains("Content-Crs"));
        let refused = desk.service.request("TRACE", path).bearer_auth(PLANNER).send().unwrap();
        assert_eq!((refused.status().as_u16(), refused.headers()["allow"].to_str().unwrap()), (405, allow), "{path}");
    }
    let declared = desk.get("/conformance").1["conformsTo"].as_array().unwrap().clone();
    for class in ["create-replace-delete", "update", "optimistic-locking-etags", "features"] {
        assert!(declared.contains(&json!(format!("http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/{class}"))), "{class}");
    }
}

/// Random edits as clients send them; whatever is answered, the draft stays a whole coverage.
#[test]
fn whatever_is_sent_the_units_of_a_draft_fill_their_ground() {
    let desk = Desk::new();
    let mut rng = StdRng::seed_from_u64(4);
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for round in 0..60 {
        let (units, whole) = desk.units();
        assert!((whole - 200.0 * SIDE * SIDE).abs() < 1e-9, "round {round}: {whole}");
        let (code, geometry) = &units[rng.random_range(0..units.len())];
        let mut moved = geometry.clone();
        let rings = if geometry["type"] == "Polygon" { &mut moved["coordinates"][0] } else { &mut moved["coordinates"][0][0] };
        let corners = rings.as_array_mut().unwrap();
        let at = rng.random_range(1..corners.len() - 1);
        for (axis, value) in corners[at].as_array_mut().unwrap().iter_mut().enumerate() {
            let by = f64::from(rng.random_range(-100..=100)) / 100.0 * if axis == 0 { 1.0 } else { 0.7 } * SIDE;
            *value = json!(value.as_f64().unwrap() + by);
        }
        let answer = match rng.random_range(0..5) {
            0 => {
                let (x, y) = (f64::from(rng.random_range(0..190)) / 10.0, f64::from(rng.random_range(0..90)) / 10.0);
                let size = f64::from(rng.random_range(1..15)) / 10.0;
                desk.ask("POST", "/collections/grid/items?draft=2", &[], &feature(&rectangle(x, y, size, size), &json!({})))
            }
            1 => desk.ask("DELETE", &item(code), &[("if-match", "*")], &Value::Null),
            2 => desk.ask("PUT", &item(code), &[("if-match", "*")], &feature(&moved, &json!({ "code": code, "name": "moved" }))),
            _ => desk.ask("PATCH", &item(code), &[("if-match", "*")], &json!({ "geometry": moved })),
        };
        assert!([200, 201, 204, 422].contains(&answer.0), "round {round}: {answer:?}");
        *statuses.entry(answer.0).or_default() += 1;
    }
    assert!(statuses.get(&422).is_some_and(|count| *count > 1) && statuses.get(&200).is_some_and(|count| *count > 10), "{statuses:?}");
    // The check of every import finds nothing.
    let problems = desk.get("/v1/drafts/2/problems").1;
    assert_eq!(problems["errors"], 0, "{problems}");
    // All of it is taken back.
    while desk.ask("DELETE", "/v1/drafts/2/operations/last", &[("if-match", "*")], &Value::Null).0 == 200 {}
    let changed = desk.get("/v1/drafts/2").1["metrics"]["changed"].clone();
    assert_eq!(changed, json!({ "begun": 0, "ended": 0, "reshaped": 0, "reassigned": 0, "renamed": 0 }));
}

fn report(desk: &Desk, key: &str, headers: &[(&str, &str)]) -> Response {
    let (lon, lat) = middle_of(0, 0);
    let point = json!({ "type": "Point", "coordinates": [lon, lat] });
    let properties = json!({ "category": "E0110", "description": "垃圾", "source": "12345" });
    desk.send("POST", "/collections/incidents/items", key, headers, &feature(&point, &properties))
}

fn as_dispatcher(desk: &Desk, method: &str, path: &str, tag: &str, body: &Value) -> Response {
    let named = [("if-match", tag)];
    desk.send(method, path, DISPATCHER, if tag.is_empty() { &[] } else { &named }, body)
}

#[test]
fn an_incident_is_reported_as_a_feature_and_moved_by_its_workflow() {
    let desk = Desk::new();
    let response = report(&desk, DISPATCHER, &[("idempotency-key", "k1")]);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(tag(&response).starts_with("\"1."), "{}", tag(&response));
    assert_eq!(response.headers()["content-type"], "application/geo+json");
    assert_eq!(response.headers()["content-crs"], "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    let (status, taken) = read(response);
    assert_eq!((status, &taken["properties"]["grid"]), (201, &json!(code_of(0, 0))), "{taken}");
    let path = location[location.find("/collections").unwrap()..].to_owned();
    assert!(location.ends_with(taken["id"].as_str().unwrap()), "{location}");
    let minimal = report(&desk, DISPATCHER, &[("prefer", "return=minimal")]);
    assert_eq!((minimal.status().as_u16(), tag(&minimal)), (201, "\"1\"".to_owned()));
    assert!(minimal.headers().contains_key("location") && minimal.bytes().unwrap().is_empty());
    let again = report(&desk, DISPATCHER, &[("idempotency-key", "k1")]);
    assert_eq!(
        (again.headers()["location"].to_str().unwrap(), again.headers()["idempotency-replayed"].to_str().unwrap()),
        (location.as_str(), "true")
    );
    assert_eq!(report(&desk, SCOPED, &[]).status(), 201);
    assert_eq!(report(&desk, "", &[]).status(), 401);

    let show = || {
        let response = desk.service.get(&path).bearer_auth(DISPATCHER).send().unwrap();
        (tag(&response), read(response).1)
    };
    let (first, shown) = show();
    assert!(first.starts_with("\"1."), "{first}");
    // The place is corrected by the move of the workflow that does that.
    let (lon, lat) = middle_of(1, 0);
    let moved = json!({ "geometry": { "type": "Point", "coordinates": [lon, lat] }, "properties": { "reason": "wrong house" } });
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, "", &moved).status(), 428);
    let (status, after) = read(as_dispatcher(&desk, "PATCH", &path, &first, &moved));
    assert_eq!((status, &after["properties"]["grid"]), (200, &json!(code_of(1, 0))), "{after}");
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, &first, &moved).status(), 412);
    let (second, _) = show();
    assert!(second.starts_with("\"2."), "{second}");
    // Text is not rewritten, and two things are two events.
    let (status, refused) = read(as_dispatcher(&desk, "PATCH", &path, &second, &json!({ "properties": { "description": "other" } })));
    assert_eq!((status, &refused["type"]), (409, &json!("urn:gridkeeper:problem:invalid-move")), "{refused}");
    assert!(refused["allowed"].as_array().unwrap().contains(&json!("file")), "{refused}");
    let both = json!({ "geometry": shown["geometry"], "properties": { "state": "void", "reason": "r" } });
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, &second, &both).status(), 409);
    // What is sent back as it is changes nothing.
    let (status, same) = read(as_dispatcher(&desk, "PUT", &path, &second, &show().1));
    assert_eq!(status, 200, "{same}");
    assert_eq!(show().0, second);
    // Nor does the pin move where it is sent back rounded.
    let (mut rounded, kept) = (show().1, show().1);
    let at = rounded["geometry"]["coordinates"].as_array_mut().unwrap();
    at.iter_mut().for_each(|c| *c = json!((c.as_f64().unwrap() * 1e7).round() / 1e7 + 2e-7));
    let (status, same) = read(as_dispatcher(&desk, "PUT", &path, &second, &rounded));
    assert_eq!((status, &same["geometry"]), (200, &kept["geometry"]), "{same}");
    // What would be lost is refused by name, and nothing is answered with 200 that was not done.
    for (properties, parameter) in [
        (json!({ "action": "void", "reason": "r", "category": "E0220" }), "properties.category"),
        (json!({ "worker": "W-2" }), "properties.worker"),
        (json!({ "published": true }), "properties.published"),
        (json!({ "holder": "W-9" }), "properties.holder"),
        (json!({ "grid": code_of(9, 9) }), "properties.grid"),
    ] {
        let (status, refused) = read(as_dispatcher(&desk, "PATCH", &path, &second, &json!({ "properties": properties })));
        assert_eq!((status, &refused["errors"][0]["parameter"]), (409, &json!(parameter)), "{refused}");
    }
    assert_eq!(as_dispatcher(&desk, "PATCH", &path, &second, &json!({ "geometry": null })).status(), 409);
    assert_eq!(show().0, second);
    // A state that no move leads to now is refused with those that are open.
    let closed = json!({ "properties": { "state": "closed_for_ever" } });
    let (status, refused) = read(as_dispatcher(&desk, "PATCH", &path, &second, &closed));
    assert_eq!((status, refused["allowed"].is_array()), (409, true), "{refused}");
    // Nothing is deleted: the case is voided, with a reason, and its history goes on.
    let (status, refused) = read(as_dispatcher(&desk, "DELETE", &path, &second, &Value::Null));
    assert_eq!((status, &refused["errors"][0]["parameter"]), (400, &json!("reason")), "{refused}");
    let void = format!("{path}?reason=twice");
    assert_eq!(as_dispatcher(&desk, "DELETE", &void, &second, &Value::Null).status(), 200);
    let id = path.rsplit('/').next().unwrap();
    let history = read(desk.service.get(&format!("/v1/incidents/{id}/history")).bearer_auth(DISPATCHER).send().unwrap()).1;
    let actions: Vec<&str> = history["events"].as_array().unwrap().iter().map(|event| event["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["report", "move", "void"]);
    assert_eq!(as_dispatcher(&desk, "DELETE", &void, "*", &Value::Null).status(), 409);
    assert_eq!(as_dispatcher(&desk, "DELETE", "/collections/incidents/items/nothing", "*", &Value::Null).status(), 412);
}

#[test]
fn a_reader_of_tags_gets_304_and_a_writer_uses_the_same_tag() {
    let desk = Desk::new();
    let path = item(&code_of(7, 7));
    let zipped = |request: RequestBuilder| request.bearer_auth(PLANNER).header("accept-encoding", "gzip").send().unwrap();
    let first = zipped(desk.service.get(&path));
    let seen = tag(&first);
    let known = zipped(desk.service.get(&path).header("if-none-match", &seen));
    assert_eq!((known.status().as_u16(), tag(&known)), (304, seen.clone()));
    let patch = json!({ "properties": { "name": "seen" } });
    assert_eq!(desk.ask("PATCH", &path, &[("if-match", &seen)], &patch).0, 200);
    assert_eq!(zipped(desk.service.get(&path).header("if-none-match", &seen)).status(), 200);
}

#[test]
fn a_post_is_given_changed_and_ended_and_what_was_said_before_is_kept() {
    let desk = Desk::new();
    let items = "/collections/roster/items";
    // It is personal: nobody without a key sees it, and a limited key what it reaches.
    assert_eq!(desk.service.get(items).send().unwrap().status(), 401);
    let seen = read(desk.service.get(items).bearer_auth(SCOPED).send().unwrap()).1;
    let before = seen["features"].as_array().unwrap().clone();
    assert_eq!((before.len(), &before[0]["properties"]["worker"]), (1, &json!("W-4711")), "{seen}");
    assert_eq!(before[0]["geometry"]["type"], "MultiPolygon");

    let body = |properties: Value| feature(&Value::Null, &properties);
    let row = json!({ "unit": code_of(1, 1), "worker": "W-2", "name": "李四", "phone": "139", "post": "backup", "shift": "08:00-18:00" });
    for (key, status) in [("", 401), (SCOPED, 403), (DISPATCHER, 403)] {
        assert_eq!(desk.send("POST", items, key, &[], &body(row.clone())).status(), status, "{key}");
    }
    let response = desk.send("POST", items, PLANNER, &[], &body(row.clone()));
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let (status, made) = read(response);
    assert_eq!((status, &made["properties"]["name"], &made["properties"]["shift"]), (201, &json!("李四"), &json!("08:00-18:00")), "{made}");
    let path = location[location.find("/collections").unwrap()..].to_owned();
    let (first, found) = desk.get(&path);
    assert_eq!((&found["properties"], first.starts_with("\"r2.")), (&made["properties"], true), "{first}");
    // What cannot be is told by what is wrong.
    for (change, status, parameter) in [
        (json!({ "unit": "431102999999999" }), 422, "properties.unit"),
        (json!({ "worker": "W-3", "name": null }), 422, "properties.name"),
        (json!({ "valid_from": "2026-02-01T00:00:00Z", "valid_to": "2026-01-01T00:00:00Z" }), 422, "properties.valid_to"),
        (json!({ "post": "king" }), 400, "properties.post"),
        (json!({ "shift": "all day" }), 400, "properties.shift"),
        (json!({ "rank": 1 }), 400, "properties.rank"),
    ] {
        let mut wrong = row.clone();
        wrong.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (found, refused) = desk.ask("POST", items, &[], &body(wrong));
        assert_eq!((found, &refused["errors"][0]["parameter"]), (status, &json!(parameter)), "{refused}");
    }
    // Two who change the roster on one version: one change, and one 412.
    let patch = |name: &str, tag: &str| desk.ask("PATCH", &path, &[("if-match", tag)], &json!({ "properties": { "department": name } }));
    assert_eq!(desk.ask("PATCH", &path, &[], &json!({ "properties": {} })).0, 428);
    let (status, patched) = patch("Roads", &first);
    assert_eq!(
        (status, &patched["properties"]["department"], &patched["properties"]["post"]),
        (200, &json!("Roads"), &json!("backup")),
        "{patched}"
    );
    assert_eq!(patch("Parks", &first).0, 412);
    let other_unit = json!({ "properties": { "unit": code_of(2, 2) } });
    assert_eq!(desk.ask("PATCH", &path, &[("if-match", "*")], &other_unit).0, 422);
    for (change, parameter) in [
        (json!({ "properties": { "unit": null } }), "properties.unit"),
        (json!({ "properties": { "post": null } }), "properties.post"),
        (json!({ "properties": { "valid_from": null } }), "properties.valid_from"),
        (json!({ "properties": { "name": null } }), "properties.name"),
        (json!({ "id": "another" }), "id"),
        (json!({ "properties": null }), "properties"),
    ] {
        let (status, refused) = desk.ask("PATCH", &path, &[("if-match", "*")], &change);
        assert_eq!((status, &refused["errors"][0]["parameter"]), (422, &json!(parameter)), "{refused}");
    }
    // A row that comes to be about the same as another is refused as one that is added.
    assert_eq!(desk.ask("POST", items, &[], &body(found["properties"].clone())).0, 409);
    // What began stays so where a whole row does not say when, and a phone is taken out.
    let mut whole = found["properties"].clone();
    whole.as_object_mut().unwrap().remove("valid_from");
    whole["department"] = json!("Roads");
    whole["phone"] = json!(null);
    let (status, replaced) = desk.ask("PUT", &path, &[("if-match", "*")], &body(whole));
    assert_eq!((status, &replaced["properties"]["valid_from"]), (200, &found["properties"]["valid_from"]), "{replaced}");
    assert_eq!((&replaced["id"], &replaced["properties"]["phone"]), (&found["id"], &json!("")));
    // Deleted is ended: it stays, with its end.
    let (tag_now, _) = desk.get(&path);
    let (status, ended) = desk.ask("DELETE", &format!("{path}?at=2099-01-01T00:00:00Z"), &[("if-match", &tag_now)], &Value::Null);
    assert_eq!((status, &ended["properties"]["valid_to"]), (200, &json!("2099-01-01T00:00:00Z")), "{ended}");
    assert_eq!(desk.ask("DELETE", &format!("{path}?at=2000-01-01T00:00:00Z"), &[("if-match", "*")], &Value::Null).0, 422);
    assert_eq!(desk.ask("DELETE", "/collections/roster/items/none", &[("if-match", "*")], &Value::Null).0, 412);
    assert_eq!(desk.get(items).1["numberMatched"], 3);
    // Who wrote it stands in the audit log, and before it was written the roster is as it was.
    let audit = read(desk.service.get("/v1/audit?limit=100").bearer_auth(ADMIN).send().unwrap()).1;
    let writes = audit["entries"].as_array().unwrap().iter().filter(|entry| entry["action"] == "replace_roster").count();
    assert_eq!(writes, 5, "{audit}");
    assert_eq!(desk.get(&format!("{items}?at=2026-02-01T00:00:00Z")).1["features"].as_array().unwrap().len(), 2);
}

#[test]
fn a_key_of_one_layer_sees_no_posts_of_another() {
    const GRID_ONLY: &str = "grid-key";
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let mut beats = grids();
    for beat in &mut beats {
        beat.unit.code = UnitCode::parse(&beat.unit.code.as_str().replacen("431102001", "431102002", 1)).unwrap();
    }
    let (beat, at) = (beats[0].unit.code.to_string(), "2026-01-01T00:00:00Z".parse().unwrap());
    publish(&*store, "police", beats, at, at, GenerationState::Published);
    let hash = KeyHash(Sha256::digest(GRID_ONLY.as_bytes()).into());
    let layers = vec![LayerName::parse("grid").unwrap()];
    store.add_key(&KeyRecord { layers, ..KeyRecord::new(hash, Role::Dispatcher, at) }, "test").unwrap();
    let desk = Desk { service: Service::start_on(store, Config::default(), false) };
    let items = "/collections/roster/items";
    let row = feature(&Value::Null, &json!({ "unit": beat, "worker": "P-1", "name": "王五" }));
    assert_eq!(desk.ask("POST", items, &[], &row).0, 201);
    let sees_beat = |key: &str| {
        let (status, page) = read(desk.service.get(items).bearer_auth(key).send().unwrap());
        let features = page["features"].as_array().unwrap_or_else(|| panic!("{status} {page}"));
        assert!(features.iter().any(|row| row["properties"]["unit"] == code_of(0, 0)), "{page}");
        features.iter().any(|row| row["properties"]["unit"] == beat.as_str())
    };
    assert_eq!((sees_beat(PLANNER), sees_beat(GRID_ONLY)), (true, false));
}

#[test]
fn a_row_is_not_written_where_a_planned_roster_would_lose_it() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let (at, ahead) = ("2026-01-02T00:00:00Z".parse().unwrap(), "2099-01-01T00:00:00Z");
    let planned = publish(&*store, "grid", grids(), ahead.parse().unwrap(), at, GenerationState::Published);
    let roster = store.load_roster(at).unwrap().data;
    store.replace_roster(&roster, Some((&LayerName::parse("grid").unwrap(), planned)), "test", at).unwrap();
    let desk = Desk { service: Service::start_on(store, Config::default(), false) };
    let row = feature(&Value::Null, &json!({ "unit": code_of(1, 1), "worker": "W-2", "name": "李四" }));
    let (status, refused) = desk.ask("POST", "/collections/roster/items", &[], &row);
    assert_eq!((status, refused["detail"].as_str().unwrap().contains(ahead)), (409, true), "{refused}");
}

#[test]
fn a_file_that_is_known_is_not_made_again() {
    let desk = Desk::new();
    for form in ["csv", "fgb", "gpkg", "parquet"] {
        let ask = |method: &str, path: &str, tag: &str| {
            let request = desk.service.request(method, path).bearer_auth(PLANNER);
            if tag.is_empty() { request.send().unwrap() } else { request.header("if-none-match", tag).send().unwrap() }
        };
        let path = format!("/collections/grid/items?draft=2&f={form}");
        let seen = tag(&ask("GET", &path, ""));
        assert!(seen.starts_with("W/\""), "{form} {seen}");
        let known = ask("GET", &path, &seen);
        let (kept, vary) = (&known.headers()["cache-control"], &known.headers()["vary"]);
        assert_eq!((kept.to_str().unwrap(), vary.to_str().unwrap()), ("private, no-cache", "Accept, Accept-Encoding, Authorization"));
        assert_eq!((known.status().as_u16(), tag(&known), known.bytes().unwrap().len()), (304, seen.clone(), 0), "{form}");
        let head = ask("HEAD", &path, "");
        assert_eq!((head.status().as_u16(), tag(&head)), (200, seen.clone()), "{form}");
        assert_eq!(ask("GET", &format!("{path}&limit=7"), &seen).status(), 200, "{form}");
        assert_eq!(ask("GET", &format!("/collections/grid/items?f={form}"), &seen).status(), 200, "{form}");
        let patch = json!({ "properties": { "name": format!("name by {form}") } });
        assert_eq!(desk.ask("PATCH", &item(&code_of(0, 0)), &[("if-match", "*")], &patch).0, 200);
        let after = ask("GET", &path, &seen);
        assert_eq!(after.status(), 200, "{form}");
        assert_ne!(tag(&after), seen, "{form}");
    }
}

#[test]
fn documents_go_out_in_the_coding_that_is_liked_best_and_each_has_its_tag() {
    let desk = Desk::new();
    let path = "/collections/grid/items?limit=100";
    let plain = desk.service.get(path).send().unwrap();
    let (plain_tag, plain) = (tag(&plain), plain.bytes().unwrap());
    let mut tags = vec![plain_tag];
    for (accept, coding) in [("gzip", "gzip"), ("br", "br"), ("zstd, br, gzip", "zstd"), ("zstd;q=0.5, br, gzip;q=0.1", "br")] {
        let packed = desk.service.get(path).header("accept-encoding", accept).send().unwrap();
        assert_eq!(packed.headers()["content-encoding"], coding, "{accept}");
        let seen = tag(&packed);
        let known = desk.service.get(path).header("accept-encoding", accept).header("if-none-match", &seen).send().unwrap();
        assert_eq!(known.status(), 304, "{accept}");
        let bytes = packed.bytes().unwrap();
        let read = match coding {
            "zstd" => zstd::bulk::decompress(&bytes, plain.len()).unwrap(),
            "br" => {
                let mut out = Vec::new();
                brotli::BrotliDecompress(&mut &bytes[..], &mut out).unwrap();
                out
            }
            _ => {
                let mut out = Vec::new();
                std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut out).unwrap();
                out
            }
        };
        assert!(read == plain, "{accept}");
        tags.push(seen);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[test]
fn owslib_writes_units_of_a_draft_and_reports_incidents() {
    let Some(python) = python_with("owslib") else { return };
    let desk = Desk::new();
    let script = format!("{}/tests/owslib_writing.py", env!("CARGO_MANIFEST_DIR"));
    let mut command = std::process::Command::new(python);
    command.args([script, desk.service.url(""), PLANNER.into(), code_of(6, 6), "2".into()]);
    let output = command.env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
