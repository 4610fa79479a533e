//! Cases on the map: the tileset `incidents`, in which those of one square of a tile are one point that counts them.
//!
//! [`map::CaseMap`] follows their events and keeps what was drawn. [`board::Board`] holds where all cases lie at one moment, with
//! [`sums`] of each square and in blocks that know theirs; [`chosen`] picks those that are asked for. A tile is drawn from the sums or the
//! blocks that lie in it, and kept until a case in it changes or falls due. Cases are not public, so neither are these tiles.

mod block;
mod board;
mod chosen;
mod draw;
mod map;
mod query;
mod sums;
mod tileset;

pub use board::{Board, OpenCase};
pub use map::{BoardError, CaseMap};
pub use tileset::{__path_show_incidents, __path_show_incidents_tile, show_incidents, show_incidents_tile, unwrap_store};
