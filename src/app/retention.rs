//! Takes old months out of a store and keeps them in files. A month is dropped only when its file is whole, durable, and read back the
//! same; a run that was cut anywhere is repeated.

use std::ffi::OsStr;
use std::fs::File;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use tempfile::NamedTempFile;

use super::StoreUnavailable;
use super::copy::sync_folder;
use crate::store::archive::{ArchiveError, ArchiveWriter, read_archive};
use crate::store::transfer::Digest;
use crate::store::{KeptMonth, OldMonth, PostgisStore};

/// How the file of a month is named until it is whole.
const UNFINISHED: [&str; 2] = [".gridkeeper-", ".parquet"];

/// Files of one month that are looked at: each late case of a month that is out makes one more.
const FILES_PER_MONTH_MAX: u32 = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    #[error("cannot take old months out")]
    Unavailable(#[from] StoreUnavailable),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("{path} does not say what {partition} says, so nothing was dropped; see whether the disk is sound, and repeat the command")]
    Differs { path: PathBuf, partition: String },
    #[error("cannot write into the folder {folder}")]
    Folder {
        folder: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("there are {FILES_PER_MONTH_MAX} files for {month} in {folder} already; name another folder")]
    TooMany { folder: PathBuf, month: String },
}

/// Takes one month out, or goes on where an earlier run has stopped, and returns how it is kept.
///
/// # Errors
/// The store or the folder fails. Where the month was out by then it stays out until a repeat has its file.
pub fn take_out_month(store: &PostgisStore, month: &OldMonth, folder: &Path, author: &str) -> Result<KeptMonth, RetentionError> {
    // Before anything is taken out, so that a wrong folder leaves the month where it is.
    let failed = |source| RetentionError::Folder { folder: folder.to_owned(), source };
    drop(begin_file(folder).map_err(failed)?);
    let month = if month.is_detached {
        month.clone()
    } else {
        store.detach_month(month, author, Timestamp::now()).map_err(StoreUnavailable::from)?
    };
    let kept = keep(store, &month, folder)?;
    store.drop_month(&month, &kept, author, Timestamp::now()).map_err(StoreUnavailable::from)?;
    Ok(kept)
}

/// Writes a month that is out into a file and reads it back.
pub fn keep(store: &PostgisStore, month: &OldMonth, folder: &Path) -> Result<KeptMonth, RetentionError> {
    let failed = |source| RetentionError::Folder { folder: folder.to_owned(), source };
    let unfinished = begin_file(folder).map_err(failed)?;
    let written = write(store, month, unfinished.path())?;
    if written.rows() == 0 {
        return Ok(KeptMonth { rows: 0, file: None, sha256: written.to_string() });
    }
    if read_archive(unfinished.path(), month.table)? != written {
        return Err(RetentionError::Differs { path: unfinished.path().to_owned(), partition: month.partition.clone() });
    }
    let file = put_into_place(unfinished, month, &written, folder)?;
    sync_folder(folder).map_err(failed)?;
    Ok(KeptMonth { rows: written.rows(), file: Some(file), sha256: written.to_string() })
}

/// Removes files that runs have left which were killed, and returns which. What another run is writing is locked by it, and stays.
///
/// # Errors
/// The folder is there and cannot be read, or the file not be removed.
pub fn clear_leftovers(folder: &Path) -> Result<Vec<PathBuf>, RetentionError> {
    let failed = |source| RetentionError::Folder { folder: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let [begins, ends] = UNFINISHED;
    let mut removed = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_unfinished = path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(begins) && name.ends_with(ends));
        if is_unfinished && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
            match std::fs::remove_file(&path) {
                Ok(()) => removed.push(path),
                // Its run has given it its name, or another has removed it.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
    Ok(removed)
}

/// Begins a file in a folder, which is made where it does not exist. It is locked until it is dropped.
fn begin_file(folder: &Path) -> std::io::Result<NamedTempFile> {
    std::fs::create_dir_all(folder)?;
    let [begins, ends] = UNFINISHED;
    let file = tempfile::Builder::new().prefix(begins).suffix(ends).tempfile_in(folder)?;
    // Where a file system knows no locks nothing is cleared either.
    let _ = file.as_file().try_lock();
    Ok(file)
}

fn write(store: &PostgisStore, month: &OldMonth, path: &Path) -> Result<Digest, RetentionError> {
    let mut writer = ArchiveWriter::create(path, month.table)?;
    let mut failure = None;
    let sink = &mut |_, row| match writer.push(row) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failure = Some(error);
            ControlFlow::Break(())
        }
    };
    store.read_month(month, sink).map_err(StoreUnavailable::from)?;
    match failure {
        Some(error) => Err(error.into()),
        None => Ok(writer.finish()?),
    }
}

/// Gives the file its name, and returns that: the month's, with a number where the month has a file that says something else. One that
/// says the same was written by a run that was cut, and stays. The file is open, and so locked, until it has its name: another run that
/// found it unlocked under the old one would take it for a leftover.
fn put_into_place(mut unfinished: NamedTempFile, month: &OldMonth, written: &Digest, folder: &Path) -> Result<String, RetentionError> {
    for number in 1..=FILES_PER_MONTH_MAX {
        let name = file_name(month.table.name, month.month, number);
        let path = folder.join(&name);
        match unfinished.persist_noclobber(&path) {
            Ok(_) => return Ok(name),
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                if read_archive(&path, month.table).is_ok_and(|found| found == *written) {
                    return Ok(name);
                }
                unfinished = error.file;
            }
            Err(error) => return Err(RetentionError::Folder { folder: folder.to_owned(), source: error.error }),
        }
    }
    Err(RetentionError::TooMany { folder: folder.to_owned(), month: month.month.strftime("%Y-%m").to_string() })
}

fn file_name(table: &str, month: Date, number: u32) -> String {
    let month = month.strftime("%Y-%m");
    if number == 1 { format!("{table}-{month}.parquet") } else { format!("{table}-{month}.{number}.parquet") }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::store::transfer::TABLES;

    #[test]
    fn a_file_that_gets_its_name_is_no_leftover_to_another_run() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let month = |number: i32| {
            let from = Date::new(i16::try_from(2000 + number / 12).unwrap(), i8::try_from(number % 12 + 1).unwrap(), 1).unwrap();
            OldMonth { table: &TABLES[0], month: from, partition: "p".into(), is_detached: true, rows: 0, open_cases: 0 }
        };
        let unfinished: Vec<NamedTempFile> = (0..500).map(|_| begin_file(path).unwrap()).collect();
        let is_done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut removed = Vec::new();
                while !is_done.load(Ordering::SeqCst) {
                    removed.extend(clear_leftovers(path).unwrap());
                }
                removed
            });
            for (number, file) in (0..).zip(unfinished) {
                put_into_place(file, &month(number), &Digest::default(), path).unwrap();
            }
            is_done.store(true, Ordering::SeqCst);
            assert_eq!(other.join().unwrap(), Vec::<PathBuf>::new());
        });
        assert_eq!(std::fs::read_dir(path).unwrap().count(), 500);
    }
}
