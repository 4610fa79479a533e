use jiff::Timestamp;
use uuid::Uuid;

use crate::api::caller::Caller;
use crate::api::cases::{is_for_all, require_cases, sees_case};
use crate::api::problem::Problem;
use crate::api::state::AppState;
use crate::dispatch::workflow::CaseState;
use crate::dispatch::{CaseId, PhotoId};
use crate::store::CaseRecord;

/// Which photos of a case a caller may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    All,
    /// Those that somebody has looked at who said that the case may be shown to all.
    ForAll,
}

impl Sight {
    pub fn sees(self, case: &CaseState, photo: PhotoId) -> bool {
        match self {
            Self::All => case.photos.contains(&photo),
            Self::ForAll => case.photos_for_all().contains(&photo),
        }
    }
}

/// Finds a case, and says how much of it the caller may see.
///
/// # Errors
/// Of a case that is not shown to all, and likewise where there is none: 401 without a key, 403 with one that does not reach, 404 with
/// any other.
pub async fn find(state: &AppState, caller: &Caller, id: &str) -> Result<(CaseRecord, Sight), Problem> {
    let found = match Uuid::try_parse(id) {
        Ok(id) => state.with_store(move |store| store.find_case_record(CaseId(id))).await?,
        Err(_) => None,
    };
    if let Some(record) = found {
        if sees_case(state, caller, &record)? {
            return Ok((record, Sight::All));
        }
        let is_published = record.state().is_some_and(|state| state.is_published);
        if is_for_all(&*state.snapshot()?, &record.case, is_published, Timestamp::now()) {
            return Ok((record, Sight::ForAll));
        }
    }
    require_cases(caller)?;
    Err(Problem::not_found(format!("there is no incident {id}")))
}
