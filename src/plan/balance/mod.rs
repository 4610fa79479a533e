//! Base units into districts of equal load: each in one piece, none across a parent, locked units where they are.
//!
//! [`balance`] cuts a task into communities and works on all at once. In each it starts from today's plan or from a bisection, carries load
//! across districts by a flow of least cost, and improves clusters of neighbours: polish, chains of moves, and splits along random trees.
//! `docs/decisions/` says why.

mod bisect;
mod bridges;
mod chains;
mod clusters;
mod community;
mod contiguity;
mod flow;
mod polish;
mod recombine;
mod region;
mod restructure;
mod run;
mod solve;
mod state;
mod task;
#[cfg(test)]
mod tests;
mod transport;
mod watch;

pub use region::Bounds;
pub use run::{balance, foresee};
pub use solve::effort_for;
pub use task::{CommunityPlan, EFFORT_DEFAULT, Finding, Limit, Mode, Numbers, Plan, PlannedDistrict, Task, TaskError, Why};
pub use watch::{OnProgress, Progress};
