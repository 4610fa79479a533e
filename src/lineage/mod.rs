//! Old boundaries to new ones: which unit's ground went to which unit, with its area, its cases and its residents.
//!
//! [`LevelComparison::new`] takes the units of a level in which two generations differ and lays the ones over the others. Units that
//! are alike in both need not be given: ground that a unit has lost or gained was its own or a changed neighbour's.

mod comparison;
mod kind;
mod overlay;
mod owner;
mod residents;

#[cfg(test)]
mod tests;

pub use comparison::{Counts, Keeper, Keeping, LevelComparison, Load, Residents, Transfer};
pub use kind::Kind;
pub use overlay::{SLIVER_M2, SLIVER_WIDTH_M, Slivers};
pub use owner::{Owned, UnitFinder};
pub use residents::{RESIDENTS_NAMES, find_residents_field};
