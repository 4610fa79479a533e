use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// How far a balance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps done of those that were foreseen; a repair may take more.
    pub done: usize,
    pub steps: usize,
    /// Districts outside their bounds in the communities that were looked at last.
    pub outside: usize,
}

/// Is asked now and then, from any thread, whether to go on; a break ends the work with the best plan so far.
pub type OnProgress<'a> = &'a (dyn Fn(Progress) -> ControlFlow<()> + Sync);

/// Carries questions of progress to who asked for the plan, and his answer back to all threads.
pub(super) struct Watch<'a> {
    on_progress: OnProgress<'a>,
    is_stopped: AtomicBool,
    done: AtomicUsize,
    steps: AtomicUsize,
    outside: AtomicUsize,
}

impl<'a> Watch<'a> {
    pub fn new(on_progress: OnProgress<'a>) -> Self {
        let count = || AtomicUsize::new(0);
        Self { on_progress, is_stopped: AtomicBool::new(false), done: count(), steps: count(), outside: count() }
    }

    /// Whether the work is to end.
    pub fn stops(&self) -> bool {
        if self.is_stopped.load(Ordering::Relaxed) {
            return true;
        }
        let progress = Progress {
            done: self.done.load(Ordering::Relaxed),
            steps: self.steps.load(Ordering::Relaxed),
            outside: self.outside.load(Ordering::Relaxed),
        };
        let stops = (self.on_progress)(progress).is_break();
        if stops {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
        stops
    }

    pub fn was_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    pub fn foresee(&self, steps: usize) {
        self.steps.fetch_add(steps, Ordering::Relaxed);
    }

    pub fn step(&self, outside: usize) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.outside.store(outside, Ordering::Relaxed);
    }
}
