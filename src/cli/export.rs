use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use jiff::Timestamp;

use super::locate::parse_generation;
use super::time::parse_time;
use super::{Context, Outcome};
use crate::app::{OpenMode, open_store};
use crate::boundary::{GenerationId, LayerName, Level, UnitShape};
use crate::export::geojson::CollectionWriter;
use crate::history::{AsOf, load_histories, resolve};
use crate::store::StoredGeneration;
use crate::store::geopackage::write_feature_file;

#[derive(Debug, clap::Args)]
pub struct Args {
    format: Format,
    /// The file to write; `-` writes GeoJSON to standard output
    #[arg(value_name = "OUT")]
    out: PathBuf,
    #[arg(long, default_value = "grid")]
    layer: String,
    /// Only this level; all levels where none is named
    #[arg(long)]
    level: Option<String>,
    /// The boundaries in effect at this time (RFC 3339, or a date); now where none is named
    #[arg(long, value_name = "T")]
    at: Option<String>,
    /// The boundaries of this generation, whenever it is in effect
    #[arg(long, value_name = "N", value_parser = parse_generation, conflicts_with = "at")]
    generation: Option<GenerationId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One feature collection (RFC 7946); each feature says its level
    Geojson,
    /// A GeoPackage with one table for each level
    Gpkg,
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    let Args { format, out, layer, level, at, generation } = args;
    let layer = LayerName::parse(&layer)?;
    let level = level.as_deref().map(Level::parse).transpose()?;
    let at = at.map(|text| parse_time(&text, &context.config.time_zone)).transpose().context("--at is wrong")?;
    let is_stdout = out.as_os_str() == "-";
    anyhow::ensure!(!(is_stdout && format == Format::Gpkg), "a GeoPackage cannot be written to standard output; name a file");

    let stored = load(context, &layer, AsOf { at, generation })?;
    let levels = choose_levels(&stored, level.as_ref())?;
    match format {
        Format::Geojson if is_stdout => {
            super::until_closed(write_geojson(io::stdout().lock(), &stored, &levels).context("cannot write to standard output"))?;
        }
        Format::Geojson => replace_file(&out, |path| Ok(write_geojson(File::create(path)?, &stored, &levels)?))?,
        Format::Gpkg => replace_file(&out, |path| {
            let tables: Vec<_> = levels.iter().map(|(level, shapes)| (table_name(&stored, level), *shapes)).collect();
            Ok(write_feature_file(path, &tables)?)
        })?,
    }
    Ok(Outcome::Done)
}

fn load(context: &Context, layer: &LayerName, as_of: AsOf) -> anyhow::Result<StoredGeneration> {
    let store = open_store(&context.store, OpenMode::ReadOnly)?;
    let unavailable = |error| anyhow::Error::new(crate::app::StoreUnavailable(error));
    let histories = load_histories(&*store, &context.config).map_err(unavailable)?;
    let history = histories.iter().find(|history| &history.layer == layer);
    let history = history.with_context(|| format!("the store has no layer {layer}"))?;
    let resolved = resolve(history, as_of, Timestamp::now())?;
    store.load_generation(layer, resolved.generation.id).map_err(unavailable)
}

/// Returns the levels that have units, or the one that is asked for.
fn choose_levels<'a>(stored: &'a StoredGeneration, wanted: Option<&Level>) -> anyhow::Result<Vec<(&'a Level, &'a [UnitShape])>> {
    let loaded = stored.layer.levels.iter().zip(&stored.shapes).filter(|(_, shapes)| !shapes.is_empty());
    let loaded: Vec<_> = loaded.map(|(level, shapes)| (level, shapes.as_slice())).collect();
    let Some(wanted) = wanted else { return Ok(loaded) };
    let found = loaded.iter().find(|(level, _)| *level == wanted).copied();
    let names = || loaded.iter().map(|(level, _)| level.as_str()).collect::<Vec<_>>().join(", ");
    let found = found.with_context(|| format!("layer {} has no units at level {wanted}; it has {}", stored.layer.name, names()))?;
    Ok(vec![found])
}

/// The name that the store's own views have, see `Layer::collection_id`; a dot would have to be quoted by everybody.
fn table_name(stored: &StoredGeneration, level: &Level) -> String {
    stored.layer.collection_id(level).replace('.', "_")
}

fn write_geojson(out: impl Write, stored: &StoredGeneration, levels: &[(&Level, &[UnitShape])]) -> io::Result<()> {
    let generation = &stored.generation;
    let members = [
        ("layer", generation.layer.as_str().into()),
        ("generation", generation.id.0.into()),
        ("effective_from", generation.effective_from.to_string().into()),
    ];
    let mut writer = CollectionWriter::new(BufWriter::new(out), &members)?;
    for shape in levels.iter().flat_map(|(_, shapes)| *shapes) {
        writer.write(&shape.unit, &shape.geometry)?;
    }
    writer.finish().map(drop)
}

/// Lets `write` fill a file beside `out`, which then takes the place of `out` in one step.
pub(super) fn replace_file(out: &Path, write: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let failed = || format!("cannot write {}", out.display());
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    usual_mode(builder.prefix(".gridkeeper-"));
    let file = builder.tempfile_in(folder).with_context(failed)?;
    write(file.path()).with_context(failed)?;
    // Opened again, for the writer may have had a handle of its own.
    File::open(file.path()).and_then(|written| written.sync_all()).with_context(failed)?;
    file.persist(out).with_context(failed)?;
    Ok(())
}

/// A temporary file is its owner's alone; what is written for others gets the mode that files usually get.
#[cfg(unix)]
fn usual_mode(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn usual_mode(_builder: &mut tempfile::Builder<'_, '_>) {}
