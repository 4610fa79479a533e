use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::problem::{Problem, ProblemKind};
use super::state::AppState;

/// Whether the process runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// Always `up`.
    pub status: &'static str,
}

/// Whether the process answers lookups.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Readiness {
    /// Always `ready`.
    pub status: &'static str,
    /// `up`, or `down` while snapshots still answer without it.
    pub store: &'static str,
    /// The loaded layers with their generations.
    pub generations: Vec<LoadedGeneration>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LoadedGeneration {
    pub layer: String,
    pub generation: u32,
}

/// Whether the process runs.
#[utoipa::path(
    get,
    operation_id = "show_health",
    path = "/healthz",
    tag = "operations",
    responses((status = 200, description = "The process runs", body = Health))
)]
pub async fn show_health() -> Response {
    uncached(&Health { status: "up" })
}

/// Whether lookups are answered.
#[utoipa::path(
    get,
    operation_id = "show_readiness",
    path = "/readyz",
    tag = "operations",
    responses((status = 200, description = "Lookups are answered; `store` says whether the store answers too", body = Readiness))
)]
pub async fn show_readiness(State(state): State<AppState>) -> Result<Response, Problem> {
    if state.is_draining() {
        return Err(Problem::new(ProblemKind::NotReady, "the service is shutting down"));
    }
    if !state.is_loaded() {
        return Err(Problem::new(ProblemKind::NotReady, "no snapshot has been built yet"));
    }
    let store = if state.is_store_up() { "up" } else { "down" };
    Ok(uncached(&Readiness { status: "ready", store, generations: state.loaded_generations() }))
}

fn uncached(body: &impl Serialize) -> Response {
    let mut response = axum::Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
