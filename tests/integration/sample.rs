//! The sample district is seamless, nested and always the same.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;

use geo_types::{Coord, Line, LineString};
use gridkeeper::boundary::{Layer, LayerName, Level, Severity, UnitShape};
use gridkeeper::config::Config;
use gridkeeper::import::{ReadOptions, read_boundaries};
use gridkeeper::sample::{self, District, SampleUnit, Settings};
use gridkeeper::topology::{self, Rules};

const SMALL: Settings = Settings { seed: 7, grids: 400, incidents: 600 };

type Edge = [(u64, u64); 2];

fn small() -> District {
    District::generate(SMALL).unwrap()
}

fn write(settings: Settings) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    sample::write_all(dir.path(), &District::generate(settings).unwrap()).unwrap();
    dir
}

fn for_each_edge(unit: &SampleUnit, mut visit: impl FnMut(Edge)) {
    let key = |c: Coord<f64>| (c.x.to_bits(), c.y.to_bits());
    for ring in unit.polygons.iter().flatten() {
        assert_eq!(ring.first(), ring.last(), "{}", unit.code);
        ring.windows(2).for_each(|pair| visit([key(pair[0]), key(pair[1])]));
    }
}

/// The edges around units that no other of them runs the other way: the rim of their union.
fn rim<'a>(units: impl IntoIterator<Item = &'a SampleUnit>) -> HashSet<Edge> {
    let mut edges = HashSet::new();
    for unit in units {
        for_each_edge(unit, |edge| assert!(edges.insert(edge), "two units run the same way along an edge of {}", unit.code));
    }
    let both: Vec<Edge> = edges.iter().copied().filter(|&[a, b]| edges.contains(&[b, a])).collect();
    both.iter().for_each(|edge| assert!(edges.remove(edge)));
    edges
}

/// Edge by edge and bit by bit: the rim of the children is the border of the parent, all the way up.
#[test]
fn every_level_nests_in_the_one_above_vertex_by_vertex() {
    for seed in 1..=4 {
        let sample = District::generate(Settings { seed, ..SMALL }).unwrap();
        let district = std::slice::from_ref(&sample.district);
        for (parents, children) in
            [(district, &sample.streets), (&sample.streets, &sample.communities), (&sample.communities, &sample.grids)]
        {
            let mut by_parent: HashMap<&str, Vec<&SampleUnit>> = HashMap::new();
            for child in children {
                by_parent.entry(child.parent.as_deref().unwrap()).or_default().push(child);
            }
            for parent in parents {
                assert_eq!(rim(by_parent[parent.code.as_str()].iter().copied()), rim([parent]), "seed {seed}, {}", parent.code);
            }
        }
    }
}

#[test]
fn every_level_of_the_sample_is_a_seamless_coverage() {
    let dir = write(Settings { incidents: 0, ..Settings::default() });
    let layer = Config::default().layer(&LayerName::parse("grid").unwrap()).layer;
    let files = [("district", "geojson"), ("streets", "geojson"), ("communities", "geojson"), ("grids", "shp")];
    let shapes: Vec<Vec<UnitShape>> = files
        .iter()
        .zip(&layer.levels)
        .map(|((stem, ending), level)| read(&dir.path().join(format!("{stem}.{ending}")), &layer, level))
        .collect();
    assert_eq!(shapes.iter().map(Vec::len).collect::<Vec<_>>(), [1, 16, 334, 2_000]);
    let checked = topology::check(&layer, shapes, &Rules::default());
    let worst: Vec<String> =
        checked.problems.iter().filter(|p| p.severity == Severity::Error).map(|p| format!("{}: {}", p.kind, p.detail)).collect();
    assert!(worst.is_empty(), "{worst:?}");
    let coverage = checked.coverage.expect("nothing but notes and warnings");
    assert_eq!(coverage.levels().len(), 4);
}

fn read(path: &Path, layer: &Layer, level: &Level) -> Vec<UnitShape> {
    let file = read_boundaries(path, &ReadOptions::default(), &|_| ()).unwrap();
    let (shapes, problems) = file.into_shapes(layer, level);
    assert!(problems.is_empty(), "{problems:?}");
    assert!(shapes.iter().all(|shape| shape.unit.properties["synthetic"] == true), "{}", path.display());
    shapes
}

/// Small faces tear where a bend ends suddenly, which a district of few grids does not show.
#[test]
fn a_district_of_many_grids_is_drawn_too() {
    let sample = District::generate(Settings { grids: 50_000, incidents: 0, ..Settings::default() }).unwrap();
    assert_eq!(rim(&sample.grids), rim([&sample.district]));
    assert!(sample.grids.iter().all(|grid| grid.area_m2 > 0.0 && grid.polygons.len() == 1));
    let grids_m2: f64 = sample.grids.iter().map(|grid| grid.area_m2).sum();
    assert!((grids_m2 - sample.district.area_m2).abs() < 1.0, "{grids_m2} {}", sample.district.area_m2);
}

#[test]
fn some_communities_have_holes_and_several_parts_and_grids_have_one_part() {
    let sample = District::generate(Settings::default()).unwrap();
    let holes = |units: &[SampleUnit]| units.iter().flat_map(|u| &u.polygons).filter(|rings| rings.len() > 1).count();
    let several = |units: &[SampleUnit]| units.iter().filter(|u| u.polygons.len() > 1).count();
    assert!(holes(&sample.communities) >= 10 && several(&sample.communities) >= 10);
    assert!(holes(&sample.grids) >= 10, "dedicated grids lie inside others");
    assert_eq!((holes(&sample.streets), several(&sample.streets), several(&sample.grids)), (1, 1, 0));
}

#[test]
fn borders_have_thirty_to_forty_vertices_and_the_district_its_area() {
    let sample = District::generate(Settings::default()).unwrap();
    let vertices: usize = sample.grids.iter().flat_map(|g| g.polygons.iter().flatten()).map(|ring| ring.len() - 1).sum();
    assert!((30..=40).contains(&(vertices / sample.grids.len())), "{vertices}");
    let area_km2 = sample.district.area_m2 / 1e6;
    assert!((1_954.0..1_994.0).contains(&area_km2), "{area_km2}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (one, again, other) = (write(SMALL), write(SMALL), write(Settings { seed: 8, ..SMALL }));
    let files = files_of(one.path());
    assert_eq!(files, files_of(again.path()));
    assert_ne!(files["grids.shp"], files_of(other.path())["grids.shp"]);
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "calendars.csv",
            "categories.csv",
            "communities.geojson",
            "district.geojson",
            "grids.cpg",
            "grids.dbf",
            "grids.prj",
            "grids.shp",
            "grids.shx",
            "incidents.csv",
            "responsibilities.csv",
            "roster.csv",
            "roster.xlsx",
            "streets.geojson"
        ]
    );
}

fn files_of(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn the_committed_sample_is_what_the_generator_makes() {
    let dir = write(Settings { seed: 1, grids: 120, incidents: 300 });
    assert_same(dir.path(), "shapes/lingling");
    let invalid = tempfile::tempdir().unwrap();
    sample::write_invalid(invalid.path()).unwrap();
    assert_same(invalid.path(), "shapes/invalid");
}

fn assert_same(made: &Path, committed: &str) {
    let (made, committed) = (files_of(made), files_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join(committed)));
    assert!(made.keys().eq(committed.keys()), "{:?} {:?}", made.keys(), committed.keys());
    for (name, bytes) in &made {
        assert!(bytes == &committed[name], "{name} differs from what is committed; shapes/README.md has the commands that write it again");
    }
}

#[test]
fn a_third_of_the_incidents_lies_on_a_border() {
    let dir = write(SMALL);
    let layer = Config::default().layer(&LayerName::parse("grid").unwrap()).layer;
    let grids = read(&dir.path().join("grids.shp"), &layer, &layer.levels[3]);
    let borders: Vec<Line<f64>> = grids
        .iter()
        .flat_map(|g| &g.geometry.0)
        .flat_map(|p| std::iter::once(p.exterior()).chain(p.interiors()))
        .flat_map(LineString::lines)
        .collect();
    let mut incidents = csv::Reader::from_path(dir.path().join("incidents.csv")).unwrap();
    let columns = incidents.headers().unwrap().clone();
    let cell = |row: &csv::StringRecord, name: &str| row[columns.iter().position(|c| c == name).unwrap()].to_owned();
    let (mut on_street, mut all) = (0, 0);
    for row in incidents.records().map(Result::unwrap) {
        all += 1;
        if cell(&row, "place") == "street" {
            on_street += 1;
            let at = Coord { x: cell(&row, "lon").parse().unwrap(), y: cell(&row, "lat").parse().unwrap() };
            let nearest_deg = borders.iter().map(|line| distance_deg(at, *line)).fold(f64::INFINITY, f64::min);
            // A millimetre is about 1e-8 degrees.
            assert!(nearest_deg < 1e-8, "{at:?} is {nearest_deg} degrees from any border");
        }
    }
    assert_eq!((on_street, all), (200, 600));
}

fn distance_deg(at: Coord<f64>, line: Line<f64>) -> f64 {
    let (d, e) = (line.delta(), at - line.start);
    let share = ((e.x * d.x + e.y * d.y) / (d.x * d.x + d.y * d.y)).clamp(0.0, 1.0);
    (e.x - share * d.x).hypot(e.y - share * d.y)
}

#[test]
fn codes_are_prefixes_of_their_childrens_and_have_fifteen_digits() {
    let sample = small();
    let codes: HashSet<&str> = sample.grids.iter().map(|grid| grid.code.as_str()).collect();
    assert_eq!(codes.len(), sample.grids.len());
    assert!(sample.grids.is_sorted_by_key(|grid| grid.code.as_str()));
    for grid in &sample.grids {
        assert!(grid.code.len() == 15 && grid.code.starts_with(grid.parent.as_deref().unwrap()), "{}", grid.code);
    }
    assert!(sample.communities.iter().any(|c| c.code == "431102004001" && c.name == "徐家井社区"));
}

#[test]
fn the_roster_has_every_post_shifts_vacant_grids_and_workers_of_several_grids() {
    let dir = write(SMALL);
    let mut roster = csv::Reader::from_path(dir.path().join("roster.csv")).unwrap();
    assert_eq!(
        roster.headers().unwrap().iter().collect::<Vec<_>>().join(","),
        "unit_code,worker_id,name,phone,post,department,valid_from,valid_to,shift"
    );
    let rows: Vec<csv::StringRecord> = roster.records().map(Result::unwrap).collect();
    let posts: HashSet<&str> = rows.iter().map(|row| &row[4]).collect();
    assert_eq!(posts, HashSet::from(["primary", "backup", "leader"]));
    assert!(
        rows.iter().any(|row| row[8].contains(';'))
            && rows.iter().any(|row| &row[8] == "22:00-06:00")
            && rows.iter().any(|row| row[8].is_empty())
    );
    let held: HashSet<&str> = rows.iter().map(|row| &row[0]).collect();
    assert!(small().grids.iter().any(|grid| !held.contains(grid.code.as_str())), "some grid is vacant");
    let mut grids_of: HashMap<&str, HashSet<&str>> = HashMap::new();
    for row in rows.iter().filter(|row| &row[4] == "primary") {
        grids_of.entry(&row[1]).or_default().insert(&row[0]);
    }
    assert!(grids_of.values().any(|grids| grids.len() > 1));
    assert!(rows.iter().all(|row| row[3].starts_with("12") && row[3].len() == 11), "a number that no network gives out");
}

#[test]
fn too_few_and_too_many_grids_are_refused() {
    for grids in [0, sample::GRIDS_MIN - 1, sample::GRIDS_MAX + 1] {
        assert!(District::generate(Settings { grids, ..SMALL }).is_err(), "{grids}");
    }
}

#[test]
fn each_broken_file_breaks_its_own_rule() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/invalid");
    for file in sample::invalid_files() {
        let path = |name: &str| shapes.join(format!("{name}.geojson"));
        let mut args = vec![path(file.name).into_os_string(), "--level".into()];
        args.push(if file.kind.is_none() { "community" } else { "grid" }.into());
        if BESIDE_PARENTS.contains(&file.name) {
            args.extend(["--parents".into(), path("parents").into_os_string()]);
        }
        if file.name == "unmatched_edge" {
            // Otherwise the repair puts the vertex in, and nothing is left to report.
            args.extend(["--snap-m".into(), "0".into()]);
        }
        let own: BTreeSet<String> = file.kind.iter().map(|kind| kind.as_str().to_owned()).collect();
        let expected = SHOWS_AS.iter().find(|(name, _)| *name == file.name);
        let expected = expected.map_or(own, |(_, kinds)| kinds.iter().map(|kind| (*kind).to_owned()).collect());
        assert_eq!(kinds_found(&args), expected, "{}", file.name);
    }
}

/// Rules that show only beside the level above.
const BESIDE_PARENTS: [&str; 3] = ["orphan", "nesting", "uncovered"];

/// Files that cannot but break a second rule too, and slivers, which are reported as narrow gaps or overlaps; shapes/README.md names them.
const SHOWS_AS: [(&str, &[&str]); 3] =
    [("overlap", &["overlap", "unmatched_edge"]), ("orphan", &["orphan", "uncovered"]), ("sliver", &["gap"])];

fn kinds_found(args: &[OsString]) -> BTreeSet<String> {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.geojson");
    let output = crate::support::gridkeeper().arg("check").args(args).arg("--report").arg(&report).output().unwrap();
    assert!(output.status.code().is_some_and(|code| code < 2), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report).unwrap()).unwrap();
    let features = report["features"].as_array().unwrap();
    features.iter().map(|feature| feature["properties"]["kind"].as_str().unwrap().to_owned()).collect()
}

/// GDAL is what the offices' own programs read with.
#[test]
fn gdal_reads_the_chinese_attributes_of_the_shapefile() {
    let dir = write(SMALL);
    let output = match std::process::Command::new("ogrinfo").args(["-al", "-geom=NO"]).arg(dir.path().join("grids.shp")).output() {
        Ok(output) => output,
        Err(error) if std::env::var_os("CI").is_none() => return eprintln!("skipped: ogrinfo cannot be run ({error}); install gdal-bin"),
        Err(error) => panic!("ogrinfo must be there under CI: {error}"),
    };
    let text = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "Feature Count: 400",
        "CGCS2000",
        "上级编码 (String) = 431102004001",
        "名称 (String) = 徐家井社区第1网格",
        "备注 (String) = 示例数据，非真实边界",
    ] {
        assert!(text.contains(expected), "{expected} is not in {}", &text[..text.len().min(3_000)]);
    }
}
