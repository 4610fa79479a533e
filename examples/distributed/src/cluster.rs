//! A scheduler and its executors, as processes of this machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::view::{Line, View};
use crate::{EXECUTORS, LOOPBACK};

/// How long the processes may take until all are there, or until the scheduler sees that one is gone.
const NOTICE_TIMEOUT: Duration = Duration::from_secs(60);

/// Processes that end with this value.
#[derive(Debug)]
pub struct Cluster {
    pub url: String,
    pub views: watch::Receiver<View>,
    executors: BTreeMap<String, Executor>,
    /// Kept, as it ends when it is dropped.
    _scheduler: Child,
}

#[derive(Debug)]
struct Executor {
    process: Child,
    work: PathBuf,
}

impl Cluster {
    /// Starts all processes and waits until the scheduler sees all executors. Logs and what tasks hand on stand in the folder.
    pub async fn start(folder: &Path, boundaries: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut scheduler = command("scheduler", boundaries, &folder.join("scheduler.log"))?.stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(scheduler.stdout.take().context("the scheduler has no output")?).lines();
        let first = lines.next_line().await?.context("the scheduler ended before it listened")?;
        let Line::Port(port) = serde_json::from_str(&first)? else { bail!("the scheduler does not say where it listens") };
        let (sender, views) = watch::channel(View::default());
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(Line::View(view)) = serde_json::from_str(&line) {
                    sender.send_replace(view);
                }
            }
        });

        let vcores = std::thread::available_parallelism()?.get().div_ceil(EXECUTORS);
        let mut executors = BTreeMap::new();
        for number in 1..=EXECUTORS {
            let id = format!("executor-{number}");
            let work = folder.join(&id);
            std::fs::create_dir_all(&work)?;
            let mut command = command("executor", boundaries, &folder.join(format!("{id}.log")))?;
            command.args(["--id", &id, "--scheduler-port", &port.to_string(), "--vcores", &vcores.to_string()]);
            executors.insert(id, Executor { process: command.arg("--work").arg(&work).spawn()?, work });
        }
        let mut cluster = Self { url: format!("http://{LOOPBACK}:{port}"), views, executors, _scheduler: scheduler };
        cluster.wait_for(|view| view.executors.len() == EXECUTORS).await.context("not all executors have come")?;
        Ok(cluster)
    }

    /// Waits for a view of the scheduler's.
    pub async fn wait_for(&mut self, is_so: impl FnMut(&View) -> bool) -> anyhow::Result<View> {
        let view = tokio::time::timeout(NOTICE_TIMEOUT, self.views.wait_for(is_so)).await.context("the scheduler does not see it")?;
        Ok(view.context("the scheduler is gone")?.clone())
    }

    /// Kills an executor (SIGKILL: it has no last word) and removes what it kept for other tasks, as the machine would be gone too.
    /// Returns its process id.
    pub async fn kill(&mut self, id: &str) -> anyhow::Result<u32> {
        let executor = self.executors.get_mut(id).context("there is no such executor")?;
        let pid = executor.process.id().context("the executor has ended before")?;
        executor.process.kill().await?;
        std::fs::remove_dir_all(&executor.work)?;
        Ok(pid)
    }
}

/// This program in another role, whose log is a file, and which ends with its input.
fn command(role: &str, boundaries: &Path, log: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(role).arg("--boundaries").arg(boundaries);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(log)?).kill_on_drop(true);
    Ok(command)
}
