//! How well cases are handled: counts over what happened, and indicators over counts, each with its formula and its denominator.
//!
//! `record` reads a case's history into `facts`, `counts` counts what is asked of it within a period, `list` says which share of which count each
//! indicator is, `evaluation` does so by unit, department or worker and ranks them, `places` finds where it happens again and again.

mod counts;
mod evaluation;
mod facts;
mod list;
mod places;
mod record;

pub use counts::{Counts, Period};
pub use evaluation::{Evaluated, Evaluation, Group, Grouping, rank};
pub use facts::{CaseFacts, Round, StageFacts, TaskFacts};
pub use list::{INDICATORS, Indicator, Measure, Weight, score};
pub use places::{HotSpot, PLACE_SIDE_M, RepeatPlace, find_hot_spots, find_repeat_places};
