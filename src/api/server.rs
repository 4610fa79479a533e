use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::{Listener, ListenerExt, TapIo};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::cases::{forget_old, hear_others, keep_assigned, ring_clocks};
use super::keepers::erase_old_positions;
use super::router::router;
use super::state::AppState;
use super::tls::{Tls, TlsListener};
use super::webhooks::deliver;

/// Serves until `stop` comes, then drains: `/readyz` says 503, nothing new is accepted, and requests under way are
/// finished, for as long as the configuration allows.
///
/// # Errors
/// The listener fails.
pub async fn serve(listener: TcpListener, state: AppState, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
    // Answers are written whole, so waiting to fill a packet would only delay them.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its delay");
        }
    });
    serve_on(listener, state, stop).await
}

/// Serves as [`serve`] does, encrypted.
///
/// # Errors
/// The listener fails.
pub async fn serve_encrypted(
    listener: TcpListener,
    tls: Arc<Tls>,
    state: AppState,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_on(TlsListener::new(listener, tls)?.tap_io(|_| {}), state, stop).await
}

async fn serve_on<L, F>(listener: TapIo<L, F>, state: AppState, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()>
where
    L: Listener<Addr = SocketAddr>,
    F: FnMut(&mut L::Io) + Send + 'static,
{
    let drain = Duration::from_secs(state.config().http.drain_s);
    let stopping = Arc::new(Notify::new());
    let told = Arc::clone(&stopping);
    let draining = state.clone();
    let working = [
        tokio::spawn(deliver(state.clone())),
        tokio::spawn(ring_clocks(state.clone())),
        tokio::spawn(hear_others(state.clone())),
        tokio::spawn(keep_assigned(state.clone())),
        tokio::spawn(erase_old_positions(state.clone())),
        tokio::spawn(forget_old(state.clone())),
    ];
    let stop = async move {
        stop.await;
        draining.start_draining();
        told.notify_one();
    };
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let served = tokio::select! {
        result = axum::serve(listener, service).with_graceful_shutdown(stop).into_future() => result,
        () = async { stopping.notified().await; tokio::time::sleep(drain).await } => {
            tracing::warn!(drain_s = drain.as_secs(), "requests that were still under way have been cut off");
            Ok(())
        }
    };
    working.iter().for_each(tokio::task::JoinHandle::abort);
    served
}
