use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use sha2::{Digest, Sha256};

use super::times::validity_to_milliseconds;
use crate::boundary::{Accepted, Generation, GenerationId, GenerationState, Layer, LayerName, Level, Territory, UnitCode, UnitShape};
use crate::dispatch::{AddressRow, Assignment, Case, CaseId, Role, RosterTerm, Worker, WorkerId};
use crate::topology::{Seal, ValidCoverage};

/// A generation about to be written. The coverage holds every level of the layer, unchanged ones too.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    pub coverage: &'a ValidCoverage,
    /// The published generation this one was made from; publishing fails where it is no longer the newest.
    pub parent: Option<GenerationId>,
    pub state: GenerationState,
    pub effective_from: Timestamp,
    pub created_at: Timestamp,
    pub author: &'a str,
    pub note: &'a str,
    /// The earlier generation whose boundaries these are, where this rolls back.
    pub restores: Option<GenerationId>,
    /// Codes that have ended may name other units now.
    pub reuses_codes: bool,
}

/// A generation as it is read back: what [`crate::topology::check`] needs to make its coverage again.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredGeneration {
    pub generation: Generation,
    pub layer: Layer,
    /// One list for each level of the layer, coarse to fine. The source of a shape is its place in this list.
    pub shapes: Vec<Vec<UnitShape>>,
    /// The faults accepted when it was published.
    pub accepted: Accepted,
    /// What its shapes are known by, where the program that published it left that.
    pub seal: Option<Seal>,
}

/// What one published generation has that another has not.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerationChanges {
    /// The generation that comes of the changes, with its layer and what was accepted of it.
    pub generation: Generation,
    pub layer: Layer,
    pub accepted: Accepted,
    /// For each level of the layer, coarse to fine, the codes of units that the generation no longer has so, in their order.
    pub ended: Vec<Vec<UnitCode>>,
    /// For each level the units that it has anew or otherwise, in the order of codes. A unit that has changed stands in both lists.
    pub begun: Vec<Vec<UnitShape>>,
    /// For each level those of all its units that have an end by now, with it, in the order of codes.
    pub ends: Vec<Vec<(UnitCode, Timestamp)>>,
    /// Levels with units in the generation before that the layer no longer has.
    pub has_lost_levels: bool,
}

/// Returns the newest published generation, whether it is in effect yet or not.
pub fn newest_generation(generations: &[Generation]) -> Option<&Generation> {
    generations.iter().filter(|g| g.state == GenerationState::Published).max_by_key(|g| g.id)
}

/// Returns the published generation that is in effect at `at`: the newest of those that have begun.
pub fn current_generation(generations: &[Generation], at: Timestamp) -> Option<&Generation> {
    generations.iter().filter(|g| g.state == GenerationState::Published && g.effective_from <= at).max_by_key(|g| g.id)
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct RosterData {
    pub workers: Vec<Worker>,
    pub assignments: Vec<Assignment>,
}

/// A roster and for how long it is in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredRoster {
    pub term: RosterTerm,
    pub data: RosterData,
}

/// A roster that takes the place of one that was read, where none has been written since.
#[derive(Clone, Copy, Debug)]
pub struct RosterChange<'a> {
    /// Workers whom the store knows keep name and phone as they are there.
    pub data: &'a RosterData,
    /// The number of the roster that had been written last.
    pub newest: Option<u64>,
}

/// What a change of the roster says of a worker. What is none stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerSaid {
    pub id: WorkerId,
    pub name: Option<String>,
    pub phone: Option<String>,
}

impl RosterData {
    /// Calls each worker as the store does, which `known` tells, but for what is said of one.
    pub(super) fn with_names(mut self, known: &BTreeMap<WorkerId, Worker>, said: Option<&WorkerSaid>) -> Self {
        for worker in &mut self.workers {
            if let Some(kept) = known.get(&worker.id) {
                worker.clone_from(kept);
            }
            if let Some(said) = said.filter(|said| said.id == worker.id) {
                worker.name = said.name.clone().unwrap_or_else(|| std::mem::take(&mut worker.name));
                worker.phone = said.phone.clone().unwrap_or_else(|| std::mem::take(&mut worker.phone));
            }
        }
        self
    }

    /// The roster as every back end keeps and returns it: one worker an id, the last given; in one order.
    pub fn into_kept(mut self) -> Self {
        self.workers.reverse();
        self.workers.sort_by(|a, b| a.id.cmp(&b.id));
        self.workers.dedup_by(|later, first| later.id == first.id);
        for assignment in &mut self.assignments {
            assignment.validity = validity_to_milliseconds(assignment.validity);
        }
        self.assignments.sort_by(|a, b| {
            let key = |a: &Assignment| (a.unit.clone(), a.post, a.worker.clone(), a.validity.from, a.validity.to, a.department.clone());
            key(a).cmp(&key(b)).then_with(|| a.shift.periods().cmp(b.shift.periods()))
        });
        self
    }
}

/// A unit of a published generation, without what it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitHead {
    pub level: Level,
    pub code: UnitCode,
    pub parent: Option<UnitCode>,
    /// The same in two generations of a layer where the unit is the same in both. It says nothing else.
    pub version: i64,
}

/// A unit that the newest generation of its layer has no more, as it was last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedUnit {
    pub level: Level,
    pub code: UnitCode,
    pub parent: Option<UnitCode>,
}

/// Which cases a page holds.
#[derive(Clone, Debug)]
pub struct CaseFilter {
    /// Only cases after this one, in the order of ids.
    pub after: Option<CaseId>,
    /// West, south, east, north, degrees, borders included. A west greater than its east reaches over the antimeridian.
    pub bbox: Option<[f64; 4]>,
    /// Only cases in units of this; where it is not the whole, none that lie in no unit.
    pub territory: Territory,
    /// Only cases in units whose codes begin so.
    pub grid_prefix: Option<String>,
    /// Only cases of one of these; none asks for cases of any.
    pub categories: Vec<String>,
    /// Only cases reported at this time or later.
    pub reported_from: Option<Timestamp>,
    /// Only cases reported before this time.
    pub reported_to: Option<Timestamp>,
    /// Only cases in this state.
    pub state: Option<String>,
    /// Only cases that have not ended, or that have; mere records are neither.
    pub is_open: Option<bool>,
    /// Only cases that may be shown to all, or may not.
    pub is_published: Option<bool>,
    /// Only cases of which a clock that runs is due before this time.
    pub due_before: Option<Timestamp>,
    /// Only cases of which a word about a clock was due at this time or before.
    pub alarm_by: Option<Timestamp>,
    /// Only cases of which this worker is the holder, is asked to look at the place, or is named for an open task.
    pub worker: Option<WorkerId>,
    /// Only cases that are in doubt between two units.
    pub is_near_border: bool,
    /// Only cases with a part in something at this time or later: an event, or the due time of a clock. Mere records have none.
    pub part_from: Option<Timestamp>,
    /// Only cases with a part in something more than [`LONG_LIFE`] after they were reported.
    pub is_long: bool,
    /// Only cases of which this department has a task that is open, or had one where the case has ended.
    pub department: Option<String>,
    /// From the greatest down, by id or by [`CaseOrder::Reported`]; `after` then asks for smaller ones.
    pub is_newest_first: bool,
    /// By what else than the id. `after` goes with [`CaseOrder::Reported`] alone, by [`Self::go_on_after`].
    pub order: CaseOrder,
    pub limit: usize,
    /// Also count all that match, which reads them all, whatever the page.
    pub counts: bool,
}

impl CaseFilter {
    /// Whether what it finds may lie far apart in the order of ids: it narrows, and not only to what has not ended, which an index has in
    /// that order.
    pub(super) fn may_be_seldom(&self) -> bool {
        let narrows = self.bbox.is_some()
            || self.territory != Territory::Whole
            || self.grid_prefix.is_some()
            || !self.categories.is_empty()
            || self.reported_from.is_some()
            || self.reported_to.is_some()
            || self.state.is_some()
            || self.worker.is_some()
            || self.department.is_some()
            || self.is_open == Some(false);
        narrows && self.is_open != Some(true) && self.order == CaseOrder::Id
    }

    /// Asks for what comes after a case, the last of a page in the order of ids or of [`CaseOrder::Reported`].
    pub fn go_on_after(&mut self, last: &Case) {
        self.after = Some(last.id);
        match (self.order, self.is_newest_first) {
            (CaseOrder::Reported, false) => self.reported_from = Some(last.reported_at),
            (CaseOrder::Reported, true) => self.reported_to = last.reported_at.checked_add(MILLISECOND).ok(),
            _ => {}
        }
    }

    /// When the case was reported after which [`CaseOrder::Reported`] goes on: of those of that time ids decide, the others are bounded.
    pub(super) fn went_on_after(&self) -> Option<Timestamp> {
        self.after?;
        match (self.order, self.is_newest_first) {
            (CaseOrder::Reported, false) => self.reported_from,
            (CaseOrder::Reported, true) => self.reported_to.and_then(|to| to.checked_sub(MILLISECOND).ok()),
            _ => None,
        }
    }

    /// Whether it asks for one thing alone that there is an index for, so that this index is the way to what it finds, whatever the value.
    pub(super) fn narrows_by_one(&self) -> bool {
        let own = [
            self.bbox.is_some(),
            self.territory != Territory::Whole,
            self.grid_prefix.is_some(),
            !self.categories.is_empty(),
            self.state.is_some(),
            self.department.is_some(),
        ];
        let is_else = self.reported_from.is_some()
            || self.reported_to.is_some()
            || self.is_published.is_some()
            || self.due_before.is_some()
            || self.alarm_by.is_some()
            || self.worker.is_some()
            || self.part_from.is_some()
            || self.is_near_border
            || self.is_long;
        own.into_iter().filter(|asked| *asked).count() == 1 && !is_else
    }

    /// Whether a look at `next` cases may fill a page where one at `looked_at` found so many. What lies unevenly deserves some doubt.
    pub(super) fn may_be_filled(&self, found: usize, looked_at: usize, next: usize) -> bool {
        const DOUBT: usize = 4;
        found.saturating_mul(next / looked_at).saturating_mul(DOUBT) > self.limit
    }

    /// The first `limit` of all cases, counted.
    pub fn first(limit: usize) -> Self {
        Self {
            after: None,
            bbox: None,
            territory: Territory::Whole,
            grid_prefix: None,
            categories: Vec::new(),
            reported_from: None,
            reported_to: None,
            state: None,
            is_open: None,
            is_published: None,
            due_before: None,
            alarm_by: None,
            worker: None,
            is_near_border: false,
            part_from: None,
            is_long: false,
            department: None,
            is_newest_first: false,
            order: CaseOrder::Id,
            limit,
            counts: true,
        }
    }
}

/// How many cases are looked at in the order of their ids for those that are wanted, at first and then. Where these are many, they fill a
/// page among as many; where they are few, an index finds them. In tests a few stand for many.
pub(super) const CASES_LOOKED_AT: [usize; 2] = if cfg!(test) { [2, 5] } else { [1_000, 10_000] };

/// Times of reports are kept to it.
const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// Most cases have nothing left to happen so long after they were reported; those that have are found by themselves.
pub const LONG_LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// By what cases are put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaseOrder {
    #[default]
    Id,
    /// What was reported first comes first.
    Reported,
    /// What was due first comes first.
    Due,
    /// By when the next word about a clock is due.
    Alarm,
    /// What is nearest to a border comes first.
    Border,
}

impl CaseOrder {
    /// Returns the column, behind which ids decide.
    pub(super) fn column(self) -> Option<&'static str> {
        match self {
            Self::Id => None,
            Self::Reported => Some("reported_at"),
            Self::Due => Some("due_at"),
            Self::Alarm => Some("alarm_at"),
            Self::Border => Some("border_m"),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CasePage {
    pub cases: Vec<Case>,
    /// How many match the filter, whatever the page; none where that was not asked for.
    pub matched: Option<usize>,
    pub has_more: bool,
}

/// Returns what tells rows of addresses apart: all that they say.
pub(super) fn address_key(row: &AddressRow) -> String {
    let AddressRow { kind, zone, street, plate, name, alias, position } = row;
    let (lon, lat) = (position.lon.to_bits(), position.lat.to_bits());
    [kind.as_str(), zone, street, plate, name, alias, &format!("{lon:x} {lat:x}")].join("\u{1f}")
}

/// A person of whom a name, phone or address may be kept, without them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonRecord {
    pub id: WorkerId,
    /// Nothing personal is kept: it was never told, or has been erased.
    pub is_blank: bool,
    /// Whether the roster that was written last has the person.
    pub is_on_roster: bool,
    /// When a roster was written for the first time that no longer had the person; none of one who stands on the roster, or never did.
    pub left_at: Option<Timestamp>,
}

/// Why somebody is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErasureReason {
    /// The person or the office asked for it.
    Request,
    /// It was kept for as long as the settings say.
    Expiry,
    /// It had been erased before the store was restored from a backup that still had it.
    Restore,
}

impl ErasureReason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "on request",
            Self::Expiry => "after its time",
            Self::Restore => "again after a restore",
        }
    }
}

/// Names a person without saying who it is: SHA-256 over the id by which the office knows the person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PersonDigest(pub [u8; 32]);

impl PersonDigest {
    pub fn of(id: &WorkerId) -> Self {
        Self(Sha256::digest(id.0.as_bytes()).into())
    }
}

/// SHA-256 of a key. The key itself is shown once and never kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 32]);

#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    pub hash: KeyHash,
    pub role: Role,
    /// Codes of the units that the key is limited to, their descendants included; empty for all.
    pub scope: Vec<UnitCode>,
    /// The layers that the key is limited to; empty for all.
    pub layers: Vec<LayerName>,
    pub note: String,
    /// Whose key it is: by it a worker has a grid and tasks of their own.
    pub worker: Option<WorkerId>,
    pub created_at: Timestamp,
    /// When it ends by itself; none where only revoking ends it.
    pub expires_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

impl KeyRecord {
    /// Makes the record of a key for all units and layers that ends only when it is revoked.
    pub fn new(hash: KeyHash, role: Role, created_at: Timestamp) -> Self {
        Self {
            hash,
            role,
            scope: Vec::new(),
            layers: Vec::new(),
            note: String::new(),
            worker: None,
            created_at,
            expires_at: None,
            revoked_at: None,
        }
    }
}

/// Who wrote what, and when. Says nothing personal about anybody but the author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Grows in the order of writing.
    pub number: u64,
    pub at: Timestamp,
    pub author: String,
    /// `publish`, `draft`, `open_draft`, `edit_draft`, `approve_draft`, `publish_draft`, `withdraw_draft`, `replace_roster`, `replace_categories`, `replace_responsibilities`, `replace_calendars`, `add_cases`, `add_webhook`, `end_webhook`, `add_key`,
    /// `revoke_key`, `erase_person`, `erase_photo`, `save_note`, `detach_month`, `archive_month`, `replace_addresses`, `add_ruling`, `end_ruling`, `report_border`,
    /// `settle_border_report`, `give_consent`, `withdraw_consent`, `add_skill`, `end_skill`.
    pub action: String,
    /// What was written, in words and figures.
    pub subject: String,
    /// What was so before, as JSON; none where there was nothing, or nothing can be told in few words.
    pub before: Option<String>,
    /// What is so since, as JSON.
    pub after: Option<String>,
}

/// The first eight bytes tell keys apart in a log.
impl std::fmt::Display for KeyHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0[..8].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
