use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::caller::Caller;
use super::links::{BaseUrl, Link};
use super::page::{page_links, send_private_page};
use super::problem::Problem;
use super::query::{FromQuery, Query, Values, whole};
use super::state::AppState;
use crate::store::AuditEntry;

/// Entries on a page where the caller names no number, and at most.
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1_000;

#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only entries after the one of this number.
    pub after: Option<u64>,
    /// Entries on a page, 1 to 1,000; 100 by default, and more is lowered.
    pub limit: Option<usize>,
    /// `json` or `html`.
    pub f: Option<String>,
}

impl FromQuery for AuditQuery {
    fn from_query(values: &mut Values<'_>) -> Option<Self> {
        let after = values.optional("after", whole);
        let limit = values.optional("limit", |text| match text.parse::<usize>() {
            Ok(0) | Err(_) => Err("is no number of entries"),
            Ok(limit) => Ok(limit),
        });
        Some(Self { after, limit, f: values.text("f").map(str::to_owned) })
    }
}

/// A page of the audit log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuditPage {
    pub entries: Vec<AuditView>,
    pub links: Vec<Link>,
}

/// Who wrote what, and when.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AuditView {
    /// Grows in the order of writing.
    pub number: u64,
    pub at: String,
    pub author: String,
    pub action: String,
    /// What was written, in words and figures.
    pub subject: String,
    /// What was so before.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Box<RawValue>>,
    /// What is so since.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Box<RawValue>>,
}

impl AuditView {
    fn new(entry: AuditEntry) -> Result<Self, Problem> {
        let raw = |text: Option<String>| text.map(RawValue::from_string).transpose().map_err(|e| Problem::internal(&e));
        let AuditEntry { number, at, author, action, subject, before, after } = entry;
        Ok(Self { number, at: at.to_string(), author, action, subject, before: raw(before)?, after: raw(after)? })
    }
}

/// The audit log: every write with who wrote it, what was so before and what is so since. Nobody can change it.
#[utoipa::path(
    get,
    operation_id = "list_audit",
    path = "/v1/audit",
    tag = "operations",
    params(AuditQuery),
    security(("key" = [])),
    responses((status = 200, description = "Entries, oldest first", content((AuditPage = "application/json"), (String = "text/html"))))
)]
pub async fn list_audit(
    State(state): State<AppState>,
    Query(query): Query<AuditQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require_unlimited("the audit log")?;
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(PAGE_DEFAULT).min(PAGE_MAX));
    let mut entries = state.with_store(move |store| store.load_audit(after, limit + 1)).await?;
    let has_more = entries.len() > limit;
    entries.truncate(limit);
    let mut links = page_links(&base, "/v1/audit", "");
    if let Some(last) = entries.last().filter(|_| has_more) {
        let next = format!("/v1/audit?after={}&limit={limit}", last.number);
        links.push(Link::new(base.to(&next), "next", "application/json").titled("Later entries"));
    }
    let body = AuditPage { entries: entries.into_iter().map(AuditView::new).collect::<Result<_, _>>()?, links };
    send_private_page("Audit log", &body, &body.links, query.f.as_deref(), &headers)
}
