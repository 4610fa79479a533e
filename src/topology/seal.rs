//! Knows shapes again that were checked before.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::build::assemble;
use super::coverage::{CoverageLevel, ValidCoverage};
use crate::boundary::{Accepted, Layer, UnitCode, UnitShape};

/// Changes whenever the check finds more than it did, or the seal is made otherwise, so that what an older program sealed is checked
/// again.
const RULES_VERSION: u8 = 2;

/// A SHA-256 over a geometry.
///
/// The same rings give the same hash wherever they start and however polygons and holes are ordered: cutting arcs at the junctions of a
/// finer level moves the starts of rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeometryDigest(pub [u8; 32]);

impl GeometryDigest {
    pub fn of(geometry: &MultiPolygon<f64>) -> Self {
        let mut hash = Sha256::new();
        let mut polygons: Vec<Vec<u8>> = geometry.0.iter().map(polygon_bytes).collect();
        polygons.sort_unstable();
        hash.update((polygons.len() as u64).to_le_bytes());
        polygons.iter().for_each(|polygon| hash.update(polygon));
        Self(hash.finalize().into())
    }
}

/// A SHA-256 over everything that a check looks at: the levels, the accepted faults, and of every unit its code, parent and rings.
///
/// A coverage gives it; shapes that have the same are the shapes of that coverage, so what was checked once need not be checked
/// again by everybody who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal(pub [u8; 32]);

impl Seal {
    /// Seals shapes, one list for each level of the layer, in any order.
    fn of(layer: &Layer, shapes: &[Vec<UnitShape>], accepted: Accepted) -> Self {
        let levels = shapes.iter().map(|level| {
            let mut units: Vec<(&UnitCode, [u8; 32])> = level
                .par_iter()
                .map(|shape| {
                    (&shape.unit.code, unit_digest(&shape.unit.code, shape.unit.parent.as_ref(), GeometryDigest::of(&shape.geometry)))
                })
                .collect();
            units.sort_unstable();
            units.into_iter().map(|(_, digest)| digest).collect()
        });
        Self::of_digests(layer, levels, accepted)
    }

    fn of_digests(layer: &Layer, levels: impl Iterator<Item = Vec<[u8; 32]>>, accepted: Accepted) -> Self {
        let mut hash = Sha256::new();
        hash.update([RULES_VERSION, accepted.overlap.into(), accepted.gap.into(), accepted.nesting.into()]);
        for (level, units) in layer.levels.iter().zip(levels) {
            hash.update(level.as_str().as_bytes());
            hash.update([0]);
            hash.update((units.len() as u64).to_le_bytes());
            units.iter().for_each(|digest| hash.update(digest));
        }
        Self(hash.finalize().into())
    }
}

impl ValidCoverage {
    /// Returns what shapes read back later are known by.
    pub fn seal(&self) -> Seal {
        self.seal_with(&self.geometry_digests())
    }

    /// Returns the digests of all units' geometries, level by level, in the order of the units.
    pub fn geometry_digests(&self) -> Vec<Vec<GeometryDigest>> {
        let of_level = |(depth, level): (usize, &CoverageLevel)| {
            let units: Vec<_> = level.indices().collect();
            units.into_par_iter().map(|unit| GeometryDigest::of(&self.to_geometry(depth, unit))).collect()
        };
        self.levels.iter().enumerate().map(of_level).collect()
    }

    /// Like [`Self::seal`], for who has the digests of the geometries already.
    pub fn seal_with(&self, digests: &[Vec<GeometryDigest>]) -> Seal {
        let levels = self.levels.iter().zip(digests).map(|(level, digests)| {
            let units = level.units().iter().zip(digests);
            units.map(|(unit, geometry)| unit_digest(&unit.code, unit.parent.as_ref(), *geometry)).collect()
        });
        Seal::of_digests(&self.layer, levels, self.accepted)
    }
}

/// Makes the coverage again of shapes that a check has passed before, as their seal shows. None where they are other shapes: check
/// them.
///
/// Takes a fraction of the time of [`super::check`], which would find the same again.
pub fn restore(layer: &Layer, shapes: Vec<Vec<UnitShape>>, accepted: Accepted, seal: Seal) -> Result<ValidCoverage, Vec<Vec<UnitShape>>> {
    let is_known = shapes.len() == layer.levels.len() && Seal::of(layer, &shapes, accepted) == seal;
    if is_known { Ok(assemble(layer, shapes, accepted)) } else { Err(shapes) }
}

fn unit_digest(code: &UnitCode, parent: Option<&UnitCode>, geometry: GeometryDigest) -> [u8; 32] {
    let mut hash = Sha256::new();
    for text in [Some(code), parent] {
        let text = text.map_or("", UnitCode::as_str);
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(geometry.0);
    hash.finalize().into()
}

fn polygon_bytes(polygon: &Polygon<f64>) -> Vec<u8> {
    let mut bytes = (polygon.interiors().len() as u64).to_le_bytes().to_vec();
    bytes.extend(ring_bytes(polygon.exterior()));
    let mut holes: Vec<Vec<u8>> = polygon.interiors().iter().map(ring_bytes).collect();
    holes.sort_unstable();
    bytes.extend(holes.into_iter().flatten());
    bytes
}

/// The ring from its lowest vertex on, with its length in front.
fn ring_bytes(ring: &LineString<f64>) -> Vec<u8> {
    let open = &ring.0[..ring.0.len().saturating_sub(1)];
    let start = lowest_rotation(open);
    let mut bytes = Vec::with_capacity(8 + open.len() * 16);
    bytes.extend((open.len() as u64).to_le_bytes());
    for coord in open[start..].iter().chain(&open[..start]) {
        bytes.extend(coord.x.to_bits().to_le_bytes());
        bytes.extend(coord.y.to_bits().to_le_bytes());
    }
    bytes
}

/// A ring may pass its lowest vertex more than once; then what follows it decides.
fn lowest_rotation(open: &[Coord<f64>]) -> usize {
    let key = |at: usize| (open[at % open.len()].x, open[at % open.len()].y);
    let from = |start: usize| (start..start + open.len()).map(key);
    let compare = |&a: &usize, &b: &usize| from(a).partial_cmp(from(b)).unwrap_or(std::cmp::Ordering::Equal);
    (0..open.len()).min_by(compare).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::{FeatureRef, LayerName, Level, Properties, Unit, UnitId, Validity};
    use crate::topology::{Rules, check};

    fn square(code: &str, west: f64) -> UnitShape {
        let ring = LineString::from(vec![(west, 0.0), (west + 1.0, 0.0), (west + 1.0, 1.0), (west, 1.0), (west, 0.0)]);
        let unit = Unit {
            id: UnitId(uuid::Uuid::nil()),
            code: UnitCode::parse(code).unwrap(),
            name: String::new(),
            level: Level::parse("grid").unwrap(),
            parent: None,
            properties: Properties::new(),
            validity: Validity { from: jiff::Timestamp::UNIX_EPOCH, to: None },
        };
        UnitShape { unit, geometry: MultiPolygon(vec![Polygon::new(ring, vec![])]), source: FeatureRef::default() }
    }

    #[test]
    fn a_ring_that_passes_its_lowest_vertex_twice_has_one_start() {
        let coords = [(0., 0.), (1., 2.), (2., 1.), (0., 0.), (2., -1.), (1., -2.)];
        let ring = |start: usize| {
            let mut turned: Vec<Coord<f64>> = (0..6).map(|at| coords[(start + at) % 6].into()).collect();
            turned.push(turned[0]);
            ring_bytes(&LineString(turned))
        };
        for start in 1..6 {
            assert_eq!(ring(0), ring(start), "{start}");
        }
    }

    #[test]
    fn what_was_checked_is_known_again_and_nothing_else() {
        let layer = Layer { name: LayerName::parse("grid").unwrap(), levels: vec![Level::parse("grid").unwrap()], scheme: None };
        let shapes = || vec![vec![square("b", 1.0), square("a", 0.0)]];
        let coverage = check(&layer, shapes(), &Rules { snap_m: 0.0, ..Rules::default() }).coverage.unwrap();
        let (seal, accepted) = (coverage.seal(), coverage.accepted());
        let restored = restore(&layer, shapes(), accepted, seal).unwrap();
        assert_eq!(restored.seal(), seal);
        assert_eq!(
            restored.to_geometry(0, restored.levels()[0].find(&UnitCode::parse("b").unwrap()).unwrap()),
            coverage.to_geometry(0, coverage.levels()[0].find(&UnitCode::parse("b").unwrap()).unwrap())
        );
        let refused = |change: &dyn Fn(&mut Vec<Vec<UnitShape>>)| {
            let mut other = shapes();
            change(&mut other);
            assert!(restore(&layer, other, accepted, seal).is_err());
        };
        refused(&|shapes| shapes[0][0].geometry.0[0].exterior_mut(|ring| ring.0[1].x = 2.000_000_000_000_000_4));
        refused(&|shapes| shapes[0][0].unit.code = UnitCode::parse("c").unwrap());
        refused(&|shapes| shapes[0][0].unit.parent = Some(UnitCode::parse("a").unwrap()));
        refused(&|shapes| drop(shapes[0].pop()));
        refused(&|shapes| shapes.push(Vec::new()));
        assert!(restore(&layer, shapes(), Accepted { gap: true, ..accepted }, seal).is_err());
    }
}
