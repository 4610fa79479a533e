//! The name of a draft in an address, and its revision as an entity tag.

use axum::http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use super::views::EntryView;
use crate::api::problem::{More, Problem, ProblemKind};
use crate::boundary::{GenerationId, LayerName};
use crate::history::DraftSession;

/// The layer whose drafts are named by their number alone.
const LAYER_DEFAULT: &str = "grid";

/// Entries that are told to whoever comes too late; older ones stand in the log.
const SINCE_MAX: usize = 100;

/// What names a draft: the number of its generation, behind its layer and a point where that is not `grid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftName {
    pub layer: LayerName,
    pub number: GenerationId,
}

impl DraftName {
    /// # Errors
    /// 404, as nothing can be under the name.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let (layer, number) = text.rsplit_once('.').unwrap_or((LAYER_DEFAULT, text));
        let layer = LayerName::parse(layer).ok();
        let number = number.parse().ok().filter(|number| *number > 0).map(GenerationId);
        let missing = || Problem::not_found(format!("there is no draft {text}; /v1/drafts lists those there are"));
        layer.zip(number).map(|(layer, number)| Self { layer, number }).ok_or_else(missing)
    }
}

impl std::fmt::Display for DraftName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.layer.as_str() {
            LAYER_DEFAULT => write!(f, "{}", self.number),
            layer => write!(f, "{layer}.{}", self.number),
        }
    }
}

/// The revision that a change is made on.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "written for the API definition; the header is read as a list of tags")]
pub struct DraftRevision {
    /// The `ETag` of the draft that the change is made on
    #[param(rename = "If-Match")]
    if_match: String,
}

/// What stands in the way of a change of a draft.
#[derive(Debug, utoipa::IntoResponses)]
#[expect(dead_code, reason = "written for the API definition; problems are made where they are met")]
pub enum ChangeProblems {
    /// The draft is published or withdrawn, there is no such step, it is not approved, something newer was published, problems stand in
    /// the way, or units would have no holder
    #[response(status = 409)]
    Conflict,
    /// The draft is at another revision; `since` has what was done
    #[response(status = 412)]
    Changed,
    /// `If-Match` is missing
    #[response(status = 428)]
    VersionMissing,
}

pub fn name_of(session: &DraftSession) -> DraftName {
    DraftName { layer: session.generation().layer.clone(), number: session.generation().id }
}

pub fn tag_of(session: &DraftSession) -> String {
    format!("\"{}-{}\"", name_of(session), session.revision())
}

pub fn tag_header(session: &DraftSession) -> HeaderValue {
    HeaderValue::from_str(&tag_of(session)).expect("names of layers and numbers are plain")
}

/// Returns what the tags of a unit begin with, as of a revision of its draft.
///
/// The bytes of a unit differ by form and coding, so its tags have a mark of these behind the revision, and it is the revision alone
/// that a write is held to: a border is shared, so what changes a neighbour may change the unit.
pub fn feature_tag(name: &DraftName, revision: u32) -> String {
    format!("{name}-{revision}.")
}

/// Which revisions a write may be made on.
#[derive(Clone, Debug)]
pub struct Expected(String);

impl Expected {
    /// # Errors
    /// 428 where the request does not say.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let given: Vec<&str> = headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok()).collect();
        if given.is_empty() {
            let detail = "send If-Match with the ETag of the draft that the change is made on";
            return Err(Problem::new(ProblemKind::PreconditionRequired, detail));
        }
        Ok(Self(given.join(",")))
    }

    /// Returns what a request names, if anything.
    pub fn find(headers: &HeaderMap) -> Option<Self> {
        headers.contains_key(header::IF_MATCH).then(|| Self::of(headers).ok()).flatten()
    }

    /// # Errors
    /// 412 with what was done meanwhile where the draft is at another revision.
    pub fn check(&self, session: &DraftSession) -> Result<(), Problem> {
        let tag = tag_of(session);
        let tags = || self.0.split(',').map(str::trim);
        let of_unit = format!("\"{}", feature_tag(&name_of(session), session.revision()));
        if tags().any(|given| given == "*" || given == tag || given.starts_with(&of_unit)) {
            return Ok(());
        }
        let prefix = format!("\"{}-", name_of(session));
        let revision = |given: &str| given.strip_prefix(&prefix)?.strip_suffix('"')?.split('.').next()?.parse::<u32>().ok();
        let known = tags().filter_map(revision).max();
        Err(changed(session, known.unwrap_or_default()))
    }
}

/// Tells what was done since a revision.
pub fn changed(session: &DraftSession, known: u32) -> Problem {
    let later: Vec<_> = session.entries().iter().filter(|entry| entry.entry.revision > known).collect();
    let shown = &later[later.len().saturating_sub(SINCE_MAX)..];
    let since: Vec<Value> = shown.iter().map(|entry| EntryView::short(entry)).collect();
    let revision = session.revision();
    let detail = if known > revision {
        format!("the draft is at revision {revision}, and has no revision {known}; look at it again, and repeat the change on it")
    } else {
        let count = later.len();
        format!(
            "the draft is at revision {revision}, {count} later than the one named; look at what was done since, and repeat the change on it"
        )
    };
    Problem::new(ProblemKind::Changed, detail).telling(More {
        revision: Some(session.revision()),
        since: Some(Value::Array(since)),
        ..More::default()
    })
}
