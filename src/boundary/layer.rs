use std::fmt;
use std::sync::Arc;

use super::code::CodeScheme;
use super::level::{Level, NameError, check_name};

/// The name of a layer: `grid`, `police`. The rules are those of [`Level`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerName(Arc<str>);

impl LayerName {
    /// Parses a layer's name.
    ///
    /// # Errors
    /// Refuses a name that could not stand in an address or a table name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        check_name(name, "layer").map(|()| Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One partition of the territory with its levels, coarse to fine.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    pub name: LayerName,
    /// Coarse to fine; never empty once something is loaded.
    pub levels: Vec<Level>,
    /// How codes are made up; codes that do not fit are warned of, not refused.
    pub scheme: Option<CodeScheme>,
}

impl Layer {
    /// Returns the place of `level` in the order coarse to fine.
    pub fn depth_of(&self, level: &Level) -> Option<usize> {
        self.levels.iter().position(|l| l == level)
    }

    /// Returns the next coarser level.
    pub fn parent_of(&self, level: &Level) -> Option<&Level> {
        self.depth_of(level)?.checked_sub(1).map(|above| &self.levels[above])
    }

    /// Returns the id of the OGC collection that serves `level`: the level's own name in the
    /// layer `grid`, `layer.level` in every other.
    pub fn collection_id(&self, level: &Level) -> String {
        if self.name.as_str() == "grid" { level.to_string() } else { format!("{}.{level}", self.name) }
    }
}
