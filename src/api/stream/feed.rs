use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, OnceCell, broadcast};
use tokio_util::sync::CancellationToken;

use super::item::Item;
use crate::snapshot::Live;
use crate::store::{NumberedEvent, Store, StoreError};

/// Events read from the store at once.
const PAGE: usize = 1_000;

/// Events that wait for a listener who reads slowly. One who falls further behind reads them from the store.
const WAITING_MAX: usize = 4_096;

/// Follows the events of cases for all who listen. It begins to when the first one comes.
#[derive(Debug)]
pub struct Feed {
    sender: broadcast::Sender<Arc<Item>>,
    started: OnceCell<()>,
    listeners: AtomicUsize,
    listeners_max: usize,
    end: CancellationToken,
}

/// Held while somebody listens.
#[derive(Debug)]
pub struct Listener(Arc<Feed>);

impl Drop for Listener {
    fn drop(&mut self) {
        let left = self.0.listeners.fetch_sub(1, Ordering::Relaxed) - 1;
        metrics::gauge!("gridkeeper_stream_listeners").set(u32::try_from(left).unwrap_or(u32::MAX));
    }
}

impl Feed {
    pub fn new(listeners_max: usize) -> Self {
        let (sender, _) = broadcast::channel(WAITING_MAX);
        Self { sender, started: OnceCell::new(), listeners: AtomicUsize::new(0), listeners_max, end: CancellationToken::new() }
    }

    /// Lets one more listen; none where there are too many.
    pub fn enter(self: &Arc<Self>) -> Option<Listener> {
        let enter = |count: usize| (count < self.listeners_max).then_some(count + 1);
        let entered = self.listeners.fetch_update(Ordering::Relaxed, Ordering::Relaxed, enter).ok()?;
        metrics::gauge!("gridkeeper_stream_listeners").set(u32::try_from(entered + 1).unwrap_or(u32::MAX));
        Some(Listener(Arc::clone(self)))
    }

    /// Returns what comes from now on.
    pub async fn subscribe(
        &self,
        store: &Arc<dyn Store>,
        live: &Arc<Live>,
        written: Arc<Notify>,
        poll: Duration,
    ) -> broadcast::Receiver<Arc<Item>> {
        let receiver = self.sender.subscribe();
        let start = || async {
            // From before the first listener asked where it is, so that nothing lies between.
            let newest = read(store, |store| store.newest_happening()).await;
            let (store, live) = (Arc::clone(store), Arc::clone(live));
            let (sender, end) = (self.sender.clone(), self.end.clone());
            tokio::spawn(async move {
                tokio::select! {
                    () = follow(store, live, sender, written, poll, newest) => {}
                    () = end.cancelled() => {}
                }
            });
        };
        self.started.get_or_init(start).await;
        receiver
    }

    /// Ends all streams: the service is going away.
    pub fn end(&self) {
        self.end.cancel();
    }

    pub fn ended(&self) -> CancellationToken {
        self.end.clone()
    }
}

/// Reads what is new whenever something was written here, and every `poll` beside, for what others write.
async fn follow(
    store: Arc<dyn Store>,
    live: Arc<Live>,
    sender: broadcast::Sender<Arc<Item>>,
    written: Arc<Notify>,
    poll: Duration,
    newest: Result<u64, StoreError>,
) {
    let mut last = newest.ok();
    loop {
        // Asked for before reading, so that what is written meanwhile is not missed.
        let next = written.notified();
        let mut is_whole = false;
        match last {
            None => last = read(&store, |store| store.newest_happening()).await.ok(),
            Some(after) => match read(&store, move |store| store.load_case_events(after, PAGE)).await {
                Ok(events) => {
                    is_whole = events.len() == PAGE;
                    last = Some(events.last().map_or(after, |event| event.number));
                    let snapshot = live.load();
                    // Without a listener nobody takes them.
                    events.into_iter().for_each(|event| drop(sender.send(Arc::new(Item::new(event, snapshot.as_deref())))));
                }
                Err(error) => tracing::warn!(%error, "cannot follow the events of cases; trying again"),
            },
        }
        if !is_whole {
            let _ = tokio::time::timeout(poll, next).await;
        }
    }
}

/// Reads what a listener has missed, page by page.
pub async fn read_missed(store: &Arc<dyn Store>, after: u64) -> Result<Vec<NumberedEvent>, StoreError> {
    read(store, move |store| store.load_case_events(after, PAGE)).await
}

pub async fn read<T: Send + 'static>(
    store: &Arc<dyn Store>,
    work: impl FnOnce(&dyn Store) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let store = Arc::clone(store);
    let joined = tokio::task::spawn_blocking(move || work(&*store)).await;
    joined.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}
