use super::orientation::Orientation;
use super::strip::{BREAKS_OFF, Found, NO_SIZE, take};

/// What the flags of an extended picture say of it.
const HAS_COLOURS: u8 = 0x20;
const HAS_ALPHA: u8 = 0x10;
const HAS_NOTES: u8 = 0x08;
const MOVES: u8 = 0x02;

/// Copies the chunks that a decoder needs.
pub(super) fn read(given: &[u8]) -> Result<Found, &'static str> {
    let mut rest = given;
    let head = take(&mut rest, 12)?;
    // What stands behind it is no part of it.
    let length = to_usize(&head[4..8])?.checked_sub(4).ok_or(BREAKS_OFF)?;
    let mut rest = take(&mut rest, length)?;
    let (mut extended, mut orientation, mut size, mut body) = (None, None, None, Vec::with_capacity(given.len()));
    while !rest.is_empty() {
        let (kind, length) = (take(&mut rest, 4)?, to_usize(take(&mut rest, 4)?)?);
        let content = take(&mut rest, length)?;
        if length % 2 == 1 && !rest.is_empty() {
            take(&mut rest, 1)?;
        }
        match kind {
            b"VP8X" if body.is_empty() && extended.is_none() => extended = Some(header_of(content)?),
            b"ICCP" if extended.is_some() => push(&mut body, *b"ICCP", content),
            b"ALPH" if extended.is_some() && size.is_none() => push(&mut body, *b"ALPH", content),
            b"VP8 " if size.is_none() => {
                size = Some(size_of_lossy(content)?);
                push(&mut body, *b"VP8 ", content);
            }
            b"VP8L" if size.is_none() => {
                size = Some(size_of_lossless(content)?);
                push(&mut body, *b"VP8L", content);
            }
            b"EXIF" if extended.is_some() => {
                orientation.get_or_insert(Orientation::read(content));
            }
            b"ANIM" | b"ANMF" => return Err(MOVING),
            _ => {}
        }
    }
    let size = size.ok_or("holds no picture")?;
    let orientation = orientation.unwrap_or(Orientation::UPRIGHT);
    let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
    if let Some((flags, canvas)) = extended {
        if canvas != size {
            return Err("is not as large as it says");
        }
        let notes = orientation.notes();
        let has_notes = if notes.is_some() { HAS_NOTES } else { 0 };
        let side = |pixels: u32| (pixels - 1).to_le_bytes();
        let (width, height) = (side(size.0), side(size.1));
        let header = [&[flags & (HAS_COLOURS | HAS_ALPHA) | has_notes, 0, 0, 0][..], &width[..3], &height[..3]].concat();
        push(&mut bytes, *b"VP8X", &header);
        bytes.append(&mut body);
        if let Some(notes) = notes {
            push(&mut bytes, *b"EXIF", &notes);
        }
    } else {
        bytes.append(&mut body);
    }
    let length = u32::try_from(bytes.len() - 8).map_err(|_| "is too long")?;
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    Ok(Found { size, orientation, bytes })
}

const MOVING: &str = "moves; send one picture of it";

fn to_usize(bytes: &[u8]) -> Result<usize, &'static str> {
    let bytes: [u8; 4] = bytes.try_into().map_err(|_| BREAKS_OFF)?;
    usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| BREAKS_OFF)
}

/// Reads the flags and the size of an extended picture.
fn header_of(content: &[u8]) -> Result<(u8, (u32, u32)), &'static str> {
    let [flags, _, _, _, w0, w1, w2, h0, h1, h2] = *content else { return Err(NO_SIZE) };
    if flags & MOVES != 0 {
        return Err(MOVING);
    }
    Ok((flags, (u32::from_le_bytes([w0, w1, w2, 0]) + 1, u32::from_le_bytes([h0, h1, h2, 0]) + 1)))
}

fn size_of_lossy(content: &[u8]) -> Result<(u32, u32), &'static str> {
    let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = *content else { return Err(NO_SIZE) };
    let side = |low: u8, high: u8| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    let (width, height) = (side(w0, w1), side(h0, h1));
    if width == 0 || height == 0 { Err(NO_SIZE) } else { Ok((width, height)) }
}

fn size_of_lossless(content: &[u8]) -> Result<(u32, u32), &'static str> {
    let [0x2f, b0, b1, b2, b3, ..] = *content else { return Err(NO_SIZE) };
    let bits = u32::from_le_bytes([b0, b1, b2, b3]);
    Ok(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

pub(super) fn push(out: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).expect("a chunk is part of a picture whose length has 32 bits");
    out.extend(kind);
    out.extend(length.to_le_bytes());
    out.extend(content);
    if content.len() % 2 == 1 {
        out.push(0);
    }
}
