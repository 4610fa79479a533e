//! Incidents that the store knows already: what became of each row of a table that tells of one again.

use std::fmt::Display;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use uuid::Builder;

use super::Read;
use crate::dispatch::workflow::CaseEvent;
use crate::dispatch::{CaseId, distance_m};
use crate::import::IncidentRow;
use crate::store::{CaseRecord, Store, StoreError};

/// How far a place may lie from another without being another, metres: positions come through reference systems and seven decimals.
const SAME_PLACE_M: f64 = 0.1;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Ids that are looked up together.
const BATCH: usize = 10_000;

/// Known cases that are read together with their histories.
const RECORDS_AT_ONCE: usize = 1_000;

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

/// Holds rows of known incidents, read with the times of a zone, against what is known, tells of each that differs in what and what to do,
/// and counts them. All of them are left as they are.
///
/// # Errors
/// The store fails.
pub fn compare(store: &dyn Store, known: &[Read], time_zone: &TimeZone) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    // They come in the order of their times, so that those of a batch lie in months near each other.
    for batch in known.chunks(RECORDS_AT_ONCE) {
        let ids: Vec<CaseId> = batch.iter().map(|read| read.case.id).collect();
        let records: FxHashMap<CaseId, CaseRecord> =
            store.find_case_records(&ids)?.into_iter().map(|record| (record.case.id, record)).collect();
        for read in batch {
            let Some(record) = records.get(&read.case.id) else {
                tally.put_away += 1;
                continue;
            };
            let differences = differences(read, record, time_zone);
            if differences.is_empty() {
                tally.same += 1;
            } else {
                tally.differing += 1;
                warn_of(read, record, &differences);
            }
        }
    }
    Ok(tally)
}

/// Tells of a row that differs from what is known, with what can be done.
fn warn_of(read: &Read, record: &CaseRecord, differences: &[Difference]) {
    let number = if read.number.is_empty() { String::new() } else { format!(" {:?}", read.number) };
    let has = |kind: Kind| differences.iter().any(|difference| difference.kind == kind);
    let remedies = [
        (has(Kind::State) && record.events.is_empty()).then_some("report it anew where it is to be worked on"),
        (has(Kind::State) && !record.events.is_empty()).then_some("move it on by its actions"),
        has(Kind::StateTime).then_some("correct the table where it is wrong, as what a history has is never changed"),
        has(Kind::Report).then_some("correct it by its actions, or give the row a number of its own where it is another incident"),
    ];
    let told: Vec<String> = differences.iter().map(|Difference { name, detail, .. }| format!("{name}{detail}")).collect();
    eprintln!(
        "warning: row {}: the incident{number} is known as {} and was left as it is; the table has another {}; {}",
        read.row,
        read.case.id,
        told.join(", "),
        remedies.into_iter().flatten().collect::<Vec<_>>().join("; ")
    );
}

/// In what a row differs from what is known.
struct Difference {
    kind: Kind,
    name: &'static str,
    /// Both, where they are nothing personal.
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// What was reported.
    Report,
    /// What has become of it.
    State,
    /// When.
    StateTime,
}

/// Returns in what a row differs from what is known. What was corrected since is no difference from what was said at first, and a state in
/// which the case has been at the time that the row tells, or has gone on from since, is none either.
fn differences(read: &Read, record: &CaseRecord, time_zone: &TimeZone) -> Vec<Difference> {
    let (row, case) = (&read.case, &record.case);
    let mut found = Vec::new();
    let mut check = |name: &'static str, is_same: bool, detail: String| {
        if !is_same {
            found.push(Difference { kind: Kind::Report, name, detail });
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
    found.extend(state_difference(read, &record.events, time_zone));
    found
}

/// Returns how far what a row says of the state of a case differs from its history. A row that says nothing of the time says only that the
/// case has been there.
fn state_difference(read: &Read, events: &[CaseEvent], time_zone: &TimeZone) -> Option<Difference> {
    if read.state.is_empty() {
        return None;
    }
    let came = stays_in(events, &read.state);
    let both = |table: &dyn Display, known: &dyn Display| format!(" (\"{table}\"; it is \"{known}\")");
    let Some(latest) = came.last() else {
        // A case that is taken over has not been in all states before its own, and is past them all the same; but an end is none that
        // it would have gone on from.
        let is_end = read.events.last().is_some_and(|event| event.is_end);
        let is_past = read.state_at.zip(events.last()).is_some_and(|(at, last)| at <= last.at);
        let now = events.last().map_or(&"a mere record" as &dyn Display, |last| &last.state);
        return (is_end || !is_past).then(|| Difference { kind: Kind::State, name: "state", detail: both(&read.state, now) });
    };
    // The time at which a history that is made of the row has it: a case begins when it is reported, whatever a row says.
    let told = read.state_at.and_then(|_| stays_in(&read.events, &read.state).last().map(|stay| stay.from))?;
    // What a case that was taken over has only passed through it was in at some time before.
    let is_known = came.iter().any(|stay| stay.to == Some(stay.from) || is_same_moment(told, stay.from, time_zone));
    (!is_known).then(|| Difference { kind: Kind::StateTime, name: "time of its state", detail: both(&told, &latest.from) })
}

/// A time that a case has spent in a state.
struct Stay {
    from: Timestamp,
    /// None while it lasts.
    to: Option<Timestamp>,
}

fn stays_in(events: &[CaseEvent], state: &str) -> Vec<Stay> {
    let came: Vec<&CaseEvent> = events.chunk_by(|one, next| one.state == next.state).map(|stay| &stay[0]).collect();
    let ends = came.iter().skip(1).map(|next| Some(next.at)).chain([None]);
    came.iter().zip(ends).filter(|(event, _)| *event.state.0 == *state).map(|(event, to)| Stay { from: event.at, to }).collect()
}

/// Whether a time of a table is one of a history, which keeps milliseconds: tables tell the second, the minute, or the day.
fn is_same_moment(told: Timestamp, kept: Timestamp, time_zone: &TimeZone) -> bool {
    let [told_ms, kept_ms] = [told, kept].map(Timestamp::as_millisecond);
    let lasts_ms = match told_ms {
        _ if time_zone.to_datetime(told).time() == Time::midnight() => DAY_MS,
        minute if minute % MINUTE_MS == 0 => MINUTE_MS,
        second if second % SECOND_MS == 0 => SECOND_MS,
        _ => 1,
    };
    (0..lasts_ms).contains(&(kept_ms - told_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_tells_the_second_the_minute_or_the_day() {
        let time_zone = TimeZone::fixed(jiff::tz::offset(8));
        for (told, kept, is_same) in [
            ("2026-03-01T15:20:31.482+08:00", "2026-03-01T15:20:31.482+08:00", true),
            ("2026-03-01T15:20:31.482+08:00", "2026-03-01T15:20:31.483+08:00", false),
            ("2026-03-01T15:20:31+08:00", "2026-03-01T15:20:31.999+08:00", true),
            ("2026-03-01T15:20:31+08:00", "2026-03-01T15:20:32+08:00", false),
            ("2026-03-01T15:20:00+08:00", "2026-03-01T15:20:59.999+08:00", true),
            ("2026-03-01T15:20:00+08:00", "2026-03-01T15:19:59.999+08:00", false),
            ("2026-03-01T00:00:00+08:00", "2026-03-01T23:59:59+08:00", true),
            ("2026-03-01T00:00:00+08:00", "2026-03-02T00:00:00+08:00", false),
        ] {
            assert_eq!(is_same_moment(told.parse().unwrap(), kept.parse().unwrap(), &time_zone), is_same, "{told} {kept}");
        }
    }
}
