use std::ops::RangeInclusive;

use rayon::prelude::*;
use serde_json::{Map, Value, json};

use super::hilbert::HilbertTiles;
use crate::tile::{Coding, LayerTiles, Matrix, TileAddress, TileChoice, TileField, TileTooLarge, Wanted, zoom_to_see};

/// Tiles that are drawn at once before they are written: enough that no core waits for the others at the end of a batch, and at a
/// few hundred kilobytes for the largest tiles still little memory.
const BATCH: usize = 512;

/// All tiles of some zooms of a layer, for a file.
#[derive(Debug)]
pub struct Pyramid<'a> {
    pub tiles: &'a LayerTiles,
    pub zooms: RangeInclusive<u8>,
    pub choice: &'a TileChoice,
    pub about: &'a About,
}

/// What a file of tiles says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    pub name: String,
    pub description: String,
    /// Plain text; it must stand on every map.
    pub attribution: String,
    /// The generation that is drawn.
    pub version: String,
}

/// Why tiles could not be written to a file.
#[derive(Debug, thiserror::Error)]
pub enum PyramidError<E: std::error::Error + 'static> {
    #[error("cannot make a tile")]
    Tile(#[from] TileTooLarge),
    #[error("cannot write the file of tiles")]
    Write(#[source] E),
}

impl Pyramid<'_> {
    /// Returns west, south, east and north, degrees; none where nothing is drawn.
    pub fn bounds(&self) -> Option<[f64; 4]> {
        self.tiles.bounds()
    }

    /// Returns how many addresses are looked at.
    pub fn count(&self) -> u64 {
        let of_zoom = |bounds, z| Matrix::Mercator.tiles_around(bounds, z).count();
        self.bounds().map_or(0, |bounds| self.zooms.clone().map(|z| of_zoom(bounds, z)).sum())
    }

    /// Draws all tiles on all cores and hands those that hold something to `add`, packed by gzip, in the order of PMTiles.
    /// `seen` is told how many addresses are done with.
    ///
    /// # Errors
    /// A tile that cannot be written, and the first that `add` fails with.
    pub fn write<E: std::error::Error + Send + 'static>(
        &self,
        mut add: impl FnMut(TileAddress, &[u8]) -> Result<(), E>,
        seen: impl Fn(u64),
    ) -> Result<(), PyramidError<E>> {
        let Some(bounds) = self.bounds() else { return Ok(()) };
        let draw = |address: &TileAddress| {
            let plain = self.tiles.tile_of(*address, Wanted::of(self.choice, None))?;
            Ok::<_, PyramidError<E>>(plain.map(|plain| Coding::Gzip.pack(plain)))
        };
        for z in self.zooms.clone() {
            self.tiles.prepare(z);
            let mut addresses = HilbertTiles::new(z, Matrix::Mercator.tiles_around(bounds, z));
            loop {
                let batch: Vec<TileAddress> = addresses.by_ref().take(BATCH).collect();
                if batch.is_empty() {
                    break;
                }
                let packed: Vec<Option<Vec<u8>>> = batch.par_iter().map(draw).collect::<Result<_, _>>()?;
                for (address, packed) in batch.iter().zip(&packed) {
                    if let Some(packed) = packed {
                        add(*address, packed).map_err(PyramidError::Write)?;
                    }
                }
                seen(batch.len() as u64);
            }
        }
        Ok(())
    }

    /// Returns the layers of the tiles and their fields, as TileJSON 3.0 has them.
    pub fn vector_layers(&self) -> Value {
        let (first, last) = (*self.zooms.start(), *self.zooms.end());
        let layers = self.tiles.vector_layers(self.choice).into_iter();
        let layers = layers.filter(|layer| layer.min_zoom <= last && layer.max_zoom >= first);
        let layers = layers.map(|layer| {
            let wanted = layer.fields.iter();
            let kind = |field: &TileField| if *field == TileField::Depth { "Number" } else { "String" };
            let fields: Map<String, Value> = wanted.map(|field| (field.as_str().to_owned(), kind(field).into())).collect();
            json!({ "id": layer.id, "fields": fields, "minzoom": layer.min_zoom.max(first), "maxzoom": layer.max_zoom.min(last) })
        });
        layers.collect()
    }

    /// Returns the middle and a zoom at which all of it is seen; none where nothing is drawn.
    pub fn center(&self) -> Option<(f64, f64, u8)> {
        let [west, south, east, north] = self.bounds()?;
        let zoom = zoom_to_see(east - west, self.zooms.clone());
        Some((f64::midpoint(west, east), f64::midpoint(south, north), zoom))
    }

    /// Returns the rows of the table `metadata` of MBTiles 1.3.
    pub fn mbtiles_metadata(&self) -> Vec<(&'static str, String)> {
        let about = self.about;
        let mut rows = vec![
            ("name", about.name.clone()),
            ("format", "pbf".to_owned()),
            ("minzoom", self.zooms.start().to_string()),
            ("maxzoom", self.zooms.end().to_string()),
            ("type", "overlay".to_owned()),
            ("version", about.version.clone()),
            ("description", about.description.clone()),
            ("json", json!({ "vector_layers": self.vector_layers() }).to_string()),
        ];
        if let (Some([west, south, east, north]), Some((lon, lat, zoom))) = (self.bounds(), self.center()) {
            rows.push(("bounds", format!("{west},{south},{east},{north}")));
            rows.push(("center", format!("{lon},{lat},{zoom}")));
        }
        if !about.attribution.is_empty() {
            rows.push(("attribution", about.attribution.clone()));
        }
        rows
    }
}
