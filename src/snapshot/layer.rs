use std::sync::Arc;

use jiff::Timestamp;

use crate::boundary::{Generation, Layer};
use crate::index::LayerIndex;
use crate::topology::{Patched, ValidCoverage};

/// One generation of a layer, ready to answer.
#[derive(Debug)]
pub struct LayerSnapshot {
    generation: Generation,
    /// When the next generation takes effect, where one is published already.
    superseded_at: Option<Timestamp>,
    is_public: bool,
    index: LayerIndex,
}

impl LayerSnapshot {
    /// Builds all that answers from this generation need. Takes seconds for 100,000 units; do it aside.
    pub fn build(generation: Generation, superseded_at: Option<Timestamp>, coverage: Arc<ValidCoverage>, is_public: bool) -> Self {
        Self { generation, superseded_at, is_public, index: LayerIndex::build(coverage) }
    }

    /// Builds what a generation needs from this one's, given the coverage that was made from this one's coverage. What is
    /// unchanged is shared.
    pub fn patched(&self, generation: Generation, superseded_at: Option<Timestamp>, next: Patched, is_public: bool) -> Self {
        let index = self.index.patched(Arc::new(next.coverage), &next.changes);
        Self { generation, superseded_at, is_public, index }
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
}
