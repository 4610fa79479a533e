//! Reads layers and generations back.

use deadpool_postgres::Transaction;
use futures_util::TryStreamExt;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::connection::{Failure, corrupt};
use super::values::{Boundary, Time, from_text};
use crate::boundary::{
    Accepted, FeatureRef, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Unit, UnitCode, UnitId, UnitShape, Validity,
};
use crate::store::StoreError;
use crate::store::records::{EndedUnit, GenerationChanges, StoredGeneration, UnitHead, newest_generation};
use crate::store::texts::{parse_accepted, parse_levels, parse_scheme, state_text};
use crate::topology::Seal;

const COLUMNS: &str =
    "number, state, effective_from, created_at, author, note, parent, levels::text, scheme::text, accepted, restores, seal";

/// The versions of a published generation whose number is given.
fn has(number: GenerationId) -> String {
    let number = number.0;
    format!("(v.from_generation <= {number} AND (v.to_generation IS NULL OR v.to_generation > {number}))")
}

pub(super) async fn load_layers(tx: &Transaction<'_>) -> Result<Vec<Layer>, Failure> {
    let rows = tx.query("SELECT DISTINCT layer FROM gk_generation ORDER BY layer", &[]).await?;
    let mut layers = Vec::with_capacity(rows.len());
    for row in rows {
        let name = LayerName::parse(row.get(0)).map_err(|e| corrupt("layer", &e))?;
        let mut heads = load_heads(tx, &name).await?;
        let generations: Vec<Generation> = heads.iter().map(|head| head.generation.clone()).collect();
        let shown = newest_generation(&generations).or(generations.last()).map(|generation| generation.id);
        heads.retain(|head| Some(head.generation.id) == shown);
        layers.extend(heads.pop().map(|head| head.layer));
    }
    Ok(layers)
}

pub(super) async fn load_generations(tx: &Transaction<'_>, layer: &LayerName) -> Result<Vec<Generation>, Failure> {
    Ok(load_heads(tx, layer).await?.into_iter().map(|head| head.generation).collect())
}

pub(super) async fn newest_published(tx: &Transaction<'_>, layer: &LayerName) -> Result<Option<GenerationId>, Failure> {
    let sql = "SELECT max(number) FROM gk_generation WHERE layer = $1 AND state = 'published'";
    tx.query_one(sql, &[&layer.as_str()]).await?.get::<_, Option<i32>>(0).map(to_id).transpose()
}

pub(super) async fn load_generation(
    tx: &Transaction<'_>,
    layer: &LayerName,
    generation: GenerationId,
) -> Result<StoredGeneration, Failure> {
    let Head { generation, layer, accepted, seal } = load_head(tx, layer, generation).await?;
    let which = match generation.state {
        GenerationState::Published => has(generation.id),
        GenerationState::Draft => format!(
            "v.fid IN (SELECT version FROM gk_draft_unit AS d JOIN gk_generation AS g ON g.key = d.generation
                       WHERE g.layer = $1 AND g.number = {})",
            generation.id.0
        ),
    };
    let mut shapes = Vec::with_capacity(layer.levels.len());
    for level in &layer.levels {
        shapes.push(load_shapes(tx, &layer.name, level, &which).await?);
    }
    Ok(StoredGeneration { generation, layer, shapes, accepted, seal })
}

pub(super) async fn load_changes(
    tx: &Transaction<'_>,
    layer: &LayerName,
    from: GenerationId,
    to: GenerationId,
) -> Result<GenerationChanges, Failure> {
    let (before, head) = (load_published(tx, layer, from).await?, load_published(tx, layer, to).await?);
    let (mut ended, mut begun, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for level in &head.layer.levels {
        let among = |this: GenerationId, other: GenerationId| format!("{} AND NOT {}", has(this), has(other));
        begun.push(load_shapes(tx, layer, level, &among(to, from)).await?);
        let gone = load_codes(tx, layer, level, &among(from, to)).await?;
        ended.push(gone.into_iter().map(|(code, _)| code).collect());
        let with_end = load_codes(tx, layer, level, &format!("{} AND v.to_generation IS NOT NULL", has(to))).await?;
        ends.push(with_end.into_iter().filter_map(|(code, end)| Some((code, end?.0))).collect());
    }
    let mut has_lost_levels = false;
    for level in before.layer.levels.iter().filter(|level| head.layer.depth_of(level).is_none()) {
        has_lost_levels |= !load_codes(tx, layer, level, &has(from)).await?.is_empty();
    }
    let Head { generation, layer, accepted, .. } = head;
    Ok(GenerationChanges { generation, layer, accepted, ended, begun, ends, has_lost_levels })
}

pub(super) async fn load_unit_heads(tx: &Transaction<'_>, layer: &LayerName, generation: GenerationId) -> Result<Vec<UnitHead>, Failure> {
    let head = load_published(tx, layer, generation).await?;
    let sql = format!(
        "SELECT u.code, v.parent, v.fid FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = $1 AND l.level = $2 AND {} ORDER BY u.code",
        has(generation)
    );
    let code = |text: &str| UnitCode::parse(text).map_err(|e| corrupt("unit", &e));
    let mut heads = Vec::new();
    for level in &head.layer.levels {
        for row in tx.query(&sql, &[&layer.as_str(), &level.as_str()]).await? {
            let parent = row.get::<_, Option<&str>>(1).map(code).transpose()?;
            heads.push(UnitHead { level: level.clone(), code: code(row.get(0))?, parent, version: row.try_get(2)? });
        }
    }
    Ok(heads)
}

/// Returns the codes of a level's versions that are asked for, each with its end, in the order of codes.
async fn load_codes(tx: &Transaction<'_>, layer: &LayerName, level: &Level, which: &str) -> Result<Vec<(UnitCode, Option<Time>)>, Failure> {
    let sql = format!(
        "SELECT u.code, v.valid_to FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = $1 AND l.level = $2 AND {which} ORDER BY u.code"
    );
    let rows = tx.query(&sql, &[&layer.as_str(), &level.as_str()]).await?;
    let code = |row: Row| Ok((UnitCode::parse(row.get(0)).map_err(|e| corrupt("unit", &e))?, row.try_get(1)?));
    rows.into_iter().map(code).collect()
}

pub(super) async fn count_units(tx: &Transaction<'_>, layer: &LayerName) -> Result<Vec<(GenerationId, Vec<usize>)>, Failure> {
    // One pass over the versions counts all generations: a version counts from the one that brought it to the one that ended it.
    let lives =
        "SELECT l.level, v.from_generation, v.to_generation, count(*) FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key
                 WHERE l.layer = $1 GROUP BY l.level, v.from_generation, v.to_generation";
    let lives = tx.query(lives, &[&layer.as_str()]).await?;
    let drafts = "SELECT l.level, g.number, g.number + 1, count(*) FROM gk_generation AS g JOIN gk_draft_unit AS d ON d.generation = g.key
                  JOIN gk_unit_version AS v ON v.fid = d.version JOIN gk_level AS l ON l.key = v.level
                  WHERE g.layer = $1 GROUP BY l.level, g.number";
    let drafts = tx.query(drafts, &[&layer.as_str()]).await?;
    let mut counts = Vec::new();
    for head in load_heads(tx, layer).await? {
        let number = from_id(head.generation.id)?;
        let rows = if head.generation.state == GenerationState::Draft { &drafts } else { &lives };
        let count = |level: &Level| {
            let has = |row: &&Row| {
                let is_level = row.get::<_, &str>(0) == level.as_str();
                is_level && row.get::<_, i32>(1) <= number && row.get::<_, Option<i32>>(2).is_none_or(|end| end > number)
            };
            let units: i64 = rows.iter().filter(has).map(|row| row.get::<_, i64>(3)).sum();
            usize::try_from(units).unwrap_or(usize::MAX)
        };
        counts.push((head.generation.id, head.layer.levels.iter().map(count).collect()));
    }
    Ok(counts)
}

pub(super) async fn load_published_codes(
    tx: &Transaction<'_>,
    layer: &LayerName,
    level: &Level,
    before: Option<GenerationId>,
) -> Result<Vec<UnitCode>, Failure> {
    // A draft's own versions begin and end with the same number.
    let mut was_published = "(v.to_generation IS NULL OR v.to_generation > v.from_generation)".to_owned();
    if let Some(before) = before {
        was_published.push_str(&format!(" AND v.from_generation < {before}"));
    }
    let mut codes: Vec<UnitCode> = load_codes(tx, layer, level, &was_published).await?.into_iter().map(|(code, _)| code).collect();
    codes.dedup();
    Ok(codes)
}

/// Returns the versions of a level that are asked for, in the order of codes.
async fn load_shapes(tx: &Transaction<'_>, layer: &LayerName, level: &Level, which: &str) -> Result<Vec<UnitShape>, Failure> {
    let sql = format!(
        "SELECT u.id, u.code, v.name, v.parent, v.properties::text, v.valid_from, v.valid_to, v.geom
         FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = $1 AND l.level = $2 AND {which}"
    );
    let parameters: [&(dyn ToSql + Sync); 2] = [&layer.as_str(), &level.as_str()];
    let mut rows = std::pin::pin!(tx.query_raw(&sql, parameters).await?);
    let mut shapes = Vec::new();
    while let Some(row) = rows.try_next().await? {
        shapes.push(read_shape(&row, level)?);
    }
    shapes.sort_by(|a, b| a.unit.code.cmp(&b.unit.code));
    for (number, shape) in (1..).zip(&mut shapes) {
        shape.source = FeatureRef { number };
    }
    Ok(shapes)
}

fn read_shape(row: &Row, level: &Level) -> Result<UnitShape, Failure> {
    let code = UnitCode::parse(row.get(1)).map_err(|e| corrupt("unit", &e))?;
    let broken = |detail: &dyn std::fmt::Display| corrupt("unit", &format!("{code}: {detail}"));
    let unit = Unit {
        id: UnitId(row.get::<_, Uuid>(0)),
        name: from_text(row.get(2)),
        level: level.clone(),
        parent: row.get::<_, Option<&str>>(3).map(UnitCode::parse).transpose().map_err(|e| broken(&e))?,
        properties: serde_json::from_str(row.get(4)).map_err(|e| broken(&e))?,
        validity: Validity {
            from: row.try_get::<_, Time>(5).map_err(|e| broken(&e))?.0,
            to: row.try_get::<_, Option<Time>>(6).map_err(|e| broken(&e))?.map(|time| time.0),
        },
        code: code.clone(),
    };
    let geometry = row.try_get::<_, Boundary>(7).map_err(|e| broken(&e))?.0;
    Ok(UnitShape { unit, geometry, source: FeatureRef::default() })
}

/// A generation without its units.
struct Head {
    generation: Generation,
    layer: Layer,
    accepted: Accepted,
    seal: Option<Seal>,
}

async fn load_heads(tx: &Transaction<'_>, layer: &LayerName) -> Result<Vec<Head>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM gk_generation WHERE layer = $1 ORDER BY number");
    let rows = tx.query(&sql, &[&layer.as_str()]).await?;
    rows.iter().map(|row| Head::read(row, layer)).collect()
}

/// Returns the units of which no version lives on, each as its last version has it. Versions end and begin anew, and a draft's own
/// begin and end with the same number.
pub(super) async fn load_ended_units(tx: &Transaction<'_>, layer: &LayerName) -> Result<Vec<EndedUnit>, Failure> {
    let sql =
        "SELECT l.level, u.code, v.parent FROM gk_level AS l JOIN gk_unit_version AS v ON v.level = l.key JOIN gk_unit AS u ON u.key = v.unit
         WHERE l.layer = $1 AND v.to_generation > 0 AND v.to_generation > v.from_generation
           AND NOT EXISTS (SELECT 1 FROM gk_unit_version AS w WHERE w.unit = v.unit AND (w.to_generation IS NULL
             OR w.to_generation > w.from_generation AND w.to_generation > v.to_generation))
         ORDER BY u.code, l.level";
    let rows = tx.query(sql, &[&layer.as_str()]).await?;
    let unit = |row: Row| {
        let code = |text: &str| UnitCode::parse(text).map_err(|e| corrupt("unit", &e));
        let level = Level::parse(row.get(0)).map_err(|e| corrupt("level", &e))?;
        Ok(EndedUnit { level, code: code(row.get(1))?, parent: row.get::<_, Option<&str>>(2).map(code).transpose()? })
    };
    rows.into_iter().map(unit).collect()
}

async fn load_head(tx: &Transaction<'_>, layer: &LayerName, generation: GenerationId) -> Result<Head, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM gk_generation WHERE layer = $1 AND number::bigint = $2");
    let row = tx.query_opt(&sql, &[&layer.as_str(), &i64::from(generation.0)]).await?;
    let row = row.ok_or_else(|| Failure::Store(StoreError::NoGeneration { layer: layer.clone(), generation }))?;
    Head::read(&row, layer)
}

async fn load_published(tx: &Transaction<'_>, layer: &LayerName, generation: GenerationId) -> Result<Head, Failure> {
    let head = load_head(tx, layer, generation).await?;
    let is_published = head.generation.state == GenerationState::Published;
    if is_published { Ok(head) } else { Err(Failure::Store(StoreError::NoGeneration { layer: layer.clone(), generation })) }
}

impl Head {
    fn read(row: &Row, layer: &LayerName) -> Result<Self, Failure> {
        let state: &str = row.get(1);
        let generation = Generation {
            id: to_id(row.get(0))?,
            layer: layer.clone(),
            state: if state == state_text(GenerationState::Draft) { GenerationState::Draft } else { GenerationState::Published },
            effective_from: row.try_get::<_, Time>(2)?.0,
            created_at: row.try_get::<_, Time>(3)?.0,
            author: from_text(row.get(4)),
            note: from_text(row.get(5)),
            parent: row.get::<_, Option<i32>>(6).map(to_id).transpose()?,
            restores: row.get::<_, Option<i32>>(10).map(to_id).transpose()?,
        };
        let layer = Layer {
            name: layer.clone(),
            levels: parse_levels(row.get(7)).ok_or_else(|| corrupt("generation", &"its list of levels"))?,
            scheme: match row.get::<_, Option<&str>>(8) {
                Some(scheme) => Some(parse_scheme(scheme).ok_or_else(|| corrupt("generation", &"its code scheme"))?),
                None => None,
            },
        };
        let seal = row.get::<_, Option<&[u8]>>(11).map(TryInto::try_into).transpose().map_err(|e| corrupt("generation", &e))?;
        Ok(Self { generation, layer, accepted: parse_accepted(row.get(9)), seal: seal.map(Seal) })
    }
}

pub(super) fn to_id(number: i32) -> Result<GenerationId, Failure> {
    u32::try_from(number).map(GenerationId).map_err(|e| corrupt("generation", &e))
}

pub(super) fn from_id(id: GenerationId) -> Result<i32, Failure> {
    i32::try_from(id.0).map_err(|e| corrupt("generation", &e))
}
