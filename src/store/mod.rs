//! Where boundaries, generations, rosters, keys and cases are kept.
//!
//! One trait, and one conformance suite that every back end passes. Calls block: whoever serves requests
//! makes them on threads kept for blocking work, and lookups never make any.

mod error;
mod records;

use jiff::Timestamp;

pub use error::StoreError;
pub use records::{CaseFilter, CasePage, KeyHash, KeyRecord, Publication, RosterData, StoredGeneration};

use crate::boundary::{Generation, GenerationId, Layer, LayerName};
use crate::dispatch::Case;

pub trait Store: Send + Sync {
    /// Returns the layers in the order of their names.
    fn load_layers(&self) -> Result<Vec<Layer>, StoreError>;

    /// Writes a generation whole or not at all. Units whose code, geometry and attributes are those of the
    /// parent generation keep their id and dates; codes known from any generation keep their id.
    fn publish(&self, publication: Publication<'_>) -> Result<Generation, StoreError>;

    /// Returns the generations of a layer, oldest first.
    fn load_generations(&self, layer: &LayerName) -> Result<Vec<Generation>, StoreError>;

    /// Returns all units of one generation.
    fn load_generation(&self, layer: &LayerName, generation: GenerationId) -> Result<StoredGeneration, StoreError>;

    /// Replaces the roster; what it held before is kept, ended.
    fn replace_roster(&self, roster: &RosterData, author: &str, at: Timestamp) -> Result<(), StoreError>;

    fn load_roster(&self) -> Result<RosterData, StoreError>;

    /// Adds cases, all or none. A case whose id is known is left as it is.
    fn add_cases(&self, cases: &[Case]) -> Result<(), StoreError>;

    /// Returns one page of cases in the order of their ids.
    fn load_cases(&self, filter: &CaseFilter) -> Result<CasePage, StoreError>;

    fn add_key(&self, key: &KeyRecord) -> Result<(), StoreError>;

    fn load_keys(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Returns a number that changes whenever a publication, a roster or a key was written, by this process or another.
    fn load_version(&self) -> Result<u64, StoreError>;
}
