//! Reads layers and generations back.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction};
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::geometry;
use crate::boundary::{
    Accepted, FeatureRef, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use crate::store::StoreError;
use crate::store::records::{EndedUnit, GenerationChanges, StoredGeneration, UnitHead, newest_generation};
use crate::store::texts::{parse_accepted, parse_levels, parse_scheme, state_text};
use crate::store::times::parse_time;
use crate::topology::Seal;

const COLUMNS: &str = "number, state, effective_from, created_at, author, note, parent, levels, scheme, accepted, restores, seal";

pub(super) fn load_layers(transaction: &Transaction<'_>) -> Result<Vec<Layer>, Failure> {
    let mut statement = transaction.prepare("SELECT DISTINCT layer FROM gk_generation ORDER BY layer")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut layers = Vec::with_capacity(names.len());
    for name in names {
        let name = LayerName::parse(&name).map_err(|e| corrupt("layer", &e))?;
        let mut heads = load_heads(transaction, &name)?;
        let generations: Vec<Generation> = heads.iter().map(|head| head.generation.clone()).collect();
        let shown = newest_generation(&generations).or(generations.last()).map(|generation| generation.id);
        heads.retain(|head| Some(head.generation.id) == shown);
        layers.extend(heads.pop().map(|head| head.layer));
    }
    Ok(layers)
}

pub(super) fn load_generations(transaction: &Transaction<'_>, layer: &LayerName) -> Result<Vec<Generation>, Failure> {
    Ok(load_heads(transaction, layer)?.into_iter().map(|head| head.generation).collect())
}

pub(super) fn newest_published(transaction: &Transaction<'_>, layer: &LayerName) -> Result<Option<GenerationId>, Failure> {
    let sql = "SELECT max(number) FROM gk_generation WHERE layer = ?1 AND state = 'published'";
    Ok(transaction.query_row(sql, [layer.as_str()], |row| row.get::<_, Option<u32>>(0))?.map(GenerationId))
}

pub(super) fn load_generation(
    transaction: &Transaction<'_>,
    layer: &LayerName,
    generation: GenerationId,
) -> Result<StoredGeneration, Failure> {
    let head = load_head(transaction, layer, generation)?;
    let levels = head.layer.levels.iter().map(|level| load_level(transaction, &head.generation, level));
    Ok(StoredGeneration {
        shapes: levels.collect::<Result<_, _>>()?,
        generation: head.generation,
        layer: head.layer,
        accepted: head.accepted,
        seal: head.seal,
    })
}

pub(super) fn load_changes(
    transaction: &Transaction<'_>,
    layer: &LayerName,
    from: GenerationId,
    to: GenerationId,
) -> Result<GenerationChanges, Failure> {
    let (before, head) = (load_published(transaction, layer, from)?, load_published(transaction, layer, to)?);
    let (mut ended, mut begun, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for level in &head.layer.levels {
        let among = |this: GenerationId, other: GenerationId| {
            let (this, other) = (this.0, other.0);
            format!(
                "v.from_generation <= {this} AND (v.to_generation IS NULL OR v.to_generation > {this})
                 AND NOT (v.from_generation <= {other} AND (v.to_generation IS NULL OR v.to_generation > {other}))"
            )
        };
        begun.push(load_shapes(transaction, layer, level, &among(to, from))?);
        ended.push(load_codes(transaction, layer, level, &among(from, to))?.into_iter().map(|(code, _)| code).collect());
        let number = to.0;
        let has_end = format!("v.from_generation <= {number} AND v.to_generation > {number}");
        let with_end = load_codes(transaction, layer, level, &has_end)?.into_iter().filter_map(|(code, end)| Some((code, end?)));
        ends.push(with_end.collect());
    }
    let mut has_lost_levels = false;
    for level in before.layer.levels.iter().filter(|level| head.layer.depth_of(level).is_none()) {
        let number = from.0;
        let lived = format!("v.from_generation <= {number} AND (v.to_generation IS NULL OR v.to_generation > {number})");
        has_lost_levels |= !load_codes(transaction, layer, level, &lived)?.is_empty();
    }
    let Head { generation, layer, accepted, .. } = head;
    Ok(GenerationChanges { generation, layer, accepted, ended, begun, ends, has_lost_levels })
}

pub(super) fn load_unit_heads(
    transaction: &Transaction<'_>,
    layer: &LayerName,
    generation: GenerationId,
) -> Result<Vec<UnitHead>, Failure> {
    let head = load_published(transaction, layer, generation)?;
    let number = generation.0;
    let mut statement = transaction.prepare(&format!(
        "SELECT u.code, v.parent, v.fid FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = ?1 AND l.level = ?2 AND v.from_generation <= {number} AND (v.to_generation IS NULL OR v.to_generation > {number})
         ORDER BY u.code"
    ))?;
    let code = |text: &str| UnitCode::parse(text).map_err(|e| corrupt("unit", &e));
    let mut heads = Vec::new();
    for level in &head.layer.levels {
        let mut rows = statement.query((layer.as_str(), level.as_str()))?;
        while let Some(row) = rows.next()? {
            let parent = row.get::<_, Option<String>>(1)?.as_deref().map(code).transpose()?;
            heads.push(UnitHead { level: level.clone(), code: code(&row.get::<_, String>(0)?)?, parent, version: row.get(2)? });
        }
    }
    Ok(heads)
}

fn load_published(transaction: &Transaction<'_>, layer: &LayerName, generation: GenerationId) -> Result<Head, Failure> {
    let head = load_head(transaction, layer, generation)?;
    let is_published = head.generation.state == GenerationState::Published;
    if is_published { Ok(head) } else { Err(Failure::Store(StoreError::NoGeneration { layer: layer.clone(), generation })) }
}

/// Returns the codes of a level's versions that are asked for, each with its end, in the order of codes.
fn load_codes(
    transaction: &Transaction<'_>,
    layer: &LayerName,
    level: &Level,
    which: &str,
) -> Result<Vec<(UnitCode, Option<Timestamp>)>, Failure> {
    let mut statement = transaction.prepare(&format!(
        "SELECT u.code, v.valid_to FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = ?1 AND l.level = ?2 AND {which} ORDER BY u.code"
    ))?;
    let mut rows = statement.query((layer.as_str(), level.as_str()))?;
    let mut codes = Vec::new();
    while let Some(row) = rows.next()? {
        let code = UnitCode::parse(&row.get::<_, String>(0)?).map_err(|e| corrupt("unit", &e))?;
        let end = row.get::<_, Option<String>>(1)?.map(|text| parse_time(&text)).transpose().map_err(|e| corrupt("unit", &e))?;
        codes.push((code, end));
    }
    Ok(codes)
}

/// How many versions of each level have lived from which generation to which.
const LIVES: &str = "SELECT l.level, v.from_generation, v.to_generation, count(*)
     FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key
     WHERE l.layer = ?1 GROUP BY l.level, v.from_generation, v.to_generation";

pub(super) fn count_units(transaction: &Transaction<'_>, layer: &LayerName) -> Result<Vec<(GenerationId, Vec<usize>)>, Failure> {
    // One pass over the versions counts all generations: a version counts from the one that brought it to the one that ended it.
    let mut statement = transaction.prepare(LIVES)?;
    let lives = statement.query_map([layer.as_str()], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?, row.get::<_, Option<u32>>(2)?, row.get::<_, usize>(3)?))
    })?;
    let lives = lives.collect::<Result<Vec<_>, _>>()?;
    let count = |head: &Head, level: &Level| -> Result<usize, Failure> {
        let number = head.generation.id.0;
        if head.generation.state == GenerationState::Draft {
            let sql = "SELECT count(*) FROM gk_generation AS g JOIN gk_draft_unit AS d ON d.generation = g.key
                       JOIN gk_unit_version AS v ON v.fid = d.version JOIN gk_level AS l ON l.key = v.level
                       WHERE g.layer = ?1 AND g.number = ?2 AND l.level = ?3";
            return Ok(transaction.prepare_cached(sql)?.query_row((layer.as_str(), number, level.as_str()), |row| row.get(0))?);
        }
        let has = |life: &&(String, u32, Option<u32>, usize)| {
            life.0 == level.as_str() && life.1 <= number && life.2.is_none_or(|end| end > number)
        };
        Ok(lives.iter().filter(has).map(|life| life.3).sum())
    };
    let counts = |head: Head| -> Result<_, Failure> {
        let counts = head.layer.levels.iter().map(|level| count(&head, level)).collect::<Result<_, _>>()?;
        Ok((head.generation.id, counts))
    };
    load_heads(transaction, layer)?.into_iter().map(counts).collect()
}

pub(super) fn load_published_codes(
    transaction: &Transaction<'_>,
    layer: &LayerName,
    level: &Level,
    before: Option<GenerationId>,
) -> Result<Vec<UnitCode>, Failure> {
    // A draft's own versions begin and end with the same number.
    let mut was_published = "(v.to_generation IS NULL OR v.to_generation > v.from_generation)".to_owned();
    if let Some(before) = before {
        was_published.push_str(&format!(" AND v.from_generation < {before}"));
    }
    let mut codes: Vec<UnitCode> = load_codes(transaction, layer, level, &was_published)?.into_iter().map(|(code, _)| code).collect();
    codes.dedup();
    Ok(codes)
}

/// Returns the units of which no version lives on, each as its last version has it. Versions end and begin anew, and a draft's own
/// begin and end with the same number.
pub(super) fn load_ended_units(transaction: &Transaction<'_>, layer: &LayerName) -> Result<Vec<EndedUnit>, Failure> {
    let mut statement = transaction.prepare(
        "SELECT l.level, u.code, v.parent FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = ?1 AND v.to_generation > 0 AND v.to_generation > v.from_generation
           AND NOT EXISTS (SELECT 1 FROM gk_unit_version AS w WHERE w.unit = v.unit AND (w.to_generation IS NULL
             OR w.to_generation > w.from_generation AND w.to_generation > v.to_generation))
         ORDER BY u.code, l.level",
    )?;
    let mut rows = statement.query([layer.as_str()])?;
    let mut ended = Vec::new();
    while let Some(row) = rows.next()? {
        let level = Level::parse(&row.get::<_, String>(0)?).map_err(|e| corrupt("level", &e))?;
        let code = UnitCode::parse(&row.get::<_, String>(1)?).map_err(|e| corrupt("unit", &e))?;
        let parent =
            row.get::<_, Option<String>>(2)?.map(|parent| UnitCode::parse(&parent)).transpose().map_err(|e| corrupt("unit", &e))?;
        ended.push(EndedUnit { level, code, parent });
    }
    Ok(ended)
}

fn load_head(transaction: &Transaction<'_>, layer: &LayerName, generation: GenerationId) -> Result<Head, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM gk_generation WHERE layer = ?1 AND number = ?2");
    let head = transaction.query_row(&sql, (layer.as_str(), generation.0), |row| Ok(Head::read(row, layer))).optional()?;
    head.ok_or_else(|| Failure::Store(StoreError::NoGeneration { layer: layer.clone(), generation }))?
}

fn load_level(transaction: &Transaction<'_>, generation: &Generation, level: &Level) -> Result<Vec<UnitShape>, Failure> {
    let number = generation.id.0;
    let which = match generation.state {
        GenerationState::Published => {
            format!("v.from_generation <= {number} AND (v.to_generation IS NULL OR v.to_generation > {number})")
        }
        GenerationState::Draft => format!(
            "v.fid IN (SELECT version FROM gk_draft_unit AS d JOIN gk_generation AS g ON g.key = d.generation
                       WHERE g.layer = ?1 AND g.number = {number})"
        ),
    };
    load_shapes(transaction, &generation.layer, level, &which)
}

/// Returns the versions of a level that are asked for, in the order of codes.
fn load_shapes(transaction: &Transaction<'_>, layer: &LayerName, level: &Level, which: &str) -> Result<Vec<UnitShape>, Failure> {
    let mut statement = transaction.prepare(&format!(
        "SELECT u.id, u.code, v.name, v.parent, v.properties, v.valid_from, v.valid_to, v.geom
         FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = ?1 AND l.level = ?2 AND {which}"
    ))?;
    let mut rows = statement.query((layer.as_str(), level.as_str()))?;
    let mut shapes = Vec::new();
    while let Some(row) = rows.next()? {
        shapes.push(read_shape(row, level)?);
    }
    shapes.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
    for (number, shape) in (1..).zip(&mut shapes) {
        shape.source = FeatureRef { number };
    }
    Ok(shapes)
}

fn read_shape(row: &Row<'_>, level: &Level) -> Result<UnitShape, Failure> {
    let text = |at: usize| row.get_ref(at)?.as_str().map_err(|e| corrupt("unit", &e));
    let maybe_text = |at: usize| row.get_ref(at)?.as_str_or_null().map_err(|e| corrupt("unit", &e));
    let code = UnitCode::parse(text(1)?).map_err(|e| corrupt("unit", &e))?;
    let broken = |detail: &dyn std::fmt::Display| corrupt("unit", &format!("{code}: {detail}"));
    let time = |text: &str| parse_time(text).map_err(|e| broken(&e));
    let blob = row.get_ref(7)?.as_blob().map_err(|e| broken(&e))?;
    let geometry = geometry::decode_boundary(blob).map_err(|e| broken(&e))?;
    let unit = Unit {
        id: UnitId(Uuid::parse_str(text(0)?).map_err(|e| broken(&e))?),
        name: text(2)?.to_owned(),
        level: level.clone(),
        parent: maybe_text(3)?.map(UnitCode::parse).transpose().map_err(|e| broken(&e))?,
        properties: serde_json::from_str(text(4)?).map_err(|e| broken(&e))?,
        validity: Validity { from: time(text(5)?)?, to: maybe_text(6)?.map(time).transpose()? },
        code: code.clone(),
    };
    Ok(UnitShape { unit, geometry, source: FeatureRef::default() })
}

/// A generation without its units.
struct Head {
    generation: Generation,
    layer: Layer,
    accepted: Accepted,
    seal: Option<Seal>,
}

fn load_heads(transaction: &Transaction<'_>, layer: &LayerName) -> Result<Vec<Head>, Failure> {
    let mut statement = transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM gk_generation WHERE layer = ?1 ORDER BY number"))?;
    let mut rows = statement.query([layer.as_str()])?;
    let mut heads = Vec::new();
    while let Some(row) = rows.next()? {
        heads.push(Head::read(row, layer)?);
    }
    Ok(heads)
}

impl Head {
    fn read(row: &Row<'_>, layer: &LayerName) -> Result<Self, Failure> {
        let time = |at: usize| -> Result<_, Failure> { parse_time(&row.get::<_, String>(at)?).map_err(|e| corrupt("generation", &e)) };
        let state: String = row.get(1)?;
        let generation = Generation {
            id: GenerationId(row.get(0)?),
            layer: layer.clone(),
            state: if state == state_text(GenerationState::Draft) { GenerationState::Draft } else { GenerationState::Published },
            effective_from: time(2)?,
            created_at: time(3)?,
            author: row.get(4)?,
            note: row.get(5)?,
            parent: row.get::<_, Option<u32>>(6)?.map(GenerationId),
            restores: row.get::<_, Option<u32>>(10)?.map(GenerationId),
        };
        let layer = Layer {
            name: layer.clone(),
            levels: parse_levels(&row.get::<_, String>(7)?).ok_or_else(|| corrupt("generation", &"its list of levels"))?,
            scheme: match row.get::<_, Option<String>>(8)? {
                Some(scheme) => Some(parse_scheme(&scheme).ok_or_else(|| corrupt("generation", &"its code scheme"))?),
                None => None,
            },
        };
        Ok(Self {
            generation,
            layer,
            accepted: parse_accepted(&row.get::<_, String>(9)?),
            seal: row.get::<_, Option<[u8; 32]>>(11)?.map(Seal),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::GeoPackageStore;

    #[test]
    fn units_are_counted_without_reading_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.gpkg");
        drop(GeoPackageStore::open_or_create(&path).unwrap());
        let connection = rusqlite::Connection::open(&path).unwrap();
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {LIVES}")).unwrap();
        let steps: Vec<String> = plan.query_map(["grid"], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
        assert!(steps.iter().any(|step| step.contains("COVERING INDEX gk_unit_version_by_life")), "{steps:?}");
    }
}
