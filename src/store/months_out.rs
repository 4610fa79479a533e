//! Months of cases and of the audit log that are taken out of a store and kept in files.

use jiff::civil::Date;

use super::transfer::Table;

/// A month of a table, all of whose rows are old.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldMonth {
    pub table: &'static Table,
    /// Its first day, UTC.
    pub month: Date,
    /// The name of the table that it is by itself.
    pub partition: String,
    /// It is out of the store already, and still there.
    pub is_detached: bool,
    pub rows: u64,
    /// Cases of the month that have not ended: while there are any the month stays, and their histories with it.
    pub open_cases: u64,
}

/// How the rows of a month are kept outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMonth {
    pub rows: u64,
    /// The name of the file; none where there was no row to keep.
    pub file: Option<String>,
    /// SHA-256 over the rows, in hexadecimal.
    pub sha256: String,
}
