//! Photos of cases, and what erasing them leaves.

use uuid::Uuid;

use super::Place;
use super::lives::{add, event, new, next};
use super::samples::day;
use crate::dispatch::workflow::{Effect, with_photo};
use crate::dispatch::{CaseId, Photo, PhotoId, PhotoMedia, Reporter, Role, WorkerId};
use crate::store::records::ErasureReason;
use crate::store::{CaseWrite, CaseWritten, NewCase, NewEvent, PhotoFile, Store};

fn photo(id: u128, case: u128) -> PhotoFile {
    let bytes: Vec<u8> = (0..=255).chain(id.to_be_bytes()).collect();
    let photo = Photo {
        id: PhotoId(Uuid::from_u128(id)),
        case: CaseId(Uuid::from_u128(case)),
        at: day(3),
        author: "网格员 \"a\"\0".into(),
        role: Role::Worker,
        media: PhotoMedia::Webp,
        width: 4_000,
        height: 3_000,
        byte_count: bytes.len() as u64,
        sha256: [u8::try_from(id).unwrap(); 32],
        erased_at: None,
    };
    PhotoFile { photo, bytes }
}

/// Adds a photo to a case that is there.
fn append(store: &dyn Store, file: &PhotoFile) -> CaseWrite {
    let record = store.find_case_record(file.photo.case).unwrap().unwrap();
    let mut after = record.state().unwrap();
    let event = with_photo(&after, file.photo.id, (&file.photo.author, file.photo.role), file.photo.at);
    after.apply(&event);
    CaseWrite::AppendPhoto(Box::new((NewEvent { case: record.case.id, event, after }, file.clone())))
}

/// Takes in a case with two photos, and returns them.
pub(in crate::store) fn write_photos(store: &dyn Store) -> [PhotoFile; 2] {
    store.write_cases(vec![add(new(1, 111.0, None))]).unwrap();
    let photos = [photo(11, 1), photo(12, 1)];
    for file in &photos {
        assert_eq!(store.write_cases(vec![append(store, file)]).unwrap(), [CaseWritten::Appended]);
    }
    photos
}

/// Makes the photo what erasing leaves of it.
fn erased(file: &PhotoFile, at: i8) -> Photo {
    Photo { byte_count: 0, erased_at: Some(day(at)), ..file.photo.clone() }
}

pub fn a_photo_is_there_when_its_event_is(place: &Place) {
    let store = place();
    let mut with = new(1, 111.0, None);
    let first = photo(11, 1);
    let reported = crate::dispatch::workflow::CaseState::fold(&with.events).unwrap();
    with.events.push(with_photo(&reported, first.photo.id, ("a", Role::Worker), day(3)));
    with.photos.push(first.clone());
    let written = store.write_cases(vec![add(with), add(new(2, 112.0, None))]).unwrap();
    assert!(matches!(&written[..], [CaseWritten::Added(_), CaseWritten::Added(_)]), "{written:?}");
    // Of two on one version the second is told, and its photo is not kept.
    let (second, late) = (photo(12, 1), photo(13, 1));
    let writes = vec![append(&*store, &second), append(&*store, &late)];
    assert_eq!(store.write_cases(writes).unwrap(), [CaseWritten::Appended, CaseWritten::Stale { version: 3 }]);
    let store = place();
    let case = |id| CaseId(Uuid::from_u128(id));
    assert_eq!(store.load_photos(case(1)).unwrap(), [first.photo.clone(), second.photo.clone()]);
    assert_eq!(store.load_photos(case(2)).unwrap(), []);
    assert_eq!(store.find_photo(first.photo.id).unwrap().as_ref(), Some(&first), "bit for bit");
    assert_eq!(store.find_photo(late.photo.id).unwrap(), None);
    let state = store.find_case_record(case(1)).unwrap().unwrap().state().unwrap();
    assert_eq!((state.version, state.photos), (3, vec![first.photo.id, second.photo.id]));
    let mut kept = store.find_kept_photos(&[second.photo.id, late.photo.id, first.photo.id]).unwrap();
    kept.sort_unstable();
    assert_eq!(kept, [first.photo.id, second.photo.id]);
    assert_eq!(store.find_kept_photos(&[]).unwrap(), []);
}

pub fn a_photo_that_is_erased_leaves_its_row_alone(place: &Place) {
    let store = place();
    let reporter = Reporter { name: "王某".into(), ..Reporter::default() };
    store.write_cases(vec![add(NewCase { reporter, ..new(1, 111.0, None) }), add(new(2, 112.0, None))]).unwrap();
    let [one, other, elsewhere] = [photo(11, 1), photo(12, 1), photo(13, 2)];
    for file in [&one, &other, &elsewhere] {
        assert_eq!(store.write_cases(vec![append(&*store, file)]).unwrap(), [CaseWritten::Appended]);
    }
    assert_eq!(
        store.write_cases(vec![next(&*store, 2, event(3, Effect::Close, "closed", true, day(5)))]).unwrap(),
        [CaseWritten::Appended]
    );
    // They stand with the people, and leave when their case has ended.
    let of_photo = |file: &PhotoFile| {
        let people = store.load_people().unwrap();
        people.into_iter().find(|person| person.id == PhotoFile::person(file.photo.id)).map(|person| (person.is_blank, person.left_at))
    };
    assert_eq!((of_photo(&one), of_photo(&elsewhere)), (Some((false, None)), Some((false, Some(day(5))))));
    let people: Vec<_> = store.load_people().unwrap().into_iter().map(|person| person.id).collect();
    assert!(people.is_sorted(), "{people:?}");
    let erase = |id: &WorkerId, at| store.erase_person(id, ErasureReason::Request, "officer", day(at)).unwrap();
    assert!(erase(&PhotoFile::person(elsewhere.photo.id), 6));
    assert!(!erase(&PhotoFile::person(elsewhere.photo.id), 7), "once is enough");
    assert!(!erase(&PhotoFile::person(PhotoId(Uuid::from_u128(99))), 7));
    assert_eq!(store.find_photo(elsewhere.photo.id).unwrap(), None);
    assert_eq!(store.load_photos(elsewhere.photo.case).unwrap(), [erased(&elsewhere, 6)]);
    assert_eq!(of_photo(&elsewhere), Some((true, Some(day(5)))));
    // Who reported a case goes with its photos.
    assert!(erase(&WorkerId(format!("reporter {}", one.photo.case).into()), 8));
    assert_eq!(store.load_photos(one.photo.case).unwrap(), [erased(&one, 8), erased(&other, 8)]);
    assert_eq!(store.find_kept_photos(&[one.photo.id, other.photo.id, elsewhere.photo.id]).unwrap(), []);
    let log = store.load_audit(0, 100).unwrap();
    let told: Vec<_> = log.iter().filter(|entry| entry.action == "erase_photo").map(|entry| entry.subject.as_str()).collect();
    let subject = |file: &PhotoFile| format!("photo {} of case {}, on request", file.photo.id, file.photo.case);
    assert_eq!(told, [subject(&elsewhere), subject(&one), subject(&other)]);
}
