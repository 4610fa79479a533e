//! The list of who was erased, kept outside of the store, so that a restore from an older backup does not bring them back.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{StoreUnavailable, is_postgres};
use crate::api::ErasureLog;
use crate::config::PrivacyConfig;
use crate::dispatch::WorkerId;
use crate::store::{ErasureReason, PersonDigest, PersonRecord, Store};

/// What the list is called where the settings do not say.
const FILE_NAME: &str = "gridkeeper-erasures.ndjson";

#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    #[error("cannot erase")]
    Store(#[from] StoreUnavailable),
    #[error("cannot read or write the list of erasures {path}; nothing more was erased")]
    List {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("line {line} of the list of erasures {path} is none: {detail}")]
    Line { path: PathBuf, line: usize, detail: String },
}

/// A file with a line for each erasure. It holds digests of ids and nothing personal.
#[derive(Clone, Debug)]
pub struct ErasureList(PathBuf);

/// Who was erased, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// SHA-256 over the id of the person, in hexadecimal.
    pub person: String,
    pub erased_at: Timestamp,
    pub reason: String,
}

impl ErasureList {
    /// Finds the list that belongs to a store: where the settings say, else beside its file, else in the working folder.
    pub fn of(store: &str, config: &PrivacyConfig) -> Self {
        let beside = || match Path::new(store).parent() {
            Some(folder) if !is_postgres(store) => folder.join(FILE_NAME),
            _ => PathBuf::from(FILE_NAME),
        };
        Self(config.erasures.clone().unwrap_or_else(beside))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Erases a person, and returns whether there was anything. The list has it first: what is on it and not yet erased is erased by
    /// the next restore, and what was erased and is not on the list would come back.
    ///
    /// # Errors
    /// The list or the store cannot be written.
    pub fn erase(
        &self,
        store: &dyn Store,
        id: &WorkerId,
        reason: ErasureReason,
        author: &str,
        at: Timestamp,
    ) -> Result<bool, ErasureError> {
        self.tell(id, reason, at).map_err(|source| ErasureError::List { path: self.0.clone(), source })?;
        Ok(store.erase_person(id, reason, author, at).map_err(StoreUnavailable::from)?)
    }

    /// Returns the last erasure of each person.
    fn load(&self) -> Result<BTreeMap<String, Timestamp>, ErasureError> {
        let failed = |source| ErasureError::List { path: self.0.clone(), source };
        let file = match File::open(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeMap::new()),
            file => file.map_err(failed)?,
        };
        let mut found: BTreeMap<String, Timestamp> = BTreeMap::new();
        for (at, line) in BufReader::new(file).lines().enumerate() {
            let line = line.map_err(failed)?;
            if line.trim().is_empty() {
                continue;
            }
            let wrong = |detail: String| ErasureError::Line { path: self.0.clone(), line: at + 1, detail };
            let Erased { person, erased_at, .. } = serde_json::from_str(&line).map_err(|error| wrong(error.to_string()))?;
            let last = found.entry(person).or_insert(erased_at);
            *last = erased_at.max(*last);
        }
        Ok(found)
    }
}

/// A service tells its list of what it erases by itself: photos of cases.
impl ErasureLog for ErasureList {
    fn tell(&self, person: &WorkerId, reason: ErasureReason, at: Timestamp) -> std::io::Result<()> {
        let erased = Erased { person: hex(PersonDigest::of(person)), erased_at: at, reason: reason.as_str().into() };
        let line = serde_json::to_string(&erased)?;
        let mut file = OpenOptions::new().create(true).append(true).open(&self.0)?;
        file.write_all(format!("{line}\n").as_bytes()).and_then(|()| file.sync_all())
    }
}

/// Erases again whoever is on the list, in a store that was restored, and returns how many there were. Who came back onto a roster
/// after having been erased stays.
///
/// # Errors
/// The list cannot be read, or the store not be written.
pub fn reapply(store: &dyn Store, list: &ErasureList, author: &str, at: Timestamp) -> Result<usize, ErasureError> {
    let erased = list.load()?;
    let people = store.load_people().map_err(StoreUnavailable::from)?;
    let newest = store.load_roster(at).map_err(StoreUnavailable::from)?;
    let written_at = newest.term.from;
    let mut count = 0;
    for PersonRecord { id, is_on_roster, .. } in people.iter().filter(|person| !person.is_blank) {
        let Some(erased_at) = erased.get(&hex(PersonDigest::of(id))) else { continue };
        if *is_on_roster && written_at.is_some_and(|written_at| written_at > *erased_at) {
            continue;
        }
        count += usize::from(store.erase_person(id, ErasureReason::Restore, author, at).map_err(StoreUnavailable::from)?);
    }
    Ok(count)
}

fn hex(person: PersonDigest) -> String {
    person.0.iter().map(|byte| format!("{byte:02x}")).collect()
}
