use super::orientation::{Orientation, PREFIX};
use super::strip::{BREAKS_OFF, Found, NO_SIZE, take};

const SOI: u8 = 0xd8;
const EOI: u8 = 0xd9;
const SOS: u8 = 0xda;
const APP0: u8 = 0xe0;
const APP1: u8 = 0xe1;
const APP2: u8 = 0xe2;
const APP14: u8 = 0xee;

/// What JFIF says without its thumbnail, bytes: its name, version, density, and a thumbnail of no size.
const JFIF_BYTES: usize = 14;
/// What Adobe says of the colours, bytes.
const ADOBE_BYTES: usize = 12;

/// Copies the segments that a decoder needs, of all scans up to the end of the first picture.
pub(super) fn read(given: &[u8]) -> Result<Found, &'static str> {
    let mut rest = given;
    take(&mut rest, 2)?;
    let (mut head, mut body) = (vec![0xff, SOI], Vec::with_capacity(given.len()));
    let (mut size, mut orientation, mut has_scan) = (None, None, false);
    loop {
        let marker = next_marker(&mut rest)?;
        if marker == EOI {
            break;
        }
        // They stand alone, and say nothing between segments.
        if matches!(marker, 0x01 | 0xd0..=SOI) {
            continue;
        }
        let length: [u8; 2] = take(&mut rest, 2)?.try_into().map_err(|_| BREAKS_OFF)?;
        let length = usize::from(u16::from_be_bytes(length)).checked_sub(2).ok_or("has a segment without a length")?;
        let content = take(&mut rest, length)?;
        match marker {
            APP0 if content.starts_with(b"JFIF\0") && content.len() >= JFIF_BYTES && head.len() == 2 => {
                push(&mut head, APP0, &[&content[..JFIF_BYTES - 2], &[0, 0]].concat());
            }
            APP1 if content.starts_with(PREFIX) => {
                orientation.get_or_insert(Orientation::read(content));
            }
            APP2 if content.starts_with(b"ICC_PROFILE\0") => push(&mut body, marker, content),
            APP14 if content.starts_with(b"Adobe") && content.len() >= ADOBE_BYTES => push(&mut body, marker, &content[..ADOBE_BYTES]),
            SOS => {
                if size.is_none() {
                    return Err("has a scan before it says how large it is");
                }
                push(&mut body, marker, content);
                copy_scan(&mut rest, &mut body)?;
                has_scan = true;
            }
            // Tables, frames, how often it starts anew, and how high it is where that comes late.
            0xc4 | 0xcc | 0xdb | 0xdd | 0xdc => push(&mut body, marker, content),
            0xc0..=0xcf if marker != 0xc8 => {
                size = Some(size.unwrap_or(size_of(content)?));
                push(&mut body, marker, content);
            }
            _ => {}
        }
    }
    let size = size.ok_or(NO_SIZE)?;
    if !has_scan {
        return Err("holds no picture");
    }
    let orientation = orientation.unwrap_or(Orientation::UPRIGHT);
    if let Some(notes) = orientation.notes() {
        push(&mut head, APP1, &[PREFIX, &notes[..]].concat());
    }
    head.append(&mut body);
    head.extend([0xff, EOI]);
    Ok(Found { size, orientation, bytes: head })
}

fn size_of(frame: &[u8]) -> Result<(u32, u32), &'static str> {
    let [_, h1, h0, w1, w0, ..] = *frame else { return Err(NO_SIZE) };
    let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
    if width == 0 || height == 0 { Err(NO_SIZE) } else { Ok((width.into(), height.into())) }
}

fn next_marker(rest: &mut &[u8]) -> Result<u8, &'static str> {
    loop {
        let at = rest.iter().position(|byte| *byte == 0xff).ok_or(BREAKS_OFF)?;
        take(rest, at)?;
        let fill = rest.iter().position(|byte| *byte != 0xff).ok_or(BREAKS_OFF)?;
        take(rest, fill)?;
        let marker = take(rest, 1)?[0];
        // What is no marker is passed over.
        if marker != 0 {
            return Ok(marker);
        }
    }
}

/// Copies what a scan is made of, up to the next marker that does not belong into it.
fn copy_scan(rest: &mut &[u8], body: &mut Vec<u8>) -> Result<(), &'static str> {
    let belongs = |pair: &[u8]| pair[0] != 0xff || matches!(pair[1], 0 | 0xd0..=0xd7);
    let end = rest.windows(2).position(|pair| !belongs(pair)).ok_or(BREAKS_OFF)?;
    body.extend(take(rest, end)?);
    Ok(())
}

fn push(out: &mut Vec<u8>, marker: u8, content: &[u8]) {
    let length =
        u16::try_from(content.len() + 2).expect("no segment is longer than the one that it was made of, but for a few bytes of ours");
    out.extend([0xff, marker]);
    out.extend(length.to_be_bytes());
    out.extend(content);
}
