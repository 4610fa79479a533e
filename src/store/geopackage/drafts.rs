//! The logs of drafts.

use rusqlite::{OptionalExtension, Transaction, params};

use super::connection::{Failure, corrupt};
use super::keys::note;
use super::publish::publish;
use super::roster::change_roster;
use crate::boundary::{Generation, GenerationId, LayerName};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::drafts::{DraftEntry, DraftEntryKind, DraftStanding};
use crate::store::records::{Publication, RosterChange};
use crate::store::times::{parse_time, time_text};

pub(super) fn add_entry(transaction: &Transaction<'_>, entry: &DraftEntry) -> Result<(), Failure> {
    let is_draft = transaction
        .prepare_cached("SELECT 1 FROM gk_generation WHERE layer = ?1 AND number = ?2 AND state = 'draft'")?
        .exists((entry.layer.as_str(), entry.draft.0))?;
    if !is_draft {
        return Err(Failure::Store(StoreError::NoGeneration { layer: entry.layer.clone(), generation: entry.draft }));
    }
    let newest = newest_revision(transaction, &entry.layer, entry.draft)?;
    entry.check_next(newest).map_err(Failure::Store)?;
    transaction
        .prepare_cached("INSERT INTO gk_draft_entry (layer, draft, revision, kind, body, author, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            entry.layer.as_str(),
            entry.draft.0,
            entry.revision,
            entry.kind.as_str(),
            entry.body,
            entry.author,
            time_text(entry.at)
        ])?;
    note(transaction, &Action::Draft(entry), &entry.author, entry.at)
}

pub(super) fn publish_draft(
    transaction: &Transaction<'_>,
    publication: &Publication<'_>,
    roster: Option<RosterChange<'_>>,
    entry: &DraftEntry,
) -> Result<Generation, Failure> {
    let generation = publish(transaction, publication)?;
    if let Some(roster) = roster {
        let with = Some((&generation.layer, generation.id));
        change_roster(transaction, roster, None, with, publication.author, publication.created_at)?;
    }
    add_entry(transaction, &DraftEntry { body: DraftEntry::published_body(generation.id), ..entry.clone() })?;
    Ok(generation)
}

pub(super) fn newest_revision(transaction: &Transaction<'_>, layer: &LayerName, draft: GenerationId) -> Result<u32, Failure> {
    if !has_entries(transaction)? {
        return Ok(0);
    }
    let sql = "SELECT coalesce(max(revision), 0) FROM gk_draft_entry WHERE layer = ?1 AND draft = ?2";
    Ok(transaction.prepare_cached(sql)?.query_row((layer.as_str(), draft.0), |row| row.get(0))?)
}

pub(super) fn load_standings(transaction: &Transaction<'_>, layer: &LayerName) -> Result<Vec<DraftStanding>, Failure> {
    if !has_entries(transaction)? {
        return Ok(Vec::new());
    }
    // Both are found in the index, a step for each draft.
    let sql = "SELECT d.draft, d.revision,
                 (SELECT kind FROM gk_draft_entry AS e WHERE e.layer = ?1 AND e.draft = d.draft AND e.kind <> 'open' ORDER BY e.revision DESC LIMIT 1)
               FROM (SELECT draft, max(revision) AS revision FROM gk_draft_entry WHERE layer = ?1 GROUP BY draft) AS d ORDER BY d.draft";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query([layer.as_str()])?;
    let mut standings = Vec::new();
    while let Some(row) = rows.next()? {
        let decided = row.get::<_, Option<String>>(2)?.map(|kind| to_kind(&kind)).transpose()?;
        standings.push(DraftStanding { draft: GenerationId(row.get(0)?), revision: row.get(1)?, decided });
    }
    Ok(standings)
}

fn to_kind(kind: &str) -> Result<DraftEntryKind, Failure> {
    DraftEntryKind::parse(kind).ok_or_else(|| corrupt("draft entry", &format!("the kind {kind:?}")))
}

pub(super) fn load_entries(
    transaction: &Transaction<'_>,
    layer: &LayerName,
    draft: GenerationId,
    after: u32,
) -> Result<Vec<DraftEntry>, Failure> {
    if !has_entries(transaction)? {
        return Ok(Vec::new());
    }
    let sql =
        "SELECT revision, kind, body, author, at FROM gk_draft_entry WHERE layer = ?1 AND draft = ?2 AND revision > ?3 ORDER BY revision";
    let mut statement = transaction.prepare_cached(sql)?;
    let mut rows = statement.query((layer.as_str(), draft.0, after))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let kind: String = row.get(1)?;
        entries.push(DraftEntry {
            layer: layer.clone(),
            draft,
            revision: row.get(0)?,
            kind: to_kind(&kind)?,
            body: row.get(2)?,
            author: row.get(3)?,
            at: parse_time(&row.get::<_, String>(4)?).map_err(|e| corrupt("draft entry", &e))?,
        });
    }
    Ok(entries)
}

/// A file of an older program that is read only has no such table.
fn has_entries(transaction: &Transaction<'_>) -> Result<bool, Failure> {
    let sql = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'gk_draft_entry'";
    Ok(transaction.prepare_cached(sql)?.query_row([], |_| Ok(())).optional()?.is_some())
}
