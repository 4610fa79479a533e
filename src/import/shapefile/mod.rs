//! Shapefiles: `.shp` with its `.dbf`, `.prj` and `.cpg`. The `.shx` is not needed.
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
        note_table(table, shapes.count, undecoded, &mut notes);
    }
    let crs = parts.prj.filter(|text| !text.is_empty()).map_or(StatedCrs::Missing, StatedCrs::Text);
    let encoding = table.map(|table| table.encoding.name());
    Ok(RawFile { format: "shapefile", fields, features, crs, encoding, notes })
}

fn note_table(table: &dbf::Table<'_>, shape_count: usize, undecoded: usize, notes: &mut Vec<String>) {
    let rows = table.len();
    if rows != shape_count {
        notes.push(format!("the .dbf has {rows} records and the .shp {shape_count}; shapes without a record have no code"));
    }
    if table.is_cut {
        notes.push("the .dbf ends before its last record".to_owned());
    }
    if undecoded > 0 {
        let encoding = table.encoding.name();
        notes.push(format!("{undecoded} texts are not wholly {encoding}; if names look wrong, say --encoding"));
    }
}
