//! A data set of made-up positions: one Parquet file after another, in a folder for each day.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use datafusion::arrow::array::{Float64Array, RecordBatch, UInt64Array};
use datafusion::parquet::arrow::ArrowWriter;
use gridkeeper::index::GridIndex;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

const DAYS: u64 = 8;
const PARTS_A_DAY: u64 = 12;

/// The number of files.
pub const PARTS: u64 = DAYS * PARTS_A_DAY;

/// Rows that are in memory at a time.
const BATCH_ROWS: u64 = 65_536;

/// What lies around the grids, as a part of their box to each side, so that some rows have no grid.
const MARGIN: f64 = 0.05;

/// Longitudes and latitudes between which positions lie, in degrees.
#[derive(Clone, Copy, Debug)]
pub struct Extent {
    west_south: (f64, f64),
    east_north: (f64, f64),
}

impl Extent {
    /// The box of the finest level, with a margin.
    pub fn around(index: &GridIndex) -> anyhow::Result<Self> {
        let coverage = index.layer().coverage();
        let level = &coverage.levels()[coverage.finest_depth().context("there are no grids")?];
        let rings = level.indices().flat_map(|unit| level.rings(unit));
        let none = ((f64::INFINITY, f64::INFINITY), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        let (low, high) = rings
            .flat_map(|ring| coverage.to_ring(ring))
            .fold(none, |(low, high), at| ((low.0.min(at.x), low.1.min(at.y)), (high.0.max(at.x), high.1.max(at.y))));
        let (lon, lat) = ((high.0 - low.0) * MARGIN, (high.1 - low.1) * MARGIN);
        Ok(Self { west_south: (low.0 - lon, low.1 - lat), east_north: (high.0 + lon, high.1 + lat) })
    }
}

/// The path of each file within the data set, such as `day=2026-10-01/part-00.parquet`.
pub fn parts() -> Vec<String> {
    (0..PARTS).map(|part| format!("day=2026-10-{:02}/part-{:02}.parquet", 1 + part / PARTS_A_DAY, part % PARTS_A_DAY)).collect()
}

/// Writes rows `id, lon, lat`. Each file has random numbers of its own, so it is the same in whatever order files are written.
pub fn make(folder: &Path, rows: u64, extent: Extent) -> anyhow::Result<()> {
    for (number, part) in (0..PARTS).zip(parts()) {
        let path = folder.join(part);
        std::fs::create_dir_all(path.parent().context("a file stands in a folder")?)?;
        let ids: Vec<u64> = (rows * number / PARTS..rows * (number + 1) / PARTS).collect();
        let mut random = ChaCha8Rng::seed_from_u64(1);
        random.set_stream(number);
        let mut writer = None;
        for ids in ids.chunks(BATCH_ROWS as usize) {
            let lon = ids.iter().map(|_| random.random_range(extent.west_south.0..extent.east_north.0));
            let lon = Float64Array::from_iter_values(lon);
            let lat = ids.iter().map(|_| random.random_range(extent.west_south.1..extent.east_north.1));
            let lat = Float64Array::from_iter_values(lat);
            let ids = UInt64Array::from_iter_values(ids.iter().copied());
            let batch = RecordBatch::try_from_iter([("id", Arc::new(ids) as _), ("lon", Arc::new(lon) as _), ("lat", Arc::new(lat) as _)])?;
            if writer.is_none() {
                writer = Some(ArrowWriter::try_new(File::create(&path)?, batch.schema(), None)?);
            }
            if let Some(writer) = &mut writer {
                writer.write(&batch)?;
            }
        }
        writer.context("there are fewer rows than files")?.close()?;
    }
    Ok(())
}
