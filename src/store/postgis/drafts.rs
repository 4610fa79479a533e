//! The logs of drafts.

use deadpool_postgres::Transaction;
use tokio_postgres::types::Type;

use super::connection::{Failure, corrupt};
use super::keys::note;
use super::lives::add_publication;
use super::publish::write_generation;
use super::roster::change_roster;
use super::values::{Time, from_text, to_text};
use crate::boundary::{Generation, GenerationId, LayerName};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::drafts::{DraftEntry, DraftEntryKind, DraftStanding};
use crate::store::records::{Publication, RosterChange};

pub(super) async fn add_entry(tx: &Transaction<'_>, entry: &DraftEntry) -> Result<(), Failure> {
    // The row is held until the end, so that of two writers the second sees what the first wrote.
    let sql = "SELECT 1 FROM gk_generation WHERE layer = $1 AND number = $2 AND state = 'draft' FOR UPDATE";
    let draft = to_number(entry.draft.0)?;
    if tx.query_opt(sql, &[&entry.layer.as_str(), &draft]).await?.is_none() {
        return Err(Failure::Store(StoreError::NoGeneration { layer: entry.layer.clone(), generation: entry.draft }));
    }
    let newest = newest_revision(tx, &entry.layer, entry.draft).await?;
    entry.check_next(newest).map_err(Failure::Store)?;
    tx.execute(
        "INSERT INTO gk_draft_entry (layer, draft, revision, kind, body, author, at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[
            &entry.layer.as_str(),
            &draft,
            &to_number(entry.revision)?,
            &entry.kind.as_str(),
            &to_text(&entry.body),
            &to_text(&entry.author),
            &Time(entry.at),
        ],
    )
    .await?;
    note(tx, &Action::Draft(entry), &entry.author, entry.at).await
}

pub(super) async fn publish_draft(
    tx: &Transaction<'_>,
    geometry: &Type,
    publication: &Publication<'_>,
    roster: Option<RosterChange<'_>>,
    entry: &DraftEntry,
) -> Result<Generation, Failure> {
    let generation = write_generation(tx, geometry, publication).await?;
    if let Some(roster) = roster {
        let with = Some((&generation.layer, generation.id));
        change_roster(tx, roster, None, with, publication.author, publication.created_at).await?;
    }
    add_entry(tx, &DraftEntry { body: DraftEntry::published_body(generation.id), ..entry.clone() }).await?;
    add_publication(tx, &generation).await?;
    Ok(generation)
}

pub(super) async fn newest_revision(tx: &Transaction<'_>, layer: &LayerName, draft: GenerationId) -> Result<u32, Failure> {
    let sql = "SELECT coalesce(max(revision), 0) FROM gk_draft_entry WHERE layer = $1 AND draft = $2";
    let newest: i32 = tx.query_one(sql, &[&layer.as_str(), &to_number(draft.0)?]).await?.get(0);
    u32::try_from(newest).map_err(|e| corrupt("draft entry", &e))
}

pub(super) async fn load_standings(tx: &Transaction<'_>, layer: &LayerName) -> Result<Vec<DraftStanding>, Failure> {
    // Both are found in the index, a step for each draft.
    let sql = "SELECT d.draft, d.revision, e.kind
               FROM (SELECT draft, max(revision) AS revision FROM gk_draft_entry WHERE layer = $1 GROUP BY draft) AS d
               LEFT JOIN LATERAL (SELECT kind FROM gk_draft_entry WHERE layer = $1 AND draft = d.draft AND kind <> 'open'
                                  ORDER BY revision DESC LIMIT 1) AS e ON true
               ORDER BY d.draft";
    let standing = |row: &tokio_postgres::Row| {
        let number = |at: usize| u32::try_from(row.get::<_, i32>(at)).map_err(|e| corrupt("draft entry", &e));
        let decided = row.get::<_, Option<&str>>(2).map(to_kind).transpose()?;
        Ok(DraftStanding { draft: GenerationId(number(0)?), revision: number(1)?, decided })
    };
    tx.query(sql, &[&layer.as_str()]).await?.iter().map(standing).collect()
}

fn to_kind(kind: &str) -> Result<DraftEntryKind, Failure> {
    DraftEntryKind::parse(kind).ok_or_else(|| corrupt("draft entry", &format!("the kind {kind:?}")))
}

pub(super) async fn load_entries(
    tx: &Transaction<'_>,
    layer: &LayerName,
    draft: GenerationId,
    after: u32,
) -> Result<Vec<DraftEntry>, Failure> {
    let sql =
        "SELECT revision, kind, body, author, at FROM gk_draft_entry WHERE layer = $1 AND draft = $2 AND revision > $3 ORDER BY revision";
    let rows = tx.query(sql, &[&layer.as_str(), &to_number(draft.0)?, &to_number(after)?]).await?;
    let read = |row: &tokio_postgres::Row| {
        Ok(DraftEntry {
            layer: layer.clone(),
            draft,
            revision: u32::try_from(row.get::<_, i32>(0)).map_err(|e| corrupt("draft entry", &e))?,
            kind: to_kind(row.get(1))?,
            body: from_text(row.get(2)),
            author: from_text(row.get(3)),
            at: row.get::<_, Time>(4).0,
        })
    };
    rows.iter().map(read).collect()
}

fn to_number(number: u32) -> Result<i32, Failure> {
    i32::try_from(number).map_err(|e| corrupt("draft entry", &e))
}
