//! What tiles are cut from: the drawings of each generation of a layer, of which the current ones stay and others have a bounded room; and
//! how one is made into that of the generation that follows.

use std::sync::Arc;

use super::cache::Asked;
use super::shift::TileShift;
use crate::boundary::{GenerationId, LayerName, Position};
use crate::snapshot::LayerSnapshot;
use crate::tile::{LayerTiles, Matrix, TileChanges, TileLayers};

/// Generations drawn at once beside the current ones. More than anybody lays side by side, and few enough to weigh at every tile.
const OTHERS_MAX: usize = 32;

/// Publications that may follow each other before the drawings of the first are made into those of the last. Beyond them tiles are made
/// anew, with the same bytes.
const STEPS_MAX: usize = 8;

/// Publications that are remembered as to which tiles they changed. Beyond them a tile is made again, with the same bytes.
const EPOCHS_MAX: usize = 64;

/// How a layer is laid out in tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Drawing {
    pub matrix: Matrix,
    pub shift: Option<TileShift>,
}

/// What was drawn of the generations of all layers.
#[derive(Debug)]
pub struct Drawings {
    /// Least recently used first.
    pub entries: Vec<Entry>,
    /// The generations that the current snapshot holds.
    pub current: Vec<(LayerName, GenerationId)>,
    /// For entries of other generations.
    pub bytes_max: usize,
    /// What was drawn of generations that are no longer current, until the next is made of it. It is held beside the bound, for a moment.
    pub leaving: Vec<Leaving>,
}

/// A drawing that the next generation's is to be made of.
#[derive(Clone, Debug)]
pub struct Leaving {
    pub entry: Entry,
    /// The generations that came after it, oldest first, each made of the one before.
    pub steps: Vec<Arc<LayerSnapshot>>,
}

/// The drawing of one generation of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    layer: LayerName,
    pub generation: GenerationId,
    /// Of a draft, which changes under its number.
    revision: u32,
    drawing: Drawing,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub source: Source,
    /// The coverage lives as long as its tiles, so it counts here even where others hold it too.
    coverage_bytes: usize,
    pub tiles: Arc<LayerTiles>,
    /// Made for a generation that was not current, and so keeping less.
    pub is_seldom: bool,
    /// The generation whose tiles were made from nothing.
    base: GenerationId,
    /// The generations that followed up to this one, newest first, each with the tiles that it changed.
    pub epochs: Arc<[(GenerationId, Arc<TileChanges>)]>,
}

impl Source {
    pub fn of(layer: &LayerSnapshot, drawing: Drawing) -> Self {
        Self { layer: layer.layer().name.clone(), generation: layer.generation().id, revision: layer.revision(), drawing }
    }

    pub fn in_generation(&self, generation: GenerationId) -> Self {
        Self { generation, ..self.clone() }
    }

    pub fn is_among(&self, generations: &[(LayerName, GenerationId)]) -> bool {
        generations.iter().any(|(layer, generation)| (layer, generation) == (&self.layer, &self.generation))
    }
}

impl Leaving {
    /// Returns the drawing of the generation that came `last`, of the last one of all where none is named; none where nothing was drawn.
    pub fn followed(&self, last: Option<GenerationId>) -> Option<Entry> {
        let mut entry = self.entry.clone();
        for step in &self.steps {
            let generation = step.generation().id;
            entry = entry.followed(step, entry.source.in_generation(generation))?;
            if last == Some(generation) {
                break;
            }
        }
        Some(entry)
    }

    /// Returns the last of its generations, where its drawing becomes `source` with that one.
    pub fn last_of(&self, source: &Source) -> Option<GenerationId> {
        self.generations().last().filter(|last| self.entry.source.in_generation(*last) == *source)
    }

    pub fn generations(&self) -> impl Iterator<Item = GenerationId> {
        self.steps.iter().map(|step| step.generation().id)
    }
}

impl Drawings {
    /// Remembers what was drawn of the generation that `next` was made of, where that was current and is not followed yet.
    pub fn leave(&mut self, next: &Arc<LayerSnapshot>) {
        let Some(origin) = next.origin() else { return };
        let (name, generation) = (&next.layer().name, next.generation().id);
        for leaving in self.leaving.iter_mut().filter(|leaving| &leaving.entry.source.layer == name) {
            if leaving.generations().last() == Some(origin.generation) && leaving.steps.len() < STEPS_MAX {
                leaving.steps.push(Arc::clone(next));
            }
        }
        let is_drawn = |entry: &&Entry| !entry.is_seldom && (&entry.source.layer, entry.source.generation) == (name, origin.generation);
        let drawn = self.entries.iter().filter(is_drawn);
        let is_new = |entry: &&Entry| {
            let next = entry.source.in_generation(generation);
            self.find(&next).is_none() && self.leaving_to(&next).is_none()
        };
        let left: Vec<Leaving> =
            drawn.filter(is_new).map(|entry| Leaving { entry: entry.clone(), steps: vec![Arc::clone(next)] }).collect();
        self.leaving.extend(left);
    }

    pub fn leaving_to(&self, source: &Source) -> Option<Leaving> {
        let leads = |leaving: &&Leaving| {
            leaving.entry.source.in_generation(source.generation) == *source && leaving.generations().any(|step| step == source.generation)
        };
        self.leaving.iter().find(leads).cloned()
    }

    /// Returns an entry, and remembers that it was used.
    pub fn take(&mut self, source: &Source) -> Option<Entry> {
        let at = self.entries.iter().position(|entry| entry.source == *source)?;
        self.entries[at..].rotate_left(1);
        self.entries.last().cloned()
    }

    pub fn find(&self, source: &Source) -> Option<Entry> {
        self.entries.iter().find(|entry| entry.source == *source).cloned()
    }

    fn others(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| !entry.source.is_among(&self.current))
    }

    pub fn other_bytes(&self) -> usize {
        self.others().map(|(_, entry)| entry.bytes()).sum()
    }

    /// Drops entries of other generations, those not used for longest first, until the rest has room.
    pub fn shrink(&mut self) {
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
    pub fn new(layer: &LayerSnapshot, source: Source, described: &TileLayers, is_seldom: bool) -> Self {
        let coverage = Arc::clone(layer.coverage());
        let coverage_bytes = coverage.bytes();
        let tiles = match source.drawing.shift {
            None => LayerTiles::build(coverage, described),
            Some(shift) => {
                let apply = move |position: Position| shift.apply(position);
                LayerTiles::build_shifted(coverage, described, Box::new(apply))
            }
        };
        let tiles = tiles.in_matrix(source.drawing.matrix);
        let tiles = Arc::new(if is_seldom { tiles.seldom() } else { tiles });
        Self { base: source.generation, source, coverage_bytes, tiles, is_seldom, epochs: Arc::default() }
    }

    /// Returns the drawing of the generation that was made from this one; none where nothing was drawn of this one.
    pub fn followed(&self, layer: &LayerSnapshot, source: Source) -> Option<Self> {
        let (tiles, changes) = self.tiles.patched(Arc::clone(layer.coverage()), &layer.origin()?.changes)?;
        let known = self.epochs.iter().cloned();
        let mut epochs: Vec<_> = std::iter::once((source.generation, Arc::new(changes))).chain(known).collect();
        let mut base = self.base;
        if epochs.len() > EPOCHS_MAX {
            // What was made before it is not found any more.
            base = epochs.pop().map_or(base, |(generation, _)| generation);
        }
        let coverage_bytes = layer.coverage().bytes();
        Some(Self { source, coverage_bytes, tiles: Arc::new(tiles), is_seldom: self.is_seldom, base, epochs: epochs.into() })
    }

    /// Returns the source with the generation that last changed a tile. A filter may ask for more than tiles show, so its tiles are
    /// those of one generation.
    pub fn source_of(&self, asked: Asked<'_>) -> Source {
        if asked.filter.is_some() {
            return self.source.clone();
        }
        let changed = self.epochs.iter().find(|(_, changes)| changes.touch(asked.address));
        self.source.in_generation(changed.map_or(self.base, |(generation, _)| *generation))
    }

    fn bytes(&self) -> usize {
        self.coverage_bytes + self.tiles.bytes()
    }
}
