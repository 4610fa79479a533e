use std::borrow::Cow;

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::answer::{self, Element};
use super::fault::Fault;
use super::form::{Format, Pairs};
use super::services::CONDITION;
use crate::api::addresses::resolve;
use crate::api::caller::Caller;
use crate::api::cases::{Submission, check_media_url, submit};
use crate::api::locate::Given;
use crate::api::state::AppState;
use crate::dispatch::Reporter;
use crate::dispatch::photo::Picture;
use crate::store::CaseWritten;

/// Longest description, characters, by the standard.
const DESCRIPTION_CHARS_MAX: usize = 4_000;

/// Longest of the other texts, characters.
const TEXT_CHARS_MAX: usize = 500;

/// Takes a request in, as a report like any other, and answers with its id when it is durable.
///
/// # Errors
/// An argument is missing or wrong.
pub async fn take(state: &AppState, caller: Caller, pairs: &Pairs, pictures: Vec<Picture>, format: Format) -> Result<Response, Fault> {
    let fault = |description: &str| Fault::new(400, format, description);
    let code = pairs.get("service_code").ok_or_else(|| fault("service_code was not provided"))?;
    check_service(state, code, format)?;
    let (lat, long) = match (pairs.get("lat"), pairs.get("long"), pairs.get("address_string")) {
        (Some(lat), Some(long), _) => (lat.to_owned(), long.to_owned()),
        // An address will do where the table of addresses knows it beyond doubt.
        (None, None, Some(address)) => match resolve(state, address).await {
            Ok(place) => (place.lat.to_string(), place.lon.to_string()),
            Err(_) => return Err(fault("the address alone names no place for certain; send lat and long beside it")),
        },
        (None, None, None) if pairs.get("address_id").is_some() => {
            return Err(fault("an address_id names no place here; send lat and long beside it"));
        }
        _ => return Err(fault("lat and long were not provided")),
    };
    let text = |name: &str, chars_max: usize| {
        let text = pairs.get(name).unwrap_or_default();
        // The value is not repeated: it may be personal.
        if text.chars().count() > chars_max {
            Err(fault(&format!("{name} is longer than {chars_max} characters")))
        } else {
            Ok(text.to_owned())
        }
    };
    let name = [text("first_name", TEXT_CHARS_MAX)?, text("last_name", TEXT_CHARS_MAX)?].join(" ").trim().to_owned();
    let reporter = Reporter { name, phone: text("phone", TEXT_CHARS_MAX)?, email: text("email", TEXT_CHARS_MAX)? };
    let category = match pairs.get(&format!("attribute[{CONDITION}]")) {
        Some(condition) => format!("{code}:{condition}"),
        None => code.to_owned(),
    };
    let media_url = text("media_url", 2 * TEXT_CHARS_MAX)?;
    check_media_url(&media_url).map_err(|wrong| fault(&format!("media_url {wrong}")))?;
    let submission = Submission {
        description: text("description", DESCRIPTION_CHARS_MAX)?,
        source: "open311".to_owned(),
        address: text("address_string", TEXT_CHARS_MAX)?,
        media_url,
        given: format!("{long} {lat} EPSG:4326"),
        reporter,
        reported_at: None,
        token: None,
        pictures,
    };
    let fields = |name: &str| match name {
        "lon" => Some(Given::Text(Cow::Borrowed(long.as_str()))),
        "lat" => Some(Given::Text(Cow::Borrowed(lat.as_str()))),
        "category" => Some(Given::Text(Cow::Borrowed(category.as_str()))),
        _ => None,
    };
    let taken = submit(state, &caller, submission, &fields).await.map_err(|problem| Fault::of(&problem, format))?;
    if !matches!(taken.written, CaseWritten::Added(_)) {
        return Err(Fault::new(500, format, "the request was not taken in"));
    }
    let request = json!({ "service_request_id": taken.case.id.to_string(), "service_notice": "", "account_id": null });
    let mut response = answer::list(format, Element { list: "service_requests", item: "request" }, vec![request]);
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// A service that is private or not there is 404, by the standard.
fn check_service(state: &AppState, code: &str, format: Format) -> Result<(), Fault> {
    let snapshot = state.snapshot().map_err(|problem| Fault::of(&problem, format))?;
    let rules = snapshot.rules(jiff::Timestamp::now());
    if !rules.has_categories() || rules.find(code, false).is_ok() {
        return Ok(());
    }
    Err(Fault::new(404, format, &format!("service_code {code} was not found")))
}
