//! A stream cut into blocks of whole rows.

use std::io::Read;

use anyhow::{Context as _, bail};
use memchr::{memchr, memrchr, memrchr2};

/// Bytes of a block: enough that taking turns costs nothing beside the rows, few enough for the rows, their positions and what is made
/// of them to stay in a core's cache.
const BLOCK_BYTES: usize = 256 << 10;
/// Longest row, bytes. A longer one is most likely a quote that nobody closed.
pub(super) const ROW_BYTES_MAX: usize = 16 << 20;
/// Characters told of a cell that is never closed, enough to find it.
const OPEN_CHARS_TOLD: usize = 40;
/// What some programs write in front of UTF-8; it belongs to no row.
pub(super) const UTF8_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads blocks that end where a row ends.
pub(super) struct Blocks<R> {
    input: R,
    /// Where the last whole row ends; none where no row does.
    cut: fn(&[u8]) -> Option<usize>,
    /// Where in the last rows something begins that they do not end.
    find_open: fn(&[u8]) -> Option<usize>,
    /// Whether nothing has been given yet: only then can a [mark](UTF8_MARK) stand in front, which belongs to no row.
    is_first: bool,
    /// What has been read behind the last block.
    kept: Vec<u8>,
    has_ended: bool,
}

impl<R: Read> Blocks<R> {
    pub(super) fn new(input: R, cut: fn(&[u8]) -> Option<usize>) -> Self {
        Self { input, cut, find_open: |_| None, is_first: true, kept: Vec::new(), has_ended: false }
    }

    /// Reads rows of CSV.
    pub(super) fn of_rows(input: R) -> Self {
        Self { find_open, ..Self::new(input, cut_rows) }
    }

    /// Fills `block` with the next rows; false where there are none. The last row may lack its line end.
    ///
    /// # Errors
    /// The stream cannot be read, a row is longer than [`ROW_BYTES_MAX`], or a quote is never closed.
    pub(super) fn next(&mut self, block: &mut Vec<u8>) -> anyhow::Result<bool> {
        block.clear();
        block.append(&mut self.kept);
        let mut wanted = BLOCK_BYTES;
        loop {
            if !self.has_ended && block.len() < wanted {
                let missing = wanted - block.len();
                block.reserve(missing);
                let count = self.input.by_ref().take(missing as u64).read_to_end(block).context("cannot read the table")?;
                self.has_ended = count < missing;
            }
            let mark = if self.is_first && block.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 };
            if self.has_ended {
                if let Some(open) = (self.find_open)(&block[mark..]) {
                    let text = String::from_utf8_lossy(&block[mark + open..]);
                    let text: String = text.chars().take(OPEN_CHARS_TOLD).take_while(|char| !matches!(char, '\r' | '\n')).collect();
                    bail!(
                        "the quote before {text} is never closed, so nobody can tell rows from there; close it, or double a quote that belongs to the text"
                    );
                }
                self.is_first = false;
                return Ok(!block.is_empty());
            }
            if let Some(end) = (self.cut)(&block[mark..]) {
                self.kept.extend_from_slice(&block[mark + end..]);
                block.truncate(mark + end);
                self.is_first = false;
                return Ok(true);
            }
            if block.len() > ROW_BYTES_MAX {
                bail!("a row is longer than {ROW_BYTES_MAX} bytes; is a quote not closed, or is this no table?");
            }
            // Doubling keeps a long row from being read again and again.
            wanted = block.len() * 2;
        }
    }

    /// Puts what has been read in front of what follows.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        self.kept.splice(0..0, bytes.iter().copied());
    }
}

/// Finds where the last line ends.
pub(super) fn cut_lines(block: &[u8]) -> Option<usize> {
    memrchr(b'\n', block).map(|at| at + 1)
}

/// Finds where the last whole row of a CSV ends that begins at the start of `block`. A line end within quotes ends no row.
pub(super) fn cut_rows(block: &[u8]) -> Option<usize> {
    // Between two quoted cells, and before and behind them, line ends end rows.
    let mut plain = vec![(0, block.len())];
    let mut at = 0;
    while let Some(quote) = memchr(b'"', &block[at..]).map(|found| at + found) {
        at = quote + 1;
        if !opens_cell(block, quote) {
            continue;
        }
        let close = find_close(block, at);
        if let Some(last) = plain.last_mut() {
            last.1 = quote;
        }
        let Some(close) = close else { break };
        at = close + 1;
        plain.push((at, block.len()));
    }
    plain.iter().rev().find_map(|&(start, end)| {
        let text = &block[start..end];
        let found = memrchr(b'\n', text).or_else(|| {
            // The line feed of a carriage return that comes last may be in the next block.
            let text = if end == block.len() { text.strip_suffix(b"\r").unwrap_or(text) } else { text };
            memrchr2(b'\r', b'\n', text)
        });
        found.map(|found| start + found + 1)
    })
}

/// Finds the text behind a quote that opens a cell and is not closed.
fn find_open(block: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(quote) = memchr(b'"', &block[at..]).map(|found| at + found) {
        at = quote + 1;
        if opens_cell(block, quote) {
            let Some(close) = find_close(block, at) else { return Some(at) };
            at = close + 1;
        }
    }
    None
}

/// Whether a quote begins a quoted cell: only as the first character of it. Elsewhere it stands for itself.
pub(super) fn opens_cell(text: &[u8], quote: usize) -> bool {
    quote == 0 || matches!(text[quote - 1], b',' | b'\n' | b'\r')
}

/// Finds the quote that ends the cell whose text begins at `start`. Two quotes are one in the text.
pub(super) fn find_close(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let quote = at + memchr(b'"', &text[at..])?;
        if text.get(quote + 1) != Some(&b'"') {
            return Some(quote);
        }
        at = quote + 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_csv_ends_where_its_last_whole_row_ends() {
        for (text, whole) in [
            ("a,b\nc,d\ne", "a,b\nc,d\n"),
            ("a,b\r\nc", "a,b\r\n"),
            ("a\rb\rc", "a\rb\r"),
            // The line feed may follow.
            ("a\rb\r", "a\r"),
            ("a\nb\r", "a\n"),
            ("a,\"x\ny\"\nb,\"u\nv", "a,\"x\ny\"\n"),
            ("a,\"x\"\"\ny\"\nb", "a,\"x\"\"\ny\"\n"),
            ("a,5\" pipe\nb,\"\n", "a,5\" pipe\n"),
            ("\"a\nb\"x\"\nc\"d", "\"a\nb\"x\"\n"),
            // A quote that comes last may be the first of two.
            ("a\n\"b\"", "a\n"),
        ] {
            assert_eq!(cut_rows(text.as_bytes()), Some(whole.len()), "{text:?}");
        }
        for text in ["", "a,b", "\"a\nb", "\r", "\"a\n\"\"\n"] {
            assert_eq!(cut_rows(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn nothing_is_lost_between_blocks_and_a_row_that_never_ends_is_refused() {
        let row = format!("{},\"a\n\"\"b\"\"\"\n", "x".repeat(1000));
        let text = row.repeat(2000);
        let mut blocks = Blocks::of_rows(text.as_bytes());
        let (mut block, mut all) = (Vec::new(), Vec::new());
        while blocks.next(&mut block).unwrap() {
            assert!(block.ends_with(b"\"\"\"\n"));
            all.extend_from_slice(&block);
        }
        assert!(all == text.as_bytes());
        let mut open = Blocks::of_rows(b"\"".chain(std::io::repeat(b'\n')));
        assert!(open.next(&mut block).unwrap_err().to_string().contains("quote"));
    }
}
