//! `gridkeeper export pmtiles|mbtiles`: files of tiles that other readers read, with the very bytes that the service sends.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use geo_types::Coord;
use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::config::{Config, MapConfig};
use gridkeeper::tile::to_world;
use serde_json::{Value, json};

use crate::api::service::{PLANNER, Service, fill, middle_of};
use crate::api::town;
use crate::store::gdal;
use crate::support;

/// A store with the small district.
fn store(folder: &Path) -> String {
    let address = folder.join("store.gpkg").to_str().unwrap().to_owned();
    fill(&*open_store(&address, OpenMode::Create).unwrap());
    address
}

fn export(address: &str, args: &[&str]) -> Output {
    support::gridkeeper().args(["--store", address, "export"]).args(args).output().unwrap()
}

fn export_well(address: &str, args: &[&str]) {
    let output = export(address, args);
    assert!(output.status.success() && output.stdout.is_empty() && output.stderr.is_empty(), "{output:?}");
}

/// What the reference reader makes of a PMTiles file: header, metadata and every tile in hexadecimal digits.
const READ_PMTILES: &str = r#"
import json, sys
from pmtiles.reader import Reader, MmapSource, all_tiles
with open(sys.argv[1], 'rb') as file:
    source = MmapSource(file)
    reader = Reader(source)
    header = {key: getattr(value, 'name', value) for key, value in reader.header().items()}
    tiles = {'%d/%d/%d' % address: bytes(tile).hex() for address, tile in all_tiles(source)}
    for address in tiles:
        assert reader.get(*map(int, address.split('/'))).hex() == tiles[address], address
    print(json.dumps({'header': header, 'metadata': reader.metadata(), 'tiles': tiles}))
"#;

fn read_pmtiles(path: &Path) -> Option<Value> {
    let python = support::python_with("pmtiles")?;
    let output = Command::new(python).args(["-c", READ_PMTILES]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Every tile of an MBTiles file by its address, the row counted from the north, in hexadecimal digits.
fn read_mbtiles(path: &Path) -> BTreeMap<String, String> {
    let query = "SELECT zoom_level || '/' || tile_column || '/' || ((1 << zoom_level) - 1 - tile_row), lower(hex(tile_data)) FROM tiles";
    let output = Command::new("sqlite3").args(["-separator", " "]).arg(path).arg(query).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| line.split_once(' ').unwrap()).map(|(address, tile)| (address.into(), tile.into())).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_tile_of_an_archive_is_what_the_service_sends_and_none_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let address = store(folder.path());
    let [pmtiles, mbtiles] = ["out.pmtiles", "out.mbtiles"].map(|name| folder.path().join(name));
    export_well(&address, &["pmtiles", pmtiles.to_str().unwrap(), "--max-zoom", "14"]);
    export_well(&address, &["mbtiles", mbtiles.to_str().unwrap(), "--max-zoom", "14"]);
    let tiles = read_mbtiles(&mbtiles);
    assert!(tiles.len() > 60, "{} tiles", tiles.len());

    let store = open_store(&address, OpenMode::ReadOnly).unwrap();
    let service = Service::start_on(store, Config::default(), false);
    for (tile, packed) in &tiles {
        let response = service.get(&format!("/tiles/boundaries/{tile}")).header("accept-encoding", "gzip").send().unwrap();
        assert_eq!(&hex(&response.bytes().unwrap()), packed, "{tile}");
    }
    // What lies around the archive's tiles is empty, as is every tile between them that it leaves out.
    for z in 0..=14_i64 {
        let of_zoom = || tiles.keys().filter_map(move |tile| tile.strip_prefix(&format!("{z}/"))?.split_once('/'));
        let at = |pick: fn(&(&str, &str)) -> i64| of_zoom().map(move |parts| pick(&parts));
        let [xs, ys] = [at(|parts| parts.0.parse().unwrap()), at(|parts| parts.1.parse().unwrap())].map(Iterator::collect::<Vec<i64>>);
        let range = |list: &[i64]| (list.iter().min().unwrap() - 1).max(0)..=(list.iter().max().unwrap() + 1).min((1 << z) - 1);
        for (x, y) in range(&xs).flat_map(|x| range(&ys).map(move |y| (x, y))) {
            let tile = format!("{z}/{x}/{y}");
            if !tiles.contains_key(&tile) {
                assert_eq!(service.get(&format!("/tiles/boundaries/{tile}")).send().unwrap().status(), 204, "{tile}");
            }
        }
    }

    let Some(read) = read_pmtiles(&pmtiles) else { return };
    let found: BTreeMap<String, String> = serde_json::from_value(read["tiles"].clone()).unwrap();
    assert!(found == tiles, "both files hold the same tiles");
    let header = &read["header"];
    for (name, expected) in [("clustered", Value::from(true)), ("tile_type", "MVT".into()), ("tile_compression", "GZIP".into())] {
        assert_eq!(header[name], expected, "{name}");
    }
    assert_eq!((&header["min_zoom"], &header["max_zoom"], &header["min_lon_e7"]), (&0.into(), &14.into(), &1_116_000_000.into()));
    assert_eq!(header["addressed_tiles_count"], tiles.len());
    let distinct = tiles.values().collect::<std::collections::BTreeSet<_>>().len();
    assert_eq!(header["tile_contents_count"], distinct);
    let layers = read["metadata"]["vector_layers"].as_array().unwrap();
    let listed: Vec<_> = layers.iter().map(|layer| (layer["id"].as_str().unwrap(), layer["minzoom"].as_u64().unwrap())).collect();
    assert_eq!(listed, [("district", 0), ("district_label", 0), ("grid", 12), ("grid_label", 12), ("borders", 0)]);
    assert_eq!(layers[2]["fields"]["code"], "String");
}

#[test]
fn gdal_reads_the_layers_of_an_mbtiles_file() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("grids.mbtiles");
    let out = out.to_str().unwrap();
    export_well(&store(folder.path()), &["mbtiles", out, "--level", "grid", "--min-zoom", "13", "--max-zoom", "13"]);
    let Some(list) = gdal("ogrinfo", &["-q", "-ro", out]) else { return };
    assert!(list.contains("1: grid\n") && list.contains("2: grid_label\n"), "{list}");
    let summary = gdal("ogrinfo", &["-ro", "-al", "-so", out, "grid_label"]).unwrap();
    for line in ["Feature Count: 200", "code: String", "parent: String"] {
        assert!(summary.contains(line), "{line} in {summary}");
    }
}

#[test]
fn a_level_a_generation_and_zooms_are_chosen_and_what_cannot_be_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let address = store(folder.path());
    let out = folder.path().join("out.mbtiles");
    let path = out.to_str().unwrap();
    export_well(&address, &["mbtiles", path, "--level", "district", "--generation", "1", "--min-zoom", "3", "--max-zoom", "5"]);
    let tiles = read_mbtiles(&out);
    let zooms: Vec<&str> = tiles.keys().map(|tile| tile.split('/').next().unwrap()).collect();
    assert_eq!(zooms, ["3", "4", "5"]);
    let before = std::fs::read(&out).unwrap();
    for (args, expected) in [
        (&["mbtiles", path, "--max-zoom", "17"][..], "tiles are made for zooms 0 to 16"),
        (&["pmtiles", path, "--min-zoom", "9", "--max-zoom", "8"], "--min-zoom 9 lies above --max-zoom 8"),
        (&["pmtiles", path, "--level", "house"], "it has district, grid"),
        (&["pmtiles", path, "--generation", "7"], "no generation 7"),
        (&["pmtiles", "-"], "standard output"),
        (&["geojson", path, "--max-zoom", "3"], "only files of tiles have zooms"),
    ] {
        let output = export(&address, args);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(expected), "{stderr}");
    }
    assert!(std::fs::read(&out).unwrap() == before, "a file that cannot be written anew stays");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with(".gridkeeper")), "{left:?}");
}

#[test]
fn a_draft_is_drawn_as_of_its_last_step() {
    let folder = tempfile::tempdir().unwrap();
    let address = folder.path().join("store.gpkg").to_str().unwrap().to_owned();
    let store = open_store(&address, OpenMode::Create).unwrap();
    town::build(&*store);
    let service = Service::start_on(store, Config::default(), false);
    let (status, draft) = town::ask(&service, "POST", "/v1/drafts", None, &json!({ "title": "one less" }));
    assert_eq!(status, 201, "{draft}");
    let draft = draft["id"].as_str().unwrap();
    let merge = json!({ "op": "merge", "level": "grid", "units": [town::grid_at(0, 0), town::grid_at(1, 0)] });
    let (status, answer) = town::ask(&service, "POST", &format!("/v1/drafts/{draft}/operations"), Some("*"), &merge);
    assert!(status < 300, "{answer}");
    let [drafted, before] = ["draft.mbtiles", "before.mbtiles"].map(|name| folder.path().join(name));
    export_well(&address, &["mbtiles", drafted.to_str().unwrap(), "--max-zoom", "14", "--generation", draft]);
    export_well(&address, &["mbtiles", before.to_str().unwrap(), "--max-zoom", "14"]);
    let tiles = read_mbtiles(&drafted);
    assert!(tiles != read_mbtiles(&before), "the draft differs");
    let service = Service::start_on(open_store(&address, OpenMode::ReadOnly).unwrap(), Config::default(), false);
    for (tile, packed) in &tiles {
        let request = service.get(&format!("/tiles/boundaries/{tile}?draft={draft}"));
        let response = request.bearer_auth(PLANNER).header("accept-encoding", "gzip").send().unwrap();
        assert_eq!(&hex(&response.bytes().unwrap()), packed, "{tile}");
    }
}

#[test]
fn what_tiles_carry_is_what_the_settings_say() {
    let folder = tempfile::tempdir().unwrap();
    let description = folder.path().join("layers.toml");
    let fields = r#"{ name = "code", min_zoom = 9 }, { name = "homes", property = "households", min_zoom = 9 }"#;
    let level = |name: &str, fields: &str| format!("[[level]]\nname = \"{name}\"\nmin_zoom = 9\nmax_zoom = 13\nfields = [{fields}]\n");
    std::fs::write(&description, format!("max_zoom = 14\n{}{}", level("district", ""), level("grid", fields))).unwrap();
    let map = MapConfig { tile_layers: Some(description.clone()), ..MapConfig::default() };
    let service = Service::start_on(town::town(), Config { map, ..Config::default() }, false);
    let tilejson = service.json("/tiles/boundaries");
    assert_eq!((&tilejson["maxzoom"], &tilejson["vector_layers"][6]["id"]), (&json!(14), &json!("grid")), "{tilejson}");
    assert_eq!(tilejson["vector_layers"][6]["maxzoom"], 13, "a level may end before the tiles do");
    assert!(tilejson["vector_layers"][6]["fields"]["homes"].is_string(), "{tilejson}");
    let (lon, lat) = middle_of(3, 0);
    let world = to_world(Coord { x: lon, y: lat }) * f64::from(1_u32 << 13);
    let path = format!("/tiles/boundaries/13/{}/{}", world.x as u32, world.y as u32);
    let bytes = service.get(&path).send().unwrap().bytes().unwrap();
    let reader = fast_mvt::MvtReaderRef::new(&bytes).unwrap();
    let homes: Vec<u64> = reader
        .layers()
        .filter(|layer| layer.name() == "grid")
        .flat_map(|layer| layer.features().map(|feature| feature.properties_vec().unwrap()).collect::<Vec<_>>())
        .flatten()
        .filter_map(|(key, value)| match (key, value) {
            ("homes", fast_mvt::MvtValueRef::UInt(homes)) => Some(homes),
            _ => None,
        })
        .collect();
    assert!(homes.contains(&4), "{homes:?}");
    assert_eq!(service.get("/tiles/boundaries/15/0/0").send().unwrap().status(), 404);

    std::fs::write(&description, "max_zoom = 30\nlevel = []").unwrap();
    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, format!("[map]\ntile_layers = \"{}\"\n", description.display())).unwrap();
    let address = store(folder.path());
    let output = support::gridkeeper().args(["--store", &address, "--config"]).arg(&settings).arg("serve").output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && told.contains("layers.toml") && told.contains("max_zoom 30"), "{told}");
}

#[test]
fn an_archive_is_served_in_ranges() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiles.pmtiles");
    let bytes: Vec<u8> = (0..10_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&path, &bytes).unwrap();
    let map = MapConfig { archives: vec![path.clone()], ..MapConfig::default() };
    let service = Service::start_with(Config { map, ..Config::default() });
    let ask = || service.get("/archives/tiles.pmtiles");
    let whole = ask().send().unwrap();
    let header = |response: &reqwest::blocking::Response, name: &str| response.headers().get(name).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(header(&whole, "accept-ranges").as_deref(), Some("bytes"));
    assert_eq!(header(&whole, "content-type").as_deref(), Some("application/vnd.pmtiles"));
    assert_eq!(header(&whole, "access-control-allow-origin").as_deref(), Some("*"));
    let tag = header(&whole, "etag").unwrap();
    assert!(tag.starts_with('"'), "{tag} is not strong");
    assert!(whole.bytes().unwrap() == bytes);
    for (range, expected) in
        [("bytes=0-126", 0..127), ("bytes=16384-", 16_384..40_000), ("bytes=-5", 39_995..40_000), ("bytes=-100000", 0..40_000)]
    {
        let part = ask().header("range", range).send().unwrap();
        assert_eq!(part.status(), 206, "{range}");
        let content_range = format!("bytes {}-{}/40000", expected.start, expected.end - 1);
        assert_eq!(header(&part, "content-range"), Some(content_range));
        assert_eq!(header(&part, "etag").as_ref(), Some(&tag));
        assert!(part.bytes().unwrap() == bytes[expected]);
    }
    let beyond = ask().header("range", "bytes=40000-").send().unwrap();
    assert_eq!((beyond.status().as_u16(), header(&beyond, "content-range").as_deref()), (416, Some("bytes */40000")));
    assert_eq!(beyond.json::<Value>().unwrap()["status"], 416);
    assert_eq!(ask().header("if-none-match", &tag).send().unwrap().status(), 304);
    let resumed = ask().header("if-range", &tag).header("range", "bytes=39990-").send().unwrap();
    assert_eq!((resumed.status().as_u16(), resumed.content_length()), (206, Some(10)));
    let other = ask().header("if-range", "\"other\"").header("range", "bytes=0-1").send().unwrap();
    assert_eq!((other.status().as_u16(), other.content_length()), (200, Some(40_000)));
    for range in ["items=0-1", "bytes=0-1,5-6"] {
        let whole = ask().header("range", range).send().unwrap();
        assert_eq!((whole.status().as_u16(), whole.content_length()), (200, Some(40_000)), "{range}");
    }
    let copy = folder.path().join("copy.pmtiles");
    std::fs::copy(&path, &copy).unwrap();
    let map = MapConfig { archives: vec![copy], ..MapConfig::default() };
    let replica = Service::start_with(Config { map, ..Config::default() });
    assert_eq!(header(&replica.get("/archives/copy.pmtiles").send().unwrap(), "etag").as_ref(), Some(&tag), "a copy has the same tag");
    let head = service.request("HEAD", "/archives/tiles.pmtiles").send().unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "content-length").as_deref()), (200, Some("40000")));
    for path in ["/archives/none.pmtiles", "/archives/..%2Ftiles.pmtiles", "/archives/"] {
        assert_eq!(service.get(path).send().unwrap().status(), 404, "{path}");
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(ask().send().unwrap().status(), 404);
}

#[test]
fn an_archive_that_is_not_there_is_told_before_anything_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let address = store(folder.path());
    let missing = folder.path().join("none.pmtiles");
    let output = support::gridkeeper().args(["--store", &address, "serve", "--archive"]).arg(&missing).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot read the archive"), "{output:?}");
}

/// Grids are drawn from zoom 12 on.
#[test]
fn an_archive_of_nothing_is_a_file_without_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let address = store(folder.path());
    let out = folder.path().join("far.pmtiles");
    export_well(&address, &["pmtiles", out.to_str().unwrap(), "--level", "grid", "--max-zoom", "5"]);
    let Some(read) = read_pmtiles(&out) else { return };
    assert_eq!(read["tiles"], serde_json::json!({}));
}
