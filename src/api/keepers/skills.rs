use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::api::as_of::parse_time;
use crate::api::caller::Caller;
use crate::api::cases::{Body, require_cases};
use crate::api::document::Document;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::boundary::Territory;
use crate::dispatch::{Roster, SKILL_BYTES_MAX, Skill, WorkerId};
use crate::snapshot::Snapshot;
use crate::store::{EntriesAt, Entry, EntryEnd, EntryFilter, EntryKind, SKILLS_MAX, Store, StoreError};

/// What a worker has learned.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member, so that all faults are told")]
#[serde(deny_unknown_fields)]
pub struct SkillBody {
    /// The id of a worker of the roster.
    worker: String,
    /// Its name, at most 128 bytes.
    skill: String,
    /// When it was learned, a time or a day; now where it is left out.
    since: Option<String>,
    /// When it has to be learned again, a time or a day; never where it is left out.
    expires: Option<String>,
}

/// A skill on record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SkillRecord {
    pub id: String,
    pub worker: String,
    pub skill: String,
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    pub expired: bool,
    pub author: String,
    /// When it was taken off the record.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ended_at: Option<Timestamp>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SkillList {
    pub skills: Vec<SkillRecord>,
}

/// Which skills are asked for.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SkillsQuery {
    /// Only those of this worker.
    worker: Option<String>,
    /// Only those of this name.
    skill: Option<String>,
    /// Only those that expire before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    expires_before: Option<Timestamp>,
    /// Also those that were taken off the record.
    all: Option<bool>,
}

impl FromQuery for SkillsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let expires_before = values.optional("expires_before", parse_time);
        let all = values.optional("all", |text| text.parse::<bool>().map_err(|_| format!("{text:?} is neither true nor false")));
        let text = |name: &str| values.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        Some(Self { worker: text("worker"), skill: text("skill"), expires_before, all })
    }
}

impl SkillRecord {
    fn new(entry: &Entry, at: Timestamp) -> Option<Self> {
        let skill = entry.to_skill()?;
        Some(Self {
            id: entry.id.to_string(),
            worker: skill.worker.to_string(),
            expired: skill.has_expired(at),
            skill: skill.name,
            since: skill.since,
            expires: skill.expires,
            author: entry.author.clone(),
            ended_at: entry.end.as_ref().map(|end| end.at),
        })
    }
}

/// Makes of entries the skills by which is answered: those that have not been taken off the record.
pub fn to_skills(entries: &[Entry]) -> Vec<Skill> {
    entries.iter().filter(|entry| entry.end.is_none()).filter_map(Entry::to_skill).collect()
}

/// Reads what workers have learned, as it is on record.
///
/// # Errors
/// The store fails.
pub fn open_skills(store: &dyn Store) -> Result<EntriesAt, StoreError> {
    EntriesAt::load(store, &EntryFilter::open(EntryKind::Skill, SKILLS_MAX))
}

/// Whether a worker holds a post at a time in a territory.
fn is_posted(roster: &Roster, territory: &Territory, worker: &WorkerId, at: Timestamp) -> bool {
    roster.posts_of(worker, at).any(|post| territory.has(&post.unit))
}

/// Puts on record what a worker has learned, and until when that lasts. Learned again it is put on record again.
#[utoipa::path(
    post,
    operation_id = "add_skill",
    path = "/v1/skills",
    tag = "keepers",
    request_body(content = SkillBody, content_type = "application/json"),
    security(("key" = [])),
    responses((status = 201, description = "It is on record", body = SkillRecord))
)]
pub async fn add_skill(State(state): State<AppState>, caller: Caller, headers: HeaderMap, bytes: Bytes) -> Result<Response, Problem> {
    require_cases(&caller)?;
    let mut body = Body::read(&headers, &bytes, &["worker", "skill", "since", "expires"])?;
    let at = Timestamp::now();
    let time_zone = &state.config().time_zone;
    let (worker, name) = (WorkerId(body.text("worker", SKILL_BYTES_MAX).into()), body.text("skill", SKILL_BYTES_MAX));
    let since = body.time_or_date("since", time_zone).unwrap_or(at);
    let skill = Skill { worker, name, since, expires: body.time_or_date("expires", time_zone) };
    if !Skill::is_name(&skill.name) {
        body.fault("skill", format!("is the name of what was learned, 1 to {SKILL_BYTES_MAX} bytes in one line"));
    }
    if skill.has_expired(since) {
        body.fault("expires", format!("is not after {since}, when it was learned"));
    }
    let snapshot = state.snapshot()?;
    if snapshot.roster().worker(&skill.worker).is_none() {
        body.fault("worker", format!("no worker of the roster has the id {:?}", skill.worker.to_string()));
    }
    body.finish()?;
    require_worker(&state, &caller, &snapshot, &skill.worker, at)?;
    let entry = Entry::of_skill(&skill, &caller.author());
    let view = SkillRecord::new(&entry, at);
    let written = move |store: &dyn Store| {
        store.add_entries(&[entry])?;
        open_skills(store)
    };
    // This process answers by it at once; the others hear of it as of any change of the store.
    state.with_store(written).await.map(|open| state.set_skills(&open))?;
    let bytes = serde_json::to_vec(&view).map_err(|e| Problem::internal(&e))?;
    let mut response = Document::new(JSON.media, bytes).private(true).untagged().into_response();
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// What workers have learned, in the order in which they did. A limited key is told of those who hold a post in its units.
#[utoipa::path(
    get,
    operation_id = "list_skills",
    path = "/v1/skills",
    tag = "keepers",
    params(SkillsQuery),
    security(("key" = [])),
    responses((status = 200, description = "The skills", body = SkillList))
)]
pub async fn list_skills(
    State(state): State<AppState>,
    Query(query): Query<SkillsQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_cases(&caller)?;
    let worker = query.worker.map(|id| WorkerId(id.into()));
    let filter = EntryFilter { is_open: query.all != Some(true), worker, ..EntryFilter::open(EntryKind::Skill, SKILLS_MAX) };
    let entries = state.with_store(move |store| store.load_entries(&filter)).await?;
    let (snapshot, at) = (state.snapshot()?, Timestamp::now());
    let territory = state.territory(caller.scope())?;
    let is_asked = |entry: &&Entry| {
        query.skill.as_ref().is_none_or(|skill| entry.text == *skill)
            && query.expires_before.is_none_or(|before| entry.expires_at.is_some_and(|end| end < before))
            && (territory == Territory::Whole
                || entry.worker.as_ref().is_some_and(|worker| is_posted(snapshot.roster(), &territory, worker, at)))
    };
    let skills = entries.iter().filter(is_asked).filter_map(|entry| SkillRecord::new(entry, at)).collect();
    let bytes = serde_json::to_vec(&SkillList { skills }).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Takes a skill off the record: it was put there by mistake, or is needed no more.
#[utoipa::path(
    delete,
    operation_id = "end_skill",
    path = "/v1/skills/{id}",
    tag = "keepers",
    params(("id" = String, Path, description = "The id of the skill on record")),
    security(("key" = [])),
    responses((status = 204, description = "It counts no more"))
)]
pub async fn end_skill(State(state): State<AppState>, Path(id): Path<String>, caller: Caller) -> Result<Response, Problem> {
    require_cases(&caller)?;
    let missing = || Problem::not_found(format!("there is no skill {id} on record that could be ended"));
    let found = Uuid::try_parse(&id).map_err(|_| missing())?;
    let at = Timestamp::now();
    if caller.scope().is_empty() {
        caller.require_unlimited("a skill")?;
    } else {
        // Whose it is decides whether a limited key reaches it.
        let filter = EntryFilter { id: Some(found), ..EntryFilter::open(EntryKind::Skill, 1) };
        let open = state.with_store(move |store| store.load_entries(&filter)).await?;
        let worker = open.into_iter().next().and_then(|entry| entry.worker).ok_or_else(missing)?;
        require_worker(&state, &caller, &*state.snapshot()?, &worker, at)?;
    }
    let end = EntryEnd { at, author: caller.author(), text: String::new() };
    let (ended, open) = state.with_store(move |store| Ok((store.end_entry(EntryKind::Skill, found, &end)?, open_skills(store)?))).await?;
    ended.ok_or_else(missing)?;
    state.set_skills(&open);
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Turns away a caller whose units do not reach a worker's.
fn require_worker(state: &AppState, caller: &Caller, snapshot: &Snapshot, worker: &WorkerId, at: Timestamp) -> Result<(), Problem> {
    if caller.scope().is_empty() {
        return caller.require_unlimited("a skill");
    }
    if is_posted(snapshot.roster(), &state.territory(caller.scope())?, worker, at) {
        return Ok(());
    }
    Err(Problem::new(ProblemKind::Forbidden, format!("the key is limited to some units, and {worker} holds no post there")))
}
