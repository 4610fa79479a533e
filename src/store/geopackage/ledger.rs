//! What people put on record beside cases, and who is told of events by name.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::keys::{note, note_change};
use super::roster::person_key;
use crate::boundary::{Position, UnitCode};
use crate::dispatch::workflow::NoticeKind;
use crate::dispatch::{CaseId, WorkerId};
use crate::store::audit::Action;
use crate::store::case_records::Notice;
use crate::store::ledger::{Entry, EntryEnd, EntryFilter, EntryKind};
use crate::store::times::{parse_time, time_text};

const SELECT: &str =
    "SELECT e.id, e.kind, e.at, e.author, e.lon, e.lat, e.radius_m, e.unit_code, p.worker_id, e.case_id, e.text, e.expires_at,
     e.ended_at, e.ended_by, e.ended_text FROM gk_entry AS e LEFT JOIN gk_person AS p ON p.key = e.worker";

pub(super) fn add_entries(transaction: &Transaction<'_>, entries: &[Entry]) -> Result<(), Failure> {
    entries.iter().try_for_each(|entry| add_entry(transaction, entry))
}

fn add_entry(transaction: &Transaction<'_>, entry: &Entry) -> Result<(), Failure> {
    let worker = entry.worker.as_ref().map(|id| person_key(transaction, id)).transpose()?;
    let added = transaction
        .prepare_cached(
            "INSERT INTO gk_entry (id, kind, at, author, lon, lat, radius_m, unit_code, worker, case_id, text, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            entry.id.to_string(),
            entry.kind.as_str(),
            time_text(entry.at),
            entry.author,
            entry.position.map(|position| position.lon),
            entry.position.map(|position| position.lat),
            entry.radius_m,
            entry.unit.as_ref().map(UnitCode::as_str),
            worker,
            entry.case.map(|case| case.0.to_string()),
            entry.text,
            entry.expires_at.map(time_text)
        ])?;
    if added == 0 {
        return Ok(());
    }
    note_entry(transaction, entry.kind, &Action::AddEntry(entry), &entry.author, entry.at)
}

pub(super) fn end_entry(transaction: &Transaction<'_>, kind: EntryKind, id: Uuid, end: &EntryEnd) -> Result<Option<Entry>, Failure> {
    let sql = "UPDATE gk_entry SET ended_at = ?3, ended_by = ?4, ended_text = ?5 WHERE id = ?1 AND kind = ?2 AND ended_at IS NULL";
    let ended = transaction.execute(sql, (id.to_string(), kind.as_str(), time_text(end.at), &end.author, &end.text))?;
    if ended == 0 {
        return Ok(None);
    }
    note_entry(transaction, kind, &Action::EndEntry { kind, id, at: end.at }, &end.author, end.at)?;
    let mut find = transaction.prepare_cached(&format!("{SELECT} WHERE e.id = ?1"))?;
    find.query_row([id.to_string()], |row| Ok(read_entry(row))).optional()?.transpose()
}

pub(super) fn load_entries(transaction: &Transaction<'_>, filter: &EntryFilter) -> Result<Vec<Entry>, Failure> {
    let sql = format!(
        "{SELECT} WHERE e.kind = ?1 AND (?2 = 0 OR e.ended_at IS NULL) AND (?3 IS NULL OR p.worker_id = ?3)
           AND (?4 IS NULL OR e.id = ?4) AND (?5 IS NULL OR e.author = ?5)
         ORDER BY e.at DESC, e.id DESC LIMIT ?6"
    );
    let mut statement = transaction.prepare_cached(&sql)?;
    let worker = filter.worker.as_ref().map(|id| &*id.0);
    let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
    let id = filter.id.map(|id| id.to_string());
    let mut rows = statement.query(params![filter.kind.as_str(), filter.is_open, worker, id, filter.author, limit])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read_entry(row)?);
    }
    entries.reverse();
    Ok(entries)
}

fn note_entry(transaction: &Transaction<'_>, kind: EntryKind, action: &Action<'_>, author: &str, at: Timestamp) -> Result<(), Failure> {
    if kind.is_followed() { note_change(transaction, action, author, at) } else { note(transaction, action, author, at) }
}

fn read_entry(row: &Row<'_>) -> Result<Entry, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("entry", detail);
    let time = |at: usize| -> Result<Option<Timestamp>, Failure> {
        row.get::<_, Option<String>>(at)?.map(|text| parse_time(&text).map_err(|e| broken(&e))).transpose()
    };
    let uuid = |text: &str| Uuid::parse_str(text).map_err(|e| broken(&e));
    let kind: String = row.get(1)?;
    let position = row.get::<_, Option<f64>>(4)?.zip(row.get::<_, Option<f64>>(5)?);
    let end = match time(12)? {
        Some(at) => Some(EntryEnd { at, author: row.get(13)?, text: row.get(14)? }),
        None => None,
    };
    Ok(Entry {
        id: uuid(&row.get::<_, String>(0)?)?,
        kind: EntryKind::parse(&kind).ok_or_else(|| broken(&format!("the kind {kind:?}")))?,
        at: time(2)?.unwrap_or_default(),
        author: row.get(3)?,
        position: position.map(|(lon, lat)| Position::new(lon, lat)).transpose().map_err(|e| broken(&e))?,
        radius_m: row.get(6)?,
        unit: row.get::<_, Option<String>>(7)?.as_deref().map(UnitCode::parse).transpose().map_err(|e| broken(&e))?,
        worker: row.get::<_, Option<String>>(8)?.map(|id| WorkerId(id.into())),
        case: row.get::<_, Option<String>>(9)?.as_deref().map(uuid).transpose()?.map(CaseId),
        text: row.get(10)?,
        expires_at: time(11)?,
        end,
    })
}

/// Enters who is told of an event of a case.
pub(super) fn add_notices(
    transaction: &Transaction<'_>,
    number: i64,
    case: &str,
    at: &str,
    notices: &[(&WorkerId, NoticeKind)],
) -> Result<(), Failure> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO gk_notice (worker, number, kind, case_id, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (worker, number, kind) DO NOTHING",
    )?;
    for (worker, kind) in notices {
        put.execute(params![person_key(transaction, worker)?, number, kind.as_str(), case, at])?;
    }
    Ok(())
}

pub(super) fn load_notices(transaction: &Transaction<'_>, worker: &WorkerId, after: u64, limit: usize) -> Result<Vec<Notice>, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT n.number, n.kind, n.case_id, n.at FROM gk_notice AS n JOIN gk_person AS p ON p.key = n.worker
         WHERE p.worker_id = ?1 AND n.number > ?2 ORDER BY n.number, n.kind LIMIT ?3",
    )?;
    let clamped = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let mut rows = statement.query((&*worker.0, clamped(after), i64::try_from(limit).unwrap_or(i64::MAX)))?;
    let mut notices = Vec::new();
    while let Some(row) = rows.next()? {
        let (kind, case, at): (String, String, String) = (row.get(1)?, row.get(2)?, row.get(3)?);
        notices.push(Notice {
            number: row.get(0)?,
            kind: NoticeKind::parse(&kind).ok_or_else(|| corrupt("notice", &format!("the kind {kind:?}")))?,
            case: CaseId(Uuid::parse_str(&case).map_err(|e| corrupt("notice", &e))?),
            at: parse_time(&at).map_err(|e| corrupt("notice", &e))?,
        });
    }
    Ok(notices)
}

pub(super) fn newest_notice(transaction: &Transaction<'_>, worker: &WorkerId) -> Result<u64, Failure> {
    let sql = "SELECT coalesce(max(n.number), 0) FROM gk_notice AS n JOIN gk_person AS p ON p.key = n.worker WHERE p.worker_id = ?1";
    Ok(transaction.prepare_cached(sql)?.query_row([&*worker.0], |row| row.get(0))?)
}

pub(super) fn forget_notices(transaction: &Transaction<'_>, before: Timestamp, limit: usize) -> Result<usize, Failure> {
    let sql = "DELETE FROM gk_notice WHERE (worker, number, kind) IN
                 (SELECT worker, number, kind FROM gk_notice WHERE at < ?1 ORDER BY at, number, kind, worker LIMIT ?2)";
    Ok(transaction.prepare_cached(sql)?.execute((time_text(before), i64::try_from(limit).unwrap_or(i64::MAX)))?)
}
