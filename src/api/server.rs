use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::router::router;
use super::state::AppState;

/// Serves until `stop` comes, then drains: `/readyz` says 503, nothing new is accepted, and requests under way are
/// finished, for as long as the configuration allows.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, state: AppState, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    let drain = Duration::from_secs(state.config().http.drain_s);
    let stopping = Arc::new(Notify::new());
    let told = Arc::clone(&stopping);
    let draining = state.clone();
    let stop = async move {
        stop.await;
        draining.start_draining();
        told.notify_one();
    };
    // Answers are written whole, so waiting to fill a packet would only delay them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    tokio::select! {
        result = axum::serve(listener, router(state)).with_graceful_shutdown(stop).into_future() => result,
        () = async { stopping.notified().await; tokio::time::sleep(drain).await } => {
            tracing::warn!(drain_s = drain.as_secs(), "requests that were still under way have been cut off");
            Ok(())
        }
    }
}
