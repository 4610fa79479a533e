//! The one table with personal fields.

use jiff::Timestamp;
use rusqlite::Transaction;
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::keys::note_change;
use super::photos::erase_photo;
use super::roster::worker_id;
use crate::dispatch::{PhotoId, WorkerId};
use crate::store::audit::Action;
use crate::store::case_records::PhotoFile;
use crate::store::records::{ErasureReason, PersonDigest, PersonRecord};
use crate::store::times::parse_time;

/// What makes a row blank.
const IS_BLANK: &str = "name = '' AND phone = '' AND email = ''";

/// Who reported a case leaves with its end.
const ENDED: &str = "SELECT c.reporter AS person, max(e.at) AS at FROM gk_case AS c
     JOIN gk_case_event AS e ON e.case_id = c.id AND e.seq = c.version
     WHERE c.reporter IS NOT NULL AND c.is_open = 0 GROUP BY c.reporter";

pub(super) fn load_people(transaction: &Transaction<'_>) -> Result<Vec<PersonRecord>, Failure> {
    let mut statement = transaction.prepare_cached(&format!(
        "SELECT p.worker_id, {IS_BLANK},
                EXISTS (SELECT 1 FROM gk_worker AS w WHERE w.person = p.key AND w.to_roster IS NULL) AS stands,
                coalesce(
                  (SELECT max(r.created_at) FROM gk_worker AS w JOIN gk_roster AS r ON r.number = w.to_roster WHERE w.person = p.key),
                  ended.at)
         FROM gk_person AS p LEFT JOIN ({ENDED}) AS ended ON ended.person = p.key ORDER BY p.worker_id"
    ))?;
    let mut rows = statement.query([])?;
    let mut people = Vec::new();
    while let Some(row) = rows.next()? {
        let is_on_roster = row.get(2)?;
        let left_at = row.get::<_, Option<String>>(3)?.map(|text| parse_time(&text)).transpose().map_err(|e| corrupt("roster", &e))?;
        people.push(PersonRecord {
            id: worker_id(row, 0)?,
            is_blank: row.get(1)?,
            is_on_roster,
            left_at: left_at.filter(|_| !is_on_roster),
        });
    }
    people.extend(load_photos(transaction)?);
    people.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(people)
}

/// Photos may show people, and leave with the end of their case as well.
fn load_photos(transaction: &Transaction<'_>) -> Result<Vec<PersonRecord>, Failure> {
    let mut statement = transaction.prepare_cached(
        "SELECT o.id, o.erased_at IS NOT NULL, e.at FROM gk_photo AS o JOIN gk_case AS c ON c.id = o.case_id
         LEFT JOIN gk_case_event AS e ON e.case_id = c.id AND e.seq = c.version AND c.is_open = 0",
    )?;
    let mut rows = statement.query([])?;
    let mut photos = Vec::new();
    while let Some(row) = rows.next()? {
        let left_at = row.get::<_, Option<String>>(2)?.map(|text| parse_time(&text)).transpose().map_err(|e| corrupt("photo", &e))?;
        photos.push(PersonRecord {
            id: PhotoFile::person(photo_id(&row.get::<_, String>(0)?)?),
            is_blank: row.get(1)?,
            is_on_roster: false,
            left_at,
        });
    }
    Ok(photos)
}

fn photo_id(text: &str) -> Result<PhotoId, Failure> {
    Uuid::parse_str(text).map(PhotoId).map_err(|e| corrupt("photo", &e))
}

pub(super) fn erase_person(
    transaction: &Transaction<'_>,
    id: &WorkerId,
    reason: ErasureReason,
    author: &str,
    at: Timestamp,
) -> Result<bool, Failure> {
    if let Some(photo) = PhotoFile::of_person(id) {
        return erase_photo(transaction, photo, reason, author, at);
    }
    let sql = format!("UPDATE gk_person SET name = '', phone = '', email = '' WHERE worker_id = ?1 AND NOT ({IS_BLANK})");
    let is_erased = transaction.execute(&sql, [&*id.0])? > 0;
    if is_erased {
        note_change(transaction, &Action::ErasePerson { person: PersonDigest::of(id), reason }, author, at)?;
        let sql = "SELECT o.id FROM gk_photo AS o JOIN gk_case AS c ON c.id = o.case_id JOIN gk_person AS p ON p.key = c.reporter
                   WHERE p.worker_id = ?1 AND o.erased_at IS NULL ORDER BY o.id";
        let photos = transaction.prepare(sql)?.query_map([&*id.0], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
        for photo in photos {
            erase_photo(transaction, photo_id(&photo)?, reason, author, at)?;
        }
    }
    Ok(is_erased)
}
