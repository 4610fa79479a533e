//! Point to unit: who owns a position, how far its border is, who lies across it.
//!
//! [`LayerIndex`] is the face. Behind it one tree of unit envelopes for each level answers who owns a point
//! (`rtree`, by the exact predicates of `ray`), one tree of border pieces answers distances (`border`, measured by `earth`), and
//! `holes` knows the gaps of each level. A faster owner test takes the place of `rtree` alone: see [`OwnerTest`].
//! Where few units change, [`LayerIndex::patched`] makes the next index from the one before; how, each part decides (`step`).

mod border;
mod distance;
mod earth;
mod frame;
mod holes;
mod layer;
mod located;
mod ray;
mod rtree;
mod step;

pub use layer::LayerIndex;
pub use located::{Located, Neighbour, Owner, Status};
pub use ray::{crosses_oddly, is_on};
pub use rtree::OwnerTest;
pub use step::Step;

#[cfg(test)]
mod tests;
