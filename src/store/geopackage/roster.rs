//! The roster: rows that stay the same go on, others end.

use std::sync::Arc;

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use rustc_hash::FxHashMap;

use super::connection::{Failure, corrupt};
use super::generations::load_generations;
use super::keys::note_change;
use crate::boundary::{Generation, GenerationId, LayerName, UnitCode, Validity};
use crate::dispatch::{Assignment, Post, RosterTerm, Shift, Worker, WorkerId};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::records::{RosterChange, RosterData, StoredRoster, WorkerSaid};
use crate::store::rosters::{PlannedRoster, RosterHead, RosterTerms, in_force, planned};
use crate::store::texts::shift_text;
use crate::store::times::{parse_time, time_text};

/// What a row says, as text, to tell rows that go on from those that end.
type AssignmentKey = (String, i64, &'static str, String, String, Option<String>, String);

pub(super) fn replace_roster(
    transaction: &Transaction<'_>,
    roster: &RosterData,
    with: Option<(&LayerName, GenerationId)>,
    author: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    if let Some((layer, generation)) = with {
        let is_there = transaction
            .prepare_cached("SELECT 1 FROM gk_generation WHERE layer = ?1 AND number = ?2 AND state = 'published'")?
            .exists((layer.as_str(), generation.0))?;
        if !is_there {
            return Err(Failure::Store(StoreError::NoGeneration { layer: layer.clone(), generation }));
        }
    }
    let (layer, generation) = with.map(|(layer, generation)| (layer.as_str(), generation.0)).unzip();
    transaction.execute(
        "INSERT INTO gk_roster (created_at, author, layer, generation) VALUES (?1, ?2, ?3, ?4)",
        (time_text(at), author, layer, generation),
    )?;
    let number = transaction.last_insert_rowid();
    let kept = roster.clone().into_kept();
    replace_workers(transaction, &kept.workers, number)?;
    replace_assignments(transaction, &kept.assignments, number)?;
    let number = u64::try_from(number).map_err(|e| corrupt("roster", &e))?;
    note_change(transaction, &Action::ReplaceRoster { roster, number }, author, at)
}

/// Replaces the roster where the one written last is the one named.
pub(super) fn change_roster(
    transaction: &Transaction<'_>,
    change: RosterChange<'_>,
    said: Option<&WorkerSaid>,
    with: Option<(&LayerName, GenerationId)>,
    author: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let found = load_heads(transaction)?.last().map(|head| head.number);
    if found != change.newest {
        return Err(Failure::Store(StoreError::RosterChanged { newest: found }));
    }
    let mut statement = transaction.prepare_cached("SELECT worker_id, name, phone FROM gk_person")?;
    let pair = |row: &Row<'_>| read_worker(row).map(|worker| (worker.id.clone(), worker));
    let known = statement.query_map([], pair)?.collect::<Result<_, _>>()?;
    replace_roster(transaction, &change.data.clone().with_names(&known, said), with, author, at)
}

pub(super) fn load_roster(transaction: &Transaction<'_>, at: Timestamp) -> Result<StoredRoster, Failure> {
    let term = find_roster(transaction, at)?;
    let data = term.mark.number.map(|number| load_data(transaction, number)).transpose()?.unwrap_or_default();
    Ok(StoredRoster { term, data })
}

pub(super) fn find_roster(transaction: &Transaction<'_>, at: Timestamp) -> Result<RosterTerm, Failure> {
    let (heads, generations) = load_terms(transaction)?;
    Ok(in_force(&heads, &generations, at))
}

pub(super) fn load_planned(transaction: &Transaction<'_>, at: Timestamp) -> Result<Vec<PlannedRoster>, Failure> {
    let (heads, generations) = load_terms(transaction)?;
    Ok(planned(&heads, &generations, at))
}

/// Reads the heads of all rosters, and the generations of the layers that they name.
fn load_terms(transaction: &Transaction<'_>) -> Result<RosterTerms, Failure> {
    let heads = load_heads(transaction)?;
    let mut generations: Vec<(LayerName, Vec<Generation>)> = Vec::new();
    for layer in heads.iter().filter_map(|head| Some(&head.with.as_ref()?.0)) {
        if !generations.iter().any(|(known, _)| known == layer) {
            generations.push((layer.clone(), load_generations(transaction, layer)?));
        }
    }
    Ok((heads, generations))
}

fn load_heads(transaction: &Transaction<'_>) -> Result<Vec<RosterHead>, Failure> {
    let mut statement = transaction.prepare_cached("SELECT number, created_at, layer, generation FROM gk_roster ORDER BY number")?;
    let mut rows = statement.query([])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        let layer = row.get::<_, Option<String>>(2)?.map(|name| LayerName::parse(&name)).transpose().map_err(|e| corrupt("roster", &e))?;
        heads.push(RosterHead {
            number: row.get(0)?,
            created_at: parse_time(&row.get::<_, String>(1)?).map_err(|e| corrupt("roster", &e))?,
            with: layer.zip(row.get::<_, Option<u32>>(3)?.map(GenerationId)),
        });
    }
    Ok(heads)
}

fn load_data(transaction: &Transaction<'_>, number: u64) -> Result<RosterData, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT p.worker_id, p.name, p.phone FROM gk_worker AS w JOIN gk_person AS p ON p.key = w.person
         WHERE w.from_roster <= ?1 AND (w.to_roster IS NULL OR w.to_roster > ?1)",
    )?;
    let workers = statement.query_map([number], read_worker)?.collect::<Result<_, _>>()?;
    let mut statement = transaction.prepare_cached(
        "SELECT a.unit_code, p.worker_id, a.post, a.department, a.valid_from, a.valid_to, a.shift
         FROM gk_assignment AS a JOIN gk_person AS p ON p.key = a.person
         WHERE a.from_roster <= ?1 AND (a.to_roster IS NULL OR a.to_roster > ?1)",
    )?;
    let mut rows = statement.query([number])?;
    let mut assignments = Vec::new();
    while let Some(row) = rows.next()? {
        assignments.push(read_assignment(row)?);
    }
    Ok(RosterData { workers, assignments }.into_kept())
}

/// Returns the key of a worker, who need not be on the roster: a case may name one who has left.
pub(super) fn person_key(transaction: &Transaction<'_>, id: &WorkerId) -> Result<i64, Failure> {
    let mut find = transaction.prepare_cached("SELECT key FROM gk_person WHERE worker_id = ?1")?;
    if let Some(key) = find.query_row([&*id.0], |row| row.get(0)).optional()? {
        return Ok(key);
    }
    transaction.prepare_cached("INSERT INTO gk_person (worker_id, name, phone) VALUES (?1, '', '')")?.execute([&*id.0])?;
    Ok(transaction.last_insert_rowid())
}

pub(super) fn worker_id(row: &Row<'_>, at: usize) -> Result<WorkerId, rusqlite::Error> {
    row.get::<_, String>(at).map(|id| WorkerId(Arc::from(id)))
}

fn read_worker(row: &Row<'_>) -> Result<Worker, rusqlite::Error> {
    Ok(Worker { id: worker_id(row, 0)?, name: row.get(1)?, phone: row.get(2)? })
}

fn replace_workers(transaction: &Transaction<'_>, workers: &[Worker], number: i64) -> Result<(), Failure> {
    let mut live: FxHashMap<i64, i64> = transaction
        .prepare("SELECT person, key FROM gk_worker WHERE to_roster IS NULL")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for worker in workers {
        let person = person_key(transaction, &worker.id)?;
        transaction
            .prepare_cached("UPDATE gk_person SET name = ?2, phone = ?3 WHERE key = ?1 AND (name, phone) IS NOT (?2, ?3)")?
            .execute((person, &worker.name, &worker.phone))?;
        if live.remove(&person).is_none() {
            transaction.prepare_cached("INSERT INTO gk_worker (person, from_roster) VALUES (?1, ?2)")?.execute((person, number))?;
        }
    }
    for key in live.into_values() {
        transaction.prepare_cached("UPDATE gk_worker SET to_roster = ?2 WHERE key = ?1")?.execute((key, number))?;
    }
    Ok(())
}

fn replace_assignments(transaction: &Transaction<'_>, assignments: &[Assignment], number: i64) -> Result<(), Failure> {
    // The same row may stand in a roster twice, so each key has a list.
    let mut live: FxHashMap<AssignmentKey, Vec<i64>> = FxHashMap::default();
    let mut statement = transaction.prepare(
        "SELECT unit_code, person, post, department, valid_from, valid_to, shift, key FROM gk_assignment WHERE to_roster IS NULL",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let post = read_post(&row.get::<_, String>(2)?)?.as_str();
        let key = (row.get(0)?, row.get(1)?, post, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?);
        live.entry(key).or_default().push(row.get(7)?);
    }
    let mut add = transaction.prepare(
        "INSERT INTO gk_assignment (unit_code, person, post, department, valid_from, valid_to, shift, from_roster)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for a in assignments {
        let key: AssignmentKey = (
            a.unit.as_str().to_owned(),
            person_key(transaction, &a.worker)?,
            a.post.as_str(),
            a.department.clone(),
            time_text(a.validity.from),
            a.validity.to.map(time_text),
            shift_text(&a.shift),
        );
        if live.get_mut(&key).and_then(Vec::pop).is_none() {
            add.execute(params![key.0, key.1, key.2, key.3, key.4, key.5, key.6, number])?;
        }
    }
    let mut end = transaction.prepare("UPDATE gk_assignment SET to_roster = ?2 WHERE key = ?1")?;
    for key in live.into_values().flatten() {
        end.execute((key, number))?;
    }
    Ok(())
}

fn read_assignment(row: &Row<'_>) -> Result<Assignment, Failure> {
    let unit = UnitCode::parse(&row.get::<_, String>(0)?).map_err(|e| corrupt("assignment", &e))?;
    let time = |text: String| parse_time(&text).map_err(|e| corrupt("assignment", &format!("unit {unit}: {e}")));
    Ok(Assignment {
        worker: worker_id(row, 1)?,
        post: read_post(&row.get::<_, String>(2)?)?,
        department: row.get(3)?,
        validity: Validity { from: time(row.get(4)?)?, to: row.get::<_, Option<String>>(5)?.map(time).transpose()? },
        shift: Shift::parse(&row.get::<_, String>(6)?).map_err(|e| corrupt("assignment", &e))?,
        unit,
    })
}

fn read_post(text: &str) -> Result<Post, Failure> {
    Post::parse(text).ok_or_else(|| corrupt("assignment", &format!("the post {text:?}")))
}
