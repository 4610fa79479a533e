//! Plans of new boundaries: base units weighed, put together into districts, measured, compared and staffed.
//!
//! [`BaseGraph`] is read off a coverage; everything else works on numbers of units and loads. [`balance`] makes a plan, [`Measures`] are
//! what is shown of any plan, [`apportion`] shares workers out before a border is moved. A [`Base`] has units with their names, of which
//! a [`Proposal`] is made for people, as a [`StaffTable`] is of a [`Census`].

mod balance;
mod base;
mod census;
mod compactness;
mod compare;
pub mod edit;
mod evenness;
mod graph;
mod ground;
mod holes;
mod measures;
mod proposal;
mod seeds;
mod sentences;
mod staff_table;
mod staffing;
mod wishes;
mod workload;

pub use balance::{
    Bounds, CommunityPlan, EFFORT_DEFAULT, Finding, Limit, Mode, Numbers, OnProgress, Plan, PlannedDistrict, Progress, Task, TaskError,
    Why, balance, effort_for, foresee,
};
pub use base::{Base, BaseError, Named, Variable, home_of, weigh_together};
pub use census::Census;
pub use compactness::{Compactness, Ground, compactness};
pub use compare::{Change, changes, variation_of_information};
pub use evenness::Evenness;
pub use graph::{BaseGraph, BaseUnit, Beside};
pub use ground::{base_graph, ground_of};
pub use measures::{Against, CommunityLoad, DistrictMeasures, Measured, Measures, measure};
pub use proposal::{Explained, LOAD_MAX, Proposal, ProposalError, TOLERANCE_DEFAULT, VariableEvenness, Wanted, explain};
pub use sentences::{figure, percent};
pub use staff_table::{StaffError, StaffQuestion, StaffRow, StaffTable};
pub use staffing::{ApportionError, Apportionment, Staffing, apportion, fewest_under};
pub use wishes::{WishError, Wishes};
pub use workload::{CaseWeights, SLOWEST, Term, WeighedCase, Workload, walk_m};
