use jiff::Timestamp;

use super::definition::{ActionName, Effect};
use super::event::{CaseEvent, Facts};
use super::state::CaseState;
use crate::dispatch::{PhotoId, Role};

/// Returns the next event of a case, by which a photo was added. It moves nothing, and so is open in any state, also of a case that has
/// ended.
pub fn with_photo(case: &CaseState, photo: PhotoId, (author, role): (&str, Role), at: Timestamp) -> CaseEvent {
    let effect = Effect::Photo;
    CaseEvent {
        seq: case.version + 1,
        at: at.max(case.changed_at),
        author: author.to_owned(),
        role,
        action: ActionName(effect.as_str().into()),
        effect,
        state: case.name.clone(),
        is_end: case.is_end,
        facts: Facts { photo: Some(photo), ..Facts::default() },
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::dispatch::workflow::StateName;

    #[test]
    fn a_photo_is_for_all_only_when_somebody_has_looked_at_it() {
        let first = CaseEvent {
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            author: "a".into(),
            role: Role::Worker,
            action: ActionName("report".into()),
            effect: Effect::Report,
            state: StateName("open".into()),
            is_end: false,
            facts: Facts::default(),
        };
        let mut case = CaseState::fold([&first]).unwrap();
        let [early, late] = [1, 2].map(|id| PhotoId(Uuid::from_u128(id)));
        let say = |case: &mut CaseState, published: bool, photos: &[PhotoId]| {
            let facts = Facts { published: Some(published), photos: photos.to_vec(), ..Facts::default() };
            case.apply(&CaseEvent { seq: case.version + 1, effect: Effect::Moderate, facts, ..first.clone() });
        };
        let add = |case: &mut CaseState, photo| case.apply(&with_photo(case, photo, ("a", Role::Worker), Timestamp::UNIX_EPOCH));
        add(&mut case, early);
        assert_eq!(case.photos_for_all(), []);
        say(&mut case, true, &[early]);
        assert_eq!(case.photos_for_all(), [early]);
        add(&mut case, late);
        assert_eq!((case.photos_for_all(), case.photos.as_slice()), (&[early][..], &[early, late][..]), "nobody has seen the second");
        say(&mut case, true, &[early, late]);
        assert_eq!(case.photos_for_all(), [early, late]);
        say(&mut case, true, &[late]);
        assert_eq!(case.photos_for_all(), [late], "one that shows a face is taken back");
        say(&mut case, false, &[]);
        assert_eq!(case.photos_for_all(), []);
    }
}
