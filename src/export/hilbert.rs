use pmtiles::{TileCoord, TileId};

use crate::tile::{TileAddress, TileRange};

/// The tiles of a rectangle of one zoom in the order of their Hilbert numbers, which is the order of PMTiles.
///
/// The numbers of a tile's four children follow each other in its place, so squares that miss the rectangle are passed over
/// whole, and no list of the tiles is kept.
#[derive(Debug)]
pub struct HilbertTiles {
    z: u8,
    range: TileRange,
    /// Zoom and number of what is still to be looked at, next last: at most three squares for each zoom.
    ahead: Vec<(u8, u64)>,
}

impl HilbertTiles {
    pub fn new(z: u8, range: TileRange) -> Self {
        Self { z, range, ahead: vec![(0, 0)] }
    }
}

impl Iterator for HilbertTiles {
    type Item = TileAddress;

    fn next(&mut self) -> Option<TileAddress> {
        while let Some((z, number)) = self.ahead.pop() {
            let coord = TileCoord::from(TileId::new(first_id(z) + number).ok()?);
            if !self.range.meets(coord.x(), coord.y(), self.z - z) {
                continue;
            }
            if z == self.z {
                return TileAddress::new(z, coord.x(), coord.y());
            }
            self.ahead.extend((0..4).rev().map(|child| (z + 1, 4 * number + child)));
        }
        None
    }
}

/// Returns the id of the first tile of a zoom: all tiles of the zooms before it are counted.
fn first_id(z: u8) -> u64 {
    ((1 << (2 * u32::from(z))) - 1) / 3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tile_of_a_rectangle_comes_once_and_in_order() {
        for (z, columns, rows) in [(0, [0, 0], [0, 0]), (1, [0, 1], [0, 1]), (5, [3, 17], [9, 30]), (13, [6634, 6670], [3470, 3477])] {
            let range = TileRange { columns, rows };
            let tiles: Vec<TileAddress> = HilbertTiles::new(z, range).collect();
            assert_eq!(tiles.len() as u64, range.count());
            let ids: Vec<u64> =
                tiles.iter().map(|tile| TileId::from(TileCoord::new(tile.z(), tile.x(), tile.y()).unwrap()).value()).collect();
            assert!(ids.is_sorted_by(|a, b| a < b), "{z}: {ids:?}");
            let within = |at: u32, [first, last]: [u32; 2]| (first..=last).contains(&at);
            assert!(tiles.iter().all(|tile| within(tile.x(), columns) && within(tile.y(), rows)));
        }
    }
}
