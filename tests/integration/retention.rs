//! Old months that are taken out of a database and kept in files.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use gridkeeper::app::{OpenMode, keep, open_store, take_out_month};
use gridkeeper::boundary::Position;
use gridkeeper::dispatch::{Case, CaseId, WorkerId};
use gridkeeper::store::archive::read_archive;
use gridkeeper::store::transfer::TABLES;
use gridkeeper::store::{CaseFilter, OldMonth, PostgisStore, Store};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use uuid::Uuid;

use crate::postgres::Scratch;
use crate::support;

const BEFORE: Date = date(2025, 3, 1);

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn case(number: u128, reported_at: &str) -> Case {
    Case {
        id: CaseId(Uuid::from_u128(number)),
        position: Position::new(111.5, 26.5).unwrap(),
        given: "111.5 26.5".into(),
        category: "垃圾".into(),
        description: format!("case {number}"),
        source: "12345".into(),
        reported_at: at(reported_at),
        district: None,
        grid: None,
        generation: None,
        holder: Some(WorkerId("w-1".into())),
    }
}

/// Two cases in January, one on the last millisecond of February, one in the first of March, UTC.
fn cases() -> [Case; 4] {
    [
        case(1, "2025-01-01T00:00:00Z"),
        case(2, "2025-02-01T07:00:00+08:00"),
        case(3, "2025-02-28T23:59:59.999Z"),
        case(4, "2025-03-01T00:00:00Z"),
    ]
}

fn fill(database: &Scratch) -> PostgisStore {
    let store = PostgisStore::open_or_create(database.address()).unwrap();
    store.add_cases(&cases(), "test", at("2025-01-31T12:00:00Z")).unwrap();
    store
}

fn ids(store: &dyn Store) -> Vec<u128> {
    store.load_cases(&CaseFilter::first(100_000)).unwrap().cases.iter().map(|case| case.id.0.as_u128()).collect()
}

fn retention(address: &str, folder: &Path, more: &[&str]) -> Output {
    let mut command = support::gridkeeper();
    command.args(["--store", address, "retention", "--before", "2025-03", "--to", folder.to_str().unwrap()]).args(more);
    command.output().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn rows_of(file: &Path) -> u64 {
    let table = TABLES.iter().find(|table| table.name == "gk_case").unwrap();
    read_archive(file, table).unwrap().rows()
}

fn old_months(store: &PostgisStore) -> Vec<OldMonth> {
    store.find_old_months(BEFORE, false).unwrap()
}

#[test]
fn old_months_are_kept_in_files_and_leave_the_store() {
    let Some(database) = Scratch::create() else { return };
    let (store, parent) = (fill(&database), tempfile::tempdir().unwrap());
    let folder = parent.path().join("archive");
    let planned = retention(database.address(), &folder, &["--dry-run"]);
    assert_eq!(String::from_utf8(planned.stdout).unwrap(), "gk_case 2025-01: 2 rows\ngk_case 2025-02: 1 rows\n");
    assert_eq!((ids(&store), files(&folder)), (vec![1, 2, 3, 4], vec![]), "a dry run changes nothing");

    let done = retention(database.address(), &folder, &[]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(ids(&store), [4]);
    assert_eq!(files(&folder), ["gk_case-2025-01.parquet", "gk_case-2025-02.parquet"]);
    assert_eq!((rows_of(&folder.join("gk_case-2025-01.parquet")), rows_of(&folder.join("gk_case-2025-02.parquet"))), (2, 1));
    // Ids stay known.
    let [first, ..] = cases();
    assert_eq!(store.find_case(first.id).unwrap(), None);
    assert_eq!(store.add_cases(&[first], "test", at("2025-04-01T00:00:00Z")).unwrap(), 0);
    assert_eq!(ids(&store), [4]);
    // The audit log tells of it; nothing personal is in the files' names or there.
    let log = store.load_audit(0, 100).unwrap();
    let told: Vec<(&str, &str)> = log.iter().map(|entry| (entry.action.as_str(), entry.subject.as_str())).collect();
    assert_eq!(told[1], ("detach_month", "gk_case 2025-01, 2 rows taken out"));
    assert!(told[2].0 == "archive_month" && told[2].1.starts_with("gk_case 2025-01, 2 rows kept in gk_case-2025-01.parquet, sha256 "));
    // The case that was sent again has made no empty month.
    let again = retention(database.address(), &folder, &[]);
    assert_eq!(String::from_utf8(again.stdout).unwrap(), "nothing is older than 2025-03\n");
}

#[test]
fn a_run_that_stops_between_two_steps_loses_nothing() {
    let Some(database) = Scratch::create() else { return };
    let (store, folder) = (fill(&database), tempfile::tempdir().unwrap());
    // Stops after a month was taken out.
    let january = store.detach_month(&old_months(&store)[0], "test", Timestamp::now()).unwrap();
    assert_eq!(ids(&store), [3, 4]);
    assert_eq!(old_months(&store)[0], january);
    // A late case of that month is taken in meanwhile.
    store.add_cases(&[case(5, "2025-01-15T00:00:00Z")], "test", Timestamp::now()).unwrap();
    // Stops after it was written.
    let kept = keep(&store, &january, folder.path()).unwrap();
    assert_eq!((kept.rows, kept.file.as_deref()), (2, Some("gk_case-2025-01.parquet")));
    // Goes on: the file that is there is the month's, and the late case gets one of its own.
    let done = retention(database.address(), folder.path(), &[]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(ids(&store), [4]);
    assert_eq!(files(folder.path()), ["gk_case-2025-01.2.parquet", "gk_case-2025-01.parquet", "gk_case-2025-02.parquet"]);
    assert_eq!(rows_of(&folder.path().join("gk_case-2025-01.parquet")), 2);
    assert_eq!(rows_of(&folder.path().join("gk_case-2025-01.2.parquet")), 1);
}

#[test]
fn a_month_that_is_not_kept_whole_is_not_dropped() {
    let Some(database) = Scratch::create() else { return };
    let (store, folder) = (fill(&database), tempfile::tempdir().unwrap());
    let january = store.detach_month(&old_months(&store)[0], "test", Timestamp::now()).unwrap();
    let kept = keep(&store, &january, folder.path()).unwrap();
    database.run("DELETE FROM gk_case_2025_01_out WHERE description = 'case 1'");
    let refused = store.drop_month(&january, &kept, "test", Timestamp::now()).unwrap_err();
    assert!(refused.to_string().contains("nothing was dropped"), "{refused}");
    assert_eq!(old_months(&store)[0].rows, 1);
    // A file of that name that says something else is not touched.
    let kept = take_out_month(&store, &january, folder.path(), "test").unwrap();
    assert_eq!(kept.file.as_deref(), Some("gk_case-2025-01.2.parquet"));
    assert_eq!(rows_of(&folder.path().join("gk_case-2025-01.parquet")), 2);
    // Where nothing can be written nothing is dropped either.
    let file = folder.path().join("gk_case-2025-02.parquet");
    std::fs::write(&file, "not a folder").unwrap();
    assert_eq!(retention(database.address(), &file, &[]).status.code(), Some(2));
    assert_eq!(old_months(&store)[0].rows, 1);
}

#[test]
fn a_killed_run_loses_nothing() {
    const KILLS: u32 = 10;
    const MONTHS: u128 = 12;
    let Some(database) = Scratch::create() else { return };
    let (store, folder) = (PostgisStore::open_or_create(database.address()).unwrap(), tempfile::tempdir().unwrap());
    let cases: Vec<Case> = (0..MONTHS * 20).map(|number| case(number, &format!("2024-{:02}-15T00:00:00Z", 1 + number % MONTHS))).collect();
    store.add_cases(&cases, "test", Timestamp::now()).unwrap();
    let start = || {
        let mut command = support::gridkeeper();
        command.args(["--store", database.address(), "retention", "--before", "2025-03", "--to", folder.path().to_str().unwrap()]);
        command.stdout(Stdio::null()).spawn().unwrap()
    };
    for kill in 0..KILLS {
        let mut process = start();
        std::thread::sleep(Duration::from_millis(60 + u64::from(kill) * 20));
        process.kill().unwrap();
        process.wait().unwrap();
    }
    assert!(start().wait().unwrap().success());
    // What killed runs had begun is gone too.
    let rows: Vec<u64> = files(folder.path()).into_iter().map(|name| rows_of(&folder.path().join(name))).collect();
    assert_eq!(rows, [20; MONTHS as usize], "each month once");
    assert_eq!((ids(&store).len(), old_months(&store).len()), (0, 0));
}

#[test]
fn what_a_killed_run_had_begun_is_removed_and_what_another_writes_is_not() {
    let Some(database) = Scratch::create() else { return };
    let (_store, folder) = (fill(&database), tempfile::tempdir().unwrap());
    let (left, written) = (folder.path().join(".gridkeeper-a.parquet"), folder.path().join(".gridkeeper-b.parquet"));
    std::fs::write(&left, "").unwrap();
    let other = std::fs::File::create(&written).unwrap();
    other.lock().unwrap();
    let done = retention(database.address(), folder.path(), &[]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains(&format!("removed {}", left.display())), "{said}");
    assert_eq!(files(folder.path()), [".gridkeeper-b.parquet", "gk_case-2025-01.parquet", "gk_case-2025-02.parquet"]);
}

#[test]
fn an_earlier_copy_is_not_brought_up_to_date_past_months_that_were_taken_out() {
    let Some(database) = Scratch::create() else { return };
    let (_store, folder) = (fill(&database), tempfile::tempdir().unwrap());
    let migrate = |to: &str| {
        let path = folder.path().join(to);
        support::gridkeeper().args(["migrate", database.address(), path.to_str().unwrap()]).output().unwrap()
    };
    assert!(migrate("copy.gpkg").status.success());
    assert!(retention(database.address(), &folder.path().join("archive"), &[]).status.success());
    let before = std::fs::read(folder.path().join("copy.gpkg")).unwrap();
    let refused = migrate("copy.gpkg");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("gk_case 2025-01, 2 rows taken out") && said.contains("copy into an empty store"), "{said}");
    assert_eq!(std::fs::read(folder.path().join("copy.gpkg")).unwrap(), before);
    assert!(migrate("other.gpkg").status.success());
}

#[test]
fn the_audit_log_is_taken_out_where_that_is_asked_for() {
    let Some(database) = Scratch::create() else { return };
    let (store, folder) = (fill(&database), tempfile::tempdir().unwrap());
    store.save_note("a", "b", "test", at("2025-02-01T00:00:00Z")).unwrap();
    store.save_note("a", "c", "test", at("2025-03-01T00:00:00Z")).unwrap();
    let done = retention(database.address(), folder.path(), &["--audit"]);
    assert!(done.status.success(), "{done:?}");
    let names = files(folder.path());
    assert!(names.contains(&"gk_audit-2025-01.parquet".to_owned()) && names.contains(&"gk_audit-2025-02.parquet".to_owned()), "{names:?}");
    let log = store.load_audit(0, 100).unwrap();
    assert_eq!(log.iter().map(|entry| entry.number).collect::<Vec<_>>(), (3..=11).collect::<Vec<_>>());
    store.save_note("a", "d", "test", Timestamp::now()).unwrap();
    assert_eq!(store.load_audit(11, 100).unwrap()[0].number, 12);
}

#[test]
fn a_copy_knows_the_cases_that_were_taken_out() {
    let (Some(database), Some(restored)) = (Scratch::create(), Scratch::create()) else { return };
    let (store, folder) = (fill(&database), tempfile::tempdir().unwrap());
    assert!(retention(database.address(), &folder.path().join("archive"), &["--audit"]).status.success());
    let backup = folder.path().join("backup.gpkg").to_str().unwrap().to_owned();
    for args in [["--store", database.address(), "backup", &backup], ["--store", restored.address(), "restore", &backup]] {
        let output = support::gridkeeper().args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }
    for address in [&backup, restored.address()] {
        let copy = open_store(address, OpenMode::Write).unwrap();
        assert_eq!(copy.load_audit(0, 100).unwrap(), store.load_audit(0, 100).unwrap());
        assert_eq!(copy.add_cases(&cases(), "test", Timestamp::now()).unwrap(), 0);
        assert_eq!(ids(&*copy), [4]);
    }
}

#[test]
fn months_are_taken_out_beside_writers() {
    let Some(database) = Scratch::create() else { return };
    let (store, folder) = (fill(&database), tempfile::tempdir().unwrap());
    std::thread::scope(|scope| {
        for writer in 0..3_u128 {
            let address = database.address();
            scope.spawn(move || {
                let store = PostgisStore::open_or_create(address).unwrap();
                let began = Instant::now();
                let mut number = 1_000 * (writer + 1);
                while began.elapsed() < Duration::from_secs(2) {
                    // A worker whom nobody knows, in an old month and in a new one.
                    let mut own = [case(number, "2025-02-10T00:00:00Z"), case(number + 500, "2025-06-10T00:00:00Z")];
                    own.iter_mut().for_each(|case| case.holder = Some(WorkerId(format!("w{number}").into())));
                    store.add_cases(&own, "test", Timestamp::now()).unwrap();
                    assert!(store.load_cases(&CaseFilter::first(10)).unwrap().matched > Some(0));
                    number += 1;
                }
            });
        }
        for _ in 0..4 {
            let done = retention(database.address(), folder.path(), &[]);
            assert!(done.status.success(), "{done:?}");
        }
    });
    assert!(retention(database.address(), folder.path(), &[]).status.success());
    let in_files: u64 = files(folder.path()).into_iter().map(|name| rows_of(&folder.path().join(name))).sum();
    // Each case in an old month has one in a new; three and one were there before.
    assert_eq!(in_files - 3, ids(&store).len() as u64 - 1);
}

#[test]
fn a_file_is_not_kept_by_months() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.gpkg");
    drop(open_store(path.to_str().unwrap(), OpenMode::Create).unwrap());
    let refused = retention(path.to_str().unwrap(), folder.path(), &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("gridkeeper migrate"));
    for (month, why) in [("2025-13", "is no month"), ("2025-1", "is no month"), ("9999-01", "has not begun")] {
        let mut command = support::gridkeeper();
        command.args(["--store", "postgres://127.0.0.1:1/none", "retention", "--to", "archive", "--before", month]);
        let refused = command.output().unwrap();
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(String::from_utf8(refused.stderr).unwrap().contains(why), "{month}");
    }
}
