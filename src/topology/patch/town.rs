//! Made-up layers that change at random, for tests: a raster of cells that belong to units, its corners moved a little.
//!
//! Units come out with holes, enclaves and several parts, touch in corners, end, begin, split and merge.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use crate::boundary::{Accepted, FeatureRef, Layer, LayerName, Level, Properties, Unit, UnitCode, UnitId, UnitShape, Validity};
use crate::topology::{Checked, LevelDelta, Rules, check};

/// District, community, grid.
const DEPTHS: usize = 3;

/// Columns and rows of cells.
pub(crate) const SIDE: usize = 7;

/// Degrees between corners.
pub(crate) const STEP: f64 = 0.01;

/// Column and row.
type Corner = (usize, usize);

#[derive(Clone)]
pub(crate) struct Town {
    rng: ChaCha8Rng,
    /// The community and the grid of each cell. A grid lies in one community.
    cells: Vec<(Option<u16>, Option<u16>)>,
    /// By how many hundredths of a step each corner is moved.
    moves: Vec<(i8, i8)>,
    /// Names of grids, which change without their geometry.
    names: Vec<u16>,
    next_label: u16,
}

impl Town {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let moves = (0..(SIDE + 1) * (SIDE + 1)).map(|_| random_move(&mut rng)).collect();
        let blocks = [1, 2, 2, 3][rng.random_range(0..4)];
        let cells = (0..SIDE * SIDE).map(|cell| {
            let (x, y) = (cell % SIDE, cell / SIDE);
            let community = u16::try_from(x / 4 * 2 + y / 4).unwrap();
            let grid = u16::try_from(10 + (x / blocks) * SIDE + y / blocks).unwrap() + 100 * community;
            (Some(community), Some(grid))
        });
        let mut town = Self { cells: cells.collect(), moves, names: vec![0; 4096], next_label: 1000, rng };
        for _ in 0..town.rng.random_range(0..8) {
            town.edit();
        }
        town
    }

    /// Changes something at random.
    pub(crate) fn edit(&mut self) {
        let cell = self.rng.random_range(0..self.cells.len());
        let other = self.rng.random_range(0..self.cells.len());
        let beside = if cell % SIDE > 0 { cell - 1 } else { cell + 1 };
        let (community, grid) = self.cells[cell];
        match self.rng.random_range(0..14) {
            0..4 => {
                let corner = self.rng.random_range(0..self.moves.len());
                self.moves[corner] = random_move(&mut self.rng);
            }
            4..7 => self.cells[cell] = self.cells[beside],
            7 => self.cells[cell] = self.cells[other],
            8 => self.cells[cell] = (community.or(Some(0)), Some(self.new_label())),
            9 => self.cells[cell].1 = None,
            10 => self.cells[cell] = (None, None),
            11 => self.names[usize::from(grid.unwrap_or(0))] += 1,
            12 => {
                let to = if self.rng.random() { self.cells[other].0 } else { Some(self.new_label()) };
                self.cells.iter_mut().filter(|cell| grid.is_some() && cell.1 == grid).for_each(|cell| cell.0 = to.or(cell.0));
            }
            _ => {
                // The grid of one cell takes all cells of another's.
                let (into, from) = (self.cells[cell], self.cells[beside].1);
                if into.1.is_some() {
                    self.cells.iter_mut().filter(|cell| from.is_some() && cell.1 == from).for_each(|cell| *cell = into);
                }
            }
        }
    }

    fn new_label(&mut self) -> u16 {
        self.next_label += 1;
        self.next_label
    }

    /// Returns the shapes of all levels, rings starting anywhere.
    pub(crate) fn shapes(&mut self) -> Vec<Vec<UnitShape>> {
        let mut all = Vec::new();
        for depth in 0..DEPTHS {
            let labels: Vec<Option<u16>> = self
                .cells
                .iter()
                .map(|(community, grid)| match depth {
                    0 => community.map(|_| 0),
                    1 => *community,
                    _ => *grid,
                })
                .collect();
            let mut distinct: Vec<u16> = labels.iter().flatten().copied().collect();
            distinct.sort_unstable();
            distinct.dedup();
            all.push(distinct.into_iter().map(|label| self.shape(depth, label, &labels)).collect());
        }
        all
    }

    fn shape(&mut self, depth: usize, label: u16, labels: &[Option<u16>]) -> UnitShape {
        let geometry = self.geometry(label, labels);
        let at = labels.iter().position(|other| *other == Some(label)).unwrap();
        let parent = match depth {
            0 => None,
            1 => Some(code(0, 0)),
            _ => Some(code(1, self.cells[at].0.unwrap())),
        };
        let unit = Unit {
            id: UnitId(Uuid::from_u128(u128::from(label) * 0x9e37_79b9_7f4a_7c15)),
            code: code(depth, label),
            name: if depth == 2 { self.names[usize::from(label)].to_string() } else { String::new() },
            level: layer().levels[depth].clone(),
            parent,
            properties: Properties::new(),
            validity: Validity { from: jiff::Timestamp::UNIX_EPOCH, to: None },
        };
        UnitShape { unit, geometry, source: FeatureRef { number: usize::from(label) } }
    }

    fn corner(&self, x: usize, y: usize) -> Coord<f64> {
        let (dx, dy) = self.moves[y * (SIDE + 1) + x];
        let place = |at: usize, moved: i8| (at as f64 + f64::from(moved) / 100.0) * STEP;
        Coord { x: place(x, dx), y: place(y, dy) }
    }

    /// Walks around the cells of a unit with the cells on the left.
    fn geometry(&mut self, label: u16, labels: &[Option<u16>]) -> MultiPolygon<f64> {
        let is_own = |x: usize, y: usize| x < SIDE && y < SIDE && labels[y * SIDE + x] == Some(label);
        // Edges by the corner where they start, and the direction: east, north, west, south.
        let mut edges: Vec<(Corner, usize)> = Vec::new();
        for y in 0..SIDE {
            for x in 0..SIDE {
                if is_own(x, y) {
                    let beyond = [(x, y.wrapping_sub(1)), (x + 1, y), (x, y + 1), (x.wrapping_sub(1), y)];
                    let starts = [(x, y), (x + 1, y), (x + 1, y + 1), (x, y + 1)];
                    edges.extend((0..4).filter(|side| !is_own(beyond[*side].0, beyond[*side].1)).map(|side| (starts[side], side)));
                }
            }
        }
        let (mut shells, mut holes) = (Vec::new(), Vec::new());
        while let Some(mut edge) = edges.pop() {
            let mut ring = vec![edge.0];
            loop {
                let ((x, y), direction) = edge;
                let to = [(x + 1, y), (x, y.wrapping_add(1)), (x.wrapping_sub(1), y), (x, y.wrapping_sub(1))][direction];
                // At a corner where cells only touch the walk turns left and stays with its cell.
                let next = [1, 0, 3].iter().find_map(|turn| edges.iter().position(|edge| *edge == (to, (direction + turn) % 4)));
                let Some(next) = next.filter(|_| to != ring[0] || edges.iter().any(|edge| edge.0 == to && ring.len() < 4)) else { break };
                edge = edges.swap_remove(next);
                ring.push(edge.0);
            }
            if doubled_area(&ring) > 0 { shells.push(ring) } else { holes.push(ring) }
        }
        let mut polygons: Vec<(Vec<Corner>, Vec<LineString<f64>>)> = shells.into_iter().map(|shell| (shell, Vec::new())).collect();
        for hole in holes {
            // Of the shells around the hole the one with the smallest area.
            let inner = cell_beside(&hole);
            let around = polygons.iter_mut().filter(|(shell, _)| encloses(shell, inner)).min_by_key(|(shell, _)| doubled_area(shell));
            around.unwrap().1.push(self.line(&hole));
        }
        polygons.into_iter().map(|(shell, holes)| Polygon::new(self.line(&shell), holes)).collect()
    }

    fn line(&mut self, ring: &[Corner]) -> LineString<f64> {
        let start = self.rng.random_range(0..ring.len());
        (0..ring.len()).map(|at| ring[(start + at) % ring.len()]).map(|(x, y)| self.corner(x, y)).collect()
    }
}

fn random_move(rng: &mut impl Rng) -> (i8, i8) {
    (rng.random_range(-20..=20), rng.random_range(-20..=20))
}

fn doubled_area(ring: &[Corner]) -> i64 {
    let at = |at: usize| (i64::try_from(ring[at % ring.len()].0).unwrap(), i64::try_from(ring[at % ring.len()].1).unwrap());
    (0..ring.len()).map(|i| at(i).0 * at(i + 1).1 - at(i + 1).0 * at(i).1).sum()
}

/// The middle of the cell on the right of a ring's first edge, in halves.
fn cell_beside(ring: &[Corner]) -> (i64, i64) {
    let whole = |(x, y): (usize, usize)| (i64::try_from(x).unwrap(), i64::try_from(y).unwrap());
    let (a, b) = (whole(ring[0]), whole(ring[1]));
    (a.0 + b.0 + (b.1 - a.1), a.1 + b.1 - (b.0 - a.0))
}

fn encloses(ring: &[Corner], (x, y): (i64, i64)) -> bool {
    let twice = |at: usize| {
        let (x, y) = ring[at % ring.len()];
        (2 * i64::try_from(x).unwrap(), 2 * i64::try_from(y).unwrap())
    };
    let crossed = (0..ring.len()).filter(|at| {
        let (a, b) = (twice(*at), twice(at + 1));
        a.0 == b.0 && a.0 > x && a.1.min(b.1) < y && y < a.1.max(b.1)
    });
    crossed.count() % 2 == 1
}

/// Codes are not in the order of labels, so that newcomers stand anywhere among them.
fn code(depth: usize, label: u16) -> UnitCode {
    UnitCode::parse(&format!("{depth}{:05}", u32::from(label) * 7_919 % 100_003)).unwrap()
}

pub(crate) fn layer() -> Layer {
    let levels = ["district", "community", "grid"].map(|level| Level::parse(level).unwrap()).to_vec();
    Layer { name: LayerName::parse("grid").unwrap(), levels, scheme: None }
}

pub(crate) fn check_all(shapes: Vec<Vec<UnitShape>>, accepted: Accepted) -> Checked {
    check(&layer(), shapes, &Rules { snap_m: 0.0, accepted, ..Rules::default() })
}

/// What differs between two states. A unit is the same where its words and its rings are, wherever these start.
pub(crate) fn delta(before: &[Vec<UnitShape>], after: &[Vec<UnitShape>]) -> Vec<LevelDelta> {
    before
        .iter()
        .zip(after)
        .map(|(before, after)| {
            let is_in = |shape: &UnitShape, list: &[UnitShape]| {
                list.iter().any(|other| other.unit == shape.unit && is_same(&other.geometry, &shape.geometry))
            };
            LevelDelta {
                ended: before.iter().filter(|shape| !is_in(shape, after)).map(|shape| shape.unit.code.clone()).collect(),
                begun: after.iter().filter(|shape| !is_in(shape, before)).cloned().collect(),
            }
        })
        .collect()
}

fn is_same(a: &MultiPolygon<f64>, b: &MultiPolygon<f64>) -> bool {
    let rings = |geometry: &MultiPolygon<f64>| -> Vec<Vec<(u64, u64)>> {
        let lines = geometry.iter().flat_map(|polygon| std::iter::once(polygon.exterior()).chain(polygon.interiors()));
        lines
            .map(|line| {
                let open: Vec<(u64, u64)> = line.0[1..].iter().map(|c| (c.x.to_bits(), c.y.to_bits())).collect();
                (0..open.len()).map(|at| [&open[at..], &open[..at]].concat()).min().unwrap()
            })
            .collect()
    };
    rings(a) == rings(b)
}
