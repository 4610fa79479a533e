use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustc_hash::FxHashMap;
use tokio::sync::watch;

/// Work that is under way for anybody who asks: however many ask for the same, it is done once.
///
/// The work does not belong to who asked first: it goes on when all who wait have gone away.
#[derive(Debug)]
pub(super) struct Flights<K, T> {
    under_way: Mutex<FxHashMap<K, watch::Receiver<Option<T>>>>,
    count_max: usize,
}

/// Why somebody got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// So much else is under way that this was not begun.
    Full,
    /// The work goes on, for longer than one waits.
    NotYet,
    /// The work met a bug.
    Broken,
}

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> Flights<K, T> {
    pub fn new(count_max: usize) -> Self {
        Self { under_way: Mutex::default(), count_max }
    }

    /// Waits for the work of this key, at most until `end`, and begins it where it is not under way.
    pub async fn join<F>(self: &Arc<Self>, key: &K, end: Instant, work: impl FnOnce() -> F) -> Result<T, Missed>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut told = self.board(key, work)?;
        let landed = tokio::time::timeout_at(end.into(), told.wait_for(Option::is_some)).await.map_err(|_| Missed::NotYet)?;
        landed.ok().and_then(|result| result.clone()).ok_or(Missed::Broken)
    }

    fn board<F>(self: &Arc<Self>, key: &K, work: impl FnOnce() -> F) -> Result<watch::Receiver<Option<T>>, Missed>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(told) = under_way.get(key) {
            return Ok(told.clone());
        }
        if under_way.len() >= self.count_max {
            return Err(Missed::Full);
        }
        let (tell, told) = watch::channel(None);
        under_way.insert(key.clone(), told.clone());
        let landing = Landing { flights: Arc::clone(self), key: key.clone() };
        let work = work();
        tokio::spawn(async move {
            // Dropped at the end, also where the work panics.
            let _landing = landing;
            tell.send_replace(Some(work.await));
        });
        Ok(told)
    }
}

struct Landing<K: Eq + Hash, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
}

impl<K: Eq + Hash, T> Drop for Landing<K, T> {
    fn drop(&mut self) {
        self.flights.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::Semaphore;

    use super::*;

    fn long() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test]
    async fn however_many_ask_the_work_is_done_once() {
        let flights = Arc::new(Flights::<u8, usize>::new(1));
        let (gate, count) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let ask = || {
            let (flights, gate, count) = (Arc::clone(&flights), Arc::clone(&gate), Arc::clone(&count));
            tokio::spawn(async move {
                let work = || async move {
                    let _passed = gate.acquire().await.unwrap();
                    count.fetch_add(1, Ordering::SeqCst) + 1
                };
                flights.join(&1, long(), work).await
            })
        };
        let asked: Vec<_> = (0..50).map(|_| ask()).collect();
        tokio::task::yield_now().await;
        // There is no room for a second, and who has no patience goes on alone.
        assert_eq!(flights.join(&2, long(), || async { 0 }).await, Err(Missed::Full));
        assert_eq!(flights.join(&1, Instant::now(), || async { 0 }).await, Err(Missed::NotYet));
        gate.add_permits(1);
        for asked in asked {
            assert_eq!(asked.await.unwrap(), Ok(1));
        }
        assert_eq!(count.load(Ordering::SeqCst), 1);
        assert_eq!(flights.join(&2, long(), || async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn a_bug_reaches_all_who_wait_and_the_next_may_try_again() {
        let flights = Arc::new(Flights::<u8, usize>::new(1));
        assert_eq!(flights.join(&1, long(), || async { panic!("a bug") }).await, Err(Missed::Broken));
        assert_eq!(flights.join(&1, long(), || async { 1 }).await, Ok(1));
    }
}
