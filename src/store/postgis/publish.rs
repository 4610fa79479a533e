//! Writes a generation: new and changed units get a row, and the rows that they take the place of end.

use deadpool_postgres::Transaction;
use futures_util::TryStreamExt;
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};

use super::connection::{Failure, corrupt};
use super::generations::{from_id, load_generations, newest_published};
use super::keys::note_change;
use super::lives::add_publication;
use super::values::{Ewkb, Time, to_text};
use crate::boundary::{Generation, GenerationId, GenerationState, Level, UnitCode};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::identity::Fingerprint;
use crate::store::records::{Publication, current_generation};
use crate::store::succession::{End, Version, is_reused, succeed};
use crate::store::texts::{accepted_text, levels_text, scheme_text, state_text};
use crate::store::times::to_milliseconds;
use crate::topology::{GeometryDigest, Seal, UnitIndex};

pub(super) async fn publish(tx: &Transaction<'_>, geometry: &Type, publication: &Publication<'_>) -> Result<Generation, Failure> {
    let generation = write_generation(tx, geometry, publication).await?;
    if publication.state == GenerationState::Published {
        add_publication(tx, &generation).await?;
    }
    Ok(generation)
}

/// Writes a generation, which is no event yet: events are numbered last, after people are written, as writers of cases do.
pub(super) async fn write_generation(tx: &Transaction<'_>, geometry: &Type, publication: &Publication<'_>) -> Result<Generation, Failure> {
    let layer = publication.coverage.layer();
    let newest = newest_published(tx, &layer.name).await?;
    if publication.parent != newest {
        return Err(Failure::Store(StoreError::Superseded { layer: layer.name.clone(), given: publication.parent, newest }));
    }
    let known = load_generations(tx, &layer.name).await?;
    let in_effect = current_generation(&known, to_milliseconds(publication.effective_from)).map(|generation| generation.id);
    let digests = publication.coverage.geometry_digests();
    let (generation, key) = insert_generation(tx, publication, publication.coverage.seal_with(&digests)).await?;
    let is_draft = publication.state == GenerationState::Draft;
    let draft = is_draft.then_some(key);
    let mut writer = Writer { tx, geometry, publication, generation: &generation, in_effect, draft, unit_count: 0, changed_count: 0 };
    for (depth, digests) in digests.iter().enumerate() {
        writer.write_level(depth, digests).await?;
    }
    // A level that the layer no longer has ends with all its units.
    let known = tx.query("SELECT key, level FROM gk_level WHERE layer = $1", &[&layer.name.as_str()]).await?;
    for row in known.iter().filter(|row| !layer.levels.iter().any(|level| level.as_str() == row.get::<_, &str>(1))) {
        let known = writer.load_versions(row.get(0)).await?;
        let ends = known.values().flat_map(|versions| succeed(versions, None, generation.effective_from).ends);
        writer.end(ends.collect()).await?;
    }
    let (unit_count, changed_count) = (writer.unit_count, writer.changed_count);
    let action = Action::Publish { generation: &generation, unit_count, changed_count };
    note_change(tx, &action, publication.author, publication.created_at).await?;
    Ok(generation)
}

async fn insert_generation(tx: &Transaction<'_>, publication: &Publication<'_>, seal: Seal) -> Result<(Generation, i64), Failure> {
    let layer = publication.coverage.layer();
    let sql =
        "SELECT coalesce(max(number), 0) + 1, (SELECT coalesce(max(key), 0) + 1 FROM gk_generation) FROM gk_generation WHERE layer = $1";
    let row = tx.query_one(sql, &[&layer.name.as_str()]).await?;
    let (number, key): (i32, i64) = (row.get(0), row.get(1));
    let generation = Generation {
        id: GenerationId(u32::try_from(number).map_err(|e| corrupt("generation", &e))?),
        layer: layer.name.clone(),
        state: publication.state,
        effective_from: to_milliseconds(publication.effective_from),
        created_at: to_milliseconds(publication.created_at),
        author: publication.author.to_owned(),
        note: publication.note.to_owned(),
        parent: publication.parent,
        restores: publication.restores,
    };
    tx.execute(
        "INSERT INTO gk_generation
         (key, layer, number, state, effective_from, created_at, author, note, parent, restores, levels, scheme, accepted, seal)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::json, $12::text::json, $13, $14)",
        &[
            &key,
            &layer.name.as_str(),
            &number,
            &state_text(generation.state),
            &Time(generation.effective_from),
            &Time(generation.created_at),
            &to_text(&generation.author),
            &to_text(&generation.note),
            &generation.parent.map(from_id).transpose()?,
            &generation.restores.map(from_id).transpose()?,
            &levels_text(layer),
            &scheme_text(layer),
            &accepted_text(publication.coverage.accepted()),
            &&seal.0[..],
        ],
    )
    .await?;
    Ok((generation, key))
}

/// What is known of a code that the level had before.
#[derive(Default)]
struct Known {
    key: i64,
    /// Of the versions that were published.
    past: Vec<Fingerprint>,
}

/// A unit that gets a new version.
struct Fresh {
    index: UnitIndex,
    fingerprint: Fingerprint,
    valid_from: Timestamp,
}

struct Writer<'w> {
    tx: &'w Transaction<'w>,
    geometry: &'w Type,
    publication: &'w Publication<'w>,
    generation: &'w Generation,
    /// The generation before it in whose place it comes, though a newer one may be published for later.
    in_effect: Option<GenerationId>,
    /// The row of the generation where it is a draft.
    draft: Option<i64>,
    unit_count: usize,
    changed_count: usize,
}

impl Writer<'_> {
    async fn write_level(&mut self, depth: usize, digests: &[GeometryDigest]) -> Result<(), Failure> {
        let coverage = self.publication.coverage;
        let level = &coverage.levels()[depth];
        let Some(key) = self.level_key(level.level(), level.is_empty()).await? else { return Ok(()) };
        let mut known = self.load_versions(key).await?;
        let units: Vec<UnitIndex> = level.indices().collect();
        let fingerprints = level.units().iter().zip(digests).map(|(unit, digest)| Fingerprint::of(unit, *digest));
        let (mut fids, mut fresh, mut doubtful, mut ends) = (Vec::with_capacity(units.len()), Vec::new(), Vec::new(), Vec::new());
        for (&index, fingerprint) in units.iter().zip(fingerprints) {
            let versions = known.remove(level.unit(index).code.as_str()).unwrap_or_default();
            let succession = succeed(&versions, Some(fingerprint), self.generation.effective_from);
            ends.extend(succession.ends);
            match succession.shared {
                Some(fid) => fids.push(fid),
                None => fresh.push(Fresh { index, fingerprint, valid_from: succession.valid_from }),
            }
            doubtful.push((index, fingerprint, versions));
        }
        ends.extend(known.values().flat_map(|versions| succeed(versions, None, self.generation.effective_from).ends));
        let codes: Vec<&str> = fresh.iter().map(|fresh| level.unit(fresh.index).code.as_str()).collect();
        let known = self.load_known(key, &codes).await?;
        let past = |code: &UnitCode| known.get(code.as_str()).map_or(&[][..], |known| &known.past);
        let reused = doubtful.iter().filter_map(|(index, fingerprint, versions)| {
            let code = &level.unit(*index).code;
            is_reused(versions, past(code), *fingerprint).then(|| code.clone())
        });
        let reused: Vec<UnitCode> = reused.collect();
        if !reused.is_empty() && !self.publication.reuses_codes {
            let (layer, level) = (self.generation.layer.clone(), level.level().clone());
            return Err(Failure::Store(StoreError::CodesReused { layer, level, codes: reused }));
        }
        let keys = self.add_units(key, depth, &fresh, &known).await?;
        fids.extend(self.add_versions(key, depth, &fresh, &keys).await?);
        self.add_draft_units(&fids).await?;
        self.unit_count += units.len();
        self.changed_count += fresh.len();
        self.end(ends).await
    }

    /// Returns the key of a level, which is entered with its first unit.
    async fn level_key(&self, level: &Level, is_empty: bool) -> Result<Option<i64>, Failure> {
        let names: [&(dyn ToSql + Sync); 2] = [&self.generation.layer.as_str(), &level.as_str()];
        let found = self.tx.query_opt("SELECT key FROM gk_level WHERE layer = $1 AND level = $2", &names).await?;
        if found.is_some() || is_empty {
            return Ok(found.map(|row| row.get(0)));
        }
        let sql = "INSERT INTO gk_level (key, layer, level) SELECT coalesce(max(key), 0) + 1, $1, $2 FROM gk_level RETURNING key";
        Ok(Some(self.tx.query_one(sql, &names).await?.get(0)))
    }

    /// Returns the versions of a level's units that have to be known, by code. A draft's own versions begin and end with the same number.
    async fn load_versions(&self, level: i64) -> Result<FxHashMap<String, Vec<Version<i64>>>, Failure> {
        let sql = "SELECT u.code, v.fid, v.fingerprint, v.valid_from, v.valid_to, v.from_generation, v.to_generation
                   FROM gk_unit_version AS v JOIN gk_unit AS u ON u.key = v.unit
                   WHERE v.level = $1 AND (v.to_generation IS NULL
                     OR v.to_generation > v.from_generation AND (v.valid_to IS NULL OR v.valid_to > $2))";
        let parameters: [&(dyn ToSql + Sync); 2] = [&level, &Time(self.generation.effective_from)];
        let in_effect = self.in_effect.map(from_id).transpose()?;
        let mut rows = std::pin::pin!(self.tx.query_raw(sql, parameters).await?);
        let mut versions: FxHashMap<String, Vec<Version<i64>>> = FxHashMap::default();
        while let Some(row) = rows.try_next().await? {
            let (from, to): (i32, Option<i32>) = (row.get(5), row.get(6));
            versions.entry(row.get(0)).or_default().push(Version {
                key: row.get(1),
                fingerprint: read_fingerprint(row.get(2))?,
                valid_from: row.try_get::<_, Time>(3)?.0,
                valid_to: row.try_get::<_, Option<Time>>(4)?.map(|time| time.0),
                is_live: to.is_none(),
                is_in_effect: in_effect.is_some_and(|number| from <= number && to.is_none_or(|to| to > number)),
            });
        }
        Ok(versions)
    }

    /// Returns what is known of those of `codes` that the level has ever had. A draft's own versions begin and end with the same number.
    async fn load_known(&self, level: i64, codes: &[&str]) -> Result<FxHashMap<String, Known>, Failure> {
        let sql = "SELECT u.code, u.key, v.fingerprint FROM gk_unit AS u LEFT JOIN gk_unit_version AS v
                     ON v.unit = u.key AND (v.to_generation IS NULL OR v.to_generation > v.from_generation)
                   WHERE u.level = $1 AND u.code = ANY ($2)";
        let parameters: [&(dyn ToSql + Sync); 2] = [&level, &codes];
        let mut rows = std::pin::pin!(self.tx.query_raw(sql, parameters).await?);
        let mut known: FxHashMap<String, Known> = FxHashMap::default();
        while let Some(row) = rows.try_next().await? {
            let entry = known.entry(row.get(0)).or_default();
            entry.key = row.get(1);
            if let Some(fingerprint) = row.get::<_, Option<&[u8]>>(2) {
                entry.past.push(read_fingerprint(fingerprint)?);
            }
        }
        Ok(known)
    }

    /// Binds new codes to their ids, and returns the keys of all units.
    async fn add_units(
        &self,
        level_key: i64,
        depth: usize,
        fresh: &[Fresh],
        known: &FxHashMap<String, Known>,
    ) -> Result<Vec<i64>, Failure> {
        let level = &self.publication.coverage.levels()[depth];
        let mut next = self.next_key("gk_unit", "key").await?;
        let mut keys = Vec::with_capacity(fresh.len());
        let types = [Type::INT8, Type::INT8, Type::TEXT, Type::UUID];
        let sink = self.tx.copy_in("COPY gk_unit (key, level, code, id) FROM STDIN (FORMAT binary)").await?;
        let mut copy = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
        for fresh in fresh {
            let unit = level.unit(fresh.index);
            let key = match known.get(unit.code.as_str()) {
                Some(known) => known.key,
                None => {
                    copy.as_mut().write(&[&next, &level_key, &unit.code.as_str(), &unit.id.0]).await?;
                    next += 1;
                    next - 1
                }
            };
            keys.push(key);
        }
        copy.finish().await?;
        Ok(keys)
    }

    async fn add_versions(&self, level_key: i64, depth: usize, fresh: &[Fresh], keys: &[i64]) -> Result<Vec<i64>, Failure> {
        let coverage = self.publication.coverage;
        let number = from_id(self.generation.id)?;
        let next = self.next_key("gk_unit_version", "fid").await?;
        // A json column takes the bytes of a text.
        let types = [
            Type::INT8,
            Type::INT8,
            Type::INT8,
            Type::INT4,
            Type::INT4,
            Type::TIMESTAMPTZ,
            Type::TEXT,
            Type::TEXT,
            Type::TEXT,
            Type::BYTEA,
            self.geometry.clone(),
        ];
        let columns = "fid, unit, level, from_generation, to_generation, valid_from, name, parent, properties, fingerprint, geom";
        let sink = self.tx.copy_in(&format!("COPY gk_unit_version ({columns}) FROM STDIN (FORMAT binary)")).await?;
        let mut copy = std::pin::pin!(BinaryCopyInWriter::new(sink, &types));
        let mut fids = Vec::with_capacity(fresh.len());
        for (fid, (fresh, key)) in (next..).zip(fresh.iter().zip(keys)) {
            let unit = coverage.levels()[depth].unit(fresh.index);
            let geometry = Ewkb::of(coverage.to_geometry(depth, fresh.index)).map_err(|e| corrupt("unit", &e))?;
            let properties = serde_json::to_string(&unit.properties).map_err(|e| corrupt("unit", &e))?;
            let row: [&(dyn ToSql + Sync); 11] = [
                &fid,
                key,
                &level_key,
                &number,
                &self.draft.map(|_| number),
                &Time(fresh.valid_from),
                &to_text(&unit.name),
                &unit.parent.as_ref().map(UnitCode::as_str),
                &properties,
                &&fresh.fingerprint.0[..],
                &geometry,
            ];
            copy.as_mut().write(&row).await?;
            fids.push(fid);
        }
        copy.finish().await?;
        Ok(fids)
    }

    async fn add_draft_units(&self, fids: &[i64]) -> Result<(), Failure> {
        if let Some(draft) = self.draft {
            self.tx.execute("INSERT INTO gk_draft_unit (generation, version) SELECT $1, unnest($2::bigint[])", &[&draft, &fids]).await?;
        }
        Ok(())
    }

    /// Writes how versions end; a draft ends nothing.
    async fn end(&self, ends: Vec<End<i64>>) -> Result<(), Failure> {
        if self.draft.is_some() || ends.is_empty() {
            return Ok(());
        }
        let (fids, ends): (Vec<i64>, Vec<Option<Time>>) = ends.into_iter().map(|end| (end.key, end.valid_to.map(Time))).unzip();
        let sql = "UPDATE gk_unit_version AS v SET to_generation = coalesce(v.to_generation, $1), valid_to = e.valid_to
                   FROM unnest($2::bigint[], $3::timestamptz[]) AS e (fid, valid_to) WHERE v.fid = e.fid";
        self.tx.execute(sql, &[&from_id(self.generation.id)?, &fids, &ends]).await?;
        Ok(())
    }

    /// Returns the next free key of a table. Only one writer at a time asks.
    async fn next_key(&self, table: &str, column: &str) -> Result<i64, Failure> {
        Ok(self.tx.query_one(&format!("SELECT coalesce(max({column}), 0) + 1 FROM {table}"), &[]).await?.get(0))
    }
}

fn read_fingerprint(bytes: &[u8]) -> Result<Fingerprint, Failure> {
    bytes.try_into().map(Fingerprint).map_err(|e| corrupt("unit", &e))
}
