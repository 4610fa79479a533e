use flate2::Crc;

use super::orientation::Orientation;
use super::strip::{BREAKS_OFF, Found, NO_SIZE, take};

pub(super) const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";

/// What a decoder needs: the picture, what is transparent, and the colours.
const NEEDED: [&[u8; 4]; 10] = [b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"cHRM", b"gAMA", b"iCCP", b"sBIT", b"sRGB"];

/// Longest chunk, bytes, by the standard.
const CHUNK_BYTES_MAX: u32 = 0x7fff_ffff;

/// Copies the chunks that a decoder needs, up to the end. One that moves becomes its first picture.
pub(super) fn read(given: &[u8]) -> Result<Found, &'static str> {
    let mut rest = given;
    take(&mut rest, SIGNATURE.len())?;
    let (mut head, mut body) = (SIGNATURE.to_vec(), Vec::with_capacity(given.len()));
    let (mut size, mut orientation, mut has_data) = (None, None, false);
    loop {
        let chunk = rest;
        let length: [u8; 4] = take(&mut rest, 4)?.try_into().map_err(|_| BREAKS_OFF)?;
        let length = u32::from_be_bytes(length);
        if length > CHUNK_BYTES_MAX {
            return Err("has a chunk that is too long");
        }
        let kind = take(&mut rest, 4)?;
        let content = take(&mut rest, usize::try_from(length).map_err(|_| BREAKS_OFF)?)?;
        take(&mut rest, 4)?;
        let whole = &chunk[..chunk.len() - rest.len()];
        match kind {
            b"IHDR" if size.is_none() => {
                size = Some(size_of(content)?);
                head.extend(whole);
                continue;
            }
            _ if size.is_none() => return Err(NO_SIZE),
            b"IHDR" => return Err("begins twice"),
            b"eXIf" => {
                orientation.get_or_insert(Orientation::read(content));
            }
            kind if NEEDED.iter().any(|needed| *needed == kind) => body.extend(whole),
            // A decoder may not pass over what is written in capitals.
            [first, ..] if first.is_ascii_uppercase() => return Err("has a chunk that is needed and not known"),
            _ => {}
        }
        has_data |= kind == b"IDAT";
        if kind == b"IEND" {
            break;
        }
    }
    if !has_data {
        return Err("holds no picture");
    }
    let orientation = orientation.unwrap_or(Orientation::UPRIGHT);
    if let Some(notes) = orientation.notes() {
        push(&mut head, *b"eXIf", &notes);
    }
    head.append(&mut body);
    Ok(Found { size: size.ok_or(NO_SIZE)?, orientation, bytes: head })
}

fn size_of(header: &[u8]) -> Result<(u32, u32), &'static str> {
    let [w3, w2, w1, w0, h3, h2, h1, h0, _, _, _, _, _] = *header else { return Err(NO_SIZE) };
    let (width, height) = (u32::from_be_bytes([w3, w2, w1, w0]), u32::from_be_bytes([h3, h2, h1, h0]));
    if width == 0 || height == 0 { Err(NO_SIZE) } else { Ok((width, height)) }
}

pub(super) fn push(out: &mut Vec<u8>, kind: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).expect("a chunk of ours is short");
    let mut crc = Crc::new();
    crc.update(&kind);
    crc.update(content);
    out.extend(length.to_be_bytes());
    out.extend(kind);
    out.extend(content);
    out.extend(crc.sum().to_be_bytes());
}
