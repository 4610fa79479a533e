//! Incidents that the store knows already: what became of each row of a table that tells of one again.

use jiff::Timestamp;
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::Read;
use crate::dispatch::{CaseId, distance_m};
use crate::import::IncidentRow;
use crate::store::{CaseRecord, Store, StoreError};

/// How far a place may lie from another without being another, metres: positions come through reference systems and seven decimals.
const SAME_PLACE_M: f64 = 0.1;

/// Ids that are looked up together.
const BATCH: usize = 10_000;

/// The id of a row, and whether the store has a case of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowId {
    pub id: CaseId,
    pub is_known: bool,
}

/// Makes ids of what the rows say, so that a table that is read twice gives the same cases: of the office's number where there is one, else
/// of the whole row; rows that say the same are counted.
///
/// # Errors
/// The store fails.
pub fn find_ids(store: &dyn Store, incidents: &[IncidentRow]) -> Result<Vec<RowId>, StoreError> {
    let by_row = row_ids(incidents);
    let by_number: Vec<Option<CaseId>> = incidents.iter().map(|row| (!row.id.is_empty()).then(|| number_id(&row.id))).collect();
    let all: Vec<CaseId> = by_row.iter().copied().chain(by_number.iter().flatten().copied()).collect();
    let mut known = FxHashSet::default();
    for ids in all.chunks(BATCH) {
        known.extend(store.find_known_cases(ids)?);
    }
    let choose = |(row, number): (&CaseId, &Option<CaseId>)| {
        // Numbered incidents were known by their rows once, and those that were taken in then still are.
        let id = number.filter(|_| !known.contains(row)).unwrap_or(*row);
        RowId { id, is_known: known.contains(&id) }
    };
    Ok(by_row.iter().zip(&by_number).map(choose).collect())
}

fn number_id(number: &str) -> CaseId {
    let hash = Sha256::digest(serde_json::json!(["number", number]).to_string());
    CaseId(Builder::from_custom_bytes(hash[..16].try_into().expect("a SHA-256 has 32 bytes")).into_uuid())
}

fn row_ids(incidents: &[IncidentRow]) -> Vec<CaseId> {
    let mut counts: FxHashMap<[u8; 32], u64> = FxHashMap::default();
    let mut id = |incident: &IncidentRow| {
        let said = serde_json::json!([
            incident.id,
            incident.given,
            incident.category,
            incident.description,
            incident.source,
            incident.reported_at.as_microsecond()
        ]);
        let hash: [u8; 32] = Sha256::digest(said.to_string().as_bytes()).into();
        let count = counts.entry(hash).or_default();
        *count += 1;
        let counted = Sha256::digest([&hash[..], &count.to_be_bytes()].concat());
        let bytes = counted[..16].try_into().expect("a SHA-256 has 32 bytes");
        CaseId(Builder::from_custom_bytes(bytes).into_uuid())
    };
    incidents.iter().map(&mut id).collect()
}

/// How many rows tell of incidents that are known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub same: usize,
    pub differing: usize,
    /// Their months were taken out of the store, so there is nothing to compare with.
    pub put_away: usize,
}

/// Holds rows of known incidents against what is known, tells of each that differs in what and what to do, and counts them. All of them are
/// left as they are.
///
/// # Errors
/// The store fails.
pub fn compare(store: &dyn Store, known: &[Read]) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for read in known {
        let Some(record) = store.find_case_record(read.case.id)? else {
            tally.put_away += 1;
            continue;
        };
        let differences = differences(read, &record);
        if differences.is_empty() {
            tally.same += 1;
            continue;
        }
        tally.differing += 1;
        let number = if read.number.is_empty() { String::new() } else { format!(" {:?}", read.number) };
        let (is_elsewhere, is_ahead) =
            (differences.iter().any(|(name, _)| *name != "state"), differences.iter().any(|(name, _)| *name == "state"));
        let told: Vec<String> = differences.into_iter().map(|(name, detail)| format!("{name}{detail}")).collect();
        let mut remedies = Vec::new();
        if is_ahead {
            remedies.push(if record.events.is_empty() {
                "report it anew where it is to be worked on"
            } else {
                "move it on by its actions"
            });
        }
        if is_elsewhere {
            remedies.push("correct it by its actions, or give the row a number of its own where it is another incident");
        }
        eprintln!(
            "warning: row {}: the incident{number} is known as {} and was left as it is; the table has another {}; {}",
            read.row,
            read.case.id,
            told.join(", "),
            remedies.join("; ")
        );
    }
    Ok(tally)
}

/// Returns in what a row differs from what is known, with both where they are nothing personal. What was corrected since is no difference
/// from what was said at first, and a state in which the case has been, or has gone on from since, is none either.
fn differences(read: &Read, record: &CaseRecord) -> Vec<(&'static str, String)> {
    let (row, case) = (&read.case, &record.case);
    let mut found = Vec::new();
    let mut check = |name: &'static str, is_same: bool, detail: String| {
        if !is_same {
            found.push((name, detail));
        }
    };
    let both = |table: &str, known: &str| format!(" ({table:?}; it is {known:?})");
    let places = record.events.iter().filter_map(|event| event.facts.place_before.as_ref()).map(|place| place.position);
    let is_near = places.chain([case.position]).any(|position| distance_m(position, row.position) <= SAME_PLACE_M);
    check("place", is_near, both(&row.given, &case.given));
    let mut categories = record.events.iter().filter_map(|event| event.facts.category_before.as_ref()).chain([&case.category]);
    check("category", categories.any(|category| *category == row.category), both(&row.category, &case.category));
    check("description", case.description == row.description, String::new());
    check("source", case.source == row.source, both(&row.source, &case.source));
    let milliseconds = |at: Timestamp| at.as_millisecond();
    let is_same_time = milliseconds(case.reported_at) == milliseconds(row.reported_at);
    check("time of report", is_same_time, both(&row.reported_at.to_string(), &case.reported_at.to_string()));
    if !read.state.is_empty() {
        let now = record.state().map_or_else(|| "a mere record".to_owned(), |folded| folded.name.to_string());
        let has_been = record.events.iter().any(|event| *event.state.0 == *read.state);
        // A case that is taken over has not been in all states before its own, and is past them all the same.
        let is_past = read.state_at.zip(record.events.last()).is_some_and(|(at, last)| at <= last.at);
        check("state", has_been || is_past, both(&read.state, &now));
    }
    found
}
