//! Boundaries go out here as files for other programs: features, and tiles drawn ahead.

pub mod geojson;
mod hilbert;
mod pmtiles;
mod pyramid;
pub mod table;

pub use pmtiles::write_pmtiles;
pub use pyramid::{About, Pyramid, PyramidError};
