//! On which side of a cell's border a position lies, by whole numbers.
//!
//! Corners of the border and the position are rounded down to steps, which moves each by less than half a step from the middle of its
//! step. Let the position's row lie between the rows of a piece's ends, by two steps or more. The point of the true piece at
//! the height of the true position was then moved by less than a step and the position by less than half of one, with room for a
//! tenth of rounding. So the sign of the cross product
//!
//! `dx (v − y) − dy (u − x)`
//!
//! is the true side wherever it is more than `2 (|dx| + |dy|)`. Where it is not, or the row is within a step of an end's,
//! the position is in doubt. `docs/lookup.md` has it at length, with pictures.

use super::edges::Label;
use super::record::{Record, unpack};

/// How far from an end's row a piece is sure to be passed, or not, in steps.
pub(super) const CLEAR_STEPS: i32 = 2;

/// By how many times `|dx| + |dy|` the cross product has to differ from 0.
pub(super) const DOUBT: i32 = 2;

/// Returns the label at a place in a cell, in steps; none where it is in doubt.
pub(super) fn probe(record: &Record<'_>, u: i32, v: i32) -> Option<Label> {
    let is_of_two = record.xors.is_empty();
    let (mut label, mut odd, mut doubt) = (record.at_mark, false, record.starts.is_empty());
    for (at, (start, normal)) in record.starts.iter().zip(record.normals).enumerate() {
        let ([x, y], [minus_dy, dx]) = (unpack(*start).map(i32::from), unpack(*normal).map(i32::from));
        let (above_start, above_end) = (v - y, v - y + minus_dy);
        let spans = above_start >= CLEAR_STEPS && above_end <= -CLEAR_STEPS;
        let passes_by = above_start <= -CLEAR_STEPS || above_end >= CLEAR_STEPS;
        let side = minus_dy * (u - x) + dx * above_start;
        let least = DOUBT * (minus_dy.abs() + dx.abs());
        doubt |= !passes_by && (!spans || side.abs() <= least);
        let is_crossed = spans && side < -least;
        odd ^= is_crossed;
        if !is_of_two && is_crossed {
            label ^= record.xors[at];
        }
    }
    if is_of_two && odd {
        label = record.other;
    }
    (!doubt).then_some(label)
}
