use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexSet;
use jiff::Timestamp;
use rustc_hash::FxBuildHasher;

use super::block::{Block, NEVER_MS, Spot};
use super::sums::Sums;
use crate::api::tiles::shift::TileShift;
use crate::boundary::{Position, UnitCode};
use crate::dispatch::CaseId;
use crate::store::CaseMark;
use crate::tile::{ClusterTiles, PlaceKey};

/// Cases that were reported within as long stand together, so that who asks for some weeks does not look at all years: 30 days.
const SPAN_MS: i64 = 30 * 24 * 3_600_000;

/// Changes that are remembered by place. Beyond them every tile is drawn again, with the same bytes where nothing in it changed.
const CHANGES_MAX: usize = 4_096;

/// Where all cases lie at one moment, as a basemap shows them.
///
/// How many of which kind lie in each square of a map is kept ready. For all else, those that were reported in one span of time lie in
/// blocks along the Z-curve, which know how many of them are of which kind; a change makes one block anew.
#[derive(Clone, Debug)]
pub struct Board {
    shift: Option<TileShift>,
    spans: BTreeMap<i64, Vec<Arc<Block>>>,
    sums: Sums,
    open: BTreeMap<(PlaceKey, CaseId), Spot>,
    kinds: Arc<IndexSet<Kind, FxBuildHasher>>,
    grids: Arc<IndexSet<UnitCode, FxBuildHasher>>,
    count: usize,
    /// Grows with each change.
    revision: u64,
    /// The revision as of which all places count as changed.
    base: u64,
    /// Places at which something changed, with the revision.
    changes: Vec<(PlaceKey, u64)>,
}

/// What cases have in common that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Kind {
    pub category: String,
    /// None of a mere record, as the one behind it.
    pub state: Option<String>,
    pub is_open: Option<bool>,
}

/// An open case.
#[derive(Clone, Copy, Debug)]
pub struct OpenCase<'a> {
    pub position: Position,
    pub grid: Option<&'a UnitCode>,
    pub due_at: Option<Timestamp>,
}

impl Board {
    /// Makes a board without any case, all of which counts as changed with `revision`.
    pub fn new(shift: Option<TileShift>, tiles: ClusterTiles, revision: u64) -> Self {
        Self {
            shift,
            spans: BTreeMap::new(),
            sums: Sums::new(tiles),
            open: BTreeMap::new(),
            kinds: Arc::default(),
            grids: Arc::default(),
            count: 0,
            revision,
            base: revision,
            changes: Vec::new(),
        }
    }

    /// Returns a board like this without any case, of the next revision.
    pub fn emptied(&self) -> Self {
        Self::new(self.shift, self.sums.tiles(), self.revision + 1)
    }

    /// Puts all cases on a board that has none.
    pub fn fill<E>(mut self, pages: impl Iterator<Item = Result<Vec<CaseMark>, E>>) -> Result<Self, E> {
        let mut spots: BTreeMap<i64, Vec<Spot>> = BTreeMap::new();
        for page in pages {
            for mark in page? {
                let spot = self.spot(mark);
                spots.entry(span_of(spot.reported_ms)).or_default().push(spot);
                self.count += 1;
            }
        }
        let all = || spots.values().flatten();
        self.sums.add_all(all().map(|spot| (spot.key, spot.kind)));
        self.open = all().filter(|spot| spot.is_open).map(|spot| (spot.order(), *spot)).collect();
        self.spans = spots.into_iter().map(|(span, spots)| (span, Block::many(spots).into_iter().map(Arc::new).collect())).collect();
        Ok(self)
    }

    /// Makes it the revision of this number, as of which all places count as changed.
    pub fn renumbered(self, revision: u64) -> Self {
        Self { revision, base: revision, changes: Vec::new(), ..self }
    }

    /// Begins the next revision.
    pub fn begin(&mut self) {
        self.revision += 1;
        if self.changes.len() > CHANGES_MAX {
            self.changes.clear();
            self.base = self.revision;
        }
    }

    /// Puts a case where it is now. `is_new` says that it cannot stand anywhere else on the board.
    pub fn put(&mut self, mark: CaseMark, is_new: bool) {
        let spot = self.spot(mark);
        self.take_out(&spot, is_new);
        let blocks = self.spans.entry(span_of(spot.reported_ms)).or_default();
        let at = blocks.partition_point(|block| block.last() < spot.key).min(blocks.len().saturating_sub(1));
        let made = blocks.get(at).map_or_else(|| Block::many(vec![spot]), |block| block.with(spot));
        blocks.splice(at..blocks.len().min(at + 1), made.into_iter().map(Arc::new));
        self.count += 1;
        self.sums.add(spot.key, spot.kind);
        if spot.is_open {
            self.open.insert(spot.order(), spot);
        }
        self.changes.push((spot.key, self.revision));
    }

    /// Takes a case away from where it was: mostly where it is, since few events move a case, else somewhere in its span.
    fn take_out(&mut self, spot: &Spot, is_new: bool) {
        let Some(blocks) = self.spans.get_mut(&span_of(spot.reported_ms)) else { return };
        let first = blocks.partition_point(|block| block.last() < spot.key);
        let near = blocks[first..].iter().take_while(|block| block.first() <= spot.key);
        let here = near.enumerate().find_map(|(at, block)| Some((first + at, block.find(spot.key, spot.id)?)));
        let anywhere = || {
            let all = blocks.iter().enumerate().filter(|_| !is_new);
            all.filter_map(|(at, block)| Some((at, block.spots().iter().position(|other| other.id == spot.id)?))).next()
        };
        let Some((at, in_block)) = here.or_else(anywhere) else { return };
        let before = blocks[at].spots()[in_block];
        let rest = blocks[at].without(in_block);
        blocks.splice(at..=at, rest.into_iter().map(Arc::new));
        self.count -= 1;
        self.sums.take_out(before.key, before.kind);
        self.open.remove(&before.order());
        self.changes.push((before.key, self.revision));
    }

    fn spot(&mut self, mark: CaseMark) -> Spot {
        let shown = self.shift.map_or(mark.position, |shift| shift.apply(mark.position));
        let is_open = mark.is_open == Some(true);
        let kind = Kind { category: mark.category, state: mark.state, is_open: mark.is_open };
        Spot {
            key: PlaceKey::of(shown),
            id: mark.id,
            position: mark.position,
            reported_ms: mark.reported_at.as_millisecond(),
            due_ms: mark.due_at.map_or(NEVER_MS, Timestamp::as_millisecond),
            kind: number(&mut self.kinds, kind),
            grid: mark.grid.map(|code| NonZeroU32::MIN.saturating_add(number(&mut self.grids, code))),
            is_open,
        }
    }

    /// Returns the blocks that reach into some places.
    pub fn blocks(&self, places: &Range<PlaceKey>) -> impl Iterator<Item = &Block> {
        self.spans.values().flat_map(move |blocks| {
            let first = blocks.partition_point(|block| block.last() < places.start);
            blocks[first..].iter().map(AsRef::as_ref).take_while(move |block| block.first() < places.end)
        })
    }

    pub fn open(&self) -> impl Iterator<Item = OpenCase<'_>> {
        self.open.values().map(|spot| OpenCase { position: spot.position, grid: self.grid(spot.grid), due_at: due_at(spot.due_ms) })
    }

    /// Returns the open cases of some places.
    pub fn open_within(&self, places: &Range<PlaceKey>) -> impl Iterator<Item = &Spot> {
        let nil = CaseId(uuid::Uuid::nil());
        self.open.range((places.start, nil)..(places.end, nil)).map(|(_, spot)| spot)
    }

    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    pub fn kinds(&self) -> impl ExactSizeIterator<Item = &Kind> {
        self.kinds.iter()
    }

    pub fn kind(&self, number: u32) -> &Kind {
        &self.kinds[number as usize]
    }

    pub fn grid(&self, number: Option<NonZeroU32>) -> Option<&UnitCode> {
        self.grids.get_index(number?.get() as usize - 1)
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the revision with which something last changed at one of some places.
    pub fn changed(&self, places: &Range<PlaceKey>) -> u64 {
        let inside = self.changes.iter().filter(|(key, _)| places.contains(key));
        inside.map(|(_, revision)| *revision).max().unwrap_or(self.base)
    }

    /// Returns a number that grows with each change.
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

/// Returns when a case is due; none where no clock runs out.
pub fn due_at(due_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(due_ms).ok().filter(|_| due_ms != NEVER_MS)
}

fn span_of(reported_ms: i64) -> i64 {
    reported_ms.div_euclid(SPAN_MS)
}

/// Returns the number of an entry of a list, to which it is added where it is new.
fn number<T: std::hash::Hash + Eq + Clone>(list: &mut Arc<IndexSet<T, FxBuildHasher>>, entry: T) -> u32 {
    let at = list.get_index_of(&entry).unwrap_or_else(|| Arc::make_mut(list).insert_full(entry).0);
    u32::try_from(at).expect("kinds and units are counted in 32 bits")
}
