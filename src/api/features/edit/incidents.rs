use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use geo_types::Coord;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::incidents::{self, INCIDENTS, sees_incidents};
use super::super::query::ItemsQuery;
use super::body::{FeatureBody, PATCH, WHOLE};
use super::terms::{PREFERENCE_APPLIED, address, is_create_only, missing, precondition_required, wants_minimal};
use crate::api::caller::Caller;
use crate::api::cases::{IDEMPOTENCY_REPLAYED, act_by_members, find_case, report_members};
use crate::api::links::BaseUrl;
use crate::api::media::GEOJSON;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::api::wire::CaseTag;
use crate::boundary::Position;
use crate::dispatch::workflow::{ActionDefinition, CaseState, Effect};
use crate::dispatch::{Case, distance_m};
use crate::store::CaseRecord;

/// What is said of a case with a move, beside what is to be different: the members of an action.
const SAID: [&str; 9] = ["reason", "condition", "department", "departments", "worker", "limit", "rating", "published", "action"];

/// How far a place may lie from where a case is without being another, metres: clients write seven decimals, and others come through
/// another reference system.
const SAME_PLACE_M: f64 = 0.1;

/// A write to a case: always an event that is added to its history.
pub struct CaseWrite {
    pub state: AppState,
    pub caller: Caller,
    pub base: BaseUrl,
    pub headers: HeaderMap,
}

impl CaseWrite {
    /// Takes a report in, as `/v1/incidents` does, and answers with the case as a feature.
    ///
    /// # Errors
    /// As there.
    pub async fn create(self, bytes: &[u8]) -> Result<Response, Problem> {
        sees_incidents(&self.caller)?;
        let body = FeatureBody::read(&self.headers, bytes, WHOLE)?;
        let mut members = without_nulls(&body.properties);
        if let Some(place) = body.point()? {
            // A report says its place in the system in which it is known, and that is kept.
            members.extend(place.to_members(&body));
        }
        let (record, is_repeated) = report_members(&self.state, &self.caller, (&self.headers, bytes), members).await?;
        let path = format!("/collections/{INCIDENTS}/items/{}", record.case.id);
        let mut response = self.send(record)?;
        *response.status_mut() = StatusCode::CREATED;
        response.headers_mut().insert(header::LOCATION, address(&self.base.to(&path))?);
        if is_repeated {
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// Makes a case what it is said to be, wholly or in part, as far as a move of its workflow leads there.
    ///
    /// # Errors
    /// 409 with the moves that are open where none does; else as for an action.
    pub async fn change(self, feature: &str, bytes: &[u8], is_whole: bool) -> Result<Response, Problem> {
        if is_whole && is_create_only(&self.headers) {
            return Err(Problem::new(ProblemKind::InvalidMove, "the id of an incident is the service's to give; report it by POST"));
        }
        sees_incidents(&self.caller)?;
        let if_match = self.if_match()?;
        let body = FeatureBody::read(&self.headers, bytes, if is_whole { WHOLE } else { PATCH })?;
        let (record, folded) = self.load(feature, &if_match).await?;
        if body.id.as_ref().is_some_and(|id| *id != record.case.id.to_string()) {
            return Err(Problem::member("id", format!("is not {}, which the address says", record.case.id)));
        }
        let allowed = || self.open_to(&folded).iter().map(|action| action.name.to_string()).collect::<Vec<_>>();
        let members = self.to_move(&body, &record.case, &folded, allowed)?;
        let record = if members.is_empty() { record } else { self.act(feature, &if_match, &members).await? };
        self.send(record)
    }

    /// Voids a case by the move of its workflow that does that: nothing of a case is deleted.
    ///
    /// # Errors
    /// 409 with the moves that are open where it cannot be voided now, 405 where the workflow has no such move.
    pub async fn void(self, feature: &str, reason: Option<String>) -> Result<Response, Problem> {
        sees_incidents(&self.caller)?;
        let if_match = self.if_match()?;
        let (_, folded) = self.load(feature, &if_match).await?;
        if !can_void(&self.state) {
            return Err(Problem::new(
                ProblemKind::MethodNotAllowed,
                "the workflow has no move that voids a case, and none is ever deleted",
            ));
        }
        let action = self.open_to(&folded).into_iter().find(|action| action.effect == Effect::Void).map(|action| action.name.to_string());
        let Some(action) = action else {
            let allowed = self.open_to(&folded).iter().map(|action| action.name.to_string()).collect();
            let detail = format!("a case is voided and never deleted, and one that is {} cannot be voided by you now", folded.name);
            return Err(Problem::new(ProblemKind::InvalidMove, detail).allowing(allowed));
        };
        let mut members = Map::from_iter([("action".to_owned(), Value::from(action))]);
        members.extend(reason.map(|reason| ("reason".to_owned(), Value::from(reason))));
        let record = self.act(feature, &if_match, &members).await?;
        self.send(record)
    }

    fn if_match(&self) -> Result<String, Problem> {
        let given: Vec<&str> = self.headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok()).collect();
        if given.is_empty() { Err(precondition_required("incident")) } else { Ok(given.join(",")) }
    }

    /// Loads a case that the caller may see, as of the version that is named.
    async fn load(&self, feature: &str, if_match: &str) -> Result<(CaseRecord, CaseState), Problem> {
        let record = find_case(&self.state, &self.caller, feature).await.map_err(|problem| match problem.kind {
            ProblemKind::NotFound => missing(INCIDENTS, feature),
            _ => problem,
        })?;
        let Some(folded) = record.state() else {
            return Err(Problem::new(ProblemKind::InvalidMove, "the case is a mere record, which has no history").allowing(Vec::new()));
        };
        if !CaseTag(folded.version).is_in(if_match) {
            let detail = format!("the case is at version {} by now; look at it again", folded.version);
            return Err(Problem::new(ProblemKind::Changed, detail));
        }
        Ok((record, folded))
    }

    fn open_to(&self, folded: &CaseState) -> Vec<&ActionDefinition> {
        self.state.config().cases.workflow.open_to(folded, self.caller.actor(&self.caller.author()), Timestamp::now())
    }

    async fn act(&self, feature: &str, if_match: &str, members: &Map<String, Value>) -> Result<CaseRecord, Problem> {
        act_by_members(&self.state, &self.caller, feature, if_match, members).await
    }

    /// Finds the one move that makes of a case what is said of it; none where it is that already.
    fn to_move(
        &self,
        body: &FeatureBody,
        case: &Case,
        folded: &CaseState,
        allowed: impl Fn() -> Vec<String>,
    ) -> Result<Map<String, Value>, Problem> {
        let mut said: Map<String, Value> = Map::new();
        // What is to be different, by the effect that does it.
        let mut wanted: Vec<(&str, Effect)> = Vec::new();
        let mut state = None;
        for (name, value) in &body.properties {
            match (name.as_str(), value) {
                ("category", Value::String(category)) if *category != case.category => {
                    said.insert("category".into(), value.clone());
                    wanted.push(("category", Effect::Reclassify));
                }
                ("state", Value::String(name)) => state = Some(name.as_str()).filter(|name| **name != *folded.name.0),
                (name, value) if SAID.contains(&name) => drop((!value.is_null()).then(|| said.insert(name.into(), value.clone()))),
                (name, value) if is_kept(name, value, case) => (),
                _ => {
                    let detail = format!("{name} of a case is not rewritten; its history is added to by the moves of its workflow");
                    let problem = Problem::new(ProblemKind::InvalidMove, detail).with_parameter(&format!("properties.{name}"));
                    return Err(problem.allowing(allowed()));
                }
            }
        }
        if body.geometry.as_ref().is_some_and(Value::is_null) {
            let detail = "the place of a case is corrected, and not taken out";
            return Err(Problem::new(ProblemKind::InvalidMove, detail).with_parameter("geometry").allowing(allowed()));
        }
        if let Some(place) = body.point()?
            && !place.is_at(body, case)?
        {
            said.extend(place.to_members(body));
            wanted.push(("geometry", Effect::Move));
        }
        let named = said.contains_key("action");
        if usize::from(named) + usize::from(state.is_some()) + wanted.len() > 1 && !(named && state.is_none() && wanted.len() == 1) {
            let detail = "one request is one event of a case; change its place, its category and its state one after the other";
            return Err(Problem::new(ProblemKind::InvalidMove, detail).allowing(allowed()));
        }
        if named {
            // A name that no move has is refused with those that are, as everywhere.
            let action = said["action"].as_str().and_then(|name| self.state.config().cases.workflow.action(name));
            if let (Some(action), Some((what, effect))) = (action, wanted.first())
                && action.effect != *effect
            {
                let detail = format!("the move {} does not give a case another {what}, so one of the two would be lost", action.name);
                let parameter = if *what == "geometry" { "geometry" } else { "properties.category" };
                return Err(Problem::new(ProblemKind::InvalidMove, detail).with_parameter(parameter).allowing(allowed()));
            }
            return Ok(said);
        }
        let open = || self.open_to(folded);
        let action = match (wanted.first(), state) {
            (Some((_, effect)), _) => open().into_iter().find(|action| action.effect == *effect),
            (None, Some(state)) => open().into_iter().find(|action| action.to.as_ref().is_some_and(|to| *to.0 == *state)),
            (None, None) => {
                let Some(word) = said.keys().next() else { return Ok(said) };
                let detail = format!("{word} is said with a move and changes nothing by itself; name the move by action");
                let problem = Problem::new(ProblemKind::InvalidMove, detail).with_parameter(&format!("properties.{word}"));
                return Err(problem.allowing(allowed()));
            }
        };
        let what = wanted.first().map_or_else(|| format!("the state {}", state.unwrap_or_default()), |(name, _)| format!("another {name}"));
        let none = || {
            let detail = format!("no move that is open to you now gives a case that is {} {what}", folded.name);
            Problem::new(ProblemKind::InvalidMove, detail).allowing(allowed())
        };
        said.insert("action".into(), action.ok_or_else(none)?.name.to_string().into());
        Ok(said)
    }

    fn send(&self, record: CaseRecord) -> Result<Response, Problem> {
        if wants_minimal(&self.headers) {
            let version = record.state().map_or(0, |state| state.version);
            let applied = (PREFERENCE_APPLIED, HeaderValue::from_static("return=minimal"));
            return Ok((StatusCode::NO_CONTENT, [(header::ETAG, CaseTag(version).to_header()), applied]).into_response());
        }
        let look = ItemsQuery::default().look(self.base.clone(), INCIDENTS.to_owned(), String::new());
        incidents::send(record, &look, GEOJSON)
    }
}

/// Whether the workflow has a move that voids a case.
pub fn can_void(state: &AppState) -> bool {
    state.config().cases.workflow.actions().iter().any(|action| action.effect == Effect::Void)
}

/// Whether a property is what is kept of a case. What a case does not have, and a null does not say, is no difference.
fn is_kept(name: &str, value: &Value, case: &Case) -> bool {
    let is_text = |kept: &str| *value == kept || value.is_null() && kept.is_empty();
    let is_code = |kept: Option<String>| *value == kept.map_or(Value::Null, Value::from);
    match name {
        "id" => *value == case.id.to_string(),
        "category" => is_text(&case.category),
        "description" => is_text(&case.description),
        "source" => is_text(&case.source),
        "given" => is_text(&case.given),
        "reported_at" => value.as_str().and_then(|text| text.parse().ok()) == Some(case.reported_at),
        "grid" => is_code(case.grid.as_ref().map(ToString::to_string)),
        "holder" => is_code(case.holder.as_ref().map(ToString::to_string)),
        "generation" => *value == case.generation.map_or(Value::Null, |generation| generation.0.into()),
        _ => value.is_null(),
    }
}

fn without_nulls(properties: &Map<String, Value>) -> Map<String, Value> {
    properties.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A place as it was sent: in the system of the body, axes in the order of its authority.
#[derive(Clone, Copy, Debug)]
struct GivenPlace(Coord<f64>);

impl FeatureBody {
    fn point(&self) -> Result<Option<GivenPlace>, Problem> {
        let Some(geometry) = self.geometry.as_ref().filter(|geometry| !geometry.is_null()) else { return Ok(None) };
        if geometry["type"] != "Point" {
            return Err(Problem::member("geometry", "is no Point, which is where an incident is"));
        }
        let numbers: Option<Vec<f64>> = geometry["coordinates"].as_array().and_then(|list| list.iter().map(Value::as_f64).collect());
        match numbers.as_deref() {
            Some([x, y] | [x, y, _]) => Ok(Some(GivenPlace(Coord { x: *x, y: *y }))),
            _ => Err(Problem::member("geometry.coordinates", "is no position")),
        }
    }
}

impl GivenPlace {
    /// Returns the members by which a lookup is asked.
    fn to_members(self, body: &FeatureBody) -> [(String, Value); 3] {
        let plane = body.crs.turn(self.0);
        let crs = if body.crs.is_crs84() { Value::Null } else { format!("EPSG:{}", body.crs.epsg()).into() };
        [("lon".into(), plane.x.into()), ("lat".into(), plane.y.into()), ("crs".into(), crs)]
    }

    fn is_at(self, body: &FeatureBody, case: &Case) -> Result<bool, Problem> {
        let here = body.to_degrees(self.0)?;
        // What is out of range is another place, which the move refuses.
        let is_near = |here: Position| distance_m(here, case.position) <= SAME_PLACE_M;
        Ok(Position::new(here.x, here.y).is_ok_and(is_near))
    }
}
