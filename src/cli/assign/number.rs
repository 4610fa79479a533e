//! Numbers as tables write them, read exactly and without much ado.

/// The largest whole number up to which every whole number is a double.
const MANTISSA_MAX: u64 = 1 << 53;
/// Most digits, with or without a point, that cannot overflow 64 bits.
const DIGITS_MAX: usize = 19;
/// The powers of ten that are doubles exactly.
const POWERS: [f64; 23] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22];

/// Reads a plain decimal, such as `111.6184`, as the nearest double; the result is that of [`str::parse`] to the bit. Anything else, and
/// a number of too many digits, is none and is to be read in the usual way.
///
/// # Source
/// W. D. Clinger, How to Read Floating Point Numbers Accurately, 1990: where the digits and the power of ten are doubles themselves,
/// one division rounds once.
pub(super) fn read_plain(text: &[u8]) -> Option<f64> {
    let (is_negative, text) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    if text.len() > DIGITS_MAX {
        return None;
    }
    let (mut mantissa, mut point) = (0, None);
    for (at, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa * 10 + u64::from(digit);
        } else if *byte == b'.' && point.is_none() {
            point = Some(at);
        } else {
            return None;
        }
    }
    let fraction = point.map_or(0, |at| text.len() - at - 1);
    if text.len() == usize::from(point.is_some()) {
        return None;
    }
    if mantissa > MANTISSA_MAX {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "not above 2^53")]
    let number = mantissa as f64 / POWERS[fraction];
    Some(if is_negative { -number } else { number })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        if let Some(number) = read_plain(text.as_bytes()) {
            assert_eq!(number.to_bits(), text.parse::<f64>().unwrap().to_bits(), "{text}");
        }
    }

    #[test]
    fn what_positions_look_like_is_read_and_the_rest_is_left() {
        for text in
            ["111.6184", "-26.2225", "0", "-0", "5.", ".5", "561796.435", "111.618412345678", "9007199254740992", "0.00000000000000001"]
        {
            assert!(read_plain(text.as_bytes()).is_some(), "{text}");
            check(text);
        }
        for text in ["", "-", ".", "+1", "1e5", "nan", "inf", "1 ", "1.2.3", "--1", "１１１", "9007199254740993", "123456789012345678901"]
        {
            assert_eq!(read_plain(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_the_one_that_the_standard_library_reads(text in "-?[0-9]{0,12}\\.?[0-9]{0,14}") {
            check(&text);
        }

        #[test]
        fn a_position_is_the_one_that_the_standard_library_reads(degrees in -180.0_f64..180.0, digits in 0_usize..14) {
            let text = format!("{degrees:.digits$}");
            prop_assert!(read_plain(text.as_bytes()).is_some());
            check(&text);
        }
    }
}
