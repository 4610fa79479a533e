use super::orientation::Orientation;
use super::{PhotoMedia, jpeg, png, webp};

/// Most pixels of a picture: those of the largest telephone cameras that send so few bytes. More would only fill the memory of who
/// looks at it.
pub const PIXELS_MAX: u64 = 120_000_000;

/// A picture as it may be kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub media: PhotoMedia,
    /// As it is shown, pixels.
    pub width: u32,
    pub height: u32,
    pub bytes: Vec<u8>,
}

/// Says nothing of what it shows, so that no log does.
impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} of {} × {})", self.media.as_str(), self.width, self.height)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureError {
    #[error("by its bytes it is neither JPEG, PNG nor WebP; send one of these")]
    Unknown,
    #[error("the {} {what}", name(*media))]
    Broken { media: PhotoMedia, what: &'static str },
    #[error("it has {width} × {height} pixels, and at most {PIXELS_MAX} are taken; send it smaller")]
    TooLarge { width: u32, height: u32 },
}

/// What a container holds, as its reader has found it.
#[derive(Debug)]
pub(super) struct Found {
    /// As it is stored, pixels.
    pub size: (u32, u32),
    pub orientation: Orientation,
    pub bytes: Vec<u8>,
}

/// Copies of a picture what a decoder needs to show it, and which way up it is.
///
/// All else is left behind, known or not: notes of the camera with place, time and serial numbers (Exif, XMP, IPTC), comments, thumbnails,
/// and what stands behind the picture, as do the second pictures and films of some telephones. The pixels are not decoded, and stay as
/// they are to the bit; so do colour profiles.
///
/// # Errors
/// It is no picture of a kind that is taken, breaks off, moves, or is too large.
///
/// # Sources
/// JPEG: ITU-T T.81, B; PNG: W3C PNG third edition, 5 and 11; WebP: RFC 9649.
pub fn strip(bytes: &[u8]) -> Result<Picture, PictureError> {
    let media = recognize(bytes).ok_or(PictureError::Unknown)?;
    let read = match media {
        PhotoMedia::Jpeg => jpeg::read,
        PhotoMedia::Png => png::read,
        PhotoMedia::Webp => webp::read,
    };
    let Found { size, orientation, bytes } = read(bytes).map_err(|what| PictureError::Broken { media, what })?;
    let (width, height) = orientation.shown(size);
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(PictureError::TooLarge { width, height });
    }
    Ok(Picture { media, width, height, bytes })
}

fn recognize(bytes: &[u8]) -> Option<PhotoMedia> {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => Some(PhotoMedia::Jpeg),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(PhotoMedia::Webp),
        bytes if bytes.starts_with(png::SIGNATURE) => Some(PhotoMedia::Png),
        _ => None,
    }
}

fn name(media: PhotoMedia) -> &'static str {
    match media {
        PhotoMedia::Jpeg => "JPEG",
        PhotoMedia::Png => "PNG",
        PhotoMedia::Webp => "WebP",
    }
}

/// Splits so many bytes off the front.
pub(super) fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], &'static str> {
    let (front, rest) = bytes.split_at_checked(count).ok_or(BREAKS_OFF)?;
    *bytes = rest;
    Ok(front)
}

pub(super) const BREAKS_OFF: &str = "breaks off";
pub(super) const NO_SIZE: &str = "does not say how large it is";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::samples::{SECRET, jpeg, png, webp};
    use super::*;

    fn holds(bytes: &[u8], what: &[u8]) -> bool {
        bytes.windows(what.len()).any(|window| window == what)
    }

    #[test]
    fn nothing_is_kept_of_a_picture_but_what_shows_it() {
        for (given, media, size) in
            [(jpeg(6), PhotoMedia::Jpeg, (30, 40)), (png(6), PhotoMedia::Png, (30, 40)), (webp(6), PhotoMedia::Webp, (30, 40))]
        {
            assert!(holds(&given, SECRET), "the sample says what must not be kept");
            let kept = strip(&given).unwrap();
            assert_eq!((kept.media, (kept.width, kept.height)), (media, size));
            assert!(!holds(&kept.bytes, SECRET), "{media:?} keeps a secret");
            assert!(holds(&kept.bytes, b"colours"), "{media:?} loses its colours");
            assert_eq!(strip(&kept.bytes).as_ref(), Ok(&kept), "what is fit to be kept stays as it is");
        }
    }

    #[test]
    fn a_picture_that_stands_upright_has_no_notes_at_all() {
        for given in [jpeg(1), png(1), webp(1)] {
            let kept = strip(&given).unwrap();
            assert_eq!((kept.width, kept.height), (40, 30));
            assert!(!holds(&kept.bytes, b"MM\0*") && !holds(&kept.bytes, b"II*\0") && !holds(&kept.bytes, b"EXIF"));
        }
    }

    #[test]
    fn a_picture_that_breaks_off_anywhere_is_refused() {
        for given in [jpeg(6), png(6), webp(6)] {
            let whole = strip(&given).unwrap();
            for cut in 0..whole.bytes.len() {
                assert!(strip(&whole.bytes[..cut]).is_err(), "{:?} cut at {cut}", whole.media);
            }
        }
    }

    #[test]
    fn what_is_no_picture_or_too_large_is_refused() {
        for other in [&b""[..], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"%PDF-1.7", b"\0\0\0\x18ftypheic"] {
            assert_eq!(strip(other), Err(PictureError::Unknown));
        }
        let mut huge = png(1);
        huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        assert_eq!(strip(&huge), Err(PictureError::TooLarge { width: 65536, height: 65536 }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_it_fail(which in 0..3_usize, at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
            let mut given = vec![jpeg(6), png(6), webp(6)].swap_remove(which);
            let at = at.index(given.len());
            given[at] = byte;
            let cut = given.len() - cut.index(given.len());
            for bytes in [&given[..], &given[..cut]] {
                if let Ok(kept) = strip(bytes) {
                    let again = strip(&kept.bytes);
                    prop_assert_eq!(again.as_ref(), Ok(&kept));
                }
            }
        }
    }
}
