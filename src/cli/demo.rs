use super::{Context, Outcome};

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _context: &Context) -> anyhow::Result<Outcome> {
    anyhow::bail!("demo is being built")
}
