//! Plans of new boundaries: base units weighed, put together into districts, measured, compared and staffed.
//!
//! [`BaseGraph`] is read off a coverage; everything else works on numbers of units and loads. [`balance`] makes a plan, [`Measures`] are
//! what is shown of any plan, [`apportion`] shares workers out before a border is moved.

mod balance;
mod compactness;
mod compare;
pub mod edit;
mod evenness;
mod graph;
mod ground;
mod holes;
mod measures;
mod staffing;
mod workload;

pub use balance::{
    Bounds, CommunityPlan, EFFORT_DEFAULT, Finding, Mode, Numbers, OnProgress, Plan, PlannedDistrict, Progress, Task, TaskError, Why,
    balance, effort_for,
};
pub use compactness::{Compactness, Ground, compactness};
pub use compare::{Change, changes, variation_of_information};
pub use evenness::Evenness;
pub use graph::{BaseGraph, BaseUnit, Beside};
pub use ground::{base_graph, ground_of};
pub use measures::{Against, CommunityLoad, DistrictMeasures, Measured, Measures, measure};
pub use staffing::{ApportionError, Apportionment, Staffing, apportion, fewest_under};
pub use workload::{CaseWeights, SLOWEST, Term, WeighedCase, Workload, walk_m};
