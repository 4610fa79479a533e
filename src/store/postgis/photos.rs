//! Photos of cases.

use deadpool_postgres::Transaction;
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::keys::note;
use super::values::{Time, from_text, to_text};
use crate::dispatch::{CaseId, Photo, PhotoId, PhotoMedia, Role};
use crate::store::audit::Action;
use crate::store::case_records::PhotoFile;
use crate::store::records::ErasureReason;

const COLUMNS: &str = "id, case_id, at, author, role, media_type, width, height, sha256, erased_at, coalesce(octet_length(bytes), 0)";

pub(super) async fn add_photo(tx: &Transaction<'_>, file: &PhotoFile) -> Result<(), Failure> {
    let PhotoFile { photo, bytes } = file;
    let side = |pixels: u32| i32::try_from(pixels).map_err(|e| corrupt("photo", &e));
    tx.execute(
        "INSERT INTO gk_photo (id, case_id, at, author, role, media_type, width, height, sha256, bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        &[
            &photo.id.0,
            &photo.case.0,
            &Time(photo.at),
            &to_text(&photo.author),
            &photo.role.as_str(),
            &photo.media.as_str(),
            &side(photo.width)?,
            &side(photo.height)?,
            &&photo.sha256[..],
            bytes,
        ],
    )
    .await?;
    Ok(())
}

pub(super) async fn load_photos(tx: &Transaction<'_>, case: CaseId) -> Result<Vec<Photo>, Failure> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM gk_photo WHERE case_id = $1 ORDER BY id"), &[&case.0]).await?;
    rows.iter().map(read_photo).collect()
}

pub(super) async fn find_kept_photos(tx: &Transaction<'_>, ids: &[PhotoId]) -> Result<Vec<PhotoId>, Failure> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = tx.query("SELECT id FROM gk_photo WHERE id = ANY ($1) AND erased_at IS NULL", &[&ids]).await?;
    Ok(rows.iter().map(|row| PhotoId(row.get(0))).collect())
}

pub(super) async fn find_photo(tx: &Transaction<'_>, id: PhotoId) -> Result<Option<PhotoFile>, Failure> {
    let sql = format!("SELECT {COLUMNS}, bytes FROM gk_photo WHERE id = $1 AND bytes IS NOT NULL");
    let found = tx.query_opt(&sql, &[&id.0]).await?;
    found.map(|row| Ok(PhotoFile { photo: read_photo(&row)?, bytes: row.get(11) })).transpose()
}

/// Takes the bytes of a photo out, and returns whether there were any.
pub(super) async fn erase_photo(
    tx: &Transaction<'_>,
    photo: PhotoId,
    reason: ErasureReason,
    author: &str,
    at: Timestamp,
) -> Result<bool, Failure> {
    let sql = "UPDATE gk_photo SET bytes = NULL, erased_at = $2 WHERE id = $1 AND erased_at IS NULL RETURNING case_id";
    let Some(row) = tx.query_opt(sql, &[&photo.0, &Time(at)]).await? else { return Ok(false) };
    note(tx, &Action::ErasePhoto { photo, case: CaseId(row.get(0)), reason }, author, at).await?;
    Ok(true)
}

fn read_photo(row: &Row) -> Result<Photo, Failure> {
    let broken = |detail: &dyn std::fmt::Display| corrupt("photo", detail);
    let side = |at: usize| u32::try_from(row.get::<_, i32>(at)).map_err(|e| broken(&e));
    Ok(Photo {
        id: PhotoId(row.get(0)),
        case: CaseId(row.get(1)),
        at: row.try_get::<_, Time>(2)?.0,
        author: from_text(row.get(3)),
        role: Role::parse(row.get(4)).ok_or_else(|| broken(&"its role"))?,
        media: PhotoMedia::parse(row.get(5)).ok_or_else(|| broken(&"its media type"))?,
        width: side(6)?,
        height: side(7)?,
        sha256: row.get::<_, &[u8]>(8).try_into().map_err(|e| broken(&e))?,
        erased_at: row.try_get::<_, Option<Time>>(9)?.map(|at| at.0),
        byte_count: u64::try_from(row.get::<_, i32>(10)).map_err(|e| broken(&e))?,
    })
}
