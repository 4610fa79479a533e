//! Boundaries for GIS clients: OGC API Features, part 1, at the root.

pub mod landing;
