//! Assigns the grid to every row of a partitioned Parquet data set on a cluster of DataFusion Ballista, and loses an executor on the way.
//!
//! `make distributed` or, in this folder, `cargo run --release -- run OUT [--rows N] [--boundaries FILE]` makes a data set of positions,
//! `OUT/positions`, in a folder for each day, and gives it two jobs, each three times: in one process, on a cluster, and on a cluster one
//! of whose executors is killed midway. The cluster is a scheduler and two executors, three processes on this machine that are this
//! program with other words behind it. The answers of the three must be the same to the row; if not, the program ends with 1.
//!
//! The function `grid_of` is the library's, unchanged. An engine sends its name, so each process reads the boundaries and has one of its
//! own: see `session.rs`. The jobs stand in `jobs.rs`, what kills an executor and proves it in `death.rs`.
//!
//! This is a workspace of its own, as nobody builds a distributed engine unasked: neither the program nor its checks know of it.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

mod cluster;
mod dataset;
mod death;
mod executor;
mod fingerprint;
mod jobs;
mod run;
mod scheduler;
mod session;
mod view;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

/// Where all processes listen.
const LOOPBACK: &str = "127.0.0.1";

/// Executors of the cluster.
const EXECUTORS: usize = 2;

#[derive(Debug, Parser)]
#[command(about = "Assigns the grid to every row of a Parquet data set, on a cluster that loses an executor")]
struct Args {
    #[command(subcommand)]
    role: Role,
    /// The boundary file that every process reads; the sample district if none is named
    #[arg(long, global = true, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shapes/lingling/grids.shp"))]
    boundaries: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Make the data set, start clusters, run the jobs and compare their answers
    Run(run::Args),
    /// Be the scheduler; `run` starts it
    Scheduler,
    /// Be an executor; `run` starts it
    Executor(executor::Args),
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Args { role, boundaries } = Args::parse();
    match role {
        Role::Run(args) => run::run(&args, &boundaries).await,
        Role::Scheduler => {
            be_a_child();
            scheduler::run(&boundaries).await
        }
        Role::Executor(args) => {
            be_a_child();
            executor::run(&args, &boundaries).await
        }
    }
}

/// Logs to the error output, and ends when the process that started this one has ended: then nobody holds the other end of its input.
fn be_a_child() {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,ballista_scheduler=info,ballista_executor=info"));
    tracing_subscriber::fmt().with_ansi(false).with_env_filter(filter).with_writer(std::io::stderr).init();
    std::thread::spawn(|| {
        // An error means the same as the end: there is nobody to work for.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
}
