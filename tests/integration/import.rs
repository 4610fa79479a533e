//! Real files in: texts, reference systems and formats come out as another engine sees them.

use std::path::{Path, PathBuf};
use std::process::Command;

use geo::BoundingRect;
use geo_types::{Coord, MultiPolygon, Rect};
use gridkeeper::import::{
    BoundaryFile, Crs, FieldChoice, ImportError, ReadOptions, bd09_to_wgs84, find_encoding, gcj02_to_wgs84, read_boundaries, wgs84_to_bd09,
    wgs84_to_gcj02,
};

use crate::support::{gridkeeper, shared};

fn read(path: &Path, options: &ReadOptions) -> Result<BoundaryFile, ImportError> {
    read_boundaries(path, options, &|_| ())
}

fn with_crs(crs: &str) -> ReadOptions {
    ReadOptions { crs: Some(Crs::parse(crs).unwrap()), ..ReadOptions::default() }
}

fn apart_deg(a: Coord<f64>, b: Coord<f64>) -> f64 {
    (a.x - b.x).abs().max((a.y - b.y).abs())
}

#[test]
fn five_hundred_positions_agree_with_the_published_formulas_and_with_proj() {
    let Some(path) = shared("vectors/coordinates.csv") else { return };
    let gauss_kruger = Crs::parse("EPSG:4546").unwrap();
    let (mut count, mut in_zone) = (0, 0);
    for row in csv::Reader::from_path(path).unwrap().records() {
        // Cells of the plane are empty outside its zone.
        let row: Vec<f64> = row.unwrap().iter().map(|cell| cell.parse().unwrap_or(f64::NAN)).collect();
        let at = |x: usize, y: usize| Coord { x: row[x], y: row[y] };
        let (wgs84, gcj02, bd09, plane) = (at(1, 0), at(3, 2), at(5, 4), at(6, 7));
        assert!(apart_deg(wgs84_to_gcj02(wgs84), gcj02) < 1e-9);
        assert!(apart_deg(wgs84_to_bd09(wgs84), bd09) < 1e-9);
        assert!(apart_deg(gcj02_to_wgs84(gcj02), wgs84) < 1e-9);
        assert!(apart_deg(bd09_to_wgs84(bd09), wgs84) < 1e-9);
        count += 1;
        if plane.x.is_nan() {
            continue;
        }
        in_zone += 1;
        let projected = gauss_kruger.project(wgs84).unwrap();
        assert!(apart_deg(projected, plane) < 1e-3, "{projected:?} is not within a millimetre of {plane:?}");
        assert!(apart_deg(gauss_kruger.to_wgs84(plane).unwrap(), wgs84) < 1e-8);
    }
    assert_eq!(count, 500);
    assert!(in_zone > 100, "{in_zone}");
}

#[test]
fn texts_are_decoded_as_the_table_of_encodings_says() {
    let Some(table) = shared("data/expect_encoding.csv") else { return };
    let folder = table.parent().unwrap();
    for row in csv::Reader::from_path(&table).unwrap().records() {
        let row = row.unwrap();
        let path = folder.join(&row[0]);
        let path = if path.extension().is_some_and(|e| e == "dbf") { path.with_extension("shp") } else { path };
        // A Latin-1 table that names no code page cannot be told from GBK; there the person says it.
        let asked = &row[1] == "latin1";
        let options = ReadOptions {
            encoding: asked.then(|| find_encoding(&row[1]).unwrap()),
            fields: FieldChoice { name: Some(row[3].to_owned()), ..FieldChoice::default() },
            ..with_crs("EPSG:4326")
        };
        let file = read(&path, &options).unwrap();
        assert_eq!(file.features[row[2].parse::<usize>().unwrap()].name, row[4], "{}", &row[0]);
    }
}

#[test]
fn a_gbk_archive_with_a_chinese_name_needs_no_option() {
    let Some(path) = shared("data/cn_chongqing/区县界_area.zip") else { return };
    let file = read(&path, &ReadOptions::default()).unwrap();
    assert_eq!((file.features.len(), file.encoding, file.problems.len()), (38, Some("GBK"), 0));
    assert_eq!(file.fields.name.as_deref(), Some("NAME"));
    assert!(file.features.iter().all(|feature| feature.geometry.is_some() && !feature.name.contains('\u{fffd}')));
    assert_eq!(file.features[0].name, "奉节县");
}

/// A feature's envelope as ogr2ogr (GDAL 3.6.2) writes it in EPSG:4326.
struct Envelope {
    file: &'static str,
    feature: usize,
    vertices: usize,
    low: (f64, f64),
    high: (f64, f64),
}

#[rustfmt::skip]
const ENVELOPES: &[Envelope] = &[
    Envelope { file: "data/repair/DenverCo_precincts2020_orig.zip", feature: 0, vertices: 40, low: (-104.987_412_999_070_9, 39.736_841_999_255_5), high: (-104.983_583_999_150_8, 39.740_113_999_150_7) },
    Envelope { file: "data/repair/DenverCo_precincts2020_orig.zip", feature: 355, vertices: 214, low: (-105.001_609_367_681_3, 39.725_637_998_524_1), high: (-104.987_423_999_111_1, 39.733_731_676_948_1) },
    Envelope { file: "data/repair/CT_precincts.zip", feature: 0, vertices: 131, low: (-73.600_61, 40.953_58), high: (-73.569_201, 41.038_26) },
    Envelope { file: "data/repair/CT_precincts.zip", feature: 738, vertices: 84, low: (-72.737_988_264_091_4, 41.424_658_788_519_5), high: (-72.689_260_090_880_9, 41.459_387_100_950_3) },
    Envelope { file: "data/mn_precincts/mn_08_16.zip", feature: 0, vertices: 30, low: (-95.849_113_690_324_5, 44.717_346_612_082_5), high: (-95.726_663_532_882_2, 44.805_486_358_199_7) },
    Envelope { file: "data/mn_precincts/mn_08_16.zip", feature: 4119, vertices: 9, low: (-93.321_388_185_612_9, 44.905_195_160_190_5), high: (-93.312_499_001_708_6, 44.912_467_877_742_4) },
];

#[test]
fn feet_utm_and_a_lambert_without_a_code_come_out_where_gdal_puts_them() {
    for expected in ENVELOPES {
        let Some(path) = shared(expected.file) else { continue };
        let file = read(&path, &ReadOptions::default()).unwrap();
        let geometry = file.features[expected.feature].geometry.as_ref().unwrap();
        assert_eq!(vertex_count(geometry), expected.vertices, "{}", expected.file);
        let envelope = geometry.bounding_rect().unwrap();
        for (ours, theirs) in [(envelope.min(), expected.low), (envelope.max(), expected.high)] {
            assert!(apart_deg(ours, theirs.into()) < 1e-9, "{} feature {}: {ours:?} {theirs:?}", expected.file, expected.feature);
        }
    }
}

#[test]
fn a_shapefile_without_prj_is_refused_with_a_guess_and_read_when_told() {
    let Some(path) = shared("data/cn_shenzhen/grid.zip") else { return };
    let refusal = read(&path, &ReadOptions::default()).unwrap_err();
    assert!(matches!(refusal, ImportError::NoCrs { .. }));
    assert!(refusal.to_string().contains("degrees; add --crs EPSG:4326"), "{refusal}");
    assert_eq!(read(&path, &with_crs("EPSG:4326")).unwrap().features.len(), 9005);
    // The command says the same and ends with 2, as for every input that cannot be read.
    let output = gridkeeper().arg("check").arg(&path).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    // Degrees that are called metres are told so, not stored at the equator.
    let wrong = read(&path, &with_crs("EPSG:4546")).map(|file| file.features.len());
    assert!(!matches!(wrong, Ok(9005)) || is_far_from_shenzhen(&path));
}

/// A plane takes any number, so this cannot be refused; but nothing comes out near the true place.
fn is_far_from_shenzhen(path: &Path) -> bool {
    let file = read(path, &with_crs("EPSG:4546")).unwrap();
    file.features[0].geometry.as_ref().unwrap().bounding_rect().unwrap().max().y < 1.0
}

#[test]
fn hunan_moves_by_six_hundred_metres_when_it_is_said_to_be_gcj02() {
    let Some(path) = shared("data/cn_hunan/lingling_431102.geojson") else { return };
    let plain = read(&path, &ReadOptions::default()).unwrap();
    let moved = read(&path, &with_crs("GCJ02")).unwrap();
    assert_eq!(plain.features[0].code.as_deref(), Some("431102"));
    let corner = |file: &BoundaryFile| file.features[0].geometry.as_ref().unwrap().0[0].exterior().0[0];
    let (given, wgs84) = (corner(&plain), corner(&moved));
    assert!(apart_deg(wgs84_to_gcj02(wgs84), given) < 1e-10);
    let step_m = geo::Distance::distance(&geo::Geodesic, geo_types::Point(given), geo_types::Point(wgs84));
    assert!((600.0..700.0).contains(&step_m), "{step_m}");
}

#[test]
fn the_sample_s_gbk_shapefile_in_gauss_kruger_is_read_without_an_option() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling/grids.shp");
    let file = read(&path, &ReadOptions { keep_plane: true, ..ReadOptions::default() }).unwrap();
    assert_eq!(file.problems, []);
    assert!(matches!(file.encoding, Some("GBK" | "gb18030")), "{:?}", file.encoding);
    assert_eq!(file.crs.plane_unit_m(), Some(1.0));
    assert!(file.fields.code.is_some() && file.fields.name.is_some(), "{:?} of {:?}", file.fields, file.field_names);
    let gauss_kruger = Crs::parse("EPSG:4546").unwrap();
    for feature in &file.features {
        let (geometry, plane) = (feature.geometry.as_ref().unwrap(), feature.plane.as_ref().unwrap());
        let envelope = geometry.bounding_rect().unwrap();
        assert!(envelope.min().x > 111.1 && envelope.max().x < 112.0 && envelope.min().y > 25.8 && envelope.max().y < 26.4, "{envelope:?}");
        let (position, given) = (geometry.0[0].exterior().0[0], plane.0[0].exterior().0[0]);
        assert!(apart_deg(gauss_kruger.project(position).unwrap(), given) < 1e-3);
    }
}

/// The same layer in every format that GDAL writes is the same layer.
#[test]
fn every_format_gives_the_same_features() {
    let Some(source) = shared("data/seattle/spd-beats.geojson.gz") else { return };
    let Some(ogr2ogr) = find_ogr2ogr() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wanted = read(&source, &ReadOptions::default()).unwrap();
    let plain = folder.path().join("plain.geojson");
    std::fs::write(&plain, unpack(&source)).unwrap();
    // KML is written with 15 significant digits, which is a nanometre.
    let cases: &[(&str, &[&str])] = &[
        ("out.shp", &["-f", "ESRI Shapefile"]),
        ("feet.shp", &["-f", "ESRI Shapefile", "-t_srs", "EPSG:2285"]),
        ("out.fgb", &["-f", "FlatGeobuf"]),
        ("metres.fgb", &["-f", "FlatGeobuf", "-t_srs", "EPSG:32610", "-lco", "SPATIAL_INDEX=NO"]),
        ("out.kml", &["-f", "KML"]),
        ("out.geojson", &["-f", "GeoJSON", "-lco", "COORDINATE_PRECISION=15"]),
    ];
    for (name, options) in cases {
        let out = folder.path().join(name);
        let status = Command::new(&ogr2ogr).args(*options).arg(&out).arg(&plain).status().unwrap();
        assert!(status.success(), "{name}");
        let found = read(&out, &ReadOptions::default()).unwrap();
        assert_eq!(found.features.len(), wanted.features.len(), "{name}");
        // An index puts features into another order, so each looks for its own.
        let found: Vec<_> = found.features.iter().map(|f| f.geometry.as_ref().unwrap().bounding_rect().unwrap()).collect();
        for feature in &wanted.features {
            let wanted = feature.geometry.as_ref().unwrap().bounding_rect().unwrap();
            let is_it = |rect: &Rect<f64>| apart_deg(rect.min(), wanted.min()) < 1e-9 && apart_deg(rect.max(), wanted.max()) < 1e-9;
            assert!(found.iter().any(is_it), "{name}: feature {} is not where it was", feature.source.number);
        }
    }
    let geopackage = folder.path().join("out.gpkg");
    let status = Command::new(&ogr2ogr).args(["-f", "GPKG", "-t_srs", "EPSG:2285", "-nln", "区划"]).arg(&geopackage).arg(&plain).status();
    assert!(status.unwrap().success());
    for file in [geopackage.display().to_string(), format!("{}:区划", geopackage.display())] {
        let output = gridkeeper().args(["check", &file, "--snap-m", "0.01"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("GeoPackage of 51 features, EPSG:2285"), "{said} {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_report_opens_in_gdal() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/invalid/overlap.geojson");
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.geojson");
    let output = gridkeeper().arg("check").arg(path).arg("--report").arg(&report).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = std::fs::read_to_string(&report).unwrap();
    let collection: geojson::FeatureCollection = text.parse().unwrap();
    for feature in &collection.features {
        for field in ["kind", "severity", "units", "area_m2", "length_m", "remedy"] {
            assert!(feature.contains_property(field), "{field}");
        }
    }
    let Some(ogr2ogr) = find_ogr2ogr() else { return };
    let copy = folder.path().join("copy.gpkg");
    assert!(Command::new(ogr2ogr).args(["-f", "GPKG"]).arg(&copy).arg(&report).status().unwrap().success());
}

#[test]
fn four_levels_go_in_one_after_another_and_a_faulty_file_changes_nothing() {
    let shapes = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes");
    let folder = tempfile::tempdir().unwrap();
    let run = |file: &str, options: &[&str]| {
        let mut command = gridkeeper();
        command.current_dir(&folder).args(["--store", "store.gpkg", "import"]).arg(shapes.join(file)).args(options);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
    };
    for (file, options, expected) in [
        ("lingling/district.geojson", &["--level", "district"][..], "generation 1 of layer grid: 1 units"),
        ("lingling/streets.geojson", &["--level", "street"][..], "generation 2 of layer grid: 17 units"),
        ("lingling/communities.geojson", &["--level", "community"][..], "generation 3 of layer grid: 56 units"),
        ("lingling/grids.shp", &["--level", "grid"][..], "generation 4 of layer grid: 176 units"),
        ("lingling/grids.shp", &["--level", "grid", "--draft"][..], "draft 5 of layer grid: 176 units"),
        // Another layer grows its own levels.
        ("lingling/streets.geojson", &["--layer", "police", "--level", "precinct"][..], "generation 1 of layer police: 16 units"),
        (
            "lingling/communities.geojson",
            &["--layer", "police", "--level", "beat", "--parent-level", "precinct", "--effective", "2030-01-01"][..],
            "in effect from 2030-01-01 00:00 CST",
        ),
    ] {
        let (code, said) = run(file, options);
        assert_eq!(code, Some(0), "{options:?}: {said}");
        assert!(said.contains(expected), "{options:?}: {said}");
    }
    for (file, expected) in [
        ("invalid/overlap.geojson", "error overlap"),
        ("invalid/unclosed.geojson", "error unclosed"),
        ("invalid/no_geometry.geojson", "error no_geometry"),
        ("invalid/duplicate_code.geojson", "error duplicate_code"),
    ] {
        let (code, said) = run(file, &["--layer", "other", "--level", "unit", "--report", "report.geojson"]);
        assert_eq!(code, Some(1), "{file}: {said}");
        assert!(said.contains(expected) && said.contains("nothing was stored"), "{file}: {said}");
        assert!(std::fs::read_to_string(folder.path().join("report.geojson")).unwrap().contains(expected.strip_prefix("error ").unwrap()));
    }
    // A store that is no store is the store's fault, and not the file's.
    std::fs::write(folder.path().join("store.gpkg"), "no store").unwrap();
    assert_eq!(run("lingling/district.geojson", &["--level", "district"]).0, Some(3));
}

#[test]
fn what_is_published_for_later_is_given_up_only_by_name() {
    let district = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling/district.geojson");
    let folder = tempfile::tempdir().unwrap();
    for (options, expected, part) in [
        (&["--effective", "2099-01-01"][..], 0, "in effect from 2099-01-01 00:00 CST"),
        (&[], 1, "generation 1 from 2098-12-31T16:00:00Z"),
        (&["--draft"], 0, "draft 2"),
        (&["--effective", "2099-01-01"], 0, "generation 3"),
        (&["--accept", "future"], 0, "generation 4"),
    ] {
        let mut command = gridkeeper();
        command.current_dir(&folder).args(["import", "--level", "district"]).arg(&district).args(options);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(expected), "{options:?}: {said}");
        assert!(said.contains(part), "{options:?}: {said}");
    }
}

#[test]
fn a_wrong_word_is_a_usage_error_that_says_what_would_do() {
    let lingling = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling");
    let folder = tempfile::tempdir().unwrap();
    let run = |file: &str, options: &[&str]| {
        let output = gridkeeper().current_dir(&folder).arg("import").arg(lingling.join(file)).args(options).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (file, options, expected) in [
        ("grids.shp", &["--level", "grid", "--code-field", "wrong"][..], "has no field \"wrong\""),
        ("grids.shp", &["--level", "ward"][..], "--parent-level"),
        ("grids.shp", &["--level", "Grid"][..], "is no name for a level"),
        ("grids.shp", &["--level", "grid", "--crs", "EPSG:999999"][..], "EPSG:999999 is not known: look the code up at https://epsg.io"),
        ("grids.shp", &["--level", "grid", "--effective", "tomorrow"][..], "neither a date"),
        ("missing.shp", &["--level", "grid"][..], "cannot read"),
        ("roster.csv", &["--level", "grid"][..], "of no kind known here"),
    ] {
        let (code, said) = run(file, options);
        assert_eq!(code, Some(2), "{options:?}: {said}");
        assert!(said.contains(expected), "{options:?}: {said}");
        assert!(!said.contains("proj_"), "what PROJ says to itself: {said}");
    }
    // Without the table beside it a shapefile has no codes.
    for extension in ["shp", "prj"] {
        let name = Path::new("bare").with_extension(extension);
        std::fs::copy(lingling.join("grids").with_extension(extension), folder.path().join(name)).unwrap();
    }
    let output = gridkeeper().current_dir(&folder).args(["import", "bare.shp", "--level", "grid"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("has no fields at all") && said.contains(".dbf"), "{said}");
}

fn vertex_count(geometry: &MultiPolygon<f64>) -> usize {
    geometry.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors())).map(|ring| ring.0.len()).sum()
}

fn unpack(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()), &mut bytes).unwrap();
    bytes
}

/// `make test` installs gdal-bin. Where it is missing the test is skipped, but not in a build that must show everything.
fn find_ogr2ogr() -> Option<PathBuf> {
    let found = Command::new("ogr2ogr").arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "ogr2ogr is missing; make test installs gdal-bin");
    if !found {
        eprintln!("skipped: ogr2ogr is not installed");
    }
    found.then(|| "ogr2ogr".into())
}
