//! Units with their figures: the tileset `workload`, which says of each how many cases are open and late there, and how many of its
//! finest units nobody holds. Styles colour units by them.
//!
//! It tells of units alone, never where a case lies, so it may be public where the indicators are.

mod figures;
mod tileset;

pub use tileset::{__path_show_workload, __path_show_workload_tile, Workload, show_workload, show_workload_tile};
