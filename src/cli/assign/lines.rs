//! NDJSON: one object a line. Lines are copied byte for byte; the answers are members behind those that were there.

use std::borrow::Cow;
use std::fmt;
use std::io::{Read, Write};

use anyhow::Context as _;
use memchr::memchr;
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json, json};

use super::PositionFields;
use super::answerer::{Answerer, Found};
use super::blocks::{Blocks, UTF8_MARK, cut_lines};
use super::pipeline;
use super::tails::{Dialect, TAILS_AHEAD, Tails, member_names, push_members};
use super::tally::{Faults, Tally};
use crate::boundary::Position;

pub(super) fn assign(
    input: impl Read + Send,
    out: &mut dyn Write,
    answerer: &Answerer<'_>,
    names: &PositionFields,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let mut blocks = Blocks::new(input, cut_lines);
    let mut first = Vec::new();
    blocks.next(&mut first)?;
    // The mark of UTF-8 stays in front of what is written.
    let rest = first.strip_prefix(UTF8_MARK).unwrap_or(&first);
    out.write_all(&first[..first.len() - rest.len()]).context("cannot write the lines")?;
    blocks.put_back(rest);
    let tails = Tails::new(answerer, Dialect::Json);
    let added: Vec<String> = answerer.added_names();
    let work = |block: &mut Block, written: &mut Written| block.answer(answerer, names, &added, &tails, written);
    pipeline::run(
        |block: &mut Block| blocks.next(&mut block.text),
        work,
        |written| {
            out.write_all(&written.text).context("cannot write the lines")?;
            tally.add(written.lines, &written.faults);
            Ok(())
        },
    )
}

/// Lines that are answered together, and the room that they need.
#[derive(Default)]
struct Block {
    text: Vec<u8>,
    lines: Vec<Line>,
    /// Of the lines that have one, in their order.
    positions: Vec<Position>,
    found: Vec<Found>,
}

/// Lines with their answers.
#[derive(Default)]
struct Written {
    text: Vec<u8>,
    lines: u64,
    faults: Faults,
}

struct Line {
    /// Its text without white space around it.
    start: usize,
    end: usize,
    /// Where the next line begins.
    next: usize,
    /// Whether a member has a name that is to be added, so that the added ones get a number.
    is_taken: bool,
    content: Content,
}

enum Content {
    Nothing,
    Located,
    /// An object without a position.
    Refused(String),
    NoObject(String),
}

impl Block {
    fn answer(&mut self, answerer: &Answerer<'_>, names: &PositionFields, added: &[String], tails: &Tails<'_>, written: &mut Written) {
        self.read(answerer, names, added);
        answerer.find_all(&self.positions, &mut self.found);
        self.write(answerer, tails, written);
    }

    fn read(&mut self, answerer: &Answerer<'_>, names: &PositionFields, added: &[String]) {
        self.lines.clear();
        self.positions.clear();
        let mut at = 0;
        while at < self.text.len() {
            let next = memchr(b'\n', &self.text[at..]).map_or(self.text.len(), |end| at + end + 1);
            let line = &self.text[at..next];
            let (start, end) = (at + (line.len() - line.trim_ascii_start().len()), at + line.trim_ascii_end().len());
            at = next;
            let (is_taken, content) = if start >= end {
                (false, Content::Nothing)
            } else {
                match find_members(&self.text[start..end], names, added) {
                    Ok(members) => match members.position(answerer, names) {
                        Ok(position) => {
                            self.positions.push(position);
                            (members.is_taken, Content::Located)
                        }
                        Err(error) => (members.is_taken, Content::Refused(error)),
                    },
                    Err(error) => (false, Content::NoObject(format!("the line is no JSON object: {error}"))),
                }
            };
            self.lines.push(Line { start, end: end.max(start), next, is_taken, content });
        }
    }

    fn write(&self, answerer: &Answerer<'_>, tails: &Tails<'_>, written: &mut Written) {
        let Written { text, lines, faults } = written;
        text.clear();
        faults.clear();
        *lines = self.lines.len() as u64;
        let mut answers = self.positions.iter().zip(&self.found);
        let mut ahead = self.found.iter().skip(TAILS_AHEAD);
        let mut at = 0;
        for (number, line) in (0..).zip(&self.lines) {
            let (whole, object) = (&self.text[at..line.next], &self.text[line.start..line.end]);
            at = line.next;
            match &line.content {
                // Empty lines stay as they are.
                Content::Nothing => {
                    text.extend_from_slice(whole);
                    continue;
                }
                Content::NoObject(error) => {
                    // What is no object cannot take members; it goes into one, so that no line is lost.
                    push_open(json!({ "input": String::from_utf8_lossy(object) }).to_string().as_bytes(), text);
                    tails.push_refusal(error, text);
                    faults.add(number, error);
                }
                Content::Refused(error) => {
                    push_open(object, text);
                    match line.is_taken {
                        false => tails.push_refusal(error, text),
                        true => push_members(&names_beside(answerer, object), &answerer.refuse(), Some(error), text),
                    }
                    faults.add(number, error);
                }
                Content::Located => {
                    push_open(object, text);
                    if let Some(found) = ahead.next() {
                        tails.fetch(found);
                    }
                    let Some((position, found)) = answers.next() else { continue };
                    match line.is_taken {
                        false => tails.push(*position, found, text),
                        true => push_members(&names_beside(answerer, object), &answerer.answer(*position, found), None, text),
                    }
                }
            }
            text.extend_from_slice(if whole.ends_with(b"\r\n") { b"}\r\n" } else { b"}\n" });
        }
    }
}

/// Appends an object without the brace that ends it, ready for more members.
fn push_open(object: &[u8], text: &mut Vec<u8>) {
    let open = object.strip_suffix(b"}").unwrap_or(object);
    text.extend_from_slice(open);
    if !open.trim_ascii_end().ends_with(b"{") {
        text.push(b',');
    }
}

/// What the added members are called in an object that has some of these names already.
fn names_beside(answerer: &Answerer<'_>, object: &[u8]) -> Vec<String> {
    let taken: Map<String, Json> = serde_json::from_slice(object).unwrap_or_default();
    member_names(answerer.fields(), taken.keys().map(String::as_str))
}

/// What matters of an object. Nothing else of it is kept, but all of it is read, as what is no JSON is told.
struct Members<'t> {
    lon: Option<Member<'t>>,
    lat: Option<Member<'t>>,
    is_taken: bool,
}

struct Member<'t> {
    key: Cow<'t, str>,
    /// The place of its name among those that are looked for; the first wins.
    rank: usize,
    value: &'t RawValue,
}

fn find_members<'t>(text: &'t [u8], names: &PositionFields, added: &[String]) -> Result<Members<'t>, String> {
    let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(MembersVisitor { names, added }).map_err(|error| error.to_string())?;
    reader.end().map_err(|error| error.to_string())?;
    Ok(members)
}

impl Members<'_> {
    fn position(&self, answerer: &Answerer<'_>, names: &PositionFields) -> Result<Position, String> {
        let (Some(lon), Some(lat)) = (&self.lon, &self.lat) else {
            return Err(format!("the object has no {} or no {}", names.lon[0], names.lat[0]));
        };
        let (lon, lat) = (lon.value.get(), lat.value.get());
        match answerer.read_plain(lon.as_bytes(), lat.as_bytes()) {
            Some(position) => Ok(position),
            None => answerer.read(&to_text(lon), &to_text(lat)),
        }
    }
}

/// Returns a number as it stands and a text without its quotes; nothing else can be a number.
fn to_text(json: &str) -> Cow<'_, str> {
    match json.as_bytes() {
        [b'"', ..] => Cow::Owned(serde_json::from_str(json).unwrap_or_default()),
        [b'-' | b'0'..=b'9', ..] => Cow::Borrowed(json),
        _ => Cow::Borrowed(""),
    }
}

struct MembersVisitor<'n> {
    names: &'n PositionFields,
    added: &'n [String],
}

impl<'de> Visitor<'de> for MembersVisitor<'_> {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members { lon: None, lat: None, is_taken: false };
        while let Some(Key(key)) = map.next_key()? {
            let rank = |names: &[String]| names.iter().position(|name| key.eq_ignore_ascii_case(name));
            members.is_taken |= self.added.iter().any(|name| key.trim().eq_ignore_ascii_case(name));
            let (slot, rank) = match (rank(&self.names.lon), rank(&self.names.lat)) {
                (Some(rank), _) => (&mut members.lon, rank),
                (None, Some(rank)) => (&mut members.lat, rank),
                (None, None) => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value = map.next_value()?;
            // Of members of one name the last counts, as JSON is usually read.
            if slot.as_ref().is_none_or(|known| rank < known.rank || (rank == known.rank && key == known.key)) {
                *slot = Some(Member { key, rank, value });
            }
        }
        Ok(members)
    }
}

/// A key that is borrowed where it has no escapes.
struct Key<'t>(Cow<'t, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string key")
            }

            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }

            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
