//! Photos of cases.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::keys::note;
use crate::dispatch::{CaseId, Photo, PhotoId, PhotoMedia, Role};
use crate::store::audit::Action;
use crate::store::case_records::PhotoFile;
use crate::store::records::ErasureReason;
use crate::store::times::{parse_time, time_text};

const COLUMNS: &str = "id, case_id, at, author, role, media_type, width, height, sha256, erased_at, coalesce(length(bytes), 0)";

pub(super) fn add_photo(transaction: &Transaction<'_>, file: &PhotoFile) -> Result<(), Failure> {
    let PhotoFile { photo, bytes } = file;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO gk_photo (id, case_id, at, author, role, media_type, width, height, sha256, bytes)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    insert.execute(params![
        photo.id.to_string(),
        photo.case.to_string(),
        time_text(photo.at),
        photo.author,
        photo.role.as_str(),
        photo.media.as_str(),
        photo.width,
        photo.height,
        photo.sha256,
        bytes
    ])?;
    Ok(())
}

pub(super) fn load_photos(transaction: &Transaction<'_>, case: CaseId) -> Result<Vec<Photo>, Failure> {
    let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM gk_photo WHERE case_id = ?1 ORDER BY id"))?;
    let mut rows = statement.query([case.to_string()])?;
    let mut photos = Vec::new();
    while let Some(row) = rows.next()? {
        photos.push(read_photo(row)?);
    }
    Ok(photos)
}

pub(super) fn find_kept_photos(transaction: &Transaction<'_>, ids: &[PhotoId]) -> Result<Vec<PhotoId>, Failure> {
    let mut find = transaction.prepare_cached("SELECT 1 FROM gk_photo WHERE id = ?1 AND erased_at IS NULL")?;
    let mut kept = Vec::new();
    for id in ids {
        if find.exists([id.to_string()])? {
            kept.push(*id);
        }
    }
    Ok(kept)
}

pub(super) fn find_photo(transaction: &Transaction<'_>, id: PhotoId) -> Result<Option<PhotoFile>, Failure> {
    let mut find = transaction.prepare_cached(&format!("SELECT {COLUMNS}, bytes FROM gk_photo WHERE id = ?1 AND bytes IS NOT NULL"))?;
    let read = |row: &Row<'_>| Ok(row.get(11).map_err(Failure::from).and_then(|bytes| Ok(PhotoFile { photo: read_photo(row)?, bytes })));
    find.query_row([id.to_string()], read).optional()?.transpose()
}

/// Takes the bytes of a photo out, and returns whether there were any.
pub(super) fn erase_photo(
    transaction: &Transaction<'_>,
    photo: PhotoId,
    reason: ErasureReason,
    author: &str,
    at: Timestamp,
) -> Result<bool, Failure> {
    let sql = "UPDATE gk_photo SET bytes = NULL, erased_at = ?2 WHERE id = ?1 AND erased_at IS NULL RETURNING case_id";
    let mut erase = transaction.prepare_cached(sql)?;
    let case: Option<String> = erase.query_row([photo.to_string(), time_text(at)], |row| row.get(0)).optional()?;
    let Some(case) = case else { return Ok(false) };
    let case = CaseId(Uuid::parse_str(&case).map_err(|e| corrupt("photo", &e))?);
    note(transaction, &Action::ErasePhoto { photo, case, reason }, author, at)?;
    Ok(true)
}

fn read_photo(row: &Row<'_>) -> Result<Photo, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("photo", detail);
    let text = |at: usize| row.get::<_, String>(at);
    let uuid = |at: usize| Uuid::parse_str(&text(at)?).map_err(|e| broken(&e));
    let erased_at = row.get::<_, Option<String>>(9)?.map(|text| parse_time(&text)).transpose().map_err(|e| broken(&e))?;
    Ok(Photo {
        id: PhotoId(uuid(0)?),
        case: CaseId(uuid(1)?),
        at: parse_time(&text(2)?).map_err(|e| broken(&e))?,
        author: text(3)?,
        role: Role::parse(&text(4)?).ok_or_else(|| broken(&"its role"))?,
        media: PhotoMedia::parse(&text(5)?).ok_or_else(|| broken(&"its media type"))?,
        width: row.get(6)?,
        height: row.get(7)?,
        sha256: row.get(8)?,
        erased_at,
        byte_count: row.get(10)?,
    })
}
