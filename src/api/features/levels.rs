use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Bytes;
use moka::sync::Cache;
use rustc_hash::FxHashMap;

use super::units::unit_schema;
use crate::filter::Schema;
use crate::snapshot::{LayerKey, LayerSnapshot};
use crate::topology::UnitIndex;

/// What is learned of the levels that are asked for, once for each generation.
#[derive(Debug)]
pub struct KnownLevels {
    extents: Mutex<FxHashMap<LevelKey, Option<[f64; 4]>>>,
    levels: Mutex<FxHashMap<LevelKey, KnownLevel>>,
    texts: Texts,
    count: AtomicU64,
}

/// A level of a generation, by its depth.
type LevelKey = (LayerKey, usize);

/// The units of all known levels as they were written, by the number of the level and their own.
type Texts = Cache<(u64, u32), Bytes>;

/// What is known of one level of one generation.
#[derive(Clone, Debug)]
pub struct KnownLevel {
    /// What can be asked of its units.
    pub schema: Arc<Schema>,
    number: u64,
    texts: Texts,
}

/// Levels of which something is kept: a generation has as many as its layer, so this is dozens of generations. Each takes a few bytes,
/// and the texts of all have a bound of their own.
const LEVELS_MAX: usize = 256;

impl KnownLevels {
    /// Makes room for so many bytes of units that pages have shown.
    pub fn new(text_bytes_max: u64) -> Self {
        // An entry's own cost, so that small texts are bounded too.
        let weight = |_: &(u64, u32), text: &Bytes| u32::try_from(text.len() + 128).unwrap_or(u32::MAX);
        let texts = Cache::builder().weigher(weight).max_capacity(text_bytes_max).build();
        Self { extents: Mutex::default(), levels: Mutex::default(), texts, count: AtomicU64::new(0) }
    }

    /// Returns west, south, east and north of a level; none where it has no units. Measured once for each generation.
    pub fn extent(&self, layer: &LayerSnapshot, depth: usize) -> Option<[f64; 4]> {
        let key = (layer.key(), depth);
        let mut extents = self.extents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(extent) = extents.get(&key) {
            return *extent;
        }
        if extents.len() >= LEVELS_MAX {
            extents.clear();
        }
        let extent = measure_extent(layer, depth);
        extents.insert(key, extent);
        extent
    }

    /// Returns what is known of a level, where somebody has asked for it before.
    pub fn find(&self, layer: &LayerSnapshot, depth: usize) -> Option<KnownLevel> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner).get(&(layer.key(), depth)).cloned()
    }

    /// Returns what is known of a level; it is learned from all its units where nobody has asked before, which takes a while.
    pub fn learn(&self, layer: &LayerSnapshot, depth: usize) -> KnownLevel {
        if let Some(level) = self.find(layer, depth) {
            return level;
        }
        let schema = Arc::new(unit_schema(&layer.coverage().levels()[depth]));
        let level = KnownLevel { schema, number: self.count.fetch_add(1, Ordering::Relaxed), texts: self.texts.clone() };
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.len() >= LEVELS_MAX {
            levels.clear();
        }
        levels.insert((layer.key(), depth), level.clone());
        level
    }
}

impl KnownLevel {
    /// Writes the text of a unit: the one that is kept, or what `write` makes of it, which is kept then. Numbers of units take most of
    /// the time of a page, and neighbouring pages and boxes show the same units again and again.
    pub fn write_kept(&self, unit: UnitIndex, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let key = (self.number, unit.0);
        if let Some(text) = self.texts.get(&key) {
            out.extend_from_slice(&text);
            return true;
        }
        let start = out.len();
        if !write(out) {
            return false;
        }
        self.texts.insert(key, Bytes::copy_from_slice(&out[start..]));
        true
    }
}

fn measure_extent(layer: &LayerSnapshot, depth: usize) -> Option<[f64; 4]> {
    let arcs = layer.coverage().arcs();
    let borders = arcs.ids().filter(|arc| arcs.sides(*arc, depth).is_border());
    borders.flat_map(|arc| arcs.coords(arc)).fold(None, |extent, at| {
        let [west, south, east, north] = extent.unwrap_or([at.x, at.y, at.x, at.y]);
        Some([west.min(at.x), south.min(at.y), east.max(at.x), north.max(at.y)])
    })
}
