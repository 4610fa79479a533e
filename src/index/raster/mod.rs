mod batch;
mod block;
mod build;
mod crossing;
mod edges;
mod exact;
mod frame;
mod mesh;
mod names;
mod probe;
mod raster;
mod record;
mod simd;

pub(super) use exact::Place;
pub(super) use raster::{Difference, Ground, Raster};
pub use simd::Path;
