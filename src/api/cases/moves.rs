use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::body::Body;
use super::one::{load, send_case};
use super::query::{answer_for, query_of};
use super::reassign::give_again;
use super::rights;
use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::locate::{Asker, Options};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::api::wire::{CaseTag, IncidentView};
use crate::dispatch::workflow::{Appointed, Effect, Order, Place, Refusal, RulingId, decide};
use crate::dispatch::{CONDITION_SIGN, DepartmentId, DepartmentRole, Limit, PhotoId, WorkerId};
use crate::snapshot::{Snapshot, context_of, keeper_at, place_at, place_of};
use crate::store::{CaseRecord, CaseWrite, CaseWritten, NewEvent};

const MEMBERS: [&str; 14] = [
    "action",
    "reason",
    "condition",
    "department",
    "departments",
    "worker",
    "limit",
    "lon",
    "lat",
    "crs",
    "category",
    "rating",
    "published",
    "photos",
];

/// Longest reason, characters.
const REASON_CHARS_MAX: usize = 4_000;

const SHORT_CHARS_MAX: usize = 200;

/// Departments that one move may give tasks to; more are a slip.
const DEPARTMENTS_MAX: usize = 16;

/// How often a move is decided again where others have moved the case meanwhile. Each time somebody got on.
const ATTEMPTS_MAX: usize = 4;

/// A move of a case. Which members it needs, its workflow says.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member, so that all faults are told")]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// One of the moves that are open now.
    action: String,
    reason: Option<String>,
    /// The filing or closing condition by which it is done.
    condition: Option<String>,
    /// The department whose task it is about; may be left out where only one has an open task. Of a move that gives tasks: who gets one.
    department: Option<String>,
    /// Who is to get a task; by default whom the rules name.
    departments: Option<Vec<ActionDepartment>>,
    /// The collector who is asked, or the person who is named for a task.
    worker: Option<String>,
    /// How much longer a clock is to be, such as `2工作日`.
    limit: Option<String>,
    /// Where the case really is.
    lon: Option<f64>,
    lat: Option<f64>,
    crs: Option<String>,
    category: Option<String>,
    rating: Option<u8>,
    published: Option<bool>,
    /// The ids of photos that may be shown with the case, because somebody has looked at them. By default all of the version that
    /// `If-Match` names; without it those that are shown already.
    photos: Option<Vec<String>>,
}

#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
pub struct ActionDepartment {
    id: String,
    name: Option<String>,
    /// `lead` or `co`, by default `co`.
    role: Option<String>,
}

/// Moves a case on by an action of its workflow, and answers with the case as it is then.
///
/// `If-Match` with the case's `ETag` refuses the move where somebody has moved it meanwhile; without it the move is made where it is still
/// open.
#[utoipa::path(
    post,
    operation_id = "act_on_incident",
    path = "/v1/incidents/{id}/actions",
    tag = "cases",
    params(
        ("id" = String, Path, description = "The id of the case"),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the case as the caller knows it"),
    ),
    request_body(content = Action, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 200, description = "The case as it is now", body = IncidentView),
        (status = 409, description = "The move is not open now; `allowed` has those that are"),
        (status = 412, description = "Somebody has moved the case meanwhile"),
    )
)]
pub async fn act_on_incident(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let if_match = headers.get(header::IF_MATCH).map(|tags| tags.to_str().unwrap_or_default().to_owned());
    let body = || Body::read(&headers, &bytes, &MEMBERS);
    let record = act(&state, &caller, &id, if_match.as_deref(), &body).await?;
    send_case(&state, &caller, &record, &base).await
}

/// Moves a case on by an action that stands in a body of another form, and returns it as it is then.
///
/// # Errors
/// As [`act_on_incident`].
pub async fn act_by_members(
    state: &AppState,
    caller: &Caller,
    id: &str,
    if_match: &str,
    members: &Map<String, Value>,
) -> Result<CaseRecord, Problem> {
    act(state, caller, id, Some(if_match), &|| Ok(Body::of(members.clone(), &MEMBERS))).await
}

async fn act(
    state: &AppState,
    caller: &Caller,
    id: &str,
    if_match: Option<&str>,
    body: &(dyn Fn() -> Result<Body, Problem> + Sync),
) -> Result<CaseRecord, Problem> {
    for _ in 0..ATTEMPTS_MAX {
        let mut record = load(state, caller, id).await?;
        let Some(mut folded) = record.state() else {
            return Err(Problem::new(ProblemKind::InvalidMove, "the case is a mere record, which has no history").allowing(Vec::new()));
        };
        if if_match.is_some_and(|tags| !CaseTag(folded.version).is_in(tags)) {
            let detail = format!("the case is at version {} by now; look at it again", folded.version);
            return Err(Problem::new(ProblemKind::Changed, detail));
        }
        let (event, after) = {
            let (mut order, ruling) = read_order(state, caller, body()?).await?;
            // `*` is any version, which nobody can have looked at.
            if order.photos.is_none() && if_match.is_some_and(|tags| CaseTag(folded.version).is_named_in(tags)) {
                order.photos = Some(folded.photos.clone());
            }
            let snapshot = state.snapshot()?;
            let query = query_of(&snapshot, &record.case, order.at);
            let answer = answer_for(&snapshot, &query, &record.case).map_err(|e| Problem::new(ProblemKind::NotReady, e.to_string()))?;
            if let Some(category) = &order.category {
                let rules = snapshot.rules(order.at);
                let found = if rules.has_categories() { rules.find(category, true).map(drop) } else { Ok(()) };
                found.map_err(|e| Problem::parameter("category", e.to_string()))?;
            }
            let workflow = &state.config().cases.workflow;
            let is_filing = workflow.action(&order.action.0).is_some_and(|action| action.effect == Effect::File);
            let condition = if is_filing { order.condition.trim() } else { &folded.filed_by };
            let category = by_condition(&snapshot, &record.case.category, condition, order.at);
            if is_filing {
                category.as_ref().map_err(|detail| Problem::member("condition", detail.clone()))?;
            }
            let category = category.unwrap_or_else(|_| record.case.category.clone());
            let mut context = context_of(&snapshot, &answer, &category, place_of(&record.case), order.at);
            // Whom the rules of its own time name may still have a task of it.
            context.known = context.known.or(snapshot.rules(record.case.reported_at).departments());
            let mut event = decide(workflow, &folded, &order, &context).map_err(|refusal| to_problem(&refusal, &order))?;
            check_worker(state, &snapshot, &order)?;
            event.facts.ruling = ruling.filter(|_| event.facts.place.is_some());
            folded.apply(&event);
            (event, folded)
        };
        let write = CaseWrite::Append(Box::new(NewEvent { case: record.case.id, event: event.clone(), after }));
        match state.write_case(write).await? {
            CaseWritten::Appended => {
                if let Some(place) = &event.facts.place {
                    record.case.position = place.position;
                    record.case.given.clone_from(&place.given);
                    record.case.grid.clone_from(&place.grid);
                    record.case.generation = place.generation;
                    record.case.holder.clone_from(&place.holder);
                }
                if let Some(category) = &event.facts.category {
                    record.case.category.clone_from(category);
                }
                let is_reopened = event.effect == Effect::Reopen;
                record.events.push(event);
                // Rosters and boundaries may have turned while it had ended.
                if is_reopened && give_again(state, record.case.id).await? {
                    return load(state, caller, id).await;
                }
                return Ok(record);
            }
            // Decided again on what it is now, where the caller did not say on what it was to be.
            CaseWritten::Stale { .. } => {}
            CaseWritten::Added(_) | CaseWritten::Repeated { .. } | CaseWritten::Refused => {
                return Err(Problem::not_found(format!("there is no incident {id}")));
            }
        }
    }
    Err(Problem::new(ProblemKind::Changed, "others move the case again and again; look at it again"))
}

/// Refuses a worker who is neither on the roster nor holds a key: nobody would hear of the task. Where there is no roster, or tokens of an
/// issuer say who somebody is, any will do.
fn check_worker(state: &AppState, snapshot: &Snapshot, order: &Order) -> Result<(), Problem> {
    let is_known = |id: &WorkerId| {
        let roster = snapshot.roster();
        roster.is_empty() || roster.worker(id).is_some() || state.config().oidc.issuer.is_some() || state.keys().is_held_by(id, order.at)
    };
    match order.worker.as_ref().filter(|id| !is_known(id)) {
        Some(id) => Err(Problem::member("worker", format!("nobody on the roster has the id {id}, and no key is theirs"))),
        None => Ok(()),
    }
}

/// Returns a category with the condition by which a case of it was filed, whose limits count then. What the case was reported with gives
/// way; a condition says nothing where the rules have none of the category.
///
/// # Errors
/// Names the conditions of the category where this is none of them.
fn by_condition(snapshot: &Snapshot, category: &str, condition: &str, at: Timestamp) -> Result<String, String> {
    let rules = snapshot.rules(at);
    let code = category.split_once(CONDITION_SIGN).map_or(category, |(code, _)| code);
    let Ok(known) = rules.find(code, true) else { return Ok(category.to_owned()) };
    if condition.is_empty() || known.category.rows_at(at).all(|row| row.condition.is_empty()) {
        return Ok(category.to_owned());
    }
    let named = format!("{code}{CONDITION_SIGN}{condition}");
    rules.find(&named, true).map_err(|error| error.to_string())?;
    Ok(named)
}

fn to_problem(refusal: &Refusal, order: &Order) -> Problem {
    let detail = refusal.to_string();
    match refusal {
        Refusal::Role { .. } => Problem::new(ProblemKind::Forbidden, detail),
        Refusal::NotNow { allowed, .. } | Refusal::Suspended { allowed, .. } => {
            Problem::new(ProblemKind::InvalidMove, detail).allowing(allowed.iter().map(ToString::to_string).collect())
        }
        Refusal::Unknown { allowed, .. } => {
            let allowed = allowed.iter().map(ToString::to_string).collect();
            Problem::member("action", detail).allowing(allowed)
        }
        Refusal::Needs { need, .. } => Problem::member(need.as_str(), detail),
        Refusal::Rating(_) => Problem::member("rating", detail),
        Refusal::NoPhoto(_) => Problem::member("photos", detail),
        Refusal::NoSuchDepartment { .. } if order.departments.is_empty() => Problem::member("department", detail),
        Refusal::NoDepartment | Refusal::NoSuchDepartment { .. } => Problem::member("departments", detail),
        _ => Problem::new(ProblemKind::InvalidMove, detail),
    }
}

async fn read_order(state: &AppState, caller: &Caller, mut body: Body) -> Result<(Order, Option<RulingId>), Problem> {
    let action = body.text("action", SHORT_CHARS_MAX);
    if action.is_empty() {
        body.fault("action", "is missing".into());
    }
    let mut order = Order::new(&action, caller.role(), &caller.author(), super::intake::now());
    order.person = caller.worker().cloned();
    order.reason = body.text("reason", REASON_CHARS_MAX);
    order.condition = body.text("condition", SHORT_CHARS_MAX);
    let named = |text: String| if text.is_empty() { None } else { Some(text) };
    order.department = named(body.text("department", SHORT_CHARS_MAX)).map(|id| DepartmentId(id.into()));
    order.worker = named(body.text("worker", SHORT_CHARS_MAX)).map(|id| WorkerId(id.into()));
    order.limit = body.parsed("limit", Limit::parse);
    order.category = named(body.text("category", SHORT_CHARS_MAX));
    order.rating = body.small_number("rating");
    order.published = body.boolean("published");
    if body.has("photos") {
        order.photos = Some(body.list("photos", parse_photo));
    }
    for members in body.objects("departments", DEPARTMENTS_MAX) {
        match read_department(&members) {
            Ok(appointed) => order.departments.push(appointed),
            Err(detail) => body.fault("departments", detail),
        }
    }
    let mut ruling = None;
    if body.has("lon") || body.has("lat") {
        let mut asker = Asker::new(state, caller.clone(), Options::default()).await?;
        let mut question = asker.ask(&|name| if matches!(name, "lon" | "lat" | "crs") { body.given(name) } else { None })?;
        asker.rule_on(&mut question, &state.rulings())?;
        ruling = question.ruling().map(|(ruling, _)| ruling.id);
        let (snapshot, answer) = asker.find(&question)?;
        rights::require_reach(caller, answer.path().map(|unit| &unit.code))?;
        let holder = keeper_at(snapshot, &answer, order.at);
        order.place = Some(Place { holder, ..place_at(&answer, body.given_place()) });
    }
    body.finish()?;
    Ok((order, ruling))
}

fn parse_photo(id: &str) -> Result<PhotoId, String> {
    Uuid::try_parse(id).map(PhotoId).map_err(|_| format!("has {id:?}, which is no id of a photo"))
}

fn read_department(members: &Map<String, Value>) -> Result<Appointed, String> {
    if let Some(unknown) = members.keys().find(|name| !["id", "name", "role"].contains(&name.as_str())) {
        return Err(format!("have no member {unknown}"));
    }
    let text = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default().trim().to_owned();
    let (id, name, role) = (text("id"), text("name"), text("role"));
    if id.is_empty() || id.chars().count() > SHORT_CHARS_MAX || name.chars().count() > SHORT_CHARS_MAX || id.contains('\n') {
        return Err("each have an id and a name of at most 200 characters".into());
    }
    let role = if role.is_empty() { Some(DepartmentRole::Co) } else { DepartmentRole::parse(&role) };
    Ok(Appointed { department: DepartmentId(id.into()), name, role: role.ok_or("have the role lead or co")? })
}
