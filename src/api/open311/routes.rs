use axum::extract::{Path, RawQuery, Request, State};
use axum::response::Response;
use jiff::Timestamp;

use super::fault::Fault;
use super::form::{BodyForm, Format, Pairs, split_format};
use super::multipart::{self, MEDIA_MAX};
use super::{discovery, post, requests, services};
use crate::api::caller::Caller;
use crate::api::links::BaseUrl;
use crate::api::photos::read_body;
use crate::api::state::AppState;

/// Longest form but for its photos, bytes.
const FORM_BYTES_MAX: usize = 2 << 20;

/// Open311 GeoReport v2: `discovery`, `services` and `requests`, as `.xml` or `.json`.
///
/// Requests take `service_request_id`, `service_code`, `start_date`, `end_date` and `status`, at most 90 days and 1,000 of them. Text,
/// media and exact place of a request are shown when it has been moderated, or to callers with a key that reaches it.
#[utoipa::path(
    get,
    operation_id = "find_open311_resource",
    path = "/open311/v2/{resource}",
    tag = "open311",
    params(("resource" = String, Path, description = "Such as `services.xml`")),
    security((), ("key" = [])),
    responses((status = 200, description = "As the standard has it", content((String = "text/xml"), (serde_json::Value = "application/json"))))
)]
pub async fn find_open311_resource(
    State(state): State<AppState>,
    Path(resource): Path<String>,
    RawQuery(query): RawQuery,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Fault> {
    let (name, format) = split_format(&resource)?;
    let pairs = Pairs::read(query.as_deref().unwrap_or_default(), format)?;
    check_jurisdiction(&state, &pairs, format)?;
    let snapshot = || state.snapshot().map_err(|problem| Fault::of(&problem, format));
    match name {
        "discovery" => Ok(discovery::show(format, &state.config().open311, &base)),
        "services" => Ok(services::list(&*snapshot()?, format, Timestamp::now())),
        "requests" => requests::list(&state, &find_caller(&state, &pairs, caller, format)?, &base, &pairs, format).await,
        _ => Err(Fault::new(404, format, &format!("there is no resource {name}"))),
    }
}

/// One service with its attributes, one request, or the request of a token, as `.xml` or `.json`.
#[utoipa::path(
    get,
    operation_id = "find_open311_item",
    path = "/open311/v2/{resource}/{item}",
    tag = "open311",
    params(
        ("resource" = String, Path, description = "`services`, `requests` or `tokens`"),
        ("item" = String, Path, description = "The code or id, with `.xml` or `.json` behind it"),
    ),
    security((), ("key" = [])),
    responses((status = 200, description = "As the standard has it", content((String = "text/xml"), (serde_json::Value = "application/json"))))
)]
pub async fn find_open311_item(
    State(state): State<AppState>,
    Path((resource, item)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    caller: Caller,
    base: BaseUrl,
) -> Result<Response, Fault> {
    let (item, format) = split_format(&item)?;
    let pairs = Pairs::read(query.as_deref().unwrap_or_default(), format)?;
    check_jurisdiction(&state, &pairs, format)?;
    match resource.as_str() {
        "services" => {
            let snapshot = state.snapshot().map_err(|problem| Fault::of(&problem, format))?;
            services::show(&snapshot, item, format, Timestamp::now())
        }
        "requests" => requests::show(&state, &find_caller(&state, &pairs, caller, format)?, &base, item, format).await,
        "tokens" => requests::show_token(&state, item, format).await,
        _ => Err(Fault::new(404, format, &format!("there is no resource {resource}"))),
    }
}

/// A request with its photo.
#[derive(Debug, utoipa::ToSchema)]
#[expect(dead_code, reason = "written for the API definition; a form is read part by part")]
struct RequestForm {
    api_key: Option<String>,
    service_code: String,
    lat: Option<String>,
    long: Option<String>,
    address_string: Option<String>,
    description: Option<String>,
    media_url: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    /// A photo, as a file; up to three parts of this name.
    #[schema(value_type = Option<String>, format = Binary)]
    media: Option<Vec<u8>>,
}

/// Takes a request in: a form with `api_key`, `service_code`, `lat` and `long`, and where wanted `attribute[condition]`, `description`,
/// `address_string`, `media_url`, `first_name`, `last_name`, `phone` and `email`, which are personal and kept so. As
/// `multipart/form-data` it brings up to three photos too, as files with the name `media`.
#[utoipa::path(
    post,
    operation_id = "post_open311_request",
    path = "/open311/v2/{resource}",
    tag = "open311",
    params(("resource" = String, Path, description = "`requests.xml` or `requests.json`")),
    request_body(content((String = "application/x-www-form-urlencoded"), (RequestForm = "multipart/form-data"))),
    security(("key" = [])),
    responses((status = 201, description = "Taken in, with its id", content((String = "text/xml"), (serde_json::Value = "application/json"))))
)]
pub async fn post_open311_request(
    State(state): State<AppState>,
    Path(resource): Path<String>,
    caller: Caller,
    request: Request,
) -> Result<Response, Fault> {
    let (name, format) = split_format(&resource)?;
    if name != "requests" {
        return Err(Fault::new(404, format, &format!("{name} takes nothing in")));
    }
    let (parts, body) = request.into_parts();
    let Some(form) = BodyForm::of(&parts.headers) else {
        return Err(Fault::new(400, format, "the body is neither application/x-www-form-urlencoded nor multipart/form-data"));
    };
    let cases = &state.config().cases;
    let _permit = if form == BodyForm::Urlencoded { None } else { Some(state.uploads().acquire().await) };
    let (pairs, pictures) = match form {
        BodyForm::Urlencoded => {
            let bytes = read_body(&parts.headers, body, FORM_BYTES_MAX).await.map_err(|problem| Fault::of(&problem, format))?;
            let text = std::str::from_utf8(&bytes).map_err(|_| Fault::new(400, format, "the body is not UTF-8"))?;
            (Pairs::read(text, format)?, Vec::new())
        }
        BodyForm::Multipart { boundary } => {
            let bytes_max = FORM_BYTES_MAX + MEDIA_MAX * cases.photo_bytes_max;
            let bytes = read_body(&parts.headers, body, bytes_max).await.map_err(|problem| Fault::of(&problem, format))?;
            multipart::read(boundary, bytes, format, cases.photo_bytes_max).await?
        }
    };
    if pictures.len() > cases.photos_per_case_max {
        return Err(Fault::new(400, format, &format!("a request has at most {} photos", cases.photos_per_case_max)));
    }
    check_jurisdiction(&state, &pairs, format)?;
    let caller = find_caller(&state, &pairs, caller, format)?;
    if !caller.has_key() {
        return Err(Fault::new(403, format, "api_key was not provided"));
    }
    post::take(&state, caller, &pairs, pictures, format).await
}

/// The key of the standard's argument, or else that of the header.
fn find_caller(state: &AppState, pairs: &Pairs, caller: Caller, format: Format) -> Result<Caller, Fault> {
    match pairs.get("api_key") {
        Some(key) => state.find_key(key).ok_or_else(|| Fault::new(403, format, "api_key is unknown or has been revoked")),
        None => Ok(caller),
    }
}

fn check_jurisdiction(state: &AppState, pairs: &Pairs, format: Format) -> Result<(), Fault> {
    match (pairs.get("jurisdiction_id"), &state.config().open311.jurisdiction_id) {
        (Some(given), Some(own)) if given != own => Err(Fault::new(404, format, &format!("jurisdiction_id {given} was not found"))),
        _ => Ok(()),
    }
}
