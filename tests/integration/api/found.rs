//! What the fuzzers of `fuzz/` begin with, and what they found: each input is tried out again.

use std::path::{Path, PathBuf};

use in_process::InProcess;
use written::WrittenRequest;

use super::district;

#[path = "../../../fuzz/src/filters.rs"]
mod filters;
#[path = "../../../fuzz/src/service.rs"]
mod in_process;
#[path = "../../../fuzz/src/written.rs"]
mod written;

fn inputs(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(folder);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn no_request_that_was_found_makes_the_service_fail() {
    for target in ["found/requests", "found/bodies"] {
        for (path, text) in inputs(target) {
            let Some(written) = WrittenRequest::parse(&text) else { continue };
            eprintln!("{}", path.display());
            InProcess::start().try_out(&written);
        }
    }
}

#[test]
fn no_filter_that_was_found_panics() {
    for (path, text) in inputs("found/filters") {
        eprintln!("{}", path.display());
        filters::Filters::default().try_out(&String::from_utf8_lossy(&text));
    }
}

#[test]
fn the_seeds_of_bodies_reach_what_is_behind_the_checks() {
    for (path, text) in inputs("seeds/bodies") {
        let written = WrittenRequest::parse(&text).unwrap_or_else(|| panic!("{} is no request", path.display()));
        let answer = InProcess::start().ask(&written).unwrap();
        let said = String::from_utf8_lossy(&answer.body);
        // A draft must be approved first, and a position lies within a shift: rules that stand behind all checks of a request.
        let is_ruled = matches!(answer.status.as_u16(), 409 | 422);
        assert!(answer.status.is_success() || is_ruled, "{}: {} {said}", path.display(), answer.status);
    }
}
