//! Blocks of rows, worked on by all cores at once and written in the order in which they were read.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Blocks that are read and not yet written, for each worker: one under work, one that waits for its turn.
const BLOCKS_AHEAD: usize = 2;
/// Most workers. Reading and writing, which are done one block at a time, bind sooner.
const WORKERS_MAX: usize = 64;

/// Where the result of a block will be, and what the block weighs.
type Slot<R> = (Receiver<anyhow::Result<R>>, u64);

/// Reads blocks with `read` until it says that there are no more, makes a result of each with `work` on as many threads as there are
/// cores, and hands the results to `write` on this thread in the order of the blocks. Blocks and results are used again and again, so
/// both are given as they were left.
///
/// At most [`BLOCKS_AHEAD`] blocks for each worker are held, so a slow reader of what is written slows the reading down.
///
/// # Errors
/// The first of `read` or `write`, in the order of the blocks. Results of the blocks before it have been written.
pub(super) fn run<B: Default, R: Default + Send>(
    read: impl FnMut(&mut B) -> anyhow::Result<bool> + Send,
    work: impl Fn(&mut B, &mut R) + Sync,
    write: impl FnMut(&mut R) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    run_within(u64::MAX, |_| 0, read, work, write)
}

/// Does the same for blocks of which some are far larger than others: those that are under work or not yet written weigh at most
/// `weight_max` together. A block that weighs more is worked on alone.
///
/// # Errors
/// Those of [`run`].
pub(super) fn run_within<B: Default, R: Default + Send>(
    weight_max: u64,
    weigh: impl Fn(&B) -> u64 + Sync,
    read: impl FnMut(&mut B) -> anyhow::Result<bool> + Send,
    work: impl Fn(&mut B, &mut R) + Sync,
    mut write: impl FnMut(&mut R) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let (order, slots) = mpsc::sync_channel(workers * BLOCKS_AHEAD);
    let (source, spent) = (Mutex::new(Some(read)), Mutex::new(Vec::new()));
    let held = Held { weight_max, now: Mutex::default(), changed: Condvar::new() };
    let worker = |order: SyncSender<Slot<R>>| {
        let mut block = B::default();
        while let Some((slot, outcome)) = next(&source, &order, &held, &weigh, &mut block) {
            let result = outcome.map(|()| {
                let mut result = lock(&spent).pop().unwrap_or_default();
                work(&mut block, &mut result);
                result
            });
            // Nobody waits for it where writing has failed.
            if slot.send(result).is_err() {
                break;
            }
        }
    };
    thread::scope(|scope| {
        let worker = &worker;
        let threads: Vec<_> = (0..workers)
            .map(|_| {
                let order = order.clone();
                scope.spawn(move || worker(order))
            })
            .collect();
        drop(order);
        let written = (|| {
            // Whatever ends the writing, who waits for room need not wait on.
            let _closed = Closing(&held);
            for (slot, weight) in slots {
                // A worker that panics takes its slot with it; the panic is passed on below.
                let Ok(result) = slot.recv() else { break };
                let mut result = result?;
                write(&mut result)?;
                held.give_back(weight);
                lock(&spent).push(result);
            }
            Ok(())
        })();
        for thread in threads {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        written
    })
}

/// Reads the next block and takes its place in the order; none at the end. Both happen under one lock, or blocks would change places.
fn next<B, R>(
    source: &Mutex<Option<impl FnMut(&mut B) -> anyhow::Result<bool>>>,
    order: &SyncSender<Slot<R>>,
    held: &Held,
    weigh: impl Fn(&B) -> u64,
    block: &mut B,
) -> Option<(SyncSender<anyhow::Result<R>>, anyhow::Result<()>)> {
    let mut source = lock(source);
    let outcome = source.as_mut()?(block);
    if !matches!(outcome, Ok(true)) {
        *source = None;
    }
    let (outcome, weight) = match outcome {
        Ok(false) => return None,
        Ok(true) => (Ok(()), weigh(block)),
        Err(error) => (Err(error), 0),
    };
    held.take(weight);
    let (slot, waiting) = mpsc::sync_channel(1);
    if order.send((waiting, weight)).is_err() {
        *source = None;
        return None;
    }
    Some((slot, outcome))
}

/// What the blocks weigh that are under work or not yet written.
struct Held {
    weight_max: u64,
    now: Mutex<HeldNow>,
    changed: Condvar,
}

#[derive(Default)]
struct HeldNow {
    weight: u64,
    is_closed: bool,
}

impl Held {
    /// Waits until there is room for a block.
    fn take(&self, weight: u64) {
        let is_full = |now: &mut HeldNow| !now.is_closed && now.weight > 0 && now.weight.saturating_add(weight) > self.weight_max;
        let mut now = self.changed.wait_while(lock(&self.now), is_full).unwrap_or_else(PoisonError::into_inner);
        now.weight += weight;
    }

    fn give_back(&self, weight: u64) {
        lock(&self.now).weight -= weight;
        self.changed.notify_all();
    }
}

/// Lets go on who waits for room when nothing is written any more.
struct Closing<'h>(&'h Held);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        lock(&self.0.now).is_closed = true;
        self.0.changed.notify_all();
    }
}

/// A panic elsewhere is passed on when its thread is joined; what it left behind is not looked at again.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn counter(end: u32) -> impl FnMut(&mut u32) -> anyhow::Result<bool> + Send {
        let mut next = 0;
        move |block| {
            *block = next;
            next += 1;
            Ok(*block < end)
        }
    }

    #[test]
    fn results_come_in_the_order_of_the_blocks() {
        let mut seen = Vec::new();
        let work = |block: &mut u32, result: &mut u32| {
            // Later blocks are done sooner.
            if block.is_multiple_of(7) {
                thread::yield_now();
            }
            *result = *block * 2;
        };
        run(counter(1000), work, |result| {
            seen.push(*result);
            Ok(())
        })
        .unwrap();
        assert!(seen.iter().copied().eq((0..1000).map(|block| block * 2)));
    }

    #[test]
    fn blocks_that_are_held_weigh_no_more_than_is_allowed_and_a_heavier_one_comes_alone() {
        let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
        let weigh = |block: &u32| if *block == 50 { 100 } else { u64::from(block % 4) };
        let work = |block: &mut u32, result: &mut u32| {
            let weight = now.fetch_add(weigh(block), Ordering::SeqCst) + weigh(block);
            most.fetch_max(if *block == 50 { weight - 92 } else { weight }, Ordering::SeqCst);
            *result = *block;
        };
        let mut expected = 0..100;
        run_within(8, weigh, counter(100), work, |result| {
            assert_eq!(Some(*result), expected.next());
            thread::yield_now();
            now.fetch_sub(weigh(result), Ordering::SeqCst);
            Ok(())
        })
        .unwrap();
        assert_eq!(expected.next(), None);
        assert!(most.into_inner() <= 8);
    }

    #[test]
    fn an_error_of_the_writer_ends_the_waiting_for_room() {
        let result = run_within(1, |_| 1, counter(u32::MAX), |_: &mut u32, _: &mut u32| {}, |_| anyhow::bail!("full"));
        assert_eq!(result.unwrap_err().to_string(), "full");
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_of_a_worker_ends_the_waiting_for_room() {
        let _ = run_within(1, |_| 1, counter(100), |block: &mut u32, _: &mut u32| assert!(*block < 5, "a bug"), |_| Ok(()));
    }

    #[test]
    fn an_error_of_the_reader_comes_behind_the_blocks_before_it() {
        let mut count = counter(10);
        let read = move |block: &mut u32| if count(block)? { Ok(true) } else { anyhow::bail!("torn") };
        let mut seen = 0;
        let result = run(
            read,
            |block: &mut u32, result: &mut u32| *result = *block,
            |_| {
                seen += 1;
                Ok(())
            },
        );
        assert_eq!((result.unwrap_err().to_string().as_str(), seen), ("torn", 10));
    }

    #[test]
    fn an_error_of_the_writer_ends_the_reading() {
        let result = run(counter(u32::MAX), |_: &mut u32, _: &mut u32| {}, |_| anyhow::bail!("full"));
        assert_eq!(result.unwrap_err().to_string(), "full");
    }

    #[test]
    #[should_panic(expected = "a bug")]
    fn a_panic_of_a_worker_is_passed_on() {
        let _ = run(counter(100), |block: &mut u32, _: &mut u32| assert!(*block < 5, "a bug"), |_| Ok(()));
    }
}
