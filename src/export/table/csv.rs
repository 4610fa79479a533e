use std::io::Write;

use super::wkt::to_wkt;
use super::{GEOMETRY, ID, TableColumn, TableError, TableRow, to_text};

/// Writes CSV, RFC 4180: the id, the columns, and the geometry as well-known text, if it is wanted. UTF-8.
///
/// # Errors
/// A row that cannot be made, or whatever `out` fails with.
pub fn write_csv<'a>(
    out: impl Write,
    columns: &[TableColumn],
    with_geometry: bool,
    rows: impl Iterator<Item = Result<TableRow<'a>, TableError>>,
) -> Result<(), TableError> {
    let mut writer = csv::Writer::from_writer(out);
    let head = std::iter::once(ID).chain(columns.iter().map(|column| column.name.as_str())).chain(with_geometry.then_some(GEOMETRY));
    writer.write_record(head)?;
    for row in rows {
        let row = row?;
        writer.write_field(&*row.id)?;
        for value in &row.values {
            writer.write_field(to_text(value).unwrap_or_default())?;
        }
        if with_geometry {
            writer.write_field(row.geometry.as_ref().map(to_wkt).unwrap_or_default())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    writer.flush()?;
    Ok(())
}
