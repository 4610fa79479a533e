//! Names and phones that are erased, and stay so: in the store's file, in backups made since, and after a restore of an older one.

use std::path::Path;
use std::process::Output;

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::dispatch::workflow::{ActionName, CaseEvent, Effect, Facts, StateName};
use gridkeeper::dispatch::{Case, Photo, PhotoId, PhotoMedia, Reporter, Role, Worker, WorkerId};
use gridkeeper::store::archive::read_archive;
use gridkeeper::store::transfer::TABLES;
use gridkeeper::store::{CaseWrite, CaseWritten, NewCase, PersonRecord, PhotoFile, RosterData};
use jiff::Timestamp;

use crate::api::process::Process;
use crate::api::service::{DISPATCHER, SECRETS, case_at, fill, middle_of};
use crate::postgres::Scratch;
use crate::support::gridkeeper;

const LEFT: [&str; 2] = ["李离职", "13900001111"];

fn run(args: &[&str]) -> Output {
    // The keeper who has left did so in January.
    gridkeeper().args(args).env("GRIDKEEPER_PRIVACY__KEEP_DAYS", "30").output().unwrap()
}

fn done(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A district whose keeper stands on the roster, and one who has left it long ago.
fn fill_with_leaver(store: &str) {
    let store = open_store(store, OpenMode::Create).unwrap();
    let leaver = Worker { id: WorkerId("W-left".into()), name: LEFT[0].into(), phone: LEFT[1].into() };
    let roster = RosterData { workers: vec![leaver], assignments: vec![] };
    store.replace_roster(&roster, None, "test", "2020-01-01T00:00:00Z".parse().unwrap()).unwrap();
    fill(&*store);
}

fn people(store: &str) -> Vec<PersonRecord> {
    open_store(store, OpenMode::ReadOnly).unwrap().load_people().unwrap()
}

fn is_blank(store: &str, id: &str) -> bool {
    people(store).iter().find(|person| &*person.id.0 == id).unwrap().is_blank
}

fn holds(path: &Path, secret: &str) -> bool {
    let bytes = std::fs::read(path).unwrap();
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

#[test]
fn who_is_erased_is_in_no_byte_of_later_backups_and_stays_erased_after_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, older, newer, restored) = (at("store.gpkg"), at("older.gpkg"), at("newer.gpkg"), at("restored.gpkg"));
    fill_with_leaver(&store);
    done(&["--store", &store, "backup", &older]);
    assert!(holds(Path::new(&older), LEFT[0]), "the older backup has them");
    // Who stands on the roster is asked for twice, and who is not known is told.
    assert!(refused(&["--store", &store, "erase", SECRETS[0]]).contains("stands on the roster"));
    assert!(refused(&["--store", &store, "erase", "nobody"]).contains("nobody is known as nobody"));
    assert!(done(&["--store", &store, "erase", "--expired", "--dry-run"]).contains("would erase name and phone of W-left"));
    assert!(!is_blank(&store, "W-left"));
    let said = done(&["--store", &store, "erase", "--expired"]);
    assert!(said.contains("erased name and phone of W-left") && !said.contains(LEFT[0]), "{said}");
    assert!(is_blank(&store, "W-left") && !is_blank(&store, SECRETS[0]));
    done(&["--store", &store, "erase", SECRETS[0], "--anyway"]);
    assert!(refused(&["--store", &store, "erase", "W-left"]).contains("nothing personal is kept"));

    done(&["--store", &store, "backup", &newer]);
    for secret in [LEFT[0], LEFT[1], SECRETS[1], SECRETS[2]] {
        assert!(!holds(Path::new(&newer), secret), "{secret} can still be read");
    }
    let list = std::fs::read_to_string(folder.path().join("gridkeeper-erasures.ndjson")).unwrap();
    assert_eq!(list.lines().count(), 2);
    for secret in [LEFT[0], LEFT[1], SECRETS[0], SECRETS[1], SECRETS[2], "W-left"] {
        assert!(!list.contains(secret), "{list}");
    }

    let said = done(&["--store", &restored, "restore", &older]);
    assert!(said.contains("erased again: 2 people"), "{said}");
    assert!(is_blank(&restored, "W-left") && is_blank(&restored, SECRETS[0]));
    let log = open_store(&restored, OpenMode::ReadOnly).unwrap().load_audit(0, 100).unwrap();
    let erasures: Vec<_> = log.iter().filter(|entry| entry.action == "erase_person").map(|entry| entry.subject.as_str()).collect();
    assert!(erasures.len() == 2 && erasures.iter().all(|subject| subject.ends_with("again after a restore")), "{erasures:?}");
}

/// A case with a photo, which has ended in March 2020 where that is wanted; returns the id of the photo.
fn add_photo(store: &str, seed: u8, has_ended: bool) -> PhotoId {
    let store = open_store(store, OpenMode::Write).unwrap();
    let at: Timestamp = "2020-03-01T00:00:00Z".parse().unwrap();
    let case = Case { reported_at: at, ..case_at(middle_of(0, 0)) };
    let event = |seq, effect: Effect, is_end, photo| CaseEvent {
        seq,
        at,
        author: "test".into(),
        role: Role::Worker,
        action: ActionName(effect.as_str().into()),
        effect,
        state: StateName(if is_end { "closed" } else { "open" }.into()),
        is_end,
        facts: Facts { photo, ..Facts::default() },
    };
    let bytes = picture(seed);
    let photo = Photo {
        id: PhotoId(uuid::Uuid::now_v7()),
        case: case.id,
        at,
        author: "test".into(),
        role: Role::Worker,
        media: PhotoMedia::Jpeg,
        width: 4,
        height: 3,
        byte_count: bytes.len() as u64,
        sha256: [seed; 32],
        erased_at: None,
    };
    let id = photo.id;
    let mut events = vec![event(1, Effect::Report, false, None), event(2, Effect::Photo, false, Some(id))];
    if has_ended {
        events.push(event(3, Effect::Close, true, None));
    }
    let photos = vec![PhotoFile { photo, bytes }];
    let new = NewCase { case, events, photos, reporter: Reporter::default(), token: None, near: None, border_m: None };
    let written = store.write_cases(vec![CaseWrite::Add(Box::new(new))]).unwrap();
    assert!(matches!(&written[..], [CaseWritten::Added(_)]), "{written:?}");
    id
}

/// Bytes that stand nowhere else.
fn picture(seed: u8) -> Vec<u8> {
    format!("picture of somebody {seed} ").repeat(500).into_bytes()
}

fn has_photo(store: &str, id: PhotoId) -> bool {
    open_store(store, OpenMode::ReadOnly).unwrap().find_photo(id).unwrap().is_some()
}

#[test]
fn photos_are_erased_on_request_and_after_their_time_and_stay_erased_after_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, older, newer, restored) = (at("store.gpkg"), at("older.gpkg"), at("newer.gpkg"), at("restored.gpkg"));
    fill(&*open_store(&store, OpenMode::Create).unwrap());
    let [wanted, asked, old] = [(1, false), (2, false), (3, true)].map(|(seed, has_ended)| add_photo(&store, seed, has_ended));
    done(&["--store", &store, "backup", &older]);
    assert!(done(&["--store", &store, "erase", &format!("photo {asked}")]).contains(&format!("erased photo {asked}")));
    assert!(done(&["--store", &store, "erase", "--expired"]).contains(&format!("erased photo {old}, whose case ended")));
    assert!(refused(&["--store", &store, "erase", &format!("photo {old}")]).contains("nothing personal is kept"));
    assert_eq!([wanted, asked, old].map(|id| has_photo(&store, id)), [true, false, false]);
    done(&["--store", &store, "backup", &newer]);
    for (file, kept) in [(&older, [true, true, true]), (&newer, [true, false, false])] {
        assert_eq!([1, 2, 3].map(|seed| holds(Path::new(file), &format!("picture of somebody {seed} "))), kept, "{file}");
    }
    assert!(done(&["--store", &restored, "restore", &older]).contains("erased again: 2 people and photos"));
    assert_eq!([wanted, asked, old].map(|id| has_photo(&restored, id)), [true, false, false]);
}

#[test]
fn a_photo_that_the_service_takes_away_stays_away_after_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, older, restored) = (at("store.gpkg"), at("older.gpkg"), at("restored.gpkg"));
    fill(&*open_store(&store, OpenMode::Create).unwrap());
    let photo = add_photo(&store, 1, false);
    done(&["--store", &store, "backup", &older]);
    let case = open_store(&store, OpenMode::ReadOnly).unwrap().find_photo(photo).unwrap().unwrap().photo.case;
    let process = Process::start_logging(&store, "info");
    let client = process.wait_until_ready();
    let path = format!("http://{}/v1/incidents/{case}/photos/{photo}", process.address());
    assert_eq!(client.delete(path).bearer_auth(DISPATCHER).send().unwrap().status(), 204);
    process.signal("TERM");
    process.rest_of_logs();
    assert!(done(&["--store", &restored, "restore", &older]).contains("erased again: 1 people"));
    assert!(!has_photo(&restored, photo) && !has_photo(&store, photo));
}

#[test]
fn who_came_back_after_an_erasure_is_not_erased_by_a_restore() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, backup, restored) = (at("store.gpkg"), at("backup.gpkg"), at("restored.gpkg"));
    fill_with_leaver(&store);
    done(&["--store", &store, "erase", "W-left"]);
    let back = Worker { id: WorkerId("W-left".into()), name: LEFT[0].into(), phone: LEFT[1].into() };
    let roster = RosterData { workers: vec![back], assignments: vec![] };
    open_store(&store, OpenMode::Write).unwrap().replace_roster(&roster, None, "test", Timestamp::now()).unwrap();
    done(&["--store", &store, "backup", &backup]);
    assert!(done(&["--store", &restored, "restore", &backup]).contains("erased again: 0 people"));
    assert!(!is_blank(&restored, "W-left"));
}

#[test]
fn a_restore_without_a_list_of_erasures_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (store, backup, restored) = (at("store.gpkg"), at("backup.gpkg"), at("restored.gpkg"));
    fill_with_leaver(&store);
    done(&["--store", &store, "backup", &backup]);
    let output = run(&["--store", &restored, "restore", &backup]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no list of erasures"));
}

#[test]
fn a_database_is_erased_and_its_old_months_name_nobody() {
    let Some(database) = Scratch::create() else { return };
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list.ndjson");
    let address = database.address();
    fill_with_leaver(address);
    let store = open_store(address, OpenMode::Write).unwrap();
    let mut case = crate::api::service::case_at(middle_of(0, 0));
    case.reported_at = "2020-03-01T00:00:00Z".parse().unwrap();
    store.add_cases(&[case], "test", Timestamp::now()).unwrap();
    drop(store);
    let photo = add_photo(address, 1, true);
    let months = folder.path().join("months");
    done(&["--store", address, "retention", "--before", "2021-01", "--to", months.to_str().unwrap()]);
    let file = months.join("gk_case-2020-03.parquet");
    let table = TABLES.iter().find(|table| table.name == "gk_case").unwrap();
    assert_eq!(read_archive(&file, table).unwrap().rows(), 2);
    // Photos are in no file, and end with their month.
    assert!(!has_photo(address, photo));
    for file in std::fs::read_dir(&months).unwrap() {
        assert!(!holds(&file.unwrap().path(), "picture of somebody"));
    }
    // Columns of persons are keys alone, whatever the compression hides.
    let personal = ["name", "phone", "email", "worker_id"];
    assert!(table.columns.iter().all(|column| !personal.contains(&column.name)), "{table:?}");
    let config = folder.path().join("settings.toml");
    std::fs::write(&config, format!("[privacy]\nerasures = {list:?}\n")).unwrap();
    let said = done(&["--store", address, "--config", config.to_str().unwrap(), "erase", "--expired"]);
    assert!(said.contains("W-left") && list.exists(), "{said}");
    assert!(is_blank(address, "W-left"));
}

#[test]
fn no_log_names_anybody() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.gpkg").to_str().unwrap().to_owned();
    fill(&*open_store(&store, OpenMode::Create).unwrap());
    let process = Process::start_logging(&store, "debug");
    let client = process.wait_until_ready();
    let (lon, lat) = middle_of(0, 0);
    for path in [format!("/v1/locate?lon={lon}&lat={lat}"), "/collections/incidents/items".into(), format!("/v1/{}", SECRETS[1])] {
        client.get(format!("http://{}{path}", process.address())).bearer_auth(DISPATCHER).send().unwrap();
    }
    done(&["--store", &store, "erase", SECRETS[0], "--anyway"]);
    process.signal("TERM");
    let logs = process.rest_of_logs();
    assert!(logs.iter().any(|line| line.contains("answered")), "{logs:#?}");
    for secret in [SECRETS[0], SECRETS[1], SECRETS[2], DISPATCHER] {
        assert!(!logs.iter().any(|line| line.contains(secret)), "{secret}: {logs:#?}");
    }
}
