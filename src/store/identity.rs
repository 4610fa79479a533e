//! Decides whether a unit is what it was, in the same way for every back end.

use sha2::{Digest, Sha256};

use crate::boundary::Unit;
use crate::topology::GeometryDigest;

/// A hash over everything that makes a version of a unit: name, parent, properties, geometry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(pub(super) [u8; 32]);

impl Fingerprint {
    /// Hashes a unit, whose geometry was hashed before.
    pub(super) fn of(unit: &Unit, geometry: GeometryDigest) -> Self {
        let mut hash = Sha256::new();
        let properties = serde_json::to_vec(&unit.properties).expect("a map of JSON values is JSON");
        for field in [unit.name.as_bytes(), unit.parent.as_ref().map_or(&[][..], |p| p.as_str().as_bytes()), &properties] {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
        hash.update(geometry.0);
        Self(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use geo_types::{MultiPolygon, polygon};
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
        let print = |name: &str, geometry: &MultiPolygon<f64>| Fingerprint::of(&unit(name), GeometryDigest::of(geometry));
        assert_eq!(print("a", &a), print("a", &turned));
        assert_ne!(print("a", &a), print("a", &moved));
        assert_ne!(print("a", &a), print("b", &a));
    }
}
