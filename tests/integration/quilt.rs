//! A made-up coverage of three levels with jagged borders, for tests that need many neighbours and no file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use gridkeeper::boundary::{Layer, LayerName, Level, Unit, UnitCode, UnitId, UnitShape, Validity};
use gridkeeper::topology::{Rules, ValidCoverage, check};
use jiff::Timestamp;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

/// Grids along each side of a community.
const GRIDS_PER_COMMUNITY: usize = 4;

/// Steps into which each border between two corners is cut.
const STEPS: usize = 12;

type Corner = (usize, usize);

/// The borders of a square of cells, each drawn once.
struct Borders {
    side: usize,
    rng: ChaCha8Rng,
    corners: BTreeMap<Corner, Coord<f64>>,
    lines: BTreeMap<(Corner, Corner), Vec<Coord<f64>>>,
}

/// Makes a district of `side` × `side` grids; `side` is a multiple of four.
pub fn coverage(seed: u64, side: usize) -> ValidCoverage {
    let mut borders = Borders { side, rng: ChaCha8Rng::seed_from_u64(seed), corners: BTreeMap::new(), lines: BTreeMap::new() };
    let layer = Layer {
        name: LayerName::parse("grid").unwrap(),
        levels: ["district", "community", "grid"].map(|level| Level::parse(level).unwrap()).to_vec(),
        scheme: None,
    };
    let blocks = |step: usize| (0..side).step_by(step).flat_map(move |x| (0..side).step_by(step).map(move |y| (x, y)));
    let community = |x: usize, y: usize| format!("431102001{:02}{:02}", x / GRIDS_PER_COMMUNITY, y / GRIDS_PER_COMMUNITY);
    let mut district = vec![shape(&mut borders, "district", "431102", None, (0, 0), side)];
    let communities: Vec<UnitShape> = blocks(GRIDS_PER_COMMUNITY)
        .map(|(x, y)| shape(&mut borders, "community", &community(x, y), Some("431102"), (x, y), GRIDS_PER_COMMUNITY))
        .collect();
    let grids: Vec<UnitShape> = blocks(1)
        .map(|(x, y)| {
            let parent = community(x, y);
            let code = format!("{parent}{:03}", x % GRIDS_PER_COMMUNITY * GRIDS_PER_COMMUNITY + y % GRIDS_PER_COMMUNITY);
            shape(&mut borders, "grid", &code, Some(&parent), (x, y), 1)
        })
        .collect();
    district[0].unit.name = "零陵区".into();
    let rules = Rules { snap_m: 0.0, ..Rules::default() };
    let checked = check(&layer, vec![district, communities, grids], &rules);
    checked.coverage.unwrap_or_else(|| panic!("the quilt is not seamless: {:?}", checked.problems))
}

fn shape(borders: &mut Borders, level: &str, code: &str, parent: Option<&str>, corner: Corner, cells: usize) -> UnitShape {
    let unit = Unit {
        id: UnitId(Uuid::from_u64_pair(borders.rng.random(), borders.rng.random())),
        name: format!("第{code}格"),
        code: UnitCode::parse(code).unwrap(),
        level: Level::parse(level).unwrap(),
        parent: parent.map(|parent| UnitCode::parse(parent).unwrap()),
        properties: serde_json::Map::new(),
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    let ring = borders.ring(corner, cells);
    let geometry = MultiPolygon(vec![Polygon::new(LineString(ring), Vec::new())]);
    UnitShape { unit, geometry, source: gridkeeper::boundary::FeatureRef::default() }
}

impl Borders {
    fn corner(&mut self, at: Corner) -> Coord<f64> {
        // Cells of about 300 m, each corner off by up to a sixth.
        let mut off = || self.rng.random_range(-0.0005..0.0005);
        let coord = Coord { x: 111.6 + 0.003 * at.0 as f64 + off(), y: 26.2 + 0.003 * at.1 as f64 + off() };
        *self.corners.entry(at).or_insert(coord)
    }

    /// Returns the border between two neighbouring corners, the later one left out.
    fn line(&mut self, from: Corner, to: Corner) -> Vec<Coord<f64>> {
        let key = if from < to { (from, to) } else { (to, from) };
        if !self.lines.contains_key(&key) {
            let line = self.new_line(key.0, key.1);
            self.lines.insert(key, line);
        }
        let mut line = self.lines[&key].clone();
        if from > to {
            line.reverse();
        }
        line.pop();
        line
    }

    fn new_line(&mut self, from: Corner, to: Corner) -> Vec<Coord<f64>> {
        let (a, b) = (self.corner(from), self.corner(to));
        let across = Coord { x: a.y - b.y, y: b.x - a.x };
        let mut line = vec![a];
        for step in 1..STEPS {
            let t = step as f64 / STEPS as f64;
            // Narrower towards the ends, so that the borders of a corner keep apart.
            let room = 0.25 * t.min(1.0 - t);
            let off = self.rng.random_range(-room..room);
            line.push(Coord { x: a.x + (b.x - a.x) * t + across.x * off, y: a.y + (b.y - a.y) * t + across.y * off });
        }
        line.push(b);
        line
    }

    /// Returns the closed ring around a square of cells, counter-clockwise.
    fn ring(&mut self, (x, y): Corner, cells: usize) -> Vec<Coord<f64>> {
        debug_assert!(x + cells <= self.side && y + cells <= self.side);
        let mut corners = Vec::new();
        corners.extend((0..cells).map(|at| (x + at, y)));
        corners.extend((0..cells).map(|at| (x + cells, y + at)));
        corners.extend((0..cells).map(|at| (x + cells - at, y + cells)));
        corners.extend((0..cells).map(|at| (x, y + cells - at)));
        corners.push((x, y));
        let mut ring: Vec<Coord<f64>> = corners.windows(2).flat_map(|pair| self.line(pair[0], pair[1])).collect();
        ring.push(ring[0]);
        ring
    }
}
