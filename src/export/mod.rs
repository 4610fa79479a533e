//! What goes out as files for other programs and for people: boundaries as features and as tiles drawn ahead, indicators as tables and
//! as pages to print.

pub mod geojson;
mod hilbert;
mod pmtiles;
mod pyramid;
mod report;
pub mod table;

pub use pmtiles::write_pmtiles;
pub use pyramid::{About, Pyramid, PyramidError};
pub use report::Report;
