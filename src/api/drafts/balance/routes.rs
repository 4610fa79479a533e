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
use super::runs::{Pace, Place, RUNS_MAX};
use super::wanted::{Asked, BalanceBody, SECONDS_MAX};
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
use crate::history::{DraftGround, DraftGroundError, GroundChoice, WeighError, operations_to_json, survey};
use crate::plan::edit::{Move, Operation};
use crate::plan::{Base, Progress, Proposal, ProposalError, Wanted};
use crate::store::{Store, StoreError};

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
    request_body(content = Option<BalanceBody>, content_type = "application/json"),
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
    let began = Instant::now();
    // As of all that is posted, what else its sender would rather read is no reason to turn it away.
    let offer = negotiate(None, &headers, &[JSON, EVENTS]).unwrap_or(JSON);
    let (expected, asked) = (Expected::of(&headers)?, Asked::read(&headers, &bytes)?);
    let level = asked.level.clone();
    let (draft, ground) = with_draft(&state, &caller, &id, move |session, _| {
        require_open(session)?;
        expected.check(session)?;
        Ok((name_of(session), survey(session, level.as_ref()).map_err(|error| to_problem(&error))?))
    })
    .await?;
    let too_many = || Problem::new(ProblemKind::Overloaded, format!("{RUNS_MAX} plans are looked for already; stop one of them or wait"));
    let (run, place) = state.plan_runs().begin(draft.clone()).ok_or_else(too_many)?;
    let seconds = asked.seconds().unwrap_or(SECONDS_MAX);
    let (weighed, forecast) = weigh(&state, ground, asked, place).await?;
    if offer == EVENTS {
        let (progress, watched) = watch::channel(Progress::default());
        let told = Told { run: run.id, draft: draft.to_string(), forecast };
        let end = Instant::now() + Duration::from_secs_f64(seconds);
        let found = look(run.pace(progress, Some(end)), weighed, draft);
        return Ok(stream(told, run, watched, found, state.feed().ended()));
    }
    let end = began + Duration::from_secs(state.config().http.request_timeout_s).saturating_sub(MARGIN);
    let (progress, _watched) = watch::channel(Progress::default());
    let found = look(run.pace(progress, Some(end)), weighed, draft).await;
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

/// Base units with what is wanted of them, and the place that looking for a plan of them has.
struct Weighed {
    ground: DraftGround,
    base: Base,
    wanted: Wanted,
    place: Place,
}

async fn weigh(state: &AppState, ground: DraftGround, asked: Asked, place: Place) -> Result<(Weighed, ForecastView), Problem> {
    let config = state.config().workload.clone();
    let work = move |store: &dyn Store| {
        let (loads, limits, wishes) = (asked.loads.as_deref(), &asked.limits[..], &asked.wishes);
        let choice = GroundChoice { loads, limits, wishes };
        let weighed = ground.weigh(store, &choice, &config, Timestamp::now());
        let base = match by_store(weighed)? {
            Ok(base) => base,
            Err(error) => return Ok(Err(to_problem(&error))),
        };
        let wanted = asked.of_draft(base.districts_today().unwrap_or(1), ground.locks());
        let forecast = match base.foresee(&wanted) {
            Ok(forecast) => ForecastView::new(&forecast, &base),
            Err(error) => return Ok(Err(unfit(&error))),
        };
        Ok(Ok((Weighed { ground, base, wanted, place }, forecast)))
    };
    state.with_store(work).await?
}

/// Takes a failure of the store out.
pub fn by_store<T>(weighed: Result<T, DraftGroundError>) -> Result<Result<T, DraftGroundError>, StoreError> {
    match weighed {
        Err(DraftGroundError::Weigh(WeighError::Store(error))) => Err(error),
        other => Ok(other),
    }
}

/// Looks for a plan on threads of its own.
fn look(pace: Pace, weighed: Weighed, draft: DraftName) -> oneshot::Receiver<Result<DraftBalance, Problem>> {
    let (sender, receiver) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let found = weighed.place.install(|| find(&weighed, &draft, &pace));
        // Whoever asked may have left.
        drop(sender.send(found.map_err(|error| Problem::internal(&error)).and_then(|found| found)));
    });
    receiver
}

fn find(Weighed { ground, base, wanted, .. }: &Weighed, draft: &DraftName, pace: &Pace) -> Result<DraftBalance, Problem> {
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
        DraftGroundError::AllLocked(_) | DraftGroundError::Faulty(_) | DraftGroundError::Weigh(WeighError::Base(_)) => {
            Problem::new(ProblemKind::EditRefused, error.to_string())
        }
        DraftGroundError::Weigh(WeighError::Store(error)) => Problem::store_down(error),
        DraftGroundError::Wish(error) => Problem::member("wishes", error.to_string()),
        DraftGroundError::Weigh(error) => Problem::member("load", error.to_string()),
    }
}

fn unfit(error: &ProposalError) -> Problem {
    Problem::new(ProblemKind::EditRefused, error.to_string())
}
