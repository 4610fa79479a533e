//! The finest level in cells: most know their unit, the others the border in them.
//!
//! `frame` lays the cells and turns positions into fixed point, `mesh` says which cells an edge touches. `build` writes tiles of cells
//! into a `block`, each border as a `record` of its `edges`; `plane` puts them together and follows changes, with `names` for units that
//! got other numbers. `probe` looks a position up in a record by whole numbers, `exact` by exact predicates on its `crossing`s, `batch` and
//! `simd` many at once. `docs/lookup.md` has the method, with pictures and bounds.

mod batch;
mod block;
mod build;
mod crossing;
mod edges;
mod exact;
mod frame;
mod mesh;
mod names;
mod plane;
mod probe;
mod record;
mod simd;

pub(super) use exact::{Place, has_tiny};
pub(super) use plane::{Difference, Ground, Raster};
pub use simd::{Path, fetch};
