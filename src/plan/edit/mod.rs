//! Redraws boundaries: operations on a coverage held as arcs, none of which can open a gap or make an overlap.
//!
//! A [`Draft`] begins as a coverage that is whole. Each [`Operation`] writes arcs with the units on both their sides, so that a border
//! stays one border whatever moves; what would cross a parent, tear a unit, touch a lock or meet another border is turned away with its
//! place. A step keeps what it wrote over, so that it is undone and done again to the bit.

mod board;
mod codes;
mod counted;
mod cover;
mod cut;
mod divide;
mod draft;
mod finding;
mod foundation;
mod gather;
mod line;
mod nearby;
mod nodes;
mod operation;
mod reassign;
mod refusal;
mod reshape;
mod rings;
mod snapping;
#[cfg(test)]
mod tests;
mod transaction;
mod vertex;
mod view;

pub use counted::Recounted;
pub use divide::LINE_CORNERS_MAX;
pub use draft::Draft;
pub use foundation::Foundation;
pub use operation::{Move, Operation, Reach, Rings};
pub use refusal::{Reason, Refusal, Refused};
pub use snapping::{SNAP_WITHIN_M_DEFAULT, SNAP_WITHIN_M_MAX};
pub use view::{ChangedUnit, DraftUnit, LevelMeasures, Member, StepChange, StepUnit, UnitChange};
