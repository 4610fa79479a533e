use std::sync::Arc;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::pages::with_crs;
use super::super::query::ItemsQuery;
use super::super::roster::{ROSTER, roster_version, row_id, to_source};
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
use crate::store::{StoreError, StoredRoster};

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

/// A row as it is to be, with what its worker is called.
#[derive(Clone, Debug)]
struct Row {
    assignment: Assignment,
    name: Option<String>,
    phone: Option<String>,
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
        let row = Reader::new(&body.properties).row(None)?;
        let id = row_id(&row.assignment);
        let done = self.change(expected.as_deref(), |stored| {
            if stored.data.assignments.iter().any(|known| row_id(known) == id) {
                return Err(Problem::new(
                    ProblemKind::HasProblems,
                    format!("the roster has the row {id}; replace it, or begin at another time"),
                ));
            }
            self.put(stored, &row)
        });
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
            let row = Reader::new(&body.properties).row(if is_whole { None } else { Some(&old) })?;
            if (&row.assignment.unit, &row.assignment.worker) != (&old.unit, &old.worker) {
                let detail = "another unit or worker is another row: end this one by DELETE, and add the other by POST";
                return Err(Problem::new(ProblemKind::BreaksRule, detail));
            }
            self.put(stored, &row)
        });
        self.send(&stored.await?, StatusCode::OK)
    }

    /// Ends a row, now or at a time that is given. The row stays, with its end.
    ///
    /// # Errors
    /// 422 for an end before its beginning; 412 and 428 by the roster's number.
    pub async fn end(self, feature: &str, at: Option<Timestamp>) -> Result<Response, Problem> {
        self.require()?;
        let (expected, end) = (self.if_match()?, at.unwrap_or_else(now));
        let stored = self.change(Some(&expected), |stored| {
            let at = find(stored, feature)?;
            let row = &mut stored.data.assignments[at];
            if end <= row.validity.from {
                let detail = format!("the row begins at {}, and cannot end at {end}", row.validity.from);
                return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("at"));
            }
            row.validity.to = Some(row.validity.to.map_or(end, |to| to.min(end)));
            Ok(row_id(row))
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

    /// Changes the roster in force and writes it, where it is the one that is expected. Returns it with the id of the row.
    async fn change(
        &self,
        expected: Option<&str>,
        change: impl Fn(&mut StoredRoster) -> Result<String, Problem>,
    ) -> Result<(String, StoredRoster), Problem> {
        for _ in 0..ATTEMPTS_MAX {
            let mut stored = self.state.with_store(|store| store.load_roster(Timestamp::now())).await?;
            let newest = stored.term.mark.newest;
            if expected.is_some_and(|tags| !is_in(newest, tags)) {
                return Err(changed());
            }
            let id = change(&mut stored)?;
            let (data, author) = (stored.data.clone(), self.caller.author());
            let written = self.state.with_store(move |store| match store.change_roster(&data, newest, &author, now()) {
                Err(StoreError::RosterChanged { .. }) => Ok(false),
                done => done.map(|()| true),
            });
            if written.await? {
                let read = self.state.with_store(|store| store.load_roster(Timestamp::now())).await?;
                return Ok((id, read));
            }
            if expected.is_some_and(|tags| tags.trim() != "*") {
                return Err(changed());
            }
        }
        Err(changed())
    }

    /// Puts a row into a roster, and its worker where that is new or is called otherwise now.
    fn put(&self, stored: &mut StoredRoster, row: &Row) -> Result<String, Problem> {
        let snapshot = self.state.snapshot()?;
        let unit = &row.assignment.unit;
        let is_known = snapshot.layers().iter().flat_map(|layer| layer.coverage().levels()).any(|level| level.find(unit).is_some());
        if !is_known {
            let detail = format!("no unit in effect has the code {unit}");
            return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("properties.unit"));
        }
        let known = stored.data.workers.iter_mut().find(|worker| worker.id == row.assignment.worker);
        match (known, &row.name) {
            (Some(worker), name) => {
                worker.name = name.clone().unwrap_or_else(|| worker.name.clone());
                worker.phone = row.phone.clone().unwrap_or_else(|| worker.phone.clone());
            }
            (None, Some(name)) => {
                let phone = row.phone.clone().unwrap_or_default();
                stored.data.workers.push(Worker { id: row.assignment.worker.clone(), name: name.clone(), phone });
            }
            (None, None) => {
                let detail = format!("the worker {} is new, and has no name here", row.assignment.worker);
                return Err(Problem::new(ProblemKind::BreaksRule, detail).with_parameter("properties.name"));
            }
        }
        let id = row_id(&row.assignment);
        stored.data.assignments.push(row.assignment.clone());
        Ok(id)
    }

    fn send(&self, (id, stored): &(String, StoredRoster), status: StatusCode) -> Result<Response, Problem> {
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
    stored.data.assignments.iter().position(|row| row_id(row) == feature).ok_or_else(|| missing(ROSTER, feature))
}

/// Reads the properties of a row.
struct Reader<'a> {
    properties: &'a Map<String, Value>,
}

impl<'a> Reader<'a> {
    fn new(properties: &'a Map<String, Value>) -> Self {
        Self { properties }
    }

    /// Reads a row; what is not said is as in `old`.
    fn row(&self, old: Option<&Assignment>) -> Result<Row, Problem> {
        const KNOWN: [&str; 10] = ["id", "unit", "post", "worker", "name", "phone", "department", "shift", "valid_from", "valid_to"];
        if let Some(unknown) = self.properties.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(member(unknown, format!("is no property of the roster; known are: {}", KNOWN.join(", "))));
        }
        let needed = |name: &str| member(name, "is missing".into());
        let unit = self.text("unit")?.map(|text| UnitCode::parse(&text).map_err(|error| member("unit", error.to_string()))).transpose()?;
        let worker = self.text("worker")?.filter(|id| !id.is_empty()).map(|id| WorkerId(Arc::from(id)));
        let post =
            self.text("post")?.map(|text| Post::parse(&text).ok_or_else(|| member("post", "is none of primary, backup, leader".into())));
        let shift = self.text("shift")?.map(|text| Shift::parse(&text).map_err(|error| member("shift", error.to_string()))).transpose()?;
        let (from, to) = (self.time("valid_from")?, self.time("valid_to")?);
        let from = from.flatten().or(old.map(|old| old.validity.from)).unwrap_or_else(now);
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
        let said = |text: Option<String>| text.filter(|text| !text.is_empty());
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
