use std::path::PathBuf;

use super::{Context, Outcome};
use crate::sample::{self, District, Settings};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Where to write; made where it is missing
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The same seed gives the same files
    #[arg(long, default_value_t = Settings::default().seed, value_name = "N")]
    seed: u64,
    /// How many grids, 100 to 1,000,000
    #[arg(long, default_value_t = Settings::default().grids, value_name = "N")]
    grids: usize,
    /// How many incidents
    #[arg(long, default_value_t = Settings::default().incidents, value_name = "N")]
    incidents: usize,
    /// Write one small file for each rule that a boundary file can break, instead of a district
    #[arg(long, conflicts_with_all = ["seed", "grids", "incidents"])]
    invalid: bool,
}

pub fn run(args: Args, _context: &Context) -> anyhow::Result<Outcome> {
    let Args { dir, seed, grids, incidents, invalid } = args;
    if invalid {
        sample::write_invalid(&dir)?;
        return Ok(Outcome::Done);
    }
    let district = District::generate(Settings { seed, grids, incidents })?;
    let has_workbook = sample::write_all(&dir, &district)?;
    eprintln!(
        "{}: {} streets, {} communities, {} grids, {incidents} incidents; {}",
        dir.display(),
        district.streets.len(),
        district.communities.len(),
        district.grids.len(),
        sample::NOTICE
    );
    if !has_workbook {
        eprintln!("roster.xlsx was left out: the roster has more lines than a sheet of Excel holds");
    }
    Ok(Outcome::Done)
}
