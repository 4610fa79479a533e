use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use super::export::replace_file;
use super::findings::{count, describe_given_up, describe_problems, describe_unheld, print};
use super::import::parse_effective;
use super::time::tell;
use super::{Context, Outcome};
use crate::api::wire::{ComparisonView, GenerationView, TransferView};
use crate::app::{self, OpenMode, PublishOptions, Published, RollBackOptions, StoreUnavailable};
use crate::boundary::{GenerationId, GenerationState, LayerName, Level, Severity, UnitCode};
use crate::history::{Asked, Comparison, HistoryError, KeptUnheld, ListedGeneration, LoadError, compare, list_generations, load_histories};
use crate::store::StoreError;
use crate::topology::Rules;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the generations of each layer: which is in effect, which is next, who will hold its units
    List {
        /// Only this layer
        #[arg(long)]
        layer: Option<String>,
        /// Print what the service answers to a planner
        #[arg(long)]
        json: bool,
    },
    /// Tell which unit's ground went to which, with areas, cases, residents and keepers
    Compare(CompareArgs),
    /// Publish the boundaries of an earlier generation again, as a new one
    Rollback {
        /// The generation to bring back
        to: u32,
        #[arg(long, default_value = "grid")]
        layer: String,
        /// When they take effect: a date, or a time with its zone; now where left out
        #[arg(long, value_name = "DATE")]
        effective: Option<String>,
        /// A remark for the history
        #[arg(long)]
        note: Option<String>,
        /// Who rolls back, for the history
        #[arg(long, default_value = "command line")]
        author: String,
    },
    /// Give new codes to the finest level, within each parent from west to east, row by row from north to south
    Number {
        /// The level to number anew
        #[arg(long)]
        level: String,
        #[arg(long, default_value = "grid")]
        layer: String,
        /// Only the units of this parent
        #[arg(long, value_name = "CODE")]
        parent: Option<String>,
        /// When the codes take effect: a date, or a time with its zone; now where left out
        #[arg(long, value_name = "DATE")]
        effective: Option<String>,
        /// What may be given up: what is published for later
        #[arg(long, value_name = "WHAT")]
        accept: Option<GivenUp>,
        /// A table of the old and the new codes
        #[arg(short, long, value_name = "OUT.csv")]
        out: Option<PathBuf>,
        /// A remark for the history
        #[arg(long)]
        note: Option<String>,
        /// Who numbers, for the history
        #[arg(long, default_value = "command line")]
        author: String,
    },
}

/// What a command may give up where it is told so by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum GivenUp {
    /// What is published for later.
    Future,
}

#[derive(Debug, clap::Args)]
struct CompareArgs {
    /// The generation compared; a draft as of its last step
    from: u32,
    /// The generation it is compared with
    to: u32,
    #[arg(long, default_value = "grid")]
    layer: String,
    /// Only this level
    #[arg(long)]
    level: Option<String>,
    /// The field of residents; usual names are found by themselves
    #[arg(long, value_name = "FIELD")]
    residents_field: Option<String>,
    /// Write all transfers: .csv, .geojson with the ground of each, or .json
    #[arg(short, long, value_name = "OUT")]
    out: Option<PathBuf>,
    /// Print what the service answers to a planner
    #[arg(long)]
    json: bool,
}

/// Transfers of a level that are printed; a file holds all.
const LISTED_MAX: usize = 40;

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    match args.command {
        Command::List { layer, json } => list(layer.as_deref(), json, context),
        Command::Compare(args) => run_compare(&args, context),
        Command::Rollback { to, layer, effective, note, author } => {
            let effective_from = effective.as_deref().map(|text| parse_effective(text, &context.config.time_zone)).transpose()?;
            roll_back(to, &layer, &RollBackOptions { effective_from, author, note }, context)
        }
        Command::Number { level, layer, parent, effective, accept, out, note, author } => {
            let effective_from = effective.as_deref().map(|text| parse_effective(text, &context.config.time_zone)).transpose()?;
            let options = PublishOptions {
                rules: Rules { snap_m: 0.0, ..Rules::default() },
                state: GenerationState::Published,
                effective_from,
                author,
                note: note.unwrap_or_else(|| format!("level {level} numbered anew")),
                reuses_codes: false,
                gives_up_future: accept == Some(GivenUp::Future),
                from: None,
                made_on: None,
            };
            let parent = parent.as_deref().map(UnitCode::parse).transpose()?;
            number(&LayerName::parse(&layer)?, &Level::parse(&level)?, parent.as_ref(), out.as_deref(), &options, context)
        }
    }
}

fn list(layer: Option<&str>, as_json: bool, context: &Context) -> anyhow::Result<Outcome> {
    let layer = layer.map(LayerName::parse).transpose()?;
    let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
    let unheld = KeptUnheld::default();
    let listings = list_generations(&*store, layer.as_ref(), Timestamp::now(), Some(&unheld)).map_err(StoreUnavailable::from)?;
    if let (Some(layer), true) = (&layer, listings.is_empty()) {
        bail!("the store has no layer {layer}");
    }
    if as_json {
        let views: Vec<_> = listings.iter().flat_map(|listing| &listing.generations).map(|g| GenerationView::new(g, true)).collect();
        super::say(&serde_json::to_string_pretty(&json!({ "generations": views })).context("cannot write the list")?);
        return Ok(Outcome::Done);
    }
    let mut text = String::new();
    for listing in &listings {
        text.push_str(&format!("layer {}\n", listing.layer.name));
        for listed in &listing.generations {
            text.push_str(&describe_generation(listed, &context.config.time_zone));
        }
    }
    print(&text)?;
    Ok(Outcome::Done)
}

fn describe_generation(listed: &ListedGeneration, time_zone: &TimeZone) -> String {
    let generation = &listed.generation;
    let standing = if listed.is_next { "next" } else { listed.standing.as_str() };
    let units: Vec<String> = listed.units.iter().map(|(level, count)| format!("{count} {level}")).collect();
    let units = if units.is_empty() && generation.state == GenerationState::Draft { "being redrawn".to_owned() } else { units.join(", ") };
    let mut text = format!(
        "{:>5}  {standing:<9}  {} {}  {}  by {}",
        generation.id.0,
        if generation.state == GenerationState::Draft { "for " } else { "from" },
        tell(generation.effective_from, time_zone),
        units,
        generation.author
    );
    if let Some(restores) = generation.restores {
        text.push_str(&format!(", brings {restores} back"));
    }
    if !generation.note.is_empty() {
        text.push_str(&format!(": {}", generation.note));
    }
    text.push('\n');
    if let Some(unheld) = &listed.unheld {
        text.push_str(&describe_unheld(unheld));
    }
    text
}

fn run_compare(args: &CompareArgs, context: &Context) -> anyhow::Result<Outcome> {
    let layer = LayerName::parse(&args.layer)?;
    let form = args.out.as_deref().map(Form::of).transpose()?;
    let store = app::open_store(&context.store, OpenMode::ReadOnly)?;
    let asked = Asked {
        level: args.level.as_deref().map(Level::parse).transpose()?,
        residents_field: args.residents_field.clone(),
        with_cases: true,
        with_keepers: true,
        units_max: usize::MAX,
        cases_max: usize::MAX,
    };
    let histories = load_histories(&*store, &context.config).map_err(StoreUnavailable::from)?;
    let history = histories.iter().find(|history| history.layer == layer).with_context(|| format!("the store has no layer {layer}"))?;
    let work = || compare(&*store, history, GenerationId(args.from), GenerationId(args.to), &asked);
    let comparison = super::source::with_spinner("comparing", work).map_err(to_error)?;
    let view = ComparisonView::new(&comparison, &|_| true);
    if let (Some(out), Some(form)) = (&args.out, form) {
        replace_file(out, |path| form.write(path, &comparison, &view))?;
    }
    if args.json {
        super::say(&serde_json::to_string_pretty(&view).context("cannot write the comparison")?);
    } else {
        print(&describe_comparison(&view, args.out.is_some()))?;
    }
    Ok(Outcome::Done)
}

/// A store that fails ends with another exit code than a generation that is not there.
fn to_error(error: HistoryError) -> anyhow::Error {
    match error {
        HistoryError::Store(error @ StoreError::NoGeneration { .. }) => error.into(),
        HistoryError::Store(error) | HistoryError::Load(LoadError::Store(StoreUnavailable(error))) => StoreUnavailable::from(error).into(),
        other => other.into(),
    }
}

fn describe_comparison(view: &ComparisonView, is_written: bool) -> String {
    let mut text = format!("layer {}: generation {} to generation {}\n", view.layer, view.from, view.to);
    for level in &view.levels {
        let counts: Vec<String> = level.changed.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let counts = if counts.is_empty() { "nothing else".to_owned() } else { counts.join(", ") };
        text.push_str(&format!("{}: {} unchanged, {counts}\n", level.level, level.unchanged));
        for transfer in level.transfers.iter().take(LISTED_MAX) {
            text.push_str(&describe_transfer(transfer));
        }
        let more = level.transfers.len().saturating_sub(LISTED_MAX);
        if more > 0 {
            let hint = if is_written { "the file holds all" } else { "-o OUT.csv holds all" };
            text.push_str(&format!("  … and {more} more; {hint}\n"));
        }
        if level.slivers.count > 0 {
            text.push_str(&format!("  left out as slivers: {}, {:.1} m² in all\n", level.slivers.count, level.slivers.area_m2));
        }
        if let Some(field) = &level.residents_field {
            text.push_str(&format!("  residents are estimated by area from the field {field}\n"));
        }
    }
    text
}

fn describe_transfer(transfer: &TransferView) -> String {
    let code = |unit: &Option<_>| unit.as_ref().map_or("nothing".to_owned(), |unit: &crate::api::wire::UnitView| unit.code.clone());
    let percent = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let mut text = format!(
        "  {:<10} {} → {}  {:.0} m², {} of the old, {} of the new",
        transfer.kind,
        code(&transfer.from),
        code(&transfer.to),
        transfer.area_m2,
        percent(transfer.share_of_from),
        percent(transfer.share_of_to)
    );
    if let Some(load) = transfer.load.as_ref().filter(|load| load.cases > 0) {
        text.push_str(&format!("; {} cases, {} of the old's, {} open", load.cases, percent(load.share_of_from), load.open));
    }
    if let Some(residents) = &transfer.residents {
        text.push_str(&format!("; about {:.0} residents", residents.count));
    }
    if let Some(keepers) = transfer.keepers.as_ref().filter(|keepers| keepers.changes_hands == Some(true)) {
        let name = |keeper: &Option<crate::api::wire::KeeperView>| {
            keeper.as_ref().map_or_else(|| "nobody".to_owned(), |keeper| format!("{} {}", keeper.worker, keeper.name))
        };
        text.push_str(&format!("; from {} to {}", name(&keepers.before), name(&keepers.after)));
    }
    text.push('\n');
    text
}

/// What a comparison is written as.
#[derive(Clone, Copy, Debug)]
enum Form {
    Csv,
    GeoJson,
    Json,
}

impl Form {
    fn of(path: &Path) -> anyhow::Result<Self> {
        let ending = path.extension().map(OsStr::to_ascii_lowercase).unwrap_or_default();
        match ending.to_str() {
            Some("csv") => Ok(Self::Csv),
            Some("geojson") => Ok(Self::GeoJson),
            Some("json") => Ok(Self::Json),
            _ => bail!("{} ends neither in .csv nor in .geojson nor in .json, so its form is not known", path.display()),
        }
    }

    fn write(self, path: &Path, comparison: &Comparison, view: &ComparisonView) -> anyhow::Result<()> {
        let mut out = BufWriter::new(File::create(path)?);
        match self {
            Self::Csv => out.write_all(&view.to_csv())?,
            Self::GeoJson => view.write_geojson(comparison, &mut out)?,
            Self::Json => serde_json::to_writer_pretty(&mut out, view)?,
        }
        Ok(out.flush()?)
    }
}

fn roll_back(to: u32, layer: &str, options: &RollBackOptions, context: &Context) -> anyhow::Result<Outcome> {
    let layer = LayerName::parse(layer)?;
    let store = app::open_store(&context.store, OpenMode::Write)?;
    let work = || app::roll_back(&*store, &layer, GenerationId(to), options);
    let published = super::source::with_spinner("checking and storing", work).map_err(publish_error)?;
    print(&describe_published(&published, &format!("the boundaries of generation {to}"), &context.config.time_zone))?;
    Ok(if published.generation.is_some() { Outcome::Done } else { Outcome::Problems })
}

/// A generation that is not there is a wrong argument, and no store that is away.
fn publish_error(error: app::PublishError) -> anyhow::Error {
    match error {
        app::PublishError::Store { source: StoreUnavailable(error @ StoreError::NoGeneration { .. }), .. } => error.into(),
        other => other.into(),
    }
}

fn describe_published(published: &Published, what: &str, time_zone: &TimeZone) -> String {
    let mut text = String::new();
    match &published.generation {
        Some(generation) => text.push_str(&format!(
            "generation {} of layer {} has {what}: {} units, in effect from {}\n",
            generation.id,
            generation.layer,
            published.unit_count,
            tell(generation.effective_from, time_zone)
        )),
        None => {
            text.push_str(&describe_problems(&published.problems));
            text.push_str(&format!("{} errors; nothing was stored\n", count(&published.problems, Severity::Error)));
        }
    }
    text.push_str(&describe_given_up(&published.gives_up, |at| tell(at, time_zone)));
    published.unheld.iter().for_each(|unheld| text.push_str(&describe_unheld(unheld)));
    text
}

fn number(
    layer: &LayerName,
    level: &Level,
    parent: Option<&UnitCode>,
    out: Option<&Path>,
    options: &PublishOptions,
    context: &Context,
) -> anyhow::Result<Outcome> {
    let store = app::open_store(&context.store, OpenMode::Write)?;
    let stored = store.load_layers().map_err(StoreUnavailable::from)?.into_iter().find(|stored| &stored.name == layer);
    let mut stored = stored.with_context(|| format!("the store has no layer {layer}"))?;
    ensure!(stored.depth_of(level).is_some(), "layer {layer} has no level {level}");
    stored.scheme = context.config.layer(layer).layer.scheme.or(stored.scheme);
    let work = || app::renumber(&*store, &stored, level, parent, options);
    let (published, renumbered) = super::source::with_spinner("numbering and storing", work)?;
    if let (Some(out), true) = (out, published.generation.is_some()) {
        replace_file(out, |path| {
            let mut writer = csv::Writer::from_path(path)?;
            writer.write_record(["old_code", "new_code"])?;
            for (old, new) in &renumbered {
                writer.write_record([old.as_str(), new.as_str()])?;
            }
            Ok(writer.flush()?)
        })?;
    }
    let what = format!("new codes for {} units of level {level}", renumbered.len());
    print(&describe_published(&published, &what, &context.config.time_zone))?;
    Ok(if published.generation.is_some() { Outcome::Done } else { Outcome::Problems })
}
