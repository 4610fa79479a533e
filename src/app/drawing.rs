use std::path::{Path, PathBuf};

use crate::config::MapConfig;
use crate::tile::{TileLayers, TileLayersError};

/// Why a description of tiles cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DrawingError {
    #[error("cannot read {path}, which `map.tile_layers` names")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the description of tiles in {path} cannot be used")]
    Wrong {
        path: PathBuf,
        #[source]
        source: TileLayersError,
    },
}

/// Reads what tiles carry, level by level: from the file that the settings name, else as it stands in the program.
///
/// # Errors
/// The file cannot be read, or says what cannot be.
pub fn read_tile_layers(config: &MapConfig) -> Result<TileLayers, DrawingError> {
    let Some(path) = &config.tile_layers else { return Ok(TileLayers::default()) };
    let path = || Path::to_path_buf(path);
    let text = std::fs::read_to_string(path()).map_err(|source| DrawingError::Read { path: path(), source })?;
    TileLayers::parse(&text).map_err(|source| DrawingError::Wrong { path: path(), source })
}
