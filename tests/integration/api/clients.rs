//! Programs of others that read us: GDAL, QGIS and OWSLib as they are, and Schemathesis, which believes the definition.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::config::Config;
use serde_json::Value;

use super::service::{COLUMNS, ROWS, SIDE, SOUTH, Service, WEST};
use crate::support::{gridkeeper, python_with};

/// The committed sample in a store behind a service.
struct Sample {
    service: Service,
    _folder: tempfile::TempDir,
}

const LEVELS: [(&str, &str); 4] =
    [("district", "district.geojson"), ("street", "streets.geojson"), ("community", "communities.geojson"), ("grid", "grids.shp")];

impl Sample {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.gpkg");
        let store = store.to_str().unwrap();
        for (level, file) in LEVELS {
            let path = format!("{}/shapes/lingling/{file}", env!("CARGO_MANIFEST_DIR"));
            let output = gridkeeper().args(["--store", store, "import", &path, "--level", level]).output().unwrap();
            assert!(output.status.success(), "{level}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let opened = open_store(store, OpenMode::ReadOnly).unwrap();
        Self { service: Service::start_on(opened, Config::default(), false), _folder: folder }
    }
}

/// Whether GDAL is there, or a message that the test is skipped.
pub fn has_gdal() -> bool {
    let has = Command::new("ogr2ogr").arg("--version").output().is_ok();
    assert!(has || std::env::var_os("CI").is_none(), "make test installs GDAL; this machine must run the test");
    if !has {
        eprintln!("skipped: there is no GDAL");
    }
    has
}

/// Lets GDAL copy a collection into GeoJSON and returns its features by their codes.
fn through_gdal(service: &Service, collection: &str, more: &[&str]) -> BTreeMap<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.geojson");
    let source = format!("OAPIF:{}", service.url(""));
    let mut command = Command::new("ogr2ogr");
    // GDAL writes seven digits unless it is told to write all.
    command.args(["-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=17", "-oo", "PAGE_SIZE=50"]);
    let output = command.args(more).arg(&out).args([&source, collection]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    by_code(&serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap())
}

fn by_code(page: &Value) -> BTreeMap<String, Value> {
    let features = page["features"].as_array().unwrap();
    features.iter().map(|feature| (feature["properties"]["code"].as_str().unwrap().to_owned(), feature.clone())).collect()
}

/// A moment or a text as both write it: GDAL writes times in another form.
fn same_text(ours: &str, theirs: &str) -> bool {
    let moment = |text: &str| text.replace(' ', "T").parse::<jiff::Timestamp>().ok();
    ours == theirs || moment(ours).is_some_and(|ours| moment(theirs).or_else(|| moment(&format!("{theirs}Z"))) == Some(ours))
}

fn assert_same(ours: &Value, theirs: &Value) {
    let numbers = |value: &Value| value["geometry"]["coordinates"].to_string();
    let exact = |value: &Value| serde_json::from_str::<Value>(&numbers(value)).unwrap();
    assert_eq!(exact(ours), exact(theirs), "{}", ours["properties"]["code"]);
    let id = |value: &Value| value["id"].as_str().or(value["properties"]["id"].as_str()).map(str::to_owned);
    assert_eq!(id(ours), id(theirs));
    for (name, value) in ours["properties"].as_object().unwrap() {
        let found = &theirs["properties"][name];
        let same = match (value, found) {
            (Value::String(a), Value::String(b)) => same_text(a, b),
            (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
            (a, b) => a == b,
        };
        assert!(same, "{} {name}: {value} came back as {found}", ours["properties"]["code"]);
    }
}

#[test]
fn gdal_brings_every_level_back_as_it_is() {
    if !has_gdal() {
        return;
    }
    let Sample { service, _folder } = Sample::start();
    for (level, _) in LEVELS {
        let ours = by_code(&service.json(&format!("/collections/{level}/items?limit=10000")));
        let theirs = through_gdal(&service, level, &[]);
        assert!(ours.keys().eq(theirs.keys()), "{level}: {} and {}", ours.len(), theirs.len());
        ours.values().zip(theirs.values()).for_each(|(ours, theirs)| assert_same(ours, theirs));
    }
    let grids = by_code(&service.json("/collections/grid/items?limit=10000"));
    let (code, grid) = grids.iter().nth(grids.len() / 2).unwrap();
    let by_attribute = through_gdal(&service, "grid", &["-where", &format!("code = '{code}'")]);
    assert!(by_attribute.keys().eq([code]));
    let at = &grid["geometry"]["coordinates"][0][0][0];
    let (x, y) = (at[0].as_f64().unwrap(), at[1].as_f64().unwrap());
    let side = |number: f64| number.to_string();
    let box_of = [side(x - 0.001), side(y - 0.001), side(x + 0.001), side(y + 0.001)];
    let spat: Vec<&str> = std::iter::once("-spat").chain(box_of.iter().map(String::as_str)).collect();
    let expected = by_code(&service.json(&format!("/collections/grid/items?limit=10000&bbox={}", box_of.join(","))));
    let boxed = through_gdal(&service, "grid", &spat);
    assert!(!boxed.is_empty() && boxed.keys().eq(expected.keys()), "{:?} {:?}", boxed.keys(), expected.keys());
}

#[test]
fn owslib_reads_collections_filters_and_schemas() {
    let Some(python) = python_with("owslib") else { return };
    let service = Service::start();
    let script = format!("{}/tests/owslib_features.py", env!("CARGO_MANIFEST_DIR"));
    let sides = [WEST + SIDE * 1.25, SOUTH + SIDE * 1.25, WEST + SIDE * 2.75, SOUTH + SIDE * 1.75].map(|side| side.to_string());
    let mut command = Command::new(python);
    command.args([script, service.url(""), "grid".into(), (ROWS * COLUMNS).to_string()]).args(sides).arg("2");
    let output = command.env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

/// The system's Python, which alone has QGIS, or none with a message that the test is skipped.
fn python_with_qgis() -> Option<&'static str> {
    let python = "/usr/bin/python3";
    let has = Command::new(python).args(["-c", "import qgis.core"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    assert!(has || std::env::var_os("CI").is_none(), "make test installs QGIS; this machine must run the test");
    if !has {
        eprintln!("skipped: there is no QGIS");
    }
    has.then_some(python)
}

#[test]
fn qgis_draws_tiles_by_our_style_and_reads_and_draws_collections() {
    let Some(python) = python_with_qgis() else { return };
    let Sample { service, _folder } = Sample::start();
    let root = env!("CARGO_MANIFEST_DIR");
    let (script, pictures) = (format!("{root}/tests/qgis_render.py"), format!("{root}/target/screenshots"));
    let output = Command::new(python).args([script, service.url(""), pictures]).env("NO_PROXY", "*").output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

/// Every role tries every operation, on a store of its own.
#[test]
fn schemathesis_finds_no_answer_that_the_definition_does_not_tell() {
    let Some(python) = python_with("schemathesis") else { return };
    let script = format!("{}/tests/contract/run.py", env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(python).args([&script, env!("CARGO_BIN_EXE_gridkeeper")]).output().unwrap();
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}
