use std::borrow::Cow;

use csv::{ByteRecord, ReaderBuilder, Writer, WriterBuilder};

use super::members::Members;
use super::{Desk, Form, INVALID, record};
use crate::api::locate::ask::Given;
use crate::api::locate::split::{Broken, CsvSplitter, Cut};
use crate::api::problem::Problem;
use crate::api::wire::LocateAnswer;

/// CSV with a header line, answered by the same rows with the answer's columns behind theirs.
#[derive(Debug)]
pub struct CsvForm {
    splitter: CsvSplitter,
    columns: Vec<String>,
    header: Option<Header>,
}

#[derive(Debug)]
struct Header {
    names: Vec<String>,
    width: usize,
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
        Ok(Self { splitter: CsvSplitter::new(record_bytes_max), columns, header: None })
    }
}

impl Form for CsvForm {
    fn push(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut rows = Rows { columns: &self.columns, header: &mut self.header, desk, writer: writer(out), broken: None };
        self.splitter.push(bytes, &mut |cut| rows.take(&cut));
        rows.end()
    }

    fn finish(&mut self, desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut rows = Rows { columns: &self.columns, header: &mut self.header, desk, writer: writer(out), broken: None };
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

/// The rows that end in one piece of the body.
struct Rows<'a> {
    columns: &'a [String],
    header: &'a mut Option<Header>,
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
            None => match read_header(cut) {
                Ok(header) => {
                    let added = self.columns.iter().map(String::as_str).chain([ERROR]);
                    write_cells(&mut self.writer, header.names.iter().map(String::as_str).chain(added).map(str::as_bytes));
                    *self.header = Some(header);
                }
                Err(broken) => self.broken = Some(broken),
            },
            Some(header) => {
                let row = record(cut).and_then(|bytes| read_row(bytes).ok_or_else(|| "the row cannot be read".to_owned()));
                let row = row.unwrap_or_else(|error| {
                    write_row(&mut self.writer, vec![&b""[..]; header.width].into_iter(), &invalid(self.columns, &error));
                    ByteRecord::new()
                });
                if row.is_empty() {
                    return;
                }
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

fn read_header(cut: &Cut<'_>) -> Result<Header, Broken> {
    let bytes = record(cut).map_err(Broken)?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let row = read_row(bytes).ok_or_else(|| Broken("the header line cannot be read".into()))?;
    let name = |cell: &[u8]| std::str::from_utf8(cell).map(|name| name.trim().to_owned());
    let names: Vec<_> = row.iter().map(name).collect::<Result<_, _>>().map_err(|_| Broken("the header line is not UTF-8".into()))?;
    for needed in ["lon", "lat"] {
        if names.iter().filter(|name| *name == needed).count() != 1 {
            return Err(Broken(format!("the header line needs exactly one column {needed}; it has {}", names.join(","))));
        }
    }
    Ok(Header { width: names.len(), names })
}

fn answer_row(row: &ByteRecord, header: &Header, columns: &[String], desk: &mut Desk) -> Result<Vec<String>, String> {
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

fn cell(answer: &LocateAnswer, column: &str) -> String {
    let first = answer.responsible.as_ref().map(|responsible| &responsible.holder);
    let worker = first.and_then(|first| first.worker.as_ref());
    let lead = answer.departments.as_ref().and_then(|all| all.as_ref()?.first());
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    match column {
        "grid_code" => text(answer.grid.as_ref().map(|grid| grid.code.as_str())),
        "grid_id" => text(answer.grid.as_ref().map(|grid| grid.id.as_str())),
        "grid_name" => text(answer.grid.as_ref().map(|grid| grid.name.as_str())),
        "worker_id" => text(worker.map(|worker| worker.id.as_str())),
        "worker_name" => text(worker.map(|worker| worker.name.as_str())),
        "worker_phone" => text(worker.map(|worker| worker.phone.as_str())),
        "post" => text(first.map(|first| first.post)),
        "responsible_from" => text(first.map(|first| first.from.as_str())),
        "vacant" => answer.vacant.to_string(),
        "status" => answer.status.to_owned(),
        "distance_to_border_m" => answer.distance_to_border_m.map(|metres| metres.to_string()).unwrap_or_default(),
        "ambiguous" => answer.ambiguous.to_string(),
        "layer" => answer.layer.clone(),
        "generation" => answer.generation.to_string(),
        "at" => answer.at.to_string(),
        "expires" => answer.expires.map(|at| at.to_string()).unwrap_or_default(),
        "nearest_code" => text(answer.nearest.as_ref().map(|near| near.code.as_str())),
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

fn read_row(bytes: &[u8]) -> Option<ByteRecord> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(bytes.len().max(64)).from_reader(bytes);
    let mut row = ByteRecord::new();
    reader.read_byte_record(&mut row).ok().filter(|read| *read)?;
    Some(row)
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
