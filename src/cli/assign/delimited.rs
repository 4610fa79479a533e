//! CSV. Rows are copied byte for byte, whatever their encoding, and the answers stand behind them.
//!
//! In UTF-8 and in GBK the bytes of the comma, the quote and the line end mean nothing else, so rows are cut without decoding.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use anyhow::{Context as _, bail};
use csv::{ByteRecord, Reader, ReaderBuilder};
use encoding_rs::GB18030;
use indicatif::ProgressBar;
use rayon::prelude::*;

use super::answerer::{Addition, Answerer, Value, free_names};
use super::{BATCH_BYTES, BATCH_ROWS, PositionFields, ROW_BYTES_MAX};
use crate::import::decode_text;

pub(super) fn assign(
    input: impl Read,
    out: &mut dyn Write,
    answerer: &Answerer<'_>,
    names: &PositionFields,
    progress: &ProgressBar,
) -> anyhow::Result<u64> {
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(Kept::new(input));
    let mut style = Style::default();
    let Some(header) = read_batch(&mut reader, 1)?.pop() else { bail!("the table is empty; its first row must name the columns") };
    let (mut columns, raw_header) = header;
    columns.trim();
    style.learn(&raw_header);
    let decode = |cell: &[u8]| decode_text(cell).map_err(|_| anyhow::anyhow!("the header is neither UTF-8 nor GBK"));
    let headers: Vec<String> = columns.iter().map(decode).collect::<Result<_, _>>()?;
    let (lon, lat) = names.find(&headers)?;
    // The reader ends a row at the first character of the line end; the second is skipped in front of the next row.
    style.line_end = if raw_header.ends_with(b"\r\n") || raw_header.ends_with(b"\r") { "\r\n" } else { "\n" };
    let names = free_names(answerer.fields(), headers.iter().map(String::as_str));
    out.write_all(trim(&raw_header))?;
    write!(out, ",{}{}", names.join(","), style.line_end)?;

    let mut invalid_count = 0;
    loop {
        let batch = read_batch(&mut reader, BATCH_ROWS)?;
        if batch.is_empty() {
            return Ok(invalid_count);
        }
        batch.iter().for_each(|(_, raw)| style.learn(raw));
        let answer = |(cells, raw): &(ByteRecord, Vec<u8>)| {
            let addition = answer_row(answerer, cells, headers.len(), (lon, lat));
            (addition.error.is_some(), style.to_row(trim(raw), headers.len().saturating_sub(cells.len()), &addition))
        };
        let rows: Vec<(bool, Vec<u8>)> = batch.par_iter().map(answer).collect();
        for (is_invalid, row) in &rows {
            invalid_count += u64::from(*is_invalid);
            out.write_all(row).context("cannot write a row")?;
        }
        progress.inc(rows.len() as u64);
    }
}

fn answer_row(answerer: &Answerer<'_>, cells: &ByteRecord, expected: usize, (lon, lat): (usize, usize)) -> Addition {
    if cells.len() != expected {
        return answerer.refuse(format!("the row has {} columns, the header has {expected}", cells.len()));
    }
    // Full-width digits of GBK are two bytes each; what is neither UTF-8 nor GBK is no number.
    let cell = |column: usize| match std::str::from_utf8(&cells[column]) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(decode_text(&cells[column]).unwrap_or_else(|_| "?".into())),
    };
    answerer.answer(&cell(lon), &cell(lat))
}

/// Reads rows, each with the bytes it came from, until a bound is reached.
fn read_batch<R: Read>(reader: &mut Reader<Kept<R>>, rows_max: usize) -> anyhow::Result<Vec<(ByteRecord, Vec<u8>)>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while batch.len() < rows_max && bytes < BATCH_BYTES {
        let mut cells = ByteRecord::new();
        let start = reader.position().byte();
        if !reader.read_byte_record(&mut cells).context("cannot read a row")? {
            break;
        }
        let end = reader.position().byte();
        let raw = reader.get_mut().take(start, end);
        bytes += raw.len();
        batch.push((cells, raw));
    }
    Ok(batch)
}

/// A row without the line ends around it.
fn trim(raw: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    let start = raw.iter().position(is_text).unwrap_or(raw.len());
    let end = raw.iter().rposition(is_text).map_or(start, |last| last + 1);
    &raw[start..end]
}

/// How the table is written, learned from what has been read.
#[derive(Default)]
struct Style {
    /// None while everything was plain ASCII.
    is_gbk: Option<bool>,
    line_end: &'static str,
}

impl Style {
    fn learn(&mut self, raw: &[u8]) {
        if self.is_gbk.is_none() && !raw.is_ascii() {
            self.is_gbk = Some(std::str::from_utf8(raw).is_err());
        }
    }

    fn to_row(&self, raw: &[u8], missing_cells: usize, addition: &Addition) -> Vec<u8> {
        let mut row = Vec::with_capacity(raw.len() + 64);
        row.extend_from_slice(raw);
        // A short row is filled up, so that the answers stand under their names.
        row.extend(std::iter::repeat_n(b',', missing_cells));
        for value in &addition.values {
            row.push(b',');
            match value {
                Value::Nothing => {}
                Value::Text(text) => self.push_text(text, &mut row),
                Value::Number(number) => self.push_text(&number.to_string(), &mut row),
                Value::Flag(flag) => self.push_text(&flag.to_string(), &mut row),
            }
        }
        row.push(b',');
        self.push_text(addition.error.as_deref().unwrap_or_default(), &mut row);
        row.extend_from_slice(self.line_end.as_bytes());
        row
    }

    fn push_text(&self, text: &str, row: &mut Vec<u8>) {
        let quoted = if text.contains([',', '"', '\r', '\n']) {
            Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
        } else {
            Cow::Borrowed(text)
        };
        let bytes = if self.is_gbk == Some(true) { GB18030.encode(&quoted).0 } else { Cow::Borrowed(quoted.as_bytes()) };
        row.extend_from_slice(&bytes);
    }
}

/// Passes bytes on and keeps them until they are taken.
struct Kept<R> {
    inner: R,
    bytes: Vec<u8>,
    /// The offset in the input of the first byte that is kept.
    start: u64,
}

impl<R> Kept<R> {
    fn new(inner: R) -> Self {
        Self { inner, bytes: Vec::new(), start: 0 }
    }

    /// Returns the bytes from one offset to another and lets go of all before the second.
    fn take(&mut self, from: u64, to: u64) -> Vec<u8> {
        let at = |offset: u64| usize::try_from(offset - self.start).expect("what is kept is in memory");
        let taken = self.bytes[at(from)..at(to)].to_vec();
        // Moving the rest to the front for every row would read it again and again.
        if at(to) > BATCH_BYTES / 8 {
            let gone = at(to);
            self.bytes.drain(..gone);
            self.start = to;
        }
        taken
    }
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.bytes.len() > BATCH_BYTES + ROW_BYTES_MAX {
            let message = format!("a row is longer than {ROW_BYTES_MAX} bytes; is a quote not closed?");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let count = self.inner.read(buffer)?;
        self.bytes.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}
