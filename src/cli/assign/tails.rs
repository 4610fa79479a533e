//! What is added to rows of text, kept where many rows get the same.

use std::borrow::Cow;
use std::sync::OnceLock;

use encoding_rs::GB18030;
use serde_json::Value as Json;

use super::answerer::{Answerer, Field, Found, Value, free_names};
use crate::boundary::Position;
use crate::index::fetch;

/// So many answers before its own is written, memory is asked for what is added to a row: about as long as it takes.
pub(super) const TAILS_AHEAD: usize = 16;

/// How values are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    CsvUtf8,
    CsvGbk,
    /// Members of a JSON object.
    Json,
}

/// Writes what is added to a row, and remembers it for all rows with the same answer.
pub(super) struct Tails<'a> {
    answerer: &'a Answerer<'a>,
    dialect: Dialect,
    /// The names of the members, with the quotes and the colon; of no use to CSV.
    names: Vec<String>,
    /// By the number that stands for equal values.
    known: Vec<OnceLock<Tail>>,
}

/// Most bytes of a tail that is kept where it is looked for: a code of 20 characters, a status and the commas.
const SHORT_BYTES: usize = 30;

/// What is added to a row. The short ones stand beside one another, so that a row costs one look into memory, and are copied whole, which
/// is quicker than as many bytes as are needed.
enum Tail {
    Short { length: u8, bytes: [u8; SHORT_BYTES] },
    Long(Box<[u8]>),
}

impl Tail {
    fn new(bytes: &[u8]) -> Self {
        match u8::try_from(bytes.len()) {
            Ok(length) if bytes.len() <= SHORT_BYTES => {
                let mut short = [0; SHORT_BYTES];
                short[..bytes.len()].copy_from_slice(bytes);
                Self::Short { length, bytes: short }
            }
            _ => Self::Long(bytes.into()),
        }
    }

    #[inline]
    fn push(&self, row: &mut Vec<u8>) {
        match self {
            Self::Short { length, bytes } => {
                let end = row.len() + usize::from(*length);
                row.extend_from_slice(bytes);
                row.truncate(end);
            }
            Self::Long(bytes) => row.extend_from_slice(bytes),
        }
    }
}

impl<'a> Tails<'a> {
    pub(super) fn new(answerer: &'a Answerer<'a>, dialect: Dialect) -> Self {
        let names = member_names(answerer.fields(), []);
        Self { answerer, dialect, names, known: std::iter::repeat_with(OnceLock::new).take(answerer.same_count()).collect() }
    }

    /// Asks memory for what will be added to a row soon.
    #[inline]
    pub(super) fn fetch(&self, found: &Found) {
        if let Some(same) = self.answerer.find_same(found) {
            fetch(&self.known, same);
        }
    }

    /// Appends what is added to a row with a position.
    #[inline]
    pub(super) fn push(&self, position: Position, found: &Found, row: &mut Vec<u8>) {
        let make = || {
            let mut tail = Vec::new();
            self.push_values(&self.answerer.answer(position, found), None, &mut tail);
            tail
        };
        match self.answerer.find_same(found) {
            Some(same) => self.known[same].get_or_init(|| Tail::new(&make())).push(row),
            None => row.extend_from_slice(&make()),
        }
    }

    /// Appends what is added to a row without a position.
    pub(super) fn push_refusal(&self, error: &str, row: &mut Vec<u8>) {
        self.push_values(&self.answerer.refuse(), Some(error), row);
    }

    fn push_values(&self, values: &[Value<'_>], error: Option<&str>, row: &mut Vec<u8>) {
        match self.dialect {
            Dialect::CsvUtf8 => push_cells(values, error, false, row),
            Dialect::CsvGbk => push_cells(values, error, true, row),
            Dialect::Json => push_members(&self.names, values, error, row),
        }
    }
}

/// Appends a comma and a cell for each value, and the cell of the error.
fn push_cells(values: &[Value<'_>], error: Option<&str>, is_gbk: bool, row: &mut Vec<u8>) {
    let error = error.map_or(Value::Nothing, |error| Value::Text(error.into()));
    for value in values.iter().chain([&error]) {
        row.push(b',');
        match value {
            Value::Nothing => {}
            Value::Text(text) => push_text(text, is_gbk, row),
            Value::Number(number) => push_text(&number.to_string(), is_gbk, row),
            Value::Flag(flag) => push_text(if *flag { "true" } else { "false" }, is_gbk, row),
        }
    }
}

fn push_text(text: &str, is_gbk: bool, row: &mut Vec<u8>) {
    let quoted =
        if text.contains([',', '"', '\r', '\n']) { Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))) } else { Cow::Borrowed(text) };
    let bytes = if is_gbk { GB18030.encode(&quoted).0 } else { Cow::Borrowed(quoted.as_bytes()) };
    row.extend_from_slice(&bytes);
}

/// Appends members with commas between them; the error, which has the last name, only where there is one.
pub(super) fn push_members(names: &[String], values: &[Value<'_>], error: Option<&str>, row: &mut Vec<u8>) {
    let error = error.map(|error| Value::Text(error.into()));
    for (at, (name, value)) in names.iter().zip(values.iter().chain(&error)).enumerate() {
        if at > 0 {
            row.push(b',');
        }
        row.extend_from_slice(name.as_bytes());
        let json = match value {
            Value::Nothing => Json::Null,
            Value::Text(text) => Json::from(text.as_ref()),
            Value::Number(number) => Json::from(*number),
            Value::Flag(flag) => Json::from(*flag),
        };
        row.extend_from_slice(json.to_string().as_bytes());
    }
}

/// Returns how members are called, with the quotes and the colon, beside others of the names `taken`.
pub(super) fn member_names<'t>(fields: &[Field], taken: impl IntoIterator<Item = &'t str>) -> Vec<String> {
    free_names(fields, taken).iter().map(|name| format!("\"{name}\":")).collect()
}
