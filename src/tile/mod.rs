//! Vector tiles cut from the arcs of a coverage, so that neighbours stay joined.
//!
//! Each arc is simplified once, with its ends fixed and never across a vertex of another arc. For each zoom all
//! arcs are rounded together onto one grid that spans the world, so that neighbouring units and neighbouring tiles
//! agree to the unit. Tiles are cut along lines that were part of that rounding; cutting makes no new vertex.

mod address;
mod borders;
mod clip;
mod coding;
mod figures;
mod label;
mod layers;
mod packed;
mod patch;
mod points;
mod ring;
mod select;
mod simplify;
mod snap;
mod tiles;
mod wire;
mod words;
mod zoom;

pub use address::{Matrix, TileAddress, TileRange, to_world, zoom_to_see};
pub use coding::Coding;
pub use figures::UnitFigures;
pub use layers::{BorderTiles, ClusterTiles, LevelTiles, TileField, TileLayers, TileLayersError};
pub use patch::TileChanges;
pub use points::{PlaceKey, PlaceRect, PlaceSum, PointFeature, write_points};
pub use select::{PassingUnits, TileChoice, Wanted};
pub use tiles::{BORDERS, LayerTiles, VectorLayer};
pub use wire::TileTooLarge;

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).expect("arcs, their vertices and units are counted in 32 bits")
}
