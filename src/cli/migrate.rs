use super::copies::{Bar, report};
use super::{Context, Outcome};
use crate::app::copy_store;
use crate::store::transfer::Target;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The store to copy: a GeoPackage file or a postgres:// address; others may write to it meanwhile
    from: String,
    /// The copy: made where it does not exist, brought up to date where it is an earlier copy
    to: String,
}

pub fn run(args: &Args, _: &Context) -> anyhow::Result<Outcome> {
    let bar = Bar::new();
    let tables = copy_store(&args.from, &args.to, Target::EarlierCopy, &|progress| bar.show(progress))?;
    drop(bar);
    Ok(report(&tables))
}
