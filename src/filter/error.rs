use std::fmt;

/// Why a filter cannot be used: where it is wrong, what is wrong there, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {detail}; {remedy}")]
pub struct FilterError {
    pub place: Place,
    pub detail: String,
    pub remedy: String,
}

/// A place in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In text: the character, counted from 1.
    Character(usize),
    /// In JSON: a pointer, RFC 6901.
    Pointer(String),
}

impl FilterError {
    pub fn new(place: &Place, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { place: place.clone(), detail: detail.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(at) => write!(f, "at character {at}"),
            Self::Pointer(pointer) if pointer.is_empty() => f.write_str("at the root"),
            Self::Pointer(pointer) => write!(f, "at {pointer}"),
        }
    }
}

/// Longest filter in bytes. An address that a client can send holds no more, and a border of a thousand vertices fits in.
pub const FILTER_BYTES_MAX: usize = 64 << 10;

/// Deepest nesting of a filter. People write three or four; each step costs stack in reading, checking and evaluating alike.
pub const DEPTH_MAX: usize = 48;

/// Refuses a filter that is too long, before it is looked at.
pub(super) fn check_length(filter: &str, place: &Place) -> Result<(), FilterError> {
    if filter.len() <= FILTER_BYTES_MAX {
        return Ok(());
    }
    let detail = format!("the filter has {} bytes, more than {FILTER_BYTES_MAX}", filter.len());
    Err(FilterError::new(place, detail, "use simpler geometry, or several requests"))
}

/// Refuses nesting that is too deep.
pub(super) fn check_depth(depth: usize, place: &Place) -> Result<(), FilterError> {
    if depth <= DEPTH_MAX {
        return Ok(());
    }
    Err(FilterError::new(place, format!("the filter is nested more than {DEPTH_MAX} deep"), "take out brackets that are not needed"))
}
