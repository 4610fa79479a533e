//! Makes a believable district out of a seed: borders, codes, names, a roster and incidents. None of it is real but
//! the names and codes of the district and its streets.
//!
//! A rectangle is cut into faces (`subdivision`), bent (`relief`), and its edges drawn as lines (`borders`); faces are gathered
//! to communities and streets (`outline`, `regions`, `enclaves`), and lines to polygons (`rings`). All levels read the
//! same lines, so they nest vertex by vertex.

mod borders;
mod codes;
mod district;
mod enclaves;
mod incidents;
mod invalid;
mod live;
mod names;
mod noise;
mod outline;
mod regions;
mod relief;
mod rings;
mod roster;
mod rules;
mod subdivision;
mod terrain;
mod write;

pub use codes::DISTRICT_CODE;
pub use district::{District, GRIDS_MAX, GRIDS_MIN, SampleUnit, Settings, SettingsError};
pub use invalid::{InvalidFile, invalid_files};
pub use live::{AUTHOR, LiveCase};
pub use write::{NOTICE, WriteError, write_all, write_invalid};
