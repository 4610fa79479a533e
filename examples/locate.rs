//! Reads boundary files, checks them, and looks a point up: what the program does, without a store or a service.
//!
//! `cargo run --example locate` or `cargo run --example locate -- 111.6184 26.2225`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use gridkeeper::boundary::{Generation, GenerationId, GenerationState, Layer, LayerName, Level, Position, Severity, UnitCode, UnitShape};
use gridkeeper::config::Config;
use gridkeeper::dispatch::{Roster, RosterTerm};
use gridkeeper::import::{ReadOptions, Table, read_boundaries, read_roster};
use gridkeeper::index::Search;
use gridkeeper::snapshot::{LayerSnapshot, Query, RosterSnapshot, Settings, Snapshot};
use gridkeeper::topology::{Rules, ValidCoverage, check};
use jiff::Timestamp;

/// The boundary files of the sample, one for each level of the layer `grid`, coarse to fine.
const FILES: [&str; 4] = ["district.geojson", "streets.geojson", "communities.geojson", "grids.shp"];

fn main() -> anyhow::Result<()> {
    let position = read_position(&std::env::args().skip(1).collect::<Vec<_>>())?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling");
    let config = Config::default();
    let layer = config.layer(&LayerName::parse("grid")?).layer;

    let coverage = check_coverage(&folder, &layer)?;
    let roster = load_roster(&folder, &config, &coverage)?;
    let now = Timestamp::now();
    let generation = Generation {
        id: GenerationId(1),
        layer: layer.name.clone(),
        state: GenerationState::Published,
        effective_from: now,
        created_at: now,
        author: "example".into(),
        note: String::new(),
        parent: None,
        restores: None,
    };
    let grids = LayerSnapshot::build(generation, None, Arc::new(coverage), true, Search::default());
    let settings = Settings { doubt_distance_m: config.doubt_distance_m };
    let roster = RosterSnapshot { roster: Arc::new(roster), term: RosterTerm::default() };
    let snapshot = Snapshot::new(1, vec![Arc::new(grids)], roster, settings);

    print_answer(&snapshot, &Query { position, layer: layer.name, level: None, at: now, accuracy_m: None, category: None })
}

/// Reads longitude and latitude; without them, the seat of the district.
fn read_position(args: &[String]) -> anyhow::Result<Position> {
    match args {
        [] => Ok(Position::new(111.6184, 26.2225)?),
        [lon, lat] => {
            Ok(Position::new(lon.parse().context("the longitude is no number")?, lat.parse().context("the latitude is no number")?)?)
        }
        _ => bail!("give a longitude and a latitude in degrees, or nothing"),
    }
}

/// Reads every level and checks all of them together; nothing is looked up in boundaries that did not pass.
fn check_coverage(folder: &Path, layer: &Layer) -> anyhow::Result<ValidCoverage> {
    let levels = layer.levels.iter().zip(FILES).map(|(level, file)| read_level(&folder.join(file), layer, level));
    let checked = check(layer, levels.collect::<anyhow::Result<_>>()?, &Rules::default());
    for level in &checked.summary {
        println!("{}: {} units, {} gaps, {} overlaps", level.level, level.units, level.gaps, level.overlaps);
    }
    for problem in checked.problems.iter().filter(|problem| problem.severity == Severity::Error) {
        println!("{}: {}; {}", problem.kind, problem.detail, problem.remedy);
    }
    checked.coverage.context("the boundaries are no seamless coverage")
}

fn read_level(path: &Path, layer: &Layer, level: &Level) -> anyhow::Result<Vec<UnitShape>> {
    let file = read_boundaries(path, &ReadOptions::default(), &|_| ())?;
    println!("{}: {}, {} features", path.display(), file.crs, file.features.len());
    let (shapes, problems) = file.into_shapes(layer, level);
    match problems.first() {
        None => Ok(shapes),
        Some(problem) => bail!("{}: {}", path.display(), problem.detail),
    }
}

fn load_roster(folder: &Path, config: &Config, coverage: &ValidCoverage) -> anyhow::Result<Roster> {
    let is_known = |code: &UnitCode| coverage.levels().iter().any(|level| level.find(code).is_some());
    let table = Table::read(&folder.join("roster.csv"))?;
    let roster = read_roster(&table, &config.time_zone, Timestamp::UNIX_EPOCH, is_known)?;
    Ok(Roster::new(roster.workers, roster.assignments, config.time_zone.clone()))
}

fn print_answer(snapshot: &Snapshot, query: &Query) -> anyhow::Result<()> {
    let answer = snapshot.answer(query)?;
    println!("\n{} {}: {}", query.position.lon, query.position.lat, answer.status());
    for unit in answer.path() {
        println!("  {} {} {}", unit.level, unit.code, unit.name);
    }
    if let Some(distance_m) = answer.located.distance_to_border_m {
        println!("  {distance_m:.1} m from the border{}", if answer.is_ambiguous { ", so in doubt" } else { "" });
    }
    match answer.duty.and_then(|duty| duty.holder) {
        Some(holder) => println!("  {} answers for it ({} of {})", holder.worker.name, holder.post.as_str(), holder.from),
        None => println!("  nobody answers for it"),
    }
    Ok(())
}
