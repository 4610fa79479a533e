//! Sessions, and what they have to know: the functions. An engine sends the name of a function, not the function.

use std::path::Path;
use std::sync::Arc;

use ballista_core::extension::{SessionConfigExt as _, SessionStateExt as _};
use datafusion::execution::{FunctionRegistry as _, SessionState, SessionStateBuilder};
use datafusion::logical_expr::ScalarUDF;
use datafusion::prelude::{SessionConfig, SessionContext};
use gridkeeper::functions::grid_of;
use gridkeeper::import::{ReadOptions, read_coverage};
use gridkeeper::index::GridIndex;

use crate::fingerprint::row_hash;

/// Reads the boundaries and makes an index of them.
pub fn read_index(boundaries: &Path) -> anyhow::Result<GridIndex> {
    Ok(GridIndex::new(read_coverage(boundaries, &ReadOptions::default())?))
}

/// The functions that the jobs name, over one index.
#[derive(Clone, Debug)]
pub struct Functions(Vec<Arc<ScalarUDF>>);

impl Functions {
    pub fn new(index: GridIndex) -> Self {
        Self(vec![Arc::new(grid_of(index)), Arc::new(row_hash())])
    }

    /// Adds the functions to what a session knows.
    pub fn add_to(&self, mut state: SessionState) -> datafusion::error::Result<SessionState> {
        for function in &self.0 {
            state.register_udf(Arc::clone(function))?;
        }
        Ok(state)
    }
}

/// Where a job is run.
#[derive(Clone, Copy, Debug)]
pub enum Engine<'a> {
    /// In this process.
    Here,
    /// On the cluster whose scheduler has this address.
    Cluster(&'a str),
}

impl Engine<'_> {
    /// Opens a session that cuts work into so many partitions.
    pub fn open(self, functions: &Functions, partitions: usize) -> datafusion::error::Result<SessionContext> {
        let state = match self {
            Self::Here => state(SessionConfig::new().with_target_partitions(partitions)),
            Self::Cluster(url) => {
                // The adaptive planner of Ballista 55 does not get over an executor that dies after a stage of its tasks has ended:
                // "Can't find active stage to update stage outputs", and the job hangs. The static one runs that stage again.
                let config = SessionConfig::new_with_ballista().with_ballista_adaptive_query_planner(false);
                state(config.with_target_partitions(partitions)).upgrade_for_ballista(url.into())?
            }
        };
        // The upgrade puts Ballista's own functions in the place of all others, so ours come after it.
        Ok(SessionContext::new_with_state(functions.add_to(state)?))
    }
}

fn state(config: SessionConfig) -> SessionState {
    SessionStateBuilder::new().with_config(config).with_default_features().build()
}
