//! Puts the parts together: opens the store that an address names, and builds what commands and the service share.

use std::sync::Arc;

use crate::store::{Store, StoreError};

/// The store cannot be reached or read; commands exit with 3.
#[derive(Debug, thiserror::Error)]
#[error("the store is not available")]
pub struct StoreUnavailable(#[from] pub StoreError);

/// What is opened for a command that needs the store.
pub type SharedStore = Arc<dyn Store>;
