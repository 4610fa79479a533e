//! The generations of layers, and how one came of another. They are read from the store, so they answer only while it does.

use std::fmt::Display;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::caller::Caller;
use super::document::Document;
use super::drafts::require_planner_of;
use super::html::FIGURES;
use super::links::{BaseUrl, Link};
use super::media::{HTML, JSON, Offer, negotiate};
use super::page::{FormatQuery, page_links, send_json, send_private_page};
use super::problem::{Problem, ProblemKind};
use super::query::{FromQuery, Query, Values};
use super::state::AppState;
use super::wire::{ComparisonView, GenerationView, PairView};
use crate::boundary::{GenerationId, GenerationState, LayerName, Level};
use crate::history::{
    self, Asked, HistoryError, ListedGeneration, LoadError, PairError, StoreUnavailable, WantedLoad, WeighError, measure_pair, parse_loads,
};
use crate::store::{Store, StoreError};

/// Units in which two generations may differ, on both sides together, to be compared in a request: about a second of work. The command
/// compares any number.
const COMPARED_UNITS_MAX: usize = 20_000;

/// Cases in ground that differs that are counted in a request: some tens of megabytes while it is answered.
const COMPARED_CASES_MAX: usize = 1_000_000;

const CSV: Offer = Offer { name: "csv", media: "text/csv; charset=utf-8" };
const GROUND: Offer = Offer { name: "geojson", media: "application/geo+json" };

/// What a comparison is offered as.
const FORMS: &[Offer] = &[JSON, HTML, CSV, GROUND];

/// Which generations are listed.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GenerationsQuery {
    /// Only those of this layer.
    #[param(value_type = Option<String>)]
    pub layer: Option<LayerName>,
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^(json|html)$")]
    pub f: Option<String>,
}

impl FromQuery for GenerationsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        Some(Self { layer: values.optional("layer", LayerName::parse), f: values.optional("f", |f| Ok::<_, String>(f.to_owned())) })
    }
}

/// What a comparison tells of.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ComparisonQuery {
    /// Only this level; all levels by default.
    #[param(value_type = Option<String>)]
    pub level: Option<Level>,
    /// The field of residents; a usual name by default.
    pub residents_field: Option<String>,
    /// Also measure both as plans by this load, for planners: a field of the units, a figure that was loaded, or `workload`; several as
    /// `FIELD:WEIGHT,FIELD:WEIGHT`. The units are those of `level`, the finest by default, each in the unit above it.
    #[param(value_type = Option<String>)]
    pub load: Option<Vec<WantedLoad>>,
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^(json|csv|geojson|html)$")]
    pub f: Option<String>,
}

impl FromQuery for ComparisonQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |values: &mut Values, name: &str| values.optional(name, |text| Ok::<_, String>(text.to_owned()));
        Some(Self {
            level: values.optional("level", Level::parse),
            residents_field: text(values, "residents_field"),
            load: values.optional("load", parse_loads),
            f: text(values, "f"),
        })
    }
}

/// The generations that the caller may see, layer by layer, oldest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Generations {
    pub generations: Vec<LinkedGeneration>,
    pub links: Vec<Link>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkedGeneration {
    #[serde(flatten)]
    pub generation: GenerationView,
    pub links: Vec<Link>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LinkedComparison {
    #[serde(flatten)]
    pub comparison: ComparisonView,
    /// Both as plans, where a load was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plans: Option<PairView>,
    pub links: Vec<Link>,
}

/// The generations of all layers: which is in effect, which is next. The public sees those that are or were in effect.
#[utoipa::path(
    get,
    operation_id = "list_generations",
    path = "/v1/generations",
    tag = "generations",
    params(GenerationsQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "The generations", content((Generations = "application/json"), (String = "text/html"))))
)]
pub async fn list_generations(
    State(state): State<AppState>,
    Query(query): Query<GenerationsQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(layer) = &query.layer {
        require_layer(&state, layer, &caller)?;
    }
    let (layer, unheld) = (query.layer.clone(), caller.sees_plans().then(|| Arc::clone(state.unheld())));
    let list = move |store: &dyn Store| history::list_generations(store, layer.as_ref(), Timestamp::now(), unheld.as_deref());
    let listings = state.with_store(list).await?;
    if let (Some(layer), true) = (&query.layer, listings.is_empty()) {
        return Err(no_layer(layer));
    }
    let listed = listings.iter().flat_map(|listing| &listing.generations);
    let seen = listed.filter(|listed| sees(&state, &caller, listed)).map(|listed| link(listed, &caller, &base));
    let body = Generations { generations: seen.collect(), links: page_links(&base, "/v1/generations", "") };
    send_private_page("Generations", &body, &body.links, query.f.as_deref(), &headers)
}

/// One generation.
#[utoipa::path(
    get,
    operation_id = "find_generation",
    path = "/v1/generations/{layer}/{number}",
    tag = "generations",
    params(
        ("layer" = String, Path, description = "The layer"),
        ("number" = u32, Path, description = "The number of the generation in its layer"),
        FormatQuery,
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "The generation", content((LinkedGeneration = "application/json"), (String = "text/html"))))
)]
pub async fn find_generation(
    State(state): State<AppState>,
    Path((layer, number)): Path<(String, String)>,
    Query(query): Query<FormatQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (layer, id) = (parse_layer(&layer)?, parse_number(&layer, &number)?);
    let listed = load_seen(&state, &caller, &layer, id).await?;
    let body = link(&listed, &caller, &base);
    send_private_page(&format!("Generation {id} of {layer}"), &body, &body.links, query.f.as_deref(), &headers)
}

/// How one generation came of another: which unit's ground went to which, as JSON, CSV, a GeoJSON collection of the ground, or a page to be
/// printed. Cases and keepers are told to those with a key; drafts, as of their last steps, to planners.
#[utoipa::path(
    get,
    operation_id = "compare_generations",
    path = "/v1/generations/{layer}/{from}/comparison/{to}",
    tag = "generations",
    params(
        ("layer" = String, Path, description = "The layer"),
        ("from" = u32, Path, description = "The number of the generation compared"),
        ("to" = u32, Path, description = "The number of the generation it is compared with"),
        ComparisonQuery,
    ),
    security((), ("key" = [])),
    responses(
        (status = 200, description = "The comparison", content(
            (LinkedComparison = "application/json"), (String = "text/csv"), (Object = "application/geo+json"), (String = "text/html")
        )),
        (status = 422, description = "More units differ, or more cases lie in what differs, than are compared in a request", content_type = "application/problem+json"),
    )
)]
pub async fn compare_generations(
    State(state): State<AppState>,
    Path((layer, from, to)): Path<(String, String, String)>,
    Query(query): Query<ComparisonQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, FORMS)?;
    let name = parse_layer(&layer)?;
    let (from, to) = (parse_number(&layer, &from)?, parse_number(&layer, &to)?);
    let mut is_planned = query.load.is_some();
    for id in [from, to] {
        is_planned |= load_seen(&state, &caller, &name, id).await?.generation.state == GenerationState::Draft;
    }
    // As everywhere where drafts, and how much there is to do in all units, are shown.
    if is_planned {
        require_planner_of(&caller, &name)?;
    }
    let is_insider = caller.is_insider() && caller.reaches_layer(&name);
    let asked = Asked {
        level: query.level.clone(),
        residents_field: query.residents_field,
        // How many cases lie where is told whole or not at all: a key that reaches a part of the units sees cases of that part only.
        with_cases: is_insider && caller.scope().is_empty(),
        with_keepers: is_insider,
        units_max: COMPARED_UNITS_MAX,
        cases_max: COMPARED_CASES_MAX,
    };
    let history = state.snapshots()?[0].history(&name).cloned().ok_or_else(|| no_layer(&name))?;
    let loads = query.load.filter(|_| offer == JSON);
    let (config, level) = (state.config().workload.clone(), query.level);
    let found = state
        .with_store(move |store| {
            let compared = match history::compare(store, &history, from, to, &asked) {
                Err(error) => return of_store(error).map(|error| Err(to_problem(&error))),
                Ok(compared) => compared,
            };
            let Some(loads) = loads else { return Ok(Ok((compared, None))) };
            let pair = measure_pair(store, &history, [from, to], level.as_ref(), Some(&loads), &config, Timestamp::now());
            match pair {
                Ok(pair) => Ok(Ok((compared, Some(pair)))),
                Err(PairError::Weigh(WeighError::Store(error))) => Err(error),
                Err(PairError::History(error)) => of_store(error).map(|error| Err(to_problem(&error))),
                Err(error @ (PairError::NoLevel(_) | PairError::Empty)) => Ok(Err(Problem::parameter("level", error.to_string()))),
                Err(error) => Ok(Err(Problem::parameter("load", error.to_string()))),
            }
        })
        .await?;
    let (compared, pair) = found?;
    let path = format!("/v1/generations/{layer}/{from}/comparison/{to}");
    let comparison = ComparisonView::new(&compared, &|path| is_insider && caller.sees_personal_data_of(path));
    let title = format!("Generation {from} to {to} of {layer}");
    let drawn = || {
        let mut bytes = Vec::new();
        comparison.write_geojson(&compared, &mut bytes).map(|()| bytes).map_err(|error| Problem::internal(&error))
    };
    let file = |media, bytes, ending: &str| {
        let name = format!("attachment; filename=\"comparison-{from}-{to}.{ending}\"");
        let name = HeaderValue::from_str(&name).map_err(|error| Problem::internal(&error))?;
        Ok(Document::new(media, bytes).header(header::CONTENT_DISPOSITION, name).private(true).into_response())
    };
    match offer.name {
        "csv" => file(CSV.media, comparison.to_csv(), "csv"),
        "geojson" => file(GROUND.media, drawn()?, "geojson"),
        // The page draws the ground and lists what is told of it.
        "html" => {
            let mut drawn: Value = serde_json::from_slice(&drawn()?).map_err(|error| Problem::internal(&error))?;
            let levels =
                comparison.levels.iter().map(|level| (level.level.clone(), json!({ "units": level.changed, "in all": level.totals })));
            drawn[FIGURES] = levels.collect::<serde_json::Map<String, Value>>().into();
            if let Some(pair) = &pair {
                drawn[FIGURES]["plans"] = serde_json::to_value(PairView::new(pair)).map_err(|error| Problem::internal(&error))?;
            }
            let bytes = serde_json::to_vec(&drawn).map_err(|error| Problem::internal(&error))?;
            send_json(&title, bytes, &[], HTML, true)
        }
        _ => {
            let body = LinkedComparison { comparison, plans: pair.as_ref().map(PairView::new), links: page_links(&base, &path, "") };
            let bytes = serde_json::to_vec(&body).map_err(|error| Problem::internal(&error))?;
            send_json(&title, bytes, &body.links, JSON, true)
        }
    }
}

/// Tells a store that fails from what is the caller's to mend.
fn of_store(error: HistoryError) -> Result<HistoryError, StoreError> {
    match error {
        HistoryError::Store(error) | HistoryError::Load(LoadError::Store(StoreUnavailable(error)))
            if !matches!(error, StoreError::NoGeneration { .. }) =>
        {
            Err(error)
        }
        other => Ok(other),
    }
}

fn parse_layer(layer: &str) -> Result<LayerName, Problem> {
    LayerName::parse(layer).map_err(|_| no_layer(&layer))
}

fn parse_number(layer: &dyn Display, number: &str) -> Result<GenerationId, Problem> {
    number.parse().map(GenerationId).map_err(|_| no_generation(layer, &number))
}

fn no_layer(layer: &dyn Display) -> Problem {
    Problem::not_found(format!("there is no layer {layer}; /v1/generations lists those there are"))
}

fn no_generation(layer: &dyn Display, number: &dyn Display) -> Problem {
    Problem::not_found(format!("layer {layer} has no generation {number}; /v1/generations lists those there are"))
}

/// Turns away a caller who may not see the layer at all.
fn require_layer(state: &AppState, layer: &LayerName, caller: &Caller) -> Result<(), Problem> {
    caller.require_layer(layer, state.config().layer(layer).public, &format!("the layer {layer}"))
}

/// Whether the caller may see a generation: what is or was in effect of a public layer is everybody's, of another layer every insider's;
/// drafts and what is still to come, or never came, are the planners'.
fn sees(state: &AppState, caller: &Caller, listed: &ListedGeneration) -> bool {
    let layer = &listed.generation.layer;
    let sees_plans = caller.sees_plans() && caller.reaches_layer(layer);
    caller.sees_layer(layer, state.config().layer(layer).public) && (listed.standing.is_in_the_open() || sees_plans)
}

/// Loads a generation that the caller may see. One that the caller may not see is answered as a planner's, and not as if there were none:
/// how many generations there are is no secret.
async fn load_seen(state: &AppState, caller: &Caller, layer: &LayerName, id: GenerationId) -> Result<ListedGeneration, Problem> {
    require_layer(state, layer, caller)?;
    let (name, unheld) = (layer.clone(), caller.sees_plans().then(|| Arc::clone(state.unheld())));
    let found = state
        .with_store(move |store| match history::find_generation(store, &name, id, Timestamp::now(), unheld.as_deref()) {
            Err(StoreError::NoGeneration { .. }) => Ok(None),
            other => other.map(Some),
        })
        .await?;
    let listed = found.ok_or_else(|| no_generation(layer, &id))?;
    if !sees(state, caller, &listed) {
        caller.require_planner(&format!("generation {id} of layer {layer}"))?;
        caller.require_reach(layer)?;
    }
    Ok(listed)
}

fn to_problem(error: &HistoryError) -> Problem {
    match error {
        HistoryError::Store(StoreError::NoGeneration { .. }) => Problem::not_found(error.to_string()),
        HistoryError::NoLevel { .. } => Problem::parameter("level", error.to_string()),
        HistoryError::TooMany { .. } | HistoryError::TooManyCases { .. } => {
            let detail = format!("{error}; the command generation compare compares any number");
            Problem::new(ProblemKind::Other(StatusCode::UNPROCESSABLE_ENTITY), detail)
        }
        HistoryError::Unfit { .. } => Problem::new(ProblemKind::HasProblems, error.to_string()),
        HistoryError::Store(_) | HistoryError::Load(_) | HistoryError::Invalid { .. } => Problem::internal(error),
    }
}

fn link(listed: &ListedGeneration, caller: &Caller, base: &BaseUrl) -> LinkedGeneration {
    let generation = &listed.generation;
    let path = |id: GenerationId| format!("/v1/generations/{}/{id}", generation.layer);
    let mut links = page_links(base, &path(generation.id), "");
    if let Some(parent) = generation.parent {
        links.push(Link::new(base.to(&path(parent)), "predecessor-version", "application/json"));
        let comparison = format!("{}/comparison/{}", path(parent), generation.id);
        links.push(Link::new(base.to(&comparison), "related", "application/json").titled("What has changed since its parent"));
    }
    LinkedGeneration { generation: GenerationView::new(listed, caller.is_insider() && caller.reaches_layer(&generation.layer)), links }
}
