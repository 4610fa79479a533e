//! What `migrate`, `backup` and `restore` share: a bar for how far a copy is, and what they say of it in the end.

use std::fmt::Write as _;

use indicatif::{ProgressBar, ProgressStyle};

use super::Outcome;
use crate::store::transfer::{Progress, Stage, TableCopy};

/// Hexadecimal digits of a hash that are shown: 64 bits tell any two tables apart.
const HASH_DIGITS_SHOWN: usize = 16;

/// A bar on a terminal.
pub struct Bar(ProgressBar);

impl Bar {
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {eta}");
        Self(ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())))
    }

    pub fn show(&self, progress: Progress) {
        let does = match progress.stage {
            Stage::Copying => "copying",
            Stage::Verifying => "verifying",
        };
        self.0.set_message(format!("{does} {}", progress.table));
        self.0.set_length(progress.rows_total.max(progress.rows));
        self.0.set_position(progress.rows);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Prints a line for each table, and says whether all are the same.
pub fn report(tables: &[TableCopy]) -> Outcome {
    super::say(describe(tables).trim_end());
    let differing: Vec<&str> = tables.iter().filter(|table| !table.is_same()).map(|table| table.name).collect();
    if differing.is_empty() {
        return Outcome::Done;
    }
    super::say(&format!(
        "the copy differs in {}; it stays marked as unfinished; see that nothing else writes to it and repeat the command, or begin again in an empty store",
        differing.join(", ")
    ));
    Outcome::Problems
}

fn describe(tables: &[TableCopy]) -> String {
    let mut text = format!("{:<16} {:>12} {:>12}  {:<HASH_DIGITS_SHOWN$}\n", "table", "rows", "written", "sha256");
    for table in tables {
        let hash = |digest: &crate::store::transfer::Digest| digest.to_string()[..HASH_DIGITS_SHOWN].to_owned();
        let TableCopy { name, written, from, to } = table;
        let _ = if table.is_same() {
            writeln!(text, "{name:<16} {:>12} {written:>12}  {}", from.rows(), hash(from))
        } else {
            let (rows, rows_there) = (from.rows(), to.rows());
            writeln!(text, "{name:<16} {rows:>12} {written:>12}  {} DIFFERS: {rows_there} rows, {} in the copy", hash(from), hash(to))
        };
    }
    text
}
