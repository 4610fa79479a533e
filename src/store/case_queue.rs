//! Many who write cases share the price of making them durable: one thread takes what waits and writes it in one transaction.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::{CaseWrite, CaseWritten, Store, StoreError};

/// Takes writes of cases from anybody, and answers each when it is durable.
#[derive(Debug)]
pub struct CaseQueue {
    /// None only while it is dropped.
    sender: Option<mpsc::Sender<Waiting>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    /// Told after each transaction, so that who follows the events need not ask again and again.
    written: Arc<tokio::sync::Notify>,
}

#[derive(Debug)]
struct Waiting {
    write: CaseWrite,
    answer: oneshot::Sender<Result<CaseWritten, Arc<StoreError>>>,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum QueueError {
    #[error("more writes of cases are waiting than the queue holds")]
    Full,
    #[error("the writer of cases is gone")]
    Gone,
    #[error("the write did not become durable")]
    Store(#[source] Arc<StoreError>),
}

impl CaseQueue {
    /// Starts the writer. At most `waiting_max` writes wait, and at most `batch_max` are written together.
    pub fn start(store: Arc<dyn Store>, waiting_max: usize, batch_max: usize) -> Self {
        let (sender, receiver) = mpsc::channel(waiting_max);
        let written = Arc::new(tokio::sync::Notify::new());
        let tell = Arc::clone(&written);
        let writer = std::thread::Builder::new().name("gridkeeper-cases".into()).spawn(move || run(&*store, receiver, batch_max, &tell));
        let writer = writer.inspect_err(|error| tracing::error!(%error, "cannot start the writer of cases")).ok();
        Self { sender: Some(sender), writer: Mutex::new(writer), written }
    }

    /// Writes, and returns when it is durable.
    ///
    /// # Errors
    /// Too many wait already, or the store failed; after a failure of the store it may be there all the same, where
    /// [`StoreError::Unconfirmed`] says so.
    pub async fn write(&self, write: CaseWrite) -> Result<CaseWritten, QueueError> {
        let (answer, answered) = oneshot::channel();
        let sender = self.sender.as_ref().ok_or(QueueError::Gone)?;
        sender.try_send(Waiting { write, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => QueueError::Full,
            mpsc::error::TrySendError::Closed(_) => QueueError::Gone,
        })?;
        answered.await.map_err(|_| QueueError::Gone)?.map_err(QueueError::Store)
    }

    /// Returns what is told after each transaction of this process.
    pub fn written(&self) -> Arc<tokio::sync::Notify> {
        Arc::clone(&self.written)
    }
}

/// What waits is written before the queue is gone.
impl Drop for CaseQueue {
    fn drop(&mut self) {
        drop(self.sender.take());
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of cases met a bug");
        }
    }
}

fn run(store: &dyn Store, mut receiver: mpsc::Receiver<Waiting>, batch_max: usize, written: &tokio::sync::Notify) {
    let mut batch = Vec::new();
    // While one batch is being made durable the next one gathers; nobody is kept waiting for it to grow.
    while receiver.blocking_recv_many(&mut batch, batch_max) > 0 {
        let (writes, answers): (Vec<_>, Vec<_>) = batch.drain(..).map(|waiting: Waiting| (waiting.write, waiting.answer)).unzip();
        metrics::histogram!("gridkeeper_case_batch_writes").record(u32::try_from(writes.len()).unwrap_or(u32::MAX));
        match store.write_cases(writes) {
            Ok(outcomes) => answers.into_iter().zip(outcomes).for_each(|(answer, outcome)| drop(answer.send(Ok(outcome)))),
            Err(error) => {
                let error = Arc::new(error);
                answers.into_iter().for_each(|answer| drop(answer.send(Err(Arc::clone(&error)))));
            }
        }
        written.notify_waiters();
    }
}
