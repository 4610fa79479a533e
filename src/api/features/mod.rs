//! Features for GIS clients: OGC API Features, parts 1 to 4, at the root.
//!
//! A collection is one level of one layer, a layer of a file that the operator offers, the table of responsibilities, or the incidents
//! or the roster, which the public never sees. Each is a [`source::Source`]; [`select`] finds what is asked of one, [`order`] sorts it,
//! [`write`] writes it. Only `incidents` and `roster` read the store, all else the request's snapshot and memory.

mod asked;
mod cases;
pub mod collections;
mod crs;
pub mod edit;
mod files;
mod filter;
pub mod incidents;
mod infer;
pub mod items;
pub mod landing;
mod levels;
mod matched;
mod order;
mod pages;
mod passing;
mod picked;
mod query;
pub mod queryables;
pub mod relations;
mod responsibilities;
mod roster;
mod select;
mod source;
mod sources;
mod table;
mod units;
mod write;

pub use crs::CRS84;
pub use levels::KnownLevels;
pub use passing::{FilterKey, UnitFilter, UnitFilterQuery};
pub use table::{TableFeature, TableSource};
