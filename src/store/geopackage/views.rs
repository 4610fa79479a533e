//! What a GIS sees: a view for each level, with the units of the generation that is in effect now.

use rusqlite::{OptionalExtension, Transaction, named_params};

use super::connection::Failure;
use super::geometry::{Extent, SRS_ID};
use crate::boundary::{LayerName, Level};

/// Names that a view cannot have: ours, GeoPackage's, SQLite's and those of its index tables.
const RESERVED_PREFIXES: [&str; 4] = ["gk_", "gpkg_", "sqlite_", "rtree_"];

/// Returns the key of a level, which gets its view when it is first met.
pub(super) fn level_key(transaction: &Transaction<'_>, layer: &LayerName, level: &Level) -> Result<i64, Failure> {
    let mut find = transaction.prepare_cached("SELECT key FROM gk_level WHERE layer = ?1 AND level = ?2")?;
    match find.query_row((layer.as_str(), level.as_str()), |row| row.get(0)).optional()? {
        Some(key) => Ok(key),
        None => add_level(transaction, None, layer, level),
    }
}

/// Enters a level with its view, and returns its key: the one given, or the next that is free.
pub(super) fn add_level(transaction: &Transaction<'_>, key: Option<i64>, layer: &LayerName, level: &Level) -> Result<i64, Failure> {
    let view_name = free_name(transaction, layer, level)?;
    let sql = "INSERT INTO gk_level (key, layer, level, view_name) VALUES (?1, ?2, ?3, ?4)";
    transaction.execute(sql, (key, layer.as_str(), level.as_str(), &view_name))?;
    let key = transaction.last_insert_rowid();
    create_view(transaction, key, layer, &view_name)?;
    Ok(key)
}

/// Enters the extent and the time of change of a level's view; `widen` keeps what was there, for what is not in effect yet.
pub(super) fn register_change(transaction: &Transaction<'_>, key: i64, extent: Option<Extent>, widen: bool) -> Result<(), Failure> {
    let set = if widen {
        "min_x = min(coalesce(min_x, :min_x), :min_x), min_y = min(coalesce(min_y, :min_y), :min_y),
         max_x = max(coalesce(max_x, :max_x), :max_x), max_y = max(coalesce(max_y, :max_y), :max_y)"
    } else {
        "min_x = :min_x, min_y = :min_y, max_x = :max_x, max_y = :max_y"
    };
    let sql = format!(
        "UPDATE gpkg_contents SET {set}, last_change = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
         WHERE table_name = (SELECT view_name FROM gk_level WHERE key = :key)"
    );
    transaction.execute(
        &sql,
        named_params! {
            ":key": key,
            ":min_x": extent.map(|e| e.min.x),
            ":min_y": extent.map(|e| e.min.y),
            ":max_x": extent.map(|e| e.max.x),
            ":max_y": extent.map(|e| e.max.y),
        },
    )?;
    Ok(())
}

/// Quotes a name for SQL, whatever is in it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The level's own name in the layer `grid`, `layer_level` elsewhere; a number follows where that is taken,
/// as `a` with `b_c` and `a_b` with `c` would be.
fn free_name(transaction: &Transaction<'_>, layer: &LayerName, level: &Level) -> Result<String, Failure> {
    let is_main = layer.as_str() == "grid" && !RESERVED_PREFIXES.iter().any(|prefix| level.as_str().starts_with(prefix));
    let mut wanted = if is_main { level.to_string() } else { format!("{layer}_{level}") };
    if RESERVED_PREFIXES.iter().any(|prefix| wanted.starts_with(prefix)) {
        wanted = format!("layer_{wanted}");
    }
    let mut is_taken = transaction.prepare("SELECT 1 FROM sqlite_master WHERE name = ?1 COLLATE NOCASE")?;
    let mut name = wanted.clone();
    for number in 2.. {
        if !is_taken.exists([&name])? {
            break;
        }
        name = format!("{wanted}_{number}");
    }
    Ok(name)
}

/// Columns are taken over as they are, so that their declared types show through; `fid` in front is what GDAL takes for the key.
fn create_view(transaction: &Transaction<'_>, key: i64, layer: &LayerName, view_name: &str) -> Result<(), Failure> {
    let (view, layer_name) = (quoted(view_name), layer.as_str());
    let current = format!("(SELECT number FROM gk_current WHERE layer = '{}')", layer_name.replace('\'', "''"));
    transaction.execute_batch(&format!(
        "CREATE VIEW {view} AS
         SELECT v.fid AS fid, u.id AS id, u.code AS code, v.name AS name, v.parent AS parent,
                v.valid_from AS valid_from, v.properties AS properties, v.geom AS geom
         FROM gk_unit_version AS v JOIN gk_unit AS u ON u.key = v.unit
         WHERE v.level = {key} AND v.from_generation <= {current}
           AND (v.to_generation IS NULL OR v.to_generation > {current})"
    ))?;
    transaction.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id) VALUES (?1, 'features', ?1, ?2, ?3)",
        (view_name, format!("Units in effect, layer {layer_name}"), SRS_ID),
    )?;
    transaction.execute("INSERT INTO gpkg_geometry_columns VALUES (?1, 'geom', 'MULTIPOLYGON', ?2, 0, 0)", (view_name, SRS_ID))?;
    Ok(())
}
