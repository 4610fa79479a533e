//! Writes a GeoPackage for other programs: one indexed feature table a level, and nothing of ours beside it.

use std::path::{Path, PathBuf};

use geo_types::MultiPolygon;
use rusqlite::{Connection, Statement, Transaction, params};

use super::geometry::{self, Extent, SRS_ID};
use super::migrate::{APPLICATION_ID, GEOPACKAGE_SQL, USER_VERSION};
use super::views::quoted;
use crate::boundary::{Unit, UnitCode, UnitShape};
use crate::store::times::time_text;

#[derive(Debug, thiserror::Error)]
#[error("cannot write the GeoPackage {path}")]
pub struct FeatureFileError {
    path: PathBuf,
    source: rusqlite::Error,
}

/// Feature tables to be written, by name.
pub type FeatureTable<'a> = (String, &'a [UnitShape]);

/// Writes tables into a new or empty file. The caller moves the file into place once this has returned.
///
/// # Errors
/// The file cannot be written, or has tables already.
pub fn write_feature_file(path: &Path, tables: &[FeatureTable<'_>]) -> Result<(), FeatureFileError> {
    write(path, tables).map_err(|source| FeatureFileError { path: path.to_owned(), source })
}

fn write(path: &Path, tables: &[FeatureTable<'_>]) -> Result<(), rusqlite::Error> {
    let mut connection = Connection::open(path)?;
    // Nobody else has the file yet, and a half-written one is thrown away.
    connection.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()))?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA mmap_size = 0;")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", USER_VERSION)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(GEOPACKAGE_SQL)?;
    for (name, shapes) in tables {
        write_table(&transaction, name, shapes)?;
    }
    transaction.commit()?;
    connection.close().map_err(|(_, error)| error)
}

fn write_table(transaction: &Transaction<'_>, name: &str, shapes: &[UnitShape]) -> Result<(), rusqlite::Error> {
    let table = quoted(name);
    transaction.execute_batch(&format!(
        "CREATE TABLE {table} (
           fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
           id TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL, parent TEXT,
           valid_from DATETIME NOT NULL, valid_to DATETIME, properties TEXT NOT NULL, geom MULTIPOLYGON
         )"
    ))?;
    let mut add = transaction.prepare(&format!(
        "INSERT INTO {table} (fid, id, code, name, parent, valid_from, valid_to, properties, geom)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
    ))?;
    let mut extents = Vec::with_capacity(shapes.len());
    for (fid, shape) in (1_i64..).zip(shapes) {
        add_unit(&mut add, fid, &shape.unit, &shape.geometry)?;
        extents.extend(Extent::of(&shape.geometry).map(|extent| (fid, extent)));
    }
    register(transaction, name, "MULTIPOLYGON", shapes.len(), &extents)?;
    index(transaction, name, &extents)
}

fn add_unit(add: &mut Statement<'_>, fid: i64, unit: &Unit, geometry: &MultiPolygon<f64>) -> Result<(), rusqlite::Error> {
    let properties = serde_json::to_string(&unit.properties).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
    add.execute(params![
        fid,
        unit.id.to_string(),
        unit.code.as_str(),
        unit.name,
        unit.parent.as_ref().map(UnitCode::as_str),
        time_text(unit.validity.from),
        unit.validity.to.map(time_text),
        properties,
        geometry::encode(geometry),
    ])?;
    Ok(())
}

pub(super) fn register(
    transaction: &Transaction<'_>,
    name: &str,
    kind: &str,
    count: usize,
    extents: &[(i64, Extent)],
) -> Result<(), rusqlite::Error> {
    let extent = extents.iter().map(|(_, extent)| *extent).reduce(Extent::joined);
    transaction.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, min_x, min_y, max_x, max_y, srs_id)
         VALUES (?1, 'features', ?1, ?2, ?3, ?4, ?5, ?6)",
        params![name, extent.map(|e| e.min.x), extent.map(|e| e.min.y), extent.map(|e| e.max.x), extent.map(|e| e.max.y), SRS_ID],
    )?;
    transaction.execute("INSERT INTO gpkg_geometry_columns VALUES (?1, 'geom', ?3, ?2, 0, 0)", (name, SRS_ID, kind))?;
    transaction.execute("INSERT INTO gpkg_ogr_contents VALUES (?1, ?2)", params![name, i64::try_from(count).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// Builds the R-tree after the rows are in, and then the triggers that keep it and the count
/// (OGC 12-128r17, annex F.3).
pub(super) fn index(transaction: &Transaction<'_>, name: &str, extents: &[(i64, Extent)]) -> Result<(), rusqlite::Error> {
    let (table, rtree) = (quoted(name), quoted(&format!("rtree_{name}_geom")));
    transaction.execute_batch(&format!("CREATE VIRTUAL TABLE {rtree} USING rtree(id, minx, maxx, miny, maxy)"))?;
    let mut add = transaction.prepare(&format!("INSERT INTO {rtree} VALUES (?1, ?2, ?3, ?4, ?5)"))?;
    for (fid, Extent { min, max }) in extents {
        add.execute((fid, min.x, max.x, min.y, max.y))?;
    }
    transaction.execute(
        "INSERT INTO gpkg_extensions VALUES (?1, 'geom', 'gpkg_rtree_index', 'http://www.geopackage.org/spec120/#extension_rtree', 'write-only')",
        [name],
    )?;
    let trigger = |suffix: &str| quoted(&format!("rtree_{name}_geom_{suffix}"));
    let counter = |suffix: &str| quoted(&format!("trigger_{suffix}_feature_count_{name}"));
    let text = format!("'{}'", name.replace('\'', "''"));
    let bounds = "NEW.fid, ST_MinX(NEW.geom), ST_MaxX(NEW.geom), ST_MinY(NEW.geom), ST_MaxY(NEW.geom)";
    let (has, has_none) = ("(NEW.geom NOTNULL AND NOT ST_IsEmpty(NEW.geom))", "(NEW.geom ISNULL OR ST_IsEmpty(NEW.geom))");
    transaction.execute_batch(&format!(
        "CREATE TRIGGER {insert} AFTER INSERT ON {table} WHEN {has}
           BEGIN INSERT OR REPLACE INTO {rtree} VALUES ({bounds}); END;
         CREATE TRIGGER {update1} AFTER UPDATE OF geom ON {table} WHEN OLD.fid = NEW.fid AND {has}
           BEGIN INSERT OR REPLACE INTO {rtree} VALUES ({bounds}); END;
         CREATE TRIGGER {update2} AFTER UPDATE OF geom ON {table} WHEN OLD.fid = NEW.fid AND {has_none}
           BEGIN DELETE FROM {rtree} WHERE id = OLD.fid; END;
         CREATE TRIGGER {update3} AFTER UPDATE ON {table} WHEN OLD.fid != NEW.fid AND {has}
           BEGIN DELETE FROM {rtree} WHERE id = OLD.fid; INSERT OR REPLACE INTO {rtree} VALUES ({bounds}); END;
         CREATE TRIGGER {update4} AFTER UPDATE ON {table} WHEN OLD.fid != NEW.fid AND {has_none}
           BEGIN DELETE FROM {rtree} WHERE id IN (OLD.fid, NEW.fid); END;
         CREATE TRIGGER {delete} AFTER DELETE ON {table} WHEN OLD.geom NOTNULL
           BEGIN DELETE FROM {rtree} WHERE id = OLD.fid; END;
         CREATE TRIGGER {count_insert} AFTER INSERT ON {table}
           BEGIN UPDATE gpkg_ogr_contents SET feature_count = feature_count + 1 WHERE lower(table_name) = lower({text}); END;
         CREATE TRIGGER {count_delete} AFTER DELETE ON {table}
           BEGIN UPDATE gpkg_ogr_contents SET feature_count = feature_count - 1 WHERE lower(table_name) = lower({text}); END;",
        insert = trigger("insert"),
        update1 = trigger("update1"),
        update2 = trigger("update2"),
        update3 = trigger("update3"),
        update4 = trigger("update4"),
        delete = trigger("delete"),
        count_insert = counter("insert"),
        count_delete = counter("delete"),
    ))
}
