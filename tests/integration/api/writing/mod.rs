//! OGC API Features, part 4: units of a draft, incidents and the roster, written as features.

mod incidents;
mod roster;
mod units;
mod verbs;

use std::sync::Arc;

use gridkeeper::config::Config;
use gridkeeper::dispatch::Role;
use gridkeeper::store::{KeyHash, KeyRecord, MemoryStore, Store};
use jiff::Timestamp;
use reqwest::blocking::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::rules::write_rules;
use super::service::{PLANNER, SIDE, SOUTH, Service, WEST, fill};

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
