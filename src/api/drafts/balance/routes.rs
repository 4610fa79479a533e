use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::events::{Told, stream};
use super::runs::{Pace, Run};
use super::wanted::{Asked, BalanceBody};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::drafts::desk::{require, with_draft};
use crate::api::drafts::edit::{OperationBody, require_open};
use crate::api::drafts::tag::{DraftName, DraftRevision, Expected, name_of};
use crate::api::media::{JSON, Offer, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::api::wire::{BalanceView, ForecastView};
use crate::boundary::UnitCode;
use crate::history::{DraftGround, DraftGroundError, WeighError, operations_to_json, survey};
use crate::plan::edit::{Move, Operation};
use crate::plan::{Base, Progress, Proposal, ProposalError, Wanted};
use crate::store::StoreError;

const EVENTS: Offer = Offer { name: "events", media: "text/event-stream" };

/// Taken off the time that a request may take, for weighing before and measuring after.
const MARGIN: Duration = Duration::from_secs(5);

/// A plan for a draft.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftBalance {
    pub draft: String,
    /// The revision that the plan was made on.
    pub revision: u32,
    pub level: String,
    pub district_level: String,
    /// What does it, to be sent to `/operations`; null where nothing goes.
    #[schema(value_type = Option<OperationBody>)]
    pub operation: Option<Value>,
    #[serde(flatten)]
    pub balance: BalanceView,
}

/// Shares the units of a level out anew among their districts, so that these carry about the same. Nothing is changed: the result has the
/// operation that would change the draft.
///
/// As `text/event-stream` it tells how far it is: `started` with the `run` and what each community will have, `progress`, and at last `result`,
/// which is what is answered as JSON, or `failed` with a problem. Who leaves ends it; who deletes the run gets the best plan so far.
/// As JSON the best plan is answered that was found in the time that a request may take.
#[utoipa::path(
    post,
    operation_id = "balance_draft",
    path = "/v1/drafts/{id}/balance",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), DraftRevision),
    request_body(content = BalanceBody, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 200, description = "The plan", content((DraftBalance = "application/json"), (String = "text/event-stream"))),
        (status = 409, description = "The draft is published or withdrawn", content_type = "application/problem+json"),
        (status = 412, description = "The draft is at another revision", content_type = "application/problem+json"),
        (status = 422, description = "No plan can be made of the units as they are", content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", content_type = "application/problem+json"),
        (status = 503, description = "Too many plans are looked for already", content_type = "application/problem+json"),
    )
)]
pub async fn balance_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let offer = negotiate(None, &headers, &[JSON, EVENTS])?;
    let (expected, asked) = (Expected::of(&headers)?, Asked::read(&headers, &bytes)?);
    let level = asked.level.clone();
    let (draft, ground) = with_draft(&state, &caller, &id, move |session, _| {
        require_open(session)?;
        expected.check(session)?;
        Ok((name_of(session), survey(session, level.as_ref()).map_err(|error| to_problem(&error))?))
    })
    .await?;
    let too_many = || Problem::new(ProblemKind::Overloaded, "two plans are looked for already; stop one of them or wait");
    let run = state.plan_runs().begin(draft.clone()).ok_or_else(too_many)?;
    let weighed = weigh(&state, ground, asked).await?;
    let forecast = weighed.base.foresee(&weighed.wanted).map_err(|error| unfit(&error))?;
    let told = Told { run: run.id, draft: draft.to_string(), forecast: ForecastView::new(&forecast, &weighed.base) };
    if offer == EVENTS {
        let (progress, watched) = watch::channel(Progress::default());
        let found = look(&state, &run, weighed, draft, (progress, None));
        return Ok(stream(told, run, watched, found, state.feed().ended()));
    }
    let end = Instant::now() + Duration::from_secs(state.config().http.request_timeout_s).saturating_sub(MARGIN);
    let (progress, _watched) = watch::channel(Progress::default());
    let found = look(&state, &run, weighed, draft, (progress, Some(end))).await;
    let found = found.map_err(|error| Problem::internal(&error))??;
    let bytes = serde_json::to_vec(&found).map_err(|error| Problem::internal(&error))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Ends the looking for a plan; its stream then has the best one so far as its result.
#[utoipa::path(
    delete,
    operation_id = "stop_balance",
    path = "/v1/drafts/{id}/balance/{run}",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), ("run" = String, Path, description = "What the stream began with")),
    security(("key" = [])),
    responses(
        (status = 202, description = "It ends"),
        (status = 404, description = "This process looks for no such plan, or no longer", content_type = "application/problem+json"),
    )
)]
pub async fn stop_balance(
    State(state): State<AppState>,
    Path((id, run)): Path<(String, String)>,
    caller: Caller,
) -> Result<StatusCode, Problem> {
    let draft = DraftName::parse(&id)?;
    require(&caller, &draft.layer)?;
    let is_stopped = Uuid::parse_str(&run).is_ok_and(|run| state.plan_runs().stop(&draft, run));
    let missing = || Problem::not_found(format!("no plan is looked for under {run}; it may have ended"));
    is_stopped.then_some(StatusCode::ACCEPTED).ok_or_else(missing)
}

/// Base units with what is wanted of them.
pub struct Weighed {
    ground: DraftGround,
    base: Base,
    wanted: Wanted,
}

async fn weigh(state: &AppState, ground: DraftGround, asked: Asked) -> Result<Weighed, Problem> {
    let config = state.config().workload.clone();
    let (ground, asked, base) = state
        .with_store(move |store| {
            let weighed = ground.weigh(store, asked.loads.as_deref(), &asked.limits, &asked.wishes, &config, Timestamp::now());
            by_store(weighed).map(|weighed| weighed.map(|base| (ground, asked, base)))
        })
        .await?
        .map_err(|error| to_problem(&error))?;
    let wanted = asked.of_draft(base.districts_today().unwrap_or(1), ground.locks());
    Ok(Weighed { ground, base, wanted })
}

/// Takes a failure of the store out.
pub fn by_store<T>(weighed: Result<T, DraftGroundError>) -> Result<Result<T, DraftGroundError>, StoreError> {
    match weighed {
        Err(DraftGroundError::Weigh(WeighError::Store(error))) => Err(error),
        other => Ok(other),
    }
}

/// Looks for a plan on threads of its own.
fn look(
    state: &AppState,
    run: &Run,
    weighed: Weighed,
    draft: DraftName,
    (progress, end): (watch::Sender<Progress>, Option<Instant>),
) -> oneshot::Receiver<Result<DraftBalance, Problem>> {
    let (sender, receiver) = oneshot::channel();
    let (runs, pace) = (Arc::clone(state.plan_runs()), run.pace(progress, end));
    tokio::task::spawn_blocking(move || {
        let found = runs.install(|| find(&weighed, &draft, &pace));
        // Whoever asked may have left.
        drop(sender.send(found));
    });
    receiver
}

fn find(Weighed { ground, base, wanted }: &Weighed, draft: &DraftName, pace: &Pace) -> Result<DraftBalance, Problem> {
    let began = Instant::now();
    let made = base.propose(wanted, &|progress| pace.go_on(progress)).map_err(|error| unfit(&error))?;
    let operation = operation(ground, base, &made)?;
    Ok(DraftBalance {
        draft: draft.to_string(),
        revision: ground.revision,
        level: ground.level.to_string(),
        district_level: ground.district_level.to_string(),
        operation: operation.map(|operation| operations_to_json(&[operation])[0].take()),
        balance: BalanceView::new(&made, base, began.elapsed()),
    })
}

/// Returns what makes the draft as the plan has it; none where nothing goes.
fn operation(ground: &DraftGround, base: &Base, made: &Proposal) -> Result<Option<Operation>, Problem> {
    let mut moves = Vec::new();
    for change in made.changes.iter().map(|explained| &explained.change) {
        let Some(to) = change.to else { continue };
        let to = UnitCode::parse(made.name(to)).map_err(|error| Problem::internal(&error))?;
        moves.extend(change.units.iter().map(|unit| Move { unit: base.codes[*unit as usize].clone(), to: to.clone() }));
    }
    moves.sort_by(|a, b| a.unit.cmp(&b.unit));
    Ok((!moves.is_empty()).then(|| Operation::Reassign { level: ground.level.clone(), moves, creates: true }))
}

pub fn to_problem(error: &DraftGroundError) -> Problem {
    match error {
        DraftGroundError::UnknownLevel(_) | DraftGroundError::NoDistricts(_) => Problem::member("level", error.to_string()),
        DraftGroundError::AllLocked(_) | DraftGroundError::Faulty(_) => Problem::new(ProblemKind::EditRefused, error.to_string()),
        DraftGroundError::Weigh(WeighError::Store(error)) => Problem::store_down(error),
        DraftGroundError::Wish(error) => Problem::member("wishes", error.to_string()),
        DraftGroundError::Weigh(error) => Problem::member("load", error.to_string()),
    }
}

fn unfit(error: &ProposalError) -> Problem {
    Problem::new(ProblemKind::EditRefused, error.to_string())
}
