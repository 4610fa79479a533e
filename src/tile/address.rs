use std::ops::RangeInclusive;

use geo_types::Coord;

/// The coordinates of a tile run from 0 to this along each side.
pub(super) const EXTENT: i32 = 4096;

/// How far beyond its edges a tile still carries geometry, so that borders drawn with a width are not cut off.
pub(super) const BUFFER: i32 = 64;

/// The highest zoom whose grid fits 32 bits with room for sums of two: 2^17 tiles of 4,096 units.
pub const ZOOM_MAX: u8 = 17;

/// The latitude at which the square Mercator world ends, degrees.
const LAT_MAX_DEG: f64 = 85.051_128_779_806_59;

/// How the world is laid out in tiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// The spherical Mercator square, one tile at zoom 0, as `WebMercatorQuad` has it.
    #[default]
    Mercator,
    /// Degrees as they are, two tiles side by side at zoom 0, as `WorldCRS84Quad` has it.
    ///
    /// A tile of zoom z has the width of a Mercator tile of zoom z + 1, so all that is drawn from some zoom on is drawn
    /// one zoom earlier here.
    Geographic,
}

impl Matrix {
    /// Returns the columns of a zoom, of which none is above [`ZOOM_MAX`].
    pub fn columns(self, z: u8) -> u32 {
        match self {
            Self::Mercator => 1 << z,
            Self::Geographic => 2 << z,
        }
    }

    /// Returns the rows of a zoom, of which none is above [`ZOOM_MAX`].
    pub fn rows(self, z: u8) -> u32 {
        1 << z
    }

    /// Returns the zoom at which tiles are as wide as those of the Mercator square's zoom `z`, or 0.
    pub fn zoom_as_wide(self, z: u8) -> u8 {
        match self {
            Self::Mercator => z,
            Self::Geographic => z.saturating_sub(1),
        }
    }

    /// Projects degrees to units of one tile of zoom 0: x from 0 in the west, y from 0 in the north to 1.
    ///
    /// Latitudes that the matrix does not reach fall on its rim.
    pub fn to_world(self, position: Coord<f64>) -> Coord<f64> {
        match self {
            Self::Mercator => to_world(position),
            Self::Geographic => Coord { x: (position.x + 180.0) / 180.0, y: (90.0 - position.y.clamp(-90.0, 90.0)) / 180.0 },
        }
    }

    /// Returns the tiles of a zoom that can hold something of what lies between west, south, east and north, degrees: those that
    /// meet it, and those that carry it only beyond their edges.
    pub fn tiles_around(self, [west, south, east, north]: [f64; 4], z: u8) -> TileRange {
        let size = f64::from(1_u32 << z);
        // Rounding to the grid may move a border by one unit.
        let reach = f64::from(BUFFER + 1) / f64::from(EXTENT);
        let [low, high] = [Coord { x: west, y: north }, Coord { x: east, y: south }].map(|corner| self.to_world(corner) * size);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "what lies outside is brought to the rim")]
        let place = |at: f64, count: u32| (at.max(0.0) as u32).min(count - 1);
        TileRange {
            columns: [place(low.x - reach, self.columns(z)), place(high.x + reach, self.columns(z))],
            rows: [place(low.y - reach, self.rows(z)), place(high.y + reach, self.rows(z))],
        }
    }
}

/// A rectangle of tiles of one zoom, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileRange {
    pub columns: [u32; 2],
    pub rows: [u32; 2],
}

impl TileRange {
    /// Returns how many tiles there are.
    pub fn count(self) -> u64 {
        let along = |[first, last]: [u32; 2]| u64::from(last - first) + 1;
        along(self.columns) * along(self.rows)
    }

    /// Whether it lies wholly or in part in the square of tiles that a coarser tile covers, `zooms` zooms up.
    pub fn meets(self, x: u32, y: u32, zooms: u8) -> bool {
        let within = |[first, last]: [u32; 2], at: u32| (first >> zooms..=last >> zooms).contains(&at);
        within(self.columns, x) && within(self.rows, y)
    }
}

/// A tile of a matrix: zoom, column from the west, row from the north.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TileAddress {
    z: u8,
    x: u32,
    y: u32,
}

impl TileAddress {
    /// Makes an address in the Mercator square; none where the zoom is above [`ZOOM_MAX`] or the tile lies outside the world.
    pub fn new(z: u8, x: u32, y: u32) -> Option<Self> {
        Self::within(Matrix::Mercator, z, x, y)
    }

    /// Makes an address in a matrix; none where its grid would not fit 32 bits or the tile lies outside the world.
    pub fn within(matrix: Matrix, z: u8, x: u32, y: u32) -> Option<Self> {
        (z <= matrix.zoom_as_wide(ZOOM_MAX) && x < matrix.columns(z) && y < matrix.rows(z)).then_some(Self { z, x, y })
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

/// Returns the units of a zoom's grid from north to south.
pub(super) fn grid_size(z: u8) -> f64 {
    f64::from(EXTENT) * f64::from(1_u32 << z)
}

/// Returns the first of some zooms at which something `width_deg` wide fills about two tiles, or the last of them.
pub fn zoom_to_see(width_deg: f64, zooms: RangeInclusive<u8>) -> u8 {
    let last = *zooms.end();
    zooms.into_iter().find(|z| width_deg * f64::from(1_u32 << z) >= 360.0).unwrap_or(last)
}

/// Projects degrees to the spherical Mercator square: x from 0 in the west to 1, y from 0 in the north to 1.
///
/// Latitudes beyond 85.05° fall on its rim.
pub fn to_world(position: Coord<f64>) -> Coord<f64> {
    let lat = position.y.clamp(-LAT_MAX_DEG, LAT_MAX_DEG).to_radians();
    Coord { x: position.x / 360.0 + 0.5, y: 0.5 - lat.tan().asinh() / std::f64::consts::TAU }
}

/// Brings a place of the Mercator square back to degrees.
pub(super) fn from_world(world: Coord<f64>) -> Coord<f64> {
    Coord { x: (world.x - 0.5) * 360.0, y: ((0.5 - world.y) * std::f64::consts::TAU).sinh().atan().to_degrees() }
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

    #[test]
    fn a_district_of_half_a_degree_opens_at_zoom_10() {
        assert_eq!(zoom_to_see(0.5, 0..=16), 10);
        assert_eq!(zoom_to_see(0.5, 12..=16), 12);
        assert_eq!(zoom_to_see(360.0, 0..=16), 0);
        assert_eq!(zoom_to_see(0.0, 0..=16), 16);
    }

    #[test]
    fn degrees_lie_in_two_squares_side_by_side() {
        for (lon, lat, x, y) in [(-180.0, 90.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.5), (180.0, -91.0, 2.0, 1.0)] {
            assert_eq!(Matrix::Geographic.to_world(Coord { x: lon, y: lat }), Coord { x, y }, "{lon} {lat}");
        }
        assert!(TileAddress::within(Matrix::Geographic, 0, 1, 0).is_some());
        for (z, x, y) in [(0, 2, 0), (0, 0, 1), (3, 16, 0), (17, 0, 0)] {
            assert_eq!(TileAddress::within(Matrix::Geographic, z, x, y), None, "{z}/{x}/{y}");
        }
    }

    #[test]
    fn tiles_around_a_box_are_those_that_can_hold_it() {
        let around = |bounds| Matrix::Mercator.tiles_around(bounds, 3);
        assert_eq!(around([-180.0, -90.0, 180.0, 90.0]), TileRange { columns: [0, 7], rows: [0, 7] });
        // 45 degrees are one tile; a border on an edge lies in the buffers of both.
        assert_eq!(around([1.0, 1.0, 44.0, 39.0]), TileRange { columns: [4, 4], rows: [3, 3] });
        assert_eq!(around([0.0, 1.0, 45.0, 39.0]), TileRange { columns: [3, 5], rows: [3, 3] });
        assert_eq!(Matrix::Geographic.tiles_around([111.0, 25.9, 112.0, 26.1], 1), TileRange { columns: [3, 3], rows: [0, 0] });
        let range = TileRange { columns: [12, 13], rows: [5, 5] };
        assert!(range.count() == 2 && range.meets(3, 1, 2) && !range.meets(2, 1, 2) && range.meets(12, 5, 0));
    }
}
