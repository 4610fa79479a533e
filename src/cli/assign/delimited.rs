//! CSV. Rows are copied byte for byte, whatever their encoding, and the answers stand behind them.
//!
//! In UTF-8 and in GBK the bytes of the comma, the quote and the line end mean nothing else, so rows are cut without decoding. They are
//! cut as the crate `csv` cuts them: a quoted cell begins with a quote, lines without text are no rows, and `\n`, `\r\n` and `\r` end a
//! row alike.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use csv::{ByteRecord, ReaderBuilder};
use memchr::memrchr2;

use super::PositionFields;
use super::answerer::{Answerer, Found, free_names};
use super::blocks::{Blocks, UTF8_MARK, find_close};
use super::marks::Marks;
use super::pipeline;
use super::tails::{Dialect, TAILS_AHEAD, Tails};
use super::tally::{Faults, Tally};
use crate::boundary::Position;
use crate::import::decode_text;

/// `again` is the same table once more, where it can be read twice.
pub(super) fn assign(
    input: impl Read + Send,
    again: Option<impl Read>,
    out: &mut dyn Write,
    answerer: &Answerer<'_>,
    names: &PositionFields,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let mut blocks = Blocks::of_rows(input);
    let mut first = Vec::new();
    blocks.next(&mut first)?;
    let header = Header::read(&first, names)?;
    blocks.put_back(&first[header.end..]);
    let mut encoding = Guess::default();
    encoding.learn(&first);
    if let Some(again) = again.filter(|_| answerer.adds_beyond_ascii()) {
        encoding.look_ahead(again)?;
    }
    let names = free_names(answerer.fields(), header.names.iter().map(String::as_str));
    out.write_all(&first[header.start..header.text_end])?;
    write!(out, ",{}", names.join(","))?;
    out.write_all(header.line_end)?;

    // Nearly all tables are of one encoding, so the other tails are not even made room for.
    let tails = [OnceLock::new(), OnceLock::new()];
    let tails = |is_gbk: bool| {
        let dialect = if is_gbk { Dialect::CsvGbk } else { Dialect::CsvUtf8 };
        tails[usize::from(is_gbk)].get_or_init(|| Tails::new(answerer, dialect))
    };
    let read = |block: &mut Block| {
        let is_more = blocks.next(&mut block.text)?;
        encoding.learn(&block.text);
        block.is_gbk = encoding.is_gbk == Some(true);
        Ok(is_more)
    };
    let work = |block: &mut Block, written: &mut Written| block.answer(&header, answerer, tails(block.is_gbk), written);
    tally.count_from(2);
    pipeline::run(read, work, |written| {
        out.write_all(&written.text).context("cannot write the rows")?;
        tally.add(written.rows, &written.faults);
        Ok(())
    })
}

/// The first row.
struct Header {
    names: Vec<String>,
    /// The columns of the position.
    lon: usize,
    lat: usize,
    /// Where the row begins, where its text ends, and where the next row begins.
    start: usize,
    text_end: usize,
    end: usize,
    line_end: &'static [u8],
}

impl Header {
    fn read(text: &[u8], names: &PositionFields) -> anyhow::Result<Self> {
        // The mark of UTF-8 stays in front of what is written.
        let mark = if text.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 };
        let Some(row) = Rows::new(text, mark).next() else { bail!("the table is empty; its first row must name the columns") };
        let mut reader = ReaderBuilder::new().has_headers(false).from_reader(&text[row.start()..row.end()]);
        let mut cells = ByteRecord::new();
        reader.read_byte_record(&mut cells).context("cannot read the first row")?;
        cells.trim();
        let decode = |cell: &[u8]| decode_text(cell).map_err(|_| anyhow::anyhow!("the header is neither UTF-8 nor GBK"));
        let headers: Vec<String> = cells.iter().map(decode).collect::<Result<_, _>>()?;
        let (lon, lat) = names.find(&headers)?;
        let line_end: &[u8] = match &text[row.end()..row.next()] {
            b"\r\n" => b"\r\n",
            b"\r" => b"\r",
            _ => b"\n",
        };
        Ok(Self { names: headers, lon, lat, start: if mark > 0 { 0 } else { row.start() }, text_end: row.end(), end: row.next(), line_end })
    }
}

/// Whether a table is GBK; none while everything was plain ASCII.
#[derive(Default)]
struct Guess {
    is_gbk: Option<bool>,
}

impl Guess {
    fn learn(&mut self, text: &[u8]) {
        if self.is_gbk.is_none() && !text.is_ascii() {
            // One line decides: a single broken character further on does not make a table GBK.
            let at = text.iter().position(|byte| !byte.is_ascii()).unwrap_or(0);
            let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
            let start = text[..at].iter().rposition(is_end).map_or(0, |end| end + 1);
            let end = text[at..].iter().position(is_end).map_or(text.len(), |end| at + end);
            self.is_gbk = Some(std::str::from_utf8(&text[start..end]).is_err());
        }
    }

    /// Looks for the line that decides, which may stand far behind the rows that are answered first.
    fn look_ahead(&mut self, table: impl Read) -> anyhow::Result<()> {
        // Line ends within quotes matter as little here as they do above.
        let mut blocks = Blocks::new(table, |block| memrchr2(b'\r', b'\n', block).map(|at| at + 1));
        let mut block = Vec::new();
        while self.is_gbk.is_none() && blocks.next(&mut block)? {
            self.learn(&block);
        }
        Ok(())
    }
}

/// Rows that are answered together, and the room that they need.
#[derive(Default)]
struct Block {
    text: Vec<u8>,
    is_gbk: bool,
    rows: Vec<Row>,
    /// Of the rows that have one, in their order.
    positions: Vec<Position>,
    found: Vec<Found>,
    /// Of the rows that have no position, in their order.
    refusals: Vec<Refusal>,
}

/// Why a row has no position.
struct Refusal {
    error: String,
    /// Where the cells end that the header has names for.
    end: usize,
}

/// Rows with their answers.
#[derive(Default)]
struct Written {
    text: Vec<u8>,
    rows: u64,
    faults: Faults,
}

/// Where a row stands in its block, which is far shorter than 4 GiB.
#[derive(Clone, Copy, Debug)]
struct Row {
    start: u32,
    /// Where its text ends.
    end: u32,
    /// Where the next row begins, or a line without text.
    next: u32,
    cells: u32,
    is_valid: bool,
}

impl Row {
    #[expect(clippy::cast_possible_truncation, reason = "a block is at most twice the longest row, some MiB")]
    fn new(start: usize, end: usize, next: usize, cells: usize) -> Self {
        Self { start: start as u32, end: end as u32, next: next as u32, cells: cells as u32, is_valid: false }
    }

    fn start(self) -> usize {
        self.start as usize
    }

    fn end(self) -> usize {
        self.end as usize
    }

    fn next(self) -> usize {
        self.next as usize
    }
}

impl Block {
    fn answer(&mut self, header: &Header, answerer: &Answerer<'_>, tails: &Tails<'_>, written: &mut Written) {
        self.read(header, answerer);
        answerer.find_all(&self.positions, &mut self.found);
        self.write(header, tails, written);
    }

    fn read(&mut self, header: &Header, answerer: &Answerer<'_>) {
        self.rows.clear();
        self.positions.clear();
        self.refusals.clear();
        let mut rows = Rows::new(&self.text, 0).with_cells(header.lon, header.lat);
        while let Some(mut row) = rows.next() {
            let position = if row.cells as usize == header.names.len() {
                read_position(answerer, rows.lon(), rows.lat()).map_err(|error| Refusal { error, end: row.end() })
            } else {
                Err(misfit(&self.text, row, header.names.len()))
            };
            row.is_valid = position.is_ok();
            self.rows.push(row);
            match position {
                Ok(position) => self.positions.push(position),
                Err(refusal) => self.refusals.push(refusal),
            }
        }
    }

    fn write(&self, header: &Header, tails: &Tails<'_>, written: &mut Written) {
        let Written { text, rows, faults } = written;
        text.clear();
        faults.clear();
        *rows = self.rows.len() as u64;
        let mut answers = self.positions.iter().zip(&self.found);
        let mut ahead = self.found.iter().skip(TAILS_AHEAD);
        let mut refusals = self.refusals.iter();
        // The end of a line is copied together with the next row.
        let (mut copied, mut expected, mut has_end) = (0, 0, true);
        for (number, row) in (0..).zip(&self.rows) {
            if row.start() != expected {
                text.extend_from_slice(&self.text[copied..expected]);
                copied = row.start();
            }
            let refusal = if row.is_valid { None } else { refusals.next() };
            text.extend_from_slice(&self.text[copied..refusal.map_or(row.end(), |refusal| refusal.end)]);
            (copied, expected, has_end) = (row.end(), row.next(), row.end < row.next);
            // A short row is filled up, so that the answers stand under their names.
            text.extend(std::iter::repeat_n(b',', header.names.len().saturating_sub(row.cells as usize)));
            if row.is_valid {
                if let Some(found) = ahead.next() {
                    tails.fetch(found);
                }
                if let Some((position, found)) = answers.next() {
                    tails.push(*position, found, text);
                }
            } else if let Some(Refusal { error, .. }) = refusal {
                tails.push_refusal(error, text);
                faults.add(number, error);
            }
        }
        text.extend_from_slice(&self.text[copied..expected]);
        // Only the last row of all can lack its line end.
        if !has_end {
            text.extend_from_slice(header.line_end);
        }
    }
}

/// Says of a row that it has more or fewer cells than the header. What is too much would push the answers from under their names, so
/// it goes into the error, all of it: a row loses nothing, and is no longer than [`ROW_BYTES_MAX`](super::blocks::ROW_BYTES_MAX).
fn misfit(text: &[u8], row: Row, width: usize) -> Refusal {
    let error = format!("the row has {} columns, the header has {width}", row.cells);
    if (row.cells as usize) <= width {
        return Refusal { error, end: row.end() };
    }
    let mut rows = Rows::new(&text[..row.end()], row.start()).with_cells(width - 1, width);
    rows.next();
    let [(_, end), (surplus, _)] = rows.found;
    Refusal { error: format!("{error}; too much is {}", decode(&text[surplus..row.end()])), end }
}

#[inline]
fn read_position(answerer: &Answerer<'_>, lon: &[u8], lat: &[u8]) -> Result<Position, String> {
    match answerer.read_plain(lon, lat) {
        Some(position) => Ok(position),
        None => answerer.read(&to_text(lon), &to_text(lat)),
    }
}

/// Returns the text of a cell. Full-width digits of GBK are two bytes each; what is neither UTF-8 nor GBK is no number.
fn to_text(cell: &[u8]) -> Cow<'_, str> {
    if let [b'"', quoted @ ..] = cell {
        let end = find_close(quoted, 0).unwrap_or(quoted.len());
        // What stands behind the closing quote belongs to the cell, as it is.
        let rest = quoted.get(end + 1..).unwrap_or_default();
        return Cow::Owned(decode(&quoted[..end]).replace("\"\"", "\"") + &decode(rest));
    }
    match std::str::from_utf8(cell) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(decode(cell)),
    }
}

fn decode(bytes: &[u8]) -> String {
    decode_text(bytes).unwrap_or_else(|_| "?".into())
}

/// Goes over the rows of a text that begins with a row, and finds two cells of each.
struct Rows<'a> {
    text: &'a [u8],
    marks: Marks<'a>,
    at: usize,
    wanted: [usize; 2],
    found: [(usize, usize); 2],
}

impl<'a> Rows<'a> {
    fn new(text: &'a [u8], start: usize) -> Self {
        Self { text, marks: Marks::new(text, start), at: start, wanted: [0; 2], found: [(0, 0); 2] }
    }

    fn with_cells(self, lon: usize, lat: usize) -> Self {
        Self { wanted: [lon, lat], ..self }
    }

    /// Returns the cell of the longitude in the row that was told last; meaningless where the row is too short for it.
    fn lon(&self) -> &'a [u8] {
        &self.text[self.found[0].0..self.found[0].1]
    }

    fn lat(&self) -> &'a [u8] {
        &self.text[self.found[1].0..self.found[1].1]
    }

    #[inline]
    fn next(&mut self) -> Option<Row> {
        // Lines without text are no rows.
        let start = self.at + self.text[self.at..].iter().position(|byte| !matches!(byte, b'\r' | b'\n'))?;
        if start > self.at {
            self.marks.seek(start);
        }
        let (mut cell_start, mut cells) = (start, 0);
        loop {
            let Some(mark) = self.marks.next() else {
                self.end_cell(cells, cell_start, self.text.len());
                self.at = self.text.len();
                return Some(Row::new(start, self.at, self.at, cells + 1));
            };
            match self.text[mark] {
                b',' => {
                    self.end_cell(cells, cell_start, mark);
                    cells += 1;
                    cell_start = mark + 1;
                }
                end @ (b'\n' | b'\r') => {
                    self.end_cell(cells, cell_start, mark);
                    self.at = mark + 1;
                    if end == b'\r' && self.text.get(self.at) == Some(&b'\n') {
                        self.at += 1;
                        self.marks.next();
                    }
                    return Some(Row::new(start, mark, self.at, cells + 1));
                }
                b'"' if mark == cell_start => {
                    let close = find_close(self.text, mark + 1).unwrap_or(self.text.len());
                    self.marks.seek((close + 1).min(self.text.len()));
                }
                _ => {}
            }
        }
    }

    #[inline]
    fn end_cell(&mut self, cell: usize, start: usize, end: usize) {
        for (wanted, found) in self.wanted.iter().zip(&mut self.found) {
            if *wanted == cell {
                *found = (start, end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::assign::blocks::cut_rows;

    type Cells = Vec<Option<String>>;

    /// The rows of a text with two of their cells, as we read them.
    fn ours(text: &[u8]) -> Vec<(usize, Cells)> {
        let mut rows = Rows::new(text, 0).with_cells(0, 1);
        let read = || {
            let row = rows.next()?;
            let second = (row.cells > 1).then(|| to_text(rows.lat()).into_owned());
            Some((row.cells as usize, vec![Some(to_text(rows.lon()).into_owned()), second]))
        };
        std::iter::from_fn(read).collect()
    }

    fn theirs(text: &[u8]) -> Vec<(usize, Cells)> {
        let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text);
        let cell = |row: &ByteRecord, at: usize| row.get(at).map(decode);
        reader.byte_records().map(|row| row.unwrap()).map(|row| (row.len(), vec![cell(&row, 0), cell(&row, 1)])).collect()
    }

    proptest! {
        #[test]
        fn rows_are_those_of_the_usual_reader(text in "[ab,\"\r\n \u{4e00}]{0,60}") {
            prop_assert_eq!(ours(text.as_bytes()), theirs(text.as_bytes()));
        }

        #[test]
        fn a_cut_changes_no_row(text in "[a,\"\r\n]{0,60}", length in 0_usize..60) {
            let read = &text.as_bytes()[..length.min(text.len())];
            if let Some(end) = cut_rows(read) {
                let (block, rest) = text.as_bytes().split_at(end);
                prop_assert_eq!([ours(block), ours(rest)].concat(), ours(text.as_bytes()));
            }
        }
    }

    #[test]
    fn gbk_is_cut_like_plain_text() {
        // The second bytes of these characters are letters, digits and signs of ASCII, but never a comma, a quote or a line end.
        let (text, _, failed) = encoding_rs::GB18030.encode("丂,乗\n丄亅,111\n\u{20000}\u{20001},㐀\n");
        assert!(!failed);
        assert_eq!(ours(&text), theirs(&text));
        assert_eq!(ours(&text).len(), 3);
    }
}
