//! `gridkeeper export`: files for other programs.

use std::path::Path;
use std::process::Output;

use geo_types::MultiPolygon;
use gridkeeper::app::{OpenMode, open_store};
use jiff::Timestamp;

use crate::store::{bits, gdal, layer, put, street, through_ogr2ogr, units};
use crate::support;

/// A store with two levels, whose grids have changed once: `units(3, 0.0)` in 2025, `units(3, 0.5)` since 2026.
fn sample() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("store.gpkg").to_str().unwrap().to_owned();
    let store = open_store(&address, OpenMode::Create).unwrap();
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    put(&*store, &layer("grid"), "street", vec![street(3)], at("2025-01-01T00:00:00Z"));
    put(&*store, &layer("grid"), "grid", units(3, 0.0), at("2025-01-01T00:00:00Z"));
    put(&*store, &layer("grid"), "grid", units(3, 0.5), at("2026-01-01T00:00:00+08:00"));
    put(&*store, &layer("police"), "grid", units(2, 0.0), None);
    (folder, address)
}

fn export(address: &str, args: &[&str]) -> Output {
    support::gridkeeper().args(["--store", address, "export"]).args(args).output().unwrap()
}

fn export_well(address: &str, args: &[&str]) -> String {
    let output = export(address, args);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn codes_and_bits(collection: &str) -> Vec<(String, Vec<[u64; 2]>)> {
    let collection: geojson::FeatureCollection = collection.parse().unwrap();
    let feature = |feature: geojson::Feature| {
        let code = feature.property("code").unwrap().as_str().unwrap().to_owned();
        (code, bits(&MultiPolygon::try_from(feature.geometry.unwrap()).unwrap()))
    };
    collection.features.into_iter().map(feature).collect()
}

fn units_bits(seed: f64) -> Vec<(String, Vec<[u64; 2]>)> {
    units(3, seed).iter().map(|shape| (shape.unit.code.to_string(), bits(&shape.geometry))).collect()
}

/// The vertices of each unit, wherever its rings start.
fn as_sets(units: Vec<(String, Vec<[u64; 2]>)>) -> Vec<(String, std::collections::BTreeSet<[u64; 2]>)> {
    units.into_iter().map(|(code, bits)| (code, bits.into_iter().collect())).collect()
}

#[test]
fn geojson_holds_every_unit_bit_for_bit_with_counter_clockwise_rings() {
    let (_folder, address) = sample();
    let text = export_well(&address, &["geojson", "-", "--level", "grid"]);
    assert_eq!(as_sets(codes_and_bits(&text)), as_sets(units_bits(0.5)));
    let collection: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&collection["layer"], &collection["generation"]), (&"grid".into(), &3.into()));
    let feature = &collection["features"][0];
    assert_eq!(feature["properties"]["level"], "grid");
    assert_eq!(feature["properties"]["parent"], "001");
    assert_eq!(feature["properties"]["load"], 0.1);
    assert_eq!(feature["properties"]["备注"], "'quoted' \"twice\"");
    assert_eq!(feature["properties"]["valid_from"], "2025-12-31T16:00:00Z");
    assert!(feature["id"].as_str().is_some_and(|id| id.len() == 36));
    for (code, ring) in codes_and_bits(&text) {
        let at = |[x, y]: [u64; 2]| (f64::from_bits(x), f64::from_bits(y));
        let doubled: f64 = ring.windows(2).map(|w| (at(w[0]), at(w[1]))).map(|((ax, ay), (bx, by))| ax * by - bx * ay).sum();
        assert!(doubled > 0.0, "{code} runs clockwise");
    }
}

#[test]
fn all_levels_are_one_collection_and_each_feature_says_its_level() {
    let (folder, address) = sample();
    let out = folder.path().join("all.geojson");
    assert_eq!(export_well(&address, &["geojson", out.to_str().unwrap()]), "");
    let collection: serde_json::Value = serde_json::from_slice(&std::fs::read(out).unwrap()).unwrap();
    let levels: Vec<_> = collection["features"].as_array().unwrap().iter().map(|f| f["properties"]["level"].as_str().unwrap()).collect();
    assert_eq!(levels, [&["street"][..], &["grid"; 9]].concat());
}

#[test]
fn a_time_chooses_the_generation_that_was_in_effect() {
    let (_folder, address) = sample();
    // Midnight in Shanghai, where a date alone is meant.
    for (at, seed) in [("2025-12-31", 0.0), ("2025-12-31T15:59:59Z", 0.0), ("2025-12-31T16:00:00Z", 0.5), ("2026-01-01", 0.5)] {
        let text = export_well(&address, &["geojson", "-", "--level", "grid", "--at", at]);
        assert_eq!(as_sets(codes_and_bits(&text)), as_sets(units_bits(seed)), "{at}");
    }
}

#[test]
fn gpkg_holds_the_units_in_effect_and_nothing_of_ours() {
    let (folder, address) = sample();
    let out = folder.path().join("out.gpkg");
    let out = out.to_str().unwrap();
    export_well(&address, &["gpkg", out]);
    let Some(list) = gdal("ogrinfo", &["-q", "-ro", out]) else { return };
    assert_eq!(list, "1: street (Multi Polygon)\n2: grid (Multi Polygon)\n");
    let mut expected = codes_and_bits(&export_well(&address, &["geojson", "-", "--level", "grid"]));
    expected.sort();
    assert_eq!(through_ogr2ogr(out, "grid"), expected);
    let summary = gdal("ogrinfo", &["-ro", "-so", out, "grid"]).unwrap();
    for line in ["Feature Count: 9", "Extent: (111.000000, 26.000000) - (111.030928, 26.030928)", "valid_from: DateTime (0.0)"] {
        assert!(summary.contains(line), "{line} in {summary}");
    }
    // GDAL can edit it: the triggers that it runs keep index and count.
    gdal("ogrinfo", &["-q", out, "-sql", "DELETE FROM grid WHERE code = '00100000'"]).unwrap();
    let window = ["-ro", "-so", "-spat", "111.001", "26.001", "111.002", "26.002", out, "grid"];
    assert!(gdal("ogrinfo", &window).unwrap().contains("Feature Count: 0"));
    assert!(gdal("ogrinfo", &["-ro", "-so", out, "grid"]).unwrap().contains("Feature Count: 8"));
    let indexed = gdal("ogrinfo", &["-q", "-ro", out, "-sql", "SELECT HasSpatialIndex('grid', 'geom') AS yes"]).unwrap();
    assert!(indexed.contains("= 1"), "{indexed}");
}

#[test]
fn another_layer_has_its_name_before_the_level() {
    let (folder, address) = sample();
    let out = folder.path().join("out.gpkg");
    export_well(&address, &["gpkg", out.to_str().unwrap(), "--layer", "police", "--level", "grid"]);
    let Some(list) = gdal("ogrinfo", &["-q", "-ro", out.to_str().unwrap()]) else { return };
    assert_eq!(list, "1: police_grid (Multi Polygon)\n");
}

#[test]
fn what_cannot_be_exported_is_told_and_leaves_the_old_file() {
    let (folder, address) = sample();
    let out = folder.path().join("out.geojson");
    std::fs::write(&out, "before").unwrap();
    let out = out.to_str().unwrap();
    let missing = folder.path().join("none.gpkg");
    let check = |address: &str, args: &[&str], code: i32, expected: &str| {
        let output = export(address, args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(std::fs::read_to_string(Path::new(out)).unwrap(), "before");
    };
    check(&address, &["geojson", out, "--level", "house"], 2, "it has street, grid");
    check(&address, &["geojson", out, "--layer", "fire"], 2, "no layer fire");
    check(&address, &["geojson", out, "--at", "2020-01-01"], 2, "no generation in effect");
    check(&address, &["geojson", out, "--at", "yesterday"], 2, "is no time");
    check(&address, &["gpkg", "-"], 2, "standard output");
    check(&address, &["geojson", "/no/such/folder/out.geojson"], 2, "cannot write /no/such/folder/out.geojson");
    check(missing.to_str().unwrap(), &["geojson", out], 3, "there is no store");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".gridkeeper")), "{left:?}");
}
