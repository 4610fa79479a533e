use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;

use super::problem::{INTERNAL_DETAIL, Problem, ProblemKind};
use super::state::AppState;

/// Held while a request is worked on. An answer that streams keeps a clone until its last byte.
#[derive(Clone, Debug)]
pub struct Permit(#[expect(dead_code, reason = "held for its drop")] Arc<OwnedSemaphorePermit>);

/// Paths that answer however busy the service is: those who watch it must not be shed with the load.
const ALWAYS_ADMITTED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

pub fn is_always_admitted(path: &str) -> bool {
    ALWAYS_ADMITTED.contains(&path)
}

/// Lets a bounded number of requests in, each for a bounded time, and catches panics.
///
/// # Errors
/// 503 where too many are in, or there is no answer in time; 500 for a panic.
pub async fn admit<F: Future<Output = Response>>(
    state: &AppState,
    mut request: Request,
    next: impl FnOnce(Request) -> F,
) -> Result<Response, Problem> {
    if !is_always_admitted(request.uri().path()) {
        let permit = Arc::clone(state.permits()).try_acquire_owned();
        let permit = permit.map_err(|_| Problem::new(ProblemKind::Overloaded, "too many requests are being worked on"))?;
        request.extensions_mut().insert(Permit(Arc::new(permit)));
    }
    let held = request.extensions().get::<Permit>().cloned();
    let limit = Duration::from_secs(state.config().http.request_timeout_s);
    let answer = AssertUnwindSafe(tokio::time::timeout(limit, async { next(request).await })).catch_unwind().await;
    drop(held);
    match answer {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_)) => Err(Problem::new(ProblemKind::Timeout, format!("there was no answer within {} s", limit.as_secs()))),
        Err(panic) => {
            tracing::error!(panic = panic_text(&*panic), "a request met a bug");
            Err(Problem::new(ProblemKind::Internal, INTERNAL_DETAIL))
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without a text")
}
