//! Cases on the map: the tileset `incidents`, in which those of one square of a tile are one point that counts them.
//!
//! [`board::Board`] holds where all cases lie and follows their events; a tile is drawn from the run of them that lies in it, and kept
//! until one of these changes or falls due. Cases are not public, so neither are these tiles.

mod board;
mod draw;
mod query;
mod tileset;

pub use board::{Board, BoardError, CaseMap};
pub use query::is_overdue;
pub use tileset::{__path_show_incidents, __path_show_incidents_tile, show_incidents, show_incidents_tile, unwrap_store};
