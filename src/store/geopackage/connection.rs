//! The connections of one process to one file: a single one that writes, and a few that read.
//!
//! SQLite before 3.51.3 can lose a write-ahead log when two connections write and checkpoint at once. So one
//! connection of a process does both, and a lock file beside the store keeps other processes from doing
//! either meanwhile; a process that is killed loses the lock with its life.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::migrate;
use crate::store::StoreError;

/// Readers beyond these wait: loading a generation is bound by the processor, and there are few at a time.
const READERS_MAX: usize = 4;
/// How long a reader waits for SQLite's own locks, which are held for moments.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a write waits for another process's, the longest of which is the import of a million units.
const WRITE_WAIT: Duration = Duration::from_secs(120);
/// Pages copied between two looks at how far a backup is: 16 MiB.
const BACKUP_PAGES: i32 = 4096;
const LOCK_POLL: Duration = Duration::from_millis(20);
/// How long the log grows before it is put into the file; SQLite's default, stated. Pages of 4 KiB.
const CHECKPOINT_PAGES: u32 = 1000;
/// Enough for the tables' upper pages while 100,000 units are written. KiB.
const WRITER_CACHE_KIB: i64 = 64 * 1024;

/// What can go wrong inside, before the store's location and the action are added.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(rusqlite::Error),
    Corrupt { what: &'static str, detail: String },
    Store(StoreError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

pub(super) fn corrupt(what: &'static str, detail: &dyn std::fmt::Display) -> Failure {
    Failure::Corrupt { what, detail: detail.to_string() }
}

#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    /// None where the store was opened for reading only.
    writer: Option<Mutex<Option<Connection>>>,
    /// An older program has laid it out, and nobody has written to it since.
    is_older: bool,
    readers: Mutex<Readers>,
    reader_is_free: Condvar,
}

#[derive(Debug, Default)]
struct Readers {
    idle: Vec<Connection>,
    open: usize,
}

impl Connections {
    /// Opens a store that exists, for reading.
    pub(super) fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let location = path.display().to_string();
        // A file that was made but never laid out is what a process leaves that is killed at once.
        if std::fs::metadata(path).map_or(true, |found| found.len() == 0) {
            return Err(StoreError::Missing { location });
        }
        let mut connections =
            Self { path: path.to_owned(), writer: None, is_older: false, readers: Mutex::default(), reader_is_free: Condvar::new() };
        let reader = connections.open_reader().map_err(|source| open_error(&location, source))?;
        match migrate::find_version(&reader).map_err(|failure| connections.error("read the layout", failure))? {
            migrate::Found::Ours(version) => {
                migrate::refuse_newer(&location, version)?;
                connections.is_older = migrate::is_older(version);
            }
            migrate::Found::Empty => return Err(StoreError::Missing { location }),
            migrate::Found::Foreign(found) => return Err(StoreError::Foreign { location, found }),
        }
        *locked(&connections.readers) = Readers { idle: vec![reader], open: 1 };
        Ok(connections)
    }

    /// Opens a store for reading and writing, and makes it or brings its layout up to date where need be.
    pub(super) fn open_or_create(path: &Path) -> Result<Self, StoreError> {
        let location = path.display().to_string();
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connections = Self {
            path: path.to_owned(),
            writer: Some(Mutex::new(None)),
            is_older: false,
            readers: Mutex::default(),
            reader_is_free: Condvar::new(),
        };
        let existed = path.exists();
        let lock = connections.lock_file(WRITE_WAIT)?;
        let mut writer = Connection::open_with_flags(path, flags).map_err(|source| open_error(&location, source))?;
        // Before anything is changed, so that a foreign file stays as it is.
        let found = migrate::find_version(&writer).map_err(|failure| connections.error("read the layout", failure))?;
        match found {
            migrate::Found::Foreign(found) => return Err(StoreError::Foreign { location, found }),
            migrate::Found::Ours(version) => migrate::refuse_newer(&location, version)?,
            migrate::Found::Empty => {}
        }
        let prepared = prepare_writer(&writer).map_err(Failure::from).and_then(|()| migrate::run(&mut writer));
        prepared.map_err(|failure| connections.error(if existed { "update the layout" } else { "make the tables" }, failure))?;
        drop(lock);
        if let Some(slot) = &connections.writer {
            *locked(slot) = Some(writer);
        }
        Ok(connections)
    }

    pub(super) fn is_older(&self) -> bool {
        self.is_older
    }

    pub(super) fn location(&self) -> String {
        self.path.display().to_string()
    }

    /// Runs `work` on a connection that reads, in one transaction, so that it sees one state of the file.
    pub(super) fn read<T>(&self, action: &'static str, work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>) -> Result<T, StoreError> {
        let mut lease = self.take_reader().map_err(|source| self.error(action, source.into()))?;
        let result = lease.reader().transaction().map_err(Failure::from).and_then(|transaction| work(&transaction));
        result.map_err(|failure| self.error(action, failure))
    }

    /// Runs `work` in one transaction, which is durable when this returns and leaves nothing where it fails.
    pub(super) fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let read_only = || StoreError::ReadOnly { action, location: self.location() };
        let mut slot = locked(self.writer.as_ref().ok_or_else(read_only)?);
        let writer = slot.as_mut().expect("the writer is there until the store is dropped");
        let _lock = self.lock_file(WRITE_WAIT)?;
        let result = writer.transaction_with_behavior(TransactionBehavior::Immediate).map_err(Failure::from).and_then(|transaction| {
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        result.map_err(|failure| self.error(action, failure))
    }

    /// Takes what was erased out of the log, where pages stand as they were before; whoever reads an older state keeps it there until
    /// they are done, and the next erasure takes it out.
    pub(super) fn empty_log(&self) {
        let Some(writer) = &self.writer else { return };
        let mut slot = locked(writer);
        let (Some(writer), Ok(_lock)) = (slot.as_mut(), self.lock_file(WRITE_WAIT)) else { return };
        let is_busy = writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        if !matches!(is_busy, Ok(false)) {
            tracing::warn!(store = %self.path.display(), "what was erased stands in the log of the file until nobody reads an older state");
        }
    }

    /// Copies the file page by page to a new one, all pages as of one moment, while others write.
    pub(super) fn back_up(&self, path: &Path, progress: &dyn Fn(u64, u64)) -> Result<(), StoreError> {
        let action = "back up";
        let mut lease = self.take_reader().map_err(|source| self.error(action, source.into()))?;
        let mut copy = || -> Result<(), rusqlite::Error> {
            // As long as it lasts the reader sees one state, and the copy is not begun again for each write.
            let moment = lease.reader().transaction()?;
            look_at(&moment)?;
            let mut to = Connection::open(path)?;
            // It is made durable as a whole, before anybody knows it.
            to.execute_batch("PRAGMA synchronous = OFF")?;
            let backup = Backup::new(&moment, &mut to)?;
            loop {
                match backup.step(BACKUP_PAGES)? {
                    StepResult::Done => return Ok(()),
                    StepResult::More => {}
                    _ => thread::sleep(LOCK_POLL),
                }
                let state = backup.progress();
                let pages = |count: i32| u64::try_from(count).unwrap_or(0);
                progress(pages(state.pagecount - state.remaining), pages(state.pagecount));
            }
        };
        copy().map_err(|source| self.error(action, source.into()))
    }

    fn error(&self, action: &'static str, failure: Failure) -> StoreError {
        match failure {
            Failure::Store(error) => error,
            Failure::Corrupt { what, detail } => StoreError::Corrupt { location: self.location(), what, detail },
            Failure::Sql(source) => StoreError::Access { action, location: self.location(), source: Box::new(source) },
        }
    }

    fn take_reader(&self) -> Result<Lease<'_>, rusqlite::Error> {
        let mut readers = locked(&self.readers);
        loop {
            if let Some(reader) = readers.idle.pop() {
                return Ok(Lease { connections: self, reader: Some(reader) });
            }
            if readers.open < READERS_MAX {
                readers.open += 1;
                drop(readers);
                let mut lease = Lease { connections: self, reader: None };
                lease.reader = Some(self.open_reader()?);
                return Ok(lease);
            }
            readers = self.reader_is_free.wait(readers).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open_reader(&self) -> Result<Connection, rusqlite::Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(&self.path, flags)?;
        let reader = match look_at(&reader) {
            // Where nothing may be written, SQLite cannot make the files that it shares with writers. Without a log there is
            // no writer, and the file is read as it lies.
            Err(rusqlite::Error::SqliteFailure(error, _)) if cannot_share(error) && !self.has_log() => {
                Connection::open_with_flags(immutable_uri(&self.path), flags | OpenFlags::SQLITE_OPEN_URI)?
            }
            // That it is no database is told by who asks for its layout.
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::NotADatabase => return Ok(reader),
            looked => looked.map(|()| reader)?,
        };
        reader.busy_timeout(BUSY_TIMEOUT)?;
        reader.execute_batch("PRAGMA mmap_size = 0; PRAGMA query_only = ON;")?;
        Ok(reader)
    }

    fn has_log(&self) -> bool {
        with_suffix(&self.path, "-wal").exists()
    }

    /// Takes away the empty log that reading leaves: a connection that may write does so when it is closed as the last.
    fn tidy_after_reading(&self) {
        // Whoever writes now tidies up itself.
        let Ok(_lock) = self.lock_file(Duration::ZERO) else { return };
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        // Nothing depends on it, so a folder in which nothing may be written is no error.
        drop(Connection::open_with_flags(&self.path, flags).and_then(|connection| look_at(&connection)));
    }

    /// Waits for the right to write, which ends when the returned file is closed.
    fn lock_file(&self, wait: Duration) -> Result<File, StoreError> {
        let path = with_suffix(&self.path, "-lock");
        let location = self.location();
        // Never SQLite's own file: closing a second handle of it would drop the locks that SQLite holds.
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = file.map_err(|source| StoreError::Open { location: location.clone(), source: Box::new(source) })?;
        let began = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) if began.elapsed() < wait => thread::sleep(LOCK_POLL),
                Err(TryLockError::WouldBlock) => return Err(StoreError::Locked { location, waited_s: wait.as_secs() }),
                Err(TryLockError::Error(source)) => return Err(StoreError::Open { location, source: Box::new(source) }),
            }
        }
    }
}

/// A reader, which goes back when this is dropped, whatever happened meanwhile.
struct Lease<'a> {
    connections: &'a Connections,
    reader: Option<Connection>,
}

impl Lease<'_> {
    fn reader(&mut self) -> &mut Connection {
        self.reader.as_mut().expect("a lease is handed out with its reader")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut readers = locked(&self.connections.readers);
        match self.reader.take() {
            Some(reader) => readers.idle.push(reader),
            None => readers.open -= 1,
        }
        self.connections.reader_is_free.notify_one();
    }
}

/// Leaves one file: the last to write puts the log into it, under the lock, after the readers are gone.
impl Drop for Connections {
    fn drop(&mut self) {
        locked(&self.readers).idle.clear();
        let Some(slot) = &self.writer else {
            if self.has_log() {
                self.tidy_after_reading();
            }
            return;
        };
        let Some(writer) = locked(slot).take() else { return };
        let lock = self.lock_file(WRITE_WAIT);
        if lock.is_err() {
            tracing::warn!(store = %self.path.display(), "closing the store while another process writes it");
        }
        if let Err((_, error)) = writer.close() {
            tracing::warn!(store = %self.path.display(), %error, "cannot close the store");
        }
    }
}

/// Makes a file that nobody has open a plain one, without a log, that can be read where nothing may be written, and returns what
/// SQLite finds wrong with it.
pub(super) fn lay_to_rest(path: &Path) -> Result<Option<String>, rusqlite::Error> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(Some(found).filter(|found| found != "ok"))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Reads something, for SQLite opens a file only then.
fn look_at(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))
}

fn cannot_share(error: rusqlite::ffi::Error) -> bool {
    matches!(error.code, rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly)
}

/// The file's address for SQLite, with everything escaped that means something in an address.
fn immutable_uri(path: &Path) -> String {
    let mut uri = String::from("file:");
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(byte.into()),
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

fn prepare_writer(writer: &Connection) -> Result<(), rusqlite::Error> {
    writer.busy_timeout(BUSY_TIMEOUT)?;
    // A GeoPackage keeps its log only while it is open; closing puts the log into the file.
    writer.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    writer.pragma_update(None, "synchronous", "FULL")?;
    writer.pragma_update(None, "foreign_keys", "ON")?;
    // What is erased must not stay readable in the free parts of pages.
    writer.pragma_update(None, "secure_delete", "ON")?;
    writer.pragma_update(None, "mmap_size", 0)?;
    writer.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    writer.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)
}

fn open_error(location: &str, source: rusqlite::Error) -> StoreError {
    StoreError::Open { location: location.to_owned(), source: Box::new(source) }
}

/// What is under these locks is whole between statements, so a panic elsewhere does not spoil it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
