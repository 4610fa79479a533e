use std::fmt;

use jiff::Timestamp;

use super::layer::LayerName;

/// The number of a generation within its layer, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GenerationId(pub u32);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One version of all boundaries of a layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Generation {
    pub id: GenerationId,
    pub layer: LayerName,
    pub state: GenerationState,
    /// When it takes effect, which may lie ahead.
    pub effective_from: Timestamp,
    pub created_at: Timestamp,
    pub author: String,
    pub note: String,
    /// The generation it was made from.
    pub parent: Option<GenerationId>,
    /// The earlier generation whose boundaries it brings back, where it rolls back.
    pub restores: Option<GenerationId>,
}

impl Generation {
    /// Returns the generation whose boundaries this one began with: the one it restores, else its parent.
    pub fn origin(&self) -> Option<GenerationId> {
        self.restores.or(self.parent)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenerationState {
    Draft,
    Published,
}
