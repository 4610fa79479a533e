use super::clip::GridRect;
use super::snap::GridPoint;

/// Entries of a node: a few cache lines of rectangles are looked through faster than one more level.
const NODE: usize = 16;

/// Cells of the curve along each side, as a power of two.
const CURVE_BITS: u8 = 16;

/// Rectangles in the order of a Hilbert curve, packed into a tree without pointers; the rectangles stay with who holds them.
///
/// Kamel & Faloutsos, "On packing R-trees" (1993).
#[derive(Clone, Debug, Default)]
pub(super) struct PackedIndex {
    /// The numbers of the entries along the curve.
    order: Vec<u32>,
    /// For each level the rectangles around [`NODE`] entries of the level below, leaves first; the last has one.
    levels: Vec<Vec<GridRect>>,
}

impl PackedIndex {
    /// Packs the entries that have a rectangle.
    pub fn build(count: usize, rect: impl Fn(u32) -> Option<GridRect>) -> Self {
        let all = (0..super::to_u32(count)).filter_map(|entry| Some((entry, rect(entry)?)));
        let Some(world) = all.clone().map(|(_, rect)| rect).reduce(GridRect::join) else { return Self::default() };
        let side = (0..2).map(|axis| i64::from(world.max[axis]) - i64::from(world.min[axis])).max().unwrap_or(0) + 1;
        let place = |rect: GridRect| {
            let cell = |axis: usize| {
                let middle = (i64::from(rect.min[axis]) + i64::from(rect.max[axis])) / 2 - i64::from(world.min[axis]);
                u32::try_from((middle << CURVE_BITS) / side).expect("the middle lies within the whole")
            };
            fast_hilbert::xy2h(cell(0), cell(1), CURVE_BITS)
        };
        let mut keyed: Vec<u64> = all.map(|(entry, rect)| place(rect) << 32 | u64::from(entry)).collect();
        keyed.sort_unstable();
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is the number of the entry")]
        let order: Vec<u32> = keyed.into_iter().map(|key| key as u32).collect();
        let around = |rects: &mut dyn Iterator<Item = GridRect>| rects.reduce(GridRect::join).expect("a chunk is not empty");
        let leaf = |chunk: &[u32]| around(&mut chunk.iter().map(|entry| rect(*entry).expect("those without are left out")));
        let mut levels = vec![order.chunks(NODE).map(leaf).collect::<Vec<_>>()];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let level = below.chunks(NODE).map(|chunk| around(&mut chunk.iter().copied())).collect();
            levels.push(level);
        }
        Self { order, levels }
    }

    /// Calls `visit` with entries whose rectangle may meet `rect`, those of the same leaf among them.
    fn leaves(&self, rect: GridRect, visit: &mut impl FnMut(&[u32])) {
        let Some(top) = self.levels.len().checked_sub(1) else { return };
        self.descend(top, 0..self.levels[top].len(), rect, visit);
    }

    fn descend(&self, level: usize, nodes: std::ops::Range<usize>, rect: GridRect, visit: &mut impl FnMut(&[u32])) {
        for node in nodes {
            if !self.levels[level][node].meets(rect) {
                continue;
            }
            let first = node * NODE;
            match level.checked_sub(1) {
                Some(below) => self.descend(below, first..(first + NODE).min(self.levels[below].len()), rect, visit),
                None => visit(&self.order[first..(first + NODE).min(self.order.len())]),
            }
        }
    }

    /// Returns the entries whose rectangle meets `rect`, in the order of their numbers.
    pub fn find(&self, rect: GridRect, rect_of: impl Fn(u32) -> GridRect) -> Vec<u32> {
        let mut found = Vec::new();
        self.leaves(rect, &mut |leaf| found.extend(leaf.iter().filter(|entry| rect_of(**entry).meets(rect))));
        found.sort_unstable();
        found
    }

    /// Returns how many entries may meet `rect` at most, without looking at each.
    pub fn count_near(&self, rect: GridRect) -> usize {
        let mut count = 0;
        self.leaves(rect, &mut |leaf| count += leaf.len());
        count
    }

    pub fn bytes(&self) -> usize {
        self.order.capacity() * size_of::<u32>() + self.levels.iter().map(|level| level.capacity() * size_of::<GridRect>()).sum::<usize>()
    }
}

/// Rectangles that are asked whether they meet another.
#[derive(Clone, Debug, Default)]
pub(super) struct RectSet {
    rects: Vec<GridRect>,
    index: PackedIndex,
}

impl RectSet {
    pub fn new(rects: Vec<GridRect>) -> Self {
        Self { index: PackedIndex::build(rects.len(), |at| Some(rects[at as usize])), rects }
    }

    pub fn meets(&self, rect: GridRect) -> bool {
        !self.rects.is_empty() && self.any(rect, |_| true)
    }

    /// Says whether `wanted` holds for any rectangle that meets `rect`.
    pub fn any(&self, rect: GridRect, mut wanted: impl FnMut(GridRect) -> bool) -> bool {
        let mut found = false;
        self.index.leaves(rect, &mut |leaf| {
            found = found || leaf.iter().map(|at| self.rects[*at as usize]).any(|own| own.meets(rect) && wanted(own));
        });
        found
    }
}

/// A rectangle of one point.
pub(super) fn point_rect(point: GridPoint) -> GridRect {
    GridRect { min: point, max: point }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn it_finds_what_looking_at_everything_finds() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for count in [0, 1, 16, 17, 1000] {
            let mut random = |size: i32| {
                let min = [rng.random_range(-500..500), rng.random_range(-500..500)];
                GridRect { min, max: min.map(|v| v + rng.random_range(0..size)) }
            };
            let rects: Vec<GridRect> = (0..count).map(|_| random(30)).collect();
            let index = PackedIndex::build(count, |at| (at % 5 != 3).then(|| rects[at as usize]));
            for _ in 0..50 {
                let wanted = random(200);
                let expected: Vec<u32> =
                    (0..count).filter(|at| at % 5 != 3 && rects[*at].meets(wanted)).map(|at| u32::try_from(at).unwrap()).collect();
                assert_eq!(index.find(wanted, |at| rects[at as usize]), expected);
            }
        }
    }
}
