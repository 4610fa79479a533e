use std::collections::hash_map::Entry;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use rustc_hash::FxHashMap;
use serde::Serialize;

use super::place::require_worker;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::query::{FromQuery, Query, Values, whole};
use crate::api::state::AppState;
use crate::boundary::UnitCode;
use crate::dispatch::workflow::{CaseEvent, NoticeKind, notices_of};
use crate::dispatch::{CaseId, WorkerId};
use crate::store::{CaseRecord, Notice, Store, StoreError};

const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// Which notices are asked for.
#[derive(Clone, Copy, Debug, Default, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NoticesQuery {
    /// Only those after this number.
    after: Option<u64>,
    /// Notices in one answer, at most 1,000; the oldest first.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<usize>,
}

impl FromQuery for NoticesQuery {
    fn from_query(values: &mut Values) -> Option<Self> {
        let after = values.optional("after", whole);
        let limit = values.optional("limit", |text| match text.parse::<usize>() {
            Ok(limit) if limit > 0 => Ok(limit.min(LIMIT_MAX)),
            _ => Err(format!("{text:?} is not a whole number of at least 1")),
        });
        Some(Self { after, limit })
    }
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NoticeList {
    pub notices: Vec<NoticeView>,
    /// What to ask for next: the number of the last notice.
    pub next: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NoticeView {
    /// The number of the event, which is its id on the stream.
    pub number: u64,
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `came` or `left` where the case is the caller's from now on or no longer, `asked` to look at the place, `task` where named for
    /// one, `late` where a clock of a case of theirs has run out.
    pub kind: &'static str,
    pub incident: String,
    pub href: String,
    /// Where the case lies now.
    pub grid: Option<String>,
    pub text: String,
}

/// What the caller was told of by name, oldest first.
#[utoipa::path(
    get,
    operation_id = "list_my_notices",
    path = "/v1/me/notices",
    tag = "keepers",
    params(NoticesQuery),
    security(("key" = [])),
    responses((status = 200, description = "The notices", body = NoticeList))
)]
pub async fn list_my_notices(
    State(state): State<AppState>,
    Query(query): Query<NoticesQuery>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let worker = require_worker(&caller)?;
    let (after, limit) = (query.after.unwrap_or(0), query.limit.unwrap_or(LIMIT_DEFAULT));
    let read = move |store: &dyn Store| {
        let mut cases: FxHashMap<CaseId, Option<CaseRecord>> = FxHashMap::default();
        let mut found = Vec::new();
        for notice in store.load_notices(&worker, after, limit)? {
            let case = match cases.entry(notice.case) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(free) => free.insert(store.find_case_record(notice.case)?),
            };
            let grid = case.as_ref().and_then(|case| grid_of(&notice, &worker, case));
            found.push((grid.map(ToString::to_string), notice));
        }
        Ok::<_, StoreError>(found)
    };
    let notices = state.with_store(read).await?;
    let body = NoticeList {
        next: notices.last().map_or(after, |(_, notice)| notice.number),
        notices: notices.into_iter().map(|(grid, notice)| view_of(&notice, grid, base.as_str())).collect(),
    };
    let bytes = serde_json::to_vec(&body).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).untagged().into_response())
}

/// Returns the grid that a notice is about: that in which the case lay with its event, or, of a case that is no longer somebody's, the
/// one out of which it went.
fn grid_of<'a>(notice: &Notice, worker: &WorkerId, record: &'a CaseRecord) -> Option<&'a UnitCode> {
    let tells = |event: &CaseEvent| event.at == notice.at && notices_of(event).contains(&(worker, notice.kind));
    let Some(at) = record.events.iter().position(tells) else { return record.case.grid.as_ref() };
    // The next correction of the place says where the case was until then.
    let from = if notice.kind == NoticeKind::Left { at } else { at + 1 };
    let before = record.events[from..].iter().find_map(|event| event.facts.place_before.as_ref());
    before.map_or(record.case.grid.as_ref(), |place| place.grid.as_ref())
}

fn view_of(notice: &Notice, grid: Option<String>, base: &str) -> NoticeView {
    let text = match notice.kind {
        NoticeKind::Came => "the case is yours from now on",
        NoticeKind::Left => "the case is no longer yours",
        NoticeKind::Asked => "you are asked to look at the place",
        NoticeKind::Task => "you are named for a department's task",
        NoticeKind::Late => "a clock of a case of yours has run out",
    };
    NoticeView {
        number: notice.number,
        at: notice.at,
        kind: notice.kind.as_str(),
        incident: notice.case.to_string(),
        href: format!("{base}/v1/incidents/{}", notice.case),
        grid,
        text: text.to_owned(),
    }
}
