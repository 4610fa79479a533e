//! The process that plans jobs, hands out their tasks, and says on its output what it sees.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use ballista_core::JobId;
use ballista_core::utils::default_session_builder;
use ballista_scheduler::cluster::{BallistaCluster, JobState};
use ballista_scheduler::config::{SchedulerConfig, TaskDistributionPolicy};
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use ballista_scheduler::state::SchedulerState;
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;

use crate::LOOPBACK;
use crate::session::{Functions, read_index};
use crate::view::{Line, View};

/// An executor that is silent for longer is lost. Executors speak once a second, and late where the processors are busy.
const EXECUTOR_TIMEOUT_S: u64 = 10;

/// How often the scheduler looks for silent executors.
const EXPIRE_INTERVAL_S: u64 = 1;

/// How often the view is looked at; much shorter than a task.
const VIEW_INTERVAL: Duration = Duration::from_millis(20);

type State = SchedulerState<LogicalPlanNode, PhysicalPlanNode>;

/// Serves until the process ends.
pub async fn run(boundaries: &Path) -> anyhow::Result<()> {
    let functions = Functions::new(read_index(boundaries)?);
    let listener = TcpListener::bind((LOOPBACK, 0)).await?;
    let port = listener.local_addr()?.port();
    let config = SchedulerConfig {
        executor_timeout_seconds: EXECUTOR_TIMEOUT_S,
        expire_dead_executor_interval_seconds: EXPIRE_INTERVAL_S,
        ..Default::default()
    }
    .with_hostname(LOOPBACK)
    .with_port(port)
    .with_task_distribution(TaskDistributionPolicy::RoundRobin)
    // Plans name the functions; the scheduler finds them in the session that it plans in.
    .with_override_session_builder(Arc::new(move |config| functions.add_to(default_session_builder(config)?)));
    let config = Arc::new(config);
    let cluster = BallistaCluster::new_from_config(&config).await?;
    let jobs = cluster.job_state();
    let scheduler = create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, config).await?;

    Line::Port(port).print()?;
    let state = Arc::clone(&scheduler.state);
    tokio::spawn(async move {
        if let Err(error) = watch(&state, &*jobs).await {
            // Whoever started the scheduler waits for views that never come, and then says so with its log.
            eprintln!("no more views: {error:#}");
        }
    });
    start_grpc_service_with_listener(listener, scheduler).await.context("the scheduler has ended")
}

/// Prints the view whenever it has changed.
async fn watch(state: &State, jobs: &dyn JobState) -> anyhow::Result<()> {
    let (mut ended, mut seen_ended, mut last) = (View::default(), HashSet::new(), View::default());
    loop {
        let view = look(state, jobs, &mut ended, &mut seen_ended).await?;
        if view != last {
            Line::View(view.clone()).print()?;
            last = view;
        }
        tokio::time::sleep(VIEW_INTERVAL).await;
    }
}

/// Counts the tasks of running jobs, and adds those of jobs that have ended, which are counted once.
async fn look(state: &State, jobs: &dyn JobState, ended: &mut View, seen_ended: &mut HashSet<JobId>) -> anyhow::Result<View> {
    let running = state.task_manager.get_running_job_cache();
    let mut view = View::default();
    for job in running.values() {
        view.add_job(job.execution_graph.read().await.stages());
    }
    for id in jobs.get_all_jobs().await? {
        if !running.contains_key(&id)
            && !seen_ended.contains(&id)
            && let Some(graph) = jobs.get_execution_graph(&id).await?
        {
            ended.add_job(graph.stages());
            seen_ended.insert(id);
        }
    }
    view.add(ended);
    view.executors = state.executor_manager.get_executors_state().await?.into_iter().map(|(executor, _, _)| executor.id).collect();
    Ok(view)
}
