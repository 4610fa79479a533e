use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::one::view_of;
use super::rights;
use crate::api::as_of::parse_time;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::known::{categories_of, require_category, require_department, require_state};
use crate::api::links::BaseUrl;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values};
use crate::api::state::AppState;
use crate::api::wire::IncidentView;
use crate::dispatch::CaseId;
use crate::store::{CaseFilter, CaseOrder};

/// Which cases are listed.
#[derive(Clone, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct IncidentsQuery {
    /// Only cases in this state.
    pub state: Option<String>,
    /// Only cases that have not ended, or that have.
    pub open: Option<bool>,
    /// Only open cases of which a clock has run out.
    pub overdue: Option<bool>,
    /// Only cases of which a clock runs out before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    pub due_before: Option<Timestamp>,
    /// Only cases of which this department has a task, or had one where the case has ended.
    pub department: Option<String>,
    /// Only cases of this category; where it is a wider kind, of all below it.
    pub category: Option<String>,
    /// Only cases in units whose code begins so.
    #[param(example = "431102004")]
    pub grid: Option<String>,
    /// West, south, east, north in degrees.
    #[param(value_type = Option<String>, example = "111.5,26.1,111.7,26.3")]
    pub bbox: Option<[f64; 4]>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub reported_from: Option<Timestamp>,
    /// Exclusive.
    #[param(value_type = Option<String>, format = DateTime)]
    pub reported_to: Option<Timestamp>,
    /// Only cases after this one, as `next` of the page before says.
    #[param(value_type = Option<String>)]
    pub after: Option<Uuid>,
    /// Cases on a page.
    #[param(minimum = 1)]
    pub limit: Option<usize>,
}

impl FromQuery for IncidentsQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let text = |name: &str| values.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let (state, department, category, grid) = (text("state"), text("department"), text("category"), text("grid"));
        Some(Self {
            state,
            department,
            category,
            grid,
            open: values.optional("open", parse_bool),
            overdue: values.optional("overdue", parse_bool),
            due_before: values.optional("due_before", parse_time),
            bbox: values.optional("bbox", parse_bbox),
            reported_from: values.optional("reported_from", parse_time),
            reported_to: values.optional("reported_to", parse_time),
            after: values.optional("after", Uuid::try_parse),
            limit: values.optional("limit", |text| match text.parse::<usize>() {
                Ok(limit) if limit > 0 => Ok(limit),
                _ => Err(format!("{text:?} is not a whole number of at least 1")),
            }),
        })
    }
}

fn parse_bool(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| format!("{text:?} is neither true nor false"))
}

fn parse_bbox(text: &str) -> Result<[f64; 4], String> {
    let numbers = text.split(',').map(crate::api::query::finite).collect::<Result<Vec<_>, _>>()?;
    let bbox: [f64; 4] = numbers.try_into().map_err(|_| "has west, south, east and north".to_owned())?;
    if bbox[1] > bbox[3] { Err("has its south north of its north".into()) } else { Ok(bbox) }
}

/// A page of cases, in the order of their ids, which is mostly that of their reports.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IncidentList {
    pub incidents: Vec<IncidentView>,
    /// The next page; null on the last.
    pub next: Option<String>,
}

/// Cases, with filters, page after page.
#[utoipa::path(
    get,
    operation_id = "list_incidents",
    path = "/v1/incidents",
    tag = "cases",
    params(IncidentsQuery),
    security(("key" = [])),
    responses((status = 200, description = "A page of cases", body = IncidentList))
)]
pub async fn list_incidents(
    State(state): State<AppState>,
    Query(query): Query<IncidentsQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    rights::require(&caller)?;
    let now = super::intake::now();
    let http = &state.config().http;
    let limit = query.limit.unwrap_or(http.page_limit_default).min(http.page_limit_max);
    let due_before = if query.overdue == Some(true) { Some(query.due_before.map_or(now, |due| due.min(now))) } else { query.due_before };
    if query.overdue == Some(false) {
        return Err(Problem::parameter("overdue", "is true or left out"));
    }
    let territory = state.territory(caller.scope())?;
    rights::require_prefix(&territory, query.grid.as_deref())?;
    require_state(&state, query.state.as_deref()).await?;
    require_department(&state, query.department.as_deref()).await?;
    require_category(&state, query.category.as_deref()).await?;
    let snapshot = state.snapshot()?;
    let filter = CaseFilter {
        after: query.after.map(CaseId),
        bbox: query.bbox,
        territory,
        grid_prefix: query.grid.clone(),
        categories: categories_of(&snapshot, query.category.as_deref(), now),
        reported_from: query.reported_from,
        reported_to: query.reported_to,
        state: query.state.clone(),
        is_open: if query.overdue == Some(true) { Some(true) } else { query.open },
        is_published: None,
        is_newest_first: false,
        due_before,
        alarm_by: None,
        worker: None,
        is_near_border: false,
        part_from: None,
        is_long: false,
        order: CaseOrder::Id,
        department: query.department.clone(),
        limit,
        counts: false,
    };
    let page = state.with_store(move |store| store.load_case_records(&filter)).await?;
    let last = page.records.last().filter(|_| page.has_more).map(|record| record.case.id);
    let body = IncidentList {
        incidents: page.records.iter().map(|record| view_of(&state, &snapshot, &caller, record, now, &base)).collect(),
        next: last.map(|last| query.address(&base, last, limit)),
    };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

impl IncidentsQuery {
    /// Returns the address of the page after a case.
    fn address(&self, base: &BaseUrl, after: CaseId, limit: usize) -> String {
        let bbox = self.bbox.map(|bbox| bbox.map(|bound| bound.to_string()).join(","));
        let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let members = [
            ("state", self.state.clone()),
            ("open", self.open.map(|open| open.to_string())),
            ("overdue", self.overdue.map(|overdue| overdue.to_string())),
            ("due_before", time(self.due_before)),
            ("department", self.department.clone()),
            ("category", self.category.clone()),
            ("grid", self.grid.clone()),
            ("bbox", bbox),
            ("reported_from", time(self.reported_from)),
            ("reported_to", time(self.reported_to)),
            ("limit", Some(limit.to_string())),
            ("after", Some(after.to_string())),
        ];
        let pairs = members.iter().filter_map(|(name, value)| {
            let value = percent_encoding::utf8_percent_encode(value.as_deref()?, percent_encoding::NON_ALPHANUMERIC);
            Some(format!("{name}={value}"))
        });
        format!("{}/v1/incidents?{}", base.as_str(), pairs.collect::<Vec<_>>().join("&"))
    }
}
