//! Writes the tiles of a layer for `tests/tiles_coverage.py` to judge.
//!
//! Usage: `cargo run --release --example tile_pieces -- OUT MIN_ZOOM MAX_ZOOM GRIDS|FILE [LAID]`; `make tiles-coverage` names them.
//! LAID is mercator, geographic, gcj02 or bd09. GRIDS is a size of the sample; FILE a boundary file, whose faults are accepted but for overlaps. Ends with 2 where the file does not
//! make a layer, and says why.

#![expect(clippy::unwrap_used, reason = "a comparison that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "what it found is for a person")]

#[path = "../benches/support/sample_district.rs"]
mod sample_district;
#[path = "../tests/integration/tile_pieces.rs"]
mod tile_pieces;

use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use gridkeeper::boundary::{Accepted, Layer, LayerName, Level};
use gridkeeper::import::{ReadOptions, read_boundaries};
use gridkeeper::tile::TileLayers;
use gridkeeper::topology::{Rules, ValidCoverage, check};

use crate::tile_pieces::Laid;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The level is drawn at every zoom, so that most units are too small for the far ones.
const DESCRIPTION: &str = r#"
max_zoom = 16
[borders]
min_zoom = 0
sides_min_zoom = 0
[[level]]
name = "grid"
min_zoom = 0
fields = [{ name = "code", min_zoom = 0 }]
"#;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [out, min_zoom, max_zoom, source, laid @ ..] = &arguments[..] else {
        panic!("OUT MIN_ZOOM MAX_ZOOM GRIDS|FILE [{}]", Laid::NAMES.join("|"))
    };
    let laid = Laid::find(laid.first().map_or("mercator", String::as_str)).unwrap();
    let coverage = match source.parse() {
        Ok(grids) => Some(sample_district::make_coverage(grids)),
        Err(_) => read(Path::new(source)),
    };
    let Some(coverage) = coverage.map(Arc::new) else { return ExitCode::from(2) };
    let tiles = laid.tiles(Arc::clone(&coverage), &TileLayers::parse(DESCRIPTION).unwrap());
    let zooms = min_zoom.parse().unwrap()..=max_zoom.parse().unwrap();
    let mut out = BufWriter::new(std::fs::File::create(out).unwrap());
    tile_pieces::write_pieces(&tiles, &coverage, laid, zooms, true, &mut out).unwrap();
    ExitCode::SUCCESS
}

fn read(path: &Path) -> Option<ValidCoverage> {
    let level = Level::parse("grid").unwrap();
    let layer = Layer { name: LayerName::parse("grid").unwrap(), levels: vec![level.clone()], scheme: None };
    let file = match read_boundaries(path, &ReadOptions::default(), &|_| {}) {
        Ok(file) => file,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return None;
        }
    };
    let (shapes, _) = file.into_shapes(&layer, &level);
    let accepted = Accepted { gap: true, overlap: false, nesting: true };
    let checked = check(&layer, vec![shapes], &Rules { accepted, ..Rules::default() });
    if checked.coverage.is_none() {
        let problem = checked.problems.iter().find(|problem| problem.severity == gridkeeper::boundary::Severity::Error);
        eprintln!("{}: is not made a layer: {}", path.display(), problem.map_or("no reason", |problem| problem.detail.as_str()));
    }
    checked.coverage
}
