use geo_types::{Coord, Rect};

use super::exact::TINY_DEG;

/// Bits of a fixed-point coordinate below one cell of the raster's widest mesh.
pub(super) const CELL_BITS: u32 = 32;

/// Bits of a coordinate within a cell that lines are kept in. 14 leave room in 16 bits for what lies a little outside the cell, and the
/// sum of two products of differences fits 32 bits.
pub(super) const STEP_BITS: u32 = 14;

/// A cell is not split below this many bits of fixed point: a step is then still 128 units of it, so that rounding a position is
/// less than a hundredth of a step.
pub(super) const FINEST_BITS: u32 = STEP_BITS + 7;

/// Columns and rows of a tile, the part that is built, and replaced after a change, as a whole. 256 cells take some tens of microseconds.
pub(super) const TILE_BITS: u32 = 4;
pub(super) const TILE: u32 = 1 << TILE_BITS;

/// Most columns or rows: their fixed point then has 48 bits, which a float holds with room for rounding.
const ACROSS_MAX: u32 = 1 << 16;

/// A cell is at least so many times as wide as the spacing of floats where the layer lies; a step of the finest cell is then 16 spacings.
const SPACINGS_PER_CELL_MIN: f64 = (1_u64 << (STEP_BITS + CELL_BITS - FINEST_BITS + 4)) as f64;

/// How far beside its cell a position may lie, in units of fixed point; rounding alone is less than two.
const MARGIN_UNITS: f64 = 64.0;

/// How far rounding may put a corner of a cell, in spacings of floats; computing one takes two operations.
const MARGIN_SPACINGS: f64 = 4.0;

/// Adding it to a number from 0 to 2^52 leaves the number, rounded, in the low bits.
pub(super) const ROUNDING: f64 = (1_u64 << 52) as f64;
pub(super) const FIXED_MASK: u64 = (1 << 52) - 1;

/// Where the cells of a raster lie: a mesh of equal squares, in degrees, with a rim of empty cells around all borders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) origin: Coord<f64>,
    cell_deg: f64,
    /// Units of fixed point in a degree.
    pub(super) scale: f64,
    pub(super) columns: u32,
    pub(super) rows: u32,
    /// How far positions and corners may lie beside where they are computed to be.
    margin_deg: f64,
    /// The largest spacing of floats among the coordinates.
    spacing_deg: f64,
}

/// A position in fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fixed {
    pub x: u64,
    pub y: u64,
}

/// A cell by its lower corner and the bits of its width, in fixed point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub x: u64,
    pub y: u64,
    pub bits: u32,
}

impl Frame {
    /// Lays some `cells` over a box; none where the box is no area that floats can divide.
    pub(super) fn over(min: Coord<f64>, max: Coord<f64>, cells: f64) -> Option<Self> {
        let (width, height) = (max.x - min.x, max.y - min.y);
        let reach = [min.x, min.y, max.x, max.y].into_iter().fold(0.0, |most: f64, c| most.max(c.abs()));
        if !(reach.is_finite() && width >= 0.0 && height >= 0.0) {
            return None;
        }
        let spacing_deg = reach.next_up() - reach;
        let narrowest = (SPACINGS_PER_CELL_MIN * spacing_deg).max(TINY_DEG);
        // Two tiles are for the rim and for rounding up.
        let coarsest = width.max(height) / f64::from(ACROSS_MAX - 2 * TILE);
        let cell_deg = (width * height / cells).sqrt().max(width.max(height) / cells).max(narrowest).max(coarsest);
        let across = |length: f64| ((length / cell_deg) as u32 + 3).next_multiple_of(TILE);
        let frame = Self {
            origin: Coord { x: min.x - cell_deg, y: min.y - cell_deg },
            cell_deg,
            scale: (1_u64 << CELL_BITS) as f64 / cell_deg,
            columns: across(width),
            rows: across(height),
            margin_deg: MARGIN_UNITS * cell_deg / (1_u64 << CELL_BITS) as f64 + MARGIN_SPACINGS * spacing_deg,
            spacing_deg,
        };
        (frame.scale.is_finite() && frame.columns <= ACROSS_MAX && frame.rows <= ACROSS_MAX).then_some(frame)
    }

    /// Returns a position in fixed point. What lies outside, or is no number, comes out on the empty rim.
    pub(super) fn fix(&self, p: Coord<f64>) -> Fixed {
        let limit = self.limit();
        let fix = |c: f64, origin: f64, limit: f64| (((c - origin) * self.scale).max(0.0).min(limit) + ROUNDING).to_bits() & FIXED_MASK;
        Fixed { x: fix(p.x, self.origin.x, limit.x), y: fix(p.y, self.origin.y, limit.y) }
    }

    /// Returns the largest fixed-point coordinates inside.
    pub(super) fn limit(&self) -> Coord<f64> {
        let last = |count: u32| ((u64::from(count) << CELL_BITS) - 1) as f64;
        Coord { x: last(self.columns), y: last(self.rows) }
    }

    /// Whether a box lies inside the rim, so that cells know all that borders in it do.
    pub(super) fn holds(&self, min: Coord<f64>, max: Coord<f64>) -> bool {
        let (min, max) = (self.fix(min), self.fix(max));
        let inner = |c: u64, count: u32| (1..u64::from(count) - 1).contains(&(c >> CELL_BITS));
        inner(min.x, self.columns) && inner(min.y, self.rows) && inner(max.x, self.columns) && inner(max.y, self.rows)
    }

    /// Returns the first and the last cell of a kind, of `bits` width, that a stretch from `min` to `max` may lie in, along one axis.
    pub(super) fn cells_along(&self, axis: Axis, min: f64, max: f64, bits: u32) -> (u64, u64) {
        let (origin, count) = match axis {
            Axis::X => (self.origin.x, self.columns),
            Axis::Y => (self.origin.y, self.rows),
        };
        let last = (u64::from(count) << CELL_BITS >> bits) - 1;
        let to_cell = |c: f64| ((((c - origin) * self.scale).max(0.0) as u64) >> bits).min(last);
        (to_cell(min - 2.0 * self.margin_deg), to_cell(max + 2.0 * self.margin_deg))
    }

    pub(super) fn tile_columns(&self) -> u32 {
        self.columns / TILE
    }

    pub(super) fn tile_rows(&self) -> u32 {
        self.rows / TILE
    }

    /// Returns where a fixed-point coordinate lies along an axis.
    fn place(&self, fixed: u64, origin: f64) -> f64 {
        origin + fixed as f64 * (self.cell_deg / (1_u64 << CELL_BITS) as f64)
    }

    pub(super) fn degrees(&self, bits: u32) -> f64 {
        self.cell_deg / (1_u64 << (CELL_BITS - bits)) as f64
    }

    pub(super) fn corner(&self, cell: Cell) -> Coord<f64> {
        Coord { x: self.place(cell.x, self.origin.x), y: self.place(cell.y, self.origin.y) }
    }

    /// Returns the cell's mark: a point west and south of all positions that come out in the cell, by less than a step.
    pub(super) fn mark(&self, cell: Cell) -> Coord<f64> {
        let corner = self.corner(cell);
        Coord { x: corner.x - self.margin_deg, y: corner.y - self.margin_deg }
    }

    /// Returns a point north and east of all positions that come out in the cell.
    pub(super) fn far_mark(&self, cell: Cell) -> Coord<f64> {
        let far = self.corner(Cell { x: cell.x + (1 << cell.bits), y: cell.y + (1 << cell.bits), ..cell });
        Coord { x: far.x + self.margin_deg, y: far.y + self.margin_deg }
    }

    /// Returns a box around all that the cell looks at.
    pub(super) fn bounds(&self, cell: Cell) -> Rect<f64> {
        let (mark, corner, far) = (self.mark(cell), self.corner(cell), self.far_mark(cell));
        let margin = Coord { x: corner.x - mark.x, y: corner.y - mark.y } * 2.0;
        Rect::new(mark - margin, far + margin)
    }

    /// Returns the number of the tile that a position lies in.
    pub(super) fn tile_of(&self, at: Fixed) -> usize {
        let tile = |fixed: u64| (fixed >> (CELL_BITS + TILE_BITS)) as usize;
        tile(at.y) * self.tile_columns() as usize + tile(at.x)
    }

    pub(super) fn spacing_deg(&self) -> f64 {
        self.spacing_deg
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Axis {
    X,
    Y,
}
