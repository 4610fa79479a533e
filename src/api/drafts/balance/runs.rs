use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use rustc_hash::FxHashMap;
use tokio::sync::watch;
use uuid::Uuid;

use crate::api::drafts::tag::DraftName;
use crate::plan::Progress;

/// Plans that are looked for at once. Each takes half of the machine for as long as it lasts, so that more would only wait for each other.
const RUNS_MAX: usize = 2;

/// The plans that are being looked for by this process.
#[derive(Debug, Default)]
pub struct Runs {
    running: Mutex<FxHashMap<Uuid, (DraftName, Arc<AtomicBool>)>>,
    /// Threads of its own, so that lookups and tiles keep the others.
    pool: OnceLock<rayon::ThreadPool>,
}

/// A plan that is being looked for, while whoever asked for it listens. Dropped, it ends.
#[derive(Debug)]
pub struct Run {
    runs: Arc<Runs>,
    pub id: Uuid,
    is_stopped: Arc<AtomicBool>,
}

/// What the work asks now and then: how far it is, and whether to go on.
#[derive(Clone, Debug)]
pub struct Pace {
    is_stopped: Arc<AtomicBool>,
    progress: watch::Sender<Progress>,
    end: Option<Instant>,
}

impl Runs {
    /// Lets one more plan be looked for; none where there are too many.
    pub fn begin(self: &Arc<Self>, draft: DraftName) -> Option<Run> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() >= RUNS_MAX {
            return None;
        }
        let (id, is_stopped) = (Uuid::now_v7(), Arc::<AtomicBool>::default());
        running.insert(id, (draft, Arc::clone(&is_stopped)));
        Some(Run { runs: Arc::clone(self), id, is_stopped })
    }

    /// Ends the looking; the best plan so far is the result. False where no such plan is looked for.
    pub fn stop(&self, draft: &DraftName, id: Uuid) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let found = running.get(&id).filter(|(of, _)| of == draft);
        found.inspect(|(_, is_stopped)| is_stopped.store(true, Ordering::Relaxed)).is_some()
    }

    /// Does work on the threads that plans have, half of those of the machine.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let pool = self.pool.get_or_init(|| {
            let threads = std::thread::available_parallelism().map_or(1, |count| count.get().div_ceil(2));
            let name = |at| format!("plan-{at}");
            rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(name).build().expect("a pool of few threads can be started")
        });
        pool.install(work)
    }
}

impl Run {
    pub fn pace(&self, progress: watch::Sender<Progress>, end: Option<Instant>) -> Pace {
        Pace { is_stopped: Arc::clone(&self.is_stopped), progress, end }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.runs.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Pace {
    pub fn go_on(&self, progress: Progress) -> ControlFlow<()> {
        self.progress.send_if_modified(|known| std::mem::replace(known, progress) != progress);
        let is_over = self.is_stopped.load(Ordering::Relaxed) || self.end.is_some_and(|end| Instant::now() >= end);
        if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(text: &str) -> DraftName {
        DraftName::parse(text).unwrap()
    }

    #[test]
    fn a_run_is_stopped_by_its_name_and_makes_room_when_it_ends() {
        let runs = Arc::<Runs>::default();
        let first = runs.begin(draft("1")).unwrap();
        let _second = runs.begin(draft("2")).unwrap();
        assert!(runs.begin(draft("3")).is_none(), "there are two already");
        assert!(!runs.stop(&draft("2"), first.id), "it is not of that draft");
        let (sender, _receiver) = watch::channel(Progress::default());
        let pace = first.pace(sender, None);
        assert_eq!(pace.go_on(Progress::default()), ControlFlow::Continue(()));
        assert!(runs.stop(&draft("1"), first.id));
        assert_eq!(pace.go_on(Progress::default()), ControlFlow::Break(()));
        drop(first);
        assert!(runs.begin(draft("3")).is_some());
    }
}
