use std::time::Duration;

use axum::body::Bytes;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::routes::DraftBalance;
use super::runs::Run;
use crate::api::events;
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
                            Ok(Err(problem)) => failed(&problem, &told.draft),
                            Err(error) => failed(&Problem::internal(&error), &told.draft),
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
                        Err(_) => send(&sender, events::HEARTBEAT).await?,
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
    events::respond(receiver)
}

/// Hands a message on; none where the listener has left, or reads nothing.
async fn send(sender: &mpsc::Sender<Bytes>, message: Bytes) -> Option<()> {
    tokio::time::timeout(PATIENCE, sender.send(message)).await.ok()?.ok()
}

/// Tells a problem as every answer does.
fn failed(problem: &Problem, draft: &str) -> Bytes {
    let json = problem.to_json(&format!("/v1/drafts/{draft}/balance"));
    write("failed", &String::from_utf8_lossy(&json))
}

fn message(name: &str, data: &impl Serialize) -> Bytes {
    write(name, &serde_json::to_string(data).unwrap_or_else(|_| "{}".into()))
}

/// JSON on one line has no line ends of its own.
fn write(name: &str, json: &str) -> Bytes {
    Bytes::from(format!("event: {name}\ndata: {json}\n\n"))
}
