use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;

use super::finest::Finest;

/// A raster that is there, or is being built on a thread of its own. Until it is there the tree answers, and answers the same.
#[derive(Debug)]
pub(super) struct Aside(Arc<OnceLock<Option<Finest>>>);

impl Aside {
    pub(super) fn ready(finest: Option<Finest>) -> Self {
        Self(Arc::new(OnceLock::from(finest)))
    }

    /// Begins to build. Where no thread is to be had, it is built before this returns.
    pub(super) fn begin(build: impl Fn() -> Option<Finest> + Send + Sync + 'static) -> Self {
        let place = Arc::new(OnceLock::new());
        let build = Arc::new(build);
        let run = {
            let (place, build) = (Arc::clone(&place), Arc::clone(&build));
            // Who waits would wait for good for what met a bug, which the thread has told; without it the tree goes on answering.
            move || _ = place.set(catch_unwind(AssertUnwindSafe(&*build)).unwrap_or(None))
        };
        if thread::Builder::new().name("raster".into()).spawn(run).is_err() {
            _ = place.set(build());
        }
        Self(place)
    }

    /// Returns the raster where it is there.
    pub(super) fn get(&self) -> Option<&Finest> {
        self.0.get()?.as_ref()
    }

    /// Returns the raster, and waits for it where it is being built; none where there is to be none.
    pub(super) fn wait(&self) -> Option<&Finest> {
        self.0.wait().as_ref()
    }
}
