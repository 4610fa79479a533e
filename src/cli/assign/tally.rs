//! What is told about the rows: how many, how fast, and which have no position.

use std::fmt;
use std::time::Instant;

use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

/// Invalid rows that are told one by one; the column of errors has all of them.
pub(super) const FAULTS_TOLD_MAX: usize = 10;

/// Characters told of what is wrong with a row; the column of errors has all of them.
const FAULT_CHARS_TOLD: usize = 400;

/// What is wrong with the rows of one block.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub count: u64,
    /// The first of them, each with its row counted from the start of the block.
    first: Vec<(u64, String)>,
}

/// Counts rows as they are written.
pub(super) struct Tally {
    progress: ProgressBar,
    started: Instant,
    /// The number of the row that comes next.
    next_row: u64,
    rows: u64,
    invalid: u64,
}

impl Faults {
    pub(super) fn add(&mut self, row: u64, error: &str) {
        self.count += 1;
        if self.first.len() < FAULTS_TOLD_MAX {
            self.first.push((row, error.to_owned()));
        }
    }

    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.first.clear();
    }
}

impl Tally {
    pub(super) fn start() -> Self {
        let progress = ProgressBar::new_spinner();
        // A template that cannot be read leaves the usual look, which is no reason to stop.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} rows, {rate} rows/s") {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people")]
            let write_rate =
                |state: &ProgressState, out: &mut dyn fmt::Write| write!(out, "{}", HumanCount(state.per_sec() as u64)).unwrap_or_default();
            progress.set_style(style.with_key("rate", write_rate));
        }
        Self { progress, started: Instant::now(), next_row: 1, rows: 0, invalid: 0 }
    }

    /// Says how people number the first row: 2 where a row of names stands above it.
    pub(super) fn count_from(&mut self, row: u64) {
        self.next_row = row;
    }

    /// Counts the rows of a block that has been written.
    pub(super) fn add(&mut self, rows: u64, faults: &Faults) {
        let told = usize::try_from(self.invalid).unwrap_or(usize::MAX);
        for (row, error) in faults.first.iter().take(FAULTS_TOLD_MAX.saturating_sub(told)) {
            let told: String = error.chars().take(FAULT_CHARS_TOLD).collect();
            let more = if told.len() < error.len() { "…" } else { "" };
            self.progress.suspend(|| eprintln!("row {}: {told}{more}", self.next_row + row));
        }
        self.invalid += faults.count;
        self.next_row += rows;
        self.rows += rows;
        self.progress.inc(rows);
    }

    /// Tells how many rows there were and how fast they went.
    pub(super) fn finish(&self) {
        let seconds = self.started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        self.clear();
        let more = self.invalid.saturating_sub(FAULTS_TOLD_MAX as u64);
        if more > 0 {
            eprintln!("and {} more rows that have no position that can be used; the column of errors says why", HumanCount(more));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (self.rows as f64 / seconds) as u64;
        eprintln!("{} rows, {} invalid, {} rows/s", HumanCount(self.rows), HumanCount(self.invalid), HumanCount(rate));
    }

    /// Takes the progress off the screen.
    pub(super) fn clear(&self) {
        self.progress.finish_and_clear();
    }
}
