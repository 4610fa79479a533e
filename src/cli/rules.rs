use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use jiff::Timestamp;
use rustc_hash::FxHashSet;

use super::roster::{load_codes, report};
use super::time::tell;
use super::{Context, Outcome};
use crate::app::{self, OpenMode, StoreUnavailable};
use crate::config::Config;
use crate::dispatch::{CategoryCode, CategoryRow, RuleBook, RuleKind, RuleTable};
use crate::import::{Table, parse_moment, read_calendars, read_categories, read_costs, read_funds, read_loads, read_responsibilities};
use crate::store::Store;

#[derive(Debug, clap::Args)]
pub struct CategoriesArgs {
    #[command(subcommand)]
    command: CategoriesCommand,
}

#[derive(Debug, Subcommand)]
enum CategoriesCommand {
    /// Take the place of the categories with a table, a row for each filing condition: code, name, major, condition, filing_condition,
    /// closing_condition, zone, dispatch_limit, handle_limit, check_limit, total_limit, private, valid_from, valid_to
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub struct ResponsibilitiesArgs {
    #[command(subcommand)]
    command: ResponsibilitiesCommand,
}

#[derive(Debug, Subcommand)]
enum ResponsibilitiesCommand {
    /// Take the place of the responsibilities with a table, a row for each department: category, unit_code, department_id,
    /// department, role, order, valid_from, valid_to
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub struct CalendarsArgs {
    #[command(subcommand)]
    command: CalendarsCommand,
}

#[derive(Debug, Subcommand)]
enum CalendarsCommand {
    /// Take the place of the calendars with a table: calendar, kind, days, hours, time_zone, work_day_hours, unit_code, zone, note,
    /// valid_from, valid_to
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub struct CostsArgs {
    #[command(subcommand)]
    command: CostsCommand,
}

#[derive(Debug, Subcommand)]
enum CostsCommand {
    /// Take the place of the costs with a table: unit_code, post, monthly_cost, valid_from, valid_to, note
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub struct FundsArgs {
    #[command(subcommand)]
    command: FundsCommand,
}

#[derive(Debug, Subcommand)]
enum FundsCommand {
    /// Take the place of the funds with a table: source, kind (budget, levy, grant, self, social), amount, valid_from, valid_to,
    /// unit_code, post, note
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
pub struct LoadArgs {
    #[command(subcommand)]
    command: LoadCommand,
}

#[derive(Debug, Subcommand)]
enum LoadCommand {
    /// Take the place of the figures of units with a table: unit_code, load, value, valid_from, valid_to, note
    Import(ImportArgs),
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// A table, .csv (UTF-8 or GBK) or .xlsx
    file: PathBuf,
    /// The day or time from which the table is in force; now by default
    #[arg(long, value_name = "DATE")]
    effective: Option<String>,
}

pub fn run_categories(args: &CategoriesArgs, context: &Context) -> anyhow::Result<Outcome> {
    let CategoriesCommand::Import(args) = &args.command;
    run(RuleKind::Categories, args, context)
}

pub fn run_responsibilities(args: &ResponsibilitiesArgs, context: &Context) -> anyhow::Result<Outcome> {
    let ResponsibilitiesCommand::Import(args) = &args.command;
    run(RuleKind::Responsibilities, args, context)
}

pub fn run_calendars(args: &CalendarsArgs, context: &Context) -> anyhow::Result<Outcome> {
    let CalendarsCommand::Import(args) = &args.command;
    run(RuleKind::Calendars, args, context)
}

pub fn run_costs(args: &CostsArgs, context: &Context) -> anyhow::Result<Outcome> {
    let CostsCommand::Import(args) = &args.command;
    run(RuleKind::Costs, args, context)
}

pub fn run_funds(args: &FundsArgs, context: &Context) -> anyhow::Result<Outcome> {
    let FundsCommand::Import(args) = &args.command;
    run(RuleKind::Funds, args, context)
}

pub fn run_load(args: &LoadArgs, context: &Context) -> anyhow::Result<Outcome> {
    let LoadCommand::Import(args) = &args.command;
    run(RuleKind::Loads, args, context)
}

fn run(kind: RuleKind, args: &ImportArgs, context: &Context) -> anyhow::Result<Outcome> {
    let time_zone = &context.config.time_zone;
    let parse = |text: &String| parse_moment(text, time_zone).with_context(|| format!("{text:?} is no date; write it as 2026-07-01"));
    let effective = args.effective.as_ref().map(parse).transpose()?;
    let store = app::open_store(&context.store, OpenMode::Write)?;
    import(kind, &*store, &context.config, &args.file, effective)
}

/// Reads a table of rules and puts it in place of the one of its kind from `effective` on, or reports every row that stands in the way
/// and stores nothing.
pub fn import(kind: RuleKind, store: &dyn Store, config: &Config, file: &Path, effective: Option<Timestamp>) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let effective = effective.unwrap_or(now);
    let table = Table::read(file)?;
    let (rules, problems) = match kind {
        RuleKind::Categories => {
            let (rows, problems) = read_categories(&table, &config.time_zone)?;
            (RuleTable::Categories(rows), problems)
        }
        RuleKind::Responsibilities => {
            let codes = load_codes(store, None).map_err(StoreUnavailable::from)?;
            let book = RuleBook::new(&store.load_rules().map_err(StoreUnavailable::from)?, &config.time_zone);
            let check = |code: &CategoryCode| check_category(&book, code, effective);
            let (rows, problems) = read_responsibilities(&table, &config.time_zone, |code| codes.contains(code), check)?;
            (RuleTable::Responsibilities(rows), problems)
        }
        RuleKind::Calendars => {
            let codes = load_codes(store, None).map_err(StoreUnavailable::from)?;
            let (rows, problems) = read_calendars(&table, &config.time_zone, |code| codes.contains(code))?;
            (RuleTable::Calendars(rows), problems)
        }
        RuleKind::Costs => {
            let codes = load_codes(store, None).map_err(StoreUnavailable::from)?;
            let (rows, problems) = read_costs(&table, &config.time_zone, |code| codes.contains(code))?;
            (RuleTable::Costs(rows), problems)
        }
        RuleKind::Funds => {
            let codes = load_codes(store, None).map_err(StoreUnavailable::from)?;
            let (rows, problems) = read_funds(&table, &config.time_zone, |code| codes.contains(code))?;
            (RuleTable::Funds(rows), problems)
        }
        RuleKind::Loads => {
            let codes = load_codes(store, None).map_err(StoreUnavailable::from)?;
            let (rows, problems) = read_loads(&table, &config.time_zone, |code| codes.contains(code))?;
            (RuleTable::Loads(rows), problems)
        }
    };
    if !problems.is_empty() {
        report(&problems, file);
        return Ok(Outcome::Problems);
    }
    anyhow::ensure!(!rules.is_empty(), "{} has no rows below its headings, so there is nothing to put in force", file.display());
    let stored = store.replace_rules(&rules, effective, &super::author(), now).map_err(StoreUnavailable::from);
    stored.with_context(|| format!("cannot store the {}", kind.as_str()))?;
    if let RuleTable::Categories(rows) = &rules {
        warn_of_stray(store, rows, effective)?;
    }
    let verb = if effective > now { "will be" } else { "are" };
    super::say(&format!("{} rows of {} {verb} in force from {}", rules.len(), kind.as_str(), tell(effective, &config.time_zone)));
    Ok(Outcome::Done)
}

/// Categories in one warning; the rest is counted.
const STRAY_NAMED_MAX: usize = 4;

/// Warns of responsibilities for categories that are no longer there: nobody is told of their cases.
fn warn_of_stray(store: &dyn Store, categories: &[CategoryRow], effective: Timestamp) -> anyhow::Result<()> {
    let sets = store.load_rules().map_err(StoreUnavailable::from)?;
    let begun = sets.iter().filter(|set| set.effective_from <= effective);
    let rows = begun.filter_map(|set| if let RuleTable::Responsibilities(rows) = &set.table { Some(rows) } else { None }).next_back();
    let known: FxHashSet<&CategoryCode> = categories.iter().flat_map(|row| [Some(&row.code), row.major.as_ref()]).flatten().collect();
    let named = rows.into_iter().flatten().filter_map(|row| row.category.as_ref());
    let stray: BTreeSet<&str> = named.filter(|code| !known.contains(code)).map(CategoryCode::as_str).collect();
    if !stray.is_empty() {
        let first = stray.iter().take(STRAY_NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let more = stray.len().saturating_sub(STRAY_NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        eprintln!(
            "warning: responsibilities name categories that are not in this table: {first}{more}; import those too, or mend their codes"
        );
    }
    Ok(())
}

/// Says what is wrong with a category or major that will not be in force. Where no categories are loaded yet any will do.
fn check_category(book: &RuleBook, code: &CategoryCode, effective: Timestamp) -> Result<(), String> {
    let rules = book.at(effective);
    let is_major = || {
        let mut majors = rules.categories(true).flat_map(|category| &category.rows);
        majors.any(|row| row.major.as_ref() == Some(code))
    };
    if !rules.has_categories() || is_major() {
        return Ok(());
    }
    rules.find(code.as_str(), true).map(drop).map_err(|error| format!("{error}; correct it, or import the category first"))
}
