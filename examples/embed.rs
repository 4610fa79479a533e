//! Reads a boundary file and says in which grid a point lies: the index inside another program, without store or service.
//!
//! `cargo run --example embed` or `cargo run --example embed -- grids.shp 111.6184 26.2225`

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use gridkeeper::import::{ReadOptions, read_coverage};
use gridkeeper::index::GridIndex;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (file, lon, lat) = match args.as_slice() {
        [] => (PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/shapes/lingling/grids.shp")), 111.6184, 26.2225),
        [file, lon, lat] => (file.into(), lon.parse().context("no longitude")?, lat.parse().context("no latitude")?),
        _ => bail!("give a boundary file, a longitude and a latitude in degrees, or nothing"),
    };

    let index = GridIndex::new(read_coverage(&file, &ReadOptions::default())?);

    match index.locate(lon, lat) {
        Some(code) => println!("{code}"),
        None => println!("outside of all grids"),
    }
    Ok(())
}
