use std::path::PathBuf;

use super::copies::{Bar, report};
use super::{Context, Outcome};
use crate::app::{Backup, back_up_store};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The GeoPackage to write; it appears when it is whole
    #[arg(value_name = "OUT.gpkg")]
    out: PathBuf,
    /// Overwrite a file that exists
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<Outcome> {
    let bar = Bar::new();
    let backup = back_up_store(&context.store, &args.out, args.force, &|progress| bar.show(progress))?;
    drop(bar);
    let outcome = match &backup {
        Backup::Pages => Outcome::Done,
        Backup::Rows(tables) => report(tables),
    };
    super::say(&match outcome {
        Outcome::Done => format!("backup: {}", args.out.display()),
        Outcome::Problems => format!("no backup was written to {}", args.out.display()),
    });
    Ok(outcome)
}
