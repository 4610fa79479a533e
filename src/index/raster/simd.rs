//! The same as `batch` with `probe` in wide registers: the only unsafe code of the index.
//!
//! What is unsafe here rests on three things alone, each of which can be seen in a few lines:
//!
//! 1. instructions that not all processors have run only below a function that is called where [`Path::detect`] has found them;
//! 2. words are loaded from references to as many words;
//! 3. prefetching reads nothing, so that it may be given any address.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{
    __m256i, _MM_HINT_T0, _mm_prefetch, _mm256_abs_epi16, _mm256_add_epi32, _mm256_castsi256_ps, _mm256_cmpgt_epi32, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_min_epi32, _mm256_movemask_ps, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_slli_epi32,
    _mm256_srai_epi32, _mm256_sub_epi16, _mm256_sub_epi32,
};

use super::batch::{self, Lanes, Portable};
use super::block::{Block, PADDING};
use super::edges::Label;
use super::exact::{Borders, Place};
use super::frame::Frame;
use super::plane::Raster;
use super::probe::{CLEAR_STEPS, DOUBT, probe};
use super::record::{LABEL_BITS, LABEL_MASK, Record};
use crate::boundary::Position;
use crate::index::MaybeUnit;

/// The instructions that a batch is looked up with. The answers are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    Portable,
    Avx2,
    Avx512,
}

impl Path {
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// Returns the widest that this machine has.
    pub fn detect() -> Self {
        Self::ALL.into_iter().rev().find(|path| path.is_here()).unwrap_or(Self::Portable)
    }

    /// Whether this machine has the instructions.
    pub fn is_here(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx2")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

/// As [`batch::label_all`], by a path that this machine must have.
pub(super) fn label_all(
    path: Path,
    frame: &Frame,
    block: &Block,
    positions: &[Position],
    labels: &mut [MaybeUnit],
    doubtful: &mut Vec<u32>,
) {
    debug_assert!(path.is_here(), "{} is chosen where it is not", path.as_str());
    match path {
        Path::Portable => batch::label_all(Portable, frame, block, positions, labels, doubtful),
        // SAFETY: a path other than the portable one is chosen where `is_here` has found its features.
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => unsafe { label_all_avx2(frame, block, positions, labels, doubtful) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => unsafe { label_all_avx512(frame, block, positions, labels, doubtful) },
        #[cfg(not(target_arch = "x86_64"))]
        Path::Avx2 | Path::Avx512 => batch::label_all(Portable, frame, block, positions, labels, doubtful),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn label_all_avx2(frame: &Frame, block: &Block, positions: &[Position], labels: &mut [MaybeUnit], doubtful: &mut Vec<u32>) {
    batch::label_all(Wide, frame, block, positions, labels, doubtful);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,bmi1,bmi2,popcnt")]
fn label_all_avx512(frame: &Frame, block: &Block, positions: &[Position], labels: &mut [MaybeUnit], doubtful: &mut Vec<u32>) {
    batch::label_all(Wide, frame, block, positions, labels, doubtful);
}

/// As [`batch::place_all`], by a path that this machine must have.
pub(super) fn place_all(
    path: Path,
    raster: &Raster,
    borders: Borders<'_>,
    positions: &[Position],
    numbers: &[u32],
    visit: impl FnMut(u32, Place),
) {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 | Path::Avx512 => batch::place_all(Wide, raster, borders, positions, numbers, visit),
        _ => batch::place_all(Portable, raster, borders, positions, numbers, visit),
    }
}

/// Asks memory for the item at a place that will be read soon, so that nothing waits for it then; where a machine cannot be asked, or the
/// place is behind the array, nothing happens.
#[inline(always)]
pub fn fetch<T>(array: &[T], at: usize) {
    // SAFETY: prefetching reads nothing, and every processor of this kind can. The address is in the array or behind it.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(array.as_ptr().wrapping_add(at).cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (array, at);
}

/// Eight pieces at a time. With AVX-512 the compiler has wider registers for positions and masks.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
struct Wide;

/// Pieces that a register holds.
const LANES: usize = 8;

#[cfg(target_arch = "x86_64")]
impl Lanes for Wide {
    #[inline(always)]
    fn probe(self, data: &[u32], at: usize, u: i32, v: i32) -> Option<Label> {
        let window: &[u32; PADDING] = data[at..].first_chunk().expect("a block ends with so many words");
        let count = (window[0] >> LABEL_BITS) as usize;
        if count > LANES || count == 0 {
            return probe(&Record::read(data, at), u, v);
        }
        let starts: &[u32; LANES] = window[2..].first_chunk().expect("the window is two registers and two words long");
        let normals: &[u32; LANES] = window[2 + count..].first_chunk().expect("as above, as there are 8 pieces at most");
        // SAFETY: `Wide` is used below functions with AVX2 only.
        let (crossed, doubt) = unsafe { sides(starts, normals, u, v) };
        let mask = (1_u32 << count) - 1;
        let is_odd = (crossed & mask).count_ones() & 1 == 1;
        let label = if is_odd { window[1] } else { window[0] } & LABEL_MASK;
        (doubt & mask == 0).then_some(label)
    }

    #[inline(always)]
    fn fetch<T>(self, array: &[T], at: usize) {
        fetch(array, at);
    }
}

/// Returns for eight pieces, as bits, which of them are crossed on the way to a place, and which leave it in doubt. See `probe`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
fn sides(starts: &[u32; LANES], normals: &[u32; LANES], u: i32, v: i32) -> (u32, u32) {
    let load = |words: &[u32; LANES]| {
        // SAFETY: there are 32 bytes behind the reference, and the load need not be aligned.
        unsafe { _mm256_loadu_si256(words.as_ptr().cast::<__m256i>()) }
    };
    let (starts, normals) = (load(starts), load(normals));
    let place = _mm256_set1_epi32(u | v << 16);
    // In the low half of each lane the way east from the start, in the high half the way north.
    let way = _mm256_sub_epi16(place, starts);
    let side = _mm256_madd_epi16(normals, way);
    let least = _mm256_madd_epi16(_mm256_abs_epi16(normals), _mm256_set1_epi16(DOUBT as i16));
    let above_start = _mm256_srai_epi32::<16>(way);
    let minus_dy = _mm256_srai_epi32::<16>(_mm256_slli_epi32::<16>(normals));
    let below_end = _mm256_sub_epi32(_mm256_setzero_si256(), _mm256_add_epi32(above_start, minus_dy));
    let within = _mm256_min_epi32(above_start, below_end);
    let spans = _mm256_cmpgt_epi32(within, _mm256_set1_epi32(CLEAR_STEPS - 1));
    let passes_by = _mm256_cmpgt_epi32(_mm256_set1_epi32(1 - CLEAR_STEPS), within);
    let is_east = _mm256_cmpgt_epi32(_mm256_sub_epi32(_mm256_setzero_si256(), side), least);
    let is_west = _mm256_cmpgt_epi32(side, least);
    let bits = |lanes: __m256i| _mm256_movemask_ps(_mm256_castsi256_ps(lanes)) as u32;
    let (spans, passes_by, is_east, is_west) = (bits(spans), bits(passes_by), bits(is_east), bits(is_west));
    (spans & is_east, !(passes_by | (spans & (is_east | is_west))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::raster::edges::Run;
    use crate::index::raster::frame::STEP_BITS;
    use crate::index::raster::record::{self, ArcWords, Piece};
    use crate::topology::ArcId;

    /// Records of random pieces, the ends of which may lie a little beside the cell, of two units or of several.
    fn records(count: u32) -> (Vec<u32>, Vec<usize>) {
        let mut state = 1_u64;
        let mut random = move |below: i64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            i64::try_from(state >> 33).unwrap() % below
        };
        let (mut data, mut places) = (Vec::new(), Vec::new());
        for number in 0..count {
            let mut coordinate = || i16::try_from(random((1 << STEP_BITS) + 16) - 8).unwrap();
            let piece = |at: u32| {
                let (a, b) = ([coordinate(), coordinate()], [coordinate(), coordinate()]);
                let (start, end) = if a[1] <= b[1] { (a, b) } else { (b, a) };
                Piece { start, normal: [start[1] - end[1], end[0] - start[0]], xor: if number % 3 == 0 { 7 + at } else { 7 } }
            };
            let pieces: Vec<Piece> = (0..number % 14).map(piece).collect();
            let runs = [Run { arc: ArcId(number), first: 0, count: 1 }];
            places.push(data.len());
            record::write(&mut data, number, &pieces, &runs, ArcWords::for_arcs(1000));
        }
        data.extend([0; PADDING]);
        (data, places)
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn wide_registers_find_what_plain_code_finds() {
        if !Path::Avx2.is_here() {
            return;
        }
        let (data, places) = records(if cfg!(miri) { 30 } else { 400 });
        let mut found = 0;
        for at in places {
            for place in 0..if cfg!(miri) { 9 } else { 400 } {
                let (u, v) = (place * 40_503 % (1 << STEP_BITS), place * 25_717 % (1 << STEP_BITS));
                let expected = probe(&Record::read(&data, at), u, v);
                assert_eq!(Wide.probe(&data, at, u, v), expected, "at {at}, {u} {v}");
                found += usize::from(expected.is_some());
            }
        }
        assert!(found > 100, "{found} places are certain");
    }
}
