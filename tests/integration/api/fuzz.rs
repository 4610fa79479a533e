//! Query strings thrown together from what has meaning and what has none: no answer may be a 500, and none may take long.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::service::{DISPATCHER, PLANNER, Service, code_of};

/// Requests that every run of the tests makes: with GRIDKEEPER_FUZZ_SECONDS for as long as that, with a seed of its own. `fuzz/` has
/// fuzzers that see where their requests lead.
const REQUESTS: usize = 400;

/// No answer about two hundred units takes so long, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(20);

const NAMES: [&str; 27] = [
    "limit",
    "bbox",
    "bbox-crs",
    "datetime",
    "filter",
    "filter-lang",
    "filter-crs",
    "code",
    "name",
    "parent",
    "category",
    "queryables",
    "attribute-to",
    "sortby",
    "properties",
    "skipGeometry",
    "zoom-level",
    "crs",
    "after",
    "before",
    "shift",
    "f",
    "at",
    "generation",
    "draft",
    "layer",
    "level",
];

const VALUES: [&str; 58] = [
    "",
    "0",
    "1",
    "10",
    "-1",
    "1e308",
    "99999999999999999999",
    "NaN",
    "inf",
    "null",
    "true",
    "a,b",
    ",",
    "..",
    "../..",
    "/",
    "%00",
    "\u{0}",
    "网格",
    "'",
    "\"",
    "\\",
    "[]",
    "[1,\"x\"]",
    "[null]",
    "{}",
    "grid",
    "police",
    "current",
    "json",
    "html",
    "csv",
    "fgb",
    "gpkg",
    "parquet",
    "cql2-json",
    "cql2-text",
    "gcj02",
    "bd09",
    "+code",
    "-valid_to,name",
    "geometry",
    "code,name",
    "111.6,26.2,111.7,26.3",
    "180,-90,-180,90",
    "0,0,0,0",
    "1,2,3,4,5,6",
    "26,111,27,112",
    "2900000,37000000,2910000,37010000",
    "-1e300,-1e300,1e300,1e300",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00:00Z/..",
    "-9999-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999999Z/..",
    "http://www.opengis.net/def/crs/EPSG/0/4326",
    "[EPSG:4546]",
    "[EPSG:4554]",
    "[EPSG:3857]",
];

const WORDS: [&str; 60] = [
    "code",
    "name",
    "parent",
    "valid_from",
    "valid_to",
    "geometry",
    "\"name\"",
    "level",
    "=",
    "<>",
    "<",
    ">=",
    "(",
    ")",
    ",",
    "'x'",
    "''",
    "'%'",
    "'",
    "\"",
    "1",
    "-1",
    "1e3",
    "9223372036854775807",
    "AND",
    "OR",
    "NOT",
    "LIKE",
    "BETWEEN",
    "IN",
    "IS NULL",
    "TRUE",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "DIV",
    "POINT(111.6 26.2)",
    "POINT(0 91)",
    "LINESTRING(111.6 26.2, 111.6 26.2)",
    "POLYGON((111.6 26.2,111.7 26.2,111.7 26.3,111.6 26.2))",
    "POLYGON((0 0,1 1,1 0,0 1,0 0))",
    "MULTIPOLYGON(((111.6 26.2,111.7 26.2,111.7 26.3,111.6 26.2)),((111.6 26.2,111.7 26.2,111.7 26.3,111.6 26.2)))",
    "GEOMETRYCOLLECTION(POINT(111.6 26.2),LINESTRING(111.6 26.2,111.7 26.3))",
    "BBOX(111.6,26.2,111.7,26.3)",
    "BBOX(1,2,3)",
    "S_INTERSECTS(geometry,",
    "S_WITHIN(geometry,",
    "S_EQUALS(geometry,geometry)",
    "S_OVERLAPS(geometry,",
    "T_DURING(INTERVAL(valid_from,'..'),",
    "T_AFTER(valid_from,",
    "INTERVAL('2026-01-01','..')",
    "DATE('2026-01-01')",
    "TIMESTAMP('2026-01-01T00:00:00Z')",
    "CASEI(",
    "ACCENTI(",
    "A_CONTAINS((1),(",
];

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn value(random: &mut StdRng, name: &str) -> String {
    if name.starts_with("filter") && random.random_bool(0.8) {
        let count = random.random_range(0..14);
        let words: Vec<&str> = (0..count).filter_map(|_| WORDS.choose(random).copied()).collect();
        return words.join(" ");
    }
    let mut value = VALUES.choose(random).copied().unwrap_or_default().to_owned();
    if random.random_bool(0.1) {
        value = value.repeat(random.random_range(1..200));
    }
    value
}

fn query(random: &mut StdRng) -> String {
    let pairs = (0..random.random_range(0..5)).map(|_| {
        let name = NAMES.choose(random).copied().unwrap_or_default();
        format!("{name}={}", encode(&value(random, name)))
    });
    pairs.collect::<Vec<_>>().join("&")
}

#[test]
fn no_query_string_makes_the_service_fail() {
    let service = Service::start();
    super::features::add_cases(&service, 20);
    let grid = code_of(3, 3);
    let paths = [
        "/collections/grid/items".to_owned(),
        "/collections/district/items".to_owned(),
        "/collections/incidents/items".to_owned(),
        "/collections".to_owned(),
        "/collections/grid/queryables".to_owned(),
        format!("/collections/grid/items/{grid}"),
        format!("/collections/grid/items/{grid}/touches"),
        "/collections/district/items/431102/children".to_owned(),
        format!("/collections/grid/items/{grid}/overlaps"),
        "/v1/locate".to_owned(),
        "/tiles/boundaries/12/3316/1747".to_owned(),
    ];
    let seconds: Option<u64> = std::env::var("GRIDKEEPER_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    let seed = seconds.map_or(1, |_| std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs());
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut random = StdRng::seed_from_u64(seed);
    let mut done = 0;
    while end.map_or(done < REQUESTS, |end| Instant::now() < end) {
        let path = format!("{}?{}", paths.choose(&mut random).unwrap(), query(&mut random));
        let key = [None, Some(DISPATCHER), Some(PLANNER)].choose(&mut random).copied().flatten();
        let started = Instant::now();
        let response = key.iter().fold(service.get(&path), reqwest::blocking::RequestBuilder::bearer_auth).timeout(PATIENCE).send();
        let response = response.unwrap_or_else(|e| panic!("seed {seed}, request {done}: {path}: {e}"));
        let status = response.status();
        assert!(!status.is_server_error(), "seed {seed}, request {done}: {path} is {status}: {}", response.text().unwrap_or_default());
        let length = response.bytes().unwrap_or_else(|e| panic!("seed {seed}, request {done}: {path} breaks off: {e}")).len();
        assert!(started.elapsed() < PATIENCE, "seed {seed}, request {done}: {path} took {:?} for {length} bytes", started.elapsed());
        done += 1;
    }
    eprintln!("{done} requests, seed {seed}");
}
