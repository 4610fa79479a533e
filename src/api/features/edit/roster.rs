use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::pages::with_crs;
use super::super::query::ItemsQuery;
use super::super::roster::{ROSTER, roster_version, row_ids, row_key, to_source};
use super::super::source::Source;
use super::body::{FeatureBody, PATCH, WHOLE};
use super::terms::{PREFERENCE_APPLIED, address, is_create_only, missing, precondition_required, wants_minimal};
use crate::api::as_of::parse_time;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::drafts::now;
use crate::api::links::{BaseUrl, encode};
use crate::api::media::GEOJSON;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::boundary::{UnitCode, Validity};
use crate::dispatch::{Assignment, Post, Shift, Worker, WorkerId};
use crate::store::{StoreError, StoredRoster, WorkerSaid};

/// Longest id, name or phone number, characters; more are a slip.
const SHORT_CHARS_MAX: usize = 200;

/// How often a row is added again where others have written the roster meanwhile. Each time somebody got on.
const ATTEMPTS_MAX: usize = 4;

/// A write to the roster: a new one with one row different. What the one before said is kept, ended.
pub struct RosterWrite {
    pub state: AppState,
    pub caller: Caller,
    pub base: BaseUrl,
    pub headers: HeaderMap,
}

/// A row as it is to be, with what its worker is called: what is none is not said, and what is empty is taken out.
#[derive(Clone, Debug)]
struct Row {
    assignment: Assignment,
    name: Option<String>,
    phone: Option<String>,
}

/// What a write makes different in a roster.
struct Changed {
    row: Assignment,
    said: Option<WorkerSaid>,
}

/// A roster that was written, with the id of the row that is different in it.
struct Written {
    id: String,
    stored: StoredRoster,
}

impl RosterWrite {
    /// Gives a post to a worker.
    ///
    /// # Errors
    /// 422 for an unknown unit, a worker without a name or times in the wrong order; 409 where the roster has the row.
    pub async fn create(self, bytes: &[u8]) -> Result<Response, Problem> {
        self.require()?;
        let body = FeatureBody::read(&self.headers, bytes, WHOLE)?;
        let expected = self.headers.contains_key(header::IF_MATCH).then(|| self.if_match()).transpose()?;
        let row = Reader { properties: &body.properties, mode: Mode::New }.row()?;
        let done = self.change(expected.as_deref(), |stored| self.put(stored, &row, None));
        self.send(&done.await?, StatusCode::CREATED)
    }

    /// Replaces a row, or what a patch says of it.
    ///
    /// # Errors
    /// As [`Self::create`]; 412 and 428 by the roster's number.
    pub async fn replace(self, feature: &str, bytes: &[u8], is_whole: bool) -> Result<Response, Problem> {
        self.require()?;
        if is_create_only(&self.headers) {
            return Err(Problem::new(ProblemKind::BreaksRule, "the id of a row follows from what it says; add it by POST"));
        }
        let expected = self.if_match()?;
        let body = FeatureBody::read(&self.headers, bytes, if is_whole { WHOLE } else { PATCH })?;
        let stored = self.change(Some(&expected), |stored| {
            let at = find(stored, feature)?;
            let old = stored.data.assignments.remove(at);
            let said = [body.id.as_deref(), body.properties.get("id").and_then(Value::as_str)];
            if said.into_iter().flatten().any(|id| id != feature) {
                let detail = format!("is not {feature}, which the address says");
                return Err(Problem::new(ProblemKind::BreaksRule, format!("id {detail}")).with_parameter("id"));
            }
            let mode = if is_whole { Mode::Whole(&old) } else { Mode::Patch(&old) };
            let row = Reader { properties: &body.properties, mode }.row()?;
            if (&row.assignment.unit, &row.assignment.worker) != (&old.unit, &old.worker) {
                let detail = "another unit or worker is another row: end this one by DELETE, and add the other by POST";
                return Err(Problem::new(ProblemKind::BreaksRule, detail));
            }
            self.put(stored, &row, Some(&old))
        });
        self.send(&stored.await?, StatusCode::OK)
    }

    /// Ends a row, now or at a time that is given. The row stays, with its end.
    ///
    /// # Errors
    /// 422 for an end before its beginning; 412 and 428 by the roster's number.
    pub async fn end(self, feature: &str, at: Option<Timestamp>) -> Result<Response, Problem> {
        self.require()?;
        let expected = self.if_match()?;
        // As fine as it is kept.
        let end = at.and_then(|at| Timestamp::from_millisecond(at.as_millisecond()).ok()).unwrap_or_else(now);
        let stored = self.change(Some(&expected), |stored| {
            let at = find(stored, feature)?;
            let row = &mut stored.data.assignments[at];
            if end <= row.validity.from {
                let detail = format!("the row begins at {}, and cannot end at {end}", row.validity.from);
                return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("at"));
            }
            row.validity.to = Some(row.validity.to.map_or(end, |to| to.min(end)));
            Ok(Changed { row: row.clone(), said: None })
        });
        self.send(&stored.await?, StatusCode::OK)
    }

    fn require(&self) -> Result<(), Problem> {
        self.caller.require_planner("the roster")?;
        self.caller.require_unlimited("the roster")
    }

    fn if_match(&self) -> Result<String, Problem> {
        let given: Vec<&str> = self.headers.get_all(header::IF_MATCH).iter().filter_map(|value| value.to_str().ok()).collect();
        if given.is_empty() { Err(precondition_required("row of the roster")) } else { Ok(given.join(",")) }
    }

    /// Changes the roster in force and writes it, where it is the one that is expected.
    async fn change(
        &self,
        expected: Option<&str>,
        change: impl Fn(&mut StoredRoster) -> Result<Changed, Problem>,
    ) -> Result<Written, Problem> {
        for _ in 0..ATTEMPTS_MAX {
            let mut stored = self.state.with_store(|store| store.load_roster(Timestamp::now())).await?;
            let newest = stored.term.mark.newest;
            if expected.is_some_and(|tags| !is_in(newest, tags)) {
                return Err(changed());
            }
            if let Some(to) = stored.term.to {
                let detail = format!(
                    "at {to} a roster that comes with a planned generation takes over, and would not have the change; repeat it then, or \
                     publish or withdraw the plan with a roster that has it"
                );
                return Err(Problem::new(ProblemKind::HasProblems, detail));
            }
            let Changed { row, said } = change(&mut stored)?;
            let (data, author) = (stored.data.clone(), self.caller.author());
            let written = self.state.with_store(move |store| match store.change_roster(&data, said.as_ref(), newest, &author, now()) {
                Err(StoreError::RosterChanged { .. }) => Ok(false),
                done => done.map(|()| true),
            });
            if written.await? {
                // What others write from now on is not what was done here, so it is not read again.
                stored.data = stored.data.into_kept();
                stored.term.mark.newest = Some(newest.unwrap_or_default() + 1);
                let at = stored.data.assignments.iter().position(|kept| *kept == row);
                let ids = row_ids(&stored.data.assignments);
                let id = at.map(|at| ids[at].clone()).ok_or_else(|| missing(ROSTER, &row_key(&row)))?;
                return Ok(Written { id, stored });
            }
            if expected.is_some_and(|tags| tags.trim() != "*") {
                return Err(changed());
            }
        }
        Err(changed())
    }

    /// Puts a row into a roster, and its worker where that is new or is called otherwise now. The row that it takes the place of is out.
    fn put(&self, stored: &mut StoredRoster, row: &Row, old: Option<&Assignment>) -> Result<Changed, Problem> {
        let key = row_key(&row.assignment);
        // Rows of an import that are about the same may be written to, so long as they say different things.
        let keeps_key = old.is_some_and(|old| row_key(old) == key);
        let is_taken = |known: &Assignment| *known == row.assignment || !keeps_key && row_key(known) == key;
        if stored.data.assignments.iter().any(is_taken) {
            let detail = format!("the roster has another row {key}; change that, or begin at another time");
            return Err(Problem::new(ProblemKind::HasProblems, detail));
        }
        let snapshot = self.state.snapshot()?;
        let unit = &row.assignment.unit;
        let is_known = snapshot.layers().iter().flat_map(|layer| layer.coverage().levels()).any(|level| level.find(unit).is_some());
        if !is_known {
            let detail = format!("no unit in effect has the code {unit}");
            return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("properties.unit"));
        }
        let known = stored.data.workers.iter_mut().find(|worker| worker.id == row.assignment.worker);
        match (known, &row.name) {
            (Some(worker), Some(name)) if name.is_empty() && !worker.name.is_empty() => {
                let detail = format!("the worker {} has a name, which is not taken out here; erase the person instead", worker.id);
                return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("properties.name"));
            }
            (Some(worker), name) => {
                worker.name = name.clone().unwrap_or_else(|| worker.name.clone());
                worker.phone = row.phone.clone().unwrap_or_else(|| worker.phone.clone());
            }
            (None, Some(name)) if !name.is_empty() => {
                let phone = row.phone.clone().unwrap_or_default();
                stored.data.workers.push(Worker { id: row.assignment.worker.clone(), name: name.clone(), phone });
            }
            (None, _) => {
                let detail = format!("the worker {} is new, and has no name here", row.assignment.worker);
                return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("properties.name"));
            }
        }
        stored.data.assignments.push(row.assignment.clone());
        let said = WorkerSaid { id: row.assignment.worker.clone(), name: row.name.clone(), phone: row.phone.clone() };
        Ok(Changed { row: row.assignment.clone(), said: Some(said) })
    }

    fn send(&self, Written { id, stored }: &Written, status: StatusCode) -> Result<Response, Problem> {
        let version = roster_version(stored.term.mark.newest);
        let path = format!("/collections/{ROSTER}/items/{}", encode(id));
        let location = address(&self.base.to(&path))?;
        let place = if status == StatusCode::CREATED { header::LOCATION } else { header::CONTENT_LOCATION };
        if wants_minimal(&self.headers) {
            let status = if status == StatusCode::CREATED { status } else { StatusCode::NO_CONTENT };
            let tag = address(&format!("\"{}\"", version.trim_end_matches('.')))?;
            let applied = (PREFERENCE_APPLIED, HeaderValue::from_static("return=minimal"));
            return Ok((status, [(header::ETAG, tag), (place, location), applied]).into_response());
        }
        let source = to_source(&*self.state.snapshot()?, stored, &self.caller);
        let at = source.find(id).ok_or_else(|| missing(ROSTER, id))?;
        let look = ItemsQuery::default().look(self.base.clone(), ROSTER.to_owned(), String::new());
        let mut bytes = Vec::new();
        look.write(&source, at, &mut bytes).map_err(|error| Problem::internal(&error))?;
        let document = Document::new(GEOJSON.media, bytes).private(true).version(version);
        let mut response = document.header(place, location).into_response();
        *response.status_mut() = status;
        Ok(with_crs(response, None, None))
    }
}

fn changed() -> Problem {
    Problem::new(ProblemKind::Changed, "the roster was written meanwhile; look at the row again, and repeat the change on it")
}

fn is_in(newest: Option<u64>, tags: &str) -> bool {
    let version = roster_version(newest);
    let (own, of_row) = (format!("\"{}\"", version.trim_end_matches('.')), format!("\"{version}"));
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag == own || tag.starts_with(&of_row))
}

fn find(stored: &StoredRoster, feature: &str) -> Result<usize, Problem> {
    row_ids(&stored.data.assignments).iter().position(|id| id == feature).ok_or_else(|| missing(ROSTER, feature))
}

/// What properties are of.
#[derive(Clone, Copy)]
enum Mode<'a> {
    /// A row that is added. What is null is not said.
    New,
    /// All of a row, but for when it began, which it keeps where that is not said.
    Whole(&'a Assignment),
    /// What is to change of a row. What is null is taken out.
    Patch(&'a Assignment),
}

/// Reads the properties of a row.
struct Reader<'a> {
    properties: &'a Map<String, Value>,
    mode: Mode<'a>,
}

impl Reader<'_> {
    /// Reads a row; what a patch does not say is as it was.
    fn row(&self) -> Result<Row, Problem> {
        const KNOWN: [&str; 10] = ["id", "unit", "post", "worker", "name", "phone", "department", "shift", "valid_from", "valid_to"];
        if let Some(unknown) = self.properties.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(member(unknown, format!("is no property of the roster; known are: {}", KNOWN.join(", "))));
        }
        let needed = |name: &str| member(name, "is missing".into());
        let is_new = matches!(self.mode, Mode::New);
        let is_null = |name: &&str| self.properties.get(*name).is_some_and(Value::is_null);
        if let Some(name) = ["unit", "worker", "post", "valid_from"].iter().find(|name| !is_new && is_null(name)) {
            let problem = Problem::new(ProblemKind::BreaksRule, format!("a row has its {name}, which is not taken out"));
            return Err(problem.with_parameter(&format!("properties.{name}")));
        }
        let old = if let Mode::Patch(old) = self.mode { Some(old) } else { None };
        let began = if let Mode::Whole(old) | Mode::Patch(old) = self.mode { Some(old.validity.from) } else { None };
        let unit = self.text("unit")?.map(|text| UnitCode::parse(&text).map_err(|error| member("unit", error.to_string()))).transpose()?;
        let worker = self.text("worker")?.filter(|id| !id.is_empty()).map(|id| WorkerId(Arc::from(id)));
        let post =
            self.text("post")?.map(|text| Post::parse(&text).ok_or_else(|| member("post", "is none of primary, backup, leader".into())));
        let shift = self.text("shift")?.map(|text| Shift::parse(&text).map_err(|error| member("shift", error.to_string()))).transpose()?;
        let (from, to) = (self.time("valid_from")?, self.time("valid_to")?);
        let from = from.flatten().or(began).unwrap_or_else(now);
        let to = to.unwrap_or(old.and_then(|old| old.validity.to));
        if to.is_some_and(|to| to <= from) {
            let detail = format!("the row would end at {} and begin at {from}", to.unwrap_or(from));
            return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("properties.valid_to"));
        }
        let assignment = Assignment {
            unit: unit.or_else(|| old.map(|old| old.unit.clone())).ok_or_else(|| needed("unit"))?,
            worker: worker.or_else(|| old.map(|old| old.worker.clone())).ok_or_else(|| needed("worker"))?,
            post: post.transpose()?.or(old.map(|old| old.post)).unwrap_or(Post::Primary),
            department: self.text("department")?.or_else(|| old.map(|old| old.department.clone())).unwrap_or_default(),
            validity: Validity { from, to },
            shift: shift.or_else(|| old.map(|old| old.shift.clone())).unwrap_or(Shift::ALWAYS),
        };
        let said = |text: Option<String>| text.filter(|text| !is_new || !text.is_empty());
        Ok(Row { assignment, name: said(self.text("name")?), phone: said(self.text("phone")?) })
    }

    fn text(&self, name: &str) -> Result<Option<String>, Problem> {
        match self.properties.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(String::new()).filter(|_| !matches!(name, "unit" | "worker" | "post"))),
            Some(Value::String(text)) if text.chars().count() <= SHORT_CHARS_MAX => Ok(Some(text.trim().to_owned())),
            // The value is not repeated: it may be personal.
            Some(_) => Err(member(name, format!("is no text of at most {SHORT_CHARS_MAX} characters"))),
        }
    }

    /// Reads a time: none where it is not said, none in it where it is null.
    fn time(&self, name: &str) -> Result<Option<Option<Timestamp>>, Problem> {
        match self.properties.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => {
                let time = parse_time(text).map_err(|detail| member(name, detail))?;
                Ok(Some(Timestamp::from_millisecond(time.as_millisecond()).ok()))
            }
            Some(_) => Err(member(name, "is no time".into())),
        }
    }
}

fn member(name: &str, detail: String) -> Problem {
    Problem::member(&format!("properties.{name}"), detail)
}
