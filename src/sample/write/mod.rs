//! Writes the sample as the files that offices hand over.

mod dbf;
mod geojson;
mod shapefile;
mod tables;

use std::io;
use std::path::{Path, PathBuf};

use super::invalid::invalid_files;
use super::{District, incidents, roster, rules};

/// What every feature and every map of the sample says: sample data, not real boundaries.
pub const NOTICE: &str = "示例数据，非真实边界";

/// The day from which the sample's boundaries hold.
const EFFECTIVE_FROM: &str = "2026-01-01";

#[derive(Debug, thiserror::Error)]
#[error("cannot write the sample file {path}")]
pub struct WriteError {
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

/// Writes all files of the sample into a folder, which is made where it is missing.
///
/// `roster.xlsx` is written where the roster fits a sheet of Excel; returns whether it did.
///
/// # Errors
/// The first file that cannot be written.
pub fn write_all(dir: &Path, district: &District) -> Result<bool, WriteError> {
    std::fs::create_dir_all(dir).map_err(at(dir))?;
    for (file, level, units) in [
        ("district", "district", std::slice::from_ref(&district.district)),
        ("streets", "street", &district.streets),
        ("communities", "community", &district.communities),
    ] {
        geojson::write_units(&dir.join(format!("{file}.geojson")), file, level, units)?;
    }
    shapefile::write_grids(dir, "grids", &district.grids)?;
    let roster = roster::rows(district);
    tables::write_csv(&dir.join("roster.csv"), &roster::ROSTER_COLUMNS, &roster)?;
    let fits = roster.len() <= tables::XLSX_ROWS_MAX;
    if fits {
        tables::write_roster_xlsx(&dir.join("roster.xlsx"), &roster)?;
    }
    tables::write_csv(&dir.join("categories.csv"), &rules::CATEGORY_COLUMNS, &rules::categories())?;
    tables::write_csv(&dir.join("responsibilities.csv"), &rules::RESPONSIBILITY_COLUMNS, &rules::responsibilities(district))?;
    tables::write_csv(&dir.join("calendars.csv"), &rules::CALENDAR_COLUMNS, &rules::calendars(district))?;
    tables::write_incidents(&dir.join("incidents.csv"), &incidents::incidents(district))?;
    Ok(fits)
}

/// Writes one file for each broken rule, `KIND.geojson`, and `parents.geojson`.
///
/// # Errors
/// The first file that cannot be written.
pub fn write_invalid(dir: &Path) -> Result<(), WriteError> {
    std::fs::create_dir_all(dir).map_err(at(dir))?;
    for file in invalid_files() {
        let path = dir.join(format!("{}.geojson", file.name));
        let text = serde_json::to_string_pretty(&file.content).expect("a JSON value of our own has text keys only");
        std::fs::write(&path, text + "\n").map_err(at(&path))?;
    }
    Ok(())
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    move |source| WriteError { path: path.to_owned(), source }
}
