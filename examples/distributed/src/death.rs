//! Kills an executor in the middle of a job, and proves by the scheduler's view that it was the middle.

use std::time::Instant;

use anyhow::{bail, ensure};

use crate::cluster::Cluster;
use crate::view::View;

/// Runs a job of so many tasks, and kills an executor after a third of them: one that has finished a task and is busy with another.
///
/// # Errors
/// Those of the job; and if it ends before there was such a moment, or without a task that had to be run again.
pub async fn lose_an_executor<T>(cluster: &mut Cluster, tasks: u64, job: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut views = cluster.views.clone();
    tokio::pin!(job);
    let (before, victim) = tokio::select! {
        found = views.wait_for(|view| victim(view, tasks).is_some()) => {
            let view = found?.clone();
            let victim = victim(&view, tasks).unwrap_or_default();
            (view, victim)
        }
        ended = &mut job => {
            ended?;
            bail!("the job ended before an executor could be killed: give it more rows")
        }
    };
    let pid = cluster.kill(&victim).await?;
    let start = Instant::now();
    println!("  before    {before}");
    println!(
        "  killed    {victim}, process {pid}, by SIGKILL: it had done {} tasks and was running {}; {} of {tasks} were done in all",
        before.done_by(&victim),
        before.running_on(&victim),
        before.done_in_all(),
    );

    let noticed = async {
        let view = cluster.wait_for(|view| !view.executors.contains(&victim)).await?;
        println!("  noticed   {:.1} s later: {view}", start.elapsed().as_secs_f64());
        anyhow::Ok(())
    };
    let (outcome, ()) = tokio::try_join!(job, noticed)?;

    let after = cluster.wait_for(View::is_idle).await?;
    println!("  after     {after}");
    ensure!(after.lost > 0, "no task was lost with the executor, so nothing is shown");
    Ok(outcome)
}

/// An executor to kill now, if this is the middle.
fn victim(view: &View, tasks: u64) -> Option<String> {
    let done = view.done_in_all();
    let is_middle = done >= tasks / 3 && done + view.running.values().sum::<u64>() < tasks;
    let is_busy = |executor: &&String| view.done_by(executor) > 0 && view.running_on(executor) > 0;
    view.executors.iter().rfind(is_busy).filter(|_| is_middle).cloned()
}
