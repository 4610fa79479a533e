use std::borrow::Cow;
use std::ops::Range;

use csv::{Writer, WriterBuilder};
use csv_core::{ReadRecordResult, Reader};
use memchr::{memchr, memchr_iter};

use super::members::Members;
use super::{Desk, Form, INVALID, record};
use crate::api::locate::ask::Given;
use crate::api::locate::plain::{self, OPTIONS};
use crate::api::locate::quick::{Column, Found, Quick};
use crate::api::locate::split::{Broken, CsvSplitter, Cut};
use crate::api::problem::Problem;
use crate::api::wire::LocateAnswer;

/// CSV with a header line, answered by the same rows with the answer's columns behind theirs.
#[derive(Debug)]
pub struct CsvForm {
    splitter: CsvSplitter,
    columns: Vec<String>,
    header: Option<Header>,
    reader: RowReader,
    /// Where the rows stand that are being answered together; only kept so that it need not be made each time.
    plain_rows: Vec<Range<usize>>,
}

#[derive(Debug)]
struct Header {
    names: Vec<String>,
    width: usize,
    /// Where `lon` and `lat` stand, unless rows may have options of their own.
    plain: Option<(usize, usize)>,
}

/// The columns that can be had, beside `error`.
pub const COLUMNS: [&str; 21] = [
    "grid_code",
    "worker_id",
    "status",
    "distance_to_border_m",
    "ambiguous",
    "grid_id",
    "grid_name",
    "worker_name",
    "worker_phone",
    "post",
    "responsible_from",
    "vacant",
    "layer",
    "generation",
    "at",
    "expires",
    "nearest_code",
    "nearest_distance_m",
    "department_id",
    "department",
    "due_at",
];

/// The columns that are written where none are named: those of `gridkeeper assign`.
const COLUMNS_DEFAULT: usize = 5;

const ERROR: &str = "error";

impl CsvForm {
    /// Starts with the columns that the caller asked for.
    ///
    /// # Errors
    /// Names a column that there is not.
    pub fn new(record_bytes_max: usize, fields: Option<&str>) -> Result<Self, Problem> {
        let asked = Members::parse_of(fields, &COLUMNS)?;
        let default = || COLUMNS[..COLUMNS_DEFAULT].iter().map(|&name| name.to_owned()).collect();
        let columns = asked.names().map_or_else(default, <[_]>::to_vec);
        Ok(Self { splitter: CsvSplitter::new(record_bytes_max), columns, header: None, reader: RowReader::new(), plain_rows: Vec::new() })
    }
}

impl CsvForm {
    /// Returns what answers rows quickly, where the columns asked for allow it.
    pub fn quick(&self) -> Option<Quick> {
        Quick::new(Some(&self.columns))
    }
}

impl Form for CsvForm {
    fn push(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut at = 0;
        while at < bytes.len() {
            at += self.answer_plain(&bytes[at..], desk, out);
            let is_quick = desk.quick.is_some();
            let (columns, header, reader) = (&self.columns, &mut self.header, &mut self.reader);
            let mut rows = Rows { columns, header, reader, desk, writer: writer(out), broken: None };
            // Where plain rows are answered otherwise, the next row may be one.
            loop {
                at += self.splitter.push_one(&bytes[at..], &mut |cut| rows.take(&cut));
                if is_quick || at >= bytes.len() {
                    break;
                }
            }
            rows.end()?;
        }
        Ok(())
    }

    fn finish(&mut self, desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        let (columns, header, reader) = (&self.columns, &mut self.header, &mut self.reader);
        let mut rows = Rows { columns, header, reader, desk, writer: writer(out), broken: None };
        self.splitter.finish(&mut |cut| rows.take(&cut));
        rows.end()?;
        if self.header.is_some() { Ok(()) } else { Err(Broken("the body has no header line".into())) }
    }

    fn give_up(&mut self, broken: &Broken, out: &mut Vec<u8>) {
        let width = self.header.as_ref().map_or(0, |header| header.width);
        let blank = vec![""; width];
        write_row(&mut writer(out), blank.iter().map(|cell| cell.as_bytes()), &invalid(&self.columns, &broken.to_string()));
    }

    fn is_begun(&self) -> bool {
        self.header.is_some()
    }
}

impl CsvForm {
    /// Answers the plain rows at the beginning, and returns how many bytes they are.
    fn answer_plain(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> usize {
        let (Some(quick), Some(header)) = (&mut desk.quick, &self.header) else { return 0 };
        let Some(places) = header.plain.filter(|_| self.splitter.is_at_start()) else { return 0 };
        let mut taken = 0;
        self.plain_rows.clear();
        while let Some(length) = memchr(b'\n', &bytes[taken..]) {
            let line = &bytes[taken..taken + length];
            let row = line.strip_suffix(b"\r").unwrap_or(line);
            let read = plain::read_row(row, header.width, places).filter(|_| self.splitter.is_short(line.len()));
            let Some(position) = read else { break };
            quick.add(position);
            self.plain_rows.push(taken..taken + row.len());
            taken += length + 1;
        }
        quick.answer(&mut desk.asker, &mut |at, columns, found| {
            let row = &bytes[self.plain_rows[at].clone()];
            match found {
                Ok(found) => write_found(row, columns, found, out),
                Err(error) => write_row(&mut writer(out), row.split(|byte| *byte == b','), &invalid(&self.columns, error)),
            }
        });
        taken
    }
}

/// Writes a row as it was given, with what was found and an empty error behind it.
fn write_found(row: &[u8], columns: &[Column], found: Found<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(row);
    for column in columns {
        out.push(b',');
        match column {
            Column::Status => out.extend_from_slice(found.status.as_str().as_bytes()),
            Column::GridCode => {
                let code = found.code.unwrap_or_default();
                // A code has neither white space nor control characters.
                if code.bytes().any(|byte| matches!(byte, b'"' | b',')) {
                    out.extend_from_slice(format!("\"{}\"", code.replace('"', "\"\"")).as_bytes());
                } else {
                    out.extend_from_slice(code.as_bytes());
                }
            }
        }
    }
    out.extend_from_slice(b",\n");
}

/// The rows that end in one piece of the body.
struct Rows<'a> {
    columns: &'a [String],
    header: &'a mut Option<Header>,
    reader: &'a mut RowReader,
    desk: &'a mut Desk,
    writer: Writer<&'a mut Vec<u8>>,
    broken: Option<Broken>,
}

impl Rows<'_> {
    fn take(&mut self, cut: &Cut<'_>) {
        if self.broken.is_some() {
            return;
        }
        match self.header {
            None => match read_header(cut, self.reader) {
                Ok(header) => {
                    let added = self.columns.iter().map(String::as_str).chain([ERROR]);
                    write_cells(&mut self.writer, header.names.iter().map(String::as_str).chain(added).map(str::as_bytes));
                    *self.header = Some(header);
                }
                Err(broken) => self.broken = Some(broken),
            },
            Some(header) => {
                let row = match record(cut) {
                    Ok(bytes) => self.reader.read(bytes),
                    Err(error) => {
                        write_row(&mut self.writer, vec![&b""[..]; header.width].into_iter(), &invalid(self.columns, &error));
                        return;
                    }
                };
                let added = answer_row(&row, header, self.columns, self.desk).unwrap_or_else(|error| invalid(self.columns, &error));
                // A row that is too short or too long keeps its cells as far as the header has names for them.
                let cells = (0..header.width).map(|at| row.get(at).unwrap_or_default());
                write_row(&mut self.writer, cells, &added);
            }
        }
    }

    fn end(mut self) -> Result<(), Broken> {
        self.writer.flush().expect("writing into memory cannot fail");
        self.broken.map_or(Ok(()), Err)
    }
}

fn read_header(cut: &Cut<'_>, reader: &mut RowReader) -> Result<Header, Broken> {
    let bytes = record(cut).map_err(Broken)?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let row = reader.read(bytes);
    let name = |cell: &[u8]| std::str::from_utf8(cell).map(|name| name.trim().to_owned());
    let names: Vec<_> = row.iter().map(name).collect::<Result<_, _>>().map_err(|_| Broken("the header line is not UTF-8".into()))?;
    for needed in ["lon", "lat"] {
        if names.iter().filter(|name| *name == needed).count() != 1 {
            return Err(Broken(format!("the header line needs exactly one column {needed}; it has {}", names.join(","))));
        }
    }
    let place_of = |wanted: &str| names.iter().position(|name| name == wanted);
    let has_options = OPTIONS.iter().any(|option| place_of(option).is_some());
    let plain = place_of("lon").zip(place_of("lat")).filter(|_| !has_options);
    Ok(Header { width: names.len(), names, plain })
}

fn answer_row(row: &Row<'_>, header: &Header, columns: &[String], desk: &mut Desk) -> Result<Vec<String>, String> {
    if row.len() != header.width {
        return Err(format!("the row has {} cells, the header line {}", row.len(), header.width));
    }
    if row.iter().any(|cell| std::str::from_utf8(cell).is_err()) {
        return Err("the row is not UTF-8".into());
    }
    let fields = |name: &str| {
        let at = header.names.iter().position(|known| known == name)?;
        let text = std::str::from_utf8(row.get(at)?).ok()?;
        Some(Given::Text(Cow::Borrowed(text)))
    };
    let mut added = Vec::with_capacity(columns.len() + 1);
    desk.answer(&fields, &mut |answer| {
        added.extend(columns.iter().map(|column| cell(answer, column)));
        added.push(String::new());
        Ok(())
    })?;
    Ok(added)
}

fn cell(answer: &LocateAnswer<'_>, column: &str) -> String {
    let first = answer.responsible.as_ref().map(|responsible| &responsible.holder);
    let worker = first.and_then(|first| first.worker.as_ref());
    let lead = answer.departments.as_ref().and_then(|all| all.as_ref()?.first());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    match column {
        "grid_code" => text(answer.grid.as_ref().map(|grid| grid.code)),
        "grid_id" => answer.grid.as_ref().map(|grid| grid.id.to_string()).unwrap_or_default(),
        "grid_name" => text(answer.grid.as_ref().map(|grid| grid.name)),
        "worker_id" => text(worker.map(|worker| worker.id)),
        "worker_name" => text(worker.map(|worker| worker.name)),
        "worker_phone" => text(worker.map(|worker| worker.phone)),
        "post" => text(first.map(|first| first.post)),
        "responsible_from" => text(first.map(|first| first.from)),
        "vacant" => answer.vacant.to_string(),
        "status" => answer.status.to_owned(),
        "distance_to_border_m" => answer.distance_to_border_m.map(|metres| metres.to_string()).unwrap_or_default(),
        "ambiguous" => answer.ambiguous.to_string(),
        "layer" => answer.layer.to_owned(),
        "generation" => answer.generation.to_string(),
        "at" => answer.at.to_string(),
        "expires" => answer.expires.map(|at| at.to_string()).unwrap_or_default(),
        "nearest_code" => text(answer.nearest.as_ref().map(|near| near.code)),
        "nearest_distance_m" => answer.nearest.as_ref().map(|near| near.distance_m.to_string()).unwrap_or_default(),
        "department_id" => text(lead.map(|lead| lead.id.as_str())),
        "department" => text(lead.map(|lead| lead.name.as_str())),
        "due_at" => answer.due_at.flatten().map(|at| at.to_string()).unwrap_or_default(),
        other => unreachable!("{other} is not in COLUMNS"),
    }
}

fn invalid(columns: &[String], error: &str) -> Vec<String> {
    let status = |column: &String| if column == "status" { INVALID.to_owned() } else { String::new() };
    columns.iter().map(status).chain([error.to_owned()]).collect()
}

/// Reads rows one by one. A reader of a whole table would have to be made anew for each, which takes longer than answering it.
#[derive(Debug)]
struct RowReader {
    reader: Reader,
    text: Vec<u8>,
    ends: Vec<usize>,
}

/// The cells of a row, without their quotes.
struct Row<'a> {
    text: &'a [u8],
    ends: &'a [usize],
}

impl RowReader {
    fn new() -> Self {
        Self { reader: Reader::new(), text: Vec::new(), ends: Vec::new() }
    }

    /// Reads the bytes of a row, which are not empty.
    fn read(&mut self, bytes: &[u8]) -> Row<'_> {
        self.reader.reset();
        // Cells are no longer than what they are read from, and there is one more of them than of commas.
        self.text.resize(bytes.len(), 0);
        self.ends.resize(memchr_iter(b',', bytes).count() + 1, 0);
        let (mut read, mut written, mut count) = (0, 0, 0);
        loop {
            let (result, more_read, more_written, more) =
                self.reader.read_record(&bytes[read..], &mut self.text[written..], &mut self.ends[count..]);
            (read, written, count) = (read + more_read, written + more_written, count + more);
            // With all bytes read it is asked once more, which tells it that they end.
            if result != ReadRecordResult::InputEmpty {
                return Row { text: &self.text[..written], ends: &self.ends[..count] };
            }
        }
    }
}

impl<'a> Row<'a> {
    fn len(&self) -> usize {
        self.ends.len()
    }

    fn get(&self, at: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(at)?;
        Some(&self.text[at.checked_sub(1).map_or(0, |before| self.ends[before])..end])
    }

    fn iter(&self) -> impl Iterator<Item = &'a [u8]> {
        (0..self.len()).filter_map(|at| self.get(at))
    }
}

fn writer(out: &mut Vec<u8>) -> Writer<&mut Vec<u8>> {
    WriterBuilder::new().flexible(true).from_writer(out)
}

fn write_row<'a>(writer: &mut Writer<&mut Vec<u8>>, given: impl Iterator<Item = &'a [u8]>, added: &'a [String]) {
    write_cells(writer, given.chain(added.iter().map(String::as_bytes)));
}

fn write_cells<'a>(writer: &mut Writer<&mut Vec<u8>>, cells: impl Iterator<Item = &'a [u8]>) {
    writer.write_record(cells).expect("writing into memory cannot fail");
}
