use std::sync::Arc;

use geo_types::MultiPolygon;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::lineage::{Lineage, Opening, is_written, number_of};
use super::text::{TextError, operations_to_json, parse_operations};
use crate::boundary::{Generation, GenerationId, GenerationState, LayerName, Level, UnitCode};
use crate::history::load::{LoadError, load_coverage};
use crate::plan::edit::{ChangedUnit, Draft, Foundation, Operation, Refusal, UnitChange};
use crate::snapshot::LayerHistory;
use crate::store::{DraftEntry, DraftEntryKind, Store, StoreError, newest_generation};
use crate::topology::ValidCoverage;

/// A draft that is open to be edited: its base from the store, and its log done on it.
#[derive(Debug)]
pub struct DraftSession {
    generation: Generation,
    draft: Draft,
    entries: Vec<LoggedEntry>,
    /// Places of steps in `entries`, those done and those taken back.
    done: Vec<usize>,
    undone: Vec<usize>,
    load_field: Option<String>,
    approval: Option<Approval>,
    end: Option<DraftEnd>,
    /// The newest published generation when the store was last asked.
    newest: Option<GenerationId>,
    lineage: Lineage,
    /// What it is compared with, where that is not its base and was asked for.
    foundation: Option<Foundation>,
    /// Something was done here that the store may not have; the session is of no more use.
    is_astray: bool,
}

/// An entry of the log, and whether what it did is done still.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedEntry {
    pub entry: DraftEntry,
    pub operations: Vec<Operation>,
    pub is_done: bool,
}

/// Who found a draft good, as of which revision.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    pub author: String,
    pub at: Timestamp,
    pub revision: u32,
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftEnd {
    Published(GenerationId),
    Withdrawn,
}

#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    #[error("layer {layer} has no draft {draft}")]
    Unknown { layer: LayerName, draft: GenerationId },
    #[error("layer {layer} has no generation {generation}")]
    NoGeneration { layer: LayerName, generation: GenerationId },
    #[error("layer {layer} has nothing published to begin from; name a draft")]
    NothingPublished { layer: LayerName },
    #[error("draft {draft} of layer {layer} has problems ({first_problem}); mend them before another begins from it")]
    Faulty { layer: LayerName, draft: GenerationId, first_problem: String },
    #[error(
        "overlaps, or units that stick out of their parents, were accepted of generation {generation} of layer {layer}, so it cannot be edited; mend them by an import first"
    )]
    Accepted { layer: LayerName, generation: GenerationId },
    #[error(
        "generation {newest} of layer {layer} was published after draft {draft} was begun, and would be taken back without a word by a draft \
         that begins from it; begin one from generation {newest}, and repeat the steps"
    )]
    Stale { layer: LayerName, draft: GenerationId, newest: GenerationId },
    #[error("{field} is no field of loads: {detail}; {}", describe_fields(level, known))]
    LoadField {
        level: Level,
        field: String,
        detail: String,
        /// The fields with numbers.
        known: Vec<String>,
    },
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("draft {draft} of layer {layer} cannot be edited: {refusal}; {}", refusal.remedy)]
    Unfit { layer: LayerName, draft: GenerationId, refusal: Box<Refusal> },
    #[error("revision {revision} of draft {draft} of layer {layer} can no longer be done: {detail}")]
    Broken { layer: LayerName, draft: GenerationId, revision: u32, detail: String },
}

/// Fields named in a message; the rest is counted.
const FIELDS_NAMED_MAX: usize = 12;

fn describe_fields(level: &Level, known: &[String]) -> String {
    if known.is_empty() {
        return format!("units of level {level} have no field with numbers");
    }
    let more = if known.len() > FIELDS_NAMED_MAX { " and others" } else { "" };
    format!("fields with numbers of level {level} are: {}{more}", known[..known.len().min(FIELDS_NAMED_MAX)].join(", "))
}

impl From<StoreError> for DraftError {
    fn from(error: StoreError) -> Self {
        Self::Load(error.into())
    }
}

impl DraftSession {
    /// Reads a draft and does its log, up to a revision where one is given.
    ///
    /// # Errors
    /// There is no such draft, it cannot be edited, or the store fails.
    pub fn open(store: &dyn Store, history: &LayerHistory, id: GenerationId, until: Option<u32>) -> Result<Self, DraftError> {
        let layer = &history.layer;
        let generations = store.load_generations(layer)?;
        let is_draft = |generation: &&Generation| generation.id == id && generation.state == GenerationState::Draft;
        if !generations.iter().any(|generation| is_draft(&generation)) {
            return Err(DraftError::Unknown { layer: layer.clone(), draft: id });
        }
        let (generation, coverage) = load_coverage(store, history, id)?;
        let coverage = Arc::new(coverage);
        let mut entries = store.load_draft_entries(layer, id, 0)?;
        entries.retain(|entry| until.is_none_or(|until| entry.revision <= until));
        let opening = Opening::of(&entries);
        let lineage = Lineage::trace(store, &generations, &generation, opening.as_ref())?;
        let load_field = opening.and_then(|opening| opening.load_field);
        let loads = load_field.as_ref().map(|field| loads(&coverage, field)).unwrap_or_default();
        let spent = spent_codes(store, &coverage, id)?;
        let unfit = |refusal| DraftError::Unfit { layer: layer.clone(), draft: id, refusal };
        let draft = Draft::new(coverage, &loads, spent).map_err(unfit)?.with_load_field(load_field.as_deref());
        let newest = newest_generation(&generations).map(|newest| newest.id);
        let (done, undone) = (Vec::new(), Vec::new());
        let mut session = Self {
            generation,
            draft,
            entries: Vec::new(),
            done,
            undone,
            load_field,
            approval: None,
            end: None,
            newest,
            lineage,
            foundation: None,
            is_astray: false,
        };
        entries.into_iter().try_for_each(|entry| session.follow(entry))?;
        Ok(session)
    }

    /// Reads what the draft is compared with where its own base is another: that of a draft which came from an unpublished one, or from a
    /// file. Without it, it is compared with its base.
    ///
    /// # Errors
    /// The store fails, or holds a generation that does not pass its check.
    pub fn find_foundation(&mut self, store: &dyn Store, history: &LayerHistory) -> Result<(), DraftError> {
        let Some(origin) = self.generation.origin().filter(|_| !self.lineage.stands_on_base && self.foundation.is_none()) else {
            return Ok(());
        };
        let coverage = Arc::new(load_coverage(store, history, origin)?.1);
        let loads = self.load_field.as_ref().map(|field| loads(&coverage, field)).unwrap_or_default();
        self.foundation = Some(Foundation::new(&self.draft, coverage, &loads));
        Ok(())
    }

    /// Returns which units differ from what the draft stands on, as [`Draft::changes`] does.
    pub fn changes(&self) -> Vec<ChangedUnit> {
        self.foundation.as_ref().map_or_else(|| self.draft.changes(), |foundation| self.draft.changes_since(foundation))
    }

    pub fn count_changes(&self) -> [usize; UnitChange::ALL.len()] {
        self.foundation.as_ref().map_or_else(|| self.draft.count_changes(), |foundation| self.draft.count_changes_since(foundation))
    }

    /// Returns how a unit that is there differs from what it was, where it does. `in_base` is how it differs from the draft's base.
    pub fn change_of(&self, depth: usize, code: &UnitCode, in_base: Option<UnitChange>) -> Option<UnitChange> {
        self.foundation.as_ref().map_or(in_base, |foundation| self.draft.change_since(foundation, depth, code))
    }

    /// Returns the shape that a unit had in what the draft stands on.
    pub fn geometry_before(&self, depth: usize, code: &UnitCode) -> Option<MultiPolygon<f64>> {
        if let Some(foundation) = &self.foundation {
            return foundation.geometry(depth, code);
        }
        let base = self.draft.base();
        base.levels()[depth].find(code).map(|unit| base.to_geometry(depth, unit))
    }

    /// Does what others have written meanwhile.
    ///
    /// # Errors
    /// The store fails, or what is written cannot be done.
    pub fn catch_up(&mut self, store: &dyn Store) -> Result<(), DraftError> {
        let generations = store.load_generations(&self.generation.layer)?;
        self.newest = newest_generation(&generations).map(|newest| newest.id);
        let entries = store.load_draft_entries(&self.generation.layer, self.generation.id, self.revision())?;
        entries.into_iter().try_for_each(|entry| self.follow(entry))
    }

    pub fn draft(&self) -> &Draft {
        &self.draft
    }

    pub fn generation(&self) -> &Generation {
        &self.generation
    }

    pub fn revision(&self) -> u32 {
        self.entries.last().map_or(0, |last| last.entry.revision)
    }

    pub fn entries(&self) -> &[LoggedEntry] {
        &self.entries
    }

    pub fn load_field(&self) -> Option<&str> {
        self.load_field.as_deref()
    }

    pub fn approval(&self) -> Option<&Approval> {
        self.approval.as_ref()
    }

    pub fn end(&self) -> Option<DraftEnd> {
        self.end
    }

    /// Whether what it was made on is still the newest that is published.
    pub fn is_on_newest(&self) -> bool {
        self.generation.parent == self.newest
    }

    pub fn is_astray(&self) -> bool {
        self.is_astray
    }

    /// Returns the generation that the draft became.
    pub fn published_as(&self) -> Option<GenerationId> {
        self.end.and_then(|end| if let DraftEnd::Published(generation) = end { Some(generation) } else { None })
    }

    /// Whether somebody made the draft or wrote a step of it, or of an unpublished draft that it came from.
    pub fn is_by(&self, author: &str) -> bool {
        let writes = |entry: &LoggedEntry| is_written(&entry.entry) && entry.entry.author == author;
        self.generation.author == author || self.lineage.authors.contains(author) || self.entries.iter().any(writes)
    }

    /// Does a step and returns the entry to be written, after which [`Self::confirm`] must be called.
    ///
    /// # Errors
    /// The operations are refused; nothing is changed then.
    pub fn apply(&mut self, operations: &[Operation], author: &str, at: Timestamp) -> Result<DraftEntry, Box<Refusal>> {
        self.draft.apply(operations)?;
        self.is_astray = true;
        Ok(self.next(DraftEntryKind::Apply, &operations_to_json(operations), author, at))
    }

    /// Takes the last step back and returns the entry to be written; none where there is no step.
    pub fn undo(&mut self, author: &str, at: Timestamp) -> Option<DraftEntry> {
        let step = self.entries[*self.done.last()?].entry.revision;
        self.draft.undo().then(|| self.is_astray = true)?;
        Some(self.next(DraftEntryKind::Undo, &json!({ "step": step }), author, at))
    }

    /// Does the step again that was taken back last and returns the entry to be written; none where there is no step.
    pub fn redo(&mut self, author: &str, at: Timestamp) -> Option<DraftEntry> {
        let step = self.entries[*self.undone.last()?].entry.revision;
        self.draft.redo().then(|| self.is_astray = true)?;
        Some(self.next(DraftEntryKind::Redo, &json!({ "step": step }), author, at))
    }

    /// Returns the entry that comes next.
    pub fn next(&self, kind: DraftEntryKind, body: &Value, author: &str, at: Timestamp) -> DraftEntry {
        DraftEntry {
            layer: self.generation.layer.clone(),
            draft: self.generation.id,
            revision: self.revision() + 1,
            kind,
            body: body.to_string(),
            author: author.to_owned(),
            at,
        }
    }

    /// Keeps an entry that was written, whose step has been done here.
    ///
    /// # Errors
    /// The entry cannot be read, which would be this program's fault.
    pub fn confirm(&mut self, entry: DraftEntry) -> Result<(), DraftError> {
        self.is_astray = false;
        let operations = self.read(&entry)?;
        self.keep(entry, operations);
        Ok(())
    }

    fn follow(&mut self, entry: DraftEntry) -> Result<(), DraftError> {
        let operations = self.read(&entry)?;
        let done = match entry.kind {
            DraftEntryKind::Apply => self.draft.apply(&operations).map_err(|refusal| refusal.to_string()),
            DraftEntryKind::Undo => self.draft.undo().then_some(()).ok_or_else(|| "there is no step to take back".to_owned()),
            DraftEntryKind::Redo => self.draft.redo().then_some(()).ok_or_else(|| "there is no step to do again".to_owned()),
            _ => Ok(()),
        };
        done.map_err(|detail| self.broken(&entry, detail))?;
        self.keep(entry, operations);
        Ok(())
    }

    fn read(&self, entry: &DraftEntry) -> Result<Vec<Operation>, DraftError> {
        if entry.kind != DraftEntryKind::Apply {
            return Ok(Vec::new());
        }
        let parsed = serde_json::from_str(&entry.body).map_err(|error| error.to_string());
        let parsed = parsed.and_then(|value: Value| parse_operations(&value).map_err(|error: TextError| error.to_string()));
        parsed.map_err(|detail| self.broken(entry, detail))
    }

    fn broken(&self, entry: &DraftEntry, detail: String) -> DraftError {
        DraftError::Broken { layer: self.generation.layer.clone(), draft: self.generation.id, revision: entry.revision, detail }
    }

    fn keep(&mut self, entry: DraftEntry, operations: Vec<Operation>) {
        let place = self.entries.len();
        let body = || serde_json::from_str::<Value>(&entry.body).unwrap_or_default();
        match entry.kind {
            DraftEntryKind::Apply => {
                self.done.push(place);
                self.undone.clear();
            }
            DraftEntryKind::Undo => self.undone.extend(self.done.pop().inspect(|step| self.entries[*step].is_done = false)),
            DraftEntryKind::Redo => self.done.extend(self.undone.pop().inspect(|step| self.entries[*step].is_done = true)),
            DraftEntryKind::Approve => {
                let note = body()["note"].as_str().unwrap_or_default().to_owned();
                self.approval = Some(Approval { author: entry.author.clone(), at: entry.at, revision: entry.revision, note });
            }
            DraftEntryKind::Publish => {
                self.end = Some(DraftEnd::Published(number_of(&body()).unwrap_or(GenerationId(0))));
            }
            DraftEntryKind::Withdraw => self.end = Some(DraftEnd::Withdrawn),
            DraftEntryKind::Open => (),
        }
        // What was found good was what it was then.
        if matches!(entry.kind, DraftEntryKind::Apply | DraftEntryKind::Undo | DraftEntryKind::Redo) {
            self.approval = None;
        }
        self.entries.push(LoggedEntry { entry, operations, is_done: true });
    }
}

/// Reads the loads of the finest units from a field; what is no number counts nothing.
fn loads(coverage: &ValidCoverage, field: &str) -> Vec<f64> {
    let Some(depth) = coverage.finest_depth() else { return Vec::new() };
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    let load = |unit: &crate::boundary::Unit| unit.properties.get(field).and_then(number).filter(|load| load.is_finite() && *load >= 0.0);
    coverage.levels()[depth].units().iter().map(|unit| load(unit).unwrap_or(0.0)).collect()
}

/// Returns for each level the codes that it had in published generations, or in those before a draft, and that the coverage has not.
///
/// What is published later takes codes too, the draft itself among them. They do not count for a draft: a log that was acknowledged can be
/// done again for ever, and gives the same codes to units that were named by none. What is taken meanwhile is told when the draft is
/// published.
pub fn spent_codes(
    store: &dyn Store,
    coverage: &ValidCoverage,
    before: impl Into<Option<GenerationId>>,
) -> Result<Vec<Vec<UnitCode>>, StoreError> {
    let (name, before) = (&coverage.layer().name, before.into());
    let of_level = |level: &crate::topology::CoverageLevel| {
        let codes = store.load_codes(name, level.level(), before)?;
        Ok(codes.into_iter().filter(|code| level.find(code).is_none()).collect())
    };
    coverage.levels().iter().map(of_level).collect()
}
