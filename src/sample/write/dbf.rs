//! Writes dBASE tables with GBK text, as Chinese offices hand them over.
//!
//! The `dbase` crate decodes GBK but does not write it; the format is 32 bytes a column and fixed columns a row.

use std::io::{self, Write};

use encoding_rs::GBK;

/// A column: its name has at most ten bytes, which are five Chinese characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    pub name: &'static str,
    /// `C` text, `N` number, `D` date as YYYYMMDD, `L` yes or no as T or F.
    pub kind: u8,
    pub width: u8,
}

/// The language driver for code page 936, which is GBK.
const LANGUAGE_GBK: u8 = 0x4D;
const HEADER_BYTES: usize = 32;
const NAME_BYTES_MAX: usize = 10;

/// Writes a table; every row has one text for each column.
pub(super) fn write_table<'a>(
    mut out: impl Write,
    columns: &[Column],
    row_count: usize,
    rows: impl Iterator<Item = Vec<std::borrow::Cow<'a, str>>>,
) -> io::Result<()> {
    let header_bytes = HEADER_BYTES * (columns.len() + 1) + 1;
    let row_bytes = 1 + columns.iter().map(|c| usize::from(c.width)).sum::<usize>();
    let too_many = |_| io::Error::other("a dBASE table cannot hold this many rows or columns");
    let mut header = [0; HEADER_BYTES];
    // dBASE III, last changed on a fixed day, as the same seed gives the same bytes.
    header[..4].copy_from_slice(&[3, 126, 1, 1]);
    header[4..8].copy_from_slice(&u32::try_from(row_count).map_err(too_many)?.to_le_bytes());
    header[8..10].copy_from_slice(&u16::try_from(header_bytes).map_err(too_many)?.to_le_bytes());
    header[10..12].copy_from_slice(&u16::try_from(row_bytes).map_err(too_many)?.to_le_bytes());
    header[29] = LANGUAGE_GBK;
    out.write_all(&header)?;
    for column in columns {
        let mut field = [0; HEADER_BYTES];
        let name = GBK.encode(column.name).0;
        debug_assert!(name.len() <= NAME_BYTES_MAX, "{}", column.name);
        field[..name.len()].copy_from_slice(&name);
        field[11] = column.kind;
        field[16] = column.width;
        out.write_all(&field)?;
    }
    out.write_all(b"\r")?;
    for row in rows {
        out.write_all(b" ")?;
        for (column, text) in columns.iter().zip(row) {
            write_cell(&mut out, column, &text)?;
        }
    }
    out.write_all(&[0x1A])
}

/// Numbers stand on the right of their column, everything else on the left. Text that does not fit is an error, never cut.
fn write_cell(out: &mut impl Write, column: &Column, text: &str) -> io::Result<()> {
    let (bytes, _, unmappable) = GBK.encode(text);
    let width = usize::from(column.width);
    if unmappable || bytes.len() > width {
        return Err(io::Error::other(format!("{text:?} does not fit the column {} of {width} bytes in GBK", column.name)));
    }
    let padding = vec![b' '; width - bytes.len()];
    let (first, second): (&[u8], &[u8]) = if column.kind == b'N' { (&padding, &bytes) } else { (&bytes, &padding) };
    out.write_all(first)?;
    out.write_all(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 2] = [Column { name: "名称", kind: b'C', width: 8 }, Column { name: "面积", kind: b'N', width: 5 }];

    fn table(row: [&'static str; 2]) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        write_table(&mut out, &COLUMNS, 1, std::iter::once(row.map(Into::into).to_vec()))?;
        Ok(out)
    }

    #[test]
    fn a_table_holds_gbk_bytes_of_fixed_width() {
        let bytes = table(["零陵", "12"]).unwrap();
        assert_eq!(bytes.len(), 32 * 3 + 1 + 14 + 1);
        assert_eq!(bytes[29], 0x4D);
        let row = GBK.decode(&bytes[97..111]).0;
        assert_eq!(row, " 零陵       12");
    }

    #[test]
    fn text_that_does_not_fit_is_never_cut() {
        assert!(table(["一二三四五", "1"]).is_err());
        assert!(table(["😀", "1"]).is_err());
    }
}
