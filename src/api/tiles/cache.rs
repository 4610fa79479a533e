use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::drawings::{Drawing, Drawings, Entry, Leaving, Source};
use crate::api::features::FilterKey;
use crate::api::problem::Problem;
use crate::snapshot::{LayerKey, LayerSnapshot, Snapshot};
use crate::tile::{Coding, LayerTiles, PassingUnits, TileAddress, TileChoice, TileLayers, TileTooLarge, Wanted};

/// Bytes of finished tiles kept ready. A district's tiles of all zooms need about 20 MiB, a large city's visited ones a few times that.
const CACHE_BYTES_MAX: u64 = 256 << 20;

/// Bytes of answers kept, one for each unit and filter: sixty-four filters of a million units.
const PASSING_BYTES_MAX: u64 = 64 << 20;

/// Areas and lines that a tile may have to be made at once, where it is asked for: some tens of kilobytes, which are drawn and packed in
/// well under a millisecond. Larger ones are made on a thread for blocking work, so that they do not hold up small answers.
const QUICK_SHAPES_MAX: usize = 128;

/// What tiles are made of: the current generations', which stay, and others', as far as they have room; and the tiles that were asked for.
#[derive(Debug)]
pub struct TileCache {
    described: TileLayers,
    layers: Mutex<Drawings>,
    /// Boundaries of a generation do not change, so a tile is told by its generations and outlives what it was made of. Each is that
    /// which last changed the tile, so a tile that a publication leaves alone stays. Each coding that was asked for is kept by
    /// itself: few callers take more than one, and the bytes as they are hardly anybody.
    finished: Cache<FinishedKey, FinishedTile>,
    /// The units that pass filters that were asked for, so that the tiles of a map look at them once.
    passing: Cache<PassingKey, Arc<PassingUnits>>,
    /// Held while one generation's tiles are made from another's, so that two callers do not do the same.
    following: Mutex<()>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct FinishedKey {
    sources: Vec<Source>,
    address: TileAddress,
    choice: TileChoice,
    filter: Option<FilterKey>,
    coding: Coding,
}

/// A filter of the units of a layer as they are then.
type PassingKey = (LayerKey, FilterKey);

/// A tile that is asked for: which, of what, and how it is packed.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub layers: &'a [Arc<LayerSnapshot>],
    pub drawing: Drawing,
    pub address: TileAddress,
    pub choice: &'a TileChoice,
    /// Tells the filter, where not all units are wanted.
    pub filter: Option<FilterKey>,
    pub coding: Coding,
}

/// A tile as it is sent; none where it is empty.
pub type FinishedTile = Option<Arc<Coded>>;

#[derive(Debug)]
pub struct Coded {
    pub bytes: Bytes,
    /// A strong tag: the hash of these very bytes, in quotes.
    pub tag: String,
}

/// A tile could not be made.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot make the tile {address:?}")]
pub struct TileError {
    address: TileAddress,
    #[source]
    source: Arc<TileTooLarge>,
}

impl TileCache {
    /// Makes an empty cache of tiles as `described`, that holds at most so many bytes for drawing generations that are not current.
    pub fn new(described: TileLayers, bytes_max: u64) -> Self {
        let weight = |key: &FinishedKey, tile: &FinishedTile| {
            let bytes = tile.as_ref().map_or(0, |tile| tile.bytes.len()) + key.choice.bytes();
            // An entry's own cost, so that millions of empty tiles are bounded too.
            u32::try_from(bytes + 256).unwrap_or(u32::MAX)
        };
        let passing_weight = |_: &PassingKey, passing: &Arc<PassingUnits>| u32::try_from(passing.bytes() + 256).unwrap_or(u32::MAX);
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self {
            described,
            layers: Mutex::new(Drawings { entries: Vec::new(), current: Vec::new(), bytes_max, leaving: Vec::new() }),
            finished: Cache::builder().weigher(weight).max_capacity(CACHE_BYTES_MAX).build(),
            passing: Cache::builder().weigher(passing_weight).max_capacity(PASSING_BYTES_MAX).build(),
            following: Mutex::default(),
        }
    }

    /// Keeps the generations of a snapshot from now on, and lets the others go as they find room. Returns whether drawings of theirs are
    /// to be made into those of the next generation by [`Self::catch_up`].
    pub fn follow(&self, current: &Snapshot) -> bool {
        let mut layers = self.lock();
        current.layers().iter().for_each(|layer| layers.leave(layer));
        layers.current = current.layers().iter().map(|layer| (layer.layer().name.clone(), layer.generation().id)).collect();
        // What was drawn before its time is made anew, to keep as much as is asked of it now.
        let (current, entries) = (layers.current.clone(), &mut layers.entries);
        entries.retain(|entry| !(entry.is_seldom && entry.source.is_among(&current)));
        layers.shrink();
        !layers.leaving.is_empty()
    }

    /// Makes what was drawn of generations that are no longer current into drawings of those that followed them, so that the tiles that
    /// they left alone stay, whoever asks first and when. Takes a while.
    pub fn catch_up(&self) {
        loop {
            let _following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
            let (leaving, known) = {
                let layers = self.lock();
                let Some(leaving) = layers.leaving.first().cloned() else { return };
                let last = leaving.generations().last();
                let known = last.and_then(|last| layers.find(&leaving.entry.source.in_generation(last)));
                (leaving, known)
            };
            let followed = known.or_else(|| leaving.followed(None));
            let mut layers = self.lock();
            // Others only add to it meanwhile.
            let rest = layers.leaving.remove(0).steps.split_off(leaving.steps.len());
            let Some(entry) = followed else { continue };
            if !rest.is_empty() {
                layers.leaving.insert(0, Leaving { entry, steps: rest });
            } else if layers.find(&entry.source).is_none() {
                layers.entries.push(entry);
                layers.shrink();
            }
        }
    }

    /// Returns what tiles carry, level by level.
    pub fn described(&self) -> &TileLayers {
        &self.described
    }

    /// Returns the bytes that are held for drawing generations that are not current.
    pub fn other_bytes(&self) -> usize {
        self.lock().other_bytes()
    }

    /// Returns the tiles of a layer.
    pub fn layer(&self, layer: &LayerSnapshot, drawing: Drawing) -> Arc<LayerTiles> {
        self.entry(layer, drawing).tiles
    }

    /// Returns a tile that was asked for before and is still kept.
    pub fn ready(&self, asked: Asked<'_>) -> Option<FinishedTile> {
        let known = |layer: &Arc<LayerSnapshot>| self.lock().take(&Source::of(layer, asked.drawing));
        let entries: Vec<Entry> = asked.layers.iter().map(known).collect::<Option<_>>()?;
        self.finished.get(&FinishedKey::of(&entries, asked))
    }

    /// Whether a tile is made so quickly that it needs no thread of its own.
    pub fn is_quick(&self, asked: Asked<'_>) -> bool {
        let known = |layer: &Arc<LayerSnapshot>| self.lock().find(&Source::of(layer, asked.drawing));
        asked.filter.is_none()
            && asked.layers.iter().all(|layer| known(layer).is_some_and(|entry| entry.tiles.is_quick(asked.address, QUICK_SHAPES_MAX)))
    }

    /// Returns the units of a layer that pass a filter, as `find` finds them where nobody has asked before.
    ///
    /// # Errors
    /// Those of `find`.
    pub fn passing(
        &self,
        layer: &LayerSnapshot,
        filter: FilterKey,
        find: impl FnOnce() -> Result<PassingUnits, Problem>,
    ) -> Result<Arc<PassingUnits>, Problem> {
        let key = (layer.key(), filter);
        self.passing.try_get_with(key, || find().map(Arc::new)).map_err(|problem: Arc<Problem>| Problem::clone(&problem))
    }

    /// Returns a tile of several layers together. `passing` has the units wanted of each, where there is a filter. Takes a while
    /// where it is asked for the first time.
    ///
    /// # Errors
    /// A tile that cannot be written.
    pub fn tile(&self, asked: Asked<'_>, passing: &[Arc<PassingUnits>]) -> Result<FinishedTile, TileError> {
        let entries: Vec<Entry> = asked.layers.iter().map(|layer| self.entry(layer, asked.drawing)).collect();
        let made = self.finished.try_get_with(FinishedKey::of(&entries, asked), || make(&entries, asked, passing));
        // A tile of a new zoom leaves more behind than itself.
        self.lock().shrink();
        made.map_err(|error: Arc<TileError>| TileError::clone(&error))
    }

    fn entry(&self, layer: &LayerSnapshot, drawing: Drawing) -> Entry {
        let source = Source::of(layer, drawing);
        if let Some(entry) = self.lock().take(&source) {
            return entry;
        }
        let _following = self.following.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, before, leaving, is_seldom) = {
            let mut layers = self.lock();
            let before = layer.origin().and_then(|origin| layers.find(&source.in_generation(origin.generation)));
            (layers.take(&source), before, layers.leaving_to(&source), !source.is_among(&layers.current))
        };
        if let Some(entry) = known {
            return entry;
        }
        let before = before.filter(|before| !before.is_seldom && !is_seldom).and_then(|before| before.followed(layer, source.clone()));
        let followed = before.or_else(|| leaving.filter(|_| !is_seldom)?.followed(Some(source.generation)));
        let entry = followed.unwrap_or_else(|| Entry::new(layer, source, &self.described, is_seldom));
        let mut layers = self.lock();
        // Whoever follows it further begins from here.
        layers.leaving.retain(|leaving| leaving.last_of(&entry.source).is_none());
        layers.entries.push(entry.clone());
        layers.shrink();
        entry
    }

    /// Nothing is half written under the lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Drawings> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FinishedKey {
    fn of(entries: &[Entry], asked: Asked<'_>) -> Self {
        Self {
            sources: entries.iter().map(|entry| entry.source_of(asked)).collect(),
            address: asked.address,
            choice: asked.choice.clone(),
            filter: asked.filter,
            coding: asked.coding,
        }
    }
}

fn make(entries: &[Entry], asked: Asked<'_>, passing: &[Arc<PassingUnits>]) -> Result<FinishedTile, TileError> {
    // A tile is a list of layers, so tiles one after the other are a tile.
    let mut plain = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let passing = asked.filter.and_then(|_| passing.get(at)).map(Arc::as_ref);
        let tile = entry.tiles.tile_of(asked.address, Wanted::of(asked.choice, passing));
        plain.extend(tile.map_err(|source| TileError { address: asked.address, source: Arc::new(source) })?.unwrap_or_default());
    }
    Ok((!plain.is_empty()).then(|| Arc::new(Coded::of(asked.coding.pack(plain)))))
}

impl Coded {
    /// Takes bytes as they are sent.
    pub fn of(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes);
        let hash: u128 = digest[..16].iter().fold(0, |hash, byte| hash << 8 | u128::from(*byte));
        Self { bytes: bytes.into(), tag: format!("\"{hash:032x}\"") }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::boundary::{Accepted, Generation, GenerationId, GenerationState};
    use crate::index::Search;
    use crate::topology::town;

    fn generation(id: u32) -> Generation {
        Generation {
            id: GenerationId(id),
            layer: town::layer().name,
            state: GenerationState::Published,
            effective_from: Timestamp::UNIX_EPOCH,
            created_at: Timestamp::UNIX_EPOCH,
            author: String::new(),
            note: String::new(),
            parent: None,
            restores: None,
        }
    }

    /// The tiles of a town, north-east of where the equator meets Greenwich.
    fn addresses() -> Vec<TileAddress> {
        let of_zoom = |z: u8, side: u32| {
            let middle = 1 << (z - 1);
            (0..side).flat_map(move |x| (1..=side).filter_map(move |y| TileAddress::new(z, middle + x, middle - y)))
        };
        of_zoom(9, 1).chain(of_zoom(12, 2)).chain(of_zoom(14, 5)).chain(of_zoom(16, 14)).collect()
    }

    /// The tiles of the town as a cache has them.
    fn show(cache: &TileCache, layer: &Arc<LayerSnapshot>) -> Vec<FinishedTile> {
        let (layers, choice) = ([Arc::clone(layer)], TileChoice::default());
        let asked = |address: TileAddress| Asked {
            layers: &layers,
            drawing: Drawing::default(),
            address,
            choice: &choice,
            filter: None,
            coding: Coding::Gzip,
        };
        addresses().into_iter().map(|address| cache.tile(asked(address), &[]).unwrap()).collect()
    }

    #[test]
    fn a_publication_drops_what_it_touches_and_what_it_leaves_alone_keeps_bytes_and_tag() {
        let gaps = Accepted { gap: true, ..Default::default() };
        let (mut kept, mut dropped) = (0, 0);
        for seed in 0..2 {
            let mut town = town::Town::new(seed);
            let mut shapes = town.shapes();
            let Some(coverage) = town::check_all(shapes.clone(), gaps).coverage else { continue };
            let cache = TileCache::new(TileLayers::default(), u64::MAX);
            let show = |cache: &TileCache, layer: &Arc<LayerSnapshot>| -> Vec<FinishedTile> {
                cache.lock().current = vec![(layer.layer().name.clone(), layer.generation().id)];
                show(cache, layer)
            };
            let mut layer = Arc::new(LayerSnapshot::build(generation(1), None, Arc::new(coverage), true, Search::Rtree));
            let mut before = show(&cache, &layer);
            for id in 2..8 {
                town.edit();
                let after = town.shapes();
                let Some(fresh) = town::check_all(after.clone(), gaps).coverage else { break };
                let delta = town::delta(&shapes, &after);
                let Ok(patched) = layer.coverage().patched(&town::layer(), delta, fresh.accepted()) else { break };
                layer = Arc::new(layer.patched(generation(id), None, patched, true));
                let started_anew = LayerSnapshot::build(generation(id), None, Arc::new(fresh), true, Search::Rtree);
                let expected = show(&TileCache::new(TileLayers::default(), u64::MAX), &Arc::new(started_anew));
                let found = show(&cache, &layer);
                for ((found, expected), before) in found.iter().zip(&expected).zip(&before) {
                    let tag = |tile: &FinishedTile| tile.as_ref().map(|tile| tile.tag.clone());
                    assert_eq!(tag(found), tag(expected), "seed {seed}, generation {id}");
                    match (found, before) {
                        (Some(found), Some(before)) if Arc::ptr_eq(found, before) => kept += 1,
                        (None, None) => {}
                        _ => dropped += 1,
                    }
                }
                (shapes, before) = (after, found);
            }
        }
        assert!(kept > 500 && dropped > 30, "{kept} kept, {dropped} dropped");
    }

    /// Nobody asks for a tile between the publications, and there is no room for what is no longer current.
    #[test]
    fn publications_that_follow_each_other_closely_leave_untouched_tiles_as_they_are() {
        let gaps = Accepted { gap: true, ..Default::default() };
        let mut town = town::Town::new(0);
        let mut shapes = town.shapes();
        let coverage = town::check_all(shapes.clone(), gaps).coverage.unwrap();
        let cache = TileCache::new(TileLayers::default(), 0);
        let publish = |layer: &Arc<LayerSnapshot>| {
            let mut layers = cache.lock();
            layers.leave(layer);
            layers.current = vec![(layer.layer().name.clone(), layer.generation().id)];
            layers.shrink();
        };
        let mut layer = Arc::new(LayerSnapshot::build(generation(1), None, Arc::new(coverage), true, Search::Rtree));
        publish(&layer);
        let mut before = show(&cache, &layer);
        let mut kept = 0;
        for id in 2..8 {
            town.edit();
            let after = town.shapes();
            let Some(fresh) = town::check_all(after.clone(), gaps).coverage else { continue };
            let Ok(patched) = layer.coverage().patched(&town::layer(), town::delta(&shapes, &after), fresh.accepted()) else { continue };
            layer = Arc::new(layer.patched(generation(id), None, patched, true));
            publish(&layer);
            shapes = after;
            match id {
                // Asked for without anybody having caught up, after two publications.
                3 => {}
                5 | 7 => {
                    cache.catch_up();
                    assert!(cache.lock().leaving.is_empty());
                }
                _ => continue,
            }
            let found = show(&cache, &layer);
            assert!(cache.lock().entries.iter().all(|entry| !entry.epochs.is_empty()), "none was made from nothing at {id}");
            kept += found
                .iter()
                .zip(&before)
                .filter(|(found, before)| matches!((found, before), (Some(found), Some(before)) if Arc::ptr_eq(found, before)))
                .count();
            before = found;
        }
        assert!(kept > 50, "{kept} kept");
    }
}
