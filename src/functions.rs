//! Functions for the query engine DataFusion, behind the feature `datafusion`.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, StringBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::cast::as_float64_array;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::scalar::ScalarValue;

use crate::boundary::Position;
use crate::index::{GridIndex, MaybeUnit};

/// Bytes that a code is expected to take: what official codes of grids have. Longer ones only make the array grow.
const CODE_BYTES: usize = 16;

/// Makes the scalar function `grid_of(lon, lat)`: the code of the unit that owns a position, as a text.
///
/// It is null where no unit does, and where a number is null or the two are no position (not finite, out of range).
/// Numbers of any type are taken. The function is immutable, so an engine may answer for constants ahead.
///
/// A distributed engine sends the name of a function, not the function: every process that plans or runs gets one of its own, made of
/// the same boundaries.
///
/// # Units
/// Degrees, WGS 84 (EPSG:4326).
///
/// # Examples
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::path::Path;
///
/// use datafusion::prelude::SessionContext;
/// use gridkeeper::functions::grid_of;
/// use gridkeeper::import::{ReadOptions, read_coverage};
/// use gridkeeper::index::GridIndex;
///
/// let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/shapes/lingling/grids.shp"));
/// let session = SessionContext::new();
/// session.register_udf(grid_of(GridIndex::new(read_coverage(file, &ReadOptions::default())?)));
///
/// let found = session.sql("select grid_of(111.6184, 26.2225) as code").await?.to_string().await?;
/// assert!(found.contains("431102004001003"));
/// # Ok(())
/// # }
/// ```
pub fn grid_of(index: GridIndex) -> ScalarUDF {
    ScalarUDF::new_from_impl(GridOf {
        index,
        signature: Signature::exact(vec![DataType::Float64, DataType::Float64], Volatility::Immutable),
    })
}

#[derive(Debug)]
struct GridOf {
    index: GridIndex,
    signature: Signature,
}

impl GridOf {
    fn find_all(&self, lon: &Float64Array, lat: &Float64Array) -> ArrayRef {
        let places: Vec<Option<Position>> = lon.iter().zip(lat).map(|(lon, lat)| Position::new(lon?, lat?).ok()).collect();
        let positions: Vec<Position> = places.iter().flatten().copied().collect();
        let mut owners = vec![MaybeUnit::NONE; positions.len()];
        self.index.owners(&positions, &mut owners);

        let mut owners = owners.into_iter();
        let mut codes = StringBuilder::with_capacity(places.len(), places.len() * CODE_BYTES);
        for place in &places {
            let owner = place.and_then(|_| owners.next()?.get());
            codes.append_option(owner.map(|unit| self.index.code(unit).as_str()));
        }
        Arc::new(codes.finish())
    }
}

impl ScalarUDFImpl for GridOf {
    fn name(&self) -> &str {
        "grid_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        // Not a view, which distributed engines do not send.
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let columns = ColumnarValue::values_to_arrays(&args.args)?;
        let [lon, lat] = columns.as_slice() else { return exec_err!("grid_of takes a longitude and a latitude") };
        let codes = self.find_all(as_float64_array(lon)?, as_float64_array(lat)?);
        Ok(if is_constant { ColumnarValue::Scalar(ScalarValue::try_from_array(&codes, 0)?) } else { ColumnarValue::Array(codes) })
    }
}

/// Two functions are the same where they answer from the same index.
impl PartialEq for GridOf {
    fn eq(&self, other: &Self) -> bool {
        self.index.is_same(&other.index)
    }
}

impl Eq for GridOf {}

impl Hash for GridOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Functions of several indices are seldom together; their name is enough to tell them from others.
        self.name().hash(state);
    }
}
