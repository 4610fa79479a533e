//! How the border in a cell is written down, in words of 32 bits.
//!
//! | word | two units | more |
//! | --- | --- | --- |
//! | 0 | label at the mark, pieces << 27 | label at the mark, [`MANY`] << 27 |
//! | 1 | the other label, arc words << 27 | pieces, arc words << 16 |
//! | then | starts of the pieces, `x` and `y` as 16 bits each | the same |
//! | then | normals of the pieces, `−dy` and `dx` as 16 bits each | the same |
//! | then | | what crossing each piece does to the label |
//! | then | the arcs that the pieces are of | the same |
//!
//! An arc is its number with the edges that are meant, in one word where they fit ([`ArcWords`]); where they do not, [`IS_PART`] is set
//! and the next word tells the edges.
//! A record without pieces leaves every position to the exact test.

use crate::topology::ArcId;

use super::edges::{Label, Run};

/// What a cell says, in its top bits: below `RECORD` it is a label.
pub(super) const RECORD: u32 = 0x8000_0000;
pub(super) const SPLIT: u32 = 0xc000_0000;
/// Ask the tree.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// Labels leave room for a count of five bits.
pub(super) const LABEL_BITS: u32 = 27;
pub(super) const LABEL_MASK: u32 = (1 << LABEL_BITS) - 1;
/// Stands for the number of pieces where it is in the next word.
pub(super) const MANY: u32 = 31;
/// Words of arcs that a record of two units may have.
const FEW_ARC_WORDS: usize = 31;
/// A cell with more is left to the tree; it would have to be a vertex at which so many borders meet.
pub(super) const PIECES_MAX: usize = 1000;

const IS_PART: u32 = 0x8000_0000;
const PART_COUNT_BITS: u32 = 10;
const PART_COUNT_MAX: u32 = (1 << PART_COUNT_BITS) - 1;

/// Offsets of records and of split cells in the data.
pub(super) const RECORD_OFFSET_MAX: usize = 0x3fff_ffff;
pub(super) const SPLIT_OFFSET_MAX: usize = 0x0fff_ffff;

/// A straight piece of border in a cell, in steps from the cell's corner, from its lower end to its higher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub start: [i16; 2],
    /// Its direction turned left: `−dy`, `dx`.
    pub normal: [i16; 2],
    pub xor: Label,
}

pub(super) fn pack([first, second]: [i16; 2]) -> u32 {
    u32::from(first as u16) | u32::from(second as u16) << 16
}

pub(super) fn unpack(word: u32) -> [i16; 2] {
    [word as u16 as i16, (word >> 16) as u16 as i16]
}

/// How a word is shared between the number of an arc and the numbers of its edges: what numbers of arcs leave over is for the edges, so that
/// the exact test reads the few that matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ArcWords {
    first_bits: u32,
    count_bits: u32,
}

/// Bits of a word without [`IS_PART`].
const ARC_WORD_BITS: u32 = 31;

/// Most bits for edges: an arc with more of them than fit is long.
const EDGE_BITS_MAX: u32 = 16;

impl ArcWords {
    /// For a store of so many arcs. Arcs that come later may have greater numbers, and take two words where those do not fit.
    pub(super) fn for_arcs(count: usize) -> Self {
        let arc_bits = (usize::BITS - count.leading_zeros()).min(ARC_WORD_BITS);
        let edge_bits = (ARC_WORD_BITS - arc_bits).min(EDGE_BITS_MAX);
        Self { first_bits: edge_bits - edge_bits / 2, count_bits: edge_bits / 2 }
    }

    /// Whether a stretch fits in one word.
    pub(super) fn fits(self, run: Run) -> bool {
        let arc_bits = ARC_WORD_BITS - self.first_bits - self.count_bits;
        run.arc.0 >> arc_bits == 0 && run.first >> self.first_bits == 0 && run.count > 0 && (run.count - 1) >> self.count_bits == 0
    }

    fn pack(self, run: Run) -> u32 {
        (run.arc.0 << self.first_bits | run.first) << self.count_bits | (run.count - 1)
    }

    fn unpack(self, word: u32) -> Run {
        let low = |word: u32, bits: u32| word & ((1 << bits) - 1);
        let (above, count) = (word >> self.count_bits, low(word, self.count_bits) + 1);
        Run { arc: ArcId(above >> self.first_bits), first: low(above, self.first_bits), count }
    }

    fn words_of(self, run: Run) -> usize {
        if self.fits(run) { 1 } else { 2 * run.count.div_ceil(PART_COUNT_MAX) as usize }
    }

    fn write(self, data: &mut Vec<u32>, run: Run) {
        if self.fits(run) {
            data.push(self.pack(run));
            return;
        }
        let mut first = run.first;
        while first < run.first + run.count {
            let count = PART_COUNT_MAX.min(run.first + run.count - first);
            data.extend([run.arc.0 | IS_PART, first << PART_COUNT_BITS | count]);
            first += count;
        }
    }
}

/// Appends a record.
pub(super) fn write(data: &mut Vec<u32>, at_mark: Label, pieces: &[Piece], runs: &[Run], arc_words: ArcWords) {
    let start = data.len();
    let is_of_two = pieces.iter().all(|piece| piece.xor == pieces[0].xor);
    let arc_word_count: usize = runs.iter().map(|run| arc_words.words_of(*run)).sum();
    if is_of_two && pieces.len() < MANY as usize && arc_word_count <= FEW_ARC_WORDS {
        let other = at_mark ^ pieces.first().map_or(0, |piece| piece.xor);
        data.push(at_mark | (pieces.len() as u32) << LABEL_BITS);
        data.push(other | (arc_word_count as u32) << LABEL_BITS);
    } else {
        data.push(at_mark | MANY << LABEL_BITS);
        data.push(pieces.len() as u32 | (arc_word_count as u32) << 16);
    }
    let is_many = data[start] >> LABEL_BITS == MANY;
    data.extend(pieces.iter().map(|piece| pack(piece.start)));
    data.extend(pieces.iter().map(|piece| pack(piece.normal)));
    if is_many {
        data.extend(pieces.iter().map(|piece| piece.xor));
    }
    for run in runs {
        arc_words.write(data, *run);
    }
}

/// Arcs with more edges cannot be named in a part.
pub(super) const EDGE_NUMBER_MAX: u32 = u32::MAX >> PART_COUNT_BITS;

/// The parts of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub at_mark: Label,
    /// The label on the other side where all pieces part the same two units, else 0.
    pub other: Label,
    pub starts: &'a [u32],
    pub normals: &'a [u32],
    /// Empty where all pieces part the same two units.
    pub xors: &'a [u32],
    arcs: &'a [u32],
}

impl<'a> Record<'a> {
    pub(super) fn read(data: &'a [u32], at: usize) -> Self {
        let (first, second) = (data[at], data[at + 1]);
        let at_mark = first & LABEL_MASK;
        let is_many = first >> LABEL_BITS == MANY;
        let (count, arc_words) = if is_many {
            ((second & 0xffff) as usize, (second >> 16) as usize)
        } else {
            ((first >> LABEL_BITS) as usize, (second >> LABEL_BITS) as usize)
        };
        let (starts, rest) = data[at + 2..].split_at(count);
        let (normals, rest) = rest.split_at(count);
        let (xors, rest) = rest.split_at(if is_many { count } else { 0 });
        let other = if is_many { 0 } else { second & LABEL_MASK };
        Self { at_mark, other, starts, normals, xors, arcs: &rest[..arc_words] }
    }

    /// Whether all edges part the label at the mark from the other, and each has a unit.
    pub(super) fn parts_two_units(&self) -> bool {
        self.xors.is_empty() && !self.starts.is_empty() && self.at_mark != 0 && self.other != 0
    }

    /// Calls `visit` with the arcs, each with the edges that matter.
    pub(super) fn for_each_run(&self, arc_words: ArcWords, mut visit: impl FnMut(Run)) {
        let mut words = self.arcs.iter();
        while let Some(&word) = words.next() {
            if word & IS_PART == 0 {
                visit(arc_words.unpack(word));
            } else if let Some(&part) = words.next() {
                visit(Run { arc: ArcId(word & !IS_PART), first: part >> PART_COUNT_BITS, count: part & PART_COUNT_MAX });
            }
        }
    }
}
