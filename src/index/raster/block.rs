use super::frame::{Cell, Fixed, STEP_BITS};
use super::record::{RECORD, RECORD_OFFSET_MAX, SPLIT, SPLIT_OFFSET_MAX, UNKNOWN};

/// Words after the last record, so that a window of so many may be looked at from every record's begin.
pub(super) const PADDING: usize = 18;

/// The cells of a raster or of a part of it, and what they refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    /// One for each cell of the widest mesh: a label, [`UNKNOWN`], or where a record or a split cell stands in `data`.
    pub words: Vec<u32>,
    pub data: Vec<u32>,
    /// Where the words of split cells stand in `data`, and how many. Empty once the block is part of a raster.
    pub splits: Vec<(u32, u32)>,
}

/// What is to be read for a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub word: u32,
    /// Bits of the width of its cell.
    pub bits: u32,
}

impl Block {
    /// Appends another block's data, and returns its words as they are here.
    pub(super) fn take_in(&mut self, mut other: Self) -> Vec<u32> {
        let shift = self.data.len();
        other.words.iter_mut().for_each(|word| *word = moved(*word, shift));
        for (at, count) in other.splits {
            other.data[at as usize..(at + count) as usize].iter_mut().for_each(|word| *word = moved(*word, shift));
        }
        self.data.append(&mut other.data);
        other.words
    }

    pub(super) fn close(&mut self) {
        self.data.extend([0; PADDING]);
        self.data.shrink_to_fit();
        self.splits = Vec::new();
    }

    /// Follows a word through split cells to the one that answers.
    pub(super) fn leaf(&self, mut word: u32, bits: u32, at: Fixed) -> Leaf {
        let mut bits = bits;
        while word >= SPLIT && word != UNKNOWN {
            let split = (word >> 28 & 3) + 1;
            bits -= split;
            let mask = (1 << split) - 1;
            let within = (at.y >> bits & mask) << split | (at.x >> bits & mask);
            word = self.data[(word & SPLIT_OFFSET_MAX as u32) as usize + within as usize];
        }
        Leaf { word, bits }
    }

    pub(super) fn bytes(&self) -> usize {
        (self.words.capacity() + self.data.capacity()) * size_of::<u32>()
    }
}

impl Leaf {
    pub(super) fn is_record(self) -> bool {
        (RECORD..SPLIT).contains(&self.word)
    }

    pub(super) fn offset(self) -> usize {
        (self.word & RECORD_OFFSET_MAX as u32) as usize
    }

    /// Returns where in its cell a position lies, in steps.
    pub(super) fn steps(self, at: Fixed) -> [i32; 2] {
        let steps = |fixed: u64| (fixed >> (self.bits - STEP_BITS) & ((1 << STEP_BITS) - 1)) as i32;
        [steps(at.x), steps(at.y)]
    }

    /// Returns the cell that holds a position.
    pub(super) fn cell(self, at: Fixed) -> Cell {
        Cell { x: at.x >> self.bits << self.bits, y: at.y >> self.bits << self.bits, bits: self.bits }
    }
}

fn moved(word: u32, shift: usize) -> u32 {
    if word < RECORD || word == UNKNOWN {
        return word;
    }
    let (mask, max) =
        if word < SPLIT { (RECORD_OFFSET_MAX as u32, RECORD_OFFSET_MAX) } else { (SPLIT_OFFSET_MAX as u32, SPLIT_OFFSET_MAX) };
    let offset = (word & mask) as usize + shift;
    // What cannot be pointed at is left to the tree.
    if offset > max { UNKNOWN } else { word & !mask | offset as u32 }
}
