//! Stores that are copied, backed up and restored through the built program.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gridkeeper::app::{OpenMode, open_store};
use gridkeeper::boundary::Position;
use gridkeeper::dispatch::{Case, CaseId};
use gridkeeper::store::CaseFilter;
use jiff::Timestamp;
use uuid::Uuid;

use crate::postgres::Scratch;
use crate::store::{gdal, layer, put, street, units};
use crate::support;

const KILLS: u32 = 8;
const CASES: u128 = 8_000;

fn run(args: &[&str]) -> Output {
    support::gridkeeper().args(args).output().unwrap()
}

/// Runs a command that must end well, and returns what it prints.
fn done(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs a command that must be refused, and returns what it says.
fn refused(args: &[&str]) -> String {
    let output = run(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn at(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }
}

fn case(number: u128) -> Case {
    Case {
        id: CaseId(Uuid::from_u128(number)),
        position: Position::new(111.0 + number as f64 / 1e6, 26.0).unwrap(),
        given: "111 26".into(),
        category: "垃圾".into(),
        description: format!("case {number}"),
        source: "12345".into(),
        reported_at: "2026-03-31T23:59:59.999Z".parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_hours(number as i64),
        district: None,
        grid: None,
        generation: None,
        holder: None,
    }
}

fn fill(address: &str, cases: u128) {
    let store = open_store(address, OpenMode::Create).unwrap();
    put(&*store, &layer("grid"), "street", vec![street(4)], None);
    put(&*store, &layer("grid"), "grid", units(4, 0.0), None);
    put(&*store, &layer("grid"), "grid", units(4, 0.5), None);
    let cases: Vec<Case> = (0..cases).map(case).collect();
    store.add_cases(&cases, "test", Timestamp::now()).unwrap();
}

/// Sees that two stores answer alike.
fn assert_same(a: &str, b: &str) {
    let (a, b) = (open_store(a, OpenMode::ReadOnly).unwrap(), open_store(b, OpenMode::ReadOnly).unwrap());
    let grid = layer("grid").name;
    assert_eq!(a.load_generations(&grid).unwrap(), b.load_generations(&grid).unwrap());
    for generation in a.load_generations(&grid).unwrap() {
        assert_eq!(a.load_generation(&grid, generation.id).unwrap(), b.load_generation(&grid, generation.id).unwrap());
    }
    assert_eq!(a.load_cases(&CaseFilter::first(100_000)).unwrap(), b.load_cases(&CaseFilter::first(100_000)).unwrap());
    assert_eq!(a.load_audit(0, 1_000).unwrap(), b.load_audit(0, 1_000).unwrap());
    assert_eq!(a.load_version().unwrap(), b.load_version().unwrap());
}

#[test]
fn a_store_moves_to_a_database_and_back() {
    let Some(database) = Scratch::create() else { return };
    let folder = Folder::new();
    let (first, last) = (folder.at("first.gpkg"), folder.at("last.gpkg"));
    fill(&first, 20);
    let said = done(&["migrate", &first, database.address()]);
    assert!(said.contains("gk_unit_version") && said.contains("sha256"), "{said}");
    assert_same(&first, database.address());
    let said = done(&["migrate", database.address(), &last]);
    assert!(!said.contains("DIFFERS"), "{said}");
    assert_same(&first, &last);
    // A GIS sees in the copy what it saw in the first.
    let Some(summary) = gdal("ogrinfo", &["-ro", "-so", &last, "grid"]) else { return };
    assert_eq!(Some(summary.replace(&last, &first)), gdal("ogrinfo", &["-ro", "-so", &first, "grid"]));
    assert!(summary.contains("Feature Count: 16") && summary.contains("Extent: (111.0"), "{summary}");
}

#[test]
fn a_killed_copy_is_repeated() {
    let Some(database) = Scratch::create() else { return };
    let folder = Folder::new();
    let source = folder.at("source.gpkg");
    fill(&source, CASES);
    let copy = |to: &str| {
        let mut command = support::gridkeeper();
        command.args(["migrate", &source, to]).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let began = Instant::now();
    assert!(copy(&folder.at("undisturbed.gpkg")).status().unwrap().success());
    let takes = began.elapsed();
    for to in [folder.at("copy.gpkg"), database.address().to_owned()] {
        for kill in 1..=KILLS {
            let mut process = copy(&to).spawn().unwrap();
            std::thread::sleep(takes.mul_f64(f64::from(kill) / f64::from(KILLS)));
            process.kill().unwrap();
            process.wait().unwrap();
        }
        done(&["migrate", &source, &to]);
        assert_same(&source, &to);
    }
}

#[test]
fn an_unfinished_copy_is_not_used_and_not_copied() {
    let Some(database) = Scratch::create() else { return };
    let folder = Folder::new();
    let (source, copy, other) = (folder.at("source.gpkg"), folder.at("copy.gpkg"), folder.at("other.gpkg"));
    fill(&source, 3);
    for to in [copy.as_str(), database.address()] {
        done(&["migrate", &source, to]);
        // As a run leaves it that was cut.
        let mark = open_store(to, OpenMode::Write).unwrap();
        mark.save_note("gridkeeper.transfer", "of another", "test", Timestamp::now()).unwrap();
        drop(mark);
        for args in [
            &["generation", "list"][..],
            &["serve", "--listen", "127.0.0.1:0"],
            &["locate", "111", "26"],
            &["key", "create", "--role", "admin"],
        ] {
            let output = run(&[&["--store", to], args].concat());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(3), "{args:?}: {said}");
            assert!(said.contains("is an unfinished copy; repeat the migrate"), "{args:?}: {said}");
        }
        assert!(refused(&["migrate", to, &other]).contains("is itself an unfinished copy"));
        assert!(!folder.path("other.gpkg").exists(), "a refused copy leaves none behind");
    }
    let retention = ["--store", database.address(), "retention", "--before", "2026-01", "--to", &folder.at("archive")];
    assert_eq!(run(&retention).status.code(), Some(3));
}

#[test]
fn a_copy_that_differs_is_named() {
    let Some(database) = Scratch::create() else { return };
    let folder = Folder::new();
    let source = folder.at("source.gpkg");
    fill(&source, 3);
    done(&["migrate", &source, database.address()]);
    database.run("INSERT INTO gk_person (key, worker_id, name, phone) VALUES (77, 'x', '', '')");
    let output = run(&["migrate", &source, database.address()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("differs in gk_person;") && said.contains("DIFFERS: 1 rows"), "{said}");
}

#[test]
fn another_store_is_not_overwritten() {
    let folder = Folder::new();
    let (one, other) = (folder.at("one.gpkg"), folder.at("other.gpkg"));
    fill(&one, 1);
    fill(&other, 2);
    let before = std::fs::read(folder.path("other.gpkg")).unwrap();
    assert!(refused(&["migrate", &one, &other]).contains("a history of its own"));
    assert!(refused(&["--store", &other, "restore", &one]).contains("a history of its own"));
    assert!(refused(&["migrate", &one, &folder.at("./one.gpkg")]).contains("both the store to copy and its copy"));
    assert_eq!(std::fs::read(folder.path("other.gpkg")).unwrap(), before);
    let output = run(&["migrate", &folder.at("missing.gpkg"), &folder.at("new.gpkg")]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(!folder.path("new.gpkg").exists());
}

#[test]
fn a_backup_is_restored() {
    let folder = Folder::new();
    let (store, backup, restored) = (folder.at("store.gpkg"), folder.at("backup.gpkg"), folder.at("restored.gpkg"));
    fill(&store, 5);
    done(&["--store", &store, "backup", &backup]);
    assert_same(&store, &backup);
    let said = refused(&["--store", &store, "backup", &backup]);
    assert!(said.contains("--force"), "{said}");
    done(&["--store", &store, "backup", &backup, "--force"]);
    let names = |folder: &Folder| {
        let names = std::fs::read_dir(folder.0.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with('.')).collect::<Vec<_>>()
    };
    assert_eq!(names(&folder), Vec::<String>::new(), "nothing is left beside");
    let said = done(&["--store", &restored, "restore", &backup]);
    assert!(said.contains("layer grid: 3 generations, 3 in effect\nroster: 0 workers, 0 assignments\ncases: 5"), "{said}");
    assert_same(&store, &restored);
    assert!(refused(&["--store", &restored, "restore", &backup]).contains("is not empty"));
}

#[test]
fn a_database_is_backed_up_into_a_file_and_restored() {
    let (Some(database), Some(empty)) = (Scratch::create(), Scratch::create()) else { return };
    let folder = Folder::new();
    let backup = folder.at("backup.gpkg");
    fill(database.address(), 5);
    let said = done(&["--store", database.address(), "backup", &backup]);
    assert!(said.contains("gk_case ") && said.contains(&backup), "{said}");
    assert_eq!(std::fs::read_dir(folder.0.path()).unwrap().count(), 1, "one file");
    assert_same(database.address(), &backup);
    done(&["--store", empty.address(), "restore", &backup]);
    assert_same(database.address(), empty.address());
}

#[test]
fn a_backup_of_an_older_program_is_restored_and_left_as_it_is() {
    let folder = Folder::new();
    let (old, restored) = (folder.at("old.gpkg"), folder.at("restored.gpkg"));
    fill(&old, 5);
    let connection = rusqlite::Connection::open(&old).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = DELETE; DROP TABLE gk_draft_entry; DROP TABLE gk_photo; DROP TABLE gk_publication; DROP TABLE gk_dead_letter; DROP TABLE gk_webhook; DROP TABLE gk_case_token; DROP TABLE gk_case_event;
        DROP INDEX gk_case_by_cell; DROP INDEX gk_case_published; DROP INDEX gk_case_open; DROP INDEX gk_case_by_due; DROP INDEX gk_case_by_alarm;
        DROP INDEX gk_case_by_border; DROP INDEX gk_case_open_by_holder; DROP INDEX gk_case_ended_by_grid; DROP INDEX gk_case_ended_by_state; DROP INDEX gk_case_ended_by_category;
                    DROP INDEX gk_case_ended_by_departments; DROP INDEX gk_case_ended_by_place; DROP INDEX gk_case_long;
        ALTER TABLE gk_case DROP COLUMN part_until; ALTER TABLE gk_case DROP COLUMN is_long;
        ALTER TABLE gk_case DROP COLUMN state; ALTER TABLE gk_case DROP COLUMN version;
        ALTER TABLE gk_case DROP COLUMN is_open; ALTER TABLE gk_case DROP COLUMN is_published;
        ALTER TABLE gk_case DROP COLUMN alarm_at; ALTER TABLE gk_case DROP COLUMN border_m; ALTER TABLE gk_case DROP COLUMN people;
        ALTER TABLE gk_key DROP COLUMN worker;
        DROP TABLE gk_notice; DROP TABLE gk_entry; DROP TABLE gk_address; DROP TABLE gk_address_table;
        ALTER TABLE gk_case DROP COLUMN due_at; ALTER TABLE gk_case DROP COLUMN departments;
        ALTER TABLE gk_case DROP COLUMN cell; ALTER TABLE gk_case DROP COLUMN reporter;
        ALTER TABLE gk_person DROP COLUMN email;
        DROP TRIGGER gk_audit_is_not_changed;
        DROP TRIGGER gk_audit_is_not_deleted;
        DROP TRIGGER gk_audit_is_not_replaced;
        ALTER TABLE gk_audit DROP COLUMN before;
        ALTER TABLE gk_audit DROP COLUMN after;
        ALTER TABLE gk_key DROP COLUMN layers;
        ALTER TABLE gk_key DROP COLUMN expires_at;",
        )
        .unwrap();
    connection.execute_batch("DROP TABLE gk_case_id; DROP INDEX gk_unit_version_by_life; DROP TABLE gk_cost; DROP TABLE gk_fund; DROP TABLE gk_load; DROP TABLE gk_calendar; DROP TABLE gk_responsibility; DROP TABLE gk_category; DROP TABLE gk_rules; DELETE FROM gk_migration WHERE number >= 4").unwrap();
    drop(connection);
    let before = std::fs::read(&old).unwrap();
    done(&["--store", &restored, "restore", &old]);
    assert_same(&old, &restored);
    assert_eq!(std::fs::read(&old).unwrap(), before);
}

/// While a writer adds cases ten at a time, each backup is one of the states in between.
fn check_backups_beside_a_writer(store: &str) {
    const BACKUPS: u32 = 6;
    let folder = Folder::new();
    fill(store, 0);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // Also where a backup fails, or the writer would be waited for for ever.
        let ends = EndsWithThis(&is_over);
        let writer = scope.spawn(|| {
            let store = open_store(store, OpenMode::Write).unwrap();
            let mut number = 0;
            while !is_over.load(Ordering::Relaxed) {
                let cases: Vec<Case> = (number..number + 10).map(case).collect();
                store.add_cases(&cases, "test", Timestamp::now()).unwrap();
                number += 10;
                std::thread::sleep(Duration::from_millis(1));
            }
            number
        });
        let mut last = 0;
        for number in 0..BACKUPS {
            let backup = folder.at(&format!("{number}.gpkg"));
            done(&["--store", store, "backup", &backup]);
            let count = check_state(Path::new(&backup));
            assert!(count >= last, "{count} after {last}");
            last = count;
        }
        drop(ends);
        let written = writer.join().unwrap();
        assert!(last > 0 && u128::try_from(last).unwrap() <= written);
    });
}

struct EndsWithThis<'a>(&'a AtomicBool);

impl Drop for EndsWithThis<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Sees that the cases are those that the audit log tells of, and returns how many.
fn check_state(backup: &Path) -> usize {
    let store = open_store(backup.to_str().unwrap(), OpenMode::ReadOnly).unwrap();
    let count = store.load_cases(&CaseFilter::first(0)).unwrap().matched.unwrap();
    let told = store.load_audit(0, 100_000).unwrap().iter().filter(|entry| entry.subject == "10 cases").count();
    assert_eq!(count, told * 10);
    assert_eq!(store.load_generations(&layer("grid").name).unwrap().len(), 3);
    count
}

#[test]
fn a_backup_of_a_file_that_is_written_is_one_of_its_states() {
    let folder = Folder::new();
    check_backups_beside_a_writer(&folder.at("store.gpkg"));
}

#[test]
fn a_backup_of_a_database_that_is_written_is_one_of_its_states() {
    let Some(database) = Scratch::create() else { return };
    check_backups_beside_a_writer(database.address());
}
