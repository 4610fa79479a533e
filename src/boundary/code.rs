use std::fmt;
use std::sync::Arc;

use super::level::Level;

/// The official code of a unit, such as `431102004001001`.
///
/// Compared and ordered by its bytes, which is what the owner rule asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitCode(Arc<str>);

/// Why a text is no code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    #[error("the code is empty")]
    Empty,
    #[error("the code {code:?} has {bytes} bytes, more than the {CODE_BYTES_MAX} allowed")]
    TooLong { code: String, bytes: usize },
    #[error("the code {code:?} contains the character {character:?}; spaces and control characters cannot stand in a code")]
    Character { code: String, character: char },
    #[error("the code {code:?} does not fit the scheme {scheme}: {level} codes have {expected} characters, this has {found}")]
    Length { code: String, scheme: String, level: Level, expected: usize, found: usize },
    #[error("the code {code:?} does not fit the scheme {scheme}: {character:?} cannot stand in the segment {segment}")]
    Charset { code: String, scheme: String, segment: String, character: char },
}

/// Longest code in bytes. The longest scheme known has 20; foreign identifiers may be UUIDs with a prefix.
pub const CODE_BYTES_MAX: usize = 64;

impl UnitCode {
    /// Parses a code: not empty, no white space or control character, at most [`CODE_BYTES_MAX`] bytes.
    ///
    /// # Errors
    /// Says which of these rules the text breaks.
    pub fn parse(code: &str) -> Result<Self, CodeError> {
        if code.is_empty() {
            return Err(CodeError::Empty);
        }
        if code.len() > CODE_BYTES_MAX {
            return Err(CodeError::TooLong { code: code.to_owned(), bytes: code.len() });
        }
        match code.chars().find(|c| c.is_whitespace() || c.is_control()) {
            Some(character) => Err(CodeError::Character { code: code.to_owned(), character }),
            None => Ok(Self(code.into())),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UnitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How the codes of a layer are made up: one segment a level, each code beginning with its parent's.
///
/// Lengths and characters are data because offices differ: 14, 15, 16 and 20 digits are all in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeScheme {
    pub name: String,
    pub segments: Vec<Segment>,
}

/// The part of a code that one level adds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    pub level: Level,
    /// Allowed lengths in characters; the first is the usual one. A level may allow several, as where a
    /// community has outgrown a three-digit sequence.
    pub lengths: Vec<usize>,
    pub charset: Charset,
}

/// The characters that may stand in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    Digits,
    Alphanumeric,
}

impl CodeScheme {
    /// Checks that `code` has the form of a code of `level`. Levels outside the scheme have no form to check.
    ///
    /// # Errors
    /// Says whether the length or a character is wrong, and where.
    pub fn check(&self, code: &UnitCode, level: &Level) -> Result<(), CodeError> {
        let Some(depth) = self.segments.iter().position(|s| &s.level == level) else { return Ok(()) };
        let (last, above) = self.segments[..=depth].split_last().expect("the slice holds at least the segment found");
        let prefix: usize = above.iter().map(|s| s.lengths[0]).sum();
        let found = code.as_str().chars().count();
        if !last.lengths.iter().any(|length| prefix + length == found) {
            return Err(CodeError::Length {
                code: code.to_string(),
                scheme: self.name.clone(),
                level: level.clone(),
                expected: prefix + last.lengths[0],
                found,
            });
        }
        let mut rest = code.as_str().chars();
        for segment in above.iter().chain([last]) {
            let length = if segment == last { found - prefix } else { segment.lengths[0] };
            if let Some(character) = rest.by_ref().take(length).find(|c| !segment.charset.contains(*c)) {
                return Err(CodeError::Charset {
                    code: code.to_string(),
                    scheme: self.name.clone(),
                    segment: segment.level.to_string(),
                    character,
                });
            }
        }
        Ok(())
    }

    /// Returns the code of the parent of `code`, which is its beginning, where the scheme knows `level` and the level above.
    pub fn parent_code(&self, code: &UnitCode, level: &Level) -> Option<UnitCode> {
        let depth = self.segments.iter().position(|s| &s.level == level)?;
        let prefix: usize = self.segments[..depth].iter().map(|s| s.lengths[0]).sum();
        if prefix == 0 || self.check(code, level).is_err() {
            return None;
        }
        let end = code.as_str().char_indices().nth(prefix)?.0;
        UnitCode::parse(&code.as_str()[..end]).ok()
    }
}

impl Charset {
    pub fn contains(self, character: char) -> bool {
        match self {
            Self::Digits => character.is_ascii_digit(),
            Self::Alphanumeric => character.is_ascii_alphanumeric(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit_grid() -> CodeScheme {
        let segment = |level: &str, lengths: &[usize]| Segment {
            level: Level::parse(level).unwrap(),
            lengths: lengths.to_vec(),
            charset: Charset::Digits,
        };
        CodeScheme {
            name: "unit-grid-15".into(),
            segments: vec![segment("district", &[6]), segment("street", &[3]), segment("community", &[3]), segment("grid", &[3, 4])],
        }
    }

    #[test]
    fn a_code_carries_its_parent_in_front() {
        let (scheme, grid) = (unit_grid(), Level::parse("grid").unwrap());
        let code = UnitCode::parse("431102004001001").unwrap();
        assert_eq!(scheme.check(&code, &grid), Ok(()));
        assert_eq!(scheme.parent_code(&code, &grid), Some(UnitCode::parse("431102004001").unwrap()));
        assert_eq!(scheme.check(&UnitCode::parse("4311020040010001").unwrap(), &grid), Ok(()));
    }

    #[test]
    fn a_foreign_code_is_told_what_does_not_fit() {
        let (scheme, grid) = (unit_grid(), Level::parse("grid").unwrap());
        let check = |code: &str| scheme.check(&UnitCode::parse(code).unwrap(), &grid);
        assert!(matches!(check("SMD1A01"), Err(CodeError::Length { expected: 15, found: 7, .. })));
        assert!(matches!(check("43110200400100A"), Err(CodeError::Charset { character: 'A', .. })));
    }

    #[test]
    fn a_code_is_one_printable_word() {
        assert_eq!(UnitCode::parse(""), Err(CodeError::Empty));
        assert!(matches!(UnitCode::parse("43 11"), Err(CodeError::Character { character: ' ', .. })));
        assert!(matches!(UnitCode::parse(&"1".repeat(65)), Err(CodeError::TooLong { bytes: 65, .. })));
    }
}
