use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::api::caller::Caller;
use crate::api::cases::find_case;
use crate::api::problem::{Problem, ProblemKind};
use crate::api::state::AppState;
use crate::dispatch::photo::Picture;
use crate::dispatch::workflow::with_photo;
use crate::dispatch::{CaseId, Photo, PhotoId};
use crate::store::{CaseRecord, CaseWrite, CaseWritten, NewEvent, PhotoFile};

/// How often a photo is added anew where others have moved the case meanwhile. Each time somebody got on.
const ATTEMPTS_MAX: usize = 8;

/// What became of a photo.
#[derive(Debug)]
pub enum Kept {
    Added(Photo),
    /// The case had it already.
    Known(Photo),
}

/// Makes a photo of a case from a picture.
pub fn file_of(picture: Picture, case: CaseId, caller: &Caller, at: Timestamp) -> PhotoFile {
    let Picture { media, width, height, bytes } = picture;
    let photo = Photo {
        id: PhotoId(Uuid::now_v7()),
        case,
        at,
        author: caller.author(),
        role: caller.role(),
        media,
        width,
        height,
        byte_count: bytes.len() as u64,
        sha256: Sha256::digest(&bytes).into(),
        erased_at: None,
    };
    PhotoFile { photo, bytes }
}

/// Adds a photo to a case that the caller may see, and returns when it is durable. The same bytes on the same case are the same photo.
///
/// # Errors
/// 404 where there is no such case, 409 where it has no history, 422 where it has as many photos as it may, or had this one and it was
/// taken away.
pub async fn keep_photo(state: &AppState, caller: &Caller, record: CaseRecord, picture: Picture) -> Result<Kept, Problem> {
    let id = record.case.id;
    let file = file_of(picture, id, caller, Timestamp::now());
    let mut record = record;
    for _ in 0..ATTEMPTS_MAX {
        let Some(folded) = record.state() else {
            return Err(Problem::new(ProblemKind::InvalidMove, "the case is a mere record, which has no history").allowing(Vec::new()));
        };
        // Read behind the history: a photo that came in between makes the event come too late, and all is looked at again.
        let photos = state.with_store(move |store| store.load_photos(id)).await?;
        if let Some(known) = photos.iter().find(|known| known.sha256 == file.photo.sha256) {
            return match known.erased_at {
                None => Ok(Kept::Known(known.clone())),
                Some(_) => Err(Problem::new(ProblemKind::BreaksRule, "this photo was taken away from the case, and is not taken in again")),
            };
        }
        let count_max = state.config().cases.photos_per_case_max;
        if photos.iter().filter(|photo| photo.erased_at.is_none()).count() >= count_max {
            return Err(Problem::new(ProblemKind::BreaksRule, format!("a case has at most {count_max} photos; take one away first")));
        }
        let event = with_photo(&folded, file.photo.id, (&file.photo.author, file.photo.role), file.photo.at);
        let mut after = folded;
        after.apply(&event);
        let write = CaseWrite::AppendPhoto(Box::new((NewEvent { case: id, event, after }, file.clone())));
        match state.write_case(write).await? {
            CaseWritten::Appended => return Ok(Kept::Added(file.photo)),
            CaseWritten::Stale { .. } => record = find_case(state, caller, &id.to_string()).await?,
            CaseWritten::Added(_) | CaseWritten::Repeated { .. } | CaseWritten::Refused => {
                return Err(Problem::not_found(format!("there is no incident {id}")));
            }
        }
    }
    Err(Problem::new(ProblemKind::Changed, "others move the case again and again; send the photo again"))
}
