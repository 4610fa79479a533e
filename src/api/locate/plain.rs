//! Reads records as most are written, without looking at them twice. What it does not read is no fault: it is left to the careful way,
//! which takes all that is allowed and says what is wrong with the rest.

use memchr::{memchr_iter, memchr2};

use crate::boundary::Position;

/// What a record may give beside its position; with one of these it is no plain record.
pub const OPTIONS: [&str; 7] = ["crs", "layer", "level", "at", "generation", "accuracy_m", "category"];

/// Members that are held against each other here, as none may stand twice. Hardly any record has more.
const MEMBERS_MAX: usize = 16;

/// Longest number that is read here, bytes; a longer one may be more than a number can hold.
const NUMBER_BYTES_MAX: usize = 40;

/// Reads an object that the bytes begin with, and returns its position and its length.
///
/// It is read where `lon` and `lat` are numbers in degrees, no member is an [option](OPTIONS) of its own, an object or an array, none stands
/// twice, and no text has an escape. What is read is JSON, and `serde_json` finds the same numbers in it.
#[inline]
pub fn read_object(bytes: &[u8]) -> Option<(Position, usize)> {
    let mut scan = Scan { bytes, at: 0 };
    let (mut lon, mut lat) = (None, None);
    let (mut names, mut count) = ([&[][..]; MEMBERS_MAX], 0);
    scan.take(b'{')?;
    scan.skip_space();
    loop {
        let name = scan.text()?;
        if names[..count].contains(&name) {
            return None;
        }
        *names.get_mut(count)? = name;
        count += 1;
        scan.skip_space();
        scan.take(b':')?;
        scan.skip_space();
        match name {
            b"lon" => lon = Some(scan.number()?),
            b"lat" => lat = Some(scan.number()?),
            name if is_option(name) => return None,
            _ => scan.skip_value()?,
        }
        scan.skip_space();
        match scan.next()? {
            b',' => scan.skip_space(),
            b'}' => break,
            _ => return None,
        }
    }
    Some((to_position(lon?, lat?)?, scan.at))
}

/// Reads the position of a row of `width` cells, given where `lon` and `lat` stand.
///
/// It is read where the row has no quotes, so that its cells stand between its commas and are written as they are.
#[inline]
pub fn read_row(row: &[u8], width: usize, (lon_at, lat_at): (usize, usize)) -> Option<Position> {
    let is_text = row.is_ascii() || std::str::from_utf8(row).is_ok();
    // The reader of CSV passes over a mark at the very beginning.
    if !is_text || memchr2(b'"', b'\r', row).is_some() || row.starts_with("\u{feff}".as_bytes()) {
        return None;
    }
    let (mut lon, mut lat, mut cells, mut start) = (None, None, 0, 0);
    for end in memchr_iter(b',', row).chain([row.len()]) {
        if cells == lon_at {
            lon = to_number(row[start..end].trim_ascii());
        } else if cells == lat_at {
            lat = to_number(row[start..end].trim_ascii());
        }
        cells += 1;
        start = end + 1;
    }
    to_position(lon?, lat?).filter(|_| cells == width)
}

fn to_position(lon: f64, lat: f64) -> Option<Position> {
    Position::new(lon, lat).ok()
}

fn is_option(name: &[u8]) -> bool {
    OPTIONS.iter().any(|option| option.as_bytes() == name)
}

fn to_number(text: &[u8]) -> Option<f64> {
    fast_float2::parse(text).ok().filter(|number: &f64| number.is_finite())
}

/// A place in the text of an object.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn take(&mut self, expected: u8) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Returns what stands between two quotes.
    #[inline]
    fn text(&mut self) -> Option<&'a [u8]> {
        self.take(b'"')?;
        let start = self.at;
        let mut all = 0;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' | ..=0x1f => return None,
                byte => all |= byte,
            }
        }
        let text = &self.bytes[start..self.at - 1];
        (all.is_ascii() || std::str::from_utf8(text).is_ok()).then_some(text)
    }

    #[inline]
    fn number(&mut self) -> Option<f64> {
        to_number(self.number_text()?)
    }

    /// Passes over a number as JSON allows it: no plus sign, no leading zero, digits around the point.
    #[inline]
    fn number_text(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first = self.peek()?;
        match self.digits() {
            0 => return None,
            1 => {}
            _ if first == b'0' => return None,
            _ => {}
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return None;
            }
        }
        // With an exponent a number may be more than a number can hold, which is for the careful way to say.
        let is_whole = !matches!(self.peek(), Some(b'e' | b'E'));
        (is_whole && self.at - start <= NUMBER_BYTES_MAX).then(|| &self.bytes[start..self.at])
    }

    #[inline]
    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - start
    }

    /// Passes over a text, a number or a word.
    #[inline]
    fn skip_value(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.text().map(drop),
            b'-' | b'0'..=b'9' => self.number_text().map(drop),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_there = self.bytes[self.at..].starts_with(word);
        self.at += word.len();
        is_there.then_some(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::import::read_strict_json;

    /// What the careful way finds in the same bytes, where it is a position.
    fn read_carefully(text: &str) -> Option<(u64, u64)> {
        let Ok(Value::Object(object)) = read_strict_json(text.as_bytes()) else { return None };
        let number = |name: &str| object.get(name)?.as_f64();
        let position = Position::new(number("lon")?, number("lat")?).ok()?;
        Some((position.lon.to_bits(), position.lat.to_bits()))
    }

    fn check(text: &str) -> bool {
        let read = read_object(text.as_bytes());
        if let Some((position, length)) = read {
            let found = read_carefully(&text[..length]);
            assert_eq!(found, Some((position.lon.to_bits(), position.lat.to_bits())), "{text}");
        }
        read.is_some()
    }

    #[test]
    fn what_is_written_as_most_are_is_read() {
        for text in [
            r#"{"lon":111.5,"lat":26.25}"#,
            r#" {"lon":1,"lat":2}"#.trim_start(),
            "{ \"lat\" : -0 ,\r\n\t\"lon\" : 179.999999999 , \"x\" : null }tail",
            r#"{"id":7,"name":"零陵","lon":1,"lat":2,"ok":true,"no":false}"#,
            r#"{"LON":9,"lon":1,"lat":2}"#,
        ] {
            assert!(check(text), "{text}");
        }
    }

    #[test]
    fn what_is_not_written_so_is_left() {
        for text in [
            "",
            "{",
            "{}",
            "[1]",
            r#"{"lon":1}"#,
            r#"{"lon":1,"lat":2"#,
            r#"{"lon":1,"lat":2,}"#,
            r#"{"lon":1 "lat":2}"#,
            r#"{"lon":1,"lat":91}"#,
            r#"{"lon":01,"lat":2}"#,
            r#"{"lon":+1,"lat":2}"#,
            r#"{"lon":1.,"lat":2}"#,
            r#"{"lon":.5,"lat":2}"#,
            r#"{"lon":1e2,"lat":2}"#,
            r#"{"lon":-,"lat":2}"#,
            r#"{"lon":"1","lat":2}"#,
            r#"{"lon":null,"lat":2}"#,
            r#"{"lon":1,"lat":2,"crs":"GCJ02"}"#,
            r#"{"lon":1,"lat":2,"at":null}"#,
            r#"{"lon":1,"lat":2,"x":{}}"#,
            r#"{"lon":1,"lat":2,"x":[]}"#,
            r#"{"lon":1,"lat":2,"x":"\n"}"#,
            "{\"lon\":1,\"lat\":2,\"x\":\"\n\"}",
            r#"{"lon":1,"lat":2,"x":nul}"#,
            r#"{"lon":1,"lat":2,"x":1e999}"#,
            r#"{"l\u006fn":1,"lat":2}"#,
            r#"{"lon":1,"lat":2,"lon":1}"#,
            r#"{"x":1,"lon":1,"lat":2,"x":1}"#,
        ] {
            assert!(!check(text), "{text}");
        }
        let members: Vec<String> = (0..MEMBERS_MAX).map(|at| format!("\"x{at}\":{at}")).collect();
        assert!(!check(&format!("{{\"lon\":1,\"lat\":2,{}}}", members.join(","))), "too many to hold against each other");
        assert!(read_object(b"{\"lon\":1,\"lat\":2,\"x\":\"\xff\"}").is_none(), "no UTF-8");
    }

    #[test]
    fn a_row_without_quotes_is_read_where_it_has_all_its_cells() {
        let at = |row: &str| read_row(row.as_bytes(), 3, (1, 2)).map(|position| (position.lon, position.lat));
        assert_eq!(at("7,111.5, 26.25"), Some((111.5, 26.25)));
        assert_eq!(at("零陵,1e2,+2"), Some((100.0, 2.0)));
        for row in ["", "1,2", "7,1,2,3", "7,x,2", "7,1,91", "7,inf,2", "7,,2", "\"7\",1,2", "7\r,1,2", "\u{feff}7,1,2"] {
            assert_eq!(at(row), None, "{row}");
        }
        assert_eq!(read_row(b"\xff,1,2", 3, (1, 2)), None, "no UTF-8");
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_the_careful_way_reads(text in r#"\{("(lon|lat|x|at)" ?: ?(-?[0-9]{1,4}(\.[0-9]{0,18})?|true|"[a零\\]"|null),? ?){0,4}\}?"#) {
            check(&text);
        }

        #[test]
        fn a_position_is_read_to_the_bit(lon in -180.0_f64..180.0, lat in -90.0_f64..90.0, digits in 0_usize..18) {
            let text = format!("{{\"lon\":{lon:.digits$},\"lat\":{lat:.digits$}}}");
            prop_assert!(check(&text));
        }
    }
}
