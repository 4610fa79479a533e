//! Cases with their histories, as they are written and read back.

use jiff::Timestamp;
use uuid::Uuid;

use super::records::LONG_LIFE;
use super::times::to_milliseconds;
use crate::boundary::{Position, UnitCode};
use crate::dispatch::workflow::{CaseEvent, CaseState, NoticeKind};
use crate::dispatch::{Case, CaseId, Photo, PhotoId, Reporter, WorkerId};

/// Most candidates that are looked at for what may be the same as a new case; the newest of them. More of one place and time is a
/// crowd that needs no list.
pub const DUPLICATES_MAX: usize = 20;

/// Something to be written about a case.
#[derive(Clone, Debug)]
pub enum CaseWrite {
    Add(Box<NewCase>),
    Append(Box<NewEvent>),
    /// The event by which a photo is added, with the photo.
    AppendPhoto(Box<(NewEvent, PhotoFile)>),
}

/// A photo with its bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct PhotoFile {
    pub photo: Photo,
    pub bytes: Vec<u8>,
}

/// Says nothing of what it shows, so that no log does.
impl std::fmt::Debug for PhotoFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.photo.fmt(f)
    }
}

impl PhotoFile {
    /// Returns the id under which a photo stands among the people, whose personal data it is.
    pub fn person(photo: PhotoId) -> WorkerId {
        WorkerId(format!("photo {photo}").into())
    }

    /// Returns the photo of which such an id is.
    pub fn of_person(id: &WorkerId) -> Option<PhotoId> {
        id.0.strip_prefix("photo ").and_then(|id| Uuid::try_parse(id).ok()).map(PhotoId)
    }
}

/// A case that begins its life.
#[derive(Clone, Debug)]
pub struct NewCase {
    pub case: Case,
    /// Its history, mostly one event. What may be the same is added to the first.
    pub events: Vec<CaseEvent>,
    /// Photos that come with it, each of which an event tells of.
    pub photos: Vec<PhotoFile>,
    pub reporter: Reporter,
    /// By which the same report is known again when it is sent again.
    pub token: Option<IntakeToken>,
    pub near: Option<Near>,
    /// Metres to the border, where it is so near that the grid is in doubt.
    pub border_m: Option<f64>,
}

/// A key under which somebody sends a report, and what the report was, as SHA-256 both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntakeToken {
    pub key: [u8; 32],
    pub body: [u8; 32],
}

/// What counts as perhaps the same: reported since then, and as near.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Near {
    pub distance_m: f64,
    pub since: Timestamp,
}

/// The next event of a case.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub case: CaseId,
    pub event: CaseEvent,
    /// What the case is with it, which must have been made of the event before.
    pub after: CaseState,
}

/// What became of a write.
#[derive(Clone, Debug, PartialEq)]
pub enum CaseWritten {
    /// The case is there, with its first event as it was written.
    Added(Box<CaseEvent>),
    Appended,
    /// The report was taken in before under the same key.
    Repeated {
        case: CaseId,
        is_same_body: bool,
    },
    /// The case has other events by now; nothing was written.
    Stale {
        version: u32,
    },
    /// A case of this id is there already, or, for an event, there is none, or none that has a history.
    Refused,
}

/// A case with all that happened to it.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseRecord {
    pub case: Case,
    /// Empty for what was imported as a mere record.
    pub events: Vec<CaseEvent>,
}

impl CaseRecord {
    /// Returns what the case is now; none where it has no history.
    pub fn state(&self) -> Option<CaseState> {
        CaseState::fold(&self.events)
    }
}

/// What a map shows of a case, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct CaseMark {
    pub id: CaseId,
    pub position: Position,
    pub category: String,
    pub reported_at: Timestamp,
    pub grid: Option<UnitCode>,
    /// None of a mere record, as the two behind it.
    pub state: Option<String>,
    pub is_open: Option<bool>,
    /// When the next of its clocks runs out.
    pub due_at: Option<Timestamp>,
}

impl CaseMark {
    pub fn of(record: &CaseRecord) -> Self {
        let standing = record.state().as_ref().map(Standing::of);
        let case = &record.case;
        Self {
            id: case.id,
            position: case.position,
            category: case.category.clone(),
            reported_at: case.reported_at,
            grid: case.grid.clone(),
            is_open: standing.as_ref().map(|standing| standing.is_open),
            due_at: standing.as_ref().and_then(|standing| standing.due_at),
            state: standing.map(|standing| standing.state),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct CaseMarkPage {
    pub marks: Vec<CaseMark>,
    pub has_more: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CaseRecordPage {
    pub records: Vec<CaseRecord>,
    pub has_more: bool,
}

/// An event with its place among those of all cases.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberedEvent {
    /// Grows in the order in which events became durable, without a gap that is filled later.
    pub number: u64,
    /// The case as it is by now.
    pub case: Case,
    pub event: CaseEvent,
    /// Whether its text and place may be shown to all by now.
    pub is_published: bool,
}

/// Who is told of an event by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The number of the event.
    pub number: u64,
    pub kind: NoticeKind,
    pub case: CaseId,
    pub at: Timestamp,
}

/// What lists are filtered by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub state: String,
    pub version: u32,
    pub is_open: bool,
    pub is_published: bool,
    pub due_at: Option<Timestamp>,
    /// When the next word about one of its clocks is due.
    pub alarm_at: Option<Timestamp>,
    /// Until when it has a part in what is counted: the last event, or the last due time of one of its clocks.
    pub part_until: Timestamp,
    /// The ids of workers who are asked to look at the place, or are named for an open task; each in line breaks.
    pub people: String,
    /// The ids of departments with an open task, or, where the case has ended, of all that had one; each in line breaks.
    pub departments: String,
}

impl Standing {
    pub fn of(state: &CaseState) -> Self {
        let mut departments: Vec<&str> = Vec::new();
        for task in state.tasks.iter().filter(|task| task.state.is_open() || state.is_end) {
            if !departments.contains(&&*task.department.0) {
                departments.push(&task.department.0);
            }
        }
        let named = state.open_tasks().filter_map(|task| task.worker.as_ref()).chain(state.asked());
        let mut people: Vec<&str> = named.map(|worker| &*worker.0).filter(|_| !state.is_end).collect();
        people.sort_unstable();
        people.dedup();
        Self {
            state: state.name.to_string(),
            version: state.version,
            is_open: !state.is_end,
            is_published: state.is_published,
            due_at: state.due_at().map(to_milliseconds),
            alarm_at: state.alarm_at().map(to_milliseconds),
            part_until: to_milliseconds(state.part_until()),
            departments: framed(&departments),
            people: framed(&people),
        }
    }
}

impl Standing {
    /// Whether it has a part in what is counted long after it was reported.
    pub fn is_long(&self, reported_at: Timestamp) -> bool {
        self.part_until.duration_since(reported_at) > LONG_LIFE
    }
}

fn framed(ids: &[&str]) -> String {
    if ids.is_empty() { String::new() } else { format!("\n{}\n", ids.join("\n")) }
}

impl CaseWrite {
    /// Returns the next event of a case, of a write that is one, with the photo that it adds.
    pub(super) fn as_append(&self) -> Option<(&NewEvent, Option<&PhotoFile>)> {
        match self {
            Self::Add(_) => None,
            Self::Append(next) => Some((next, None)),
            Self::AppendPhoto(both) => Some((&both.0, Some(&both.1))),
        }
    }
}

impl NewCase {
    pub(super) fn standing(&self) -> Option<Standing> {
        CaseState::fold(&self.events).as_ref().map(Standing::of)
    }
}
