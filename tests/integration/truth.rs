//! Owners against tables that GEOS made of the same boundaries.
//!
//! Where the point is farther from a border than a millimetre and what the repair moved, the owner is the zone of the table;
//! nearer, it is one of the zones that touch there.

use std::collections::HashMap;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use flate2::read::GzDecoder;
use gridkeeper::boundary::{Accepted, Layer, LayerName, Level, Position};
use gridkeeper::import::{Crs, FieldChoice, ReadOptions, read_boundaries};
use gridkeeper::index::{LayerIndex, Search, Status};
use gridkeeper::topology::{Rules, check};
use rayon::prelude::*;

use crate::support::shared;

struct Zones {
    index: LayerIndex,
    moved_m: f64,
}

fn load(file: &str, code_field: &str, accepted: Accepted) -> Option<Zones> {
    let path = shared(&format!("data/{file}"))?;
    let fields = FieldChoice { code: Some(code_field.into()), ..FieldChoice::default() };
    let options = ReadOptions { crs: Some(Crs::WGS84), fields, ..ReadOptions::default() };
    let level = Level::parse("zone").unwrap();
    let layer = Layer { name: LayerName::parse("zones").unwrap(), levels: vec![level.clone()], scheme: None };
    let mut boundaries = read_boundaries(&path, &options, &|_| {}).unwrap();
    for feature in &mut boundaries.features {
        feature.code = feature.code.take().map(|code| to_code(&code));
    }
    let (shapes, _) = boundaries.into_shapes(&layer, &level);
    let checked = check(&layer, vec![shapes], &Rules { accepted, ..Rules::default() });
    let moved_m = checked.moves.iter().map(|moved| moved.distance_m).fold(0.0, f64::max);
    let coverage = checked.coverage.unwrap_or_else(|| panic!("{file}: {:?}", checked.problems));
    Some(Zones { index: LayerIndex::build(Arc::new(coverage), Search::default()), moved_m })
}

/// A code is one word; some zones are called `Precinct 12`.
fn to_code(zone: &str) -> String {
    zone.replace(' ', "_")
}

fn rows(file: &str) -> Vec<HashMap<String, String>> {
    let path = shared(&format!("data/{file}")).unwrap();
    let mut text = Vec::new();
    GzDecoder::new(std::fs::File::open(Path::new(&path)).unwrap()).read_to_end(&mut text).unwrap();
    csv::Reader::from_reader(&text[..]).deserialize().map(Result::unwrap).collect()
}

/// Compares each point of a table with its owner, and returns how many were compared.
fn agree(file: &str, code_field: &str, points: &str, truth: &str, accepted: Accepted) {
    let Some(zones) = load(file, code_field, accepted) else { return };
    let places: HashMap<String, HashMap<String, String>> = rows(points).into_iter().map(|row| (row["id"].clone(), row)).collect();
    let truth = rows(truth);
    let wrong: Vec<String> = truth.par_iter().filter_map(|row| differs(&zones, &places[&row["id"]], row)).collect();
    assert!(wrong.is_empty(), "{file}: {} of {} differ, such as {:?}", wrong.len(), truth.len(), &wrong[..wrong.len().min(5)]);
}

fn differs(zones: &Zones, place: &HashMap<String, String>, truth: &HashMap<String, String>) -> Option<String> {
    let (Ok(lon), Ok(lat)) = (place["lon"].parse(), place["lat"].parse()) else {
        return (!truth["zones"].is_empty()).then(|| format!("{truth:?} has no position"));
    };
    let position = Position { lon, lat };
    let owner = zones.index.owner(position, 0);
    let code = owner.unit.map(|unit| zones.index.coverage().levels()[0].unit(unit).code.to_string());
    // The table has no distance where the border is 50 m away or more.
    let edge_m: f64 = truth["edge_m"].parse().unwrap_or(f64::INFINITY);
    let zone_codes = to_code(&truth["zones"]);
    let listed: Vec<&str> = zone_codes.split('|').filter(|zone| !zone.is_empty()).collect();
    let is_near = edge_m <= 0.001 + zones.moved_m;
    let is_right = match &code {
        // Where zones overlap the table lists all of them, and the smallest code answers.
        Some(code) if owner.status == Status::Overlap => listed.contains(&code.as_str()),
        Some(code) if is_near => listed.is_empty() || listed.contains(&code.as_str()) || is_within(zones, position, code),
        Some(code) => listed == [code.as_str()],
        None => listed.is_empty() || is_near,
    };
    (!is_right).then(|| format!("{position:?}: {code:?}, but {listed:?} at {edge_m} m"))
}

/// Whether the owner's border is as near as the border of the table: a table lists only zones that hold the point themselves.
fn is_within(zones: &Zones, position: Position, code: &str) -> bool {
    let located = zones.index.locate(position, 0, 1.0);
    let owner = located.unit.map(|unit| zones.index.coverage().levels()[0].unit(unit).code.to_string());
    owner.as_deref() == Some(code) && located.distance_to_border_m.is_some_and(|m| m <= 0.001 + zones.moved_m)
}

const CLEAN: Accepted = Accepted { overlap: false, gap: false, nesting: false };
const DIRTY: Accepted = Accepted { overlap: true, gap: true, nesting: true };
const GAPS: Accepted = Accepted { overlap: false, gap: true, nesting: false };

#[test]
fn service_requests_of_washington_lie_in_the_zones_that_geos_finds() {
    let points = "dc/incidents_311_2016.csv.gz";
    agree("dc/smd_2013.geojson.gz", "SMD_ID", points, "dc/truth/incidents_311__smd_2013.csv.gz", CLEAN);
    agree("dc/psa.geojson.gz", "PSA", points, "dc/truth/incidents_311__psa.csv.gz", CLEAN);
    agree("dc/wards_2012.geojson.gz", "WARD", points, "dc/truth/incidents_311__wards_2012.csv.gz", CLEAN);
}

#[test]
fn requests_in_a_messy_layer_lie_in_the_zones_that_geos_finds() {
    let points = "dc/incidents_311_2016.csv.gz";
    agree("dc/voting_precincts_2012.geojson.gz", "NAME", points, "dc/truth/incidents_311__voting_precincts_2012.csv.gz", DIRTY);
}

#[test]
fn crimes_of_washington_lie_in_the_zones_that_geos_finds() {
    agree("dc/smd_2013.geojson.gz", "SMD_ID", "dc/crime_2016.csv.gz", "dc/truth/crime__smd_2013.csv.gz", CLEAN);
    agree("dc/psa.geojson.gz", "PSA", "dc/crime_2016.csv.gz", "dc/truth/crime__psa.csv.gz", CLEAN);
}

#[test]
fn taxis_of_shenzhen_are_in_the_cells_that_geos_finds() {
    let points = "cn_shenzhen/taxi_events.csv.gz";
    agree("cn_shenzhen/grid.geojson.gz", "cell", points, "cn_shenzhen/truth/taxi_events__grid.csv.gz", GAPS);
    agree("cn_shenzhen/districts.geojson.gz", "qh", points, "cn_shenzhen/truth/taxi_events__districts.csv.gz", GAPS);
}

/// Each vertex of a clean coverage has exactly one owner, which is one of the zones that touch there.
fn vertices_agree(file: &str, code_field: &str, truth: &str, accepted: Accepted) {
    let Some(zones) = load(file, code_field, accepted) else { return };
    let wrong: Vec<String> = rows(truth)
        .par_iter()
        .filter_map(|row| {
            let position = Position { lon: row["x"].parse().unwrap(), lat: row["y"].parse().unwrap() };
            let owner = zones.index.owner(position, 0);
            let code = owner.unit.map(|unit| zones.index.coverage().levels()[0].unit(unit).code.to_string());
            let is_right = match &code {
                Some(code) => row["zones"].split('|').any(|zone| zone == code) || is_within(&zones, position, code),
                // Where the repair moved the vertex away, the point may lie outside by as much.
                None => zones.moved_m > 0.0 && zones.index.nearest(position, 0).is_some_and(|n| n.distance_m <= 0.001 + zones.moved_m),
            };
            (!is_right).then(|| format!("{position:?}: {owner:?} {code:?}, but {}", row["zones"]))
        })
        .collect();
    assert!(wrong.is_empty(), "{file}: {} differ, such as {:?}", wrong.len(), &wrong[..wrong.len().min(5)]);
}

#[test]
fn every_vertex_has_one_owner_among_the_zones_that_touch_there() {
    vertices_agree("dc/smd_2013.geojson.gz", "SMD_ID", "dc/truth/vertices__smd_2013.csv.gz", CLEAN);
    vertices_agree("cn_shenzhen/grid.geojson.gz", "cell", "cn_shenzhen/truth/vertices__grid.csv.gz", GAPS);
    vertices_agree("cn_hunan/counties.geojson.gz", "adcode", "cn_hunan/truth/vertices__counties.csv.gz", GAPS);
    vertices_agree("cn_beijing/subdistricts.geojson.gz", "code", "cn_beijing/truth/vertices__subdistricts.csv.gz", DIRTY);
}
