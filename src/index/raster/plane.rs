use std::sync::Arc;

use geo_types::{Coord, Rect};
use rayon::prelude::*;

use super::block::{Block, Leaf};
use super::build::{self, build_tile, tile_cell};
use super::edges::{Cover, Edge, Label, Run};
use super::exact::{Borders, Doubtful, Place};
use super::frame::{CELL_BITS, Cell, Fixed, Frame, TILE, TILE_BITS};
use super::mesh::Mesh;
use super::names::{Labels, Names};
use super::probe::probe;
use super::record::{ArcWords, LABEL_MASK, RECORD, Record};
use super::simd::{self, Path};
use crate::boundary::Position;
use crate::index::MaybeUnit;
use crate::topology::{ArcId, ArcStore, LevelChanges, UnitIndex};

/// Tiles that are made before they are put together: enough for all cores, and what waits is small beside the whole.
const TILES_AT_ONCE: usize = 4096;

/// A raster is built anew where more than one tile of so many has changed, so that not much of it is out of use.
const CHANGED_SHARE_MIN: usize = 4;

/// The level's plane in cells. A cell that no border touches knows its unit; others know the border in them.
#[derive(Clone, Debug)]
pub(in crate::index) struct Raster {
    frame: Frame,
    /// The depth of its level.
    depth: usize,
    /// How records name arcs.
    arc_words: ArcWords,
    /// All tiles as they were built, shared with the rasters made from this one.
    base: Arc<Block>,
    /// The tiles that have changed since.
    changed: Changed,
    names: Names,
}

/// What a raster is made of.
#[derive(Clone, Copy)]
pub(in crate::index) struct Ground<'a> {
    pub arcs: &'a ArcStore,
    /// The depth of the level.
    pub depth: usize,
    /// How many units the level has.
    pub units: usize,
    /// Whether units may cover a place together.
    pub has_overlaps: bool,
    /// The units that cover a shifted point.
    pub covering: &'a (dyn Fn(Coord<f64>) -> Vec<UnitIndex> + Sync),
}

/// What has changed since a raster was made.
#[derive(Clone, Copy)]
pub(in crate::index) struct Difference<'a> {
    /// What differs at the level.
    pub level: &'a LevelChanges,
    /// Boxes that hold every border that is no more or is new, and every unit whose ground has changed, as it was and as it is.
    pub boxes: &'a [Rect<f64>],
    /// The arcs of the next coverage that may touch a box.
    pub arcs_near: &'a (dyn Fn(Rect<f64>) -> Vec<ArcId> + Sync),
}

/// What the cell of a position says without the pieces in it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Site<'a> {
    Known(Place),
    Doubtful(Doubtful<'a>),
}

/// Tiles that take the place of others.
#[derive(Clone, Debug, Default)]
struct Changed {
    /// For each tile the place of its block and one, or 0. Empty where nothing has changed.
    block_of: Vec<u32>,
    blocks: Vec<Arc<Block>>,
}

impl Raster {
    /// Makes a raster of a level in some `cells`; none where the level has no area or too many units.
    pub(in crate::index) fn build(ground: Ground<'_>, cells: f64) -> Option<Self> {
        if ground.units >= LABEL_MASK as usize {
            return None;
        }
        let (min, max) = extent(ground.arcs, ground.depth)?;
        let frame = Frame::over(min, max, cells)?;
        let arc_words = ArcWords::for_arcs(ground.arcs.len());
        let tiles = TileRuns::sort(&frame, ground.arcs, ground.depth);
        let columns = frame.tile_columns();
        let mut base = Block { words: vec![0; frame.columns as usize * frame.rows as usize], ..Block::default() };
        let numbers: Vec<u32> = (0..columns * frame.tile_rows()).collect();
        for some in numbers.chunks(TILES_AT_ONCE) {
            let build = |tile: &u32| make_tile(&frame, ground, arc_words, Labels(None), *tile, tiles.of(*tile));
            let blocks: Vec<Block> = some.par_iter().with_min_len(16).map(build).collect();
            for (tile, block) in some.iter().zip(blocks) {
                let words = base.take_in(block);
                let first = (tile / columns * TILE * frame.columns + tile % columns * TILE) as usize;
                for (row, words) in words.chunks_exact(TILE as usize).enumerate() {
                    base.words[first + row * frame.columns as usize..][..TILE as usize].copy_from_slice(words);
                }
            }
        }
        base.close();
        Some(Self { frame, depth: ground.depth, arc_words, base: Arc::new(base), changed: Changed::default(), names: Names::default() })
    }

    /// Makes the raster of what came of this one's level by building the tiles again that lie under a difference; none where it is better
    /// built as a whole.
    pub(in crate::index) fn patched(&self, ground: Ground<'_>, difference: Difference<'_>) -> Option<Self> {
        let mesh = tile_mesh(&self.frame);
        let mut tiles = Vec::new();
        for of in difference.boxes {
            if !self.frame.holds(of.min(), of.max()) {
                return None;
            }
            mesh.for_each_cell_in(&self.frame, of.min(), of.max(), |tile| tiles.push(tile as u32));
        }
        tiles.sort_unstable();
        tiles.dedup();
        let names = self.names.patched(difference.level, ground.units);
        let count = tile_count(&self.frame);
        if (self.changed.blocks.len() + tiles.len()) * CHANGED_SHARE_MIN > count || names.len() >= LABEL_MASK as usize {
            return None;
        }
        let labels = names.to_labels(ground.units);
        let build = |tile: &u32| {
            let corner = tile_cell(*tile % self.frame.tile_columns(), *tile / self.frame.tile_columns());
            let runs = runs_near(&self.frame, corner, ground, &(difference.arcs_near)(self.frame.bounds(corner)));
            let mut block = make_tile(&self.frame, ground, self.arc_words, Labels(labels.as_deref()), *tile, &runs);
            block.close();
            Arc::new(block)
        };
        let blocks: Vec<Arc<Block>> = tiles.par_iter().map(build).collect();
        let mut changed = self.changed.clone();
        changed.block_of.resize(count, 0);
        for (tile, block) in tiles.into_iter().zip(blocks) {
            changed.put(tile, block);
        }
        Some(Self { base: Arc::clone(&self.base), changed, names, frame: self.frame, depth: self.depth, arc_words: self.arc_words })
    }

    /// Returns what lies at a position.
    pub(in crate::index) fn place(&self, arcs: &ArcStore, p: Coord<f64>) -> Place {
        let fixed = self.frame.fix(p);
        let (block, leaf) = self.leaf(fixed);
        if leaf.word < RECORD {
            return self.to_place(leaf.word);
        }
        if !leaf.is_record() {
            return Place::Unknown;
        }
        let record = Record::read(&block.data, leaf.offset());
        let [u, v] = leaf.steps(fixed);
        match probe(&record, u, v) {
            Some(label) => self.to_place(label),
            None => self.doubtful(record, leaf, fixed).find(self.borders(arcs), p),
        }
    }

    /// Returns what a cell says about a position before any comparison.
    pub(super) fn site(&self, p: Coord<f64>) -> Site<'_> {
        let fixed = self.frame.fix(p);
        let (block, leaf) = self.leaf(fixed);
        if leaf.word < RECORD {
            Site::Known(self.to_place(leaf.word))
        } else if leaf.is_record() {
            Site::Doubtful(self.doubtful(Record::read(&block.data, leaf.offset()), leaf, fixed))
        } else {
            Site::Known(Place::Unknown)
        }
    }

    fn doubtful<'a>(&self, record: Record<'a>, leaf: Leaf, at: Fixed) -> Doubtful<'a> {
        let [at_mark, other] = [record.at_mark, record.other].map(|label| self.names.today(label));
        Doubtful { record, at_mark, other, mark: self.frame.mark(leaf.cell(at)) }
    }

    fn borders<'a>(&self, arcs: &'a ArcStore) -> Borders<'a> {
        Borders { arcs, depth: self.depth, arc_words: self.arc_words }
    }

    /// Writes the unit of each position. The numbers of positions about which the raster does not tell go into `unknown`.
    pub(in crate::index) fn find_all(
        &self,
        path: Path,
        arcs: &ArcStore,
        positions: &[Position],
        owners: &mut [MaybeUnit],
        unknown: &mut Vec<u32>,
    ) {
        let mut doubtful = Vec::new();
        simd::label_all(path, &self.frame, &self.base, positions, owners, &mut doubtful);
        if !self.names.is_plain() {
            owners.iter_mut().for_each(|owner| *owner = MaybeUnit(self.names.today(owner.0)));
        }
        if !self.changed.blocks.is_empty() {
            let is_changed = |position: &Position| self.changed.block(self.frame.tile_of(self.frame.fix((*position).into()))).is_some();
            doubtful.retain(|number| !is_changed(&positions[*number as usize]));
            doubtful.extend((0..).zip(positions).filter(|(_, position)| is_changed(position)).map(|(number, _)| number));
        }
        simd::place_all(path, self, self.borders(arcs), positions, &doubtful, |number, place| match place {
            Place::In(unit) | Place::On(unit) => owners[number as usize] = MaybeUnit::from(Some(unit)),
            Place::Free => owners[number as usize] = MaybeUnit::NONE,
            Place::Unknown => unknown.push(number),
        });
    }

    fn leaf(&self, at: Fixed) -> (&Block, Leaf) {
        let (column, row) = (at.x >> CELL_BITS, at.y >> CELL_BITS);
        if let Some(block) = self.changed.block(self.frame.tile_of(at)) {
            let within = u64::from(TILE - 1);
            let word = block.words[((row & within) << TILE_BITS | (column & within)) as usize];
            return (block, block.leaf(word, CELL_BITS, at));
        }
        let word = self.base.words[row as usize * self.frame.columns as usize + column as usize];
        (&self.base, self.base.leaf(word, CELL_BITS, at))
    }

    fn to_place(&self, label: Label) -> Place {
        self.names.today(label).checked_sub(1).map_or(Place::Free, |unit| Place::In(UnitIndex(unit)))
    }

    pub(in crate::index) fn bytes(&self) -> usize {
        let changed =
            self.changed.block_of.capacity() * size_of::<u32>() + self.changed.blocks.iter().map(|block| block.bytes()).sum::<usize>();
        self.base.bytes() + changed + self.names.bytes()
    }
}

impl Changed {
    fn block(&self, tile: usize) -> Option<&Block> {
        let place = self.block_of.get(tile)?.checked_sub(1)?;
        Some(&self.blocks[place as usize])
    }

    fn put(&mut self, tile: u32, block: Arc<Block>) {
        match self.block_of[tile as usize].checked_sub(1) {
            Some(place) => self.blocks[place as usize] = block,
            None => {
                self.blocks.push(block);
                self.block_of[tile as usize] = self.blocks.len() as u32;
            }
        }
    }
}

fn extent(arcs: &ArcStore, depth: usize) -> Option<(Coord<f64>, Coord<f64>)> {
    let borders = arcs.ids().filter(|arc| is_border(arcs, *arc, depth));
    borders.flat_map(|arc| arcs.coords(arc)).fold(None, |extent, c| {
        let (min, max) = extent.unwrap_or((*c, *c));
        Some((Coord { x: min.x.min(c.x), y: min.y.min(c.y) }, Coord { x: max.x.max(c.x), y: max.y.max(c.y) }))
    })
}

/// Whether an arc parts units of a level.
fn is_border(arcs: &ArcStore, arc: ArcId, depth: usize) -> bool {
    let sides = arcs.sides(arc, depth);
    sides.left != sides.right
}

fn make_tile(frame: &Frame, ground: Ground<'_>, arc_words: ArcWords, labels: Labels<'_>, tile: u32, runs: &[Run]) -> Block {
    let (column, row) = (tile % frame.tile_columns(), tile / frame.tile_columns());
    let arcs = ground.arcs;
    let sides = |arc| {
        let sides = arcs.sides(arc, ground.depth);
        (labels.of_side(sides.left), labels.of_side(sides.right))
    };
    let edges: Vec<Edge> = runs.iter().flat_map(|run| run.edges(arcs, sides(run.arc))).collect();
    let site = build::Site { frame, has_overlaps: ground.has_overlaps, arc_words };
    let covering = (ground.covering)(frame.mark(tile_cell(column, row)));
    build_tile(site, column, row, &edges, Cover::of(covering.into_iter().map(|unit| labels.of(unit))))
}

/// Returns the stretches of some arcs that may touch a tile.
fn runs_near(frame: &Frame, tile: Cell, ground: Ground<'_>, arcs: &[ArcId]) -> Vec<Run> {
    let mesh = Mesh { x: tile.x, y: tile.y, bits: tile.bits, columns: 1, rows: 1 };
    let mut runs: Vec<Run> = Vec::new();
    for &arc in arcs.iter().filter(|arc| is_border(ground.arcs, **arc, ground.depth)) {
        for (number, edge) in (0_u32..).zip(ground.arcs.coords(arc).windows(2)) {
            mesh.for_each_cell(frame, edge[0], edge[1], |_| match runs.last_mut() {
                Some(run) if run.arc == arc && run.first + run.count == number => run.count += 1,
                _ => runs.push(Run { arc, first: number, count: 1 }),
            });
        }
    }
    runs
}

/// All tiles.
fn tile_mesh(frame: &Frame) -> Mesh {
    Mesh { x: 0, y: 0, bits: CELL_BITS + TILE_BITS, columns: frame.tile_columns().into(), rows: frame.tile_rows().into() }
}

fn tile_count(frame: &Frame) -> usize {
    frame.tile_columns() as usize * frame.tile_rows() as usize
}

/// For each tile the stretches of border that may touch it.
struct TileRuns {
    starts: Vec<u32>,
    runs: Vec<Run>,
}

/// How many stretches of an arc are looked through for the one that goes on. An edge touches four tiles at most where they meet.
const OPEN_RUNS: usize = 4;

impl TileRuns {
    fn sort(frame: &Frame, arcs: &ArcStore, depth: usize) -> Self {
        let mesh = tile_mesh(frame);
        let mut found: Vec<(u32, Run)> = Vec::new();
        for arc in arcs.ids().filter(|arc| is_border(arcs, *arc, depth)) {
            let begin = found.len();
            for (number, edge) in (0_u32..).zip(arcs.coords(arc).windows(2)) {
                mesh.for_each_cell(frame, edge[0], edge[1], |tile| {
                    let tile = tile as u32;
                    let open = begin.max(found.len().saturating_sub(OPEN_RUNS));
                    match found[open..].iter_mut().find(|(of, run)| *of == tile && run.first + run.count == number) {
                        Some((_, run)) => run.count += 1,
                        None => found.push((tile, Run { arc, first: number, count: 1 })),
                    }
                });
            }
        }
        let mut starts = vec![0_u32; tile_count(frame) + 1];
        for (tile, _) in &found {
            starts[*tile as usize + 1] += 1;
        }
        for tile in 1..starts.len() {
            starts[tile] += starts[tile - 1];
        }
        let mut next = starts.clone();
        let mut runs = vec![Run { arc: ArcId(0), first: 0, count: 0 }; found.len()];
        for (tile, run) in found {
            runs[next[tile as usize] as usize] = run;
            next[tile as usize] += 1;
        }
        Self { starts, runs }
    }

    fn of(&self, tile: u32) -> &[Run] {
        &self.runs[self.starts[tile as usize] as usize..self.starts[tile as usize + 1] as usize]
    }
}
