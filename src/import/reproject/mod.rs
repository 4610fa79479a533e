//! Brings coordinates of any reference system to lon, lat WGS 84, and back.
//!
//! Three ways: degrees that are already WGS 84 are left exactly as given, the offsets GCJ-02 and BD-09 go by
//! the published formula, and everything else goes through PROJ.

mod crs;
mod offset;
mod pool;

pub use crs::{Crs, CrsError};
pub use offset::{bd09_to_gcj02, bd09_to_wgs84, gcj02_to_bd09, gcj02_to_wgs84, wgs84_to_bd09, wgs84_to_gcj02};
