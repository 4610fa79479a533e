use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::board::{Board, Placed};
use super::query::{CaseChoice, is_overdue};
use crate::api::tiles::cache::{Coded, FinishedTile};
use crate::api::tiles::shift::TileShift;
use crate::tile::{ClusterTiles, Coding, PlaceKey, PointFeature, TileAddress, TileTooLarge, cluster, write_points};

/// What the layer of cases is called.
pub const LAYER: &str = "incidents";

/// Tiles of this zoom are wider than any shift, so what is moved into a tile lies in it or beside it: 4.9 km at the equator.
const SHIFT_ZOOM: u8 = 12;

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
    pub choice: &'a CaseChoice,
    pub shift: Option<TileShift>,
    pub tiles: ClusterTiles,
    /// For each category the one that it belongs to.
    pub majors: &'a FxHashMap<String, String>,
    pub now: Timestamp,
}

/// Returns the places of which what lies in a tile may come.
pub fn places_of(address: TileAddress, shift: Option<TileShift>) -> Vec<Range<PlaceKey>> {
    if shift.is_none() {
        return vec![PlaceKey::in_tile(address)];
    }
    let up = address.z().saturating_sub(SHIFT_ZOOM);
    let z = address.z() - up;
    let (x, y) = (i64::from(address.x() >> up), i64::from(address.y() >> up));
    let around = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (x + dx, y + dy)));
    let tiles = around.filter_map(|(x, y)| TileAddress::new(z, u32::try_from(x).ok()?, u32::try_from(y).ok()?));
    tiles.map(PlaceKey::in_tile).collect()
}

impl CaseDrawing<'_> {
    /// Draws a tile.
    ///
    /// # Errors
    /// A tile that is too large.
    pub fn draw(&self, address: TileAddress, coding: Coding) -> Result<Drawn, TileTooLarge> {
        let shown = self.shown(address);
        let clusters = cluster(&shown, |placed| placed.key, address.z(), self.tiles);
        let features: Vec<PointFeature> = clusters.into_iter().map(|group| self.feature(group)).collect();
        let plain = write_points(LAYER, address, &features)?;
        let tile = plain.map(|plain| std::sync::Arc::new(Coded::of(coding.pack(plain))));
        Ok(Drawn { tile, until: self.next_due(address) })
    }

    /// Returns the cases of a tile in the order of their places there.
    fn shown(&self, address: TileAddress) -> Vec<Placed> {
        let own = PlaceKey::in_tile(address);
        let all = places_of(address, self.shift);
        let candidates = all.iter().flat_map(|places| self.board.within(places)).filter(|placed| self.choice.has(&placed.mark, self.now));
        let Some(shift) = self.shift else { return candidates.cloned().collect() };
        let moved = candidates.map(|placed| Placed { key: PlaceKey::of(shift.apply(placed.mark.position)), ..placed.clone() });
        let mut shown: Vec<Placed> = moved.filter(|placed| own.contains(&placed.key)).collect();
        shown.sort_by_key(|placed| (placed.key, placed.mark.id));
        shown
    }

    /// Returns when the next clock of an open case runs out, whether it is chosen by now or only then.
    fn next_due(&self, address: TileAddress) -> Option<Timestamp> {
        let all = places_of(address, self.shift);
        let open = all.iter().flat_map(|places| self.board.within(places)).filter(|placed| placed.mark.is_open == Some(true));
        open.filter_map(|placed| placed.mark.due_at).filter(|due| *due >= self.now).min()
    }

    fn feature(&self, group: &[Placed]) -> PointFeature {
        let places = || group.iter().map(|placed| placed.key);
        let count = |wanted: &dyn Fn(&Placed) -> bool| group.iter().filter(|placed| wanted(placed)).count().into();
        let mut fields: Vec<(String, Value)> = vec![
            ("count".to_owned(), group.len().into()),
            ("open".to_owned(), count(&|placed| placed.mark.is_open == Some(true))),
            ("overdue".to_owned(), count(&|placed| is_overdue(&placed.mark, self.now))),
        ];
        if let [single] = group {
            let mark = &single.mark;
            let time = |at: Timestamp| at.to_string();
            let texts = [
                ("id", Some(mark.id.to_string())),
                ("category", Some(mark.category.clone())),
                ("state", mark.state.clone()),
                ("grid", mark.grid.as_ref().map(ToString::to_string)),
                ("reported_at", Some(time(mark.reported_at))),
                ("due_at", mark.due_at.map(time)),
            ];
            fields.extend(texts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?.into()))));
            // The digits that are random in a UUID v7, as with units.
            let id = mark.id.0.as_u64_pair().1 & ((1 << 52) - 1);
            return PointFeature::amid(places(), Some(id), fields);
        }
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for placed in group {
            let category = &placed.mark.category;
            *counts.entry(format!("category:{}", self.majors.get(category).unwrap_or(category))).or_default() += 1;
            if let Some(state) = &placed.mark.state {
                *counts.entry(format!("state:{state}")).or_default() += 1;
            }
        }
        fields.extend(counts.into_iter().map(|(name, count)| (name, count.into())));
        PointFeature::amid(places(), None, fields)
    }
}
