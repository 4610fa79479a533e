use jiff::Timestamp;

use crate::boundary::{Accepted, Generation, GenerationId, GenerationState, Layer, UnitCode, UnitShape};
use crate::dispatch::{Assignment, Case, CaseId, Role, Worker};
use crate::topology::ValidCoverage;

/// A generation about to be written. The coverage holds every level of the layer, unchanged ones too.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    pub coverage: &'a ValidCoverage,
    /// The generation this one was made from; publishing fails where it is no longer the newest.
    pub parent: Option<GenerationId>,
    pub state: GenerationState,
    pub effective_from: Timestamp,
    pub created_at: Timestamp,
    pub author: &'a str,
    pub note: &'a str,
}

/// A generation as it is read back: what [`crate::topology::check`] needs to make its coverage again.
#[derive(Clone, Debug)]
pub struct StoredGeneration {
    pub generation: Generation,
    pub layer: Layer,
    /// One list for each level of the layer, coarse to fine.
    pub shapes: Vec<Vec<UnitShape>>,
    /// The faults accepted when it was published.
    pub accepted: Accepted,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RosterData {
    pub workers: Vec<Worker>,
    pub assignments: Vec<Assignment>,
}

/// Which cases a page holds.
#[derive(Clone, Debug)]
pub struct CaseFilter {
    /// Only cases after this one, in the order of ids.
    pub after: Option<CaseId>,
    /// West, south, east, north, degrees.
    pub bbox: Option<[f64; 4]>,
    pub grid_prefix: Option<String>,
    pub category: Option<String>,
    pub limit: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CasePage {
    pub cases: Vec<Case>,
    /// How many match the filter, whatever the page.
    pub matched: usize,
    pub has_more: bool,
}

/// SHA-256 of a key. The key itself is shown once and never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 32]);

#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    pub hash: KeyHash,
    pub role: Role,
    /// Codes of the units that the key is limited to, their descendants included; empty for all.
    pub scope: Vec<UnitCode>,
    pub note: String,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}
