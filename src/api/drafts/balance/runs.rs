use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rustc_hash::FxHashMap;
use tokio::sync::watch;
use uuid::Uuid;

use crate::api::drafts::tag::DraftName;
use crate::plan::Progress;

/// Plans that are looked for at once, on half of the machine together, so that more would only wait for each other.
pub const RUNS_MAX: usize = 2;

/// The plans that are being looked for by this process.
#[derive(Debug, Default)]
pub struct Runs {
    running: Mutex<FxHashMap<Uuid, (DraftName, Arc<AtomicBool>)>>,
}

/// Held by whoever listens. Dropped, the looking ends.
#[derive(Debug)]
pub struct Run {
    pub id: Uuid,
    is_stopped: Arc<AtomicBool>,
}

/// Held by the work as long as it lasts, whoever listens still.
#[derive(Debug)]
pub struct Place {
    runs: Arc<Runs>,
    id: Uuid,
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
    pub fn begin(self: &Arc<Self>, draft: DraftName) -> Option<(Run, Place)> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if running.len() >= RUNS_MAX {
            return None;
        }
        let (id, is_stopped) = (Uuid::now_v7(), Arc::<AtomicBool>::default());
        running.insert(id, (draft, Arc::clone(&is_stopped)));
        Some((Run { id, is_stopped }, Place { runs: Arc::clone(self), id }))
    }

    /// Ends the looking; the best plan so far is the result. False where no such plan is looked for.
    pub fn stop(&self, draft: &DraftName, id: Uuid) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let found = running.get(&id).filter(|(of, _)| of == draft);
        found.inspect(|(_, is_stopped)| is_stopped.store(true, Ordering::Relaxed)).is_some()
    }
}

impl Place {
    /// Does work on threads of its own, so that lookups and tiles keep the others and two plans do not wait for each other.
    ///
    /// # Errors
    /// The machine starts no more threads.
    pub fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, rayon::ThreadPoolBuildError> {
        let threads = std::thread::available_parallelism().map_or(1, |count| (count.get() / 2 / RUNS_MAX).max(1));
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|at| format!("plan-{at}")).build()?;
        Ok(pool.install(work))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.runs.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
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
        let (first, place) = runs.begin(draft("1")).unwrap();
        let _second = runs.begin(draft("2")).unwrap();
        assert!(runs.begin(draft("3")).is_none(), "there are two already");
        assert!(!runs.stop(&draft("2"), first.id), "it is not of that draft");
        let (sender, _receiver) = watch::channel(Progress::default());
        let pace = first.pace(sender, None);
        assert_eq!(pace.go_on(Progress::default()), ControlFlow::Continue(()));
        assert!(runs.stop(&draft("1"), first.id));
        assert_eq!(pace.go_on(Progress::default()), ControlFlow::Break(()));
        drop(first);
        assert!(runs.begin(draft("3")).is_none(), "the work has not ended yet");
        drop(place);
        assert!(runs.begin(draft("3")).is_some());
    }

    #[test]
    fn two_plans_do_not_wait_for_each_other() {
        let runs = Arc::<Runs>::default();
        let (_, first) = runs.begin(draft("1")).unwrap();
        let (_, second) = runs.begin(draft("2")).unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            // The first ends only when the second has been done.
            scope.spawn(move || first.install(move || told.recv().unwrap()).unwrap());
            second.install(move || tell.send(()).unwrap()).unwrap();
        });
    }
}
