use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;

use super::tag::DraftName;
use crate::api::caller::Caller;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::boundary::{GenerationId, LayerName};
use crate::history::{DraftError, DraftSession};
use crate::store::{Store, StoreError};

/// Drafts that are kept open; one of 100,000 units holds some 200 MB, and a city redraws one or two at a time. Another is opened in
/// the time of loading a generation.
const SESSIONS_MAX: usize = 4;

type Slot = Arc<Mutex<Option<DraftSession>>>;

/// The drafts that are open, the one used last at the end.
#[derive(Debug, Default)]
pub struct Desk {
    slots: Mutex<Vec<(DraftName, Slot)>>,
    /// The newest revision of drafts that this process knows of.
    revisions: Mutex<FxHashMap<(LayerName, GenerationId), u32>>,
}

impl Desk {
    /// Keeps a revision that a draft has, which only grows.
    pub fn learn(&self, layer: &LayerName, draft: GenerationId, revision: u32) {
        let mut revisions = self.revisions.lock().unwrap_or_else(PoisonError::into_inner);
        let known = revisions.entry((layer.clone(), draft)).or_default();
        *known = revision.max(*known);
    }

    pub fn revision_of(&self, layer: &LayerName, draft: GenerationId) -> Option<u32> {
        self.revisions.lock().unwrap_or_else(PoisonError::into_inner).get(&(layer.clone(), draft)).copied()
    }

    fn slot(&self, name: &DraftName) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let at = slots.iter().position(|(known, _)| known == name);
        let (_, slot) = at.map_or_else(|| (name.clone(), Slot::default()), |at| slots.remove(at));
        if slots.len() >= SESSIONS_MAX {
            slots.remove(0);
        }
        slots.push((name.clone(), Arc::clone(&slot)));
        slot
    }
}

/// Does something with a draft as of its newest entry, on a thread for blocking work, one caller of a draft after the other.
///
/// # Errors
/// 404 where there is none such, 422 where it cannot be edited, 503 where the store fails, and what `work` says.
pub async fn with_draft<T, F>(state: &AppState, caller: &Caller, name: &str, work: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: FnOnce(&mut DraftSession, &dyn Store) -> Result<T, Problem> + Send + 'static,
{
    let name = DraftName::parse(name)?;
    require(caller, &name.layer)?;
    let missing = || Problem::not_found(format!("there is no draft {name}; /v1/drafts lists those there are"));
    let history = state.snapshots()?[0].history(&name.layer).cloned().ok_or_else(missing)?;
    let slot = state.desk().slot(&name);
    let (layer, number) = (name.layer.clone(), name.number);
    let done = state.with_store(move |store| {
        // A panic elsewhere may have left the draft half changed.
        let mut slot = slot.lock().unwrap_or_else(|poisoned| {
            let mut slot = poisoned.into_inner();
            *slot = None;
            slot
        });
        if slot.as_ref().is_some_and(DraftSession::is_astray) {
            *slot = None;
        }
        let opened = match slot.as_mut() {
            Some(session) => session.catch_up(store),
            None => DraftSession::open(store, &history, name.number, None).and_then(|mut session| {
                session.find_foundation(store, &history)?;
                *slot = Some(session);
                Ok(())
            }),
        };
        if let Err(error) = opened {
            *slot = None;
            return Ok(Err(to_problem(&error)));
        }
        let session = slot.as_mut().expect("it was opened or was open");
        let worked = work(session, store);
        Ok(worked.map(|done| (done, session.revision())))
    });
    let (done, revision) = done.await??;
    state.desk().learn(&layer, number, revision);
    Ok(done)
}

/// Turns away who may not work on drafts of a layer.
pub fn require(caller: &Caller, layer: &LayerName) -> Result<(), Problem> {
    caller.require_planner("drafts")?;
    caller.require_reach(layer)?;
    caller.require_unlimited("a draft")
}

pub fn to_problem(error: &DraftError) -> Problem {
    match error {
        DraftError::Unknown { .. } => Problem::not_found(format!("{error}; /v1/drafts lists those there are")),
        DraftError::NoGeneration { .. } | DraftError::NothingPublished { .. } => {
            Problem::member("from", format!("{error}; /v1/generations lists those there are"))
        }
        DraftError::LoadField { .. } => Problem::member("load_field", error.to_string()),
        DraftError::Stale { .. } => Problem::new(ProblemKind::Superseded, error.to_string()),
        DraftError::Unfit { .. } | DraftError::Accepted { .. } => Problem::new(ProblemKind::EditRefused, error.to_string()),
        DraftError::Faulty { .. } => Problem::new(ProblemKind::HasProblems, error.to_string()),
        DraftError::Load(error) if error.is_lasting() => Problem::internal(error),
        DraftError::Load(error) => Problem::store_down(error),
        DraftError::Broken { .. } => Problem::internal(error),
    }
}

/// Says why a write failed.
pub fn store_problem(error: &StoreError) -> Problem {
    match error {
        StoreError::DraftChanged { .. } | StoreError::RosterChanged { .. } => Problem::new(ProblemKind::Changed, error.to_string()),
        StoreError::Superseded { .. } => Problem::new(ProblemKind::Superseded, error.to_string()),
        StoreError::CodesReused { .. } => Problem::new(ProblemKind::HasProblems, error.to_string()),
        error => Problem::store_down(error),
    }
}
