use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::collections::find_level;
use super::super::pages::with_crs;
use super::super::query::ItemsQuery;
use super::super::table::{TableFeature, TableRowFeature, TableSource};
use super::body::{FeatureBody, PATCH, WHOLE};
use super::terms::{PREFERENCE_APPLIED, address, is_create_only, missing, precondition_required, wants_minimal};
use crate::api::as_of::AsOfQuery;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::drafts::{DraftName, Expected, feature_tag, now, refused, require_open, tag_header, with_draft, write};
use crate::api::links::{BaseUrl, Link, encode};
use crate::api::media::GEOJSON;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::boundary::{GenerationId, LayerName, Level, OWN_PROPERTIES, Unit, UnitCode};
use crate::export::geojson::own_properties;
use crate::filter::Schema;
use crate::history::DraftSession;
use crate::plan::edit::{DraftUnit, Operation, Rings, SNAP_WITHIN_M_DEFAULT};
use crate::store::Store;

/// Longest name of a unit, characters; as long as in operations.
const NAME_CHARS_MAX: usize = 200;

/// Says that what is published is not written to, and where a draft of it is begun.
pub async fn refuse_published(state: &AppState, collection: &str, caller: &Caller, base: &BaseUrl) -> Problem {
    if let Err(problem) = caller.require_planner("drafts") {
        return problem;
    }
    if let Err(problem) = find_level(state, collection, AsOfQuery::default(), caller).await {
        return problem;
    }
    let link = Link::new(base.to("/v1/drafts"), "create-form", "application/json").titled("Begin a draft by POST, and name it by draft=");
    let detail = "published boundaries are not written to; begin a draft by POST to /v1/drafts, and repeat the request with draft=";
    Problem::new(ProblemKind::ReadOnly, detail).leading_to(vec![link])
}

/// A write to a unit of a draft.
pub struct UnitWrite {
    pub state: AppState,
    pub caller: Caller,
    pub base: BaseUrl,
    /// The level, or `layer.level`.
    pub collection: String,
    pub draft: GenerationId,
    pub headers: HeaderMap,
}

/// What somebody says of a unit. What is none is not said.
#[derive(Debug, Default)]
struct Wish {
    code: Option<UnitCode>,
    name: Option<String>,
    /// None in it says that the unit lies in no other.
    parent: Option<Option<UnitCode>>,
    polygons: Option<Vec<Rings>>,
    /// What else stands in the properties.
    others: Map<String, Value>,
    id: Option<String>,
}

/// What a write led to.
struct Done {
    status: StatusCode,
    tag: HeaderValue,
    revision: u32,
    /// The unit as it is now, where it is.
    feature: Option<TableRowFeature>,
}

impl UnitWrite {
    /// Draws a new unit.
    ///
    /// # Errors
    /// As the route says.
    pub async fn create(self, bytes: &[u8]) -> Result<Response, Problem> {
        let wish = Wish::of(FeatureBody::read(&self.headers, bytes, WHOLE)?, true)?;
        let expected = Expected::find(&self.headers);
        self.run(move |session, depth, step| {
            expected.as_ref().map_or(Ok(()), |expected| expected.check(session))?;
            wish.refuse_others(None)?;
            let code = wish.draw(session, depth, wish.code.as_ref(), step)?;
            Ok((StatusCode::CREATED, Some(code)))
        })
        .await
    }

    /// Replaces a unit, or draws one where the request is to create it.
    ///
    /// # Errors
    /// As the route says.
    pub async fn replace(self, feature: String, bytes: &[u8]) -> Result<Response, Problem> {
        let creates = is_create_only(&self.headers);
        let expected = if creates { None } else { Some(self.expected()?) };
        let wish = Wish::of(FeatureBody::read(&self.headers, bytes, WHOLE)?, true)?;
        let collection = self.collection.clone();
        self.run(move |session, depth, step| {
            let found = session.draft().code_of(depth, &feature);
            let Some(expected) = expected else {
                if found.is_some() {
                    let detail = format!("the collection {collection} has a feature {feature} already; send If-Match to replace it");
                    return Err(Problem::new(ProblemKind::Changed, detail));
                }
                let code = UnitCode::parse(&feature).map_err(|error| Problem::member("code", error.to_string()))?;
                if wish.code.as_ref().is_some_and(|given| *given != code) {
                    return Err(Problem::member("code", format!("is not {code}, which the address says")));
                }
                wish.refuse_others(None)?;
                return Ok((StatusCode::CREATED, Some(wish.draw(session, depth, Some(&code), step)?)));
            };
            let code = found.ok_or_else(|| missing(&collection, &feature))?;
            expected.check(session)?;
            Ok((StatusCode::OK, Some(wish.change(session, depth, &code, step)?)))
        })
        .await
    }

    /// Changes what is said of a unit.
    ///
    /// # Errors
    /// As the route says.
    pub async fn update(self, feature: String, bytes: &[u8]) -> Result<Response, Problem> {
        let expected = self.expected()?;
        let wish = Wish::of(FeatureBody::read(&self.headers, bytes, PATCH)?, false)?;
        let collection = self.collection.clone();
        self.run(move |session, depth, step| {
            let code = session.draft().code_of(depth, &feature).ok_or_else(|| missing(&collection, &feature))?;
            expected.check(session)?;
            Ok((StatusCode::OK, Some(wish.change(session, depth, &code, step)?)))
        })
        .await
    }

    /// Ends a unit, whose ground goes to another.
    ///
    /// # Errors
    /// As the route says.
    pub async fn delete(self, feature: String, into: Option<UnitCode>) -> Result<Response, Problem> {
        let (expected, collection) = (self.expected()?, self.collection.clone());
        self.run(move |session, depth, step| {
            let code = session.draft().code_of(depth, &feature).ok_or_else(|| missing(&collection, &feature))?;
            expected.check(session)?;
            let heir = into.map_or_else(|| session.draft().heir(depth, &code), Ok).map_err(|refusal| refused(&refusal))?;
            step.push(Operation::Merge { level: level_of(session, depth), units: vec![code], into: Some(heir) });
            Ok((StatusCode::NO_CONTENT, None))
        })
        .await
    }

    fn expected(&self) -> Result<Expected, Problem> {
        Expected::find(&self.headers).ok_or_else(|| precondition_required("feature, or of its draft"))
    }

    /// Puts operations together by `plan`, does them as one step of the draft, and sends the unit that it names as it is then.
    async fn run<F>(self, plan: F) -> Result<Response, Problem>
    where
        F: FnOnce(&DraftSession, usize, &mut Vec<Operation>) -> Result<(StatusCode, Option<UnitCode>), Problem> + Send + 'static,
    {
        let (layer, level) = self.collection.split_once('.').unwrap_or(("grid", &self.collection));
        let (layer, level) = (LayerName::parse(layer).ok(), Level::parse(level).ok());
        let missing = || Problem::not_found(format!("there is no collection {}; /collections lists those there are", self.collection));
        let (Some(layer), Some(level)) = (layer, level) else { return Err(missing()) };
        if self.state.snapshots()?[0].history(&layer).is_none() {
            return Err(missing());
        }
        let name = DraftName { layer, number: self.draft };
        let (author, collection) = (self.caller.author(), missing());
        let work = move |session: &mut DraftSession, store: &dyn Store| {
            Ok(session.draft().depth_of(&level).map_err(|_| collection).and_then(|depth| {
                require_open(session)?;
                let mut step = Vec::new();
                let (status, code) = plan(session, depth, &mut step)?;
                // What is as it was wanted already is no step.
                if !step.is_empty() {
                    let entry = session.apply(&step, &author, now()).map_err(|refusal| refused(&refusal))?;
                    write(session, store, entry)?;
                }
                let feature = code.and_then(|code| feature_of(session, depth, &code));
                Ok(Done { status, tag: tag_header(session), revision: session.revision(), feature })
            }))
        };
        let done = with_draft(&self.state, &self.caller, &name.to_string(), work).await;
        let done = done.map_err(|problem| match problem.kind {
            // It is a parameter here, and what has no value is 400 as everywhere.
            ProblemKind::NotFound => Problem::new(ProblemKind::UnknownGeneration, problem.detail).with_parameter("draft"),
            _ => problem,
        })??;
        self.send(&name, done)
    }

    fn send(&self, name: &DraftName, done: Done) -> Result<Response, Problem> {
        let Some(feature) = done.feature else {
            return Ok((done.status, [(header::ETAG, done.tag)]).into_response());
        };
        let version = format!("&draft={}", name.number);
        let path = format!("/collections/{}/items/{}?draft={}", encode(&self.collection), encode(&feature.id), name.number);
        let location = address(&self.base.to(&path))?;
        let is_new = done.status == StatusCode::CREATED;
        let place = if is_new { header::LOCATION } else { header::CONTENT_LOCATION };
        if wants_minimal(&self.headers) {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT };
            let applied = (PREFERENCE_APPLIED, HeaderValue::from_static("return=minimal"));
            return Ok((status, [(header::ETAG, done.tag), (place, location), applied]).into_response());
        }
        let look = ItemsQuery::default().look(self.base.clone(), self.collection.clone(), version);
        let source = TableSource::of_rows(self.collection.clone(), Schema { properties: Vec::new() }, vec![feature], Some(now()));
        let mut bytes = Vec::new();
        look.write(&source, 0, &mut bytes).map_err(|error| Problem::internal(&error))?;
        let document = Document::new(GEOJSON.media, bytes).private(true).version(feature_tag(name, done.revision));
        let mut response = document.header(place, location.clone()).into_response();
        if is_new {
            response.headers_mut().insert(header::CONTENT_LOCATION, location);
        }
        *response.status_mut() = done.status;
        Ok(with_crs(response, None, None))
    }
}

/// Returns a unit of a draft as its collection shows it.
fn feature_of(session: &DraftSession, depth: usize, code: &UnitCode) -> Option<TableRowFeature> {
    let draft = session.draft();
    let (DraftUnit { unit, .. }, geometry) = (draft.find(depth, code)?, draft.geometry(depth, code)?);
    let own = own_properties(&unit, unit.validity).map(|(name, value)| (name.to_owned(), value));
    let theirs = unit.properties.iter().filter(|(name, _)| !OWN_PROPERTIES.contains(&name.as_str()));
    let properties = own.into_iter().chain(theirs.map(|(name, value)| (name.clone(), value.clone()))).collect();
    let feature = TableFeature { properties, geometry: Some(geometry.into()) };
    Some(TableRowFeature { id: unit.id.to_string(), feature, span: None })
}

fn level_of(session: &DraftSession, depth: usize) -> Level {
    session.draft().base().levels()[depth].level().clone()
}

impl Wish {
    /// Reads what is said of a unit. A feature that is whole says all of it: what it leaves out is taken for empty.
    fn of(body: FeatureBody, is_whole: bool) -> Result<Self, Problem> {
        let polygons = body.polygons()?;
        let FeatureBody { id, mut properties, .. } = body;
        let code = take_text(&mut properties, "code", is_whole)?.filter(|code| !code.is_empty() || !is_whole);
        let parse = |name: &str, text: &str| UnitCode::parse(text).map_err(|error| Problem::member(name, error.to_string()));
        let code = code.map(|code| parse("properties.code", &code)).transpose()?;
        let parent = take_text(&mut properties, "parent", false)?;
        let parent = parent.map(|parent| if parent.is_empty() { Ok(None) } else { parse("properties.parent", &parent).map(Some) });
        let parent = parent.transpose()?;
        let name = take_text(&mut properties, "name", is_whole)?;
        if name.as_ref().is_some_and(|name| name.chars().count() > NAME_CHARS_MAX) {
            return Err(Problem::member("properties.name", format!("has more than {NAME_CHARS_MAX} characters")));
        }
        let id = match properties.remove("id") {
            Some(Value::String(given)) if id.is_none() => Some(given),
            _ => id,
        };
        Ok(Self { code, name, parent, polygons, others: properties, id })
    }

    /// Adds the drawing of a new unit to a step, and returns its code.
    fn draw(&self, session: &DraftSession, depth: usize, code: Option<&UnitCode>, step: &mut Vec<Operation>) -> Result<UnitCode, Problem> {
        let (level, polygons) = (level_of(session, depth), self.polygons.as_deref().unwrap_or_default());
        let chosen = session.draft().code_for(&level, code, polygons, self.parent.as_ref().and_then(Option::as_ref));
        let (code, rings) = chosen.map_err(|refusal| refused(&refusal))?;
        let name = self.name.clone().unwrap_or_default();
        step.push(Operation::Draw { level, code: code.clone(), name, rings, within_m: SNAP_WITHIN_M_DEFAULT });
        Ok(code)
    }

    /// Adds what differs from a unit to a step, and returns the code that it has then.
    fn change(&self, session: &DraftSession, depth: usize, code: &UnitCode, step: &mut Vec<Operation>) -> Result<UnitCode, Problem> {
        let draft = session.draft();
        let Some(DraftUnit { unit, .. }) = draft.find(depth, code) else { return Err(missing("of the draft", code.as_str())) };
        if self.id.as_ref().is_some_and(|id| *id != unit.id.to_string() && id != unit.code.as_str()) {
            return Err(Problem::member("id", format!("is not {}, which the address says", unit.id)));
        }
        self.refuse_others(Some(&unit))?;
        let level = level_of(session, depth);
        let new_code = self.code.clone().filter(|wanted| *wanted != unit.code);
        let parent = match &self.parent {
            Some(None) if unit.parent.is_some() => {
                let detail = format!("{code} lies in {}, and a unit is not left without a parent", unit.parent.as_ref().unwrap_or(code));
                return Err(Problem::new(ProblemKind::EditRefused, detail).with_parameter("properties.parent"));
            }
            wanted => wanted.clone().flatten().filter(|wanted| Some(wanted) != unit.parent.as_ref()),
        };
        let name = self.name.clone().filter(|name| *name != unit.name);
        if new_code.is_some() || name.is_some() || parent.is_some() {
            step.push(Operation::Change { level: level.clone(), unit: code.clone(), code: new_code.clone(), name, parent });
        }
        let code = new_code.unwrap_or_else(|| code.clone());
        if let Some(polygons) = &self.polygons {
            let is_same = draft.is_shaped(depth, &unit.code, polygons, SNAP_WITHIN_M_DEFAULT).map_err(|refusal| refused(&refusal))?;
            if !is_same {
                let (unit, polygons) = (code.clone(), polygons.clone());
                step.push(Operation::Reshape { level, unit, polygons, within_m: SNAP_WITHIN_M_DEFAULT });
            }
        }
        Ok(code)
    }

    /// Turns away properties that a draft does not keep: what a source says of a unit is not redrawn.
    fn refuse_others(&self, unit: Option<&Unit>) -> Result<(), Problem> {
        for (name, value) in &self.others {
            let kept = match (name.as_str(), unit) {
                ("level", Some(unit)) => Some(Value::from(unit.level.as_str())),
                ("level", None) => continue,
                // Times are those of the draft, which says from when it holds.
                ("valid_from" | "valid_to", Some(unit)) => {
                    own_properties(unit, unit.validity).into_iter().find(|(own, _)| own == name).map(|(_, kept)| kept)
                }
                (_, unit) => unit.and_then(|unit| unit.properties.get(name).cloned()),
            };
            if !is_same(value, &kept.unwrap_or(Value::Null)) {
                let detail = format!("{name} is not what is kept; of a unit of a draft only geometry, code, name and parent are written");
                return Err(Problem::new(ProblemKind::EditRefused, detail).with_parameter(&format!("properties.{name}")));
            }
        }
        Ok(())
    }
}

/// Whether two values are the same, two times also where they are written otherwise.
fn is_same(a: &Value, b: &Value) -> bool {
    let time = |value: &Value| value.as_str()?.parse::<Timestamp>().ok();
    a == b || time(a).is_some_and(|at| time(b) == Some(at))
}

/// Takes a text out of properties: empty where it is null, or where it is missing and `is_whole`.
fn take_text(properties: &mut Map<String, Value>, name: &str, is_whole: bool) -> Result<Option<String>, Problem> {
    match properties.remove(name) {
        None if is_whole => Ok(Some(String::new())),
        None => Ok(None),
        Some(Value::Null) => Ok(Some(String::new())),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::member(&format!("properties.{name}"), "is no text")),
    }
}
