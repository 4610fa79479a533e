//! The lives of cases: new ones, their next events, and their histories. One transaction takes many writes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use uuid::Uuid;

use super::cases::{self, COLUMNS, insert_case, page_of, read_case};
use super::connection::{Failure, corrupt};
use super::generations::load_generations;
use super::ledger::add_notices;
use super::photos::add_photo;
use super::roster::person_key;
use crate::boundary::{Generation, LayerName, Position, UnitCode};
use crate::dispatch::workflow::{CaseEvent, notices_of};
use crate::dispatch::{CaseId, Reporter, WorkerId, cell_of, cells_around, distance_m};
use crate::store::case_records::{
    CaseRecord, CaseRecordPage, CaseWrite, CaseWritten, DUPLICATES_MAX, Near, NewCase, NewEvent, NumberedEvent, PhotoFile, Standing,
};
use crate::store::event_text::EventRow;
use crate::store::records::CaseFilter;
use crate::store::times::{parse_time, time_text};
use crate::store::webhooks::NumberedPublication;

const EVENT: &str = "e.seq, e.at, e.author, e.role, e.action, e.effect, e.state, e.is_end, e.facts";

pub(super) fn write_cases(transaction: &Transaction<'_>, writes: Vec<CaseWrite>) -> Result<Vec<CaseWritten>, Failure> {
    let write = |write| match write {
        CaseWrite::Add(new) => add(transaction, *new),
        CaseWrite::Append(next) => append(transaction, &next, None),
        CaseWrite::AppendPhoto(both) => append(transaction, &both.0, Some(&both.1)),
    };
    writes.into_iter().map(write).collect()
}

fn add(transaction: &Transaction<'_>, mut new: NewCase) -> Result<CaseWritten, Failure> {
    if let Some(token) = new.token {
        let mut find = transaction.prepare_cached("SELECT body, case_id FROM gk_case_token WHERE key = ?1")?;
        let found = find.query_row([token.key], |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, String>(1)?))).optional()?;
        if let Some((body, case)) = found {
            return Ok(CaseWritten::Repeated { case: case_id(&case)?, is_same_body: body == token.body });
        }
    }
    let standing = new.standing().ok_or_else(|| corrupt("case", &"it has no first event"))?;
    let duplicates = new.near.map(|near| find_near(transaction, &new, near)).transpose()?.unwrap_or_default();
    if insert_case(transaction, &new.case)? == 0 {
        return Ok(CaseWritten::Refused);
    }
    let id = new.case.id.0.to_string();
    let reporter = add_reporter(transaction, &id, &new.reporter)?;
    let mut stand = transaction.prepare_cached(
        "UPDATE gk_case SET state = ?2, version = ?3, is_open = ?4, due_at = ?5, departments = ?6, is_published = ?7, cell = ?8,
         reporter = ?9, alarm_at = ?10, border_m = ?11, people = ?12, part_until = ?13, is_long = ?14 WHERE id = ?1",
    )?;
    stand.execute(params![
        id,
        standing.state,
        standing.version,
        standing.is_open,
        standing.due_at.map(time_text),
        standing.departments,
        standing.is_published,
        cell_of(new.case.position),
        reporter,
        standing.alarm_at.map(time_text),
        new.border_m,
        standing.people,
        time_text(standing.part_until),
        standing.is_long(new.case.reported_at)
    ])?;
    new.events[0].facts.duplicates = duplicates;
    let reported_at = time_text(new.case.reported_at);
    for event in &new.events {
        insert_event(transaction, &id, &reported_at, event)?;
    }
    for photo in &new.photos {
        add_photo(transaction, photo)?;
    }
    if let Some(token) = new.token {
        let mut keep = transaction.prepare_cached("INSERT INTO gk_case_token (key, body, case_id, at) VALUES (?1, ?2, ?3, ?4)")?;
        keep.execute(params![token.key, token.body, id, time_text(new.events[0].at)])?;
    }
    Ok(CaseWritten::Added(Box::new(new.events.swap_remove(0))))
}

fn append(transaction: &Transaction<'_>, next: &NewEvent, photo: Option<&PhotoFile>) -> Result<CaseWritten, Failure> {
    let id = next.case.0.to_string();
    let mut find = transaction.prepare_cached("SELECT version, reported_at FROM gk_case WHERE id = ?1")?;
    let found = find.query_row([&id], |row| Ok((row.get::<_, Option<u32>>(0)?, row.get::<_, String>(1)?))).optional()?;
    let Some((Some(version), reported_at)) = found else { return Ok(CaseWritten::Refused) };
    if version + 1 != next.event.seq {
        return Ok(CaseWritten::Stale { version });
    }
    let standing = Standing::of(&next.after);
    let mut stand = transaction.prepare_cached(
        "UPDATE gk_case SET state = ?2, version = ?3, is_open = ?4, due_at = ?5, departments = ?6, is_published = ?7, alarm_at = ?8,
         people = ?9, part_until = ?10, is_long = ?11 WHERE id = ?1",
    )?;
    stand.execute(params![
        id,
        standing.state,
        standing.version,
        standing.is_open,
        standing.due_at.map(time_text),
        standing.departments,
        standing.is_published,
        standing.alarm_at.map(time_text),
        standing.people,
        time_text(standing.part_until),
        standing.is_long(parse_time(&reported_at).map_err(|e| corrupt("case", &e))?)
    ])?;
    if let Some(place) = &next.event.facts.place {
        // The district stays, as in a database, where large tables are kept apart by it.
        let holder = place.holder.as_ref().map(|id| person_key(transaction, id)).transpose()?;
        let sql = "UPDATE gk_case SET lon = ?2, lat = ?3, given = ?4, grid = ?5, generation = ?6, holder = ?7, cell = ?8,
                   border_m = ?9 WHERE id = ?1";
        transaction.prepare_cached(sql)?.execute(params![
            id,
            place.position.lon,
            place.position.lat,
            place.given,
            place.grid.as_ref().map(UnitCode::as_str),
            place.generation.map(|generation| generation.0),
            holder,
            cell_of(place.position),
            place.border_m
        ])?;
    }
    if let Some(category) = &next.event.facts.category {
        transaction.prepare_cached("UPDATE gk_case SET category = ?2 WHERE id = ?1")?.execute(params![id, category])?;
    }
    if let Some(photo) = photo {
        add_photo(transaction, photo)?;
    }
    insert_event(transaction, &id, &reported_at, &next.event)?;
    let number = transaction.last_insert_rowid();
    add_notices(transaction, number, &id, &time_text(next.event.at), &notices_of(&next.event))?;
    Ok(CaseWritten::Appended)
}

fn insert_event(transaction: &Transaction<'_>, id: &str, reported_at: &str, event: &CaseEvent) -> Result<(), Failure> {
    let row = EventRow::of(event);
    let mut insert = transaction.prepare_cached(
        "INSERT INTO gk_case_event (number, case_id, reported_at, seq, at, author, role, action, effect, state, is_end, facts)
         VALUES ((SELECT max(a, b) + 1 FROM (SELECT coalesce(max(number), 0) AS a FROM gk_case_event),
                                           (SELECT coalesce(max(number), 0) AS b FROM gk_publication)), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let at = time_text(row.at);
    insert.execute(params![
        id,
        reported_at,
        row.seq,
        at,
        row.author,
        row.role,
        row.action,
        row.effect,
        row.state,
        row.is_end,
        row.facts
    ])?;
    Ok(())
}

pub(super) fn forget_tokens(transaction: &Transaction<'_>, before: Timestamp, limit: usize) -> Result<usize, Failure> {
    let sql = "DELETE FROM gk_case_token WHERE key IN (SELECT key FROM gk_case_token WHERE at < ?1 ORDER BY at, key LIMIT ?2)";
    Ok(transaction.prepare_cached(sql)?.execute((time_text(before), i64::try_from(limit).unwrap_or(i64::MAX)))?)
}

/// The id of a reporter among the people is made of the case's: who reports twice is two, as nobody says that it is the same person.
fn add_reporter(transaction: &Transaction<'_>, case: &str, reporter: &Reporter) -> Result<Option<i64>, Failure> {
    if reporter.is_empty() {
        return Ok(None);
    }
    let key = person_key(transaction, &WorkerId(format!("reporter {case}").into()))?;
    let mut put = transaction.prepare_cached("UPDATE gk_person SET name = ?2, phone = ?3, email = ?4 WHERE key = ?1")?;
    put.execute(params![key, reporter.name, reporter.phone, reporter.email])?;
    Ok(Some(key))
}

pub(super) fn find_reporter(transaction: &Transaction<'_>, id: CaseId) -> Result<Option<Reporter>, Failure> {
    let sql = "SELECT p.name, p.phone, p.email FROM gk_case AS c JOIN gk_person AS p ON p.key = c.reporter WHERE c.id = ?1";
    let read = |row: &Row<'_>| Ok(Reporter { name: row.get(0)?, phone: row.get(1)?, email: row.get(2)? });
    Ok(transaction.prepare_cached(sql)?.query_row([id.0.to_string()], read).optional()?)
}

/// Returns the newest cases near a new one, nearest first.
fn find_near(transaction: &Transaction<'_>, new: &NewCase, near: Near) -> Result<Vec<(CaseId, f64)>, Failure> {
    let mut find = transaction.prepare_cached(
        "SELECT id, lon, lat FROM gk_case WHERE cell = ?1 AND reported_at >= ?2 AND reported_at <= ?3 ORDER BY reported_at DESC LIMIT ?4",
    )?;
    let (since, until) = (time_text(near.since), time_text(new.case.reported_at));
    let mut found: Vec<(CaseId, f64)> = Vec::new();
    for cell in cells_around(new.case.position, near.distance_m) {
        let mut rows = find.query(params![cell, since, until, DUPLICATES_MAX])?;
        while let Some(row) = rows.next()? {
            let position = Position { lon: row.get(1)?, lat: row.get(2)? };
            let distance_m = distance_m(new.case.position, position);
            if distance_m <= near.distance_m {
                found.push((case_id(&row.get::<_, String>(0)?)?, distance_m));
            }
        }
    }
    found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
    found.truncate(DUPLICATES_MAX);
    Ok(found)
}

pub(super) fn find_case_record(transaction: &Transaction<'_>, id: CaseId) -> Result<Option<CaseRecord>, Failure> {
    let Some(case) = cases::find_case(transaction, id)? else { return Ok(None) };
    Ok(Some(CaseRecord { events: load_history(transaction, id)?, case }))
}

pub(super) fn find_case_records(transaction: &Transaction<'_>, ids: &[CaseId]) -> Result<Vec<CaseRecord>, Failure> {
    let ids: BTreeSet<CaseId> = ids.iter().copied().collect();
    ids.into_iter().filter_map(|id| find_case_record(transaction, id).transpose()).collect()
}

pub(super) fn load_case_records(transaction: &Transaction<'_>, filter: &CaseFilter) -> Result<CaseRecordPage, Failure> {
    let (cases, has_more) = page_of(transaction, filter)?;
    let record = |case: crate::dispatch::Case| Ok(CaseRecord { events: load_history(transaction, case.id)?, case });
    Ok(CaseRecordPage { records: cases.into_iter().map(record).collect::<Result<_, Failure>>()?, has_more })
}

fn load_history(transaction: &Transaction<'_>, id: CaseId) -> Result<Vec<CaseEvent>, Failure> {
    let mut statement =
        transaction.prepare_cached(&format!("SELECT {EVENT} FROM gk_case_event AS e WHERE e.case_id = ?1 ORDER BY e.seq"))?;
    let mut rows = statement.query([id.0.to_string()])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(read_event(row, 0)?);
    }
    Ok(events)
}

pub(super) fn load_case_events(transaction: &Transaction<'_>, after: u64, limit: usize) -> Result<Vec<NumberedEvent>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS}, c.is_published, e.number, {EVENT} FROM gk_case_event AS e JOIN gk_case AS c ON c.id = e.case_id
         LEFT JOIN gk_person AS p ON p.key = c.holder WHERE e.number > ?1 ORDER BY e.number LIMIT ?2"
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let clamped = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut rows = statement.query((clamped(after), i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let is_published = row.get::<_, Option<bool>>(12)?.unwrap_or_default();
        events.push(NumberedEvent { number: row.get(13)?, case: read_case(row)?, event: read_event(row, 14)?, is_published });
    }
    Ok(events)
}

pub(super) fn newest_happening(transaction: &Transaction<'_>) -> Result<u64, Failure> {
    let sql = "SELECT max((SELECT coalesce(max(number), 0) FROM gk_case_event), (SELECT coalesce(max(number), 0) FROM gk_publication))";
    Ok(transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// Notes as an event that a generation was published.
pub(super) fn add_publication(transaction: &Transaction<'_>, generation: &Generation) -> Result<(), Failure> {
    let number = newest_happening(transaction)? + 1;
    let sql = "INSERT INTO gk_publication (number, layer, generation) VALUES (?1, ?2, ?3)";
    transaction.execute(sql, params![number, generation.layer.as_str(), generation.id.0])?;
    Ok(())
}

pub(super) fn load_publications(transaction: &Transaction<'_>, after: u64, limit: usize) -> Result<Vec<NumberedPublication>, Failure> {
    let mut statement =
        transaction.prepare_cached("SELECT number, layer, generation FROM gk_publication WHERE number > ?1 ORDER BY number LIMIT ?2")?;
    let range = (i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    let rows = statement.query_map(range, |row| Ok((row.get::<_, u64>(0)?, row.get::<_, String>(1)?, row.get::<_, u32>(2)?)))?;
    let mut publications = Vec::new();
    let mut known: BTreeMap<LayerName, Vec<Generation>> = BTreeMap::new();
    for row in rows {
        let (number, layer, generation) = row?;
        let layer = LayerName::parse(&layer).map_err(|e| corrupt("publication", &e))?;
        if !known.contains_key(&layer) {
            known.insert(layer.clone(), load_generations(transaction, &layer)?);
        }
        let found = known[&layer].iter().find(|known| known.id.0 == generation).cloned();
        let generation = found.ok_or_else(|| corrupt("publication", &format!("generation {generation} of layer {layer} is missing")))?;
        publications.push(NumberedPublication { number, generation });
    }
    Ok(publications)
}

fn read_event(row: &Row<'_>, from: usize) -> Result<CaseEvent, Failure> {
    let text = |at: usize| row.get::<_, String>(from + at);
    let read = EventRow {
        seq: row.get(from)?,
        at: parse_time(&text(1)?).map_err(|e| corrupt("event", &e))?,
        author: text(2)?,
        role: text(3)?,
        action: text(4)?,
        effect: text(5)?,
        state: text(6)?,
        is_end: row.get(from + 7)?,
        facts: text(8)?,
    };
    read.read().map_err(|e| corrupt("event", &e))
}

fn case_id(text: &str) -> Result<CaseId, Failure> {
    Uuid::parse_str(text).map(CaseId).map_err(|e| corrupt("case", &e))
}
