//! Hears of writes as they are committed. A standby cannot listen, and calls get lost with connections, so who follows also asks.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{AsyncMessage, Config, NoTls, Socket};

use super::address::Address;

/// The channel on which a write calls those who follow. It is one for all schemas of a database: who hears asks anyway.
pub(super) const CHANNEL: &str = "gridkeeper";

/// The channel on which a write of cases calls: apart from the other, as it calls so often.
pub(super) const CASES_CHANNEL: &str = "gridkeeper_cases";

/// How long after a lost connection the next is tried; meanwhile asking finds what is written.
const RETRY: Duration = Duration::from_secs(2);

/// Wakes those who wait for a write.
#[derive(Debug)]
pub(super) struct Listener {
    heard: Arc<Notify>,
    heard_cases: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
}

impl Listener {
    /// Starts to listen on a connection of its own, which is made again whenever it is lost.
    pub(super) fn start(runtime: &tokio::runtime::Runtime, address: &Address) -> Self {
        let (heard, heard_cases) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (config, tls) = (address.config.clone(), address.tls.clone());
        let calls = [Arc::clone(&heard), Arc::clone(&heard_cases)];
        let task = runtime.spawn(async move {
            loop {
                let lost = match tls.as_ref().map(super::address::Tls::connector) {
                    None => listen(&config, NoTls, &calls).await,
                    Some(Ok(connector)) => listen(&config, connector, &calls).await,
                    Some(Err(_)) => return,
                };
                let reason = lost.map_or_else(|| "the connection was closed".to_owned(), |error| error.to_string());
                tracing::debug!(reason, "not listening for writes; the store is asked instead");
                tokio::time::sleep(RETRY).await;
            }
        });
        Self { heard, heard_cases, task }
    }

    /// Waits for a call, at most for `patience`.
    pub(super) async fn wait(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.heard.notified()).await;
    }

    /// Waits for a write of cases, at most for `patience`.
    pub(super) async fn wait_for_cases(&self, patience: Duration) {
        let _ = tokio::time::timeout(patience, self.heard_cases.notified()).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Listens until the connection is lost, and returns why, where that is known.
async fn listen<T>(config: &Config, tls: T, [calls, case_calls]: &[Arc<Notify>; 2]) -> Option<tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, mut connection) = match config.connect(tls).await {
        Ok(connected) => connected,
        Err(error) => return Some(error),
    };
    let ask = async {
        let listening = client.batch_execute(&format!("LISTEN {CHANNEL}; LISTEN {CASES_CHANNEL}")).await;
        if let Err(error) = listening {
            return Some(error);
        }
        // What was written before the first LISTEN was not called out.
        calls.notify_one();
        case_calls.notify_one();
        std::future::pending().await
    };
    let hear = async {
        loop {
            match std::future::poll_fn(|context| connection.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(call))) if call.channel() == CASES_CHANNEL => case_calls.notify_one(),
                Some(Ok(AsyncMessage::Notification(_))) => calls.notify_one(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(error),
                None => return None,
            }
        }
    };
    tokio::select! {
        error = ask => error,
        lost = hear => lost,
    }
}
