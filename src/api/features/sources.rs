use std::sync::Arc;

use jiff::Timestamp;

use super::collections::{FoundLevel, find_level};
use super::responsibilities::{RESPONSIBILITIES, find_responsibilities};
use super::roster::{ROSTER, find_roster};
use super::source::Source;
use super::units::UnitSource;
use super::write::Ends;
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::problem::Problem;
use crate::api::state::AppState;

/// The features of a collection as the caller may see them.
#[derive(Clone)]
pub struct FoundSource {
    pub source: Arc<dyn Source>,
    /// Whether what it shows depends on who asks.
    pub is_private: bool,
}

/// Finds the features of a collection in the version asked for. Incidents are read from the store and are none of these.
///
/// # Errors
/// As [`find_level`]; 400 for the version of a collection that has none.
pub async fn find_source(state: &AppState, id: &str, as_of: AsOfQuery, caller: &Caller) -> Result<FoundSource, Problem> {
    if id == RESPONSIBILITIES {
        return find_responsibilities(state, as_of, caller).await;
    }
    if id == ROSTER {
        return find_roster(state, as_of, caller).await.map(|(found, _)| found);
    }
    if let Some(table) = state.table(id) {
        as_of.refuse(id)?;
        return Ok(FoundSource { source: table, is_private: false });
    }
    let FoundLevel { layer, depth, is_private } = find_level(state, id, as_of, caller).await?;
    let ends = Ends::seen_by(caller, Timestamp::now());
    if let Some(known) = state.levels().find(&layer, depth) {
        return Ok(FoundSource { source: Arc::new(UnitSource { layer, depth, ends, known }), is_private });
    }
    let state = state.clone();
    // The properties of a level that nobody has asked for yet are learned from all its units.
    let source = tokio::task::spawn_blocking(move || {
        let known = state.levels().learn(&layer, depth);
        UnitSource { layer, depth, ends, known }
    });
    let source = source.await.map_err(|e| Problem::internal(&e))?;
    Ok(FoundSource { source: Arc::new(source), is_private })
}
