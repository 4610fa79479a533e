use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::body::Body;
use super::notices::skill_notices;
use super::rights;
use crate::api::addresses::resolve;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::locate::{Asker, Fields, Given, Options, Question};
use crate::api::media::JSON;
use crate::api::photos::file_of;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::api::wire::{CaseTag, IncidentTaken, RulingApplied};
use crate::dispatch::photo::Picture;
use crate::dispatch::workflow::{CaseEvent, CaseState, begin, with_photo};
use crate::dispatch::{Case, CaseId, Reporter, check_told_time};
use crate::snapshot::{context_of, place_at};
use crate::store::{CaseRecord, CaseWrite, CaseWritten, IntakeToken, Near, NewCase, PhotoFile};

/// What the address of a case begins with.
const PATH: &str = "/v1/incidents";

/// The members of a report.
const MEMBERS: [&str; 12] =
    ["lon", "lat", "crs", "accuracy_m", "layer", "category", "description", "reported_at", "source", "reporter", "address", "media_url"];

/// Longest description, characters; as long as the longest form that is known to send one.
const DESCRIPTION_CHARS_MAX: usize = 4_000;

/// Longest address, of a place or of a picture, characters.
const ADDRESS_CHARS_MAX: usize = 1_000;

/// Longest name of a source, phone number or other short text, characters.
const SHORT_CHARS_MAX: usize = 200;

/// Longest key under which a report is sent, bytes.
const KEY_BYTES_MAX: usize = 255;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A report of something that happened somewhere.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a body is read member by member, so that all faults are told")]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Longitude in degrees, or the easting in a projected system. May be left out with `lat` where `address` says where it is.
    lon: Option<f64>,
    /// Latitude in degrees, or the northing in a projected system.
    lat: Option<f64>,
    /// The reference system of `lon` and `lat`: `EPSG:n`, WKT, `GCJ02` or `BD09`; WGS 84 by default.
    crs: Option<String>,
    /// How far the true position may lie from the one given, metres.
    accuracy_m: Option<f64>,
    layer: Option<String>,
    /// `CODE`, or `CODE:CONDITION` where the filing condition is known.
    category: Option<String>,
    description: Option<String>,
    /// By default now. The grid and the holder of that time are kept; clocks run from when the report is taken in.
    #[schema(value_type = Option<String>, format = DateTime)]
    reported_at: Option<Timestamp>,
    /// Where it comes from, such as `12345` or `collector`.
    source: Option<String>,
    /// The address as it was given. Where a position is given too, that counts; else it must be one that the table of addresses has.
    address: Option<String>,
    /// Where a picture can be had. Nothing is fetched.
    media_url: Option<String>,
    reporter: Option<ReporterBody>,
}

/// Who reports: personal data, shown to dispatchers alone.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition")]
pub struct ReporterBody {
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
}

/// Takes a report in. It is answered when it is durable: with its id and state, the lookup's answer for its place and category, and the
/// cases near it that may be about the same.
///
/// A report that is sent again under the same `Idempotency-Key` is taken in once and answered as before; another report under the same
/// key is refused.
#[utoipa::path(
    post,
    operation_id = "report_incident",
    path = "/v1/incidents",
    tag = "cases",
    params(("Idempotency-Key" = Option<String>, Header, description = "Any text of the sender's, at most 255 bytes, by which a repeat is known")),
    request_body(content = Report, content_type = "application/json"),
    security(("key" = [])),
    responses(
        (status = 201, description = "Taken in", body = IncidentTaken),
        (status = 409, description = "Several places have the address; `candidates` has them"),
        (status = 422, description = "Another report was sent under the same key, or no place is known by the address: `candidates` has the likest"),
    )
)]
pub async fn report_incident(
    State(state): State<AppState>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    rights::require(&caller)?;
    let token = read_token(&headers, &caller, &bytes)?;
    let body = Body::read(&headers, &bytes, &MEMBERS)?;
    take_in(&state, caller, &base, token, body).await
}

/// Takes a report in that stands in a body of another form, by the same way. Returns the case, and whether it was taken in before: then
/// as it is now.
///
/// # Errors
/// As [`report_incident`].
pub async fn report_members(
    state: &AppState,
    caller: &Caller,
    (headers, bytes): (&HeaderMap, &[u8]),
    members: Map<String, Value>,
) -> Result<(CaseRecord, bool), Problem> {
    rights::require(caller)?;
    let token = read_token(headers, caller, bytes)?;
    let taken = submit_body(state, caller, token, Body::of(members, &MEMBERS)).await?;
    match taken.written {
        CaseWritten::Added(event) => Ok((CaseRecord { case: taken.case, events: vec![*event] }, false)),
        other => Ok((super::one::load(state, caller, &repeated(&other)?.to_string()).await?, true)),
    }
}

async fn take_in(state: &AppState, caller: Caller, base: &BaseUrl, token: Option<IntakeToken>, body: Body) -> Result<Response, Problem> {
    let taken = submit_body(state, &caller, token, body).await?;
    match taken.written {
        CaseWritten::Added(event) => {
            let lookup = taken.asker.answer(&taken.question, base)?;
            let ruling = taken.question.ruling().map(|(ruling, distance_m)| RulingApplied::new(ruling, *distance_m));
            let mut body = IncidentTaken::new(&taken.case, &event, ruling, lookup, base.as_str());
            body.notices = notices(state, &taken.case, &event)?;
            send(&body, &taken.case, &event, &base.to(PATH), false)
        }
        other => repeat(state, caller, repeated(&other)?, base).await,
    }
}

async fn submit_body(state: &AppState, caller: &Caller, token: Option<IntakeToken>, body: Body) -> Result<Taken, Problem> {
    let report = Reported::read(body)?;
    // A position counts; without one the address must say beyond doubt where it is.
    let by_address = !report.body.has("lon") && !report.body.has("lat") && !report.submission.address.is_empty();
    let found = if by_address { Some(resolve(state, &report.submission.address).await?) } else { None };
    let fields = |name: &str| match (name, found) {
        ("lon", Some(place)) => Some(Given::Number(place.lon)),
        ("lat", Some(place)) => Some(Given::Number(place.lat)),
        ("crs", Some(_)) => None,
        ("lon" | "lat" | "crs" | "accuracy_m" | "layer" | "category", _) => report.body.given(name),
        _ => None,
    };
    submit(state, caller, Submission { token, ..report.submission }, &fields).await
}

/// Returns the case that a report was taken in as before.
///
/// # Errors
/// 422 where another report was sent under the same key.
fn repeated(written: &CaseWritten) -> Result<CaseId, Problem> {
    match written {
        CaseWritten::Repeated { case, is_same_body: true } => Ok(*case),
        CaseWritten::Repeated { .. } => Err(Problem::new(
            ProblemKind::KeyReused,
            "another report was sent under this Idempotency-Key; send this one under a key of its own",
        )),
        _ => Err(Problem::new(ProblemKind::Internal, crate::api::problem::INTERNAL_DETAIL)),
    }
}

/// A report, but for its place and category, which the lookup reads.
#[derive(Debug)]
pub struct Submission {
    /// The position and reference system as they were given.
    pub given: String,
    pub description: String,
    pub source: String,
    pub address: String,
    pub media_url: String,
    /// By default now.
    pub reported_at: Option<Timestamp>,
    pub reporter: Reporter,
    pub token: Option<IntakeToken>,
    /// Pictures that come with it, and are kept with it or not at all.
    pub pictures: Vec<Picture>,
}

/// What became of a report.
#[derive(Debug)]
pub struct Taken {
    pub case: Case,
    pub written: CaseWritten,
    asker: Asker,
    question: Question,
}

/// Looks the place of a report up, makes a case of it, and returns when it is durable.
///
/// # Errors
/// A field of the place is wrong, a key that is limited to units does not reach it, or the store fails.
pub async fn submit<'r>(
    state: &AppState,
    caller: &Caller,
    submission: Submission,
    fields: &(dyn Fn(&str) -> Option<Given<'r>> + Sync + 'r),
) -> Result<Taken, Problem> {
    let mut asker = Asker::new(state, caller.clone(), Options::default()).await?;
    let now = now();
    let at = submission.reported_at.unwrap_or(now);
    let mut question = ask_at(&mut asker, fields, at)?;
    asker.rule_on(&mut question, &state.rulings())?;
    let new = {
        let (snapshot, answer) = asker.find(&question)?;
        rights::require_reach(caller, answer.path().map(|unit| &unit.code))?;
        let place = place_at(&answer, submission.given);
        let category = answer.category.unwrap_or_default();
        let context = context_of(snapshot, &answer, category, place.clone(), now);
        let cases = &state.config().cases;
        let mut event = begin(&cases.workflow, caller.role(), &caller.author(), now, &context);
        (event.facts.address, event.facts.media_url) = (submission.address, submission.media_url);
        event.facts.ruling = question.ruling().map(|(ruling, _)| ruling.id);
        let case = Case {
            id: CaseId(Uuid::now_v7()),
            position: place.position,
            given: place.given,
            category: category.to_owned(),
            description: submission.description,
            source: submission.source,
            reported_at: at,
            district: place.district,
            grid: place.grid,
            generation: place.generation,
            holder: place.holder,
        };
        let window = SignedDuration::from_hours(i64::from(cases.duplicate_window_h));
        let near = Near { distance_m: cases.duplicate_distance_m, since: case.reported_at - window };
        let (events, photos) = with_photos(event, submission.pictures, case.id, caller);
        NewCase { case, events, photos, reporter: submission.reporter, token: submission.token, near: Some(near), border_m: place.border_m }
    };
    let case = new.case.clone();
    let written = state.write_case(CaseWrite::Add(Box::new(new))).await?;
    Ok(Taken { case, written, asker, question })
}

/// Makes photos of the pictures that come with a report, and the events that tell of them; two that are the same are one.
fn with_photos(first: CaseEvent, pictures: Vec<Picture>, case: CaseId, caller: &Caller) -> (Vec<CaseEvent>, Vec<PhotoFile>) {
    let (at, mut events, mut photos) = (first.at, vec![first], Vec::<PhotoFile>::new());
    for picture in pictures {
        let file = file_of(picture, case, caller, at);
        if photos.iter().any(|other| other.photo.sha256 == file.photo.sha256) {
            continue;
        }
        let Some(folded) = CaseState::fold(&events) else { continue };
        events.push(with_photo(&folded, file.photo.id, (&file.photo.author, file.photo.role), at));
        photos.push(file);
    }
    (events, photos)
}

/// Answers a report that was taken in before, as it was answered then: by the boundaries and the roster of its time.
async fn repeat(state: &AppState, caller: Caller, id: CaseId, base: &BaseUrl) -> Result<Response, Problem> {
    let record = state.with_store(move |store| store.find_case_record(id)).await?;
    let record = record.ok_or_else(|| Problem::not_found(format!("there is no incident {id}")))?;
    let (case, Some(event)) = (record.case, record.events.first()) else {
        return Err(Problem::not_found(format!("the incident {id} has no history")));
    };
    let place = record.events.iter().find_map(|event| event.facts.place_before.clone());
    let position = place.as_ref().map_or(case.position, |place| place.position);
    let (lon, lat) = (position.lon, position.lat);
    let category = record.events.iter().find_map(|event| event.facts.category_before.clone()).unwrap_or_else(|| case.category.clone());
    let mut asker = Asker::new(state, caller, Options::default()).await?;
    let fields = |name: &str| match name {
        "lon" => Some(Given::Number(lon)),
        "lat" => Some(Given::Number(lat)),
        "category" if !category.is_empty() => Some(Given::Text(category.as_str().into())),
        _ => None,
    };
    let mut question = ask_at(&mut asker, &fields, case.reported_at)?;
    // A ruling that was made since is not how it was answered.
    if event.facts.ruling.is_some() {
        asker.rule_on(&mut question, &state.rulings())?;
    }
    let lookup = asker.answer(&question, base)?;
    let ruling = question.ruling().map(|(ruling, distance_m)| RulingApplied::new(ruling, *distance_m));
    let mut body = IncidentTaken::new(&case, event, ruling, lookup, base.as_str());
    let holder = place.map_or_else(|| case.holder.clone(), |place| place.holder);
    body.notices = notices(state, &Case { holder, category: category.clone(), ..case.clone() }, event)?;
    send(&body, &case, event, &base.to(PATH), true)
}

/// Says what to look at of a case as it was taken in.
fn notices(state: &AppState, case: &Case, first: &CaseEvent) -> Result<Vec<String>, Problem> {
    let Some(folded) = CaseState::fold([first]) else { return Ok(Vec::new()) };
    Ok(skill_notices(state, &*state.snapshot()?, case, &folded, first.at))
}

/// Asks for the state of a time; for one before the first boundaries, for that of now: an office begins with what is reported already.
fn ask_at(asker: &mut Asker, fields: &Fields<'_>, at: Timestamp) -> Result<Question, Problem> {
    let text = at.to_string();
    let asked = asker.ask(&|name| if name == "at" { Some(Given::Text(text.as_str().into())) } else { fields(name) });
    match asked {
        Err(problem) if problem.kind == ProblemKind::AtNotCovered => asker.ask(fields),
        asked => asked,
    }
}

fn send<T: Serialize>(body: &T, case: &Case, event: &CaseEvent, path: &str, is_repeated: bool) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|e| Problem::internal(&e))?;
    let location = format!("{path}/{}", case.id);
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::internal(&e))?;
    let mut document = Document::new(JSON.media, bytes).private(true).untagged();
    document = document.header(header::LOCATION, location).header(header::ETAG, CaseTag(event.seq).to_header());
    if is_repeated {
        document = document.header(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    let mut response = document.into_response();
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// Checks the address of a picture, of which pages make a link; none is fine.
///
/// # Errors
/// Says what is wrong with an address that is none of the web.
pub fn check_media_url(url: &str) -> Result<(), &'static str> {
    let is_of_web = ["http://", "https://"].iter().any(|scheme| url.to_ascii_lowercase().starts_with(scheme));
    if url.is_empty() || is_of_web { Ok(()) } else { Err("is no address of the web: it begins with http:// or https://") }
}

/// A report as a body of JSON has it.
struct Reported {
    body: Body,
    submission: Submission,
}

impl Reported {
    fn read(mut body: Body) -> Result<Self, Problem> {
        let description = body.text("description", DESCRIPTION_CHARS_MAX);
        let source = body.text("source", SHORT_CHARS_MAX);
        let (address, media_url) = (body.text("address", ADDRESS_CHARS_MAX), body.text("media_url", ADDRESS_CHARS_MAX));
        if let Err(fault) = check_media_url(&media_url) {
            body.fault("media_url", fault.into());
        }
        let reported_at = body.time("reported_at").map(cut);
        if let Some(Err(fault)) = reported_at.map(|at| check_told_time(at, Timestamp::now())) {
            body.fault("reported_at", fault.into());
        }
        let members = body.object("reporter");
        let mut text = |name: &str| match members.get(name) {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) if text.chars().count() <= SHORT_CHARS_MAX => text.trim().to_owned(),
            Some(_) => {
                // The value is not repeated: it is personal.
                body.fault(&format!("reporter.{name}"), format!("is not a text of at most {SHORT_CHARS_MAX} characters"));
                String::new()
            }
        };
        let reporter = Reporter { name: text("name"), phone: text("phone"), email: text("email") };
        body.finish()?;
        let given = if body.has("lon") || body.has("lat") { body.given_place() } else { address.clone() };
        let submission =
            Submission { given, description, source, address, media_url, reported_at, reporter, token: None, pictures: Vec::new() };
        Ok(Self { body, submission })
    }
}

/// Two senders may use the same key; what one of them sends twice in the same words is the same report, in whatever order its members
/// stand.
pub fn read_token(headers: &HeaderMap, caller: &Caller, bytes: &[u8]) -> Result<Option<IntakeToken>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else { return Ok(None) };
    if given.next().is_some() || key.is_empty() || key.len() > KEY_BYTES_MAX {
        let detail = format!("is given twice, empty, or longer than {KEY_BYTES_MAX} bytes");
        return Err(Problem::parameter("Idempotency-Key", detail));
    }
    let mut hash = Sha256::new();
    hash.update(caller.author());
    hash.update([0]);
    hash.update(key.as_bytes());
    Ok(Some(IntakeToken { key: hash.finalize().into(), body: digest_of(bytes) }))
}

/// Returns the digest of what a body says: of JSON with its members in their order and without white space, of all else the bytes.
fn digest_of(bytes: &[u8]) -> [u8; 32] {
    let Ok(mut value @ Value::Object(_)) = serde_json::from_slice(bytes) else { return Sha256::digest(bytes).into() };
    value.sort_all_objects();
    Sha256::digest(value.to_string()).into()
}

/// Returns the time, as finely as stores keep it.
pub(super) fn now() -> Timestamp {
    cut(Timestamp::now())
}

fn cut(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}
