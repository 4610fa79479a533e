use std::sync::{LazyLock, OnceLock};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use metrics::Counter;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Instrument;
use uuid::Uuid;

use super::problem::Problem;
use super::state::AppState;

/// Upper ends of the latency buckets, seconds: from a lookup in memory to the request timeout.
const LATENCY_BUCKETS_S: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// Longest request id that is taken over from a proxy, bytes; a UUID has 36.
const REQUEST_ID_BYTES_MAX: usize = 64;

const REQUEST_ID: &str = "x-request-id";

/// Counts, times and logs a request.
///
/// The log has the route's template and not the address: a position, a name or a code that was asked for is nobody's business later.
pub async fn observe(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().to_string();
    let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default());
    let start = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let elapsed = start.elapsed();
    let status = response.status().as_u16();
    let route = response.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    span.in_scope(|| tracing::info!(method, route, status, duration_ms = elapsed.as_secs_f64() * 1000.0, "answered"));
    let labels = [("method", method), ("route", route), ("status", status.to_string())];
    metrics::counter!("gridkeeper_http_requests_total", &labels).increment(1);
    metrics::histogram!("gridkeeper_http_request_duration_seconds", &labels[..2]).record(elapsed);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Tells [`observe`], which stands before the routes, which of them answered.
pub async fn remember_route(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

fn request_id(request: &Request) -> HeaderValue {
    let is_plain = |value: &&HeaderValue| {
        value.len() <= REQUEST_ID_BYTES_MAX && !value.is_empty() && value.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    let given = request.headers().get(REQUEST_ID).filter(is_plain).cloned();
    given.unwrap_or_else(|| HeaderValue::from_str(&Uuid::now_v7().to_string()).expect("a UUID is plain text"))
}

/// Counts answered lookups by their status.
pub fn count_lookups(status: &'static str, count: u64) {
    /// Each is found once: that takes longer than a lookup.
    static COUNTERS: LazyLock<[(&str, Counter); 5]> =
        LazyLock::new(|| ["inside", "outside", "gap", "overlap", "invalid"].map(|status| (status, counter(status))));
    fn counter(status: &'static str) -> Counter {
        metrics::counter!("gridkeeper_lookups_total", "status" => status)
    }
    match COUNTERS.iter().find(|(known, _)| *known == status) {
        Some((_, counter)) => counter.increment(count),
        None => counter(status).increment(count),
    }
}

/// Starts counting, once for the whole process, and returns what writes the counts.
pub fn start_metrics() -> Result<PrometheusHandle, Problem> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let name = Matcher::Suffix("duration_seconds".into());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(name, &LATENCY_BUCKETS_S);
        match builder.and_then(PrometheusBuilder::install_recorder) {
            Ok(handle) => Some(handle),
            Err(error) => {
                tracing::warn!(%error, "there are no metrics");
                None
            }
        }
    };
    let missing = || Problem::not_found("another part of this process keeps the metrics");
    HANDLE.get_or_init(install).clone().ok_or_else(missing)
}

/// The counts of this process in the text format of Prometheus.
#[utoipa::path(
    get,
    operation_id = "show_metrics",
    path = "/metrics",
    tag = "operations",
    responses((status = 200, description = "Counts in the Prometheus text format", content_type = "text/plain", body = String))
)]
pub async fn show_metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let handle = start_metrics()?;
    handle.run_upkeep();
    state.record_gauges();
    Ok(([("content-type", "text/plain; version=0.0.4; charset=utf-8"), ("cache-control", "no-store")], handle.render()).into_response())
}
