//! The two jobs. What they ask is the same in one process and on a cluster.

use std::path::Path;

use anyhow::ensure;
use datafusion::arrow::datatypes::DataType;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::EXECUTORS;
use crate::dataset::parts;
use crate::fingerprint::Fingerprint;
use crate::session::{Engine, Functions};

/// Tasks of the first stage of a count on a cluster: many to each executor, so that little is done again when one is lost.
pub const COUNT_TASKS: usize = 32;

/// Files that are assigned at a time: each executor has one, and the next waits for it.
const FILES_AT_ONCE: usize = 2 * EXECUTORS;

/// How often a client asks again. A job outlives an executor, but not its answer: that is fetched from the executor that has it.
const ATTEMPTS: usize = 3;

/// Counts positions by day and grid: a query of two stages, with a shuffle between them.
pub async fn count(engine: Engine<'_>, functions: &Functions, positions: &Path) -> anyhow::Result<Fingerprint> {
    let partitions = match engine {
        Engine::Here => std::thread::available_parallelism()?.get(),
        Engine::Cluster(_) => COUNT_TASKS,
    };
    let session = engine.open(functions, partitions)?;
    again(async || fingerprint_of(&session, positions, "select day, id, grid_of(lon, lat) as grid_code from dataset").await).await
}

/// Writes each file of positions with the column `grid_code`, under the same name in another folder.
///
/// A file is a job of one task. What it writes gets its name when it is whole: the engine writes beside it and renames, or ends the
/// upload of an object. A task that is run again writes the same rows to the same name, so it leaves one file, however often it ran.
pub async fn assign(engine: Engine<'_>, functions: &Functions, positions: &Path, assigned: &Path) -> anyhow::Result<()> {
    // One partition, so that a file is not cut and its task needs no other.
    let session = &engine.open(functions, 1)?;
    let files = stream::iter(parts()).map(|part| async move {
        let (from, to) = (positions.join(&part), assigned.join(&part));
        again(async || assign_file(session, &from, &to).await).await
    });
    files.buffer_unordered(FILES_AT_ONCE).try_collect().await
}

async fn assign_file(session: &SessionContext, from: &Path, to: &Path) -> anyhow::Result<()> {
    let rows = session.read_parquet(from.to_string_lossy().as_ref(), ParquetReadOptions::default()).await?;
    let with_grid = rows.select_exprs(&["id", "lon", "lat", "grid_of(lon, lat) as grid_code"])?;
    with_grid.write_parquet(&to.to_string_lossy(), DataFrameWriteOptions::new().with_single_file_output(true), None).await?;
    Ok(())
}

/// Reads back in this process what was written.
///
/// # Errors
/// If there are more or other files than there were of positions; what a killed executor had begun has no such name.
pub async fn read_back(functions: &Functions, assigned: &Path) -> anyhow::Result<Fingerprint> {
    let (mut files, mut unfinished) = (Vec::new(), 0);
    for day in std::fs::read_dir(assigned)? {
        let day = day?;
        for file in std::fs::read_dir(day.path())? {
            let file = file?.file_name().to_string_lossy().into_owned();
            if file.ends_with(".parquet") {
                files.push(format!("{}/{file}", day.file_name().to_string_lossy()));
            } else {
                unfinished += 1;
            }
        }
    }
    files.sort_unstable();
    ensure!(files == parts(), "{} files were written, not one for each file of positions", files.len());
    println!("  files     {}, one for each of positions; {unfinished} unfinished, which no reader takes", files.len());
    let session = Engine::Here.open(functions, std::thread::available_parallelism()?.get())?;
    fingerprint_of(&session, assigned, "select day, id, grid_code from dataset").await
}

async fn fingerprint_of(session: &SessionContext, folder: &Path, query: &str) -> anyhow::Result<Fingerprint> {
    session.deregister_table("dataset")?;
    let by_day = ParquetReadOptions::default().table_partition_cols(vec![("day".into(), DataType::Utf8)]);
    session.register_parquet("dataset", folder.to_string_lossy(), by_day).await?;
    Fingerprint::read(&session.sql(&Fingerprint::query(query)).await?.collect().await?)
}

/// Runs a job until it succeeds, a few times at most. Both jobs may be run as often as one likes.
async fn again<T>(job: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    for _ in 1..ATTEMPTS {
        match job().await {
            Ok(outcome) => return Ok(outcome),
            Err(error) => println!("  again     {error:#}"),
        }
    }
    job().await
}
