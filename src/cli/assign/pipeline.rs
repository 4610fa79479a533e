//! Blocks of rows, worked on by all cores at once and written in the order in which they were read.

use std::panic::resume_unwind;
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Blocks that are read and not yet written, for each worker: one under work, one that waits for its turn.
const BLOCKS_AHEAD: usize = 2;
/// Most workers. Reading and writing, which are done one block at a time, bind sooner.
const WORKERS_MAX: usize = 64;

type Slot<R> = Receiver<anyhow::Result<R>>;

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
    mut write: impl FnMut(&mut R) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
    let (order, slots) = mpsc::sync_channel(workers * BLOCKS_AHEAD);
    let (source, spent) = (Mutex::new(Some(read)), Mutex::new(Vec::new()));
    let worker = |order: SyncSender<Slot<R>>| {
        let mut block = B::default();
        while let Some((slot, outcome)) = next(&source, &order, &mut block) {
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
            for slot in slots {
                // A worker that panics takes its slot with it; the panic is passed on below.
                let Ok(result) = slot.recv() else { break };
                let mut result = result?;
                write(&mut result)?;
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
    block: &mut B,
) -> Option<(SyncSender<anyhow::Result<R>>, anyhow::Result<()>)> {
    let mut source = lock(source);
    let outcome = source.as_mut()?(block);
    if !matches!(outcome, Ok(true)) {
        *source = None;
    }
    let outcome = match outcome {
        Ok(false) => return None,
        Ok(true) => Ok(()),
        Err(error) => Err(error),
    };
    let (slot, waiting) = mpsc::sync_channel(1);
    if order.send(waiting).is_err() {
        *source = None;
        return None;
    }
    Some((slot, outcome))
}

/// A panic elsewhere is passed on when its thread is joined; what it left behind is not looked at again.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
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
