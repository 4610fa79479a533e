//! Files of tiles for other programs: MBTiles 1.3.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use sha2::{Digest, Sha256};

/// A new file of tiles. What is equal is kept once, and `tiles` is a view, as readers expect it.
#[derive(Debug)]
pub struct MbtilesWriter {
    connection: Connection,
    path: PathBuf,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write {path} as MBTiles")]
pub struct MbtilesError {
    path: PathBuf,
    #[source]
    source: rusqlite::Error,
}

/// "MPBX", by which `file` and GDAL tell the format.
const APPLICATION_ID: i32 = 0x4d50_4258;

const SCHEMA: &str = "
    CREATE TABLE metadata (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE images (tile_id BLOB NOT NULL PRIMARY KEY, tile_data BLOB NOT NULL);
    CREATE TABLE map (
      zoom_level INTEGER NOT NULL, tile_column INTEGER NOT NULL, tile_row INTEGER NOT NULL, tile_id BLOB NOT NULL,
      PRIMARY KEY (zoom_level, tile_column, tile_row)
    ) WITHOUT ROWID;
    CREATE VIEW tiles AS
      SELECT map.zoom_level, map.tile_column, map.tile_row, images.tile_data FROM map JOIN images ON images.tile_id = map.tile_id;
";

impl MbtilesWriter {
    /// Starts a file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn create(path: &Path, metadata: &[(&str, String)]) -> Result<Self, MbtilesError> {
        let start = || {
            let connection = Connection::open(path)?;
            // Nobody else has the file yet, and a half-written one is thrown away.
            connection.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
            connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA mmap_size = 0;")?;
            connection.pragma_update(None, "application_id", APPLICATION_ID)?;
            connection.execute_batch("BEGIN")?;
            connection.execute_batch(SCHEMA)?;
            for (name, value) in metadata {
                connection.execute("INSERT INTO metadata (name, value) VALUES (?1, ?2)", (name, value))?;
            }
            Ok(connection)
        };
        let connection = start().map_err(|source| MbtilesError { path: path.to_owned(), source })?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Adds a tile; `y` counts from the north, which the file does from the south.
    ///
    /// # Errors
    /// A file that cannot be written, or a tile that was added before.
    pub fn add(&self, z: u8, x: u32, y: u32, packed: &[u8]) -> Result<(), MbtilesError> {
        let id = &Sha256::digest(packed)[..16];
        let row = (1_u32 << z) - 1 - y;
        let add = || {
            let mut image = self.connection.prepare_cached("INSERT OR IGNORE INTO images (tile_id, tile_data) VALUES (?1, ?2)")?;
            image.execute((id, packed))?;
            let place = "INSERT INTO map (zoom_level, tile_column, tile_row, tile_id) VALUES (?1, ?2, ?3, ?4)";
            self.connection.prepare_cached(place)?.execute((z, x, row, id)).map(drop)
        };
        add().map_err(|source| self.failed(source))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn finish(self) -> Result<(), MbtilesError> {
        let Self { connection, path } = self;
        let end = || {
            connection.execute_batch("COMMIT")?;
            connection.close().map_err(|(_, error)| error)
        };
        end().map_err(|source| MbtilesError { path, source })
    }

    fn failed(&self, source: rusqlite::Error) -> MbtilesError {
        MbtilesError { path: self.path.clone(), source }
    }
}
