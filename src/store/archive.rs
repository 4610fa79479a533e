//! Rows of a table in a Parquet file, which is read long after the program that wrote it: by pandas, DuckDB, QGIS.
//!
//! A file says the same as the rows it was written from: reading it back gives the same sum.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use parquet::basic::Compression;
use parquet::column::reader::{ColumnReader, get_typed_column_reader};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;
use uuid::Uuid;

use super::transfer::{Column, Digest, Kind, Row, Table, Value};

/// Rows that are held in memory and written as one group. Readers skip whole groups by their smallest and greatest values.
const GROUP_ROWS: usize = 20_000;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("cannot write the archive {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error("cannot read the archive {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Writes rows of one table, and sums them up.
pub struct ArchiveWriter {
    path: PathBuf,
    table: &'static Table,
    writer: SerializedFileWriter<File>,
    rows: Vec<Row>,
    digest: Digest,
}

impl std::fmt::Debug for ArchiveWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveWriter").field("path", &self.path).field("table", &self.table.name).finish_non_exhaustive()
    }
}

impl ArchiveWriter {
    /// Begins a file for rows of `table`.
    ///
    /// # Errors
    /// The file cannot be written, or the table has boundaries, for which there is no column here.
    pub fn create(path: &Path, table: &'static Table) -> Result<Self, ArchiveError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| ArchiveError::Write { path: path.to_owned(), source };
        let schema = Arc::new(parse_message_type(&schema(table)).map_err(|e| failed(e.into()))?);
        let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
        let file = File::create(path).map_err(|e| failed(e.into()))?;
        let writer = SerializedFileWriter::new(file, schema, properties).map_err(|e| failed(e.into()))?;
        Ok(Self { path: path.to_owned(), table, writer, rows: Vec::new(), digest: Digest::default() })
    }

    pub fn push(&mut self, row: Row) -> Result<(), ArchiveError> {
        self.digest.push(&row);
        self.rows.push(row);
        if self.rows.len() >= GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Ends the file, makes it durable, and returns the sum of its rows.
    pub fn finish(mut self) -> Result<Digest, ArchiveError> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        let path = self.path;
        let end = || Ok::<(), Box<dyn std::error::Error + Send + Sync>>(self.writer.into_inner()?.sync_all()?);
        end().map_err(|source| ArchiveError::Write { path, source })?;
        Ok(self.digest)
    }

    fn write_group(&mut self) -> Result<(), ArchiveError> {
        let rows = std::mem::take(&mut self.rows);
        let mut write = || -> Result<(), ParquetError> {
            let mut group = self.writer.next_row_group()?;
            for (at, column) in self.table.columns.iter().enumerate() {
                let mut writer = group.next_column()?.ok_or_else(|| ParquetError::General("the file has fewer columns".into()))?;
                write_column(&mut writer, rows.iter().map(|row| &row[at]), column.kind)?;
                writer.close()?;
            }
            group.close().map(drop)
        };
        write().map_err(|source| ArchiveError::Write { path: self.path.clone(), source: source.into() })
    }
}

/// Reads a file and sums its rows up.
///
/// # Errors
/// The file cannot be read or is not one of the table's.
pub fn read_archive(path: &Path, table: &'static Table) -> Result<Digest, ArchiveError> {
    let mut digest = Digest::default();
    for_each_row(path, table, &mut |row| digest.push(&row))?;
    Ok(digest)
}

fn for_each_row(path: &Path, table: &'static Table, sink: &mut dyn FnMut(Row)) -> Result<(), ArchiveError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| ArchiveError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(|e| failed(e.into()))?;
    let reader = SerializedFileReader::new(file).map_err(|e| failed(e.into()))?;
    let names = reader.metadata().file_metadata().schema_descr().columns().iter().map(|column| column.name().to_owned());
    if !names.eq(table.columns.iter().map(|column| column.name.to_owned())) {
        return Err(failed(format!("its columns are not those of {}", table.name).into()));
    }
    for at in 0..reader.num_row_groups() {
        let rows =
            reader.get_row_group(at).map_err(ReadError::from).and_then(|group| read_group(&*group, table)).map_err(|e| failed(e.0))?;
        rows.into_iter().for_each(&mut *sink);
    }
    Ok(())
}

/// Columns may all hold nothing, so that old files stay readable when a column comes to.
fn schema(table: &Table) -> String {
    let column = |Column { name, kind }: &Column| match kind {
        Kind::Integer => format!("OPTIONAL INT64 {name};"),
        Kind::Real => format!("OPTIONAL DOUBLE {name};"),
        Kind::Code | Kind::Text | Kind::Json => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
        Kind::Bytes | Kind::Boundary => format!("OPTIONAL BYTE_ARRAY {name};"),
        Kind::Time => format!("OPTIONAL INT64 {name} (TIMESTAMP(MILLIS,true));"),
        Kind::Uuid => format!("OPTIONAL FIXED_LEN_BYTE_ARRAY(16) {name} (UUID);"),
    };
    format!("message {} {{ {} }}", table.name, table.columns.iter().map(column).collect::<Vec<_>>().join(" "))
}

fn write_column<'r>(
    writer: &mut SerializedColumnWriter<'_>,
    values: impl Iterator<Item = &'r Value>,
    kind: Kind,
) -> Result<(), ParquetError> {
    match kind {
        Kind::Integer | Kind::Time => write_typed::<Int64Type>(writer, values, |value| match value {
            Value::Integer(number) => Some(*number),
            Value::Time(at) => Some(at.as_millisecond()),
            _ => None,
        }),
        Kind::Real => write_typed::<DoubleType>(writer, values, |value| if let Value::Real(number) = value { Some(*number) } else { None }),
        Kind::Uuid => write_typed::<FixedLenByteArrayType>(writer, values, |value| match value {
            Value::Uuid(id) => Some(FixedLenByteArray::from(id.as_bytes().to_vec())),
            _ => None,
        }),
        Kind::Code | Kind::Text | Kind::Json | Kind::Bytes => write_typed::<ByteArrayType>(writer, values, |value| match value {
            Value::Text(text) => Some(ByteArray::from(text.as_str())),
            Value::Bytes(bytes) => Some(ByteArray::from(bytes.clone())),
            _ => None,
        }),
        Kind::Boundary => Err(ParquetError::NYI("boundaries are not archived".into())),
    }
}

fn write_typed<'r, D: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    values: impl Iterator<Item = &'r Value>,
    convert: impl Fn(&Value) -> Option<D::T>,
) -> Result<(), ParquetError> {
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        let value = convert(value);
        levels.push(i16::from(value.is_some()));
        present.extend(value);
    }
    writer.typed::<D>().write_batch(&present, Some(&levels), None).map(drop)
}

/// Either the file cannot be read or what it holds is nothing of ours.
struct ReadError(Box<dyn std::error::Error + Send + Sync>);

impl<E: std::error::Error + Send + Sync + 'static> From<E> for ReadError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

fn read_group(group: &dyn RowGroupReader, table: &Table) -> Result<Vec<Row>, ReadError> {
    let count = usize::try_from(group.metadata().num_rows())?;
    let mut rows: Vec<Row> = (0..count).map(|_| Vec::with_capacity(table.columns.len())).collect();
    for (at, column) in table.columns.iter().enumerate() {
        let reader = group.get_column_reader(at)?;
        let values = read_column(reader, column.kind, count)?;
        rows.iter_mut().zip(values).for_each(|(row, value)| row.push(value));
    }
    Ok(rows)
}

fn read_column(reader: ColumnReader, kind: Kind, count: usize) -> Result<Vec<Value>, ReadError> {
    let text = |bytes: ByteArray| Ok(Value::Text(std::str::from_utf8(bytes.data())?.to_owned()));
    match kind {
        Kind::Integer => read_typed::<Int64Type>(reader, count, |number| Ok(Value::Integer(number))),
        Kind::Time => read_typed::<Int64Type>(reader, count, |ms| Ok(Value::Time(Timestamp::from_millisecond(ms)?))),
        Kind::Real => read_typed::<DoubleType>(reader, count, |number| Ok(Value::Real(number))),
        Kind::Uuid => read_typed::<FixedLenByteArrayType>(reader, count, |bytes| Ok(Value::Uuid(Uuid::from_slice(bytes.data())?))),
        Kind::Code | Kind::Text | Kind::Json => read_typed::<ByteArrayType>(reader, count, text),
        Kind::Bytes | Kind::Boundary => read_typed::<ByteArrayType>(reader, count, |bytes| Ok(Value::Bytes(bytes.data().to_vec()))),
    }
}

fn read_typed<D: DataType>(
    reader: ColumnReader,
    count: usize,
    convert: impl Fn(D::T) -> Result<Value, ReadError>,
) -> Result<Vec<Value>, ReadError> {
    let mut reader = get_typed_column_reader::<D>(reader);
    let (mut present, mut levels) = (Vec::new(), Vec::new());
    while levels.len() < count {
        let (records, _, _) = reader.read_records(count - levels.len(), Some(&mut levels), None, &mut present)?;
        if records == 0 {
            break;
        }
    }
    let mut present = present.into_iter();
    let value = |level: i16| if level == 0 { Ok(Value::Null) } else { present.next().map_or(Ok(Value::Null), &convert) };
    levels.into_iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::transfer::TABLES;

    fn cases() -> &'static Table {
        TABLES.iter().find(|table| table.name == "gk_case").unwrap()
    }

    fn row(number: u128) -> Row {
        let text = |text: &str| Value::Text(text.to_owned());
        let maybe = |value: Value| if number.is_multiple_of(3) { Value::Null } else { value };
        vec![
            Value::Uuid(Uuid::from_u128(number)),
            maybe(text("431102")),
            Value::Time("2025-01-31T23:59:59.999Z".parse().unwrap()),
            Value::Real(-0.1 - 0.2),
            Value::Real(1.0 / 3.0),
            text("a\0b"),
            text("垃圾"),
            text(""),
            text("12345"),
            maybe(text("4311020010010010001")),
            maybe(Value::Integer(7)),
            maybe(Value::Integer(i64::MAX)),
            maybe(text("pending_file")),
            maybe(Value::Integer(3)),
            maybe(Value::Integer(1)),
            maybe(Value::Integer(0)),
            maybe(Value::Time("2025-02-01T00:00:00Z".parse().unwrap())),
            maybe(text("\nD1\n")),
            maybe(Value::Integer(-1)),
            Value::Null,
            maybe(Value::Time("2025-02-01T12:00:00Z".parse().unwrap())),
            maybe(Value::Real(4.5)),
            maybe(text("\nW1\n")),
            maybe(Value::Time("2025-03-02T12:00:00Z".parse().unwrap())),
            maybe(Value::Integer(1)),
        ]
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        // None, one group, several groups of which the last is not full.
        for count in [0, 3, GROUP_ROWS as u128 + 5] {
            let path = folder.path().join("archive.parquet");
            let mut writer = ArchiveWriter::create(&path, cases()).unwrap();
            (0..count).for_each(|number| writer.push(row(number)).unwrap());
            let written = writer.finish().unwrap();
            assert_eq!(u128::from(written.rows()), count);
            assert_eq!(read_archive(&path, cases()).unwrap(), written);
            let mut number = 0;
            for_each_row(&path, cases(), &mut |found| {
                assert_eq!(found, row(number));
                number += 1;
            })
            .unwrap();
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_of_another_table_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("archive.parquet");
        let mut writer = ArchiveWriter::create(&path, cases()).unwrap();
        (0..500).for_each(|number| writer.push(row(number)).unwrap());
        writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        let audit = TABLES.iter().find(|table| table.name == "gk_audit").unwrap();
        assert!(read_archive(&path, audit).is_err());
        for length in (0..whole.len()).step_by(97) {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(read_archive(&path, cases()).is_err(), "cut at {length}");
        }
        assert!(read_archive(&folder.path().join("none"), cases()).is_err());
    }
}
