//! Whom events of cases are sent to, and how far that is.

use jiff::Timestamp;
use uuid::Uuid;

use crate::boundary::UnitCode;
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
    /// Only events of these effects; empty for all.
    pub effects: Vec<Effect>,
    /// Only cases in these units and below; empty for all.
    pub scope: Vec<UnitCode>,
    pub author: String,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub delivery: Delivery,
}

/// How far the sending is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// All events up to this one are sent, or among the dead letters.
    pub cursor: u64,
    /// How often the next one was tried in vain.
    pub attempts: u32,
    /// Since when it has been.
    pub failing_since: Option<Timestamp>,
    /// Not before.
    pub next_at: Option<Timestamp>,
    /// Why the last attempt failed; empty where it did not.
    pub last_error: String,
}

/// An event that could not be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    pub webhook: WebhookId,
    pub number: u64,
    pub case: crate::dispatch::CaseId,
    pub at: Timestamp,
    pub error: String,
    pub state: LetterState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// It stays until somebody asks for it.
    Dead,
    /// It is to be sent again.
    Again,
    Sent,
}

impl LetterState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Again => "again",
            Self::Sent => "sent",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Dead, Self::Again, Self::Sent].into_iter().find(|state| state.as_str() == text)
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
