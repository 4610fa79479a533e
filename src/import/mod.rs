//! Boundary files in: formats, text encodings and reference systems are dealt with here, once, at the edge.

mod reproject;

pub use reproject::{Crs, CrsError, bd09_to_gcj02, bd09_to_wgs84, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02};
