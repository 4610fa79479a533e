//! Both jobs, each in one process, on a cluster, and on a cluster that loses an executor; and whether they come to the same.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use crate::cluster::Cluster;
use crate::dataset::{self, Extent, PARTS};
use crate::death::lose_an_executor;
use crate::fingerprint::Fingerprint;
use crate::jobs::{COUNT_TASKS, assign, count, read_back};
use crate::session::{Engine, Functions, read_index};
use crate::view::View;

#[derive(clap::Args, Debug)]
pub struct Args {
    /// The folder to write to
    out: PathBuf,
    /// How many rows the data set has
    #[arg(long, default_value_t = 50_000_000)]
    rows: u64,
}

/// How a job is run. The name stands in the figures.
#[derive(Clone, Copy, Debug)]
enum How {
    OneProcess,
    Cluster,
    LosingAnExecutor,
}

const ALL: [(How, &str); 3] = [(How::OneProcess, "one_process"), (How::Cluster, "cluster"), (How::LosingAnExecutor, "executor_killed")];

/// Runs everything.
///
/// # Errors
/// If anything fails, or an answer of a cluster is not that of one process.
pub async fn run(args: &Args, boundaries: &Path) -> anyhow::Result<()> {
    let index = read_index(boundaries)?;
    let (functions, positions) = (Functions::new(index.clone()), args.out.join("positions"));
    let start = Instant::now();
    dataset::make(&positions, args.rows, Extent::around(&index)?)?;
    println!("{} rows in {PARTS} files made in {:.1} s", args.rows, start.elapsed().as_secs_f64());
    println!("figure distributed_rows {} rows", args.rows);

    let mut expected = None;
    for (how, name) in ALL {
        let folder = args.out.join(format!("count_{name}"));
        let job = Job { how, name: format!("count_{name}"), folder: &folder, boundaries, rows: args.rows };
        let found = job.run(COUNT_TASKS as u64, async |engine| count(engine, &functions, &positions).await).await?;
        compare(&mut expected, found)?;
    }
    for (how, name) in ALL {
        let folder = args.out.join(format!("assign_{name}"));
        let assigned = folder.join("assigned");
        let job = Job { how, name: format!("assign_{name}"), folder: &folder, boundaries, rows: args.rows };
        job.run(PARTS, async |engine| assign(engine, &functions, &positions, &assigned).await).await?;
        compare(&mut expected, read_back(&functions, &assigned).await?)?;
    }
    println!("all six are the same");
    Ok(())
}

struct Job<'a> {
    how: How,
    name: String,
    folder: &'a Path,
    boundaries: &'a Path,
    rows: u64,
}

impl Job<'_> {
    /// Runs a job of so many tasks and prints how long it took, without the start of the cluster.
    async fn run<T>(&self, tasks: u64, job: impl AsyncFn(Engine<'_>) -> anyhow::Result<T>) -> anyhow::Result<T> {
        println!("{}", self.name);
        if let How::OneProcess = self.how {
            return self.time(job(Engine::Here)).await;
        }
        let outcome = async {
            let mut cluster = Cluster::start(self.folder, self.boundaries).await?;
            let url = cluster.url.clone();
            let job = job(Engine::Cluster(&url));
            if let How::LosingAnExecutor = self.how {
                return self.time(lose_an_executor(&mut cluster, tasks, job)).await;
            }
            let outcome = self.time(job).await?;
            println!("  after     {}", cluster.wait_for(View::is_idle).await?);
            Ok(outcome)
        };
        outcome
            .await
            .with_context(|| format!("{} has failed; the logs of its processes end with\n{}", self.name, ends_of_logs(self.folder)))
    }

    async fn time<T>(&self, job: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        let start = Instant::now();
        let outcome = job.await?;
        let seconds = start.elapsed().as_secs_f64();
        println!("figure distributed_{}_s {seconds:.2} s", self.name);
        println!("figure distributed_{} {:.2} M rows/s", self.name, self.rows as f64 / seconds / 1e6);
        Ok(outcome)
    }
}

/// The first is what all others have to be.
fn compare(expected: &mut Option<Fingerprint>, found: Fingerprint) -> anyhow::Result<()> {
    println!("  answer    {found}");
    let Some(expected) = expected else {
        *expected = Some(found);
        return Ok(());
    };
    let differences = expected.differences(&found);
    ensure!(differences.is_empty(), "the answer is another one than in one process, for example in {}", differences[0]);
    Ok(())
}

/// The last lines of every log in a folder.
fn ends_of_logs(folder: &Path) -> String {
    const LINES: usize = 20;
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let logs = files.filter(|file| file.path().extension().is_some_and(|extension| extension == "log"));
    let ends = logs.map(|log| {
        let text = std::fs::read_to_string(log.path()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        format!("{}:\n{}", log.file_name().display(), lines[lines.len().saturating_sub(LINES)..].join("\n"))
    });
    ends.collect::<Vec<_>>().join("\n")
}
