use jiff::Timestamp;

use crate::boundary::{GenerationId, Position, UnitCode};
use crate::dispatch::{CaseId, DepartmentId, Stage, WorkerId};

/// What indicators ask of a case: when each stage was due and done, where, and by whom at its time.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseFacts {
    pub id: CaseId,
    pub position: Position,
    pub category: String,
    pub source: String,
    pub reported_at: Timestamp,
    /// The grid, its generation and its holder when the case was reported, or as its place was corrected since.
    pub grid: Option<UnitCode>,
    pub generation: Option<GenerationId>,
    pub holder: Option<WorkerId>,
    pub filed_at: Option<Timestamp>,
    /// When it was found not to be one (不予立案).
    pub voided_at: Option<Timestamp>,
    /// Its lives one after another: the first, and another each time that it was reopened. Never empty of a case with a history.
    pub rounds: Vec<Round>,
    /// Whether it was taken up at all: filed, given to somebody, or settled.
    pub is_taken_up: bool,
    pub has_history: bool,
    /// When somebody was asked to look at the place before filing, and when it had been looked at.
    pub verifications: Vec<(Timestamp, Option<Timestamp>)>,
    /// The clocks of dispatching, checking and the whole; those of handling are the tasks'.
    pub stages: Vec<StageFacts>,
    pub tasks: Vec<TaskFacts>,
    pub returns: u32,
    pub reopenings: u32,
    pub is_extended: bool,
    /// A delay that was found to be nobody's fault is left out of what is counted as late or in time.
    pub is_delay_excused: bool,
    pub is_off_list: bool,
    /// 1 to 5.
    pub rating: Option<u8>,
    /// Whether another case was near it in place and time when it was reported.
    pub is_repeat: bool,
}

/// A case from its report or from when it was reopened until it was reopened again: what was settled in time stays so, whatever comes after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// When it was reopened; none of the first.
    pub began_at: Option<Timestamp>,
    /// When it was to be settled: by its total clock, else by the last of its tasks'.
    pub due_at: Option<Timestamp>,
    /// When it was settled; none of one that was voided.
    pub settled_at: Option<Timestamp>,
    /// When it was found not to be one.
    pub voided_at: Option<Timestamp>,
    /// When it was reopened after that.
    pub reopened_at: Option<Timestamp>,
    /// How often something was sent back meanwhile to be done again.
    pub reworks: u32,
}

/// A stage of a case with its clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageFacts {
    pub stage: Stage,
    pub started_at: Timestamp,
    /// None where there is no limit.
    pub due_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// What one department was to do. What it had done before a case was reopened, and does again after, is two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFacts {
    pub department: DepartmentId,
    pub is_lead: bool,
    pub given_at: Timestamp,
    pub accepted_at: Option<Timestamp>,
    pub due_at: Option<Timestamp>,
    pub done_at: Option<Timestamp>,
    /// It went back or on to another department, and is no longer this one's to do.
    pub is_gone: bool,
    /// When the case ended before it was done.
    pub cancelled_at: Option<Timestamp>,
    pub is_extended: bool,
}
