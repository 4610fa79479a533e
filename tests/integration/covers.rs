//! PostGIS finds the owner among the units that cover a position.

use std::fmt::Write as _;
use std::sync::Arc;

use gridkeeper::boundary::Position;
use gridkeeper::export::geojson::write_geometry;
use gridkeeper::index::{LayerIndex, Search};
use gridkeeper::topology::UnitIndex;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio_postgres::NoTls;

use super::postgres::Scratch;
use super::quilt;
use super::searches::telling_positions;

/// The finest level of the quilt.
const DEPTH: usize = 2;

/// Nearer to a border than this, rounding decides what PostGIS says. Metres.
const TIE_M: f64 = 1e-6;

#[test]
fn postgis_covers_each_position_by_its_owner_and_by_no_other_unit() {
    let Some(scratch) = Scratch::create() else { return };
    let coverage = Arc::new(quilt::coverage(7, 16));
    let index = LayerIndex::build(Arc::clone(&coverage), Search::Raster);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let mut positions = telling_positions(&coverage);
    let on_borders = positions.len();
    let (first, last) = (positions[0], positions[on_borders - 1]);
    let mut between = |a: f64, b: f64| a + (b - a) * (1.4 * rng.random::<f64>() - 0.2);
    positions.extend((0..5_000).map(|_| Position { lon: between(first.lon, last.lon), lat: between(first.lat, last.lat) }));
    scratch.run("CREATE EXTENSION IF NOT EXISTS postgis");
    scratch.run(&tables(&index, &positions));

    let covering = covering(scratch.address(), positions.len());
    let (mut compared, mut ties) = (0, 0);
    for (position, covering) in positions.iter().zip(covering) {
        let located = index.locate(*position, DEPTH, TIE_M);
        let owner = located.unit.map(|unit| unit.0);
        let border_m = located.distance_to_border_m.or(located.nearest.map(|nearest| nearest.distance_m));
        if border_m.is_some_and(|border_m| border_m > TIE_M) {
            assert_eq!(covering, Vec::from_iter(owner), "{position:?}");
            compared += 1;
        } else if let Some(owner) = owner.filter(|_| !covering.is_empty()) {
            let others = located.alternatives.iter().map(|near| near.unit.0);
            let touching: Vec<u32> = others.chain([owner]).collect();
            assert!(covering.iter().all(|unit| touching.contains(unit)), "{position:?}: {covering:?}, and we find {touching:?}");
            ties += 1;
        }
    }
    assert!(compared > 5_000 && ties > on_borders / 4, "{compared} compared, {ties} ties");
}

/// The statements that put the units, each under its number, and the positions into tables.
fn tables(index: &LayerIndex, positions: &[Position]) -> String {
    let coverage = index.coverage();
    let mut sql = String::from("CREATE TABLE units (id integer, geom geometry); CREATE TABLE positions (id integer, geom geometry);");
    for (unit, _) in (0..).zip(coverage.levels()[DEPTH].units()) {
        let mut text = Vec::new();
        write_geometry(&mut text, &coverage.to_geometry(DEPTH, UnitIndex(unit))).unwrap();
        writeln!(sql, "INSERT INTO units VALUES ({unit}, ST_GeomFromGeoJSON('{}'));", String::from_utf8(text).unwrap()).unwrap();
    }
    for (number, positions) in (0..).zip(positions.chunks(1_000)) {
        let rows =
            positions.iter().zip(number * 1_000..).map(|(at, id)| format!("({id}, ST_SetSRID(ST_Point({}, {}), 4326))", at.lon, at.lat));
        writeln!(sql, "INSERT INTO positions VALUES {};", rows.collect::<Vec<_>>().join(",")).unwrap();
    }
    sql + "CREATE INDEX ON units USING gist (geom); ANALYZE"
}

/// Returns the units that cover each position, by their numbers.
fn covering(address: &str, count: usize) -> Vec<Vec<u32>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
        let driving = tokio::spawn(connection);
        let sql = "SELECT p.id, u.id FROM positions p JOIN units u ON ST_Covers(u.geom, p.geom) ORDER BY u.id";
        let mut covering = vec![Vec::new(); count];
        for row in client.query(sql, &[]).await.unwrap() {
            let (position, unit): (i32, i32) = (row.get(0), row.get(1));
            covering[usize::try_from(position).unwrap()].push(u32::try_from(unit).unwrap());
        }
        drop(client);
        driving.await.unwrap().unwrap();
        covering
    })
}
