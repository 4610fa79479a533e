//! What somebody is to look at now: vacant units, cases that are late, keepers with too many of them, places in doubt between two units.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::as_of::default_layer;
use super::caller::Caller;
use super::cases::require_cases;
use super::document::Document;
use super::features::scoped_prefix;
use super::media::{JSON, negotiate};
use super::problem::Problem;
use super::query::{FromQuery, Query, Values};
use super::state::AppState;
use crate::dispatch::WorkerId;
use crate::dispatch::workflow::escalation;
use crate::snapshot::{Query as Lookup, Snapshot};
use crate::store::{CaseFilter, CaseRecord};

/// Open cases that are looked at for one answer, those with the oldest ids first. An office that has more is told so.
const OPEN_MAX: usize = 20_000;

/// Cases that are read at once.
const PAGE: usize = 1_000;

/// Alarms of one kind in an answer when the caller names no limit, and at most.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which alarms are asked for.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AlarmsQuery {
    /// Only alarms of this kind.
    #[param(pattern = "^(vacant|overdue|overload|border)$")]
    kind: Option<String>,
    /// Only in units whose code begins so.
    grid: Option<String>,
    /// Alarms of each kind, at most 1,000.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

const KINDS: [&str; 4] = ["vacant", "overdue", "overload", "border"];

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
    /// Whether there are more open cases than were looked at.
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

/// What somebody is to look at now: vacant units, late cases, keepers with too many of them, and cases in doubt between two units.
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
    let prefix = scoped_prefix(query.grid.as_deref(), &caller)?;
    let wants = |kind: &str| query.kind.as_deref().is_none_or(|asked| asked == kind);
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let needs_cases = KINDS[1..].iter().any(|kind| wants(kind));
    let (open, truncated) = if needs_cases { load_open(&state, prefix.clone()).await? } else { (Vec::new(), false) };
    let (snapshot, now) = (state.snapshot()?, Timestamp::now());
    let max = state.config().cases.open_per_worker_max;
    let body = AlarmList {
        at: now,
        vacant: wants("vacant").then(|| first(find_vacant(&snapshot, prefix.as_deref(), now), limit)),
        overdue: wants("overdue").then(|| first(find_overdue(&state, &snapshot, &open, now), limit)),
        overload: wants("overload").then(|| first(find_overload(&open, max), limit)),
        border: wants("border").then(|| first(find_border(&snapshot, &open, now), limit)),
        truncated,
    };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

fn first<T>(mut alarms: Vec<T>, limit: usize) -> AlarmsOf<T> {
    let count = alarms.len();
    alarms.truncate(limit);
    AlarmsOf { count, alarms }
}

async fn load_open(state: &AppState, prefix: Option<String>) -> Result<(Vec<CaseRecord>, bool), Problem> {
    let mut filter = CaseFilter { grid_prefix: prefix, is_open: Some(true), counts: false, ..CaseFilter::first(PAGE) };
    let mut open = Vec::new();
    loop {
        let asked = filter.clone();
        let page = state.with_store(move |store| store.load_case_records(&asked)).await?;
        filter.after = page.records.last().map(|record| record.case.id);
        open.extend(page.records);
        if !page.has_more || open.len() >= OPEN_MAX {
            return Ok((open, page.has_more));
        }
    }
}

fn find_vacant(snapshot: &Snapshot, prefix: Option<&str>, at: Timestamp) -> Vec<VacantAlarm> {
    let Some(layer) = snapshot.layer(&default_layer(snapshot)) else { return Vec::new() };
    let Some(depth) = layer.coverage().finest_depth() else { return Vec::new() };
    let units = layer.coverage().levels()[depth].units().iter();
    let asked = units.filter(|unit| prefix.is_none_or(|prefix| unit.code.as_str().starts_with(prefix)));
    let vacant = asked.filter(|unit| snapshot.roster().is_vacant(&unit.code, at));
    vacant.map(|unit| VacantAlarm { grid: unit.code.to_string(), name: unit.name.clone() }).collect()
}

fn find_overdue(state: &AppState, snapshot: &Snapshot, open: &[CaseRecord], at: Timestamp) -> Vec<OverdueAlarm> {
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
    let mut alarms: Vec<_> = open.iter().filter_map(alarm).collect();
    alarms.sort_by_key(|alarm| alarm.due_at);
    alarms
}

fn find_overload(open: &[CaseRecord], max: usize) -> Vec<OverloadAlarm> {
    let mut counts: FxHashMap<&WorkerId, usize> = FxHashMap::default();
    open.iter().filter_map(|record| record.case.holder.as_ref()).for_each(|worker| *counts.entry(worker).or_default() += 1);
    let over = counts.into_iter().filter(|(_, open)| *open > max);
    let mut alarms: Vec<_> = over.map(|(worker, open)| OverloadAlarm { worker: worker.to_string(), open, max }).collect();
    alarms.sort_by(|a, b| b.open.cmp(&a.open).then_with(|| a.worker.cmp(&b.worker)));
    alarms
}

fn find_border(snapshot: &Snapshot, open: &[CaseRecord], at: Timestamp) -> Vec<BorderAlarm> {
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
    let mut alarms: Vec<_> = open.iter().filter_map(alarm).collect();
    alarms.sort_by(|a, b| a.distance_to_border_m.total_cmp(&b.distance_to_border_m));
    alarms
}

fn lookup_of(snapshot: &Snapshot, record: &CaseRecord, at: Timestamp) -> Lookup {
    let layer = default_layer(snapshot);
    Lookup { position: record.case.position, layer, level: None, at, accuracy_m: None, category: None }
}
