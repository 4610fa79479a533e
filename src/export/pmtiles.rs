use std::io::{Seek, Write};

use pmtiles::{Compression, PmTilesWriter, PmtError, TileCoord, TileType};
use serde_json::json;

use super::pyramid::{Pyramid, PyramidError};
use crate::tile::TileAddress;

/// Writes all tiles of a pyramid as PMTiles, version 3: clustered, each content once, runs of the same one together.
///
/// Tiles go out as they are made; only the directory is kept until the end, some 60 bytes for each tile.
///
/// # Errors
/// A tile that cannot be made, and those of writing.
pub fn write_pmtiles(pyramid: &Pyramid<'_>, out: impl Write + Seek, seen: impl Fn(u64)) -> Result<(), PyramidError<PmtError>> {
    let about = pyramid.about;
    let mut metadata = json!({
        "name": about.name,
        "description": about.description,
        "version": about.version,
        "type": "overlay",
        "format": "pbf",
        "vector_layers": pyramid.vector_layers(),
    });
    if !about.attribution.is_empty() {
        metadata["attribution"] = about.attribution.as_str().into();
    }
    let mut writer = PmTilesWriter::new(TileType::Mvt)
        .precompressed(Compression::Gzip)
        .min_zoom(*pyramid.zooms.start())
        .max_zoom(*pyramid.zooms.end())
        .metadata(metadata.to_string());
    if let (Some([west, south, east, north]), Some((lon, lat, zoom))) = (pyramid.bounds(), pyramid.center()) {
        writer = writer.bounds(west, south, east, north).center(lon, lat).center_zoom(zoom);
    }
    let mut writer = writer.create(out).map_err(PyramidError::Write)?;
    let add = |address: TileAddress, packed: &[u8]| writer.add_tile(TileCoord::new(address.z(), address.x(), address.y())?, packed);
    pyramid.write(add, seen)?;
    writer.finalize().map_err(PyramidError::Write)
}
