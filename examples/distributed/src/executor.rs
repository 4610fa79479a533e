//! A process that runs tasks.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use ballista_core::extension::SessionConfigExt as _;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_core::utils::default_session_builder;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use datafusion::prelude::SessionConfig;

use crate::session::{Functions, read_index};
use crate::{EXECUTORS, LOOPBACK};

/// How often an executor says that it is there.
const HEARTBEAT_S: u64 = 1;

/// How long an executor waits for a scheduler that does not answer yet.
const CONNECT_TIMEOUT_S: u16 = 20;

/// The share of the machine's memory that all executors together may take for what they group and sort.
const MEMORY_SHARE: f64 = 0.6;

#[derive(clap::Args, Debug)]
pub struct Args {
    #[arg(long)]
    pub id: String,
    #[arg(long)]
    pub scheduler_port: u16,
    /// The folder for what tasks hand on to those of the next stage
    #[arg(long)]
    pub work: PathBuf,
    /// Tasks at a time
    #[arg(long)]
    pub vcores: usize,
}

/// Serves until the process ends.
pub async fn run(args: &Args, boundaries: &Path) -> anyhow::Result<()> {
    // Tasks name the functions; an executor finds them in its registry.
    let known = Functions::new(read_index(boundaries)?).add_to(default_session_builder(SessionConfig::new_with_ballista())?)?;
    let [port, grpc_port] = free_ports()?;
    let config = ExecutorProcessConfig {
        executor_id: args.id.clone(),
        bind_host: LOOPBACK.into(),
        external_host: Some(LOOPBACK.into()),
        port,
        grpc_port,
        scheduler_host: LOOPBACK.into(),
        scheduler_port: args.scheduler_port,
        scheduler_connect_timeout_seconds: CONNECT_TIMEOUT_S,
        vcores: args.vcores,
        work_dir: Some(args.work.to_string_lossy().into_owned()),
        executor_heartbeat_interval_seconds: HEARTBEAT_S,
        memory_pool_fraction: MEMORY_SHARE / EXECUTORS as f64,
        override_function_registry: Some(Arc::new(BallistaFunctionRegistry::from(&known))),
        ..ExecutorProcessConfig::default()
    };
    start_executor_process(Arc::new(config)).await.context("the executor has ended")
}

/// Two ports that nobody has taken. They are let go again, as the engine takes them by number; who is quicker ends the executor's start.
fn free_ports() -> std::io::Result<[u16; 2]> {
    let (one, other) = (TcpListener::bind((LOOPBACK, 0))?, TcpListener::bind((LOOPBACK, 0))?);
    Ok([one.local_addr()?.port(), other.local_addr()?.port()])
}
