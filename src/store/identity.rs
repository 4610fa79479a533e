//! Decides whether a unit is what it was, in the same way for every back end.

use geo_types::{Coord, LineString, MultiPolygon, Polygon};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::boundary::Unit;

/// A hash over everything that makes a version of a unit: name, parent, properties, geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// Hashes a unit. The same rings give the same hash wherever they start and however polygons and holes are
    /// ordered: cutting arcs at the junctions of a finer level moves the starts of rings.
    pub(super) fn of(unit: &Unit, geometry: &MultiPolygon<f64>) -> Self {
        let mut hash = Sha256::new();
        let properties = serde_json::to_vec(&unit.properties).expect("a map of JSON values is JSON");
        for field in [unit.name.as_bytes(), unit.parent.as_ref().map_or(&[][..], |p| p.as_str().as_bytes()), &properties] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
        let mut polygons: Vec<Vec<u8>> = geometry.0.iter().map(polygon_bytes).collect();
        polygons.sort_unstable();
        polygons.iter().for_each(|polygon| hash.update(polygon));
        Self(hash.finalize().into())
    }
}

/// Returns whether a unit goes on as the version that is live, with its dates.
///
/// A version that would begin after the generation takes effect makes way for one that begins with it.
pub(super) fn goes_on(live: Fingerprint, live_from: Timestamp, new: Fingerprint, effective_from: Timestamp) -> bool {
    live == new && live_from <= effective_from
}

/// Returns when a version ends that the next generation does not take over. It never ends before it begins.
pub(super) fn end_of(live_from: Timestamp, effective_from: Timestamp) -> Timestamp {
    live_from.max(effective_from)
}

fn polygon_bytes(polygon: &Polygon<f64>) -> Vec<u8> {
    let mut bytes = ring_bytes(polygon.exterior());
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
    use geo_types::polygon;
    use uuid::Uuid;

    use super::*;
    use crate::boundary::{Level, Properties, UnitCode, UnitId, Validity};

    fn unit(name: &str) -> Unit {
        Unit {
            id: UnitId(Uuid::nil()),
            code: UnitCode::parse("1").unwrap(),
            name: name.into(),
            level: Level::parse("grid").unwrap(),
            parent: None,
            properties: Properties::new(),
            validity: Validity { from: Timestamp::UNIX_EPOCH, to: None },
        }
    }

    #[test]
    fn the_start_of_a_ring_does_not_matter_and_a_vertex_does() {
        let a = MultiPolygon(vec![polygon![(x: 0., y: 0.), (x: 2., y: 0.), (x: 2., y: 2.)]]);
        let turned = MultiPolygon(vec![polygon![(x: 2., y: 2.), (x: 0., y: 0.), (x: 2., y: 0.)]]);
        let moved = MultiPolygon(vec![polygon![(x: 0., y: 0.), (x: 2., y: 0.), (x: 2., y: 2.0000000001)]]);
        assert_eq!(Fingerprint::of(&unit("a"), &a), Fingerprint::of(&unit("a"), &turned));
        assert_ne!(Fingerprint::of(&unit("a"), &a), Fingerprint::of(&unit("a"), &moved));
        assert_ne!(Fingerprint::of(&unit("a"), &a), Fingerprint::of(&unit("b"), &a));
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
}
