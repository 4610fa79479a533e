use std::cell::RefCell;
use std::sync::{LazyLock, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use metrics::{Counter, Histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use rustc_hash::FxHashMap;
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
pub async fn observe<F: Future<Output = Response>>(request: Request, next: impl FnOnce(Request) -> F) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let span = tracing::info_span!("request", request_id = id.to_str().unwrap_or_default());
    let start = Instant::now();
    let mut response = next(request).instrument(span).await;
    let elapsed = start.elapsed();
    let status = response.status().as_u16();
    let route = response.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
    let duration_ms = elapsed.as_secs_f64() * 1000.0;
    // Without the span, which would be written and read again for each line.
    let request_id = id.to_str().unwrap_or_default();
    tracing::info!(parent: None, request_id, method = method.as_str(), route, status, duration_ms, "answered");
    count_request(route, known_method(&method), status, elapsed);
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Returns the name of a method that HTTP knows. Whoever makes methods up must not make as many counters.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}

/// What is counted of one method and status of a route.
struct Counted {
    method: &'static str,
    status: u16,
    requests: Counter,
    duration: Histogram,
}

fn count_request(route: &str, method: &'static str, status: u16, elapsed: Duration) {
    thread_local! {
        /// By route. Each is found once for each thread: that takes longer than to count.
        static COUNTED: RefCell<FxHashMap<String, Vec<Counted>>> = RefCell::default();
    }
    COUNTED.with_borrow_mut(|counted| {
        let of_route = match counted.get_mut(route) {
            Some(of_route) => of_route,
            None => counted.entry(route.to_owned()).or_default(),
        };
        let known = of_route.iter().position(|known| (known.method, known.status) == (method, status));
        let at = known.unwrap_or_else(|| {
            let labels = [("method", method.to_owned()), ("route", route.to_owned()), ("status", status.to_string())];
            let requests = metrics::counter!("gridkeeper_http_requests_total", &labels);
            let duration = metrics::histogram!("gridkeeper_http_request_duration_seconds", &labels[..2]);
            of_route.push(Counted { method, status, requests, duration });
            of_route.len() - 1
        });
        of_route[at].requests.increment(1);
        of_route[at].duration.record(elapsed);
    });
}

fn request_id(request: &Request) -> HeaderValue {
    let is_plain = |value: &&HeaderValue| {
        value.len() <= REQUEST_ID_BYTES_MAX && !value.is_empty() && value.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    };
    let given = request.headers().get(REQUEST_ID).filter(is_plain).cloned();
    let mut buffer = Uuid::encode_buffer();
    let made = || HeaderValue::from_str(Uuid::now_v7().as_hyphenated().encode_lower(&mut buffer)).expect("a UUID is plain text");
    given.unwrap_or_else(made)
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
