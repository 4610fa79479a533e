//! What people put on record beside cases: rulings on borders, reports that a border is wrong, consents, skills. Entries begin and may
//! end; nothing is taken out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::times::to_milliseconds;
use super::{Store, StoreError};
use crate::boundary::{Position, UnitCode};
use crate::dispatch::{CaseId, Skill, WorkerId};

/// Skills that are read at once: those of all workers of an office. Of more the newest count.
pub const SKILLS_MAX: usize = 100_000;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A dispatcher's word on whose a place is. Its text is the reason.
    Ruling,
    /// Somebody's word that a border is wrong at a place. Its text says how.
    BorderReport,
    /// A worker has agreed that positions are kept.
    Consent,
    /// A worker has learned something. Its text names it.
    Skill,
}

impl EntryKind {
    pub const ALL: [Self; 4] = [Self::Ruling, Self::BorderReport, Self::Consent, Self::Skill];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ruling => "ruling",
            Self::BorderReport => "border_report",
            Self::Consent => "consent",
            Self::Skill => "skill",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// Whether running services answer by it, so that a write of it is a change that they follow.
    pub(super) fn is_followed(self) -> bool {
        matches!(self, Self::Ruling | Self::Skill)
    }
}

/// Something put on record.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub id: Uuid,
    pub kind: EntryKind,
    pub at: Timestamp,
    pub author: String,
    pub position: Option<Position>,
    pub radius_m: Option<f64>,
    pub unit: Option<UnitCode>,
    /// Whom it is about, or who said it.
    pub worker: Option<WorkerId>,
    pub case: Option<CaseId>,
    pub text: String,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    pub end: Option<EntryEnd>,
}

/// Entries as they were at a version of the store.
#[derive(Clone, Debug)]
pub struct EntriesAt {
    pub version: u64,
    pub entries: Vec<Entry>,
}

impl EntriesAt {
    /// Reads entries, and of which version of the store they are. Where the store is written again and again meanwhile they may be newer
    /// than that, and never older.
    ///
    /// # Errors
    /// The store fails.
    pub fn load(store: &dyn Store, filter: &EntryFilter) -> Result<Self, StoreError> {
        /// Who writes in between does so now and then.
        const TRIES: usize = 3;
        let mut version = store.load_version()?;
        for _ in 1..TRIES {
            let entries = store.load_entries(filter)?;
            let after = store.load_version()?;
            if after == version {
                return Ok(Self { version, entries });
            }
            version = after;
        }
        Ok(Self { version, entries: store.load_entries(filter)? })
    }
}

/// How an entry ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryEnd {
    pub at: Timestamp,
    pub author: String,
    /// Why, or the answer to it.
    pub text: String,
}

impl Entry {
    /// Begins an entry that says nothing but what it is.
    pub fn new(kind: EntryKind, at: Timestamp, author: &str) -> Self {
        Self {
            id: Uuid::now_v7(),
            kind,
            at,
            author: author.to_owned(),
            position: None,
            radius_m: None,
            unit: None,
            worker: None,
            case: None,
            text: String::new(),
            expires_at: None,
            end: None,
        }
    }

    /// What a worker has learned, as an entry.
    pub fn of_skill(skill: &Skill, author: &str) -> Self {
        let Skill { worker, name, since, expires } = skill.clone();
        Self { worker: Some(worker), text: name, expires_at: expires, ..Self::new(EntryKind::Skill, since, author) }
    }

    /// The skill that the entry puts on record.
    pub fn to_skill(&self) -> Option<Skill> {
        let worker = self.worker.clone().filter(|_| self.kind == EntryKind::Skill)?;
        Some(Skill { worker, name: self.text.clone(), since: self.at, expires: self.expires_at })
    }

    /// Whether it holds at a time.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.end.is_none() && self.expires_at.is_none_or(|end| at < end)
    }
}

/// Which entries are asked for.
#[derive(Clone, Debug)]
pub struct EntryFilter {
    pub kind: EntryKind,
    /// Only those that have not been ended.
    pub is_open: bool,
    /// Only the one of this id.
    pub id: Option<Uuid>,
    /// Only those about this worker.
    pub worker: Option<WorkerId>,
    /// Only those that this author has put on record.
    pub author: Option<String>,
    /// The newest so many, which are told oldest first.
    pub limit: usize,
}

impl EntryFilter {
    /// Those of a kind that have not been ended.
    pub fn open(kind: EntryKind, limit: usize) -> Self {
        Self { kind, is_open: true, id: None, worker: None, author: None, limit }
    }
}

/// Entries in memory.
#[derive(Debug, Default)]
pub(super) struct Ledger(BTreeMap<Uuid, Entry>);

impl Ledger {
    pub fn add(&mut self, entry: &Entry) -> bool {
        if self.0.contains_key(&entry.id) {
            return false;
        }
        let kept = Entry { at: to_milliseconds(entry.at), expires_at: entry.expires_at.map(to_milliseconds), ..entry.clone() };
        self.0.insert(entry.id, kept);
        true
    }

    pub fn end(&mut self, kind: EntryKind, id: Uuid, end: &EntryEnd) -> Option<Entry> {
        let entry = self.0.get_mut(&id).filter(|entry| entry.kind == kind && entry.end.is_none())?;
        entry.end = Some(EntryEnd { at: to_milliseconds(end.at), ..end.clone() });
        Some(entry.clone())
    }

    pub fn load(&self, filter: &EntryFilter) -> Vec<Entry> {
        let of_kind = self.0.values().filter(|entry| entry.kind == filter.kind && !(filter.is_open && entry.end.is_some()));
        let is_asked = |entry: &&Entry| {
            filter.id.is_none_or(|id| entry.id == id)
                && (filter.worker.is_none() || entry.worker == filter.worker)
                && filter.author.as_ref().is_none_or(|author| entry.author == *author)
        };
        let mut found: Vec<Entry> = of_kind.filter(is_asked).cloned().collect();
        found.sort_by_key(|entry| (entry.at, entry.id));
        found.drain(..found.len().saturating_sub(filter.limit));
        found
    }
}
