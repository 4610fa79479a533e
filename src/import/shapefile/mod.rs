//! Shapefiles: `.shp` with its `.dbf`, `.prj` and `.cpg`. The `.shx` is not needed, but where it is there it has to agree.
//!
//! Records are taken from the bytes here and not by a library because a report has to say what a library
//! mends or refuses in silence: rings that do not close, records that end too soon, field names cut in
//! the middle of a character, texts in an encoding that the file does not name.
//! Source: ESRI Shapefile Technical Description, 1998; dBASE III and IV table layout.

mod dbf;
mod rings;
mod shp;

use std::path::Path;

use encoding_rs::Encoding;

use super::container::ShapefileParts;
use super::error::ImportError;
use super::raw::{RawFeature, RawFile, StatedCrs};
use crate::boundary::Properties;

pub(super) fn read(path: &Path, parts: ShapefileParts<'_>, asked: Option<&'static Encoding>) -> Result<RawFile, ImportError> {
    let mut notes = Vec::new();
    let table = parts.dbf.as_deref().map(|bytes| dbf::Table::open(path, bytes, asked, parts.cpg.as_deref())).transpose()?;
    if table.is_none() {
        notes.push("there is no .dbf beside the .shp, so its features have no codes and names".to_owned());
    }
    let fields = table.as_ref().map_or_else(Vec::new, dbf::Table::field_names);
    let shapes = shp::read(path, parts.shp)?;
    require_whole(path, &shapes, table.as_ref(), parts.shx.as_deref().map(count_index_entries))?;
    notes.extend(shapes.notes);
    let mut features = Vec::with_capacity(shapes.geometries.len());
    let mut deleted = Vec::new();
    let mut undecoded = 0;
    for (at, geometry) in shapes.geometries.into_iter().enumerate() {
        let number = at + 1;
        let mut properties = Properties::new();
        match table.as_ref().and_then(|table| table.record(at)) {
            Some(record) if record.is_deleted => {
                deleted.push(number.to_string());
                continue;
            }
            Some(record) => undecoded += record.read_into(&mut properties),
            None => {}
        }
        features.push(RawFeature::new(number, properties, geometry));
    }
    if !deleted.is_empty() {
        notes.push(format!("records that the .dbf marks as deleted were left out: {}", deleted.join(", ")));
    }
    if let Some(table) = &table {
        note_table(table, undecoded, &mut notes);
    }
    let crs = parts.prj.filter(|text| !text.is_empty()).map_or(StatedCrs::Missing, StatedCrs::Text);
    let encoding = table.map(|table| table.encoding.name());
    Ok(RawFile { format: "shapefile", fields, features, crs, encoding, notes })
}

/// Requires that the `.shp` is as long as its header says, and that the files beside it have as many records.
///
/// A file that was cut between two records looks whole by itself, and units that are missing would end without a word.
fn require_whole(
    path: &Path,
    shapes: &shp::Shapes,
    table: Option<&dbf::Table<'_>>,
    index_entries: Option<usize>,
) -> Result<(), ImportError> {
    let count = shapes.geometries.len();
    let is_whole = shapes.fault.is_none()
        && shapes.bytes >= shapes.announced_bytes
        && table.is_none_or(|table| table.len() == count && table.announced == count)
        && index_entries.is_none_or(|entries| entries == count);
    if is_whole {
        return Ok(());
    }
    let mut detail =
        format!("the .shp has {count} whole records in {} bytes, and its header says {} bytes", shapes.bytes, shapes.announced_bytes);
    if let Some(table) = table {
        detail.push_str(&format!(", the .dbf has {} records", table.len()));
        if table.announced != table.len() {
            detail.push_str(&format!(" of the {} that its header counts", table.announced));
        }
    }
    if let Some(entries) = index_entries {
        detail.push_str(&format!(", the .shx has {entries}"));
    }
    if let Some(fault) = &shapes.fault {
        detail.push_str("; ");
        detail.push_str(fault);
    }
    let remedy = "copy the .shp, .dbf and .shx again together, or export them anew from the program they came from";
    Err(ImportError::broken(path, "whole shapefile", detail, remedy))
}

/// The header of a `.shx` is that of the `.shp`; an entry has eight bytes. Its length counts, for headers are known to be wrong.
fn count_index_entries(shx: &[u8]) -> usize {
    const HEADER_BYTES: usize = 100;
    const ENTRY_BYTES: usize = 8;
    shx.len().saturating_sub(HEADER_BYTES) / ENTRY_BYTES
}

fn note_table(table: &dbf::Table<'_>, undecoded: usize, notes: &mut Vec<String>) {
    if undecoded > 0 {
        let encoding = table.encoding.name();
        notes.push(format!("{undecoded} texts are not wholly {encoding}; if names look wrong, say --encoding"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample district's grids.
    fn parts() -> [Vec<u8>; 3] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("shapes/lingling");
        ["shp", "dbf", "shx"].map(|extension| std::fs::read(folder.join("grids.shp").with_extension(extension)).unwrap())
    }

    fn read_parts(shp: &[u8], dbf: Option<&[u8]>, shx: Option<&[u8]>) -> Result<usize, String> {
        let [dbf, shx] = [dbf, shx].map(|bytes| bytes.map(<[u8]>::to_vec));
        let parts = ShapefileParts { shp: Box::new(shp), dbf, shx, prj: None, cpg: Some("GBK".to_owned()) };
        read(Path::new("grids.shp"), parts, None).map(|file| file.features.len()).map_err(|error| error.to_string())
    }

    /// Cuts a `.shp` after so many records.
    fn cut_after(shp: &[u8], records: usize) -> Vec<u8> {
        let end = (0..records).fold(100, |at, _| {
            let words = u32::from_be_bytes(shp[at + 4..at + 8].try_into().unwrap());
            at + 8 + words as usize * 2
        });
        shp[..end].to_vec()
    }

    /// Gives the header the length that the file has.
    fn with_own_length(mut shp: Vec<u8>) -> Vec<u8> {
        let words = u32::try_from(shp.len() / 2).unwrap();
        shp[24..28].copy_from_slice(&words.to_be_bytes());
        shp
    }

    #[test]
    fn a_whole_file_is_read_whatever_stands_beside_it() {
        let [shp, dbf, shx] = parts();
        for (dbf, shx) in [(Some(&dbf), Some(&shx)), (Some(&dbf), None), (None, Some(&shx)), (None, None)] {
            assert_eq!(read_parts(&shp, dbf.map(Vec::as_slice), shx.map(Vec::as_slice)), Ok(120));
        }
    }

    #[test]
    fn a_file_cut_between_two_records_is_refused_with_what_each_part_counts() {
        let [shp, dbf, shx] = parts();
        let cut = cut_after(&shp, 30);
        let (bytes, announced) = (cut.len(), shp.len());
        let said = read_parts(&cut, Some(&dbf), Some(&shx)).unwrap_err();
        assert_eq!(
            said,
            format!(
                "grids.shp is no whole shapefile: the .shp has 30 whole records in {bytes} bytes, and its header says {announced} bytes, \
                 the .dbf has 120 records, the .shx has 120; \
                 copy the .shp, .dbf and .shx again together, or export them anew from the program they came from"
            )
        );
        // Each part alone gives it away.
        assert!(read_parts(&cut, None, None).is_err());
        let cut = with_own_length(cut);
        assert!(read_parts(&cut, Some(&dbf), None).is_err());
        assert!(read_parts(&cut, None, Some(&shx)).is_err());
        assert_eq!(read_parts(&cut, None, None), Ok(30));
        let inside = &shp[..shp.len() - 3];
        assert!(read_parts(inside, None, None).unwrap_err().contains("ends within record 120"));
    }

    #[test]
    fn a_table_or_an_index_with_fewer_or_more_records_is_refused() {
        let [shp, dbf, shx] = parts();
        let row = usize::from(u16::from_le_bytes([dbf[10], dbf[11]]));
        let header = usize::from(u16::from_le_bytes([dbf[8], dbf[9]]));
        let said = read_parts(&shp, Some(&dbf[..header + 50 * row]), Some(&shx)).unwrap_err();
        assert!(said.contains("the .dbf has 50 records of the 120 that its header counts"), "{said}");
        let counting = |rows: usize| {
            let mut table = dbf[..header].to_vec();
            table[4..8].copy_from_slice(&u32::try_from(rows).unwrap().to_le_bytes());
            (0..rows).for_each(|at| table.extend_from_slice(&dbf[header + at % 120 * row..][..row]));
            table
        };
        assert_eq!(read_parts(&shp, Some(&counting(120)), None), Ok(120));
        for rows in [0, 50, 119, 121] {
            let said = read_parts(&shp, Some(&counting(rows)), None).unwrap_err();
            assert!(said.contains("the .shp has 120 whole records") && said.contains(&format!("the .dbf has {rows} records")), "{said}");
        }
        for (shx, count) in [(shx[..shx.len() - 8].to_vec(), 119), ([shx.as_slice(), &[0; 8]].concat(), 121)] {
            assert!(read_parts(&shp, Some(&dbf), Some(&shx)).unwrap_err().contains(&format!("the .shx has {count}")));
        }
    }
}
