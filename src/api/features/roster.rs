use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::responsibilities::ground;
use super::source::Source;
use super::sources::FoundSource;
use super::table::{TableFeature, TableRowFeature, TableSource};
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::cases::require_cases;
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::Assignment;
use crate::filter::{Kind, Property, Schema};
use crate::snapshot::Snapshot;
use crate::store::StoredRoster;

/// The id of the collection of the roster: who holds which post at which unit, from when until when.
pub const ROSTER: &str = "roster";

/// What the tags of the roster begin with: it is written whole, so its number is the version of each row.
pub fn roster_version(newest: Option<u64>) -> String {
    format!("r{}.", newest.unwrap_or_default())
}

/// Finds the rows of the roster in force at the time asked for whose units the caller's key reaches, each with the ground of its unit.
///
/// They are read from the store, so they answer only while it does, and tell at once what was written.
///
/// # Errors
/// 401 and 403 for those who may not see them; 400 for a generation or a draft; 503 while the store is down.
pub async fn find_roster(state: &AppState, as_of: AsOfQuery, caller: &Caller) -> Result<(FoundSource, Option<u64>), Problem> {
    require_cases(caller)?;
    AsOfQuery { at: None, ..as_of }.refuse(ROSTER)?;
    let at = as_of.at.unwrap_or_else(Timestamp::now);
    let stored = state.with_store(move |store| store.load_roster(at)).await?;
    let newest = stored.term.mark.newest;
    let (snapshot, caller) = (state.snapshot()?, caller.clone());
    let source = tokio::task::spawn_blocking(move || to_source(&snapshot, &stored, &caller));
    let source = source.await.map_err(|e| Problem::internal(&e))?;
    Ok((FoundSource { source: Arc::new(source) as Arc<dyn Source>, is_private: true }, newest))
}

/// Returns the rows of a roster that a caller may see, as features.
pub fn to_source(snapshot: &Snapshot, stored: &StoredRoster, caller: &Caller) -> TableSource {
    let data = &stored.data;
    let seen = data.assignments.iter().filter(|row| caller.sees_personal_data_of(&path_of(snapshot, &row.unit)));
    let features = seen.map(|row| {
        let properties = properties(row, stored);
        let geometry = ground(snapshot, &row.unit, caller);
        let span = Some((row.validity.from, row.validity.to));
        TableRowFeature { id: row_id(row), feature: TableFeature { properties, geometry }, span }
    });
    TableSource::of_rows(ROSTER.to_owned(), schema(), features.collect(), Timestamp::UNIX_EPOCH)
}

/// What a row is about, which no other row of the same roster has in common with it.
pub fn row_id(row: &Assignment) -> String {
    format!("{}~{}~{}~{}", row.unit, row.post.as_str(), row.worker, row.validity.from.as_second())
}

/// Returns the codes of a unit and of all that it lies in, as far as the boundaries in effect know it.
fn path_of(snapshot: &Snapshot, unit: &UnitCode) -> Vec<UnitCode> {
    let mut path = vec![unit.clone()];
    for layer in snapshot.layers() {
        for level in layer.coverage().levels().iter().rev() {
            let last = path.last().unwrap_or(unit);
            let parent = level.find(last).and_then(|found| level.unit(found).parent.clone());
            path.extend(parent);
        }
    }
    path
}

fn schema() -> Schema {
    let all = [
        ("id", Kind::Text),
        ("unit", Kind::Text),
        ("post", Kind::Text),
        ("worker", Kind::Text),
        ("name", Kind::Text),
        ("phone", Kind::Text),
        ("department", Kind::Text),
        ("shift", Kind::Text),
        ("valid_from", Kind::Instant),
        ("valid_to", Kind::Instant),
        ("geometry", Kind::Geometry),
    ];
    Schema { properties: all.map(|(name, kind)| Property { name: name.into(), kind }).into() }
}

fn properties(row: &Assignment, stored: &StoredRoster) -> Map<String, Json> {
    let workers = &stored.data.workers;
    let worker = workers.binary_search_by(|worker| worker.id.cmp(&row.worker)).ok().map(|at| &workers[at]);
    let pairs = [
        ("unit", Json::from(row.unit.as_str())),
        ("post", row.post.as_str().into()),
        ("worker", row.worker.to_string().into()),
        ("name", worker.map(|worker| worker.name.as_str()).into()),
        ("phone", worker.map(|worker| worker.phone.as_str()).into()),
        ("department", row.department.as_str().into()),
        ("shift", row.shift.to_string().into()),
        ("valid_from", row.validity.from.to_string().into()),
        ("valid_to", row.validity.to.map(|to| to.to_string()).into()),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}
