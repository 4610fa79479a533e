//! The store as a GIS sees it, and as a process leaves it that is killed.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use geo_types::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use gridkeeper::app::{NewLevel, OpenMode, PublishOptions, open_store, publish};
use gridkeeper::boundary::{FeatureRef, GenerationState, Layer, LayerName, Level, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use gridkeeper::export::geojson::CollectionWriter;
use gridkeeper::store::geopackage::{list_layers, read_features};
use gridkeeper::store::{Store, StoredGeneration, newest_generation};
use gridkeeper::topology::{Rules, check};
use jiff::Timestamp;
use uuid::Uuid;

use crate::support;

/// Runs a GDAL tool and returns what it prints; nothing may stand on stderr. None where GDAL is not installed.
pub fn gdal(tool: &str, args: &[&str]) -> Option<String> {
    let output = match Command::new(tool).args(args).output() {
        Ok(output) => output,
        Err(_) if std::env::var_os("CI").is_some_and(|ci| ci == "true") => panic!("{tool} is not installed"),
        Err(_) => {
            eprintln!("skipped: {tool} is not installed");
            return None;
        }
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && stderr.is_empty(), "{tool} {args:?}: {stderr}");
    Some(String::from_utf8(output.stdout).expect("GDAL writes UTF-8"))
}

pub fn level(name: &str) -> Level {
    Level::parse(name).unwrap()
}

/// A layer with the two levels `street` and `grid`.
pub fn layer(name: &str) -> Layer {
    Layer { name: LayerName::parse(name).unwrap(), levels: vec![level("street"), level("grid")], scheme: None }
}

pub fn shape(code: &str, parent: Option<&str>, exterior: Vec<(f64, f64)>) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::nil()),
        code: UnitCode::parse(code).unwrap(),
        name: format!("网格{code}"),
        level: level("grid"),
        parent: parent.map(|parent| UnitCode::parse(parent).unwrap()),
        properties: Properties::from_iter([("load".to_owned(), 0.1.into()), ("备注".to_owned(), "'quoted' \"twice\"".into())]),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry: MultiPolygon(vec![Polygon::new(LineString::from(exterior), vec![])]), source: FeatureRef::default() }
}

/// `side` × `side` units whose shared corners lie a little off a lattice, each number without a short decimal.
pub fn units(side: u32, seed: f64) -> Vec<UnitShape> {
    let corner = |col: u32, row: u32| {
        let is_rim = col == 0 || row == 0 || col == side || row == side;
        let off = |phase: f64| if is_rim { 0.0 } else { ((f64::from(col) * 12.9 + f64::from(row) * 78.2 + phase + seed).sin()) / 300.0 };
        (111.0 + f64::from(col) / 97.0 + off(0.0), 26.0 + f64::from(row) / 97.0 + off(1.0))
    };
    let cells = (0..side).flat_map(|row| (0..side).map(move |col| (col, row)));
    let unit = |(col, row): (u32, u32)| {
        let ring = [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)].map(|(right, up)| corner(col + right, row + up));
        shape(&format!("001{:05}", row * side + col), Some("001"), ring.to_vec())
    };
    cells.map(unit).collect()
}

/// The street that all units of [`units`] lie in, with their corners on its border.
pub fn street(side: u32) -> UnitShape {
    let at = |col: u32, row: u32| (111.0 + f64::from(col) / 97.0, 26.0 + f64::from(row) / 97.0);
    let south = (0..side).map(|at_col| at(at_col, 0));
    let east = (0..side).map(|at_row| at(side, at_row));
    let north = (1..=side).rev().map(|at_col| at(at_col, side));
    let west = (0..=side).rev().map(|at_row| at(0, at_row));
    shape("001", None, south.chain(east).chain(north).chain(west).collect())
}

/// Publishes one level of a layer on top of what is there.
pub fn put(store: &dyn Store, layer: &Layer, level_name: &str, shapes: Vec<UnitShape>, effective_from: Option<Timestamp>) {
    let new = NewLevel { layer: layer.clone(), level: level(level_name), shapes, merge: false };
    let options = PublishOptions {
        rules: Rules { snap_m: 0.0, ..Rules::default() },
        state: GenerationState::Published,
        effective_from,
        author: "test".into(),
        note: String::new(),
        reuses_codes: false,
        gives_up_future: false,
        from: None,
        made_on: None,
    };
    let published = publish(store, new, &options).unwrap();
    assert!(published.generation.is_some(), "{:?}", published.problems);
}

fn load_newest(store: &dyn Store, layer: &Layer) -> StoredGeneration {
    let generations = store.load_generations(&layer.name).unwrap();
    store.load_generation(&layer.name, newest_generation(&generations).unwrap().id).unwrap()
}

fn in_folder(name: &str) -> (tempfile::TempDir, String, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    (folder, path.to_str().unwrap().to_owned(), path)
}

#[test]
fn gdal_sees_the_units_in_effect_of_each_level() {
    let (_folder, address, _) = in_folder("store.gpkg");
    let store = open_store(&address, OpenMode::Create).unwrap();
    put(&*store, &layer("grid"), "street", vec![street(4)], None);
    put(&*store, &layer("grid"), "grid", units(4, 0.0), None);
    // Another generation with fewer vertices moved, and a layer that shares the level's name.
    put(&*store, &layer("grid"), "grid", units(4, 0.5), None);
    put(&*store, &layer("police"), "grid", units(2, 0.0), None);
    let tomorrow = Timestamp::now() + jiff::SignedDuration::from_hours(24);
    put(&*store, &layer("grid"), "grid", units(4, 0.7), Some(tomorrow));
    let generations = store.load_generations(&layer("grid").name).unwrap();
    let expected = store.load_generation(&layer("grid").name, generations[2].id).unwrap();
    drop(store);

    let Some(list) = gdal("ogrinfo", &["-q", "-ro", &address]) else { return };
    let mut names: Vec<&str> = list.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    names.sort_unstable();
    assert_eq!(names, ["gk_generation", "grid", "police_grid", "street"], "{list}");

    let summary = gdal("ogrinfo", &["-ro", "-so", &address, "grid"]).unwrap();
    for line in [
        "Geometry: Multi Polygon",
        "Feature Count: 16",
        "Extent: (111.000000, 26.000000) - (111.041237, 26.041237)",
        "FID Column = fid",
        "Geometry Column = geom",
        "code: String (0.0)",
        "valid_from: DateTime (0.0)",
    ] {
        assert!(summary.contains(line), "{line} in {summary}");
    }
    assert!(summary.contains("ID[\"EPSG\",4326]"), "{summary}");
    assert!(gdal("ogrinfo", &["-ro", "-so", &address, "police_grid"]).unwrap().contains("Feature Count: 4"));

    let found = through_ogr2ogr(&address, "grid");
    assert_eq!(found, expected.shapes[1].iter().map(|s| (s.unit.code.to_string(), bits(&s.geometry))).collect::<Vec<_>>());
}

#[test]
fn a_window_finds_the_features_in_it() {
    let (_folder, address, _) = in_folder("store.gpkg");
    let store = open_store(&address, OpenMode::Create).unwrap();
    put(&*store, &layer("grid"), "grid", units(4, 0.0), None);
    drop(store);
    let window = ["-ro", "-so", "-spat", "111.001", "26.001", "111.002", "26.002", &address, "grid"];
    let Some(summary) = gdal("ogrinfo", &window) else { return };
    assert!(summary.contains("Feature Count: 1\n"), "{summary}");
}

#[test]
fn what_is_not_ours_is_refused_and_left_as_it_is() {
    let (folder, address, path) = in_folder("store.gpkg");
    drop(open_store(&address, OpenMode::Create).unwrap());
    let refusal = |file: &Path, mode: OpenMode| {
        let before = std::fs::read(file).unwrap_or_default();
        let error = open_store(file.to_str().unwrap(), mode).map(drop).unwrap_err();
        assert_eq!(std::fs::read(file).unwrap_or_default(), before);
        std::error::Error::source(&error).unwrap().to_string()
    };
    // A newer program's file.
    let newer = folder.path().join("newer.gpkg");
    std::fs::copy(&path, &newer).unwrap();
    let connection = rusqlite::Connection::open(&newer).unwrap();
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).unwrap();
    connection.execute("INSERT INTO gk_migration (number, name) VALUES (99, 'future')", []).unwrap();
    drop(connection);
    // Another program's GeoPackage, and a database.
    let foreign = folder.path().join("foreign.gpkg");
    let connection = rusqlite::Connection::open(&foreign).unwrap();
    connection.execute_batch("PRAGMA application_id = 1196444487; CREATE TABLE gpkg_contents (a)").unwrap();
    drop(connection);
    let text = folder.path().join("text.gpkg");
    std::fs::write(&text, "name,code\n".repeat(1000)).unwrap();
    let missing = folder.path().join("missing.gpkg");
    let empty = folder.path().join("empty.gpkg");
    std::fs::write(&empty, "").unwrap();
    for mode in [OpenMode::ReadOnly, OpenMode::Create] {
        assert!(refusal(&newer, mode).contains("layout 99 of a newer gridkeeper"));
        assert!(refusal(&foreign, mode).contains("a GeoPackage of another program"));
        assert!(refusal(&text, mode).contains("no GeoPackage"));
    }
    assert!(refusal(&missing, OpenMode::ReadOnly).contains("there is no store"));
    assert!(refusal(&empty, OpenMode::ReadOnly).contains("there is no store"));
    assert!(!missing.exists());
    assert!(open_store(folder.path().to_str().unwrap(), OpenMode::Create).is_err());
    let away = open_store("postgres://user:secret@127.0.0.1:1/db", OpenMode::Create).map(drop).unwrap_err().0;
    assert!(away.to_string().contains("postgres://user@127.0.0.1:1/db") && !format!("{away:?}").contains("secret"), "{away:?}");
}

#[test]
fn a_closed_store_is_one_file_and_is_a_geopackage() {
    let (folder, address, path) = in_folder("store.gpkg");
    let store = open_store(&address, OpenMode::Create).unwrap();
    put(&*store, &layer("grid"), "grid", units(2, 0.0), None);
    drop(store);
    let files = || {
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(files(), ["store.gpkg", "store.gpkg-lock"]);
    let reader = open_store(&address, OpenMode::ReadOnly).unwrap();
    assert_eq!(load_newest(&*reader, &layer("grid")).shapes[1].len(), 4);
    let error = reader.save_note("a", "b", "c", Timestamp::UNIX_EPOCH).unwrap_err();
    assert!(error.to_string().contains("reading only"), "{error}");
    drop(reader);
    assert_eq!(files(), ["store.gpkg", "store.gpkg-lock"]);
    let header = std::fs::read(&path).unwrap();
    assert_eq!((&header[68..72], &header[60..64]), (&b"GPKG"[..], &10300_u32.to_be_bytes()[..]));
}

#[test]
fn a_foreign_geopackage_is_read_as_gdal_wrote_it() {
    let (folder, address, _) = in_folder("store.gpkg");
    let store = open_store(&address, OpenMode::Create).unwrap();
    put(&*store, &layer("grid"), "grid", units(3, 0.0), None);
    let expected = load_newest(&*store, &layer("grid"));
    drop(store);
    let written = folder.path().join("foreign.gpkg");
    let name = "a \"b\" 网格";
    if gdal("ogr2ogr", &["-f", "GPKG", "-nln", name, written.to_str().unwrap(), &address, "grid"]).is_none() {
        return;
    }
    let layers = list_layers(&written).unwrap();
    assert_eq!(layers.len(), 1);
    let (layer, features) = read_features(&written, None).unwrap();
    assert_eq!((layer.name.as_str(), layer.organization.as_str(), layer.organization_id), (name, "EPSG", 4326));
    assert_eq!(read_features(&written, Some(name)).unwrap().1, features);
    for (feature, shape) in features.iter().zip(&expected.shapes[1]) {
        assert_eq!(feature.properties["code"], shape.unit.code.as_str());
        assert_eq!(feature.properties.keys().collect::<Vec<_>>(), ["id", "code", "name", "parent", "valid_from", "properties"]);
        let Ok(Some(Geometry::MultiPolygon(geometry))) = &feature.geometry else { panic!("{feature:?}") };
        assert_eq!(bits(geometry), bits(&shape.geometry));
    }
    assert_eq!(features.len(), 9);
    let error = read_features(&written, Some("other")).unwrap_err();
    assert!(error.to_string().contains(name), "{error}");
}

/// Reads a table through GDAL's GeoJSON, in the order of codes.
pub fn through_ogr2ogr(path: &str, table: &str) -> Vec<(String, Vec<[u64; 2]>)> {
    let args = ["-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=17", "/vsistdout/", path, table];
    let text = gdal("ogr2ogr", &args).unwrap();
    let collection: geojson::FeatureCollection = text.parse().unwrap();
    let mut found: Vec<_> = collection
        .features
        .into_iter()
        .map(|feature| {
            let code = feature.property("code").unwrap().as_str().unwrap().to_owned();
            let geometry = MultiPolygon::try_from(feature.geometry.unwrap()).unwrap();
            (code, bits(&geometry))
        })
        .collect();
    found.sort();
    found
}

pub fn bits(geometry: &MultiPolygon<f64>) -> Vec<[u64; 2]> {
    let rings = geometry.0.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
    rings.flat_map(|ring| ring.0.iter().map(|Coord { x, y }| [x.to_bits(), y.to_bits()])).collect()
}

mod crash {
    use super::*;

    const SIDE: u32 = 16;
    const KILLS_BY_TIME: u32 = 40;
    /// Kills while the log grows and right after it has its full length, which is when it is committed.
    const KILLS_BY_LOG: u64 = 16;

    /// The import of a level in place of the one that is there.
    fn import(address: &str, file: &Path) -> Command {
        let mut command = support::gridkeeper();
        command.args(["--store", address, "import", file.to_str().unwrap(), "--level", "grid", "--snap-m", "0"]);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn write_file(path: &Path, shapes: &[UnitShape]) {
        let mut writer = CollectionWriter::new(std::fs::File::create(path).unwrap(), &[]).unwrap();
        shapes.iter().for_each(|shape| writer.write(&shape.unit, &shape.geometry).unwrap());
        writer.finish().unwrap();
    }

    #[test]
    fn a_killed_import_leaves_the_old_generation_or_the_new_one() {
        let (folder, address, path) = in_folder("store.gpkg");
        let store = open_store(&address, OpenMode::Create).unwrap();
        put(&*store, &layer("grid"), "street", vec![street(SIDE)], None);
        put(&*store, &layer("grid"), "grid", units(SIDE, 0.0), None);
        let old = load_newest(&*store, &layer("grid"));
        drop(store);
        let original = std::fs::read(&path).unwrap();
        let wal = folder.path().join("store.gpkg-wal");
        let files = tempfile::tempdir().unwrap();
        let file = files.path().join("grids.geojson");
        write_file(&file, &units(SIDE, 0.5));
        let child = || import(&address, &file).spawn().unwrap();
        let fresh = || {
            for entry in std::fs::read_dir(folder.path()).unwrap() {
                std::fs::remove_file(entry.unwrap().path()).unwrap();
            }
            std::fs::write(&path, &original).unwrap();
        };

        // Once undisturbed: how long it takes, and how long the log gets.
        fresh();
        let began = Instant::now();
        let mut process = child();
        let mut log_bytes = 0;
        while process.try_wait().unwrap().is_none() {
            log_bytes = log_bytes.max(std::fs::metadata(&wal).map_or(0, |found| found.len()));
            std::thread::sleep(Duration::from_micros(200));
        }
        let takes = began.elapsed();
        let new = state(&address, &old);
        assert_eq!(new, State::New, "the import publishes where it is not disturbed");
        assert!(log_bytes > 0);

        let mut seen = Vec::new();
        for kill in 0..KILLS_BY_TIME {
            fresh();
            let mut process = child();
            std::thread::sleep(takes.mul_f64(1.1 * f64::from(kill) / f64::from(KILLS_BY_TIME)));
            process.kill().unwrap();
            process.wait().unwrap();
            seen.push(state(&address, &old));
        }
        for kill in 0..KILLS_BY_LOG {
            fresh();
            let mut process = child();
            let wanted = (log_bytes * (kill + 1) / KILLS_BY_LOG).min(log_bytes);
            while process.try_wait().unwrap().is_none() && std::fs::metadata(&wal).map_or(0, |found| found.len()) < wanted {
                std::hint::spin_loop();
            }
            process.kill().unwrap();
            process.wait().unwrap();
            seen.push(state(&address, &old));
        }
        let count = |state: State| seen.iter().filter(|s| **s == state).count();
        eprintln!("{} kills in {takes:?}: {} left the old generation, {} the new", seen.len(), count(State::Old), count(State::New));
        assert!(count(State::Old) > 0);
    }

    #[test]
    fn a_killed_first_import_leaves_nothing_or_everything() {
        let files = tempfile::tempdir().unwrap();
        let file = files.path().join("grids.geojson");
        write_file(&file, &units(4, 0.5));
        for delay_ms in 0..24 {
            let (_folder, address, _) = in_folder("store.gpkg");
            let mut process = import(&address, &file).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(delay_ms * 2));
            process.kill().unwrap();
            process.wait().unwrap();
            let store = open_store(&address, OpenMode::Create).unwrap();
            for generation in store.load_generations(&layer("grid").name).unwrap() {
                let stored = store.load_generation(&generation.layer, generation.id).unwrap();
                assert_eq!(stored.shapes.iter().map(Vec::len).sum::<usize>(), 16);
            }
            put(&*store, &layer("fire"), "grid", units(2, 0.0), None);
        }
    }

    #[derive(Clone, Copy, Debug, PartialEq)]
    enum State {
        Old,
        New,
    }

    /// Sees that the store is whole, and says which generation it has.
    fn state(address: &str, old: &StoredGeneration) -> State {
        let store = open_store(address, OpenMode::Create).unwrap();
        let stored = load_newest(&*store, &layer("grid"));
        let generations = store.load_generations(&layer("grid").name).unwrap();
        let state = if generations.len() == 2 { State::Old } else { State::New };
        let counts: Vec<_> = stored.shapes.iter().map(Vec::len).filter(|count| *count > 0).collect();
        assert_eq!(counts, [1, (SIDE * SIDE) as usize]);
        let before = store.load_generation(&layer("grid").name, old.generation.id).unwrap();
        match state {
            State::Old => assert_eq!(&stored, old),
            State::New => {
                assert_eq!(generations.len(), 3);
                let ended = before.shapes[1].iter().filter(|shape| shape.unit.validity.to.is_some()).count();
                assert!(ended > 0);
            }
        }
        let audited = store.load_audit(0, 100).unwrap().len();
        assert_eq!(audited, generations.len());
        let checked = check(&stored.layer, stored.shapes, &Rules { snap_m: 0.0, ..Rules::default() });
        assert!(checked.coverage.is_some(), "{:?}", checked.problems);
        drop(store);
        let connection = rusqlite::Connection::open(address).unwrap();
        let integrity: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok");
        let shown: u32 = connection.query_row("SELECT count(*) FROM grid", [], |row| row.get(0)).unwrap();
        assert_eq!(shown, SIDE * SIDE);
        state
    }
}
