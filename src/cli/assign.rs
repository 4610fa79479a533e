use super::{Context, Outcome};

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_args: Args, _context: &Context) -> anyhow::Result<Outcome> {
    anyhow::bail!("assign is being built")
}
