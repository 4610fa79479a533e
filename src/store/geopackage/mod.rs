//! A store in one file that any GIS opens: SQLite laid out as a GeoPackage 1.3 (OGC 12-128r17).
//!
//! `connection` opens the file and keeps its writer and readers, `migrate` lays it out, `geometry` packs and unpacks
//! geometries; each of the others holds what one kind of record needs. A GIS sees a view for each level,
//! see docs/decisions/0002-geopackage-layout.md.

mod addresses;
mod any_features;
mod backend;
mod cases;
mod connection;
mod drafts;
mod features;
mod foreign;
mod generations;
mod geometry;
mod keys;
mod ledger;
mod lives;
mod migrate;
mod people;
mod photos;
mod publish;
mod roster;
mod rules;
mod transfer;
mod views;
mod webhooks;

pub use any_features::{AnyError, AnyFeature, write_any_features};
pub use backend::GeoPackageStore;
pub use features::{FeatureFileError, FeatureTable, write_feature_file};
pub use foreign::{ForeignError, ForeignFeature, ForeignLayer, list_layers, read_features, split_geopackage};
