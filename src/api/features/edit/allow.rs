use axum::extract::{MatchedPath, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::super::incidents::INCIDENTS;
use super::super::responsibilities::RESPONSIBILITIES;
use super::super::roster::ROSTER;
use super::incidents::can_void;
use crate::api::finish::Allowed;
use crate::api::state::AppState;

const READ: &str = "GET,HEAD";

/// Says of each collection and feature which methods it takes, whatever others under the same template take: drafts are written to,
/// what is published is not.
pub async fn tell_allowed(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let id = request.uri().path().split('/').nth(2).unwrap_or_default().to_owned();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let is_draft = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("draft=")));
    let mut response = next.run(request).await;
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let is_item = match path.as_deref() {
        Some("/collections/{collectionId}/items") => false,
        Some("/collections/{collectionId}/items/{featureId}") => true,
        _ => return response,
    };
    let methods = methods(&state, &id, is_item, is_draft);
    response.extensions_mut().insert(Allowed(methods));
    response
}

/// Returns the methods that a collection's items, or one of them, take.
pub fn methods(state: &AppState, collection: &str, is_item: bool, is_draft: bool) -> &'static str {
    let is_read = collection == RESPONSIBILITIES || state.table(collection).is_some();
    match (collection, is_item) {
        _ if is_read => READ,
        (INCIDENTS | ROSTER, false) => "GET,HEAD,POST",
        (ROSTER, true) => "GET,HEAD,PUT,PATCH,DELETE",
        (INCIDENTS, true) if can_void(state) => "GET,HEAD,PUT,PATCH,DELETE",
        (INCIDENTS, true) => "GET,HEAD,PUT,PATCH",
        (_, false) if is_draft => "GET,HEAD,POST",
        (_, true) if is_draft => "GET,HEAD,PUT,PATCH,DELETE",
        _ => READ,
    }
}
