use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustc_hash::FxHashSet;

use super::findings::{describe_unheld, print};
use super::time::tell;
use super::{Context, Outcome};
use crate::app::{self, OpenMode, StoreUnavailable};
use crate::boundary::{Generation, GenerationId, GenerationState, LayerName, UnitCode};
use crate::config::Config;
use crate::dispatch::Roster;
use crate::history::{Standing, find_unheld_of, next_generation, standing_of};
use crate::import::{RosterImport, RowProblem, Table, read_roster};
use crate::store::{PlannedRoster, RosterData, Store, StoreError, newest_generation};

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
        /// Take effect with a generation, and fall with it: its number, or `next` for the one that takes over next
        #[arg(long, value_name = "N|next")]
        with_generation: Option<String>,
        /// The layer of that generation
        #[arg(long, default_value = "grid", requires = "with_generation")]
        layer: String,
        /// Import although a roster that comes with a planned generation takes over later, without what is new in this one
        #[arg(long)]
        accept_planned: bool,
    },
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    let Command::Import { file, with_generation, layer, accept_planned } = args.command;
    let store = app::open_store(&context.store, OpenMode::Write)?;
    let with = with_generation.as_deref().map(|which| find_generation(&*store, which, &LayerName::parse(&layer)?)).transpose()?;
    import(&*store, &context.config, &file, with.as_ref(), accept_planned)
}

/// Finds the published generation that a roster is to come with.
fn find_generation(store: &dyn Store, which: &str, layer: &LayerName) -> anyhow::Result<Generation> {
    let generations = store.load_generations(layer).map_err(StoreUnavailable::from)?;
    if which == "next" {
        let next = next_generation(&generations, Timestamp::now()).cloned();
        return next.with_context(|| format!("no generation of layer {layer} is waiting to take effect; generation list shows them"));
    }
    let number: u32 = which.parse().map_err(|_| anyhow::anyhow!("{which:?} is neither the number of a generation nor next"))?;
    let found = generations.iter().find(|g| g.id == GenerationId(number));
    let found = found.with_context(|| format!("layer {layer} has no generation {number}; generation list shows them"))?;
    anyhow::ensure!(
        found.state == GenerationState::Published,
        "generation {number} of layer {layer} is a draft and takes effect on no day"
    );
    anyhow::ensure!(
        standing_of(&generations, found, Timestamp::now()) != Standing::Withdrawn,
        "generation {number} of layer {layer} was taken back or overtaken before its day, so it takes effect on none; generation list shows which do"
    );
    Ok(found.clone())
}

/// Reads a roster and puts it in place of the old one, now or `with` a generation, or reports every row that stands in the way and
/// stores nothing.
pub fn import(
    store: &dyn Store,
    config: &Config,
    file: &Path,
    with: Option<&Generation>,
    accepts_planned: bool,
) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let table = Table::read(file)?;
    let codes = load_codes(store, with).map_err(StoreUnavailable::from)?;
    if codes.is_empty() {
        anyhow::bail!("the store has no boundaries yet, so no unit of {} can be found; import them first", file.display());
    }
    let RosterImport { workers, assignments, problems } = read_roster(&table, &config.time_zone, now, |code| codes.contains(code))?;
    if !problems.is_empty() {
        report(&problems, file);
        return Ok(Outcome::Problems);
    }
    let begins = with.map_or(now, |generation| generation.effective_from.max(now));
    let planned = if accepts_planned { Vec::new() } else { store.load_planned_rosters(begins).map_err(StoreUnavailable::from)? };
    if let Some(planned) = planned.first() {
        refuse_planned(planned, &config.time_zone);
        return Ok(Outcome::Problems);
    }
    let (worker_count, row_count) = (workers.len(), assignments.len());
    let data = RosterData { workers, assignments };
    let comes_with = with.map(|generation| (&generation.layer, generation.id));
    store.replace_roster(&data, comes_with, &super::author(), now).map_err(StoreUnavailable::from).context("cannot store the roster")?;
    if let Some(generation) = with {
        super::say(&format!(
            "{row_count} rows of {worker_count} workers take effect with generation {} of layer {}, from {}",
            generation.id,
            generation.layer,
            tell(generation.effective_from, &config.time_zone)
        ));
        let unheld = find_unheld_of(store, &generation.layer, generation.id).map_err(StoreUnavailable::from)?;
        print(&describe_unheld(&unheld))?;
        return Ok(Outcome::Done);
    }
    let roster = Roster::new(data.workers, data.assignments, config.time_zone.clone());
    let vacant = codes.iter().filter(|code| roster.is_vacant(code, now)).count();
    super::say(&format!(
        "{row_count} rows of {worker_count} workers are in force; {vacant} of {} units have nobody of their own today",
        codes.len()
    ));
    Ok(Outcome::Done)
}

/// Says which roster was made for later, and would not have what is new in this one.
fn refuse_planned(planned: &PlannedRoster, time_zone: &TimeZone) {
    let PlannedRoster { layer, generation, effective_from } = planned;
    eprintln!(
        "a roster that comes with generation {generation} of layer {layer} takes over at {}, and would not have what is new in this one; \
         nothing was stored",
        tell(*effective_from, time_zone)
    );
    eprintln!(
        "import the roster of that day first, with --with-generation {generation} --layer {layer}, or roll the generation back; with \
         --accept-planned this one is in force until then"
    );
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
pub(super) fn load_codes(store: &dyn Store, with: Option<&Generation>) -> Result<FxHashSet<UnitCode>, StoreError> {
    let mut codes = FxHashSet::default();
    for layer in store.load_layers()? {
        let generations = store.load_generations(&layer.name)?;
        let current = crate::store::current_generation(&generations, Timestamp::now());
        let with = with.filter(|with| with.layer == layer.name);
        for generation in [current, newest_generation(&generations), with].into_iter().flatten() {
            let stored = store.load_generation(&layer.name, generation.id)?;
            codes.extend(stored.shapes.into_iter().flatten().map(|shape| shape.unit.code));
        }
    }
    Ok(codes)
}
