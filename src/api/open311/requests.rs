use std::cmp::Reverse;

use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use rustc_hash::FxHashSet;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{self, Element};
use super::fault::Fault;
use super::form::{Format, Pairs};
use crate::api::caller::Caller;
use crate::api::cases::{is_for_all, is_private, layer_of_cases, reaches};
use crate::api::links::BaseUrl;
use crate::api::photos::path_of;
use crate::api::state::AppState;
use crate::boundary::Territory;
use crate::dispatch::workflow::CaseState;
use crate::dispatch::{Case, CaseId, PhotoId};
use crate::snapshot::Snapshot;
use crate::store::{CaseFilter, CaseOrder, CaseRecord};

/// Requests in one answer, by the standard.
const REQUESTS_MAX: usize = 1_000;

/// The longest time that is looked back over, by the standard.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Cases read from the store for one answer, in which those that do not fit are passed over.
const READ_MAX: usize = 20_000;

/// Lists requests: those named, or the newest of a time, at most 90 days and 1,000 of them.
///
/// # Errors
/// A time or a status that is none.
pub async fn list(state: &AppState, caller: &Caller, base: &BaseUrl, pairs: &Pairs, format: Format) -> Result<Response, Fault> {
    let ids = pairs.list("service_request_id");
    let records = if ids.is_empty() { find(state, caller, pairs, format).await? } else { load(state, &ids, format).await? };
    let kept = find_kept_photos(state, &records, format).await?;
    let snapshot = state.snapshot().map_err(|problem| Fault::of(&problem, format))?;
    let media = Media { base, kept };
    let shown = records.iter().filter_map(|record| request(state, &snapshot, caller, &media, record)).take(REQUESTS_MAX).collect();
    Ok(answer::list(format, Element { list: "service_requests", item: "request" }, shown))
}

/// Shows one request, as a list of one.
///
/// # Errors
/// 404.
pub async fn show(state: &AppState, caller: &Caller, base: &BaseUrl, id: &str, format: Format) -> Result<Response, Fault> {
    let records = load(state, &[id], format).await?;
    let kept = find_kept_photos(state, &records, format).await?;
    let snapshot = state.snapshot().map_err(|problem| Fault::of(&problem, format))?;
    let media = Media { base, kept };
    let shown: Vec<Value> = records.iter().filter_map(|record| request(state, &snapshot, caller, &media, record)).collect();
    if shown.is_empty() {
        return Err(Fault::new(404, format, &format!("service_request_id {id} was not found")));
    }
    Ok(answer::list(format, Element { list: "service_requests", item: "request" }, shown))
}

/// Tells which request a token stands for. Reports get their ids at once, so a token is an id.
///
/// # Errors
/// 404.
pub async fn show_token(state: &AppState, token: &str, format: Format) -> Result<Response, Fault> {
    if load(state, &[token], format).await?.is_empty() {
        return Err(Fault::new(404, format, &format!("token {token} was not found")));
    }
    let found = json!({ "service_request_id": token, "token": token });
    Ok(answer::list(format, Element { list: "service_requests", item: "request" }, vec![found]))
}

async fn load(state: &AppState, ids: &[&str], format: Format) -> Result<Vec<CaseRecord>, Fault> {
    if ids.len() > REQUESTS_MAX {
        return Err(Fault::new(400, format, &format!("more than {REQUESTS_MAX} ids are given")));
    }
    let ids: Vec<CaseId> = ids.iter().filter_map(|id| Uuid::try_parse(id).ok().map(CaseId)).collect();
    let read = state.with_store(move |store| ids.into_iter().map(|id| store.find_case_record(id)).collect::<Result<Vec<_>, _>>()).await;
    Ok(read.map_err(|problem| Fault::of(&problem, format))?.into_iter().flatten().collect())
}

async fn find(state: &AppState, caller: &Caller, pairs: &Pairs, format: Format) -> Result<Vec<CaseRecord>, Fault> {
    let (start, end) = (pairs.time("start_date", format)?, pairs.time("end_date", format)?);
    let end = end.or_else(|| start.and_then(|start| start.checked_add(SPAN_MAX).ok()));
    let until = end.unwrap_or_else(Timestamp::now);
    let from = start.filter(|start| *start >= until - SPAN_MAX).unwrap_or(until - SPAN_MAX);
    let statuses = pairs.list("status");
    if let Some(wrong) = statuses.iter().find(|status| !["open", "closed"].contains(status)) {
        return Err(Fault::new(400, format, &format!("status is {wrong:?}, which is neither open nor closed")));
    }
    let codes: Vec<String> = pairs.list("service_code").into_iter().map(str::to_owned).collect();
    let snapshot = state.snapshot().map_err(|problem| Fault::of(&problem, format))?;
    let at = Timestamp::now();
    let categories: Vec<String> = codes.iter().flat_map(|code| snapshot.rules(at).codes_below(code)).collect();
    let territory = snapshot.territory(&layer_of_cases(), caller.scope());
    // What is not to be seen takes no place in the answer, whose length would tell of it.
    let is_asked = |record: &CaseRecord| {
        (codes.is_empty() || codes.iter().any(|code| code == code_of(record))) && is_seen(&snapshot, caller, &territory, &record.case, at)
    };
    let mut found = Vec::new();
    // Mere records have no status, and are no requests.
    for (status, is_open) in [("open", true), ("closed", false)] {
        if statuses.is_empty() || statuses.contains(&status) {
            let filter = CaseFilter {
                reported_from: Some(from),
                reported_to: until.checked_add(SignedDuration::from_millis(1)).ok(),
                is_open: Some(is_open),
                order: CaseOrder::Reported,
                is_newest_first: true,
                categories: categories.clone(),
                counts: false,
                ..CaseFilter::first(REQUESTS_MAX)
            };
            found.extend(find_newest(state, filter, &is_asked, format).await?);
        }
    }
    found.sort_by_key(|record| Reverse((record.case.reported_at, record.case.id)));
    found.truncate(REQUESTS_MAX);
    Ok(found)
}

/// Whether a case is to be seen at all: by whom it is within reach, or where its category is not private.
fn is_seen(snapshot: &Snapshot, caller: &Caller, territory: &Territory, case: &Case, at: Timestamp) -> bool {
    caller.is_insider() && reaches(caller, territory, case) || !is_private(snapshot, case, at)
}

/// Finds the newest cases that are asked for.
async fn find_newest(
    state: &AppState,
    mut filter: CaseFilter,
    is_asked: &(dyn Fn(&CaseRecord) -> bool + Sync),
    format: Format,
) -> Result<Vec<CaseRecord>, Fault> {
    let (mut found, mut seen) = (Vec::new(), 0);
    loop {
        let asked = filter.clone();
        let page = state.with_store(move |store| store.load_case_records(&asked)).await.map_err(|problem| Fault::of(&problem, format))?;
        if let Some(last) = page.records.last() {
            filter.go_on_after(&last.case);
        }
        seen += page.records.len();
        found.extend(page.records.into_iter().filter(is_asked));
        if !page.has_more || found.len() >= REQUESTS_MAX || seen >= READ_MAX {
            found.truncate(REQUESTS_MAX);
            return Ok(found);
        }
    }
}

fn code_of(record: &CaseRecord) -> &str {
    record.case.category.split(':').next().unwrap_or_default()
}

/// The photos of some cases that have not been erased, and where they are found.
struct Media<'a> {
    base: &'a BaseUrl,
    kept: FxHashSet<PhotoId>,
}

impl Media<'_> {
    /// Returns where a picture of a case can be had: its first photo that all may see, else what was given with the report, else, to who
    /// may see all of the case, its first photo.
    fn url_of(&self, case: CaseId, folded: &CaseState, given: &str, sees_all: bool, is_insider: bool) -> String {
        let first = |photos: &[PhotoId]| photos.iter().copied().find(|photo| self.kept.contains(photo));
        let to = |photo: PhotoId| self.base.to(&path_of(case, photo));
        let given = || Some(given.to_owned()).filter(|given| sees_all && !given.is_empty());
        let own = || if is_insider { first(&folded.photos).map(to) } else { None };
        first(folded.photos_for_all()).map(to).or_else(given).or_else(own).unwrap_or_default()
    }
}

async fn find_kept_photos(state: &AppState, records: &[CaseRecord], format: Format) -> Result<FxHashSet<PhotoId>, Fault> {
    let added: Vec<PhotoId> = records.iter().flat_map(|record| &record.events).filter_map(|event| event.facts.photo).collect();
    if added.is_empty() {
        return Ok(FxHashSet::default());
    }
    let kept = state.with_store(move |store| store.find_kept_photos(&added)).await;
    Ok(kept.map_err(|problem| Fault::of(&problem, format))?.into_iter().collect())
}

/// Puts a case into the standard's words; none where it is not to be seen at all: one of a private category, or a mere record.
fn request(state: &AppState, snapshot: &Snapshot, caller: &Caller, media: &Media<'_>, record: &CaseRecord) -> Option<Value> {
    let folded = record.state()?;
    let case = &record.case;
    let territory = snapshot.territory(&layer_of_cases(), caller.scope());
    let is_insider = caller.is_insider() && reaches(caller, &territory, case);
    let at = Timestamp::now();
    if !is_seen(snapshot, caller, &territory, case, at) {
        return None;
    }
    let rules = snapshot.rules(at);
    let asked = rules.find(code_of(record), true).ok();
    let row = asked.as_ref().and_then(|asked| asked.category.rows_at(at).next());
    // Text, media and exact place are everybody's only when somebody has looked at them.
    let shows_all = is_insider || is_for_all(snapshot, case, folded.is_published, at);
    let facts = record.events.first().map(|event| &event.facts);
    let text = |text: Option<&String>| text.filter(|_| shows_all).cloned().unwrap_or_default();
    let agencies: Vec<&str> = folded.tasks.iter().filter(|task| !task.state.is_gone()).map(|task| task.name.as_str()).collect();
    let expected = folded.tasks.iter().filter_map(|task| task.clock.due_at).min().or(folded.due_at());
    let definition = state.config().cases.workflow.state(&folded.name);
    Some(json!({
        "service_request_id": case.id.to_string(),
        "status": if folded.is_end { "closed" } else { "open" },
        "status_notes": definition.map(|definition| definition.title.as_str()).unwrap_or_default(),
        "service_name": row.map(|row| row.name.as_str()).unwrap_or_default(),
        "service_code": code_of(record),
        "description": text(Some(&case.description)),
        "agency_responsible": agencies.join(", "),
        "service_notice": "",
        "requested_datetime": case.reported_at.to_string(),
        "updated_datetime": folded.changed_at.to_string(),
        "expected_datetime": expected.map(|at| at.to_string()),
        "address": text(facts.map(|facts| &facts.address)),
        "address_id": null,
        "zipcode": null,
        "lat": shows_all.then_some(case.position.lat),
        "long": shows_all.then_some(case.position.lon),
        "media_url": media.url_of(case.id, &folded, facts.map_or("", |facts| &facts.media_url), shows_all, is_insider),
    }))
}
