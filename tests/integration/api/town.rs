//! A town to be redrawn: two streets of two communities each, uneven in load, and a draft of it.

use std::sync::Arc;

use gridkeeper::boundary::{GenerationId, GenerationState, Layer, LayerName, UnitShape};
use gridkeeper::config::Config;
use gridkeeper::store::{MemoryStore, Publication, Store};
use gridkeeper::topology::{Rules, check};
use jiff::Timestamp;
use reqwest::blocking::Response;
use serde_json::{Value, json};

use super::service::{COLUMNS, PLANNER, ROWS, Service, fill, square};

/// The communities: west and east of the south, west and east of the north.
pub const COMMUNITIES: [&str; 4] = ["431102001001", "431102001002", "431102002001", "431102002002"];

pub fn community_at(column: usize, row: usize) -> &'static str {
    COMMUNITIES[2 * (row / (ROWS / 2)) + column / (COLUMNS / 2)]
}

pub fn grid_at(column: usize, row: usize) -> String {
    format!("{}{:03}", community_at(column, row), (row % (ROWS / 2)) * (COLUMNS / 2) + column % (COLUMNS / 2) + 1)
}

/// Two streets of two communities of fifty grids each, of which those further to the east have more households.
pub fn town() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    build(&*store);
    store
}

/// Puts the town into a store.
pub fn build(store: &dyn Store) {
    fill(store);
    let (half, half_rows) = (COLUMNS / 2, ROWS / 2);
    let street =
        |at: usize| square("street", &COMMUNITIES[2 * at][..9], "街道", Some("431102"), (0, at * half_rows), (COLUMNS, half_rows), at + 1);
    let community = |at: usize| {
        let (code, place) = (COMMUNITIES[at], ((at % 2) * half, at / 2 * half_rows));
        square("community", code, "社区", Some(&code[..9]), place, (half, half_rows), at + 1)
    };
    let grid = |number: usize| {
        let (column, row) = (number % COLUMNS, number / COLUMNS);
        let mut grid = square("grid", &grid_at(column, row), "网格", Some(community_at(column, row)), (column, row), (1, 1), number + 1);
        grid.unit.properties.insert("households".into(), (column + 1).into());
        grid
    };
    let whole = square("district", "431102", "零陵区", None, (0, 0), (COLUMNS, ROWS), 1);
    let levels: Vec<Vec<UnitShape>> =
        vec![vec![whole], (0..2).map(street).collect(), (0..4).map(community).collect(), (0..COLUMNS * ROWS).map(grid).collect()];
    let layer = Layer { name: LayerName::parse("grid").unwrap(), ..Config::default().layers[0].layer.clone() };
    let checked = check(&layer, levels, &Rules::default());
    let coverage = checked.coverage.unwrap_or_else(|| panic!("{:#?}", checked.problems));
    let at: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
    let parent = Some(GenerationId(1));
    let publication = Publication {
        coverage: &coverage,
        parent,
        state: GenerationState::Published,
        effective_from: at,
        created_at: at,
        author: "test",
        note: "",
        restores: None,
        reuses_codes: true,
    };
    store.publish(publication).unwrap();
}

/// A service with a draft of the town, weighed by households; returns the draft's address.
pub fn start() -> (Service, String) {
    let service = Service::start_on(town(), Config::default(), false);
    let (status, draft) = ask(&service, "POST", "/v1/drafts", None, &json!({ "title": "even", "load_field": "households" }));
    assert_eq!(status, 201, "{draft}");
    let path = format!("/v1/drafts/{}", draft["id"].as_str().unwrap());
    (service, path)
}

pub fn send(service: &Service, method: &str, path: &str, tag: Option<&str>, accept: &str, body: &Value) -> Response {
    let request = service.request(method, path).bearer_auth(PLANNER).header("content-type", "application/json").header("accept", accept);
    let request = tag.iter().fold(request, |request, tag| request.header("if-match", *tag));
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    request.send().unwrap()
}

pub fn ask(service: &Service, method: &str, path: &str, tag: Option<&str>, body: &Value) -> (u16, Value) {
    let response = send(service, method, path, tag, "application/json", body);
    (response.status().as_u16(), response.json().unwrap_or_default())
}
