use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::show::path_of;
use super::sight::{Sight, find};
use crate::api::caller::Caller;
use crate::api::document::Document;
use crate::api::links::BaseUrl;
use crate::api::media::{JSON, negotiate};
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::api::wire::PhotoView;
use crate::dispatch::Photo;

/// The photos of a case, in the order in which they were added.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PhotoList {
    pub photos: Vec<PhotoView>,
}

/// The photos of a case: to callers whose key reaches it all of them, also those that were taken away, without their bytes; to others
/// those that may be shown to all.
#[utoipa::path(
    get,
    operation_id = "list_photos",
    path = "/v1/incidents/{id}/photos",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the case")),
    security((), ("key" = [])),
    responses((status = 200, description = "The photos", body = PhotoList))
)]
pub async fn list_photos(
    State(state): State<AppState>,
    Path(id): Path<String>,
    caller: Caller,
    base: BaseUrl,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    negotiate(None, &headers, &[JSON])?;
    let (record, sight) = find(&state, &caller, &id).await?;
    let case = record.case.id;
    let photos = state.with_store(move |store| store.load_photos(case)).await?;
    let photos = record.state().map_or_else(Vec::new, |folded| {
        let sees_all = sight == Sight::All;
        let shown = photos.iter().filter(|photo| sight.sees(&folded, photo.id) && (sees_all || photo.erased_at.is_none()));
        let view = |photo: &Photo| {
            PhotoView::new(photo, base.to(&path_of(photo.case, photo.id)), folded.photos_for_all().contains(&photo.id), sees_all)
        };
        shown.map(view).collect()
    });
    let bytes = serde_json::to_vec(&PhotoList { photos }).map_err(|e| Problem::internal(&e))?;
    Ok(Document::new(JSON.media, bytes).private(true).into_response())
}
