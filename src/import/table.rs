//! Tables that offices and programs hand over: CSV in UTF-8 or GBK, the first sheet of an Excel workbook, and lines of JSON.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use calamine::{Data, Range, Reader, Xlsx};
use jiff::civil::DateTime;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::strict_json::{StrictJsonError, read_strict_json};

/// Largest CSV table that is read whole, bytes. A roster of a million rows takes a tenth of it.
pub const TABLE_BYTES_MAX: u64 = 1 << 30;

#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("cannot read the table {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the workbook {path}")]
    Workbook {
        path: PathBuf,
        #[source]
        source: Box<calamine::XlsxError>,
    },
    #[error("line {line} of {path} is no JSON object with texts and numbers: {detail}")]
    Json { path: PathBuf, line: u64, detail: String },
    #[error("line {line} of {path} has the member {name:?} twice; leave one out")]
    Twice { path: PathBuf, line: u64, name: String },
    #[error("the table {path} is neither .csv nor .xlsx nor .ndjson; save it as one of these")]
    Kind { path: PathBuf },
    #[error("the table {path} has {bytes} bytes, more than the {TABLE_BYTES_MAX} that are read at once; split it")]
    TooLarge { path: PathBuf, bytes: u64 },
    #[error("the table {path} is neither UTF-8 nor GBK at byte {at}; save it as UTF-8")]
    Encoding { path: PathBuf, at: usize },
    #[error("the table {path} is no CSV")]
    Csv {
        path: PathBuf,
        #[source]
        source: csv::Error,
    },
    #[error("the table {path} is empty; its first row must name the columns")]
    Empty { path: PathBuf },
    #[error("the table {path} has no column {column}; it has {found}")]
    NoColumn { path: PathBuf, column: String, found: String },
}

/// A table as text, with what Excel does to text undone.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    pub path: PathBuf,
    pub headers: Vec<String>,
    pub rows: Vec<TableRow>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// As a person counts them in a spreadsheet: the headers are in row 1.
    pub number: u64,
    pub cells: Vec<String>,
}

impl TableRow {
    /// Returns a cell without white space around it; empty where the row is too short or the table has no such column.
    pub fn cell(&self, column: Option<usize>) -> &str {
        column.and_then(|column| self.cells.get(column)).map_or("", |cell| cell.trim())
    }
}

impl Table {
    /// Reads a table by the ending of its name. Full-width digits and letters become plain ones, rows without any text are left out,
    /// and in a workbook merged cells all have the text of the first, whole numbers have no fraction, and dates read
    /// `YYYY-MM-DD`, with `THH:MM:SS` where there is a time of day. In lines of JSON the members are the columns, in the order in which
    /// they first come.
    ///
    /// # Errors
    /// Names the file and what stands in the way.
    pub fn read(path: &Path) -> Result<Self, TableError> {
        let is_kind = |kind: &str| path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case(kind));
        let rows = if is_kind("csv") {
            read_csv(path)?
        } else if is_kind("xlsx") {
            read_xlsx(path)?
        } else if is_kind("ndjson") || is_kind("jsonl") {
            read_ndjson(path)?
        } else {
            return Err(TableError::Kind { path: path.to_owned() });
        };
        let rows = rows.into_iter().map(|(number, cells)| TableRow { number, cells: cells.iter().map(|c| to_half_width(c)).collect() });
        let mut rows = rows.filter(|row| row.cells.iter().any(|cell| !cell.trim().is_empty()));
        let headers = rows.next().ok_or_else(|| TableError::Empty { path: path.to_owned() })?;
        let headers = headers.cells.iter().map(|header| header.trim().to_owned()).collect();
        Ok(Self { path: path.to_owned(), headers, rows: rows.collect() })
    }

    /// Finds a column by any of its names; upper and lower case are one.
    pub fn find_column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.headers.iter().position(|header| header.eq_ignore_ascii_case(name)))
    }

    /// Finds a column that must be there.
    ///
    /// # Errors
    /// Names the column by its first name, and those that are there.
    pub fn require_column(&self, names: &[&str]) -> Result<usize, TableError> {
        self.find_column(names).ok_or_else(|| TableError::NoColumn {
            path: self.path.clone(),
            column: names[0].to_owned(),
            found: self.headers.join(", "),
        })
    }
}

/// Decodes UTF-8, with or without its mark, or else GBK.
///
/// # Errors
/// Returns the offset of the first byte that is neither.
pub fn decode_text(bytes: &[u8]) -> Result<String, usize> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        // GB18030 holds all of GBK and all that GBK lacks.
        Err(error) => {
            let decoded = encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes);
            decoded.map(std::borrow::Cow::into_owned).ok_or(error.valid_up_to())
        }
    }
}

/// Makes plain characters of the full-width ones that Chinese keyboards give: digits, letters, signs and the space.
pub fn to_half_width(text: &str) -> String {
    let plain = |c: char| match c {
        '\u{3000}' => ' ',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        _ => c,
    };
    text.chars().map(plain).collect()
}

type NumberedRow = (u64, Vec<String>);

fn read_csv(path: &Path) -> Result<Vec<NumberedRow>, TableError> {
    let failed = |source| TableError::Read { path: path.to_owned(), source };
    let bytes = path.metadata().map_err(failed)?.len();
    if bytes > TABLE_BYTES_MAX {
        return Err(TableError::TooLarge { path: path.to_owned(), bytes });
    }
    let text = decode_text(&std::fs::read(path).map_err(failed)?).map_err(|at| TableError::Encoding { path: path.to_owned(), at })?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let numbered = |record: csv::StringRecord| {
        (record.position().map_or(0, |position| line_of(&text, position)), record.iter().map(str::to_owned).collect())
    };
    reader.records().map(|r| r.map(numbered)).collect::<Result<_, _>>().map_err(|source| TableError::Csv { path: path.to_owned(), source })
}

/// Reads an object from each line; the first row are the names of all members.
fn read_ndjson(path: &Path) -> Result<Vec<NumberedRow>, TableError> {
    let failed = |source| TableError::Read { path: path.to_owned(), source };
    let bytes = path.metadata().map_err(failed)?.len();
    if bytes > TABLE_BYTES_MAX {
        return Err(TableError::TooLarge { path: path.to_owned(), bytes });
    }
    let text = decode_text(&std::fs::read(path).map_err(failed)?).map_err(|at| TableError::Encoding { path: path.to_owned(), at })?;
    let mut names: Vec<String> = Vec::new();
    let mut places: FxHashMap<String, usize> = FxHashMap::default();
    let mut rows = Vec::new();
    for (line, number) in text.lines().zip(1_u64..).filter(|(line, _)| !line.trim().is_empty()) {
        let wrong = |detail: String| TableError::Json { path: path.to_owned(), line: number, detail };
        let members = match read_strict_json(line.as_bytes()) {
            Ok(Value::Object(members)) => members,
            Ok(_) => return Err(wrong("it is another value".to_owned())),
            Err(StrictJsonError::Twice { name }) => return Err(TableError::Twice { path: path.to_owned(), line: number, name }),
            Err(StrictJsonError::Syntax(error)) => return Err(wrong(error.to_string())),
        };
        let mut cells = vec![String::new(); names.len()];
        for (name, value) in members {
            let cell = match value {
                Value::Null => String::new(),
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Array(_) | Value::Object(_) => {
                    return Err(wrong(format!("{name} holds a list or an object")));
                }
            };
            let at = *places.entry(name.clone()).or_insert_with(|| {
                names.push(name);
                names.len() - 1
            });
            if cells.len() <= at {
                cells.resize(at + 1, String::new());
            }
            cells[at] = cell;
        }
        rows.push((number, cells));
    }
    if !names.is_empty() {
        rows.insert(0, (0, names));
    }
    Ok(rows)
}

/// The line on which a record begins. The reader's position stands before line ends that it skips.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).expect("the text is in memory");
    let skipped = text.as_bytes()[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + skipped.filter(|byte| **byte == b'\n').count() as u64
}

fn read_xlsx(path: &Path) -> Result<Vec<NumberedRow>, TableError> {
    let failed = |source| TableError::Workbook { path: path.to_owned(), source: Box::new(source) };
    let file = File::open(path).map_err(|source| TableError::Read { path: path.to_owned(), source })?;
    let mut workbook = Xlsx::new(BufReader::new(file)).map_err(failed)?;
    let mut range = match workbook.worksheet_range_at(0) {
        Some(range) => range.map_err(failed)?,
        None => return Ok(Vec::new()),
    };
    workbook.merge_cells_by_sheet_id(0).map_err(failed)?.iter().for_each(|region| fill_merged(&mut range, region));
    let first = u64::from(range.start().map_or(0, |(row, _)| row)) + 1;
    Ok((first..).zip(range.rows()).map(|(number, cells)| (number, cells.iter().map(to_text).collect())).collect())
}

/// Gives every cell of a merged region the value of its first. A region that reaches past the used cells is cut to them.
fn fill_merged(range: &mut Range<Data>, region: &calamine::Dimensions) {
    let (Some(first), Some(last)) = (range.start(), range.end()) else { return };
    let Some(value) = range.get_value(region.start).cloned() else { return };
    for row in region.start.0.max(first.0)..=region.end.0.min(last.0) {
        for column in region.start.1.max(first.1)..=region.end.1.min(last.1) {
            range.set_value((row, column), value.clone());
        }
    }
}

/// Returns a cell as a person sees it who typed text.
pub fn to_text(cell: &Data) -> String {
    match cell {
        Data::Empty | Data::Error(_) => String::new(),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.clone(),
        Data::Int(number) => number.to_string(),
        // Displays whole numbers without a fraction and never with an exponent: 431102004001001, not 4.31E+14.
        Data::Float(number) => number.to_string(),
        Data::Bool(value) => value.to_string(),
        Data::DateTime(moment) => moment_to_text(moment),
    }
}

fn moment_to_text(moment: &calamine::ExcelDateTime) -> String {
    if moment.is_duration() || moment.as_f64() < 1.0 {
        // A time of day: a fraction of a day, to the minute.
        let minutes = (moment.as_f64() * 24.0 * 60.0).round() as i64;
        return format!("{:02}:{:02}", minutes / 60, minutes % 60);
    }
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    let parts = || {
        let year = i16::try_from(year).ok()?;
        let small = |part: u8| i8::try_from(part).ok();
        DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, small(second)?, 0).ok()
    };
    match parts() {
        Some(time) if (hour, minute, second) == (0, 0, 0) => time.date().to_string(),
        Some(time) => time.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
        None => moment.as_f64().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

    use super::*;

    fn write(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    fn cells(table: &Table) -> Vec<(u64, Vec<&str>)> {
        table.rows.iter().map(|row| (row.number, row.cells.iter().map(String::as_str).collect())).collect()
    }

    #[test]
    fn a_table_in_gbk_reads_like_one_in_utf8() {
        let text = "unit_code,name\n\n４３１１０２,\"唐,小军\"\n";
        let (gbk, _, _) = encoding_rs::GBK.encode(text);
        let windows = text.replace('\n', "\r\n");
        for bytes in [text.as_bytes(), windows.as_bytes(), &gbk, &[b"\xef\xbb\xbf", text.as_bytes()].concat()] {
            let (_folder, path) = write("a.csv", bytes);
            let table = Table::read(&path).unwrap();
            assert_eq!(table.headers, ["unit_code", "name"]);
            assert_eq!(cells(&table), [(3, vec!["431102", "唐,小军"])]);
        }
    }

    #[test]
    fn lines_of_json_are_a_table_whose_columns_are_their_members() {
        let text = "{\"lon\":111.5,\"lat\":26,\"description\":\"a,b\"}\n\n{\"lat\":27,\"category\":\"E0110\",\"lon\":null}\n";
        let (_folder, path) = write("a.ndjson", text.as_bytes());
        let table = Table::read(&path).unwrap();
        let place = |name: &str| table.find_column(&[name]).unwrap();
        let cell = |row: usize, name: &str| table.rows[row].cell(Some(place(name))).to_owned();
        assert_eq!((table.rows.len(), table.rows[1].number), (2, 3));
        assert_eq!([cell(0, "lon"), cell(0, "lat"), cell(0, "description"), cell(0, "category")], ["111.5", "26", "a,b", ""]);
        assert_eq!([cell(1, "lon"), cell(1, "lat"), cell(1, "category")], ["", "27", "E0110"]);
        for (wrong, says) in [("[1]\n", "line 1"), ("{\"a\":1}\n{\"a\":[1]}\n", "line 2"), ("{\"a\":\n", "line 1")] {
            let (_folder, path) = write("b.jsonl", wrong.as_bytes());
            assert!(Table::read(&path).unwrap_err().to_string().contains(says), "{wrong}");
        }
        let (_folder, path) = write("c.ndjson", b"{\"a\":1}\n\n{\"a\":1,\"\\u0061\":2}\n");
        let told = Table::read(&path).unwrap_err().to_string();
        assert_eq!(told, format!("line 3 of {} has the member \"a\" twice; leave one out", path.display()));
    }

    #[test]
    fn what_excel_does_to_codes_dates_and_merged_cells_is_undone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.xlsx");
        let mut workbook = Workbook::new();
        let sheet = workbook.add_worksheet();
        sheet.write_row(0, 0, ["unit_code", "department", "valid_from", "shift"]).unwrap();
        sheet.write(1, 0, 431_102_004_001_001.0).unwrap();
        sheet.merge_range(1, 1, 2, 1, "城管", &Format::new()).unwrap();
        let date = Format::new().set_num_format("yyyy-mm-dd");
        sheet.write_with_format(1, 2, ExcelDateTime::from_ymd(2026, 7, 1).unwrap(), &date).unwrap();
        sheet.write(2, 0, "431102004001002").unwrap();
        workbook.save(&path).unwrap();
        let table = Table::read(&path).unwrap();
        assert_eq!(cells(&table), [(2, vec!["431102004001001", "城管", "2026-07-01", ""]), (3, vec!["431102004001002", "城管", "", ""])]);
    }

    #[test]
    fn a_file_that_is_no_table_is_refused_by_name() {
        let (_folder, path) = write("a.csv", b"a\n\xff\xff\n");
        assert!(matches!(Table::read(&path), Err(TableError::Encoding { at: 2, .. })));
        let (_folder, path) = write("a.xlsx", b"PK\x03\x04 not a workbook");
        assert!(matches!(Table::read(&path), Err(TableError::Workbook { .. })));
        let (_folder, path) = write("a.ods", b"");
        assert!(matches!(Table::read(&path), Err(TableError::Kind { .. })));
        let (_folder, path) = write("a.csv", b"\n\n");
        assert!(matches!(Table::read(&path), Err(TableError::Empty { .. })));
    }
}
