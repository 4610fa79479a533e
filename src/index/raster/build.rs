//! Writes the cells of one tile, from the edges near it and from what covers its mark.

use geo_types::Coord;

use super::block::Block;
use super::edges::{Cover, Edge, Run};
use super::exact::has_tiny;
use super::frame::{CELL_BITS, Cell, FINEST_BITS, Frame, STEP_BITS, TILE_BITS};
use super::mesh::Mesh;
use super::record::{self, ArcWords, EDGE_NUMBER_MAX, PIECES_MAX, Piece, RECORD, RECORD_OFFSET_MAX, SPLIT, SPLIT_OFFSET_MAX, UNKNOWN};

/// A cell with more edges is split. Eight pieces are one turn of the widest registers.
const EDGES_PER_CELL_MAX: usize = 8;

/// Words that the cells of a tile may take: where very many borders meet in a point, splitting does not part them.
const WORDS_PER_EDGE_MAX: usize = 64;
const WORDS_PER_TILE_MIN: usize = 4096;

/// How far pieces reach beyond their cell, so that no position in it is near an end of what goes on there. Steps.
const BEYOND_STEPS: f64 = 8.0;

/// How much of a step rounding may move the place where an edge enters a cell from the west.
const ENTRY_DOUBT_STEPS: f64 = 0.25;

/// What rounding may do to a cut through an edge, in spacings of floats.
const CUT_SPACINGS: f64 = 4.0;

/// What the cells of a layer have in common.
#[derive(Clone, Copy)]
pub(super) struct Site<'a> {
    pub frame: &'a Frame,
    /// Whether units may cover a place together, so that a border with a unit on one side says little.
    pub has_overlaps: bool,
    pub arc_words: ArcWords,
}

/// The cells of one tile in the making.
struct Tile<'a> {
    site: Site<'a>,
    edges: &'a [Edge],
    block: Block,
    words_max: usize,
}

/// Makes a tile, counted in tiles from the frame's corner. `edges` are all that may touch it, ordered along their arcs; `cover` is what
/// covers its mark.
pub(super) fn build_tile(site: Site<'_>, column: u32, row: u32, edges: &[Edge], cover: Cover) -> Block {
    let corner = tile_cell(column, row);
    let words_max = WORDS_PER_TILE_MIN + WORDS_PER_EDGE_MAX * edges.len();
    let mut tile = Tile { site, edges, block: Block::default(), words_max };
    let all: Vec<u32> = (0..edges.len() as u32).collect();
    let words = tile.mesh(&all, corner, TILE_BITS, cover);
    tile.block.words = words;
    tile.block
}

/// The tile as one cell.
pub(super) fn tile_cell(column: u32, row: u32) -> Cell {
    let bits = CELL_BITS + TILE_BITS;
    Cell { x: u64::from(column) << bits, y: u64::from(row) << bits, bits }
}

impl Tile<'_> {
    /// Divides a cell into `2^split` times as many and writes them, row by row from its corner.
    fn mesh(&mut self, edges: &[u32], whole: Cell, split: u32, cover: Cover) -> Vec<u32> {
        let across = 1_usize << split;
        let mesh = Mesh { x: whole.x, y: whole.y, bits: whole.bits - split, columns: across as u64, rows: across as u64 };
        let lists = Lists::sort(self.site.frame, self.edges, edges, mesh);
        let mut words = vec![0; across * across];
        let mut at_row = cover;
        for row in 0..across {
            let mut cover = at_row;
            for column in 0..across {
                let near = lists.of(row * across + column);
                let cell = child(whole, split, column, row);
                words[row * across + column] = self.word(near, cell, cover);
                let east = self.site.frame.mark(child(whole, split, column + 1, row));
                let mark = self.site.frame.mark(cell);
                cover = cover.eastward(self.pick(near), mark.x, Coord { x: east.x, y: mark.y });
            }
            let cell = child(whole, split, 0, row);
            let north = self.site.frame.mark(child(whole, split, 0, row + 1));
            at_row = at_row.northward(self.pick(lists.of(row * across)), self.site.frame.mark(cell), north.y);
        }
        words
    }

    fn pick<'b>(&'b self, edges: &'b [u32]) -> impl Iterator<Item = &'b Edge> {
        edges.iter().map(|edge| &self.edges[*edge as usize])
    }

    /// Returns the word of a cell, given what covers its mark.
    fn word(&mut self, near: &[u32], cell: Cell, cover: Cover) -> u32 {
        let Some(label) = cover.single() else { return UNKNOWN };
        if near.is_empty() {
            return label;
        }
        if near.len() > EDGES_PER_CELL_MAX && cell.bits > FINEST_BITS && self.block.data.len() < self.words_max {
            return self.split(near, cell, cover);
        }
        let mut border = Border::new(self.site, cell);
        for edge in self.pick(near) {
            border.add(edge);
        }
        if border.runs.is_empty() {
            return label;
        }
        let at = self.block.data.len();
        let has_tiny = self.pick(near).any(|edge| has_tiny(edge.low) || has_tiny(edge.high));
        let is_known =
            !has_tiny && border.pieces.len() <= PIECES_MAX && at <= RECORD_OFFSET_MAX && !(border.has_loose && self.site.has_overlaps);
        if !is_known || border.edge_number_max > EDGE_NUMBER_MAX {
            return UNKNOWN;
        }
        if border.is_doubtful {
            border.pieces.clear();
        }
        record::write(&mut self.block.data, label, &border.pieces, &border.runs, self.site.arc_words);
        RECORD | at as u32
    }

    fn split(&mut self, near: &[u32], cell: Cell, cover: Cover) -> u32 {
        let split = match near.len() / EDGES_PER_CELL_MAX {
            0..4 => 1,
            4..24 => 2,
            _ => 3,
        };
        let split = split.min(cell.bits - FINEST_BITS);
        let at = self.block.data.len();
        if at > SPLIT_OFFSET_MAX {
            return UNKNOWN;
        }
        let size = 1 << (2 * split);
        self.block.data.resize(at + size, 0);
        self.block.splits.push((at as u32, size as u32));
        let words = self.mesh(near, cell, split, cover);
        self.block.data[at..at + size].copy_from_slice(&words);
        SPLIT | (split - 1) << 28 | at as u32
    }
}

fn child(whole: Cell, split: u32, column: usize, row: usize) -> Cell {
    let bits = whole.bits - split;
    Cell { x: whole.x + ((column as u64) << bits), y: whole.y + ((row as u64) << bits), bits }
}

/// For each cell of a mesh the edges that may touch it.
struct Lists {
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Lists {
    fn sort(frame: &Frame, all: &[Edge], edges: &[u32], mesh: Mesh) -> Self {
        let count = (mesh.columns * mesh.rows) as usize;
        let mut starts = vec![0_u32; count + 1];
        for edge in edges {
            let edge = &all[*edge as usize];
            mesh.for_each_cell(frame, edge.low, edge.high, |cell| starts[cell + 1] += 1);
        }
        for cell in 1..starts.len() {
            starts[cell] += starts[cell - 1];
        }
        let mut sorted = vec![0; starts[count] as usize];
        let mut next = starts.clone();
        for number in edges {
            let edge = &all[*number as usize];
            mesh.for_each_cell(frame, edge.low, edge.high, |cell| {
                sorted[next[cell] as usize] = *number;
                next[cell] += 1;
            });
        }
        Self { starts, edges: sorted }
    }

    fn of(&self, cell: usize) -> &[u32] {
        &self.edges[self.starts[cell] as usize..self.starts[cell + 1] as usize]
    }
}

/// The border in one cell, in steps.
struct Border<'a> {
    site: Site<'a>,
    corner: Coord<f64>,
    mark: Coord<f64>,
    far: Coord<f64>,
    step_deg: f64,
    spacing_deg: f64,
    pieces: Vec<Piece>,
    /// The edges of the pieces.
    runs: Vec<Run>,
    has_loose: bool,
    edge_number_max: u32,
    /// Whether rounding hides how the border runs.
    is_doubtful: bool,
}

impl<'a> Border<'a> {
    fn new(site: Site<'a>, cell: Cell) -> Self {
        let frame = site.frame;
        Self {
            site,
            corner: frame.corner(cell),
            mark: frame.mark(cell),
            far: frame.far_mark(cell),
            step_deg: frame.degrees(cell.bits) / f64::from(1_u32 << STEP_BITS),
            spacing_deg: frame.spacing_deg(),
            pieces: Vec::new(),
            runs: Vec::new(),
            has_loose: false,
            edge_number_max: 0,
            is_doubtful: false,
        }
    }

    fn add(&mut self, edge: &Edge) {
        let Some((start, end)) = self.clip(edge) else { return };
        if edge.xor() == 0 {
            return;
        }
        let (start, end) = (self.steps(start), self.steps(end));
        self.pieces.push(Piece { start, normal: [start[1] - end[1], end[0] - start[0]], xor: edge.xor() });
        let (west, east) = edge.westward();
        if super::crossing::crosses_northward(west, east, self.mark, self.far.y) {
            // The way to a position runs north along the cell's west side first. What crosses it there is crossed for all positions
            // further north: as by an upright piece west of everything.
            let at = edge.low.y + (self.mark.x - edge.low.x) / (edge.high.x - edge.low.x) * (edge.high.y - edge.low.y);
            let [_, entry] = self.steps(Coord { x: self.mark.x, y: at });
            let start = [-BEYOND_STEPS as i16, entry];
            let top = (f64::from(1_u32 << STEP_BITS) + BEYOND_STEPS) as i16;
            self.pieces.push(Piece { start, normal: [entry - top, 0], xor: edge.xor() });
        }
        self.has_loose |= edge.is_loose();
        self.edge_number_max = self.edge_number_max.max(edge.number);
        match self.runs.last_mut() {
            Some(run) if run.arc == edge.arc => {
                // A few edges between that are not near cost less than a word.
                let whole = Run { count: edge.number + 1 - run.first, ..*run };
                if run.first + run.count == edge.number || self.site.arc_words.fits(whole) {
                    *run = whole;
                } else {
                    self.runs.push(Run { arc: edge.arc, first: edge.number, count: 1 });
                }
            }
            _ => self.runs.push(Run { arc: edge.arc, first: edge.number, count: 1 }),
        }
    }

    /// Returns the ends, the lower first, of what of an edge may matter to positions in the cell.
    fn clip(&mut self, edge: &Edge) -> Option<(Coord<f64>, Coord<f64>)> {
        let (low, high) = (edge.low, edge.high);
        let beyond = BEYOND_STEPS * self.step_deg;
        let (south, north) = (self.corner.y - beyond, self.far.y + beyond);
        let east = self.far.x + beyond;
        let is_beside =
            high.y < south || low.y > north || (low.x > east && high.x > east) || (low.x <= self.mark.x && high.x <= self.mark.x);
        if is_beside {
            return None;
        }
        let (run, rise) = (high.x - low.x, high.y - low.y);
        let at_height = |y: f64| Coord { x: low.x + (y - low.y) / rise * run, y };
        let mut start = if low.y < south { at_height(south) } else { low };
        let mut end = if high.y > north { at_height(north) } else { high };
        for (side, is_west) in [(self.mark.x, true), (east, false)] {
            let is_out = |c: Coord<f64>| if is_west { c.x <= side } else { c.x > side };
            if is_out(low) == is_out(high) {
                continue;
            }
            let at = Coord { x: side, y: low.y + (side - low.x) / run * rise };
            if is_out(low) && at.y > start.y {
                start = at;
            } else if is_out(high) && at.y < end.y {
                end = at;
            }
            // The steeper the edge, the less certain is the height at which it enters.
            self.is_doubtful |= is_west && (rise / run).abs() * CUT_SPACINGS * self.spacing_deg > ENTRY_DOUBT_STEPS * self.step_deg;
        }
        (start.y <= end.y).then_some((start, end))
    }

    fn steps(&self, c: Coord<f64>) -> [i16; 2] {
        let steps = |c: f64, corner: f64| {
            let most = f64::from(1_u32 << STEP_BITS) + BEYOND_STEPS;
            ((c - corner) / self.step_deg).floor().clamp(-BEYOND_STEPS, most) as i16
        };
        [steps(c.x, self.corner.x), steps(c.y, self.corner.y)]
    }
}
