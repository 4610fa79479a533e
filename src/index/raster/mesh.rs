use std::ops::Range;

use geo_types::Coord;

use super::frame::{Axis, Cell, Frame};

/// Cells of one width side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mesh {
    pub x: u64,
    pub y: u64,
    pub bits: u32,
    pub columns: u64,
    pub rows: u64,
}

impl Mesh {
    /// Visits the cells that an edge may touch, by their numbers row by row: all that it does, and few others.
    pub(super) fn for_each_cell(&self, frame: &Frame, from: Coord<f64>, to: Coord<f64>, mut visit: impl FnMut(usize)) {
        let (low, high) = if from.y <= to.y { (from, to) } else { (to, from) };
        let rows = self.within(frame.cells_along(Axis::Y, low.y, high.y, self.bits), self.y, self.rows);
        let all = if low.x <= high.x { (low.x, high.x) } else { (high.x, low.x) };
        let is_in_one_row = rows.end - rows.start <= 1;
        for row in rows {
            let (west, east) = if is_in_one_row { all } else { self.stretch_in_row(frame, row, low, high, all) };
            for column in self.within(frame.cells_along(Axis::X, west, east, self.bits), self.x, self.columns) {
                visit((row * self.columns + column) as usize);
            }
        }
    }

    /// Visits the cells that a box may touch.
    pub(super) fn for_each_cell_in(&self, frame: &Frame, min: Coord<f64>, max: Coord<f64>, mut visit: impl FnMut(usize)) {
        for row in self.within(frame.cells_along(Axis::Y, min.y, max.y, self.bits), self.y, self.rows) {
            for column in self.within(frame.cells_along(Axis::X, min.x, max.x, self.bits), self.x, self.columns) {
                visit((row * self.columns + column) as usize);
            }
        }
    }

    /// Returns from where to where, from west to east, an edge lies in a row. Twice the margin is added to the row: rounding moves a cut
    /// along the edge, by less height than the margin is.
    fn stretch_in_row(&self, frame: &Frame, row: u64, low: Coord<f64>, high: Coord<f64>, (west, east): (f64, f64)) -> (f64, f64) {
        let cell = Cell { x: self.x, y: self.y + (row << self.bits), bits: self.bits };
        let (mark, corner, far) = (frame.mark(cell), frame.corner(cell), frame.far_mark(cell));
        let margin = corner.y - mark.y;
        let at_height = |y: f64| low.x + (y - low.y) / (high.y - low.y) * (high.x - low.x);
        let begin = if low.y < mark.y - margin { at_height(mark.y - margin) } else { low.x };
        let end = if high.y > far.y + margin { at_height(far.y + margin) } else { high.x };
        (begin.min(end).max(west), begin.max(end).min(east))
    }

    fn within(&self, (first, last): (u64, u64), start: u64, count: u64) -> Range<u64> {
        let start = start >> self.bits;
        first.saturating_sub(start).min(count)..(last + 1).saturating_sub(start).min(count)
    }
}
