//! A town of units with about forty vertices each: squares with jagged borders, which neighbours share to the bit, nested in
//! communities of eight by eight and one district.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use gridkeeper::boundary::{FeatureRef, Layer, LayerName, Level, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use jiff::Timestamp;
use uuid::Uuid;

/// Grids along a side of a community.
pub const BLOCK: usize = 8;

/// Edges of each border between two corners, so that a unit has forty vertices.
const EDGES: usize = 10;

/// Degrees between corners, about 100 m.
const STEP: f64 = 0.001;

pub fn layer() -> Layer {
    let levels = ["district", "community", "grid"].map(|level| Level::parse(level).unwrap()).to_vec();
    Layer { name: LayerName::parse("grid").unwrap(), levels, scheme: None }
}

/// A square of cells with jagged borders.
pub struct Town {
    /// Units along a side.
    pub side: usize,
    /// Corners that lie a little elsewhere.
    pub moved: Vec<(usize, usize)>,
}

impl Town {
    pub fn shapes(&self) -> Vec<Vec<UnitShape>> {
        let blocks = self.side / BLOCK;
        let district = shape("district", "431102", None, 0, self.outline(0, 0, self.side, self.side));
        let community = |at: usize| {
            let geometry = self.outline(at % blocks * BLOCK, at / blocks * BLOCK, BLOCK, BLOCK);
            shape("community", &community_code(at), Some("431102"), at, geometry)
        };
        vec![vec![district], (0..blocks * blocks).map(community).collect(), (0..self.side * self.side).map(|at| self.grid(at)).collect()]
    }

    pub fn grid(&self, at: usize) -> UnitShape {
        let (x, y) = (at % self.side, at / self.side);
        let parent = community_code(y / BLOCK * (self.side / BLOCK) + x / BLOCK);
        let code = format!("{parent}{:02}", y % BLOCK * BLOCK + x % BLOCK);
        shape("grid", &code, Some(&parent), at, self.outline(x, y, 1, 1))
    }

    /// Whether a grid has a corner.
    pub fn is_at(&self, (x, y): (usize, usize), grid: usize) -> bool {
        let (column, row) = (grid % self.side, grid / self.side);
        (column == x || column + 1 == x) && (row == y || row + 1 == y)
    }

    pub fn outline(&self, x: usize, y: usize, columns: usize, rows: usize) -> MultiPolygon<f64> {
        let mut ring = Vec::with_capacity(2 * (columns + rows) * EDGES + 1);
        for at in 0..columns {
            self.push_border(&mut ring, (x + at, y), true, false);
        }
        for at in 0..rows {
            self.push_border(&mut ring, (x + columns, y + at), false, false);
        }
        for at in (0..columns).rev() {
            self.push_border(&mut ring, (x + at, y + rows), true, true);
        }
        for at in (0..rows).rev() {
            self.push_border(&mut ring, (x, y + at), false, true);
        }
        ring.push(ring[0]);
        Polygon::new(LineString(ring), Vec::new()).into()
    }

    /// Appends the vertices from one corner to the next east or north of it, or back, without the last.
    fn push_border(&self, ring: &mut Vec<Coord<f64>>, from: (usize, usize), is_eastward: bool, is_back: bool) {
        let to = if is_eastward { (from.0 + 1, from.1) } else { (from.0, from.1 + 1) };
        let (a, b) = (self.corner(from), self.corner(to));
        let vertex = |at: usize| {
            if at == 0 || at == EDGES {
                return if at == 0 { a } else { b };
            }
            let (share, off) = (at as f64 / EDGES as f64, 0.04 * STEP * noise(from.0, from.1, at + usize::from(is_eastward) * EDGES));
            let (x, y) = (a.x + share * (b.x - a.x), a.y + share * (b.y - a.y));
            if is_eastward { Coord { x, y: y + off } } else { Coord { x: x + off, y } }
        };
        if is_back {
            ring.extend((1..=EDGES).rev().map(vertex));
        } else {
            ring.extend((0..EDGES).map(vertex));
        }
    }

    fn corner(&self, (x, y): (usize, usize)) -> Coord<f64> {
        let moved = if self.moved.contains(&(x, y)) { 0.05 } else { 0.0 };
        let place = |at: usize, kind: usize| (at as f64 + 0.2 * noise(x, y, 1000 + kind) + moved) * STEP;
        Coord { x: 111.5 + place(x, 0), y: 26.0 + place(y, 1) }
    }
}

/// A number between -1 and 1 that only depends on what it is for.
fn noise(x: usize, y: usize, what: usize) -> f64 {
    let mut mixed = (x as u64) << 40 ^ (y as u64) << 20 ^ what as u64;
    for _ in 0..3 {
        mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    (mixed >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

fn community_code(at: usize) -> String {
    format!("431102{at:06}")
}

fn shape(level: &str, code: &str, parent: Option<&str>, number: usize, geometry: MultiPolygon<f64>) -> UnitShape {
    let mut properties = Properties::new();
    properties.insert("households".into(), number.into());
    let unit = Unit {
        id: UnitId(Uuid::from_u128(number as u128)),
        name: format!("第{number}格"),
        code: UnitCode::parse(code).unwrap(),
        level: Level::parse(level).unwrap(),
        parent: parent.map(|parent| UnitCode::parse(parent).unwrap()),
        properties,
        validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
    };
    UnitShape { unit, geometry, source: FeatureRef { number } }
}
