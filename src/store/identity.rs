//! Decides whether a unit is what it was, in the same way for every back end.

use geo_types::MultiPolygon;
use sha2::{Digest, Sha256};

use crate::boundary::Unit;
use crate::topology::update_with_geometry;

/// A hash over everything that makes a version of a unit: name, parent, properties, geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// Hashes a unit. The same rings give the same hash wherever they start and however polygons and holes are ordered.
    pub(super) fn of(unit: &Unit, geometry: &MultiPolygon<f64>) -> Self {
        let mut hash = Sha256::new();
        let properties = serde_json::to_vec(&unit.properties).expect("a map of JSON values is JSON");
        for field in [unit.name.as_bytes(), unit.parent.as_ref().map_or(&[][..], |p| p.as_str().as_bytes()), &properties] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
        update_with_geometry(&mut hash, geometry);
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use geo_types::polygon;
    use jiff::Timestamp;
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
}
