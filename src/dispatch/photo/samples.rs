//! Pictures as cameras write them, with all that must not be kept.

use super::orientation::PREFIX;
use super::{png, webp};

/// What stands wherever a picture can say something beside itself.
pub(super) const SECRET: &[u8] = b"26.2225N serial 4711";

/// Notes of a camera: the orientation, and what must not be kept behind it.
fn notes(orientation: u8) -> Vec<u8> {
    let mut notes = b"II*\0\x08\0\0\0\x02\0\x0f\x01\x02\0\x14\0\0\0\x26\0\0\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    notes.extend([orientation, 0, 0, 0, 0, 0, 0, 0]);
    notes.extend(SECRET);
    notes
}

/// 40 × 30 pixels, in two scans, with a thumbnail, a second picture and a film behind it.
pub(super) fn jpeg(orientation: u8) -> Vec<u8> {
    let mut out = vec![0xff, 0xd8];
    let mut segment = |marker: u8, parts: &[&[u8]]| {
        let content = parts.concat();
        out.extend([0xff, marker]);
        out.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        out.extend(content);
    };
    segment(0xe0, &[b"JFIF\0\x01\x02\0\0\x48\0\x48\x02\x01", SECRET]);
    segment(0xe0, &[b"JFXX\0\x10", SECRET]);
    segment(0xe1, &[PREFIX, &notes(orientation)]);
    segment(0xe1, &[b"http://ns.adobe.com/xap/1.0/\0", SECRET]);
    segment(0xe2, &[b"ICC_PROFILE\0\x01\x01colours"]);
    segment(0xe2, &[b"MPF\0", SECRET]);
    segment(0xed, &[b"Photoshop 3.0\0", SECRET]);
    segment(0xee, &[b"Adobe\0\x64\0\0\0\0\x01", SECRET]);
    segment(0xfe, &[SECRET]);
    segment(0xdb, &[&[0], &[1; 64]]);
    segment(0xc2, &[&[8, 0, 30, 0, 40, 1, 1, 0x11, 0]]);
    segment(0xc4, &[&[0], &[0; 16]]);
    segment(0xda, &[&[1, 1, 0, 0, 0, 0]]);
    out.extend([0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56]);
    let mut segment = |marker: u8, content: &[u8]| {
        out.extend([0xff, 0xff, marker]);
        out.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        out.extend(content);
    };
    segment(0xfe, SECRET);
    segment(0xda, &[1, 1, 0, 1, 0x3f, 0]);
    out.extend([0x78, 0xff, 0xd9, 0xff, 0xd8, 0xff, 0xe1]);
    out.extend(SECRET);
    out
}

pub(super) fn png(orientation: u8) -> Vec<u8> {
    let mut out = png::SIGNATURE.to_vec();
    let mut chunk = |kind: &[u8; 4], parts: &[&[u8]]| png::push(&mut out, *kind, &parts.concat());
    chunk(b"IHDR", &[&[0, 0, 0, 40, 0, 0, 0, 30, 8, 2, 0, 0, 0]]);
    chunk(b"iCCP", &[b"colours\0\0"]);
    chunk(b"tEXt", &[b"Comment\0", SECRET]);
    chunk(b"tIME", &[&[7, 0xea, 1, 2, 3, 4, 5]]);
    chunk(b"acTL", &[SECRET]);
    chunk(b"IDAT", &[b"data"]);
    chunk(b"IDAT", &[b"more"]);
    chunk(b"eXIf", &[&notes(orientation)]);
    chunk(b"iTXt", &[b"XML:com.adobe.xmp\0", SECRET]);
    chunk(b"IEND", &[]);
    out.extend(SECRET);
    out
}

pub(super) fn webp(orientation: u8) -> Vec<u8> {
    let mut out = b"RIFF\0\0\0\0WEBP".to_vec();
    let mut chunk = |kind: &[u8; 4], parts: &[&[u8]]| webp::push(&mut out, *kind, &parts.concat());
    chunk(b"VP8X", &[&[0x2c, 0, 0, 0, 39, 0, 0, 29, 0, 0]]);
    chunk(b"ICCP", &[b"colours"]);
    chunk(b"VP8 ", &[&[0, 0, 0, 0x9d, 1, 0x2a, 40, 0, 30, 0], b"data!"]);
    chunk(b"EXIF", &[&notes(orientation)]);
    chunk(b"XMP ", &[SECRET]);
    chunk(b"mine", &[SECRET]);
    let length = u32::try_from(out.len() - 8).unwrap();
    out[4..8].copy_from_slice(&length.to_le_bytes());
    out.extend(SECRET);
    out
}
