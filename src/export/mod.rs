//! Boundaries go out here as files for other programs.

pub mod geojson;
