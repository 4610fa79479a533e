use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::api::as_of::parse_time;
use crate::api::json::read_json;
use crate::api::locate::Given;
use crate::api::problem::{ParameterError, Problem, ProblemKind};

/// Returns a body that may be left out, or be null, where nothing has to be said.
pub fn or_empty(bytes: &[u8]) -> &[u8] {
    if matches!(bytes.trim_ascii(), b"" | b"null") { b"{}" } else { bytes }
}

/// A body that is one JSON object, read member by member. What is wrong is told all at once.
#[derive(Debug)]
pub struct Body {
    members: Map<String, Value>,
    faults: Vec<ParameterError>,
}

impl Body {
    /// Reads an object that has no other members than those named.
    ///
    /// # Errors
    /// 415 where it is said to be something else, 400 where it is no object or has other members.
    pub fn read(headers: &HeaderMap, bytes: &[u8], known: &[&str]) -> Result<Self, Problem> {
        let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or("application/json");
        let essence = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence != "application/json" {
            let detail = format!("the body is taken as application/json, not as {essence}");
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        let refused = |detail: String| Problem::new(ProblemKind::InvalidBody, detail);
        let Value::Object(members) = read_json(bytes)? else { return Err(refused("the body is no JSON object".into())) };
        Ok(Self::of(members, known))
    }

    /// Reads members that stand in a body of another form.
    pub fn of(members: Map<String, Value>, known: &[&str]) -> Self {
        let mut body = Self { members, faults: Vec::new() };
        let unknown: Vec<String> = body.members.keys().filter(|name| !known.contains(&name.as_str())).cloned().collect();
        for name in unknown {
            body.fault(&name, format!("is not a member; known are: {}", known.join(", ")));
        }
        body
    }

    /// Returns a member as a lookup takes it.
    pub fn given(&self, name: &str) -> Option<Given<'_>> {
        Some(match self.members.get(name)? {
            Value::Null => return None,
            Value::String(text) => Given::Text(Cow::Borrowed(text)),
            Value::Number(number) => number.as_f64().map_or(Given::Other, Given::Number),
            _ => Given::Other,
        })
    }

    pub fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|value| !value.is_null())
    }

    /// Reads a text of at most so many characters; empty where it is left out.
    pub fn text(&mut self, name: &str, chars_max: usize) -> String {
        match self.members.get(name) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) if text.chars().count() <= chars_max => text.trim().to_owned(),
            Some(Value::String(_)) => {
                self.fault(name, format!("is longer than {chars_max} characters"));
                String::new()
            }
            Some(_) => {
                self.fault(name, "is not a text".into());
                String::new()
            }
        }
    }

    /// Reads a text that has a form of its own; none where it is left out or empty.
    pub fn parsed<T, E: std::fmt::Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(name, TEXT_CHARS_MAX);
        if text.is_empty() {
            return None;
        }
        parse(&text).map_err(|e| self.fault(name, e.to_string())).ok()
    }

    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        self.parsed(name, parse_time)
    }

    /// Reads a time, or a date, which begins at midnight in the office's time zone.
    pub fn time_or_date(&mut self, name: &str, time_zone: &TimeZone) -> Option<Timestamp> {
        self.parsed(name, |text| {
            let date = Date::strptime("%Y-%m-%d", text).ok().and_then(|date| time_zone.to_timestamp(date.at(0, 0, 0, 0)).ok());
            date.map_or_else(|| parse_time(text).map_err(|error| format!("{error}; a date such as 2027-01-01 is taken too")), Ok)
        })
    }

    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.members.get(name)? {
            Value::Null => None,
            Value::Bool(value) => Some(*value),
            _ => {
                self.fault(name, "is neither true nor false".into());
                None
            }
        }
    }

    pub fn small_number(&mut self, name: &str) -> Option<u8> {
        match self.members.get(name)? {
            Value::Null => None,
            value => {
                let number = value.as_u64().and_then(|number| u8::try_from(number).ok());
                if number.is_none() {
                    self.fault(name, "is not a small whole number".into());
                }
                number
            }
        }
    }

    /// Reads a whole number, as large as the definition has them: with 63 bits.
    pub fn number(&mut self, name: &str) -> Option<u64> {
        match self.members.get(name)? {
            Value::Null => None,
            value => {
                let number = value.as_u64().filter(|number| i64::try_from(*number).is_ok());
                if number.is_none() {
                    self.fault(name, format!("is not a whole number from 0 to {}", i64::MAX));
                }
                number
            }
        }
    }

    /// Reads a number between two others.
    pub fn real(&mut self, name: &str, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        match self.members.get(name)? {
            Value::Null => None,
            value => {
                let number = value.as_f64().filter(|number| range.contains(number));
                if number.is_none() {
                    self.fault(name, format!("is not a number from {} to {}", range.start(), range.end()));
                }
                number
            }
        }
    }

    /// Reads a list of texts that have a form of their own.
    pub fn list<T>(&mut self, name: &str, parse: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let parsed = match self.members.get(name) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Array(values)) if values.len() <= LIST_MAX => {
                values.iter().map(|value| value.as_str().ok_or_else(|| "holds what is not a text".to_owned()).and_then(&parse)).collect()
            }
            Some(_) => Err(format!("is not a list of at most {LIST_MAX} texts")),
        };
        parsed.map_err(|detail| self.fault(name, detail)).unwrap_or_default()
    }

    /// Takes a list of objects out.
    pub fn objects(&mut self, name: &str, count_max: usize) -> Vec<Map<String, Value>> {
        match self.members.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(values)) if values.len() <= count_max && values.iter().all(Value::is_object) => {
                values.iter().filter_map(Value::as_object).cloned().collect()
            }
            Some(_) => {
                self.fault(name, format!("is not a list of at most {count_max} objects"));
                Vec::new()
            }
        }
    }

    pub fn object(&mut self, name: &str) -> Map<String, Value> {
        match self.members.get(name) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(members)) => members.clone(),
            Some(_) => {
                self.fault(name, "is not an object".into());
                Map::new()
            }
        }
    }

    pub fn fault(&mut self, name: &str, detail: String) {
        self.faults.push(ParameterError { parameter: name.to_owned(), detail });
    }

    /// Returns a position and its reference system as they were given, for the record.
    pub fn given_place(&self) -> String {
        let shown = |name: &str| match self.members.get(name) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let crs = shown("crs");
        format!("{} {} {}", shown("lon"), shown("lat"), if crs.is_empty() { "EPSG:4326" } else { &crs })
    }

    /// # Errors
    /// All that was wrong.
    pub fn finish(&mut self) -> Result<(), Problem> {
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::members(std::mem::take(&mut self.faults))) }
    }
}

/// Longest list of texts.
const LIST_MAX: usize = 100;

/// Longest text of a member that has a form of its own, characters.
const TEXT_CHARS_MAX: usize = 1_000;
