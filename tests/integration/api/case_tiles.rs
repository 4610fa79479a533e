//! Cases on the map: gathered by zoom, narrowed by what is asked and by the key, and drawn anew when one of them moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use fast_mvt::{MvtReaderRef, MvtValueRef};
use geo_types::Coord;
use gridkeeper::boundary::Position;
use gridkeeper::config::Config;
use gridkeeper::dispatch::workflow::{ActionName, Appointed, CaseEvent, ClockFact, Effect, Facts, StateName};
use gridkeeper::dispatch::{Case, CaseId, DepartmentId, DepartmentRole, Reporter, Role, Stage};
use gridkeeper::store::{CaseWrite, MemoryStore, NewCase};
use gridkeeper::tile::to_world;
use jiff::{SignedDuration, Timestamp};
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use super::cases::{body_at, send, service};
use super::rules::write_rules;
use super::service::{COLUMNS, DISPATCHER, ROWS, SCOPED, SIDE, SOUTH, Service, WEST, code_of, fill, middle_of};

type Fields = BTreeMap<String, String>;

/// What the features of a layer of a tile say.
fn read(tile: &[u8], layer: &str) -> Vec<Fields> {
    let reader = MvtReaderRef::new(tile).unwrap();
    let text = |value: MvtValueRef<'_>| match value {
        MvtValueRef::String(text) => text.to_owned(),
        MvtValueRef::UInt(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let found = reader.layers().filter(|found| found.name() == layer).flat_map(|layer| layer.features().collect::<Vec<_>>());
    found.map(|feature| feature.properties_vec().unwrap().into_iter().map(|(key, value)| (key.to_owned(), text(value))).collect()).collect()
}

fn get(service: &Service, path: &str, key: &str) -> Response {
    let keyed: RequestBuilder = service.get(path).bearer_auth(key);
    keyed.send().unwrap()
}

/// The tiles of a zoom that the district lies in.
fn tiles(z: u32) -> Vec<String> {
    let place = |lon: f64, lat: f64| to_world(Coord { x: lon, y: lat }) * f64::from(1_u32 << z);
    let low = place(WEST - 0.01, SOUTH + SIDE * ROWS as f64 + 0.01);
    let high = place(WEST + SIDE * COLUMNS as f64 + 0.01, SOUTH - 0.01);
    let columns = low.x as u32..=high.x as u32;
    columns.flat_map(|x| (low.y as u32..=high.y as u32).map(move |y| format!("{z}/{x}/{y}"))).collect()
}

/// All features of a zoom.
fn features(service: &Service, z: u32, query: &str, key: &str) -> Vec<Fields> {
    let mut found = Vec::new();
    for tile in tiles(z) {
        let response = get(service, &format!("/tiles/incidents/{tile}?{query}"), key);
        match response.status().as_u16() {
            204 => {}
            200 => found.extend(read(&response.bytes().unwrap(), "incidents")),
            other => panic!("{tile}?{query}: {other}"),
        }
    }
    found
}

fn sum(features: &[Fields], field: &str) -> u64 {
    features.iter().filter_map(|fields| fields.get(field)).map(|number| number.parse::<u64>().unwrap()).sum()
}

/// Cases of each category or state, however they are gathered.
fn by(features: &[Fields], what: &str) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for fields in features {
        if let (Some(one), "1") = (fields.get(what), fields["count"].as_str()) {
            *counts.entry(one.clone()).or_default() += 1;
        }
        for (name, count) in fields {
            if let Some(of) = name.strip_prefix(&format!("{what}:")) {
                *counts.entry(of.to_owned()).or_default() += count.parse::<u64>().unwrap();
            }
        }
    }
    counts
}

fn report(service: &Service, column: usize, row: usize) -> String {
    let response = send(service.request("POST", "/v1/incidents"), DISPATCHER, &body_at(column, row));
    assert_eq!(response.status(), 201);
    response.json::<Value>().unwrap()["id"].as_str().unwrap().to_owned()
}

/// A mere record, of which nothing but the report is known.
fn record(id: u128, column: usize, row: usize, at: Timestamp) -> Case {
    let (lon, lat) = middle_of(column, row);
    Case {
        id: CaseId(Uuid::from_u128(id)),
        position: Position { lon, lat },
        given: String::new(),
        category: "C0101".into(),
        description: "secret words".into(),
        source: "12345".into(),
        reported_at: at,
        district: None,
        grid: Some(gridkeeper::boundary::UnitCode::parse(&code_of(column, row)).unwrap()),
        generation: None,
        holder: None,
    }
}

#[test]
fn at_every_zoom_each_case_is_counted_once() {
    let service = service();
    for at in 0..14 {
        report(&service, at % 5, at % 3);
    }
    let old = Timestamp::now() - SignedDuration::from_hours(24 * 30);
    let records: Vec<Case> = (1..=6).map(|id| record(id, usize::try_from(id).unwrap(), 7, old)).collect();
    service.store.add_cases(&records, "test", old).unwrap();
    let since = format!("reported_from={}", Timestamp::now() - SignedDuration::from_hours(1));
    let before = since.replace("from", "to");
    for z in 0..=16 {
        let all = features(&service, z, "", DISPATCHER);
        assert_eq!((sum(&all, "count"), sum(&all, "open"), sum(&all, "overdue")), (20, 14, 0), "zoom {z}");
        assert_eq!(by(&all, "state"), BTreeMap::from([("pending_file".to_owned(), 14)]), "zoom {z}");
        assert_eq!(by(&all, "category").values().sum::<u64>(), 20, "zoom {z}");
        assert_eq!(all.len() == 20, z > 14 || all.len() == 20, "zoom {z}: {}", all.len());
        assert_eq!(sum(&features(&service, z, &since, DISPATCHER), "count"), 14, "zoom {z}");
        assert_eq!(sum(&features(&service, z, &before, DISPATCHER), "count"), 6, "zoom {z}");
        assert_eq!(sum(&features(&service, z, "open=true&state=pending_file&category=E0110", DISPATCHER), "count"), 14);
        assert_eq!(sum(&features(&service, z, "shift=gcj02", DISPATCHER), "count"), 20, "zoom {z}, moved");
    }
    let far = features(&service, 3, "", DISPATCHER);
    assert_eq!(far.len(), 1);
    assert_eq!(by(&far, "category").keys().map(String::len).max(), Some(5), "C0101 belongs to no major one here");
    assert!(features(&service, 5, "overdue=true", DISPATCHER).is_empty());
    let written = format!("{:?}", features(&service, 16, "", DISPATCHER));
    assert!(written.contains("reported_at") && !written.contains("secret") && !written.contains("垃圾"), "{written}");
    // Moved tiles hold other bytes than those that are not.
    let tag =
        |tile: &str, query: &str| get(&service, &format!("/tiles/incidents/{tile}?{query}"), DISPATCHER).headers().get("etag").cloned();
    let tile = tiles(13).into_iter().find(|tile| tag(tile, "").is_some()).unwrap();
    assert_ne!(tag(&tile, "shift=gcj02"), tag(&tile, ""));
}

#[test]
fn a_key_counts_what_it_reaches() {
    let service = service();
    for (column, row) in [(0, 0), (0, 0), (1, 0), (9, 9)] {
        report(&service, column, row);
    }
    for z in [0, 9, 16] {
        assert_eq!(sum(&features(&service, z, "", SCOPED), "count"), 2, "zoom {z}");
        assert_eq!(sum(&features(&service, z, &format!("grid={}", code_of(0, 0)), DISPATCHER), "count"), 2);
    }
    let other = get(&service, &format!("/tiles/incidents/0/0/0?grid={}", code_of(9, 9)), SCOPED);
    assert_eq!(other.status(), 403);
    assert_eq!(service.get("/tiles/incidents/0/0/0").send().unwrap().status(), 401);
    let response = get(&service, "/tiles/incidents/0/0/0", SCOPED);
    assert_eq!(response.headers()["cache-control"], "private, no-cache");
    assert!(response.headers()["vary"].to_str().unwrap().contains("Authorization"));
    let tilejson: Value = get(&service, "/tiles/incidents?open=true", DISPATCHER).json().unwrap();
    assert!(tilejson["tiles"][0].as_str().unwrap().ends_with("/tiles/incidents/{z}/{x}/{y}?open=true"), "{tilejson}");
    assert_eq!(tilejson["vector_layers"][0]["id"], "incidents");
    let (lon, _) = middle_of(0, 0);
    assert!((tilejson["bounds"][0].as_f64().unwrap() - lon).abs() < 1e-6);
    for (query, parameter) in
        [("open=maybe", "open"), ("overdue=false", "overdue"), ("reported_from=today", "reported_from"), ("colour=1", "colour")]
    {
        let response = get(&service, &format!("/tiles/incidents/0/0/0?{query}"), DISPATCHER);
        assert_eq!(response.status(), 400, "{query}");
        assert_eq!(response.json::<Value>().unwrap()["errors"][0]["parameter"], parameter);
    }
}

#[test]
fn a_move_is_seen_at_once_and_tiles_without_it_keep_their_tag() {
    let service = service();
    let moved = report(&service, 0, 0);
    report(&service, COLUMNS - 1, ROWS - 1);
    let tags = || -> BTreeMap<String, String> {
        let tagged = tiles(14).into_iter().filter_map(|tile| {
            let response = get(&service, &format!("/tiles/incidents/{tile}"), DISPATCHER);
            Some((tile, response.headers().get("etag")?.to_str().unwrap().to_owned()))
        });
        tagged.collect()
    };
    let before = tags();
    assert_eq!(before.len(), 2);
    assert_eq!(tags(), before);
    let step = json!({ "action": "file", "condition": "1" });
    assert_eq!(send(service.request("POST", &format!("/v1/incidents/{moved}/actions")), DISPATCHER, &step).status(), 200);
    let after = tags();
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_eq!(after.iter().filter(|(tile, tag)| before[*tile] != **tag).count(), 1);
    assert_eq!(by(&features(&service, 14, "", DISPATCHER), "state").keys().collect::<Vec<_>>(), ["pending_dispatch", "pending_file"]);
    // A service that was started afresh sends the same bytes.
    let other = Service::start_on(Arc::clone(&service.store), Config::default(), false);
    for (tile, tag) in after {
        let response = other.get(&format!("/tiles/incidents/{tile}")).bearer_auth(DISPATCHER).header("if-none-match", tag).send().unwrap();
        assert_eq!(response.status(), 304);
    }
}

/// A case whose one clock runs out at `due`.
fn with_clock(id: u128, column: usize, row: usize, due: Timestamp) -> CaseWrite {
    let case = record(id, column, row, due - SignedDuration::from_hours(24));
    let department = DepartmentId("D1".into());
    let clock = ClockFact { department: Some(department.clone()), stage: Stage::Handle, limit: None, due_at: Some(due), warn_at: None };
    let appointed = Appointed { department, name: "环卫处".into(), role: DepartmentRole::Lead };
    let facts = Facts { departments: vec![appointed], clocks: vec![clock], ..Facts::default() };
    let event = CaseEvent {
        seq: 1,
        at: case.reported_at,
        author: "test".into(),
        role: Role::Worker,
        action: ActionName("report".into()),
        effect: Effect::Report,
        state: StateName("pending_handle".into()),
        is_end: false,
        facts,
    };
    let new =
        NewCase { case, events: vec![event], photos: Vec::new(), reporter: Reporter::default(), token: None, near: None, border_m: None };
    CaseWrite::Add(Box::new(new))
}

#[test]
fn a_case_is_late_from_the_moment_its_clock_runs_out() {
    let service = service();
    let now = Timestamp::now();
    let soon = now + SignedDuration::from_secs(3);
    let writes = [(1, now - SignedDuration::from_hours(1)), (2, soon)].map(|(id, due)| with_clock(id, 3, 4, due));
    service.store.write_cases(writes.into()).unwrap();
    let late =
        |z: u32| (sum(&features(&service, z, "", DISPATCHER), "overdue"), sum(&features(&service, z, "overdue=true", DISPATCHER), "count"));
    let unit = || workload(&service, 13, "grid", Some(DISPATCHER))[&code_of(3, 4)];
    let before = (late(7), late(16), unit()[..2].to_vec());
    // A slow machine may have come too late to see the time before.
    if Timestamp::now() < soon {
        assert_eq!(before, ((1, 1), (1, 1), vec![Some(2), Some(1)]));
    }
    while Timestamp::now() <= soon {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!((late(7), late(16), unit()[..2].to_vec()), ((2, 2), (2, 2), vec![Some(2), Some(2)]));
}

/// The figures of the units of a layer of tiles, by their codes.
fn workload(service: &Service, z: u32, layer: &str, key: Option<&str>) -> BTreeMap<String, [Option<u64>; 4]> {
    let mut found = BTreeMap::new();
    for tile in tiles(z) {
        let asked = service.get(&format!("/tiles/workload/{tile}"));
        let response = key.iter().fold(asked, RequestBuilder::bearer_auth).send().unwrap();
        if response.status() == 204 {
            continue;
        }
        assert_eq!(response.status(), 200);
        for fields in read(&response.bytes().unwrap(), layer) {
            let figure = |name: &str| fields.get(name).map(|number| number.parse().unwrap());
            found.insert(fields["code"].clone(), ["open", "overdue", "vacant", "units"].map(figure));
        }
    }
    found
}

#[test]
fn units_carry_their_figures_and_coarser_ones_the_sums() {
    let service = service();
    for _ in 0..3 {
        report(&service, 2, 3);
    }
    let closed = report(&service, 2, 3);
    let grids = workload(&service, 13, "grid", Some(DISPATCHER));
    assert_eq!(grids.len(), COLUMNS * ROWS);
    assert_eq!(grids[&code_of(2, 3)][..2], [Some(4), Some(0)]);
    let total = |at: usize| grids.values().map(|figures| figures[at].unwrap()).sum::<u64>();
    let district = workload(&service, 6, "district", Some(DISPATCHER));
    assert_eq!(district["431102"], [0, 1, 2, 3].map(|at| Some(total(at))));
    assert_eq!((total(0), total(3)), (4, (COLUMNS * ROWS) as u64));
    // Vacant is what the alarms call vacant.
    let alarms: Value = get(&service, "/v1/alarms?kind=vacant", DISPATCHER).json().unwrap();
    assert_eq!(alarms["vacant"]["count"], total(2));
    let step = json!({ "action": "void", "reason": "重复" });
    let response = send(service.request("POST", &format!("/v1/incidents/{closed}/actions")), DISPATCHER, &step);
    assert_eq!(response.status(), 200, "{}", response.text().unwrap());
    assert_eq!(workload(&service, 13, "grid", Some(DISPATCHER))[&code_of(2, 3)][0], Some(3));
    // A key that reaches one grid is told of that alone.
    let scoped = workload(&service, 13, "grid", Some(SCOPED));
    assert_eq!(scoped.values().filter(|figures| figures[0].is_some()).count(), 1);
    assert!(scoped[&code_of(0, 0)].iter().all(Option::is_some));
}

#[test]
fn figures_of_units_are_public_where_the_indicators_are() {
    let store = Arc::new(MemoryStore::new());
    fill(&*store);
    write_rules(&*store);
    let mut config = Config::default();
    config.indicators.public = true;
    let open = Service::start_on(store, config, false);
    report(&open, 1, 1);
    assert_eq!(workload(&open, 13, "grid", None)[&code_of(1, 1)][0], Some(1));
    assert_eq!(open.get("/tiles/incidents/0/0/0").send().unwrap().status(), 401, "where a case lies is nobody's");
    let layers = open.json("/tiles/workload")["vector_layers"].clone();
    let grid = layers.as_array().unwrap().iter().find(|layer| layer["id"] == "grid").unwrap().clone();
    assert!(grid["fields"]["open"].is_string() && grid["fields"]["code"].is_string(), "{grid}");
}
