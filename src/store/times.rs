//! Times as every back end keeps them: to the millisecond, which is what a GeoPackage's DATETIME holds.

use jiff::Timestamp;

use crate::boundary::Validity;

/// Cuts off what is finer than a millisecond.
pub(super) fn to_milliseconds(at: Timestamp) -> Timestamp {
    // Only the last second that there is cannot be counted in milliseconds.
    let second = || Timestamp::from_second(at.as_second()).unwrap_or(at);
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or_else(|_| second())
}

pub(super) fn validity_to_milliseconds(validity: Validity) -> Validity {
    Validity { from: to_milliseconds(validity.from), to: validity.to.map(to_milliseconds) }
}

/// Writes a time as a GeoPackage wants it: UTC, milliseconds, `Z`.
pub(super) fn time_text(at: Timestamp) -> String {
    format!("{:.3}", to_milliseconds(at))
}

pub(super) fn parse_time(text: &str) -> Result<Timestamp, jiff::Error> {
    text.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finer_than_a_millisecond_is_cut_off() {
        for (given, kept) in
            [("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123Z"), ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")]
        {
            assert_eq!(to_milliseconds(given.parse().unwrap()), kept.parse().unwrap());
        }
        let text = time_text("2026-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(text, "2026-01-01T00:00:00.000Z");
        assert_eq!(parse_time(&text).unwrap(), "2026-01-01T00:00:00Z".parse().unwrap());
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            to_milliseconds(extreme);
        }
    }
}
