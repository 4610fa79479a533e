use std::fmt;

use jiff::Timestamp;
use uuid::Uuid;

use super::roster::WorkerId;
use crate::boundary::{GenerationId, Position, UnitCode};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CaseId(pub Uuid);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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

/// Who reported a case. All of it is personal: never in logs, tiles and exports, and shown only to those whose key reaches the case.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Reporter {
    pub name: String,
    pub phone: String,
    pub email: String,
}

impl Reporter {
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.phone.is_empty() && self.email.is_empty()
    }
}

/// Says nothing of what it holds, so that no log does.
impl fmt::Debug for Reporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reporter(…)")
    }
}
