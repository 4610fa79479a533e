use jiff::Timestamp;

use super::definition::{ActionName, Effect, StateName};
use crate::boundary::{GenerationId, Position, UnitCode};
use crate::dispatch::{DepartmentId, DepartmentRole, Limit, PhotoId, Role, Stage, WorkerId};

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
    /// Departments whose open tasks end undone with the case.
    pub cancelled: Vec<DepartmentId>,
    /// The collector who is asked, the person who is named for a task, or the one who has appealed by a key of their own.
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
    /// What is told of a clock: that of the task of `department`, or of the case.
    pub alarm: Option<AlarmFact>,
    /// The ruling by which the place is taken for a unit's.
    pub ruling: Option<RulingId>,
    /// The photo that was added.
    pub photo: Option<PhotoId>,
    /// The photos that may be shown to all from now on.
    pub photos: Vec<PhotoId>,
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
    /// When it is told that little is left.
    pub warn_at: Option<Timestamp>,
}

/// What is told of a clock, and when the next word about it is due if nothing happens. The next word stands in the event, so that
/// what is to be waited for is known from the history alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmFact {
    pub stage: Stage,
    /// The due time that is meant: a clock that is due at another time is told of anew.
    pub due_at: Timestamp,
    pub word: Word,
    pub next: Option<NextWord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Little is left.
    Soon,
    /// It has run out.
    Overdue,
    /// It has been over for so long that somebody higher up is to know.
    Level { level: u8, to: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NextWord {
    pub at: Timestamp,
    pub word: Word,
}

impl Word {
    pub fn effect(&self) -> Effect {
        match self {
            Self::Soon => Effect::DueSoon,
            Self::Overdue => Effect::Overdue,
            Self::Level { .. } => Effect::Escalate,
        }
    }
}

/// A dispatcher's ruling on whose a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RulingId(pub uuid::Uuid);

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
    /// Metres to the border, where it is so near that the grid is in doubt.
    pub border_m: Option<f64>,
}
