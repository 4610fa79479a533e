use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// Reads a day, `YYYY-MM-DD`.
pub fn parse_date(text: &str) -> Option<Date> {
    // The library would also take a time behind the day.
    (text.len() == 10).then(|| text.parse().ok())?
}

/// Reads a moment of RFC 3339, with any fraction of a second. One without an offset, as files have it, is read as UTC.
pub fn parse_instant(text: &str) -> Option<Timestamp> {
    if !text.as_bytes().get(10).is_some_and(|mark| matches!(mark, b'T' | b't' | b' ')) {
        return None;
    }
    text.parse::<Timestamp>().ok().or_else(|| {
        let local: DateTime = text.parse().ok()?;
        let has_offset = text[10..].contains(['Z', 'z', '+', '-', '[']);
        (!has_offset).then(|| TimeZone::UTC.to_timestamp(local).ok())?
    })
}
