//! The scalar function `grid_of` in DataFusion, beside the index that it answers from.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray as _, Float64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::dataframe::DataFrameWriteOptions;
use datafusion::prelude::{ParquetReadOptions, SessionContext};
use gridkeeper::boundary::UnitCode;
use gridkeeper::functions::grid_of;
use gridkeeper::import::{ReadOptions, read_coverage};
use gridkeeper::index::GridIndex;

fn lingling() -> GridIndex {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling/grids.shp");
    GridIndex::new(read_coverage(&file, &ReadOptions::default()).unwrap())
}

fn session(index: &GridIndex) -> SessionContext {
    let session = SessionContext::new();
    session.register_udf(grid_of(index.clone()));
    session
}

async fn run(session: &SessionContext, query: &str) -> Vec<RecordBatch> {
    session.sql(query).await.unwrap().collect().await.unwrap()
}

#[tokio::test]
async fn a_row_has_the_code_of_its_grid_or_null() {
    let rows =
        "values (1, 111.6184, 26.2225), (2, 0.0, 0.0), (3, null, 26.2), (4, 'NaN'::double, 26.2), (5, 111.6, 95.0), (6, 111.6184, 26.2225)";
    let query = format!("select grid_of(lon, lat) as code from ({rows}) as position(id, lon, lat) order by id");
    let found = run(&session(&lingling()), &query).await;
    let codes: Vec<Option<&str>> = found.iter().flat_map(|batch| batch.column(0).as_string::<i32>()).collect();
    let code = Some("431102004001003");
    assert_eq!(codes, [code, None, None, None, None, code]);
}

#[tokio::test]
async fn other_numbers_are_taken_and_texts_are_refused() {
    let session = session(&lingling());
    let found = session.sql("select grid_of(111.6184::decimal(10, 4), 26.2225)").await.unwrap().to_string().await.unwrap();
    assert!(found.contains("431102004001003"), "{found}");
    let refused = session.sql("select grid_of(true, false)").await;
    assert!(refused.is_err());
}

#[test]
fn functions_are_the_same_where_their_index_is() {
    let index = lingling();
    assert_eq!(grid_of(index.clone()), grid_of(index.clone()));
    assert_ne!(grid_of(index), grid_of(lingling()));
}

/// Positions all over the sample and around it, in no order.
fn scattered(rows: u32) -> RecordBatch {
    let spread = |from: f64, by: u32| (0..rows).map(move |row| from + f64::from(row.wrapping_mul(by) % 9973) / 9973.0 * 0.6);
    let days = (0..rows).map(|row| ["2026-10-01", "2026-10-02", "2026-10-03"][row as usize % 3]);
    RecordBatch::try_from_iter([
        ("lon", Arc::new(Float64Array::from_iter_values(spread(111.3, 7919))) as _),
        ("lat", Arc::new(Float64Array::from_iter_values(spread(25.9, 104_729))) as _),
        ("day", Arc::new(StringArray::from_iter_values(days)) as _),
    ])
    .unwrap()
}

#[tokio::test]
async fn a_partitioned_data_set_is_assigned_as_the_index_answers() {
    const ROWS: u32 = 20_000;
    let (index, folder) = (lingling(), tempfile::tempdir().unwrap());
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let session = session(&index);
    let by_day = || DataFrameWriteOptions::new().with_partition_by(vec!["day".into()]);
    session.read_batch(scattered(ROWS)).unwrap().write_parquet(&path("positions"), by_day(), None).await.unwrap();
    let parts = || ParquetReadOptions::default().table_partition_cols(vec![("day".into(), DataType::Utf8)]);
    session.register_parquet("positions", path("positions"), parts()).await.unwrap();

    let with_grid = "select lon, lat, grid_of(lon, lat) as grid_code, day from positions";
    run(&session, &format!("copy ({with_grid}) to '{}' stored as parquet partitioned by (day)", path("assigned"))).await;
    assert!(Path::new(&path("assigned")).join("day=2026-10-02").is_dir());

    session.register_parquet("assigned", path("assigned"), parts()).await.unwrap();
    let (mut rows, mut inside) = (0, 0);
    for batch in run(&session, "select lon, lat, arrow_cast(grid_code, 'Utf8') from assigned").await {
        let column = |at: usize| batch.column(at).as_primitive::<Float64Type>().values().clone();
        for ((lon, lat), code) in column(0).iter().zip(&column(1)).zip(batch.column(2).as_string::<i32>()) {
            assert_eq!(index.locate(*lon, *lat).map(UnitCode::as_str), code, "{lon} {lat}");
            rows += 1;
            inside += u32::from(code.is_some());
        }
    }
    assert_eq!(rows, ROWS);
    assert!(inside > ROWS / 10 && inside < ROWS, "{inside} inside");
}
