//! How much there is to do in each unit: figures of units and cases of the store, made into the base units of a plan.

mod base;
mod census;
mod draft;
mod figures;
mod loads;
mod wage;
mod wishes;
mod workload;

pub use base::{BaseChoice, TodayOf, weigh_base};
pub use census::{DraftCensus, take_census, weigh_census};
pub use draft::{DraftGround, DraftGroundError, GroundChoice, survey};
pub use figures::{Figures, WeighError, to_figure, to_name};
pub use loads::{AREA_KM2, LOADS_MAX, UNITS, WORKLOAD, WantedLimit, WantedLoad, join_limits, parse_limits, parse_loads, parse_numbers};
pub use wage::monthly_cost;
pub use wishes::{WISH_CORNERS_MAX, parse_wishes};
pub use workload::weigh;
