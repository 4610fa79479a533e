//! Features as files: read back by GDAL, and the same as the page.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use super::clients::has_gdal;
use super::service::{COLUMNS, ROWS, Service, code_of};

/// Saves what an address sends and lets GDAL turn it into GeoJSON.
fn through_gdal(service: &Service, path: &str, ending: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join(format!("file.{ending}")), folder.path().join("out.geojson"));
    let response = service.get(path).send().unwrap();
    assert_eq!(response.status(), 200, "{path}");
    std::fs::write(&file, response.bytes().unwrap()).unwrap();
    let mut command = Command::new("ogr2ogr");
    let output = command.args(["-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=17"]).arg(&out).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap()
}

fn sorted(page: &Value) -> Vec<(String, Value)> {
    let of = |feature: &Value| (feature["properties"]["code"].as_str().unwrap().to_owned(), feature["geometry"].clone());
    let mut features: Vec<_> = page["features"].as_array().unwrap().iter().map(of).collect();
    features.sort_by(|a, b| a.0.cmp(&b.0));
    features
}

#[test]
fn a_file_holds_all_that_is_asked_for() {
    if !has_gdal() {
        return;
    }
    let service = Service::start();
    let ours = sorted(&service.json("/collections/grid/items?limit=1000"));
    for ending in ["fgb", "gpkg"] {
        let theirs = through_gdal(&service, &format!("/collections/grid/items?f={ending}"), ending);
        assert_eq!(sorted(&theirs), ours, "{ending}");
        let first = &theirs["features"][0]["properties"];
        assert_eq!((first["level"].as_str(), first["parent"].as_str()), (Some("grid"), Some("431102")), "{ending}");
    }
    let filtered = format!("/collections/grid/items?f=fgb&filter=code%3D'{}'", code_of(2, 2));
    assert_eq!(sorted(&through_gdal(&service, &filtered, "fgb")).len(), 1);
}

#[test]
fn the_form_of_a_file_is_negotiated() {
    let service = Service::start();
    for (f, media) in [
        ("csv", "text/csv; charset=utf-8"),
        ("fgb", "application/flatgeobuf"),
        ("gpkg", "application/geopackage+sqlite3"),
        ("parquet", "application/vnd.apache.parquet"),
    ] {
        let response = service.get(&format!("/collections/grid/items?f={f}&limit=2")).send().unwrap();
        assert_eq!(response.headers()["content-type"], media);
        assert_eq!(response.headers()["content-disposition"], format!("attachment; filename=\"grid.{f}\""));
        let accepted = service.get("/collections/grid/items?limit=2").header("accept", media).send().unwrap();
        assert_eq!(accepted.headers()["content-type"], media);
    }
    let csv = service.get("/collections/grid/items?f=csv&skipGeometry=true&properties=code").send().unwrap().text().unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!((lines.len(), lines[0]), (1 + ROWS * COLUMNS, "id,code"));
    assert!(lines[1].ends_with(&code_of(0, 0)));
    let refused = service.get("/collections/grid/items?f=gpkg&crs=%5BEPSG:4546%5D").send().unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(service.get("/collections/incidents/items?f=csv").send().unwrap().status(), 400);
}

#[test]
fn geometry_of_a_zoom_is_coarser_and_still_joined() {
    let service = Service::start();
    let page = service.json("/collections/grid/items?limit=1000&zoom-level=14");
    assert_ne!(page["features"][0]["geometry"], service.json("/collections/grid/items?limit=1")["features"][0]["geometry"]);
    let mut edges: BTreeMap<[String; 2], usize> = BTreeMap::new();
    for feature in page["features"].as_array().unwrap() {
        let rings = feature["geometry"]["coordinates"].as_array().unwrap().iter().flat_map(|polygon| polygon.as_array().unwrap());
        for ring in rings {
            let ring: Vec<String> = ring.as_array().unwrap().iter().map(ToString::to_string).collect();
            assert_eq!(ring.first(), ring.last());
            for pair in ring.windows(2) {
                let mut edge = [pair[0].clone(), pair[1].clone()];
                edge.sort();
                *edges.entry(edge).or_default() += 1;
            }
        }
    }
    assert!(edges.values().all(|count| *count <= 2));
    // An edge that only one unit has lies on the rim of the district, so nothing opens between neighbours.
    let position = |text: &String| serde_json::from_str::<[f64; 2]>(text).unwrap();
    let all: Vec<[f64; 2]> = edges.keys().flatten().map(position).collect();
    let end = |axis: usize| all.iter().map(|at| at[axis]).fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(at), high.max(at)));
    let ends = [end(0), end(1)];
    for edge in edges.iter().filter(|(_, count)| **count == 1).map(|(edge, _)| edge) {
        let [a, b] = [position(&edge[0]), position(&edge[1])];
        let is_on_rim = (0..2).any(|axis| a[axis] == b[axis] && (a[axis] == ends[axis].0 || a[axis] == ends[axis].1));
        assert!(is_on_rim, "{edge:?} has one side");
    }
    assert_eq!(service.get("/collections/grid/items?zoom-level=23").send().unwrap().status(), 400);
}
