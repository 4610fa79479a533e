//! What `check` and `import` share: the options about a boundary file, and the reading of it.

use std::path::Path;

use anyhow::Context as _;
use encoding_rs::Encoding;
use indicatif::{ProgressBar, ProgressStyle};

use crate::boundary::{Accepted, Properties};
use crate::import::{
    BoundaryFile, Crs, FieldChoice, ImportError, Progress, RawFeature, RawFile, RawGeometry, ReadOptions, StatedCrs, assemble,
    find_encoding, read_boundaries,
};
use crate::store::geopackage::{ForeignFeature, ForeignLayer, read_features, split_geopackage};

/// How a boundary file is to be read.
#[derive(Clone, Debug, clap::Args)]
pub struct SourceArgs {
    /// The reference system: EPSG:n, WKT, GCJ02 or BD09; the file's own statement where left out
    #[arg(long, value_name = "CRS", value_parser = parse_crs)]
    pub crs: Option<Crs>,
    /// The encoding of texts in a shapefile: GBK, UTF-8…
    #[arg(long, value_name = "ENCODING", value_parser = parse_encoding)]
    pub encoding: Option<&'static Encoding>,
    /// The field of the codes; usual names are found by themselves
    #[arg(long, value_name = "FIELD")]
    pub code_field: Option<String>,
    /// The field of the names
    #[arg(long, value_name = "FIELD")]
    pub name_field: Option<String>,
    /// The field of the parents' codes
    #[arg(long, value_name = "FIELD")]
    pub parent_field: Option<String>,
}

/// A fault to take as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    Overlap,
    Gap,
    Nesting,
    /// Codes that have ended name other units now.
    Reuse,
    /// What is published for later is given up.
    Future,
}

/// Returns the faults of geometry among `faults`.
pub fn accepted(faults: &[Fault]) -> Accepted {
    Accepted { overlap: faults.contains(&Fault::Overlap), gap: faults.contains(&Fault::Gap), nesting: faults.contains(&Fault::Nesting) }
}

impl SourceArgs {
    pub fn to_options(&self, keep_plane: bool) -> ReadOptions {
        let fields = FieldChoice { code: self.code_field.clone(), name: self.name_field.clone(), parent: self.parent_field.clone() };
        ReadOptions { crs: self.crs.clone(), encoding: self.encoding, fields, keep_plane }
    }
}

/// Reads a boundary file of any kind, `FILE.gpkg[:LAYER]` too, with a progress bar where there is a terminal.
pub fn read_source(file: &str, options: &ReadOptions) -> anyhow::Result<BoundaryFile> {
    if let Some((path, layer)) = split_geopackage(file) {
        let (layer, features) = read_features(&path, layer.as_deref())?;
        return Ok(assemble(&path, to_raw(&layer, features), options)?);
    }
    let bar = ProgressBar::new(0).with_style(bar_style());
    bar.set_message(format!("reading {file}"));
    let read = read_boundaries(Path::new(file), options, &|progress: Progress| {
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.read_bytes);
    });
    bar.finish_and_clear();
    Ok(read?)
}

/// Runs long work that does not know how far it is, under a spinner where there is a terminal.
pub fn with_spinner<T>(message: &'static str, work: impl FnOnce() -> T) -> T {
    const TICK: std::time::Duration = std::time::Duration::from_millis(120);
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(TICK);
    let result = work();
    spinner.finish_and_clear();
    result
}

/// Opens the file that a report goes to before the work begins, so that a wrong path costs nothing.
pub fn create_report(path: &Path) -> anyhow::Result<std::io::BufWriter<std::fs::File>> {
    let file = std::fs::File::create(path).with_context(|| format!("cannot write the report {}", path.display()))?;
    Ok(std::io::BufWriter::new(file))
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn to_raw(layer: &ForeignLayer, features: Vec<ForeignFeature>) -> RawFile {
    let fields = features.first().map_or_else(Vec::new, |feature| feature.properties.keys().cloned().collect());
    let crs = layer.stated_crs().map_or(StatedCrs::Missing, StatedCrs::Text);
    let features = features.into_iter().map(to_raw_feature).collect();
    RawFile { format: "GeoPackage", fields, features, crs, encoding: None, notes: Vec::new() }
}

fn to_raw_feature(feature: ForeignFeature) -> RawFeature {
    let geometry = match feature.geometry {
        Ok(None) => RawGeometry::Empty,
        Ok(Some(geometry)) => geometry.into(),
        Err(why) => RawGeometry::Unreadable(why),
    };
    let properties: Properties = feature.properties;
    RawFeature { has_open_ring: feature.has_open_ring, ..RawFeature::new(feature.number, properties, geometry) }
}

fn parse_crs(text: &str) -> Result<Crs, crate::import::CrsError> {
    Crs::parse(text)
}

fn parse_encoding(text: &str) -> Result<&'static Encoding, ImportError> {
    find_encoding(text)
}
