use std::num::NonZeroU32;

use jiff::Timestamp;

use super::block::{Block, KindTotal, Spot};
use super::board::Board;
use super::query::CaseChoice;

/// Those of a board's cases that somebody asks for.
#[derive(Debug)]
pub struct Chosen<'a> {
    board: &'a Board,
    choice: &'a CaseChoice,
    /// One answer for each kind.
    kinds: Vec<bool>,
    /// The first millisecond that is not before now.
    now_ms: i64,
    /// The first millisecond of a report that counts, and the first that no longer does.
    reported_ms: [i64; 2],
}

impl<'a> Chosen<'a> {
    pub fn of(board: &'a Board, choice: &'a CaseChoice, now: Timestamp) -> Self {
        let [from, to] = choice.reported();
        let reported_ms = [from.map_or(i64::MIN, first_ms), to.map_or(i64::MAX, first_ms)];
        Self { board, choice, kinds: board.kinds().map(|kind| choice.has_kind(kind)).collect(), now_ms: first_ms(now), reported_ms }
    }

    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    pub fn is_overdue(&self, spot: &Spot) -> bool {
        spot.is_open && spot.due_ms < self.now_ms
    }

    /// Whether cases are chosen by their kind alone.
    pub fn is_by_kind(&self) -> bool {
        self.reported_ms == [i64::MIN, i64::MAX] && !self.choice.is_overdue() && !self.choice.is_limited()
    }

    pub fn has_kind(&self, kind: u32) -> bool {
        self.kinds[kind as usize]
    }

    /// Returns how many cases of a block are chosen of each kind; none where that takes a look at each.
    pub fn totals<'b>(&'b self, block: &'b Block) -> Option<impl Iterator<Item = &'b KindTotal>> {
        let ([first, last], [from, to]) = (block.reported_ms(), self.reported_ms);
        let is_whole = from <= first && last < to && !self.choice.is_overdue() && block.grids().iter().all(|grid| self.has_place(*grid));
        is_whole.then(|| block.kinds().iter().filter(|total| self.has_kind(total.kind)))
    }

    /// Returns the cases of a block that are chosen.
    pub fn spots<'b>(&'b self, block: &'b Block) -> impl Iterator<Item = &'b Spot> {
        let ([first, last], [from, to]) = (block.reported_ms(), self.reported_ms);
        let candidates: Box<dyn Iterator<Item = &Spot>> = if last < from || to <= first {
            Box::new(std::iter::empty())
        } else if self.choice.is_overdue() {
            Box::new(block.overdue(self.now_ms))
        } else if self.choice.is_open() {
            Box::new(block.open())
        } else {
            Box::new(block.spots().iter())
        };
        candidates.filter(move |spot| self.has_kind(spot.kind) && (from..to).contains(&spot.reported_ms) && self.has_place(spot.grid))
    }

    fn has_place(&self, grid: Option<NonZeroU32>) -> bool {
        !self.choice.is_limited() || self.choice.has_place(self.board.grid(grid))
    }
}

/// Returns the first whole millisecond that is not before a time: what is kept to the millisecond is before the one when it is before
/// the other.
fn first_ms(at: Timestamp) -> i64 {
    let cut = at.as_millisecond();
    if Timestamp::from_millisecond(cut).is_ok_and(|whole| whole < at) { cut + 1 } else { cut }
}
