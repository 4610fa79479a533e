use std::process::ExitCode;

use clap::Parser;
use gridkeeper::cli::{self, Cli};
use gridkeeper::telemetry;

/// Snapshots are built of many small vectors on all cores at once, where this allocator is clearly faster than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // A foreign proj.db found through these breaks every transformation; they are taken away before any thread starts.
    for variable in ["PROJ_DATA", "PROJ_LIB"] {
        // SAFETY: this is the first statement of the program, so no other thread reads the environment.
        unsafe { std::env::remove_var(variable) };
    }
    telemetry::start("warn,gridkeeper=info");
    cli::finish(Cli::parse().run())
}
