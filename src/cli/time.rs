use anyhow::bail;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Reads a point in time: RFC 3339 with its offset, or a date, which means its midnight in `time_zone`.
pub fn parse_time(text: &str, time_zone: &TimeZone) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse() {
        return Ok(at);
    }
    // A date and time without an offset is refused: whose clock it means is not known.
    if let (10, Ok(date)) = (text.len(), text.parse::<Date>())
        && let Ok(midnight) = date.to_zoned_datetime(time_zone.clone())
    {
        return Ok(midnight.timestamp());
    }
    bail!("{text:?} is no time: use 2026-01-31 or 2026-01-31T08:00:00+08:00")
}

/// Tells a point in time as every text for people does: to the minute, in the office's time zone, by name.
pub fn tell(at: Timestamp, time_zone: &TimeZone) -> String {
    at.to_zoned_datetime(time_zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_midnight_where_the_office_is() {
        let shanghai = TimeZone::get("Asia/Shanghai").unwrap();
        for (text, expected) in [
            ("2026-01-31", "2026-01-30T16:00:00Z"),
            ("2026-01-31T08:00:00+08:00", "2026-01-31T00:00:00Z"),
            ("2026-01-31T00:00:00Z", "2026-01-31T00:00:00Z"),
        ] {
            assert_eq!(parse_time(text, &shanghai).unwrap(), expected.parse().unwrap(), "{text}");
        }
        for wrong in ["", "2026-02-30", "2026-01-31T08:00:00", "31.1.2026", "now"] {
            assert!(parse_time(wrong, &shanghai).is_err(), "{wrong}");
        }
    }
}
