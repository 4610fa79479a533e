//! Where the characters of a CSV stand that separate something.

const LOW_BITS: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = LOW_BITS << 7;
/// The comma, the quote and both line ends are below the minus; of what else is, only the space is frequent.
const BELOW: u64 = LOW_BITS * b'-' as u64;
const WORD: usize = size_of::<u64>();

/// Goes over the bytes below the minus sign, eight at a time. Bytes of other characters in UTF-8 and GBK are not among them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks<'a> {
    text: &'a [u8],
    /// Where the word that was loaded begins.
    start: usize,
    /// The high bit of each byte of the word that is yet to be told.
    found: u64,
}

impl<'a> Marks<'a> {
    pub(super) fn new(text: &'a [u8], start: usize) -> Self {
        Self { text, start, found: find(text, start) }
    }

    /// Goes on at another place.
    pub(super) fn seek(&mut self, start: usize) {
        *self = Self::new(self.text, start);
    }

    /// Returns the next place.
    #[inline]
    pub(super) fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            self.start += WORD;
            if self.start >= self.text.len() {
                return None;
            }
            self.found = find(self.text, self.start);
        }
        let at = self.start + self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(at)
    }
}

#[inline]
fn find(text: &[u8], start: usize) -> u64 {
    let word = match text.get(start..).and_then(<[u8]>::first_chunk::<WORD>) {
        Some(word) => u64::from_le_bytes(*word),
        // Behind the end stand bytes that are not looked for.
        None => (0..WORD).rev().fold(0, |word, at| word << 8 | u64::from(text.get(start + at).copied().unwrap_or(u8::MAX))),
    };
    // With its high bit set, no byte borrows from the next; the bit stays where the other seven are not below.
    !(((word | HIGH_BITS) - BELOW) | word) & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_bytes_below_the_minus_are_found_and_no_other(text in prop::collection::vec(any::<u8>(), 0..40), start in 0_usize..40) {
            let mut marks = Marks::new(&text, start);
            let found: Vec<usize> = std::iter::from_fn(|| marks.next()).collect();
            let expected: Vec<usize> = (start..text.len()).filter(|at| text[*at] < b'-').collect();
            prop_assert_eq!(found, expected);
        }
    }
}
