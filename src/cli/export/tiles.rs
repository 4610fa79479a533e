use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressStyle};

use super::{find, replace_file};
use crate::app::{OpenMode, open_store, read_tile_layers};
use crate::boundary::{GenerationId, LayerName, Level};
use crate::cli::Context;
use crate::export::{About, Pyramid};
use crate::history::{AsOf, load_drawn_coverage};
use crate::tile::{LayerTiles, TileChoice};
use crate::topology::{CoverageLevel, ValidCoverage};

/// The file of tiles that is asked for.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    pub out: &'a Path,
    pub layer: &'a LayerName,
    pub level: Option<&'a Level>,
    pub as_of: AsOf,
    pub min_zoom: u8,
    pub max_zoom: Option<u8>,
}

/// Draws the tiles that are wanted and lets `write` put them into a file, which then takes its place in one step.
pub(super) fn write(
    wanted: &Wanted<'_>,
    context: &Context,
    write: impl FnOnce(&Pyramid<'_>, &Path, &dyn Fn(u64)) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let layers = read_tile_layers(&context.config.map)?;
    let last = wanted.max_zoom.unwrap_or(layers.max_zoom);
    anyhow::ensure!(last <= layers.max_zoom, "tiles are made for zooms 0 to {}, and --max-zoom is {last}", layers.max_zoom);
    anyhow::ensure!(wanted.min_zoom <= last, "--min-zoom {} lies above --max-zoom {last}", wanted.min_zoom);
    let (generation, coverage) = load(wanted, context)?;
    let choice = choose_level(&coverage, wanted.level)?;
    // Each zoom is drawn once and then never again.
    let tiles = LayerTiles::build(coverage, &layers).seldom();
    let about = About {
        name: wanted.layer.to_string(),
        description: format!("boundaries of the layer {}, generation {generation}", wanted.layer),
        attribution: context.config.map.attribution_line(),
        version: generation.to_string(),
    };
    let pyramid = Pyramid { tiles: &tiles, zooms: wanted.min_zoom..=last, choice: &choice, about: &about };
    let bar = ProgressBar::new(pyramid.count()).with_style(bar_style());
    let written = replace_file(wanted.out, |path| write(&pyramid, path, &|count| bar.inc(count)));
    bar.finish_and_clear();
    written
}

fn load(wanted: &Wanted<'_>, context: &Context) -> anyhow::Result<(GenerationId, Arc<ValidCoverage>)> {
    let store = open_store(&context.store, OpenMode::ReadOnly)?;
    let (history, id) = find(&*store, context, wanted.layer, wanted.as_of)?;
    Ok((id, load_drawn_coverage(&*store, &history, id)?))
}

fn choose_level(coverage: &ValidCoverage, wanted: Option<&Level>) -> anyhow::Result<TileChoice> {
    let Some(wanted) = wanted else { return Ok(TileChoice::default()) };
    let layer = coverage.layer();
    let loaded: Vec<&Level> = coverage.levels().iter().filter(|level| !level.is_empty()).map(CoverageLevel::level).collect();
    let names = || loaded.iter().map(|level| level.as_str()).collect::<Vec<_>>().join(", ");
    anyhow::ensure!(loaded.contains(&wanted), "layer {} has no units at level {wanted}; it has {}", layer.name, names());
    Ok(TileChoice { collections: Some(vec![layer.collection_id(wanted)]), ..TileChoice::default() })
}

fn bar_style() -> ProgressStyle {
    let template = "drawing tiles {wide_bar} {human_pos}/{human_len} {eta}";
    ProgressStyle::with_template(template).expect("the template is fixed").progress_chars("=> ")
}
