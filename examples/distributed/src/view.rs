//! What the scheduler sees of its executors and tasks, and how it is told to the process that started it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use ballista_core::serde::protobuf::failed_task::FailedReason;
use ballista_core::serde::protobuf::task_status::Status;
use ballista_scheduler::state::execution_stage::ExecutionStage;
use serde::{Deserialize, Serialize};

/// One line of the scheduler's output, as JSON.
#[derive(Debug, Deserialize, Serialize)]
pub enum Line {
    /// The first: where the scheduler listens.
    Port(u16),
    /// Every other.
    View(View),
}

impl Line {
    pub fn print(&self) -> serde_json::Result<()> {
        println!("{}", serde_json::to_string(self)?);
        Ok(())
    }
}

/// Executors that are there, and tasks of all jobs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct View {
    pub executors: BTreeSet<String>,
    /// Tasks whose result is there, by executor.
    pub done: BTreeMap<String, u64>,
    /// Tasks that are being run, by executor.
    pub running: BTreeMap<String, u64>,
    /// Tasks that nobody runs yet, of stages that have begun.
    pub waiting: u64,
    /// Tasks that were done or being run by an executor that is gone, and had to be run again.
    pub lost: u64,
    /// Tasks that failed for any other reason.
    pub failed: u64,
}

impl View {
    /// Counts the tasks of one job.
    pub fn add_job(&mut self, stages: &HashMap<usize, ExecutionStage>) {
        for stage in stages.values() {
            for task in stage.task_infos().unwrap_or_default() {
                match &task.task_status {
                    Status::Running(task) => *self.running.entry(task.executor_id.clone()).or_default() += 1,
                    Status::Successful(task) => *self.done.entry(task.executor_id.clone()).or_default() += 1,
                    Status::Failed(task) => match task.failed_reason {
                        Some(FailedReason::ResultLost(_) | FailedReason::ExecutorLost(_)) => self.lost += 1,
                        _ => self.failed += 1,
                    },
                }
            }
            if let ExecutionStage::Running(stage) = stage {
                self.waiting += stage.available_tasks() as u64;
            }
        }
    }

    /// Adds the tasks of another view.
    pub fn add(&mut self, other: &Self) {
        for (executor, tasks) in &other.done {
            *self.done.entry(executor.clone()).or_default() += tasks;
        }
        for (executor, tasks) in &other.running {
            *self.running.entry(executor.clone()).or_default() += tasks;
        }
        self.waiting += other.waiting;
        self.lost += other.lost;
        self.failed += other.failed;
    }

    pub fn done_by(&self, executor: &str) -> u64 {
        self.done.get(executor).copied().unwrap_or_default()
    }

    pub fn running_on(&self, executor: &str) -> u64 {
        self.running.get(executor).copied().unwrap_or_default()
    }

    /// Whether all tasks of stages that have begun are done.
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting == 0
    }

    pub fn done_in_all(&self) -> u64 {
        self.done.values().sum()
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let executors: Vec<&str> = self.executors.iter().map(String::as_str).collect();
        write!(f, "executors: {}; tasks done: {}", executors.join(" "), by_executor(&self.done))?;
        write!(f, "; running: {}; waiting {}, lost {}, failed {}", by_executor(&self.running), self.waiting, self.lost, self.failed)
    }
}

fn by_executor(tasks: &BTreeMap<String, u64>) -> String {
    if tasks.is_empty() {
        return "none".into();
    }
    tasks.iter().map(|(executor, tasks)| format!("{executor} {tasks}")).collect::<Vec<_>>().join(", ")
}
