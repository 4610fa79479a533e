mod tiles;

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
use crate::export::write_pmtiles;
use crate::history::{AsOf, load_drawn, load_histories, resolve};
use crate::snapshot::LayerHistory;
use crate::store::geopackage::write_feature_file;
use crate::store::mbtiles::MbtilesWriter;
use crate::store::{Store, StoreError, StoredGeneration};

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
    /// The boundaries of this generation, whenever it is in effect; of a draft as of its last step
    #[arg(long, value_name = "N", value_parser = parse_generation, conflicts_with = "at")]
    generation: Option<GenerationId>,
    /// The first zoom of a file of tiles
    #[arg(long, value_name = "Z", default_value_t = 0)]
    min_zoom: u8,
    /// The last zoom of a file of tiles; the nearest that is drawn where none is named
    #[arg(long, value_name = "Z")]
    max_zoom: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One feature collection (RFC 7946); each feature says its level
    Geojson,
    /// A GeoPackage with one table for each level
    Gpkg,
    /// Vector tiles in one file that is read by ranges: `PMTiles`, version 3
    Pmtiles,
    /// Vector tiles in a SQLite database: `MBTiles` 1.3
    Mbtiles,
}

impl Format {
    fn is_tiles(self) -> bool {
        matches!(self, Self::Pmtiles | Self::Mbtiles)
    }
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    let Args { format, out, layer, level, at, generation, min_zoom, max_zoom } = args;
    let layer = LayerName::parse(&layer)?;
    let level = level.as_deref().map(Level::parse).transpose()?;
    let at = at.map(|text| parse_time(&text, &context.config.time_zone)).transpose().context("--at is wrong")?;
    let is_stdout = out.as_os_str() == "-";
    anyhow::ensure!(!is_stdout || format == Format::Geojson, "only GeoJSON can be written to standard output; name a file");
    anyhow::ensure!(
        format.is_tiles() || (min_zoom == 0 && max_zoom.is_none()),
        "only files of tiles have zooms; leave --min-zoom and --max-zoom out"
    );
    let as_of = AsOf { at, generation };
    let wanted = || tiles::Wanted { out: &out, layer: &layer, level: level.as_ref(), as_of, min_zoom, max_zoom };
    let load = || load(context, &layer, as_of);
    match format {
        Format::Geojson if is_stdout => {
            let stored = load()?;
            let levels = choose_levels(&stored, level.as_ref())?;
            super::until_closed(write_geojson(io::stdout().lock(), &stored, &levels).context("cannot write to standard output"))?;
        }
        Format::Geojson => {
            let stored = load()?;
            let levels = choose_levels(&stored, level.as_ref())?;
            replace_file(&out, |path| Ok(write_geojson(File::create(path)?, &stored, &levels)?))?;
        }
        Format::Gpkg => {
            let stored = load()?;
            let tables = choose_levels(&stored, level.as_ref())?;
            let tables: Vec<_> = tables.iter().map(|(level, shapes)| (table_name(&stored, level), *shapes)).collect();
            replace_file(&out, |path| Ok(write_feature_file(path, &tables)?))?;
        }
        Format::Pmtiles => tiles::write(&wanted(), context, |pyramid, path, seen| Ok(write_pmtiles(pyramid, File::create(path)?, seen)?))?,
        Format::Mbtiles => tiles::write(&wanted(), context, |pyramid, path, seen| {
            let file = MbtilesWriter::create(path, &pyramid.mbtiles_metadata())?;
            pyramid.write(|tile, packed| file.add(tile.z(), tile.x(), tile.y(), packed), seen)?;
            Ok(file.finish()?)
        })?,
    }
    Ok(Outcome::Done)
}

fn load(context: &Context, layer: &LayerName, as_of: AsOf) -> anyhow::Result<StoredGeneration> {
    let store = open_store(&context.store, OpenMode::ReadOnly)?;
    let (_, id) = find(&*store, context, layer, as_of)?;
    Ok(load_drawn(&*store, layer, id)?)
}

/// Finds the generation that is meant, in the history of its layer.
fn find(store: &dyn Store, context: &Context, layer: &LayerName, as_of: AsOf) -> anyhow::Result<(LayerHistory, GenerationId)> {
    let histories = load_histories(store, &context.config).map_err(unavailable)?;
    let history = histories.into_iter().find(|history| &history.layer == layer);
    let history = history.with_context(|| format!("the store has no layer {layer}"))?;
    let id = resolve(&history, as_of, Timestamp::now())?.generation.id;
    Ok((history, id))
}

fn unavailable(error: StoreError) -> anyhow::Error {
    crate::app::StoreUnavailable(error).into()
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

/// Units that are made into text at once, by all cores, before they are written: some megabytes.
const UNITS_AT_ONCE: usize = 4096;

fn write_geojson(out: impl Write, stored: &StoredGeneration, levels: &[(&Level, &[UnitShape])]) -> io::Result<()> {
    let generation = &stored.generation;
    let members = [
        ("layer", generation.layer.as_str().into()),
        ("generation", generation.id.0.into()),
        ("effective_from", generation.effective_from.to_string().into()),
    ];
    let mut writer = CollectionWriter::new(BufWriter::new(out), &members)?;
    for shapes in levels.iter().flat_map(|(_, shapes)| shapes.chunks(UNITS_AT_ONCE)) {
        writer.write_all(shapes)?;
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
