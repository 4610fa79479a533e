//! Many positions at once: what is read for one is fetched while others are worked on.

use super::block::{Block, Leaf};
use super::edges::Label;
use super::exact::{Borders, Place};
use super::frame::{CELL_BITS, Fixed, Frame};
use super::plane::{Raster, Site};
use super::probe::probe;
use super::record::{RECORD, RECORD_OFFSET_MAX, Record, SPLIT};
use crate::boundary::Position;
use crate::index::MaybeUnit;

/// Positions on their way together. Memory is asked for all of their cells, and then for all of their records, before the first is read:
/// the more there are, the less time is spent waiting for it. Their numbers, 16 KiB, stay in the nearest cache.
const TOGETHER: usize = 512;

/// Records of two units with three pieces, which are most, end before this word; where the line of the cache ends in them, this one
/// is in the next.
const RECORD_WORDS: usize = 10;

/// How one position is looked up in a record, and how memory is asked ahead: what differs between processors. All give the same labels.
pub(super) trait Lanes: Copy {
    /// As [`probe`].
    fn probe(self, data: &[u32], at: usize, u: i32, v: i32) -> Option<Label>;

    /// Asks for the words at a place that will be read soon.
    fn fetch<T>(self, array: &[T], at: usize);
}

/// Works everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portable;

impl Lanes for Portable {
    #[inline(always)]
    fn probe(self, data: &[u32], at: usize, u: i32, v: i32) -> Option<Label> {
        probe(&Record::read(data, at), u, v)
    }

    #[inline(always)]
    fn fetch<T>(self, _: &[T], _: usize) {}
}

/// A position whose cell says more than a label.
#[derive(Clone, Copy, Default)]
struct Waiting {
    /// Its place in the batch.
    number: u32,
    word: u32,
    bits: u32,
}

/// Writes the label of each position, or none and puts its number into `doubtful` where the exact test or the tree has to answer.
#[inline(always)]
pub(super) fn label_all<L: Lanes>(
    lanes: L,
    frame: &Frame,
    block: &Block,
    positions: &[Position],
    labels: &mut [MaybeUnit],
    doubtful: &mut Vec<u32>,
) {
    debug_assert_eq!(positions.len(), labels.len());
    let columns = u64::from(frame.columns);
    let mut fixed = [Fixed { x: 0, y: 0 }; TOGETHER];
    let mut cells = [0_u32; TOGETHER];
    let mut waiting = [Waiting::default(); TOGETHER];
    let mut first = 0;
    for (positions, labels) in positions.chunks(TOGETHER).zip(labels.chunks_mut(TOGETHER)) {
        for (at, position) in positions.iter().enumerate() {
            fixed[at] = frame.fix((*position).into());
            cells[at] = ((fixed[at].y >> CELL_BITS) * columns + (fixed[at].x >> CELL_BITS)) as u32;
            lanes.fetch(&block.words, cells[at] as usize);
        }
        let mut count = 0;
        for (at, label) in labels.iter_mut().enumerate() {
            let word = block.words[cells[at] as usize];
            *label = MaybeUnit(word);
            // Written in any case and kept where the cell says more, without a branch that half of all positions would take.
            waiting[count] = Waiting { number: at as u32, word, bits: CELL_BITS };
            count += usize::from(word >= RECORD);
        }
        for waiting in &waiting[..count] {
            fetch_record(lanes, block, (waiting.word & RECORD_OFFSET_MAX as u32) as usize);
        }
        for waiting in &mut waiting[..count] {
            if waiting.word >= SPLIT {
                let leaf = block.leaf(waiting.word, CELL_BITS, fixed[waiting.number as usize]);
                (waiting.word, waiting.bits) = (leaf.word, leaf.bits);
                if leaf.is_record() {
                    fetch_record(lanes, block, leaf.offset());
                }
            }
        }
        for waiting in &waiting[..count] {
            let leaf = Leaf { word: waiting.word, bits: waiting.bits };
            let at = waiting.number as usize;
            let [u, v] = leaf.steps(fixed[at]);
            let label =
                if leaf.is_record() { lanes.probe(&block.data, leaf.offset(), u, v) } else { (leaf.word < RECORD).then_some(leaf.word) };
            match label {
                Some(label) => labels[at] = MaybeUnit(label),
                None => {
                    labels[at] = MaybeUnit::NONE;
                    doubtful.push(first + waiting.number);
                }
            }
        }
        first += positions.len() as u32;
    }
}

#[inline(always)]
fn fetch_record<L: Lanes>(lanes: L, block: &Block, at: usize) {
    lanes.fetch(&block.data, at);
    lanes.fetch(&block.data, at + RECORD_WORDS);
}

/// Positions whose borders are on their way together.
const EXACT_TOGETHER: usize = 32;

/// Calls `visit` with what lies at some of the positions, by the exact test.
///
/// Each step asks memory for what the next one reads: records, then where their arcs stand, then the coordinates.
#[inline(always)]
pub(super) fn place_all<L: Lanes>(
    lanes: L,
    raster: &Raster,
    borders: Borders<'_>,
    positions: &[Position],
    numbers: &[u32],
    mut visit: impl FnMut(u32, Place),
) {
    let mut sites = [Site::Known(Place::Free); EXACT_TOGETHER];
    for numbers in numbers.chunks(EXACT_TOGETHER) {
        for (site, number) in sites.iter_mut().zip(numbers) {
            *site = raster.site(positions[*number as usize].into());
            if let Site::Doubtful(doubtful) = site {
                let needs_sides = !doubtful.record.parts_two_units();
                borders.for_each_run(&doubtful.record, |run| {
                    let (bounds, sides) = borders.arcs.places(run.arc, borders.depth);
                    lanes.fetch(bounds, 0);
                    if needs_sides {
                        lanes.fetch(sides, 0);
                    }
                });
            }
        }
        for site in &sites[..numbers.len()] {
            if let Site::Doubtful(doubtful) = site {
                borders.for_each_run(&doubtful.record, |run| {
                    let coords = borders.coords(run);
                    let fetched = coords.len().min(COORDS_FETCHED_MAX);
                    (0..fetched).step_by(COORDS_PER_LINE).for_each(|at| lanes.fetch(coords, at));
                    lanes.fetch(coords, fetched - 1);
                });
            }
        }
        for (site, number) in sites.iter().zip(numbers) {
            let place = match site {
                Site::Known(place) => *place,
                Site::Doubtful(doubtful) => doubtful.find(borders, positions[*number as usize].into()),
            };
            visit(*number, place);
        }
    }
}

/// Coordinates in a line of the cache, and how many of each stretch are asked for: more than a common one has.
const COORDS_PER_LINE: usize = 4;
const COORDS_FETCHED_MAX: usize = 16;
