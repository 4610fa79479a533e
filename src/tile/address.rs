use geo_types::Coord;

/// The coordinates of a tile run from 0 to this along each side.
pub(super) const EXTENT: i32 = 4096;

/// How far beyond its edges a tile still carries geometry, so that borders drawn with a width are not cut off.
pub(super) const BUFFER: i32 = 64;

/// The highest zoom whose grid fits 32 bits with room for sums of two: 2^17 tiles of 4,096 units.
pub const ZOOM_MAX: u8 = 17;

/// The latitude at which the square Mercator world ends, degrees.
const LAT_MAX_DEG: f64 = 85.051_128_779_806_59;

/// A tile of the `WebMercatorQuad` matrix set: zoom, column from the west, row from the north.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileAddress {
    z: u8,
    x: u32,
    y: u32,
}

impl TileAddress {
    /// Makes an address; none where the zoom is above [`ZOOM_MAX`] or the tile lies outside the world.
    pub fn new(z: u8, x: u32, y: u32) -> Option<Self> {
        (z <= ZOOM_MAX && x < 1 << z && y < 1 << z).then_some(Self { z, x, y })
    }

    pub fn z(self) -> u8 {
        self.z
    }

    pub fn x(self) -> u32 {
        self.x
    }

    pub fn y(self) -> u32 {
        self.y
    }

    /// Returns the north-west corner on the grid of its zoom.
    pub(super) fn origin(self) -> [i32; 2] {
        [self.x, self.y].map(|at| i32::try_from(at).expect("2^17 tiles of 2^12 units fit 32 bits") * EXTENT)
    }
}

/// Returns the units of a zoom's grid along one side of the world.
pub(super) fn grid_size(z: u8) -> f64 {
    f64::from(EXTENT) * f64::from(1_u32 << z)
}

/// Projects degrees to the spherical Mercator square: x from 0 in the west to 1, y from 0 in the north to 1.
///
/// Latitudes beyond 85.05° fall on its rim.
pub fn to_world(position: Coord<f64>) -> Coord<f64> {
    let lat = position.y.clamp(-LAT_MAX_DEG, LAT_MAX_DEG).to_radians();
    Coord { x: position.x / 360.0 + 0.5, y: 0.5 - lat.tan().asinh() / std::f64::consts::TAU }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_is_a_square_with_its_origin_in_the_north_west() {
        for (lon, lat, x, y) in [(-180.0, 86.0, 0.0, 0.0), (0.0, 0.0, 0.5, 0.5), (180.0, -86.0, 1.0, 1.0)] {
            let world = to_world(Coord { x: lon, y: lat });
            assert!((world.x - x).abs() < 1e-12 && (world.y - y).abs() < 1e-12, "{lon} {lat}: {world:?}");
        }
    }

    #[test]
    fn an_address_lies_in_the_world() {
        assert!(TileAddress::new(0, 0, 0).is_some());
        assert!(TileAddress::new(2, 3, 3).is_some());
        for (z, x, y) in [(0, 1, 0), (2, 4, 0), (2, 0, 4), (18, 0, 0), (255, 0, 0)] {
            assert_eq!(TileAddress::new(z, x, y), None, "{z}/{x}/{y}");
        }
    }
}
