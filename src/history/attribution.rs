use std::sync::Arc;

use super::comparison::HistoryError;
use crate::boundary::{Generation, GenerationId, LayerName, Position, UnitCode};
use crate::index::{LayerIndex, Search};
use crate::store::Store;
use crate::topology::{Rules, check};

/// Which unit of a generation a position lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// None where no unit of the finest level owns the position.
    pub grid: Option<UnitCode>,
    pub generation: GenerationId,
}

/// Finds the units that positions lie in by the boundaries of one generation. What was recorded of a case stays as it is.
#[derive(Clone, Debug)]
pub struct Attributor {
    index: Arc<LayerIndex>,
    generation: Generation,
}

/// Loads a generation, checks it and builds its index: seconds for 100,000 units.
///
/// # Errors
/// The store fails, has no such generation, or holds one that no longer passes its check.
pub fn load_attributor(store: &dyn Store, layer: &LayerName, generation: GenerationId) -> Result<Attributor, HistoryError> {
    let stored = store.load_generation(layer, generation)?;
    let rules = Rules { snap_m: 0.0, accepted: stored.accepted, ..Rules::default() };
    let checked = check(&stored.layer, stored.shapes, &rules);
    let Some(coverage) = checked.coverage else { return Err(HistoryError::Invalid { layer: layer.clone(), generation }) };
    // For one list of cases a raster does not pay.
    let index = Arc::new(LayerIndex::build(Arc::new(coverage), Search::Rtree));
    Ok(Attributor { index, generation: stored.generation })
}

impl Attributor {
    pub fn new(index: LayerIndex, generation: Generation) -> Self {
        Self { index: Arc::new(index), generation }
    }

    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    pub fn index(&self) -> &LayerIndex {
        &self.index
    }

    pub fn attribute(&self, position: Position) -> Attribution {
        attribute(&self.index, self.generation.id, position)
    }
}

/// Finds the unit of the finest level that owns a position, by the index of a generation.
pub fn attribute(index: &LayerIndex, generation: GenerationId, position: Position) -> Attribution {
    let coverage = index.coverage();
    let grid = coverage.finest_depth().and_then(|depth| {
        let unit = index.owner(position, depth).unit?;
        Some(coverage.levels()[depth].unit(unit).code.clone())
    });
    Attribution { grid, generation }
}
