//! Whom events are sent to, and how far that is.

use jiff::Timestamp;
use uuid::Uuid;

use super::case_records::NumberedEvent;
use crate::boundary::{Generation, UnitCode};
use crate::dispatch::CaseId;
use crate::dispatch::workflow::Effect;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(pub Uuid);

/// Somebody's address to which events are sent.
#[derive(Clone, PartialEq)]
pub struct Webhook {
    pub id: WebhookId,
    pub url: String,
    /// By which messages are signed. Whoever has it can make messages that look like ours.
    pub secret: Vec<u8>,
    /// Only events of these kinds; empty for all.
    pub topics: Vec<Topic>,
    /// Only what concerns these units and what lies in them; empty for all.
    pub scope: Vec<UnitCode>,
    pub author: String,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub delivery: Delivery,
}

/// A kind of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Moves of cases of an effect.
    Case(Effect),
    /// Generations that are published.
    Publication,
}

impl Topic {
    pub const PUBLICATION: &'static str = "generation.published";

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Case(effect) => effect.as_str(),
            Self::Publication => Self::PUBLICATION,
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        if text == Self::PUBLICATION { Some(Self::Publication) } else { Effect::parse(text).map(Self::Case) }
    }
}

/// Something that happened, with its number among all of it.
#[derive(Clone, Debug, PartialEq)]
pub enum NumberedHappening {
    Case(Box<NumberedEvent>),
    Publication(NumberedPublication),
}

/// That a generation was published, with the place of that among the events of cases.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberedPublication {
    /// Grows with those of cases in the order in which events became durable.
    pub number: u64,
    pub generation: Generation,
}

impl NumberedHappening {
    pub fn number(&self) -> u64 {
        match self {
            Self::Case(event) => event.number,
            Self::Publication(publication) => publication.number,
        }
    }

    /// Returns the case that it happened to; none of a publication.
    pub fn case(&self) -> Option<CaseId> {
        match self {
            Self::Case(event) => Some(event.case.id),
            Self::Publication(_) => None,
        }
    }

    pub fn topic(&self) -> Topic {
        match self {
            Self::Case(event) => Topic::Case(event.event.effect),
            Self::Publication(_) => Topic::Publication,
        }
    }
}

/// How far the sending is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// All events up to this one are sent, or among the letters.
    pub cursor: u64,
    /// How many new events have failed one after another since anything got through.
    pub attempts: u32,
    /// Since when the next event has failed, where it keeps the webhook.
    pub failing_since: Option<Timestamp>,
    /// Nothing is sent before.
    pub next_at: Option<Timestamp>,
    /// Why the last of them failed; empty where none did.
    pub last_error: String,
    /// Who keeps it, by which the store knows what that may overwrite. It is not stored.
    pub keeper: Keeper,
}

/// Who keeps how far the sending is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keeper {
    #[default]
    Anyone,
    /// A service that sends: nothing is kept where another has the lease by now.
    Sender(Uuid),
    /// Who asks for a replay, which changes the letters that there are by then: those after an event come by the cursor, and where none is
    /// named the dead ones are to be sent again.
    Replay { after: Option<u64>, at: Timestamp },
}

impl Delivery {
    /// Is kept only while this holder has the lease.
    pub fn sent_by(self, holder: Uuid) -> Self {
        Self { keeper: Keeper::Sender(holder), ..self }
    }

    /// Goes on from `cursor`, with the letters after an event, or the dead ones, as a replay leaves them.
    pub fn replayed(cursor: u64, after: Option<u64>, at: Timestamp) -> Self {
        Self { cursor, keeper: Keeper::Replay { after, at }, ..Self::default() }
    }

    /// Returns the service that has to have the lease for it to be kept.
    pub fn sender(&self) -> Option<Uuid> {
        if let Keeper::Sender(holder) = self.keeper { Some(holder) } else { None }
    }
}

/// An event that could not be sent, or not yet.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    pub webhook: WebhookId,
    pub number: u64,
    /// None of a publication.
    pub case: Option<CaseId>,
    /// Since when it waits, when it was given up, or when it was sent after all.
    pub at: Timestamp,
    pub error: String,
    pub state: LetterState,
    /// Its time when it was read; none of a new one. It is kept only where the stored one still has that time: whoever has asked for it
    /// meanwhile has changed it.
    pub read_at: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// It, or an earlier event of its case, is tried again and again while those of others go on.
    Waiting,
    /// It stays until somebody asks for it.
    Dead,
    /// It is to be sent again.
    Again,
    Sent,
}

impl LetterState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
            Self::Again => "again",
            Self::Sent => "sent",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Dead, Self::Again, Self::Sent].into_iter().find(|state| state.as_str() == text)
    }
}

/// Says nothing of the secret, so that no log does.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id).field("url", &self.url).field("delivery", &self.delivery).finish_non_exhaustive()
    }
}

/// Who sends for which webhooks, as several services may share a store: a lease that ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub holder: Uuid,
    pub now: Timestamp,
    pub until: Timestamp,
}
