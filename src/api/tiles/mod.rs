//! Maps for the eye: vector tiles of the current generation or another, what they hold, and how to draw them.
//!
//! Tiles are had in two ways: column before row on the short path, with TileJSON, and row before column as OGC API Tiles has
//! it, in several matrix sets. Both send the same bytes. An empty tile inside the world is 204; a tile outside the world, or
//! of a zoom for which none are made, is 404.

mod boundaries;
mod cache;
mod choice;
mod drawings;
mod incidents;
mod matrix;
mod metadata;
mod ogc;
mod send;
mod shift;
mod sprite;
mod style;
mod subject;
mod tilejson;
mod workload;

pub use boundaries::{__path_show_boundaries, __path_show_boundaries_tile, show_boundaries, show_boundaries_tile};
pub use cache::TileCache;
pub use drawings::Drawing;
pub use incidents::{__path_show_incidents, __path_show_incidents_tile, CaseMap, show_incidents, show_incidents_tile};
pub use matrix::{__path_find_tile_matrix_set, __path_list_tile_matrix_sets, find_tile_matrix_set, list_tile_matrix_sets};
pub use metadata::{TILEJSON, TILESETS_REL, TILING_SCHEMES_REL};
pub use ogc::{
    __path_find_collection_tileset, __path_find_tileset, __path_list_collection_tilesets, __path_list_tilesets,
    __path_show_collection_tile, __path_show_tile, find_collection_tileset, find_tileset, list_collection_tilesets, list_tilesets,
    show_collection_tile, show_tile,
};
pub use shift::TileShift;
pub use sprite::{__path_show_sprite, show_sprite};
pub use style::{__path_show_style, show_style};
pub use workload::{__path_show_workload, __path_show_workload_tile, Workload, show_workload, show_workload_tile};
