//! The rules of dispatch: which categories there are, and which of them somebody answers for at a place.

use std::borrow::Cow;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::as_of::parse_time;
use super::caller::Caller;
use super::document::Document;
use super::links::{BaseUrl, Link};
use super::locate::{Asker, Given, Options};
use super::media::{JSON, negotiate};
use super::page::{page_links, send_private_page};
use super::problem::Problem;
use super::query::{FromQuery, Query, Values};
use super::state::AppState;
use super::wire::{CategoryView, PathView, PositionView, RulingView};

/// For which time categories are listed.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CategoriesQuery {
    /// The time for which to answer, RFC 3339; now by default.
    #[param(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^(json|html)$")]
    pub f: Option<String>,
}

impl FromQuery for CategoriesQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { at: values.optional("at", parse_time), f: values.optional("f", |f| Ok::<_, String>(f.to_owned())) })
    }
}

/// For which place and time responsibilities are listed.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ResponsibilitiesQuery {
    /// Longitude in degrees, or the easting in a projected system.
    #[param(value_type = f64, required = true, example = 111.6184)]
    lon: Option<String>,
    /// Latitude in degrees, or the northing in a projected system.
    #[param(value_type = f64, required = true, example = 26.2225)]
    lat: Option<String>,
    /// The reference system of `lon` and `lat`, as with lookups.
    #[param(example = "GCJ02")]
    crs: Option<String>,
    /// The layer; `grid` by default, or the only one there is.
    #[param(example = "grid")]
    layer: Option<String>,
    /// The time for which to answer, RFC 3339; now by default.
    #[param(format = DateTime)]
    at: Option<String>,
    /// The number of the generation whose boundaries answer, as with lookups.
    #[param(value_type = Option<u32>, minimum = 1)]
    generation: Option<String>,
}

impl FromQuery for ResponsibilitiesQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |name: &str| values.text(name).map(str::to_owned);
        let (crs, layer, at, generation) = (text("crs"), text("layer"), text("at"), text("generation"));
        Some(Self { lon: text("lon"), lat: text("lat"), crs, layer, at, generation })
    }
}

/// The categories of a time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CategoryList {
    /// The time that was asked for; left out where none was, so that the answer changes with the rules alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// In the order of the table that was imported; empty where none is in force.
    pub categories: Vec<CategoryView>,
    pub links: Vec<Link>,
}

/// Which categories are available at a place, and by whom.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ResponsibilityList<'a> {
    /// As with lookups. Outside of all units nobody answers for anything.
    pub status: &'static str,
    pub position: PositionView,
    pub layer: String,
    pub generation: u32,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// When the answer may change next; null where nothing is known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires: Option<Timestamp>,
    /// The units that hold the position, coarse to fine.
    pub path: Vec<PathView<'a>>,
    /// The categories for which somebody answers here, in the order of their table.
    pub categories: Vec<RulingView>,
    /// The codes of those for which no rule says who answers here.
    pub unanswered: Vec<String>,
}

/// The categories of cases, with the conditions under which one is filed and how long it may take. Private ones are shown to callers
/// with a key.
#[utoipa::path(
    get,
    operation_id = "list_categories",
    path = "/v1/categories",
    tag = "dispatch",
    params(CategoriesQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "The categories", content((CategoryList = "application/json"), (String = "text/html"))))
)]
pub async fn list_categories(
    State(state): State<AppState>,
    Query(query): Query<CategoriesQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let snapshot = state.snapshot()?;
    let at = query.at.unwrap_or_else(Timestamp::now);
    let rules = snapshot.rules(at);
    let categories = rules.categories(caller.is_insider()).filter_map(|category| CategoryView::new(category, at)).collect();
    let body = CategoryList { at: query.at, categories, links: page_links(&base, "/v1/categories", "") };
    send_private_page("Categories", &body, &body.links, query.f.as_deref(), &headers)
}

/// Which categories are available at a position, which departments answer for them there, and by when.
///
/// Each answer says by which rule it is so. Private categories are shown to callers with a key.
#[utoipa::path(
    get,
    operation_id = "list_responsibilities",
    path = "/v1/responsibilities",
    tag = "dispatch",
    params(ResponsibilitiesQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "The categories, also where the position lies outside", body = ResponsibilityList))
)]
pub async fn list_responsibilities(
    State(state): State<AppState>,
    Query(query): Query<ResponsibilitiesQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let ResponsibilitiesQuery { lon, lat, crs, layer, at, generation } = query;
    let options = Options { crs, layer, at, generation, ..Options::default() };
    let mut asker = Asker::new(&state, caller, options).await?;
    let question = asker.ask(&|name| match name {
        "lon" => lon.as_deref().map(|text| Given::Text(Cow::Borrowed(text))),
        "lat" => lat.as_deref().map(|text| Given::Text(Cow::Borrowed(text))),
        _ => None,
    })?;
    let (answer, rulings) = asker.rule_all(&question)?;
    let (answered, unanswered): (Vec<_>, Vec<_>) = rulings.iter().partition(|ruling| ruling.responsible.is_some());
    let expires = rulings.iter().filter_map(|ruling| ruling.expires).chain(answer.layer.superseded_at()).filter(|at| *at > answer.at).min();
    let body = ResponsibilityList {
        status: answer.status().as_str(),
        position: PositionView { lon: answer.position.lon, lat: answer.position.lat },
        layer: answer.layer.layer().name.to_string(),
        generation: answer.layer.generation().id.0,
        at: answer.at,
        expires,
        path: answer.path().map(PathView::new).collect(),
        categories: answered.into_iter().map(RulingView::new).collect(),
        unanswered: unanswered.into_iter().map(|ruling| ruling.category.code.to_string()).collect(),
    };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    let document = Document::new(JSON.media, bytes).private(true);
    // As with lookups: without a time the answer depends on the clock.
    Ok(if question.has_time() { document } else { document.untagged() }.into_response())
}
