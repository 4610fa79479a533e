//! Tiles of a coverage leave no hole and no overlap, whatever the zoom, and agree along their edges.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fast_mvt::{MvtGeometry, MvtPolygon, MvtReaderRef};
use geo::Validation;
use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use gridkeeper::tile::{LayerTiles, TileAddress, TileLayers, to_world};
use gridkeeper::topology::ValidCoverage;

use crate::quilt;
use crate::support::python_with;
use crate::tile_pieces::{Laid, write_pieces};

const BUFFER: i32 = 64;
const LOW: i32 = -BUFFER;
const HIGH: i32 = 4096 + BUFFER;

type Edge = [(i32, i32); 2];

/// The decoded areas of one layer of a tile: id and polygons.
type Areas = Vec<(u64, Vec<MvtPolygon>)>;

fn decode(bytes: &[u8], layer: &str) -> Areas {
    let reader = MvtReaderRef::new(bytes).unwrap();
    let Some(found) = reader.layers().find(|l| l.name() == layer) else { return Vec::new() };
    assert_eq!((found.version(), found.extent()), (2, 4096));
    let areas = found.features().map(|feature| {
        let polygons = match feature.geometry().unwrap() {
            MvtGeometry::Polygon(polygon) => vec![polygon],
            MvtGeometry::MultiPolygon(polygons) => polygons.0,
            other => panic!("{other:?} is no area"),
        };
        (feature.id().expect("every feature has an id"), polygons)
    });
    areas.collect()
}

fn rings(polygons: &[MvtPolygon]) -> impl Iterator<Item = &LineString<i32>> {
    polygons.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()))
}

/// The directed edges of some areas, each that runs both ways cancelled; runs along the tile's reach in steps of one.
fn boundary(areas: &Areas) -> BTreeMap<Edge, i64> {
    let mut sum: BTreeMap<Edge, i64> = BTreeMap::new();
    for line in areas.iter().flat_map(|(_, polygons)| rings(polygons)).flat_map(LineString::lines) {
        for [from, to] in unit_steps(line.start, line.end) {
            let (edge, direction) = if from < to { ([from, to], 1) } else { ([to, from], -1) };
            *sum.entry(edge).or_default() += direction;
        }
    }
    sum.retain(|_, count| *count != 0);
    sum
}

fn unit_steps(a: Coord<i32>, b: Coord<i32>) -> Vec<Edge> {
    let on_rim = |v: i32| v == LOW || v == HIGH;
    if !(a.x == b.x && on_rim(a.x) || a.y == b.y && on_rim(a.y)) {
        return vec![[(a.x, a.y), (b.x, b.y)]];
    }
    let steps = (b.x - a.x).abs().max((b.y - a.y).abs());
    let at = |step: i32| (a.x + (b.x - a.x).signum() * step, a.y + (b.y - a.y).signum() * step);
    (0..steps).map(|step| [at(step), at(step + 1)]).collect()
}

fn assert_valid(areas: &Areas, place: &str) {
    for (id, polygons) in areas {
        let to_f64 = |ring: &LineString<i32>| LineString(ring.coords().map(|c| Coord { x: f64::from(c.x), y: f64::from(c.y) }).collect());
        let polygons = polygons.iter().map(|p| Polygon::new(to_f64(p.exterior()), p.interiors().iter().map(to_f64).collect()));
        let polygons = MultiPolygon(polygons.collect());
        if let Err(problem) = polygons.check_validation() {
            panic!("{place}: feature {id} is not valid: {problem}: {polygons:?}");
        }
        for line in polygons.iter().flat_map(|p| p.exterior().lines().collect::<Vec<_>>()) {
            assert!(f64::from(LOW) <= line.start.x && line.start.x <= f64::from(HIGH), "{place}: feature {id} leaves the buffer");
        }
    }
}

/// The tiles of a zoom that the coverage's rectangle meets.
fn tiles_of(tiles: &LayerTiles, z: u8) -> Vec<(u32, u32, Vec<u8>)> {
    let [west, south, east, north] = tiles.bounds().unwrap();
    let size = f64::from(1_u32 << z);
    let (min, max) = (to_world(Coord { x: west, y: north }) * size, to_world(Coord { x: east, y: south }) * size);
    let mut found = Vec::new();
    for x in min.x as u32..=max.x as u32 {
        for y in min.y as u32..=max.y as u32 {
            found.extend(tiles.tile(TileAddress::new(z, x, y).unwrap()).unwrap().map(|bytes| (x, y, bytes)));
        }
    }
    found
}

fn tiles(coverage: ValidCoverage) -> LayerTiles {
    LayerTiles::build(Arc::new(coverage), &TileLayers::default())
}

/// Every level from the first zoom on, so that most units are far too small for the grid.
const ALL_FROM_0: &str = r#"
max_zoom = 16
[[level]]
name = "grid"
min_zoom = 0
fields = []
"#;

#[test]
fn units_fill_their_parents_exactly_even_where_most_are_too_small_to_see() {
    let tiles = LayerTiles::build(Arc::new(quilt::coverage(9, 12)), &TileLayers::parse(ALL_FROM_0).unwrap());
    for z in 4..=12 {
        for (x, y, bytes) in tiles_of(&tiles, z) {
            let place = format!("{z}/{x}/{y}");
            for level in ["district", "community", "grid"] {
                let areas = decode(&bytes, level);
                assert_valid(&areas, &place);
                assert_eq!(boundary(&areas), boundary(&decode(&bytes, "district")), "{place}: {level}");
            }
        }
    }
    let collapsed = [3, 6, 12].map(|z| tiles.collapsed_count(2, z));
    assert!(collapsed[0] > 100 && collapsed[1] < collapsed[0] && collapsed[2] == 0, "{collapsed:?}");
}

#[test]
fn at_every_zoom_units_fill_their_parents_exactly() {
    for seed in 0..2 {
        let tiles = tiles(quilt::coverage(seed, 12));
        for z in 10..=16 {
            let mut drawn = BTreeSet::new();
            for (x, y, bytes) in tiles_of(&tiles, z).into_iter().take(12) {
                let place = format!("seed {seed}, {z}/{x}/{y}");
                let district = decode(&bytes, "district");
                assert_valid(&district, &place);
                for level in ["community", "grid"] {
                    let areas = decode(&bytes, level);
                    if level == "grid" && z < 12 {
                        assert!(areas.is_empty(), "{place}: grids are drawn from zoom 12");
                        continue;
                    }
                    assert_valid(&areas, &place);
                    assert_eq!(boundary(&areas), boundary(&district), "{place}: {level}");
                    drawn.extend(areas.iter().map(|(id, _)| *id));
                }
            }
            assert!(!drawn.is_empty(), "seed {seed}: zoom {z} is empty");
        }
    }
}

#[test]
fn far_zooms_draw_the_district_alone_and_never_nothing() {
    let tiles = tiles(quilt::coverage(1, 12));
    for z in 0..8 {
        let found = tiles_of(&tiles, z);
        assert!(!found.is_empty(), "zoom {z}");
        for (x, y, bytes) in found {
            assert!(decode(&bytes, "community").is_empty() && decode(&bytes, "grid").is_empty(), "{z}/{x}/{y}");
        }
    }
}

#[test]
fn neighbouring_tiles_carry_the_same_edges_where_they_overlap() {
    let tiles = tiles(quilt::coverage(2, 12));
    for z in [12, 13, 14] {
        let found: BTreeMap<(u32, u32), Vec<u8>> = tiles_of(&tiles, z).into_iter().map(|(x, y, bytes)| ((x, y), bytes)).collect();
        let mut compared = 0;
        for (&(x, y), west) in &found {
            let Some(east) = found.get(&(x + 1, y)) else { continue };
            let (west, east) = (strip_edges(west, 4096), strip_edges(east, 0));
            compared += west.len();
            assert_eq!(west, east, "{z}/{x}/{y} and its eastern neighbour");
        }
        assert!(compared > 0, "zoom {z} has no edge near a tile's edge");
    }
}

/// The edges of grids strictly between the two cut lines around `at`, moved so that `at` is 0.
fn strip_edges(bytes: &[u8], at: i32) -> BTreeSet<(u64, Edge)> {
    let mut found = BTreeSet::new();
    for (id, polygons) in decode(bytes, "grid") {
        for line in rings(&polygons).flat_map(LineString::lines) {
            let moved = [(line.start.x - at, line.start.y), (line.end.x - at, line.end.y)];
            let within = moved.iter().all(|p| p.0.abs() <= BUFFER) && !(moved[0].0 == moved[1].0 && moved[0].0.abs() == BUFFER);
            if within && !(moved[0].1 == moved[1].1 && (moved[0].1 == LOW || moved[0].1 == HIGH)) {
                found.insert((id, moved));
            }
        }
    }
    found
}

#[test]
fn an_id_stays_with_its_unit_and_a_name_stands_once() {
    let coverage = quilt::coverage(3, 12);
    let units: BTreeMap<String, u64> =
        coverage.levels()[2].units().iter().map(|u| (u.code.to_string(), u.id.0.as_u64_pair().1 & ((1 << 52) - 1))).collect();
    let tiles = tiles(coverage);
    for z in [12, 14, 16] {
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for (_, _, bytes) in tiles_of(&tiles, z) {
            let reader = MvtReaderRef::new(&bytes).unwrap();
            for layer in reader.layers().filter(|l| l.name() == "grid" || l.name() == "grid_label") {
                for feature in layer.features() {
                    let properties = feature.properties_vec().unwrap();
                    let code = properties.iter().find(|(key, _)| *key == "code").map(|(_, value)| match value {
                        fast_mvt::MvtValueRef::String(code) => (*code).to_owned(),
                        other => panic!("{other:?} is no code"),
                    });
                    let code = code.unwrap();
                    assert_eq!(feature.id(), Some(units[&code]), "{code} at zoom {z}");
                    if layer.name() == "grid_label" {
                        *names.entry(code).or_default() += 1;
                    }
                }
            }
        }
        assert_eq!(names.len(), units.len(), "zoom {z}");
        assert!(names.values().all(|count| *count == 1), "zoom {z}: {names:?}");
    }
}

#[test]
fn a_shift_moves_the_tiles_and_their_bounds() {
    let coverage = Arc::new(quilt::coverage(0, 4));
    let plain = LayerTiles::build(coverage.clone(), &TileLayers::default());
    let shift = |p: gridkeeper::boundary::Position| gridkeeper::boundary::Position { lon: p.lon + 0.5, lat: p.lat };
    let moved = LayerTiles::build_shifted(coverage, &TileLayers::default(), Box::new(shift));
    let (plain, moved) = (plain.bounds().unwrap(), moved.bounds().unwrap());
    assert!((moved[0] - plain[0] - 0.5).abs() < 1e-9 && (moved[1] - plain[1]).abs() < 1e-12);
}

/// Decoded and judged by programs that are not ours; `make tiles-coverage` does the same with much larger layers.
#[test]
fn another_decoder_finds_no_hole_no_overlap_and_no_invalid_ring() {
    let Some(python) = python_with("mapbox_vector_tile") else { return };
    let coverage = quilt::coverage(5, 12);
    for name in Laid::NAMES {
        let laid = Laid::find(name).unwrap();
        let tiles = laid.tiles(Arc::new(coverage.clone()), &TileLayers::parse(ALL_FROM_0).unwrap());
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut out = std::io::BufWriter::new(file.reopen().unwrap());
        write_pieces(&tiles, &coverage, laid, [4, 7, 9, 11, 12, 13], true, &mut out).unwrap();
        drop(out);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tiles_coverage.py");
        let output = std::process::Command::new(&python).arg(script).arg(file.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{name}: {said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("units without area") && said.contains("without a hole"), "{name}: {said}");
    }
}

/// The features of one layer of a tile with their properties as text.
fn properties(bytes: &[u8], layer: &str) -> Vec<(Option<u64>, BTreeMap<String, String>)> {
    let reader = MvtReaderRef::new(bytes).unwrap();
    let Some(found) = reader.layers().find(|l| l.name() == layer) else { return Vec::new() };
    let features = found.features().map(|feature| {
        let properties = feature.properties_vec().unwrap().into_iter().map(|(key, value)| {
            let value = match value {
                fast_mvt::MvtValueRef::String(text) => text.to_owned(),
                other => format!("{other:?}"),
            };
            (key.to_owned(), value)
        });
        (feature.id(), properties.collect())
    });
    features.collect()
}

#[test]
fn a_border_is_drawn_once_with_the_coarsest_level_that_it_separates() {
    let tiles = tiles(quilt::coverage(4, 12));
    for z in [9, 12, 14] {
        let mut depths = BTreeSet::new();
        for (x, y, bytes) in tiles_of(&tiles, z) {
            let place = format!("{z}/{x}/{y}");
            let reader = MvtReaderRef::new(&bytes).unwrap();
            let layer = reader.layers().find(|l| l.name() == "borders").unwrap();
            let mut seen = BTreeSet::new();
            for feature in layer.features() {
                let lines = match feature.geometry().unwrap() {
                    MvtGeometry::LineString(line) => vec![line],
                    MvtGeometry::MultiLineString(lines) => lines.0,
                    other => panic!("{place}: {other:?} is no line"),
                };
                for line in lines.iter().flat_map(LineString::lines) {
                    let (a, b) = ((line.start.x, line.start.y), (line.end.x, line.end.y));
                    // At far zooms two borders can fall onto one another.
                    assert!(seen.insert((a.min(b), a.max(b))) || z < 14, "{place}: {a:?} to {b:?} is drawn twice");
                }
            }
            for (_, said) in properties(&bytes, "borders") {
                depths.insert(said["level"].clone());
                assert_eq!(said.contains_key("left") || said.contains_key("right"), z >= 14, "{place}: {said:?}");
            }
        }
        let expected: &[&str] = if z < 10 { &["district"] } else { &["community", "district", "grid"] };
        assert_eq!(depths.iter().map(String::as_str).collect::<Vec<_>>(), expected, "zoom {z}");
    }
}

#[test]
fn a_level_that_is_not_drawn_yet_shows_the_coarser_one_in_its_stead() {
    let description = r#"
        max_zoom = 14
        [[level]]
        name = "district"
        min_zoom = 0
        fields = [{ name = "name", min_zoom = 0 }]
        [[level]]
        name = "community"
        min_zoom = 9
        fields = [{ name = "code", min_zoom = 0 }]
        [[level]]
        name = "grid"
        min_zoom = 12
        dissolve_zoom = 8
        labels = false
        fields = [{ name = "code", min_zoom = 0 }]
    "#;
    let tiles = LayerTiles::build(Arc::new(quilt::coverage(4, 12)), &TileLayers::parse(description).unwrap());
    for (z, level, count) in [(7, "", 0), (8, "district", 1), (11, "community", 9), (12, "", 144)] {
        let mut ids = BTreeSet::new();
        for (_, _, bytes) in tiles_of(&tiles, z) {
            for (id, said) in properties(&bytes, "grid") {
                ids.insert(id);
                assert_eq!(said.get("level").map_or("", String::as_str), level, "zoom {z}: {said:?}");
            }
            assert!(properties(&bytes, "grid_label").is_empty());
        }
        assert_eq!(ids.len(), count, "zoom {z}");
    }
}
