//! Drafts that are edited: a generation in the state of a draft, and the log of what was done to it.
//!
//! A [`DraftSession`] is the draft as of the newest entry that it knows. Whoever edits does a step in it, writes the entry, and confirms
//! it; a step whose entry could not be written leaves the session astray, and the next one begins from the store.

mod beginning;
mod layer;
mod lineage;
mod publication;
mod readiness;
mod session;
mod text;

pub use beginning::{Beginning, beginning_of};
pub(super) use layer::{coverage_of, load_draft_layer};
pub use layer::{load_drawn, load_drawn_coverage, load_drawn_from};
pub use lineage::{BrokenLock, Inherited, entries_of_import};
pub use publication::{NotPublished, Prepared, Wish, prepare};
pub use readiness::{Drawing, Readiness, draw, look_over};
pub use session::{Approval, DraftEnd, DraftError, DraftSession, LoggedEntry, spent_codes};
pub use text::{NAMED_UNITS_MAX, OPERATIONS_MAX, TextError, operations_to_json, parse_operations, parse_polygons};
