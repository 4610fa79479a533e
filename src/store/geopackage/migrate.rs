//! Brings a file's layout up to date, step by step, in one transaction.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::connection::Failure;
use crate::store::StoreError;

/// `GPKG` in ASCII, and version 1.3.0; 1.4 makes GDAL 3.6 warn.
pub(super) const APPLICATION_ID: i32 = 0x4750_4B47;
pub(super) const USER_VERSION: i32 = 10300;

pub(super) const GEOPACKAGE_SQL: &str = include_str!("../../../migrations/geopackage/001_geopackage.sql");

/// A migration is never changed once it has been released; what follows is a new one.
const MIGRATIONS: [(&str, &str); 18] = [
    ("001_geopackage", GEOPACKAGE_SQL),
    ("002_store", include_str!("../../../migrations/geopackage/002_store.sql")),
    ("003_generations", include_str!("../../../migrations/geopackage/003_generations.sql")),
    ("004_case_ids", include_str!("../../../migrations/geopackage/004_case_ids.sql")),
    ("005_lives", include_str!("../../../migrations/geopackage/005_lives.sql")),
    ("006_rules", include_str!("../../../migrations/geopackage/006_rules.sql")),
    ("007_doors", include_str!("../../../migrations/geopackage/007_doors.sql")),
    ("008_cases", include_str!("../../../migrations/geopackage/008_cases.sql")),
    ("009_keepers", include_str!("../../../migrations/geopackage/009_keepers.sql")),
    ("010_drafts", include_str!("../../../migrations/geopackage/010_drafts.sql")),
    ("011_publications", include_str!("../../../migrations/geopackage/011_publications.sql")),
    ("012_photos", include_str!("../../../migrations/geopackage/012_photos.sql")),
    ("013_parts", include_str!("../../../migrations/geopackage/013_parts.sql")),
    ("014_lists", include_str!("../../../migrations/geopackage/014_lists.sql")),
    ("015_notices", include_str!("../../../migrations/geopackage/015_notices.sql")),
    ("016_histories", include_str!("../../../migrations/geopackage/016_histories.sql")),
    ("017_grids", include_str!("../../../migrations/geopackage/017_grids.sql")),
    ("018_skills", include_str!("../../../migrations/geopackage/018_skills.sql")),
];

/// What a file is, told without changing it.
pub(super) enum Found {
    /// One of ours, with the number of its last migration.
    Ours(usize),
    Empty,
    /// With what it is, as the end of a sentence.
    Foreign(String),
}

pub(super) fn find_version(connection: &Connection) -> Result<Found, Failure> {
    let tables = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0));
    let tables = match tables {
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == rusqlite::ErrorCode::NotADatabase => {
            return Ok(Found::Foreign("is no GeoPackage; name another file with --store".into()));
        }
        other => other?,
    };
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let has_ours: Option<i64> =
        connection.query_row("SELECT 1 FROM sqlite_master WHERE name = 'gk_migration'", [], |row| row.get(0)).optional()?;
    if has_ours.is_none() {
        let application_id: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let what = if application_id == APPLICATION_ID { "a GeoPackage" } else { "a database" };
        let found = format!("is {what} of another program; read it with `gridkeeper import`, and name another file with --store");
        return Ok(Found::Foreign(found));
    }
    let last: i64 = connection.query_row("SELECT coalesce(max(number), 0) FROM gk_migration", [], |row| row.get(0))?;
    Ok(Found::Ours(usize::try_from(last).unwrap_or(usize::MAX)))
}

pub(super) fn is_older(version: usize) -> bool {
    version < MIGRATIONS.len()
}

pub(super) fn refuse_newer(location: &str, version: usize) -> Result<(), StoreError> {
    if version <= MIGRATIONS.len() {
        return Ok(());
    }
    let found = format!(
        "has the layout {version} of a newer gridkeeper, and this one knows layouts up to {}; use the newer program",
        MIGRATIONS.len()
    );
    Err(StoreError::Foreign { location: location.to_owned(), found })
}

pub(super) fn run(connection: &mut Connection) -> Result<(), Failure> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Looked at again, now that nobody else can write.
    let done = match find_version(&transaction)? {
        Found::Ours(done) => done,
        Found::Empty | Found::Foreign(_) => 0,
    };
    if done >= MIGRATIONS.len() {
        return Ok(());
    }
    if done == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", USER_VERSION)?;
        transaction.execute_batch(
            "CREATE TABLE gk_migration (number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL,
             applied_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))",
        )?;
    }
    for (number, (name, sql)) in (1_i64..).zip(MIGRATIONS).skip(done) {
        transaction.execute_batch(sql)?;
        transaction.execute("INSERT INTO gk_migration (number, name) VALUES (?1, ?2)", (number, name))?;
    }
    transaction.commit()?;
    Ok(())
}
