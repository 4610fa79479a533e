//! Writes a generation: new and changed units get a row, and the rows that they take the place of end.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Statement, Transaction, params};
use rustc_hash::FxHashMap;

use super::connection::{Failure, corrupt};
use super::generations::newest_published;
use super::geometry::{self, Extent};
use super::keys::note_change;
use super::views::{level_key, register_change};
use crate::boundary::{Generation, GenerationId, GenerationState, Unit, UnitCode};
use crate::store::StoreError;
use crate::store::audit::Action;
use crate::store::identity::{Fingerprint, end_of, goes_on};
use crate::store::records::Publication;
use crate::store::texts::{accepted_text, levels_text, scheme_text, state_text};
use crate::store::times::{parse_time, time_text, to_milliseconds};

pub(super) fn publish(transaction: &Transaction<'_>, publication: &Publication<'_>) -> Result<Generation, Failure> {
    let layer = publication.coverage.layer();
    let newest = newest_published(transaction, &layer.name)?;
    if publication.parent != newest {
        return Err(Failure::Store(StoreError::Superseded { layer: layer.name.clone(), given: publication.parent, newest }));
    }
    let (generation, key) = insert_generation(transaction, publication)?;
    let is_draft = publication.state == GenerationState::Draft;
    let mut writer = UnitWriter::new(transaction, &generation, is_draft.then_some(key))?;
    for depth in 0..layer.levels.len() {
        writer.write_level(publication, depth)?;
    }
    // A level that the layer no longer has ends with all its units.
    for key in left_out_levels(transaction, publication)? {
        let live = writer.load_live(key)?;
        writer.end(live.into_values())?;
        writer.register(key, None)?;
    }
    let (unit_count, changed_count) = (writer.unit_count, writer.changed_count);
    drop(writer);
    let action = Action::Publish { generation: &generation, unit_count, changed_count };
    note_change(transaction, &action, publication.author, publication.created_at)?;
    Ok(generation)
}

fn insert_generation(transaction: &Transaction<'_>, publication: &Publication<'_>) -> Result<(Generation, i64), Failure> {
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
            publication.coverage.seal().0,
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

/// A version of a unit that the newest published generation has.
struct Live {
    fid: i64,
    fingerprint: Fingerprint,
    valid_from: Timestamp,
}

/// The statements that run once a unit, prepared once.
struct UnitWriter<'t> {
    transaction: &'t Transaction<'t>,
    generation: &'t Generation,
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
    fn new(transaction: &'t Transaction<'t>, generation: &'t Generation, draft: Option<i64>) -> Result<Self, Failure> {
        Ok(Self {
            transaction,
            generation,
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
            end_version: transaction.prepare("UPDATE gk_unit_version SET to_generation = ?2, valid_to = ?3 WHERE fid = ?1")?,
            add_draft_unit: transaction.prepare("INSERT INTO gk_draft_unit (generation, version) VALUES (?1, ?2)")?,
            unit_count: 0,
            changed_count: 0,
        })
    }

    fn write_level(&mut self, publication: &Publication<'_>, depth: usize) -> Result<(), Failure> {
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
        let mut live = self.load_live(key)?;
        let mut extent: Option<Extent> = None;
        let mut reused: Vec<UnitCode> = Vec::new();
        for (index, unit) in level.indices().zip(level.units()) {
            let geometry = coverage.to_geometry(depth, index);
            if let Some(own) = Extent::of(&geometry) {
                extent = Some(extent.map_or(own, |all| all.joined(own)));
            }
            let fingerprint = Fingerprint::of(unit, &geometry);
            let known = live.get(unit.code.as_str());
            if known.is_none() && !publication.reuses_codes && self.is_reused(key, &unit.code, fingerprint)? {
                reused.push(unit.code.clone());
            }
            let goes_on = |live: &&Live| goes_on(live.fingerprint, live.valid_from, fingerprint, self.generation.effective_from);
            let fid = match known.filter(goes_on).map(|live| live.fid) {
                Some(fid) => {
                    live.remove(unit.code.as_str());
                    fid
                }
                None => self.add_version(key, unit, fingerprint, &geometry::encode(&geometry))?,
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
        self.end(live.into_values())?;
        self.register(key, extent)
    }

    /// Returns the units of a level in the newest published generation, by code.
    fn load_live(&self, level: i64) -> Result<FxHashMap<String, Live>, Failure> {
        let mut statement = self.transaction.prepare(
            "SELECT u.code, v.fid, v.fingerprint, v.valid_from FROM gk_unit_version AS v JOIN gk_unit AS u ON u.key = v.unit
             WHERE v.level = ?1 AND v.to_generation IS NULL",
        )?;
        let mut rows = statement.query([level])?;
        let mut live = FxHashMap::default();
        while let Some(row) = rows.next()? {
            let fingerprint = row.get(2).map(Fingerprint)?;
            live.insert(
                row.get(0)?,
                Live {
                    fid: row.get(1)?,
                    fingerprint,
                    valid_from: parse_time(row.get_ref(3)?.as_str().map_err(|e| corrupt("unit", &e))?).map_err(|e| corrupt("unit", &e))?,
                },
            );
        }
        Ok(live)
    }

    /// Whether published units had the code and none of them was what this one is.
    fn is_reused(&mut self, level: i64, code: &UnitCode, fingerprint: Fingerprint) -> Result<bool, Failure> {
        let mut rows = self.past_versions.query((level, code.as_str()))?;
        let mut was_another = false;
        while let Some(row) = rows.next()? {
            if row.get(0).map(Fingerprint)? == fingerprint {
                return Ok(false);
            }
            was_another = true;
        }
        Ok(was_another)
    }

    fn add_version(&mut self, level: i64, unit: &Unit, fingerprint: Fingerprint, blob: &[u8]) -> Result<i64, Failure> {
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
            time_text(self.generation.effective_from),
            unit.name,
            unit.parent.as_ref().map(UnitCode::as_str),
            properties,
            fingerprint.0,
            blob,
        ])?;
        self.changed_count += 1;
        Ok(self.transaction.last_insert_rowid())
    }

    /// Ends what the generation does not take over; a draft ends nothing.
    fn end(&mut self, gone: impl Iterator<Item = Live>) -> Result<(), Failure> {
        if self.draft.is_some() {
            return Ok(());
        }
        for live in gone {
            let valid_to = end_of(live.valid_from, self.generation.effective_from);
            self.end_version.execute(params![live.fid, self.generation.id.0, time_text(valid_to)])?;
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
