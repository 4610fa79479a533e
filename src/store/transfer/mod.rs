//! A whole store read and written row by row, so that it can be copied to another place or another kind of store.
//!
//! `tables` says what the tables are, in the order in which they are copied; `rows` what a row is and how a table's rows are summed
//! up; `copy` reads one store on a thread of its own and writes the other, as often as it takes. Both SQL back ends can do it.

mod copy;
mod rows;
mod tables;
#[cfg(test)]
mod tests;

pub use copy::{Progress, Stage, TableCopy, Target, TransferError, check_source, transfer};
pub(super) use rows::key_bytes;
pub use rows::{Digest, Row, Value};
pub use tables::{Column, Kind, TABLES, Table};

use std::ops::ControlFlow;

use super::{Store, StoreError};

/// The note that a store holds while it is an unfinished copy. It says of which history, and is no row of the notes' table.
pub const MARK: &str = "gridkeeper.transfer";

/// Takes the rows of tables one after another, and says when it wants no more.
pub type Sink<'a> = &'a mut dyn FnMut(&'static Table, Row) -> ControlFlow<()>;

/// A store whose rows can be read and written as they are, keys and all.
pub trait TransferStore: Store {
    /// Where the store is, as messages name it.
    fn location(&self) -> String;

    /// Reads tables whole, each in the order of its key, all as of one moment.
    ///
    /// # Errors
    /// A row that cannot be read is an error: a copy without it would be none.
    fn read_rows(&self, tables: &[&'static Table], sink: Sink<'_>) -> Result<(), StoreError>;

    /// Writes those of `rows` that the table has not, or has otherwise, in one transaction, and returns how many they were.
    ///
    /// # Errors
    /// An entry of the audit log is never overwritten: [`StoreError::Foreign`].
    fn write_rows(&self, table: &'static Table, rows: &[Row]) -> Result<usize, StoreError>;

    /// Returns how many rows all tables have, for a bar of progress, and to tell an empty store from others.
    fn count_rows(&self) -> Result<u64, StoreError>;

    /// Marks the store as an unfinished copy of a history.
    fn begin_transfer(&self, history: &str) -> Result<(), StoreError>;

    /// Takes the mark away and puts in order what is derived of the rows; from here on services follow.
    fn finish_transfer(&self, version: u64) -> Result<(), StoreError>;
}

/// Somebody else writes to the copy while it is made.
pub(super) fn written_meanwhile(location: &str) -> StoreError {
    let found = "was written to while it was copied to; stop what writes to it, empty it, and repeat the copy";
    StoreError::Foreign { location: location.to_owned(), found: found.to_owned() }
}
