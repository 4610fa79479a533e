//! What people put on record beside cases, who is told of events by name, and where workers were last seen.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::keys::{note, note_change};
use super::roster::{person_keys, worker_id};
use super::values::{Time, from_text, to_text};
use crate::boundary::{Position, UnitCode};
use crate::dispatch::workflow::NoticeKind;
use crate::dispatch::{CaseId, WorkerId};
use crate::store::audit::Action;
use crate::store::case_records::Notice;
use crate::store::ledger::{Entry, EntryEnd, EntryFilter, EntryKind};
use crate::store::positions::WorkerPosition;

const SELECT: &str =
    "SELECT e.id, e.kind, e.at, e.author, e.lon, e.lat, e.radius_m, e.unit_code, p.worker_id, e.case_id, e.text, e.expires_at,
     e.ended_at, e.ended_by, e.ended_text FROM gk_entry AS e LEFT JOIN gk_person AS p ON p.key = e.worker";

pub(super) async fn add_entries(tx: &Transaction<'_>, entries: &[Entry]) -> Result<(), Failure> {
    for entry in entries {
        add_entry(tx, entry).await?;
    }
    Ok(())
}

async fn add_entry(tx: &Transaction<'_>, entry: &Entry) -> Result<(), Failure> {
    let people = person_keys(tx, entry.worker.iter()).await?;
    let added = tx
        .execute(
            "INSERT INTO gk_entry (id, kind, at, author, lon, lat, radius_m, unit_code, worker, case_id, text, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT (id) DO NOTHING",
            &[
                &entry.id,
                &entry.kind.as_str(),
                &Time(entry.at),
                &to_text(&entry.author),
                &entry.position.map(|position| position.lon),
                &entry.position.map(|position| position.lat),
                &entry.radius_m,
                &entry.unit.as_ref().map(UnitCode::as_str),
                &entry.worker.as_ref().map(|id| people[id]),
                &entry.case.map(|case| case.0),
                &to_text(&entry.text),
                &entry.expires_at.map(Time),
            ],
        )
        .await?;
    if added == 0 {
        return Ok(());
    }
    note_entry(tx, entry.kind, &Action::AddEntry(entry), &entry.author, entry.at).await
}

pub(super) async fn end_entry(tx: &Transaction<'_>, kind: EntryKind, id: Uuid, end: &EntryEnd) -> Result<Option<Entry>, Failure> {
    let sql = "UPDATE gk_entry SET ended_at = $3, ended_by = $4, ended_text = $5 WHERE id = $1 AND kind = $2 AND ended_at IS NULL";
    let ended = tx.execute(sql, &[&id, &kind.as_str(), &Time(end.at), &to_text(&end.author), &to_text(&end.text)]).await?;
    if ended == 0 {
        return Ok(None);
    }
    note_entry(tx, kind, &Action::EndEntry { kind, id, at: end.at }, &end.author, end.at).await?;
    tx.query_opt(&format!("{SELECT} WHERE e.id = $1"), &[&id]).await?.map(|row| read_entry(&row)).transpose()
}

pub(super) async fn load_entries(tx: &Transaction<'_>, filter: &EntryFilter) -> Result<Vec<Entry>, Failure> {
    let sql = format!(
        "{SELECT} WHERE e.kind = $1 AND (NOT $2 OR e.ended_at IS NULL) AND ($3::text IS NULL OR p.worker_id = $3)
           AND ($4::uuid IS NULL OR e.id = $4) AND ($5::text IS NULL OR e.author = $5)
         ORDER BY e.at DESC, e.id DESC LIMIT $6"
    );
    let worker = filter.worker.as_ref().map(|id| to_text(&id.0).into_owned());
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let author = filter.author.as_ref().map(|author| to_text(author).into_owned());
    let rows = tx.query(&sql, &[&filter.kind.as_str(), &filter.is_open, &worker, &filter.id, &author, &limit]).await?;
    rows.iter().rev().map(read_entry).collect()
}

async fn note_entry(tx: &Transaction<'_>, kind: EntryKind, action: &Action<'_>, author: &str, at: Timestamp) -> Result<(), Failure> {
    if kind.is_followed() { note_change(tx, action, author, at).await } else { note(tx, action, author, at).await }
}

fn read_entry(row: &Row) -> Result<Entry, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("entry", detail);
    let time = |at: usize| row.try_get::<_, Option<Time>>(at).map(|time| time.map(|time| time.0));
    let kind: String = row.get(1);
    let position = row.get::<_, Option<f64>>(4).zip(row.get::<_, Option<f64>>(5));
    let end = time(12)?.map(|at| EntryEnd { at, author: from_text(row.get(13)), text: from_text(row.get(14)) });
    Ok(Entry {
        id: row.get(0),
        kind: EntryKind::parse(&kind).ok_or_else(|| broken(&format!("the kind {kind:?}")))?,
        at: time(2)?.unwrap_or_default(),
        author: from_text(row.get(3)),
        position: position.map(|(lon, lat)| Position::new(lon, lat)).transpose().map_err(|e| broken(&e))?,
        radius_m: row.get(6),
        unit: row.get::<_, Option<&str>>(7).map(UnitCode::parse).transpose().map_err(|e| broken(&e))?,
        worker: row.get::<_, Option<String>>(8).map(worker_id),
        case: row.get::<_, Option<Uuid>>(9).map(CaseId),
        text: from_text(row.get(10)),
        expires_at: time(11)?,
        end,
    })
}

/// Who is told of an event: its number, its case and time, the person and why.
pub(super) type NoticeRow = (i64, CaseId, Timestamp, i64, NoticeKind);

pub(super) async fn add_notices(tx: &Transaction<'_>, notices: &[NoticeRow]) -> Result<(), Failure> {
    if notices.is_empty() {
        return Ok(());
    }
    let numbers: Vec<i64> = notices.iter().map(|notice| notice.0).collect();
    let cases: Vec<Uuid> = notices.iter().map(|notice| notice.1.0).collect();
    let times: Vec<Time> = notices.iter().map(|notice| Time(notice.2)).collect();
    let people: Vec<i64> = notices.iter().map(|notice| notice.3).collect();
    let kinds: Vec<&str> = notices.iter().map(|notice| notice.4.as_str()).collect();
    tx.execute(
        "INSERT INTO gk_notice (number, case_id, at, worker, kind)
         SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::timestamptz[], $4::bigint[], $5::text[]) ON CONFLICT DO NOTHING",
        &[&numbers, &cases, &times, &people, &kinds],
    )
    .await?;
    Ok(())
}

pub(super) async fn load_notices(tx: &Transaction<'_>, worker: &WorkerId, after: u64, limit: usize) -> Result<Vec<Notice>, Failure> {
    let sql = "SELECT n.number, n.kind, n.case_id, n.at FROM gk_notice AS n JOIN gk_person AS p ON p.key = n.worker
         WHERE p.worker_id = $1 AND n.number > $2 ORDER BY n.number, n.kind LIMIT $3";
    let clamped = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let rows = tx.query(sql, &[&to_text(&worker.0), &clamped(after), &i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    let notice = |row: &Row| {
        let kind: String = row.get(1);
        Ok(Notice {
            number: u64::try_from(row.get::<_, i64>(0)).map_err(|e| corrupt("notice", &e))?,
            kind: NoticeKind::parse(&kind).ok_or_else(|| corrupt("notice", &format!("the kind {kind:?}")))?,
            case: CaseId(row.get(2)),
            at: row.try_get::<_, Time>(3)?.0,
        })
    };
    rows.iter().map(notice).collect()
}

pub(super) async fn newest_notice(tx: &Transaction<'_>, worker: &WorkerId) -> Result<u64, Failure> {
    let sql = "SELECT coalesce(max(n.number), 0) FROM gk_notice AS n JOIN gk_person AS p ON p.key = n.worker WHERE p.worker_id = $1";
    let number: i64 = tx.query_one(sql, &[&to_text(&worker.0)]).await?.get(0);
    u64::try_from(number).map_err(|e| corrupt("notice", &e))
}

pub(super) async fn forget_notices(tx: &Transaction<'_>, before: Timestamp, limit: usize) -> Result<usize, Failure> {
    let sql = "DELETE FROM gk_notice WHERE (worker, number, kind) IN
                 (SELECT worker, number, kind FROM gk_notice WHERE at < $1 ORDER BY at, number, kind, worker LIMIT $2)";
    let forgotten = tx.execute(sql, &[&Time(before), &i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    Ok(usize::try_from(forgotten).unwrap_or(usize::MAX))
}

pub(super) async fn save_position(tx: &Transaction<'_>, seen: &WorkerPosition) -> Result<(), Failure> {
    let people = person_keys(tx, [&seen.worker].into_iter()).await?;
    tx.execute(
        "INSERT INTO gk_position (worker, lon, lat, accuracy_m, at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (worker) DO UPDATE SET lon = excluded.lon, lat = excluded.lat, accuracy_m = excluded.accuracy_m, at = excluded.at",
        &[&people[&seen.worker], &seen.position.lon, &seen.position.lat, &seen.accuracy_m, &Time(seen.at)],
    )
    .await?;
    Ok(())
}

pub(super) async fn load_positions(tx: &Transaction<'_>, since: Timestamp) -> Result<Vec<WorkerPosition>, Failure> {
    let sql = "SELECT p.worker_id, s.lon, s.lat, s.accuracy_m, s.at FROM gk_position AS s JOIN gk_person AS p ON p.key = s.worker
         WHERE s.at >= $1";
    let seen = |row: &Row| {
        Ok(WorkerPosition {
            worker: worker_id(row.get(0)),
            position: Position::new(row.get(1), row.get(2)).map_err(|e| corrupt("position", &e))?,
            accuracy_m: row.get(3),
            at: row.try_get::<_, Time>(4)?.0,
        })
    };
    let mut found = tx.query(sql, &[&Time(since)]).await?.iter().map(seen).collect::<Result<Vec<_>, Failure>>()?;
    found.sort_by(|a, b| a.worker.cmp(&b.worker));
    Ok(found)
}

pub(super) async fn erase_positions(tx: &Transaction<'_>, worker: Option<&WorkerId>, before: Timestamp) -> Result<usize, Failure> {
    let worker = worker.map(|id| to_text(&id.0).into_owned());
    let sql = "DELETE FROM gk_position WHERE at < $1 OR worker = (SELECT key FROM gk_person WHERE worker_id = $2)";
    let erased = tx.execute(sql, &[&Time(before), &worker]).await?;
    Ok(usize::try_from(erased).unwrap_or(usize::MAX))
}
