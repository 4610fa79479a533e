//! What the audit log says of each write, in the same words in every back end. Nothing personal is among it.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};
use uuid::Uuid;

use super::drafts::{DraftEntry, DraftEntryKind};
use super::ledger::{Entry, EntryKind};
use super::months_out::KeptMonth;
use super::records::{AuditEntry, ErasureReason, KeyHash, KeyRecord, PersonDigest, RosterData};
use super::webhooks::{Webhook, WebhookId};
use crate::boundary::{Generation, GenerationState};
use crate::dispatch::{CaseId, PhotoId, RuleKind, RuleTable};

/// A write, as the audit log names it.
pub(super) enum Action<'a> {
    Publish {
        generation: &'a Generation,
        unit_count: usize,
        changed_count: usize,
    },
    Draft(&'a DraftEntry),
    ReplaceRoster {
        roster: &'a RosterData,
        number: u64,
    },
    /// `before` is the number of the table of its kind that was written last until now.
    ReplaceRules {
        table: &'a RuleTable,
        effective_from: Timestamp,
        number: u64,
        before: Option<u64>,
    },
    ReplaceAddresses {
        rows: usize,
        number: u64,
    },
    AddCases {
        added: usize,
    },
    AddWebhook(&'a Webhook),
    EndWebhook {
        id: WebhookId,
        at: Timestamp,
    },
    AddEntry(&'a Entry),
    EndEntry {
        kind: EntryKind,
        id: Uuid,
        at: Timestamp,
    },
    AddKey(&'a KeyRecord),
    RevokeKey {
        hash: KeyHash,
        at: Timestamp,
    },
    ErasePerson {
        person: PersonDigest,
        reason: ErasureReason,
    },
    ErasePhoto {
        photo: PhotoId,
        case: CaseId,
        reason: ErasureReason,
    },
    SaveNote {
        name: &'a str,
        before: Option<&'a str>,
        after: &'a str,
    },
    DetachMonth {
        table: &'static str,
        month: Date,
        rows: u64,
    },
    ArchiveMonth {
        table: &'static str,
        month: Date,
        kept: &'a KeptMonth,
    },
}

impl Action<'_> {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Publish { generation, .. } if generation.state == GenerationState::Draft => "draft",
            Self::Publish { .. } => "publish",
            Self::Draft(entry) => match entry.kind {
                DraftEntryKind::Open => "open_draft",
                DraftEntryKind::Apply | DraftEntryKind::Undo | DraftEntryKind::Redo => "edit_draft",
                DraftEntryKind::Approve => "approve_draft",
                DraftEntryKind::Publish => "publish_draft",
                DraftEntryKind::Withdraw => "withdraw_draft",
            },
            Self::ReplaceRoster { .. } => "replace_roster",
            Self::ReplaceRules { table, .. } => match table.kind() {
                RuleKind::Categories => "replace_categories",
                RuleKind::Responsibilities => "replace_responsibilities",
                RuleKind::Calendars => "replace_calendars",
                RuleKind::Costs => "replace_costs",
                RuleKind::Funds => "replace_funds",
                RuleKind::Loads => "replace_loads",
            },
            Self::ReplaceAddresses { .. } => "replace_addresses",
            Self::AddCases { .. } => "add_cases",
            Self::AddWebhook(_) => "add_webhook",
            Self::EndWebhook { .. } => "end_webhook",
            Self::AddEntry(entry) => match entry.kind {
                EntryKind::Ruling => "add_ruling",
                EntryKind::BorderReport => "report_border",
                EntryKind::Consent => "give_consent",
                EntryKind::Skill => "add_skill",
            },
            Self::EndEntry { kind, .. } => match kind {
                EntryKind::Ruling => "end_ruling",
                EntryKind::BorderReport => "settle_border_report",
                EntryKind::Consent => "withdraw_consent",
                EntryKind::Skill => "end_skill",
            },
            Self::AddKey(_) => "add_key",
            Self::RevokeKey { .. } => "revoke_key",
            Self::ErasePerson { .. } => "erase_person",
            Self::ErasePhoto { .. } => "erase_photo",
            Self::SaveNote { .. } => "save_note",
            Self::DetachMonth { .. } => "detach_month",
            Self::ArchiveMonth { .. } => "archive_month",
        }
    }

    /// What was so before the write, as JSON. Where rows are kept ended, as those of rosters and rules are, their number is told.
    pub(super) fn before(&self) -> Option<String> {
        let value = match self {
            Self::Publish { generation, .. } => json!({ "generation": generation.parent?.0 }),
            Self::ReplaceRoster { number, .. } => json!({ "roster": number.checked_sub(1).filter(|before| *before > 0)? }),
            Self::ReplaceRules { before, .. } => json!({ "rules": (*before)? }),
            Self::Draft(entry) => json!({ "revision": entry.revision - 1 }),
            Self::ReplaceAddresses { number, .. } => json!({ "addresses": number.checked_sub(1).filter(|before| *before > 0)? }),
            Self::AddCases { .. } | Self::AddKey(_) | Self::AddWebhook(_) | Self::AddEntry(_) => return None,
            Self::EndWebhook { .. } | Self::EndEntry { .. } => json!({ "ended_at": null }),
            Self::RevokeKey { .. } => json!({ "revoked_at": null }),
            // What there was is gone, and must not live on here.
            Self::ErasePerson { .. } | Self::ErasePhoto { .. } => json!({ "is_blank": false }),
            Self::SaveNote { before, .. } => json!({ "text": (*before)? }),
            Self::DetachMonth { rows, .. } => json!({ "rows": rows }),
            Self::ArchiveMonth { kept, .. } => json!({ "rows": kept.rows }),
        };
        Some(value.to_string())
    }

    /// What is so since the write, as JSON.
    pub(super) fn after(&self) -> Option<String> {
        let value = match self {
            Self::Publish { generation, unit_count, .. } => json!({
                "generation": generation.id.0,
                "units": unit_count,
                "effective_from": generation.effective_from.to_string(),
            }),
            Self::ReplaceRoster { roster, number } => {
                json!({ "roster": number, "workers": roster.workers.len(), "assignments": roster.assignments.len() })
            }
            Self::ReplaceRules { table, effective_from, number, .. } => {
                json!({ "rules": number, "rows": table.len(), "effective_from": effective_from.to_string() })
            }
            // What was done stands in the draft's own log.
            Self::Draft(entry) => json!({ "revision": entry.revision, "kind": entry.kind.as_str() }),
            Self::ReplaceAddresses { rows, number } => json!({ "addresses": number, "rows": rows }),
            Self::AddCases { added } => json!({ "cases": added }),
            Self::AddWebhook(webhook) => json!({ "url": webhook.url }),
            Self::EndWebhook { at, .. } | Self::EndEntry { at, .. } => json!({ "ended_at": at.to_string() }),
            // What it says may name somebody, and stands in its row.
            Self::AddEntry(entry) => json!({
                "unit": entry.unit.as_ref().map(ToString::to_string),
                "radius_m": entry.radius_m,
                "expires_at": entry.expires_at.map(|at| at.to_string()),
            }),
            Self::AddKey(key) => describe_key(key),
            Self::RevokeKey { at, .. } => json!({ "revoked_at": at.to_string() }),
            Self::ErasePerson { .. } | Self::ErasePhoto { .. } => json!({ "is_blank": true }),
            Self::SaveNote { after, .. } => json!({ "text": after }),
            Self::DetachMonth { .. } => json!({ "rows": 0 }),
            Self::ArchiveMonth { kept, .. } => json!({ "file": kept.file, "sha256": kept.sha256 }),
        };
        Some(value.to_string())
    }
}

fn describe_key(key: &KeyRecord) -> Value {
    json!({
        "role": key.role.as_str(),
        "scope": key.scope.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "layers": key.layers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "expires_at": key.expires_at.map(|at| at.to_string()),
    })
}

/// How the subject of a month ends that was taken out without a row in it.
const NO_ROWS_OUT: &str = ", 0 rows taken out";

impl AuditEntry {
    /// Whether cases stand in the store, or stand there no more, of which no event tells: records were imported, or months taken out.
    pub fn is_of_cases(&self) -> bool {
        ["add_cases", "detach_month", "archive_month"].contains(&self.action.as_str())
    }
}

/// Whether rows left the store by what an entry tells of.
pub(super) fn takes_rows_out(entry: &AuditEntry) -> bool {
    entry.action == "detach_month" && !entry.subject.ends_with(NO_ROWS_OUT)
}

/// The subject of the write.
impl fmt::Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publish { generation, unit_count, changed_count } => write!(
                f,
                "generation {} of layer {}, {unit_count} units, {changed_count} of them new or changed",
                generation.id, generation.layer
            ),
            Self::ReplaceRoster { roster, .. } => write!(f, "{} workers, {} assignments", roster.workers.len(), roster.assignments.len()),
            Self::ReplaceRules { table, effective_from, .. } => {
                write!(f, "{} rows of {}, in force from {effective_from}", table.len(), table.kind().as_str())
            }
            Self::Draft(entry) => write!(f, "draft {} of layer {}, {}", entry.draft, entry.layer, entry.kind.as_str()),
            Self::ReplaceAddresses { rows, .. } => write!(f, "{rows} addresses"),
            Self::AddCases { added } => write!(f, "{added} cases"),
            Self::AddWebhook(Webhook { id, .. }) | Self::EndWebhook { id, .. } => write!(f, "webhook {}", id.0),
            Self::AddEntry(Entry { kind, id, .. }) | Self::EndEntry { kind, id, .. } => write!(f, "{} {id}", kind.as_str()),
            Self::AddKey(key) => write!(f, "key {}, role {}, {} units", key.hash, key.role, key.scope.len()),
            Self::RevokeKey { hash, .. } => write!(f, "key {hash}"),
            Self::ErasePerson { person, reason } => write!(f, "name and phone of person {}, {}", hex(&person.0[..8]), reason.as_str()),
            Self::ErasePhoto { photo, case, reason } => write!(f, "photo {photo} of case {case}, {}", reason.as_str()),
            Self::SaveNote { name, .. } => write!(f, "note {name}"),
            Self::DetachMonth { table, month, rows } => write!(f, "{}, {rows} rows taken out", month_text(table, *month)),
            Self::ArchiveMonth { table, month, kept } => {
                let file = kept.file.as_ref().map_or_else(|| "nowhere, for there are none".to_owned(), |file| format!("in {file}"));
                write!(f, "{}, {} rows kept {file}, sha256 {}", month_text(table, *month), kept.rows, kept.sha256)
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn month_text(table: &str, month: Date) -> String {
    format!("{table} {}", month.strftime("%Y-%m"))
}
