use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::shift::TileShift;
use crate::boundary::{GenerationId, LayerName, Position};
use crate::snapshot::{LayerSnapshot, Snapshot};
use crate::tile::{LayerTiles, TileAddress, TileLayers};

/// Bytes of finished tiles kept ready. A district's tiles of all zooms need about 20 MiB, a large city's visited ones a few times that.
const CACHE_BYTES_MAX: u64 = 256 << 20;

/// Generations drawn at once beside the current ones. More than anybody lays side by side, and few enough to weigh at every tile.
const OTHERS_MAX: usize = 32;

/// Borders shrink little more above this level, which costs half of the usual one's time.
const GZIP_LEVEL: u32 = 4;

/// What tiles are made of: the current generations', which stay, and others', as far as they have room; and the tiles that were asked for.
#[derive(Debug)]
pub struct TileCache {
    layers: Mutex<Layers>,
    /// Boundaries of a generation do not change, so a tile is told by its generations and outlives what it was made of.
    finished: Cache<FinishedKey, FinishedTile>,
}

type FinishedKey = (Vec<Source>, TileAddress);

#[derive(Debug)]
struct Layers {
    /// Least recently used first.
    entries: Vec<Entry>,
    /// The generations that the current snapshot holds.
    current: Vec<(LayerName, GenerationId)>,
    /// For entries of other generations.
    bytes_max: usize,
}

/// The drawing of one generation of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    layer: LayerName,
    generation: GenerationId,
    shift: Option<TileShift>,
}

#[derive(Clone, Debug)]
struct Entry {
    source: Source,
    /// The coverage lives as long as its tiles, so it counts here even where others hold it too.
    coverage_bytes: usize,
    tiles: Arc<LayerTiles>,
    /// Made for a generation that was not current, and so keeping less.
    is_seldom: bool,
}

/// A tile as it is sent; none where it is empty.
pub type FinishedTile = Option<Arc<TileBytes>>;

/// Both forms of a tile, each with the tag of its own bytes.
#[derive(Debug)]
pub struct TileBytes {
    pub plain: Coded,
    pub gzip: Coded,
}

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
    source: Arc<dyn std::error::Error + Send + Sync>,
}

impl TileCache {
    /// Makes an empty cache that holds at most so many bytes for drawing generations that are not current.
    pub fn new(bytes_max: u64) -> Self {
        let weight = |_: &FinishedKey, tile: &FinishedTile| {
            let bytes = tile.as_ref().map_or(0, |tile| tile.plain.bytes.len() + tile.gzip.bytes.len());
            // An entry's own cost, so that millions of empty tiles are bounded too.
            u32::try_from(bytes + 256).unwrap_or(u32::MAX)
        };
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self {
            layers: Mutex::new(Layers { entries: Vec::new(), current: Vec::new(), bytes_max }),
            finished: Cache::builder().weigher(weight).max_capacity(CACHE_BYTES_MAX).build(),
        }
    }

    /// Keeps the generations of a snapshot from now on, and lets the others go as they find room.
    pub fn follow(&self, current: &Snapshot) {
        let mut layers = self.lock();
        layers.current = current.layers().iter().map(|layer| (layer.layer().name.clone(), layer.generation().id)).collect();
        // What was drawn before its time is made anew, to keep as much as is asked of it now.
        let (current, entries) = (layers.current.clone(), &mut layers.entries);
        entries.retain(|entry| !(entry.is_seldom && entry.source.is_among(&current)));
        layers.shrink();
    }

    /// Returns the bytes that are held for drawing generations that are not current.
    pub fn other_bytes(&self) -> usize {
        self.lock().other_bytes()
    }

    /// Returns the tiles of a layer.
    pub fn layer(&self, layer: &LayerSnapshot, shift: Option<TileShift>) -> Arc<LayerTiles> {
        self.entry(layer, shift).tiles
    }

    /// Returns a tile of several layers together. Takes a while where it is asked for the first time.
    ///
    /// # Errors
    /// A tile that cannot be written.
    pub fn tile(&self, layers: &[Arc<LayerSnapshot>], shift: Option<TileShift>, address: TileAddress) -> Result<FinishedTile, TileError> {
        let entries: Vec<Entry> = layers.iter().map(|layer| self.entry(layer, shift)).collect();
        let key = (entries.iter().map(|entry| entry.source.clone()).collect(), address);
        let failed = |source: Arc<dyn std::error::Error + Send + Sync>| TileError { address, source };
        let made = self.finished.try_get_with(key, || {
            // A tile is a list of layers, so tiles one after the other are a tile.
            let mut plain = Vec::new();
            for entry in &entries {
                let part = entry.tiles.tile(address).map_err(|error| failed(Arc::new(error)))?;
                plain.extend(part.unwrap_or_default());
            }
            TileBytes::of(plain).map_err(|error| failed(Arc::new(error)))
        });
        // A tile of a new zoom leaves more behind than itself.
        self.lock().shrink();
        made.map_err(|error: Arc<TileError>| TileError::clone(&error))
    }

    fn entry(&self, layer: &LayerSnapshot, shift: Option<TileShift>) -> Entry {
        let source = Source { layer: layer.layer().name.clone(), generation: layer.generation().id, shift };
        let mut layers = self.lock();
        if let Some(at) = layers.entries.iter().position(|entry| entry.source == source) {
            layers.entries[at..].rotate_left(1);
            return layers.entries.last().expect("one was found").clone();
        }
        let coverage = Arc::clone(layer.coverage());
        let description = TileLayers::default();
        let coverage_bytes = coverage.bytes();
        let tiles = match shift {
            None => LayerTiles::build(coverage, &description),
            Some(shift) => {
                let apply = move |position: Position| shift.apply(position);
                LayerTiles::build_shifted(coverage, &description, Box::new(apply))
            }
        };
        let is_seldom = !source.is_among(&layers.current);
        let tiles = Arc::new(if is_seldom { tiles.seldom() } else { tiles });
        let entry = Entry { source, coverage_bytes, tiles, is_seldom };
        layers.entries.push(entry.clone());
        layers.shrink();
        entry
    }

    /// Nothing is half written under the lock, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, Layers> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn is_among(&self, generations: &[(LayerName, GenerationId)]) -> bool {
        generations.iter().any(|(layer, generation)| (layer, generation) == (&self.layer, &self.generation))
    }
}

impl Layers {
    fn others(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| !entry.source.is_among(&self.current))
    }

    fn other_bytes(&self) -> usize {
        self.others().map(|(_, entry)| entry.bytes()).sum()
    }

    /// Drops entries of other generations, those not used for longest first, until the rest has room.
    fn shrink(&mut self) {
        loop {
            let oldest = self.others().map(|(at, _)| at).next();
            let Some(oldest) = oldest.filter(|_| self.other_bytes() > self.bytes_max || self.others().count() > OTHERS_MAX) else {
                return;
            };
            self.entries.remove(oldest);
        }
    }
}

impl Entry {
    fn bytes(&self) -> usize {
        self.coverage_bytes + self.tiles.bytes()
    }
}

impl TileBytes {
    fn of(plain: Vec<u8>) -> std::io::Result<FinishedTile> {
        if plain.is_empty() {
            return Ok(None);
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 2), Compression::new(GZIP_LEVEL));
        encoder.write_all(&plain)?;
        let gzip = encoder.finish()?;
        Ok(Some(Arc::new(Self { plain: Coded::of(plain), gzip: Coded::of(gzip) })))
    }
}

impl Coded {
    fn of(bytes: Vec<u8>) -> Self {
        let digest = Sha256::digest(&bytes);
        let hash: u128 = digest[..16].iter().fold(0, |hash, byte| hash << 8 | u128::from(*byte));
        Self { bytes: bytes.into(), tag: format!("\"{hash:032x}\"") }
    }
}
