use std::path::Path;

use encoding_rs::Encoding;
use serde_json::Value;

use super::super::encoding::{choose_encoding, decode};
use super::super::error::ImportError;
use crate::boundary::Properties;

/// A table in memory. Texts stay bytes until the encoding is known, which needs all of them.
pub(super) struct Table<'a> {
    fields: Vec<Field>,
    records: &'a [u8],
    record_bytes: usize,
    pub encoding: &'static Encoding,
    /// How many records the header counts; the file may end before the last of them.
    pub announced: usize,
}

struct Field {
    name: String,
    kind: u8,
    start: usize,
    bytes: usize,
}

/// One row.
pub(super) struct Record<'a> {
    table: &'a Table<'a>,
    bytes: &'a [u8],
    pub is_deleted: bool,
}

const HEADER_BYTES: usize = 32;
const FIELD_BYTES: usize = 32;
const HEADER_END: u8 = 0x0d;
const DELETED: u8 = b'*';

impl<'a> Table<'a> {
    /// Reads the header and chooses the encoding.
    ///
    /// # Errors
    /// A header that contradicts itself.
    pub fn open(path: &Path, bytes: &'a [u8], asked: Option<&'static Encoding>, cpg: Option<&str>) -> Result<Self, ImportError> {
        let broken = |detail: &str| {
            let remedy = "write the table again from the program it came from";
            ImportError::broken(&path.with_extension("dbf"), "dBASE table", detail, remedy)
        };
        let header = bytes.get(..HEADER_BYTES).ok_or_else(|| broken("it has fewer than 32 bytes"))?;
        let count = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let header_bytes = usize::from(u16::from_le_bytes([header[8], header[9]]));
        let record_bytes = usize::from(u16::from_le_bytes([header[10], header[11]]));
        let raw_fields = bytes.get(HEADER_BYTES..header_bytes).ok_or_else(|| broken("it ends within its header"))?;
        let raw_fields: Vec<&[u8]> = raw_fields.chunks_exact(FIELD_BYTES).take_while(|field| field[0] != HEADER_END).collect();
        let after_header = &bytes[header_bytes..];
        if record_bytes == 0 && count > 0 {
            return Err(broken("its records have no length"));
        }
        let whole = count.min(after_header.len() / record_bytes.max(1));
        let records = &after_header[..whole * record_bytes];
        let mut table = Self { fields: Vec::new(), records, record_bytes, encoding: encoding_rs::UTF_8, announced: count };
        // Byte 0 of a record is its mark of deletion.
        let mut start = 1;
        for field in &raw_fields {
            let kind = field[11].to_ascii_uppercase();
            // Texts longer than 255 bytes keep the high byte of their length where numbers keep their decimals.
            let high = if kind == b'C' { usize::from(field[17]) << 8 } else { 0 };
            let bytes = usize::from(field[16]) + high;
            if start + bytes > record_bytes {
                return Err(broken("its fields are longer than its records"));
            }
            table.fields.push(Field { name: String::new(), kind, start, bytes });
            start += bytes;
        }
        table.encoding = choose_encoding(asked, cpg, header[29], raw_fields.iter().map(|f| raw_name(f)).chain(table.texts()));
        let names = raw_fields.iter().map(|raw| decode(table.encoding, raw_name(raw)).0.trim().to_owned());
        for (field, name) in table.fields.iter_mut().zip(unlike_names(names)) {
            field.name = name;
        }
        Ok(table)
    }

    pub fn field_names(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone()).collect()
    }

    pub fn len(&self) -> usize {
        self.records.len() / self.record_bytes.max(1)
    }

    pub fn record(&'a self, at: usize) -> Option<Record<'a>> {
        let start = at.checked_mul(self.record_bytes)?;
        let bytes = self.records.get(start..start + self.record_bytes)?;
        Some(Record { table: self, bytes, is_deleted: *bytes.first()? == DELETED })
    }

    fn texts(&self) -> impl Iterator<Item = &[u8]> {
        let fields = self.fields.iter().filter(|field| field.kind == b'C');
        fields.flat_map(|field| self.records.chunks_exact(self.record_bytes.max(1)).map(|record| trim(field.of(record))))
    }
}

impl Field {
    fn of<'a>(&self, record: &'a [u8]) -> &'a [u8] {
        &record[self.start..self.start + self.bytes]
    }
}

impl Record<'_> {
    /// Adds the values in the order of the fields and returns how many texts could not be decoded wholly.
    pub fn read_into(&self, properties: &mut Properties) -> usize {
        let mut undecoded = 0;
        for field in &self.table.fields {
            let (value, is_lost) = read_value(field.kind, field.of(self.bytes), self.table.encoding);
            undecoded += usize::from(is_lost);
            properties.insert(field.name.clone(), value);
        }
        undecoded
    }
}

fn read_value(kind: u8, bytes: &[u8], encoding: &'static Encoding) -> (Value, bool) {
    let ascii = || std::str::from_utf8(bytes).ok().map(|text| text.trim_matches(['\0', ' '])).filter(|text| !text.is_empty());
    let value = match (kind, bytes.len()) {
        (b'N' | b'F', _) => ascii().map_or(Value::Null, read_number),
        (b'D', _) => {
            ascii().filter(|d| d.len() == 8 && d.is_ascii()).map_or(Value::Null, |d| format!("{}-{}-{}", &d[..4], &d[4..6], &d[6..]).into())
        }
        (b'L', _) => match bytes.first() {
            Some(b'T' | b't' | b'Y' | b'y') => true.into(),
            Some(b'F' | b'f' | b'N' | b'n') => false.into(),
            _ => Value::Null,
        },
        (b'I' | b'+', 4) => i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]).into(),
        _ => {
            let (text, is_lost) = decode(encoding, trim(bytes));
            return (if text.is_empty() { Value::Null } else { text.into() }, is_lost);
        }
    };
    (value, false)
}

/// Numbers keep the digits they are written with where they are whole; overflow (`****`) is no number.
fn read_number(text: &str) -> Value {
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite()).map_or(Value::Null, Value::from)
}

/// Cutting to ten bytes can make names alike; a later one gets its column's number, so that no value hides another.
fn unlike_names(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut unlike: Vec<String> = Vec::new();
    for (at, name) in names.enumerate() {
        let is_free = !name.is_empty() && !unlike.contains(&name);
        unlike.push(if is_free { name } else { format!("{name}_{}", at + 1) });
    }
    unlike
}

fn raw_name(field: &[u8]) -> &[u8] {
    let name = &field[..11];
    &name[..name.iter().position(|&b| b == 0).unwrap_or(name.len())]
}

fn trim(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    bytes[..end].trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(fields: &[(&[u8], u8, u8)], rows: &[&[u8]]) -> Vec<u8> {
        let record: usize = 1 + fields.iter().map(|f| usize::from(f.2)).sum::<usize>();
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[0] = 3;
        bytes[4] = rows.len() as u8;
        bytes[8] = (HEADER_BYTES + FIELD_BYTES * fields.len() + 1) as u8;
        bytes[10] = record as u8;
        for (name, kind, length) in fields {
            let mut field = [0; FIELD_BYTES];
            field[..name.len()].copy_from_slice(name);
            (field[11], field[16]) = (*kind, *length);
            bytes.extend(field);
        }
        bytes.push(HEADER_END);
        rows.iter().for_each(|row| bytes.extend_from_slice(row));
        bytes
    }

    fn first_row(bytes: &[u8]) -> Properties {
        let table = Table::open(Path::new("a.shp"), bytes, None, None).unwrap();
        let mut properties = Properties::new();
        table.record(0).unwrap().read_into(&mut properties);
        properties
    }

    #[test]
    fn a_field_name_cut_in_the_middle_of_a_character_keeps_the_whole_ones() {
        // 单元网格编码 is 18 bytes in UTF-8 and 12 in GBK; ten are kept, which is three characters and a byte, or five.
        let row = " 431102004001001".as_bytes();
        let utf8 = table(&[(&"单元网格编码".as_bytes()[..10], b'C', 15)], &[row]);
        assert_eq!(first_row(&utf8).keys().next().unwrap(), "单元网");
        let (gbk, ..) = encoding_rs::GBK.encode("单元网格编码");
        let gbk = table(&[(&gbk[..10], b'C', 15)], &[row]);
        assert_eq!(first_row(&gbk).keys().next().unwrap(), "单元网格编");
    }

    #[test]
    fn values_keep_their_kind() {
        let fields: [(&[u8], u8, u8); 5] = [(b"n", b'N', 15), (b"f", b'F', 6), (b"d", b'D', 8), (b"l", b'L', 1), (b"x", b'N', 3)];
        let row = first_row(&table(&fields, &[b" 431102004001001  1.5020261123T***"]));
        let expected = serde_json::json!({"n": 431_102_004_001_001_i64, "f": 1.5, "d": "2026-11-23", "l": true, "x": null});
        assert_eq!(Value::Object(row), expected);
    }

    #[test]
    fn a_table_that_contradicts_itself_is_an_error_and_a_short_one_announces_more() {
        let whole = table(&[(b"n", b'C', 3)], &[b" abc", b" def"]);
        assert!(Table::open(Path::new("a.shp"), &whole[..40], None, None).is_err());
        let cut = Table::open(Path::new("a.shp"), &whole[..whole.len() - 1], None, None).unwrap();
        assert_eq!((cut.announced, cut.len()), (2, 1));
        for at in 0..whole.len() {
            let mut broken = whole.clone();
            broken[at] = 0xff;
            if let Ok(table) = Table::open(Path::new("a.shp"), &broken, None, None) {
                (0..=table.len()).filter_map(|row| table.record(row)).for_each(|r| {
                    r.read_into(&mut Properties::new());
                });
            }
        }
    }
}
