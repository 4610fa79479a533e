use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::block::KindTotal;
use crate::tile::{ClusterTiles, PlaceKey, PlaceSum};

/// How many cases of each kind lie in each square in which maps gather them, for every zoom at which they do: what a far tile of all
/// cases shows is looked up, however many there are.
#[derive(Clone, Debug)]
pub struct Sums {
    tiles: ClusterTiles,
    /// By zoom, from the first.
    zooms: Vec<FxHashMap<PlaceKey, Arc<Vec<KindTotal>>>>,
}

impl Sums {
    pub fn new(tiles: ClusterTiles) -> Self {
        Self { tiles, zooms: vec![FxHashMap::default(); usize::from(tiles.clusters_max_zoom) + 1] }
    }

    pub fn tiles(&self) -> ClusterTiles {
        self.tiles
    }

    /// Adds many cases, each as its place and kind; squares of a zoom are made of those of the next.
    pub fn add_all(&mut self, cases: impl Iterator<Item = (PlaceKey, u32)>) {
        for (place, kind) in cases {
            self.change(self.tiles.clusters_max_zoom, place, kind, |places| *places += place.into());
        }
        for z in (0..self.tiles.clusters_max_zoom).rev() {
            let finer: Vec<_> = self.zooms[usize::from(z) + 1].iter().map(|(square, totals)| (*square, Arc::clone(totals))).collect();
            for (square, totals) in finer {
                totals.iter().for_each(|total| self.change(z, square, total.kind, |places| *places += total.places));
            }
        }
    }

    pub fn add(&mut self, place: PlaceKey, kind: u32) {
        (0..=self.tiles.clusters_max_zoom).for_each(|z| self.change(z, place, kind, |places| *places += place.into()));
    }

    pub fn take_out(&mut self, place: PlaceKey, kind: u32) {
        (0..=self.tiles.clusters_max_zoom).for_each(|z| self.change(z, place, kind, |places| *places -= place.into()));
    }

    fn change(&mut self, z: u8, place: PlaceKey, kind: u32, change: impl FnOnce(&mut PlaceSum)) {
        let Some(square) = place.square(z, self.tiles) else { return };
        let zoom = &mut self.zooms[usize::from(z)];
        let totals = Arc::make_mut(zoom.entry(square).or_default());
        let at = totals.binary_search_by_key(&kind, |total| total.kind).unwrap_or_else(|at| {
            totals.insert(at, KindTotal { kind, places: PlaceSum::default() });
            at
        });
        change(&mut totals[at].places);
        if totals[at].places.count() == 0 {
            totals.remove(at);
        }
        if totals.is_empty() {
            zoom.remove(&square);
        }
    }

    /// Returns what lies in a square of a zoom, which is told by its first place.
    pub fn of(&self, z: u8, square: PlaceKey) -> &[KindTotal] {
        let totals = self.zooms.get(usize::from(z)).and_then(|zoom| zoom.get(&square));
        totals.map_or(&[], |totals| totals)
    }
}
