//! Lookups: one position by GET, as many as a caller has by POST.
//!
//! `ask` turns what a caller gives into a question for the snapshot, and its answer into what this caller may see. A body of many records
//! is cut into records by `split`, answered by one of the four forms in `form`, and sent as it is read by `many`: nothing but the piece at
//! hand is held. Where only the unit and the status are asked, records that are written as most are go by `plain` and `quick`.

mod ask;
mod form;
mod many;
mod one;
pub mod plain;
mod quick;
mod split;

pub(super) use ask::{Asker, Fields, Given, Options, Question};
pub use many::{__path_locate_points, locate_points};
pub use one::{__path_locate_point, locate_point};
