use std::path::{Path, PathBuf};

use super::boundary_file::{ReadOptions, read_boundaries};
use super::error::ImportError;
use crate::boundary::{Layer, LayerName, Level, Problem, Severity};
use crate::topology::{Rules, ValidCoverage, check};

/// Why a boundary file gives no coverage.
#[derive(Debug, thiserror::Error)]
pub enum CoverageError {
    #[error(transparent)]
    Import(#[from] ImportError),
    /// All problems of the file; the message has the first.
    #[error("{path} is no seamless coverage: {}", first_of(.problems))]
    Faulty { path: PathBuf, problems: Vec<Problem> },
}

/// Reads a boundary file and checks its units together, as the one level `grid` of the layer `grid`.
///
/// Slips within the usual tolerance are repaired. For several levels, rules of one's own or a list of what was repaired there is
/// [`check`], which takes the shapes of [`super::BoundaryFile::into_shapes`].
///
/// # Errors
/// A file that cannot be read or has no codes, and all problems of one that has errors.
pub fn read_coverage(path: &Path, options: &ReadOptions) -> Result<ValidCoverage, CoverageError> {
    let file = read_boundaries(path, options, &|_| ())?;
    file.require_code()?;
    let level = Level::parse("grid").expect("the name follows the rules");
    let layer = Layer { name: LayerName::parse("grid").expect("the name follows the rules"), levels: vec![level], scheme: None };
    let (shapes, mut problems) = file.into_shapes(&layer, &layer.levels[0]);
    let is_whole = problems.iter().all(|problem| problem.severity < Severity::Error);
    let checked = check(&layer, vec![shapes], &Rules::default());
    problems.extend(checked.problems);
    match checked.coverage.filter(|_| is_whole) {
        Some(coverage) => Ok(coverage),
        None => Err(CoverageError::Faulty { path: path.to_owned(), problems }),
    }
}

fn first_of(problems: &[Problem]) -> String {
    let mut errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    let Some(first) = errors.next() else { return "it has no unit".into() };
    let others = match errors.count() {
        0 => String::new(),
        others => format!(" ({others} more)"),
    };
    let codes: Vec<&str> = first.units.iter().filter_map(|unit| unit.code.as_deref()).collect();
    format!("{} {}: {}; {}{others}", first.kind, codes.join(", "), first.detail, first.remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shapes(file: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes").join(file)
    }

    #[test]
    fn a_seamless_file_is_read_as_one_level() {
        let coverage = read_coverage(&shapes("lingling/grids.shp"), &ReadOptions::default()).unwrap();
        assert_eq!(coverage.levels().len(), 1);
        assert_eq!(coverage.levels()[0].units().len(), 120);
    }

    #[test]
    fn a_file_with_faults_is_refused_with_all_of_them() {
        let error = read_coverage(&shapes("invalid/overlap.geojson"), &ReadOptions::default()).unwrap_err();
        assert!(error.to_string().contains("overlap"), "{error}");
        assert!(matches!(error, CoverageError::Faulty { problems, .. } if !problems.is_empty()));
    }
}
