use std::io::{ErrorKind, Read};
use std::path::Path;

use geo_types::Coord;

use super::super::container::read_error;
use super::super::error::ImportError;
use super::super::raw::RawGeometry;
use super::rings::group_rings;

/// The shapes in the order of their records, and what is to be said about the file.
pub(super) struct Shapes {
    pub geometries: Vec<RawGeometry>,
    /// The length that the header gives the file.
    pub announced_bytes: u64,
    /// How much of the file was there to be read.
    pub bytes: u64,
    /// Why the records end before the file does, or the file before they do.
    pub fault: Option<String>,
    pub notes: Vec<String>,
}

const HEADER_BYTES: usize = 100;
const FILE_CODE: u32 = 9994;
/// Where the header has the length of the file, in words of two bytes.
const LENGTH_AT: usize = 24;

/// Largest record that is believed, bytes: some 64 million points, more than any boundary.
const RECORD_BYTES_MAX: usize = 1 << 30;

/// Reads record after record until the file ends. Whether that is all of it, its header and the files beside it tell.
///
/// # Errors
/// A file that is no `.shp`, or cannot be read.
pub(super) fn read(path: &Path, mut source: impl Read) -> Result<Shapes, ImportError> {
    let mut header = Vec::new();
    read_up_to(&mut source, HEADER_BYTES, &mut header).map_err(|e| read_error(path, e))?;
    let broken = |detail: String| ImportError::broken(path, ".shp file", detail, "export it again from the program it came from");
    if header.len() < HEADER_BYTES {
        return Err(broken(format!("it has {} bytes and a header alone has 100", header.len())));
    }
    if big_endian(&header, 0) != FILE_CODE {
        return Err(broken("it does not begin with the number 9994".into()));
    }
    let announced_bytes = u64::from(big_endian(&header, LENGTH_AT)) * 2;
    let mut shapes = Shapes { geometries: Vec::new(), announced_bytes, bytes: HEADER_BYTES as u64, fault: None, notes: Vec::new() };
    let mut record = Vec::new();
    loop {
        read_up_to(&mut source, 8, &mut record).map_err(|e| read_error(path, e))?;
        shapes.bytes += record.len() as u64;
        if record.is_empty() {
            break;
        }
        if record.len() < 8 {
            shapes.notes.push(format!("the .shp ends with {} bytes that are no record", record.len()));
            break;
        }
        let number = shapes.geometries.len() + 1;
        // Lengths are in words of two bytes.
        let bytes = big_endian(&record, 4) as usize * 2;
        if bytes > RECORD_BYTES_MAX {
            shapes.fault = Some(format!("the header of record {number} is damaged, so that what follows cannot be found"));
            break;
        }
        read_up_to(&mut source, bytes, &mut record).map_err(|e| read_error(path, e))?;
        shapes.bytes += record.len() as u64;
        if record.len() < bytes {
            shapes.fault = Some(format!("the .shp ends within record {number}, which says to have {bytes} bytes"));
            break;
        }
        shapes.geometries.push(read_shape(&record));
    }
    Ok(shapes)
}

fn read_shape(record: &[u8]) -> RawGeometry {
    let Some(kind) = little_endian(record, 0) else {
        return RawGeometry::Unreadable("its record has no shape type".into());
    };
    match kind {
        0 => RawGeometry::Empty,
        5 | 15 | 25 => {
            read_polygon(record).unwrap_or_else(|| RawGeometry::Unreadable("its counts of parts and points do not fit its length".into()))
        }
        1 | 11 | 21 => RawGeometry::Other("point".into()),
        3 | 13 | 23 => RawGeometry::Other("line".into()),
        8 | 18 | 28 => RawGeometry::Other("multipoint".into()),
        31 => RawGeometry::Other("multipatch (a surface in space)".into()),
        other => RawGeometry::Other(format!("shape of the unknown type {other}")),
    }
}

/// After the type and the envelope: how many parts and points, where each part begins, the points.
fn read_polygon(record: &[u8]) -> Option<RawGeometry> {
    const PARTS_AT: usize = 44;
    const POINT_BYTES: usize = 16;
    let part_count = little_endian(record, 36)? as usize;
    let point_count = little_endian(record, 40)? as usize;
    let points_at = PARTS_AT.checked_add(part_count.checked_mul(4)?)?;
    let points = record.get(points_at..)?.get(..point_count.checked_mul(POINT_BYTES)?)?;
    if part_count == 0 || point_count == 0 {
        return Some(RawGeometry::Empty);
    }
    let mut starts: Vec<usize> = record[PARTS_AT..points_at].chunks_exact(4).filter_map(|b| Some(little_endian(b, 0)? as usize)).collect();
    starts.push(point_count);
    let rings = starts.windows(2).map(|ends| {
        let bytes = points.get(ends[0].checked_mul(POINT_BYTES)?..ends[1].checked_mul(POINT_BYTES)?)?;
        Some(bytes.chunks_exact(POINT_BYTES).map(|b| Coord { x: float(&b[..8]), y: float(&b[8..]) }).collect())
    });
    rings.collect::<Option<Vec<Vec<_>>>>().map(|rings| RawGeometry::Polygons(group_rings(rings)))
}

/// Reads so many bytes, or fewer where the source ends. Memory grows with what is there, not with what is announced.
fn read_up_to(source: &mut impl Read, bytes: usize, buffer: &mut Vec<u8>) -> std::io::Result<()> {
    buffer.clear();
    match source.by_ref().take(bytes as u64).read_to_end(buffer) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(()),
        result => result.map(|_| ()),
    }
}

fn big_endian(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

fn little_endian(bytes: &[u8], at: usize) -> Option<u32> {
    let four = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

fn float(eight: &[u8]) -> f64 {
    f64::from_le_bytes(eight.try_into().expect("the slice was cut to eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polygon_record(rings: &[&[(f64, f64)]]) -> Vec<u8> {
        let mut record = 5u32.to_le_bytes().to_vec();
        record.extend([0; 32]);
        record.extend((rings.len() as u32).to_le_bytes());
        record.extend((rings.iter().map(|r| r.len()).sum::<usize>() as u32).to_le_bytes());
        let mut start = 0u32;
        for ring in rings {
            record.extend(start.to_le_bytes());
            start += ring.len() as u32;
        }
        for (x, y) in rings.iter().copied().flatten() {
            record.extend(x.to_le_bytes());
            record.extend(y.to_le_bytes());
        }
        record
    }

    fn file(records: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes[..4].copy_from_slice(&FILE_CODE.to_be_bytes());
        for (number, record) in records.iter().enumerate() {
            bytes.extend((number as u32 + 1).to_be_bytes());
            bytes.extend((record.len() as u32 / 2).to_be_bytes());
            bytes.extend_from_slice(record);
        }
        let words = bytes.len() as u32 / 2;
        bytes[LENGTH_AT..LENGTH_AT + 4].copy_from_slice(&words.to_be_bytes());
        bytes
    }

    const SQUARE: &[(f64, f64)] = &[(0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (1.0, 0.0), (0.0, 0.0)];

    #[test]
    fn a_file_cut_anywhere_gives_what_is_there_and_is_shorter_than_its_header_says() {
        let whole = file(&[polygon_record(&[SQUARE]), polygon_record(&[SQUARE])]);
        let record_bytes = (whole.len() - HEADER_BYTES) / 2;
        for end in HEADER_BYTES..=whole.len() {
            let shapes = read(Path::new("a.shp"), &whole[..end]).unwrap();
            assert_eq!(shapes.geometries.len(), (end - HEADER_BYTES) / record_bytes, "{end}");
            assert_eq!((shapes.bytes, shapes.announced_bytes), (end as u64, whole.len() as u64), "{end}");
            assert_eq!(shapes.fault.is_some(), (end - HEADER_BYTES) % record_bytes >= 8, "{end}");
        }
    }

    #[test]
    fn no_byte_however_wrong_stops_the_reading() {
        let whole = file(&[polygon_record(&[SQUARE, SQUARE])]);
        for at in 0..whole.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[at] = value;
                let _ = read(Path::new("a.shp"), broken.as_slice());
            }
        }
    }
}
