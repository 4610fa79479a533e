use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::place::find_unit;
use crate::api::as_of::default_layer;
use crate::api::caller::Caller;
use crate::api::cases::require_cases;
use crate::api::document::Document;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::dispatch::{Assignment, Worker};
use crate::snapshot::Snapshot;
use crate::store::{Entry, EntryFilter, EntryKind};

/// Entries about one worker that are read; nobody has learned as much.
pub(super) const ENTRIES_MAX: usize = 1_000;

/// Who the caller is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Me {
    pub role: String,
    /// The units to which the key is limited; empty for all.
    pub scope: Vec<String>,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Null where the key is nobody's own.
    pub worker: Option<PersonView>,
    /// Whether one of the posts is on shift now.
    pub on_duty: bool,
    /// When that changes, where that is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    pub posts: Vec<PostView>,
    pub consent: ConsentView,
    pub skills: Vec<SkillView>,
    pub notices: NoticesHead,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PersonView {
    pub id: String,
    pub name: String,
    pub phone: String,
}

impl PersonView {
    pub fn new(worker: &Worker) -> Self {
        Self { id: worker.id.to_string(), name: worker.name.clone(), phone: worker.phone.clone() }
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PostView {
    pub unit: String,
    pub name: String,
    pub level: String,
    /// `primary`, `backup` or `leader`.
    pub post: &'static str,
    pub department: String,
    /// Hours of the day; empty for always.
    pub shift: String,
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub to: Option<Timestamp>,
    pub on_shift: bool,
}

/// Whether positions may be kept.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ConsentView {
    pub positions: bool,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SkillView {
    pub skill: String,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    pub expired: bool,
}

impl SkillView {
    pub fn new(entry: &Entry, at: Timestamp) -> Self {
        Self { skill: entry.text.clone(), since: entry.at, expires: entry.expires_at, expired: !entry.is_open(at) }
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NoticesHead {
    /// The number of the newest notice; 0 where there is none.
    pub newest: u64,
}

/// Who the caller is: posts, whether on duty now, consent, skills. A key that is nobody's own has no worker.
#[utoipa::path(
    get,
    operation_id = "show_me",
    path = "/v1/me",
    tag = "keepers",
    security(("key" = [])),
    responses((status = 200, description = "Who the caller is", body = Me))
)]
pub async fn show_me(State(state): State<AppState>, caller: Caller, headers: HeaderMap) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_cases(&caller)?;
    let (snapshot, at) = (state.snapshot()?, Timestamp::now());
    let mut me = Me {
        role: caller.role().to_string(),
        scope: caller.scope().iter().map(ToString::to_string).collect(),
        at,
        worker: None,
        on_duty: false,
        expires: None,
        posts: Vec::new(),
        consent: ConsentView { positions: false, since: None },
        skills: Vec::new(),
        notices: NoticesHead { newest: 0 },
    };
    if let Some(id) = caller.worker().cloned() {
        let roster = snapshot.roster();
        let unknown = || PersonView { id: id.to_string(), name: String::new(), phone: String::new() };
        me.worker = Some(roster.worker(&id).map_or_else(unknown, PersonView::new));
        me.posts = roster.posts_of(&id, at).map(|post| view_of(&snapshot, post, at)).collect();
        me.on_duty = me.posts.iter().any(|post| post.on_shift);
        me.expires = roster.posts_of(&id, at).filter_map(|post| roster.next_change_of(post, at)).min();
        let read = move |store: &dyn crate::store::Store| {
            let of = |kind| EntryFilter { worker: Some(id.clone()), ..EntryFilter::open(kind, ENTRIES_MAX) };
            Ok((store.load_entries(&of(EntryKind::Consent))?, store.load_entries(&of(EntryKind::Skill))?, store.newest_notice(&id)?))
        };
        let (consents, skills, newest) = state.with_store(read).await?;
        let since = consents.last().map(|entry| entry.at);
        me.consent = ConsentView { positions: since.is_some(), since };
        me.skills = skills.iter().map(|entry| SkillView::new(entry, at)).collect();
        me.notices = NoticesHead { newest };
    }
    let bytes = serde_json::to_vec(&me).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

fn view_of(snapshot: &Snapshot, post: &Assignment, at: Timestamp) -> PostView {
    let layer = snapshot.layer(&default_layer(snapshot));
    let found = layer.and_then(|layer| {
        let (depth, unit) = find_unit(layer, &post.unit)?;
        let level = &layer.coverage().levels()[depth];
        Some((level.unit(unit).name.clone(), level.level().to_string()))
    });
    let (name, level) = found.unwrap_or_default();
    PostView {
        unit: post.unit.to_string(),
        name,
        level,
        post: post.post.as_str(),
        department: post.department.clone(),
        shift: post.shift.to_string(),
        from: post.validity.from,
        to: post.validity.to,
        on_shift: snapshot.roster().is_on_shift(post, at),
    }
}
