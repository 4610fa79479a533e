//! Parquet. The columns of the input are copied as they stand in the file, encoded and compressed, row group by row group, so none of
//! their types can suffer; only the two columns of the position are read. The answers are columns behind them.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context as _, bail};
use arrow_schema::{DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema};
use bytes::Bytes;
use parquet::arrow::{ARROW_SCHEMA_META_KEY, encode_arrow_schema, parquet_to_arrow_schema};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::bloom_filter::Sbbf;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::column::writer::{ColumnCloseResult, ColumnWriter, get_column_writer};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, SchemaDescriptor, Type, TypePtr};

use super::PositionFields;
use super::answerer::{Answerer, Found, Kind, Value, free_names};
use super::pipeline;
use super::tally::{Faults, Tally};
use crate::boundary::Position;

/// Rows answered at once: their positions and answers stay in a core's cache.
const ROWS_AT_ONCE: usize = 8192;
/// Most rows of a row group. The added columns of a row group are held until it is copied, some tens of bytes a row.
const GROUP_ROWS_MAX: i64 = 16 << 20;
/// Most rows of the row groups that are held at once, however many cores there are: two of the largest, or one of the usual million for
/// each of 32 cores. At some tens of bytes a row they take about a GiB.
const ROWS_HELD_MAX: u64 = 32 << 20;
/// Bytes of different texts in a column of one row group before they are written out one by one: a million codes of 16 characters.
const DICTIONARY_BYTES_MAX: usize = 32 << 20;

pub(super) fn assign(
    input: &Path,
    out: &mut (dyn Write + Send),
    answerer: &Answerer<'_>,
    names: &PositionFields,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let file = File::open(input).with_context(|| format!("cannot read {}", input.display()))?;
    let metadata = ParquetMetaDataReader::new()
        .with_page_index_policy(PageIndexPolicy::Optional)
        .parse_and_finish(&file)
        .context("cannot read the file as Parquet")?;
    if let Some(large) = metadata.row_groups().iter().find(|group| group.num_rows() > GROUP_ROWS_MAX) {
        let rows = large.num_rows();
        bail!("a row group has {rows} rows, more than {GROUP_ROWS_MAX} that are held at once; write the file with smaller row groups");
    }
    let table = Table::find(input, &metadata, answerer, names)?;
    let mut writer = SerializedFileWriter::new(out, table.schema.clone(), Arc::clone(&table.properties))?;
    let mut numbers = 0..metadata.num_row_groups();
    let mut written_count = 0;
    let known = Known::new(answerer);
    pipeline::run_within(
        ROWS_HELD_MAX,
        |group: &Group| metadata.row_group(group.number).num_rows().unsigned_abs(),
        |group: &mut Group| {
            let next = numbers.next();
            group.number = next.unwrap_or_default();
            Ok(next.is_some())
        },
        // Errors come through the results, as the file may be torn in the middle.
        |group, encoded: &mut Option<anyhow::Result<Encoded>>| *encoded = Some(group.encode(&table, answerer, &known)),
        |encoded| {
            let Some(encoded) = encoded.take().transpose()? else { return Ok(()) };
            let group = metadata.row_group(written_count);
            let mut group_writer = writer.next_row_group()?;
            for (at, column) in group.columns().iter().enumerate() {
                let index = metadata.page_index();
                let close = ColumnCloseResult {
                    bytes_written: column.compressed_size().unsigned_abs(),
                    rows_written: group.num_rows().unsigned_abs(),
                    metadata: column.clone(),
                    bloom_filter: Sbbf::read_from_column_chunk(column, &file).ok().flatten(),
                    column_index: index.and_then(|index| index.column_index(written_count, at)).cloned(),
                    offset_index: index.and_then(|index| index.offset_index(written_count, at)).cloned(),
                };
                group_writer.append_column(&file, close)?;
            }
            for (bytes, close) in encoded.columns {
                group_writer.append_column(&bytes, close)?;
            }
            group_writer.close()?;
            written_count += 1;
            tally.add(encoded.rows, &encoded.faults);
            Ok(())
        },
    )?;
    writer.close()?;
    Ok(())
}

/// What is read, and how it is written.
struct Table {
    path: PathBuf,
    /// The columns of the position, among those of the file.
    lon: usize,
    lat: usize,
    lon_name: String,
    lat_name: String,
    schema: TypePtr,
    properties: WriterPropertiesPtr,
    /// The columns that are added, and that of the error.
    added: Vec<(ColumnDescPtr, Kind)>,
}

impl Table {
    fn find(path: &Path, metadata: &ParquetMetaData, answerer: &Answerer<'_>, names: &PositionFields) -> anyhow::Result<Self> {
        let described = metadata.file_metadata().schema_descr();
        let root = described.root_schema();
        let headers: Vec<String> = root.get_fields().iter().map(|field| field.name().to_owned()).collect();
        let (lon, lat) = names.find(&headers)?;
        let kinds: Vec<Kind> = answerer.fields().iter().map(|field| field.kind()).chain([Kind::Text]).collect();
        let added_names = free_names(answerer.fields(), headers.iter().map(String::as_str));
        let added: Vec<TypePtr> = added_names.iter().zip(&kinds).map(|(name, kind)| make_type(name, *kind)).collect::<Result<_, _>>()?;
        let fields = root.get_fields().iter().chain(&added).cloned().collect();
        let schema = Arc::new(Type::group_type_builder(root.name()).with_fields(fields).build()?);
        let columns = SchemaDescriptor::new(Arc::clone(&schema));
        let first = described.num_columns();
        let added = (first..).map(|column| columns.column(column)).zip(kinds).take(added.len()).collect();
        let (lon_name, lat_name) = (headers[lon].clone(), headers[lat].clone());
        let (lon, lat) = (find_leaf(described, lon)?, find_leaf(described, lat)?);
        let properties = make_properties(metadata, lon, &added_names, answerer)?;
        Ok(Self { path: path.to_owned(), lon, lat, lon_name, lat_name, schema, properties, added })
    }
}

fn make_type(name: &str, kind: Kind) -> Result<TypePtr, ParquetError> {
    let (physical, logical) = match kind {
        Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Flag => (Physical::BOOLEAN, None),
    };
    Type::primitive_type_builder(name, physical).with_logical_type(logical).with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
}

/// Finds the column of a field that holds one value a row.
fn find_leaf(described: &SchemaDescriptor, field: usize) -> anyhow::Result<usize> {
    let name = described.root_schema().get_fields()[field].name();
    let leaf = (0..described.num_columns()).find(|leaf| described.get_column_root_idx(*leaf) == field);
    let single = |leaf: &usize| {
        let column = described.column(*leaf);
        column.max_rep_level() == 0 && column.path().parts().len() == 1
    };
    leaf.filter(single).with_context(|| format!("the column {name} holds more than one value a row; give a column of numbers or texts"))
}

fn make_properties(
    metadata: &ParquetMetaData,
    lon: usize,
    added_names: &[impl AsRef<str>],
    answerer: &Answerer<'_>,
) -> anyhow::Result<WriterPropertiesPtr> {
    let first = metadata.row_groups().first();
    let compression = first.map_or(Compression::SNAPPY, |group| group.column(lon).compression());
    let mut known = metadata.file_metadata().key_value_metadata().cloned();
    for entry in known.iter_mut().flatten().filter(|entry| entry.key == ARROW_SCHEMA_META_KEY) {
        // Programs that read Arrow's types from here expect an entry for every column.
        *entry = extend_arrow_schema(metadata, added_names, answerer).context("cannot read the Arrow schema within the file")?;
    }
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES_MAX)
        .set_key_value_metadata(known)
        .set_sorting_columns(first.and_then(|group| group.sorting_columns()).cloned());
    Ok(Arc::new(properties.build()))
}

fn extend_arrow_schema(
    metadata: &ParquetMetaData,
    added_names: &[impl AsRef<str>],
    answerer: &Answerer<'_>,
) -> Result<KeyValue, ParquetError> {
    let file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    let kinds = answerer.fields().iter().map(|field| field.kind()).chain([Kind::Text]);
    let added = added_names.iter().zip(kinds).map(|(name, kind)| {
        let kind = match kind {
            Kind::Text => ArrowType::Utf8,
            Kind::Number => ArrowType::Float64,
            Kind::Flag => ArrowType::Boolean,
        };
        Arc::new(ArrowField::new(name.as_ref(), kind, true))
    });
    let fields: Vec<_> = schema.fields().iter().cloned().chain(added).collect();
    let schema = ArrowSchema::new_with_metadata(fields, schema.metadata);
    Ok(KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), encode_arrow_schema(&schema)))
}

/// A row group that is to be answered.
#[derive(Default)]
struct Group {
    number: usize,
    /// Each worker reads through a file of its own, as copies of one share their place in it.
    reader: Option<SerializedFileReader<File>>,
}

/// The added columns of a row group, encoded, and what was wrong with its rows.
struct Encoded {
    columns: Vec<(Bytes, ColumnCloseResult)>,
    rows: u64,
    faults: Faults,
}

impl Group {
    fn encode(&mut self, table: &Table, answerer: &Answerer<'_>, known: &Known<'_>) -> anyhow::Result<Encoded> {
        let reader = match self.reader.take() {
            Some(reader) => self.reader.insert(reader),
            None => self.reader.insert(SerializedFileReader::new(File::open(&table.path)?)?),
        };
        let group = reader.get_row_group(self.number)?;
        let lon = Cells::new(group.get_column_reader(table.lon)?, &table.lon_name, &group.metadata().column(table.lon).column_descr_ptr())?;
        let lat = Cells::new(group.get_column_reader(table.lat)?, &table.lat_name, &group.metadata().column(table.lat).column_descr_ptr())?;
        let mut positions = Positions { lon, lat, good: Vec::new(), all: Vec::new() };
        let mut sinks: Vec<_> = table.added.iter().map(|_| TrackedWrite::new(Vec::new())).collect();
        let mut columns: Vec<Column<'_>> =
            sinks.iter_mut().zip(&table.added).map(|(sink, (column, _))| Column::new(column, &table.properties, sink)).collect();
        let (mut found, mut faults, mut rows) = (Vec::new(), Faults::default(), 0);
        while positions.read(answerer)? {
            answerer.find_all(&positions.good, &mut found);
            let mut answers = positions.good.iter().zip(&found);
            for outcome in &positions.all {
                match outcome {
                    Ok(()) => {
                        if let Some((position, found)) = answers.next() {
                            known.push(*position, found, &mut columns);
                        }
                    }
                    Err(error) => {
                        let error = Cell::Text(error.as_str().into());
                        let cells = answerer.refuse().iter().map(Cell::of).chain([error]).collect::<Vec<_>>();
                        columns.iter_mut().zip(&cells).for_each(|(column, cell)| column.push(cell));
                    }
                }
            }
            for (number, error) in (rows..).zip(&positions.all) {
                if let Err(error) = error {
                    faults.add(number, error);
                }
            }
            rows += positions.all.len() as u64;
            columns.iter_mut().try_for_each(Column::write)?;
        }
        let expected = group.metadata().num_rows();
        if i64::try_from(rows) != Ok(expected) {
            bail!("row group {} has {rows} positions for {expected} rows; the file is damaged", self.number);
        }
        let closed: Vec<ColumnCloseResult> = columns.into_iter().map(Column::close).collect::<Result<_, _>>()?;
        let bytes = sinks.into_iter().map(|sink| sink.into_inner().map(Bytes::from)).collect::<Result<Vec<_>, _>>()?;
        Ok(Encoded { columns: bytes.into_iter().zip(closed).collect(), rows, faults })
    }
}

/// Reads positions, some rows at a time.
struct Positions {
    lon: Cells,
    lat: Cells,
    good: Vec<Position>,
    /// One for each row: what is wrong with its position.
    all: Vec<Result<(), String>>,
}

impl Positions {
    /// Reads the next rows; false where there are none.
    fn read(&mut self, answerer: &Answerer<'_>) -> anyhow::Result<bool> {
        self.good.clear();
        self.all.clear();
        self.lon.read()?;
        self.lat.read()?;
        for (lon, lat) in self.lon.cells.iter().zip(&self.lat.cells) {
            let position = match (lon, lat) {
                (Cell::Number(lon), Cell::Number(lat)) => answerer.convert(*lon, *lat),
                _ => answerer.read(&lon.to_text(), &lat.to_text()),
            };
            self.all.push(position.map(|position| self.good.push(position)));
        }
        Ok(!self.all.is_empty())
    }
}

/// One value of a column.
#[derive(Clone, Debug)]
enum Cell {
    Nothing,
    Text(ByteArray),
    Number(f64),
    Flag(bool),
}

impl Cell {
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Nothing => Self::Nothing,
            Value::Text(text) => Self::Text(text.as_ref().into()),
            Value::Number(number) => Self::Number(*number),
            Value::Flag(flag) => Self::Flag(*flag),
        }
    }

    fn to_text(&self) -> String {
        match self {
            Self::Text(text) => String::from_utf8_lossy(text.data()).into_owned(),
            Self::Number(number) => number.to_string(),
            Self::Nothing | Self::Flag(_) => String::new(),
        }
    }
}

/// Reads one column of numbers or texts.
struct Cells {
    reader: ColumnReader,
    /// What a stored whole number is divided by.
    scale: f64,
    cells: Vec<Cell>,
    levels: Vec<i16>,
}

impl Cells {
    fn new(reader: ColumnReader, name: &str, column: &ColumnDescPtr) -> anyhow::Result<Self> {
        let logical = column.logical_type_ref();
        let is_plain = match (&reader, logical) {
            (ColumnReader::DoubleColumnReader(_) | ColumnReader::FloatColumnReader(_), _) => true,
            (ColumnReader::Int32ColumnReader(_) | ColumnReader::Int64ColumnReader(_), logical) => {
                matches!(logical, None | Some(LogicalType::Integer(_) | LogicalType::Decimal(_)))
            }
            (ColumnReader::ByteArrayColumnReader(_), logical) => !matches!(logical, Some(LogicalType::Decimal(_))),
            _ => false,
        };
        if !is_plain {
            bail!("the column {name} holds {}; give a column of numbers or texts", column.physical_type());
        }
        let scale = match logical {
            Some(LogicalType::Decimal(decimal)) => 10_f64.powi(decimal.scale),
            _ => 1.0,
        };
        Ok(Self { reader, scale, cells: Vec::new(), levels: Vec::new() })
    }

    fn read(&mut self) -> Result<(), ParquetError> {
        let Self { reader, scale, cells, levels } = self;
        cells.clear();
        levels.clear();
        match reader {
            ColumnReader::DoubleColumnReader(reader) => read_cells(reader, levels, cells, |number| Cell::Number(*number)),
            ColumnReader::FloatColumnReader(reader) => read_cells(reader, levels, cells, |number| Cell::Number(f64::from(*number))),
            ColumnReader::Int32ColumnReader(reader) => {
                read_cells(reader, levels, cells, |number| Cell::Number(f64::from(*number) / *scale))
            }
            #[expect(clippy::cast_precision_loss, reason = "a position has no more digits than a double")]
            ColumnReader::Int64ColumnReader(reader) => read_cells(reader, levels, cells, |number| Cell::Number(*number as f64 / *scale)),
            ColumnReader::ByteArrayColumnReader(reader) => read_cells(reader, levels, cells, |text| Cell::Text(text.clone())),
            _ => Ok(()),
        }
    }
}

/// Reads the next rows, those without a value too.
fn read_cells<D: DataType>(
    reader: &mut ColumnReaderImpl<D>,
    levels: &mut Vec<i16>,
    cells: &mut Vec<Cell>,
    to_cell: impl Fn(&D::T) -> Cell,
) -> Result<(), ParquetError> {
    let mut values = Vec::with_capacity(ROWS_AT_ONCE);
    let (mut rows, mut value_count) = (0, 0);
    while rows < ROWS_AT_ONCE {
        let (read_rows, read_values, _) = reader.read_records(ROWS_AT_ONCE - rows, Some(levels), None, &mut values)?;
        rows += read_rows;
        value_count += read_values;
        if read_rows == 0 {
            break;
        }
    }
    if levels.is_empty() {
        cells.extend(values[..value_count].iter().map(to_cell));
        return Ok(());
    }
    let mut values = values[..value_count].iter().map(to_cell);
    cells.extend(levels.iter().map(|level| if *level > 0 { values.next().unwrap_or(Cell::Nothing) } else { Cell::Nothing }));
    Ok(())
}

/// Cells that many rows share.
struct Known<'a> {
    answerer: &'a Answerer<'a>,
    /// By the number that stands for equal values.
    cells: Vec<OnceLock<Box<[Cell]>>>,
}

impl<'a> Known<'a> {
    fn new(answerer: &'a Answerer<'a>) -> Self {
        Self { answerer, cells: std::iter::repeat_with(OnceLock::new).take(answerer.same_count()).collect() }
    }

    fn push(&self, position: Position, found: &Found, columns: &mut [Column<'_>]) {
        let make = || self.answerer.answer(position, found).iter().map(Cell::of).chain([Cell::Nothing]).collect::<Box<[Cell]>>();
        let mut push = |cells: &[Cell]| columns.iter_mut().zip(cells).for_each(|(column, cell)| column.push(cell));
        match self.answerer.find_same(found) {
            Some(same) => push(self.cells[same].get_or_init(make)),
            None => push(&make()),
        }
    }
}

/// A column that is added to a row group.
struct Column<'w> {
    writer: ColumnWriter<'w>,
    texts: Vec<ByteArray>,
    numbers: Vec<f64>,
    flags: Vec<bool>,
    levels: Vec<i16>,
}

impl<'w> Column<'w> {
    fn new(column: &ColumnDescPtr, properties: &WriterPropertiesPtr, sink: &'w mut TrackedWrite<Vec<u8>>) -> Self {
        let pages = Box::new(SerializedPageWriter::new(sink));
        let writer = get_column_writer(Arc::clone(column), Arc::clone(properties), pages);
        Self { writer, texts: Vec::new(), numbers: Vec::new(), flags: Vec::new(), levels: Vec::new() }
    }

    fn push(&mut self, cell: &Cell) {
        self.levels.push(i16::from(!matches!(cell, Cell::Nothing)));
        match cell {
            Cell::Nothing => {}
            Cell::Text(text) => self.texts.push(text.clone()),
            Cell::Number(number) => self.numbers.push(*number),
            Cell::Flag(flag) => self.flags.push(*flag),
        }
    }

    fn write(&mut self) -> Result<(), ParquetError> {
        let levels = Some(self.levels.as_slice());
        match &mut self.writer {
            ColumnWriter::ByteArrayColumnWriter(writer) => writer.write_batch(&self.texts, levels, None),
            ColumnWriter::DoubleColumnWriter(writer) => writer.write_batch(&self.numbers, levels, None),
            ColumnWriter::BoolColumnWriter(writer) => writer.write_batch(&self.flags, levels, None),
            _ => Err(ParquetError::General("columns of texts, numbers and flags are added, no others".into())),
        }?;
        self.texts.clear();
        self.numbers.clear();
        self.flags.clear();
        self.levels.clear();
        Ok(())
    }

    fn close(self) -> Result<ColumnCloseResult, ParquetError> {
        self.writer.close()
    }
}
