use jiff::Timestamp;

use crate::api::as_of::default_layer;
use crate::api::state::AppState;
use crate::dispatch::workflow::RulingId;
use crate::dispatch::{Case, RULING_RADIUS_M_MAX};
use crate::snapshot::{Answer, COLLECTOR_DISTANCE_M_MAX, Query, QueryError, Snapshot};

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

/// Answers for a case as it is kept: where a ruling has given it to another unit than that of its place, by that unit.
///
/// # Errors
/// The layer has no units.
pub fn answer_for<'a>(snapshot: &'a Snapshot, query: &'a Query, case: &Case) -> Result<Answer<'a>, QueryError> {
    let answer = snapshot.answer(query)?;
    let Some(grid) = case.grid.as_ref().filter(|grid| answer.unit().map(|unit| &unit.code) != Some(*grid)) else { return Ok(answer) };
    Ok(snapshot.answer_as(query, grid, 2.0 * RULING_RADIUS_M_MAX)?.unwrap_or(answer))
}

/// Answers for a place by the rulings of now, and names the one that counted.
pub fn answer_of<'a>(state: &AppState, snapshot: &'a Snapshot, query: &'a Query) -> Option<(Answer<'a>, Option<RulingId>)> {
    if let Some((ruling, _)) = state.rulings().find(query.position)
        && let Ok(Some(answer)) = snapshot.answer_as(query, &ruling.unit, 2.0 * ruling.radius_m)
    {
        return Some((answer, Some(ruling.id)));
    }
    snapshot.answer(query).ok().map(|answer| (answer, None))
}
