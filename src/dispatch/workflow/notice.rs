use super::definition::Effect;
use super::event::CaseEvent;
use crate::dispatch::WorkerId;

/// Why somebody is told of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoticeKind {
    /// The case is theirs from now on.
    Came,
    /// It is no longer theirs.
    Left,
    /// They are asked to look at the place.
    Asked,
    /// They are named for a department's task.
    Task,
    /// A clock of a case of theirs has run out.
    Late,
}

impl NoticeKind {
    pub const ALL: [Self; 5] = [Self::Came, Self::Left, Self::Asked, Self::Task, Self::Late];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Came => "came",
            Self::Left => "left",
            Self::Asked => "asked",
            Self::Task => "task",
            Self::Late => "late",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Returns whom an event concerns by name, and why. That a case was reported is no notice: it stands among the tasks of its keeper.
pub fn notices_of(event: &CaseEvent) -> Vec<(&WorkerId, NoticeKind)> {
    let facts = &event.facts;
    let holder = |place: &Option<super::event::Place>| place.as_ref().and_then(|place| place.holder.clone());
    let mut notices = Vec::new();
    if facts.place.is_some() && holder(&facts.place) != holder(&facts.place_before) {
        notices.extend(facts.place_before.as_ref().and_then(|place| place.holder.as_ref()).map(|worker| (worker, NoticeKind::Left)));
        notices.extend(facts.place.as_ref().and_then(|place| place.holder.as_ref()).map(|worker| (worker, NoticeKind::Came)));
    }
    let kind = match event.effect {
        Effect::Verify | Effect::Done => Some(NoticeKind::Asked),
        Effect::Assign => Some(NoticeKind::Task),
        Effect::Overdue => Some(NoticeKind::Late),
        _ => None,
    };
    notices.extend(facts.worker.as_ref().zip(kind));
    notices
}
