//! All that one request reads: one generation of each layer, one roster, one swap.
//!
//! A [`Snapshot`] never changes. [`Live`] holds the current one; a request takes it once and keeps it to its end,
//! whatever is published meanwhile.

mod answer;
mod case_context;
mod ids;
mod layer;
mod live;
mod state;

pub use answer::{ACCURACY_M_MAX, Answer, Query, QueryError};
pub use case_context::{COLLECTOR_DISTANCE_M_MAX, context_of, keeper_at, place_at, place_of};
pub use layer::{LayerKey, LayerSnapshot, Origin};
pub use live::Live;
pub use state::{LayerHistory, PastUnit, RosterSnapshot, Settings, Snapshot};
