use std::sync::Arc;

use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

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
use crate::snapshot::{LayerSnapshot, Snapshot};
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
    let all = row_ids(&data.assignments).into_iter().zip(&data.assignments);
    let features = all.filter(|(_, row)| is_seen(snapshot, &row.unit, caller)).map(|(id, row)| {
        let properties = properties(row, stored);
        let geometry = ground(snapshot, &row.unit, caller);
        let span = Some((row.validity.from, row.validity.to));
        TableRowFeature { id, feature: TableFeature { properties, geometry }, span }
    });
    TableSource::of_rows(ROSTER.to_owned(), schema(), features.collect(), stored.term.from)
}

/// What a row is about: who holds which post where, and since when. What is written row by row has one row of each; in a roster that is
/// imported several may differ in the rest alone.
pub fn row_key(row: &Assignment) -> String {
    format!("{}~{}~{}~{}", row.unit, row.post.as_str(), row.worker, row.validity.from.as_millisecond())
}

/// Returns an id for each row of a roster, all different. Where several rows are about the same, a mark of the rest of the row tells them
/// apart; those that say the same throughout are numbered.
pub fn row_ids(rows: &[Assignment]) -> Vec<String> {
    let keys: Vec<String> = rows.iter().map(row_key).collect();
    let mut counts: FxHashMap<&str, usize> = FxHashMap::default();
    keys.iter().for_each(|key| *counts.entry(key).or_default() += 1);
    let mut seen: FxHashMap<String, usize> = FxHashMap::default();
    let id = |(row, key): (&Assignment, &String)| {
        if counts[key.as_str()] == 1 {
            return key.clone();
        }
        let id = format!("{key}~{}", mark_of_rest(row));
        let number = seen.entry(id.clone()).or_default();
        *number += 1;
        if *number == 1 { id } else { format!("{id}~{number}") }
    };
    rows.iter().zip(&keys).map(id).collect()
}

fn mark_of_rest(row: &Assignment) -> String {
    let to = row.validity.to.map(|to| to.to_string()).unwrap_or_default();
    let digest = Sha256::digest(format!("{}\n{}\n{to}", row.department, row.shift));
    format!("{:08x}", u32::from_be_bytes(std::array::from_fn(|at| digest[at])))
}

/// Whether a caller may see who holds the posts of a unit: by the boundaries of a layer that the key reaches, in which the unit or one
/// that it lies in is of its scope. Units that no layer knows any more are shown to keys that are not limited to layers.
fn is_seen(snapshot: &Snapshot, unit: &UnitCode, caller: &Caller) -> bool {
    let mut known = snapshot.layers().iter().filter_map(|layer| Some((layer, path_in(layer, unit)?))).peekable();
    if known.peek().is_none() {
        return caller.reaches_all_layers() && caller.sees_personal_data_of([unit]);
    }
    known.any(|(layer, path)| caller.reaches_layer(&layer.layer().name) && caller.sees_personal_data_of(&path))
}

/// Returns the codes of a unit and of all that it lies in by the boundaries of a layer; none where that has no such unit.
fn path_in(layer: &LayerSnapshot, unit: &UnitCode) -> Option<Vec<UnitCode>> {
    let levels = layer.coverage().levels();
    levels.iter().find(|level| level.find(unit).is_some())?;
    let mut path = vec![unit.clone()];
    for level in levels.iter().rev() {
        let last = path.last().unwrap_or(unit);
        path.extend(level.find(last).and_then(|found| level.unit(found).parent.clone()));
    }
    Some(path)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Validity;
    use crate::dispatch::{Post, Shift, WorkerId};

    #[test]
    fn rows_that_differ_in_anything_or_nothing_have_different_ids() {
        let row = |department: &str, shift: &str, millisecond: i64| Assignment {
            unit: UnitCode::parse("1").unwrap(),
            worker: WorkerId("w".into()),
            post: Post::Primary,
            department: department.into(),
            validity: Validity { from: Timestamp::from_millisecond(millisecond).unwrap(), to: None },
            shift: Shift::parse(shift).unwrap(),
        };
        let alone = row("a", "", 1000);
        let rows =
            [&alone, &row("a", "", 1001), &row("b", "", 1001), &row("a", "08:00-12:00", 1001), &row("a", "", 1001)].map(Clone::clone);
        let ids = row_ids(&rows);
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), rows.len(), "{ids:?}");
        // Whose key is its own keeps it, whatever else is changed of it.
        assert_eq!((&ids[0], row_ids(&[row("other", "", 1000)])), (&row_key(&alone), vec![ids[0].clone()]));
    }
}
