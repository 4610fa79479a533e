//! The geometry blob of a GeoPackage: a header with the envelope, then ISO WKB (OGC 12-128r17, clause 2.1.3).

use geo_types::{Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};

pub(super) const SRS_ID: i32 = 4326;

const MAGIC: &[u8; 2] = b"GP";
/// Little endian, envelope of four numbers.
const FLAGS_XY_ENVELOPE: u8 = 0b0000_0011;
const FLAGS_EMPTY: u8 = 0b0001_0001;
const WKB_POLYGON: u32 = 3;
const WKB_MULTI_POLYGON: u32 = 6;
/// Deepest nesting of collections that is read; no file of boundaries nests them at all.
const COLLECTION_DEPTH_MAX: usize = 16;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BlobError {
    #[error("the geometry does not begin as a GeoPackage geometry does")]
    Header,
    #[error("the geometry ends before its coordinates do")]
    Truncated,
    #[error("the geometry has the type {0}, which cannot be read; turn curves into straight segments first")]
    Type(u32),
    #[error("the geometry nests collections deeper than {COLLECTION_DEPTH_MAX}")]
    Depth,
    #[error("the geometry is no multipolygon")]
    NotBoundary,
}

/// West, south, east, north.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub min: Coord<f64>,
    pub max: Coord<f64>,
}

impl Extent {
    pub(super) fn of(geometry: &MultiPolygon<f64>) -> Option<Self> {
        let mut coords = geometry.0.iter().flat_map(|polygon| &polygon.exterior().0);
        let first = *coords.next()?;
        Some(coords.fold(Self { min: first, max: first }, |extent, c| extent.joined(Self { min: *c, max: *c })))
    }

    pub(super) fn around(geometry: &Geometry<f64>) -> Option<Self> {
        geo::BoundingRect::bounding_rect(geometry).map(|rect| Self { min: rect.min(), max: rect.max() })
    }

    pub(super) fn joined(self, other: Self) -> Self {
        Self {
            min: Coord { x: self.min.x.min(other.min.x), y: self.min.y.min(other.min.y) },
            max: Coord { x: self.max.x.max(other.max.x), y: self.max.y.max(other.max.y) },
        }
    }
}

/// Packs a geometry, every coordinate bit for bit.
pub(super) fn encode(geometry: &MultiPolygon<f64>) -> Vec<u8> {
    let coord_count: usize = geometry.0.iter().map(|p| p.exterior().0.len() + p.interiors().iter().map(|r| r.0.len()).sum::<usize>()).sum();
    let mut blob = Vec::with_capacity(64 + coord_count * 16 + geometry.0.len() * 32);
    blob.extend(MAGIC);
    blob.push(0);
    match Extent::of(geometry) {
        Some(Extent { min, max }) => {
            blob.push(FLAGS_XY_ENVELOPE);
            blob.extend(SRS_ID.to_le_bytes());
            for bound in [min.x, max.x, min.y, max.y] {
                blob.extend(bound.to_le_bytes());
            }
        }
        None => {
            blob.push(FLAGS_EMPTY);
            blob.extend(SRS_ID.to_le_bytes());
        }
    }
    push_head(&mut blob, WKB_MULTI_POLYGON, geometry.0.len());
    for polygon in &geometry.0 {
        push_head(&mut blob, WKB_POLYGON, 1 + polygon.interiors().len());
        for ring in std::iter::once(polygon.exterior()).chain(polygon.interiors()) {
            blob.extend(count(ring.0.len()).to_le_bytes());
            for coord in &ring.0 {
                blob.extend(coord.x.to_le_bytes());
                blob.extend(coord.y.to_le_bytes());
            }
        }
    }
    blob
}

fn push_head(blob: &mut Vec<u8>, kind: u32, parts: usize) {
    blob.push(1);
    blob.extend(kind.to_le_bytes());
    blob.extend(count(parts).to_le_bytes());
}

fn count(parts: usize) -> u32 {
    u32::try_from(parts).expect("arcs are counted in 31 bits, so are the vertices of a ring")
}

/// What a blob holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decoded {
    /// None where it is empty.
    pub geometry: Option<Geometry<f64>>,
    /// A ring did not end where it begins; in `geometry` it does.
    pub has_open_ring: bool,
}

/// Unpacks a geometry of any program's GeoPackage. Heights and measures are dropped.
pub(super) fn decode(blob: &[u8]) -> Result<Decoded, BlobError> {
    let (Some(head), Some(MAGIC)) = (blob.get(..8), blob.first_chunk::<2>()) else { return Err(BlobError::Header) };
    let flags = head[3];
    let is_extended = flags & 0b0010_0000 != 0;
    let envelope_bytes = match (flags >> 1) & 0b111 {
        0 => 0,
        1 => 32,
        2 | 3 => 48,
        4 => 64,
        _ => return Err(BlobError::Header),
    };
    if is_extended {
        return Err(BlobError::Header);
    }
    let wkb = blob.get(8 + envelope_bytes..).ok_or(BlobError::Truncated)?;
    if flags & 0b0001_0000 != 0 {
        return Ok(Decoded { geometry: None, has_open_ring: false });
    }
    let mut reader = Reader { rest: wkb, is_little: true, dimensions: 2, has_open_ring: false };
    let geometry = reader.geometry(0)?;
    Ok(Decoded { geometry: Some(geometry), has_open_ring: reader.has_open_ring })
}

/// Unpacks a boundary of our own.
pub(super) fn decode_boundary(blob: &[u8]) -> Result<MultiPolygon<f64>, BlobError> {
    match decode(blob)?.geometry {
        Some(Geometry::MultiPolygon(geometry)) => Ok(geometry),
        None => Ok(MultiPolygon(Vec::new())),
        Some(_) => Err(BlobError::NotBoundary),
    }
}

/// Reads the envelope of a geometry of our own, which is in front; none where it is empty.
pub(super) fn read_extent(blob: &[u8]) -> Option<Extent> {
    const ENVELOPE_BYTES: usize = 32;
    if *blob.get(3)? != FLAGS_XY_ENVELOPE {
        return None;
    }
    let envelope = blob.get(8..8 + ENVELOPE_BYTES)?;
    let mut bounds = envelope.chunks_exact(8).map(|bound| bound.try_into().map(f64::from_le_bytes).unwrap_or(f64::NAN));
    let (min_x, max_x, min_y, max_y) = (bounds.next()?, bounds.next()?, bounds.next()?, bounds.next()?);
    Some(Extent { min: Coord { x: min_x, y: min_y }, max: Coord { x: max_x, y: max_y } })
}

/// Reads WKB without trusting any count in it: nothing is set aside before its bytes are seen.
struct Reader<'a> {
    rest: &'a [u8],
    is_little: bool,
    dimensions: usize,
    has_open_ring: bool,
}

impl Reader<'_> {
    fn geometry(&mut self, depth: usize) -> Result<Geometry<f64>, BlobError> {
        if depth > COLLECTION_DEPTH_MAX {
            return Err(BlobError::Depth);
        }
        let kind = self.head()?;
        Ok(match kind {
            1 => self.point()?.map_or_else(|| Geometry::GeometryCollection(GeometryCollection::default()), Geometry::Point),
            2 => Geometry::LineString(self.line()?),
            3 => Geometry::Polygon(self.polygon()?),
            4..=7 => {
                let parts = self.parts(depth)?;
                collect(kind, parts)
            }
            other => return Err(BlobError::Type(other)),
        })
    }

    /// Reads byte order and type, and returns the type without its dimensions.
    fn head(&mut self) -> Result<u32, BlobError> {
        self.is_little = self.take::<1>()? != [0];
        let given = self.count()?;
        // ISO counts dimensions in thousands; older writers set EWKB's high bits instead.
        let (plain, has_z, has_m) = match given {
            0x2000_0000.. => (given & 0x0fff_ffff, given & 0x8000_0000 != 0, given & 0x4000_0000 != 0),
            _ => (given % 1000, matches!(given / 1000, 1 | 3), matches!(given / 1000, 2 | 3)),
        };
        if plain == 0 || given & 0x2000_0000 != 0 || (given < 0x2000_0000 && given / 1000 > 3) {
            return Err(BlobError::Type(given));
        }
        self.dimensions = 2 + usize::from(has_z) + usize::from(has_m);
        Ok(plain)
    }

    fn parts(&mut self, depth: usize) -> Result<Vec<Geometry<f64>>, BlobError> {
        let count = self.count()?;
        (0..count).map(|_| self.geometry(depth + 1)).collect()
    }

    /// A point of two NaN is how WKB says empty.
    fn point(&mut self) -> Result<Option<Point<f64>>, BlobError> {
        let coord = self.coord()?;
        Ok((!(coord.x.is_nan() && coord.y.is_nan())).then_some(Point(coord)))
    }

    fn polygon(&mut self) -> Result<Polygon<f64>, BlobError> {
        let count = self.count()?;
        let rings = (0..count).map(|_| self.line()).collect::<Result<Vec<_>, _>>()?;
        // The type closes rings without a word, so that they were open has to be told beside it.
        self.has_open_ring |= rings.iter().any(|ring| ring.0.first() != ring.0.last());
        let mut rings = rings.into_iter();
        let exterior = rings.next().unwrap_or_else(|| LineString(Vec::new()));
        Ok(Polygon::new(exterior, rings.collect()))
    }

    fn line(&mut self) -> Result<LineString<f64>, BlobError> {
        let count = self.count()? as usize;
        let bytes = count.checked_mul(8 * self.dimensions).ok_or(BlobError::Truncated)?;
        let (coords, rest) = self.rest.split_at_checked(bytes).ok_or(BlobError::Truncated)?;
        self.rest = rest;
        // All bytes are there, so a line takes the room that it needs at once, and no more.
        let numbers = coords.as_chunks::<8>().0;
        let coords = numbers.chunks_exact(self.dimensions).map(|coord| Coord { x: self.to_number(coord[0]), y: self.to_number(coord[1]) });
        Ok(LineString(coords.collect()))
    }

    fn coord(&mut self) -> Result<Coord<f64>, BlobError> {
        let coord = Coord { x: self.number()?, y: self.number()? };
        for _ in 2..self.dimensions {
            self.number()?;
        }
        Ok(coord)
    }

    fn number(&mut self) -> Result<f64, BlobError> {
        let bytes = self.take::<8>()?;
        Ok(self.to_number(bytes))
    }

    fn to_number(&self, bytes: [u8; 8]) -> f64 {
        if self.is_little { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) }
    }

    fn count(&mut self) -> Result<u32, BlobError> {
        let bytes = self.take::<4>()?;
        Ok(if self.is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], BlobError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(BlobError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }
}

/// Makes the collection that `kind` names; parts of a foreign kind make it a mixed collection, which the check refuses.
fn collect(kind: u32, parts: Vec<Geometry<f64>>) -> Geometry<f64> {
    let mixed = |parts| Geometry::GeometryCollection(GeometryCollection(parts));
    match kind {
        4 if parts.iter().all(|p| matches!(p, Geometry::Point(_))) => {
            let point = |part| if let Geometry::Point(point) = part { Some(point) } else { None };
            Geometry::MultiPoint(MultiPoint(parts.into_iter().filter_map(point).collect()))
        }
        5 if parts.iter().all(|p| matches!(p, Geometry::LineString(_))) => {
            let line = |part| if let Geometry::LineString(line) = part { Some(line) } else { None };
            Geometry::MultiLineString(MultiLineString(parts.into_iter().filter_map(line).collect()))
        }
        6 if parts.iter().all(|p| matches!(p, Geometry::Polygon(_))) => {
            let polygon = |part| if let Geometry::Polygon(polygon) = part { Some(polygon) } else { None };
            Geometry::MultiPolygon(MultiPolygon(parts.into_iter().filter_map(polygon).collect()))
        }
        _ => mixed(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(coords: &[(f64, f64)]) -> LineString<f64> {
        LineString(coords.iter().map(|&c| c.into()).collect())
    }

    fn sample() -> MultiPolygon<f64> {
        let square = |x: f64, s: f64| ring(&[(x, x), (x + s, x), (x + s, x + s), (x, x + s), (x, x)]);
        MultiPolygon(vec![Polygon::new(square(0.1 + 0.2, 9.0), vec![square(1.0 / 3.0, 1e-9)]), Polygon::new(square(-100.7, 5.0), vec![])])
    }

    #[test]
    fn a_geometry_comes_back_bit_for_bit() {
        let blob = encode(&sample());
        let Ok(Some(Geometry::MultiPolygon(back))) = decode(&blob).map(|d| d.geometry) else { panic!("not a multipolygon") };
        assert_eq!(back, sample());
        assert_eq!(encode(&back), blob);
        assert_eq!(decode_boundary(&blob).unwrap(), sample());
        assert_eq!(read_extent(&blob), Extent::of(&sample()));
        assert_eq!(read_extent(&encode(&MultiPolygon(vec![]))), None);
        assert_eq!(decode(&encode(&MultiPolygon(vec![]))).unwrap().geometry, None);
    }

    #[test]
    fn a_geometry_cut_short_anywhere_is_an_error() {
        let blob = encode(&sample());
        for length in 0..blob.len() {
            assert!(decode(&blob[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_count_beyond_the_bytes_is_an_error() {
        let mut blob = encode(&sample());
        let at = 8 + 32 + 5;
        blob[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&blob), Err(BlobError::Truncated));
    }

    #[test]
    fn heights_are_dropped_and_curves_refused() {
        let head = |kind: u32| {
            let mut blob = b"GP\0\x01".to_vec();
            blob.extend(0_i32.to_le_bytes());
            blob.push(1);
            blob.extend(kind.to_le_bytes());
            blob
        };
        for (kind, dimensions) in [(1, 2), (1001, 3), (2001, 3), (3001, 4), (0x8000_0001, 3)] {
            let mut blob = head(kind);
            (0..dimensions).for_each(|at| blob.extend(f64::from(at).to_le_bytes()));
            assert_eq!(decode(&blob).unwrap().geometry, Some(Geometry::Point(Point::new(0.0, 1.0))), "{kind}");
        }
        assert_eq!(decode(&head(10)), Err(BlobError::Type(10)));
        assert_eq!(decode(b"PK\x03\x04----"), Err(BlobError::Header));
    }
}
