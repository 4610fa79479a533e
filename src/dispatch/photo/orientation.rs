/// Which way up a picture is meant to be shown: 1 as it is stored, up to 8, by the Exif standard (CIPA DC-008, 4.6.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Orientation(u8);

/// The tag of the orientation.
const TAG: u16 = 0x0112;
/// The number of the type of whole numbers with 16 bits.
const SHORT: u16 = 3;
/// What notes of a camera begin with in some containers.
pub(super) const PREFIX: &[u8] = b"Exif\0\0";
/// Entries that are looked through; a camera writes some dozens.
const ENTRIES_MAX: usize = 512;

impl Orientation {
    pub(super) const UPRIGHT: Self = Self(1);

    /// Reads it from a camera's notes, with or without their prefix; as it is stored where they do not say.
    pub(super) fn read(notes: &[u8]) -> Self {
        Self::find(notes.strip_prefix(PREFIX).unwrap_or(notes)).unwrap_or(Self::UPRIGHT)
    }

    fn find(tiff: &[u8]) -> Option<Self> {
        let is_little = match tiff.get(..4)? {
            b"II*\0" => true,
            b"MM\0*" => false,
            _ => return None,
        };
        let u16_at = |at: usize| {
            let bytes: [u8; 2] = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
            Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
        };
        let offset: [u8; 4] = tiff.get(4..8)?.try_into().ok()?;
        let offset = if is_little { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) };
        let first = usize::try_from(offset).ok()?;
        let count = usize::from(u16_at(first)?).min(ENTRIES_MAX);
        for entry in 0..count {
            let at = first.checked_add(2 + 12 * entry)?;
            if u16_at(at)? == TAG {
                let value = u16_at(at + 8).filter(|_| u16_at(at + 2) == Some(SHORT))?;
                return u8::try_from(value).ok().filter(|value| (1..=8).contains(value)).map(Self);
            }
        }
        None
    }

    /// Writes notes that say nothing else; none where it is shown as it is stored. Without the prefix.
    pub(super) fn notes(self) -> Option<[u8; 26]> {
        let mut notes = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
        notes[19] = self.0;
        (self != Self::UPRIGHT).then_some(notes)
    }

    /// Returns the size as it is shown, of one as it is stored.
    pub(super) fn shown(self, (width, height): (u32, u32)) -> (u32, u32) {
        if self.0 >= 5 { (height, width) } else { (width, height) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for value in 2..=8 {
            let notes = Orientation(value).notes().unwrap();
            assert_eq!(Orientation::read(&notes), Orientation(value));
            assert_eq!(Orientation::read(&[PREFIX, &notes[..]].concat()), Orientation(value));
        }
        assert_eq!(Orientation::UPRIGHT.notes(), None);
    }

    #[test]
    fn either_order_of_bytes_is_read_and_what_is_wrong_is_upright() {
        let little = b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x04\0\0\0abcd\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(Orientation::read(little), Orientation(6));
        assert_eq!(Orientation::read(little).shown((40, 30)), (30, 40));
        for cut in 0..little.len() - 6 {
            assert_eq!(Orientation::read(&little[..cut]), Orientation::UPRIGHT, "{cut} bytes");
        }
        for wrong in [&b"II*\0\xff\xff\xff\xff"[..], b"", b"nothing at all", b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x09\0\0"] {
            assert_eq!(Orientation::read(wrong), Orientation::UPRIGHT, "{wrong:?}");
        }
    }
}
