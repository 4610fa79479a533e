use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::findings::{count, describe_file, describe_given_up, describe_moves, describe_problems, describe_unheld, print};
use super::source::{Fault, SourceArgs, accepted, create_report, read_source, with_spinner};
use super::time::tell;
use super::{Context, Outcome};
use crate::app::{self, NewLevel, OpenMode, PublishOptions, Published};
use crate::boundary::{GenerationId, GenerationState, Layer, LayerName, Level, Problem, Severity, UnitShape};
use crate::import::{parse_moment, write_report};
use crate::store::newest_generation;
use crate::topology::{Plane, Rules, SNAP_M_DEFAULT, check};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The boundary file: .shp, a zipped shapefile, .geojson, .json (also .gz), .gpkg[:LAYER], .fgb, .kml
    file: String,
    /// The level that the file holds, such as street or grid
    #[arg(long)]
    level: String,
    #[arg(long, default_value = "grid")]
    layer: String,
    /// The next coarser level, where the layer does not know the level yet
    #[arg(long, value_name = "LEVEL")]
    parent_level: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
    /// Edges nearer than this that fail to meet are moved together; 0 moves nothing
    #[arg(long, value_name = "METRES", default_value_t = SNAP_M_DEFAULT, value_parser = parse_tolerance)]
    snap_m: f64,
    /// Faults to take as they are
    #[arg(long, value_delimiter = ',', value_name = "FAULTS")]
    accept: Vec<Fault>,
    /// When the boundaries take effect: a date, or a time with its zone; now where left out
    #[arg(long, value_name = "DATE")]
    effective: Option<String>,
    /// Leave a draft and publish nothing
    #[arg(long)]
    draft: bool,
    /// The draft, or generation, whose other levels stay: for a draft that was edited elsewhere and comes back
    #[arg(long, value_name = "N", value_parser = super::locate::parse_generation, requires = "draft")]
    from: Option<GenerationId>,
    /// Add and update units by code, and keep the others of the level
    #[arg(long)]
    merge: bool,
    /// Give codes to units that have none, within each parent from west to east, row by row from north to south
    #[arg(long)]
    number: bool,
    /// Write all problems and moved vertices as GeoJSON
    #[arg(long, value_name = "OUT.geojson")]
    report: Option<PathBuf>,
    /// Who imports, for the history
    #[arg(long, default_value = "command line")]
    author: String,
    /// A remark for the history; the file's name where left out
    #[arg(long)]
    note: Option<String>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let level = Level::parse(&args.level)?;
    let effective_from = args.effective.as_deref().map(|text| parse_effective(text, &context.config.time_zone)).transpose()?;
    let report = args.report.as_deref().map(create_report).transpose()?;
    let mut file = read_source(&args.file, &args.source.to_options(false))?;
    if !args.number {
        file.require_code()?;
    }
    ensure!(!file.features.is_empty(), "{} holds no features; nothing was imported", args.file);
    print(&describe_file(&file))?;
    // The store is opened only now, so that a file that cannot be read leaves none behind.
    let store = app::open_store(&context.store, OpenMode::Create)?;
    let stored = store.load_layers().map_err(app::StoreUnavailable::from)?;
    let layer = grow_layer(args, context, &level, &stored)?;
    let mut made_on = None;
    if args.number {
        // Numbers are free as of now; whoever publishes meanwhile may take them.
        let generations = store.load_generations(&layer.name).map_err(app::StoreUnavailable::from)?;
        made_on = newest_generation(&generations).map(|newest| newest.id);
        let given = app::give_codes(store.as_ref(), &mut file, &layer, &level, effective_from)?;
        print(&format!("{given} features had no code and were numbered\n"))?;
    }
    let (shapes, read_problems) = file.into_shapes(&layer, &level);
    let rules = Rules { snap_m: args.snap_m, accepted: accepted(&args.accept), plane: Plane::Degrees, incoming: layer.depth_of(&level) };
    let published = if count(&read_problems, Severity::Error) > 0 {
        with_spinner("checking", || check_alone(&layer, &level, shapes, &rules))
    } else {
        let options = PublishOptions {
            rules,
            state: if args.draft { GenerationState::Draft } else { GenerationState::Published },
            effective_from,
            author: args.author.clone(),
            note: args.note.clone().unwrap_or_else(|| file_name(&args.file)),
            reuses_codes: args.accept.contains(&Fault::Reuse),
            gives_up_future: args.accept.contains(&Fault::Future),
            from: args.from,
            made_on,
        };
        let new = NewLevel { layer, level: level.clone(), shapes, merge: args.merge };
        with_spinner("checking and storing", || app::publish(store.as_ref(), new, &options))?
    };
    let problems: Vec<Problem> = read_problems.into_iter().chain(published.problems.iter().cloned()).collect();
    if let Some(report) = report {
        write_report(report, &problems, &published.moves).context("cannot write the report")?;
    }
    print(&describe_outcome(args, &published, &problems, &context.config.time_zone))?;
    Ok(if published.generation.is_some() { Outcome::Done } else { Outcome::Problems })
}

/// Checks a level that is refused anyway because features could not be read, so that one round shows everything
/// else that is wrong with the file.
fn check_alone(layer: &Layer, level: &Level, shapes: Vec<UnitShape>, rules: &Rules) -> Published {
    let alone = Layer { levels: vec![level.clone()], ..layer.clone() };
    let checked = check(&alone, vec![shapes], &Rules { incoming: None, ..*rules });
    Published { problems: checked.problems, moves: checked.moves, ..Published::default() }
}

fn describe_outcome(args: &Args, published: &Published, problems: &[Problem], time_zone: &TimeZone) -> String {
    let mut text = describe_moves(&published.moves, args.snap_m);
    text.push_str(&describe_problems(problems));
    match &published.generation {
        Some(generation) => {
            let (id, layer, from) = (generation.id, &generation.layer, tell(generation.effective_from, time_zone));
            let (what, standing) = match args.draft {
                true => ("draft", format!("meant for {from}; it takes effect when the file is imported without --draft")),
                false => ("generation", format!("in effect from {from}")),
            };
            let _ = writeln!(text, "{what} {id} of layer {layer}: {} units, {standing}", published.unit_count);
        }
        None => {
            let _ = writeln!(text, "{} errors; nothing was stored", count(problems, Severity::Error));
            if problems.iter().any(|p| p.severity == Severity::Error && ["overlap", "gap", "nesting"].contains(&p.kind.as_str())) {
                text.push_str("faults that are meant to be there are taken as they are with --accept overlap,gap,nesting,reuse\n");
            }
        }
    }
    text.push_str(&describe_given_up(&published.gives_up, |at| tell(at, time_zone)));
    if let Some(unheld) = &published.unheld {
        text.push_str(&describe_unheld(unheld));
    }
    if let Some(path) = &args.report {
        let _ = writeln!(text, "report: {}", path.display());
    }
    text
}

/// Returns the layer with the level in its place: the levels of the configuration, those that the store has
/// grown since, and the new one below its parent.
fn grow_layer(args: &Args, context: &Context, level: &Level, stored: &[Layer]) -> anyhow::Result<Layer> {
    let name = LayerName::parse(&args.layer)?;
    let mut layer = context.config.layer(&name).layer;
    if let Some(stored) = stored.iter().find(|stored| stored.name == name) {
        for (at, stored_level) in stored.levels.iter().enumerate() {
            if layer.depth_of(stored_level).is_none() {
                let below = at.checked_sub(1).and_then(|above| layer.depth_of(&stored.levels[above])).map_or(0, |depth| depth + 1);
                layer.levels.insert(below, stored_level.clone());
            }
        }
        layer.scheme = layer.scheme.or_else(|| stored.scheme.clone());
    }
    let known = layer.levels.iter().map(ToString::to_string).collect::<Vec<_>>().join(" > ");
    let parent = args.parent_level.as_deref().map(Level::parse).transpose()?;
    match (layer.depth_of(level), parent) {
        (Some(_), None) => {}
        (Some(_), Some(parent)) => {
            ensure!(layer.parent_of(level) == Some(&parent), "layer {name} has the levels {known}, so {level} is not right below {parent}");
        }
        (None, None) if layer.levels.is_empty() => layer.levels.push(level.clone()),
        (None, None) => bail!("layer {name} has the levels {known} and not {level}; say with --parent-level below which it stands"),
        (None, Some(parent)) => {
            let above = layer.depth_of(&parent).with_context(|| {
                let known = if known.is_empty() { "none" } else { &known };
                format!("layer {name} has no level {parent}; its levels are: {known}")
            })?;
            layer.levels.insert(above + 1, level.clone());
        }
    }
    Ok(layer)
}

/// A date begins at midnight in the configured time zone.
pub(super) fn parse_effective(text: &str, time_zone: &TimeZone) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    // A time without an offset is that of the office, as everywhere else.
    parse_moment(text, time_zone)
        .with_context(|| format!("{text:?} is neither a date such as 2027-01-01 nor a time such as 2027-01-01T00:00:00+08:00"))
}

/// The name of a file without its folders, which are nobody else's business.
fn file_name(file: &str) -> String {
    Path::new(file).file_name().map_or_else(|| file.to_owned(), |name| name.to_string_lossy().into_owned())
}

pub(super) fn parse_tolerance(text: &str) -> Result<f64, String> {
    /// Larger steps would not repair digitising but redraw borders.
    const SNAP_M_MAX: f64 = 10.0;
    match text.parse::<f64>() {
        Ok(metres) if (0.0..=SNAP_M_MAX).contains(&metres) => Ok(metres),
        _ => Err(format!("a tolerance is a number of metres from 0 to {SNAP_M_MAX}")),
    }
}
