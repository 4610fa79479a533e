use jiff::Timestamp;

use crate::api::as_of::default_layer;
use crate::dispatch::Case;
use crate::snapshot::{COLLECTOR_DISTANCE_M_MAX, Query, Snapshot};

/// Asks where a case lies now, in the layer by which cases are taken in.
pub fn query_of(snapshot: &Snapshot, case: &Case, at: Timestamp) -> Query {
    Query {
        position: case.position,
        layer: default_layer(snapshot),
        level: None,
        at,
        accuracy_m: Some(COLLECTOR_DISTANCE_M_MAX),
        category: None,
    }
}
