mod balance;
mod compare;
mod describe;
mod from_file;
mod from_store;
mod import;
mod load;
mod publish;
mod source;
mod staff;
mod table;

pub use import::PlanRefused;

use clap::Subcommand;

use super::{Context, Outcome};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Put base units together into districts of equal load, each in one piece
    Balance(balance::Args),
    /// Tell how much work there is in each unit, and what it is made of
    Load(load::Args),
    /// Share workers out among communities by load, before a border is moved
    Staff(staff::Args),
    /// Tell two plans apart, or a plan and today: who and what changes hands
    Compare(compare::Args),
    /// Make a draft of a plan: a table of unit_code,district
    Import(import::Args),
    /// Find a draft good as it is, as a second person
    Approve(publish::ApproveArgs),
    /// Publish a draft that was approved as it is
    Publish(publish::Args),
}

pub fn run(args: Args, context: &Context) -> anyhow::Result<Outcome> {
    match args.command {
        Command::Balance(args) => balance::run(&args, context),
        Command::Load(args) => load::run(&args, context),
        Command::Staff(args) => staff::run(&args, context),
        Command::Compare(args) => compare::run(&args, context),
        Command::Import(args) => import::run(&args, context),
        Command::Approve(args) => publish::approve(&args, context),
        Command::Publish(args) => publish::run(&args, context),
    }
}
