//! Copies, backups and restored stores: the same copy row by row, between stores of either kind.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::{TempDir, TempPath};

use super::{OpenMode, StoreUnavailable, is_postgres};
use crate::store::transfer::{MARK, Progress, TableCopy, Target, TransferError, TransferStore, check_source, transfer};
use crate::store::{GeoPackageStore, PostgisStore, Store, StoreError};

/// A store that can be copied.
pub type CopiedStore = Arc<dyn TransferStore>;

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("cannot copy the store")]
    Unavailable(#[from] StoreUnavailable),
    /// The stores are there, and one cannot be a copy of the other.
    #[error(transparent)]
    Refused(TransferError),
    #[error("{path} exists already and is left as it is; name another file, or overwrite it with --force")]
    Exists { path: PathBuf },
    #[error("cannot write the backup {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

impl From<TransferError> for CopyError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Store(error) => Self::Unavailable(error.into()),
            refused => Self::Refused(refused),
        }
    }
}

/// Refuses a store that is an unfinished copy: what it lacks would be answered as if it were not there.
///
/// # Errors
/// The store cannot be read, or is one.
pub fn refuse_unfinished(store: &dyn TransferStore) -> Result<(), StoreUnavailable> {
    let mark = store.find_note(MARK)?;
    mark.map_or(Ok(()), |_| Err(StoreError::Unfinished { location: store.location() }.into()))
}

/// Opens a store that an address names, to be copied or to be a copy.
///
/// # Errors
/// The store is missing, of another kind, or cannot be read.
pub fn open_copied_store(address: &str, mode: OpenMode) -> Result<CopiedStore, StoreUnavailable> {
    if is_postgres(address) {
        return Ok(Arc::new(match mode {
            OpenMode::ReadOnly => PostgisStore::open_read_only(address)?,
            // Opened for reading first, which says what is wrong where there is no store.
            OpenMode::Write => PostgisStore::open_read_only(address).and_then(|_| PostgisStore::open_or_create(address))?,
            OpenMode::Create => PostgisStore::open_or_create(address)?,
        }));
    }
    let path = Path::new(address);
    Ok(Arc::new(match mode {
        OpenMode::ReadOnly => GeoPackageStore::open_read_only(path)?,
        // Opened for reading first, which says what is wrong where there is no store.
        OpenMode::Write => GeoPackageStore::open_read_only(path).and_then(|_| GeoPackageStore::open_or_create(path))?,
        OpenMode::Create => GeoPackageStore::open_or_create(path)?,
    }))
}

/// Copies the store `from` to `to`, which is made where it does not exist.
///
/// # Errors
/// A store is not available, or `to` may not be overwritten by `from`.
pub fn copy_store(from: &str, to: &str, target: Target, progress: &dyn Fn(Progress)) -> Result<Vec<TableCopy>, CopyError> {
    if !is_postgres(from) && !is_postgres(to) && is_same_file(Path::new(from), Path::new(to)) {
        return Err(CopyError::Refused(TransferError::SameStore { location: to.to_owned() }));
    }
    let source = open_source(from, progress)?;
    // Before the copy is made, so that a refusal leaves none behind.
    check_source(&*source.store)?;
    let copy = open_copied_store(to, OpenMode::Create)?;
    Ok(transfer(&*source.store, &*copy, target, progress)?)
}

/// A store to be read, and the folder in which it is where it is a copy of its own.
struct Source {
    store: CopiedStore,
    _folder: Option<TempDir>,
}

/// Opens a store to be read. An old backup is left as it is: a copy of it is brought up to date and read.
fn open_source(from: &str, progress: &dyn Fn(Progress)) -> Result<Source, CopyError> {
    if is_postgres(from) {
        return Ok(Source { store: open_copied_store(from, OpenMode::ReadOnly)?, _folder: None });
    }
    let store = GeoPackageStore::open_read_only(Path::new(from)).map_err(StoreUnavailable::from)?;
    if !store.is_older() {
        return Ok(Source { store: Arc::new(store), _folder: None });
    }
    let folder = tempfile::tempdir().map_err(|source| CopyError::Write { path: std::env::temp_dir(), source })?;
    let path = folder.path().join("store.gpkg");
    store.back_up(&path, progress).map_err(StoreUnavailable::from)?;
    let store = GeoPackageStore::open_or_create(&path).map_err(StoreUnavailable::from)?;
    Ok(Source { store: Arc::new(store), _folder: Some(folder) })
}

/// What a backup has been.
#[derive(Debug)]
pub enum Backup {
    /// The pages of a file, all as of one moment.
    Pages,
    /// The rows of a database. Where tables differ no file was written.
    Rows(Vec<TableCopy>),
}

/// Writes the store, which others may be writing to meanwhile, as of one moment into a GeoPackage. The file appears under its name
/// when it is whole and durable.
///
/// # Errors
/// The file exists and `force` is not given, the store is not available, or the file cannot be written.
pub fn back_up_store(from: &str, out: &Path, force: bool, progress: &dyn Fn(Progress)) -> Result<Backup, CopyError> {
    if out.exists() && !force {
        return Err(CopyError::Exists { path: out.to_owned() });
    }
    let failed = |source| CopyError::Write { path: out.to_owned(), source };
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A folder of its own: SQLite puts files beside the one that it writes. In the same file system, so that renaming is one step.
    let beside = tempfile::Builder::new().prefix(".gridkeeper-backup-").tempdir_in(folder).map_err(failed)?;
    let unfinished = beside.path().join("backup.gpkg");
    let backup = if is_postgres(from) {
        let source = PostgisStore::open_read_only(from).map_err(StoreUnavailable::from)?;
        let copy = GeoPackageStore::open_or_create(&unfinished).map_err(StoreUnavailable::from)?;
        let tables = transfer(&source, &copy, Target::Empty, progress)?;
        drop(copy);
        if !tables.iter().all(TableCopy::is_same) {
            // What is no backup is not named one.
            return Ok(Backup::Rows(tables));
        }
        Backup::Rows(tables)
    } else {
        let source = GeoPackageStore::open_read_only(Path::new(from)).map_err(StoreUnavailable::from)?;
        if source.find_note(MARK).map_err(StoreUnavailable::from)?.is_some() {
            return Err(TransferError::UnfinishedSource { location: from.to_owned() }.into());
        }
        source.back_up(&unfinished, progress).map_err(StoreUnavailable::from)?;
        Backup::Pages
    };
    GeoPackageStore::lay_to_rest(&unfinished).map_err(StoreUnavailable::from)?;
    File::open(&unfinished).and_then(|file| file.sync_all()).map_err(failed)?;
    let unfinished = TempPath::try_from_path(unfinished).map_err(failed)?;
    // A file that has appeared meanwhile is not overwritten either.
    let put = if force { unfinished.persist(out) } else { unfinished.persist_noclobber(out) };
    put.map_err(|error| match error.error.kind() {
        ErrorKind::AlreadyExists => CopyError::Exists { path: out.to_owned() },
        _ => failed(error.error),
    })?;
    sync_folder(folder).map_err(failed)?;
    Ok(backup)
}

/// Makes a new name in a folder durable, where folders can be opened.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// Whether two paths are one file, of which the second need not exist.
fn is_same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}
