//! Plans for a draft: the units of a level shared out anew among their districts, and how many workers each community should have.
//!
//! A plan changes nothing. Its result carries the operation that would, to be sent as any other change is, so that the draft's own checks,
//! its log and undo hold for it.

mod events;
mod routes;
mod runs;
mod staffing;
mod wanted;

pub use routes::{__path_balance_draft, __path_stop_balance, balance_draft, stop_balance};
pub use runs::Runs;
pub use staffing::{__path_staff_draft, staff_draft};
