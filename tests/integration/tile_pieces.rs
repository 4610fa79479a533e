//! Writes tiles, and the units from which they were cut, for `tests/tiles_coverage.py`, which says what the records are.

use std::collections::BTreeSet;
use std::io::{self, Write};

use geo_types::Coord;
use gridkeeper::boundary::Position;
use gridkeeper::import::{wgs84_to_bd09, wgs84_to_gcj02};
use gridkeeper::tile::{LayerTiles, Matrix, TileAddress, TileLayers};
use gridkeeper::topology::ValidCoverage;

/// Moves a position, in degrees.
type Shift = fn(Coord<f64>) -> Coord<f64>;

/// How tiles are laid out: in which matrix, and moved by which formula.
#[derive(Clone, Copy)]
pub struct Laid {
    pub matrix: Matrix,
    shift: Option<Shift>,
}

impl Laid {
    /// All that the service offers, by the names under which it does.
    pub const NAMES: [&str; 4] = ["mercator", "geographic", "gcj02", "bd09"];

    pub fn find(name: &str) -> Option<Self> {
        let (matrix, shift): (_, Option<Shift>) = match name {
            "mercator" => (Matrix::Mercator, None),
            "geographic" => (Matrix::Geographic, None),
            "gcj02" => (Matrix::Mercator, Some(wgs84_to_gcj02)),
            "bd09" => (Matrix::Mercator, Some(wgs84_to_bd09)),
            _ => return None,
        };
        Some(Self { matrix, shift })
    }

    pub fn tiles(self, coverage: std::sync::Arc<ValidCoverage>, layers: &TileLayers) -> LayerTiles {
        let tiles = match self.shift {
            None => LayerTiles::build(coverage, layers),
            Some(shift) => {
                let apply = move |position: Position| {
                    let moved = shift(position.into());
                    Position { lon: moved.x, lat: moved.y }
                };
                LayerTiles::build_shifted(coverage, layers, Box::new(apply))
            }
        };
        tiles.in_matrix(self.matrix)
    }

    /// Returns where a position lies, the side of the tile of zoom 0 being 1.
    fn world(self, c: Coord<f64>) -> Coord<f64> {
        self.matrix.to_world(self.shift.map_or(c, |shift| shift(c)))
    }
}

/// Writes all tiles of some zooms, and where `with_units` also the rounded units of each level drawn there.
pub fn write_pieces(
    tiles: &LayerTiles,
    coverage: &ValidCoverage,
    laid: Laid,
    zooms: impl IntoIterator<Item = u8>,
    with_units: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut write = |head: serde_json::Value, body: &[u8]| {
        let mut head = head;
        head["bytes"] = body.len().into();
        writeln!(out, "{head}")?;
        out.write_all(body)
    };
    write(serde_json::json!({ "gaps": coverage.accepted().gap || coverage.accepted().nesting }), &[])?;
    for (depth, level) in coverage.levels().iter().enumerate().filter(|_| with_units) {
        let body = serde_json::to_vec(&rim(coverage, depth, laid)).map_err(io::Error::other)?;
        write(serde_json::json!({ "rim": coverage.layer().collection_id(level.level()) }), &body)?;
    }
    for z in zooms {
        for address in addresses(coverage, z, laid) {
            if let Some(bytes) = tiles.tile(address).map_err(io::Error::other)? {
                write(serde_json::json!({ "tile": [address.z(), address.x(), address.y()] }), &bytes)?;
            }
        }
        for (depth, level) in coverage.levels().iter().enumerate().filter(|_| with_units) {
            let id = coverage.layer().collection_id(level.level());
            for unit in level.indices() {
                let Some(rings) = tiles.rounded(depth, unit, z) else { continue };
                let body = serde_json::to_vec(&rings).map_err(io::Error::other)?;
                write(serde_json::json!({ "unit": [z, id, tiles.feature_id(depth, unit)] }), &body)?;
            }
        }
    }
    Ok(())
}

/// The lines of a level with a unit on one side alone, as they are before anything is simplified or rounded, in parts of the world's side.
fn rim(coverage: &ValidCoverage, depth: usize, laid: Laid) -> Vec<Vec<[f64; 2]>> {
    let arcs = coverage.arcs();
    let is_rim = |arc: &_| {
        let sides = arcs.sides(*arc, depth);
        sides.left.is_some() != sides.right.is_some()
    };
    let world = |c: &Coord<f64>| {
        let world = laid.world(*c);
        [world.x, world.y]
    };
    arcs.ids().filter(is_rim).map(|arc| arcs.coords(arc).iter().map(world).collect()).collect()
}

/// The tiles that any unit meets or comes near to: those within the rectangles of the arcs, and a tile around each.
fn addresses(coverage: &ValidCoverage, z: u8, laid: Laid) -> Vec<TileAddress> {
    let size = f64::from(1_u32 << z);
    let tile = |c: Coord<f64>| laid.world(c) * size;
    let mut found = BTreeSet::new();
    for depth in 0..coverage.levels().len() {
        for unit in coverage.levels()[depth].indices() {
            let geometry = coverage.to_geometry(depth, unit);
            let Some(bounds) = geo::BoundingRect::bounding_rect(&geometry) else { continue };
            let (a, b) = (tile(bounds.min()), tile(bounds.max()));
            // Half a tile is more than the buffer.
            for x in (a.x - 0.5).max(0.0) as u32..=(b.x + 0.5) as u32 {
                for y in (b.y - 0.5).max(0.0) as u32..=(a.y + 0.5) as u32 {
                    found.extend(TileAddress::within(laid.matrix, z, x, y).map(|address| (address.x(), address.y())));
                }
            }
        }
    }
    found.into_iter().filter_map(|(x, y)| TileAddress::within(laid.matrix, z, x, y)).collect()
}
