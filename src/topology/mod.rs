//! The planar arc store: every shared border once, with the unit on its left and on its right.
//!
//! [`check`] is the way in. It finds every problem of the shapes it is given, repairs what lies within
//! the tolerance, and makes a [`ValidCoverage`] only where nothing but accepted faults is left.
//! [`ValidCoverage::patched`] makes the next one from it where few units differ and the same parts vouch for them.
//! Everything that reads borders reads them here: lookup, tiles, neighbours, lengths.

mod arcs;
mod arrange;
mod build;
mod bytes;
#[cfg(test)]
pub(crate) mod cases;
mod codes;
mod coverage;
mod faces;
mod feature;
mod hairline;
mod measure;
mod mesh;
mod neighbours;
mod nest;
mod noding;
mod pairs;
mod patch;
mod plane;
mod report;
mod seal;
mod seams;
mod snap;
mod validate;
mod vertices;

#[cfg(test)]
pub(crate) use patch::town;

pub use arcs::{ArcId, ArcRef, ArcStore, Sides, UnitIndex};
pub use coverage::{CoverageLevel, ValidCoverage};
pub use measure::Border;
pub use neighbours::{Neighbour, Neighbours};
pub(crate) use noding::{meet, orientation};
pub use patch::{Changes, LevelChanges, LevelDelta, Patched, Unpatched};
pub use plane::Plane;
pub use seal::{GeometryDigest, Seal, restore};
pub use validate::{Checked, LevelSummary, Rules, SNAP_M_DEFAULT, VertexMove, check, find_problems};
