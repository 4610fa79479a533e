//! The nouns: what a boundary is, how it is named, and what can be wrong with it.
//!
//! Nothing here opens a file, reads a clock or knows another module of ours. Positions are
//! `lon, lat` in degrees, WGS 84, exactly as given; every other reference system is converted at the edge.

mod code;
mod generation;
mod layer;
mod level;
mod numbering;
mod position;
mod problem;
mod territory;
mod unit;

pub use code::{Charset, CodeError, CodeScheme, Segment, UnitCode};
pub use generation::{Generation, GenerationId, GenerationState};
pub use layer::{Layer, LayerName};
pub use level::{Level, NameError};
pub use numbering::{NumberingError, Place, free_codes, reading_order};
pub use position::{Position, PositionError, brief};
pub use problem::{Accepted, Problem, ProblemKind, ProblemUnit, Severity};
pub use territory::{CodeRun, Kin, Territory};
pub use unit::{FeatureRef, OWN_PROPERTIES, Properties, SOURCE_MEMBER, Unit, UnitId, UnitShape, Validity};
