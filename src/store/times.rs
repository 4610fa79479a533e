//! Times as every back end keeps them: to the microsecond, which is what PostgreSQL keeps.

use jiff::Timestamp;

use crate::boundary::Validity;

/// Cuts off what is finer than a microsecond.
pub(super) fn to_microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).expect("a time that exists, cut to the microsecond, exists")
}

pub(super) fn validity_to_microseconds(validity: Validity) -> Validity {
    Validity { from: to_microseconds(validity.from), to: validity.to.map(to_microseconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_finer_than_a_microsecond_is_cut_off() {
        for (given, kept) in
            [("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123456Z"), ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")]
        {
            assert_eq!(to_microseconds(given.parse().unwrap()), kept.parse().unwrap());
        }
        for extreme in [Timestamp::MIN, Timestamp::MAX] {
            to_microseconds(extreme);
        }
    }
}
