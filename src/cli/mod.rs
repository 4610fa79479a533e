//! The commands: one file each, with its arguments and what it does. `main` prints the error and picks the exit code.

mod addresses;
mod assign;
mod backup;
mod check;
mod copies;
mod cost;
mod demo;
mod erase;
mod evaluate;
mod export;
mod findings;
mod generation;
mod import;
mod incidents;
mod key;
mod locate;
mod migrate;
mod plan;
mod restore;
mod retention;
mod roster;
mod rules;
mod sample;
mod serve;
mod skills;
mod source;
mod time;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::{PublishError, StoreUnavailable};
use crate::config::Config;
use crate::history::DraftError;

/// Which grid is this point in, and who answers for it now?
#[derive(Debug, Parser)]
#[command(name = "gridkeeper", version, max_term_width = 110)]
pub struct Cli {
    /// The store: a GeoPackage file, or a postgres:// address
    #[arg(long, global = true, env = "GRIDKEEPER_STORE", default_value = "gridkeeper.gpkg", value_name = "STORE")]
    store: String,
    /// Settings; gridkeeper.toml is read where none is named and it exists
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report what is wrong with a boundary file; nothing is written
    Check(check::Args),
    /// Check a boundary file, repair it within the tolerance, store and publish it
    Import(import::Args),
    /// The versions of the boundaries: list, compare, roll back, number
    Generation(generation::Args),
    /// Load who answers for which unit
    Roster(roster::Args),
    /// The categories of cases, their filing conditions and time limits
    Categories(rules::CategoriesArgs),
    /// Which departments answer for which categories where
    Responsibilities(rules::ResponsibilitiesArgs),
    /// When work is done: hours, holidays and make-up days
    Calendars(rules::CalendarsArgs),
    /// What posts cost
    Costs(rules::CostsArgs),
    /// What workers have learned, and until when that lasts
    Skills(skills::Args),
    /// The table of addresses
    Addresses(addresses::Args),
    /// Who pays for posts
    Funds(rules::FundsArgs),
    /// Figures of units that are kept elsewhere: residents, homes, components
    Load(rules::LoadArgs),
    /// What happened where: load it, list it, say where it lies by other boundaries
    Incidents(incidents::Args),
    /// Look one position up
    Locate(locate::Args),
    /// Look all rows of a table up
    Assign(assign::Args),
    /// Weigh and redraw districts: balance, staff, compare
    Plan(plan::Args),
    /// Serve lookups, features, tiles and the map
    Serve(serve::Args),
    /// Write boundaries to a file
    Export(export::Args),
    /// Make a sample district
    Sample(sample::Args),
    /// Make the sample district, load it and serve it with its map
    Demo(demo::Args),
    /// Keys for callers of the service
    Key(key::Args),
    /// How well cases were handled: by unit, department or worker, each number with its formula
    Evaluate(evaluate::Args),
    /// What staff costs, who pays, and what a handled case costs
    Cost(cost::Args),
    /// Erase the names and phones of people, and of nobody else
    Erase(erase::Args),
    /// Write the store into one file, while others use it
    Backup(backup::Args),
    /// Load a backup into an empty store
    Restore(restore::Args),
    /// Copy a store to another place or kind, whole and verified
    Migrate(migrate::Args),
    /// Take old months of cases out of a database and keep them in Parquet files
    Retention(retention::Args),
}

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    pub store: String,
    pub config: Config,
}

/// How a command ended when it did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// The data has problems, which have been reported.
    Problems,
}

const EXIT_PROBLEMS: u8 = 1;
const EXIT_USAGE: u8 = 2;
const EXIT_STORE: u8 = 3;

impl Cli {
    pub fn run(self) -> anyhow::Result<Outcome> {
        let context = Context { store: self.store, config: Config::load(self.config.as_deref())? };
        match self.command {
            Command::Check(args) => check::run(&args, &context),
            Command::Import(args) => import::run(&args, &context),
            Command::Generation(args) => generation::run(args, &context),
            Command::Roster(args) => roster::run(args, &context),
            Command::Categories(args) => rules::run_categories(&args, &context),
            Command::Responsibilities(args) => rules::run_responsibilities(&args, &context),
            Command::Calendars(args) => rules::run_calendars(&args, &context),
            Command::Costs(args) => rules::run_costs(&args, &context),
            Command::Skills(args) => skills::run(&args, &context),
            Command::Addresses(args) => addresses::run(&args, &context),
            Command::Funds(args) => rules::run_funds(&args, &context),
            Command::Load(args) => rules::run_load(&args, &context),
            Command::Incidents(args) => incidents::run(args, &context),
            Command::Locate(args) => locate::run(&args, &context),
            Command::Assign(args) => assign::run(&args, &context),
            Command::Plan(args) => plan::run(args, &context),
            Command::Serve(args) => serve::run(args, &context),
            Command::Export(args) => export::run(args, &context),
            Command::Sample(args) => sample::run(args, &context),
            Command::Demo(args) => demo::run(args, &context),
            Command::Key(args) => key::run(args, &context),
            Command::Evaluate(args) => evaluate::run(&args, &context),
            Command::Cost(args) => cost::run(&args, &context),
            Command::Erase(args) => erase::run(&args, &context),
            Command::Backup(args) => backup::run(&args, &context),
            Command::Restore(args) => restore::run(&args, &context),
            Command::Migrate(args) => migrate::run(&args, &context),
            Command::Retention(args) => retention::run(&args, &context),
        }
    }
}

/// Prints a line on the standard output. Who closes it early, as `head` does, has seen enough.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Takes it for a quiet end that who reads a stream of ours has closed it: nothing more is wanted.
fn until_closed<T: Default>(written: anyhow::Result<T>) -> anyhow::Result<T> {
    let is_closed = |error: &anyhow::Error| {
        error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
    };
    match written {
        Err(error) if is_closed(&error) => Ok(T::default()),
        written => written,
    }
}

/// Who is named as the author of what a command writes: the user of the system.
fn author() -> String {
    ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok()).unwrap_or_else(|| "command line".to_owned())
}

/// Prints an error once, as one chain, and turns the end of a command into the exit code of the contract.
pub fn finish(result: anyhow::Result<Outcome>) -> ExitCode {
    match result {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Problems) => ExitCode::from(EXIT_PROBLEMS),
        Err(error) => {
            eprintln!("gridkeeper: {error:#}");
            ExitCode::from(code_of(&error))
        }
    }
}

/// What others have written meanwhile is no fault of the store: the command is to be given again. Nor is a plan that cannot be done.
fn code_of(error: &anyhow::Error) -> u8 {
    let is_of_the_data = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref().is_some_and(PublishError::is_conflict)
            || cause.downcast_ref().is_some_and(|StoreUnavailable(error)| error.is_conflict())
            || matches!(cause.downcast_ref(), Some(DraftError::Stale { .. }))
            || cause.is::<plan::PlanRefused>()
    };
    if error.chain().any(is_of_the_data) {
        EXIT_PROBLEMS
    } else if error.chain().any(<dyn std::error::Error>::is::<StoreUnavailable>) {
        EXIT_STORE
    } else {
        EXIT_USAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::{GenerationId, LayerName, Level};
    use crate::store::StoreError;

    #[test]
    fn who_comes_second_is_told_of_a_conflict_and_not_of_a_store_that_is_away() {
        let layer = LayerName::parse("grid").unwrap();
        let superseded = |layer: LayerName| StoreError::Superseded { layer, given: Some(GenerationId(5)), newest: Some(GenerationId(6)) };
        let late = anyhow::Error::new(PublishError::new(layer.clone(), superseded(layer.clone())));
        let said = format!("{late:#}");
        assert!(said.contains("generation 6 is the newest now") && !said.contains("not available"), "{said}");
        assert_eq!(code_of(&late), EXIT_PROBLEMS);
        // However it got into the chain.
        assert_eq!(code_of(&StoreUnavailable(superseded(layer.clone())).into()), EXIT_PROBLEMS);
        let draft = GenerationId(4);
        for conflict in [
            StoreError::DraftChanged { layer: layer.clone(), draft, revision: 3 },
            StoreError::RosterChanged { newest: Some(2) },
            StoreError::CodesReused { layer: layer.clone(), level: Level::parse("grid").unwrap(), codes: Vec::new() },
        ] {
            assert_eq!(code_of(&StoreUnavailable(conflict).into()), EXIT_PROBLEMS);
        }
        assert_eq!(code_of(&DraftError::Stale { layer, draft, newest: GenerationId(6) }.into()), EXIT_PROBLEMS);
        let away = StoreUnavailable(StoreError::Missing { location: "a.gpkg".into() });
        assert_eq!(code_of(&anyhow::Error::new(away).context("cannot import")), EXIT_STORE);
        assert_eq!(code_of(&anyhow::anyhow!("no such option")), EXIT_USAGE);
    }
}
