use jiff::Timestamp;
use uuid::Uuid;

use super::roster::WorkerId;
use crate::boundary::{GenerationId, Position, UnitCode};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId(pub Uuid);

/// Something that happened somewhere, with the grid and the holder of its own time.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub id: CaseId,
    pub position: Position,
    /// The position and reference system as they were given, for the record.
    pub given: String,
    pub category: String,
    pub description: String,
    pub source: String,
    pub reported_at: Timestamp,
    /// The coarsest unit that held the position, by which large tables of cases are kept apart.
    pub district: Option<UnitCode>,
    pub grid: Option<UnitCode>,
    pub generation: Option<GenerationId>,
    pub holder: Option<WorkerId>,
}
