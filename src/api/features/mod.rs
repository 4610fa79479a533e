//! Boundaries for GIS clients: OGC API Features, part 1, at the root.
//!
//! A collection is one level of one layer; `incidents` is one more, which the public never sees. `items` and `item` read
//! the request's snapshot; only `incidents` reads the store.

pub mod collections;
mod filter;
pub mod incidents;
pub mod items;
pub mod landing;
mod write;

pub use incidents::scoped_prefix;
