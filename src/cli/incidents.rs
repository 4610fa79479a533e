mod known;
mod list;
mod lives;

use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Subcommand;
use jiff::Timestamp;
use rayon::prelude::*;
use rustc_hash::FxHashMap;

use self::known::{RowId, Tally};
use super::{Context, Outcome};
use crate::app::{self, OpenMode, StoreUnavailable};
use crate::boundary::{GenerationState, LayerName};
use crate::config::Config;
use crate::dispatch::Case;
use crate::dispatch::workflow::{CaseEvent, StateName, Workflow};
use crate::history::{load_roster, load_snapshot};
use crate::import::{Crs, IncidentRow, RowProblem, Table, read_incidents};
use crate::snapshot::{Query, Snapshot};
use crate::store::Store;

/// Unknown categories that are told one by one.
const CATEGORIES_WARNED_OF: usize = 20;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add the incidents of a table: lon, lat, reported_at, and where present crs, category, description, source, id, state, state_at
    ///
    /// One with a state, by its name or title in the workflow, begins its life there at `state_at`, by default when it was reported: with
    /// the tasks and clocks of that state. One whose `id`, the office's own number, is known is left as it is, and told where it differs.
    Import {
        /// A table, .csv (UTF-8 or GBK) or .xlsx, or lines of JSON, .ndjson
        file: PathBuf,
        /// The reference system of rows that name none: EPSG:n, WKT, GCJ02 or BD09
        #[arg(long, default_value = "EPSG:4326", value_name = "CRS")]
        crs: String,
        /// The layer whose grids and keepers are recorded
        #[arg(long, default_value = "grid")]
        layer: String,
        /// Begins the life of every case: of one without a state in a column `state` at the workflow's start
        #[arg(long)]
        live: bool,
    },
    /// Print incidents as CSV
    List {
        #[command(flatten)]
        choice: list::Choice,
    },
    /// Write incidents to a table: .csv or .ndjson; `-` writes CSV to standard output
    Export {
        #[arg(value_name = "OUT")]
        out: PathBuf,
        #[command(flatten)]
        choice: list::Choice,
    },
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Import { file, crs, layer, live } => {
            let store = app::open_store(&context.store, OpenMode::Write)?;
            import(&*store, &context.config, &file, &Crs::parse(&crs)?, &LayerName::parse(&layer)?, live)
        }
        Command::List { choice } => list::run(&choice, Path::new("-"), context),
        Command::Export { out, choice } => list::run(&choice, &out, context),
    }
}

/// Adds the incidents of a table, those with a state with a life that has come so far; or reports every row that cannot be read and
/// stores nothing. Each has the grid, the generation and the keeper of its own time, or, while it is open, of now. The same table again adds
/// nothing; a row that tells otherwise of an incident that is known is told of.
///
/// An incident from before the first boundaries gets today's: an office begins with the cases of the years before.
pub fn import(store: &dyn Store, config: &Config, file: &Path, crs: &Crs, layer: &LayerName, live: bool) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let (mut incidents, mut problems) = read_incidents(&Table::read(file)?, crs, &config.time_zone, now)?;
    problems.extend(lives::check_states(&mut incidents, &config.cases.workflow, live));
    problems.extend(check_ids(&incidents));
    if !problems.is_empty() {
        super::roster::report(&problems, file);
        return Ok(Outcome::Problems);
    }
    let ids = known::find_ids(store, &incidents).map_err(StoreUnavailable::from)?;
    let mut dated: Vec<(IncidentRow, RowId)> = incidents.into_iter().zip(ids).collect();
    dated.sort_by_key(|(incident, _)| incident.reported_at);
    let mut times = Times::new(store, config, layer, now)?;
    let (today, _) = times.snapshot_of(now)?;
    let mut cases: Vec<Read> = Vec::with_capacity(dated.len());
    while let Some((first, _)) = dated.first() {
        let (snapshot, until) = times.snapshot_of(first.reported_at)?;
        let end = dated.partition_point(|(incident, _)| until.is_none_or(|until| incident.reported_at < until)).max(1);
        let later = dated.split_off(end);
        let read = |(incident, id): (IncidentRow, RowId)| {
            // What is still open is worked on now, by those who are there now.
            let is_open = is_open(&config.cases.workflow, &incident.state);
            let (snapshot, at) = if is_open { (&today, now) } else { (&snapshot, incident.reported_at) };
            to_case((snapshot, at), (config, layer, now), incident, id)
        };
        cases.par_extend(dated.into_par_iter().map(read));
        dated = later;
    }
    let located = cases.iter().filter(|read| read.case.grid.is_some()).count();
    let count = cases.len();
    let (known, cases): (Vec<_>, Vec<_>) = cases.into_iter().partition(|read| read.is_known);
    warn_of_unknown_categories(&cases);
    lives::warn_of_idle(&cases, &config.cases.workflow);
    let (records, with_lives): (Vec<_>, Vec<_>) = cases.into_iter().partition(|read| read.events.is_empty());
    let records: Vec<Case> = records.into_iter().map(|read| read.case).collect();
    let failed = "cannot store the incidents";
    let mut added = 0;
    if !records.is_empty() || with_lives.is_empty() {
        added += store.add_cases(&records, &super::author(), now).map_err(StoreUnavailable::from).context(failed)?;
    }
    added += lives::add(store, with_lives).map_err(StoreUnavailable::from).context(failed)?;
    let Tally { same, differing, put_away } = known::compare(store, &known, &config.time_zone).map_err(StoreUnavailable::from)?;
    let mut told = format!("{added} incidents are new of {count} in the table; {located} lie in a grid");
    // Somebody else may have taken some in meanwhile; these are counted when the table is read again.
    for (rows, what) in [
        (same, "are known and unchanged"),
        (differing, "are known and differ; they were left as they are"),
        (put_away, "are known and put away"),
    ] {
        if rows > 0 {
            told += &format!("; {rows} {what}");
        }
    }
    super::say(&told);
    Ok(Outcome::Done)
}

/// A case as a row of a table makes it.
struct Read {
    row: u64,
    /// The office's own; empty where the table has none.
    number: String,
    is_known: bool,
    case: Case,
    /// The state in which it is by the table; empty for a mere record.
    state: String,
    /// Since when, where the table says so.
    state_at: Option<Timestamp>,
    /// Empty for a mere record.
    events: Vec<CaseEvent>,
    /// Metres to the border, where it is so near that the grid is in doubt.
    border_m: Option<f64>,
    /// Whether the rules of its time have categories, and none that is its own.
    is_category_unknown: bool,
}

/// The states of the store at the times of incidents, which come oldest first.
struct Times<'a> {
    store: &'a dyn Store,
    config: &'a Config,
    now: Timestamp,
    /// When the layer's first boundaries begin.
    begins: Option<Timestamp>,
    last: Vec<Arc<Snapshot>>,
}

impl<'a> Times<'a> {
    fn new(store: &'a dyn Store, config: &'a Config, layer: &LayerName, now: Timestamp) -> anyhow::Result<Self> {
        let generations = store.load_generations(layer).map_err(StoreUnavailable::from)?;
        let published = generations.iter().filter(|generation| generation.state == GenerationState::Published);
        let begins = published.map(|generation| generation.effective_from).min();
        Ok(Self { store, config, now, begins, last: Vec::new() })
    }

    /// Returns the state of a time, and until when it holds.
    fn snapshot_of(&mut self, at: Timestamp) -> anyhow::Result<(Arc<Snapshot>, Option<Timestamp>)> {
        let is_before = self.begins.is_none_or(|begins| at < begins);
        let snapshot = load_snapshot(self.store, self.config, if is_before { self.now } else { at }, &self.last)?;
        if !is_before {
            let snapshot = Arc::new(snapshot);
            self.last = vec![Arc::clone(&snapshot)];
            return Ok((Arc::clone(&snapshot), snapshot.ends_at()));
        }
        let roster = load_roster(self.store, self.config, at, |_| None).map_err(StoreUnavailable::from)?;
        let until = [self.begins, roster.term.to].into_iter().flatten().min();
        Ok((Arc::new(snapshot.with_parts(snapshot.layers().to_vec(), roster)), until))
    }
}

fn is_open(workflow: &Workflow, state: &str) -> bool {
    workflow.state(&StateName(state.into())).is_some_and(|state| !state.is_end)
}

fn to_case(
    (snapshot, at): (&Snapshot, Timestamp),
    (config, layer, now): (&Config, &LayerName, Timestamp),
    incident: IncidentRow,
    RowId { id, is_known }: RowId,
) -> Read {
    let query = Query { position: incident.position, layer: layer.clone(), level: None, at, accuracy_m: None, category: None };
    // Without boundaries a case is kept all the same, with no grid.
    let answer = snapshot.answer(&query).ok();
    let holder = answer.as_ref().and_then(|answer| answer.duty.as_ref()?.holder.as_ref()).map(|holder| holder.worker.id.clone());
    let unit = answer.as_ref().and_then(crate::snapshot::Answer::unit);
    let (row, number, state, state_at) = (incident.row, incident.id, incident.state, incident.state_at);
    let case = Case {
        id,
        position: incident.position,
        given: incident.given,
        category: incident.category,
        description: incident.description,
        source: incident.source,
        reported_at: incident.reported_at,
        district: answer.as_ref().and_then(|answer| Some(answer.path().next()?.code.clone())),
        grid: unit.map(|unit| unit.code.clone()),
        generation: answer.as_ref().filter(|_| unit.is_some()).map(|answer| answer.layer.generation().id),
        holder,
    };
    let events = lives::history(snapshot, &config.cases.workflow, answer.as_ref(), &case, (&state, state_at), now);
    let border_m = answer.as_ref().filter(|answer| answer.is_ambiguous).and_then(|answer| answer.located.distance_to_border_m);
    let rules = snapshot.rules(case.reported_at);
    let is_category_unknown = !case.category.is_empty() && rules.has_categories() && rules.find(&case.category, true).is_err();
    Read { row, number, is_known, case, state, state_at, events, border_m, is_category_unknown }
}

/// Returns the rows whose number an earlier row has: which of them is meant by it, nobody could say.
fn check_ids(incidents: &[IncidentRow]) -> Vec<RowProblem> {
    let mut rows: FxHashMap<&str, u64> = FxHashMap::default();
    let numbered = incidents.iter().filter(|incident| !incident.id.is_empty());
    let repeated = numbered.filter_map(|incident| match rows.entry(&incident.id) {
        Entry::Vacant(free) => {
            free.insert(incident.row);
            None
        }
        Entry::Occupied(first) => Some(RowProblem {
            row: incident.row,
            column: "id",
            detail: format!("{:?} is the number of row {} too; give each incident its own, or leave it empty", incident.id, first.get()),
        }),
    });
    repeated.collect()
}

/// What is past is kept as it was told, though rules and limits say nothing about it.
fn warn_of_unknown_categories(cases: &[Read]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for read in cases.iter().filter(|read| read.is_category_unknown) {
        *counts.entry(&read.case.category).or_default() += 1;
    }
    for (category, count) in counts.iter().take(CATEGORIES_WARNED_OF) {
        eprintln!(
            "warning: the rules have no category {category:?}, which {count} incidents have; they get no departments and no limits by it"
        );
    }
    if let Some(more) = counts.len().checked_sub(CATEGORIES_WARNED_OF).filter(|more| *more > 0) {
        eprintln!("warning: {more} more categories are unknown");
    }
}
