//! Copies a store, and sees that the copy is one.

use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::rows::{Digest, Row, Value};
use super::tables::{TABLES, Table};
use super::{MARK, TransferStore};
use crate::store::audit::takes_rows_out;
use crate::store::{AuditEntry, StoreError};

/// Rows written in one transaction. More make a run that was cut repeat more, fewer make more commits.
const BATCH_ROWS_MAX: usize = 5_000;
/// The same in bytes of memory, for boundaries of many vertices.
const BATCH_BYTES_MAX: usize = 8 << 20;
/// Batches that wait to be written: one to read while another is written.
const BATCHES_WAITING_MAX: usize = 2;
/// Entries of the audit log that are compared at once.
const AUDIT_PAGE: usize = 10_000;

/// The tables whose old rows are forgotten after a time.
const TOKENS: &str = "gk_case_token";
const NOTICES: &str = "gk_notice";

/// What may be in the store that is copied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nothing, or what a run that was cut has left.
    Empty,
    /// Also an earlier copy of the same store, which is brought up to date.
    EarlierCopy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Copying,
    Verifying,
}

/// How far a copy is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub stage: Stage,
    pub table: &'static str,
    pub rows: u64,
    /// As counted before; the store may have grown since.
    pub rows_total: u64,
}

/// A table on both sides.
#[derive(Clone, Debug)]
pub struct TableCopy {
    pub name: &'static str,
    /// How many rows were new or otherwise.
    pub written: usize,
    pub from: Digest,
    pub to: Digest,
}

impl TableCopy {
    pub fn is_same(&self) -> bool {
        self.from == self.to
    }
}

#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{location} is named as both the store to copy and its copy; name another")]
    SameStore { location: String },
    #[error("the store {location} is itself an unfinished copy; repeat the command that was making it, or copy from the original")]
    UnfinishedSource { location: String },
    #[error(
        "the store {to} has a history of its own, which {from} has not: {what}; nothing was written; copy into an empty store, or name the store that it came from"
    )]
    OtherHistory { from: String, to: String, what: String },
    #[error(
        "months were taken out of {from} since {to} was copied ({what}), and a copy does not lose rows; nothing was written; keep {to} as it is, and copy into an empty store"
    )]
    TakenOut { from: String, to: String, what: String },
    #[error("the store {to} is not empty; nothing was written; name an empty store or one that does not exist yet")]
    NotEmpty { to: String },
}

/// Copies `from` as of one moment to `to`, and reads both sums back. What `to` has already is left as it is, so that a run that was
/// cut anywhere is simply repeated and goes on. Where the tables are the same in the end the copy is finished; else it stays marked
/// as unfinished, and the result says where it differs.
///
/// # Errors
/// One of the stores fails, or `to` holds something else than an older state of `from`; then nothing was written.
pub fn transfer(
    from: &dyn TransferStore,
    to: &dyn TransferStore,
    target: Target,
    progress: &dyn Fn(Progress),
) -> Result<Vec<TableCopy>, TransferError> {
    if from.location() == to.location() {
        return Err(TransferError::SameStore { location: from.location() });
    }
    let history = check_histories(from, to, target)?;
    let rows_total = from.count_rows()?;
    to.begin_transfer(&history)?;
    let copied = copy(from, to, &|table, rows| progress(Progress { stage: Stage::Copying, table, rows, rows_total }))?;
    copied.remembered.forget_the_rest(to)?;
    let verifying = |table, rows| progress(Progress { stage: Stage::Verifying, table, rows, rows_total });
    let mut found = read_back(to, &TABLES.iter().collect::<Vec<_>>(), &verifying)?;
    let changed = copied.remembered.forget_a_part(&found.remembered, to)?;
    if !changed.is_empty() {
        let mut again = read_back(to, &changed, &verifying)?;
        changed.iter().map(|table| place_of(table)).for_each(|at| std::mem::swap(&mut found.digests[at], &mut again.digests[at]));
    }
    let tables = TABLES.iter().zip(copied.written).zip(copied.digests.into_iter().zip(found.digests));
    let tables: Vec<TableCopy> = tables
        .filter(|((table, _), _)| table.key_columns > 0)
        .map(|((table, written), (from, to))| TableCopy { name: table.name, written, from, to })
        .collect();
    if tables.iter().all(TableCopy::is_same) {
        to.finish_transfer(copied.version)?;
    }
    Ok(tables)
}

/// Sees that a store can be copied at all, which can be told before there is one to copy to.
///
/// # Errors
/// The store fails, or is itself an unfinished copy.
pub fn check_source(from: &dyn TransferStore) -> Result<(), TransferError> {
    let mark = from.find_note(MARK)?;
    mark.map_or(Ok(()), |_| Err(TransferError::UnfinishedSource { location: from.location() }))
}

/// Sees that all that `to` has came from `from`, and returns what names the history.
fn check_histories(from: &dyn TransferStore, to: &dyn TransferStore, target: Target) -> Result<String, TransferError> {
    check_source(from)?;
    let history = from.load_audit(0, 1)?.first().map_or_else(|| "of an empty store".to_owned(), name_of);
    let mark = to.find_note(MARK)?;
    let other = |what: String| TransferError::OtherHistory { from: from.location(), to: to.location(), what };
    if mark.as_ref().is_some_and(|mark| *mark != history) {
        return Err(other("it is the unfinished copy of another store".into()));
    }
    let Common { entry_count, newest } = compare_audit(from, to).map_err(|error| match error {
        Compared::Store(error) => TransferError::Store(error),
        Compared::Differs { number } => other(format!("entry {number} of its audit log is another")),
    })?;
    if mark.is_none() {
        if entry_count == 0 && to.count_rows()? > 0 {
            return Err(other("it holds rows of which no audit log tells".into()));
        }
        if entry_count > 0 && target == Target::Empty {
            return Err(TransferError::NotEmpty { to: to.location() });
        }
        // An unfinished copy may have begun after they were taken out; where it has not, its sums tell in the end.
        if let Some(entry) = find_taken_out(from, newest)?.filter(|_| entry_count > 0) {
            return Err(TransferError::TakenOut { from: from.location(), to: to.location(), what: entry.subject });
        }
    }
    Ok(history)
}

enum Compared {
    Store(StoreError),
    Differs { number: u64 },
}

impl From<StoreError> for Compared {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What two audit logs have in common.
struct Common {
    entry_count: usize,
    /// The number of the last of them.
    newest: u64,
}

/// Returns the first entry after the one numbered `after` by which rows left the store.
fn find_taken_out(from: &dyn TransferStore, mut after: u64) -> Result<Option<AuditEntry>, StoreError> {
    loop {
        let page = from.load_audit(after, AUDIT_PAGE)?;
        let Some(last) = page.last() else { return Ok(None) };
        after = last.number;
        if let Some(entry) = page.into_iter().find(takes_rows_out) {
            return Ok(Some(entry));
        }
    }
}

/// Compares the audit log of `to` with that of `from`, which must have all its entries. Entries of old months may have been taken out of
/// `from` since: numbers have no gaps when they are given.
fn compare_audit(from: &dyn TransferStore, to: &dyn TransferStore) -> Result<Common, Compared> {
    let (mut after, mut entry_count, mut common) = (0, 0, 0_usize);
    loop {
        let theirs = to.load_audit(after, AUDIT_PAGE)?;
        let Some(last) = theirs.last() else { break };
        let ours = from.load_audit(after, AUDIT_PAGE)?;
        let newest = ours.last().map_or(0, |entry| entry.number);
        for entry in &theirs {
            match ours.binary_search_by_key(&entry.number, |ours| ours.number) {
                Ok(at) if ours[at] == *entry => common += 1,
                Err(_) if entry.number < newest => {}
                _ => return Err(Compared::Differs { number: entry.number }),
            }
        }
        entry_count += theirs.len();
        after = last.number;
    }
    if entry_count > 0 && common == 0 { Err(Compared::Differs { number: after }) } else { Ok(Common { entry_count, newest: after }) }
}

/// No two stores begin with the same entry at the same millisecond.
fn name_of(first: &AuditEntry) -> String {
    let AuditEntry { number, at, author, action, subject, .. } = first;
    let hash = Sha256::digest(format!("{number}\n{at}\n{author}\n{action}\n{subject}"));
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What was read and written, a table each in the order of the tables.
struct Copied {
    digests: Vec<Digest>,
    remembered: Remembered,
    written: Vec<usize>,
    version: u64,
}

type Batch = (usize, Vec<Row>);

/// Reads on a thread of its own: a back end that drives a runtime cannot be called from within another.
fn copy(from: &dyn TransferStore, to: &dyn TransferStore, progress: &dyn Fn(&'static str, u64)) -> Result<Copied, StoreError> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(BATCHES_WAITING_MAX);
        let reader = scope.spawn(move || read_batches(from, &sender));
        let written = write_batches(to, receiver, progress);
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        // Where writing fails reading is told to stop, which is no failure of its own.
        let written = written?;
        let (digests, remembered, version) = read?;
        Ok(Copied { digests, remembered, written, version })
    })
}

fn read_batches(from: &dyn TransferStore, sender: &SyncSender<Batch>) -> Result<(Vec<Digest>, Remembered, u64), StoreError> {
    let mut digests = vec![Digest::default(); TABLES.len()];
    let mut remembered = Remembered::default();
    let (mut version, mut at, mut bytes) = (0, 0, 0);
    let mut rows: Vec<Row> = Vec::new();
    let all: Vec<&'static Table> = TABLES.iter().collect();
    let mut is_wanted = true;
    from.read_rows(&all, &mut |table, row| {
        let place = place_of(table);
        let is_full = rows.len() >= BATCH_ROWS_MAX || bytes >= BATCH_BYTES_MAX;
        if (place != at || is_full) && !rows.is_empty() {
            is_wanted = sender.send((at, std::mem::take(&mut rows))).is_ok();
            bytes = 0;
        }
        at = place;
        digests[place].push(&row);
        remembered.learn(table, &row);
        match row.as_slice() {
            [Value::Integer(number)] if table.key_columns == 0 => version = u64::try_from(*number).unwrap_or(0),
            _ => {
                bytes += row.iter().map(Value::bytes).sum::<usize>();
                rows.push(row);
            }
        }
        if is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    if !rows.is_empty() {
        // Who no longer listens has an error to tell.
        let _ = sender.send((at, rows));
    }
    Ok((digests, remembered, version))
}

fn place_of(table: &Table) -> usize {
    TABLES.iter().position(|t| t.name == table.name).expect("only tables of the list are asked for")
}

/// The oldest rows of the tables whose old rows are forgotten after a time; none where there is no row.
#[derive(Clone, Copy, Debug, Default)]
struct Remembered {
    tokens: Option<Oldest>,
    notices: Option<Oldest>,
}

/// The time of the oldest rows of a table, and how many have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Oldest {
    at: Timestamp,
    rows: usize,
}

impl Remembered {
    fn learn(&mut self, table: &Table, row: &Row) {
        let oldest = match table.name {
            TOKENS => &mut self.tokens,
            NOTICES => &mut self.notices,
            _ => return,
        };
        let Some(&Value::Time(at)) = table.place_of("at").and_then(|place| row.get(place)) else { return };
        match oldest {
            Some(known) if known.at < at => {}
            Some(known) if known.at == at => known.rows += 1,
            _ => *oldest = Some(Oldest { at, rows: 1 }),
        }
    }

    /// Forgets in a copy what the store has forgotten since an earlier run: all that is older than what it has.
    fn forget_the_rest(self, to: &dyn TransferStore) -> Result<(), StoreError> {
        let before = |oldest: Option<Oldest>| oldest.map_or(Timestamp::MAX, |oldest| oldest.at);
        while to.forget_tokens(before(self.tokens), BATCH_ROWS_MAX)? == BATCH_ROWS_MAX {}
        while to.forget_notices(before(self.notices), BATCH_ROWS_MAX)? == BATCH_ROWS_MAX {}
        Ok(())
    }

    /// Forgets what a store that was read in the midst of forgetting had forgotten of one millisecond: every back end forgets the rows of
    /// one time in the same order, so as many as the copy has too many are the same ones. Returns the tables that have changed.
    fn forget_a_part(&self, of_copy: &Self, to: &dyn TransferStore) -> Result<Vec<&'static Table>, StoreError> {
        let too_many = |own: Option<Oldest>, copied: Option<Oldest>| {
            let (own, copied) = own.zip(copied).filter(|(own, copied)| own.at == copied.at)?;
            let past = own.at.checked_add(SignedDuration::from_millis(1)).ok()?;
            Some((past, copied.rows.checked_sub(own.rows).filter(|rows| *rows > 0)?))
        };
        let mut changed = Vec::new();
        if let Some((before, rows)) = too_many(self.tokens, of_copy.tokens) {
            to.forget_tokens(before, rows)?;
            changed.push(TOKENS);
        }
        if let Some((before, rows)) = too_many(self.notices, of_copy.notices) {
            to.forget_notices(before, rows)?;
            changed.push(NOTICES);
        }
        Ok(TABLES.iter().filter(|table| changed.contains(&table.name)).collect())
    }
}

fn write_batches(
    to: &dyn TransferStore,
    receiver: Receiver<Batch>,
    progress: &dyn Fn(&'static str, u64),
) -> Result<Vec<usize>, StoreError> {
    let mut written = vec![0; TABLES.len()];
    let mut done = 0;
    for (at, rows) in receiver {
        written[at] += to.write_rows(&TABLES[at], &rows)?;
        done += rows.len() as u64;
        progress(TABLES[at].name, done);
    }
    Ok(written)
}

/// What was found in a copy.
struct Found {
    digests: Vec<Digest>,
    remembered: Remembered,
}

fn read_back(to: &dyn TransferStore, tables: &[&'static Table], progress: &dyn Fn(&'static str, u64)) -> Result<Found, StoreError> {
    let mut found = Found { digests: vec![Digest::default(); TABLES.len()], remembered: Remembered::default() };
    let mut done = 0_u64;
    to.read_rows(tables, &mut |table, row| {
        found.digests[place_of(table)].push(&row);
        found.remembered.learn(table, &row);
        done += 1;
        if done.is_multiple_of(BATCH_ROWS_MAX as u64) {
            progress(table.name, done);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}
