use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::block::{Block, Spot};
use super::board::{Board, due_at};
use super::chosen::Chosen;
use super::query::CaseChoice;
use crate::api::tiles::cache::{Coded, FinishedTile};
use crate::api::tiles::shift::TileShift;
use crate::tile::{ClusterTiles, Coding, PlaceKey, PlaceSum, PointFeature, TileAddress, TileTooLarge, write_points};

/// What the layer of cases is called.
pub const LAYER: &str = "incidents";

/// Tells a drawn tile: what was asked for, and what it was drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DrawnKey {
    pub choice: CaseChoice,
    pub address: TileAddress,
    pub shift: Option<TileShift>,
    pub coding: Coding,
    /// The revision with which a case of it last changed.
    pub revision: u64,
    /// The table of categories by which they are gathered.
    pub rules: Option<u64>,
}

/// A drawn tile, and the time at which it is to be drawn again because a clock runs out.
#[derive(Clone, Debug)]
pub struct Drawn {
    pub tile: FinishedTile,
    pub until: Option<Timestamp>,
}

impl Drawn {
    pub fn bytes(&self) -> usize {
        self.tile.as_ref().map_or(0, |tile| tile.bytes.len())
    }

    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now <= until)
    }
}

/// What is needed to draw a tile of cases.
#[derive(Debug)]
pub struct CaseDrawing<'a> {
    pub board: &'a Board,
    pub chosen: &'a Chosen<'a>,
    pub tiles: ClusterTiles,
    /// For each category the one that it belongs to.
    pub majors: &'a FxHashMap<String, String>,
}

/// Cases that are one feature.
#[derive(Debug, Default)]
struct Gathered {
    places: PlaceSum,
    overdue: u64,
    kinds: FxHashMap<u32, u64>,
    /// One of them; the one where there is but one.
    one: Option<Spot>,
}

impl CaseDrawing<'_> {
    /// Draws a tile.
    ///
    /// # Errors
    /// A tile that is too large.
    pub fn draw(&self, address: TileAddress, coding: Coding) -> Result<Drawn, TileTooLarge> {
        let within = PlaceKey::in_tile(address);
        let is_far = address.z() <= self.tiles.clusters_max_zoom;
        let (squares, alone) =
            if is_far && self.chosen.is_by_kind() { (self.look_up(address), Vec::new()) } else { self.gather(address, &within) };
        let gathered = squares.values().map(|gathered| self.feature(gathered));
        let features: Vec<PointFeature> = gathered.chain(alone.iter().map(|spot| self.single(spot))).collect();
        let plain = write_points(LAYER, address, &features)?;
        let tile = plain.map(|plain| Arc::new(Coded::of(coding.pack(plain))));
        // The next clock of an open case, whether it is chosen by now or only then.
        let due_ms = self.board.open_within(&within).map(|spot| spot.due_ms).filter(|due| *due >= self.chosen.now_ms()).min();
        Ok(Drawn { tile, until: due_ms.and_then(due_at) })
    }

    /// Looks up what lies in each square of a far tile.
    fn look_up(&self, address: TileAddress) -> BTreeMap<PlaceKey, Gathered> {
        let mut squares = BTreeMap::new();
        for square in PlaceKey::squares(address, self.tiles) {
            let mut gathered = Gathered::default();
            for total in self.board.sums().of(address.z(), square.start).iter().filter(|total| self.chosen.has_kind(total.kind)) {
                gathered.places += total.places;
                gathered.kinds.insert(total.kind, total.places.count());
            }
            match gathered.places.count() {
                0 => continue,
                1 => {
                    let mut spots = self.board.blocks(&square).flat_map(|block| self.chosen.spots(block));
                    gathered.one = spots.find(|spot| square.contains(&spot.key)).copied();
                }
                _ => {}
            }
            let open = self.board.open_within(&square).filter(|spot| self.chosen.has_kind(spot.kind));
            gathered.overdue = open.filter(|spot| self.chosen.is_overdue(spot)).count() as u64;
            squares.insert(square.start, gathered);
        }
        squares
    }

    /// Gathers the cases of a tile by its squares, or leaves them alone at near zooms where they are not too many.
    fn gather(&self, address: TileAddress, within: &Range<PlaceKey>) -> (BTreeMap<PlaceKey, Gathered>, Vec<Spot>) {
        let square = |key: PlaceKey| key.square(address.z(), self.tiles);
        let mut squares: BTreeMap<PlaceKey, Gathered> = BTreeMap::new();
        let mut alone: Vec<Spot> = Vec::new();
        for block in self.board.blocks(within) {
            let whole = square(block.first()).filter(|first| block.lies_in(within) && Some(*first) == square(block.last()));
            if let Some((square, totals)) = whole.zip(self.chosen.totals(block)) {
                let places: Vec<_> = totals.map(|total| (total.kind, total.places)).collect();
                if !places.is_empty() {
                    squares.entry(square).or_default().add_all(block, &places, self.chosen);
                }
                continue;
            }
            for spot in self.chosen.spots(block).filter(|spot| within.contains(&spot.key)) {
                match square(spot.key) {
                    Some(square) => squares.entry(square).or_default().add(spot, self.chosen),
                    None => alone.push(*spot),
                }
            }
        }
        if alone.len() > self.tiles.alone_max {
            for spot in alone.drain(..) {
                squares.entry(spot.key.fine_square(address.z(), self.tiles)).or_default().add(&spot, self.chosen);
            }
        }
        alone.sort_unstable_by_key(Spot::order);
        (squares, alone)
    }

    fn feature(&self, gathered: &Gathered) -> PointFeature {
        if let (1, Some(spot)) = (gathered.places.count(), &gathered.one) {
            return self.single(spot);
        }
        let mut open = 0;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for (kind, count) in &gathered.kinds {
            let kind = self.board.kind(*kind);
            open += if kind.is_open == Some(true) { *count } else { 0 };
            let category = self.majors.get(&kind.category).unwrap_or(&kind.category);
            *counts.entry(format!("category:{category}")).or_default() += count;
            if let Some(state) = &kind.state {
                *counts.entry(format!("state:{state}")).or_default() += count;
            }
        }
        let mut fields = counted(gathered.places.count(), open, gathered.overdue);
        fields.extend(counts.into_iter().map(|(name, count)| (name, count.into())));
        PointFeature::amid(&gathered.places, None, fields)
    }

    fn single(&self, spot: &Spot) -> PointFeature {
        let kind = self.board.kind(spot.kind);
        let texts = [
            ("id", Some(spot.id.to_string())),
            ("category", Some(kind.category.clone())),
            ("state", kind.state.clone()),
            ("grid", self.board.grid(spot.grid).map(ToString::to_string)),
            ("reported_at", Timestamp::from_millisecond(spot.reported_ms).ok().map(|at| at.to_string())),
            ("due_at", due_at(spot.due_ms).map(|at| at.to_string())),
        ];
        let mut fields = counted(1, spot.is_open.into(), self.chosen.is_overdue(spot).into());
        fields.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
        // The digits that are random in a UUID v7, as with units.
        let id = spot.id.0.as_u64_pair().1 & ((1 << 52) - 1);
        PointFeature::amid(&spot.key.into(), Some(id), fields)
    }
}

impl Gathered {
    fn add(&mut self, spot: &Spot, chosen: &Chosen<'_>) {
        self.places += spot.key.into();
        self.overdue += u64::from(chosen.is_overdue(spot));
        *self.kinds.entry(spot.kind).or_default() += 1;
        self.one = Some(*spot);
    }

    /// Adds what is chosen of a block by its totals.
    fn add_all(&mut self, block: &Block, totals: &[(u32, PlaceSum)], chosen: &Chosen<'_>) {
        for (kind, places) in totals {
            self.places += *places;
            *self.kinds.entry(*kind).or_default() += places.count();
        }
        let overdue = block.overdue(chosen.now_ms()).filter(|spot| chosen.has_kind(spot.kind)).count();
        self.overdue += overdue as u64;
        if self.places.count() == 1 {
            self.one = chosen.spots(block).next().copied();
        }
    }
}

fn counted(count: u64, open: u64, overdue: u64) -> Vec<(String, Value)> {
    [("count", count), ("open", open), ("overdue", overdue)].map(|(name, count)| (name.to_owned(), count.into())).to_vec()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use fast_mvt::{MvtReaderRef, MvtValueRef};
    use jiff::SignedDuration;
    use uuid::Uuid;

    use super::*;
    use crate::api::tiles::incidents::query::CaseMapQuery;
    use crate::boundary::{Position, Territory, UnitCode};
    use crate::dispatch::CaseId;
    use crate::store::CaseMark;

    const TILES: ClusterTiles = ClusterTiles::up_to(14);
    const NOW_S: i64 = 1_800_000_000;

    /// Numbers that look random, the same each time (Knuth's linear congruential generator).
    struct Dice(u64);

    impl Dice {
        fn roll(&mut self, sides: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % sides
        }

        fn mark(&mut self, id: u64) -> CaseMark {
            // Half of them within some metres, so that blocks there are split.
            let width = if self.roll(2) == 0 { 0.000_1 } else { 0.2 };
            let mut along = || width * self.roll(1 << 20) as f64 / f64::from(1 << 20);
            let position = Position { lon: 111.5 + along(), lat: 26.1 + along() };
            let is_open = [None, Some(true), Some(false), Some(false)][self.roll(4) as usize];
            let second = |at: u64| Timestamp::from_second(NOW_S - 86_400 * 50 + i64::try_from(at).unwrap()).unwrap();
            CaseMark {
                id: CaseId(Uuid::from_u128(id.into())),
                position,
                category: format!("C{}", self.roll(5)),
                // As in the store, a case keeps it for life.
                reported_at: second((id * 7919) % (86_400 * 90)),
                grid: (self.roll(9) > 0).then(|| UnitCode::parse(&format!("4311{}", self.roll(3))).unwrap()),
                state: is_open.map(|_| format!("s{}", self.roll(3))),
                is_open,
                due_at: (is_open.is_some() && self.roll(3) > 0).then(|| second(self.roll(86_400 * 100))),
            }
        }
    }

    fn filled(marks: &HashMap<CaseId, CaseMark>) -> Board {
        let pages = std::iter::once(Ok::<_, std::convert::Infallible>(marks.values().cloned().collect()));
        Board::new(None, TILES, 0).fill(pages).unwrap()
    }

    fn choices() -> Vec<CaseMapQuery> {
        let at = |days: i64| Some(Timestamp::from_second(NOW_S).unwrap() + SignedDuration::from_hours(24 * days));
        let all = CaseMapQuery::default();
        vec![
            CaseMapQuery { open: Some(true), ..all.clone() },
            CaseMapQuery { open: Some(false), state: Some("s1".into()), ..all.clone() },
            CaseMapQuery { overdue: Some(true), ..all.clone() },
            CaseMapQuery { category: Some("C2".into()), ..all.clone() },
            CaseMapQuery { grid: Some("43111".into()), ..all.clone() },
            CaseMapQuery { reported_from: at(-20), reported_to: at(11), ..all.clone() },
            CaseMapQuery { reported_from: at(-30), open: Some(true), category: Some("C0".into()), ..all.clone() },
            all,
        ]
    }

    /// Count, open and overdue, added up over the features of a tile.
    fn sums(tile: &FinishedTile) -> [u64; 3] {
        let Some(tile) = tile else { return [0; 3] };
        let reader = MvtReaderRef::new(&tile.bytes).unwrap();
        let mut sums = [0; 3];
        for feature in reader.layers().flat_map(|layer| layer.features().collect::<Vec<_>>()) {
            for (key, value) in feature.properties_vec().unwrap() {
                if let (Some(at), MvtValueRef::UInt(number)) = (["count", "open", "overdue"].iter().position(|name| *name == key), value) {
                    sums[at] += number;
                }
            }
        }
        sums
    }

    #[test]
    fn what_followed_the_cases_draws_what_is_drawn_of_them_anew_and_counts_each_once() {
        let mut dice = Dice(1);
        let now = Timestamp::from_second(NOW_S).unwrap();
        let mut marks: HashMap<CaseId, CaseMark> = (0..4_000).map(|id| dice.mark(id)).map(|mark| (mark.id, mark)).collect();
        let mut board = filled(&marks);
        for _ in 0..20 {
            board.begin();
            for _ in 0..50 {
                let id = dice.roll(4_600);
                let mark = dice.mark(id);
                board.put(mark.clone(), false);
                marks.insert(mark.id, mark);
            }
        }
        assert_eq!(board.count(), marks.len());
        let anew = filled(&marks);
        let majors: FxHashMap<String, String> = [("C1".to_owned(), "C0".to_owned())].into_iter().collect();
        let tile_of = |z: u8| {
            let place = crate::tile::to_world(geo_types::Coord { x: 111.6, y: 26.2 }) * f64::from(1_u32 << z);
            TileAddress::new(z, place.x as u32, place.y as u32).unwrap()
        };
        for query in choices() {
            let choice = query.choose(Territory::Whole, query.category.iter().cloned().collect()).unwrap();
            // The same near by, once each by itself and once gathered.
            for (z, alone_max) in [(0, 1), (7, 1), (11, 1), (13, 1), (15, usize::MAX), (15, 20)] {
                let tiles = ClusterTiles { alone_max, ..TILES };
                let [drawn, expected] = [&board, &anew].map(|board| {
                    let chosen = Chosen::of(board, &choice, now);
                    CaseDrawing { board, chosen: &chosen, tiles, majors: &majors }.draw(tile_of(z), Coding::Plain).unwrap()
                });
                assert_eq!(drawn.until, expected.until);
                let bytes = |drawn: &Drawn| drawn.tile.as_ref().map(|tile| tile.bytes.clone());
                assert_eq!(bytes(&drawn), bytes(&expected), "zoom {z}, {query:?}");
                let within = PlaceKey::in_tile(tile_of(z));
                let is_late = |mark: &CaseMark| mark.is_open == Some(true) && mark.due_at.is_some_and(|due| due < now);
                let is_chosen = |mark: &&CaseMark| {
                    within.contains(&PlaceKey::of(mark.position))
                        && query.open.is_none_or(|open| mark.is_open == Some(open))
                        && query.state.is_none() | (mark.state == query.state)
                        && query.category.as_ref().is_none_or(|category| mark.category == *category)
                        && query.grid.as_ref().is_none_or(|grid| mark.grid.as_ref().is_some_and(|code| code.as_str().starts_with(grid)))
                        && query.reported_from.is_none_or(|from| mark.reported_at >= from)
                        && query.reported_to.is_none_or(|to| mark.reported_at < to)
                        && (query.overdue.is_none() || is_late(mark))
                };
                let found: Vec<&CaseMark> = marks.values().filter(is_chosen).collect();
                let open = found.iter().filter(|mark| mark.is_open == Some(true)).count() as u64;
                let late = found.iter().filter(|mark| is_late(mark)).count() as u64;
                assert_eq!(sums(&drawn.tile), [found.len() as u64, open, late], "zoom {z}, {query:?}");
            }
        }
    }
}
