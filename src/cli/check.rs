use std::fmt::Write as _;
use std::path::PathBuf;

use geo::{Coord, CoordsIter, MapCoords};

use super::findings::{count, describe_file, describe_moves, describe_problems, print};
use super::source::{Fault, SourceArgs, accepted, create_report, read_source, with_spinner};
use super::{Context, Outcome};
use crate::boundary::{Layer, LayerName, Level, Problem, Severity};
use crate::import::{BoundaryFile, Crs, write_report};
use crate::topology::{LevelSummary, Plane, Rules, SNAP_M_DEFAULT, VertexMove, find_problems};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The boundary file: .shp, a zipped shapefile, .geojson, .json (also .gz), .gpkg[:LAYER], .fgb, .kml
    file: String,
    #[command(flatten)]
    source: SourceArgs,
    /// A file of the units that these must lie in
    #[arg(long, value_name = "FILE")]
    parents: Option<String>,
    /// The level of the units, where their codes are to be checked against the layer's scheme
    #[arg(long)]
    level: Option<String>,
    /// The layer whose scheme codes are checked against
    #[arg(long, default_value = "grid")]
    layer: String,
    /// Edges nearer than this that fail to meet would be moved together; 0 checks the file as it is, on its own plane
    #[arg(long, value_name = "METRES", default_value_t = SNAP_M_DEFAULT, value_parser = super::import::parse_tolerance)]
    snap_m: f64,
    /// Faults to take as they are
    #[arg(long, value_delimiter = ',', value_name = "FAULTS")]
    accept: Vec<Fault>,
    /// Write all problems with their places as GeoJSON
    #[arg(long, value_name = "OUT.geojson")]
    report: Option<PathBuf>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let report = args.report.as_deref().map(create_report).transpose()?;
    let keep_plane = args.snap_m == 0.0;
    let file = read_source(&args.file, &args.source.to_options(keep_plane))?;
    let parents = args.parents.as_deref().map(|parents| read_parents(parents, &args.source, keep_plane)).transpose()?;
    let (layer, level) = layer_of(args, context)?;
    let mut text = describe_file(&file);
    if let Some(parents) = &parents {
        text.push_str(&describe_file(parents));
    }
    if file.fields.code.is_none() && !file.features.is_empty() {
        let fields = file.field_names.join(", ");
        let _ = writeln!(text, "  no field of codes was found, so features go by their number; --code-field names one of: {fields}");
    }
    let found = with_spinner("checking", || check_files(file, parents, &layer, &level, args));
    for summary in &found.summary {
        text.push_str(&describe_summary(summary));
    }
    text.push_str(&describe_moves(&found.moves, args.snap_m));
    text.push_str(&describe_problems(&found.problems));
    let (errors, warnings) = (count(&found.problems, Severity::Error), count(&found.problems, Severity::Warning));
    let _ = writeln!(text, "{errors} errors, {warnings} warnings");
    if let (Some(report), Some(path)) = (report, &args.report) {
        write_report(report, &found.problems, &found.moves)?;
        let _ = writeln!(text, "report: {}", path.display());
    }
    print(&text)?;
    Ok(if errors == 0 { Outcome::Done } else { Outcome::Problems })
}

struct Found {
    problems: Vec<Problem>,
    moves: Vec<VertexMove>,
    summary: Vec<LevelSummary>,
}

/// Without a tolerance figures are those of the file's own plane, as another engine would find them there;
/// places are shown in longitude and latitude all the same.
fn check_files(mut file: BoundaryFile, mut parents: Option<BoundaryFile>, layer: &Layer, level: &Level, args: &Args) -> Found {
    let crs = file.crs.clone();
    let shares_plane = parents.as_ref().is_none_or(|parents| parents.crs == crs);
    let unit_m = crs.plane_unit_m().filter(|_| args.snap_m == 0.0 && shares_plane);
    if unit_m.is_some() {
        file.use_plane();
        parents.iter_mut().for_each(BoundaryFile::use_plane);
    }
    let plane = unit_m.map_or(Plane::Degrees, |unit_m| Plane::Projected { unit_m });
    let mut problems = Vec::new();
    let mut shapes = Vec::new();
    if let (Some(parents), Some(parent_level)) = (parents, layer.parent_of(level)) {
        let (parent_shapes, parent_problems) = parents.into_shapes(layer, parent_level);
        shapes.push(parent_shapes);
        problems.extend(parent_problems);
    }
    let (unit_shapes, unit_problems) = file.into_shapes(layer, level);
    shapes.push(unit_shapes);
    problems.extend(unit_problems);
    let checked = find_problems(layer, shapes, &Rules { snap_m: args.snap_m, accepted: accepted(&args.accept), plane, incoming: None });
    let on_plane = plane != Plane::Degrees;
    problems.extend(checked.problems.into_iter().map(|problem| if on_plane { to_lon_lat(problem, &crs) } else { problem }));
    problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity));
    Found { problems, moves: checked.moves, summary: checked.summary }
}

/// Every place is made of vertices and crossings of the file; one that has no position is left out.
fn to_lon_lat(mut problem: Problem, crs: &Crs) -> Problem {
    const NOWHERE: Coord<f64> = Coord { x: f64::NAN, y: f64::NAN };
    let place = problem.place.map(|place| place.map_coords(|coord| crs.to_wgs84(coord).unwrap_or(NOWHERE)));
    problem.place = place.filter(|place| place.coords_iter().all(|coord| coord.x.is_finite()));
    problem
}

fn read_parents(file: &str, source: &SourceArgs, keep_plane: bool) -> anyhow::Result<BoundaryFile> {
    // The fields that were named are those of the units' file; the parents' go by their usual names.
    let mut options = source.to_options(keep_plane);
    options.fields = crate::import::FieldChoice::default();
    read_source(file, &options)
}

/// A layer of the one level, with its parents' above it where they are given.
fn layer_of(args: &Args, context: &Context) -> anyhow::Result<(Layer, Level)> {
    let configured = context.config.layer(&LayerName::parse(&args.layer)?).layer;
    let level = Level::parse(args.level.as_deref().unwrap_or("unit"))?;
    let parent = configured.parent_of(&level).cloned().map_or_else(|| Level::parse("parent"), Ok)?;
    let mut levels: Vec<Level> = args.parents.iter().map(|_| parent.clone()).collect();
    levels.push(level.clone());
    let scheme = if args.level.is_some() { configured.scheme } else { None };
    Ok((Layer { name: configured.name, levels, scheme }, level))
}

fn describe_summary(summary: &LevelSummary) -> String {
    let hairlines = |count: usize| if count > 0 { format!(", hairlines: {count}") } else { String::new() };
    format!(
        "{}: {} units, {} edges shared, {} units with edges that do not match, {} gaps ({:.1} m²{}), {} overlaps of {} pairs ({:.1} m²{})\n",
        summary.level,
        summary.units,
        summary.matched_edges,
        summary.units_with_unmatched_edges,
        summary.gaps,
        summary.gaps_m2,
        hairlines(summary.hairline_gaps),
        summary.overlaps,
        summary.overlapping_pairs,
        summary.overlaps_m2,
        hairlines(summary.hairline_overlaps)
    )
}
