//! What somebody is to look at now: vacant units, cases that are late, keepers with too many of them, places in doubt between two units,
//! skills that have to be learned again.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::as_of::default_layer;
use super::caller::Caller;
use super::cases::{require_cases, require_prefix};
use super::document::Document;
use super::media::{JSON, negotiate};
use super::problem::Problem;
use super::query::{FromQuery, Query, Values};
use super::state::AppState;
use crate::boundary::{Unit, UnitCode};
use crate::dispatch::workflow::escalation;
use crate::dispatch::{Skill, find_lapsing};
use crate::snapshot::{Query as Lookup, Snapshot};
use crate::store::{CaseFilter, CaseOrder, CaseRecord, Store};

/// Alarms of one kind in an answer when the caller names no limit, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which alarms are asked for.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlarmsQuery {
    /// Only alarms of this kind.
    #[param(pattern = "^(vacant|overdue|overload|border|skill)$")]
    kind: Option<String>,
    /// Only in units whose code begins so.
    grid: Option<String>,
    /// Alarms of each kind, at most 1,000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

const KINDS: [&str; 5] = ["vacant", "overdue", "overload", "border", "skill"];

impl FromQuery for AlarmsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let kind = values.optional("kind", |kind| {
            if KINDS.contains(&kind) { Ok(kind.to_owned()) } else { Err(format!("{kind:?} is none of {}", KINDS.join(", "))) }
        });
        let limit = values.optional("limit", |text| match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
            _ => Err(format!("{text:?} is not a whole number of at least 1")),
        });
        let grid = values.text("grid").filter(|grid| !grid.is_empty()).map(str::to_owned);
        Some(Self { kind, grid, limit })
    }
}

/// What somebody is to look at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AlarmList {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Units in which nobody holds a post; who answers there is further up.
    pub vacant: Option<AlarmsOf<VacantAlarm>>,
    /// Cases of which a clock has run out, the longest ago first.
    pub overdue: Option<AlarmsOf<OverdueAlarm>>,
    /// Keepers with more open cases than `[cases] open_per_worker_max`, the most first.
    pub overload: Option<AlarmsOf<OverloadAlarm>>,
    /// Open cases so near a border that the keeper is in doubt, the nearest first.
    pub border: Option<AlarmsOf<BorderAlarm>>,
    /// Skills of those who hold a post that have expired, or do within `[cases] skill_warning_d`, the first to end first.
    pub skill: Option<AlarmsOf<SkillAlarm>>,
    /// Always false: all open cases count.
    pub truncated: bool,
}

/// The alarms of one kind.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AlarmsOf<T> {
    pub count: usize,
    /// The first of them.
    pub alarms: Vec<T>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct VacantAlarm {
    pub grid: String,
    pub name: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OverdueAlarm {
    pub id: String,
    pub grid: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub due_at: Timestamp,
    /// The departments whose task is late.
    pub departments: Vec<String>,
    /// How far it has gone up the chain; 0 where nobody is named.
    pub level: u8,
    pub to: String,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OverloadAlarm {
    pub worker: String,
    pub open: usize,
    pub max: usize,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct BorderAlarm {
    pub id: String,
    pub grid: Option<String>,
    pub distance_to_border_m: f64,
    /// The other units that it may lie in.
    pub alternatives: Vec<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SkillAlarm {
    pub worker: String,
    pub skill: String,
    #[schema(value_type = String, format = DateTime)]
    pub expires: Timestamp,
    pub expired: bool,
}

/// What somebody is to look at now: vacant units, late cases, keepers with too many of them, cases in doubt between two units, and skills
/// that have to be learned again.
#[utoipa::path(
    get,
    operation_id = "list_alarms",
    path = "/v1/alarms",
    tag = "cases",
    params(AlarmsQuery),
    security(("key" = [])),
    responses((status = 200, description = "The alarms", body = AlarmList))
)]
pub async fn list_alarms(
    State(state): State<AppState>,
    Query(query): Query<AlarmsQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    require_cases(&caller)?;
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let territory = state.territory(caller.scope())?;
    require_prefix(&territory, query.grid.as_deref())?;
    let asked = CaseFilter { territory, grid_prefix: query.grid.clone(), is_open: Some(true), ..CaseFilter::first(limit) };
    let wants = |kind: &str| query.kind.as_deref().is_none_or(|asked| asked == kind);
    let (snapshot, now) = (state.snapshot()?, Timestamp::now());
    let body = AlarmList {
        at: now,
        vacant: wants("vacant").then(|| first(find_vacant(&snapshot, &asked, now), limit)),
        overdue: if wants("overdue") { Some(find_overdue(&state, &snapshot, &asked, now).await?) } else { None },
        overload: if wants("overload") { Some(find_overload(&state, &asked).await?) } else { None },
        border: if wants("border") { Some(find_border(&state, &snapshot, &asked, now).await?) } else { None },
        skill: wants("skill").then(|| find_skills(&state, &snapshot, &asked, now)),
        truncated: false,
    };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

fn first<T>(mut alarms: Vec<T>, limit: usize) -> AlarmsOf<T> {
    let count = alarms.len();
    alarms.truncate(limit);
    AlarmsOf { count, alarms }
}

fn find_vacant(snapshot: &Snapshot, asked: &CaseFilter, at: Timestamp) -> Vec<VacantAlarm> {
    let Some(layer) = snapshot.layer(&default_layer(snapshot)) else { return Vec::new() };
    let Some(depth) = layer.coverage().finest_depth() else { return Vec::new() };
    let units = layer.coverage().levels()[depth].units().iter();
    let begins = |unit: &Unit| asked.grid_prefix.as_ref().is_none_or(|prefix| unit.code.as_str().starts_with(prefix));
    let reached = units.filter(|unit| begins(unit) && asked.territory.has(&unit.code));
    let vacant = reached.filter(|unit| snapshot.roster().is_vacant(&unit.code, at));
    vacant.map(|unit| VacantAlarm { grid: unit.code.to_string(), name: unit.name.clone() }).collect()
}

/// Reads the cases that are late in the order of their due times, which an index holds: only those that are shown are folded.
async fn find_overdue(state: &AppState, snapshot: &Snapshot, asked: &CaseFilter, at: Timestamp) -> Result<AlarmsOf<OverdueAlarm>, Problem> {
    let filter = CaseFilter { due_before: Some(at), order: CaseOrder::Due, ..asked.clone() };
    let (count, records) = load_counted(state, filter).await?;
    let workflow = &state.config().cases.workflow;
    let alarm = |record: &CaseRecord| {
        let folded = record.state()?;
        let late: Vec<_> = folded.running().filter(|(_, clock)| clock.is_overdue(at)).collect();
        let due_at = late.iter().filter_map(|(_, clock)| clock.due_at).min()?;
        let departments = late.iter().filter_map(|(department, _)| department.map(ToString::to_string)).collect();
        let lookup = lookup_of(snapshot, record, at);
        let answer = snapshot.answer(&lookup).ok()?;
        let path: Vec<_> = answer.path().rev().map(|unit| &unit.code).collect();
        let chain = escalation(workflow, &folded, snapshot.rules(at).terms(None, &path).calendar, at);
        Some(OverdueAlarm {
            id: record.case.id.to_string(),
            grid: record.case.grid.as_ref().map(ToString::to_string),
            due_at,
            departments,
            level: chain.step.map_or(0, |step| step.level),
            to: chain.step.map(|step| step.to.clone()).unwrap_or_default(),
        })
    };
    Ok(AlarmsOf { count, alarms: records.iter().filter_map(alarm).collect() })
}

async fn find_overload(state: &AppState, asked: &CaseFilter) -> Result<AlarmsOf<OverloadAlarm>, Problem> {
    let max = state.config().cases.open_per_worker_max;
    let (filter, limit) = (asked.clone(), asked.limit);
    let over = state.with_store(move |store| store.count_open_cases(&filter, max)).await?;
    Ok(first(over.into_iter().map(|(worker, open)| OverloadAlarm { worker: worker.to_string(), open, max }).collect(), limit))
}

/// Reads the cases that are in doubt, the nearest to a border first. How near each is was kept when it came, was moved, or boundaries
/// changed.
async fn find_border(state: &AppState, snapshot: &Snapshot, asked: &CaseFilter, at: Timestamp) -> Result<AlarmsOf<BorderAlarm>, Problem> {
    let filter = CaseFilter { is_near_border: true, order: CaseOrder::Border, ..asked.clone() };
    let (count, records) = load_counted(state, filter).await?;
    let alarm = |record: &CaseRecord| {
        let lookup = lookup_of(snapshot, record, at);
        let answer = snapshot.answer(&lookup).ok().filter(|answer| answer.is_ambiguous)?;
        Some(BorderAlarm {
            id: record.case.id.to_string(),
            grid: record.case.grid.as_ref().map(ToString::to_string),
            distance_to_border_m: answer.located.distance_to_border_m?,
            alternatives: answer.located.alternatives.iter().map(|other| answer.neighbour(other).code.to_string()).collect(),
        })
    };
    Ok(AlarmsOf { count, alarms: records.iter().filter_map(alarm).collect() })
}

fn find_skills(state: &AppState, snapshot: &Snapshot, asked: &CaseFilter, at: Timestamp) -> AlarmsOf<SkillAlarm> {
    let skills = state.skills();
    let warning = SignedDuration::from_hours(24 * i64::from(state.config().cases.skill_warning_d));
    let before = at.checked_add(warning).unwrap_or(Timestamp::MAX);
    let begins = |unit: &UnitCode| asked.grid_prefix.as_ref().is_none_or(|prefix| unit.as_str().starts_with(prefix));
    let is_asked = |unit: &UnitCode| begins(unit) && asked.territory.has(unit);
    let alarm = |skill: &Skill| {
        let is_posted = snapshot.roster().posts_of(&skill.worker, at).any(|post| is_asked(&post.unit));
        let expires = skill.expires.filter(|_| is_posted)?;
        Some(SkillAlarm { worker: skill.worker.to_string(), skill: skill.name.clone(), expires, expired: skill.has_expired(at) })
    };
    first(find_lapsing(&skills, before).into_iter().filter_map(alarm).collect(), asked.limit)
}

async fn load_counted(state: &AppState, filter: CaseFilter) -> Result<(usize, Vec<CaseRecord>), Problem> {
    let read = move |store: &dyn Store| {
        let page = store.load_case_records(&filter)?;
        // What fits on the page is counted by being there.
        if !page.has_more {
            return Ok((page.records.len(), page.records));
        }
        let counted = store.load_cases(&CaseFilter { limit: 0, counts: true, ..filter })?;
        Ok((counted.matched.unwrap_or_default(), page.records))
    };
    state.with_store(read).await
}

fn lookup_of(snapshot: &Snapshot, record: &CaseRecord, at: Timestamp) -> Lookup {
    let layer = default_layer(snapshot);
    Lookup { position: record.case.position, layer, level: None, at, accuracy_m: None, category: None }
}
