use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;

use super::caller::Caller;
use super::document::Document;
use super::indicators::{CASES_MAX, default_layer, read_time};
use super::links::{BaseUrl, Link};
use super::page::{page_links, send_private_page};
use super::problem::{Problem, ProblemKind};
use super::query::{FromQuery, Query, Values};
use super::state::AppState;
use crate::boundary::{LayerName, Level};
use crate::dispatch::indicator::Grouping;
use crate::history::{JudgeError, Judged, Priced, UnitPrice, period_of, price};

#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CostsQuery {
    /// The first day that counts, or a time.
    #[param(value_type = String, example = "2026-01-01")]
    pub from: String,
    /// The first day that no longer counts, or a time.
    #[param(value_type = String, example = "2027-01-01")]
    pub to: String,
    /// The level of the units; the finest by default.
    #[param(value_type = Option<String>)]
    pub level: Option<Level>,
    /// The layer of the units; `grid` by default.
    #[param(value_type = Option<String>)]
    pub layer: Option<LayerName>,
    #[param(pattern = "^(json|html|csv)$")]
    pub f: Option<String>,
}

impl FromQuery for CostsQuery {
    fn from_query(values: &mut Values<'_>) -> Option<Self> {
        let text = |text: &str| Ok::<_, String>(text.to_owned());
        let (from, to) = (values.required("from", text), values.required("to", text));
        let (level, layer) = (values.optional("level", Level::parse), values.optional("layer", LayerName::parse));
        let f = values.optional("f", text);
        Some(Self { from: from?, to: to?, level, layer, f })
    }
}

/// What staff costs, and who pays. Amounts are in the currency of the tables.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CostsView {
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Exclusive.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    pub posts: Vec<PostCostView>,
    pub sources: Vec<SourceView>,
    pub units: Vec<UnitCostView>,
    pub links: Vec<Link>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PostCostView {
    pub unit: String,
    pub post: &'static str,
    pub months: f64,
    /// Months for which no row says what they cost.
    pub unpriced_months: f64,
    pub cost: f64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct SourceView {
    pub source: String,
    /// `budget`, `levy`, `grant`, `self` or `social`.
    pub kind: &'static str,
    /// Of its money what falls into the period.
    pub available: f64,
    pub covered: f64,
    /// The cost for which it may be spent, whoever pays it.
    pub eligible: f64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct UnitCostView {
    /// Null for posts above the level and cases outside of all units.
    pub unit: Option<String>,
    pub name: String,
    pub months: f64,
    pub unpriced_months: f64,
    pub cost: f64,
    /// What each source pays, in the order of `sources`.
    pub covered: Vec<f64>,
    pub uncovered: f64,
    pub reports: u64,
    /// Tasks done of those due in the period.
    pub handled: u64,
    /// Null where none was handled.
    pub cost_per_handled: Option<f64>,
}

/// What staff costs within a period, which funds pay for it, and what a handled case costs.
#[utoipa::path(
    get,
    operation_id = "list_costs",
    path = "/v1/costs",
    tag = "dispatch",
    params(CostsQuery),
    security(("key" = [])),
    responses((status = 200, description = "The costs", content(
        (CostsView = "application/json"),
        (String = "text/html"),
        (String = "text/csv"),
    )))
)]
pub async fn list_costs(
    State(state): State<AppState>,
    Query(query): Query<CostsQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let layer = query.layer.clone().map_or_else(default_layer, Ok)?;
    caller.require_reach(&layer)?;
    let time_zone = &state.config().time_zone;
    let (from, to) = (read_time("from", &query.from, time_zone)?, read_time("to", &query.to, time_zone)?);
    if to <= from {
        return Err(Problem::parameter("to", "is not after from; it is the first day that no longer counts"));
    }
    let period = period_of(&state.config().indicators, from, to, Timestamp::now(), time_zone);
    let (territory, level) = (state.territory(caller.scope())?, query.level);
    let asked = Judged { grouping: Grouping::Unit, level, layer, period, territory, cases_max: Some(CASES_MAX) };
    let priced = state
        .with_store(move |store| match price(store, asked) {
            Err(JudgeError::Store(error)) => Err(error),
            other => Ok(other),
        })
        .await?;
    let priced = priced.map_err(|error| match error {
        JudgeError::NoLevel { .. } => Problem::parameter("level", error.to_string()),
        other => Problem::new(ProblemKind::Other(StatusCode::UNPROCESSABLE_ENTITY), format!("{other}; the command cost takes any number")),
    })?;
    if query.f.as_deref() == Some("csv") {
        return Ok(Document::new("text/csv; charset=utf-8", priced.to_csv()).private(true).into_response());
    }
    let links = page_links(&base, "/v1/costs", &format!("&from={}&to={}", query.from, query.to));
    let body = CostsView::new(&priced, from, to, links);
    send_private_page("Costs", &body, &body.links, query.f.as_deref(), &headers)
}

impl CostsView {
    fn new(priced: &Priced, from: Timestamp, to: Timestamp, links: Vec<Link>) -> Self {
        let money = |cents: f64| (cents.round()) / 100.0;
        let posts = priced.posts.iter().map(|cost| PostCostView {
            unit: cost.unit.to_string(),
            post: cost.post.as_str(),
            months: cost.months,
            unpriced_months: cost.unpriced_months,
            cost: money(cost.cents),
        });
        let sources = priced.sources.iter().map(|source| SourceView {
            source: source.source.clone(),
            kind: source.kind.as_str(),
            available: money(source.available_cents),
            covered: money(source.covered_cents),
            eligible: money(source.eligible_cents),
        });
        let units = priced.units.iter().map(|unit| UnitCostView {
            unit: unit.unit.as_ref().map(ToString::to_string),
            name: unit.name.clone(),
            months: unit.months,
            unpriced_months: unit.unpriced_months,
            cost: money(unit.cents),
            covered: unit.covered_cents.iter().map(|cents| money(*cents)).collect(),
            uncovered: money(UnitPrice::uncovered_cents(unit)),
            reports: unit.reports,
            handled: unit.handled,
            cost_per_handled: unit.cents_per_handled().map(money),
        });
        Self { from, to, posts: posts.collect(), sources: sources.collect(), units: units.collect(), links }
    }
}
