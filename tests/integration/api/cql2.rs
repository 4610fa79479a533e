//! Filters, asked over HTTP: the standard's own predicates on its own data, and ours on the small district.

use std::sync::Arc;

use gridkeeper::app::read_tables;
use gridkeeper::config::Config;
use gridkeeper::store::{MemoryStore, Store};
use serde_json::{Value, json};

use super::service::{COLUMNS, DISPATCHER, ROWS, SIDE, SOUTH, Service, WEST, code_of, fill};
use crate::support::shared;

/// Asks for features of which a filter is true, with more parameters, each behind an `&`.
fn ask(service: &Service, collection: &str, filter: &str, more: &str) -> Value {
    let query: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
    service.json(&format!("/collections/{collection}/items?limit=1000{more}&filter={query}"))
}

fn count(service: &Service, collection: &str, filter: &str) -> u64 {
    let page = ask(service, collection, filter, "");
    assert_eq!(page["numberMatched"], page["features"].as_array().unwrap().len(), "{filter}");
    page["numberMatched"].as_u64().unwrap()
}

fn refused(service: &Service, query: &str) -> Value {
    let response = service.get(&format!("/collections/grid/items?{query}")).send().unwrap();
    assert_eq!(response.status(), 400, "{query}");
    response.json().unwrap()
}

#[test]
fn every_predicate_of_the_standard_counts_what_it_says() {
    let (Some(data), Some(predicates)) = (shared("conformance/ne110m4cql2.gpkg"), shared("conformance/cql2_official.json")) else { return };
    let tables = read_tables(&[data.to_str().unwrap().to_owned()], u64::MAX).unwrap();
    assert_eq!(tables.len(), 3);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    fill(&*store);
    let service = Service::start_beside(store, Config::default(), false, tables);
    for (collection, all) in
        [("ne_110m_admin_0_countries", 177), ("ne_110m_populated_places_simple", 243), ("ne_110m_rivers_lake_centerlines", 13)]
    {
        assert_eq!(count(&service, collection, "1 = 1"), all);
    }
    let predicates: Vec<(String, String, String, u64)> = serde_json::from_slice(&std::fs::read(predicates).unwrap()).unwrap();
    assert_eq!(predicates.len(), 216);
    let mut wrong = Vec::new();
    for (class, collection, predicate, expected) in &predicates {
        let found = count(&service, collection, predicate);
        if found != *expected {
            wrong.push(format!("{class}: {predicate} matched {found} instead of {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), predicates.len(), wrong.join("\n"));
}

#[test]
fn a_filter_is_joined_with_all_else_that_is_asked() {
    let service = Service::start();
    let all = (ROWS * COLUMNS) as u64;
    assert_eq!(count(&service, "grid", "level = 'grid' AND parent = '431102'"), all);
    assert_eq!(count(&service, "grid", &format!("code = '{}'", code_of(3, 4))), 1);
    assert_eq!(count(&service, "grid", &format!("code IN ('{}','{}','x')", code_of(3, 4), code_of(0, 0))), 2);
    assert_eq!(count(&service, "grid", "code LIKE '43110200100100_'"), 9);
    assert_eq!(count(&service, "grid", "name = '第7网格' OR \"name\" LIKE '第1%'"), 1 + 1 + 10 + 100);
    assert_eq!(count(&service, "grid", "valid_to IS NULL AND valid_from = DATE('2026-01-01')"), all);
    assert_eq!(count(&service, "grid", "NOT (valid_to > TIMESTAMP('2026-01-01T00:00:00Z'))"), 0);
    // A corner is shared by four, of which only a box inside the third column keeps two.
    let corner = format!("S_TOUCHES(geometry, POINT({} {}))", WEST + SIDE * 3.0, SOUTH + SIDE * 2.0);
    assert_eq!(count(&service, "grid", &corner), 4);
    let bbox = format!("&bbox={},{SOUTH},{},27", WEST + SIDE * 3.25, WEST + SIDE * 3.5);
    assert_eq!(ask(&service, "grid", &corner, &bbox)["numberMatched"], 2);
    assert_eq!(ask(&service, "grid", &corner, &format!("&code={}", code_of(3, 2)))["numberMatched"], 1);
    let touches = format!("S_TOUCHES(geometry, BBOX({},{},{},{}))", WEST + SIDE, SOUTH + SIDE, WEST + SIDE * 2.0, SOUTH + SIDE * 2.0);
    assert_eq!(count(&service, "grid", &touches), 8);
}

#[test]
fn a_filter_may_be_json_and_in_another_reference_system() {
    let service = Service::start();
    let (lon, lat) = (WEST + SIDE * 3.5, SOUTH + SIDE * 2.5);
    let filter = json!({"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Point", "coordinates": [lon, lat]}]});
    let page = ask(&service, "grid", &filter.to_string(), "&filter-lang=cql2-json");
    assert_eq!((page["numberMatched"].as_u64(), &page["features"][0]["properties"]["code"]), (Some(1), &json!(code_of(3, 2))));
    let turned = ask(
        &service,
        "grid",
        &format!("S_INTERSECTS(geometry, POINT({lat} {lon}))"),
        "&filter-crs=http://www.opengis.net/def/crs/EPSG/0/4326",
    );
    assert_eq!(turned["features"], page["features"]);
    let plane = "S_INTERSECTS(geometry, BBOX(2900000,560000,2901000,561000))";
    let plane = ask(&service, "grid", plane, "&filter-crs=%5BEPSG:4546%5D")["numberMatched"].as_u64().unwrap();
    let bbox = service.json("/collections/grid/items?bbox=2900000,560000,2901000,561000&bbox-crs=%5BEPSG:4546%5D");
    assert!(plane > 1 && bbox["numberMatched"] == plane, "{plane}");
}

#[test]
fn properties_are_parameters_of_their_own_names() {
    let service = Service::start();
    let count = |query: &str| service.json(&format!("/collections/grid/items?{query}"))["numberMatched"].as_u64();
    assert_eq!(count("level=grid&valid_from=2026-01-01T08:00:00%2B08:00"), Some((ROWS * COLUMNS) as u64));
    assert_eq!(count("level=street"), Some(0));
    for (query, parameter) in [
        ("color=red", "color"),
        ("Level=grid", "Level"),
        ("geometry=x", "geometry"),
        ("valid_from=soon", "valid_from"),
        ("queryables=x", "queryables"),
        ("properties=code,color", "properties"),
        ("sortby=geometry", "sortby"),
        ("sortby=", "sortby"),
        ("crs=", "crs"),
        ("crs=EPSG:4326", "crs"),
        ("bbox-crs=%5BEPSG:9999%5D", "bbox-crs"),
        ("filter-crs=x", "filter-crs"),
        ("filter-lang=sql", "filter-lang"),
        ("skipGeometry=1", "skipGeometry"),
        ("crs=%5BEPSG:4326%5D&shift=gcj02", "shift"),
    ] {
        assert_eq!(refused(&service, query)["errors"][0]["parameter"], parameter, "{query}");
    }
}

#[test]
fn a_wrong_filter_is_400_with_its_place_and_a_remedy() {
    let service = Service::start();
    let told = refused(&service, "filter=name%20LIKE%205");
    assert_eq!(told["errors"][0]["parameter"], "filter");
    assert_eq!(told["errors"][0]["detail"], "at character 11: the pattern of LIKE is no text; write it in single quotes");
    let deep = format!("filter={}", "(".repeat(1500));
    assert!(refused(&service, &deep)["detail"].as_str().unwrap().contains("nested more than"), "{deep}");
    assert!(refused(&service, "filter=")["detail"].as_str().unwrap().contains("the end stands where a value should"));
}

#[test]
fn queryables_are_a_schema_of_what_can_be_asked() {
    let service = Service::start();
    let response = service.get("/collections/grid/queryables").send().unwrap();
    assert_eq!(response.headers()["content-type"], "application/schema+json");
    let schema: Value = response.json().unwrap();
    assert_eq!(schema["$id"], service.url("/collections/grid/queryables"));
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["properties"]["valid_from"]["format"], "date-time");
    assert_eq!(schema["properties"]["geometry"]["format"], "geometry-any");
    assert!(schema["properties"]["geometry"].get("type").is_none());
    let sortables = service.json("/collections/grid/sortables");
    assert!(sortables["properties"].get("geometry").is_none() && sortables["properties"].get("code").is_some());
    assert_eq!(service.get("/collections/incidents/queryables").send().unwrap().status(), 401);
}

#[test]
fn pages_in_another_order_visit_each_feature_once() {
    let service = Service::start();
    let root = service.url("");
    let mut names = Vec::new();
    let mut path = "/collections/grid/items?sortby=-name&limit=7&skipGeometry=true&properties=name".to_owned();
    loop {
        let page = service.json(&path);
        for feature in page["features"].as_array().unwrap() {
            assert_eq!(feature["geometry"], Value::Null);
            assert_eq!(feature["properties"].as_object().unwrap().len(), 1);
            names.push(feature["properties"]["name"].as_str().unwrap().to_owned());
        }
        let next = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next").cloned();
        match next {
            Some(link) => path = link["href"].as_str().unwrap().strip_prefix(&root).unwrap().to_owned(),
            None => break,
        }
    }
    let mut expected = names.clone();
    expected.sort();
    expected.dedup();
    expected.reverse();
    assert_eq!((names.len(), names), (ROWS * COLUMNS, expected));
}

#[test]
fn geometry_is_sent_in_the_order_of_the_authority() {
    let service = Service::start();
    let path = format!("/collections/grid/items/{}", code_of(0, 0));
    let first = |path: &str| {
        let response = service.get(path).send().unwrap();
        let crs = response.headers()["content-crs"].to_str().unwrap().to_owned();
        let feature: Value = response.json().unwrap();
        let at = &feature["geometry"]["coordinates"][0][0][0];
        (crs, at[0].as_f64().unwrap(), at[1].as_f64().unwrap())
    };
    let (crs, lon, lat) = first(&path);
    assert_eq!(crs, "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    let uri = "http://www.opengis.net/def/crs/EPSG/0/4326";
    assert_eq!(first(&format!("{path}?crs={uri}")), (format!("<{uri}>"), lat, lon));
    let (_, north, east) = first(&format!("{path}?crs=%5BEPSG:4546%5D"));
    assert!((2_890_000.0..2_910_000.0).contains(&north) && (540_000.0..580_000.0).contains(&east), "{north} {east}");
    let listed = service.json("/collections/grid")["crs"].clone();
    assert!(listed[0] == crs.trim_matches(['<', '>']) && listed.as_array().unwrap().contains(&json!(uri)), "{listed}");
    let page = service.json(&format!("/collections/grid/items?limit=1&crs={uri}"));
    let alone = service.json(&format!("{path}?crs={uri}"));
    assert_eq!(page["features"][0], alone);
}

#[test]
fn incidents_are_filtered_over_all_and_paged_in_any_order() {
    let service = Service::start();
    super::features::add_cases(&service, 25);
    let get = |query: &str| {
        let response = service.get(&format!("/collections/incidents/items?{query}")).bearer_auth(DISPATCHER).send().unwrap();
        let status = response.status();
        let text = response.text().unwrap();
        assert_eq!(status, 200, "{query}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    let all = get("limit=100")["features"].as_array().unwrap().clone();
    assert_eq!(all.len(), 25);
    let id = all[7]["id"].as_str().unwrap();
    assert_eq!(get(&format!("filter=id='{id}'"))["features"], json!([all[7]]));
    let mut seen = Vec::new();
    let mut path = "filter=category%20IS%20NOT%20NULL&sortby=category,-id&limit=4".to_owned();
    loop {
        let page = get(&path);
        assert_eq!(page["numberMatched"], 25);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let features = page["features"].as_array().unwrap().iter();
        seen.extend(features.map(|feature| (text(&feature["properties"]["category"]), std::cmp::Reverse(text(&feature["id"])))));
        let Some(next) = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next") else { break };
        path = next["href"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
    }
    assert!(seen.len() == 25 && seen.is_sorted_by(|a, b| a < b), "{seen:?}");
}
