//! The sample district's grids as a checked layer, for what measures and compares lookups.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use gridkeeper::boundary::{FeatureRef, Layer, LayerName, Level, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use gridkeeper::import::Crs;
use gridkeeper::sample::{District, Settings};
use gridkeeper::topology::{Rules, ValidCoverage, check};
use jiff::Timestamp;
use uuid::Uuid;

/// The seed of the district, and of the points that are asked.
pub const SEED: u64 = 1;

/// Makes a layer of one level.
pub fn make_coverage(grids: usize) -> ValidCoverage {
    let district = District::generate(Settings { seed: SEED, grids, incidents: 0 }).unwrap();
    let crs = Crs::parse("EPSG:4546").unwrap();
    let level = Level::parse("grid").unwrap();
    let ring = |ring: &Vec<Coord<f64>>| {
        let mut coords = ring.clone();
        crs.all_to_wgs84(&mut coords).unwrap();
        LineString(coords)
    };
    let polygon = |rings: &Vec<Vec<Coord<f64>>>| Polygon::new(ring(&rings[0]), rings[1..].iter().map(ring).collect());
    let shapes = district.grids.iter().enumerate().map(|(at, grid)| UnitShape {
        unit: Unit {
            id: UnitId(Uuid::from_u128(at as u128)),
            code: UnitCode::parse(&grid.code).unwrap(),
            name: grid.name.clone(),
            level: level.clone(),
            parent: None,
            properties: Properties::new(),
            validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
        },
        geometry: MultiPolygon(grid.polygons.iter().map(polygon).collect()),
        source: FeatureRef { number: at + 1 },
    });
    let layer = Layer { name: LayerName::parse("grid").unwrap(), levels: vec![level.clone()], scheme: None };
    check(&layer, vec![shapes.collect()], &Rules::default()).coverage.unwrap()
}

/// Returns a change of the layer that moves one vertex between two grids a little.
#[allow(dead_code, reason = "not all who include this file edit")]
pub fn nudge(coverage: &ValidCoverage) -> Option<(gridkeeper::topology::LevelDelta, gridkeeper::boundary::Accepted)> {
    let arcs = coverage.arcs();
    let middle = arcs.ids().skip(arcs.len() / 2);
    let (arc, sides) = middle
        .map(|arc| (arc, arcs.sides(arc, 0)))
        .find(|(arc, sides)| sides.left.is_some() && sides.right.is_some() && arcs.coords(*arc).len() > 4)?;
    let coords = arcs.coords(arc);
    let at = coords[coords.len() / 2];
    let moved = Coord { x: at.x + (coords[1].x - coords[0].x) * 0.01, y: at.y + (coords[1].y - coords[0].y) * 0.01 };
    let level = &coverage.levels()[0];
    let mut delta = gridkeeper::topology::LevelDelta::default();
    for unit in [sides.left?, sides.right?] {
        let mut geometry = coverage.to_geometry(0, unit);
        geo::MapCoordsInPlace::map_coords_in_place(&mut geometry, |c| if c == at { moved } else { c });
        delta.ended.push(level.unit(unit).code.clone());
        delta.begun.push(UnitShape { unit: level.unit(unit).clone(), geometry, source: FeatureRef::default() });
    }
    Some((delta, coverage.accepted()))
}
