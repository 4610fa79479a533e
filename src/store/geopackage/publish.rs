//! Writes a generation: new and changed units get a row, and the rows that they take the place of end.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Statement, Transaction, params};
use rustc_hash::FxHashMap;

use super::connection::{Failure, corrupt};
use super::generations::{load_generations, newest_published};
use super::geometry::{self, Extent};
use super::keys::note_change;
use super::lives::add_publication;
use super::views::{level_key, register_change};
use crate::boundary::{Generation, GenerationId, GenerationState, Unit, UnitCode};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::identity::Fingerprint;
use crate::store::records::{Publication, current_generation};
use crate::store::succession::{End, Version, is_reused, succeed};
use crate::store::texts::{accepted_text, levels_text, scheme_text, state_text};
use crate::store::times::{parse_time, time_text, to_milliseconds};
use crate::topology::{GeometryDigest, Seal};

pub(super) fn publish(transaction: &Transaction<'_>, publication: &Publication<'_>) -> Result<Generation, Failure> {
    let layer = publication.coverage.layer();
    let newest = newest_published(transaction, &layer.name)?;
    if publication.parent != newest {
        return Err(Failure::Store(StoreError::Superseded { layer: layer.name.clone(), given: publication.parent, newest }));
    }
    let known = load_generations(transaction, &layer.name)?;
    let in_effect = current_generation(&known, to_milliseconds(publication.effective_from)).map(|generation| generation.id);
    let digests = publication.coverage.geometry_digests();
    let (generation, key) = insert_generation(transaction, publication, publication.coverage.seal_with(&digests))?;
    let is_draft = publication.state == GenerationState::Draft;
    let mut writer = UnitWriter::new(transaction, &generation, in_effect, is_draft.then_some(key))?;
    for (depth, digests) in digests.iter().enumerate() {
        writer.write_level(publication, depth, digests)?;
    }
    // A level that the layer no longer has ends with all its units.
    for key in left_out_levels(transaction, publication)? {
        for versions in writer.load_versions(key)?.into_values() {
            let gone = succeed(&versions, None, generation.effective_from);
            writer.end(&gone.ends)?;
        }
        writer.register(key, None)?;
    }
    let (unit_count, changed_count) = (writer.unit_count, writer.changed_count);
    drop(writer);
    if !is_draft {
        add_publication(transaction, &generation)?;
    }
    let action = Action::Publish { generation: &generation, unit_count, changed_count };
    note_change(transaction, &action, publication.author, publication.created_at)?;
    Ok(generation)
}

fn insert_generation(transaction: &Transaction<'_>, publication: &Publication<'_>, seal: Seal) -> Result<(Generation, i64), Failure> {
    let layer = publication.coverage.layer();
    let number: u32 =
        transaction.query_row("SELECT coalesce(max(number), 0) + 1 FROM gk_generation WHERE layer = ?1", [layer.name.as_str()], |row| {
            row.get(0)
        })?;
    let generation = Generation {
        id: GenerationId(number),
        layer: layer.name.clone(),
        state: publication.state,
        effective_from: to_milliseconds(publication.effective_from),
        created_at: to_milliseconds(publication.created_at),
        author: publication.author.to_owned(),
        note: publication.note.to_owned(),
        parent: publication.parent,
        restores: publication.restores,
    };
    transaction.execute(
        "INSERT INTO gk_generation
         (layer, number, state, effective_from, created_at, author, note, parent, levels, scheme, accepted, restores, seal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            layer.name.as_str(),
            number,
            state_text(generation.state),
            time_text(generation.effective_from),
            time_text(generation.created_at),
            generation.author,
            generation.note,
            generation.parent.map(|parent| parent.0),
            levels_text(layer),
            scheme_text(layer),
            accepted_text(publication.coverage.accepted()),
            generation.restores.map(|restores| restores.0),
            seal.0,
        ],
    )?;
    Ok((generation, transaction.last_insert_rowid()))
}

fn left_out_levels(transaction: &Transaction<'_>, publication: &Publication<'_>) -> Result<Vec<i64>, Failure> {
    let layer = publication.coverage.layer();
    let mut statement = transaction.prepare("SELECT key, level FROM gk_level WHERE layer = ?1")?;
    let known = statement.query_map([layer.name.as_str()], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let mut left_out = Vec::new();
    for level in known {
        let (key, name) = level?;
        if !layer.levels.iter().any(|level| level.as_str() == name) {
            left_out.push(key);
        }
    }
    Ok(left_out)
}

/// The statements that run once a unit, prepared once.
struct UnitWriter<'t> {
    transaction: &'t Transaction<'t>,
    generation: &'t Generation,
    /// The generation before it in whose place it comes, though a newer one may be published for later.
    in_effect: Option<GenerationId>,
    /// The row of the generation where it is a draft.
    draft: Option<i64>,
    add_unit: Statement<'t>,
    find_unit: Statement<'t>,
    past_versions: Statement<'t>,
    add_version: Statement<'t>,
    end_version: Statement<'t>,
    add_draft_unit: Statement<'t>,
    unit_count: usize,
    changed_count: usize,
}

impl<'t> UnitWriter<'t> {
    fn new(
        transaction: &'t Transaction<'t>,
        generation: &'t Generation,
        in_effect: Option<GenerationId>,
        draft: Option<i64>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            transaction,
            generation,
            in_effect,
            draft,
            add_unit: transaction
                .prepare("INSERT INTO gk_unit (level, code, id) VALUES (?1, ?2, ?3) ON CONFLICT (level, code) DO NOTHING")?,
            find_unit: transaction.prepare("SELECT key FROM gk_unit WHERE level = ?1 AND code = ?2")?,
            // A draft's own versions begin and end with the same number.
            past_versions: transaction.prepare(
                "SELECT v.fingerprint FROM gk_unit AS u JOIN gk_unit_version AS v ON v.unit = u.key
                 WHERE u.level = ?1 AND u.code = ?2 AND (v.to_generation IS NULL OR v.to_generation > v.from_generation)",
            )?,
            add_version: transaction.prepare(
                "INSERT INTO gk_unit_version
                 (unit, level, from_generation, to_generation, valid_from, name, parent, properties, fingerprint, geom)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?,
            end_version: transaction
                .prepare("UPDATE gk_unit_version SET to_generation = coalesce(to_generation, ?2), valid_to = ?3 WHERE fid = ?1")?,
            add_draft_unit: transaction.prepare("INSERT INTO gk_draft_unit (generation, version) VALUES (?1, ?2)")?,
            unit_count: 0,
            changed_count: 0,
        })
    }

    fn write_level(&mut self, publication: &Publication<'_>, depth: usize, digests: &[GeometryDigest]) -> Result<(), Failure> {
        let coverage = publication.coverage;
        let level = &coverage.levels()[depth];
        // A level gets its view with its first unit.
        let known: Option<i64> = self
            .transaction
            .query_row(
                "SELECT key FROM gk_level WHERE layer = ?1 AND level = ?2",
                (self.generation.layer.as_str(), level.level().as_str()),
                |row| row.get(0),
            )
            .optional()?;
        let key = match known {
            Some(key) => key,
            None if level.is_empty() => return Ok(()),
            None => level_key(self.transaction, &coverage.layer().name, level.level())?,
        };
        let mut known = self.load_versions(key)?;
        let mut extent: Option<Extent> = None;
        let mut reused: Vec<UnitCode> = Vec::new();
        for ((index, unit), digest) in level.indices().zip(level.units()).zip(digests) {
            let geometry = coverage.to_geometry(depth, index);
            if let Some(own) = Extent::of(&geometry) {
                extent = Some(extent.map_or(own, |all| all.joined(own)));
            }
            let fingerprint = Fingerprint::of(unit, *digest);
            let versions = known.remove(unit.code.as_str()).unwrap_or_default();
            if !publication.reuses_codes && is_reused(&versions, &self.load_past(key, &unit.code, &versions)?, fingerprint) {
                reused.push(unit.code.clone());
            }
            let succession = succeed(&versions, Some(fingerprint), self.generation.effective_from);
            self.end(&succession.ends)?;
            let fid = match succession.shared {
                Some(fid) => fid,
                None => self.add_version(key, unit, succession.valid_from, fingerprint, &geometry::encode(&geometry))?,
            };
            if let Some(draft) = self.draft {
                self.add_draft_unit.execute((draft, fid))?;
            }
            self.unit_count += 1;
        }
        if !reused.is_empty() {
            let (layer, level) = (self.generation.layer.clone(), level.level().clone());
            return Err(Failure::Store(StoreError::CodesReused { layer, level, codes: reused }));
        }
        for versions in known.into_values() {
            self.end(&succeed(&versions, None, self.generation.effective_from).ends)?;
        }
        self.register(key, extent)
    }

    /// Returns the versions of a level's units that have to be known, by code.
    fn load_versions(&self, level: i64) -> Result<FxHashMap<String, Vec<Version<i64>>>, Failure> {
        // A draft's own versions begin and end with the same number.
        let mut statement = self.transaction.prepare(
            "SELECT u.code, v.fid, v.fingerprint, v.valid_from, v.valid_to, v.from_generation, v.to_generation
             FROM gk_unit_version AS v JOIN gk_unit AS u ON u.key = v.unit
             WHERE v.level = ?1 AND (v.to_generation IS NULL
               OR v.to_generation > v.from_generation AND (v.valid_to IS NULL OR v.valid_to > ?2))",
        )?;
        let mut rows = statement.query((level, time_text(self.generation.effective_from)))?;
        let mut versions: FxHashMap<String, Vec<Version<i64>>> = FxHashMap::default();
        let broken = |error: &dyn std::fmt::Display| corrupt("unit", error);
        while let Some(row) = rows.next()? {
            let to: Option<u32> = row.get(6)?;
            let from: u32 = row.get(5)?;
            let end = row.get_ref(4)?.as_str_or_null().map_err(|e| broken(&e))?;
            versions.entry(row.get(0)?).or_default().push(Version {
                key: row.get(1)?,
                fingerprint: row.get(2).map(Fingerprint)?,
                valid_from: parse_time(row.get_ref(3)?.as_str().map_err(|e| broken(&e))?).map_err(|e| broken(&e))?,
                valid_to: end.map(parse_time).transpose().map_err(|e| broken(&e))?,
                is_live: to.is_none(),
                is_in_effect: self.in_effect.is_some_and(|id| from <= id.0 && to.is_none_or(|to| to > id.0)),
            });
        }
        Ok(versions)
    }

    /// Returns what published units of a code were that may have ended; nothing where they are known already.
    fn load_past(&mut self, level: i64, code: &UnitCode, versions: &[Version<i64>]) -> Result<Vec<Fingerprint>, Failure> {
        if versions.iter().any(|version| version.is_live) {
            return Ok(Vec::new());
        }
        let rows = self.past_versions.query_map((level, code.as_str()), |row| row.get(0).map(Fingerprint))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn add_version(
        &mut self,
        level: i64,
        unit: &Unit,
        valid_from: Timestamp,
        fingerprint: Fingerprint,
        blob: &[u8],
    ) -> Result<i64, Failure> {
        let unit_key: i64 = if self.add_unit.execute(params![level, unit.code.as_str(), unit.id.to_string()])? == 1 {
            self.transaction.last_insert_rowid()
        } else {
            self.find_unit.query_row((level, unit.code.as_str()), |row| row.get(0))?
        };
        let number = self.generation.id.0;
        let properties = serde_json::to_string(&unit.properties).map_err(|e| corrupt("unit", &e))?;
        self.add_version.execute(params![
            unit_key,
            level,
            number,
            self.draft.map(|_| number),
            time_text(valid_from),
            unit.name,
            unit.parent.as_ref().map(UnitCode::as_str),
            properties,
            fingerprint.0,
            blob,
        ])?;
        self.changed_count += 1;
        Ok(self.transaction.last_insert_rowid())
    }

    /// Writes how versions end; a draft ends nothing.
    fn end(&mut self, ends: &[End<i64>]) -> Result<(), Failure> {
        if self.draft.is_none() {
            for end in ends {
                self.end_version.execute(params![end.key, self.generation.id.0, end.valid_to.map(time_text)])?;
            }
        }
        Ok(())
    }

    fn register(&self, level: i64, extent: Option<Extent>) -> Result<(), Failure> {
        if self.draft.is_some() {
            return Ok(());
        }
        let is_future = self.generation.effective_from > self.generation.created_at;
        register_change(self.transaction, level, extent, is_future)
    }
}
