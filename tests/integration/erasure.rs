//! Names and phones that are erased, and stay so: in the store's file, in backups made since, and after a restore of an older one.

use std::path::Path;
use std::process::Output;

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::dispatch::{Worker, WorkerId};
use gridkeeper::store::archive::read_archive;
use gridkeeper::store::transfer::TABLES;
use gridkeeper::store::{PersonRecord, RosterData};
use jiff::Timestamp;

use crate::api::process::Process;
use crate::api::service::{DISPATCHER, SECRETS, fill, middle_of};
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
    let months = folder.path().join("months");
    done(&["--store", address, "retention", "--before", "2021-01", "--to", months.to_str().unwrap()]);
    let file = std::fs::read_dir(&months).unwrap().next().unwrap().unwrap().path();
    let table = TABLES.iter().find(|table| table.name == "gk_case").unwrap();
    assert_eq!(read_archive(&file, table).unwrap().rows(), 1);
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
