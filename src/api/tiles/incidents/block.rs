use std::ops::Range;

use crate::boundary::Position;
use crate::dispatch::CaseId;
use crate::tile::{PlaceKey, PlaceRect, PlaceSum};

/// Cases of one block. What is asked of a whole block is answered from its totals; of one that is cut, its cases are looked at.
const CASES_MAX: usize = 1_024;

/// Cases of a block that is made anew, so that some can come to it before it is split.
pub const CASES_AT_FIRST: usize = 768;

/// Stands for no due time: later than all.
pub const NEVER_MS: i64 = i64::MAX;

/// A case as maps need it. Its words and its unit are numbers of the board's lists.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// Where it is shown.
    pub key: PlaceKey,
    pub id: CaseId,
    /// Where it lies.
    pub position: Position,
    /// Milliseconds since 1970, as the two behind it.
    pub reported_ms: i64,
    /// [`NEVER_MS`] where no clock runs out.
    pub due_ms: i64,
    pub kind: u32,
    /// None where it lies in no unit.
    pub grid: Option<std::num::NonZeroU32>,
    pub is_open: bool,
}

impl Spot {
    pub fn order(&self) -> (PlaceKey, CaseId) {
        (self.key, self.id)
    }
}

/// Cases that lie one after the other, in the order of their places, and of their ids at one place; and what is to be known of all of
/// them together.
#[derive(Clone, Debug)]
pub struct Block {
    /// Never empty.
    spots: Vec<Spot>,
    kinds: Vec<KindTotal>,
    grids: Vec<Option<std::num::NonZeroU32>>,
    /// The open ones by when they are due, as they stand among all.
    open: Vec<(i64, u32)>,
    /// The first and the last time at which one was reported.
    reported_ms: [i64; 2],
    rect: PlaceRect,
}

/// How many cases are of a kind, and where.
#[derive(Clone, Copy, Debug)]
pub struct KindTotal {
    pub kind: u32,
    pub places: PlaceSum,
}

impl Block {
    /// Makes blocks of cases, which are brought into their order.
    pub fn many(mut spots: Vec<Spot>) -> Vec<Self> {
        spots.sort_unstable_by_key(Spot::order);
        spots.chunks(CASES_AT_FIRST).map(|spots| Self::of(spots.to_vec())).collect()
    }

    fn of(spots: Vec<Spot>) -> Self {
        let mut kinds: Vec<KindTotal> = Vec::new();
        let mut by_kind: Vec<&Spot> = spots.iter().collect();
        by_kind.sort_unstable_by_key(|spot| spot.kind);
        for same in by_kind.chunk_by(|a, b| a.kind == b.kind) {
            kinds.push(KindTotal { kind: same[0].kind, places: same.iter().map(|spot| spot.key).collect() });
        }
        let mut grids: Vec<_> = spots.iter().map(|spot| spot.grid).collect();
        grids.sort_unstable();
        grids.dedup();
        let numbered = (0_u32..).zip(&spots);
        let mut open: Vec<(i64, u32)> = numbered.filter(|(_, spot)| spot.is_open).map(|(at, spot)| (spot.due_ms, at)).collect();
        open.sort_unstable();
        let reported_ms =
            spots.iter().fold([i64::MAX, i64::MIN], |[first, last], spot| [first.min(spot.reported_ms), last.max(spot.reported_ms)]);
        let rect = PlaceRect::around(spots.iter().map(|spot| spot.key)).expect("a block is never empty");
        Self { spots, kinds, grids, open, reported_ms, rect }
    }

    pub fn spots(&self) -> &[Spot] {
        &self.spots
    }

    pub fn kinds(&self) -> &[KindTotal] {
        &self.kinds
    }

    /// The units in which cases of it lie, each once.
    pub fn grids(&self) -> &[Option<std::num::NonZeroU32>] {
        &self.grids
    }

    pub fn rect(&self) -> PlaceRect {
        self.rect
    }

    pub fn reported_ms(&self) -> [i64; 2] {
        self.reported_ms
    }

    /// Returns the open cases, those that are due first in front.
    pub fn open(&self) -> impl Iterator<Item = &Spot> {
        self.open.iter().map(|(_, at)| &self.spots[*at as usize])
    }

    /// Returns the open cases that are due before a time.
    pub fn overdue(&self, before_ms: i64) -> impl Iterator<Item = &Spot> {
        self.open().take_while(move |spot| spot.due_ms < before_ms)
    }

    pub fn first(&self) -> PlaceKey {
        self.spots[0].key
    }

    pub fn last(&self) -> PlaceKey {
        self.spots[self.spots.len() - 1].key
    }

    pub fn lies_in(&self, places: &Range<PlaceKey>) -> bool {
        places.contains(&self.first()) && places.contains(&self.last())
    }

    /// Returns the block with a case more, or two where that is too many for one.
    pub fn with(&self, spot: Spot) -> Vec<Self> {
        let mut spots = self.spots.clone();
        spots.insert(spots.partition_point(|other| other.order() < spot.order()), spot);
        if spots.len() <= CASES_MAX {
            return vec![Self::of(spots)];
        }
        let rest = spots.split_off(spots.len() / 2);
        vec![Self::of(spots), Self::of(rest)]
    }

    /// Returns where a case stands in it that lies at a place.
    pub fn find(&self, key: PlaceKey, id: CaseId) -> Option<usize> {
        self.spots.binary_search_by_key(&(key, id), Spot::order).ok()
    }

    /// Returns the block without the case that stands there; none where that was the last.
    pub fn without(&self, at: usize) -> Option<Self> {
        let mut spots = self.spots.clone();
        spots.remove(at);
        (!spots.is_empty()).then(|| Self::of(spots))
    }
}
