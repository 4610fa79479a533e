use axum::http::HeaderValue;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::locate::{LocateAnswer, PositionView};
use crate::dispatch::workflow::{
    ActionDefinition, Actor, AlarmFact, CaseClock, CaseEvent, CaseState, Escalation, Place, Task, Word, Workflow,
};
use crate::dispatch::{BorderRuling, Case, CaseId, DepartmentId, Reporter};

/// The version of a case as an entity tag, by which nobody overwrites what they have not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseTag(pub u32);

impl CaseTag {
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::from_str(&format!("\"{}\"", self.0)).expect("a number in quotes is a header")
    }

    /// Returns what the tags of the case as a feature begin with: its bytes differ by form and coding.
    pub fn to_feature(self) -> String {
        format!("{}.", self.0)
    }

    /// Whether a list of tags, as `If-Match` has it, names this one.
    pub fn is_in(self, list: &str) -> bool {
        self.is_named_in(list) || list.split(',').any(|tag| tag.trim() == "*")
    }

    /// Whether a list of tags names this very one, and not any.
    pub fn is_named_in(self, list: &str) -> bool {
        let (own, of_feature) = (format!("\"{}\"", self.0), format!("\"{}", self.to_feature()));
        list.split(',').map(str::trim).any(|tag| tag == own || tag.starts_with(&of_feature))
    }
}

/// A case that was taken in, with the lookup's answer for its place.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IncidentTaken<'a> {
    pub id: String,
    pub state: String,
    pub version: u32,
    #[schema(value_type = String, format = DateTime)]
    pub reported_at: Timestamp,
    /// When it was taken in, from which clocks run.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
    /// Cases near it that may be about the same, nearest first.
    pub duplicates: Vec<NearView>,
    /// The dispatcher's ruling by which the place is taken for a unit's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruling: Option<RulingApplied>,
    /// What to look at, in words: that the keeper has not the skill that the category needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    pub href: String,
    #[serde(flatten)]
    pub lookup: LocateAnswer<'a>,
}

/// The ruling by which a case is taken for a unit's.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RulingApplied {
    pub id: String,
    pub unit: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// From its place, metres.
    pub distance_m: f64,
}

impl RulingApplied {
    pub fn new(ruling: &BorderRuling, distance_m: f64) -> Self {
        Self { id: ruling.id.0.to_string(), unit: ruling.unit.to_string(), at: ruling.at, distance_m }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NearView {
    pub id: String,
    pub distance_m: f64,
    pub href: String,
}

impl<'a> IncidentTaken<'a> {
    pub fn new(case: &Case, event: &CaseEvent, ruling: Option<RulingApplied>, lookup: LocateAnswer<'a>, base: &str) -> Self {
        Self {
            id: case.id.to_string(),
            state: event.state.to_string(),
            version: event.seq,
            reported_at: case.reported_at,
            received_at: event.at,
            duplicates: event.facts.duplicates.iter().map(|(id, distance_m)| NearView::new(*id, *distance_m, base)).collect(),
            ruling,
            notices: Vec::new(),
            href: href(case.id, base),
            lookup,
        }
    }
}

impl NearView {
    fn new(id: CaseId, distance_m: f64, base: &str) -> Self {
        Self { id: id.to_string(), distance_m, href: href(id, base) }
    }
}

fn href(id: CaseId, base: &str) -> String {
    format!("{base}/v1/incidents/{id}")
}

/// A case as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct IncidentView {
    pub id: String,
    /// Null for a mere record, which has no history.
    pub state: Option<String>,
    /// What the city calls the state.
    pub title: Option<String>,
    pub open: bool,
    pub version: u32,
    pub position: PositionView,
    /// The position and reference system as they were given.
    pub given: String,
    pub category: String,
    pub description: String,
    pub source: String,
    #[schema(value_type = String, format = DateTime)]
    pub reported_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub changed_at: Option<Timestamp>,
    pub grid: Option<String>,
    pub generation: Option<u32>,
    /// The keeper of its time.
    pub holder: Option<String>,
    /// When the next of its clocks runs out; null while none runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    /// Whether it is open and a clock of it has run out.
    pub overdue: bool,
    /// Whether a clock of it has run out, stopped since or not; an extension forgives what was before it.
    pub late: bool,
    /// How far it has gone up the chain.
    pub escalation: Option<EscalationView>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub suspended_since: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub filed_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
    /// What each department is to do, in the order in which they were told.
    pub tasks: Vec<TaskView>,
    /// The clocks of the case as a whole.
    pub clocks: Vec<ClockView>,
    /// Who looks at the place.
    pub collector: Option<String>,
    pub reworks: u32,
    pub returns: u32,
    pub extensions: u32,
    pub reopenings: u32,
    pub supervised: bool,
    /// `none`, `open`, `reviewed`, `upheld` or `rejected`.
    pub appeal: Option<&'static str>,
    /// Whether text, media and exact position may be shown to all.
    pub published: bool,
    /// Photos that were added, those that were taken away since too.
    pub photos: usize,
    /// Whether a keeper did what is not on the list of what keepers may be given.
    pub off_list: bool,
    pub rating: Option<u8>,
    /// The moves that are open to the caller now.
    pub actions: Vec<ActionView>,
    /// What to look at, in words: who has it in hand without the skill that its category needs. Left out of lists.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
    /// Who reported it, shown to dispatchers alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reporter: Option<ReporterView>,
    pub href: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct EscalationView {
    pub level: u8,
    pub to: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ActionView {
    pub action: String,
    pub title: String,
    /// What must be said with it.
    pub needs: Vec<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReporterView {
    pub name: String,
    pub phone: String,
    pub email: String,
}

impl ReporterView {
    pub fn new(reporter: Reporter) -> Self {
        Self { name: reporter.name, phone: reporter.phone, email: reporter.email }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaskView {
    pub department: String,
    pub name: String,
    /// `lead` or `co`.
    pub role: &'static str,
    /// `waiting`, `accepted`, `done`, `returned`, `passed` or `cancelled`, with the case.
    pub state: &'static str,
    pub worker: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_at: Option<Timestamp>,
    pub reworks: u32,
    #[serde(flatten)]
    pub clock: ClockView,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClockView {
    /// `dispatch`, `handle`, `check` or `total`.
    pub stage: &'static str,
    pub limit: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// Null where there is no limit, and while the clock stands still.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub stopped_at: Option<Timestamp>,
    pub late: bool,
}

/// Returns the moves that are open to somebody at `at`.
pub fn actions_of(workflow: &Workflow, state: &CaseState, actor: Actor<'_>, at: Timestamp) -> Vec<ActionView> {
    let open = workflow.open_to(state, actor, at);
    let view = |action: &ActionDefinition| ActionView {
        action: action.name.to_string(),
        title: action.title.clone(),
        needs: action.needs.iter().map(|need| need.as_str()).collect(),
    };
    open.into_iter().map(view).collect()
}

impl IncidentView {
    /// Puts a case on the wire as it is at `at`, with the moves that are open to the caller.
    pub fn new(
        case: &Case,
        state: Option<&CaseState>,
        workflow: &Workflow,
        escalation: Option<&Escalation<'_>>,
        caller: Actor<'_>,
        at: Timestamp,
        base: &str,
    ) -> Self {
        let definition = state.and_then(|state| workflow.state(&state.name));
        let actions = state.map(|state| actions_of(workflow, state, caller, at)).unwrap_or_default();
        let step = escalation.and_then(|escalation| escalation.step);
        Self {
            id: case.id.to_string(),
            state: state.map(|state| state.name.to_string()),
            title: definition.map(|definition| definition.title.clone()),
            open: state.is_some_and(|state| !state.is_end),
            version: state.map_or(0, |state| state.version),
            position: PositionView { lon: case.position.lon, lat: case.position.lat },
            given: case.given.clone(),
            category: case.category.clone(),
            description: case.description.clone(),
            source: case.source.clone(),
            reported_at: case.reported_at,
            changed_at: state.map(|state| state.changed_at),
            grid: case.grid.as_ref().map(ToString::to_string),
            generation: case.generation.map(|generation| generation.0),
            holder: case.holder.as_ref().map(ToString::to_string),
            due_at: state.and_then(CaseState::due_at),
            overdue: state.is_some_and(|state| state.is_overdue(at)),
            late: state.is_some_and(|state| state.is_late(at)),
            escalation: step.map(|step| EscalationView { level: step.level, to: step.to.clone() }),
            suspended_since: state.and_then(|state| state.suspended_since),
            filed_at: state.and_then(|state| state.filed_at),
            ended_at: state.and_then(|state| state.ended_at),
            tasks: state.iter().flat_map(|state| &state.tasks).map(|task| TaskView::new(task, at)).collect(),
            clocks: state.iter().flat_map(|state| &state.clocks).map(|clock| ClockView::new(clock, at)).collect(),
            collector: state.and_then(|state| state.collector.as_ref()).map(ToString::to_string),
            reworks: state.map_or(0, |state| state.reworks),
            returns: state.map_or(0, |state| state.returns),
            extensions: state.map_or(0, |state| state.extensions),
            reopenings: state.map_or(0, |state| state.reopenings),
            supervised: state.is_some_and(|state| state.is_supervised),
            appeal: state.map(|state| state.appeal.as_str()),
            published: state.is_some_and(|state| state.is_published),
            photos: state.map_or(0, |state| state.photos.len()),
            off_list: state.is_some_and(|state| state.is_off_list),
            rating: state.and_then(|state| state.rating),
            actions,
            notices: Vec::new(),
            reporter: None,
            href: href(case.id, base),
        }
    }
}

impl TaskView {
    fn new(task: &Task, at: Timestamp) -> Self {
        Self {
            department: task.department.to_string(),
            name: task.name.clone(),
            role: task.role.as_str(),
            state: task.state.as_str(),
            worker: task.worker.as_ref().map(ToString::to_string),
            accepted_at: task.accepted_at,
            reworks: task.reworks,
            clock: ClockView::new(&task.clock, at),
        }
    }
}

impl ClockView {
    fn new(clock: &CaseClock, at: Timestamp) -> Self {
        Self {
            stage: clock.stage.as_str(),
            limit: clock.limit.map(|limit| limit.to_string()),
            started_at: clock.started_at,
            due_at: clock.due_at,
            stopped_at: clock.ended_at,
            late: clock.is_overdue(at),
        }
    }
}

/// Something that happened to a case.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EventView {
    pub seq: u32,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    pub author: String,
    pub role: String,
    pub action: String,
    pub effect: &'static str,
    /// The state of the case from then on.
    pub state: String,
    pub ends: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub condition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Departments that get a task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub departments: Vec<AppointedView>,
    /// Departments whose open tasks end undone with the case.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cancelled: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Clocks that begin, or are due at another time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clocks: Vec<ClockFactView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place_before: Option<PlaceView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rating: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub off_list: bool,
    /// What is told of a clock: that of the task of `department`, or of the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarm: Option<AlarmView>,
    /// The ruling by which the place is taken for a unit's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ruling: Option<String>,
    /// The photo that was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub photo: Option<String>,
    /// The photos that may be shown to all from now on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<String>,
}

/// A word about a clock; the effect says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AlarmView {
    pub stage: &'static str,
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// How far up the chain it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<u8>,
    /// Who is to know.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
}

impl AlarmView {
    fn new(alarm: &AlarmFact) -> Self {
        let (level, to) = match &alarm.word {
            Word::Soon | Word::Overdue => (None, String::new()),
            Word::Level { level, to } => (Some(*level), to.clone()),
        };
        Self { stage: alarm.stage.as_str(), due_at: alarm.due_at, level, to }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AppointedView {
    pub id: String,
    pub name: String,
    pub role: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClockFactView {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    pub stage: &'static str,
    pub limit: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlaceView {
    #[serde(flatten)]
    pub position: PositionView,
    pub grid: Option<String>,
    pub generation: Option<u32>,
    pub holder: Option<String>,
}

impl PlaceView {
    fn new(place: &Place) -> Self {
        Self {
            position: PositionView { lon: place.position.lon, lat: place.position.lat },
            grid: place.grid.as_ref().map(ToString::to_string),
            generation: place.generation.map(|generation| generation.0),
            holder: place.holder.as_ref().map(ToString::to_string),
        }
    }
}

impl EventView {
    pub fn new(event: &CaseEvent) -> Self {
        let facts = &event.facts;
        let text = |department: &DepartmentId| department.to_string();
        let appointed = facts.departments.iter();
        Self {
            seq: event.seq,
            at: event.at,
            author: event.author.clone(),
            role: event.role.to_string(),
            action: event.action.to_string(),
            effect: event.effect.as_str(),
            state: event.state.to_string(),
            ends: event.is_end,
            reason: facts.reason.clone(),
            condition: facts.condition.clone(),
            department: facts.department.as_ref().map(text),
            departments: appointed
                .map(|a| AppointedView { id: a.department.to_string(), name: a.name.clone(), role: a.role.as_str() })
                .collect(),
            cancelled: facts.cancelled.iter().map(text).collect(),
            worker: facts.worker.as_ref().map(ToString::to_string),
            clocks: facts
                .clocks
                .iter()
                .map(|clock| ClockFactView {
                    department: clock.department.as_ref().map(text),
                    stage: clock.stage.as_str(),
                    limit: clock.limit.map(|limit| limit.to_string()),
                    due_at: clock.due_at,
                })
                .collect(),
            place: facts.place.as_ref().map(PlaceView::new),
            place_before: facts.place_before.as_ref().map(PlaceView::new),
            category: facts.category.clone(),
            category_before: facts.category_before.clone(),
            rating: facts.rating,
            published: facts.published,
            off_list: facts.is_off_list,
            alarm: facts.alarm.as_ref().map(AlarmView::new),
            ruling: facts.ruling.map(|ruling| ruling.0.to_string()),
            photo: facts.photo.map(|photo| photo.to_string()),
            photos: facts.photos.iter().map(ToString::to_string).collect(),
        }
    }
}
