use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use geo_types::Geometry;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::desk::with_draft;
use super::edit::require_open;
use super::tag::{tag_header, tag_of};
use super::views::{DraftView, collection, feature};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::media::{GEOJSON, JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::boundary::{Level, Severity, UnitCode};
use crate::export::geojson::write_any_geometry;
use crate::history::{DraftSession, Drawing, draw, look_over};

/// Units on one page, where a request does not say, and at most.
const UNITS_DEFAULT: usize = 1_000;
const UNITS_MAX: usize = 10_000;

/// Which units of a draft are shown.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UnitsQuery {
    /// The level; the finest by default.
    #[param(value_type = Option<String>)]
    pub level: Option<Level>,
    /// Only units whose borders meet this window: west, south, east, north.
    #[param(value_type = Option<String>)]
    pub bbox: Option<[f64; 4]>,
    /// Only these, codes with commas between.
    #[param(value_type = Option<String>)]
    pub codes: Option<Vec<UnitCode>>,
    /// Only units behind this code, in the byte order of codes, in which they are sent: the last code of the page before.
    #[param(value_type = Option<String>)]
    pub after: Option<UnitCode>,
    /// At most so many; 1,000 by default.
    #[param(minimum = 1, maximum = 10000)]
    pub limit: Option<usize>,
}

impl FromQuery for UnitsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let bbox = |text: &str| {
            let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok().filter(|n: &f64| n.is_finite())).collect();
            numbers.and_then(|numbers| numbers.try_into().ok()).ok_or_else(|| format!("{text:?} is not west, south, east, north"))
        };
        let codes = |text: &str| text.split(',').map(UnitCode::parse).collect::<Result<Vec<_>, _>>();
        let limit = |text: &str| match text.parse() {
            Ok(limit @ 1..=UNITS_MAX) => Ok(limit),
            _ => Err(format!("{text:?} is no number from 1 to {UNITS_MAX}")),
        };
        Some(Self {
            level: values.optional("level", Level::parse),
            bbox: values.optional("bbox", bbox),
            codes: values.optional("codes", codes),
            after: values.optional("after", UnitCode::parse),
            limit: values.optional("limit", limit),
        })
    }
}

/// What stands in the way of publishing a draft.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DraftProblems {
    pub errors: usize,
    pub warnings: usize,
    pub problems: Vec<ProblemView>,
    /// Units of the finest level that nobody would hold.
    pub unheld: Vec<String>,
    pub is_approved: bool,
    /// Whether what it was made on is still the newest.
    pub is_newest: bool,
    /// Whether it could be published now, unheld units being accepted.
    pub publishable: bool,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemView {
    pub kind: &'static str,
    pub severity: &'static str,
    pub level: Option<String>,
    pub units: Vec<String>,
    /// A GeoJSON geometry.
    #[schema(value_type = Option<Object>)]
    pub place: Option<Value>,
    pub area_m2: Option<f64>,
    pub length_m: Option<f64>,
    pub detail: String,
    pub remedy: String,
}

/// A draft as it is now, with its figures.
#[utoipa::path(
    get,
    operation_id = "find_draft",
    path = "/v1/drafts/{id}",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft")),
    security(("key" = [])),
    responses((status = 200, description = "The draft; its `ETag` is its revision", body = DraftView))
)]
pub async fn find_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    with_draft(&state, &caller, &id, move |session, _| {
        if is_known(session, &headers) {
            return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag_header(session))]).into_response());
        }
        send(session, &DraftView::new(session, &base, true))
    })
    .await
}

/// Units of a draft as they are now, as GeoJSON with coordinates to the bit.
#[utoipa::path(
    get,
    operation_id = "list_draft_units",
    path = "/v1/drafts/{id}/units",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), UnitsQuery),
    security(("key" = [])),
    responses((status = 200, description = "A collection of features; `has_more` where it was cut", body = Object, content_type = "application/geo+json"))
)]
pub async fn list_draft_units(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<UnitsQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[GEOJSON, JSON])?;
    with_draft(&state, &caller, &id, move |session, _| {
        let draft = session.draft();
        let depth = match &query.level {
            None => draft.finest_depth(),
            Some(level) => {
                let depth = draft.base().layer().depth_of(level);
                depth.ok_or_else(|| Problem::parameter("level", format!("the draft has no level {level}")))?
            }
        };
        let limit = query.limit.unwrap_or(UNITS_DEFAULT);
        let mut codes = query.codes.clone().unwrap_or_else(|| draft.codes_in(depth, query.bbox));
        if let Some(after) = &query.after {
            codes.retain(|code| code > after);
            codes.sort_unstable();
        }
        let features: Vec<Value> = codes.iter().filter_map(|code| feature(session, depth, code)).take(limit + 1).collect();
        let has_more = features.len() > limit;
        let mut body = collection(features.into_iter().take(limit).collect());
        body["has_more"] = has_more.into();
        let bytes = serde_json::to_vec(&body).map_err(|error| Problem::internal(&error))?;
        let document = Document::new(GEOJSON.media, bytes).private(true).untagged();
        Ok(document.header(header::ETAG, tag_header(session)).into_response())
    })
    .await
}

/// What the check of every import says of a draft, and whom it would leave without a holder.
#[utoipa::path(
    get,
    operation_id = "list_draft_problems",
    path = "/v1/drafts/{id}/problems",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft")),
    security(("key" = [])),
    responses((status = 200, description = "The problems", body = DraftProblems))
)]
pub async fn list_draft_problems(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let taken = with_draft(&state, &caller, &id, move |session, _| {
        Ok(Taken {
            drawing: draw(session),
            at: session.generation().effective_from.max(Timestamp::now()),
            tag: tag_header(session),
            is_approved: session.approval().is_some(),
            is_newest: session.is_on_newest(),
            is_open: require_open(session).is_ok(),
        })
    });
    // The check of a city takes seconds, in which nobody who edits the draft waits for it.
    let Taken { drawing, at, tag, is_approved, is_newest, is_open } = taken.await?;
    let ready = state.with_store(move |store| look_over(drawing, store, None, at)).await?;
    let body = DraftProblems {
        errors: ready.errors(),
        warnings: ready.problems.iter().filter(|problem| problem.severity == Severity::Warning).count(),
        problems: ready.problems.iter().map(ProblemView::new).collect(),
        unheld: ready.unheld.by_nobody.iter().map(ToString::to_string).collect(),
        is_approved,
        is_newest,
        publishable: ready.coverage.is_some() && is_approved && is_newest && is_open,
    };
    let bytes = serde_json::to_vec(&body).map_err(|error| Problem::internal(&error))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().header(header::ETAG, tag).into_response())
}

/// What is to be checked of a draft, as of a revision.
struct Taken {
    drawing: Drawing,
    at: Timestamp,
    tag: HeaderValue,
    is_approved: bool,
    is_newest: bool,
    is_open: bool,
}

impl ProblemView {
    fn new(problem: &crate::boundary::Problem) -> Self {
        Self {
            kind: problem.kind.as_str(),
            severity: problem.severity.as_str(),
            level: problem.level.as_ref().map(ToString::to_string),
            units: problem.units.iter().filter_map(|unit| unit.code.clone()).collect(),
            place: problem.place.as_ref().map(place_json),
            area_m2: problem.area_m2,
            length_m: problem.length_m,
            detail: problem.detail.clone(),
            remedy: problem.remedy.clone(),
        }
    }
}

/// Writes a place as GeoJSON.
pub fn place_json(place: &Geometry<f64>) -> Value {
    let mut bytes = Vec::new();
    write_any_geometry(&mut bytes, place).expect("memory takes whatever is written");
    serde_json::from_slice(&bytes).expect("what was written is JSON")
}

/// Sends what is told of a draft as of a revision.
pub fn send(session: &DraftSession, body: &impl Serialize) -> Result<Response, Problem> {
    let bytes = serde_json::to_vec(body).map_err(|error| Problem::internal(&error))?;
    let document = Document::new(JSON.media, bytes).private(true).untagged();
    Ok(document.header(header::ETAG, tag_header(session)).into_response())
}

fn is_known(session: &DraftSession, headers: &HeaderMap) -> bool {
    let tag = tag_of(session);
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|list| list.split(',')).map(|given| given.trim().trim_start_matches("W/")).any(|given| given == tag)
}
