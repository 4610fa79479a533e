use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::shift::TileShift;
use crate::boundary::{LayerName, Position};
use crate::snapshot::LayerSnapshot;
use crate::tile::{LayerTiles, TileAddress, TileLayers};
use crate::topology::ValidCoverage;

/// Bytes of finished tiles kept ready. A district's tiles of all zooms need about 20 MiB, a large city's visited ones a few times that.
const CACHE_BYTES_MAX: u64 = 256 << 20;

/// Borders shrink little more above this level, which costs half of the usual one's time.
const GZIP_LEVEL: u32 = 4;

/// The tiles of the layers that the current snapshot holds, and those of them that were asked for.
#[derive(Debug)]
pub struct TileCache {
    layers: Mutex<Vec<Entry>>,
    /// By the serial numbers of the layers that make up a tile.
    finished: Cache<(Vec<u64>, TileAddress), FinishedTile>,
    next_serial: AtomicU64,
}

/// The tiles of one generation of a layer. They live as long as its coverage is the current one.
#[derive(Clone, Debug)]
struct Entry {
    layer: LayerName,
    shift: Option<TileShift>,
    coverage: Arc<ValidCoverage>,
    serial: u64,
    tiles: Arc<LayerTiles>,
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

impl Default for TileCache {
    fn default() -> Self {
        let weight = |_: &(Vec<u64>, TileAddress), tile: &FinishedTile| {
            let bytes = tile.as_ref().map_or(0, |tile| tile.plain.bytes.len() + tile.gzip.bytes.len());
            // An entry's own cost, so that millions of empty tiles are bounded too.
            u32::try_from(bytes + 256).unwrap_or(u32::MAX)
        };
        Self {
            layers: Mutex::default(),
            finished: Cache::builder().weigher(weight).max_capacity(CACHE_BYTES_MAX).build(),
            next_serial: AtomicU64::default(),
        }
    }
}

impl TileCache {
    /// Returns the tiles of a layer, which are made anew where a new generation has taken its place.
    pub fn layer(&self, layer: &LayerSnapshot, shift: Option<TileShift>) -> Arc<LayerTiles> {
        self.entry(layer, shift).tiles
    }

    /// Returns a tile of several layers together. Takes a while where it is asked for the first time.
    ///
    /// # Errors
    /// A tile that cannot be written.
    pub fn tile(&self, layers: &[Arc<LayerSnapshot>], shift: Option<TileShift>, address: TileAddress) -> Result<FinishedTile, TileError> {
        let entries: Vec<Entry> = layers.iter().map(|layer| self.entry(layer, shift)).collect();
        let key = (entries.iter().map(|entry| entry.serial).collect(), address);
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
        made.map_err(|error: Arc<TileError>| TileError::clone(&error))
    }

    fn entry(&self, layer: &LayerSnapshot, shift: Option<TileShift>) -> Entry {
        let mut entries = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        let name = &layer.layer().name;
        let is_same = |entry: &&Entry| entry.layer == *name && entry.shift == shift;
        if let Some(entry) = entries.iter().filter(is_same).find(|entry| Arc::ptr_eq(&entry.coverage, layer.coverage())) {
            return entry.clone();
        }
        entries.retain(|entry| !is_same(&entry));
        let coverage = Arc::clone(layer.coverage());
        let description = TileLayers::default();
        let tiles = match shift {
            None => LayerTiles::build(Arc::clone(&coverage), &description),
            Some(shift) => {
                let apply = move |position: Position| shift.apply(position);
                LayerTiles::build_shifted(Arc::clone(&coverage), &description, Box::new(apply))
            }
        };
        let serial = self.next_serial.fetch_add(1, Ordering::Relaxed);
        let entry = Entry { layer: name.clone(), shift, coverage, serial, tiles: Arc::new(tiles) };
        entries.push(entry.clone());
        entry
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
