use jiff::Timestamp;

use super::definition::{ActionName, Effect, StateName};
use crate::boundary::{GenerationId, Position, UnitCode};
use crate::dispatch::{DepartmentId, DepartmentRole, Limit, Role, Stage, WorkerId};

/// Something that happened to a case. Events are added and never changed; what they say needs no workflow to be understood, so a city
/// may change its own while cases are open.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseEvent {
    /// Counted from 1 within the case.
    pub seq: u32,
    pub at: Timestamp,
    /// Who did it, in words that are not personal: a role, an id of the office's.
    pub author: String,
    pub role: Role,
    pub action: ActionName,
    pub effect: Effect,
    /// The state of the case from then on.
    pub state: StateName,
    /// Whether the case ends with it.
    pub is_end: bool,
    pub facts: Facts,
}

/// What an event says beside its move; each is empty where it says nothing of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    pub reason: String,
    /// The filing or closing condition.
    pub condition: String,
    /// The department whose task it is about.
    pub department: Option<DepartmentId>,
    /// Departments that get a task.
    pub departments: Vec<Appointed>,
    /// The collector who is asked, or the person who is named for a task.
    pub worker: Option<WorkerId>,
    /// Clocks that begin, or are due at another time from now on.
    pub clocks: Vec<ClockFact>,
    pub place: Option<Place>,
    /// What `place` takes the place of.
    pub place_before: Option<Place>,
    pub category: Option<String>,
    /// What `category` takes the place of.
    pub category_before: Option<String>,
    pub rating: Option<u8>,
    pub published: Option<bool>,
    /// A keeper did what is not on the list of what keepers may be given.
    pub is_off_list: bool,
    /// The address as it was given with the report; empty where none was.
    pub address: String,
    /// Where a picture of it can be had.
    pub media_url: String,
    /// Cases that may be about the same, with the distance in metres.
    pub duplicates: Vec<(crate::dispatch::CaseId, f64)>,
}

/// A department that gets a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appointed {
    pub department: DepartmentId,
    pub name: String,
    pub role: DepartmentRole,
}

/// A clock as an event leaves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockFact {
    /// The department whose task it times; none times the case.
    pub department: Option<DepartmentId>,
    pub stage: Stage,
    pub limit: Option<Limit>,
    /// None where no limit is known, or no calendar has as much work ahead.
    pub due_at: Option<Timestamp>,
}

/// Where a case is, and who answers there.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub position: Position,
    /// The position and reference system as they were given.
    pub given: String,
    pub district: Option<UnitCode>,
    pub grid: Option<UnitCode>,
    pub generation: Option<GenerationId>,
    pub holder: Option<WorkerId>,
}
