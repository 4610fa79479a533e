use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::place::{PlaceQuery, require_worker};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::wire::{ActionView, PositionView, actions_of};
use crate::boundary::Position;
use crate::dispatch::workflow::{Actor, CaseState, Workflow};
use crate::dispatch::{WALK_PLACES_MAX, WorkerId, legs_m, walk_order};
use crate::store::{CaseFilter, CaseOrder, CaseRecord};

const LIMIT_DEFAULT: usize = 50;

/// How many tasks are wanted.
#[derive(Clone, Copy, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TasksQuery {
    /// Tasks in the answer, at most 200: those that are due first.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

impl FromQuery for TasksQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let limit = values.optional("limit", |text| match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(WALK_PLACES_MAX)),
            _ => Err(format!("{text:?} is not a whole number of at least 1")),
        });
        Some(Self { limit })
    }
}

/// What the caller has to do, in the order in which to walk.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TaskWalk {
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Where the walk begins; null begins at the first task.
    pub start: Option<PositionView>,
    /// How the order is found.
    pub order: &'static str,
    /// The length of all legs, along straight lines.
    pub walk_m: f64,
    /// Whether there are more tasks than these.
    pub more: bool,
    pub tasks: Vec<MyTask>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct MyTask {
    /// The case.
    pub id: String,
    /// The version of the case, for `If-Match`.
    pub version: u32,
    /// `look` where one is asked to look at the place, `task` where one is named for a department's task, else `case`.
    pub kind: &'static str,
    pub state: String,
    pub title: String,
    pub category: String,
    pub description: String,
    pub grid: Option<String>,
    pub position: PositionView,
    #[schema(value_type = Option<String>, format = DateTime)]
    pub due_at: Option<Timestamp>,
    pub overdue: bool,
    /// Metres from the task before, along a straight line.
    pub leg_m: f64,
    /// Departments with an open task.
    pub departments: Vec<String>,
    pub actions: Vec<ActionView>,
    pub href: String,
}

/// What the caller has to do: open cases of theirs, places that they are asked to look at, and tasks for which they are named. Those
/// that are overdue come first, then the others, each in walking order from where the walk is by then. The order is a heuristic
/// (nearest neighbour, improved by 2-opt) over straight lines, not streets.
#[utoipa::path(
    get,
    operation_id = "list_my_tasks",
    path = "/v1/me/tasks",
    tag = "keepers",
    params(PlaceQuery, TasksQuery),
    security(("key" = [])),
    responses((status = 200, description = "The tasks", body = TaskWalk))
)]
pub async fn list_my_tasks(
    State(state): State<AppState>,
    Query((place, query)): Query<(PlaceQuery, TasksQuery)>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let worker = require_worker(&caller)?;
    let start = if place.is_given() { Some(place.ask(&state, &caller).await?.1.position()) } else { None };
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT);
    let filter =
        CaseFilter { worker: Some(worker.clone()), is_open: Some(true), order: CaseOrder::Due, counts: false, ..CaseFilter::first(limit) };
    let page = state.with_store(move |store| store.load_case_records(&filter)).await?;
    let at = Timestamp::now();
    let folded: Vec<(CaseRecord, CaseState)> =
        page.records.into_iter().filter_map(|record| record.state().map(|state| (record, state))).collect();
    let (late, others): (Vec<_>, Vec<_>) = folded.into_iter().partition(|(_, state)| state.is_overdue(at));
    let mut walked = walk(start, late);
    let here = walked.last().map(|(record, _)| record.case.position).or(start);
    walked.extend(walk(here, others));
    let legs = legs_m(start, walked.iter().map(|(record, _)| record.case.position));
    let workflow = &state.config().cases.workflow;
    let author = caller.author();
    let view = |((record, folded), leg_m): (&(CaseRecord, CaseState), &f64)| {
        task_of(record, folded, &worker, workflow, caller.actor(&author), at, *leg_m, base.as_str())
    };
    let body = TaskWalk {
        at,
        start: start.map(|start| PositionView { lon: start.lon, lat: start.lat }),
        order: "nearest neighbour, improved by 2-opt",
        walk_m: legs.iter().sum(),
        more: page.has_more,
        tasks: walked.iter().zip(&legs).map(view).collect(),
    };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

fn walk(start: Option<Position>, tasks: Vec<(CaseRecord, CaseState)>) -> Vec<(CaseRecord, CaseState)> {
    let places: Vec<Position> = tasks.iter().map(|(record, _)| record.case.position).collect();
    let mut tasks: Vec<Option<_>> = tasks.into_iter().map(Some).collect();
    walk_order(start, &places).into_iter().filter_map(|at| tasks[at].take()).collect()
}

#[expect(clippy::too_many_arguments, reason = "all of it stands in one object of the answer")]
fn task_of(
    record: &CaseRecord,
    folded: &CaseState,
    worker: &WorkerId,
    workflow: &Workflow,
    actor: Actor<'_>,
    at: Timestamp,
    leg_m: f64,
    base: &str,
) -> MyTask {
    let is_named = folded.open_tasks().any(|task| task.worker.as_ref() == Some(worker));
    let kind = if folded.asked() == Some(worker) {
        "look"
    } else if is_named {
        "task"
    } else {
        "case"
    };
    let case = &record.case;
    MyTask {
        id: case.id.to_string(),
        version: folded.version,
        kind,
        state: folded.name.to_string(),
        title: workflow.state(&folded.name).map(|state| state.title.clone()).unwrap_or_default(),
        category: case.category.clone(),
        description: case.description.clone(),
        grid: case.grid.as_ref().map(ToString::to_string),
        position: PositionView { lon: case.position.lon, lat: case.position.lat },
        due_at: folded.due_at(),
        overdue: folded.is_overdue(at),
        leg_m,
        departments: folded.open_tasks().map(|task| task.department.to_string()).collect(),
        actions: actions_of(workflow, folded, actor, at),
        href: format!("{base}/v1/incidents/{}", case.id),
    }
}
