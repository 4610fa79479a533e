//! Which arcs end where. Those of the base stand in one sorted list, and places where that has changed in a map over it.

use geo_types::Coord;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

/// A place by the bits of its coordinates, both zeros being one.
pub(super) type Key = (u64, u64);

pub(super) fn key_of(c: Coord<f64>) -> Key {
    ((c.x + 0.0).to_bits(), (c.y + 0.0).to_bits())
}

#[derive(Debug, Default)]
pub(super) struct Nodes {
    base: Vec<(Key, u32)>,
    changed: FxHashMap<Key, Vec<u32>>,
}

impl Nodes {
    pub fn new<'a>(arcs: impl Iterator<Item = (u32, &'a [Coord<f64>])>) -> Self {
        let mut base: Vec<(Key, u32)> = Vec::new();
        for (arc, coords) in arcs {
            base.extend([coords[0], coords[coords.len() - 1]].map(|end| (key_of(end), arc)));
        }
        base.par_sort_unstable();
        Self { base, changed: FxHashMap::default() }
    }

    /// Returns the arcs that end at a place, ordered; one that begins and ends there stands twice.
    pub fn at(&self, place: Coord<f64>) -> Vec<u32> {
        let key = key_of(place);
        match self.changed.get(&key) {
            Some(arcs) => arcs.clone(),
            None => self.base_at(key).collect(),
        }
    }

    pub fn is_node(&self, place: Coord<f64>) -> bool {
        let key = key_of(place);
        self.changed.get(&key).map_or_else(|| self.base_at(key).next().is_some(), |arcs| !arcs.is_empty())
    }

    pub fn add(&mut self, place: Coord<f64>, arc: u32) {
        let arcs = self.change(key_of(place));
        arcs.insert(arcs.partition_point(|known| *known < arc), arc);
    }

    pub fn remove(&mut self, place: Coord<f64>, arc: u32) {
        let arcs = self.change(key_of(place));
        if let Ok(at) = arcs.binary_search(&arc) {
            arcs.remove(at);
        }
    }

    fn change(&mut self, key: Key) -> &mut Vec<u32> {
        let Self { base, changed } = self;
        changed.entry(key).or_insert_with(|| range_of(base, key).map(|(_, arc)| *arc).collect())
    }

    fn base_at(&self, key: Key) -> impl Iterator<Item = u32> + '_ {
        range_of(&self.base, key).map(|(_, arc)| *arc)
    }
}

fn range_of(base: &[(Key, u32)], key: Key) -> impl Iterator<Item = &(Key, u32)> {
    let from = base.partition_point(|(known, _)| *known < key);
    base[from..].iter().take_while(move |(known, _)| *known == key)
}
