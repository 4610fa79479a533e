use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use uuid::Uuid;

use super::read::PhotoBytes;
use super::sight::find;
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::dispatch::{CaseId, PhotoId};

/// A browser that opens a photo by itself runs nothing that its bytes might be taken for.
const NOTHING_RUNS: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// Returns where a photo is.
pub fn path_of(case: CaseId, photo: PhotoId) -> String {
    format!("/v1/incidents/{case}/photos/{photo}")
}

/// A photo: to callers whose key reaches its case, and to all when whoever moderated the case had looked at it.
#[utoipa::path(
    get,
    operation_id = "show_photo",
    path = "/v1/incidents/{id}/photos/{photo}",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the case"), ("photo" = String, Path, description = "The id of the photo")),
    security((), ("key" = [])),
    responses((status = 200, description = "The picture", content(
        (PhotoBytes = "image/jpeg"),
        (PhotoBytes = "image/png"),
        (PhotoBytes = "image/webp"),
    )))
)]
pub async fn show_photo(
    State(state): State<AppState>,
    Path((id, photo)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Problem> {
    let (record, sight) = find(&state, &caller, &id).await?;
    let missing = || Problem::not_found(format!("the incident {id} has no photo {photo}"));
    let found = PhotoId(Uuid::try_parse(&photo).map_err(|_| missing())?);
    let folded = record.state().filter(|folded| sight.sees(folded, found)).ok_or_else(missing)?;
    let file = state.with_store(move |store| store.find_photo(found)).await?.ok_or_else(missing)?;
    let is_for_all = folded.photos_for_all().contains(&found);
    let document = Document::new(file.photo.media.as_str(), file.bytes).unpacked().private(!is_for_all);
    Ok(document.header(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING_RUNS)).into_response())
}
