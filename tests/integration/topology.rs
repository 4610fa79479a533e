//! Compares the counts of the check with those of GEOS's coverage functions on published layers.
//!
//! The expected figures come from `tests/geos_coverage.py` (GEOS 3.14.1 by Shapely 2.2.0), on the plane of each file.

#![expect(clippy::unwrap_used, reason = "a test that cannot read its data should fail")]

use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;

use geo::{Area, Euclidean, Length};
use geo_types::{Geometry, MultiPolygon};
use gridkeeper::boundary::{
    FeatureRef, Layer, LayerName, Level, ProblemKind, Properties, Severity, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use gridkeeper::config::Config;
use gridkeeper::import::{ReadOptions, read_boundaries};
use gridkeeper::topology::{Checked, CoverageLevel, Plane, Rules, UnitIndex, check};
use uuid::Uuid;

use crate::support::shared;

fn read_layer(path: &Path) -> Vec<MultiPolygon<f64>> {
    if path.extension().is_some_and(|extension| extension == "zip") { read_shapefile(path) } else { read_geojson(path) }
}

fn read_geojson(path: &Path) -> Vec<MultiPolygon<f64>> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    let collection = geojson::FeatureCollection::try_from(text.parse::<geojson::GeoJson>().unwrap()).unwrap();
    collection.features.into_iter().map(|feature| to_polygons(feature.geometry.unwrap().try_into().unwrap())).collect()
}

fn read_shapefile(path: &Path) -> Vec<MultiPolygon<f64>> {
    let mut archive = zip::ZipArchive::new(File::open(path).unwrap()).unwrap();
    let name = archive.file_names().map(|name| name.unwrap().into_owned()).find(|name| name.ends_with(".shp")).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    std::io::copy(&mut archive.by_name(&name).unwrap(), &mut file).unwrap();
    file.rewind().unwrap();
    let shapes = shapefile::ShapeReader::new(std::io::BufReader::new(file)).unwrap();
    shapes.read().unwrap().into_iter().map(|shape| to_polygons(shape.try_into().unwrap())).collect()
}

fn to_polygons(geometry: Geometry<f64>) -> MultiPolygon<f64> {
    match geometry {
        Geometry::Polygon(polygon) => polygon.into(),
        Geometry::MultiPolygon(polygons) => polygons,
        other => panic!("{other:?}"),
    }
}

fn shapes_of(level: &Level, geometries: Vec<MultiPolygon<f64>>) -> Vec<UnitShape> {
    let shape = |(at, geometry): (usize, MultiPolygon<f64>)| UnitShape {
        unit: Unit {
            id: UnitId(Uuid::from_u128(at as u128)),
            code: UnitCode::parse(&format!("{at:05}")).unwrap(),
            name: String::new(),
            level: level.clone(),
            parent: None,
            properties: Properties::new(),
            validity: Validity { from: jiff::Timestamp::UNIX_EPOCH, to: None },
        },
        geometry,
        source: FeatureRef { number: at + 1 },
    };
    geometries.into_iter().enumerate().map(shape).collect()
}

fn check_layer(path: &Path, rules: &Rules) -> Checked {
    let level = Level::parse("unit").unwrap();
    let layer = Layer { name: LayerName::parse("test").unwrap(), levels: vec![level.clone()], scheme: None };
    check(&layer, vec![shapes_of(&level, read_layer(path))], rules)
}

const METRES: Plane = Plane::Projected { unit_m: 1.0 };
const DEGREES: Plane = Plane::Degrees;

/// Gaps in the layers where rounding makes and unmakes hairlines, so that GEOS, or GEOS on another plane, finds others.
/// docs/import.md has the figures.
const GAPS_OF_ROUNDING: &[(&str, usize)] =
    &[("repair/CT_precincts.zip", 363), ("repair/DenverCo_precincts2020_orig.zip", 32), ("mn_precincts/mn_08_16.zip", 5)];

/// What GEOS finds: units, units with invalid edges, the length of those in the units of the file
/// (not a number where a unit is invalid and GEOS counts its stray edges too), holes of the union, those of them that are no
/// hairlines, the sum of areas less the area of the union, in square units of the file, and the pairs of units whose insides meet.
struct Geos(usize, usize, f64, usize, usize, f64, usize);

#[rstest::rstest]
#[case("dc/wards_2012.geojson.gz", DEGREES, Geos(8, 0, 0.0, 0, 0, 0.0, 0))]
#[case("dc/anc_2013.geojson.gz", DEGREES, Geos(40, 0, 0.0, 0, 0, 0.0, 0))]
#[case("dc/smd_2013.geojson.gz", DEGREES, Geos(296, 0, 0.0, 0, 0, 0.0, 0))]
#[case("dc/psa.geojson.gz", DEGREES, Geos(56, 0, 0.0, 0, 0, 0.0, 0))]
#[case("dc/police_districts.geojson.gz", DEGREES, Geos(7, 2, 0.000223577302, 1, 0, 1.13589693e-14, 1))]
#[case("dc/block_groups_2010.geojson.gz", DEGREES, Geos(450, 0, 0.0, 0, 0, 0.0, 0))]
#[case("dc/voting_precincts_2012.geojson.gz", DEGREES, Geos(143, 24, 0.208761434, 79, 75, 2.1467574e-07, 27))]
#[case("dc/neighborhood_clusters.geojson.gz", DEGREES, Geos(39, 29, 0.496164885, 172, 143, 2.68455632e-07, 34))]
#[case("cn_hunan/cities.geojson.gz", DEGREES, Geos(14, 0, 0.0, 1, 1, 0.0, 0))]
#[case("cn_hunan/counties.geojson.gz", DEGREES, Geos(122, 0, 0.0, 1, 1, 0.0, 0))]
#[case("cn_beijing/districts.geojson.gz", DEGREES, Geos(16, 11, f64::NAN, 260, 253, 0.00111675448, 11))]
#[case("cn_beijing/subdistricts.geojson.gz", DEGREES, Geos(343, 75, 0.930207709, 291, 283, 4.75935968e-06, 67))]
#[case("cn_shenzhen/grid.zip", DEGREES, Geos(9005, 0, 0.0, 1, 1, 0.0, 0))]
#[case("cn_shenzhen/districts.zip", DEGREES, Geos(10, 0, 0.0, 1, 1, 0.0, 0))]
#[case("cn_chongqing/区县界_area.zip", DEGREES, Geos(38, 0, 0.0, 0, 0, 0.0, 0))]
#[case("seattle/spd-beats.geojson.gz", DEGREES, Geos(51, 0, 0.0, 0, 0, 0.0, 0))]
#[case("seattle/spd-mcpp-areas.geojson.gz", DEGREES, Geos(61, 0, 0.0, 0, 0, 0.0, 0))]
#[case("seattle/spd-precincts.geojson.gz", DEGREES, Geos(5, 0, 0.0, 0, 0, 0.0, 0))]
#[case("repair/CO_bad_gap_region.zip", METRES, Geos(15, 4, 27767.4067, 3, 3, 849133.927, 2))]
#[case("repair/CT_precincts.zip", METRES, Geos(739, 367, 91602.5396, 318, 157, 11756.1016, 343))]
#[case("repair/DenverCo_precincts2020_orig.zip", METRES, Geos(356, 35, 5035.58285, 33, 31, 139.700278, 27))]
#[case("repair/DenverCo_precincts2020_repaired.zip", METRES, Geos(356, 0, 0.0, 10, 10, 0.0, 0))]
#[case("mn_precincts/mn_08_16.zip", METRES, Geos(4120, 32, 43252.695, 2, 2, 2315.09341, 27))]
fn counts_equal_those_of_geos(#[case] file: &str, #[case] plane: Plane, #[case] geos: Geos) {
    let Some(path) = shared(&format!("data/{file}")) else { return };
    let checked = check_layer(&path, &Rules { snap_m: 0.0, plane, ..Rules::default() });
    let found = &checked.summary[0];
    let of_kind = |kind: ProblemKind| checked.problems.iter().filter(move |problem| problem.kind == kind);
    assert_eq!(found.units, geos.0);
    assert_eq!(found.units_with_unmatched_edges, geos.1, "units with unmatched edges");
    let bad_length: f64 = of_kind(ProblemKind::UnmatchedEdge).map(|problem| length(problem.place.as_ref().unwrap())).sum();
    assert!(geos.2.is_nan() || (bad_length - geos.2).abs() <= 1e-6 * geos.2, "length of unmatched edges {bad_length}, GEOS {}", geos.2);
    assert_eq!(found.gaps - found.hairline_gaps, geos.4, "gaps that are no hairlines");
    assert_eq!(found.overlapping_pairs, geos.6, "overlapping pairs");
    let gaps = GAPS_OF_ROUNDING.iter().find(|(name, _)| *name == file).map_or(geos.3, |(_, gaps)| *gaps);
    assert_eq!(found.gaps, gaps, "gaps, hairlines included; GEOS finds {}", geos.3);
    // None is kept quiet about.
    assert_eq!(of_kind(ProblemKind::Gap).count(), found.gaps);
    assert_eq!(of_kind(ProblemKind::Gap).filter(|gap| gap.detail.contains("hairline")).count(), found.hairline_gaps);
    // In degrees one deep overlap is as good as another for comparing; in metres the figures are the same.
    let overlap: f64 = if plane == DEGREES {
        of_kind(ProblemKind::Overlap).map(|overlap| area(overlap.place.as_ref().unwrap())).sum()
    } else {
        found.overlaps_m2
    };
    assert!((overlap - geos.5).abs() <= 2e-3 * geos.5, "overlap {overlap}, GEOS {}", geos.5);
    let problems = of_kind(ProblemKind::Gap).chain(of_kind(ProblemKind::Overlap));
    assert!(problems.into_iter().all(|problem| problem.severity == Severity::Error && !problem.units.is_empty()));
}

fn length(place: &Geometry<f64>) -> f64 {
    let Geometry::MultiLineString(lines) = place else { panic!("{place:?}") };
    Euclidean.length(lines)
}

fn area(place: &Geometry<f64>) -> f64 {
    place.unsigned_area()
}

/// Whatever comes in first, the levels of the sample end up fitting as well as coarse to fine.
#[test]
fn the_levels_of_the_sample_may_come_in_in_any_order() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling");
    let layer = Config::default().layer(&LayerName::parse("grid").unwrap()).layer;
    let files = ["district.geojson", "streets.geojson", "communities.geojson", "grids.shp"];
    assert_eq!(layer.levels.len(), files.len());
    let given: Vec<Vec<UnitShape>> = files
        .iter()
        .zip(&layer.levels)
        .map(|(file, level)| {
            let (shapes, problems) =
                read_boundaries(&folder.join(file), &ReadOptions::default(), &|_| ()).unwrap().into_shapes(&layer, level);
            assert!(problems.is_empty(), "{problems:?}");
            shapes
        })
        .collect();
    let nothing = vec![Vec::new(); files.len()];
    let last = bring_in(&layer, &given, &[0, 1, 2], 3, bring_in_all(&layer, &given, &[0, 1, 2], nothing.clone()));
    let expected = faults(&last);
    // Streets and communities have parts across a river; nothing fails to fit.
    assert!(expected.iter().all(|(kind, _)| *kind == ProblemKind::Multipart), "{:?}", last.problems);
    let mut orders = 0;
    // Levels in the order of a number's digits, each once.
    for number in 0..256 {
        let order = [number / 64, number / 16 % 4, number / 4 % 4, number % 4];
        if (0..4).any(|depth| !order.contains(&depth)) {
            continue;
        }
        let before = bring_in_all(&layer, &given, &order[..3], nothing.clone());
        let last = bring_in(&layer, &given, &order[..3], order[3], before);
        assert_eq!(faults(&last), expected, "{order:?}: {:?}", last.problems);
        orders += 1;
    }
    assert_eq!(orders, 24);
}

/// Brings in levels one after another.
fn bring_in_all(layer: &Layer, given: &[Vec<UnitShape>], order: &[usize], mut loaded: Vec<Vec<UnitShape>>) -> Vec<Vec<UnitShape>> {
    for (at, &depth) in order.iter().enumerate() {
        let checked = bring_in(layer, given, &order[..at], depth, loaded);
        loaded = shapes_in(&checked);
    }
    loaded
}

fn bring_in(layer: &Layer, given: &[Vec<UnitShape>], before: &[usize], depth: usize, mut loaded: Vec<Vec<UnitShape>>) -> Checked {
    loaded[depth].clone_from(&given[depth]);
    let checked = check(layer, loaded, &Rules { incoming: Some(depth), ..Rules::default() });
    assert!(checked.coverage.is_some(), "{before:?}, then {depth}: {:?}", checked.problems);
    checked
}

fn shapes_in(checked: &Checked) -> Vec<Vec<UnitShape>> {
    let coverage = checked.coverage.as_ref().unwrap();
    let shapes = |(depth, level): (usize, &CoverageLevel)| {
        let shape = |unit: UnitIndex| UnitShape {
            unit: level.unit(unit).clone(),
            geometry: coverage.to_geometry(depth, unit),
            source: FeatureRef::default(),
        };
        level.indices().map(shape).collect()
    };
    coverage.levels().iter().enumerate().map(shapes).collect()
}

/// What says that levels or units do not fit each other.
fn faults(checked: &Checked) -> Vec<(ProblemKind, Severity)> {
    let mut faults: Vec<_> = checked.problems.iter().map(|problem| (problem.kind, problem.severity)).collect();
    faults.sort_unstable();
    faults
}

#[test]
fn repair_within_a_metre_joins_denvers_precincts() {
    let Some(path) = shared("data/repair/DenverCo_precincts2020_orig.zip") else { return };
    let checked = check_layer(&path, &Rules { snap_m: 1.0, plane: Plane::Projected { unit_m: 1200.0 / 3937.0 }, ..Rules::default() });
    let found = &checked.summary[0];
    // The nine gaps left are enclaves of other counties, which no one digitised badly.
    assert_eq!((found.units_with_unmatched_edges, found.overlaps, found.gaps), (0, 0, 9));
    assert_eq!(found.moved_vertices, checked.moves.len());
    assert!(checked.moves.iter().all(|moved| moved.distance_m <= 1.0));
}
