//! What is kept of drafts beside their boundaries: a log of what was done, to which rows are only added.

use jiff::Timestamp;

use super::StoreError;
use crate::boundary::{GenerationId, LayerName};

/// One entry of a draft's log.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftEntry {
    pub layer: LayerName,
    pub draft: GenerationId,
    /// Counted from 1 within the draft.
    pub revision: u32,
    pub kind: DraftEntryKind,
    /// JSON, as its kind has it.
    pub body: String,
    pub author: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DraftEntryKind {
    /// It was opened to be edited.
    Open,
    /// A step of operations.
    Apply,
    Undo,
    Redo,
    Approve,
    Publish,
    Withdraw,
}

/// Where the log of a draft stands, without its entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftStanding {
    pub draft: GenerationId,
    /// Of the newest entry.
    pub revision: u32,
    /// The kind of the newest entry that decided anything: any but the one that opened the draft.
    pub decided: Option<DraftEntryKind>,
}

impl DraftEntryKind {
    pub const ALL: [Self; 7] = [Self::Open, Self::Apply, Self::Undo, Self::Redo, Self::Approve, Self::Publish, Self::Withdraw];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Apply => "apply",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::Approve => "approve",
            Self::Publish => "publish",
            Self::Withdraw => "withdraw",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl DraftEntry {
    /// Sees that the entry comes right after the newest of its draft.
    pub(super) fn check_next(&self, newest: u32) -> Result<(), StoreError> {
        if self.revision == newest + 1 {
            return Ok(());
        }
        Err(StoreError::DraftChanged { layer: self.layer.clone(), draft: self.draft, revision: newest })
    }

    /// The body of the entry by which a draft became a generation.
    pub(super) fn published_body(generation: GenerationId) -> String {
        format!(r#"{{"generation":{generation}}}"#)
    }
}
