use std::io;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use uuid::Uuid;

use crate::api::caller::Caller;
use crate::api::cases::find_case;
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::dispatch::{PhotoId, WorkerId};
use crate::store::{ErasureReason, PhotoFile};

/// Where erasures are told beside the store, so that a restore of an older backup follows them.
pub trait ErasureLog: Send + Sync {
    /// # Errors
    /// It could not be written, and nothing may be erased.
    fn tell(&self, person: &WorkerId, reason: ErasureReason, at: Timestamp) -> io::Result<()>;
}

/// Takes a photo away, for it may show people: its bytes are erased, and only that there was one stays known. The audit log tells of it.
#[utoipa::path(
    delete,
    operation_id = "erase_photo",
    path = "/v1/incidents/{id}/photos/{photo}",
    tag = "cases",
    params(("id" = String, Path, description = "The id of the case"), ("photo" = String, Path, description = "The id of the photo")),
    security(("key" = [])),
    responses((status = 204, description = "It is erased"))
)]
pub async fn erase_photo(
    State(state): State<AppState>,
    Path((id, photo)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, Problem> {
    let record = find_case(&state, &caller, &id).await?;
    let missing = || Problem::not_found(format!("the incident {id} has no photo {photo}"));
    let found = PhotoId(Uuid::try_parse(&photo).map_err(|_| missing())?);
    record.state().filter(|folded| folded.photos.contains(&found)).ok_or_else(missing)?;
    let (author, log, at) = (caller.author(), state.erasure_log(), Timestamp::now());
    let erase = move |store: &dyn crate::store::Store| {
        if store.find_kept_photos(&[found])?.is_empty() {
            return Ok(Ok(false));
        }
        let person = PhotoFile::person(found);
        // The log has it first: what was erased and does not stand there would come back.
        if let Err(error) = log.map_or(Ok(()), |log| log.tell(&person, ErasureReason::Request, at)) {
            return Ok(Err(error));
        }
        store.erase_person(&person, ErasureReason::Request, &author, at).map(Ok)
    };
    let is_erased = state.with_store(erase).await?.map_err(|error| Problem::internal(&error))?;
    if is_erased { Ok(StatusCode::NO_CONTENT.into_response()) } else { Err(missing()) }
}
