//! Answers as of other times: two generations with a moved border, one that lies ahead, a draft, and keepers that changed.
//!
//! The middle of the second square is in the second grid in generation 1, and in the first, which has grown, in generation 2.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use fast_mvt::MvtReaderRef;
use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::boundary::{GenerationState, LayerName, UnitCode, UnitShape, Validity};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Assignment, Post, Shift, Worker, WorkerId};
use gridkeeper::store::{RosterData, Store};
use jiff::{SignedDuration, Timestamp, ToSpan};
use reqwest::blocking::RequestBuilder;
use serde_json::{Value, json};

use super::faulty::Faulty;
use super::service::{COLUMNS, DISPATCHER, PLANNER, ROWS, SECRETS, SOUTH, Service, WEST, code_of, fill, grid, grids, middle_of, publish};
use crate::support::{PATIENCE, gridkeeper};

/// When the keeper changed, and when the border moved.
const NEW_KEEPER: &str = "2026-01-10T00:00:00Z";
const NEW_BORDER: &str = "2026-01-15T00:00:00Z";
const SECOND_KEEPER: &str = "W-9";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A year from now, to the second.
fn ahead() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + 365 * 86_400).unwrap()
}

/// The grids with the first one grown over the second square, and the second one in place of the third.
fn moved() -> Vec<UnitShape> {
    let rest = grids().into_iter().filter(|shape| ![0, 1, 2].map(|column| code_of(column, 0)).contains(&shape.unit.code.to_string()));
    [grid((0, 0), (0, 0), 2), grid((1, 0), (2, 0), 1)].into_iter().chain(rest).collect()
}

fn keeper(id: &str, unit: &str) -> RosterData {
    let worker = Worker { id: WorkerId(id.into()), name: "李四".into(), phone: "139".into() };
    let assignment = Assignment {
        unit: UnitCode::parse(unit).unwrap(),
        worker: worker.id.clone(),
        post: Post::Primary,
        department: String::new(),
        validity: Validity { from: time("2026-01-01T00:00:00Z"), to: None },
        shift: Shift::ALWAYS,
    };
    RosterData { workers: vec![worker], assignments: vec![assignment] }
}

/// Generation 1 since the new year, 2 since the border moved, 3 from next year on with the border moved back, 4 a draft.
struct District {
    folder: tempfile::TempDir,
    store: Arc<Faulty>,
    ahead: Timestamp,
}

impl District {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open_store(path_in(folder.path()).to_str().unwrap(), OpenMode::Create).unwrap();
        fill(&*store);
        let ahead = ahead();
        let (border, published) = (time(NEW_BORDER), GenerationState::Published);
        store.replace_roster(&keeper(SECOND_KEEPER, &code_of(0, 0)), None, "test", time(NEW_KEEPER)).unwrap();
        publish(&*store, "grid", moved(), border, border, published);
        publish(&*store, "grid", grids(), ahead, time("2026-01-16T00:00:00Z"), published);
        publish(&*store, "grid", grids(), ahead, time("2026-01-17T00:00:00Z"), GenerationState::Draft);
        Self { folder, store: Faulty::new(store), ahead }
    }

    fn serve(&self, config: Config) -> Service {
        Service::start_on(Arc::clone(&self.store) as Arc<dyn Store>, config, false)
    }

    /// Runs a command on the same store.
    fn run(&self, args: &[&str]) -> String {
        let output = gridkeeper().arg("--store").arg(path_in(self.folder.path())).args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn refuse(&self, args: &[&str]) -> String {
        let output = gridkeeper().arg("--store").arg(path_in(self.folder.path())).args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join("district.gpkg")
}

fn ask(service: &Service, key: Option<&str>, path: &str) -> (u16, Value) {
    let response = key.iter().fold(service.get(path), RequestBuilder::bearer_auth).send().unwrap();
    (response.status().as_u16(), response.json().unwrap())
}

/// The lookup in the middle of the second square, of which generations disagree.
fn disputed(more: &str) -> String {
    let (lon, lat) = middle_of(1, 0);
    format!("/v1/locate?lon={lon}&lat={lat}{more}")
}

fn name_of(problem: &Value) -> (&str, &str) {
    let name = problem["type"].as_str().unwrap().rsplit(':').next().unwrap();
    (name, problem["errors"][0]["parameter"].as_str().unwrap_or_default())
}

#[test]
fn the_next_generation_is_read_once_to_tell_whom_nobody_will_hold() {
    let district = District::build();
    let service = district.serve(Config::default());
    let list = || ask(&service, Some(PLANNER), "/v1/generations").1["generations"][2]["unheld"].clone();
    let first = list();
    assert_eq!(first["units"], json!(COLUMNS * ROWS));
    let read = district.store.generations_read.load(Ordering::SeqCst);
    assert_eq!(list(), first);
    assert_eq!(ask(&service, Some(PLANNER), "/v1/generations/grid/3").1["unheld"], first);
    assert_eq!(district.store.generations_read.load(Ordering::SeqCst), read);
    // What is written meanwhile is seen.
    district.store.replace_roster(&keeper("W-1", "431102"), None, "test", Timestamp::now()).unwrap();
    assert_eq!((list()["by_nobody"].clone(), &first["by_nobody"]), (json!(0), &json!(COLUMNS * ROWS - 1)));
}

#[test]
fn when_a_unit_is_going_to_end_is_told_to_planners_alone() {
    let district = District::build();
    let service = district.serve(Config::default());
    let item = format!("/collections/grid/items/{}", code_of(0, 0));
    let end = |key, more: &str| ask(&service, key, &format!("{item}{more}")).1["properties"]["valid_to"].clone();
    assert_eq!([end(None, ""), end(Some(DISPATCHER), "")], [Value::Null, Value::Null]);
    assert_eq!(end(Some(PLANNER), ""), json!(district.ahead.to_string()));
    assert_eq!(end(None, "?at=2026-01-12T00:00:00Z"), json!(NEW_BORDER), "what has ended is history");
    // Nor is it found out by asking which units there will be.
    let then = district.ahead + 1.hours();
    let count =
        |key| ask(&service, key, &format!("/collections/grid/items?code={}&datetime={then}", code_of(0, 0))).1["numberMatched"].clone();
    assert_eq!((count(None), count(Some(PLANNER))), (json!(1), json!(0)));
    for (path, policy) in [(item.clone(), "private"), ("/collections/grid/items?limit=1".into(), "private")] {
        let response = service.get(&path).send().unwrap();
        assert!(response.headers()["cache-control"].to_str().unwrap().contains(policy), "{path}");
    }
}

#[test]
fn a_lookup_has_the_boundaries_and_the_keeper_of_its_time() {
    let district = District::build();
    let service = district.serve(Config::default());
    let (first, second) = (code_of(0, 0), code_of(1, 0));
    for (more, generation, code, keeper, expires) in [
        ("", 2, &first, SECOND_KEEPER, Some(district.ahead.to_string())),
        ("&at=2026-01-05T00:00:00Z", 1, &second, SECRETS[0], Some(NEW_KEEPER.to_owned())),
        ("&at=2026-01-12T00:00:00Z", 1, &second, "", Some(NEW_BORDER.to_owned())),
        ("&at=2026-01-15T08:00:00%2B08:00", 2, &first, SECOND_KEEPER, Some(district.ahead.to_string())),
        ("&generation=2", 2, &first, SECOND_KEEPER, Some(district.ahead.to_string())),
        ("&generation=1", 1, &second, SECRETS[0], Some(NEW_KEEPER.to_owned())),
        // The boundaries of the one, the keepers of the other: the first square's keeper is not the second's.
        ("&generation=1&at=2026-01-20T00:00:00Z", 1, &second, "", None),
        ("&generation=2&at=2026-01-05T00:00:00Z", 2, &first, SECRETS[0], Some(NEW_KEEPER.to_owned())),
    ] {
        let (status, answer) = ask(&service, Some(DISPATCHER), &disputed(more));
        assert_eq!(status, 200, "{more}: {answer}");
        assert_eq!((&answer["generation"], &answer["grid"]["code"]), (&json!(generation), &json!(code)), "{more}");
        assert_eq!(answer["responsible"]["worker"]["id"].as_str().unwrap_or_default(), keeper, "{more}");
        assert_eq!(answer["expires"], json!(expires), "{more}");
        // Its link leads to the unit as it was.
        let href = answer["grid"]["href"].as_str().unwrap().strip_prefix(&service.url("")).unwrap().to_owned();
        let (status, item) = ask(&service, Some(DISPATCHER), &href);
        assert_eq!((status, &item["properties"]["code"]), (200, &json!(code)), "{href}");
        assert_eq!(href.contains("generation="), generation != 2, "{href}");
        // The public sees the boundaries of the past, and never a keeper.
        let public = service.get(&disputed(more)).send().unwrap();
        assert_eq!(public.status(), 200, "{more}");
        let text = public.text().unwrap();
        assert!(SECRETS.iter().chain(&[SECOND_KEEPER]).all(|secret| !text.contains(secret)), "{text}");
    }
}

#[test]
fn records_of_one_body_may_each_ask_for_a_time_of_their_own() {
    let district = District::build();
    let service = district.serve(Config::default());
    let (lon, lat) = middle_of(1, 0);
    let ask = |more: Value| {
        let mut record = json!({ "lon": lon, "lat": lat });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        record
    };
    let records = json!([
        ask(json!({})),
        ask(json!({ "at": "2026-01-05T00:00:00Z" })),
        ask(json!({ "generation": 2 })),
        ask(json!({ "generation": "1", "at": "2026-01-20T00:00:00Z" })),
        ask(json!({ "at": "2025-01-01T00:00:00Z" })),
        ask(json!({ "generation": 3 })),
        ask(json!({ "generation": 1.5 })),
    ]);
    let answers: Vec<Value> = service.post("/v1/locate", "application/json", records.to_string()).json().unwrap();
    let generations: Vec<_> = answers.iter().map(|answer| answer["generation"].as_u64()).collect();
    assert_eq!(generations, [Some(2), Some(1), Some(2), Some(1), None, None, None]);
    for (at, part) in [(4, "no generation in effect"), (5, "not public"), (6, "number of a generation")] {
        assert!(answers[at]["error"].as_str().unwrap().contains(part), "{}", answers[at]);
    }
    let csv = format!("lon,lat,generation\n{lon},{lat},1\n{lon},{lat},\n");
    let text = service.post("/v1/locate?fields=grid_code,generation&generation=2", "text/csv", csv).text().unwrap();
    assert!(text.contains(&format!(",1,{},1,\n", code_of(1, 0))) && text.contains(&format!(",,{},2,\n", code_of(0, 0))), "{text}");
    let refused = service.post("/v1/locate?generation=9", "text/csv", "lon,lat\n");
    assert_eq!(refused.status(), 400);
}

#[test]
fn features_are_those_of_the_time_and_their_links_stay_in_it() {
    let district = District::build();
    let service = district.serve(Config::default());
    let count = |query: &str| service.json(&format!("/collections/grid/items?{query}"))["numberMatched"].as_u64().unwrap();
    let whole = (ROWS * COLUMNS) as u64;
    for (query, matched) in [
        ("", whole - 1),
        ("at=2026-01-05T00:00:00Z", whole),
        ("generation=1", whole),
        ("generation=2", whole - 1),
        // Of the units of generation 1 three ended when the border moved: those that changed and the one that went.
        ("generation=1&datetime=2026-01-16T00:00:00Z/..", whole - 3),
    ] {
        assert_eq!(count(query), matched, "{query}");
    }
    let mut path = "/collections/grid/items?at=2026-01-05T00:00:00Z&limit=90".to_owned();
    let mut seen = 0;
    loop {
        let page = service.json(&path);
        seen += page["numberReturned"].as_u64().unwrap();
        for link in page["links"].as_array().unwrap().iter().chain(page["features"][0]["links"].as_array().unwrap()) {
            assert!(link["href"].as_str().unwrap().contains("at=2026-01-05T00"), "{link}");
        }
        let Some(next) = page["links"].as_array().unwrap().iter().find(|link| link["rel"] == "next") else { break };
        path = next["href"].as_str().unwrap().strip_prefix(&service.url("")).unwrap().to_owned();
    }
    assert_eq!(seen, whole);
    // The single feature is the one of the list.
    let gone = code_of(2, 0);
    assert_eq!(ask(&service, None, &format!("/collections/grid/items/{gone}")).0, 404);
    let single = service.json(&format!("/collections/grid/items/{gone}?generation=1"));
    assert_eq!(single, service.json(&format!("/collections/grid/items?generation=1&code={gone}"))["features"][0]);
    let collection = service.json("/collections/grid?generation=1");
    assert_eq!(collection["extent"]["temporal"]["interval"], json!([["2026-01-01T00:00:00Z", NEW_BORDER]]));
    assert!(collection["links"].as_array().unwrap().iter().all(|link| link["href"].as_str().unwrap().contains("generation=1")));
    let listed = service.json("/collections?at=2026-01-05T00:00:00Z");
    let described = |listed: &Value| listed["collections"][1]["description"].as_str().unwrap().to_owned();
    assert!(described(&listed).contains("generation 1"), "{listed}");
    assert!(described(&service.json("/collections")).contains("generation 2"));
}

/// The codes of the grids in the tile that holds the middle of the second square.
fn tile(service: &Service, more: &str) -> (String, Vec<String>) {
    let (lon, lat) = middle_of(1, 0);
    let world = gridkeeper::tile::to_world(geo_types::Coord { x: lon, y: lat });
    let at = |part: f64| (part * f64::from(1_u32 << 15)).floor();
    let response = service.get(&format!("/tiles/boundaries/15/{}/{}{more}", at(world.x), at(world.y))).send().unwrap();
    assert_eq!(response.status(), 200, "{more}");
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let bytes = response.bytes().unwrap();
    let reader = MvtReaderRef::new(&bytes).unwrap();
    let grids = reader.layers().find(|layer| layer.name() == "grid").unwrap();
    let code = |feature: fast_mvt::MvtFeatureRef<'_>| {
        feature.properties_vec().unwrap().into_iter().find_map(|(key, value)| match value {
            fast_mvt::MvtValueRef::String(code) if key == "code" => Some(code.to_owned()),
            _ => None,
        })
    };
    let mut codes: Vec<String> = grids.features().filter_map(code).collect();
    codes.sort();
    (tag, codes)
}

#[test]
fn tiles_show_each_generation_and_keep_their_tags() {
    let district = District::build();
    // So little room that no drawing of another generation stays.
    let mut config = Config::default();
    config.history.tile_memory_bytes_max = 1;
    for config in [Config::default(), config] {
        let service = district.serve(config);
        let (tag, codes) = tile(&service, "");
        let (past_tag, past_codes) = tile(&service, "?generation=1");
        // The first grid reaches into this tile only since it has grown.
        assert!(!past_codes.contains(&code_of(0, 0)) && codes.contains(&code_of(0, 0)), "{past_codes:?} {codes:?}");
        assert_ne!(tag, past_tag);
        for (more, expected) in
            [("?at=2026-01-05T00:00:00Z", &past_tag), ("?generation=2", &tag), ("", &tag), ("?layer=grid&generation=1", &past_tag)]
        {
            assert_eq!(&tile(&service, more).0, expected, "{more}");
        }
        assert_eq!(service.state.tiles().other_bytes() > 0, service.state.config().history.tile_memory_bytes_max > 1);
        let described = service.json("/tiles/boundaries?generation=1&shift=gcj02");
        assert!(described["tiles"][0].as_str().unwrap().ends_with("/{z}/{x}/{y}?shift=gcj02&generation=1"), "{described}");
        let style = service.json("/styles/boundaries?at=2026-01-05T00:00:00Z");
        assert!(style["sources"]["boundaries"]["url"].as_str().unwrap().ends_with("?at=2026-01-05T00%3A00%3A00Z"), "{style}");
        for (path, name, parameter) in [
            ("/tiles/boundaries/15/0/0?at=2025-01-01T00:00:00Z", "at-not-covered", "at"),
            ("/tiles/boundaries?generation=9", "unknown-generation", "generation"),
            ("/tiles/boundaries?layer=police&generation=1", "invalid-parameter", "layer"),
        ] {
            let (status, problem) = ask(&service, None, path);
            assert_eq!((status, name_of(&problem)), (400, (name, parameter)), "{path}");
        }
    }
}

#[test]
fn what_is_not_there_is_told_by_its_own_kind_and_parameter() {
    let district = District::build();
    let service = district.serve(Config::default());
    for path in [disputed(""), "/collections/grid?".into(), "/collections/grid/items?".into(), "/collections?".into()] {
        for (more, name, parameter) in [
            ("&at=2025-12-31T23:59:59Z", "at-not-covered", "at"),
            ("&generation=9", "unknown-generation", "generation"),
            ("&generation=0", "invalid-parameter", "generation"),
            ("&generation=1&generation=2", "invalid-parameter", "generation"),
            ("&at=2026-01-05", "invalid-parameter", "at"),
        ] {
            let (status, problem) = ask(&service, None, &format!("{path}{more}"));
            assert_eq!((status, name_of(&problem)), (400, (name, parameter)), "{path}{more}: {problem}");
        }
    }
    for path in ["/collections/incidents?generation=1", "/collections/incidents/items?at=2026-01-05T00:00:00Z"] {
        assert_eq!(ask(&service, Some(DISPATCHER), path).0, 400, "{path}");
    }
    assert_eq!(ask(&service, None, "/collections/police.grid?generation=1").0, 404);
    assert_eq!(ask(&service, None, "/collections/house?generation=1").0, 404);
    assert_eq!(ask(&service, None, "/v1/locate?lon=1&lat=1&layer=police&generation=1").0, 400);
}

#[test]
fn drafts_and_what_lies_ahead_are_for_planners() {
    let district = District::build();
    let service = district.serve(Config::default());
    let later = district.ahead.checked_add(24.hours()).unwrap();
    let soon = Timestamp::now().checked_add(24.hours()).unwrap();
    for (more, generation) in [(format!("at={later}"), 3), ("generation=3".to_owned(), 3), ("generation=4".to_owned(), 4)] {
        for path in [disputed("&"), "/collections/grid/items?limit=1&".into(), "/collections?".into(), "/tiles/boundaries?".into()] {
            let path = format!("{path}{more}");
            let (status, problem) = ask(&service, None, &path);
            assert_eq!((status, name_of(&problem).0), (401, "unauthorized"), "{path}");
            assert_eq!(ask(&service, Some(DISPATCHER), &path).0, 403, "{path}");
            let response = service.get(&path).bearer_auth(PLANNER).send().unwrap();
            assert_eq!(response.status(), 200, "{path}");
            assert!(response.headers()["cache-control"].to_str().unwrap().starts_with("private"), "{path}");
        }
        let (_, answer) = ask(&service, Some(PLANNER), &disputed(&format!("&{more}")));
        assert_eq!((&answer["generation"], &answer["grid"]["code"]), (&json!(generation), &json!(code_of(1, 0))), "{more}");
        assert_eq!(time(answer["at"].as_str().unwrap()), if generation == 3 && more.starts_with("at") { later } else { district.ahead });
    }
    // A time ahead at which nothing else is in effect than now is nobody's secret.
    assert_eq!(ask(&service, None, &disputed(&format!("&at={soon}"))).1["generation"], 2);
}

#[test]
fn an_answer_of_a_fixed_time_has_a_tag_and_one_of_the_clock_has_none() {
    let district = District::build();
    let service = district.serve(Config::default());
    for (more, is_tagged) in [("", false), ("&generation=2", false), ("&generation=1", true), ("&at=2026-01-05T00:00:00Z", true)] {
        let response = service.get(&disputed(more)).send().unwrap();
        assert_eq!(response.headers().contains_key("etag"), is_tagged, "{more}");
        if let Some(tag) = response.headers().get("etag") {
            let again = service.get(&disputed(more)).header("if-none-match", tag).send().unwrap();
            assert_eq!(again.status(), 304, "{more}");
        }
    }
}

#[test]
fn what_is_kept_answers_without_the_store_and_the_rest_is_503() {
    let district = District::build();
    let service = district.serve(Config::default());
    let past = disputed("&at=2026-01-05T00:00:00Z");
    let (_, before) = ask(&service, Some(DISPATCHER), &past);
    district.store.take_away();
    assert_eq!(ask(&service, Some(DISPATCHER), &past), (200, before));
    assert_eq!(ask(&service, None, "/collections/grid/items?generation=1").0, 200);
    tile(&service, "?generation=1");
    assert_eq!(ask(&service, None, &disputed("")).0, 200);
    // What lies before the first and what was never published is known without the store.
    assert_eq!(ask(&service, None, &disputed("&at=2025-01-01T00:00:00Z")).0, 400);
    assert_eq!(ask(&service, None, &disputed("&generation=9")).0, 400);
    // The boundaries of the other are not kept, nor is the roster between.
    for path in ["/collections/grid/items?generation=3".to_owned(), disputed("&generation=4")] {
        let response = service.get(&path).bearer_auth(PLANNER).send().unwrap();
        assert_eq!((response.status().as_u16(), response.headers().contains_key("retry-after")), (503, true), "{path}");
        assert_eq!(name_of(&response.json().unwrap()).0, "store-down");
    }
    let (lon, lat) = middle_of(1, 0);
    let record = format!("[{{\"lon\":{lon},\"lat\":{lat},\"generation\":4}}]");
    let request = service.request("POST", "/v1/locate").bearer_auth(PLANNER).header("content-type", "application/json").body(record);
    let answers: Vec<Value> = request.send().unwrap().json().unwrap();
    assert!(answers[0]["error"].as_str().unwrap().contains("not kept"), "{}", answers[0]);
}

#[test]
fn fifty_who_ask_at_once_have_a_generation_built_once() {
    let district = District::build();
    let service = district.serve(Config::default());
    let read = || district.store.generations_read.load(Ordering::SeqCst);
    let before = (read(), service.state.archive().counts().built);
    district.store.is_slow.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| assert_eq!(ask(&service, None, "/collections/grid/items?limit=1&generation=1").0, 200));
        }
    });
    assert_eq!((read(), service.state.archive().counts().built), (before.0 + 1, before.1 + 1));
}

#[test]
fn who_waits_too_long_is_told_to_come_back_and_then_finds_it_ready() {
    let district = District::build();
    let mut config = Config::default();
    config.history.wait_ms = 1;
    let service = district.serve(config);
    district.store.is_slow.store(true, Ordering::SeqCst);
    let path = "/collections/grid/items?limit=1&generation=1";
    let response = service.get(path).send().unwrap();
    assert!(response.headers().contains_key("retry-after"));
    assert_eq!((response.status().as_u16(), name_of(&response.json().unwrap()).0), (503, "generation-loading"));
    // Now is answered all the while.
    assert_eq!(ask(&service, None, &disputed("")).0, 200);
    let end = Instant::now() + PATIENCE;
    while ask(&service, None, path).0 != 200 {
        assert!(Instant::now() < end, "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_budget_holds_and_what_exceeds_it_alone_is_refused() {
    let district = District::build();
    let get = |service: &Service, generation: u32| {
        let path = format!("/collections/grid/items?limit=1&generation={generation}");
        service.get(&path).bearer_auth(PLANNER).send().unwrap()
    };
    let service = district.serve(Config::default());
    assert_eq!(get(&service, 1).status(), 200);
    let bytes = service.state.archive().counts().bytes;
    let mut config = Config::default();
    config.history.memory_bytes_max = bytes as u64 * 3 / 2;
    let service = district.serve(config);
    for generation in [1, 3, 4, 1] {
        assert_eq!(get(&service, generation).status(), 200);
        let counts = service.state.archive().counts();
        assert!(counts.bytes <= bytes * 3 / 2 && counts.entries == 1, "{counts:?}");
    }
    assert_eq!(service.state.archive().counts().evicted, 3);
    let mut config = Config::default();
    config.history.memory_bytes_max = bytes as u64 / 2;
    let service = district.serve(config);
    for _ in 0..2 {
        let response = get(&service, 1);
        assert!(!response.headers().contains_key("retry-after"), "coming back is of no use");
        let problem: Value = response.json().unwrap();
        assert_eq!((&problem["status"], name_of(&problem).0), (&json!(503), "generation-too-large"));
        assert!(problem["detail"].as_str().unwrap().contains("history.memory_bytes_max"));
    }
    assert_eq!(service.state.archive().counts().built, 1, "what cannot be kept is not built again");
    assert_eq!(ask(&service, None, &disputed("")).0, 200);
}

#[test]
fn a_layer_that_is_not_public_has_no_public_past() {
    let district = District::build();
    let (january, published) = (time("2026-01-01T00:00:00Z"), GenerationState::Published);
    publish(&*district.store, "police", grids(), january, january, published);
    publish(&*district.store, "police", moved(), time(NEW_BORDER), time(NEW_BORDER), published);
    let service = district.serve(Config::default());
    for path in [disputed("&layer=police&generation=1"), "/collections/police.grid/items?generation=1".into()] {
        assert_eq!(ask(&service, None, &path).0, 401, "{path}");
        assert_eq!(ask(&service, Some(DISPATCHER), &path).0, 200, "{path}");
    }
    // Where several layers are shown, a number is that of one of them.
    let listed = |path: &str| ask(&service, Some(DISPATCHER), path).1["collections"].as_array().unwrap().len();
    assert_eq!(listed("/collections?at=2026-01-05T00:00:00Z"), 4);
    assert_eq!((listed("/collections?generation=1"), listed("/collections?generation=1&layer=police")), (2, 2));
    assert_eq!(ask(&service, None, "/collections?at=2026-01-05T00:00:00Z").1["collections"].as_array().unwrap().len(), 2);
}

#[test]
fn a_generation_takes_effect_by_itself_at_its_time_even_without_the_store() {
    let district = District::build();
    let mut config = Config::default();
    config.http.follow_interval_ms = 20;
    let service = Service::start_on(Arc::clone(&district.store) as Arc<dyn Store>, config, true);
    let wait = |what: &str, is_so: &dyn Fn() -> bool| {
        let end = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < end, "{what} never came");
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    // Room for the slowest of machines to make the next one ready in.
    let takes_effect = Timestamp::now().checked_add(5.seconds()).unwrap();
    let from = Timestamp::from_millisecond(takes_effect.as_millisecond()).unwrap();
    let id = publish(&*district.store, "grid", grids(), from, Timestamp::now(), GenerationState::Published);
    let version = district.store.load_version().unwrap();
    let is_next = || service.state.live().next().is_some_and(|next| next.layers()[0].generation().id == id);
    wait("the next snapshot", &is_next);
    assert!(Timestamp::now() < from, "it was ready too late for what this test shows");
    let earlier = Timestamp::now();
    let (_, before) = ask(&service, None, &disputed(""));
    assert_eq!((&before["generation"], time(before["expires"].as_str().unwrap())), (&json!(2), from));
    // Before its time it is there for planners, without being built again.
    assert_eq!(ask(&service, Some(PLANNER), &disputed(&format!("&generation={id}"))).0, 200);
    let built = service.state.archive().counts().built;
    district.store.take_away();
    wait("the generation", &|| ask(&service, None, &disputed("")).1["generation"] == json!(id.0));
    let late = Timestamp::now().duration_since(from);
    assert!(late >= SignedDuration::ZERO && late < SignedDuration::from_secs(1), "{late:?} after its time");
    // What was before is kept, so that a lookup of that time answers as it did, still without the store.
    let (status, then) = ask(&service, None, &disputed(&format!("&at={earlier}")));
    assert_eq!((status, &then["generation"], &then["grid"]), (200, &before["generation"], &with_generation(&before["grid"], 2)));
    assert_eq!(service.state.archive().counts().built, built);
    district.store.is_down.store(false, Ordering::SeqCst);
    assert_eq!(district.store.load_version().unwrap(), version, "nothing was written");
    assert_eq!(district.store.load_generations(&LayerName::parse("grid").unwrap()).unwrap().len(), 5);
}

/// A grid with the link that it has once it is of the past.
fn with_generation(grid: &Value, generation: u32) -> Value {
    let mut grid = grid.clone();
    grid["href"] = format!("{}?generation={generation}", grid["href"].as_str().unwrap()).into();
    grid
}

#[test]
fn commands_answer_as_of_a_time_or_a_generation() {
    let district = District::build();
    let (lon, lat) = middle_of(1, 0);
    let (lon, lat) = (lon.to_string(), lat.to_string());
    let locate =
        |more: &[&str]| -> Value { serde_json::from_str(&district.run(&[&["locate", &lon, &lat, "--json"], more].concat())).unwrap() };
    let table = district.folder.path().join("in.csv");
    std::fs::write(&table, format!("lon,lat\n{lon},{lat}\n")).unwrap();
    let assign =
        |more: &[&str]| district.run(&[&["assign", table.to_str().unwrap(), "-o", "-", "--fields", "grid_code,worker_id"], more].concat());
    let export = |more: &[&str]| -> Value {
        serde_json::from_str(&district.run(&[&["export", "geojson", "-", "--level", "grid"], more].concat())).unwrap()
    };
    for (more, generation, code, keeper) in [
        (&[][..], 2, code_of(0, 0), SECOND_KEEPER),
        (&["--at", "2026-01-05T00:00:00Z"], 1, code_of(1, 0), SECRETS[0]),
        (&["--generation", "1"], 1, code_of(1, 0), SECRETS[0]),
        (&["--generation", "2"], 2, code_of(0, 0), SECOND_KEEPER),
        (&["--at", "2026-01-05T00:00:00Z", "--generation", "2"], 2, code_of(0, 0), SECRETS[0]),
        // Who holds the store sees drafts too.
        (&["--generation", "4"], 4, code_of(1, 0), ""),
    ] {
        let answer = locate(more);
        assert_eq!((&answer["generation"], &answer["grid"]["code"]), (&json!(generation), &json!(code)), "{more:?}");
        assert_eq!(answer["responsible"]["worker"]["id"].as_str().unwrap_or_default(), keeper, "{more:?}");
        assert!(assign(more).ends_with(&format!(",{code},{keeper},\n")), "{more:?}");
        if more.len() < 4 {
            assert_eq!(export(more)["generation"], json!(generation), "{more:?}");
        }
    }
    for command in [&["locate", &lon, &lat][..], &["assign", table.to_str().unwrap(), "-o", "-"], &["export", "geojson", "-"]] {
        for (more, told) in [(["--generation", "9"], "no generation 9"), (["--at", "2025-01-01T00:00:00Z"], "no generation in effect")] {
            let stderr = district.refuse(&[command, &more[..]].concat());
            assert!(stderr.contains(told), "{stderr}");
        }
    }
}

#[test]
fn a_square_of_another_district_is_outside_at_all_times() {
    let district = District::build();
    let service = district.serve(Config::default());
    for more in ["", "&generation=1", "&at=2026-01-12T00:00:00Z"] {
        let (_, answer) = ask(&service, None, &format!("/v1/locate?lon={}&lat={SOUTH}{more}", WEST - 0.01));
        assert_eq!((&answer["status"], &answer["grid"]), (&json!("outside"), &Value::Null), "{more}");
    }
}
