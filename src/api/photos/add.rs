use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::keep::{Kept, keep_photo};
use super::read::{PhotoBytes, read_body, read_picture};
use super::show::path_of;
use crate::api::caller::Caller;
use crate::api::cases::{IDEMPOTENCY_REPLAYED, find_case};
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::media::JSON;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::api::wire::PhotoView;

/// Adds a photo to a case. It is answered when it is durable.
///
/// What it is, its bytes say. Nothing is kept of it but what shows it and which way up: no notes of the camera, no place, no thumbnail.
/// The same photo sent again is the same, and answered with 200. All may see it when somebody who has looked at it moderates the case.
#[utoipa::path(
    post,
    operation_id = "add_photo",
    path = "/v1/incidents/{id}/photos",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the case")),
    request_body(description = "The picture, at most `cases.photo_bytes_max` bytes", content(
        (PhotoBytes = "image/jpeg"),
        (PhotoBytes = "image/png"),
        (PhotoBytes = "image/webp"),
    )),
    security(("key" = [])),
    responses(
        (status = 201, description = "Added", body = PhotoView),
        (status = 200, description = "The case had it already", body = PhotoView),
        (status = 409, description = "The case is a mere record, which has no history"),
        (status = 413, description = "It has too many bytes, or too many pixels"),
        (status = 415, description = "It is neither JPEG, PNG nor WebP"),
        (status = 422, description = "The case has as many photos as it may, or had this one and it was taken away"),
    )
)]
pub async fn add_photo(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    request: Request,
) -> Result<Response, Problem> {
    let record = find_case(&state, &caller, &id).await?;
    let _permit = state.uploads().acquire().await;
    let (parts, body) = request.into_parts();
    check_media(&parts.headers)?;
    let bytes = read_body(&parts.headers, body, state.config().cases.photo_bytes_max).await?;
    let picture = read_picture(&bytes)?;
    drop(bytes);
    let (photo, is_known) = match keep_photo(&state, &caller, record, picture).await? {
        Kept::Added(photo) => (photo, false),
        Kept::Known(photo) => (photo, true),
    };
    // Whoever adds one sees all of them.
    let location = base.to(&path_of(photo.case, photo.id));
    let view = PhotoView::new(&photo, location.clone(), false, true);
    let bytes = serde_json::to_vec(&view).map_err(|e| Problem::internal(&e))?;
    let location = HeaderValue::from_str(&location).map_err(|e| Problem::internal(&e))?;
    let mut document = Document::new(JSON.media, bytes).private(true).untagged().header(header::LOCATION, location);
    if is_known {
        document = document.header(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
    let mut response = document.into_response();
    *response.status_mut() = if is_known { StatusCode::OK } else { StatusCode::CREATED };
    Ok(response)
}

/// Turns away what is said to be no picture at all. Which picture it is, its bytes say.
fn check_media(headers: &HeaderMap) -> Result<(), Problem> {
    let media = headers.get(header::CONTENT_TYPE).map_or("", |media| media.to_str().unwrap_or("?"));
    let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence.is_empty() || essence.starts_with("image/") || essence == "application/octet-stream" {
        return Ok(());
    }
    Err(Problem::new(
        ProblemKind::UnsupportedMediaType,
        format!("the body is taken as image/jpeg, image/png or image/webp, not as {essence}"),
    ))
}
