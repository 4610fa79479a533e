//! Point to unit: who owns a position, how far its border is, who lies across it.
//!
//! [`LayerIndex`] is the face, [`GridIndex`] the small one of other programs. Behind it one tree of unit envelopes for each level answers who owns a point
//! (`rtree`, by the exact predicates of `ray`), one tree of border pieces answers distances (`border`, measured by `earth`), and
//! `holes` knows the gaps of each level. The finest level has a raster of cells besides (`raster`), which answers most points at once and
//! never otherwise than the tree; `finest` answers for the levels above it where the parents' table says the same.
//! Where few units change, [`LayerIndex::patched`] makes the next index from the one before; how, each part decides (`step`).

mod ahead;
mod aside;
mod border;
mod codes;
mod distance;
mod earth;
mod finest;
mod frame;
mod grid;
mod holes;
mod layer;
mod located;
mod raster;
mod ray;
mod rtree;
mod step;

pub use grid::GridIndex;
pub use layer::{LayerIndex, Search};
pub use located::{Located, MaybeUnit, Neighbour, Owner, Status};
pub use raster::{Path, fetch};
pub use ray::{crosses_oddly, is_on};
pub use step::Step;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod tests;
