//! Writes the roster, the rules of dispatch and the incidents as tables.

use std::io;
use std::path::Path;

use geo_types::Coord;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook};

use super::super::incidents::Incident;
use super::super::roster::{ROSTER_COLUMNS, RosterRow};
use super::{WriteError, at};
use crate::import::{Crs, wgs84_to_bd09, wgs84_to_gcj02};

/// Excel holds no more lines on a sheet, the heading included.
pub(super) const XLSX_ROWS_MAX: usize = (1 << 20) - 1;

const INCIDENT_COLUMNS: [&str; 13] = [
    "id",
    "lon",
    "lat",
    "gcj_lon",
    "gcj_lat",
    "bd_lon",
    "bd_lat",
    "category",
    "description",
    "reported_at",
    "source",
    "place",
    "synthetic",
];

/// Writes a table of texts.
pub(super) fn write_csv<const N: usize>(path: &Path, columns: &[&str; N], rows: &[[String; N]]) -> Result<(), WriteError> {
    let write = || -> Result<(), csv::Error> {
        let mut out = csv::Writer::from_path(path)?;
        out.write_record(columns)?;
        rows.iter().try_for_each(|row| out.write_record(row))?;
        Ok(out.flush()?)
    };
    write().map_err(|e| at(path)(io::Error::other(e)))
}

/// Writes the roster as a workbook, all cells as text: a code as a number would lose its last digits.
pub(super) fn write_roster_xlsx(path: &Path, rows: &[RosterRow]) -> Result<(), WriteError> {
    let write = || -> Result<(), rust_xlsxwriter::XlsxError> {
        let mut workbook = Workbook::new();
        // The day of making is part of the file; the same seed gives the same bytes.
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&ExcelDateTime::from_ymd(2026, 1, 1)?));
        let sheet = workbook.add_worksheet();
        sheet.set_name("网格员")?;
        sheet.write_row(0, 0, ROSTER_COLUMNS)?;
        for (line, row) in (1..).zip(rows) {
            sheet.write_row(line, 0, row)?;
        }
        workbook.save(path)
    };
    write().map_err(|e| at(path)(io::Error::other(e)))
}

/// Writes the incidents with their place in WGS 84, GCJ-02 and BD-09, each rounded to 1e-9 degrees (a tenth of a millimetre).
pub(super) fn write_incidents(path: &Path, incidents: &[Incident]) -> Result<(), WriteError> {
    let write = || -> io::Result<()> {
        let plane = Crs::from_epsg(4546).map_err(io::Error::other)?;
        let mut out = csv::Writer::from_path(path)?;
        out.write_record(INCIDENT_COLUMNS)?;
        for (number, incident) in (1..).zip(incidents) {
            let mut ends = incident.between;
            plane.all_to_wgs84(&mut ends).map_err(io::Error::other)?;
            // A border is straight in degrees, so a place on it is found in degrees.
            let [from, to] = ends;
            let wgs84 = Coord { x: from.x + (to.x - from.x) * incident.share, y: from.y + (to.y - from.y) * incident.share };
            let places = [wgs84, wgs84_to_gcj02(wgs84), wgs84_to_bd09(wgs84)];
            let mut row = vec![format!("I{number:07}")];
            row.extend(places.iter().flat_map(|c| [c.x, c.y]).map(|degrees| format!("{degrees:.9}")));
            row.extend([
                incident.category.into(),
                incident.description.clone(),
                to_time(incident.minute),
                incident.source.into(),
                if incident.on_border { "street" } else { "block" }.into(),
                "true".into(),
            ]);
            out.write_record(row)?;
        }
        out.flush()
    };
    write().map_err(at(path))
}

/// Writes a minute of 2026 as a time in China.
fn to_time(minute: i64) -> String {
    let start = jiff::civil::date(2026, 1, 1).at(0, 0, 0, 0);
    let time = start.saturating_add(jiff::Span::new().minutes(minute));
    format!("{}+08:00", time.strftime("%Y-%m-%dT%H:%M:%S"))
}
