use std::io;

use geo::MapCoords;
use geo_types::{Coord, MultiPolygon};
use serde_json::{Value, json};

use crate::api::links::{BaseUrl, with_query};
use crate::api::tiles::TileShift;
use crate::boundary::{Position, Unit};
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
        write_feature(out, unit, &geometry, &members)
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
