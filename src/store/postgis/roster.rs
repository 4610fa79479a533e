//! The roster: rows that stay the same go on, others end.

use std::sync::Arc;

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use tokio_postgres::Row;

use super::connection::{Failure, corrupt};
use super::generations::{from_id, load_generations, to_id};
use super::keys::note_change;
use super::months;
use super::values::{Time, from_text, to_text};
use crate::boundary::{Generation, GenerationId, LayerName, UnitCode, Validity};
use crate::dispatch::{Assignment, Post, RosterTerm, Shift, Worker, WorkerId};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::records::{RosterChange, RosterData, StoredRoster, WorkerSaid};
use crate::store::rosters::{PlannedRoster, RosterHead, RosterTerms, in_force, planned};
use crate::store::texts::shift_text;

/// What a row says, to tell rows that go on from those that end.
type AssignmentKey = (String, i64, &'static str, String, Timestamp, Option<Timestamp>, String);

pub(super) async fn replace_roster(
    tx: &Transaction<'_>,
    roster: &RosterData,
    with: Option<(&LayerName, GenerationId)>,
    author: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    if let Some((layer, generation)) = with {
        let sql = "SELECT 1 FROM gk_generation WHERE layer = $1 AND number = $2 AND state = 'published'";
        if tx.query_opt(sql, &[&layer.as_str(), &from_id(generation)?]).await?.is_none() {
            return Err(Failure::Store(StoreError::NoGeneration { layer: layer.clone(), generation }));
        }
    }
    months::ensure(tx, "gk_audit", [at]).await?;
    let sql = "INSERT INTO gk_roster (number, created_at, author, layer, generation)
               SELECT coalesce(max(number), 0) + 1, $1, $2, $3, $4 FROM gk_roster RETURNING number";
    let (layer, generation) = with.map(|(layer, generation)| (layer.as_str(), generation)).unzip();
    let row = tx.query_one(sql, &[&Time(at), &to_text(author), &layer, &generation.map(from_id).transpose()?]).await?;
    let number: i64 = row.get(0);
    let kept = roster.clone().into_kept();
    let assigned = kept.assignments.iter().map(|assignment| &assignment.worker);
    let people = person_keys(tx, kept.workers.iter().map(|worker| &worker.id).chain(assigned)).await?;
    replace_workers(tx, &kept.workers, &people, number).await?;
    replace_assignments(tx, &kept.assignments, &people, number).await?;
    let number = u64::try_from(number).map_err(|e| corrupt("roster", &e))?;
    note_change(tx, &Action::ReplaceRoster { roster, number }, author, at).await
}

/// Replaces the roster where the one written last is the one named. Writers wait for each other, so that none can come between.
pub(super) async fn change_roster(
    tx: &Transaction<'_>,
    change: RosterChange<'_>,
    said: Option<&WorkerSaid>,
    with: Option<(&LayerName, GenerationId)>,
    author: &str,
    at: Timestamp,
) -> Result<(), Failure> {
    let found = load_heads(tx).await?.last().map(|head| head.number);
    if found != change.newest {
        return Err(Failure::Store(StoreError::RosterChanged { newest: found }));
    }
    let ids: Vec<String> = change.data.workers.iter().map(|worker| to_text(&worker.id.0).into_owned()).collect();
    // The lock keeps an erasure from coming between.
    let sql = "SELECT worker_id, name, phone FROM gk_person WHERE worker_id = ANY ($1) ORDER BY key FOR UPDATE";
    let known = tx.query(sql, &[&ids]).await?.iter().map(read_worker).map(|worker| (worker.id.clone(), worker)).collect();
    replace_roster(tx, &change.data.clone().with_names(&known, said), with, author, at).await
}

pub(super) async fn load_roster(tx: &Transaction<'_>, at: Timestamp) -> Result<StoredRoster, Failure> {
    let term = find_roster(tx, at).await?;
    let data = match term.mark.number {
        Some(number) => load_data(tx, i64::try_from(number).map_err(|e| corrupt("roster", &e))?).await?,
        None => RosterData::default(),
    };
    Ok(StoredRoster { term, data })
}

pub(super) async fn find_roster(tx: &Transaction<'_>, at: Timestamp) -> Result<RosterTerm, Failure> {
    let (heads, generations) = load_terms(tx).await?;
    Ok(in_force(&heads, &generations, at))
}

pub(super) async fn load_planned(tx: &Transaction<'_>, at: Timestamp) -> Result<Vec<PlannedRoster>, Failure> {
    let (heads, generations) = load_terms(tx).await?;
    Ok(planned(&heads, &generations, at))
}

/// Reads the heads of all rosters, and the generations of the layers that they name.
async fn load_terms(tx: &Transaction<'_>) -> Result<RosterTerms, Failure> {
    let heads = load_heads(tx).await?;
    let mut generations: Vec<(LayerName, Vec<Generation>)> = Vec::new();
    for layer in heads.iter().filter_map(|head| Some(&head.with.as_ref()?.0)) {
        if !generations.iter().any(|(known, _)| known == layer) {
            generations.push((layer.clone(), load_generations(tx, layer).await?));
        }
    }
    Ok((heads, generations))
}

async fn load_heads(tx: &Transaction<'_>) -> Result<Vec<RosterHead>, Failure> {
    let rows = tx.query("SELECT number, created_at, layer, generation FROM gk_roster ORDER BY number", &[]).await?;
    let head = |row: &Row| {
        let layer = row.get::<_, Option<&str>>(2).map(LayerName::parse).transpose().map_err(|e| corrupt("roster", &e))?;
        Ok(RosterHead {
            number: u64::try_from(row.get::<_, i64>(0)).map_err(|e| corrupt("roster", &e))?,
            created_at: row.try_get::<_, Time>(1)?.0,
            with: layer.zip(row.get::<_, Option<i32>>(3).map(to_id).transpose()?),
        })
    };
    rows.iter().map(head).collect()
}

async fn load_data(tx: &Transaction<'_>, number: i64) -> Result<RosterData, Failure> {
    let rows = tx
        .query(
            "SELECT p.worker_id, p.name, p.phone FROM gk_worker AS w JOIN gk_person AS p ON p.key = w.person
             WHERE w.from_roster <= $1 AND (w.to_roster IS NULL OR w.to_roster > $1)",
            &[&number],
        )
        .await?;
    let workers = rows.iter().map(read_worker).collect();
    let rows = tx
        .query(
            "SELECT a.unit_code, p.worker_id, a.post, a.department, a.valid_from, a.valid_to, a.shift
             FROM gk_assignment AS a JOIN gk_person AS p ON p.key = a.person
             WHERE a.from_roster <= $1 AND (a.to_roster IS NULL OR a.to_roster > $1)",
            &[&number],
        )
        .await?;
    let assignments = rows.iter().map(read_assignment).collect::<Result<_, _>>()?;
    Ok(RosterData { workers, assignments }.into_kept())
}

/// Returns the keys of workers, who need not be on the roster: a case may name one who has left.
pub(super) async fn person_keys(tx: &Transaction<'_>, ids: impl Iterator<Item = &WorkerId>) -> Result<FxHashMap<WorkerId, i64>, Failure> {
    let mut ids: Vec<&WorkerId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(FxHashMap::default());
    }
    let texts: Vec<String> = ids.iter().map(|id| to_text(&id.0).into_owned()).collect();
    // Writers of cases and of rosters may meet a new worker at once; this lock is held until the second of them is done.
    let find = tx.prepare_cached("SELECT worker_id, key FROM gk_person WHERE worker_id = ANY ($1)").await?;
    let mut rows = tx.query(&find, &[&texts]).await?;
    if rows.len() < texts.len() {
        tx.batch_execute("SELECT pg_advisory_xact_lock(hashtext('gridkeeper.' || current_schema()), 3)").await?;
        tx.execute(
            "INSERT INTO gk_person (key, worker_id, name, phone)
             SELECT (SELECT coalesce(max(key), 0) FROM gk_person) + row_number() OVER (ORDER BY i.number), i.id, '', ''
             FROM unnest($1::text[]) WITH ORDINALITY AS i (id, number)
             WHERE NOT EXISTS (SELECT 1 FROM gk_person WHERE worker_id = i.id)",
            &[&texts],
        )
        .await?;
        rows = tx.query(&find, &[&texts]).await?;
    }
    Ok(rows.iter().map(|row| (worker_id(row.get(0)), row.get(1))).collect())
}

pub(super) fn worker_id(text: String) -> WorkerId {
    WorkerId(Arc::from(from_text(text)))
}

async fn replace_workers(tx: &Transaction<'_>, workers: &[Worker], people: &FxHashMap<WorkerId, i64>, number: i64) -> Result<(), Failure> {
    let keys: Vec<i64> = workers.iter().map(|worker| people[&worker.id]).collect();
    let (names, phones): (Vec<String>, Vec<String>) =
        workers.iter().map(|worker| (to_text(&worker.name).into_owned(), to_text(&worker.phone).into_owned())).unzip();
    tx.execute(
        "UPDATE gk_person AS p SET name = n.name, phone = n.phone
         FROM unnest($1::bigint[], $2::text[], $3::text[]) AS n (key, name, phone)
         WHERE p.key = n.key AND (p.name, p.phone) IS DISTINCT FROM (n.name, n.phone)",
        &[&keys, &names, &phones],
    )
    .await?;
    tx.execute("UPDATE gk_worker SET to_roster = $2 WHERE to_roster IS NULL AND person <> ALL ($1)", &[&keys, &number]).await?;
    tx.execute(
        "INSERT INTO gk_worker (key, person, from_roster)
         SELECT (SELECT coalesce(max(key), 0) FROM gk_worker) + row_number() OVER (ORDER BY n.number), n.key, $2
         FROM unnest($1::bigint[]) WITH ORDINALITY AS n (key, number)
         WHERE NOT EXISTS (SELECT 1 FROM gk_worker WHERE person = n.key AND to_roster IS NULL)",
        &[&keys, &number],
    )
    .await?;
    Ok(())
}

async fn replace_assignments(
    tx: &Transaction<'_>,
    assignments: &[Assignment],
    people: &FxHashMap<WorkerId, i64>,
    number: i64,
) -> Result<(), Failure> {
    // The same row may stand in a roster twice, so each key has a list.
    let mut live: FxHashMap<AssignmentKey, Vec<i64>> = FxHashMap::default();
    let sql = "SELECT unit_code, person, post, department, valid_from, valid_to, shift, key FROM gk_assignment WHERE to_roster IS NULL";
    for row in tx.query(sql, &[]).await? {
        let to = row.try_get::<_, Option<Time>>(5)?.map(|time| time.0);
        let key: AssignmentKey =
            (row.get(0), row.get(1), read_post(row.get(2))?.as_str(), from_text(row.get(3)), row.try_get::<_, Time>(4)?.0, to, row.get(6));
        live.entry(key).or_default().push(row.get(7));
    }
    let mut added: Vec<(&Assignment, i64)> = Vec::new();
    for a in assignments {
        let person = people[&a.worker];
        let key: AssignmentKey = (
            a.unit.as_str().to_owned(),
            person,
            a.post.as_str(),
            a.department.clone(),
            a.validity.from,
            a.validity.to,
            shift_text(&a.shift),
        );
        if live.get_mut(&key).and_then(Vec::pop).is_none() {
            added.push((a, person));
        }
    }
    let column = |value: &dyn Fn(&Assignment) -> String| added.iter().map(|(a, _)| value(a)).collect::<Vec<String>>();
    tx.execute(
        "INSERT INTO gk_assignment (key, unit_code, person, post, department, valid_from, valid_to, shift, from_roster)
         SELECT (SELECT coalesce(max(key), 0) FROM gk_assignment) + n.number, n.unit, n.person, n.post, n.department, n.valid_from,
                n.valid_to, n.shift, $8
         FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::text[])
              WITH ORDINALITY AS n (unit, person, post, department, valid_from, valid_to, shift, number)",
        &[
            &column(&|a| a.unit.as_str().to_owned()),
            &added.iter().map(|(_, person)| *person).collect::<Vec<i64>>(),
            &column(&|a| a.post.as_str().to_owned()),
            &column(&|a| to_text(&a.department).into_owned()),
            &added.iter().map(|(a, _)| Time(a.validity.from)).collect::<Vec<_>>(),
            &added.iter().map(|(a, _)| a.validity.to.map(Time)).collect::<Vec<_>>(),
            &column(&|a| shift_text(&a.shift)),
            &number,
        ],
    )
    .await?;
    let gone: Vec<i64> = live.into_values().flatten().collect();
    tx.execute("UPDATE gk_assignment SET to_roster = $2 WHERE key = ANY ($1)", &[&gone, &number]).await?;
    Ok(())
}

fn read_assignment(row: &Row) -> Result<Assignment, Failure> {
    let unit = UnitCode::parse(row.get(0)).map_err(|e| corrupt("assignment", &e))?;
    let broken = |detail: &dyn std::fmt::Display| corrupt("assignment", &format!("unit {unit}: {detail}"));
    Ok(Assignment {
        worker: worker_id(row.get(1)),
        post: read_post(row.get(2))?,
        department: from_text(row.get(3)),
        validity: Validity {
            from: row.try_get::<_, Time>(4).map_err(|e| broken(&e))?.0,
            to: row.try_get::<_, Option<Time>>(5).map_err(|e| broken(&e))?.map(|time| time.0),
        },
        shift: Shift::parse(row.get(6)).map_err(|e| broken(&e))?,
        unit,
    })
}

fn read_worker(row: &Row) -> Worker {
    Worker { id: worker_id(row.get(0)), name: from_text(row.get(1)), phone: from_text(row.get(2)) }
}

fn read_post(text: &str) -> Result<Post, Failure> {
    Post::parse(text).ok_or_else(|| corrupt("assignment", &format!("the post {text:?}")))
}
