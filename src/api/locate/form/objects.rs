use std::borrow::Cow;

use serde_json::{Map, Value};

use super::members::write_invalid;
use super::{Desk, Form, record};
use crate::api::locate::ask::Given;
use crate::api::locate::split::{ArraySplitter, Broken, Cut, LineSplitter};

/// A JSON array of objects, answered by an array.
#[derive(Debug)]
pub struct ArrayForm {
    splitter: ArraySplitter,
    written: usize,
}

impl ArrayForm {
    pub fn new(record_bytes_max: usize) -> Self {
        Self { splitter: ArraySplitter::new(record_bytes_max), written: 0 }
    }
}

impl Form for ArrayForm {
    fn push(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        let written = &mut self.written;
        let taken = self.splitter.push(bytes, &mut |cut| {
            out.extend_from_slice(if *written == 0 { b"[\n" } else { b",\n" });
            *written += 1;
            answer_object(&cut, desk, out);
        })?;
        match bytes[taken..].iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(_) => Err(Broken("something follows the end of the array".into())),
            None => Ok(()),
        }
    }

    fn finish(&mut self, _: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.splitter.finish()?;
        out.extend_from_slice(if self.written == 0 { b"[]\n" } else { b"\n]\n" });
        Ok(())
    }

    fn give_up(&mut self, broken: &Broken, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.written == 0 { b"[\n" } else { b",\n" });
        write_invalid(&broken.to_string(), out);
        out.extend_from_slice(b"\n]\n");
    }

    fn is_begun(&self) -> bool {
        self.splitter.is_begun()
    }
}

/// One JSON object a line, answered by one object a line.
#[derive(Debug)]
pub struct LineForm(LineSplitter);

impl LineForm {
    pub fn new(record_bytes_max: usize) -> Self {
        Self(LineSplitter::new(record_bytes_max))
    }
}

impl Form for LineForm {
    fn push(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.0.push(bytes, &mut |cut| answer_line(&cut, desk, out));
        Ok(())
    }

    fn finish(&mut self, desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), Broken> {
        self.0.finish(&mut |cut| answer_line(&cut, desk, out));
        Ok(())
    }

    fn give_up(&mut self, broken: &Broken, out: &mut Vec<u8>) {
        write_invalid(&broken.to_string(), out);
        out.push(b'\n');
    }

    fn is_begun(&self) -> bool {
        true
    }
}

fn answer_line(cut: &Cut<'_>, desk: &mut Desk, out: &mut Vec<u8>) {
    answer_object(cut, desk, out);
    out.push(b'\n');
}

fn answer_object(cut: &Cut<'_>, desk: &mut Desk, out: &mut Vec<u8>) {
    let start = out.len();
    if let Err(error) = try_answer_object(cut, desk, out) {
        out.truncate(start);
        write_invalid(&error, out);
    }
}

fn try_answer_object(cut: &Cut<'_>, desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), String> {
    let object: Map<String, Value> = serde_json::from_slice(record(cut)?).map_err(|e| format!("the record is no JSON object: {e}"))?;
    let members = desk.members.clone();
    desk.answer(&|name| object.get(name).and_then(to_given), &mut |answer| members.write(answer, out))
}

/// Returns what a member gives; null gives nothing.
pub fn to_given(value: &Value) -> Option<Given<'_>> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(number.as_f64().map_or(Given::Other, Given::Number)),
        Value::String(text) => Some(Given::Text(Cow::Borrowed(text))),
        _ => Some(Given::Other),
    }
}
