//! Maps for the eye: vector tiles of the current generation or another, what they hold, and how to draw them.
//!
//! An empty tile inside the world is 204; a tile outside the world, or of a zoom for which none are made, is 404.

mod boundaries;
mod cache;
mod shift;
mod style;
mod tilejson;

pub use boundaries::{__path_show_tile, __path_show_tileset, show_tile, show_tileset};
pub use cache::TileCache;
pub use shift::TileShift;
pub use style::{__path_show_style, show_style};
pub use tilejson::attribution_line;
