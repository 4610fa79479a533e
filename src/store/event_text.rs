//! What an event says, as the text that every back end keeps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::boundary::{GenerationId, Position, UnitCode};
use crate::dispatch::workflow::{
    ActionName, AlarmFact, Appointed, CaseEvent, ClockFact, Effect, Facts, NextWord, Place, RulingId, StateName, Word,
};
use crate::dispatch::{CaseId, DepartmentId, DepartmentRole, Limit, PhotoId, Role, Stage, WorkerId};

/// An event as a row of a table holds it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EventRow {
    pub seq: u32,
    pub at: Timestamp,
    pub author: String,
    pub role: String,
    pub action: String,
    pub effect: String,
    pub state: String,
    pub is_end: bool,
    /// JSON.
    pub facts: String,
}

impl EventRow {
    pub fn of(event: &CaseEvent) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            author: event.author.clone(),
            role: event.role.to_string(),
            action: event.action.to_string(),
            effect: event.effect.as_str().to_owned(),
            state: event.state.to_string(),
            is_end: event.is_end,
            facts: serde_json::to_string(&FactsText::of(&event.facts)).expect("texts and numbers always serialise"),
        }
    }

    /// # Errors
    /// Says what cannot be read.
    pub fn read(self) -> Result<CaseEvent, String> {
        let facts: FactsText = serde_json::from_str(&self.facts).map_err(|e| format!("its facts: {e}"))?;
        Ok(CaseEvent {
            seq: self.seq,
            at: self.at,
            author: self.author,
            role: Role::parse(&self.role).ok_or_else(|| format!("the role {:?}", self.role))?,
            action: ActionName(self.action.into()),
            effect: Effect::parse(&self.effect).ok_or_else(|| format!("the effect {:?}", self.effect))?,
            state: StateName(self.state.into()),
            is_end: self.is_end,
            facts: facts.read()?,
        })
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FactsText {
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    condition: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    departments: Vec<AppointedText>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cancelled: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worker: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clocks: Vec<ClockText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<PlaceText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place_before: Option<PlaceText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rating: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<bool>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    off_list: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    media_url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    duplicates: Vec<(Uuid, f64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alarm: Option<AlarmText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ruling: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    photo: Option<Uuid>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    photos: Vec<Uuid>,
}

#[derive(Debug, Serialize, Deserialize)]
struct AlarmText {
    stage: String,
    due_at: Timestamp,
    #[serde(flatten)]
    word: WordText,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<NextText>,
}

#[derive(Debug, Serialize, Deserialize)]
struct NextText {
    at: Timestamp,
    #[serde(flatten)]
    word: WordText,
}

/// A word is known by its effect.
#[derive(Debug, Serialize, Deserialize)]
struct WordText {
    word: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    level: Option<u8>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    to: String,
}

impl WordText {
    fn of(word: &Word) -> Self {
        let (level, to) = match word {
            Word::Soon | Word::Overdue => (None, String::new()),
            Word::Level { level, to } => (Some(*level), to.clone()),
        };
        Self { word: word.effect().as_str().to_owned(), level, to }
    }

    fn read(self) -> Result<Word, String> {
        match Effect::parse(&self.word) {
            Some(Effect::DueSoon) => Ok(Word::Soon),
            Some(Effect::Overdue) => Ok(Word::Overdue),
            Some(Effect::Escalate) => Ok(Word::Level { level: self.level.unwrap_or_default(), to: self.to }),
            _ => Err(format!("the word {:?} about a clock", self.word)),
        }
    }
}

impl AlarmText {
    fn of(alarm: &AlarmFact) -> Self {
        let next = alarm.next.as_ref().map(|next| NextText { at: next.at, word: WordText::of(&next.word) });
        Self { stage: alarm.stage.as_str().to_owned(), due_at: alarm.due_at, word: WordText::of(&alarm.word), next }
    }

    fn read(self) -> Result<AlarmFact, String> {
        let next = |next: NextText| Ok::<_, String>(NextWord { at: next.at, word: next.word.read()? });
        Ok(AlarmFact {
            stage: read_stage(&self.stage)?,
            due_at: self.due_at,
            word: self.word.read()?,
            next: self.next.map(next).transpose()?,
        })
    }
}

fn read_stage(text: &str) -> Result<Stage, String> {
    Stage::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or_else(|| format!("the stage {text:?}"))
}

#[derive(Debug, Serialize, Deserialize)]
struct AppointedText {
    id: String,
    name: String,
    role: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct ClockText {
    #[serde(skip_serializing_if = "Option::is_none")]
    department: Option<String>,
    stage: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warn_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PlaceText {
    lon: f64,
    lat: f64,
    given: String,
    district: Option<String>,
    grid: Option<String>,
    generation: Option<u32>,
    holder: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    border_m: Option<f64>,
}

impl FactsText {
    fn of(facts: &Facts) -> Self {
        let appointed = |appointed: &Appointed| AppointedText {
            id: appointed.department.to_string(),
            name: appointed.name.clone(),
            role: appointed.role.as_str().to_owned(),
        };
        let clock = |clock: &ClockFact| ClockText {
            department: clock.department.as_ref().map(ToString::to_string),
            stage: clock.stage.as_str().to_owned(),
            limit: clock.limit.map(|limit| limit.to_string()),
            due_at: clock.due_at,
            warn_at: clock.warn_at,
        };
        Self {
            reason: facts.reason.clone(),
            condition: facts.condition.clone(),
            department: facts.department.as_ref().map(ToString::to_string),
            departments: facts.departments.iter().map(appointed).collect(),
            cancelled: facts.cancelled.iter().map(ToString::to_string).collect(),
            worker: facts.worker.as_ref().map(ToString::to_string),
            clocks: facts.clocks.iter().map(clock).collect(),
            place: facts.place.as_ref().map(PlaceText::of),
            place_before: facts.place_before.as_ref().map(PlaceText::of),
            category: facts.category.clone(),
            category_before: facts.category_before.clone(),
            rating: facts.rating,
            published: facts.published,
            off_list: facts.is_off_list,
            address: facts.address.clone(),
            media_url: facts.media_url.clone(),
            duplicates: facts.duplicates.iter().map(|(id, distance_m)| (id.0, *distance_m)).collect(),
            alarm: facts.alarm.as_ref().map(AlarmText::of),
            ruling: facts.ruling.map(|ruling| ruling.0),
            photo: facts.photo.map(|photo| photo.0),
            photos: facts.photos.iter().map(|photo| photo.0).collect(),
        }
    }

    fn read(self) -> Result<Facts, String> {
        let appointed = |text: AppointedText| {
            let role = DepartmentRole::parse(&text.role).ok_or_else(|| format!("the role {:?} of a department", text.role))?;
            Ok(Appointed { department: DepartmentId(text.id.into()), name: text.name, role })
        };
        let clock = |text: ClockText| {
            Ok(ClockFact {
                department: text.department.map(|id| DepartmentId(id.into())),
                stage: read_stage(&text.stage)?,
                limit: text.limit.map(|limit| Limit::parse(&limit)).transpose().map_err(|e| e.to_string())?,
                due_at: text.due_at,
                warn_at: text.warn_at,
            })
        };
        Ok(Facts {
            reason: self.reason,
            condition: self.condition,
            department: self.department.map(|id| DepartmentId(id.into())),
            departments: self.departments.into_iter().map(appointed).collect::<Result<_, String>>()?,
            cancelled: self.cancelled.into_iter().map(|id| DepartmentId(id.into())).collect(),
            worker: self.worker.map(|id| WorkerId(id.into())),
            clocks: self.clocks.into_iter().map(clock).collect::<Result<_, String>>()?,
            place: self.place.map(PlaceText::read).transpose()?,
            place_before: self.place_before.map(PlaceText::read).transpose()?,
            category: self.category,
            category_before: self.category_before,
            rating: self.rating,
            published: self.published,
            is_off_list: self.off_list,
            address: self.address,
            media_url: self.media_url,
            duplicates: self.duplicates.into_iter().map(|(id, distance_m)| (CaseId(id), distance_m)).collect(),
            alarm: self.alarm.map(AlarmText::read).transpose()?,
            ruling: self.ruling.map(RulingId),
            photo: self.photo.map(PhotoId),
            photos: self.photos.into_iter().map(PhotoId).collect(),
        })
    }
}

impl PlaceText {
    fn of(place: &Place) -> Self {
        Self {
            lon: place.position.lon,
            lat: place.position.lat,
            given: place.given.clone(),
            district: place.district.as_ref().map(ToString::to_string),
            grid: place.grid.as_ref().map(ToString::to_string),
            generation: place.generation.map(|generation| generation.0),
            holder: place.holder.as_ref().map(ToString::to_string),
            border_m: place.border_m,
        }
    }

    fn read(self) -> Result<Place, String> {
        let code = |text: Option<String>| text.as_deref().map(UnitCode::parse).transpose().map_err(|e| e.to_string());
        Ok(Place {
            position: Position::new(self.lon, self.lat).map_err(|e| e.to_string())?,
            given: self.given,
            district: code(self.district)?,
            grid: code(self.grid)?,
            generation: self.generation.map(GenerationId),
            holder: self.holder.map(|id| WorkerId(id.into())),
            border_m: self.border_m,
        })
    }
}
