//! What a data set with grids amounts to, by day and grid: two that differ in a row differ here.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use anyhow::Context as _;
use datafusion::arrow::array::{Array as _, RecordBatch, UInt64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::{as_string_array, as_uint64_array};
use datafusion::common::exec_err;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

/// The number of rows, the sum of their ids, and the exclusive or of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    pub rows: u64,
    pub ids: u64,
    pub hash: u64,
}

/// Sums by day and grid; rows outside of all grids have none.
#[derive(Debug, PartialEq)]
pub struct Fingerprint(BTreeMap<(String, Option<String>), Sums>);

impl Fingerprint {
    /// The query that makes one of a query with the columns `day`, `grid_code` and `id`.
    pub fn query(of: &str) -> String {
        format!(
            "select day, grid_code, count(*) as rows, sum(id) as ids, bit_xor(row_hash(id, grid_code)) as hash from ({of}) group by day, grid_code"
        )
    }

    /// Reads what the query has answered.
    pub fn read(batches: &[RecordBatch]) -> anyhow::Result<Self> {
        let mut groups = BTreeMap::new();
        for batch in batches {
            let column =
                |name: &str, to: &DataType| anyhow::Ok(cast(batch.column_by_name(name).with_context(|| format!("no column {name}"))?, to)?);
            let (days, grids) = (column("day", &DataType::Utf8)?, column("grid_code", &DataType::Utf8)?);
            let (days, grids) = (as_string_array(&days)?, as_string_array(&grids)?);
            let [rows, ids, hashes] = ["rows", "ids", "hash"].map(|name| column(name, &DataType::UInt64));
            let (rows, ids, hashes) = (rows?, ids?, hashes?);
            let (rows, ids, hashes) = (as_uint64_array(&rows)?, as_uint64_array(&ids)?, as_uint64_array(&hashes)?);
            for at in 0..batch.num_rows() {
                let grid = grids.is_valid(at).then(|| grids.value(at).to_owned());
                let sums = Sums { rows: rows.value(at), ids: ids.value(at), hash: hashes.value(at) };
                groups.insert((days.value(at).to_owned(), grid), sums);
            }
        }
        Ok(Self(groups))
    }

    pub fn total(&self) -> Sums {
        self.0.values().fold(Sums::default(), |all, group| Sums {
            rows: all.rows + group.rows,
            ids: all.ids.wrapping_add(group.ids),
            hash: all.hash ^ group.hash,
        })
    }

    /// Says in which groups another one differs; empty where it does not.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let groups = self.0.keys().chain(other.0.keys().filter(|group| !self.0.contains_key(*group)));
        groups
            .filter(|group| self.0.get(group) != other.0.get(group))
            .map(|group| format!("{group:?}: {:?} and {:?}", self.0.get(group), other.0.get(group)))
            .collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sums { rows, ids, hash } = self.total();
        write!(f, "{rows} rows in {} groups of day and grid, ids {ids}, hash {hash:016x}", self.0.len())
    }
}

/// Makes the scalar function `row_hash(id, grid_code)`. All processes are one program, so they hash alike.
pub fn row_hash() -> ScalarUDF {
    let hash = |args: &[ColumnarValue]| {
        let columns = ColumnarValue::values_to_arrays(args)?;
        let [ids, codes] = columns.as_slice() else { return exec_err!("row_hash takes an id and a code") };
        let rows = as_uint64_array(ids)?.iter().zip(as_string_array(codes)?);
        let hashes = UInt64Array::from_iter_values(rows.map(|row| {
            let mut hasher = DefaultHasher::new();
            row.hash(&mut hasher);
            hasher.finish()
        }));
        Ok(ColumnarValue::Array(Arc::new(hashes)))
    };
    create_udf("row_hash", vec![DataType::UInt64, DataType::Utf8], DataType::UInt64, Volatility::Immutable, Arc::new(hash))
}
