use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;

use super::super::incidents::INCIDENTS;
use super::super::responsibilities::RESPONSIBILITIES;
use super::super::roster::ROSTER;
use super::incidents::can_void;
use crate::api::finish::Allowed;
use crate::api::state::AppState;

const READ: &str = "GET,HEAD";

/// A request to items of a collection, whose path takes more methods than the collection may.
#[derive(Debug)]
pub struct ItemsAsked {
    collection: String,
    is_item: bool,
    is_draft: bool,
}

impl ItemsAsked {
    /// Returns what a request asks for under the path of a route; none where that is no path of items.
    pub fn of(request: &Request, path: &str) -> Option<Self> {
        let is_item = match path {
            "/collections/{collectionId}/items" => false,
            "/collections/{collectionId}/items/{featureId}" => true,
            _ => return None,
        };
        let collection = request.uri().path().split('/').nth(2).unwrap_or_default().to_owned();
        let is_draft = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("draft=")));
        Some(Self { collection, is_item, is_draft })
    }

    /// Says with an answer that refuses the method which ones the collection takes, whatever others under the same template take: drafts
    /// are written to, what is published is not.
    pub fn tell_allowed(&self, state: &AppState, response: &mut Response) {
        if response.status() == StatusCode::METHOD_NOT_ALLOWED {
            let methods = methods(state, &self.collection, self.is_item, self.is_draft);
            response.extensions_mut().insert(Allowed(methods));
        }
    }
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
