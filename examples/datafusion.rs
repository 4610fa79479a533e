//! Assigns the grid to every row of a partitioned Parquet data set, in SQL, with DataFusion.
//!
//! `cargo run --release --features datafusion --example datafusion -- OUT [ROWS]` makes a data set of positions, `OUT/positions`, in a
//! folder for each day, and writes it with the column `grid_code` to `OUT/assigned`, in the same folders.

#![expect(clippy::print_stdout, reason = "an example shows what it found")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::bail;
use datafusion::arrow::array::{Float64Array, RecordBatch, StringArray, UInt64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use gridkeeper::functions::grid_of;
use gridkeeper::import::{ReadOptions, read_coverage};
use gridkeeper::index::GridIndex;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const DAYS: [&str; 4] = ["2026-10-01", "2026-10-02", "2026-10-03", "2026-10-04"];
const ROWS: u64 = 1_000_000;

/// The box around the sample's grids, with a little of what lies outside.
const WEST_SOUTH: (f64, f64) = (111.3, 25.9);
const EAST_NORTH: (f64, f64) = (111.9, 26.5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (out, rows) = match args.as_slice() {
        [out] => (Path::new(out), ROWS),
        [out, rows] => (Path::new(out), rows.parse()?),
        _ => bail!("give a folder to write to, and perhaps a number of rows"),
    };
    let (positions, assigned) = (out.join("positions"), out.join("assigned"));
    make_positions(&positions, rows).await?;

    let boundaries = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling/grids.shp");
    let session = SessionContext::new();
    session.register_udf(grid_of(GridIndex::new(read_coverage(&boundaries, &ReadOptions::default())?)));
    let by_day = ParquetReadOptions::default().table_partition_cols(vec![("day".into(), DataType::Utf8)]);
    session.register_parquet("positions", positions.to_string_lossy(), by_day).await?;

    let start = Instant::now();
    let with_grid = "select id, lon, lat, grid_of(lon, lat) as grid_code, day from positions";
    let copy = format!("copy ({with_grid}) to '{}' stored as parquet partitioned by (day)", assigned.display());
    session.sql(&copy).await?.collect().await?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{rows} rows in {seconds:.2} s, {:.2} M rows/s, read from and written to Parquet", rows as f64 / seconds / 1e6);

    session.sql(&format!("select grid_code, count(*) as rows from ({with_grid}) group by 1 order by 2 desc limit 5")).await?.show().await?;
    Ok(())
}

/// Writes rows of random positions, in a folder for each day.
async fn make_positions(folder: &Path, rows: u64) -> anyhow::Result<()> {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let ids: Vec<u64> = (0..rows).collect();
    let lon = Float64Array::from_iter_values(ids.iter().map(|_| random.random_range(WEST_SOUTH.0..EAST_NORTH.0)));
    let lat = Float64Array::from_iter_values(ids.iter().map(|_| random.random_range(WEST_SOUTH.1..EAST_NORTH.1)));
    let day = StringArray::from_iter_values(ids.iter().map(|id| DAYS[(id % DAYS.len() as u64) as usize]));
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(UInt64Array::from(ids)) as _),
        ("lon", Arc::new(lon) as _),
        ("lat", Arc::new(lat) as _),
        ("day", Arc::new(day) as _),
    ])?;
    let by_day = DataFrameWriteOptions::new().with_partition_by(vec!["day".into()]);
    SessionContext::new().read_batch(batch)?.write_parquet(&folder.to_string_lossy(), by_day, None).await?;
    Ok(())
}
