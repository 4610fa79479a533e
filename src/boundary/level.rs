use std::fmt;
use std::sync::Arc;

/// The name of one rank of a layer: `district`, `street`, `community`, `grid`.
///
/// It is also part of addresses and of table names, so it is short and plain:
/// a lower-case letter, then lower-case letters, digits or `_`, at most 40 in all.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Level(Arc<str>);

/// A level or layer name that cannot stand in an address or a table name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is no name for a {what}: use a lower-case letter, then lower-case letters, digits or _, at most 40")]
pub struct NameError {
    pub name: String,
    pub what: &'static str,
}

impl Level {
    /// Parses a level's name.
    ///
    /// # Errors
    /// Refuses a name that could not stand in an address or a table name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        check_name(name, "level").map(|()| Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Longest name of a level or layer, in bytes: two of them and a prefix stay under the 63 bytes of a SQL identifier.
const NAME_BYTES_MAX: usize = 40;

pub(super) fn check_name(name: &str, what: &'static str) -> Result<(), NameError> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if starts_well && is_plain && name.len() <= NAME_BYTES_MAX { Ok(()) } else { Err(NameError { name: name.to_owned(), what }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_name_can_stand_in_an_address() {
        assert!(Level::parse("grid_2").is_ok());
        for bad in ["", "Grid", "2grid", "a.b", "网格", "a b"] {
            assert!(Level::parse(bad).is_err(), "{bad:?}");
        }
    }
}
