use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::caller::Caller;
use super::document::Document;
use super::links::{BaseUrl, Link};
use super::media::{HTML, JSON, Offer, negotiate};
use super::page::{page_links, send_private_page};
use super::problem::{Problem, ProblemKind};
use super::query::{FromQuery, Query, Values};
use super::state::AppState;
use crate::boundary::{LayerName, Level};
use crate::dispatch::indicator::{Evaluated, Grouping, INDICATORS, Indicator, Measure, find_hot_spots, find_repeat_places, rank, score};
use crate::export::Report;
use crate::history::{JudgeError, Judged, Judgement, judge, period_of, weights_of};

/// Cases that are judged for one request; the command judges any number.
pub const CASES_MAX: usize = 200_000;

const CSV: Offer = Offer { name: "csv", media: "text/csv" };

/// The page to print, which is asked for by its name: by its type the other page is meant.
const REPORT: Offer = Offer { name: "report", media: "text/html" };

const FORMS: &[Offer] = &[JSON, HTML, CSV, REPORT];

/// Most places of each kind in an answer.
const PLACES_MAX: usize = 50;

/// Hot spots are told from this many standard deviations on: one square in a thousand by chance.
const HOT_Z_MIN: f64 = 3.0;

#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IndicatorsQuery {
    /// The first day that counts, or a time.
    #[param(value_type = String, example = "2026-01-01")]
    pub from: String,
    /// The first day that no longer counts, or a time.
    #[param(value_type = String, example = "2026-02-01")]
    pub to: String,
    /// `unit`, `department` or `worker`; `unit` by default.
    #[param(value_type = Option<String>, pattern = "^(unit|department|worker)$")]
    pub by: Option<Grouping>,
    /// The level of the units; the finest by default.
    #[param(value_type = Option<String>)]
    pub level: Option<Level>,
    /// The layer of the units; `grid` by default.
    #[param(value_type = Option<String>)]
    pub layer: Option<LayerName>,
    /// As of when cases are judged: what happened later is not known; now by default.
    #[param(value_type = Option<String>)]
    pub as_of: Option<String>,
    /// Rank by this indicator instead of the score.
    #[param(value_type = Option<String>)]
    pub rank_by: Option<&'static Indicator>,
    /// `json`, `html`, or for all numbers `csv` or `report`, a page to print.
    #[param(pattern = "^(json|html|csv|report)$")]
    pub f: Option<String>,
}

impl FromQuery for IndicatorsQuery {
    fn from_query(values: &mut Values<'_>) -> Option<Self> {
        let text = |text: &str| Ok::<_, String>(text.to_owned());
        let (from, to) = (values.required("from", text), values.required("to", text));
        let by = values.optional("by", |text| Grouping::parse(text).ok_or("is none of unit, department, worker"));
        let level = values.optional("level", Level::parse);
        let layer = values.optional("layer", LayerName::parse);
        let as_of = values.optional("as_of", text);
        let known = || INDICATORS.iter().map(|indicator| indicator.code).collect::<Vec<_>>().join(", ");
        let rank_by =
            values.optional("rank_by", |code| Indicator::find(code).ok_or_else(|| format!("is no indicator; known are {}", known())));
        let f = values.optional("f", text);
        Some(Self { from: from?, to: to?, by, level, layer, as_of, rank_by, f })
    }
}

/// Indicators of a period.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IndicatorsView {
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Exclusive.
    #[schema(value_type = String, format = DateTime)]
    pub to: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
    pub by: &'static str,
    /// What the ranking goes by: `score`, or the code of an indicator.
    pub ranked_by: &'static str,
    /// How each indicator is worked out.
    pub indicators: Vec<IndicatorView>,
    pub total: GroupView,
    /// The best first, then those without a value.
    pub groups: Vec<GroupView>,
    /// Squares of 50 m in which cases of one category were reported again and again.
    pub repeat_places: Vec<RepeatPlaceView>,
    /// Squares with more reports than chance would put there (Gi*).
    pub hot_spots: Vec<HotSpotView>,
    pub links: Vec<Link>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IndicatorView {
    pub code: &'static str,
    pub name: &'static str,
    pub name_zh: &'static str,
    /// Numerator / denominator, in words.
    pub formula: &'static str,
    pub formula_zh: &'static str,
    /// Whether more of it is better; null where it is neither.
    pub is_better_high: Option<bool>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct GroupView {
    /// The code of the unit, the id of the department or worker; null for cases that belong to nobody, and of the total.
    pub group: Option<String>,
    pub name: Option<String>,
    /// Counted from 1; groups of one value have one rank.
    pub rank: Option<usize>,
    /// 0 to 100.
    pub score: Option<f64>,
    pub reports: u64,
    pub values: Vec<ValueView>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ValueView {
    pub indicator: &'static str,
    /// Null where the denominator is 0.
    pub value: Option<f64>,
    pub numerator: u64,
    pub denominator: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RepeatPlaceView {
    pub lon: f64,
    pub lat: f64,
    pub category: String,
    pub cases: usize,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct HotSpotView {
    pub lon: f64,
    pub lat: f64,
    pub cases: usize,
    /// Gi*, in standard deviations.
    pub z: f64,
}

/// How well cases were handled within a period, by unit, department or worker, each number with its formula and its denominator.
///
/// Cases count where they lay, and for who held the grid, at their own time. Groups of persons are told to dispatchers, planners and
/// administrators alone.
#[utoipa::path(
    get,
    operation_id = "list_indicators",
    path = "/v1/indicators",
    tag = "dispatch",
    params(IndicatorsQuery),
    security((), ("key" = [])),
    responses((status = 200, description = "The indicators", content(
        (IndicatorsView = "application/json"),
        (String = "text/html"),
        (String = "text/csv"),
    )))
)]
pub async fn list_indicators(
    State(state): State<AppState>,
    Query(query): Query<IndicatorsQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, FORMS)?;
    let config = &state.config().indicators;
    let time_zone = &state.config().time_zone;
    let grouping = query.by.unwrap_or(Grouping::Unit);
    let layer = query.layer.clone().map_or_else(default_layer, Ok)?;
    if grouping.is_of_persons() {
        caller.require_insider("what single persons did")?;
        if !caller.sees_rankings_of_persons() {
            return Err(Problem::new(ProblemKind::Forbidden, "rankings of persons are for dispatchers, planners and administrators"));
        }
    } else if !config.public {
        caller.require_insider("the evaluation")?;
    }
    if caller.is_insider() {
        caller.require_reach(&layer)?;
    }
    let (from, to) = (read_time("from", &query.from, time_zone)?, read_time("to", &query.to, time_zone)?);
    if to <= from {
        return Err(Problem::parameter("to", "is not after from; it is the first day that no longer counts"));
    }
    let as_of = query.as_of.as_deref().map(|text| read_time("as_of", text, time_zone)).transpose()?.unwrap_or_else(Timestamp::now);
    let period = period_of(config, from, to, as_of, time_zone);
    // Whoever is let in without a key is shown all of the city; a key what it reaches.
    let asked =
        Judged { grouping, level: query.level, layer, period, territory: state.territory(caller.scope())?, cases_max: Some(CASES_MAX) };
    let judged = state
        .with_store(move |store| match judge(store, &asked) {
            Err(JudgeError::Store(error)) => Err(error),
            other => Ok(other),
        })
        .await?;
    let Judgement { evaluation, names, places, .. } = judged.map_err(|error| match error {
        JudgeError::NoLevel { .. } => Problem::parameter("level", error.to_string()),
        other => {
            Problem::new(ProblemKind::Other(StatusCode::UNPROCESSABLE_ENTITY), format!("{other}; the command evaluate judges any number"))
        }
    })?;
    let weights = weights_of(config).map_err(|detail| Problem::new(ProblemKind::Internal, detail))?;
    let groups = rank(&evaluation, query.rank_by, &weights);
    let total = Evaluated { group: &None, counts: &evaluation.total, score: score(&evaluation.total, &weights), rank: None };
    // Where single cases lie is not for the public.
    let places = if caller.is_insider() { places } else { Vec::new() };
    let placed: Vec<_> = places.iter().map(|(at, category)| (*at, category.as_str())).collect();
    let mut repeat_places = find_repeat_places(&placed, config.repeat_cases_min);
    repeat_places.truncate(PLACES_MAX);
    let positions: Vec<_> = places.iter().map(|(at, _)| *at).collect();
    let mut hot_spots = find_hot_spots(&positions, config.hot_spot_side_m, HOT_Z_MIN);
    hot_spots.truncate(PLACES_MAX);
    let report = Report {
        title: "Evaluation 综合评价",
        period: &format!("{from} to {to}, as known {as_of}"),
        by: grouping.as_str(),
        ranked_by: query.rank_by.map_or("score", |indicator| indicator.code),
        total: &total,
        groups: &groups,
        names: &names,
        repeat_places: &repeat_places,
        hot_spots: &hot_spots,
    };
    match offer.name {
        "csv" => Ok(Document::new("text/csv; charset=utf-8", report.to_csv()).private(true).into_response()),
        "report" => {
            let page = Document::new("text/html; charset=utf-8", report.to_html()).private(true).into_response();
            Ok(super::openapi::with_policy(page))
        }
        form => {
            let view = |evaluated: &Evaluated<'_>| GroupView {
                group: evaluated.group.clone(),
                name: evaluated.group.as_ref().and_then(|group| names.get(group).cloned()),
                rank: evaluated.rank,
                score: evaluated.score,
                reports: evaluated.counts.reports,
                values: INDICATORS
                    .iter()
                    .map(|indicator| {
                        let measure @ Measure { numerator, denominator } = indicator.of(evaluated.counts);
                        ValueView { indicator: indicator.code, value: measure.value(), numerator, denominator }
                    })
                    .collect(),
            };
            let indicators = INDICATORS.iter().map(|indicator| IndicatorView {
                code: indicator.code,
                name: indicator.name,
                name_zh: indicator.name_zh,
                formula: indicator.formula,
                formula_zh: indicator.formula_zh,
                is_better_high: indicator.is_better_high,
            });
            let body = IndicatorsView {
                from,
                to,
                as_of,
                by: grouping.as_str(),
                ranked_by: query.rank_by.map_or("score", |indicator| indicator.code),
                indicators: indicators.collect(),
                total: view(&total),
                groups: groups.iter().map(view).collect(),
                repeat_places: repeat_places
                    .iter()
                    .map(|place| {
                        let at = place.position;
                        RepeatPlaceView { lon: at.lon, lat: at.lat, category: place.category.clone(), cases: place.cases }
                    })
                    .collect(),
                hot_spots: hot_spots
                    .iter()
                    .map(|spot| HotSpotView { lon: spot.position.lon, lat: spot.position.lat, cases: spot.cases, z: spot.z })
                    .collect(),
                links: page_links(&base, "/v1/indicators", &format!("&from={}&to={}&by={}", query.from, query.to, grouping.as_str())),
            };
            send_private_page("Indicators", &body, &body.links, Some(form), &headers)
        }
    }
}

/// The layer by whose units cases are taken in.
pub fn default_layer() -> Result<LayerName, Problem> {
    LayerName::parse("grid").map_err(|e| Problem::internal(&e))
}

/// Reads a time, or a date, whose midnight in the office's time zone is meant.
pub fn read_time(name: &str, text: &str, time_zone: &TimeZone) -> Result<Timestamp, Problem> {
    let midnight = || {
        let date: jiff::civil::Date = text.parse().ok()?;
        (text.len() == 10).then(|| date.to_zoned_datetime(time_zone.clone()).ok()).flatten().map(|midnight| midnight.timestamp())
    };
    text.parse()
        .ok()
        .or_else(midnight)
        .ok_or_else(|| Problem::parameter(name, format!("{text:?} is no time: use 2026-01-31 or 2026-01-31T08:00:00Z")))
}
