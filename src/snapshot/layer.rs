use std::sync::Arc;

use jiff::Timestamp;

use super::ids::UnitIds;
use crate::boundary::{Generation, GenerationId, Layer, LayerName, UnitId};
use crate::index::{LayerIndex, Search};
use crate::topology::{Changes, Patched, UnitIndex, ValidCoverage};

/// What tells one [`LayerSnapshot`] from another: generations do not change, but for the ends that later ones give to their units.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayerKey {
    pub layer: LayerName,
    pub generation: GenerationId,
    /// The newest published generation whose ends are known; none where nothing was published.
    pub newest: Option<GenerationId>,
    /// How many entries of a draft's log are done in it; 0 of everything else.
    pub revision: u32,
}

/// One generation of a layer, ready to answer.
#[derive(Debug)]
pub struct LayerSnapshot {
    generation: Generation,
    /// When the next generation takes effect, where one is published already.
    superseded_at: Option<Timestamp>,
    newest: Option<GenerationId>,
    revision: u32,
    is_public: bool,
    index: LayerIndex,
    ids: UnitIds,
    origin: Option<Origin>,
}

/// From which generation another was made, and with what changes.
#[derive(Clone, Debug)]
pub struct Origin {
    pub generation: GenerationId,
    pub changes: Arc<Changes>,
}

impl LayerSnapshot {
    /// Builds all that answers from this generation need. Takes seconds for 100,000 units; do it aside.
    pub fn build(
        generation: Generation,
        superseded_at: Option<Timestamp>,
        coverage: Arc<ValidCoverage>,
        is_public: bool,
        search: Search,
    ) -> Self {
        let ids = UnitIds::new(coverage.levels().len());
        let index = LayerIndex::build_aside(coverage, search);
        Self { newest: Some(generation.id), revision: 0, generation, superseded_at, is_public, index, ids, origin: None }
    }

    /// Waits for what makes lookups quicker and is being built aside.
    pub fn finished(self) -> Self {
        Self { index: self.index.finished(), ..self }
    }

    /// Says which published generation was the newest when this one was read; without it, this one was.
    pub fn with_newest(self, newest: Option<GenerationId>) -> Self {
        Self { newest, ..self }
    }

    /// Says how many entries of a draft's log are done in it.
    pub fn at_revision(self, revision: u32) -> Self {
        Self { revision, ..self }
    }

    pub fn revision(&self) -> u32 {
        self.revision
    }

    pub fn key(&self) -> LayerKey {
        LayerKey { layer: self.layer().name.clone(), generation: self.generation.id, newest: self.newest, revision: self.revision }
    }

    /// Returns the memory that is held, in bytes.
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.coverage().bytes() + self.index.bytes() + self.ids.bytes()
    }

    /// Builds what a generation needs from this one's, given the coverage that was made from this one's coverage. What is
    /// unchanged is shared.
    pub fn patched(&self, generation: Generation, superseded_at: Option<Timestamp>, next: Patched, is_public: bool) -> Self {
        let index = self.index.patched(Arc::new(next.coverage), &next.changes);
        let ids = UnitIds::new(index.coverage().levels().len());
        let origin = Some(Origin { generation: self.generation.id, changes: Arc::new(next.changes) });
        Self { newest: Some(generation.id), revision: 0, generation, superseded_at, is_public, index, ids, origin }
    }

    /// Returns from which generation's coverage this one's was made, for those who keep something of their own about both; none
    /// where it was read as a whole.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    pub fn layer(&self) -> &Layer {
        self.coverage().layer()
    }

    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    pub fn superseded_at(&self) -> Option<Timestamp> {
        self.superseded_at
    }

    /// Whether callers without a key may see it.
    pub fn is_public(&self) -> bool {
        self.is_public
    }

    pub fn coverage(&self) -> &Arc<ValidCoverage> {
        self.index.coverage()
    }

    pub fn index(&self) -> &LayerIndex {
        &self.index
    }

    /// Finds the unit of an id at a level.
    pub fn find_by_id(&self, depth: usize, id: UnitId) -> Option<UnitIndex> {
        self.ids.find(&self.coverage().levels()[depth], depth, id)
    }
}
