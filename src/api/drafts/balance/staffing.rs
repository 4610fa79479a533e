use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use super::routes::{by_store, to_problem};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::drafts::desk::with_draft;
use crate::api::drafts::tag::name_of;
use crate::api::media::{JSON, Offer, negotiate};
use crate::api::problem::{Problem, ProblemKind};
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::wire::StaffingView;
use crate::boundary::Level;
use crate::history::{WantedLoad, monthly_cost, parse_loads, parse_numbers, take_census};
use crate::plan::{Apportionment, StaffQuestion, StaffTable};

const CSV: Offer = Offer { name: "csv", media: "text/csv; charset=utf-8" };

/// How many workers there are or could be.
#[derive(Clone, Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StaffQuery {
    /// The level of the units whose work is shared out; the finest by default. Workers are counted by units of the next coarser level, and shared
    /// out among those of the level above that.
    #[param(value_type = Option<String>)]
    pub level: Option<Level>,
    /// What is shared out, as of a balance.
    #[param(value_type = Option<String>)]
    pub load: Option<Vec<WantedLoad>>,
    /// How many workers there are; as many as districts by default.
    #[param(minimum = 1)]
    pub workers: Option<u32>,
    /// `sainte-lague` keeps loads near the mean on both sides, `min-max` the greatest one low.
    #[param(value_type = Option<String>, pattern = "^(sainte-lague|min-max)$")]
    pub method: Option<Apportionment>,
    /// The most that a worker may carry; also says how few workers keep it. Of one load only.
    pub ceiling: Option<f64>,
    /// What a worker costs; by default what one has cost a month in the last 30 days by the table of costs.
    pub cost: Option<f64>,
    /// Other numbers to compare with, FROM..TO or FROM..TO/STEP.
    #[param(value_type = Option<String>, pattern = "^[0-9]+\\.\\.[0-9]+(/[0-9]+)?$")]
    pub what_if: Option<Vec<u32>>,
    /// The form of the answer, whatever the `Accept` header says.
    #[param(pattern = "^(json|csv)$")]
    pub f: Option<String>,
}

impl FromQuery for StaffQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let amount = |text: &str| match text.parse::<f64>() {
            Ok(amount) if amount > 0.0 && amount.is_finite() => Ok(amount),
            _ => Err(format!("{text:?} is no number above 0")),
        };
        let method = |text: &str| match text {
            "sainte-lague" => Ok(Apportionment::SainteLague),
            "min-max" => Ok(Apportionment::MinMax),
            _ => Err(format!("{text:?} is neither sainte-lague nor min-max")),
        };
        let workers =
            |text: &str| text.parse::<u32>().ok().filter(|workers| *workers > 0).ok_or_else(|| format!("{text:?} is no number of workers"));
        let (load, ceiling) = (values.optional("load", parse_loads), values.optional("ceiling", amount));
        if load.as_ref().is_some_and(|loads| loads.len() > 1) && ceiling.is_some() {
            values.fault("ceiling", "bounds one load, and several are weighed together; ask for each of them by itself".into());
        }
        Some(Self {
            level: values.optional("level", Level::parse),
            load,
            workers: values.optional("workers", workers),
            method: values.optional("method", method),
            ceiling,
            cost: values.optional("cost", amount),
            what_if: values.optional("what_if", parse_numbers),
            f: values.optional("f", |text| Ok::<_, String>(text.to_owned())),
        })
    }
}

/// Shares workers out among communities by load, before a border is moved: moving borders cannot make a city even where one community has
/// too few workers for what it carries.
#[utoipa::path(
    get,
    operation_id = "staff_draft",
    path = "/v1/drafts/{id}/staffing",
    tag = "drafts",
    params(("id" = String, Path, description = "The draft"), StaffQuery),
    security(("key" = [])),
    responses(
        (status = 200, description = "The table", content((StaffingView = "application/json"), (String = "text/csv"))),
        (status = 422, description = "The workers cannot be shared out", content_type = "application/problem+json"),
    )
)]
pub async fn staff_draft(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<StaffQuery>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let offer = negotiate(query.f.as_deref(), &headers, &[JSON, CSV])?;
    let (level, loads) = (query.level.clone(), query.load.clone());
    let (draft, counted) = with_draft(&state, &caller, &id, move |session, _| {
        let counted = take_census(session.draft(), session.load_field(), level.as_ref(), loads.as_deref());
        Ok((name_of(session), counted.map_err(|error| to_problem(&error))?))
    })
    .await?;
    let (config, layer) = (state.config().clone(), draft.layer.clone());
    let view = state
        .with_store(move |store| {
            let now = Timestamp::now();
            let mut census = match by_store(counted.weigh(store, query.load.as_deref(), &config.workload, now))? {
                Ok(census) => census,
                Err(error) => return Ok(Err(to_problem(&error))),
            };
            let mut cost_each = query.cost;
            if cost_each.is_none() {
                cost_each = monthly_cost(store, &layer, now)?;
                let note = |cost| format!("a worker costs {cost:.2} a month: the mean of the last 30 days by the table of costs");
                census.notes.extend(cost_each.map(note));
            }
            let (method, what_if) = (query.method.unwrap_or_default(), query.what_if.unwrap_or_default());
            let question = StaffQuestion { workers: query.workers, method, ceiling: query.ceiling, cost_each, what_if };
            let table = StaffTable::of(&census, &question).map_err(|error| Problem::new(ProblemKind::EditRefused, error.to_string()));
            Ok(table.map(|table| StaffingView::new(&table, &census)))
        })
        .await??;
    if offer == CSV {
        let name = format!("attachment; filename=\"staffing-{draft}.csv\"");
        let name = HeaderValue::from_str(&name).map_err(|error| Problem::internal(&error))?;
        let document = Document::new(CSV.media, view.to_csv()).header(header::CONTENT_DISPOSITION, name);
        return Ok(document.private(true).untagged().into_response());
    }
    let bytes = serde_json::to_vec(&view).map_err(|error| Problem::internal(&error))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}
