//! A spatial service for grid boundaries: which grid is this point in, and who answers for it now?
//!
//! The modules stand in the order in which data travels. ARCHITECTURE.md is the map.

pub mod boundary;
pub mod topology;

pub mod index;

pub mod dispatch;

pub mod lineage;

pub mod plan;

pub mod tile;

pub mod filter;

pub mod snapshot;

pub mod import;
pub mod store;

pub mod history;

pub mod export;
pub mod sample;

#[cfg(feature = "datafusion")]
pub mod functions;

pub mod api;

pub mod app;
pub mod cli;
pub mod config;
pub mod telemetry;
