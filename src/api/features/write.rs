use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use geo::MapCoords;
use geo_types::{Coord, Geometry};
use jiff::Timestamp;
use serde_json::Value as Json;

use super::crs::WireCrs;
use super::source::Source;
use crate::api::caller::Caller;
use crate::api::links::{BaseUrl, encode, with_query};
use crate::api::tiles::TileShift;
use crate::boundary::{Position, Unit, Validity};
use crate::export::geojson::{write_any_geometry, write_member};
use crate::import::CrsError;
use crate::tile::LayerTiles;

/// How features are shown. The single feature is the one of the list, byte for byte.
#[derive(Clone, Debug)]
pub struct Look {
    pub base: BaseUrl,
    pub collection: String,
    /// What links repeat of the query, each pair behind an `&`.
    pub version: String,
    pub shift: Option<TileShift>,
    pub crs: Option<WireCrs>,
    /// Only these properties.
    pub properties: Option<Vec<String>>,
    pub skips_geometry: bool,
    /// Geometry as it is drawn at a zoom, where it is.
    pub zoom: Option<ZoomLevel>,
    /// The links of a feature around its id, which is twice in them; made when the first feature is written.
    pub link_pieces: OnceLock<[String; 3]>,
}

/// What is drawn of a layer at a zoom of the web's usual square.
#[derive(Clone)]
pub struct ZoomLevel {
    pub tiles: Arc<LayerTiles>,
    pub z: u8,
}

impl std::fmt::Debug for ZoomLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoomLevel").field("z", &self.z).finish_non_exhaustive()
    }
}

/// Why a feature cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error("the feature {id} cannot be given in this reference system")]
    Place {
        id: String,
        #[source]
        source: CrsError,
    },
    #[error("the answer cannot be written")]
    Out(#[from] io::Error),
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

impl Look {
    /// Writes one feature with its links.
    ///
    /// # Errors
    /// A position that the reference system cannot express.
    pub fn write(&self, source: &dyn Source, at: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
        if !(self.is_whole() && source.write_kept(at, out)) {
            self.write_parts(source, at, out)?;
        }
        self.write_links(&source.id(at), out);
        out.push(b'}');
        Ok(())
    }

    /// Writes one feature without links, as files hold it.
    ///
    /// # Errors
    /// A position that the reference system cannot express.
    pub fn write_bare(&self, source: &dyn Source, at: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
        // A file holds each feature once, so nothing is kept of it.
        if !(self.is_whole() && source.write_whole(at, out)) {
            self.write_parts(source, at, out)?;
        }
        out.push(b'}');
        Ok(())
    }

    /// Puts a feature together of its parts, up to where more members may follow.
    fn write_parts(&self, source: &dyn Source, at: usize, out: &mut Vec<u8>) -> Result<(), WriteError> {
        let id = source.id(at);
        out.write_all(b"{\"type\":\"Feature\",\"id\":")?;
        serde_json::to_writer(&mut *out, &*id).map_err(io::Error::from)?;
        out.write_all(b",\"properties\":{")?;
        for (number, (name, value)) in self.properties(source, at).enumerate() {
            if number > 0 {
                out.write_all(b",")?;
            }
            write_member(out, &name, &value)?;
        }
        out.write_all(b"},\"geometry\":")?;
        match self.geometry(source, at).map_err(|source| WriteError::Place { id: id.to_string(), source })? {
            Some(geometry) => write_any_geometry(out, &geometry)?,
            None => out.write_all(b"null")?,
        }
        let members = if self.properties.is_none() { source.members(at) } else { Vec::new() };
        let shift = self.shift.map(|shift| ("shift", shift.as_str().into()));
        for (name, value) in members.into_iter().chain(shift) {
            out.write_all(b",")?;
            write_member(out, name, &value)?;
        }
        Ok(())
    }

    /// Whether features are shown as they are stored.
    fn is_whole(&self) -> bool {
        let is_degrees = self.crs.as_ref().is_none_or(WireCrs::is_crs84);
        is_degrees && self.shift.is_none() && self.properties.is_none() && !self.skips_geometry && self.zoom.is_none()
    }

    /// Returns the properties that are shown of a feature.
    pub fn properties<'a>(&'a self, source: &'a dyn Source, at: usize) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, Json>)> {
        let is_shown = |name: &str| self.properties.as_ref().is_none_or(|wanted| wanted.iter().any(|wanted| wanted == name));
        source.properties(at).into_iter().filter(move |(name, _)| is_shown(name))
    }

    /// Returns the geometry as it is shown: moved, or in another reference system; none where it is left out.
    ///
    /// # Errors
    /// A position that the reference system cannot express.
    pub fn geometry(&self, source: &dyn Source, at: usize) -> Result<Option<Geometry<f64>>, CrsError> {
        self.placed(source, at, WireCrs::to_wire)
    }

    /// Returns the geometry as files have it, easting or longitude first.
    ///
    /// # Errors
    /// A position that the reference system cannot express.
    pub fn plane_geometry(&self, source: &dyn Source, at: usize) -> Result<Option<Geometry<f64>>, CrsError> {
        self.placed(source, at, WireCrs::to_plane)
    }

    fn placed(
        &self,
        source: &dyn Source,
        at: usize,
        place: fn(&WireCrs, Coord<f64>) -> Result<Coord<f64>, CrsError>,
    ) -> Result<Option<Geometry<f64>>, CrsError> {
        if self.skips_geometry {
            return Ok(None);
        }
        let coarse = self.zoom.as_ref().and_then(|zoom| source.generalised(at, zoom));
        let Some(geometry) = coarse.or_else(|| source.geometry(at)) else { return Ok(None) };
        if let Some(shift) = self.shift {
            return Ok(Some(geometry.map_coords(|coord| moved(coord, shift))));
        }
        match self.crs.as_ref().filter(|crs| !crs.is_crs84()) {
            Some(crs) => geometry.try_map_coords(|coord| place(crs, coord)).map(Some),
            None => Ok(Some(geometry)),
        }
    }

    /// Returns the path of a feature.
    pub fn path(&self, id: &str) -> String {
        format!("/collections/{}/items/{}", encode(&self.collection), encode(id))
    }

    /// Writes the member with the links of a feature. All of a page have the same but for the id.
    fn write_links(&self, id: &str, out: &mut Vec<u8>) {
        let [before_self, before_alternate, after] = self.link_pieces.get_or_init(|| self.make_link_pieces());
        let id = encode(id);
        // The parts of a text of JSON, of which the id is a part that needs no escapes once it is part of an address.
        for part in [before_self.as_str(), &id, before_alternate, &id, after] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    fn make_link_pieces(&self) -> [String; 3] {
        let (look, version) = (self.to_pairs(), &self.version);
        let collection = format!("/collections/{}", encode(&self.collection));
        let escaped = |text: &str| {
            let json = Json::from(text).to_string();
            json[1..json.len() - 1].to_owned()
        };
        let items = escaped(&self.base.to(&format!("{collection}/items/")));
        let tail = |form: &str| escaped(&format!("?f={form}{look}{version}"));
        let whole = escaped(&self.base.to(&with_query(&collection, version)));
        [
            format!(",\"links\":[{{\"href\":\"{items}"),
            format!("{}\",\"rel\":\"self\",\"type\":\"application/geo+json\"}},{{\"href\":\"{items}", tail("json")),
            format!(
                "{}\",\"rel\":\"alternate\",\"type\":\"text/html\"}},{{\"href\":\"{whole}\",\"rel\":\"collection\",\"type\":\"application/json\"}}]",
                tail("html")
            ),
        ]
    }

    /// Returns what of the look stands in an address, each pair behind an `&`.
    pub fn to_pairs(&self) -> String {
        let shift = self.shift.map(|shift| format!("&shift={}", shift.as_str())).unwrap_or_default();
        let crs = self.crs.as_ref().map(|crs| format!("&crs={}", encode(&crs.uri()))).unwrap_or_default();
        shift + &crs
    }
}

fn moved(coord: Coord<f64>, shift: TileShift) -> Coord<f64> {
    shift.apply(Position { lon: coord.x, lat: coord.y }).into()
}
