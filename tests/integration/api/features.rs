use std::collections::BTreeSet;
use std::process::Command;

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::boundary::{GenerationId, Position, UnitCode};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Case, CaseId, WorkerId};
use jiff::Timestamp;
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use super::service::{COLUMNS, DISPATCHER, ROWS, SCOPED, SECRETS, SIDE, SOUTH, Service, WEST, code_of, middle_of};
use crate::small_town::{EAST, SmallTown, text};

fn link<'a>(page: &'a Value, rel: &str) -> Option<&'a str> {
    page["links"].as_array().unwrap().iter().find(|link| link["rel"] == rel).map(|link| link["href"].as_str().unwrap())
}

fn codes(page: &Value) -> Vec<String> {
    page["features"].as_array().unwrap().iter().map(|feature| feature["properties"]["code"].as_str().unwrap().to_owned()).collect()
}

/// Follows `rel` to the end and returns the codes of each page.
fn pages(service: &Service, path: &str, rel: &str) -> Vec<Vec<String>> {
    let root = service.url("");
    let mut pages = Vec::new();
    let mut path = path.to_owned();
    loop {
        let page = service.json(&path);
        assert_eq!(page["numberReturned"], page["features"].as_array().unwrap().len());
        pages.push(codes(&page));
        match link(&page, rel) {
            Some(href) => path = href.strip_prefix(&root).unwrap().to_owned(),
            None => return pages,
        }
    }
}

#[test]
fn paging_visits_each_feature_once_in_both_directions() {
    let service = Service::start();
    let all: Vec<String> = (0..ROWS * COLUMNS).map(|number| code_of(number % COLUMNS, number / COLUMNS)).collect();
    for limit in [1, 7, 200, 201] {
        let forwards = pages(&service, &format!("/collections/grid/items?limit={limit}"), "next");
        assert!(forwards.iter().all(|page| page.len() <= limit));
        assert_eq!(forwards.concat(), all, "limit {limit}");
        let mut backwards = pages(&service, &format!("/collections/grid/items?limit={limit}&before=5"), "prev");
        backwards.reverse();
        assert_eq!(backwards.concat(), all, "limit {limit}, backwards");
    }
}

#[test]
fn a_page_or_a_feature_that_is_saved_and_imported_changes_nothing() {
    let town = SmallTown::build();
    let store = open_store(text(&town.store()), OpenMode::ReadOnly).unwrap();
    let service = Service::start_on(store, Config::default(), false);
    let page = service.json("/collections/grid/items");
    assert_eq!(page["numberReturned"], 2);
    let page = town.write("page.geojson", page.to_string());
    let feature = town.write("feature.geojson", service.json(&format!("/collections/grid/items/{EAST}")).to_string());
    drop(service);
    town.succeed(&["import", text(&page), "--level", "grid"]);
    town.succeed(&["import", text(&feature), "--level", "grid", "--merge"]);
    for to in ["3", "4"] {
        let told = town.succeed(&["generation", "compare", "2", to]);
        assert!(told.contains("grid: 2 unchanged, nothing else"), "{told}");
    }
}

#[test]
fn filters_stay_on_every_page_and_the_count_is_exact() {
    let service = Service::start();
    // A box inside the third and fourth column of the second row, and one that touches only a corner.
    let (west, south) = (WEST + SIDE * 2.5, SOUTH + SIDE * 1.5);
    let inside = format!("bbox={west},{south},{},{}", west + SIDE, south + SIDE * 0.1);
    let page = service.json(&format!("/collections/grid/items?{inside}&limit=1"));
    assert_eq!((page["numberMatched"].as_u64(), codes(&page)), (Some(2), vec![code_of(2, 1)]));
    assert_eq!(pages(&service, &format!("/collections/grid/items?{inside}&limit=1"), "next").concat(), [code_of(2, 1), code_of(3, 1)]);
    let count = |query: &str| service.json(&format!("/collections/grid/items?{query}"))["numberMatched"].as_u64().unwrap();
    let corner = format!("bbox={},{},{},{}", WEST - 1.0, SOUTH - 1.0, WEST, SOUTH);
    assert_eq!(count(&corner), 1);
    assert_eq!(count(&format!("code={}", code_of(4, 4))), 1);
    assert_eq!(count("code=nothing"), 0);
    assert_eq!(count("parent=431102"), 200);
    assert_eq!(count("name=%E7%AC%AC7%E7%BD%91%E6%A0%BC"), 1);
    assert_eq!(count("datetime=2025-12-31T00:00:00Z"), 0);
    assert_eq!(count("datetime=2026-06-01T00:00:00Z/.."), 200);
    // All the way round the earth, by the antimeridian.
    assert_eq!(count("bbox=170,-90,-170,90"), 0);
    assert_eq!(count("bbox=111,-90,110,90"), 200);
    assert_eq!(count(&format!("{inside}&parent=1")), 0);
}

#[test]
fn a_wrong_parameter_of_items_is_400_and_named() {
    let service = Service::start();
    for (query, name) in [
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=1,2,3,NaN", "bbox"),
        ("bbox=1,3,2,2", "bbox"),
        ("datetime=2026-02-30T00:00:00Z", "datetime"),
        ("datetime=2026-02-02T00:00:00Z/2026-02-01T00:00:00Z", "datetime"),
        ("f=xml", "f"),
        ("shift=mars", "shift"),
        ("after=1&before=2", "before"),
        ("crs=EPSG:4326", "crs"),
        ("category=x", "category"),
        ("bbox=1,2,3,4&bbox=1,2,3,4", "bbox"),
    ] {
        let response = service.get(&format!("/collections/grid/items?{query}")).send().unwrap();
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.json::<Value>().unwrap()["errors"][0]["parameter"], name, "{query}");
    }
    assert_eq!(service.json("/collections/grid/items?limit=999999999")["numberReturned"], 200);
}

#[test]
fn the_single_feature_is_the_one_of_the_list() {
    let service = Service::start();
    let page = service.json("/collections/grid/items?limit=3");
    for feature in page["features"].as_array().unwrap() {
        let id = feature["id"].as_str().unwrap();
        assert_eq!(&service.json(&format!("/collections/grid/items/{id}")), feature);
        let code = feature["properties"]["code"].as_str().unwrap();
        assert_eq!(&service.json(&format!("/collections/grid/items/{code}")), feature);
        assert!(link(feature, "self").unwrap().contains(id));
    }
    for missing in ["/collections/grid/items/1", "/collections/nothing", "/collections/nothing/items", "/collections/street"] {
        assert_eq!(service.get(missing).send().unwrap().status(), 404, "{missing}");
    }
}

#[test]
fn coordinates_are_as_stored_and_the_reference_system_is_said() {
    let service = Service::start();
    let response = service.get("/collections/grid/items?limit=1").send().unwrap();
    assert_eq!(response.headers()["content-type"], "application/geo+json");
    assert_eq!(response.headers()["content-crs"], "<http://www.opengis.net/def/crs/OGC/1.3/CRS84>");
    assert!(response.headers()["link"].to_str().unwrap().contains("rel=\"next\""));
    let page: Value = response.json().unwrap();
    let ring: Vec<Vec<f64>> = serde_json::from_value(page["features"][0]["geometry"]["coordinates"][0][0].clone()).unwrap();
    assert!(ring.contains(&vec![WEST + SIDE, SOUTH + SIDE]), "{ring:?}");
    let moved = service.get("/collections/grid/items?limit=1&shift=gcj02").send().unwrap();
    assert!(!moved.headers().contains_key("content-crs"), "what was moved has no reference system");
    let moved: Value = moved.json().unwrap();
    assert_eq!((&moved["shift"], &moved["features"][0]["shift"]), (&json!("gcj02"), &json!("gcj02")));
    assert_ne!(moved["features"][0]["geometry"], page["features"][0]["geometry"]);
    assert!(link(&moved, "next").unwrap().contains("shift=gcj02"));
}

#[test]
fn each_page_is_there_as_json_and_html() {
    let service = Service::start();
    for path in ["/", "/conformance", "/collections", "/collections/grid", "/collections/grid/items", "/api"] {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        let page = service.get(path).header("accept", browser).send().unwrap();
        assert!(page.headers()["content-type"].to_str().unwrap().starts_with("text/html"), "{path}");
        assert!(page.headers().contains_key("content-security-policy"), "{path}");
        let json = service.get(&format!("{path}?f=json")).header("accept", browser).send().unwrap();
        assert!(json.headers()["content-type"].to_str().unwrap().contains("json"), "{path}");
        let body: Value = json.json().unwrap();
        if path != "/api" {
            assert!(link(&body, "self").is_some() && link(&body, "alternate").is_some(), "{path}");
        }
    }
    let item = service.get("/collections/grid/items?limit=1").header("accept", "text/html").send().unwrap().text().unwrap();
    assert!(item.contains("第1网格"));
}

#[test]
fn a_collection_says_how_far_it_reaches() {
    let service = Service::start();
    let collections = service.json("/collections");
    let ids: BTreeSet<_> = collections["collections"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, BTreeSet::from(["district".to_owned(), "grid".to_owned()]));
    let grid = service.json("/collections/grid");
    let east = WEST + SIDE * COLUMNS as f64;
    assert_eq!(grid["extent"]["spatial"]["bbox"][0], json!([WEST, SOUTH, east, SOUTH + SIDE * ROWS as f64]));
    assert_eq!(grid["extent"]["temporal"]["interval"], json!([["2026-01-01T00:00:00Z", null]]));
}

pub fn add_cases(service: &Service, count: u128) {
    let case = |number: u128| {
        let (lon, lat) = middle_of(usize::try_from(number).unwrap() % COLUMNS, 0);
        Case {
            id: CaseId(uuid::Uuid::from_u128(number + 1)),
            position: Position { lon, lat },
            given: format!("{lon} {lat}"),
            category: if number.is_multiple_of(2) { "噪音" } else { "积水" }.into(),
            description: String::new(),
            source: "12345".into(),
            reported_at: "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap(),
            district: None,
            grid: Some(UnitCode::parse(&code_of(usize::try_from(number).unwrap() % COLUMNS, 0)).unwrap()),
            generation: Some(GenerationId(1)),
            holder: Some(WorkerId(SECRETS[0].into())),
        }
    };
    let cases: Vec<_> = (0..count).map(case).collect();
    service.store.add_cases(&cases, "test", Timestamp::UNIX_EPOCH).unwrap();
}

#[test]
fn incidents_are_for_those_with_a_key_and_within_its_reach() {
    let service = Service::start();
    add_cases(&service, 45);
    for path in ["/collections/incidents", "/collections/incidents/items"] {
        assert_eq!(service.get(path).send().unwrap().status(), 401, "{path}");
    }
    let ask = |key: &str, path: &str| -> Value {
        let response = RequestBuilder::bearer_auth(service.get(path), key).send().unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.headers()["cache-control"].to_str().unwrap().starts_with("private"));
        response.json().unwrap()
    };
    let mut seen = BTreeSet::new();
    let mut path = "/collections/incidents/items?limit=20".to_owned();
    loop {
        let page = ask(DISPATCHER, &path);
        assert_eq!(page["numberMatched"], 45);
        for feature in page["features"].as_array().unwrap() {
            assert!(seen.insert(feature["id"].to_string()), "{feature} came twice");
        }
        match link(&page, "next") {
            Some(next) => path = next.strip_prefix(&service.url("")).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 45);
    assert_eq!(ask(SCOPED, "/collections/incidents/items")["numberMatched"], 3);
    assert_eq!(ask(DISPATCHER, "/collections/incidents/items?category=%E5%99%AA%E9%9F%B3")["numberMatched"], 23);
    assert_eq!(ask(DISPATCHER, "/collections/incidents/items?datetime=2026-03-01T00:00:00Z")["numberMatched"], 45);
    let one = ask(DISPATCHER, "/collections/incidents/items/00000000-0000-0000-0000-000000000001");
    assert_eq!(one["properties"]["category"], "噪音");
    let listed = ask(DISPATCHER, "/collections")["collections"].as_array().unwrap().len();
    // The incidents and the roster are two more.
    assert_eq!(listed, 4);
}

/// GDAL's own driver for these pages must list the collections, count them, and page through them.
#[test]
fn gdal_lists_all_collections_and_pages_through_them() {
    let service = Service::start();
    if Command::new("ogrinfo").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "install gdal-bin: this machine must run the test");
        eprintln!("skipped: there is no ogrinfo");
        return;
    }
    let source = format!("OAPIF:{}", service.url(""));
    let ogrinfo = |arguments: &[&str]| {
        let output = Command::new("ogrinfo").args(["-ro", "-oo", "PAGE_SIZE=30"]).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let all = ogrinfo(&["-so", "-al", &source]);
    assert!(all.contains("Layer name: grid") && all.contains("Layer name: district"), "{all}");
    assert!(all.contains("Feature Count: 200"), "{all}");
    let features = ogrinfo(&["-al", &source, "grid"]);
    let seen: BTreeSet<&str> = features.lines().filter(|line| line.trim_start().starts_with("code (")).collect();
    assert_eq!(seen.len(), ROWS * COLUMNS, "{features}");
    let window = format!("{},{}", WEST + SIDE * 2.5, SOUTH + SIDE * 1.5);
    let (x, y) = window.split_once(',').unwrap();
    let few = ogrinfo(&["-so", "-spat", x, y, x, y, &source, "grid"]);
    assert!(few.contains("Feature Count: 1"), "{few}");
}

#[test]
fn a_far_end_a_long_filter_and_a_text_that_none_can_have_are_answered_so_that_clients_can_go_on() {
    let service = Service::start();
    let status = |path: &str| service.get(path).send().unwrap().status().as_u16();
    let items = "/collections/grid/items?limit=1&";
    for (query, expected) in [
        ("datetime=2026-01-01T00:00:00Z/9999-12-31T23:59:59.999Z", 200),
        ("datetime=2026-01-01T00:00:00Z/9999-12-31T23:59:59+08:00", 200),
        ("datetime=2026-01-01T00:00:00Z/9999-12-32T00:00:00Z", 400),
        ("name=%00", 400),
        ("filter=name%3D'%00'", 400),
    ] {
        assert_eq!(status(&format!("{items}{query}")), expected, "{query}");
    }
    let filter = vec!["name='x'"; 2_000].join("+OR+");
    let page = service.get(&format!("{items}filter={filter}")).send().unwrap();
    let header = page.headers().get("link").map_or(0, reqwest::header::HeaderValue::len);
    assert!(header <= 8 << 10, "{header}");
    assert!(link(&page.json::<Value>().unwrap(), "self").unwrap().len() > 8 << 10);
    assert_eq!(service.json("/collections/responsibilities/items")["timeStamp"], Value::Null);
    assert!(service.json("/collections/grid/items?limit=1")["timeStamp"].is_string());
}
