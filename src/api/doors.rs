//! What every request passes before it comes to its handler, and its answer on the way out.
//!
//! Each door is a function that is given what lies behind it. They are put together in two layers, not in one each: a layer costs every
//! request a copy of all that lies behind it.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::OpenApi;

use super::access::{AccessTable, authorize};
use super::admit::admit;
use super::features::edit::ItemsAsked;
use super::finish::finish_response;
use super::identify::identify;
use super::observe::observe;
use super::openapi::Definition;
use super::problem::Problem;
use super::query::{KnownParameters, refuse_unknown_parameters};
use super::state::AppState;

/// The doors before the router, from outside in: a request is counted, its answer finished, it is let in, and known by who asks.
pub async fn come_in(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let state = &state;
    let known = |request| async move { identify(state, request, |request| next.run(request)).await.into_response() };
    let admitted = |request| async move { admit(state, request, known).await.into_response() };
    observe(request, |request| finish_response(request, admitted)).await
}

/// What the API definition says of routes, and who may use them.
#[derive(Debug)]
pub struct RouteRules {
    state: AppState,
    access: AccessTable,
    parameters: KnownParameters,
    definition: Arc<Definition>,
}

impl RouteRules {
    pub fn new(document: &OpenApi, state: AppState) -> Self {
        let definition = Arc::new(Definition::of(document));
        Self { state, access: AccessTable::of(document), parameters: KnownParameters::of(document), definition }
    }

    fn check(&self, request: &Request, path: &str) -> Result<(), Problem> {
        refuse_unknown_parameters(&self.parameters, request, path)?;
        authorize(&self.access, request, path)
    }
}

/// The doors behind the router, which has found the route: it knows the parameters, and the caller may use it.
pub async fn pass(State(rules): State<Arc<RouteRules>>, mut request: Request, next: Next) -> Response {
    // Nothing is at a path without a route, and that is no secret.
    let Some(route) = request.extensions().get::<MatchedPath>().cloned() else { return next.run(request).await };
    let items = ItemsAsked::of(&request, route.as_str());
    let mut response = match rules.check(&request, route.as_str()) {
        Ok(()) => {
            if Definition::is_shown_at(route.as_str()) {
                request.extensions_mut().insert(Arc::clone(&rules.definition));
            }
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    };
    if let Some(items) = items {
        items.tell_allowed(&rules.state, &mut response);
    }
    // Whoever counts the request, outside, is told which route answered.
    response.extensions_mut().insert(route);
    response
}
