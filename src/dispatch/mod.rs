//! Who answers for a unit: workers, their posts and shifts, and what happened where.

mod incident;
mod role;
mod roster;
mod shift;

pub use incident::{Case, CaseId};
pub use role::Role;
pub use roster::{Assignment, Duty, Holder, Post, Roster, RosterMark, RosterTerm, Worker, WorkerId};
pub use shift::{Moment, Shift, ShiftError};
