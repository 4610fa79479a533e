//! One small file for each rule that a boundary file can break: four grids of one community, with one thing wrong.

use serde_json::{Map, Value, json};

use super::write::NOTICE;
use crate::boundary::ProblemKind;

/// A file that breaks one rule.
#[derive(Clone, Debug)]
pub struct InvalidFile {
    /// The rule, as reports name it; none for a file that is right.
    pub kind: Option<ProblemKind>,
    /// The name of the file without its ending.
    pub name: &'static str,
    /// What is wrong, for people.
    pub what: &'static str,
    /// A GeoJSON feature collection.
    pub content: Value,
}

/// Whole millionths of a degree, longitude first. Decimals of so few digits are exact enough to lie on one line.
type Micro = (i64, i64);

/// The lower left corner and the side of the grids, which are about 200 m wide.
const CORNER: Micro = (111_618_000, 26_222_000);
const SIDE: i64 = 2_000;

const COMMUNITY: &str = "431102004001";

#[derive(Clone, Debug)]
struct Grid {
    properties: Map<String, Value>,
    geometry: Value,
}

/// Returns the files, that of the parents first.
///
/// `orphan`, `nesting` and `uncovered` show only beside the parents.
pub fn invalid_files() -> Vec<InvalidFile> {
    let broken =
        |kind: ProblemKind, what, grids: Vec<Grid>| InvalidFile { kind: Some(kind), name: kind.as_str(), what, content: to_json(grids) };
    let parents = vec![grid(COMMUNITY, "431102004", polygon(&[square(0, 0, 2)]))];
    vec![
        InvalidFile {
            kind: None,
            name: "parents",
            what: "the community of the grids; nothing is wrong with it",
            content: to_json(parents),
        },
        broken(ProblemKind::NoGeometry, "the fourth grid has no geometry", with(4, |g| g.geometry = Value::Null)),
        broken(
            ProblemKind::NotPolygon,
            "the fourth grid is a line",
            with(4, |g| g.geometry = json!({"type": "LineString", "coordinates": line(&square(1, 0, 1))})),
        ),
        broken(
            ProblemKind::Coordinate,
            "a latitude of the fourth grid is beyond the pole",
            with(4, |g| g.geometry = polygon(&[moved(1, 0, 2, (0, 70_000_000))])),
        ),
        broken(
            ProblemKind::Unclosed,
            "the ring of the fourth grid does not return to its start",
            with(4, |g| g.geometry = polygon(&[square(1, 0, 1)[..4].to_vec()])),
        ),
        broken(ProblemKind::TooFewPoints, "the ring of the fourth grid has two different points", with(4, too_few_points)),
        broken(ProblemKind::SelfCrossing, "the ring of the fourth grid crosses itself", with(4, |g| g.geometry = polygon(&[crossing()]))),
        broken(
            ProblemKind::Spike,
            "the ring of the fourth grid runs out and back along one line",
            with(4, |g| g.geometry = polygon(&[spike()])),
        ),
        broken(ProblemKind::RepeatedPoint, "the fourth grid has a point twice in a row", with(4, |g| g.geometry = polygon(&[repeated()]))),
        broken(
            ProblemKind::Hole,
            "the hole of the fourth grid lies outside it",
            with(4, |g| g.geometry = polygon(&[square(1, 0, 1), hole_outside()])),
        ),
        broken(ProblemKind::BadCode, "the fourth grid has an empty code", with(4, |g| set(g, "code", ""))),
        broken(
            ProblemKind::ForeignCode,
            "the code of the fourth grid does not fit the scheme of 15 digits",
            with(4, |g| set(g, "code", "LL-G004")),
        ),
        broken(ProblemKind::DuplicateCode, "the fourth grid has the code of the third", with(4, |g| set(g, "code", "431102004001003"))),
        broken(ProblemKind::Orphan, "the fourth grid names a community that is not there", with(4, orphan)),
        broken(
            ProblemKind::Nesting,
            "the fourth grid sticks 20 m out of its community",
            with(4, |g| g.geometry = polygon(&[moved_east(200)])),
        ),
        broken(
            ProblemKind::Uncovered,
            "20 m of the community at its eastern edge lie in no grid",
            with(4, |g| g.geometry = polygon(&[moved_east(-200)])),
        ),
        broken(ProblemKind::Overlap, "the fourth grid covers a triangle of the third", with(4, |g| g.geometry = polygon(&[notched(-300)]))),
        broken(
            ProblemKind::Gap,
            "between the third and the fourth grid a triangle lies in none",
            with(4, |g| g.geometry = polygon(&[notched(300)])),
        ),
        broken(
            ProblemKind::Sliver,
            "between the third and the fourth grid a triangle 0.2 m wide lies in none",
            with(4, |g| g.geometry = polygon(&[notched(2)])),
        ),
        broken(
            ProblemKind::UnmatchedEdge,
            "the fourth grid lacks a vertex that the third has on their border",
            with_third(third_with_middle()),
        ),
        broken(ProblemKind::Multipart, "the fourth grid has a second part", with(4, |g| g.geometry = two_parts())),
    ]
}

/// Returns the four grids, numbered as the standard has it: the northern row first, each row from the west.
fn grids() -> Vec<Grid> {
    [(0, 1), (1, 1), (0, 0), (1, 0)]
        .into_iter()
        .zip(1..)
        .map(|((column, row), number)| grid(&format!("{COMMUNITY}{number:03}"), COMMUNITY, polygon(&[square(column, row, 1)])))
        .collect()
}

fn with(number: usize, change: impl FnOnce(&mut Grid)) -> Vec<Grid> {
    let mut grids = grids();
    change(&mut grids[number - 1]);
    grids
}

fn with_third(ring: Vec<Micro>) -> Vec<Grid> {
    with(3, |grid| grid.geometry = polygon(&[ring]))
}

fn grid(code: &str, parent: &str, geometry: Value) -> Grid {
    let properties = json!({"code": code, "name": format!("示例{}", &code[code.len() - 3..]), "parent_code": parent, "synthetic": true, "notice": NOTICE});
    let Value::Object(properties) = properties else { unreachable!("the macro made an object") };
    Grid { properties, geometry }
}

fn set(grid: &mut Grid, field: &str, value: &str) {
    grid.properties.insert(field.into(), value.into());
}

fn orphan(grid: &mut Grid) {
    set(grid, "code", "431102004999004");
    set(grid, "parent_code", "431102004999");
}

fn too_few_points(grid: &mut Grid) {
    let ring = square(1, 0, 1);
    grid.geometry = polygon(&[vec![ring[0], ring[1], ring[0]]]);
}

/// A closed square, counter-clockwise from its lower left corner.
fn square(column: i64, row: i64, sides: i64) -> Vec<Micro> {
    let (west, south) = (CORNER.0 + column * SIDE, CORNER.1 + row * SIDE);
    let (east, north) = (west + sides * SIDE, south + sides * SIDE);
    vec![(west, south), (east, south), (east, north), (west, north), (west, south)]
}

fn moved(column: i64, row: i64, corner: usize, by: Micro) -> Vec<Micro> {
    let mut ring = square(column, row, 1);
    ring[corner] = (ring[corner].0 + by.0, ring[corner].1 + by.1);
    ring
}

/// The fourth grid with its south-eastern corner moved along its southern edge.
fn moved_east(by: i64) -> Vec<Micro> {
    moved(1, 0, 1, (by, 0))
}

/// The fourth grid, whose ring crosses itself once near its free corner.
fn crossing() -> Vec<Micro> {
    let ring = square(1, 0, 1);
    let (west, south) = ring[0];
    vec![ring[0], (west + 1_800, south + 1_200), (west + 1_800, south), (west + 1_000, south), ring[2], ring[3], ring[0]]
}

fn spike() -> Vec<Micro> {
    let mut ring = square(1, 0, 1);
    let corner = ring[1];
    ring.splice(2..2, [(corner.0 + 500, corner.1 - 500), corner]);
    ring
}

fn repeated() -> Vec<Micro> {
    let mut ring = square(1, 0, 1);
    ring.insert(1, ring[1]);
    ring
}

fn hole_outside() -> Vec<Micro> {
    square(4, 0, 1).into_iter().rev().collect()
}

/// The fourth grid, whose western edge bends in the middle: into the third, or away from it.
fn notched(by: i64) -> Vec<Micro> {
    let mut ring = square(1, 0, 1);
    ring.insert(4, (ring[3].0 + by, ring[3].1 - SIDE / 2));
    ring
}

fn third_with_middle() -> Vec<Micro> {
    let mut ring = square(0, 0, 1);
    ring.insert(2, (ring[1].0, ring[1].1 + SIDE / 2));
    ring
}

fn two_parts() -> Value {
    let parts = [square(1, 0, 1), square(3, 0, 1)];
    json!({"type": "MultiPolygon", "coordinates": parts.iter().map(|ring| vec![line(ring)]).collect::<Vec<_>>()})
}

fn polygon(rings: &[Vec<Micro>]) -> Value {
    json!({"type": "Polygon", "coordinates": rings.iter().map(|ring| line(ring)).collect::<Vec<_>>()})
}

fn line(ring: &[Micro]) -> Vec<[f64; 2]> {
    ring.iter().map(|&(lon, lat)| [lon as f64 / 1e6, lat as f64 / 1e6]).collect()
}

fn to_json(grids: Vec<Grid>) -> Value {
    let features: Vec<Value> =
        grids.into_iter().map(|grid| json!({"type": "Feature", "properties": grid.properties, "geometry": grid.geometry})).collect();
    json!({
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4490"}},
        "notice": NOTICE,
        "features": features,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_a_name_of_its_own() {
        let files = invalid_files();
        let names: std::collections::BTreeSet<&str> = files.iter().map(|file| file.name).collect();
        assert_eq!(names.len(), files.len());
    }
}
