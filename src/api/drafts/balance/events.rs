use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::routes::DraftBalance;
use super::runs::Run;
use crate::api::problem::Problem;
use crate::api::wire::ForecastView;
use crate::plan::Progress;

/// How often at most it is told how far a plan is: as often as somebody who looks at it can see.
const PAUSE: Duration = Duration::from_millis(100);

/// How long nothing is said at most, where nothing has changed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long somebody may read nothing who listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// Messages that wait in a connection.
const WAITING_MAX: usize = 4;

/// What a stream begins with.
#[derive(Debug, Serialize)]
pub struct Told {
    pub run: Uuid,
    pub draft: String,
    #[serde(flatten)]
    pub forecast: ForecastView,
}

/// Tells how a plan comes about, until it is there or its listener has gone.
pub fn stream(
    told: Told,
    run: Run,
    mut progress: watch::Receiver<Progress>,
    mut done: oneshot::Receiver<Result<DraftBalance, Problem>>,
    ended: CancellationToken,
) -> Response {
    let (sender, receiver) = mpsc::channel::<Bytes>(WAITING_MAX);
    tokio::spawn(async move {
        // Dropped with this task, whereupon the work ends.
        let _run = run;
        let work = async {
            send(&sender, message("started", &told)).await?;
            loop {
                tokio::select! {
                    biased;
                    found = &mut done => {
                        let last = match found {
                            Ok(Ok(found)) => message("result", &found),
                            Ok(Err(problem)) => message("failed", &describe(&problem)),
                            Err(error) => message("failed", &describe(&Problem::internal(&error))),
                        };
                        return send(&sender, last).await;
                    }
                    changed = tokio::time::timeout(HEARTBEAT, progress.changed()) => match changed {
                        Ok(Ok(())) => {
                            let Progress { done, steps, outside } = *progress.borrow_and_update();
                            // A repair takes more steps than were foreseen.
                            let steps = steps.max(done);
                            send(&sender, message("progress", &json!({ "done": done, "steps": steps, "outside": outside }))).await?;
                            tokio::time::sleep(PAUSE).await;
                        }
                        // The work is done and its result on the way.
                        Ok(Err(_)) => tokio::time::sleep(Duration::from_millis(1)).await,
                        Err(_) => send(&sender, Bytes::from_static(b":\n\n")).await?,
                    },
                }
            }
        };
        tokio::select! {
            _ = work => {}
            () = sender.closed() => {}
            () = ended.cancelled() => {}
        }
    });
    let body = Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, Infallible>));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Some proxies keep an answer back until it has grown.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, body).into_response()
}

/// Hands a message on; none where the listener has left, or reads nothing.
async fn send(sender: &mpsc::Sender<Bytes>, message: Bytes) -> Option<()> {
    tokio::time::timeout(PATIENCE, sender.send(message)).await.ok()?.ok()
}

fn message(name: &str, data: &impl Serialize) -> Bytes {
    // JSON on one line has no line ends of its own.
    let data = serde_json::to_string(data).unwrap_or_else(|_| "{}".into());
    Bytes::from(format!("event: {name}\ndata: {data}\n\n"))
}

fn describe(problem: &Problem) -> Value {
    json!({ "type": problem.kind.name().map(|name| format!("urn:gridkeeper:problem:{name}")), "status": problem.kind.status().as_u16(), "detail": problem.detail })
}
