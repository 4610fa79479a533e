//! What drafts have from what they were begun from: their logs say it, entry by entry back to what was published.

use std::collections::BTreeSet;

use geo::{BooleanOps, GeodesicArea, InteriorPoint};
use geo_types::{MultiPolygon, Point};
use serde_json::{Value, json};

use super::session::{DraftError, DraftSession};
use super::text::{NAMED_UNITS_MAX, OPERATIONS_MAX, operations_to_json};
use crate::boundary::{Generation, GenerationId, GenerationState, LayerName, Level, UnitCode};
use crate::plan::edit::Operation;
use crate::store::{DraftEntry, DraftEntryKind, Store, StoreError};
use crate::topology::{CoverageLevel, ValidCoverage};

/// What the first entry of a log says.
#[derive(Clone, Debug, Default)]
pub(super) struct Opening {
    pub from: Option<GenerationId>,
    /// Of a draft, the step as of which it was taken; logs of old do not say it.
    revision: Option<u32>,
    pub load_field: Option<String>,
    /// Whether a level came from a file, so that the ground is another than that of `from`.
    is_redrawn: bool,
}

impl Opening {
    pub fn of(entries: &[DraftEntry]) -> Option<Self> {
        let entry = entries.iter().find(|entry| entry.kind == DraftEntryKind::Open)?;
        let body: Value = serde_json::from_str(&entry.body).ok()?;
        let number = |name: &str| body[name].as_u64().and_then(|number| u32::try_from(number).ok());
        Some(Self {
            from: number("from").map(GenerationId),
            revision: number("from_revision"),
            load_field: body["load_field"].as_str().map(ToOwned::to_owned),
            is_redrawn: body["redrawn"].as_bool().unwrap_or_default(),
        })
    }
}

/// What a draft goes back to.
#[derive(Clone, Debug, Default)]
pub(super) struct Lineage {
    /// Who made or wrote the drafts that it came from, of which nothing has been published.
    pub authors: BTreeSet<String>,
    /// Whether its base is what the generation that it stands on has, so that it is compared with that.
    pub stands_on_base: bool,
}

impl Lineage {
    /// Follows a draft back through the drafts that it came from.
    ///
    /// # Errors
    /// Those of the store.
    pub fn trace(store: &dyn Store, generations: &[Generation], draft: &Generation, opening: Option<&Opening>) -> Result<Self, StoreError> {
        let mut lineage = Self::default();
        let (mut at, mut opening) = (draft.clone(), opening.cloned());
        let mut is_first = true;
        while let Some(known) = opening {
            // An origin is older than what is made from it; where a damaged store says otherwise, the search ends all the same.
            let older = known.from.filter(|from| *from < at.id);
            let Some(origin) = older.and_then(|from| generations.iter().find(|origin| origin.id == from)) else { break };
            let entries = match origin.state {
                GenerationState::Draft => store.load_draft_entries(&origin.layer, origin.id, 0)?,
                GenerationState::Published => Vec::new(),
            };
            if origin.state == GenerationState::Published || published_as(&entries).is_some_and(|made| Some(made) == at.parent) {
                lineage.stands_on_base = is_first && !known.is_redrawn;
                break;
            }
            let writes = entries.iter().filter(|entry| is_written(entry) && known.revision.is_none_or(|until| entry.revision <= until));
            lineage.authors.extend(writes.map(|entry| entry.author.clone()));
            lineage.authors.insert(origin.author.clone());
            (opening, at, is_first) = (Opening::of(&entries), origin.clone(), false);
        }
        Ok(lineage)
    }
}

/// Whether an entry is one of those by which a draft became what it is.
pub(super) fn is_written(entry: &DraftEntry) -> bool {
    matches!(entry.kind, DraftEntryKind::Open | DraftEntryKind::Apply | DraftEntryKind::Undo | DraftEntryKind::Redo)
}

/// Returns the generation that a draft became.
pub(super) fn published_as(entries: &[DraftEntry]) -> Option<GenerationId> {
    let entry = entries.iter().rfind(|entry| entry.kind == DraftEntryKind::Publish)?;
    number_of(&serde_json::from_str(&entry.body).ok()?)
}

pub(super) fn number_of(body: &Value) -> Option<GenerationId> {
    body["generation"].as_u64().and_then(|number| u32::try_from(number).ok()).map(GenerationId)
}

/// What a draft has from the draft that it is begun from.
#[derive(Clone, Debug)]
pub struct Inherited {
    pub from: GenerationId,
    revision: u32,
    /// What it restores, where what it was begun from is not published.
    pub restores: Option<GenerationId>,
    /// Whether nothing was published after the draft was begun, but for the draft itself.
    pub is_current: bool,
    pub load_field: Option<String>,
    /// The locked units as they were there, level by level.
    held: Vec<Held>,
}

#[derive(Clone, Debug)]
struct Held {
    level: Level,
    code: UnitCode,
    parent: Option<UnitCode>,
    geometry: MultiPolygon<f64>,
}

/// A locked unit that is no longer as it was, and where it differs: longitude and latitude.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenLock {
    pub level: Level,
    pub unit: UnitCode,
    pub place: (f64, f64),
    pub what: &'static str,
}

/// Ground by which a locked unit may differ after it was in a file of another program: what rounding moves, far below a door's width, m².
const ROUNDED_M2: f64 = 1.0;

impl Inherited {
    /// Looks at a draft from which another is to begin. `newest` is the newest published generation.
    pub fn of(session: &DraftSession, newest: Option<GenerationId>) -> Self {
        let (origin, draft) = (session.generation(), session.draft());
        let is_newest = session.published_as().is_some_and(|made| Some(made) == newest);
        let locked = |(depth, level): (usize, &CoverageLevel)| -> Vec<Held> {
            let held = |code: UnitCode| {
                let (parent, geometry) = (draft.find(depth, &code)?.unit.parent, draft.geometry(depth, &code)?);
                Some(Held { level: level.level().clone(), code, parent, geometry })
            };
            draft.locked(depth).into_iter().filter_map(held).collect()
        };
        Self {
            from: origin.id,
            revision: session.revision(),
            restores: origin.restores.filter(|_| !is_newest),
            is_current: is_newest || origin.parent == newest,
            load_field: session.load_field().map(ToOwned::to_owned),
            held: draft.base().levels().iter().enumerate().flat_map(locked).collect(),
        }
    }

    /// Turns a draft away whose ground would take back what was published since.
    ///
    /// # Errors
    /// [`DraftError::Stale`].
    pub fn require_current(&self, layer: &LayerName, newest: Option<GenerationId>) -> Result<(), DraftError> {
        let stale = |newest: &GenerationId| DraftError::Stale { layer: layer.clone(), draft: self.from, newest: *newest };
        newest.filter(|_| !self.is_current).as_ref().map(stale).map_or(Ok(()), Err)
    }

    /// Finds a unit that was locked and that a coverage has no longer, or in another parent, or with other borders.
    pub fn broken_lock(&self, coverage: &ValidCoverage) -> Option<BrokenLock> {
        self.held.iter().find_map(|held| {
            let broken = |place: Option<Point<f64>>, what: &'static str| {
                let place = place.or_else(|| held.geometry.interior_point()).map(|point| (point.x(), point.y())).unwrap_or_default();
                Some(BrokenLock { level: held.level.clone(), unit: held.code.clone(), place, what })
            };
            let (Some(depth), Some(level)) = (coverage.layer().depth_of(&held.level), coverage.level(&held.level)) else {
                return broken(None, "is not there");
            };
            let Some(at) = level.find(&held.code) else { return broken(None, "is not there") };
            if level.unit(at).parent != held.parent {
                return broken(None, "is in another parent");
            }
            let geometry = coverage.to_geometry(depth, at);
            if geometry == held.geometry {
                return None;
            }
            let differs = geometry.xor(&held.geometry);
            if differs.geodesic_area_unsigned() > ROUNDED_M2 { broken(differs.interior_point(), "has other borders") } else { None }
        })
    }

    /// Returns the operations that lock what was locked, of units that a coverage has.
    pub fn locks(&self, coverage: &ValidCoverage) -> Vec<Operation> {
        let mut operations = Vec::new();
        for held in self.held.chunk_by(|a, b| a.level == b.level) {
            let level = &held[0].level;
            let Some(there) = coverage.level(level) else { continue };
            let codes: Vec<UnitCode> = held.iter().map(|held| &held.code).filter(|code| there.find(code).is_some()).cloned().collect();
            let lock = |codes: &[UnitCode]| Operation::Lock { level: level.clone(), units: codes.to_vec(), is_locked: true };
            operations.extend(codes.chunks(NAMED_UNITS_MAX).map(lock));
        }
        operations.truncate(OPERATIONS_MAX);
        operations
    }
}

/// Returns the entries with which the log of a draft begins that was written: where it came from, and the step that locks what was locked
/// there.
pub(super) fn first_entries(
    draft: &Generation,
    from: GenerationId,
    inherited: Option<&Inherited>,
    load_field: Option<&str>,
    is_redrawn: bool,
    locks: &[Operation],
) -> Vec<DraftEntry> {
    let mut body = json!({ "from": from.0, "load_field": load_field });
    if let Some(inherited) = inherited {
        body["from_revision"] = inherited.revision.into();
    }
    if is_redrawn {
        body["redrawn"] = true.into();
    }
    let entry = |revision: u32, kind: DraftEntryKind, body: Value| DraftEntry {
        layer: draft.layer.clone(),
        draft: draft.id,
        revision,
        kind,
        body: body.to_string(),
        author: draft.author.clone(),
        at: draft.created_at,
    };
    let mut entries = vec![entry(1, DraftEntryKind::Open, body)];
    if !locks.is_empty() {
        entries.push(entry(2, DraftEntryKind::Apply, operations_to_json(locks)));
    }
    entries
}

/// Returns the entries with which the log of a draft begins that was edited elsewhere and came back as a file.
pub fn entries_of_import(draft: &Generation, inherited: &Inherited, coverage: &ValidCoverage) -> Vec<DraftEntry> {
    let load_field = inherited.load_field.as_deref();
    first_entries(draft, inherited.from, Some(inherited), load_field, true, &inherited.locks(coverage))
}
