//! The malformed files of other projects: each gives a result or a clear error, and no feature is lost in silence.
//!
//! What we say about each stands as a table in docs/import.md, which is compared with what we do say.
//! `BLESS_DOCS=1` writes the table anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use gridkeeper::boundary::Problem;
use gridkeeper::import::{BoundaryFile, Crs, ImportError, ReadOptions, read_boundaries};

use crate::support::{gridkeeper, shared};

/// No file of the corpus takes a second in a release build; a debug build on a loaded machine is given room.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where we count other features than GDAL, and why.
const DIFFERENCES: &[(&str, usize, &str)] = &[
    ("geojson_geojsonhint/badfeature.geojson", 1, "GDAL passes over a member of the list that is no feature; we report it"),
    ("geojson_geojsonhint/multiple_problems.geojson", 4, "the same for two features of the type Foo"),
    ("shp_shapelib/3dpoints.shp", 22, "GDAL goes by the .shx, which is damaged; the .shp holds 22 records and so does the .dbf"),
    ("geojson_geojsonhint/nofeaturetype.geojson", 1, "GDAL passes over a feature without its type; we report it"),
];

#[test]
fn every_malformed_file_gives_a_result_or_an_error_that_names_it() {
    let Some(corpus) = shared("data/malformed") else { return };
    for expected in expectations(&corpus) {
        let path = corpus.join(&expected.file);
        if is_geopackage(&path) {
            continue;
        }
        match read_boundaries(&path, &ReadOptions::default(), &|_| ()) {
            Ok(file) => {
                for problem in &file.problems {
                    assert!(!problem.units.is_empty() && !problem.remedy.is_empty(), "{}: {problem:?}", expected.file);
                }
            }
            Err(error) => {
                let message = chain(&error);
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(message.contains(path.file_stem().unwrap().to_str().unwrap()), "{name} is not named: {message}");
            }
        }
    }
}

#[test]
fn features_kept_and_reported_are_as_many_as_gdal_sees() {
    let Some(corpus) = shared("data/malformed") else { return };
    let mut otherwise = Vec::new();
    for expected in expectations(&corpus) {
        let path = corpus.join(&expected.file);
        let (Some(gdal), false) = (expected.features, is_geopackage(&path)) else { continue };
        let Ok(file) = read_anyhow(&path) else { panic!("{}: GDAL reads it and we do not", expected.file) };
        let wanted = DIFFERENCES.iter().find(|(name, ..)| *name == expected.file).map_or(gdal, |(_, ours, _)| *ours);
        if file.features.len() != wanted {
            otherwise.push((expected.file.clone(), file.features.len(), wanted, file.notes.clone()));
        }
        for feature in &file.features {
            let is_reported = file.problems.iter().any(|problem| problem.units.iter().any(|unit| unit.source == feature.source));
            assert!(feature.geometry.is_some() || is_reported, "{}: feature {} is lost", expected.file, feature.source.number);
        }
    }
    assert!(otherwise.is_empty(), "{otherwise:#?}");
}

#[test]
fn the_program_ends_in_time_and_without_a_panic() {
    let Some(corpus) = shared("data/malformed") else { return };
    for expected in expectations(&corpus) {
        let mut checked = gridkeeper();
        checked.arg("check").arg(corpus.join(&expected.file)).args(["--snap-m", "0"]);
        let output = run_within(checked, PATIENCE).unwrap_or_else(|| panic!("{} hangs", expected.file));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            matches!(output.status.code(), Some(0..=2)) && !error.contains("panicked"),
            "{}: {:?} {error}",
            expected.file,
            output.status
        );
        let said = String::from_utf8_lossy(if output.status.code() == Some(2) { &output.stderr } else { &output.stdout }).into_owned();
        let stem = Path::new(&expected.file).file_stem().unwrap().to_str().unwrap();
        assert!(said.contains(stem), "{} is not named: {said}", expected.file);
    }
}

#[test]
fn a_geopackage_of_two_layers_without_a_system_is_told_what_to_add() {
    let Some(corpus) = shared("data/malformed") else { return };
    let path = corpus.join("missing_crs_mixed_ranges.gpkg");
    let say = |file: String| {
        let output = gridkeeper().args(["check", &file]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let several = say(path.display().to_string());
    assert!(several.contains("several layers"), "{several}");
    let layers = several.split_once("layers: ").unwrap().1.split(';').next().unwrap().to_owned();
    for layer in layers.split(", ") {
        let message = say(format!("{}:{layer}", path.display()));
        assert!(message.contains("does not say its reference system"), "{message}");
    }
}

#[test]
fn the_documentation_says_what_the_program_says() {
    let Some(corpus) = shared("data/malformed") else { return };
    const BEGIN: &str = "<!-- malformed files: begin -->\n";
    const END: &str = "<!-- malformed files: end -->";
    let mut table = String::from("| file | features | with geometry | what is said |\n| --- | --- | --- | --- |\n");
    for expected in expectations(&corpus) {
        let path = corpus.join(&expected.file);
        if is_geopackage(&path) {
            continue;
        }
        let _ = writeln!(table, "| {} | {} |", expected.file, row(&path));
    }
    let page_path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/import.md");
    let page = std::fs::read_to_string(&page_path).unwrap();
    let (front, rest) = page.split_once(BEGIN).expect("the page has the mark where the table begins");
    let (found, back) = rest.split_once(END).expect("the page has the mark where the table ends");
    if std::env::var_os("BLESS_DOCS").is_some() {
        std::fs::write(&page_path, format!("{front}{BEGIN}{table}{END}{back}")).unwrap();
        return;
    }
    for (found, wanted) in found.lines().zip(table.lines()) {
        assert_eq!(found, wanted);
    }
    assert_eq!(found.lines().count(), table.lines().count());
}

/// Features, those with a geometry, and what is said.
fn row(path: &Path) -> String {
    let plain = |text: &str| text.replace(&format!("{}", path.display()), "the file").replace('|', "\\|").replace('\n', " ");
    let refusal = match read_boundaries(path, &ReadOptions::default(), &|_| ()) {
        Ok(file) => return describe(&file, &plain),
        Err(error) => plain(&chain(&error)),
    };
    match read_anyhow(path) {
        Ok(file) => format!("{} | {} | refused: {refusal}", file.features.len(), with_geometry(&file)),
        Err(_) => format!("– | – | refused: {refusal}"),
    }
}

fn describe(file: &BoundaryFile, plain: &dyn Fn(&str) -> String) -> String {
    let mut kinds: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    for problem in &file.problems {
        kinds.entry(problem.kind.as_str()).or_default().push(problem);
    }
    let mut said: Vec<String> = kinds
        .iter()
        .map(|(kind, problems)| {
            let number = problems[0].units[0].source.number;
            format!("{} × `{kind}`, as feature {number}: {}", problems.len(), plain(&problems[0].detail))
        })
        .collect();
    said.extend(file.notes.iter().map(|note| plain(note)));
    let said = if said.is_empty() { "read".to_owned() } else { said.join("; ") };
    format!("{} | {} | {said}", file.features.len(), with_geometry(file))
}

fn with_geometry(file: &BoundaryFile) -> usize {
    file.features.iter().filter(|feature| feature.geometry.is_some()).count()
}

struct Expectation {
    file: String,
    /// None where GDAL could not open it.
    features: Option<usize>,
}

fn expectations(corpus: &Path) -> Vec<Expectation> {
    let mut reader = csv::Reader::from_path(corpus.join("expect_gdal_geos.csv")).unwrap();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        Expectation { file: row[0].to_owned(), features: row[4].parse().ok() }
    });
    let rows: Vec<Expectation> = rows.collect();
    assert!(rows.len() > 100, "the table of expectations is whole");
    rows
}

/// Reads a file; one that says no reference system is read as degrees, or as metres where they cannot be degrees.
fn read_anyhow(path: &Path) -> Result<BoundaryFile, ImportError> {
    let read = |crs| read_boundaries(path, &ReadOptions { crs, ..ReadOptions::default() }, &|_| ());
    read(None).or_else(|_| read(Some(Crs::WGS84))).or_else(|_| read(Some(Crs::from_epsg(3857).unwrap())))
}

fn is_geopackage(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gpkg")
}

fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Runs a command and kills it where it takes too long. Its output goes to files, so that no pipe fills up.
fn run_within(mut command: std::process::Command, patience: Duration) -> Option<Output> {
    let folder = tempfile::tempdir().unwrap();
    let paths: [PathBuf; 2] = ["out", "err"].map(|name| folder.path().join(name));
    let open = |path: &PathBuf| Stdio::from(std::fs::File::create(path).unwrap());
    let mut child = command.stdin(Stdio::null()).stdout(open(&paths[0])).stderr(open(&paths[1])).spawn().unwrap();
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let [stdout, stderr] = paths.map(|path| std::fs::read(path).unwrap());
            return Some(Output { status, stdout, stderr });
        }
        if begun.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
