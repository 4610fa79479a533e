use std::borrow::Cow;

use serde_json::Value;

use super::members::write_invalid;
use super::{Desk, Form, read_object, record};
use crate::api::locate::ask::Given;
use crate::api::locate::plain;
use crate::api::locate::quick::{Column, Found, Quick};
use crate::api::locate::split::{ArraySplitter, Broken, Cut, LineSplitter};
use crate::index::Status;

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
        let read = self.read(bytes, desk, out);
        // What came before a break is answered before it is told.
        self.answer_plain(desk, out);
        let taken = read?;
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

impl ArrayForm {
    /// Takes bytes up to the end of the array, and returns how many those were. Plain records are left to be answered.
    fn read(&mut self, bytes: &[u8], desk: &mut Desk, out: &mut Vec<u8>) -> Result<usize, Broken> {
        let mut at = 0;
        while at < bytes.len() && !self.splitter.is_ended() {
            if let Some(quick) = &mut desk.quick {
                at += self.take_plain(&bytes[at..], quick);
            }
            let mut splitter = std::mem::replace(&mut self.splitter, ArraySplitter::new(0));
            let pushed = splitter.push_one(&bytes[at..], &mut |cut| {
                self.answer_plain(desk, out);
                self.begin_element(out);
                answer_object(&cut, desk, out);
            });
            self.splitter = splitter;
            at += pushed?;
        }
        Ok(at)
    }

    /// Takes plain records from the beginning, and returns how many bytes they are.
    fn take_plain(&mut self, bytes: &[u8], quick: &mut Quick) -> usize {
        let skip_space = |at: usize| at + bytes[at..].iter().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\r' | b'\t')).count();
        let mut taken = 0;
        while self.splitter.is_at_start() {
            let start = skip_space(taken);
            let read = plain::read_object(&bytes[start..]).filter(|(_, length)| self.splitter.is_short(*length));
            let Some((position, length)) = read else { break };
            quick.add(position);
            let end = skip_space(start + length);
            let has_comma = bytes.get(end) == Some(&b',');
            self.splitter.pass(has_comma);
            taken = if has_comma { end + 1 } else { end };
        }
        taken
    }

    fn answer_plain(&mut self, desk: &mut Desk, out: &mut Vec<u8>) {
        if let Some(quick) = &mut desk.quick {
            quick.answer(&mut desk.asker, &mut |_, columns, found| {
                self.begin_element(out);
                write_found(columns, found, out);
            });
        }
    }

    fn begin_element(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.written == 0 { b"[\n" } else { b",\n" });
        self.written += 1;
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
        let mut at = 0;
        while at < bytes.len() {
            if let Some(quick) = &mut desk.quick {
                at += self.take_plain(&bytes[at..], quick);
            }
            at += self.0.push_one(&bytes[at..], &mut |cut| {
                answer_plain_lines(desk, out);
                answer_line(&cut, desk, out);
            });
        }
        answer_plain_lines(desk, out);
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

impl LineForm {
    /// Takes plain records from the beginning, and returns how many bytes they are.
    fn take_plain(&self, bytes: &[u8], quick: &mut Quick) -> usize {
        let mut taken = 0;
        while self.0.is_at_start()
            && let Some(end) = memchr::memchr(b'\n', &bytes[taken..])
        {
            let line = &bytes[taken..taken + end];
            let read = plain::read_object(line).filter(|_| self.0.is_short(line.len()));
            let read = read.filter(|(_, length)| line[*length..].iter().all(|byte| matches!(byte, b' ' | b'\r' | b'\t')));
            let Some((position, _)) = read else { break };
            quick.add(position);
            taken += end + 1;
        }
        taken
    }
}

fn answer_plain_lines(desk: &mut Desk, out: &mut Vec<u8>) {
    if let Some(quick) = &mut desk.quick {
        quick.answer(&mut desk.asker, &mut |_, columns, found| {
            write_found(columns, found, out);
            out.push(b'\n');
        });
    }
}

fn answer_line(cut: &Cut<'_>, desk: &mut Desk, out: &mut Vec<u8>) {
    answer_object(cut, desk, out);
    out.push(b'\n');
}

/// Writes what was found for a plain record, as [`Members::write`](super::Members::write) writes it.
fn write_found(columns: &[Column], found: Result<Found<'_>, &str>, out: &mut Vec<u8>) {
    let found = match found {
        Ok(found) => found,
        Err(error) => return write_invalid(error, out),
    };
    for (at, column) in columns.iter().enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        match column {
            Column::Status => {
                // Nearly all are inside, and what is known when this is compiled is copied without a call.
                if found.status == Status::Inside {
                    out.extend_from_slice(b"\"status\":\"inside\"");
                } else {
                    out.extend_from_slice(b"\"status\":\"");
                    out.extend_from_slice(found.status.as_str().as_bytes());
                    out.push(b'"');
                }
            }
            Column::GridCode => {
                out.extend_from_slice(b"\"grid_code\":");
                match found.code {
                    Some(code) => write_code(code, out),
                    None => out.extend_from_slice(b"null"),
                }
            }
        }
    }
    out.push(b'}');
}

fn write_code(code: &str, out: &mut Vec<u8>) {
    // A code has no control characters; what else JSON escapes is in hardly any.
    if code.bytes().any(|byte| matches!(byte, b'"' | b'\\')) {
        return serde_json::to_writer(out, code).expect("a text always serialises into memory");
    }
    out.push(b'"');
    out.extend_from_slice(code.as_bytes());
    out.push(b'"');
}

fn answer_object(cut: &Cut<'_>, desk: &mut Desk, out: &mut Vec<u8>) {
    let start = out.len();
    if let Err(error) = try_answer_object(cut, desk, out) {
        out.truncate(start);
        write_invalid(&error, out);
    }
}

fn try_answer_object(cut: &Cut<'_>, desk: &mut Desk, out: &mut Vec<u8>) -> Result<(), String> {
    let object = read_object(record(cut)?, "the record")?;
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
