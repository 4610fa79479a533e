use std::io;

use geo::MapCoords;
use geo_types::{Coord, MultiPolygon};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::api::caller::Caller;
use crate::api::links::{BaseUrl, with_query};
use crate::api::tiles::TileShift;
use crate::boundary::{Position, Unit, Validity};
use crate::export::geojson::write_feature;
use crate::snapshot::LayerSnapshot;
use crate::topology::UnitIndex;

/// Writes units of one level as features. The single feature is the one of the list, byte for byte.
#[derive(Clone, Copy, Debug)]
pub struct UnitWriter<'a> {
    pub layer: &'a LayerSnapshot,
    pub depth: usize,
    pub collection: &'a str,
    pub base: &'a BaseUrl,
    pub shift: Option<TileShift>,
    /// What links repeat of the query, each pair behind an `&`.
    pub version: &'a str,
    pub ends: Ends,
}

/// Which ends of units a caller is told of: one that lies ahead is a plan, and plans are the planners'.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    now: Timestamp,
    sees_plans: bool,
}

impl Ends {
    pub fn seen_by(caller: &Caller, now: Timestamp) -> Self {
        Self { now, sees_plans: caller.sees_plans() }
    }

    /// Returns when a unit holds, as far as the caller may know.
    pub fn seen_of(self, unit: &Unit) -> Validity {
        let to = unit.validity.to.filter(|to| self.sees_plans || *to <= self.now);
        Validity { to, ..unit.validity }
    }

    /// Whether what is told of a unit depends on who asks.
    pub fn is_private(self, unit: &Unit) -> bool {
        unit.validity.to.is_some_and(|to| to > self.now)
    }
}

impl UnitWriter<'_> {
    /// Writes one feature with its links.
    ///
    /// # Errors
    /// Whatever `out` fails with.
    pub fn write(&self, index: UnitIndex, out: &mut Vec<u8>) -> io::Result<()> {
        let unit = self.layer.coverage().levels()[self.depth].unit(index);
        let geometry = self.layer.coverage().to_geometry(self.depth, index);
        let mut members = vec![("links", self.links(unit))];
        let geometry = match self.shift {
            None => geometry,
            Some(shift) => {
                members.push(("shift", shift.as_str().into()));
                move_by(&geometry, shift)
            }
        };
        let validity = self.ends.seen_of(unit);
        if validity == unit.validity {
            return write_feature(out, unit, &geometry, &members);
        }
        write_feature(out, &Unit { validity, ..Unit::clone(unit) }, &geometry, &members)
    }

    fn links(&self, unit: &Unit) -> Value {
        let path = format!("/collections/{}/items/{}", self.collection, unit.id);
        let shift = self.shift.map(|shift| format!("&shift={}", shift.as_str())).unwrap_or_default();
        let (version, collection) = (self.version, format!("/collections/{}", self.collection));
        json!([
            { "href": self.base.to(&format!("{path}?f=json{shift}{version}")), "rel": "self", "type": "application/geo+json" },
            { "href": self.base.to(&format!("{path}?f=html{shift}{version}")), "rel": "alternate", "type": "text/html" },
            { "href": self.base.to(&with_query(&collection, version)), "rel": "collection", "type": "application/json" },
        ])
    }
}

fn move_by(geometry: &MultiPolygon<f64>, shift: TileShift) -> MultiPolygon<f64> {
    geometry.map_coords(|coord| {
        let moved = shift.apply(Position { lon: coord.x, lat: coord.y });
        Coord { x: moved.lon, y: moved.lat }
    })
}
