use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use jiff::Timestamp;
use rustc_hash::FxHashSet;

use super::{Context, Outcome};
use crate::app::{self, OpenMode, StoreUnavailable};
use crate::boundary::UnitCode;
use crate::config::Config;
use crate::dispatch::Roster;
use crate::import::{RosterImport, RowProblem, Table, read_roster};
use crate::store::{RosterData, Store, StoreError, newest_generation};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take the place of the roster with a table: unit_code, worker_id, name, phone, post, department, valid_from, valid_to, shift
    Import {
        /// A table, .csv (UTF-8 or GBK) or .xlsx
        file: PathBuf,
    },
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    let Command::Import { file } = args.command;
    let store = app::open_store(&context.store, OpenMode::Write)?;
    import(&*store, &context.config, &file)
}

/// Reads a roster and puts it in place of the old one, or reports every row that stands in the way and stores nothing.
pub fn import(store: &dyn Store, config: &Config, file: &Path) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let table = Table::read(file)?;
    let codes = load_codes(store).map_err(StoreUnavailable::from)?;
    if codes.is_empty() {
        anyhow::bail!("the store has no boundaries yet, so no unit of {} can be found; import them first", file.display());
    }
    let RosterImport { workers, assignments, problems } = read_roster(&table, &config.time_zone, now, |code| codes.contains(code))?;
    if !problems.is_empty() {
        report(&problems, file);
        return Ok(Outcome::Problems);
    }
    let (worker_count, row_count) = (workers.len(), assignments.len());
    let data = RosterData { workers, assignments };
    store.replace_roster(&data, None, &super::author(), now).map_err(StoreUnavailable::from).context("cannot store the roster")?;
    let roster = Roster::new(data.workers, data.assignments, config.time_zone.clone());
    let vacant = codes.iter().filter(|code| roster.is_vacant(code, now)).count();
    super::say(&format!(
        "{row_count} rows of {worker_count} workers are in force; {vacant} of {} units have nobody of their own today",
        codes.len()
    ));
    Ok(Outcome::Done)
}

/// Lists what is wrong, row by row, and says that nothing was stored.
pub(super) fn report(problems: &[RowProblem], file: &Path) {
    for problem in problems {
        eprintln!("{}: {problem}", file.display());
    }
    let noun = if problems.len() == 1 { "problem" } else { "problems" };
    eprintln!("{} {noun} in {}; nothing was stored", problems.len(), file.display());
}

/// The codes of all units of all layers, those of generations that take effect later included.
fn load_codes(store: &dyn Store) -> Result<FxHashSet<UnitCode>, StoreError> {
    let mut codes = FxHashSet::default();
    for layer in store.load_layers()? {
        let generations = store.load_generations(&layer.name)?;
        let current = crate::store::current_generation(&generations, Timestamp::now());
        for generation in [current, newest_generation(&generations)].into_iter().flatten() {
            let stored = store.load_generation(&layer.name, generation.id)?;
            codes.extend(stored.shapes.into_iter().flatten().map(|shape| shape.unit.code));
        }
    }
    Ok(codes)
}
