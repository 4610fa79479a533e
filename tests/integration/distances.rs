//! Distances beside those of GeographicLib, by its author, to the foot on the edge that is straight in degrees.

use std::process::Command;
use std::sync::Arc;

use geo::{BoundingRect, MapCoords};
use geo_types::{Coord, LineString, MultiPolygon, Polygon, Rect};
use gridkeeper::boundary::{FeatureRef, Layer, LayerName, Level, Position, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use gridkeeper::import::Crs;
use gridkeeper::index::{LayerIndex, Search};
use gridkeeper::sample::{District, Settings};
use gridkeeper::topology::{Rules, check};
use jiff::Timestamp;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use uuid::Uuid;

use crate::support::python_with;

const GRIDS: usize = 300;
const POINTS: usize = 160;
/// What the south-western corner of the district is moved to: as it is, on the equator, far south and north, beside the antimeridian on either side,
/// and as near to the poles as it fits.
const PLACES: [Option<(f64, f64)>; 8] = [
    None,
    Some((0.0, -0.2)),
    Some((-70.0, -50.0)),
    Some((20.0, 69.5)),
    Some((180.0, -17.0)),
    Some((-180.0, 65.0)),
    Some((30.0, 90.0)),
    Some((-100.0, -90.0)),
];
/// GeographicLib in Python takes milliseconds for each; beside the poles, where a district is small, very many grids are near.
const ROWS_MAX: usize = 300;
const AGREEMENT_M: f64 = 0.001;
const NEAR_M: f64 = 1_000.0;
const DOUBT_M: f64 = 10.0;

/// The grids of the sample in degrees.
fn grids() -> Vec<(String, MultiPolygon<f64>)> {
    let district = District::generate(Settings { seed: 1, grids: GRIDS, incidents: 0 }).unwrap();
    let crs = Crs::parse("EPSG:4546").unwrap();
    let ring = |ring: &Vec<Coord<f64>>| {
        let mut coords = ring.clone();
        crs.all_to_wgs84(&mut coords).unwrap();
        LineString(coords)
    };
    let polygon = |rings: &Vec<Vec<Coord<f64>>>| Polygon::new(ring(&rings[0]), rings[1..].iter().map(ring).collect());
    district.grids.iter().map(|grid| (grid.code.clone(), MultiPolygon(grid.polygons.iter().map(polygon).collect()))).collect()
}

fn index(grids: &[(String, MultiPolygon<f64>)]) -> LayerIndex {
    let level = Level::parse("grid").unwrap();
    let shape = |(at, (code, geometry)): (usize, &(String, MultiPolygon<f64>))| UnitShape {
        unit: Unit {
            id: UnitId(Uuid::from_u128(at as u128)),
            code: UnitCode::parse(code).unwrap(),
            name: String::new(),
            level: level.clone(),
            parent: None,
            properties: Properties::new(),
            validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
        },
        geometry: geometry.clone(),
        source: FeatureRef { number: at + 1 },
    };
    let layer = Layer { name: LayerName::parse("grid").unwrap(), levels: vec![level.clone()], scheme: None };
    let checked = check(&layer, vec![grids.iter().enumerate().map(shape).collect()], &Rules { snap_m: 0.0, ..Rules::default() });
    LayerIndex::build(Arc::new(checked.coverage.unwrap_or_else(|| panic!("{:?}", checked.problems))), Search::default())
}

/// Moves the district so that its south-western corner comes to lie at `to`, or as near as it fits: up to 10 m from the antimeridian and
/// 1 km from a pole.
fn moved(grids: &[(String, MultiPolygon<f64>)], to: Option<(f64, f64)>) -> Vec<(String, MultiPolygon<f64>)> {
    let Some(to) = to else { return grids.to_vec() };
    let all = bounds(grids);
    let corner = Coord { x: to.0.min(179.999_9 - all.width()), y: to.1.max(-89.99).min(89.99 - all.height()) };
    let step = |c: Coord<f64>| c - all.min() + corner;
    grids.iter().map(|(code, shape)| (code.clone(), shape.map_coords(step))).collect()
}

fn bounds(grids: &[(String, MultiPolygon<f64>)]) -> Rect<f64> {
    MultiPolygon(grids.iter().flat_map(|(_, shape)| shape.0.clone()).collect()).bounding_rect().unwrap()
}

/// Asks at points of the whole rectangle, on vertices, and a few metres beside them; returns what was answered for whom.
fn ask(index: &LayerIndex, grids: &[(String, MultiPolygon<f64>)], rng: &mut StdRng) -> Vec<serde_json::Value> {
    let (all, arcs) = (bounds(grids), index.coverage().arcs());
    let ids: Vec<_> = arcs.ids().collect();
    let mut rows = Vec::new();
    for at in 0..POINTS {
        let mut any = |size: f64| Coord { x: rng.random_range(-size..size), y: rng.random_range(-size..size) };
        let (beside, within) = (any(2e-4), any(1.0));
        let vertex = arcs.coords(ids[rng.random_range(0..ids.len())])[0];
        let (lon, lat) = match at % 4 {
            0 => (vertex.x, vertex.y),
            1 => ((vertex.x + beside.x).clamp(-180.0, 180.0), vertex.y + beside.y),
            _ => (all.center().x + within.x * all.width() / 2.0, all.center().y + within.y * all.height() / 2.0),
        };
        let located = index.locate(Position { lon, lat }, 0, DOUBT_M);
        let own = located.unit.zip(located.distance_to_border_m);
        let others = located.alternatives.iter().chain(&located.nearest).map(|other| (other.unit, other.distance_m));
        rows.extend(own.into_iter().chain(others).filter(|(_, m)| *m <= NEAR_M).map(|(unit, m)| json!([lon, lat, unit.0, m])));
    }
    rows
}

#[test]
fn distances_agree_with_geographiclib_to_a_millimetre() {
    let Some(python) = python_with("geographiclib") else { return };
    let (grids, mut rng) = (grids(), StdRng::seed_from_u64(1));
    for place in PLACES {
        let grids = moved(&grids, place);
        let index = index(&grids);
        let mut rows = ask(&index, &grids, &mut rng);
        rows.truncate(ROWS_MAX);
        assert!(rows.len() > POINTS, "{place:?}: {} rows", rows.len());
        let level = &index.coverage().levels()[0];
        let rings =
            |unit| level.rings(unit).map(|ring| index.coverage().to_ring(ring).iter().map(|c| [c.x, c.y]).collect::<Vec<_>>()).collect();
        let units: Vec<Vec<Vec<[f64; 2]>>> = level.indices().map(rings).collect();
        let file = tempfile::NamedTempFile::with_suffix(".json").unwrap();
        serde_json::to_writer(&file, &json!({ "units": units, "rows": rows })).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/geodesic_distances.py");
        let output = Command::new(&python).arg(script).arg(file.path()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{told}");
        let worst_m: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
        println!("{place:?}: differs by {worst_m} m: {told}");
        assert!(worst_m <= AGREEMENT_M, "{place:?}: {worst_m} m: {told}");
    }
}
